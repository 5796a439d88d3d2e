#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/load/schema.h"
#include "policy/load/suggest.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct cs_report report;

static struct cs_yaml *parse(const char *text)
{
    struct cs_yaml *yaml = NULL;
    cs_report_init(&report, "f");
    assert_int_equal(cs_yaml_parse(cs_slice_str(text), &report, &yaml), CS_OK);
    assert_non_null(yaml);
    assert_int_equal(report.count, 0);
    return yaml;
}

/* A struct and its schema, of every type there is. */
struct sample {
    char text[8];
    char words[32];
    uint64_t number;
    bool truth;
    uint32_t flags;
    int choice;
    uint64_t time_s;
    struct {
        uint64_t inner;
    } sub;
    const struct cs_yaml_node *custom;
};

static void keep(const struct cs_schema_read *in, const struct cs_yaml_node *node, void *target)
{
    assert_string_equal(in->user, "user");
    *(const struct cs_yaml_node **)target = node;
}

static const char *const choices[] = {"red", "green", NULL};
static const struct cs_schema_field sub_fields[] = {
    CS_S_KEY("inner", CS_S_UINT, struct sample, sub.inner, true, .max = 9),
};
static const struct cs_schema sub_schema = CS_S_TABLE("a sub", sub_fields);
static const struct cs_schema_field fields[] = {
    CS_S_FIELD(CS_S_TEXT, struct sample, text, false, .min = 2),
    CS_S_FIELD(CS_S_WORDS, struct sample, words, false, .min = 1, .max = 3),
    CS_S_FIELD(CS_S_UINT, struct sample, number, false, .min = 2, .max = 999999999999999999),
    CS_S_FIELD(CS_S_BOOL, struct sample, truth, false),
    CS_S_KEY("second", CS_S_FLAG, struct sample, flags, false, .min = 2),
    CS_S_FIELD(CS_S_ENUM, struct sample, choice, false, .names = choices),
    CS_S_KEY("time", CS_S_DURATION, struct sample, time_s, false, .min = 60, .max = 86400),
    {.key = "sub", .type = CS_S_MAP, .sub = &sub_schema},
    CS_S_FIELD(CS_S_CUSTOM, struct sample, custom, false, .read = keep),
};
static const struct cs_schema schema = CS_S_TABLE("a sample", fields);

/* Reads into *sample; *yaml owns what `custom` points to. */
static void read_sample(const char *text, struct sample *sample, struct cs_yaml **yaml)
{
    const struct cs_schema_read in = {.report = &report, .user = "user"};
    *yaml = parse(text);
    cs_schema_read(&in, &schema, cs_yaml_root(*yaml), sample);
    cs_report_sort(&report);
}

static void reads_every_type(void **state)
{
    (void)state;
    struct sample sample = {.flags = 5, .choice = 0};
    struct cs_yaml *yaml = NULL;
    read_sample("text: seven77\nwords: [b, a-1, c_]\nnumber: 999999999999999999\ntruth: true\n"
                "second: true\nchoice: green\ntime: 2h\nsub: { inner: 0 }\ncustom: [x]\n",
                &sample, &yaml);
    assert_int_equal(report.count, 0);
    assert_string_equal(sample.text, "seven77");
    assert_string_equal(sample.words, "a-1 b c_");
    assert_int_equal(sample.number, 999999999999999999);
    assert_true(sample.truth);
    assert_int_equal(sample.flags, 7);
    assert_int_equal(sample.choice, 1);
    assert_int_equal(sample.time_s, 7200);
    assert_int_equal(sample.sub.inner, 0);
    assert_int_equal(sample.custom->kind, CS_YAML_LIST);
    cs_yaml_free(&yaml);
    read_sample("second: false\nwords: only\n", &sample, &yaml);
    assert_int_equal(report.count, 0);
    assert_int_equal(sample.flags, 5);
    assert_string_equal(sample.words, "only");
    assert_string_equal(sample.text, "seven77"); /* absent: as it was */
    cs_yaml_free(&yaml);
}

static void tells_what_is_wrong_with_a_value(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"text: a", "`text` must be a text of 2 to 7 bytes, not `a`"},
        {"text: eight888", "`text` must be a text of 2 to 7 bytes, not `eight888`"},
        {"text:", "`text` must be a text of 2 to 7 bytes, not nothing"},
        {"text: [a]", "`text` must be a text of 2 to 7 bytes, not a list"},
        {"text: |\n  two\n  lines",
         "`text` must be a text of 2 to 7 bytes, not the text `two lines`"},
        {"words: []", "`words` must be a list of 1 to 3 words, not of 0"},
        {"words: [a, b, c, d]", "`words` must be a list of 1 to 3 words, not of 4"},
        {"words: { a: 1 }",
         "`words` must be a word of lower-case letters, digits, `_` and `-`, not a map"},
        {"words: [a, A]",
         "the entry must be a word of lower-case letters, digits, `_` and `-`, not `A`"},
        {"words: [a, a]", "`a` is there twice; leave one out"},
        {"words: [aaaaaaaaaaaaaaaa, bbbbbbbbbbbbbbbb]", "too many words; at most 31 bytes in all"},
        {"number: 1", "`number` must be a whole number from 2 to 999999999999999999, not `1`"},
        {"number: 1000000000000000000",
         "`number` must be a whole number from 2 to 999999999999999999, not `1000000000000000000`"},
        {"number: 0x10",
         "`number` must be a whole number from 2 to 999999999999999999, not `0x10`"},
        {"number: 010", "`number` must be a whole number from 2 to 999999999999999999, not `010`"},
        {"number: 1e3", "`number` must be a whole number from 2 to 999999999999999999, not `1e3`"},
        {"number: '7'",
         "`number` must be a whole number from 2 to 999999999999999999, not the text `7`"},
        {"truth: yes", "`truth` must be true or false, not `yes`"},
        {"truth: 'true'", "`truth` must be true or false, not the text `true`"},
        {"second: 1", "`second` must be true or false, not `1`"},
        {"choice: blue", "`choice` must be `red` or `green`, not `blue`"},
        {"time: 59s",
         "`time` must be a time from 1m to 1d, such as 90s, 15m, 72h or 14d, not `59s`"},
        {"time: 61000ms", NULL},
        {"time: 61001ms",
         "`time` must be a time from 1m to 1d, such as 90s, 15m, 72h or 14d, not `61001ms`"},
        {"time: 25h",
         "`time` must be a time from 1m to 1d, such as 90s, 15m, 72h or 14d, not `25h`"},
        {"sub: 1", "`sub` must be a map, not `1`"},
        {"sub: {}", "a sub needs the key `inner`"},
        {"sub: { iner: 1 }", "a sub has no key `iner`; did you mean `inner`?"},
        {"colour: 1", "a sample has no key `colour`; it has text, words, number, truth, second, "
                      "choice, time, sub, custom"},
        {"[text]", "a sample must be a map, not a list"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sample sample = {0};
        struct cs_yaml *yaml = NULL;
        read_sample(cases[i].text, &sample, &yaml);
        assert_int_equal(report.count, cases[i].message != NULL);
        if (cases[i].message != NULL)
            assert_string_equal(report.items[0].message, cases[i].message);
        cs_yaml_free(&yaml);
    }
}

static void suggests_the_nearest(void **state)
{
    (void)state;
    static const char *const known[] = {"orders.read", "orders.write", "themes.read", "risk"};
    static const struct {
        const char *word, *best;
    } cases[] = {
        {"order.read", "orders.read"},
        {"orders.raed", "orders.read"},
        {"orders.wirte", "orders.write"},
        {"rsik", "risk"},
        {"payments.refund", NULL},
        {"", NULL},
        {"x", NULL},
        {"orders.read", "orders.read"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cs_suggest suggest;
        cs_suggest_init(&suggest, cs_slice_str(cases[i].word));
        for (size_t j = 0; j < COUNT(known); j++)
            cs_suggest_offer(&suggest, known[j]);
        const char *best = cs_suggest_best(&suggest);
        if (cases[i].best == NULL)
            assert_null(best);
        else
            assert_string_equal(best, cases[i].best);
    }
}

static void reports_in_order_and_counts_the_rest(void **state)
{
    (void)state;
    char text[4096];
    struct cs_buf out;
    cs_report_init(&report, "f");
    cs_report_add(&report, (struct cs_mark){2, 1}, "second");
    cs_report_add(&report, (struct cs_mark){2, 1}, "third");
    cs_report_add(&report, (struct cs_mark){1, 9}, "first");
    cs_report_add(&report, (struct cs_mark){0, 0}, "whole");
    cs_report_sort(&report);
    cs_buf_lend(&out, text, sizeof(text));
    cs_report_print(&report, &out);
    assert_string_equal(cs_buf_text(&out), "f: whole\nf:1:9: first\nf:2:1: second\nf:2:1: third\n");
    for (size_t i = 4; i < CS_REPORT_MAX + 3; i++)
        cs_report_add(&report, (struct cs_mark){9, 9}, "x");
    assert_int_equal(report.count, CS_REPORT_MAX);
    cs_buf_lend(&out, text, sizeof(text));
    cs_report_print(&report, &out);
    assert_non_null(strstr(cs_buf_text(&out), "f: and 3 more\n"));
}

/* A message that is too long ends at a character, not within one. */
static void cuts_messages_between_characters(void **state)
{
    (void)state;
    char long_text[CS_REPORT_MESSAGE_SIZE + 8];
    for (size_t shift = 0; shift < 3; shift++) {
        memset(long_text, 'x', sizeof(long_text));
        for (size_t i = shift; i + 3 < sizeof(long_text); i += 3)
            memcpy(long_text + i, "€", 3);
        long_text[sizeof(long_text) - 1] = '\0';
        cs_report_init(&report, "f");
        cs_report_add(&report, (struct cs_mark){1, 1}, "%s", long_text);
        const char *message = report.items[0].message;
        assert_true(cs_utf8_is_text(message, strlen(message)));
        assert_true(strlen(message) > CS_REPORT_MESSAGE_SIZE - 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_type),
        cmocka_unit_test(tells_what_is_wrong_with_a_value),
        cmocka_unit_test(suggests_the_nearest),
        cmocka_unit_test(reports_in_order_and_counts_the_rest),
        cmocka_unit_test(cuts_messages_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
