/* `openapi`: the description of the HTTP interface, without a server. */
#include "server/openapi.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "server/routes.h"

static enum cs_exit run(const struct cs_args *args)
{
    struct cs_buf text;
    struct cs_routes *routes = NULL;
    (void)args;
    enum cs_err err = cs_routes_new(cs_app_routes, NULL, &routes);
    if (err != CS_OK)
        return cs_output_fail(CS_EXIT_FAILED, "the route table is wrong");
    cs_buf_init(&text, CS_OUTPUT_MAX);
    cs_openapi_json(routes, &text);
    cs_buf_put_char(&text, '\n');
    enum cs_exit code = cs_output_write(&text);
    cs_buf_free(&text);
    cs_routes_free(&routes);
    return code;
}

const struct cs_command cs_openapi_command = {
    .name = "openapi",
    .summary = "Print the OpenAPI description of the HTTP interface",
    .run = run,
};
