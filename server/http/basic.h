/*
 * Basic: the pair of client id and secret that a request carries by HTTP Basic (RFC 7617).
 * Thread rule: pure.
 */
#ifndef CS_SERVER_HTTP_BASIC_H
#define CS_SERVER_HTTP_BASIC_H

#include "base/bytes.h"
#include "base/err.h"

struct cs_call;
struct cs_secret;

struct cs_basic {
    struct cs_secret *pair;        /* "id:secret"; both slices are of it */
    struct cs_slice id;            /* what stands before the first colon */
    struct cs_slice client_secret; /* what stands behind it */
};

/*
 * Takes the pair from Authorization. CS_ERR_UNAUTHENTIC: there is none of that scheme, or it is not
 * one; CS_ERR_NOMEM. The caller frees it in any case.
 */
CS_MUST_CHECK enum cs_err cs_basic_read(const struct cs_call *call, struct cs_basic *out);
/* The same of what follows the scheme. */
CS_MUST_CHECK enum cs_err cs_basic_decode(struct cs_slice encoded, struct cs_basic *out);
void cs_basic_free(struct cs_basic *basic);

#endif
