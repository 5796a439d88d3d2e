/*
 * Completion: what may come next on a command line that is not finished.
 *
 * The shells ask `countersign complete -- WORD…` and show what it prints, so that one reading of
 * the table serves all of them and none can grow stale. Thread rule: pure.
 */
#ifndef CS_CLI_HELP_COMPLETE_H
#define CS_CLI_HELP_COMPLETE_H

#include <stddef.h>

#include "base/bytes.h"
#include "cli/command.h"

/*
 * `words` are those after the program's name; the last one is what is being typed, maybe "". Each
 * candidate is a line: the word, a tab, what it is. Nothing where any word or a file may stand.
 */
void cs_complete_write(const struct cs_command *root, const char *const *words, size_t count,
                       struct cs_buf *out);
/* The script that makes a shell ask; `shell` is one of cs_complete_shells. */
const char *cs_complete_script(const char *shell);
extern const char *const cs_complete_shells[]; /* NULL-terminated */

#endif
