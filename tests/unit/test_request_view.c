#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "cli/nouns/request_view.h"
#include "cli/sheet.h"

#define CASES "tests/data/view"
#define PATH_SIZE 512
#define TEXT_SIZE 65536

static void read_file(const char *name, const char *file, char text[TEXT_SIZE])
{
    char path[PATH_SIZE];
    snprintf(path, sizeof(path), CASES "/%s/%s", name, file);
    FILE *stream = fopen(path, "rb");
    if (stream == NULL)
        fail_msg("%s is not there", path);
    size_t len = fread(text, 1, TEXT_SIZE - 1, stream);
    text[len] = '\0';
    fclose(stream);
}

/* Every line fits, ends in something, and holds nothing that a terminal would obey. */
static void assert_harmless(const char *name, const char *text)
{
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        if (cs_output_width(CS_SLICE(text, len)) > CS_SHEET_WIDTH)
            fail_msg("%s: wider than a terminal: %.*s", name, (int)len, text);
        if (len > 0 && text[len - 1] == ' ')
            fail_msg("%s: ends in a space: %.*s", name, (int)len, text);
        for (size_t i = 0; i < len; i++)
            if ((unsigned char)text[i] < 0x20 || text[i] == 0x7F)
                fail_msg("%s: a control character: %.*s", name, (int)len, text);
        text += len + (text[len] == '\n');
    }
}

static void view_case(const char *name)
{
    static char input[TEXT_SIZE], expect[TEXT_SIZE];
    int64_t now_ms = 0;
    struct cs_buf out;
    read_file(name, "input.json", input);
    read_file(name, "expect", expect);
    json_t *all = json_loads(input, 0, NULL);
    assert_non_null(all);
    const char *now = json_string_value(json_object_get(all, "now"));
    assert_int_equal(cs_time_parse(now, &now_ms), CS_OK);
    cs_buf_init(&out, CS_OUTPUT_MAX);
    cs_request_view(&out, json_object_get(all, "request"), now_ms, CS_OUTPUT_PLAIN);
    assert_int_equal(cs_buf_err(&out), CS_OK);
    const char *text = cs_buf_text(&out);
    if (strcmp(text, expect) != 0)
        fail_msg("%s is shown as:\n%s", name, text);
    assert_harmless(name, text);
    cs_buf_free(&out);
    json_decref(all);
}

static void requests_are_shown_as_their_files_say(void **state)
{
    size_t count = 0;
    struct dirent *entry = NULL;
    DIR *folder = opendir(CASES);
    (void)state;
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        view_case(entry->d_name);
        count++;
    }
    closedir(folder);
    assert_true(count >= 6);
}

static void headings_alone_are_bold(void **state)
{
    struct cs_buf out;
    json_t *request = json_pack("{s:s}", "name", "\033[1mbold");
    (void)state;
    cs_buf_init(&out, CS_OUTPUT_MAX);
    cs_request_view(&out, request, 0, CS_OUTPUT_BOLD);
    const char *text = cs_buf_text(&out);
    assert_ptr_equal(strstr(text, "\033[1mName\033[0m        \\u001b[1mbold\n"), text);
    cs_buf_free(&out);
    json_decref(request);
}

static void cells_of_the_queue_tell_who_is_waited_for(void **state)
{
    static const struct {
        const char *request;
        const char *scopes, *approvals, *waits;
    } cases[] = {
        {"{\"state\":\"pending\",\"scopes\":[\"a\"],\"rule\":{\"approvals_needed\":2,"
         "\"approvals_missing\":1,\"groups\":[\"x\",\"y\"]}}",
         "a", "1/2", "x y"},
        {"{\"state\":\"pending\",\"scopes\":[\"a\",\"b\"],\"rule\":{\"approvals_needed\":1,"
         "\"approvals_missing\":1}}",
         "a b", "0/1", "any reviewer"},
        {"{\"state\":\"pending\",\"scopes\":[\"a\",\"b\",\"c\",\"d\"],\"rule\":{"
         "\"approvals_needed\":2,\"approvals_missing\":1,\"quorum\":[{}],\"wanted\":\"1 of z\"}}",
         "a b +2", "1/2", "1 of z"},
        {"{\"state\":\"needs_info\",\"rule\":{\"approvals_needed\":1,\"approvals_missing\":1}}", "",
         "0/1", "the requester"},
        {"{\"state\":\"pending\",\"frozen\":true}", "", "0/0", "nobody: frozen"},
        {"{\"state\":\"approved\",\"rule\":{\"approvals_needed\":2}}", "", "2/2", "-"},
        {"{\"rule\":{\"approvals_needed\":1,\"approvals_missing\":9}}", "", "0/1", "-"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_t *request = json_loads(cases[i].request, 0, NULL);
        assert_int_equal(cs_request_view_derive(request), 0);
        const char *const members[][2] = {
            {"some_scopes", cases[i].scopes},
            {"approvals", cases[i].approvals},
            {"waits_for", cases[i].waits},
        };
        for (size_t m = 0; m < 3; m++)
            assert_string_equal(json_string_value(json_object_get(request, members[m][0])),
                                members[m][1]);
        json_decref(request);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_shown_as_their_files_say),
        cmocka_unit_test(headings_alone_are_bold),
        cmocka_unit_test(cells_of_the_queue_tell_who_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
