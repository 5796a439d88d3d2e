/*
 * Refusals: what a server's problem document (RFC 9457) looks like to a person, and the exit code
 * it makes. Thread rule: one thread.
 */
#ifndef CS_CLI_CLIENT_REFUSAL_H
#define CS_CLI_CLIENT_REFUSAL_H

#include "cli/client/client.h"
#include "cli/command.h"

/*
 * Says on stderr what went wrong: title, code, detail, the places in the body, what to do where a
 * command does it, when to try again, and the request id for whoever reads the server's log. A
 * place is told by the option of `command` (may be NULL) that gave it. An answer that is no problem
 * document is told by its status alone: an error page of a proxy is no text for a terminal.
 */
enum cs_exit cs_refusal_report(const struct cs_client_response *response,
                               const struct cs_command *command);
/* The exit code of a status that is not 2xx. */
enum cs_exit cs_refusal_exit(unsigned status);

#endif
