/* `policy show`: the policy in force, in the words of the file that it was written in. */
#include <inttypes.h>
#include <string.h>

#include "cli/client/rest.h"
#include "cli/policy/policy.h"
#include "cli/reading.h"
#include "cli/sheet.h"

#define LINE_MAX_LEN 8192

static bool is_nothing(const json_t *value)
{
    return json_is_null(value) || json_is_false(value) ||
           (json_is_integer(value) && json_integer_value(value) == 0) ||
           (json_is_string(value) && json_string_length(value) == 0) ||
           ((json_is_array(value) || json_is_object(value)) && json_array_size(value) == 0 &&
            json_object_size(value) == 0);
}

/* "expires_after 90d" of `"expires_after_s": 7776000`, as the file has it. */
static void put_number(struct cs_buf *out, const char *name, json_int_t number)
{
    char text[CS_DURATION_TEXT_SIZE];
    size_t len = strlen(name);
    bool seconds = len > 2 && strcmp(name + len - 2, "_s") == 0 && number >= 0;
    if (seconds)
        cs_duration_format((uint64_t)number, text);
    else
        snprintf(text, sizeof(text), "%" PRId64, (int64_t)number);
    cs_buf_printf(out, "%.*s %s", (int)(seconds ? len - 2 : len), name, text);
}

static void put_member(struct cs_buf *out, const char *name, const json_t *value)
{
    char words[CS_READING_WORDS_SIZE];
    if (json_is_integer(value)) {
        put_number(out, name, json_integer_value(value));
    } else if (json_is_string(value)) {
        cs_buf_printf(out, "%s %s", name, json_string_value(value));
    } else if (json_is_string(json_array_get(value, 0))) {
        cs_buf_printf(out, "%s %s", name, cs_reading_words(value, words));
    } else {
        cs_buf_printf(out, "%s ", name);
        cs_output_dump(out, value, JSON_COMPACT | JSON_ENCODE_ANY);
    }
}

/* What there is none of is left out, but for approvals, of which none is the point. */
static void put_members(struct cs_sheet *sheet, const char *before, const json_t *object)
{
    struct cs_buf line;
    const char *name, *separator = before;
    json_t *value;
    cs_buf_init(&line, LINE_MAX_LEN);
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        if (strcmp(name, "name") == 0 || (is_nothing(value) && strcmp(name, "approvals") != 0))
            continue;
        cs_buf_put_str(&line, separator);
        put_member(&line, name, value);
        separator = "; ";
    }
    if (cs_buf_err(&line) == CS_OK)
        cs_sheet_line(sheet, "%s", cs_buf_text(&line));
    else
        sheet->out->err = cs_buf_err(&line);
    cs_buf_free(&line);
}

static void put_scopes(struct cs_sheet *sheet, const json_t *scopes)
{
    for (size_t i = 0; i < json_array_size(scopes); i++) {
        const json_t *scope = json_array_get(scopes, i);
        bool high = strcmp(cs_reading_text(scope, "risk"), "high") == 0;
        cs_sheet_line(sheet, "%s: %s%s", cs_reading_text(scope, "name"),
                      cs_reading_text(scope, "description"), high ? " (high risk)" : "");
    }
}

static void put_bundles(struct cs_sheet *sheet, const json_t *bundles)
{
    char words[CS_READING_WORDS_SIZE];
    for (size_t i = 0; i < json_array_size(bundles); i++) {
        const json_t *bundle = json_array_get(bundles, i);
        cs_sheet_line(sheet, "%s: %s", cs_reading_text(bundle, "name"),
                      cs_reading_words(json_object_get(bundle, "scopes"), words));
    }
}

static void put_rules(struct cs_sheet *sheet, const json_t *rules)
{
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *rule = json_array_get(rules, i);
        char before[256];
        snprintf(before, sizeof(before), "%s: ", cs_reading_text(rule, "name"));
        put_members(sheet, before, rule);
    }
}

static void show_policy(struct cs_buf *out, const json_t *policy, enum cs_output_style style)
{
    struct cs_sheet sheet = {.out = out, .style = style};
    cs_sheet_section(&sheet, "Policy");
    cs_sheet_line(&sheet, "%s", cs_reading_text(policy, "digest"));
    cs_sheet_section(&sheet, "Scopes");
    put_scopes(&sheet, json_object_get(policy, "scopes"));
    cs_sheet_section(&sheet, "Bundles");
    put_bundles(&sheet, json_object_get(policy, "bundles"));
    cs_sheet_section(&sheet, "Test");
    put_members(&sheet, "", cs_output_member(policy, "modes.test"));
    cs_sheet_section(&sheet, "Live");
    put_members(&sheet, "", cs_output_member(policy, "modes.live"));
    cs_sheet_section(&sheet, "Rules");
    put_rules(&sheet, json_object_get(policy, "rules"));
}

static const struct cs_rest show_row = {.method = "GET", .path = "/v1/policy", .show = show_policy};
const struct cs_command cs_policy_show_command = {
    .name = "show",
    .summary = "Show the policy in force",
    .doc = "Scopes, bundles, what each mode demands, and the rules, of which the first that fits "
           "decides about a live credential.",
    .shared = cs_rest_object_sets,
    .run = cs_rest_run,
    .rest = &show_row,
};
