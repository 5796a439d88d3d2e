/*
 * Request ids: what ties an answer, its log lines and its audit entries together.
 *
 * A caller's own id is taken when it is harmless in a header and in a log; else one is made, unique
 * and not secret. Thread rule: a maker belongs to one thread.
 */
#ifndef CS_SERVER_HTTP_REQUEST_ID_H
#define CS_SERVER_HTTP_REQUEST_ID_H

#include <stdint.h>

#include "base/bytes.h"
#include "server/call.h"

#define CS_REQUEST_ID_MADE 26

/* The last one made: half of it random, so that no two makers and no two runs share one; the other
 * half counts, in base32. */
struct cs_request_ids {
    char text[CS_REQUEST_ID_MADE + 1];
};

void cs_request_ids_init(struct cs_request_ids *ids);
/* Writes the given id if it matches [A-Za-z0-9._-]{1,64}, else a new one; out has a NUL. */
void cs_request_id_choose(struct cs_request_ids *ids, struct cs_slice given,
                          char out[CS_REQUEST_ID_MAX + 1]);

#endif
