#include "base/array.h"
#include "server/openapi.h"

#include <stdio.h>
#include <string.h>

#include "base/record/record.h"
#include "server/app.h"
#include "server/openapi/answer.h"
#include "server/openapi/schema.h"

#define NAME_SIZE 64

/* --- parameters --- */

/* Parameters that several operations refer to. */
static const struct {
    const char *name;
    uint32_t trait;
    const char *doc;
} header_parameters[] = {
    {"Idempotency-Key", CS_TRAIT_IDEMPOTENT,
     "1 to 255 visible ASCII characters. The same key, caller and body within 24 hours get the "
     "same answer, and nothing is done twice; an answer that holds a secret is kept for 10 "
     "minutes."},
    {"If-Match", CS_TRAIT_CONDITIONAL, "The ETag of what was read: 412 if it changed since."},
    {"X-Api-Key", CS_TRAIT_FORWARDED,
     "The client's key, if it does not stand in Authorization as Bearer or Basic. In both it is "
     "`MALFORMED`."},
    {"X-Countersign-Mode", CS_TRAIT_FORWARDED, "As `mode` in the query; if in both, the same."},
    {"X-Countersign-Scopes", CS_TRAIT_FORWARDED,
     "Scopes, all of which the key must have beside those of the query; parted by spaces or "
     "commas."},
    {"X-Countersign-Any-Scopes", CS_TRAIT_FORWARDED,
     "As `any_scope` in the query, and not beside it; parted by spaces or commas."},
    {"X-Countersign-Ip", CS_TRAIT_FORWARDED,
     "The address of the client, for keys that are bound to networks. A gateway has to set it, or "
     "to remove what a client sent."},
};
#define HEADER_PARAMETERS CS_COUNT(header_parameters)

static json_t *shared_parameters(struct cs_tree *tree)
{
    json_t *out = json_object();
    for (size_t i = 0; i < HEADER_PARAMETERS; i++)
        cs_tree_put(tree, out, header_parameters[i].name,
                    json_pack("{s:s, s:s, s:s, s:{s:s}}", "name", header_parameters[i].name, "in",
                              "header", "description", header_parameters[i].doc, "schema", "type",
                              "string"));
    return out;
}

/* Names the prefixes apart too, so that whoever drives the table need not read the pattern. */
static json_t *path_parameter(struct cs_tree *tree, const struct cs_route *route, const char *name)
{
    json_t *schema =
        route->kind == NULL ? json_pack("{s:s}", "type", "string") : cs_schema_id(route->kind);
    json_t *out = json_pack("{s:s, s:s, s:b, s:o}", "name", name, "in", "path", "required", 1,
                            "schema", schema);
    if (route->kind != NULL)
        cs_tree_put(tree, out, "x-countersign-kind", json_string(route->kind));
    return out;
}

static void add_path_parameters(struct cs_tree *tree, const struct cs_route *route, json_t *out)
{
    char name[NAME_SIZE];
    const char *at = strchr(route->path, '{');
    for (; at != NULL; at = strchr(at + 1, '{')) {
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(at + 1, "}"), at + 1);
        cs_tree_add(tree, out, path_parameter(tree, route, name));
    }
}

static json_t *query_schema(struct cs_tree *tree, const struct cs_query_field *field)
{
    if (field->prefix != NULL)
        return cs_schema_id(field->prefix);
    if (field->high != 0)
        return json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum", (json_int_t)field->low,
                         "maximum", (json_int_t)field->high);
    json_t *schema = json_pack("{s:s}", "type", "string");
    if (field->names != NULL)
        cs_tree_put(tree, schema, "enum", cs_tree_names(tree, field->names));
    return schema;
}

static json_t *query_parameter(struct cs_tree *tree, const struct cs_query_field *field)
{
    json_t *schema = query_schema(tree, field);
    if (field->repeats)
        schema = json_pack("{s:s, s:o}", "type", "array", "items", schema);
    return json_pack("{s:s, s:s, s:s, s:o}", "name", field->name, "in", "query", "description",
                     field->doc, "schema", schema);
}

static json_t *parameters(struct cs_tree *tree, const struct cs_route *route)
{
    json_t *out = json_array();
    const struct cs_query_field *field = route->query;
    add_path_parameters(tree, route, out);
    for (; field != NULL && field->name != NULL; field++)
        cs_tree_add(tree, out, query_parameter(tree, field));
    for (size_t i = 0; i < HEADER_PARAMETERS; i++) {
        if ((route->traits & header_parameters[i].trait) != 0)
            cs_tree_add(tree, out, cs_tree_reference("parameters", header_parameters[i].name));
    }
    return out;
}

/* --- security --- */

static json_t *security_schemes(void)
{
    return json_pack("{s:{s:s, s:s, s:s}, s:{s:s, s:s, s:s}, s:{s:s, s:s, s:s}, s:{s:s, s:s, s:s, "
                     "s:s}}",
                     "token", "type", "http", "scheme", "bearer", "description",
                     "An access token of a person (`cs_user_…`) or a service token (`cs_svc_…`).",
                     "credential", "type", "http", "scheme", "bearer", "description",
                     "The client_secret of a credential.", "pair", "type", "http", "scheme",
                     "basic", "description", "client_id and client_secret of a credential.",
                     "gateway", "type", "apiKey", "in", "header", "name",
                     cs_header_name(CS_HEADER_TOKEN), "description",
                     "The service token (`cs_svc_…`) of a gateway.");
}

/* Which of the schemes proves the caller; a claim is in the body, and proves itself. */
static json_t *security(const struct cs_route *route)
{
    if ((route->who & CS_WHO_CREDENTIAL) != 0)
        return json_pack("[{s:[]}, {s:[]}]", "credential", "pair");
    if ((route->who & CS_WHO_PROVED_BY_HANDLER) != 0)
        return json_array();
    bool forwarded = (route->traits & CS_TRAIT_FORWARDED) != 0;
    return json_pack("[{s:[]}]", forwarded ? "gateway" : "token");
}

static json_t *who(struct cs_tree *tree, const struct cs_route *route)
{
    json_t *out = json_array();
    for (size_t i = 0; cs_who_names[i] != NULL; i++) {
        if ((route->who >> i & 1) != 0)
            cs_tree_add(tree, out, json_string(cs_who_names[i]));
    }
    return out;
}

/* --- operations --- */

static bool needs_body(const struct cs_record *record)
{
    for (size_t i = 0; i < record->field_count; i++) {
        if ((record->fields[i].flags & CS_FF_REQUIRED) != 0)
            return true;
    }
    return false;
}

static json_t *request_body(struct cs_tree *tree, const struct cs_route *route)
{
    const char *type = route->body_type == NULL ? "application/json" : route->body_type;
    json_t *schema = cs_schema_record(tree, route->body, CS_SCHEMA_TAKEN);
    return json_pack("{s:b, s:I, s:{s:{s:o}}}", "required", needs_body(route->body),
                     "x-countersign-max-bytes", (json_int_t)route->max_body, "content", type,
                     "schema", schema);
}

/* "credential.create" stands under "credential". */
static json_t *tags(const struct cs_route *route)
{
    char tag[NAME_SIZE];
    snprintf(tag, sizeof(tag), "%.*s", (int)strcspn(route->name, "."), route->name);
    return json_pack("[s]", tag);
}

static json_t *operation(struct cs_tree *tree, const struct cs_route *route)
{
    json_t *out =
        json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "operationId", route->name, "summary",
                  route->summary, "tags", tags(route), "security", security(route),
                  "x-countersign-who", who(tree, route), "parameters", parameters(tree, route));
    if (route->body != NULL)
        cs_tree_put(tree, out, "requestBody", request_body(tree, route));
    cs_tree_put(tree, out, "responses", cs_answer_responses(tree, route));
    return out;
}

/* A route for any method is described once, as the GET that it answers like all others. */
static const char *key_of(enum cs_method method)
{
    static const char *const keys[] = {
        [CS_METHOD_GET] = "get",         [CS_METHOD_HEAD] = "head",
        [CS_METHOD_POST] = "post",       [CS_METHOD_PUT] = "put",
        [CS_METHOD_PATCH] = "patch",     [CS_METHOD_DELETE] = "delete",
        [CS_METHOD_OPTIONS] = "options", [CS_METHOD_OTHER] = "x-other",
        [CS_METHOD_ANY] = "get",
    };
    return keys[method];
}

static void add_route(struct cs_tree *tree, json_t *paths, const struct cs_route *route)
{
    json_t *item = json_object_get(paths, route->path);
    if (item == NULL) {
        item = json_object();
        cs_tree_put(tree, paths, route->path, item);
    }
    cs_tree_put(tree, item, key_of(route->method), operation(tree, route));
}

/* --- the document --- */

static json_t *paths_of(struct cs_tree *tree, const struct cs_routes *routes)
{
    const struct cs_route *route = NULL;
    json_t *paths = json_object();
    for (size_t i = 0; (route = cs_routes_at(routes, i)) != NULL; i++)
        add_route(tree, paths, route);
    return paths;
}

static json_t *components(struct cs_tree *tree)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:O}", "securitySchemes", security_schemes(),
                     "parameters", shared_parameters(tree), "headers", cs_answer_headers(tree),
                     "responses", cs_answer_problems(tree), "schemas", tree->schemas);
}

static json_t *document(struct cs_tree *tree, const struct cs_routes *routes)
{
    cs_tree_put(tree, tree->schemas, "problem", cs_answer_problem_schema(tree));
    json_t *paths = paths_of(tree, routes);
    return json_pack("{s:s, s:{s:s, s:s, s:s, s:{s:s, s:s}}, s:[{s:s}], s:o, s:o}", "openapi",
                     "3.1.0", "info", "title", "Countersign", "version", CS_VERSION, "summary",
                     "The credential desk of an API platform.", "license", "name", "MIT",
                     "identifier", "MIT", "servers", "url", "/", "paths", paths, "components",
                     components(tree));
}

static int append(const char *text, size_t len, void *arg)
{
    cs_buf_put(arg, text, len);
    return 0;
}

void cs_openapi_json(const struct cs_routes *routes, struct cs_buf *out)
{
    struct cs_tree tree = {.schemas = json_object()};
    json_t *root = document(&tree, routes);
    if (tree.failed || root == NULL || json_dump_callback(root, append, out, JSON_INDENT(1)) != 0)
        out->err = CS_ERR_NOMEM;
    cs_buf_put_char(out, '\n');
    json_decref(root);
    json_decref(tree.schemas);
}
