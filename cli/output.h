/*
 * Output: data on stdout as a table or as JSON, messages on stderr.
 *
 * What a server sends is shown, never obeyed: control characters, terminal sequences, bidirectional
 * overrides, invisible characters and bytes that are not UTF-8 come out escaped, so that a hostile
 * name can neither drive the terminal nor reorder what stands beside it. JSON has no raw control
 * characters, and nothing but ASCII when it goes to a terminal.
 * Bold headings only on a terminal, and never with NO_COLOR set (no-color.org).
 * Thread rule: one thread.
 */
#ifndef CS_CLI_OUTPUT_H
#define CS_CLI_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/err.h"
#include "cli/command.h"

enum cs_output_style { CS_OUTPUT_PLAIN, CS_OUTPUT_BOLD };

/* A column of a listing: `path` is a member's name, or names joined by dots. */
struct cs_column {
    const char *title; /* NULL ends a table */
    const char *path;
};

/*
 * The text as it may be shown. Escapes are \n, \t, \uXXXX for a character and \xXX for a byte. The
 * result is valid UTF-8 of printable characters.
 */
void cs_output_escape(struct cs_buf *out, struct cs_slice text);
/* How many cells of a terminal an escaped text fills. */
size_t cs_output_width(struct cs_slice text);

/*
 * A table of the columns with a line of titles; `items` is an array of objects. Absent and null
 * values are "-", lists of words are joined by spaces.
 */
void cs_output_table(struct cs_buf *out, const struct cs_column *columns, const json_t *items,
                     enum cs_output_style style);
/*
 * One object as lines of name and value; members of objects inside it have names joined by dots.
 * A text of several lines goes on under its beginning.
 */
void cs_output_object(struct cs_buf *out, const json_t *object);
/* Indented JSON and a newline. With `ascii`, nothing but ASCII (for a terminal). */
enum cs_output_json_form { CS_OUTPUT_UTF8, CS_OUTPUT_ASCII };
void cs_output_json(struct cs_buf *out, const json_t *value, enum cs_output_json_form form);

/* The JSON text with jansson's flags, as it goes over the wire or into a file. */
void cs_output_dump(struct cs_buf *out, const json_t *value, size_t flags);
/* The member that names joined by dots lead to, or NULL. */
const json_t *cs_output_member(const json_t *object, const char *path);

/* How stdout takes what is written to it. */
enum cs_output_style cs_output_stdout_style(void);
enum cs_output_json_form cs_output_stdout_form(void);

/*
 * Writes all of it to stdout. CS_EXIT_FAILED, and said on stderr, when the buffer holds an error or
 * stdout does not take it: an answer that was lost must not look like success.
 */
CS_MUST_CHECK enum cs_exit cs_output_write(struct cs_buf *buf);

/* "countersign: …" and a newline on stderr. The whole text is escaped, but for its newlines. */
void cs_output_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Says the same and returns the exit code, so that a failure is one line. */
enum cs_exit cs_output_fail(enum cs_exit code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The most that one command prints. */
#define CS_OUTPUT_MAX ((size_t)64 << 20)

#endif
