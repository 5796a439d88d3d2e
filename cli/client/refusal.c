#include "cli/client/refusal.h"

#include <jansson.h>
#include <string.h>

#include "base/array.h"
#include "cli/output.h"

#define REPORT_MAX 16384

static const struct {
    unsigned status;
    enum cs_exit code;
} exits[] = {
    {400, CS_EXIT_USAGE},       {401, CS_EXIT_DENIED},      {403, CS_EXIT_DENIED},
    {404, CS_EXIT_NOT_FOUND},   {409, CS_EXIT_CONFLICT},    {410, CS_EXIT_CONFLICT},
    {412, CS_EXIT_CONFLICT},    {413, CS_EXIT_USAGE},       {422, CS_EXIT_REFUSED},
    {428, CS_EXIT_CONFLICT},    {429, CS_EXIT_UNREACHABLE}, {502, CS_EXIT_UNREACHABLE},
    {503, CS_EXIT_UNREACHABLE}, {504, CS_EXIT_UNREACHABLE}, {507, CS_EXIT_UNREACHABLE},
};

enum cs_exit cs_refusal_exit(unsigned status)
{
    for (size_t i = 0; i < CS_COUNT(exits); i++)
        if (exits[i].status == status)
            return exits[i].code;
    return CS_EXIT_FAILED;
}

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text == NULL ? "" : text;
}

/* Escaped here already, with its line ends: a text can not forge a line of the report. */
static void put(struct cs_buf *out, const char *before, const char *text, const char *after)
{
    cs_buf_put_str(out, before);
    cs_output_escape(out, cs_slice_str(text));
    cs_buf_put_str(out, after);
}

/* What to do about a refusal, in words of the command line: servers speak of HTTP. */
static const struct {
    const char *code;
    const char *advice;
} advices[] = {
    {"unauthenticated", "Sign in with “countersign login”, or set COUNTERSIGN_TOKEN."},
    {"approval_required", "Ask for one with “countersign request create”."},
    {"unknown_scope", "“countersign policy show” has those there are."},
    {"unknown_bundle", "“countersign policy show” has those there are."},
};

static void put_advice(struct cs_buf *out, const char *code)
{
    for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
        if (strcmp(advices[i].code, code) == 0)
            cs_buf_printf(out, "\n  %s", advices[i].advice);
}

/* The option that gave the member of the body that a pointer begins with, or NULL. */
static const struct cs_option *option_of(const struct cs_command *command, const char *pointer)
{
    struct cs_option_cursor cursor = {0};
    const struct cs_option *option = NULL;
    size_t len = pointer[0] == '/' ? strcspn(pointer + 1, "/") : 0;
    while (command != NULL && (option = cs_command_next_option(command, &cursor)) != NULL)
        if (option->place == CS_PLACE_BODY && strlen(option->member) == len &&
            strncmp(option->member, pointer + 1, len) == 0)
            return option;
    return NULL;
}

static void put_place(struct cs_buf *out, const struct cs_command *command, const char *pointer)
{
    const struct cs_option *option = option_of(command, pointer);
    if (option != NULL)
        cs_buf_printf(out, "\n  --%s: ", option->name);
    else
        put(out, "\n  ", pointer[0] == '\0' ? "the body" : pointer, ": ");
}

static void put_errors(struct cs_buf *out, const json_t *errors, const struct cs_command *command)
{
    for (size_t i = 0; i < json_array_size(errors); i++) {
        const json_t *error = json_array_get(errors, i);
        put_place(out, command, text_of(error, "pointer"));
        put(out, "", text_of(error, "detail"), "");
    }
}

/* A refusal that is about one place says the same there, and the place beside it. */
static bool is_repeated(const char *detail, const json_t *errors)
{
    return strcmp(text_of(json_array_get(errors, 0), "detail"), detail) == 0;
}

static json_t *parse(const struct cs_client_response *response)
{
    if (strncmp(response->content_type, "application/problem+json", 24) != 0)
        return NULL;
    return json_loadb((const char *)response->body.bytes, response->body.len, 0, NULL);
}

static void put_problem(struct cs_buf *out, const struct cs_client_response *response,
                        const json_t *problem, const struct cs_command *command)
{
    const char *title = text_of(problem, "title"), *detail = text_of(problem, "detail");
    const json_t *errors = json_object_get(problem, "errors");
    if (title[0] == '\0') {
        cs_buf_printf(out, "the server answered %u", response->status);
    } else {
        put(out, "", title, " (");
        put(out, "", text_of(problem, "code"), "");
        cs_buf_printf(out, ", %u)", response->status);
    }
    if (detail[0] != '\0' && !is_repeated(detail, errors))
        put(out, "\n  ", detail, "");
    put_errors(out, errors, command);
    put_advice(out, response->status == 401 ? "unauthenticated" : text_of(problem, "code"));
    if (response->retry_after[0] != '\0')
        put(out, "\n  It may be tried again in ", response->retry_after, " s.");
    if (response->request_id[0] != '\0')
        put(out, "\n  request id: ", response->request_id, "");
}

enum cs_exit cs_refusal_report(const struct cs_client_response *response,
                               const struct cs_command *command)
{
    struct cs_buf text;
    cs_buf_init(&text, REPORT_MAX);
    json_t *problem = parse(response);
    put_problem(&text, response, problem, command);
    if (cs_buf_err(&text) == CS_OK)
        cs_output_say("%s", cs_buf_text(&text));
    else
        cs_output_say("the server answered %u, with too much to tell", response->status);
    json_decref(problem);
    cs_buf_free(&text);
    return cs_refusal_exit(response->status);
}
