#include "workflow/retrieval.h"

/* The policy's word for what a second fetch does, as the vault knows it. */
static const enum cs_second_fetch second_fetches[] = {
    [CS_REFETCH_QUARANTINE] = CS_SECOND_FETCH_QUARANTINE,
    [CS_REFETCH_ALERT] = CS_SECOND_FETCH_ALERT,
};

enum cs_err cs_retrieval_look(const struct cs_desk *desk, struct cs_slice token,
                              struct cs_retrieval *out)
{
    struct cs_ctx *ctx = desk->ctx;
    enum cs_err err = cs_claim_find(ctx, token, &out->claim);
    if (err == CS_OK)
        err = cs_credential_find(ctx, &out->claim.credential_id, &out->credential);
    if (err == CS_OK)
        err = cs_account_get(ctx, &out->claim.account_id, &out->account);
    return err;
}

enum cs_err cs_retrieval_fetch(const struct cs_desk *desk, struct cs_slice token,
                               const uint8_t *public_key, struct cs_fetch *out)
{
    struct cs_fetch_params params = {.token = token, .public_key = public_key};
    for (int mode = 0; mode < CS_MODE_COUNT; mode++)
        params.on_second[mode] =
            second_fetches[cs_policy_mode(desk->policy, (enum cs_mode)mode)->on_second_fetch];
    return cs_claim_fetch(desk->ctx, &params, out);
}
