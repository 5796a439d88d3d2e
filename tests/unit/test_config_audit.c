/* The configuration's part about the audit log: what it says, its defaults, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/config/config.h"
#include "server/witness.h"

static const char start[] =
    "version: 1\ndata: /var/lib/countersign\nroot_key:\n  file: /root.key\n";

struct reading {
    char text[2048];
    struct cs_report report;
    struct cs_config config;
};

static enum cs_err read_config(struct reading *reading, const char *audit)
{
    snprintf(reading->text, sizeof(reading->text), "%s%s", start, audit);
    return cs_config_load_bytes("x.yaml", cs_slice_str(reading->text), &reading->report,
                                &reading->config);
}

static void what_it_says_is_taken(void **state)
{
    struct reading *reading = *state;
    const struct cs_config_audit *audit = &reading->config.audit;
    assert_int_equal(read_config(reading, ""), CS_OK);
    assert_string_equal(audit->origin, "");
    assert_int_equal(audit->argc, 0);
    assert_int_equal(read_config(reading, "audit:\n"
                                          "  origin: keys.example/audit\n"
                                          "  witness:\n"
                                          "    command: [keep, --append]\n"),
                     CS_OK);
    assert_string_equal(audit->origin, "keys.example/audit");
    assert_int_equal(audit->argc, 2);
    assert_string_equal(audit->argv[1], "--append");
    assert_int_equal(audit->interval_s, CS_WITNESS_INTERVAL_S);
    assert_int_equal(audit->timeout_s, CS_WITNESS_TIMEOUT_S);
    assert_int_equal(read_config(reading, "audit:\n"
                                          "  witness:\n"
                                          "    command: [keep]\n"
                                          "    interval_s: 86400\n"
                                          "    timeout_s: 300\n"),
                     CS_OK);
    assert_int_equal(audit->interval_s, 86400);
    assert_int_equal(audit->timeout_s, 300);
}

static void what_is_wrong_is_told_with_its_place(void **state)
{
    struct reading *reading = *state;
    static const struct {
        const char *audit;
        unsigned line;
        const char *says;
    } cases[] = {
        {"audit:\n  origin: a b\n", 6, "keys.example/audit"},
        {"audit:\n  origin: a+b\n", 6, "keys.example/audit"},
        {"audit:\n  origin: ''\n", 6, "keys.example/audit"},
        {"audit:\n  orign: a\n", 6, "origin"},
        {"audit:\n  witness: {}\n", 6, "command"},
        {"audit:\n  witness:\n    command: []\n", 7, "1 to 16 members"},
        {"audit:\n  witness:\n    command: keep\n", 7, "list"},
        {"audit:\n  witness:\n    command: [a]\n    interval_s: 0\n", 8, "1"},
        {"audit:\n  witness:\n    command: [a]\n    interval_s: 86401\n", 8, "86400"},
        {"audit:\n  witness:\n    command: [a]\n    timeout_s: 0\n", 8, "1"},
        {"audit:\n  witness:\n    command: [a]\n    timeout_s: 301\n", 8, "300"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(read_config(reading, cases[i].audit), CS_ERR_INVALID);
        const struct cs_report *report = &reading->report;
        if (report->count != 1 || report->items[0].at.line != cases[i].line ||
            strstr(report->items[0].message, cases[i].says) == NULL)
            fail_msg("case %zu: line %u, %s", i, report->items[0].at.line,
                     report->items[0].message);
    }
}

static int setup(void **state)
{
    *state = test_calloc(1, sizeof(struct reading));
    return 0;
}

static int teardown(void **state)
{
    test_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_it_says_is_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_told_with_its_place, setup, teardown),
    };
    return cmocka_run_group_tests_name("config_audit", tests, NULL, NULL);
}
