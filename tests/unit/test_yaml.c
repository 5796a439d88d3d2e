#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "policy/load/yaml.h"

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

static void assert_refused(struct cs_slice bytes, enum cs_err want, const char *message)
{
    struct cs_yaml *yaml = NULL;
    char text[400];
    struct cs_buf out;
    cs_report_init(&report, "f");
    assert_int_equal(cs_yaml_parse(bytes, &report, &yaml), want);
    assert_null(yaml);
    cs_buf_lend(&out, text, sizeof(text));
    cs_report_print(&report, &out);
    assert_string_equal(cs_buf_text(&out), message);
}

static void builds_a_tree_with_places(void **state)
{
    (void)state;
    struct cs_yaml *yaml = parse("a: 1\nlist:\n  - x\n  - 'y z'\nmap: { k: v,\n  e: }\n");
    const struct cs_yaml_node *root = cs_yaml_root(yaml);
    assert_int_equal(root->kind, CS_YAML_MAP);
    assert_int_equal(root->count, 3);
    assert_null(root->key);

    const struct cs_yaml_node *list = cs_yaml_get(root, "list");
    assert_int_equal(list->kind, CS_YAML_LIST);
    assert_int_equal(list->count, 2);
    assert_int_equal(list->key->at.line, 2);
    assert_int_equal(list->key->at.column, 1);
    assert_int_equal(cs_yaml_place(list).line, 2);
    assert_string_equal(list->head->text, "x");
    assert_false(list->head->quoted);
    assert_true(list->head->next->quoted);
    assert_int_equal(list->head->next->len, 3);
    assert_int_equal(list->head->next->at.line, 4);
    assert_int_equal(list->head->next->at.column, 5);
    assert_null(list->head->next->next);

    const struct cs_yaml_node *map = cs_yaml_get(root, "map");
    assert_string_equal(cs_yaml_get(map, "k")->text, "v");
    assert_true(cs_yaml_is_null(cs_yaml_get(map, "e")));
    assert_null(cs_yaml_get(map, "absent"));
    assert_null(cs_yaml_get(list, "k"));
    assert_null(cs_yaml_get(NULL, "k"));
    cs_yaml_free(&yaml);
    assert_null(yaml);
    cs_yaml_free(&yaml);
}

static void knows_what_is_nothing(void **state)
{
    (void)state;
    struct cs_yaml *yaml = parse("[~, null, '', 'null', \"~\", Null, 0, false]");
    static const bool nothing[] = {true, true, false, false, false, false, false, false};
    size_t i = 0;
    for (const struct cs_yaml_node *node = cs_yaml_root(yaml)->head; node; node = node->next)
        assert_int_equal(cs_yaml_is_null(node), nothing[i++]);
    assert_int_equal(i, COUNT(nothing));
    cs_yaml_free(&yaml);
}

/* Columns count characters, as editors do, not bytes. */
static void counts_characters(void **state)
{
    (void)state;
    struct cs_yaml *yaml = parse("\"äöü€😀\": 1\r\nb: { \"é\": 2, c: 3 }\r\n");
    const struct cs_yaml_node *root = cs_yaml_root(yaml);
    assert_int_equal(root->head->at.column, 10);
    const struct cs_yaml_node *c = cs_yaml_get(cs_yaml_get(root, "b"), "c");
    assert_int_equal(c->key->at.line, 2);
    assert_int_equal(c->key->at.column, 14);
    cs_yaml_free(&yaml);
}

static void tells_every_repeated_key(void **state)
{
    (void)state;
    struct cs_yaml *yaml = NULL;
    cs_report_init(&report, "f");
    assert_int_equal(
        cs_yaml_parse(cs_slice_str("a: 1\n\"a\": 2\nb: { c: 1, c: 2 }\na: 3\n"), &report, &yaml),
        CS_OK);
    assert_int_equal(report.count, 3);
    assert_int_equal(report.items[0].at.line, 2);
    assert_int_equal(report.items[1].at.line, 3);
    assert_int_equal(report.items[1].at.column, 12);
    assert_int_equal(report.items[2].at.line, 4);
    /* The first one counts for whoever looks, and the others are still looked at. */
    assert_string_equal(cs_yaml_get(cs_yaml_root(yaml), "a")->text, "1");
    assert_int_equal(cs_yaml_root(yaml)->count, 4);
    cs_yaml_free(&yaml);
}

/* The 60 bytes of a quotation end in the middle of a character. */
static void messages_do_not_end_in_half_a_character(void **state)
{
    (void)state;
    struct cs_yaml *yaml = NULL;
    cs_report_init(&report, "f");
    const char *text = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xc3\xa4: 1\n"
                       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xc3\xa4: 2\n";
    assert_int_equal(cs_yaml_parse(cs_slice_str(text), &report, &yaml), CS_OK);
    assert_int_equal(report.count, 1);
    assert_string_equal(report.items[0].message,
                        "`aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?` "
                        "is given twice; the first is at 1:1, keep one of them");
    cs_yaml_free(&yaml);
}

static void keeps_to_its_depth(void **state)
{
    (void)state;
    char text[2 * CS_YAML_DEPTH_MAX + 3];
    memset(text, '[', CS_YAML_DEPTH_MAX);
    memset(text + CS_YAML_DEPTH_MAX, ']', CS_YAML_DEPTH_MAX);
    text[sizeof(text) - 3] = '\0';
    struct cs_yaml *yaml = parse(text);
    cs_yaml_free(&yaml);
    memset(text, '[', CS_YAML_DEPTH_MAX + 1);
    memset(text + CS_YAML_DEPTH_MAX + 1, ']', CS_YAML_DEPTH_MAX + 1);
    text[sizeof(text) - 1] = '\0';
    assert_refused(CS_SLICE(text, sizeof(text) - 1), CS_ERR_INVALID,
                   "f:1:17: nested too deeply; at most 16 levels are taken\n");
}

/* `count` times "- 1\n", in lists of at most `per`. */
static char *list_of(size_t count, size_t per)
{
    const size_t size = count * 16 + 64;
    char *text = malloc(size);
    size_t len = 0;
    assert_non_null(text);
    for (size_t i = 0; i < count; i++) {
        if (per > 0 && i % per == 0)
            len += (size_t)snprintf(text + len, size - len, "k%zu:\n", i);
        len += (size_t)snprintf(text + len, size - len, "- 1\n");
    }
    return text;
}

static void keeps_to_its_members(void **state)
{
    (void)state;
    char *text = list_of(CS_YAML_MEMBERS_MAX, 0);
    struct cs_yaml *yaml = parse(text);
    assert_int_equal(cs_yaml_root(yaml)->count, CS_YAML_MEMBERS_MAX);
    cs_yaml_free(&yaml);
    free(text);
    text = list_of(CS_YAML_MEMBERS_MAX + 1, 0);
    assert_refused(cs_slice_str(text), CS_ERR_INVALID,
                   "f:1025:3: too many members; a list has at most 1024\n");
    free(text);
}

static void keeps_to_its_nodes(void **state)
{
    (void)state;
    /* The map, and for each list its key, itself and its entries. */
    const size_t lists = 20, entries = (CS_YAML_NODES_MAX - 1 - 2 * lists) / lists;
    char *text = list_of(lists * entries, entries);
    struct cs_yaml *yaml = parse(text);
    cs_yaml_free(&yaml);
    free(text);
    text = list_of(lists * entries + 30, entries);
    struct cs_yaml *none = NULL;
    cs_report_init(&report, "f");
    assert_int_equal(cs_yaml_parse(cs_slice_str(text), &report, &none), CS_ERR_INVALID);
    assert_int_equal(report.count, 1);
    assert_string_equal(report.items[0].message, "too many values; a file has at most 20000");
    free(text);
}

static void keeps_to_its_size(void **state)
{
    (void)state;
    const size_t size = CS_YAML_BYTES_MAX + 1;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, ' ', size);
    memcpy(text, "a: 1\n#", 6);
    struct cs_yaml *yaml = NULL;
    cs_report_init(&report, "f");
    assert_int_equal(cs_yaml_parse(CS_SLICE(text, size - 1), &report, &yaml), CS_OK);
    cs_yaml_free(&yaml);
    assert_refused(CS_SLICE(text, size), CS_ERR_TOO_LARGE,
                   "f: the file is too large; at most 1048576 bytes\n");
    free(text);
}

static void takes_a_byte_order_mark(void **state)
{
    (void)state;
    struct cs_yaml *yaml = parse("\xEF\xBB\xBF"
                                 "a: 1\n");
    assert_int_equal(cs_yaml_get(cs_yaml_root(yaml), "a")->key->at.column, 1);
    cs_yaml_free(&yaml);
}

static void refuses_what_is_not_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        {"a: \xff\n", 5},
        {"a: \xc0\xaf\n", 6},
        {"a: \xed\xa0\x80\n", 7},
        {"a: \xf4\x90\x80\x80\n", 8},
        {"a: x\0y\n", 7},
        {"a: \x7f\n", 5},
        {"a: \x1b[1m\n", 8},
        {"\xff\xfe"
         "a\0:\0",
         6},
        {"a: \xe2\x82", 5},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cs_yaml *yaml = NULL;
        cs_report_init(&report, "f");
        assert_int_equal(cs_yaml_parse(CS_SLICE(cases[i].bytes, cases[i].len), &report, &yaml),
                         CS_ERR_INVALID);
        assert_int_equal(report.count, 1);
        assert_int_equal(report.items[0].at.line, 1);
        assert_null(yaml);
    }
}

static void tells_why_a_file_cannot_be_read(void **state)
{
    (void)state;
    static const struct {
        const char *path, *message;
    } cases[] = {
        {"tests/data/policy/absent.yaml", "cannot be read: No such file or directory"},
        {"tests/data/policy", "cannot be read: Is a directory"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cs_yaml *yaml = NULL;
        cs_report_init(&report, cases[i].path);
        assert_int_equal(cs_yaml_parse_file(cases[i].path, &report, &yaml), CS_ERR_IO);
        assert_int_equal(report.count, 1);
        assert_int_equal(report.items[0].at.line, 0);
        assert_string_equal(report.items[0].message, cases[i].message);
    }
}

/* Whoever may write to a policy decides who approves what. */
static void refuses_what_everybody_may_write_to(void **state)
{
    (void)state;
    char path[] = "/tmp/countersign-yaml-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "a: 1\n", 5), 5);
    for (mode_t mode = 0600; mode <= 0666; mode++) {
        struct cs_yaml *yaml = NULL;
        bool open = (mode & 0002) != 0;
        assert_int_equal(fchmod(fd, mode), 0);
        cs_report_init(&report, path);
        assert_int_equal(cs_yaml_parse_file(path, &report, &yaml), open ? CS_ERR_DENIED : CS_OK);
        assert_int_equal(report.count, open);
        if (open)
            assert_string_equal(report.items[0].message,
                                "everybody may write to it; take that away (chmod o-w)");
        cs_yaml_free(&yaml);
    }
    close(fd);
    unlink(path);
}

/* A pipe gives its bytes in pieces and has no size. */
static void reads_a_pipe(void **state)
{
    (void)state;
    int ends[2];
    char path[32];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "a: [1", 5), 5);
    assert_int_equal(write(ends[1], ", 2]\n", 5), 5);
    close(ends[1]);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
    struct cs_yaml *yaml = NULL;
    cs_report_init(&report, path);
    assert_int_equal(cs_yaml_parse_file(path, &report, &yaml), CS_OK);
    assert_int_equal(cs_yaml_get(cs_yaml_root(yaml), "a")->count, 2);
    cs_yaml_free(&yaml);
    close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builds_a_tree_with_places),
        cmocka_unit_test(knows_what_is_nothing),
        cmocka_unit_test(counts_characters),
        cmocka_unit_test(tells_every_repeated_key),
        cmocka_unit_test(messages_do_not_end_in_half_a_character),
        cmocka_unit_test(keeps_to_its_depth),
        cmocka_unit_test(keeps_to_its_members),
        cmocka_unit_test(keeps_to_its_nodes),
        cmocka_unit_test(keeps_to_its_size),
        cmocka_unit_test(takes_a_byte_order_mark),
        cmocka_unit_test(refuses_what_is_not_utf8),
        cmocka_unit_test(tells_why_a_file_cannot_be_read),
        cmocka_unit_test(refuses_what_everybody_may_write_to),
        cmocka_unit_test(reads_a_pipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
