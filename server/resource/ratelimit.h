/*
 * Rate limits as they are told, and as policy and configuration state them for verification.
 * Thread rule: pure, but for the policy slot.
 */
#ifndef CS_SERVER_RESOURCE_RATELIMIT_H
#define CS_SERVER_RESOURCE_RATELIMIT_H

#include "server/app.h"
#include "vault/verify/verify.h"

/* All zero, which is told as null: no limit is in force, or it is nobody's. */
struct cs_ratelimit {
    uint64_t limit;
    uint64_t remaining;
    uint64_t reset_s;
};
extern const struct cs_record cs_ratelimit_record;

void cs_ratelimit_show(const struct cs_answer *answer, struct cs_ratelimit *out);
/* Puts into the question what is not the asker's to say: rates, and whose failed attempts count. */
void cs_ratelimit_ask(const struct cs_call *call, struct cs_question *question);

#endif
