#include "vault/verify/verify.h"

#include <string.h>

#include "base/clock.h"
#include "base/text/network.h"
#include "base/text/scope.h"
#include "base/text/words.h"
#include "vault/access/account.h"
#include "vault/credential/rotation.h"
#include "vault/credential_internal.h"
#include "vault/usage/usage.h"
#include "vault/verify/decoy.h"
#include "vault/verify/limits.h"

const char *const cs_verdict_names[] = {
#define VERDICT_NAME(symbol, status, challenge, introspection, meaning) #symbol,
    CS_VERDICT_TABLE(VERDICT_NAME)
#undef VERDICT_NAME
        NULL};

const char *const cs_limited_names[] = {"key", "account", NULL};

static const struct cs_verdict_info infos[] = {
#define VERDICT_INFO(symbol, http_status, http_challenge, told, sentence)                          \
    {.name = #symbol,                                                                              \
     .status = (http_status),                                                                      \
     .challenge = (http_challenge),                                                                \
     .introspection = CS_INTROSPECT_##told,                                                        \
     .meaning = (sentence)},
    CS_VERDICT_TABLE(VERDICT_INFO)
#undef VERDICT_INFO
};

/* What the credential's own state makes of a proved key. */
static const enum cs_verdict by_status[] = {
    [CS_CREDENTIAL_PENDING_DELIVERY] = CS_VERDICT_UNDELIVERED,
    [CS_CREDENTIAL_DELIVERED] = CS_VERDICT_VALID,
    [CS_CREDENTIAL_ACTIVE] = CS_VERDICT_VALID,
    [CS_CREDENTIAL_DISABLED] = CS_VERDICT_DISABLED,
    [CS_CREDENTIAL_QUARANTINED] = CS_VERDICT_QUARANTINED,
    [CS_CREDENTIAL_REVOKED] = CS_VERDICT_REVOKED,
    [CS_CREDENTIAL_EXPIRED] = CS_VERDICT_EXPIRED,
};

static const uint8_t no_hash[CS_TOKEN_HASH_LEN];

const struct cs_verdict_info *cs_verdict_info(enum cs_verdict verdict)
{
    return &infos[verdict < CS_VERDICT_COUNT ? verdict : CS_VERDICT_MALFORMED];
}

struct verification {
    struct cs_vault *vault;
    const struct cs_question *question;
    struct cs_answer *answer;
    struct cs_slice secret; /* what was presented as the secret */
    uint64_t handle;
    enum cs_mode mode; /* by the token's kind */
    int64_t now_ms;
    bool by_previous; /* proved by the secret before the last rotation */
};

/* The form alone, before the store is touched: noise is turned away by its checksum. */
static enum cs_verdict read_tokens(struct verification *v)
{
    const struct cs_question *question = v->question;
    struct cs_token token;
    struct cs_token id;
    bool pair = question->client_secret.len != 0 || question->client_id.len != 0;
    v->secret = pair ? question->client_secret : question->key;
    if (question->unreadable)
        return CS_VERDICT_MALFORMED;
    if (v->secret.len == 0)
        return CS_VERDICT_MISSING;
    if (cs_token_parse(v->secret, &token) != CS_OK ||
        (token.kind != CS_TOKEN_TEST && token.kind != CS_TOKEN_LIVE))
        return CS_VERDICT_MALFORMED;
    if (pair &&
        (cs_token_parse(question->client_id, &id) != CS_OK || id.kind != CS_TOKEN_CLIENT_ID))
        return CS_VERDICT_MALFORMED;
    v->handle = token.handle;
    v->mode = token.kind == CS_TOKEN_LIVE ? CS_MODE_LIVE : CS_MODE_TEST;
    return CS_VERDICT_VALID;
}

/* One hash, compared with the current secret's; the one in grace only while it is in grace. */
static enum cs_err hash_matches(const struct verification *v, const uint8_t *expected,
                                uint64_t version, bool *matches)
{
    uint8_t hash[CS_TOKEN_HASH_LEN];
    const struct cs_keyring *keyring = cs_vault_keyring(v->vault);
    enum cs_realm realm = cs_credential_realm(v->mode);
    uint8_t used = version == 0 ? cs_keyring_lookup_version(keyring, realm) : (uint8_t)version;
    enum cs_err err = cs_keyring_token_hash(keyring, realm, used, v->secret, hash);
    *matches = err == CS_OK && version != 0 &&
               cs_secret_equal(CS_SLICE(hash, sizeof(hash)), CS_SLICE(expected, sizeof(hash)));
    return err;
}

static enum cs_err prove(struct verification *v, bool *proved)
{
    const struct cs_credential *credential = &v->answer->credential;
    enum cs_err err = hash_matches(v, credential->hash, credential->hash_version, proved);
    if (err == CS_OK && !*proved && v->now_ms < credential->grace_until) {
        err = hash_matches(v, credential->grace_hash, credential->grace_version, proved);
        v->by_previous = *proved;
    }
    *proved = *proved && credential->mode == (int)v->mode;
    if (*proved && v->question->client_id.len != 0)
        *proved = cs_slice_equal(v->question->client_id, cs_slice_str(credential->client_id));
    return err;
}

/* Of several reasons the one that stands first in the table of verdicts is told. */
static void tell(enum cs_verdict *told, bool applies, enum cs_verdict reason)
{
    if (applies && (*told == CS_VERDICT_VALID || reason < *told))
        *told = reason;
}

static bool is_from_elsewhere(const struct cs_credential *credential, const char *ip)
{
    return credential->allowed_ips[0] != '\0' &&
           (ip == NULL || !cs_network_contains(credential->allowed_ips, ip));
}

/* Whether the key has not one of the scopes; then all of them are told, for any would do. */
static bool lacks_any(const struct cs_question *question, struct cs_answer *answer)
{
    const char *scopes = answer->credential.scopes;
    if (question->any_scopes == NULL || cs_scopes_all(scopes) ||
        cs_words_share(question->any_scopes, scopes))
        return false;
    memcpy(answer->missing_scopes, question->any_scopes, strlen(question->any_scopes) + 1);
    return true;
}

/* Everything that asking does not change. */
static enum cs_err judge(struct cs_ctx *ctx, struct verification *v)
{
    struct cs_answer *answer = v->answer;
    const struct cs_credential *credential = &answer->credential;
    const struct cs_question *question = v->question;
    bool suspended = false;
    enum cs_err err = cs_account_is_suspended(ctx, &credential->account_id, &suspended);
    if (err != CS_OK)
        return err;
    enum cs_verdict *told = &answer->verdict;
    *told = by_status[cs_credential_status_at(credential, v->now_ms)];
    tell(told, question->mode >= 0 && question->mode != credential->mode, CS_VERDICT_WRONG_MODE);
    tell(told, suspended, CS_VERDICT_SUSPENDED);
    tell(told, is_from_elsewhere(credential, question->ip), CS_VERDICT_IP_DENIED);
    bool lacking = question->scopes != NULL &&
                   cs_scopes_missing(question->scopes, credential->scopes, answer->missing_scopes,
                                     sizeof(answer->missing_scopes));
    lacking = lacking || lacks_any(question, answer);
    tell(told, lacking, CS_VERDICT_INSUFFICIENT_SCOPE);
    return CS_OK;
}

/* What is not there is proved against nothing, for the same price. */
static enum cs_err miss(struct cs_ctx *ctx, const struct verification *v, struct cs_slice key)
{
    struct cs_credential decoy;
    bool proved = false;
    enum cs_err err = cs_decoy_read(ctx, &cs_credential_table, key, &decoy);
    v->answer->verdict = CS_VERDICT_NOT_FOUND;
    return err == CS_OK ? hash_matches(v, no_hash, 0, &proved) : err;
}

static enum cs_err look_up(struct cs_ctx *ctx, void *arg)
{
    struct verification *v = arg;
    uint8_t room[CS_HANDLE_LEN];
    struct cs_slice key = cs_key_handle(v->handle, room);
    bool proved = false;
    enum cs_err err = cs_row_get(ctx, &cs_credential_table, key, &v->answer->credential);
    if (err == CS_ERR_NOT_FOUND)
        return miss(ctx, v, key);
    if (err == CS_OK)
        err = prove(v, &proved);
    if (err != CS_OK)
        return err;
    v->answer->known = proved;
    v->answer->verdict = CS_VERDICT_NOT_FOUND;
    return proved ? judge(ctx, v) : CS_OK;
}

/* Handles are times in 48 bits: the highest two say whose bucket it is, where it is no key's. */
static uint64_t account_bucket(const struct cs_credential *credential)
{
    return cs_id_handle(&credential->account_id) | (UINT64_C(2) | (uint64_t)credential->mode) << 62;
}

static struct cs_limit_ask ask_of(const struct cs_rate *rate, uint64_t who, int64_t now_ns)
{
    return (struct cs_limit_ask){
        .who = who,
        .limit = rate->limit,
        .period_ms = rate->period_ms,
        .burst = rate->burst,
        .cost = 1,
        .now_ns = now_ns,
    };
}

/* The state of one limit, and of all of them as far as it is the nearest to its end. */
static void tell_limit(struct cs_answer *answer, const struct cs_limit_told *told,
                       struct cs_limit_state *state)
{
    uint64_t retry_after_s = (told->retry_after_ms + 999) / 1000;
    state->remaining = told->remaining;
    state->reset_s = (told->reset_ms + 999) / 1000;
    if (retry_after_s > answer->retry_after_s)
        answer->retry_after_s = retry_after_s;
    if (answer->rate.limit != 0 && state->remaining >= answer->remaining)
        return;
    answer->rate = state->rate;
    answer->remaining = state->remaining;
    answer->reset_s = state->reset_s;
}

/* Key and account together or neither: what one refuses uses up nothing of the other. */
static void limit(const struct verification *v)
{
    struct cs_answer *answer = v->answer;
    const struct cs_credential *credential = &answer->credential;
    struct cs_limit_ask asks[CS_LIMITED_COUNT];
    struct cs_limit_told told[CS_LIMITED_COUNT];
    struct cs_limit_state *states[CS_LIMITED_COUNT];
    const uint64_t who[] = {v->handle, account_bucket(credential)};
    int64_t now_ns = cs_clock_mono_ns(cs_vault_clock(v->vault));
    size_t count = 0;
    answer->limits[CS_LIMITED_KEY].rate =
        credential->rate_limit != 0
            ? (struct cs_rate){credential->rate_limit, credential->rate_period_ms,
                               credential->rate_burst}
            : v->question->rates[credential->mode];
    answer->limits[CS_LIMITED_ACCOUNT].rate = v->question->account_rates[credential->mode];
    for (size_t i = 0; i < CS_LIMITED_COUNT; i++) {
        if (answer->limits[i].rate.limit == 0)
            continue;
        asks[count] = ask_of(&answer->limits[i].rate, who[i], now_ns);
        asks[count].cost = answer->verdict == CS_VERDICT_VALID ? v->question->cost : 0;
        states[count++] = &answer->limits[i];
    }
    if (count == 0)
        return;
    bool allowed = cs_limits_ask_all(cs_vault_limits(v->vault), asks, count, told);
    for (size_t i = 0; i < count; i++)
        tell_limit(answer, &told[i], states[i]);
    if (!allowed)
        answer->verdict = CS_VERDICT_RATE_LIMITED;
}

/*
 * Counts a failed attempt of the address, or looks whether there may be one more. Where not, the
 * answer is that, and says nothing of the key: it was not looked at.
 */
static void attempt(const struct verification *v, bool failed)
{
    const struct cs_question *question = v->question;
    const char *from = question->ip != NULL ? question->ip : question->attempts_from;
    struct cs_limit_told told;
    uint64_t site = 0;
    if (question->attempts.limit == 0 || from == NULL || !cs_network_site(from, &site))
        return;
    struct cs_limit_ask ask =
        ask_of(&question->attempts, site, cs_clock_mono_ns(cs_vault_clock(v->vault)));
    ask.look = !failed;
    cs_limits_ask(cs_vault_attempts(v->vault), &ask, &told);
    if (told.allowed)
        return;
    v->answer->verdict = CS_VERDICT_RATE_LIMITED;
    v->answer->retry_after_s = (told.retry_after_ms + 999) / 1000;
}

static void note(const struct verification *v)
{
    const struct cs_credential *credential = &v->answer->credential;
    bool valid = v->answer->verdict == CS_VERDICT_VALID;
    struct cs_usage_note usage = {
        .credential = &credential->id,
        .mode = v->mode,
        .verdict = v->answer->verdict,
        .scopes = valid && !v->question->scopes_unnoted ? v->question->scopes : NULL,
        .now_ms = v->now_ms,
        .first = valid && credential->status == CS_CREDENTIAL_DELIVERED,
    };
    cs_usage_note(cs_vault_usage(v->vault), &usage);
    if (v->now_ms < credential->grace_until)
        cs_rotation_note(v->vault, credential,
                         v->by_previous ? CS_ROTATION_PREVIOUS : CS_ROTATION_CURRENT, v->now_ms);
}

/* What can be said before the store is asked: all of it, unless the verdict is VALID so far. */
static void begin(struct verification *v)
{
    struct cs_answer *out = v->answer;
    out->known = false;
    out->missing_scopes[0] = '\0';
    memset(out->limits, 0, sizeof(out->limits));
    out->rate = (struct cs_rate){0};
    out->remaining = out->reset_s = out->retry_after_s = 0;
    out->verdict = read_tokens(v);
    if (out->verdict != CS_VERDICT_MISSING)
        attempt(v, out->verdict == CS_VERDICT_MALFORMED);
}

/* What was looked up is counted, outside of what the store holds. */
static void finish(const struct verification *v)
{
    if (!v->answer->known) {
        attempt(v, true);
        return;
    }
    limit(v);
    if (!v->question->unnoted)
        note(v);
}

enum cs_err cs_verify_in(struct cs_ctx *ctx, const struct cs_question *question,
                         struct cs_answer *out)
{
    struct verification v = {
        .vault = ctx->vault, .question = question, .answer = out, .now_ms = cs_tx_now_ms(ctx->tx)};
    begin(&v);
    if (out->verdict != CS_VERDICT_VALID)
        return CS_OK;
    if (!cs_store_fresh(cs_vault_store(ctx->vault)) || look_up(ctx, &v) != CS_OK)
        return CS_ERR_UNAVAILABLE;
    finish(&v);
    return CS_OK;
}

enum cs_err cs_verify(struct cs_vault *vault, const struct cs_question *question,
                      struct cs_answer *out)
{
    struct verification v = {.vault = vault,
                             .question = question,
                             .answer = out,
                             .now_ms = cs_clock_wall_ms(cs_vault_clock(vault))};
    begin(&v);
    if (out->verdict != CS_VERDICT_VALID)
        return CS_OK;
    if (!cs_store_fresh(cs_vault_store(vault)) || cs_vault_read(vault, NULL, look_up, &v) != CS_OK)
        return CS_ERR_UNAVAILABLE;
    finish(&v);
    return CS_OK;
}
