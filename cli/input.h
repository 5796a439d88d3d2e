/*
 * Input: secrets and answers from people, and small files.
 *
 * A secret comes from a file, from a prompt on the terminal without echo, or from a line of stdin
 * when that is no terminal; never from argv. It goes straight into secret memory: no stdio buffer
 * holds it on the way. Thread rule: one thread.
 */
#ifndef CS_CLI_INPUT_H
#define CS_CLI_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/err.h"

struct cs_secret;

enum cs_input_form {
    CS_INPUT_TOKEN,     /* visible ASCII without spaces */
    CS_INPUT_PASSPHRASE /* any valid UTF-8 text */
};

struct cs_input {
    const char *what; /* "access token": for the prompt and for complaints */
    /* File to read; "-": stdin; NULL: a prompt, or stdin if that is no terminal. */
    const char *path;
    enum cs_input_form form;
};

/*
 * Reads one line; its line end does not count. CS_ERR_INVALID: empty, not of the form, no such
 * file, or the person pressed Ctrl-C or Ctrl-D; CS_ERR_TOO_LARGE: over CS_SECRET_MAX; CS_ERR_IO:
 * cannot be read; CS_ERR_NOMEM. Every failure is said on stderr, and none of them repeats what was
 * read.
 */
CS_MUST_CHECK enum cs_err cs_input_secret(const struct cs_input *input, struct cs_secret **out);

/*
 * Asks for a line that is not secret: on the terminal with a prompt, or the next line of stdin if
 * that is no terminal. Errors as above. `out` has `size` bytes with the NUL.
 */
CS_MUST_CHECK enum cs_err cs_input_line(const char *what, char *out, size_t size);

/* Whether a person can be asked: stdin is a terminal. */
bool cs_input_interactive(void);
/* Asks "question [y/N]" on the terminal. Anything but y or yes is no. */
bool cs_input_confirm(const char *question);

#endif
