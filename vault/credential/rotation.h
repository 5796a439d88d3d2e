/*
 * Rotation: the time in which a credential has two secrets, how each of them is used in it, and
 * when it ends: at its deadline, or as soon as the previous secret has been quiet for long enough.
 *
 * While it lasts each verification is counted once more, for the secret that was shown, under an id
 * that no credential has: its own with one of the highest bits of the handle, which are zero until
 * the year 6429. So usage (vault/usage/usage.h) knows nothing of secrets, and what is quiet is told
 * by counts that are not yet written too. Thread rule: as each function says.
 */
#ifndef CS_VAULT_CREDENTIAL_ROTATION_H
#define CS_VAULT_CREDENTIAL_ROTATION_H

#include "vault/credential/credential.h"

enum cs_rotation_secret { CS_ROTATION_CURRENT, CS_ROTATION_PREVIOUS };

/* What one of the two secrets was used for since the rotation, refused verifications too. */
struct cs_rotation_use {
    uint64_t verifications;
    int64_t last_used_at; /* 0: never */
};
struct cs_rotation_report {
    int64_t rotated_at;  /* 0: never, and the rest is zero */
    int64_t grace_until; /* as the credential has it: 0 where there was no grace */
    uint64_t quiet_s;
    /* Of the current one only while the grace lasts; the credential's own usage has the rest. */
    struct cs_rotation_use current;
    struct cs_rotation_use previous;
};
/* Inside a transaction. Errors as of cs_row_get. */
CS_MUST_CHECK enum cs_err cs_rotation_report(struct cs_ctx *ctx,
                                             const struct cs_credential *credential,
                                             struct cs_rotation_report *out);

/* A verification by one of two secrets. From any thread; never waits for the store. */
void cs_rotation_note(struct cs_vault *vault, const struct cs_credential *credential,
                      enum cs_rotation_secret secret, int64_t now_ms);

/*
 * For cs_credential_rotate, in its transaction: the grace of what is the current secret up to now.
 * Never past the credential's end.
 */
CS_MUST_CHECK enum cs_err cs_rotation_begin(struct cs_ctx *ctx, struct cs_credential *credential,
                                            const struct cs_grace *grace);
/*
 * For the sweeper: ends the grace of a previous secret that has been quiet for as long as its
 * rotation asked for, or comes back when that may be so; and forgets the secret whose grace is
 * over, so that a clock that is set back does not make it good again. Quiet is counted from the
 * opening of the vault at the earliest, because a crash may have lost the last uses before it; and
 * where uses were dropped for want of memory, only the deadline ends it. By handle.
 */
CS_MUST_CHECK enum cs_err cs_rotation_settle(struct cs_ctx *ctx, uint64_t handle);

#endif
