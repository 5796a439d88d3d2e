/*
 * Verification: is this key good for this? One decision function, one closed list of codes.
 *
 * Reads one row, the suspension table and the limiter; never writes to the store, never blocks on
 * writers, allocates nothing. Which of several reasons is told is the order of the table, and none
 * of those that say something about a credential is told before its secret is proved. An address
 * with too many failed attempts behind it is RATE_LIMITED before the store is asked. Thread rule:
 * from any thread; cs_verify outside of transactions.
 */
#ifndef CS_VAULT_VERIFY_VERIFY_H
#define CS_VAULT_VERIFY_VERIFY_H

#include "vault/credential/credential.h"

/* What RFC 7662 introspection makes of a verdict: `active`, or a refusal to look just now. */
enum cs_introspection { CS_INTROSPECT_INACTIVE, CS_INTROSPECT_ACTIVE, CS_INTROSPECT_LATER };

/*
 * symbol, status of /v1/authorize, WWW-Authenticate error ("" bare Bearer, NULL none), what
 * introspection tells, what it means. /v1/verify tells the symbol, with 200.
 */
#define CS_VERDICT_TABLE(X)                                                                        \
    X(VALID, 200, NULL, ACTIVE, "The key is good for this.")                                       \
    X(MISSING, 401, "", INACTIVE, "No key was presented.")                                         \
    X(MALFORMED, 401, "invalid_token", INACTIVE, "What was presented is not a key.")               \
    X(NOT_FOUND, 401, "invalid_token", INACTIVE, "There is no such key.")                          \
    X(REVOKED, 401, "invalid_token", INACTIVE, "The key was revoked.")                             \
    X(EXPIRED, 401, "invalid_token", INACTIVE, "The key has expired.")                             \
    X(DISABLED, 401, "invalid_token", INACTIVE, "The key is disabled.")                            \
    X(WRONG_MODE, 403, NULL, INACTIVE, "The key is of the other mode.")                            \
    X(SUSPENDED, 403, NULL, INACTIVE, "The account is suspended.")                                 \
    X(QUARANTINED, 403, NULL, INACTIVE, "The key is in quarantine.")                               \
    X(IP_DENIED, 403, NULL, INACTIVE, "The key may not be used from this address.")                \
    X(UNDELIVERED, 403, NULL, INACTIVE, "The key has not been delivered.")                         \
    X(INSUFFICIENT_SCOPE, 403, "insufficient_scope", INACTIVE, "The key lacks a scope.")           \
    X(RATE_LIMITED, 429, NULL, LATER, "Too many requests; try again later.")

enum cs_verdict {
#define CS_VERDICT_SYMBOL_(symbol, status, challenge, introspection, meaning) CS_VERDICT_##symbol,
    CS_VERDICT_TABLE(CS_VERDICT_SYMBOL_)
#undef CS_VERDICT_SYMBOL_
        CS_VERDICT_COUNT
};
extern const char *const cs_verdict_names[]; /* NULL-terminated: "VALID", … */

struct cs_verdict_info {
    const char *name;
    unsigned status;
    const char *challenge;
    enum cs_introspection introspection;
    const char *meaning; /* a sentence for the key's caller */
};
const struct cs_verdict_info *cs_verdict_info(enum cs_verdict verdict);

/* So many in a period, within the bounds of vault/verify/limits.h; limit 0: unlimited. */
struct cs_rate {
    uint64_t limit;
    uint64_t period_ms;
    uint64_t burst; /* so many may come at once; 0: as many as the limit */
};

/* Where a verification is counted. */
enum cs_limited { CS_LIMITED_KEY, CS_LIMITED_ACCOUNT, CS_LIMITED_COUNT };
extern const char *const cs_limited_names[]; /* "key", "account", NULL */

struct cs_limit_state {
    struct cs_rate rate; /* in force; limit 0: unlimited */
    uint64_t remaining;
    uint64_t reset_s;
};

struct cs_question {
    struct cs_slice key;                 /* the secret alone, or */
    struct cs_slice client_id;           /* id and */
    struct cs_slice client_secret;       /* secret */
    bool unreadable;                     /* what was presented is neither: MALFORMED */
    int mode;                            /* -1: either */
    const char *scopes;                  /* a word list shorter than CS_SCOPES_SIZE, all of which
                                            are needed; NULL: none */
    const char *any_scopes;              /* the same, one of which is needed; NULL: none */
    const char *ip;                      /* of the key's caller; NULL: not told */
    uint32_t cost;                       /* 1 by default; 0 asks without using up the limit */
    bool unnoted;                        /* no use of it: its holder only looks */
    bool scopes_unnoted;                 /* no use of `scopes`: not only who may say so asks for
                                            them */
    struct cs_rate rates[CS_MODE_COUNT]; /* of a credential of the mode, from the policy */
    struct cs_rate account_rates[CS_MODE_COUNT]; /* of all credentials of an account together */
    struct cs_rate attempts;   /* failed ones (MALFORMED, NOT_FOUND) of the address `ip`, or else */
    const char *attempts_from; /* of this one; NULL: nobody's are counted */
};

struct cs_answer {
    enum cs_verdict verdict;
    bool known; /* the secret was proved: the credential below may be told */
    struct cs_credential credential;
    char missing_scopes[CS_SCOPES_SIZE]; /* told with INSUFFICIENT_SCOPE: those of `scopes` that it
                                            lacks, else all of `any_scopes` */
    struct cs_limit_state limits[CS_LIMITED_COUNT];
    /* That of these which is nearest to its end. */
    struct cs_rate rate; /* limit 0: unlimited */
    uint64_t remaining;
    uint64_t reset_s;
    uint64_t retry_after_s;
};

/* CS_ERR_UNAVAILABLE: the store cannot answer (or is not fresh). The verdict is in *out otherwise.
 */
CS_MUST_CHECK enum cs_err cs_verify(struct cs_vault *vault, const struct cs_question *question,
                                    struct cs_answer *out);
/*
 * The same inside a read transaction, so that many questions share one: each sees the store as it
 * was when that began, and is judged by the transaction's time.
 */
CS_MUST_CHECK enum cs_err cs_verify_in(struct cs_ctx *ctx, const struct cs_question *question,
                                       struct cs_answer *out);

#endif
