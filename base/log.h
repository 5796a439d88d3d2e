/*
 * The log: one structured line for each thing worth knowing, to stderr, as logfmt or as JSON.
 *
 * A line has time, level, a message that is a constant string, and typed fields. Values are escaped
 * so that no input can forge a line, a field or a terminal's command. Secrets have no field type,
 * and are never passed. A text is told to 512 bytes (then "…"), a line has 4,096 at most: a field
 * that no longer fits is left out and the line says cut=true. Lines that could not be written are
 * counted, and the next that can be says lost_lines=N.
 * Thread rule: lines are written whole, from any thread. A NULL log swallows lines.
 */
#ifndef CS_BASE_LOG_H
#define CS_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/id.h"

enum cs_log_level { CS_LOG_ERROR, CS_LOG_WARN, CS_LOG_INFO, CS_LOG_DEBUG };
enum cs_log_format { CS_LOG_LOGFMT, CS_LOG_JSON };
extern const char *const cs_log_level_names[]; /* NULL-terminated, as is what follows */
extern const char *const cs_log_format_names[];
enum cs_log_kind { CS_LOG_END, CS_LOG_TEXT, CS_LOG_NUMBER, CS_LOG_ERR };

struct cs_log; /* opaque */
struct cs_clock;

struct cs_log_field {
    enum cs_log_kind kind;
    const char *key;
    const char *text;
    int64_t number;
};

/* Field makers for the last argument of cs_log_line. */
#define CS_T(key, text) ((struct cs_log_field){CS_LOG_TEXT, key, text, 0})
#define CS_N(key, number) ((struct cs_log_field){CS_LOG_NUMBER, key, 0, (int64_t)(number)})
#define CS_E(err) ((struct cs_log_field){CS_LOG_ERR, "error", 0, (int64_t)(err)})
#define CS_FIELDS(...) ((const struct cs_log_field[]){__VA_ARGS__, {CS_LOG_END, 0, 0, 0}})
#define CS_NO_FIELDS ((const struct cs_log_field[]){{CS_LOG_END, 0, 0, 0}})

/* `fd` and `clock` are borrowed. Lines above `level` are not written. CS_ERR_NOMEM. */
CS_MUST_CHECK enum cs_err cs_log_new(int fd, enum cs_log_level level, enum cs_log_format format,
                                     const struct cs_clock *clock, struct cs_log **out);
void cs_log_free(struct cs_log **log);
bool cs_log_wants(const struct cs_log *log, enum cs_log_level level);
/* cs_log_line(log, CS_LOG_INFO, "listening", CS_FIELDS(CS_T("address", a), CS_N("port", p))) */
void cs_log_line(struct cs_log *log, enum cs_log_level level, const char *message,
                 const struct cs_log_field *fields);
/* "error", "warn", "info", "debug"; "logfmt", "json": CS_ERR_INVALID for anything else. */
CS_MUST_CHECK enum cs_err cs_log_level_parse(const char *text, enum cs_log_level *out);

#endif
