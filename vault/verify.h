/*
 * Verification: is this key good for this? One decision function, one closed list of codes.
 *
 * Reads one row, the suspension table and the limiter; never writes to the store, never blocks on
 * writers, allocates nothing. Which of several reasons is told is the order of the table, and none
 * of those that say something about a credential is told before its secret is proved.
 * Thread rule: from any thread, outside of transactions.
 */
#ifndef CS_VAULT_VERIFY_H
#define CS_VAULT_VERIFY_H

#include "vault/credential.h"

/* symbol, status of /v1/authorize, WWW-Authenticate error ("" bare Bearer, NULL none) */
#define CS_VERDICT_TABLE(X)                                                                        \
    X(VALID, 200, NULL)                                                                            \
    X(MISSING, 401, "")                                                                            \
    X(MALFORMED, 401, "invalid_token")                                                             \
    X(NOT_FOUND, 401, "invalid_token")                                                             \
    X(REVOKED, 401, "invalid_token")                                                               \
    X(EXPIRED, 401, "invalid_token")                                                               \
    X(DISABLED, 401, "invalid_token")                                                              \
    X(WRONG_MODE, 403, NULL)                                                                       \
    X(SUSPENDED, 403, NULL)                                                                        \
    X(QUARANTINED, 403, NULL)                                                                      \
    X(IP_DENIED, 403, NULL)                                                                        \
    X(UNDELIVERED, 403, NULL)                                                                      \
    X(INSUFFICIENT_SCOPE, 403, "insufficient_scope")                                               \
    X(RATE_LIMITED, 429, NULL)

enum cs_verdict {
#define CS_VERDICT_SYMBOL_(symbol, status, challenge) CS_VERDICT_##symbol,
    CS_VERDICT_TABLE(CS_VERDICT_SYMBOL_)
#undef CS_VERDICT_SYMBOL_
        CS_VERDICT_COUNT
};
extern const char *const cs_verdict_names[]; /* NULL-terminated: "VALID", … */

struct cs_verdict_info {
    const char *name;
    unsigned status;
    const char *challenge;
};
const struct cs_verdict_info *cs_verdict_info(enum cs_verdict verdict);

/* So many in a period, within the bounds of vault/limits.h; limit 0: unlimited. */
struct cs_rate {
    uint64_t limit;
    uint64_t period_ms;
    uint64_t burst; /* so many more may come at once */
};

struct cs_question {
    struct cs_slice key;                 /* the secret alone, or */
    struct cs_slice client_id;           /* id and */
    struct cs_slice client_secret;       /* secret */
    int mode;                            /* -1: either */
    const char *scopes;                  /* a word list shorter than CS_SCOPES_SIZE, all of which
                                            are needed; NULL: none */
    const char *ip;                      /* of the key's caller; NULL: not told */
    uint32_t cost;                       /* 1 by default; 0 asks without using up the limit */
    bool unnoted;                        /* no use of it: its holder only looks */
    struct cs_rate rates[CS_MODE_COUNT]; /* of the modes, from the policy */
};

struct cs_answer {
    enum cs_verdict verdict;
    bool known; /* the secret was proved: the credential below may be told */
    struct cs_credential credential;
    char missing_scopes[CS_SCOPES_SIZE]; /* told with INSUFFICIENT_SCOPE */
    struct cs_rate rate;                 /* in force; limit 0: unlimited */
    uint64_t remaining;
    uint64_t reset_s;
    uint64_t retry_after_s;
};

/* CS_ERR_UNAVAILABLE: the store cannot answer (or is not fresh). The verdict is in *out otherwise.
 */
CS_MUST_CHECK enum cs_err cs_verify(struct cs_vault *vault, const struct cs_question *question,
                                    struct cs_answer *out);

#endif
