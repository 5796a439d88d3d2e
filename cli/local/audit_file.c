#include "cli/local/audit_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client/rest.h"
#include "cli/local/audit_check.h"
#include "cli/output.h"

#define FILE_MAX ((size_t)4 << 20) /* of what is read as a whole: receipts, kept checkpoints */

struct run {
    const struct cs_args *args;
    const char *path;
    FILE *file;
    struct cs_note_key key;
    bool has_key;
    struct cs_audit_check check;
    struct cs_checkpoint *kept; /* room for CS_AUDIT_KEPT_MAX, or NULL */
    struct cs_buf kept_file;
    char line[CS_AUDIT_LINE_MAX + 1]; /* the one that was read last, its newline too */
    size_t line_len;
};

static enum cs_exit unreadable(const char *path)
{
    return cs_output_fail(CS_EXIT_FAILED, "%s cannot be read: %s", path, strerror(errno));
}

static enum cs_exit read_whole(const char *path, FILE *file, struct cs_buf *out)
{
    char part[16384];
    size_t got = 0;
    while ((got = fread(part, 1, sizeof(part), file)) > 0)
        cs_buf_put(out, part, got);
    if (ferror(file))
        return unreadable(path);
    if (cs_buf_err(out) != CS_OK)
        return cs_output_fail(CS_EXIT_FAILED, "%s is too large", path);
    return CS_EXIT_OK;
}

static enum cs_exit read_kept(struct run *run)
{
    const char *path = cs_args_text(run->args, "checkpoint");
    if (path == NULL)
        return CS_EXIT_OK;
    run->kept = calloc(CS_AUDIT_KEPT_MAX, sizeof(*run->kept));
    if (run->kept == NULL)
        return cs_output_fail(CS_EXIT_FAILED, "out of memory");
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return unreadable(path);
    enum cs_exit code = read_whole(path, file, &run->kept_file);
    (void)fclose(file);
    return code;
}

static bool keep(struct run *run)
{
    struct cs_slice file = {run->kept_file.bytes, run->kept_file.len};
    return run->kept == NULL || cs_audit_check_keep(&run->check, file, run->kept);
}

/*
 * The next line without its newline. One that is too long, or that the file's end cuts off, comes
 * out empty, which no line may be. False at the end.
 */
static bool next_line(struct run *run, struct cs_slice *line)
{
    int c = 0;
    run->line_len = 0;
    while (c != '\n' && run->line_len < sizeof(run->line) && (c = getc_unlocked(run->file)) != EOF)
        run->line[run->line_len++] = (char)c;
    *line = CS_SLICE(run->line, c == '\n' ? run->line_len - 1 : 0);
    return run->line_len > 0;
}

static bool check_export(struct run *run, struct cs_slice line)
{
    struct cs_audit_check *check = &run->check;
    bool good = cs_audit_check_begin(check, line, run->has_key ? &run->key : NULL) && keep(run);
    while (good && next_line(run, &line))
        good = cs_audit_check_line(check, line);
    return good && cs_audit_check_finish(check);
}

/* A receipt has one size, so a kept checkpoint of that size says the same or contradicts. */
static bool compare_kept(struct run *run)
{
    struct cs_audit_check *check = &run->check;
    if (run->kept == NULL)
        return true;
    if (!keep(run))
        return false;
    for (size_t i = 0; i < check->kept_count; i++) {
        if (check->kept[i].size != check->state.size)
            continue;
        if (memcmp(check->kept[i].root, check->state.root, CS_MERKLE_HASH_LEN) == 0)
            return true;
        snprintf(check->why, sizeof(check->why),
                 "a kept checkpoint of %" PRIu64 " entries has another tree", check->state.size);
        return false;
    }
    snprintf(check->why, sizeof(check->why),
             "no kept checkpoint has its size; GET /v1/audit/consistency?from=%" PRIu64
             " proves what joins them",
             check->state.size);
    return false;
}

/* *good: whether the receipt is; it was read only if this is CS_EXIT_OK. */
static enum cs_exit check_receipt(struct run *run, bool *good)
{
    struct cs_buf text;
    if (!run->has_key)
        return cs_output_fail(CS_EXIT_USAGE, "a receipt does not bring the log's key: --verifier");
    cs_buf_init(&text, FILE_MAX);
    cs_buf_put(&text, run->line, run->line_len);
    enum cs_exit code = read_whole(run->path, run->file, &text);
    json_t *receipt = code == CS_EXIT_OK ? json_loadb((const char *)text.bytes, text.len,
                                                      JSON_REJECT_DUPLICATES, NULL)
                                         : NULL;
    if (code == CS_EXIT_OK && !json_is_object(receipt))
        code = cs_output_fail(CS_EXIT_FAILED, "%s is neither an export nor a receipt", run->path);
    if (code == CS_EXIT_OK)
        *good = cs_audit_check_receipt(&run->check, receipt, &run->key) && compare_kept(run);
    json_decref(receipt);
    cs_buf_free(&text);
    return code;
}

static bool is_head_of_export(struct cs_slice line)
{
    json_t *head = json_loadb((const char *)line.bytes, line.len, 0, NULL);
    bool is = json_object_get(head, "verifier_key") != NULL;
    json_decref(head);
    return is;
}

static json_t *number_or_null(bool is_number, uint64_t number)
{
    return is_number ? json_integer((json_int_t)number) : json_null();
}

static enum cs_exit tell(const struct run *run, bool good)
{
    static const struct cs_rest shape = {.shape = CS_REST_OBJECT};
    const struct cs_audit_check *check = &run->check;
    bool named = !good && check->bad != CS_AUDIT_NO_ENTRY;
    json_t *answer = json_pack(
        "{s:b, s:s, s:I, s:o, s:s, s:s?}", "valid", (int)good, "origin", check->state.origin,
        "entries", (json_int_t)check->state.size, "first_bad", number_or_null(named, check->bad),
        "key", run->has_key ? "given" : "of the file", "why", good ? NULL : check->why);
    enum cs_exit code = cs_rest_print(run->args, &shape, answer);
    json_decref(answer);
    if (code != CS_EXIT_OK)
        return code;
    if (!good && named)
        return cs_output_fail(CS_EXIT_FAILED, "entry %" PRIu64 " of %s is wrong: %s", check->bad,
                              run->path, check->why);
    if (!good)
        return cs_output_fail(CS_EXIT_FAILED, "%s is wrong: %s", run->path, check->why);
    if (!run->has_key && check->kept_count == 0)
        cs_output_say("the file was checked with the key that it brings itself: whoever made it up "
                      "could bring one; --verifier or --checkpoint tell what was kept elsewhere");
    return CS_EXIT_OK;
}

static enum cs_exit verify(struct run *run)
{
    struct cs_slice line;
    bool good = false;
    enum cs_exit code = CS_EXIT_OK;
    errno = 0;
    (void)next_line(run, &line);
    if (is_head_of_export(line))
        good = check_export(run, line);
    else
        code = check_receipt(run, &good);
    if (code == CS_EXIT_OK && ferror(run->file))
        code = unreadable(run->path);
    return code == CS_EXIT_OK ? tell(run, good) : code;
}

static enum cs_exit take_key(struct run *run)
{
    const char *text = cs_args_text(run->args, "verifier");
    if (text == NULL)
        return CS_EXIT_OK;
    run->has_key = true;
    if (cs_note_key_parse(cs_slice_str(text), &run->key) == CS_OK)
        return CS_EXIT_OK;
    return cs_output_fail(CS_EXIT_USAGE,
                          "--verifier is a verifier key: name+8 hex digits+base64, as `countersign "
                          "audit checkpoint` tells it");
}

enum cs_exit cs_audit_file_verify(const struct cs_args *args, const char *path)
{
    struct run *run = calloc(1, sizeof(*run));
    if (run == NULL)
        return cs_output_fail(CS_EXIT_FAILED, "out of memory");
    run->args = args;
    run->path = path;
    cs_buf_init(&run->kept_file, FILE_MAX);
    enum cs_exit code = take_key(run);
    if (code == CS_EXIT_OK)
        code = read_kept(run);
    if (code == CS_EXIT_OK) {
        run->file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
        code = run->file == NULL ? unreadable(path) : verify(run);
    }
    if (run->file != NULL && run->file != stdin)
        (void)fclose(run->file);
    cs_buf_free(&run->kept_file);
    free(run->kept);
    free(run);
    return code;
}
