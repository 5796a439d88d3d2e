/*
 * Replays: the answers kept so that a repeated Idempotency-Key gets the same answer and nothing is
 * done twice. The row is written in the transaction that does the thing.
 *
 * The answer is sealed under a key that needs both the vault's keyring and the caller's own token
 * with the Idempotency-Key: neither the store nor the root key alone opens it. Answers with a
 * secret are kept for 10 minutes, others for 24 hours; the marker that it was done stays for 24
 * hours. Thread rule: inside a transaction.
 */
#ifndef CS_VAULT_REPLAY_H
#define CS_VAULT_REPLAY_H

#include "vault/row.h"

#define CS_REPLAY_KEY_MAX 255      /* characters of an Idempotency-Key, visible ASCII */
#define CS_REPLAY_ANSWER_MAX 16384 /* bytes; of a longer one only the marker is kept */
#define CS_REPLAY_MS ((int64_t)24 * 3600 * 1000)
#define CS_REPLAY_SECRET_MS ((int64_t)600 * 1000)

struct cs_replay_ask {
    struct cs_slice caller; /* the token that the caller presented */
    uint64_t revision;      /* of the user whose it is; 0: a service's */
    const char *route;      /* method and pattern */
    const char *target;     /* the path itself */
    struct cs_slice key;    /* Idempotency-Key */
    struct cs_slice body;
};

struct cs_replay_answer {
    unsigned status;
    bool secret; /* the body holds a secret */
};

/*
 * CS_OK: found; the answer's body is appended to `body`. CS_ERR_NOT_FOUND: not done yet, go on.
 * CS_ERR_REFUSED/IDEMPOTENCY_MISMATCH: another body. CS_ERR_CONFLICT/REPLAY_EXPIRED: it was done,
 * and its answer cannot be had any more: nor by a user who was changed since, and may have lost the
 * role or the account that it takes.
 */
CS_MUST_CHECK enum cs_err cs_replay_find(struct cs_ctx *ctx, const struct cs_replay_ask *ask,
                                         struct cs_replay_answer *answer, struct cs_buf *body);
CS_MUST_CHECK enum cs_err cs_replay_save(struct cs_ctx *ctx, const struct cs_replay_ask *ask,
                                         const struct cs_replay_answer *answer,
                                         struct cs_slice body);
/* For the sweeper: erases the answer, then the marker, when their time has come. By handle. */
CS_MUST_CHECK enum cs_err cs_replay_expire(struct cs_ctx *ctx, uint64_t handle);

#endif
