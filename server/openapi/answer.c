#include "server/openapi/answer.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "server/app.h"
#include "server/openapi/schema.h"
#include "vault/fault.h"

#define STATUS_SIZE 8
#define DESCRIPTION_SIZE 512

/* --- headers --- */

enum header_need { HEADER_ALWAYS, HEADER_SOMETIMES };

static const struct header {
    const char *name;
    enum header_need need;
    const char *doc;
} headers[] = {
    {"X-Request-Id", HEADER_ALWAYS,
     "The request's own, if it has the form [A-Za-z0-9._-]{1,64}, or a new one."},
    {"ETag", HEADER_ALWAYS, "The version of the object, for If-Match."},
    {"Idempotency-Replayed", HEADER_SOMETIMES,
     "`true` when a repeated Idempotency-Key got the answer that was given before."},
    {"WWW-Authenticate", HEADER_ALWAYS, "What would prove the caller (RFC 6750, RFC 7617)."},
    {"Allow", HEADER_ALWAYS, "The methods that the path takes."},
    {"Retry-After", HEADER_ALWAYS, "Seconds after which it may be tried again."},
    {"X-Auth-Code", HEADER_ALWAYS, "The code of the verification: `VALID` here."},
    {"X-Credential-Id", HEADER_ALWAYS, "The credential."},
    {"X-Account-Id", HEADER_ALWAYS, "Whose it is."},
    {"X-Client-Id", HEADER_ALWAYS, "Its public half."},
    {"X-Mode", HEADER_ALWAYS, "`test` or `live`."},
    {"X-Scopes", HEADER_ALWAYS, "What it may do, parted by spaces."},
    {"RateLimit-Policy", HEADER_SOMETIMES,
     "The limit in force: `q` requests in `w` seconds (draft-ietf-httpapi-ratelimit-headers)."},
    {"RateLimit", HEADER_SOMETIMES, "What is left of it: `r` requests, all again in `t` seconds."},
    {"X-RateLimit-Limit", HEADER_SOMETIMES, "The limit."},
    {"X-RateLimit-Remaining", HEADER_SOMETIMES, "What is left of it."},
    {"X-RateLimit-Reset", HEADER_SOMETIMES, "Seconds until all of it is there again."},
};

/* Which refusals bear a further header. */
static const struct {
    unsigned status;
    const char *header;
} refusal_headers[] = {
    {401, "WWW-Authenticate"}, {405, "Allow"}, {429, "Retry-After"}, {503, "Retry-After"}};

/* What the success of a route bears beside, by the trait that it follows from. */
static const struct {
    uint32_t trait;
    const char *header;
} success_headers[] = {
    {CS_TRAIT_TAGGED, "ETag"},
    {CS_TRAIT_IDEMPOTENT, "Idempotency-Replayed"},
    {CS_TRAIT_FORWARDED, "X-Auth-Code"},
    {CS_TRAIT_FORWARDED, "X-Credential-Id"},
    {CS_TRAIT_FORWARDED, "X-Account-Id"},
    {CS_TRAIT_FORWARDED, "X-Client-Id"},
    {CS_TRAIT_FORWARDED, "X-Mode"},
    {CS_TRAIT_FORWARDED, "X-Scopes"},
    {CS_TRAIT_FORWARDED, "RateLimit-Policy"},
    {CS_TRAIT_FORWARDED, "RateLimit"},
    {CS_TRAIT_FORWARDED, "X-RateLimit-Limit"},
    {CS_TRAIT_FORWARDED, "X-RateLimit-Remaining"},
    {CS_TRAIT_FORWARDED, "X-RateLimit-Reset"},
};

static void refer_to_header(struct cs_tree *tree, json_t *out, const char *name)
{
    cs_tree_put(tree, out, name, cs_tree_reference("headers", name));
}

json_t *cs_answer_headers(struct cs_tree *tree)
{
    json_t *out = json_object();
    for (size_t i = 0; i < CS_COUNT(headers); i++)
        cs_tree_put(tree, out, headers[i].name,
                    json_pack("{s:b, s:s, s:{s:s}}", "required", headers[i].need == HEADER_ALWAYS,
                              "description", headers[i].doc, "schema", "type", "string"));
    return out;
}

/* --- refusals --- */

static bool is_any(const struct cs_route *route)
{
    (void)route;
    return true;
}

static bool negotiates(const struct cs_route *route)
{
    return route->method != CS_METHOD_ANY;
}

static bool takes_token(const struct cs_route *route)
{
    return (route->who & CS_WHO_PROVED_BY_HANDLER) == 0;
}

static bool takes_key(const struct cs_route *route)
{
    return (route->who & CS_WHO_CREDENTIAL) != 0;
}

static bool has_id(const struct cs_route *route)
{
    return strchr(route->path, '{') != NULL;
}

static bool takes_body(const struct cs_route *route)
{
    return route->max_body > 0;
}

static bool takes_typed_body(const struct cs_route *route)
{
    return takes_body(route) && negotiates(route);
}

static bool is_idempotent(const struct cs_route *route)
{
    return (route->traits & CS_TRAIT_IDEMPOTENT) != 0;
}

static bool is_conditional(const struct cs_route *route)
{
    return (route->traits & CS_TRAIT_CONDITIONAL) != 0;
}

/* Whatever is not just read, and waits, may find the store full. */
static bool writes(const struct cs_route *route)
{
    return route->method != CS_METHOD_GET && route->speed == CS_SPEED_WORK;
}

/* A person's changes may be limited. */
static bool is_counted(const struct cs_route *route)
{
    return writes(route) && (route->who & CS_WHO_USER) != 0 && (route->traits & CS_TRAIT_ENDS) == 0;
}

/* Refusals that a route can meet for what it is, beside those that it names itself. */
static const struct {
    bool (*applies)(const struct cs_route *route);
    uint16_t statuses[8]; /* 0-terminated */
} classes[] = {
    {is_any, {400, 408, 414, 431, 500, 501, 503}},
    {takes_token, {401, 403}},
    {takes_key, {401}},
    {has_id, {404}},
    {negotiates, {406}},
    {takes_body, {413}},
    {takes_typed_body, {415}},
    {is_idempotent, {409, 422}},
    {is_conditional, {412}},
    {writes, {507}},
    {is_counted, {429}},
};

/* Whether a status is among those that the route names, or follows from what it is. */
static bool can_refuse(const struct cs_route *route, unsigned status)
{
    for (const uint16_t *named = route->refusals; named != NULL && *named != 0; named++) {
        if (*named == status)
            return true;
    }
    for (size_t i = 0; i < CS_COUNT(classes); i++) {
        for (size_t j = 0; classes[i].statuses[j] != 0; j++) {
            if (classes[i].statuses[j] == status && classes[i].applies(route))
                return true;
        }
    }
    return false;
}

static bool is_status(unsigned status)
{
    for (int code = CS_FAULT_NONE + 1; code < CS_FAULT_COUNT; code++) {
        if (cs_fault_info((enum cs_fault_code)code)->status == status)
            return true;
    }
    return false;
}

/* "Not allowed (`forbidden`). One's own request cannot be decided (`self_approval`)." */
static void describe_status(unsigned status, char out[DESCRIPTION_SIZE])
{
    struct cs_buf text;
    cs_buf_lend(&text, out, DESCRIPTION_SIZE);
    for (int code = CS_FAULT_NONE + 1; code < CS_FAULT_COUNT; code++) {
        const struct cs_fault_info *info = cs_fault_info((enum cs_fault_code)code);
        if (info->status == status)
            cs_buf_printf(&text, "%s%s (`%s`).", text.len > 0 ? " " : "", info->title, info->code);
    }
    (void)cs_buf_text(&text);
}

static json_t *problem(struct cs_tree *tree, unsigned status)
{
    char description[DESCRIPTION_SIZE];
    json_t *named = json_object();
    refer_to_header(tree, named, "X-Request-Id");
    for (size_t i = 0; i < CS_COUNT(refusal_headers); i++) {
        if (refusal_headers[i].status == status)
            refer_to_header(tree, named, refusal_headers[i].header);
    }
    describe_status(status, description);
    return json_pack("{s:s, s:o, s:{s:{s:o}}}", "description", description, "headers", named,
                     "content", "application/problem+json", "schema",
                     cs_tree_reference("schemas", "problem"));
}

json_t *cs_answer_problems(struct cs_tree *tree)
{
    char key[STATUS_SIZE];
    json_t *out = json_object();
    for (unsigned status = 400; status < 600; status++) {
        if (!is_status(status))
            continue;
        snprintf(key, sizeof(key), "%u", status);
        cs_tree_put(tree, out, key, problem(tree, status));
    }
    return out;
}

json_t *cs_answer_problem_schema(struct cs_tree *tree)
{
    json_t *codes = json_array();
    for (int code = CS_FAULT_NONE + 1; code < CS_FAULT_COUNT; code++)
        cs_tree_add(tree, codes, json_string(cs_fault_info((enum cs_fault_code)code)->code));
    json_t *error = json_pack("{s:s, s:{s:{s:s, s:s}, s:{s:s}}, s:[s, s], s:b}", "type", "object",
                              "properties", "pointer", "type", "string", "description",
                              "The place in the body (RFC 6901).", "detail", "type", "string",
                              "required", "pointer", "detail", "additionalProperties", 0);
    json_t *properties =
        json_pack("{s:{s:s, s:s}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s, s:o}, s:{s:s, s:o}, s:{s:s}}",
                  "type", "type", "string", "format", "uri", "title", "type", "string", "status",
                  "type", "integer", "detail", "type", "string", "code", "type", "string", "enum",
                  codes, "errors", "type", "array", "items", error, "request_id", "type", "string");
    return json_pack("{s:s, s:s, s:o, s:[s, s, s, s, s], s:b}", "type", "object", "description",
                     "Why something was refused (RFC 9457).", "properties", properties, "required",
                     "type", "title", "status", "code", "request_id", "additionalProperties", 0);
}

/* --- success --- */

static json_t *answer_schema(struct cs_tree *tree, const struct cs_route *route)
{
    json_t *item = NULL;
    if (route->view != NULL)
        item = cs_schema_view(tree, route->view);
    else if (route->answer != NULL)
        item = cs_schema_record(tree, route->answer, CS_SCHEMA_TOLD);
    else
        item = json_pack("{s:s}", "type", route->type != NULL ? "string" : "object");
    if (route->shape != CS_ANSWER_LIST)
        return item;
    return json_pack("{s:s, s:{s:{s:s, s:o}, s:{s:[s, s], s:s}}, s:[s, s], s:b}", "type", "object",
                     "properties", "items", "type", "array", "items", item, "next_cursor", "type",
                     "string", "null", "description", "For `cursor`; null at the end.", "required",
                     "items", "next_cursor", "additionalProperties", 0);
}

static json_t *success(struct cs_tree *tree, const struct cs_route *route)
{
    json_t *named = json_object();
    const char *type = route->type == NULL ? "application/json" : route->type;
    refer_to_header(tree, named, "X-Request-Id");
    for (size_t i = 0; i < CS_COUNT(success_headers); i++) {
        if ((route->traits & success_headers[i].trait) != 0)
            refer_to_header(tree, named, success_headers[i].header);
    }
    json_t *out = json_pack("{s:s, s:o}", "description", route->summary, "headers", named);
    if (route->shape != CS_ANSWER_EMPTY && route->shape != CS_ANSWER_NOTHING)
        cs_tree_put(tree, out, "content",
                    json_pack("{s:{s:o}}", type, "schema", answer_schema(tree, route)));
    return out;
}

json_t *cs_answer_responses(struct cs_tree *tree, const struct cs_route *route)
{
    char key[STATUS_SIZE];
    json_t *out = json_object();
    unsigned empty = route->shape == CS_ANSWER_EMPTY ? 204 : 200;
    snprintf(key, sizeof(key), "%u", route->success != 0 ? route->success : empty);
    cs_tree_put(tree, out, key, success(tree, route));
    for (unsigned status = 400; status < 600; status++) {
        if (!is_status(status) || !can_refuse(route, status))
            continue;
        snprintf(key, sizeof(key), "%u", status);
        cs_tree_put(tree, out, key, cs_tree_reference("responses", key));
    }
    return out;
}
