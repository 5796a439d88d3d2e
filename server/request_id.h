/*
 * Request ids: what ties an answer, its log lines and its audit entries together.
 *
 * A caller's own id is taken when it is harmless in a header and in a log; else one is made, unique
 * and not secret. Thread rule: a maker belongs to one thread.
 */
#ifndef CS_SERVER_REQUEST_ID_H
#define CS_SERVER_REQUEST_ID_H

#include <stdint.h>

#include "base/bytes.h"
#include "server/call.h"

struct cs_request_ids {
    uint8_t prefix[8]; /* random: no two makers, and no two runs, share one */
    uint64_t made;
};

void cs_request_ids_init(struct cs_request_ids *ids);
/* Writes the given id if it matches [A-Za-z0-9._-]{1,64}, else a new one; out has a NUL. */
void cs_request_id_choose(struct cs_request_ids *ids, struct cs_slice given,
                          char out[CS_REQUEST_ID_MAX + 1]);

#endif
