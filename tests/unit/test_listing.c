#include "tests/unit/call_fixture.h"

#include "server/resource/listing.h"

/* Things with an id and a text, of which a page is made to order. */
struct thing {
    struct cs_id id;
    char text[64];
};
static const struct cs_field thing_fields[] = {
    CS_FIELD(0, CS_F_TEXT, struct thing, text, CS_FF_OUT, "For a test."),
};
static const struct cs_record thing_record = {
    .name = "thing",
    .size = sizeof(struct thing),
    .fields = thing_fields,
    .field_count = 1,
};

struct source {
    struct cs_page seen; /* as fetch got it */
    size_t count;
    uint64_t next;
    enum cs_err err;
};

static enum cs_err fetch(struct cs_change *change, struct cs_listing *listing)
{
    struct source *source = listing->filter;
    struct thing *things = listing->items;
    (void)change;
    source->seen = listing->page;
    for (size_t i = 0; i < source->count; i++) {
        cs_id_set_handle(&things[i].id, 1000 + i);
        snprintf(things[i].text, sizeof(things[i].text), "thing %zu", i);
    }
    listing->count = source->count;
    listing->page.next = source->next;
    return source->err;
}

static enum cs_err refuse_to_write(struct cs_change *change, const void *item)
{
    (void)item;
    return cs_change_hide(change->call);
}

/* An eighth of what a body may have. */
#define LARGE (CS_REPLY_BODY_MAX / 8)
static enum cs_err write_large(struct cs_change *change, const void *item)
{
    (void)item;
    struct cs_buf *body = &change->call->reply.body;
    cs_buf_put_char(body, '"');
    for (size_t i = 0; i < LARGE; i++)
        cs_buf_put_char(body, 'x');
    cs_buf_put_char(body, '"');
    return CS_OK;
}

static enum cs_err no_handler(struct cs_call *call)
{
    (void)call;
    return CS_OK;
}

static const struct cs_route route = {
    .method = CS_METHOD_GET,
    .path = "/v1/things",
    .who = CS_WHO_ADMIN,
    .speed = CS_SPEED_WORK,
    .handler = no_handler,
    .name = "thing.list",
    .summary = "For a test.",
};

static enum cs_err list(struct sent *sent, struct source *source, cs_listing_write_fn *write)
{
    struct cs_listing listing = {
        .size = sizeof(struct thing),
        .record = write == NULL ? &thing_record : NULL,
        .write = write,
        .fetch = fetch,
        .filter = source,
    };
    return cs_listing_answer(&sent->call, &listing);
}

static void test_pages_as_json(void **state)
{
    static const struct {
        size_t count;
        uint64_t next;
        const char *text;
    } cases[] = {
        {0, 0, "{\"items\":[],\"next_cursor\":null}"},
        {1, 0, "{\"items\":[{\"text\":\"thing 0\"}],\"next_cursor\":null}"},
        {2, 62,
         "{\"items\":[{\"text\":\"thing 0\"},{\"text\":\"thing 1\"}],"
         "\"next_cursor\":\"00000000010\"}"},
        {0, UINT64_MAX, "{\"items\":[],\"next_cursor\":\"LygHa16AHYF\"}"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct source source = {.count = cases[i].count, .next = cases[i].next};
        struct sent sent;
        sent_init(&sent, *state, &route);
        assert_int_equal(list(&sent, &source, NULL), CS_OK);
        assert_string_equal(sent_text(&sent), cases[i].text);
        assert_int_equal(sent.call.reply.status, 200);
        sent_free(&sent);
    }
}

static void test_what_the_query_says_of_the_page(void **state)
{
    static const struct {
        const char *name, *value;
        enum cs_err err;
        struct cs_page page;
    } cases[] = {
        {NULL, NULL, CS_OK, {.limit = 25, .order = CS_DESCENDING}},
        {"limit", "1", CS_OK, {.limit = 1, .order = CS_DESCENDING}},
        {"limit", "100", CS_OK, {.limit = 100, .order = CS_DESCENDING}},
        {"limit", "0", CS_ERR_INVALID, {0}},
        {"limit", "101", CS_ERR_INVALID, {0}},
        {"limit", "", CS_ERR_INVALID, {0}},
        {"limit", "-1", CS_ERR_INVALID, {0}},
        {"limit", "99999999999999999999", CS_ERR_INVALID, {0}},
        {"order", "oldest", CS_OK, {.limit = 25, .order = CS_ASCENDING}},
        {"order", "newest", CS_OK, {.limit = 25, .order = CS_DESCENDING}},
        {"order", "Newest", CS_ERR_INVALID, {0}},
        {"order", "", CS_ERR_INVALID, {0}},
        {"cursor", "00000000010", CS_OK, {.limit = 25, .order = CS_DESCENDING, .after = 62}},
        {"cursor",
         "LygHa16AHYF",
         CS_OK,
         {.limit = 25, .order = CS_DESCENDING, .after = UINT64_MAX}},
        {"cursor", "LygHa16AHYG", CS_ERR_INVALID, {0}}, /* past 64 bits */
        {"cursor", "0000000001", CS_ERR_INVALID, {0}},
        {"cursor", "000000000100", CS_ERR_INVALID, {0}},
        {"cursor", "0000000001-", CS_ERR_INVALID, {0}},
        {"cursor", "", CS_ERR_INVALID, {0}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct source source = {.count = 0};
        struct sent sent;
        sent_init(&sent, *state, &route);
        if (cases[i].name != NULL)
            sent_query(&sent, cases[i].name, cases[i].value);
        assert_int_equal(list(&sent, &source, NULL), cases[i].err);
        assert_int_equal(source.seen.limit, cases[i].page.limit);
        if (cases[i].err == CS_OK) {
            assert_int_equal(source.seen.order, cases[i].page.order);
            assert_true(source.seen.after == cases[i].page.after);
        } else {
            assert_int_equal(sent.call.fault.code, CS_FAULT_INVALID_QUERY);
        }
        sent_free(&sent);
    }
}

/* A hundred requests full of characters that JSON escapes would not fit an answer. */
static void test_a_page_that_grows_large_ends_early(void **state)
{
    struct source source = {.count = 20, .next = 5};
    struct sent sent;
    sent_init(&sent, *state, &route);
    assert_int_equal(list(&sent, &source, write_large), CS_OK);
    const char *text = sent_text(&sent);
    size_t len = sent.call.reply.body.len;
    assert_true(len > CS_REPLY_BODY_MAX / 2 && len < CS_REPLY_BODY_MAX);
    /* Four are written; the next page begins after the last of them, whose handle is 1003. */
    char next[64];
    char digits[12] = "";
    cs_base62_encode_u64(1003, digits, 11);
    snprintf(next, sizeof(next), "\"],\"next_cursor\":\"%s\"}", digits);
    assert_string_equal(text + len - strlen(next), next);
    sent_free(&sent);
}

static void test_errors_come_through(void **state)
{
    struct source source = {.count = 1, .err = CS_ERR_CORRUPT};
    struct sent sent;
    sent_init(&sent, *state, &route);
    assert_int_equal(list(&sent, &source, NULL), CS_ERR_CORRUPT);
    source.err = CS_OK;
    assert_int_equal(list(&sent, &source, refuse_to_write), CS_ERR_NOT_FOUND);
    assert_int_equal(sent.call.fault.code, CS_FAULT_NOT_FOUND);
    sent_free(&sent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CALL_CASE(test_pages_as_json),
        CALL_CASE(test_what_the_query_says_of_the_page),
        CALL_CASE(test_a_page_that_grows_large_ends_early),
        CALL_CASE(test_errors_come_through),
    };
    return cmocka_run_group_tests(tests, vault_group_setup, vault_group_teardown);
}
