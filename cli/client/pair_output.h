/*
 * Pair output: where a pair goes that `countersign claim` has fetched: to stdout, into a new file,
 * or to a command's stdin; as NAME=value lines or as JSON.
 *
 * A file appears with all that is in it or not at all, mode 0600; nothing that lies there is
 * touched or followed. What a run before has written there is known again by what is in it. A
 * command is run by sh, without the pair in its arguments or its environment. Failures are said on
 * stderr. Thread rule: one thread.
 */
#ifndef CS_CLI_CLIENT_PAIR_OUTPUT_H
#define CS_CLI_CLIENT_PAIR_OUTPUT_H

#include "base/bytes.h"
#include "base/secret/secret.h"
#include "cli/command.h"

enum cs_pair_form { CS_PAIR_ENV, CS_PAIR_JSON };
extern const char *const cs_pair_form_names[];

struct cs_pair_output {
    enum cs_pair_form form;
    const char *file;    /* a new file; or */
    const char *command; /* for sh -c; or neither: stdout */
    bool again;          /* a run before may have written the same file */
};

/* Before anything is asked for: whether the file could be written. CS_EXIT_CONFLICT: one is there.
 */
CS_MUST_CHECK enum cs_exit cs_pair_output_check(const struct cs_pair_output *output);
/*
 * Hands the pair over, and is certain of it: the file is on disk, the command ended with 0, stdout
 * took it all. CS_EXIT_CONFLICT: another file is there; CS_EXIT_FAILED.
 */
CS_MUST_CHECK enum cs_exit cs_pair_output_write(const struct cs_pair_output *output,
                                                const char *client_id,
                                                const struct cs_secret *secret);

#endif
