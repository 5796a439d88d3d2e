#include "workflow/decision/evidence.h"

#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/text/words.h"
#include "vault/credential/credential.h"
#include "vault/usage/usage.h"

#define PAGE 8 /* credentials that lie on the stack at a time */
#define DAY_WORDS ((CS_USAGE_DAYS_MAX + 63) / 64)

static const struct cs_field fields[] = {
    CS_FIELD(1, CS_F_UINT, struct cs_evidence, verifications, CS_FF_OUT,
             "How often the account's test credentials were verified in the last 90 days."),
    CS_FIELD(2, CS_F_UINT, struct cs_evidence, refused, CS_FF_OUT,
             "How many of these verifications were not VALID."),
    CS_FIELD(3, CS_F_UINT, struct cs_evidence, days_active, CS_FF_OUT,
             "On how many of these days one of them was found valid."),
    CS_FIELD(4, CS_F_TIME, struct cs_evidence, last_used_at, CS_FF_OUT,
             "When one of them was last found valid."),
    CS_FIELD(5, CS_F_WORDS, struct cs_evidence, scopes_exercised, CS_FF_OUT,
             "The scopes that were asked for, and granted, on these days."),
    CS_FIELD(6, CS_F_TIME, struct cs_evidence, as_of, CS_FF_OUT,
             "When this was looked up: now, or for the last decision."),
};
const struct cs_record cs_evidence_record = {
    .name = "evidence",
    .size = sizeof(struct cs_evidence),
    .fields = fields,
    .field_count = CS_COUNT(fields),
    .doc = "What the account's test credentials have really done.",
};

/* Evidence as it grows: credentials that were used on the same day make it active once. */
struct gathering {
    struct cs_evidence *evidence;
    int32_t today;
    uint64_t days[DAY_WORDS]; /* a bit for each day back from today */
};

static void add_day(struct gathering *gathering, const struct cs_usage_day *day)
{
    struct cs_evidence *evidence = gathering->evidence;
    int32_t ago = gathering->today - day->day;
    for (size_t i = 0; i < CS_VERDICT_COUNT; i++) {
        evidence->verifications += day->counts[i];
        evidence->refused += i == CS_VERDICT_VALID ? 0 : day->counts[i];
    }
    if (day->counts[CS_VERDICT_VALID] != 0 && ago >= 0 && ago < CS_USAGE_DAYS_MAX)
        gathering->days[ago / 64] |= UINT64_C(1) << (ago % 64);
}

static enum cs_err add_scope(struct gathering *gathering, const struct cs_usage_scope *scope)
{
    char *exercised = gathering->evidence->scopes_exercised;
    if (gathering->today - cs_time_day(scope->last_used_at) >= CS_USAGE_DAYS_MAX)
        return CS_OK;
    enum cs_err err = cs_words_add(exercised, CS_SCOPES_SIZE, cs_slice_str(scope->scope));
    return err == CS_ERR_TOO_LARGE ? CS_OK : err;
}

static enum cs_err add_credential(struct cs_ctx *ctx, struct gathering *gathering,
                                  const struct cs_id *id)
{
    struct cs_usage_report report;
    enum cs_err err = cs_usage_report(ctx, CS_MODE_TEST, id, CS_USAGE_DAYS_MAX, &report);
    if (err != CS_OK)
        return err;
    for (size_t i = 0; i < report.day_count; i++)
        add_day(gathering, &report.days[i]);
    for (size_t i = 0; err == CS_OK && i < report.scope_count; i++)
        err = add_scope(gathering, &report.scopes[i]);
    if (report.last_used_at > gathering->evidence->last_used_at)
        gathering->evidence->last_used_at = report.last_used_at;
    return err;
}

/* One page of the account's test credentials, newest first. */
static enum cs_err add_page(struct cs_ctx *ctx, struct gathering *gathering,
                            const struct cs_id *account, struct cs_page *page)
{
    struct cs_credential credentials[PAGE];
    const struct cs_credential_filter filter = {
        .accounts = account, .account_count = 1, .mode = CS_MODE_TEST, .status = -1};
    size_t count = 0;
    enum cs_err err = cs_credential_list(ctx, &filter, page, credentials, &count);
    for (size_t i = 0; err == CS_OK && i < count; i++)
        err = add_credential(ctx, gathering, &credentials[i].id);
    return err;
}

static uint64_t count_bits(const uint64_t words[DAY_WORDS])
{
    uint64_t count = 0;
    for (size_t i = 0; i < DAY_WORDS; i++)
        count += (uint64_t)__builtin_popcountll(words[i]);
    return count;
}

enum cs_err cs_evidence_gather(struct cs_ctx *ctx, const struct cs_id *account,
                               struct cs_evidence *out)
{
    struct cs_page page = {.limit = PAGE, .order = CS_DESCENDING};
    struct gathering gathering = {.evidence = out, .today = cs_time_day(cs_tx_now_ms(ctx->tx))};
    enum cs_err err = CS_OK;
    memset(out, 0, sizeof(*out));
    out->as_of = cs_tx_now_ms(ctx->tx);
    for (size_t seen = 0; err == CS_OK && seen < CS_EVIDENCE_CREDENTIALS; seen += page.limit) {
        if (page.limit > CS_EVIDENCE_CREDENTIALS - seen)
            page.limit = (unsigned)(CS_EVIDENCE_CREDENTIALS - seen);
        err = add_page(ctx, &gathering, account, &page);
        if (page.next == 0)
            break;
        page.after = page.next;
    }
    out->days_active = count_bits(gathering.days);
    return err;
}

struct cs_policy_evidence cs_evidence_for_policy(const struct cs_evidence *evidence, int64_t now_ms)
{
    bool never = evidence->last_used_at == 0;
    return (struct cs_policy_evidence){
        .verifications = evidence->verifications,
        .refused = evidence->refused,
        .days_active = evidence->days_active,
        .last_used_ago_s = never ? -1 : (now_ms - evidence->last_used_at) / CS_MS_PER_S,
        .scopes_exercised = evidence->scopes_exercised,
    };
}
