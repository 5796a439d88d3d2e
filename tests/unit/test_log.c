#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/log_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The one line of a log in JSON. */
static json_t *parse_line(struct fixture *f)
{
    json_error_t error;
    read_log(f);
    assert_ptr_equal(strchr(f->text, '\n'), f->text + f->len - 1);
    json_t *line = json_loadb(f->text, f->len - 1, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(line);
    return line;
}

/*
 * Counts the fields of a line of logfmt as a strict reader sees them: key=bare or key="quoted",
 * parted by one space. 0 if it is not such a line.
 */
static size_t count_fields(const char *line)
{
    size_t count = 0;
    for (;;) {
        size_t key = strspn(line, "abcdefghijklmnopqrstuvwxyz_");
        if (key == 0 || line[key] != '=')
            return 0;
        line += key + 1;
        if (*line == '"') {
            for (line++; *line != '"'; line++) {
                line += *line == '\\';
                if ((unsigned char)*line < ' ')
                    return 0;
            }
            line++;
        } else {
            line += strcspn(line, " \"=\\\n");
        }
        count++;
        if (*line == '\n')
            return line[1] == '\0' ? count : 0;
        if (*line++ != ' ')
            return 0;
    }
}

/* ---- the two forms ---- */

static void test_a_line_of_logfmt(void **state)
{
    (void)state;
    struct fixture f;
    open_log(&f, CS_LOG_INFO, CS_LOG_LOGFMT);
    cs_log_line(f.log, CS_LOG_INFO, "listening",
                CS_FIELDS(CS_T("address", "[::1]:8080"), CS_N("port", 8080), CS_N("low", INT64_MIN),
                          CS_T("who", "two words"), CS_T("none", NULL), CS_T("empty", ""),
                          CS_E(CS_ERR_IO)));
    read_log(&f);
    assert_string_equal(after_time(f.text),
                        " level=info msg=\"listening\" address=[::1]:8080 port=8080"
                        " low=-9223372036854775808 who=\"two words\" none=\"\" empty=\"\""
                        " error=io\n");
    close_log(&f);
}

static void test_a_line_of_json(void **state)
{
    (void)state;
    struct fixture f;
    open_log(&f, CS_LOG_INFO, CS_LOG_JSON);
    cs_log_line(f.log, CS_LOG_WARN, "slow",
                CS_FIELDS(CS_T("path", "/v1/me"), CS_N("ms", -5), CS_N("top", INT64_MAX),
                          CS_T("none", NULL), CS_T("empty", ""), CS_E(CS_ERR_FULL)));
    read_log(&f);
    assert_memory_equal(f.text, "{\"time\":\"", 9);
    assert_string_equal(f.text + 9 + TIME_LEN,
                        "\",\"level\":\"warn\",\"msg\":\"slow\",\"path\":\"/v1/me\",\"ms\":-5,"
                        "\"top\":9223372036854775807,\"none\":null,\"empty\":\"\","
                        "\"error\":\"full\"}\n");
    close_log(&f);
}

static void test_a_line_without_fields(void **state)
{
    (void)state;
    struct fixture f;
    open_log(&f, CS_LOG_INFO, CS_LOG_LOGFMT);
    cs_log_line(f.log, CS_LOG_ERROR, "stopped", CS_NO_FIELDS);
    read_log(&f);
    assert_string_equal(after_time(f.text), " level=error msg=\"stopped\"\n");
    close_log(&f);
    open_log(&f, CS_LOG_INFO, CS_LOG_JSON);
    cs_log_line(f.log, CS_LOG_ERROR, "stopped", CS_NO_FIELDS);
    json_t *line = parse_line(&f);
    assert_int_equal(json_object_size(line), 3);
    json_decref(line);
    close_log(&f);
}

static void test_the_time_is_the_turned_clocks(void **state)
{
    (void)state;
    struct fixture f;
    int64_t told = 0;
    open_log(&f, CS_LOG_INFO, CS_LOG_JSON);
    cs_clock_turn(&f.clock, 400 * 86400000LL);
    int64_t before = cs_clock_wall_ms(&f.clock);
    cs_log_line(f.log, CS_LOG_INFO, "x", CS_NO_FIELDS);
    int64_t after = cs_clock_wall_ms(&f.clock);
    json_t *line = parse_line(&f);
    assert_int_equal(cs_time_parse(json_string_value(json_object_get(line, "time")), &told), CS_OK);
    assert_true(told >= before && told <= after);
    json_decref(line);
    close_log(&f);
}

static void test_levels_above_are_not_written(void **state)
{
    (void)state;
    for (int level = CS_LOG_ERROR; level <= CS_LOG_DEBUG; level++) {
        struct fixture f;
        open_log(&f, (enum cs_log_level)level, CS_LOG_LOGFMT);
        for (int of_line = CS_LOG_ERROR; of_line <= CS_LOG_DEBUG; of_line++) {
            forget_log(&f);
            cs_log_line(f.log, (enum cs_log_level)of_line, "x", CS_NO_FIELDS);
            read_log(&f);
            assert_int_equal(f.len > 0, of_line <= level);
            assert_int_equal(cs_log_wants(f.log, (enum cs_log_level)of_line), of_line <= level);
        }
        close_log(&f);
    }
}

static void test_no_log_swallows_lines(void **state)
{
    (void)state;
    assert_false(cs_log_wants(NULL, CS_LOG_ERROR));
    cs_log_line(NULL, CS_LOG_ERROR, "x", CS_FIELDS(CS_N("n", 1)));
}

static void test_names_of_levels_and_forms(void **state)
{
    (void)state;
    static const char *const levels[] = {"error", "warn", "info", "debug"};
    static const char *const wrong[] = {"", "Error", "warning", "info ", " info", "json", "0"};
    enum cs_log_level level = CS_LOG_DEBUG;
    for (size_t i = 0; i < COUNT(levels); i++) {
        assert_int_equal(cs_log_level_parse(levels[i], &level), CS_OK);
        assert_int_equal(level, i);
    }
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_int_equal(cs_log_level_parse(wrong[i], &level), CS_ERR_INVALID);
    assert_null(cs_log_level_names[COUNT(levels)]);
    assert_string_equal(cs_log_format_names[CS_LOG_LOGFMT], "logfmt");
    assert_string_equal(cs_log_format_names[CS_LOG_JSON], "json");
    assert_null(cs_log_format_names[CS_LOG_JSON + 1]);
}

/* ---- forging ---- */

static const struct {
    const char *value, *logfmt;
} hostile[] = {
    {"a b", "\"a b\""},
    {"a=b", "\"a=b\""},
    {"\"", "\"\\\"\""},
    {"\\", "\"\\\\\""},
    {"\\\"", "\"\\\\\\\"\""},
    {"x\" level=error msg=\"y", "\"x\\\" level=error msg=\\\"y\""},
    {"x\ntime=2026-01-01T00:00:00.000Z level=error", NULL},
    {"a\nb", "\"a\\u000ab\""},
    {"a\r\nb", "\"a\\u000d\\u000ab\""},
    {"\t", "\"\\u0009\""},
    {"\x1b[2J", "\"\\u001b[2J\""},   /* clears a terminal */
    {"\xc2\x9b[J", "\"\\u009b[J\""}, /* the same in one character */
    {"\x7f", "\"\\u007f\""},         /* DEL */
    {"\xe2\x80\xa8", "\"\\u2028\""}, /* line separator */
    {"\xe2\x80\xae"
     "gpj",
     "\"\\u202egpj\""}, /* reads from the right */
    {"\xe2\x81\xa6", "\"\\u2066\""},
    {"\xef\xbb\xbf", "\"\\ufeff\""},
    {"\xf3\xa0\x80\x81", "\"\\udb40\\udc01\""}, /* a tag that no one sees */
    {"\xff", "\"\\ufffd\""},
    {"\xc3", "\"\\ufffd\""},
    {"\xc0\x8a", "\"\\ufffd\\ufffd\""}, /* a line end in too long a form */
    {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
    {"Grüße 世界 😀", "\"Grüße 世界 😀\""},
    {"plain-1.2:/@+%~", "plain-1.2:/@+%~"},
};

static void test_no_value_forges_a_line_or_a_field(void **state)
{
    (void)state;
    struct fixture f;
    open_log(&f, CS_LOG_INFO, CS_LOG_LOGFMT);
    for (size_t i = 0; i < COUNT(hostile); i++) {
        forget_log(&f);
        cs_log_line(f.log, CS_LOG_INFO, "m", CS_FIELDS(CS_T("v", hostile[i].value), CS_N("n", 1)));
        read_log(&f);
        assert_int_equal(count_fields(f.text), 5);
        if (hostile[i].logfmt != NULL) {
            char expect[200];
            (void)snprintf(expect, sizeof(expect), " level=info msg=\"m\" v=%s n=1\n",
                           hostile[i].logfmt);
            assert_string_equal(after_time(f.text), expect);
        }
    }
    close_log(&f);
}

static void test_json_gives_values_back(void **state)
{
    (void)state;
    struct fixture f;
    open_log(&f, CS_LOG_INFO, CS_LOG_JSON);
    for (size_t i = 0; i < COUNT(hostile); i++) {
        forget_log(&f);
        cs_log_line(f.log, CS_LOG_INFO, hostile[i].value, CS_FIELDS(CS_T("v", hostile[i].value)));
        json_t *line = parse_line(&f);
        assert_int_equal(json_object_size(line), 4);
        const char *back = json_string_value(json_object_get(line, "v"));
        assert_string_equal(json_string_value(json_object_get(line, "msg")), back);
        if (strstr(back, "\xef\xbf\xbd") == NULL)
            assert_string_equal(back, hostile[i].value);
        json_decref(line);
    }
    close_log(&f);
}

static void test_every_pair_of_bytes_stays_one_field(void **state)
{
    (void)state;
    struct fixture logfmt;
    struct fixture json;
    open_log(&logfmt, CS_LOG_INFO, CS_LOG_LOGFMT);
    open_log(&json, CS_LOG_INFO, CS_LOG_JSON);
    for (unsigned pair = 0x0101; pair <= 0xffff; pair += 3) {
        char value[3] = {(char)(pair >> 8), (char)(pair & 0xff), '\0'};
        forget_log(&logfmt);
        cs_log_line(logfmt.log, CS_LOG_INFO, "m", CS_FIELDS(CS_T("v", value)));
        read_log(&logfmt);
        assert_int_equal(count_fields(logfmt.text), 4);
        forget_log(&json);
        cs_log_line(json.log, CS_LOG_INFO, "m", CS_FIELDS(CS_T("v", value)));
        json_t *line = parse_line(&json);
        assert_int_equal(json_object_size(line), 4);
        json_decref(line);
    }
    close_log(&logfmt);
    close_log(&json);
}

/* ---- limits ---- */

static void test_long_values_are_cut(void **state)
{
    (void)state;
    static const struct {
        size_t letters;
        const char *tail; /* what follows the letters in */
        const char *told; /* what follows the letters out */
    } cases[] = {
        {511, "", ""},     {512, "", ""},     {511, "yz", "y…"},
        {511, "😀", "😀"},   {511, "😀z", "😀…"}, {510, "é", "é"},
        {511, "éé", "é…"}, {509, "😀", "😀"},   {511, "\xf0\x9f", "\xef\xbf\xbd…"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture f;
        char value[600] = {0};
        char expect[600] = {0};
        memset(value, 'x', cases[i].letters);
        memset(expect, 'x', cases[i].letters);
        strcat(value, cases[i].tail);
        strcat(expect, cases[i].told);
        open_log(&f, CS_LOG_INFO, CS_LOG_JSON);
        cs_log_line(f.log, CS_LOG_INFO, "m", CS_FIELDS(CS_T("v", value)));
        json_t *line = parse_line(&f);
        assert_string_equal(json_string_value(json_object_get(line, "v")), expect);
        json_decref(line);
        close_log(&f);
    }
}

static void test_a_line_never_passes_what_a_pipe_takes_whole(void **state)
{
    (void)state;
    static const enum cs_log_format formats[] = {CS_LOG_LOGFMT, CS_LOG_JSON};
    char longest[2000];
    memset(longest, 1, sizeof(longest) - 1); /* each becomes six */
    longest[sizeof(longest) - 1] = '\0';
    for (size_t i = 0; i < COUNT(formats); i++) {
        struct fixture f;
        open_log(&f, CS_LOG_INFO, formats[i]);
        cs_log_line(f.log, CS_LOG_INFO, longest,
                    CS_FIELDS(CS_T("a", longest), CS_T("b", longest), CS_N("c", 3)));
        read_log(&f);
        assert_true(f.len <= 4096);
        if (formats[i] == CS_LOG_JSON) {
            json_t *line = parse_line(&f);
            assert_null(json_object_get(line, "a")); /* whole or not at all */
            assert_int_equal(json_integer_value(json_object_get(line, "c")), 3);
            assert_true(json_is_true(json_object_get(line, "cut")));
            json_decref(line);
        } else {
            assert_int_equal(count_fields(f.text), 5);
            assert_non_null(strstr(f.text, " c=3 cut=true\n"));
        }
        close_log(&f);
    }
}

/* Walks the last field's end over the line's end, byte by byte. */
static void test_lines_of_every_length_about_the_limit_are_well_formed(void **state)
{
    (void)state;
    char value[513] = {0};
    char last[513] = {0};
    struct fixture f;
    memset(value, 'x', 512);
    open_log(&f, CS_LOG_INFO, CS_LOG_JSON);
    for (size_t len = 300; len <= 512; len++) {
        memset(last, 'y', len);
        forget_log(&f);
        cs_log_line(f.log, CS_LOG_INFO, "m",
                    CS_FIELDS(CS_T("a", value), CS_T("b", value), CS_T("c", value),
                              CS_T("d", value), CS_T("e", value), CS_T("f", value),
                              CS_T("g", value), CS_T("h", last)));
        json_t *line = parse_line(&f);
        assert_true(f.len <= 4096);
        assert_int_equal(json_object_get(line, "h") == NULL,
                         json_is_true(json_object_get(line, "cut")));
        json_decref(line);
    }
    assert_non_null(strstr(f.text, "\"cut\":true"));
    close_log(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_of_logfmt),
        cmocka_unit_test(test_a_line_of_json),
        cmocka_unit_test(test_a_line_without_fields),
        cmocka_unit_test(test_the_time_is_the_turned_clocks),
        cmocka_unit_test(test_levels_above_are_not_written),
        cmocka_unit_test(test_no_log_swallows_lines),
        cmocka_unit_test(test_names_of_levels_and_forms),
        cmocka_unit_test(test_no_value_forges_a_line_or_a_field),
        cmocka_unit_test(test_json_gives_values_back),
        cmocka_unit_test(test_every_pair_of_bytes_stays_one_field),
        cmocka_unit_test(test_long_values_are_cut),
        cmocka_unit_test(test_a_line_never_passes_what_a_pipe_takes_whole),
        cmocka_unit_test(test_lines_of_every_length_about_the_limit_are_well_formed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
