/* `audit export`: the whole log as JSON lines, page by page, in bounded memory. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/note.h"
#include "cli/client/rest.h"
#include "cli/commands.h"

#define TARGET_MAX 256
#define LINE_MAX_BYTES 32768
#define CURSOR_DIGITS 11 /* a cursor is the index of the next entry in base62 */
#define PAGE_LIMIT 100

struct exporting {
    struct cs_remote remote;
    const char *path; /* NULL: stdout */
    FILE *file;
    uint64_t size;             /* entries of the checkpoint that the file begins with */
    uint64_t next;             /* the entry to go on with */
    char head[LINE_MAX_BYTES]; /* the file's first line, when it has one already */
};

static enum cs_exit unwritable(const struct exporting *exporting)
{
    return cs_output_fail(CS_EXIT_FAILED, "cannot write %s: %s",
                          exporting->path == NULL ? "stdout" : exporting->path, strerror(errno));
}

static enum cs_exit get(struct exporting *exporting, const char *target, json_t **answer)
{
    const struct cs_rest_request request = {.method = "GET", .target = target};
    return cs_rest_send(&exporting->remote, &request, answer);
}

static enum cs_exit put_line(struct exporting *exporting, const json_t *value)
{
    struct cs_buf line;
    cs_buf_init(&line, LINE_MAX_BYTES);
    cs_output_dump(&line, value, JSON_COMPACT);
    cs_buf_put_char(&line, '\n');
    enum cs_exit code = CS_EXIT_OK;
    if (cs_buf_err(&line) != CS_OK)
        code = cs_output_fail(CS_EXIT_FAILED, "an entry of the server's is too large");
    else if (fwrite(line.bytes, 1, line.len, exporting->file) != line.len)
        code = unwritable(exporting);
    cs_buf_free(&line);
    return code;
}

/* The first line: what the file is an export of, and the key that says so. */
static json_t *head_of(const json_t *state)
{
    return json_pack("{s:O, s:O}", "checkpoint", json_object_get(state, "checkpoint"),
                     "verifier_key", json_object_get(state, "verifier_key"));
}

static enum cs_exit begin(struct exporting *exporting)
{
    json_t *state = NULL;
    enum cs_exit code = get(exporting, "/v1/audit/checkpoint", &state);
    json_t *head = head_of(state);
    exporting->size = (uint64_t)json_integer_value(json_object_get(state, "size"));
    if (code == CS_EXIT_OK && head == NULL)
        code = cs_output_fail(CS_EXIT_FAILED, "the server's answer is no checkpoint");
    if (code == CS_EXIT_OK)
        code = put_line(exporting, head);
    json_decref(head);
    json_decref(state);
    return code;
}

/* What an interrupted export left must be of the log that the server has. */
static enum cs_exit compare_head(struct exporting *exporting)
{
    char target[TARGET_MAX];
    char again[LINE_MAX_BYTES];
    json_t *state = NULL;
    snprintf(target, sizeof(target), "/v1/audit/checkpoint?size=%" PRIu64, exporting->size);
    enum cs_exit code = get(exporting, target, &state);
    json_t *head = head_of(state);
    size_t len = head == NULL ? 0 : json_dumpb(head, again, sizeof(again), JSON_COMPACT);
    if (code == CS_EXIT_OK &&
        (len != strlen(exporting->head) || memcmp(again, exporting->head, len) != 0))
        code = cs_output_fail(CS_EXIT_FAILED, "%s is an export of another log, or of another past",
                              exporting->path);
    json_decref(head);
    json_decref(state);
    return code;
}

static enum cs_exit read_head(struct exporting *exporting)
{
    struct cs_note_key key;
    struct cs_checkpoint checkpoint = {.size = 0};
    json_t *head = json_loads(exporting->head, JSON_REJECT_DUPLICATES, NULL);
    const char *note = json_string_value(json_object_get(head, "checkpoint"));
    const char *text = json_string_value(json_object_get(head, "verifier_key"));
    bool good = note != NULL && text != NULL &&
                cs_note_key_parse(cs_slice_str(text), &key) == CS_OK &&
                cs_checkpoint_open(cs_slice_str(note), &key, &checkpoint) == CS_OK;
    exporting->size = checkpoint.size;
    json_decref(head);
    return good ? CS_EXIT_OK
                : cs_output_fail(CS_EXIT_FAILED, "%s is not an export that was begun",
                                 exporting->path);
}

/* Counts the whole lines of the file, and where they end. */
static uint64_t count_lines(struct exporting *exporting, off_t *end)
{
    uint64_t lines = 0;
    off_t at = 0;
    int c = 0;
    while ((c = getc_unlocked(exporting->file)) != EOF) {
        if (lines == 0 && c != '\n' && at < LINE_MAX_BYTES - 1)
            exporting->head[at] = (char)c;
        at++;
        if (c != '\n')
            continue;
        lines++;
        *end = at;
    }
    return lines;
}

/* Goes to the end of the last whole line; what a cut-off export left behind it is dropped. */
static enum cs_exit resume(struct exporting *exporting)
{
    off_t end = 0;
    uint64_t lines = count_lines(exporting, &end);
    if (ferror(exporting->file) || fseeko(exporting->file, end, SEEK_SET) != 0 ||
        ftruncate(fileno(exporting->file), end) != 0)
        return unwritable(exporting);
    if (lines == 0)
        return begin(exporting);
    enum cs_exit code = read_head(exporting);
    exporting->next = lines - 1;
    return code == CS_EXIT_OK ? compare_head(exporting) : code;
}

static enum cs_exit put_items(struct exporting *exporting, const json_t *page)
{
    enum cs_exit code = CS_EXIT_OK;
    const json_t *items = json_object_get(page, "items");
    size_t count = json_array_size(items);
    if (count == 0)
        return cs_output_fail(CS_EXIT_FAILED, "the server has no more entries than %" PRIu64,
                              exporting->next);
    for (size_t i = 0; code == CS_EXIT_OK && i < count; i++)
        code = put_line(exporting, json_array_get(items, i));
    exporting->next += count;
    return code;
}

static enum cs_exit put_pages(struct exporting *exporting)
{
    enum cs_exit code = CS_EXIT_OK;
    char target[TARGET_MAX];
    char cursor[CURSOR_DIGITS];
    while (code == CS_EXIT_OK && exporting->next < exporting->size) {
        json_t *page = NULL;
        cs_base62_encode_u64(exporting->next, cursor, CURSOR_DIGITS);
        snprintf(target, sizeof(target), "/v1/audit/export?limit=%d&size=%" PRIu64 "&cursor=%.*s",
                 PAGE_LIMIT, exporting->size, CURSOR_DIGITS, cursor);
        code = get(exporting, target, &page);
        if (code == CS_EXIT_OK)
            code = put_items(exporting, page);
        json_decref(page);
    }
    return code;
}

/* NULL: it could not be had, which was said. */
static FILE *open_file(const struct exporting *exporting, bool goes_on)
{
    if (exporting->path == NULL)
        return stdout;
    int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (goes_on ? 0 : O_EXCL);
    int fd = open(exporting->path, flags, S_IRUSR | S_IWUSR);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r+");
    if (file != NULL)
        return file;
    (void)unwritable(exporting);
    if (fd >= 0)
        close(fd);
    return NULL;
}

/* An export that the disk did not take must not look like one. */
static enum cs_exit close_file(struct exporting *exporting, enum cs_exit code)
{
    bool flushed = fflush(exporting->file) == 0 &&
                   (exporting->path == NULL ||
                    cs_file_sync_new(fileno(exporting->file), exporting->path) == CS_OK);
    if (code == CS_EXIT_OK && !flushed)
        code = unwritable(exporting);
    if (exporting->path != NULL && fclose(exporting->file) != 0 && code == CS_EXIT_OK)
        code = unwritable(exporting);
    return code;
}

static enum cs_exit run(const struct cs_args *args)
{
    struct exporting exporting = {.path = cs_args_get(args, "file")};
    bool goes_on = cs_args_has(args, "resume");
    if (goes_on && exporting.path == NULL)
        return cs_output_fail(CS_EXIT_USAGE, "--resume needs the file to go on with");
    enum cs_err err = cs_remote_open(args, CS_REMOTE_CALLER, &exporting.remote);
    enum cs_exit code = err == CS_OK ? CS_EXIT_FAILED : cs_command_exit(err);
    if (err == CS_OK)
        exporting.file = open_file(&exporting, goes_on);
    if (exporting.file != NULL) {
        code = goes_on ? resume(&exporting) : begin(&exporting);
        if (code == CS_EXIT_OK)
            code = put_pages(&exporting);
        code = close_file(&exporting, code);
    }
    cs_remote_close(&exporting.remote);
    return code;
}

static const struct cs_argument arguments[] = {
    {.name = "file",
     .type = CS_ARGUMENT_FILE,
     .need = CS_ARGUMENT_OPTIONAL,
     .doc = "a new file; stdout if left out"},
    {0},
};
static const struct cs_option options[] = {
    {.name = "resume",
     .type = CS_OPTION_FLAG,
     .doc = "go on with the file where an export was cut off"},
    {0},
};
static const struct cs_option_set *const sets[] = {&cs_remote_options, NULL};
static const struct cs_example examples[] = {
    {"countersign audit export audit.jsonl", "all that there is by now"},
    {"countersign audit export audit.jsonl --resume", "after the network gave way"},
    {0},
};

const struct cs_command cs_audit_export_command = {
    .name = "export",
    .summary = "Write the whole log as JSON lines that prove themselves",
    .doc = "The first line has the signed checkpoint of the log as it is when the export begins; "
           "each line after it has an entry and its proof. Check the file with `countersign audit "
           "verify`.",
    .arguments = arguments,
    .options = options,
    .shared = sets,
    .examples = examples,
    .run = run,
};
