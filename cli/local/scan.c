/*
 * `scan`: finds tokens in files and folders, offline: by their form and their checksum, so that
 * what is told was really minted by some vault. Output and exit codes are as of grep.
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/record/record.h"
#include "cli/client/rest.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "vault/access/token_find.h"

#define PIECE 65536
#define REPORT_MAX 1000           /* tokens in one call */
#define OUT_MAX ((size_t)1 << 20) /* half of it is written, however much one file has */
#define ANY_BRAND "[a-z][a-z0-9]{0,11}"

/* As of grep: something was found, nothing was, something could not be looked into. */
#define FOUND CS_EXIT_OK
#define NOTHING CS_EXIT_FAILED
#define TROUBLE CS_EXIT_USAGE

enum wide { WIDE_NOT, WIDE_LITTLE, WIDE_BIG };

struct scan {
    const char *brand; /* NULL: any */
    bool all;          /* public client ids too */
    bool json;
    bool trouble;
    bool cut_off; /* stdout took no more, which was said */
    uint64_t found;
    struct cs_buf out;
    json_t *tokens;   /* to be reported, as keys, so that each is told once; NULL: none are */
    const char *path; /* of what is being looked into */
    struct cs_token_finder finder;
    uint8_t piece[PIECE];
    uint8_t narrow[PIECE];
};

static void complain(struct scan *scan, const char *path, int error)
{
    scan->trouble = true;
    cs_output_say("%s: %s", path, strerror(error));
}

static bool is_wanted(const struct scan *scan, const struct cs_token *token)
{
    size_t len = scan->brand == NULL ? 0 : strlen(scan->brand);
    if (!scan->all && !cs_token_info(token->kind)->secret)
        return false;
    return scan->brand == NULL || (token->text.len > len && token->text.bytes[len] == '_' &&
                                   memcmp(token->text.bytes, scan->brand, len) == 0);
}

static void put_hit(struct scan *scan, const struct cs_token_hit *hit)
{
    char hint[CS_HINT_SIZE];
    struct cs_buf *out = &scan->out;
    cs_token_hint(hit->token.text, hint, sizeof(hint));
    if (!scan->json) {
        cs_output_escape(out, cs_slice_str(scan->path));
        cs_buf_printf(out, ":%" PRIu64 ":%" PRIu64 ": %s\n", hit->line, hit->column, hint);
        return;
    }
    cs_buf_put_str(out, scan->found == 1 ? "\n" : ",\n");
    cs_buf_put_str(out, "  {\"file\": ");
    cs_json_text(out, cs_slice_str(scan->path));
    cs_buf_printf(out,
                  ", \"line\": %" PRIu64 ", \"column\": %" PRIu64
                  ", \"kind\": \"%s\", \"token\": \"%s\"}",
                  hit->line, hit->column, cs_token_info(hit->token.kind)->word, hint);
}

static enum cs_exit print(struct scan *scan)
{
    enum cs_exit code = scan->cut_off ? CS_EXIT_FAILED : cs_output_write(&scan->out);
    scan->cut_off = code != CS_EXIT_OK;
    cs_buf_reset(&scan->out);
    return code;
}

static void note(const struct cs_token_hit *hit, void *arg)
{
    struct scan *scan = arg;
    char text[CS_TOKEN_SIZE];
    if (!is_wanted(scan, &hit->token))
        return;
    scan->found++;
    put_hit(scan, hit);
    if (scan->out.len > OUT_MAX / 2)
        (void)print(scan);
    if (scan->tokens == NULL || !cs_token_info(hit->token.kind)->secret)
        return;
    memcpy(text, hit->token.text.bytes, hit->token.text.len);
    text[hit->token.text.len] = '\0';
    (void)json_object_set_new(scan->tokens, text, json_true());
    cs_wipe(text, sizeof(text));
}

/* UTF-16 is told by its mark; what is left of it is the half of each unit that tokens are made of.
 */
static enum wide width_of(const uint8_t *bytes, size_t len)
{
    if (len >= 2 && bytes[0] == 0xFF && bytes[1] == 0xFE)
        return WIDE_LITTLE;
    return len >= 2 && bytes[0] == 0xFE && bytes[1] == 0xFF ? WIDE_BIG : WIDE_NOT;
}

static struct cs_slice narrowed(struct scan *scan, enum wide wide, size_t len)
{
    size_t low = wide == WIDE_BIG ? 1 : 0;
    for (size_t i = 0; i + 1 < len; i += 2)
        scan->narrow[i / 2] = scan->piece[i + 1 - low] == 0 ? scan->piece[i + low] : 0xFF;
    return CS_SLICE(scan->narrow, len / 2);
}

/* As much as there is, up to a whole piece: UTF-16 is not cut in the middle of a unit. */
static ssize_t read_piece(int fd, uint8_t *piece)
{
    size_t len = 0;
    while (len < PIECE) {
        ssize_t got = read(fd, piece + len, PIECE - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        len += (size_t)got;
    }
    return (ssize_t)len;
}

static void scan_fd(struct scan *scan, const char *path, int fd)
{
    ssize_t len = 0;
    enum wide wide = WIDE_NOT;
    bool begins = true;
    scan->path = path;
    cs_token_find_begin(&scan->finder, note, scan);
    while ((len = read_piece(fd, scan->piece)) > 0) {
        if (begins)
            wide = width_of(scan->piece, (size_t)len);
        begins = false;
        cs_token_find_add(&scan->finder, wide == WIDE_NOT ? CS_SLICE(scan->piece, (size_t)len)
                                                          : narrowed(scan, wide, (size_t)len));
    }
    if (len < 0)
        complain(scan, path, errno);
    cs_token_find_end(&scan->finder);
}

/*
 * What was named may be a link, a pipe or a device; below a folder only plain files are opened, and
 * what has become something else in the meantime is not followed, waited for or read.
 */
static void scan_file(struct scan *scan, const FTSENT *entry)
{
    struct stat stat;
    bool named = entry->fts_level == FTS_ROOTLEVEL;
    int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | (named ? 0 : O_NOFOLLOW | O_NONBLOCK);
    int fd = open(entry->fts_accpath, flags);
    if (fd < 0) {
        complain(scan, entry->fts_path, errno);
        return;
    }
    if (fstat(fd, &stat) != 0)
        complain(scan, entry->fts_path, errno);
    else if (named || S_ISREG(stat.st_mode))
        scan_fd(scan, entry->fts_path, fd);
    close(fd);
}

static void visit(struct scan *scan, const FTSENT *entry)
{
    switch (entry->fts_info) {
    case FTS_F:
        scan_file(scan, entry);
        break;
    case FTS_DEFAULT: /* a pipe, a device */
        if (entry->fts_level == FTS_ROOTLEVEL)
            scan_file(scan, entry);
        break;
    case FTS_SLNONE:
        if (entry->fts_level == FTS_ROOTLEVEL)
            complain(scan, entry->fts_path, ENOENT);
        break;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        complain(scan, entry->fts_path, entry->fts_errno);
        break;
    default:
        break;
    }
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Takes as many of those that wait as one call may have. */
static json_t *take_waiting(struct scan *scan)
{
    void *next = NULL;
    const char *token;
    json_t *ignored;
    json_t *list = json_array();
    json_object_foreach_safe(scan->tokens, next, token, ignored)
    {
        if (json_array_size(list) == REPORT_MAX)
            break;
        (void)json_array_append_new(list, json_string(token));
        (void)json_object_del(scan->tokens, token);
    }
    return list;
}

static enum cs_exit report(const struct cs_args *args, struct scan *scan)
{
    json_t *answer = NULL;
    struct cs_remote remote;
    json_t *body = json_pack("{s:o}", "tokens", take_waiting(scan));
    const struct cs_rest_request request = {.method = "POST", .target = "/v1/leaks", .body = body};
    enum cs_err err = cs_remote_open(args, CS_REMOTE_ANYONE, &remote);
    enum cs_exit code =
        err == CS_OK ? cs_rest_send(&remote, &request, &answer) : cs_command_exit(err);
    json_decref(answer);
    json_decref(body);
    cs_remote_close(&remote);
    return code;
}

static enum cs_exit report_waiting(const struct cs_args *args, struct scan *scan, size_t enough)
{
    enum cs_exit code = CS_EXIT_OK;
    while (code == CS_EXIT_OK && json_object_size(scan->tokens) >= enough)
        code = report(args, scan);
    return code;
}

/* What is to be walked; "-" is stdin, which is looked into here and now. */
static size_t take_paths(const struct cs_args *args, struct scan *scan,
                         char *paths[CS_ARGS_MAX + 1])
{
    size_t count = 0;
    for (size_t i = 0; i < args->argument_count; i++) {
        if (strcmp(args->arguments[i], "-") == 0)
            scan_fd(scan, "(standard input)", STDIN_FILENO);
        else
            paths[count++] = (char *)(uintptr_t)args->arguments[i];
    }
    return count;
}

static enum cs_exit walk(const struct cs_args *args, struct scan *scan)
{
    char *paths[CS_ARGS_MAX + 1] = {NULL};
    FTSENT *entry = NULL;
    enum cs_exit code = CS_EXIT_OK;
    if (take_paths(args, scan, paths) == 0)
        return CS_EXIT_OK;
    FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
    if (tree == NULL)
        return cs_output_fail(TROUBLE, "cannot begin: %s", strerror(errno));
    errno = 0;
    while (code == CS_EXIT_OK && (entry = fts_read(tree)) != NULL) {
        visit(scan, entry);
        if (!scan->json)
            code = print(scan);
        if (code == CS_EXIT_OK)
            code = report_waiting(args, scan, REPORT_MAX);
        errno = 0;
    }
    if (code == CS_EXIT_OK && errno != 0)
        complain(scan, "the folder", errno);
    fts_close(tree);
    return code;
}

static enum cs_exit finish(const struct cs_args *args, struct scan *scan)
{
    if (scan->json)
        cs_buf_put_str(&scan->out, scan->found > 0 ? "\n]}\n" : "]}\n");
    enum cs_exit code = print(scan);
    if (code == CS_EXIT_OK)
        code = report_waiting(args, scan, 1);
    if (code != CS_EXIT_OK || scan->trouble)
        return TROUBLE;
    return scan->found > 0 ? FOUND : NOTHING;
}

static enum cs_exit print_regex(const char *brand)
{
    struct cs_buf text;
    cs_buf_init(&text, PIECE);
    cs_token_regex(CS_TOKEN_COUNT, brand == NULL ? ANY_BRAND : brand, &text);
    cs_buf_put_char(&text, '\n');
    enum cs_exit code = cs_output_write(&text);
    cs_buf_free(&text);
    return code;
}

static enum cs_exit scan_paths(const struct cs_args *args, struct scan *scan)
{
    cs_buf_init(&scan->out, OUT_MAX);
    if (scan->json)
        cs_buf_put_str(&scan->out, "{\"items\": [");
    enum cs_exit code = walk(args, scan);
    code = code == CS_EXIT_OK ? finish(args, scan) : TROUBLE;
    cs_buf_free(&scan->out);
    return code;
}

static enum cs_exit run(const struct cs_args *args)
{
    const char *brand = cs_args_text(args, "brand");
    if (brand != NULL && !cs_token_is_brand(cs_slice_str(brand)))
        return cs_output_fail(TROUBLE, "--brand takes a lower-case letter and at most 11 more "
                                       "letters and digits");
    if (cs_args_has(args, "regex"))
        return print_regex(brand);
    if (args->argument_count == 0)
        return cs_output_fail(TROUBLE, "name a file or a folder to look into");
    struct scan *scan = calloc(1, sizeof(*scan));
    if (scan == NULL)
        return cs_output_fail(TROUBLE, "there is no memory left");
    scan->brand = brand;
    scan->all = cs_args_has(args, "all");
    scan->json = strcmp(cs_args_text(args, "format"), "json") == 0;
    scan->tokens = cs_args_has(args, "report") ? json_object() : NULL;
    enum cs_exit code = scan_paths(args, scan);
    json_decref(scan->tokens);
    cs_wipe(scan, sizeof(*scan));
    free(scan);
    return code;
}

static const struct cs_argument arguments[] = {
    {.name = "path",
     .type = CS_ARGUMENT_FILE,
     .need = CS_ARGUMENT_MANY,
     .doc = "files, and folders with all that is in them; “-”: stdin"},
    {0},
};
static const struct cs_option options[] = {
    {.name = "brand",
     .type = CS_OPTION_TEXT,
     .argument = "BRAND",
     .doc = "only tokens that begin so; without it, those of every vault"},
    {.name = "all", .type = CS_OPTION_FLAG, .doc = "client ids too, which are public"},
    {.name = "report",
     .type = CS_OPTION_FLAG,
     .doc = "send what is found to the server, which stops what was real; no login is needed"},
    {.name = "regex",
     .type = CS_OPTION_FLAG,
     .doc = "print the regular expression that tokens match, for other scanners, and look at "
            "nothing"},
    {0},
};
static const struct cs_option_set *const sets[] = {&cs_rest_format_options, &cs_remote_options,
                                                   NULL};
static const struct cs_example examples[] = {
    {"countersign scan .", "tells where tokens stand in this folder"},
    {"countersign scan --report --url https://desk.example build logs",
     "and has the keys among them stopped"},
    {"countersign scan --brand cs --regex", "for a scanner that takes regular expressions"},
    {0},
};
const struct cs_command cs_scan_command = {
    .name = "scan",
    .summary = "Find tokens in files, offline",
    .doc = "Each is told as FILE:LINE:COLUMN, masked. Only what has a right checksum is told, so "
           "nothing that merely looks like a token; what stands in archives and encodings is not "
           "seen. Links below a folder are not followed.\n\n"
           "It exits as grep does: with 0 if something was found, with 1 if nothing was, and with "
           "2 if something could not be looked into, which is said.",
    .arguments = arguments,
    .options = options,
    .shared = sets,
    .examples = examples,
    .run = run,
};
