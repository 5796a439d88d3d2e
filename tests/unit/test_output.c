#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/output.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void escapes_what_could_drive_a_terminal(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        const char *want;
        size_t width;
    } cases[] = {
        {"", 0, "", 0},
        {"plain ~ text", 12, "plain ~ text", 12},
        {"back\\slash", 10, "back\\slash", 10},
        {"a\0b", 3, "a\\u0000b", 8},
        {"line\nend\tx", 10, "line\\nend\\tx", 12},
        {"\r", 1, "\\u000d", 6},
        {"\033[31mred\033[0m", 12, "\\u001b[31mred\\u001b[0m", 22},
        {"\033]0;title\007", 10, "\\u001b]0;title\\u0007", 20},
        {"\x7f", 1, "\\u007f", 6},
        {"\xC2\x9B"
         "31m",
         5, "\\u009b31m", 9},    /* CSI as one C1 character */
        {"\x9b", 1, "\\x9b", 4}, /* and as a bare byte */
        {"\xE2\x80\xAE"
         "evil",
         7, "\\u202eevil", 10},                     /* right-to-left override */
        {"\xE2\x81\xA6", 3, "\\u2066", 6},          /* isolate */
        {"a\xE2\x80\x8B", 4, "a\\u200b", 7},        /* zero-width space */
        {"\xEF\xBB\xBF", 3, "\\ufeff", 6},          /* byte order mark */
        {"\xF3\xA0\x81\x81", 4, "\\ue0041", 7},     /* tag character */
        {"\xE2\x80\xA8", 3, "\\u2028", 6},          /* line separator */
        {"\xC0\xAF", 2, "\\xc0\\xaf", 8},           /* overlong */
        {"\xE0\x80\xAF", 3, "\\xe0\\x80\\xaf", 12}, /* overlong */
        {"\xED\xA0\x80", 3, "\\xed\\xa0\\x80", 12}, /* a surrogate */
        {"\xF4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80", 16},
        {"\xF5\x80\x80\x80", 4, "\\xf5\\x80\\x80\\x80", 16},
        {"\xE2\x82", 2, "\\xe2\\x82", 8}, /* cut off */
        {"\xE2\x82z", 3, "\\xe2\\x82z", 9},
        {"\xFF\xFE", 2, "\\xff\\xfe", 8},
        {"\xC3\xA9t\xC3\xA9", 5, "\xC3\xA9t\xC3\xA9", 3},
        {"e\xCC\x81", 3, "e\xCC\x81", 1}, /* combining accent */
        {"\xE6\x97\xA5\xE6\x9C\xAC", 6, "\xE6\x97\xA5\xE6\x9C\xAC", 4},
        {"\xF0\x9F\x94\x91", 4, "\xF0\x9F\x94\x91", 2},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cs_buf out;
        cs_buf_init(&out, 4096);
        cs_output_escape(&out, CS_SLICE(cases[i].text, cases[i].len));
        assert_string_equal(cs_buf_text(&out), cases[i].want);
        if (cs_output_width(CS_SLICE(out.bytes, out.len)) != cases[i].width)
            fail_msg("case %zu: width %zu", i, cs_output_width(CS_SLICE(out.bytes, out.len)));
        cs_buf_free(&out);
    }
}

/* Whatever comes in, what goes out has no control character and is never less than shown. */
static void escapes_every_pair_of_bytes(void **state)
{
    (void)state;
    struct cs_buf out;
    cs_buf_init(&out, 64);
    for (unsigned pair = 0; pair < 0x10000; pair++) {
        const uint8_t bytes[] = {(uint8_t)(pair >> 8), (uint8_t)pair};
        cs_buf_reset(&out);
        cs_output_escape(&out, CS_SLICE(bytes, 2));
        assert_int_equal(cs_buf_err(&out), CS_OK);
        for (size_t i = 0; i < out.len; i++)
            assert_true(out.bytes[i] >= 0x20 && out.bytes[i] != 0x7F);
        assert_true(cs_utf8_is_text((const char *)out.bytes, out.len));
    }
    cs_buf_free(&out);
}

static json_t *load(const char *text)
{
    json_error_t error;
    json_t *value = json_loads(text, JSON_ALLOW_NUL, &error);
    if (value == NULL)
        fail_msg("%s: %s", text, error.text);
    return value;
}

static void lays_out_tables(void **state)
{
    (void)state;
    static const struct cs_column columns[] = {
        {"ID", "id"}, {"NAME", "name"}, {"WORDS", "words"}, {"DEEP", "a.b"}, {0}};
    static const struct {
        const char *items;
        enum cs_output_style style;
        const char *want;
    } cases[] = {
        {"[]", CS_OUTPUT_PLAIN, "ID  NAME  WORDS  DEEP\n"},
        {"[]", CS_OUTPUT_BOLD, "\033[1mID  NAME  WORDS  DEEP\033[0m\n"},
        {"[{\"id\":\"long-id\",\"name\":\"n\",\"words\":[\"a\",\"b\"],\"a\":{\"b\":true}},"
         "{\"id\":7,\"name\":null,\"words\":[],\"a\":{\"b\":1.5}},"
         "{\"name\":\"\\u65e5\\u672c\",\"words\":[{\"x\":1}],\"a\":1}]",
         CS_OUTPUT_PLAIN,
         "ID       NAME  WORDS      DEEP\n"
         "long-id  n     a b        yes\n"
         "7        -     -          1.5\n"
         "-        \xE6\x97\xA5\xE6\x9C\xAC  [{\"x\":1}]  -\n"},
        {"[{\"id\":\"\\u001b[2J\\n\",\"name\":\"\\u0000\",\"words\":\"w\",\"a\":{\"b\":false}}]",
         CS_OUTPUT_PLAIN,
         "ID           NAME    WORDS  DEEP\n"
         "\\u001b[2J\\n  \\u0000  w      no\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cs_buf out;
        json_t *items = load(cases[i].items);
        cs_buf_init(&out, 65536);
        cs_output_table(&out, columns, items, cases[i].style);
        assert_string_equal(cs_buf_text(&out), cases[i].want);
        cs_buf_free(&out);
        json_decref(items);
    }
}

static void lays_out_objects(void **state)
{
    (void)state;
    static const struct {
        const char *object;
        const char *want;
    } cases[] = {
        {"{}", ""},
        {"{\"a\":{},\"b\":[]}", "a  -\nb  -\n"},
        {"{\"id\":\"x\",\"longer\":null}", "id      x\nlonger  -\n"},
        {"{\"rule\":{\"name\":\"r\",\"groups\":[\"a\",\"b\"]},\"list\":[{\"n\":1},{\"n\":2}]}",
         "rule.name    r\nrule.groups  a b\nlist.1.n     1\nlist.2.n     2\n"},
        {"{\"text\":\"one\\ntwo\\u001b\"}", "text  one\n      two\\u001b\n"},
        /* A name can not forge a line either. */
        {"{\"a\\nb\":1}", "a\\nb  1\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cs_buf out;
        json_t *object = load(cases[i].object);
        cs_buf_init(&out, 65536);
        cs_output_object(&out, object);
        assert_string_equal(cs_buf_text(&out), cases[i].want);
        cs_buf_free(&out);
        json_decref(object);
    }
}

static void bounds_the_depth_of_objects(void **state)
{
    (void)state;
    char text[4096] = "";
    for (int i = 0; i < 400; i++)
        strcat(text, "{\"a\":");
    strcat(text, "1");
    for (int i = 0; i < 400; i++)
        strcat(text, "}");
    struct cs_buf out;
    json_t *object = load(text);
    cs_buf_init(&out, 65536);
    cs_output_object(&out, object);
    assert_int_equal(cs_buf_err(&out), CS_OK);
    assert_int_equal(strncmp(cs_buf_text(&out), "a.a.a.a.a.a.a.a  {\"a\":", 22), 0);
    cs_buf_free(&out);
    json_decref(object);
}

static void writes_json_for_each_reader(void **state)
{
    (void)state;
    struct cs_buf out;
    json_t *value = load("{\"name\":\"\\u00e9\\u007f\\u001b\"}");
    cs_buf_init(&out, 4096);
    cs_output_json(&out, value, CS_OUTPUT_UTF8);
    assert_string_equal(cs_buf_text(&out), "{\n  \"name\": \"\xC3\xA9\\u007f\\u001B\"\n}\n");
    cs_buf_reset(&out);
    cs_output_json(&out, value, CS_OUTPUT_ASCII);
    assert_string_equal(cs_buf_text(&out), "{\n  \"name\": \"\\u00E9\\u007f\\u001B\"\n}\n");
    cs_buf_free(&out);
    json_decref(value);
}

static void finds_members_by_path(void **state)
{
    (void)state;
    json_t *object = load("{\"a\":{\"b\":{\"c\":\"x\"}},\"\":1}");
    assert_string_equal(json_string_value(cs_output_member(object, "a.b.c")), "x");
    assert_true(json_is_object(cs_output_member(object, "a.b")));
    assert_null(cs_output_member(object, "a.c"));
    assert_null(cs_output_member(object, "a.b.c.d"));
    assert_null(cs_output_member(NULL, "a"));
    json_decref(object);
}

/* Runs what it is given with stderr (or stdout) in a pipe, and hands back what came out. */
static size_t capture(int fd, void (*run)(void), char *out, size_t size)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int before = dup(fd);
    assert_int_equal(dup2(ends[1], fd), fd);
    close(ends[1]);
    run();
    assert_int_equal(dup2(before, fd), fd);
    close(before);
    ssize_t got = read(ends[0], out, size - 1);
    close(ends[0]);
    assert_true(got >= 0);
    out[got] = '\0';
    return (size_t)got;
}

static void say_something(void)
{
    cs_output_say("no “%s”\n  second line", "\033[31m\r");
    assert_int_equal(cs_output_fail(CS_EXIT_CONFLICT, "%d", 7), CS_EXIT_CONFLICT);
}

static void says_on_stderr(void **state)
{
    (void)state;
    char text[512];
    capture(STDERR_FILENO, say_something, text, sizeof(text));
    assert_string_equal(text, "countersign: no “\\u001b[31m\\u000d”\n  second line\n"
                              "countersign: 7\n");
}

static void write_something(void)
{
    struct cs_buf out;
    cs_buf_init(&out, 64);
    cs_buf_put_str(&out, "data\n");
    assert_int_equal(cs_output_write(&out), CS_EXIT_OK);
    cs_buf_free(&out);
}

static void writes_to_stdout(void **state)
{
    (void)state;
    char text[64];
    fflush(stdout);
    capture(STDOUT_FILENO, write_something, text, sizeof(text));
    assert_string_equal(text, "data\n");
}

static void write_too_much(void)
{
    struct cs_buf out;
    cs_buf_init(&out, 4);
    cs_buf_put_str(&out, "too much");
    assert_int_equal(cs_output_write(&out), CS_EXIT_FAILED);
    cs_buf_free(&out);
}

static void does_not_pass_over_what_was_lost(void **state)
{
    (void)state;
    char text[256];
    capture(STDERR_FILENO, write_too_much, text, sizeof(text));
    assert_string_equal(text, "countersign: there is too much to print\n");
    int before = dup(STDOUT_FILENO);
    fflush(stdout);
    close(STDOUT_FILENO);
    struct cs_buf out;
    cs_buf_init(&out, 64);
    cs_buf_put_str(&out, "data");
    assert_int_equal(cs_output_write(&out), CS_EXIT_FAILED);
    cs_buf_free(&out);
    assert_int_equal(dup2(before, STDOUT_FILENO), STDOUT_FILENO);
    close(before);
}

static void check_style_in_pipe(void)
{
    assert_int_equal(cs_output_stdout_style(), CS_OUTPUT_PLAIN);
    assert_int_equal(cs_output_stdout_form(), CS_OUTPUT_UTF8);
}

static void is_plain_beside_a_terminal(void **state)
{
    (void)state;
    char text[8];
    setenv("TERM", "xterm", 1);
    fflush(stdout);
    capture(STDOUT_FILENO, check_style_in_pipe, text, sizeof(text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_what_could_drive_a_terminal),
        cmocka_unit_test(escapes_every_pair_of_bytes),
        cmocka_unit_test(lays_out_tables),
        cmocka_unit_test(lays_out_objects),
        cmocka_unit_test(bounds_the_depth_of_objects),
        cmocka_unit_test(writes_json_for_each_reader),
        cmocka_unit_test(finds_members_by_path),
        cmocka_unit_test(says_on_stderr),
        cmocka_unit_test(writes_to_stdout),
        cmocka_unit_test(does_not_pass_over_what_was_lost),
        cmocka_unit_test(is_plain_beside_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
