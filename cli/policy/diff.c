/* `policy diff`: what changes from one policy to another, and, against a vault, whom it touches. */
#include "policy/diff/diff.h"

#include <string.h>

#include "cli/client/rest.h"
#include "cli/policy/policy.h"

#define TARGET_MAX 128
#define PAGE "1000"

static const struct cs_column change_columns[] = {
    {"WHAT", "subject"},
    {"NAME", "name"},
    {"CHANGE", "kind"},
    {"KEY", "key"},
    {"BEFORE", "before"},
    {"AFTER", "after"},
    {0},
};
static const struct cs_column touched_columns[] = {
    {"ID", "id"},         {"ACCOUNT", "account_id"}, {"MODE", "mode"},   {"NAME", "name"},
    {"EFFECT", "effect"}, {"BEFORE", "before"},      {"AFTER", "after"}, {0},
};

/* The record's JSON is the answer's, here as over HTTP. */
static void add_change(const struct cs_policy_change *change, void *arg)
{
    json_t *changes = arg;
    struct cs_buf text;
    cs_buf_init(&text, CS_OUTPUT_MAX);
    cs_record_json(&cs_policy_change_record, change, &text);
    const char *json = cs_buf_text(&text);
    (void)json_array_append_new(changes, json_loadb(json, text.len, 0, NULL));
    cs_buf_free(&text);
}

/* A line for each effect, so that it can be read, and cut with the tools of the shell. */
static json_t *touched_rows(const json_t *items)
{
    json_t *rows = json_array();
    size_t i, k;
    json_t *item, *effect;
    json_array_foreach((json_t *)(uintptr_t)items, i, item)
    {
        const json_t *id = json_object_get(item, "credential_id");
        if (!json_is_string(id))
            id = json_object_get(item, "request_id");
        json_array_foreach(json_object_get(item, "effects"), k, effect)
        {
            json_t *row = json_pack("{s:O}", "id", id);
            (void)json_object_update_missing(row, item);
            (void)json_object_set(row, "effect", json_object_get(effect, "kind"));
            (void)json_object_set(row, "before", json_object_get(effect, "before"));
            (void)json_object_set(row, "after", json_object_get(effect, "after"));
            (void)json_array_append_new(rows, row);
        }
    }
    return rows;
}

static void put_touched(const json_t *items, struct cs_buf *out)
{
    size_t credentials = 0, i;
    json_t *item;
    json_t *rows = touched_rows(items);
    json_array_foreach((json_t *)(uintptr_t)items, i, item) credentials +=
        json_is_string(json_object_get(item, "credential_id"));
    if (out->len > 0 && json_array_size(rows) > 0)
        cs_buf_put_char(out, '\n');
    if (json_array_size(rows) > 0)
        cs_output_table(out, touched_columns, rows, cs_output_stdout_style());
    cs_output_say("touches %zu credentials and %zu open requests", credentials,
                  json_array_size(items) - credentials);
    json_decref(rows);
}

static enum cs_exit print(const struct cs_args *args, const json_t *answer)
{
    struct cs_buf out;
    const json_t *changes = json_object_get(answer, "changes");
    const json_t *items = json_object_get(answer, "items");
    cs_buf_init(&out, CS_OUTPUT_MAX);
    if (json_array_size(changes) == 0)
        cs_output_say("the two mean the same");
    if (strcmp(cs_args_text(args, "format"), "json") == 0) {
        cs_output_json(&out, answer, cs_output_stdout_form());
    } else {
        if (json_array_size(changes) > 0)
            cs_output_table(&out, change_columns, changes, cs_output_stdout_style());
        if (items != NULL)
            put_touched(items, &out);
    }
    enum cs_exit code = cs_output_write(&out);
    cs_buf_free(&out);
    return code;
}

static enum cs_exit diff_files(const struct cs_args *args)
{
    const struct cs_policy *before = NULL, *after = NULL;
    json_t *answer = NULL;
    enum cs_exit code = cs_policy_file(cs_args_get(args, "old"), &before);
    if (code == CS_EXIT_OK)
        code = cs_policy_file(cs_args_get(args, "new"), &after);
    if (code != CS_EXIT_OK)
        goto out;
    answer = json_pack("{s:s, s:s, s:[]}", "policy", cs_policy_digest(before), "proposed",
                       cs_policy_digest(after), "changes");
    cs_policy_diff(before, after, add_change, json_object_get(answer, "changes"));
    code = print(args, answer);
out:
    json_decref(answer);
    cs_policy_unref(&before);
    cs_policy_unref(&after);
    return code;
}

/* JSON takes no carriage return in a text, and YAML reads a line's end the same without. */
static json_t *order_of(struct cs_buf *text)
{
    size_t kept = 0;
    for (size_t i = 0; i < text->len; i++) {
        if (text->bytes[i] != '\r' || i + 1 == text->len || text->bytes[i + 1] != '\n')
            text->bytes[kept++] = text->bytes[i];
    }
    text->len = kept;
    return json_pack("{s:s%}", "policy", text->bytes, text->len);
}

/* What is asked page by page. `digest` is of the file that the caller says is in force, if any. */
struct asking {
    struct cs_remote remote;
    json_t *order;
    const char *digest;
    json_t *whole; /* the first page, and the items of all */
};

static enum cs_exit take_page(struct asking *asking, json_t *page)
{
    if (asking->whole == NULL) {
        asking->whole = json_incref(page);
        const char *in_force = json_string_value(json_object_get(page, "policy"));
        if (asking->digest != NULL && in_force != NULL && strcmp(in_force, asking->digest) != 0)
            return cs_output_fail(CS_EXIT_CONFLICT,
                                  "the vault has another policy in force than the first file "
                                  "(%s); name only the new file to compare with that one",
                                  in_force);
        return CS_EXIT_OK;
    }
    if (!json_equal(json_object_get(page, "policy"), json_object_get(asking->whole, "policy")))
        return cs_output_fail(CS_EXIT_CONFLICT,
                              "the vault took another policy in meanwhile; ask again");
    if (json_array_extend(json_object_get(asking->whole, "items"),
                          json_object_get(page, "items")) != 0)
        return cs_output_fail(CS_EXIT_FAILED, "the server's answer is no list");
    return CS_EXIT_OK;
}

static enum cs_exit ask_page(struct asking *asking, const char *cursor, json_t **page)
{
    char target[TARGET_MAX];
    int len = snprintf(target, sizeof(target), "/v1/policy/diff?limit=" PAGE "%s%s",
                       cursor == NULL ? "" : "&cursor=", cursor == NULL ? "" : cursor);
    *page = NULL;
    if (len >= (int)sizeof(target))
        return cs_output_fail(CS_EXIT_FAILED, "the server's cursor is too long");
    const struct cs_rest_request request = {
        .method = "POST", .target = target, .body = asking->order};
    return cs_rest_send(&asking->remote, &request, page);
}

/* A cursor that comes again would make this go on for ever. */
static enum cs_exit ask_all(struct asking *asking)
{
    json_t *page = NULL, *cursor = NULL;
    enum cs_exit code = CS_EXIT_OK;
    do {
        code = ask_page(asking, json_string_value(cursor), &page);
        json_t *next = json_object_get(page, "next_cursor");
        if (code == CS_EXIT_OK && json_is_string(next) && json_equal(next, cursor))
            code = cs_output_fail(CS_EXIT_FAILED, "the server's list goes round in circles");
        json_decref(cursor);
        cursor = json_incref(next);
        if (code == CS_EXIT_OK)
            code = take_page(asking, page);
        json_decref(page);
    } while (code == CS_EXIT_OK && json_is_string(cursor));
    json_decref(cursor);
    if (code == CS_EXIT_OK)
        (void)json_object_del(asking->whole, "next_cursor");
    return code;
}

static enum cs_exit diff_against(const struct cs_args *args)
{
    const char *files[] = {cs_args_get(args, "old"), cs_args_get(args, "new")};
    const struct cs_policy *before = NULL, *after = NULL;
    struct cs_buf text;
    struct asking asking = {.order = NULL};
    enum cs_exit code = cs_policy_file_text(files[files[1] != NULL], &text, &after);
    if (code == CS_EXIT_OK && files[1] != NULL)
        code = cs_policy_file(files[0], &before);
    if (code != CS_EXIT_OK)
        goto out;
    asking.digest = before == NULL ? NULL : cs_policy_digest(before);
    asking.order = order_of(&text);
    enum cs_err err = cs_remote_open(args, CS_REMOTE_CALLER, &asking.remote);
    code = err == CS_OK ? ask_all(&asking) : cs_command_exit(err);
    if (code == CS_EXIT_OK)
        code = print(args, asking.whole);
    cs_remote_close(&asking.remote);
out:
    json_decref(asking.whole);
    json_decref(asking.order);
    cs_buf_free(&text);
    cs_policy_unref(&before);
    cs_policy_unref(&after);
    return code;
}

static enum cs_exit run(const struct cs_args *args)
{
    if (cs_args_has(args, "against"))
        return diff_against(args);
    if (cs_args_get(args, "new") == NULL)
        return cs_output_fail(CS_EXIT_USAGE,
                              "name two files, or --against to compare with a running vault");
    return diff_files(args);
}

static const struct cs_option options[] = {
    {.name = "against",
     .type = CS_OPTION_FLAG,
     .doc = "ask a running vault: what changes from its policy in force, and each credential and "
            "open request that would gain or lose something"},
    {0},
};
static const struct cs_argument arguments[] = {
    {.name = "old", .type = CS_ARGUMENT_FILE, .doc = "the policy as it is, a YAML file"},
    {.name = "new",
     .type = CS_ARGUMENT_FILE,
     .need = CS_ARGUMENT_OPTIONAL,
     .doc = "the policy as it is to be; with --against, one file is this one"},
    {0},
};
static const struct cs_example examples[] = {
    {"countersign policy diff policy.yaml proposed.yaml", "what a proposal changes, key by key"},
    {"countersign policy diff --against proposed.yaml", "and whom, in the vault that is logged in"},
    {0},
};
const struct cs_command cs_policy_diff_command = {
    .name = "diff",
    .summary = "Tell what differs between two policies, and whom it touches",
    .doc = "Tells every scope, bundle, setting and rule that came, went, changed or moved. How a "
           "file is laid out does not count.\n\n"
           "With --against a reviewer, auditor or admin also sees each credential and each open "
           "request that would gain or lose something: a scope, what its bundle stands for, whose "
           "approvals it takes, its life, its limit, approvals that count. Nothing is changed. "
           "With two files, the first must mean what the policy in force means: the exit code is "
           "5 otherwise.",
    .options = options,
    .shared = cs_rest_object_sets,
    .arguments = arguments,
    .examples = examples,
    .run = run,
};
