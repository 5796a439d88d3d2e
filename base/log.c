#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/bytes.h"
#include "base/clock.h"

/* A pipe takes this much whole or not at all (PIPE_BUF), so lines of threads never mix. */
#define LINE_MAX_BYTES 4096
/* Kept free for what says that a line was cut, and its end. */
#define LINE_TAIL 64
/* Bytes of one text value that are told. Each may become six, and the value must fit the line. */
#define VALUE_MAX 512

struct cs_log {
    int fd;
    enum cs_log_level level;
    enum cs_log_format format;
    const struct cs_clock *clock;
    _Atomic int64_t lost; /* lines that could not be written; told by the next one that can */
    _Atomic bool torn;    /* the last line stands half in the file */
};

const char *const cs_log_level_names[] = {
    [CS_LOG_ERROR] = "error",
    [CS_LOG_WARN] = "warn",
    [CS_LOG_INFO] = "info",
    [CS_LOG_DEBUG] = "debug",
    NULL,
};
const char *const cs_log_format_names[] = {
    [CS_LOG_LOGFMT] = "logfmt", [CS_LOG_JSON] = "json", NULL};

enum cs_err cs_log_new(int fd, enum cs_log_level level, enum cs_log_format format,
                       const struct cs_clock *clock, struct cs_log **out)
{
    *out = NULL;
    struct cs_log *log = calloc(1, sizeof(*log));
    if (log == NULL)
        return CS_ERR_NOMEM;
    log->fd = fd;
    log->level = level;
    log->format = format;
    log->clock = clock;
    atomic_init(&log->lost, 0);
    atomic_init(&log->torn, false);
    *out = log;
    return CS_OK;
}

void cs_log_free(struct cs_log **log)
{
    free(*log);
    *log = NULL;
}

bool cs_log_wants(const struct cs_log *log, enum cs_log_level level)
{
    return log != NULL && level <= log->level;
}

/* Characters that start a line, move the cursor or turn the reading direction somewhere. */
static bool is_unsafe(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x0000, 0x001f}, {0x007f, 0x009f}, {0x061c, 0x061c}, {0x200b, 0x200f},   {0x2028, 0x202e},
        {0x2060, 0x2069}, {0xfeff, 0xfeff}, {0xfff9, 0xfffc}, {0xe0000, 0xe0fff},
    };
    if (code >= ' ' && code <= '~')
        return false;
    for (size_t i = 0; i < CS_COUNT(ranges); i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return false;
}

static void put_escape(struct cs_buf *line, uint32_t code)
{
    if (code > 0xffff) { /* as JSON has them: a surrogate pair */
        code -= 0x10000;
        cs_buf_printf(line, "\\u%04x", 0xd800 | (code >> 10));
        code = 0xdc00 | (code & 0x3ff);
    }
    cs_buf_printf(line, "\\u%04x", code);
}

/* A JSON string, which logfmt readers take as a quoted value too. Bad bytes become U+FFFD. */
static void put_quoted(struct cs_buf *line, const char *text)
{
    size_t len = strnlen(text, VALUE_MAX + 4); /* with the rest of a last character */
    size_t at = 0;
    cs_buf_put_char(line, '"');
    while (at < len && at < VALUE_MAX) {
        uint32_t code = 0;
        size_t step = cs_utf8_next(text + at, len - at, &code);
        if (step == 0) {
            put_escape(line, 0xfffd);
            step = 1;
        } else if (is_unsafe(code)) {
            put_escape(line, code);
        } else {
            if (code == '"' || code == '\\')
                cs_buf_put_char(line, '\\');
            cs_buf_put(line, text + at, step);
        }
        at += step;
    }
    cs_buf_put_str(line, at < len ? "…\"" : "\"");
}

/* What logfmt can tell without quotes: ASCII that is neither space, quote, backslash nor '='. */
static bool is_bare(const char *text)
{
    size_t len = 0;
    for (; text[len] != '\0'; len++)
        if (text[len] <= ' ' || text[len] > '~' || strchr("\"\\=", text[len]) != NULL)
            return false;
    return len > 0 && len <= VALUE_MAX;
}

static void put_text(const struct cs_log *log, struct cs_buf *line, const char *text)
{
    if (text == NULL)
        cs_buf_put_str(line, log->format == CS_LOG_JSON ? "null" : "\"\"");
    else if (log->format == CS_LOG_LOGFMT && is_bare(text))
        cs_buf_put_str(line, text);
    else
        put_quoted(line, text);
}

static void put_key(const struct cs_log *log, struct cs_buf *line, const char *key)
{
    if (log->format == CS_LOG_JSON) {
        cs_buf_put_str(line, ",\"");
        cs_buf_put_str(line, key);
        cs_buf_put_str(line, "\":");
    } else {
        cs_buf_put_char(line, ' ');
        cs_buf_put_str(line, key);
        cs_buf_put_char(line, '=');
    }
}

static void put_field(const struct cs_log *log, struct cs_buf *line,
                      const struct cs_log_field *field)
{
    put_key(log, line, field->key);
    switch (field->kind) {
    case CS_LOG_TEXT:
        put_text(log, line, field->text);
        break;
    case CS_LOG_ERR:
        put_text(log, line, cs_err_name((enum cs_err)field->number));
        break;
    case CS_LOG_NUMBER:
    case CS_LOG_END:
        cs_buf_put_i64(line, field->number);
        break;
    }
}

/* A field stands on the line whole or not at all: half a value would leave a quote open. */
static bool put_whole_field(const struct cs_log *log, struct cs_buf *line,
                            const struct cs_log_field *field)
{
    struct cs_buf rest;
    cs_buf_lend(&rest, line->bytes + line->len, line->size - LINE_TAIL - line->len);
    put_field(log, &rest, field);
    if (cs_buf_err(&rest) != CS_OK)
        return false;
    line->len += rest.len;
    return true;
}

static void put_head(const struct cs_log *log, struct cs_buf *line, enum cs_log_level level,
                     const char *message)
{
    char time[CS_TIME_TEXT_SIZE];
    cs_time_format(cs_clock_wall_ms(log->clock), time);
    const char *name = cs_log_level_names[level];
    if (log->format == CS_LOG_JSON)
        cs_buf_printf(line, "{\"time\":\"%s\",\"level\":\"%s\",\"msg\":", time, name);
    else
        cs_buf_printf(line, "time=%s level=%s msg=", time, name);
    put_quoted(line, message);
}

/*
 * One write for one line. What a full disk cut in two is not gone on with, as another thread's line
 * may stand behind it; the next line that can be written begins on a line of its own.
 */
static void write_once(struct cs_log *log, const struct cs_buf *line, int64_t lost, bool torn)
{
    ssize_t done = 0;
    do {
        done = write(log->fd, line->bytes, line->len);
    } while (done < 0 && errno == EINTR);
    if (done >= 0 && (size_t)done == line->len)
        return;
    atomic_fetch_add(&log->lost, lost + 1);
    if (torn || done > 0)
        atomic_store(&log->torn, true);
}

static void put_tail(const struct cs_log *log, struct cs_buf *line, int64_t lost, bool cut)
{
    if (lost > 0) {
        put_key(log, line, "lost_lines");
        cs_buf_put_i64(line, lost);
    }
    if (cut) {
        put_key(log, line, "cut");
        cs_buf_put_str(line, "true");
    }
    cs_buf_put_str(line, log->format == CS_LOG_JSON ? "}\n" : "\n");
}

void cs_log_line(struct cs_log *log, enum cs_log_level level, const char *message,
                 const struct cs_log_field *fields)
{
    uint8_t memory[LINE_MAX_BYTES];
    struct cs_buf line;
    bool cut = false;
    if (!cs_log_wants(log, level))
        return;
    cs_buf_lend(&line, memory, sizeof(memory));
    bool torn = atomic_exchange(&log->torn, false);
    if (torn)
        cs_buf_put_char(&line, '\n');
    put_head(log, &line, level, message);
    for (; fields->kind != CS_LOG_END; fields++)
        cut = !put_whole_field(log, &line, fields) || cut;
    int64_t lost = atomic_exchange(&log->lost, 0);
    put_tail(log, &line, lost, cut);
    assert(cs_buf_err(&line) == CS_OK);
    write_once(log, &line, lost, torn);
}

enum cs_err cs_log_level_parse(const char *text, enum cs_log_level *out)
{
    for (int i = 0; cs_log_level_names[i] != NULL; i++) {
        if (strcmp(text, cs_log_level_names[i]) == 0) {
            *out = (enum cs_log_level)i;
            return CS_OK;
        }
    }
    return CS_ERR_INVALID;
}
