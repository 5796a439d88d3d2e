/*
 * Verifications: a gateway's answer about one key, as JSON. Thread rule: pure.
 */
#ifndef CS_SERVER_GATEWAY_VERIFICATION_H
#define CS_SERVER_GATEWAY_VERIFICATION_H

#include "server/call.h"
#include "server/resource/ratelimit.h"

struct cs_verification {
    bool valid;
    int code;
    struct cs_id credential_id;
    char client_id[CS_TOKEN_SIZE];
    struct cs_id account_id;
    int mode; /* one more than enum cs_mode */
    char name[CS_NAME_SIZE];
    char scopes[CS_SCOPES_SIZE];
    int64_t expires_at;
    char missing_scopes[CS_SCOPES_SIZE];
    struct cs_ratelimit ratelimit;
    uint64_t retry_after_s;
    char request_id[CS_REQUEST_ID_MAX + 1];
};

extern const struct cs_record cs_verification_record;

/* Bytes behind the ends of texts are left as they were: so large a struct is not cleared. */
void cs_verification_show(const struct cs_answer *answer, const char *request_id,
                          struct cs_verification *out);

#endif
