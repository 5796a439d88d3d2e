#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/record/record.h"
#include "server/app.h"
#include "server/openapi.h"
#include "server/openapi/schema.h"
#include "server/resource/view.h"
#include "server/routes.h"
#include "vault/fault.h"

/* The document of the program's own routes, those for tests included. */
struct published {
    struct cs_routes *routes;
    json_t *root;
};

static int setup(void **state)
{
    struct published *p = test_malloc(sizeof(*p));
    struct cs_buf text;
    json_error_t error;
    assert_int_equal(cs_routes_new(cs_app_test_routes, NULL, &p->routes), CS_OK);
    cs_buf_init(&text, CS_OPENAPI_MAX);
    cs_openapi_json(p->routes, &text);
    assert_int_equal(cs_buf_err(&text), CS_OK);
    p->root = json_loadb((const char *)text.bytes, text.len, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(p->root);
    cs_buf_free(&text);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct published *p = *state;
    json_decref(p->root);
    cs_routes_free(&p->routes);
    test_free(p);
    return 0;
}

static const char *key_of(const struct cs_route *route)
{
    return route->method == CS_METHOD_POST    ? "post"
           : route->method == CS_METHOD_PATCH ? "patch"
                                              : "get";
}

static json_t *operation_of(const struct published *p, const struct cs_route *route)
{
    json_t *item = json_object_get(json_object_get(p->root, "paths"), route->path);
    json_t *operation = json_object_get(item, key_of(route));
    if (operation == NULL)
        fail_msg("%s %s is not described", key_of(route), route->path);
    return operation;
}

static bool has_response(const json_t *operation, unsigned status)
{
    char key[8];
    snprintf(key, sizeof(key), "%u", status);
    return json_object_get(json_object_get(operation, "responses"), key) != NULL;
}

static void test_every_route_is_described_as_it_is(void **state)
{
    const struct published *p = *state;
    const struct cs_route *route = NULL;
    for (size_t i = 0; (route = cs_routes_at(p->routes, i)) != NULL; i++) {
        json_t *operation = operation_of(p, route);
        json_t *who = json_object_get(operation, "x-countersign-who");
        uint32_t described = 0;
        assert_string_equal(json_string_value(json_object_get(operation, "operationId")),
                            route->name);
        for (size_t bit = 0; cs_who_names[bit] != NULL; bit++)
            for (size_t j = 0; j < json_array_size(who); j++)
                if (strcmp(json_string_value(json_array_get(who, j)), cs_who_names[bit]) == 0)
                    described |= 1u << bit;
        assert_int_equal(described, route->who);
        assert_int_equal(json_object_get(operation, "requestBody") != NULL, route->body != NULL);
        assert_true(has_response(operation, route->success != 0 ? route->success : 200));
        for (const uint16_t *named = route->refusals; named != NULL && *named != 0; named++)
            assert_true(has_response(operation, *named));
    }
}

/* Every status that an operation has, and no other. */
static void test_what_an_operation_can_answer(void **state)
{
    static const struct {
        const char *path, *method, *statuses;
    } cases[] = {
        {"/healthz", "get", "200 400 406 408 414 431 500 501 503"},
        {"/v1/credentials", "get", "200 400 401 403 404 406 408 414 431 500 501 503"},
        {"/v1/credentials", "post",
         "201 400 401 403 404 406 408 409 413 414 415 422 429 431 500 501 503 507"},
        {"/v1/credentials/{id}", "get", "200 400 401 403 404 406 408 414 431 500 501 503"},
        {"/v1/credentials/{id}", "patch",
         "200 400 401 403 404 406 408 409 412 413 414 415 422 429 431 500 501 503 507"},
        {"/v1/requests/{id}/decisions", "post",
         "201 400 401 403 404 406 408 409 412 413 414 415 422 429 431 500 501 503 507"},
        {"/v1/claims", "post",
         "200 400 404 406 408 409 410 413 414 415 422 429 431 500 501 503 507"},
        {"/v1/claims/acknowledge", "post",
         "200 400 401 404 406 408 413 414 415 431 500 501 503 507"},
        {"/v1/me", "get", "200 400 401 406 408 414 431 500 501 503"},
        {"/v1/verify", "post", "200 400 401 403 406 408 413 414 415 431 500 501 503"},
    };
    const struct published *p = *state;
    json_t *paths = json_object_get(p->root, "paths");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char statuses[160] = "";
        size_t len = 0;
        const char *status = NULL;
        json_t *ignored = NULL;
        json_t *operation = json_object_get(json_object_get(paths, cases[i].path), cases[i].method);
        json_object_foreach(json_object_get(operation, "responses"), status, ignored)
        {
            len += (size_t)snprintf(statuses + len, sizeof(statuses) - len, "%s%s",
                                    len > 0 ? " " : "", status);
        }
        assert_string_equal(statuses, cases[i].statuses);
    }
}

/* Steps through "#/a/b" from the root. */
static json_t *follow(json_t *root, const char *reference)
{
    char path[160];
    char *rest = NULL;
    json_t *node = root;
    assert_memory_equal(reference, "#/", 2);
    snprintf(path, sizeof(path), "%s", reference + 2);
    for (char *step = strtok_r(path, "/", &rest); step != NULL; step = strtok_r(NULL, "/", &rest))
        node = json_object_get(node, step);
    return node;
}

static void check_node(json_t *root, json_t *node)
{
    json_t *properties = json_object_get(node, "properties");
    json_t *required = json_object_get(node, "required");
    const char *reference = json_string_value(json_object_get(node, "$ref"));
    if (reference != NULL && follow(root, reference) == NULL)
        fail_msg("%s leads nowhere", reference);
    if (!json_is_array(required) || !json_is_object(properties))
        return;
    assert_true(json_is_false(json_object_get(node, "additionalProperties")));
    for (size_t i = 0; i < json_array_size(required); i++)
        assert_non_null(
            json_object_get(properties, json_string_value(json_array_get(required, i))));
}

static void walk(json_t *root, json_t *node)
{
    const char *key = NULL;
    json_t *child = NULL;
    if (json_is_object(node)) {
        check_node(root, node);
        json_object_foreach(node, key, child)
        {
            walk(root, child);
        }
    }
    for (size_t i = 0; i < json_array_size(node); i++)
        walk(root, json_array_get(node, i));
}

static void test_references_lead_somewhere_and_objects_are_closed(void **state)
{
    const struct published *p = *state;
    walk(p->root, p->root);
}

static void test_problems_have_every_code(void **state)
{
    const struct published *p = *state;
    json_t *problem = follow(p->root, "#/components/schemas/problem");
    json_t *codes = json_object_get(follow(problem, "#/properties/code"), "enum");
    assert_int_equal(json_array_size(codes), CS_FAULT_COUNT - 1);
    for (int code = CS_FAULT_NONE + 1; code < CS_FAULT_COUNT; code++) {
        const struct cs_fault_info *info = cs_fault_info((enum cs_fault_code)code);
        char path[48];
        char named[48];
        assert_string_equal(json_string_value(json_array_get(codes, (size_t)code - 1)), info->code);
        snprintf(path, sizeof(path), "#/components/responses/%u", info->status);
        snprintf(named, sizeof(named), "(`%s`)", info->code);
        const char *told = json_string_value(json_object_get(follow(p->root, path), "description"));
        assert_non_null(strstr(told, named));
    }
}

static void test_refusals_name_the_headers_that_they_bear(void **state)
{
    static const struct {
        const char *response, *header;
    } cases[] = {
        {"401", "WWW-Authenticate"}, {"405", "Allow"},        {"429", "Retry-After"},
        {"503", "Retry-After"},      {"404", "X-Request-Id"},
    };
    const struct published *p = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char path[64];
        snprintf(path, sizeof(path), "#/components/responses/%s/headers", cases[i].response);
        assert_non_null(json_object_get(follow(p->root, path), cases[i].header));
        snprintf(path, sizeof(path), "#/components/headers/%s", cases[i].header);
        assert_true(json_is_true(json_object_get(follow(p->root, path), "required")));
    }
}

static void keep(const struct cs_route *route, bool kept, const char *rule)
{
    if (!kept)
        fail_msg("%s %s: %s", cs_method_name(route->method), route->path, rule);
}

/* What the routes' tables must keep to, so that what handlers rely on is so. */
static void test_routes_keep_the_rules_of_the_house(void **state)
{
    const struct published *p = *state;
    const struct cs_route *route = NULL;
    for (size_t i = 0; (route = cs_routes_at(p->routes, i)) != NULL; i++) {
        bool proved = (route->who & CS_WHO_PROVED_BY_HANDLER) != 0;
        bool post = route->method == CS_METHOD_POST;
        bool idempotent = (route->traits & CS_TRAIT_IDEMPOTENT) != 0;
        bool conditional = (route->traits & CS_TRAIT_CONDITIONAL) != 0;
        keep(route, !idempotent || (post && !proved), "no token seals the answer that is kept");
        keep(route, !post || route->success != 201 || idempotent, "it creates, so it repeats");
        keep(route, route->method != CS_METHOD_PATCH || conditional, "it takes If-Match");
        keep(route, strstr(route->path, "{id}") == NULL || route->kind != NULL, "ids have a kind");
        keep(route, route->answer == NULL || route->view == NULL, "an answer is one thing");
        keep(route, (route->max_body > 0) == (route->body != NULL), "a body has a schema");
        keep(route, route->body == NULL || cs_record_is_sound(route->body), "its body's table");
        keep(route, route->answer == NULL || cs_record_is_sound(route->answer), "its answer's");
    }
}

/* One field of each type. */
struct sample {
    uint64_t number;
    int64_t offset;
    int64_t time;
    bool flag;
    int one;
    uint32_t some;
    char text[11];
    char maybe[11];
    char words[32];
    struct cs_id id;
    uint8_t bytes[32];
    struct {
        uint16_t len;
        uint8_t bytes[16];
    } blob;
};
static const char *const empty_first[] = {"", "test", "live", NULL};
static const char *const some_names[] = {"a", "b", NULL};
#define BOTH (CS_FF_IN | CS_FF_OUT)
static const struct cs_field sample_fields[] = {
    CS_FIELD_RANGE(0, CS_F_UINT, struct sample, number, BOTH | CS_FF_REQUIRED, 1, 9, NULL),
    CS_FIELD(0, CS_F_INT, struct sample, offset, BOTH, NULL),
    CS_FIELD(0, CS_F_TIME, struct sample, time, BOTH, NULL),
    CS_FIELD(0, CS_F_BOOL, struct sample, flag, BOTH | CS_FF_OMIT, NULL),
    CS_FIELD_ENUM(0, struct sample, one, BOTH, empty_first, NULL),
    CS_FIELD_FLAGS(0, struct sample, some, BOTH, some_names, "Some."),
    CS_FIELD_RANGE(0, CS_F_TEXT, struct sample, text, BOTH, 3, 9, NULL),
    CS_FIELD(0, CS_F_TEXT, struct sample, maybe, BOTH | CS_FF_NULLABLE, NULL),
    CS_FIELD_RANGE(0, CS_F_WORDS, struct sample, words, BOTH, 1, 4, NULL),
    CS_FIELD_ID(0, struct sample, id, BOTH, "cred", NULL),
    CS_FIELD(0, CS_F_BYTES, struct sample, bytes, BOTH, NULL),
    CS_FIELD(0, CS_F_BLOB, struct sample, blob, BOTH, NULL),
};
static const struct cs_record sample_record = {
    .name = "sample",
    .size = sizeof(struct sample),
    .fields = sample_fields,
    .field_count = sizeof(sample_fields) / sizeof(sample_fields[0]),
    .doc = "A sample.",
};

#define ID_PATTERN "\"pattern\":\"^(cred)_[0-7][0-9A-HJKMNP-TV-Z]{25}$\""
#define BASE64 "\"contentEncoding\":\"base64\""
#define WORDS                                                                                      \
    "\"type\":\"array\",\"uniqueItems\":true,\"items\":{\"type\":\"string\",\"pattern\":"          \
    "\"^[^ ]+$\"}"
#define SOME                                                                                       \
    "\"some\":{\"type\":\"array\",\"uniqueItems\":true,\"items\":{\"type\":\"string\",\"enum\":"   \
    "[\"a\",\"b\"]},\"description\":\"Some.\"}"
#define HEAD "{\"type\":\"object\",\"description\":\"A sample.\",\"properties\":{"

static const char told[] =
    HEAD "\"number\":{\"type\":\"integer\",\"minimum\":0},"
         "\"offset\":{\"type\":\"integer\"},"
         "\"time\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"},"
         "\"flag\":{\"type\":\"boolean\"},"
         "\"one\":{\"type\":[\"string\",\"null\"],\"enum\":[\"test\",\"live\",null]}," SOME ","
         "\"text\":{\"type\":\"string\"},"
         "\"maybe\":{\"type\":[\"string\",\"null\"]},"
         "\"words\":{" WORDS "},"
         "\"id\":{\"type\":[\"string\",\"null\"]," ID_PATTERN "},"
         "\"bytes\":{\"type\":[\"string\",\"null\"]," BASE64 ",\"minLength\":44,\"maxLength\":44},"
         "\"blob\":{\"type\":[\"string\",\"null\"]," BASE64 "}},"
         "\"required\":[\"number\",\"offset\",\"time\",\"one\",\"some\",\"text\",\"maybe\","
         "\"words\",\"id\",\"bytes\",\"blob\"],\"additionalProperties\":false}";

static const char taken[] =
    HEAD "\"number\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":9},"
         "\"offset\":{\"type\":\"integer\"},"
         "\"time\":{\"type\":\"string\",\"format\":\"date-time\"},"
         "\"flag\":{\"type\":\"boolean\"},"
         "\"one\":{\"type\":\"string\",\"enum\":[\"test\",\"live\"]}," SOME ","
         "\"text\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":9},"
         "\"maybe\":{\"type\":[\"string\",\"null\"],\"maxLength\":10},"
         "\"words\":{" WORDS ",\"minItems\":1,\"maxItems\":4},"
         "\"id\":{\"type\":\"string\"," ID_PATTERN "},"
         "\"bytes\":{\"type\":\"string\"," BASE64 ",\"minLength\":44,\"maxLength\":44},"
         "\"blob\":{\"type\":\"string\"," BASE64 "}},"
         "\"required\":[\"number\"],\"additionalProperties\":false}";

static void check_schema(enum cs_schema_way way, const char *wanted)
{
    struct cs_tree tree = {.schemas = json_object()};
    json_t *reference = cs_schema_record(&tree, &sample_record, way);
    json_t *again = cs_schema_record(&tree, &sample_record, way);
    assert_true(json_equal(reference, again));
    assert_int_equal(json_object_size(tree.schemas), 1);
    char *text = json_dumps(json_object_get(tree.schemas, "sample"), JSON_COMPACT);
    assert_string_equal(text, wanted);
    assert_false(tree.failed);
    free(text);
    json_decref(reference);
    json_decref(again);
    json_decref(tree.schemas);
}

static void test_each_type_of_field(void **state)
{
    (void)state;
    assert_true(cs_record_is_sound(&sample_record));
    check_schema(CS_SCHEMA_TOLD, told);
    check_schema(CS_SCHEMA_TAKEN, taken);
}

static const struct cs_field flag_fields[] = {
    CS_FIELD(0, CS_F_BOOL, struct sample, flag, CS_FF_OUT, NULL)};
static const struct cs_record flag_record = {.name = "flag",
                                             .size = sizeof(struct sample),
                                             .fields = flag_fields,
                                             .field_count = 1,
                                             .doc = "A flag."};
struct put_together {
    const void *members, *maybe_members, *record, *secret, *link;
};
static const struct cs_field text_fields[] = {
    CS_FIELD(0, CS_F_TEXT, struct sample, text, CS_FF_OUT, NULL)};
static const struct cs_record text_record = {
    .name = "text", .size = sizeof(struct sample), .fields = text_fields, .field_count = 1};
static const struct cs_view_part view_parts[] = {
    {.kind = CS_VIEW_MEMBERS,
     .offset = offsetof(struct put_together, members),
     .record = &flag_record},
    {.kind = CS_VIEW_MEMBERS,
     .offset = offsetof(struct put_together, maybe_members),
     .record = &text_record,
     .optional = true},
    {.kind = CS_VIEW_RECORD,
     .name = "record",
     .offset = offsetof(struct put_together, record),
     .record = &flag_record,
     .doc = "A record."},
    {.kind = CS_VIEW_SECRET,
     .name = "secret",
     .offset = offsetof(struct put_together, secret),
     .optional = true,
     .doc = "A secret."},
    {.kind = CS_VIEW_LINK, .name = "link", .offset = offsetof(struct put_together, link)},
};
static const struct cs_view view = {
    .name = "view", .parts = view_parts, .part_count = 5, .doc = "A view."};

static void test_views(void **state)
{
    static const char wanted[] =
        "{\"type\":\"object\",\"description\":\"A view.\",\"properties\":{"
        "\"flag\":{\"type\":\"boolean\"},\"text\":{\"type\":\"string\"},"
        "\"record\":{\"$ref\":\"#/components/schemas/flag\",\"description\":\"A record.\"},"
        "\"secret\":{\"type\":\"string\",\"description\":\"A secret.\"},"
        "\"link\":{\"type\":\"string\",\"format\":\"uri\"}},"
        "\"required\":[\"flag\",\"record\",\"link\"],\"additionalProperties\":false}";
    struct cs_tree tree = {.schemas = json_object()};
    (void)state;
    json_decref(cs_schema_view(&tree, &view));
    char *text = json_dumps(json_object_get(tree.schemas, "view"), JSON_COMPACT);
    assert_string_equal(text, wanted);
    assert_int_equal(json_object_size(tree.schemas), 2);
    free(text);
    json_decref(tree.schemas);
}

static void test_ids_of_several_kinds(void **state)
{
    (void)state;
    json_t *schema = cs_schema_id("tok svc");
    assert_string_equal(json_string_value(json_object_get(schema, "pattern")),
                        "^(tok|svc)_[0-7][0-9A-HJKMNP-TV-Z]{25}$");
    json_decref(schema);
}

static void test_a_buffer_that_is_too_small_is_noticed(void **state)
{
    const struct published *p = *state;
    struct cs_buf text;
    cs_buf_init(&text, 1000);
    cs_openapi_json(p->routes, &text);
    assert_int_not_equal(cs_buf_err(&text), CS_OK);
    cs_buf_free(&text);
}

/* Two runs say the same: the copy that is kept beside the code depends on it. */
static void test_it_is_the_same_each_time(void **state)
{
    const struct published *p = *state;
    struct cs_buf one;
    struct cs_buf two;
    cs_buf_init(&one, CS_OPENAPI_MAX);
    cs_buf_init(&two, CS_OPENAPI_MAX);
    cs_openapi_json(p->routes, &one);
    cs_openapi_json(p->routes, &two);
    assert_string_equal(cs_buf_text(&one), cs_buf_text(&two));
    assert_int_equal(one.bytes[one.len - 1], '\n');
    cs_buf_free(&one);
    cs_buf_free(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_route_is_described_as_it_is),
        cmocka_unit_test(test_what_an_operation_can_answer),
        cmocka_unit_test(test_references_lead_somewhere_and_objects_are_closed),
        cmocka_unit_test(test_problems_have_every_code),
        cmocka_unit_test(test_refusals_name_the_headers_that_they_bear),
        cmocka_unit_test(test_routes_keep_the_rules_of_the_house),
        cmocka_unit_test(test_each_type_of_field),
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_ids_of_several_kinds),
        cmocka_unit_test(test_a_buffer_that_is_too_small_is_noticed),
        cmocka_unit_test(test_it_is_the_same_each_time),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
