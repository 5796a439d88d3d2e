#include "server/openapi.h"

#include <stdio.h>
#include <string.h>

#include "base/record.h"
#include "server/app.h"
#include "server/openapi/schema.h"
#include "vault/fault.h"

#define PATH_MAX_LEN 128

/* The document while it is put together. */
struct document {
    json_t *root;
    json_t *paths;
    json_t *schemas;
};

/* Refusals that any route of a class can meet, beside those that the route names itself. */
struct refusal_class {
    bool (*applies)(const struct cs_route *route);
    uint16_t statuses[10]; /* 0-terminated */
};

static bool always(const struct cs_route *route)
{
    return route != NULL;
}

static bool takes_token(const struct cs_route *route)
{
    return (route->who & CS_WHO_PROVED_BY_HANDLER) == 0;
}

static bool takes_proof(const struct cs_route *route)
{
    return (route->who & CS_WHO_CREDENTIAL) != 0;
}

static bool has_id(const struct cs_route *route)
{
    return strchr(route->path, '{') != NULL;
}

static bool is_change(const struct cs_route *route)
{
    return route->method != CS_METHOD_GET && route->method != CS_METHOD_ANY;
}

static const struct refusal_class classes[] = {
    {always, {400, 406, 408, 414, 417, 429, 431, 500, 503, 0}},
    {takes_token, {401, 403, 0}},
    {takes_proof, {401, 0}},
    {has_id, {404, 0}},
    {is_change, {404, 409, 412, 413, 415, 422, 507, 0}},
};

static void add_refusals(json_t *responses, const uint16_t *statuses)
{
    char key[8];
    for (size_t i = 0; statuses != NULL && statuses[i] != 0; i++) {
        snprintf(key, sizeof(key), "%u", statuses[i]);
        if (json_object_get(responses, key) == NULL)
            json_object_set_new(responses, key,
                                json_pack("{s:s}", "$ref", "#/components/responses/problem"));
    }
}

static json_t *answer_schema(struct document *doc, const struct cs_route *route)
{
    json_t *item = route->view != NULL ? cs_openapi_view(doc->schemas, route->view)
                   : route->answer != NULL
                       ? cs_openapi_record(doc->schemas, route->answer, CS_SCHEMA_TOLD)
                       : json_object();
    if (route->shape != CS_ANSWER_LIST)
        return item;
    return json_pack("{s:s, s:{s:{s:s, s:o}, s:{s:[s, s]}}, s:[s, s], s:b}", "type", "object",
                     "properties", "items", "type", "array", "items", item, "next_cursor", "type",
                     "string", "null", "required", "items", "next_cursor", "additionalProperties",
                     0);
}

static json_t *answer_headers(const struct cs_route *route)
{
    json_t *headers =
        json_pack("{s:{s:s}}", "X-Request-Id", "$ref", "#/components/headers/X-Request-Id");
    if ((route->traits & CS_TRAIT_TAGGED) != 0)
        json_object_set_new(headers, "ETag",
                            json_pack("{s:s}", "$ref", "#/components/headers/ETag"));
    if ((route->traits & CS_TRAIT_IDEMPOTENT) != 0)
        json_object_set_new(
            headers, "Idempotency-Replayed",
            json_pack("{s:s}", "$ref", "#/components/headers/Idempotency-Replayed"));
    return headers;
}

static json_t *success(struct document *doc, const struct cs_route *route)
{
    json_t *response =
        json_pack("{s:s, s:o}", "description", route->summary, "headers", answer_headers(route));
    const char *type = route->type == NULL ? "application/json" : route->type;
    if (route->shape != CS_ANSWER_EMPTY)
        json_object_set_new(response, "content",
                            json_pack("{s:{s:o}}", type, "schema", answer_schema(doc, route)));
    return response;
}

static json_t *responses(struct document *doc, const struct cs_route *route)
{
    char key[8];
    json_t *out = json_object();
    unsigned status = route->success != 0               ? route->success
                      : route->shape == CS_ANSWER_EMPTY ? 204
                                                        : 200;
    snprintf(key, sizeof(key), "%u", status);
    json_object_set_new(out, key, success(doc, route));
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (classes[i].applies(route))
            add_refusals(out, classes[i].statuses);
    }
    add_refusals(out, route->refusals);
    return out;
}

static json_t *parameter(const char *name, const char *place, const char *doc, json_t *schema)
{
    return json_pack("{s:s, s:s, s:b, s:s, s:o}", "name", name, "in", place, "required",
                     strcmp(place, "path") == 0, "description", doc, "schema", schema);
}

static void add_path_parameters(json_t *out, const struct cs_route *route)
{
    const char *at = route->path;
    while ((at = strchr(at, '{')) != NULL) {
        char name[PATH_MAX_LEN];
        size_t len = strcspn(at + 1, "}");
        snprintf(name, sizeof(name), "%.*s", (int)len, at + 1);
        json_t *schema =
            route->kind == NULL ? json_pack("{s:s}", "type", "string") : cs_openapi_id(route->kind);
        json_array_append_new(out, parameter(name, "path", "Its id.", schema));
        at += len;
    }
}

static json_t *query_schema(const struct cs_query_field *field)
{
    if (field->prefix != NULL)
        return cs_openapi_id(field->prefix);
    if (field->low != 0 || field->high != 0)
        return json_pack("{s:s, s:i, s:i}", "type", "integer", "minimum", (int)field->low,
                         "maximum", (int)field->high);
    json_t *schema = json_pack("{s:s}", "type", "string");
    if (field->names == NULL)
        return schema;
    json_t *names = json_array();
    for (size_t i = 0; field->names[i] != NULL; i++)
        json_array_append_new(names, json_string(field->names[i]));
    json_object_set_new(schema, "enum", names);
    return schema;
}

static void add_query_parameters(json_t *out, const struct cs_route *route)
{
    const struct cs_query_field *field = route->query;
    for (; field != NULL && field->name != NULL; field++) {
        json_t *schema = query_schema(field);
        if (field->repeats)
            schema = json_pack("{s:s, s:o}", "type", "array", "items", schema);
        json_array_append_new(out, parameter(field->name, "query", field->doc, schema));
    }
}

static void add_header_parameters(json_t *out, const struct cs_route *route)
{
    if ((route->traits & CS_TRAIT_IDEMPOTENT) != 0)
        json_array_append_new(
            out, json_pack("{s:s}", "$ref", "#/components/parameters/Idempotency-Key"));
    if ((route->traits & CS_TRAIT_CONDITIONAL) != 0)
        json_array_append_new(out, json_pack("{s:s}", "$ref", "#/components/parameters/If-Match"));
}

static json_t *parameters(const struct cs_route *route)
{
    json_t *out = json_array();
    add_path_parameters(out, route);
    add_query_parameters(out, route);
    add_header_parameters(out, route);
    return out;
}

/* Which of the security schemes proves the caller. */
static json_t *security(const struct cs_route *route)
{
    if ((route->who & CS_WHO_CREDENTIAL) != 0)
        return json_pack("[{s:[]}, {s:[]}]", "credential", "pair");
    if ((route->who & CS_WHO_PROVED_BY_HANDLER) != 0)
        return json_array();
    return json_pack("[{s:[]}]", "token");
}

static json_t *who(const struct cs_route *route)
{
    json_t *out = json_array();
    for (size_t i = 0; cs_who_names[i] != NULL; i++) {
        if ((route->who >> i & 1) != 0)
            json_array_append_new(out, json_string(cs_who_names[i]));
    }
    return out;
}

static json_t *operation(struct document *doc, const struct cs_route *route)
{
    json_t *out =
        json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "operationId", route->name, "summary",
                  route->summary, "security", security(route), "x-countersign-who", who(route),
                  "parameters", parameters(route), "responses", responses(doc, route));
    if (route->max_body == 0 || route->body == NULL)
        return out;
    const char *type = route->body_type == NULL ? "application/json" : route->body_type;
    json_t *schema = cs_openapi_record(doc->schemas, route->body, CS_SCHEMA_TAKEN);
    json_object_set_new(
        out, "requestBody",
        json_pack("{s:b, s:{s:{s:o}}}", "required", 1, "content", type, "schema", schema));
    return out;
}

static void add_route(struct document *doc, const struct cs_route *route)
{
    static const char *const keys[] = {
        [CS_METHOD_GET] = "get",         [CS_METHOD_HEAD] = "head",   [CS_METHOD_POST] = "post",
        [CS_METHOD_PUT] = "put",         [CS_METHOD_PATCH] = "patch", [CS_METHOD_DELETE] = "delete",
        [CS_METHOD_OPTIONS] = "options", [CS_METHOD_OTHER] = NULL,    [CS_METHOD_ANY] = "get",
    };
    json_t *item = json_object_get(doc->paths, route->path);
    if (item == NULL) {
        item = json_object();
        json_object_set_new(doc->paths, route->path, item);
    }
    json_object_set_new(item, keys[route->method], operation(doc, route));
}

static json_t *problem_schema(void)
{
    json_t *codes = json_array();
    for (int code = CS_FAULT_NONE + 1; code < CS_FAULT_COUNT; code++)
        json_array_append_new(codes, json_string(cs_fault_info((enum cs_fault_code)code)->code));
    return json_pack("{s:s, s:{s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s, s:o}, s:{s:s},"
                     " s:{s:s, s:{s:s, s:{s:{s:s}, s:{s:s}}, s:[s, s]}}}, s:[s, s, s, s, s], s:b}",
                     "type", "object", "properties", "type", "type", "string", "title", "type",
                     "string", "status", "type", "integer", "detail", "type", "string", "code",
                     "type", "string", "enum", codes, "request_id", "type", "string", "errors",
                     "type", "array", "items", "type", "object", "properties", "pointer", "type",
                     "string", "detail", "type", "string", "required", "pointer", "detail",
                     "required", "type", "title", "status", "code", "request_id",
                     "additionalProperties", 0);
}

/* What many operations refer to. The texts are constant, so they are written as JSON. */
static const char shared_components[] =
    "{\"securitySchemes\":{"
    "\"token\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":"
    "\"An access token of a person (cs_user_…) or a service token (cs_svc_…).\"},"
    "\"credential\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":"
    "\"The client_secret of a credential.\"},"
    "\"pair\":{\"type\":\"http\",\"scheme\":\"basic\",\"description\":"
    "\"client_id and client_secret of a credential.\"}},"
    "\"responses\":{\"problem\":{\"description\":\"Why not (RFC 9457).\",\"headers\":{"
    "\"X-Request-Id\":{\"$ref\":\"#/components/headers/X-Request-Id\"}},\"content\":{"
    "\"application/problem+json\":{\"schema\":{\"$ref\":\"#/components/schemas/problem\"}}}}},"
    "\"headers\":{"
    "\"X-Request-Id\":{\"required\":true,\"description\":"
    "\"That of the request, or a new one.\",\"schema\":{\"type\":\"string\"}},"
    "\"ETag\":{\"required\":true,\"description\":\"For If-Match.\","
    "\"schema\":{\"type\":\"string\"}},"
    "\"Idempotency-Replayed\":{\"description\":"
    "\"`true` on the answer to a repeated Idempotency-Key.\",\"schema\":{\"type\":\"string\"}}},"
    "\"parameters\":{"
    "\"Idempotency-Key\":{\"name\":\"Idempotency-Key\",\"in\":\"header\",\"description\":"
    "\"The same key, caller and body within 24 hours: the same answer, and nothing done twice. An "
    "answer that holds a secret is kept for 10 minutes.\",\"schema\":{\"type\":\"string\","
    "\"minLength\":1,\"maxLength\":255}},"
    "\"If-Match\":{\"name\":\"If-Match\",\"in\":\"header\",\"description\":"
    "\"The ETag of what was read: 412 when it changed since.\","
    "\"schema\":{\"type\":\"string\"}}}}";

static enum cs_err begin(struct document *doc)
{
    json_error_t unused;
    json_t *components = json_loads(shared_components, 0, &unused);
    doc->schemas = json_object();
    doc->paths = json_object();
    json_object_set_new(doc->schemas, "problem", problem_schema());
    json_object_set_new(components, "schemas", doc->schemas);
    doc->root = json_pack("{s:s, s:{s:s, s:s, s:s, s:{s:s, s:s}}, s:o, s:o}", "openapi", "3.1.0",
                          "info", "title", "Countersign", "version", CS_VERSION, "summary",
                          "The credential desk of an API platform.", "license", "name", "MIT",
                          "identifier", "MIT", "paths", doc->paths, "components", components);
    return doc->root == NULL ? CS_ERR_NOMEM : CS_OK;
}

static int append(const char *text, size_t len, void *arg)
{
    cs_buf_put(arg, text, len);
    return 0;
}

void cs_openapi_json(const struct cs_routes *routes, struct cs_buf *out)
{
    struct document doc = {NULL, NULL, NULL};
    const struct cs_route *route = NULL;
    enum cs_err err = begin(&doc);
    for (size_t i = 0; err == CS_OK && (route = cs_routes_at(routes, i)) != NULL; i++)
        add_route(&doc, route);
    if (err != CS_OK || json_dump_callback(doc.root, append, out, JSON_INDENT(1)) != 0)
        out->err = CS_ERR_NOMEM;
    json_decref(doc.root);
}
