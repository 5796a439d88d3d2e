/* What a credential was used for: /v1/credentials/{id}/usage. */
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "server/change.h"
#include "server/resource/resource.h"
#include "vault/credential/rotation.h"
#include "vault/usage/usage.h"
#include "workflow/grant/issue.h"
#include "workflow/retention.h"

#define SHOWN CS_FF_OUT
#define DAYS_DEFAULT 30

/* One member for each code; those that did not occur are left out. */
struct counts {
    uint64_t of[CS_VERDICT_COUNT];
};
static const struct cs_field counts_fields[] = {
#define COUNT_FIELD(symbol, status, challenge, introspection, meaning)                             \
    {.type = CS_F_UINT,                                                                            \
     .flags = CS_FF_OUT | CS_FF_OMIT,                                                              \
     CS_FIELD_NAME(#symbol),                                                                       \
     .offset = CS_VERDICT_##symbol * sizeof(uint64_t),                                             \
     .size = sizeof(uint64_t),                                                                     \
     .doc = (meaning)},
    CS_VERDICT_TABLE(COUNT_FIELD)
#undef COUNT_FIELD
};
static const struct cs_record counts_record = {
    .name = "usage_counts",
    .size = sizeof(struct counts),
    .fields = counts_fields,
    .field_count = CS_COUNT(counts_fields),
    .doc = "Verifications by code.",
};

struct day {
    char date[CS_DAY_TEXT_SIZE];
    struct counts counts;
};
static const struct cs_field day_fields[] = {
    CS_FIELD(0, CS_F_TEXT, struct day, date, SHOWN, "The day, in UTC: 2026-01-02."),
    CS_FIELD_SUB(0, struct day, counts, SHOWN, &counts_record, "Verifications by code."),
};
static const struct cs_record day_record = {
    .name = "usage_day",
    .size = sizeof(struct day),
    .fields = day_fields,
    .field_count = CS_COUNT(day_fields),
    .doc = "One day's verifications.",
};

static const struct cs_field scope_fields[] = {
    CS_FIELD(0, CS_F_TEXT, struct cs_usage_scope, scope, SHOWN, "The scope."),
    CS_FIELD(0, CS_F_TIME, struct cs_usage_scope, last_used_at, SHOWN,
             "When it was last asked for, and granted."),
};
static const struct cs_record scope_record = {
    .name = "usage_scope",
    .size = sizeof(struct cs_usage_scope),
    .fields = scope_fields,
    .field_count = CS_COUNT(scope_fields),
    .doc = "The last use of one scope.",
};

static const struct cs_field use_fields[] = {
    CS_FIELD(0, CS_F_UINT, struct cs_rotation_use, verifications, SHOWN,
             "How often it was shown and proved, refused or not."),
    CS_FIELD(0, CS_F_TIME, struct cs_rotation_use, last_used_at, SHOWN, "When last; null: never."),
};
static const struct cs_record use_record = {
    .name = "secret_use",
    .size = sizeof(struct cs_rotation_use),
    .fields = use_fields,
    .field_count = CS_COUNT(use_fields),
    .doc = "What one of two secrets was used for while both worked.",
};
static const struct cs_field rotation_fields[] = {
    CS_FIELD(0, CS_F_TIME, struct cs_rotation_report, rotated_at, SHOWN, "The last rotation."),
    CS_FIELD(0, CS_F_TIME, struct cs_rotation_report, grace_until, SHOWN,
             "Until when both secrets work, or worked; null: they never did."),
    CS_FIELD(0, CS_F_UINT, struct cs_rotation_report, quiet_s, SHOWN,
             "The previous one ends earlier, once it was quiet for so long; 0: it does not."),
    CS_FIELD_SUB(0, struct cs_rotation_report, current, SHOWN, &use_record,
                 "Uses of the new secret while both work."),
    CS_FIELD_SUB(0, struct cs_rotation_report, previous, SHOWN, &use_record,
                 "Uses of the old secret since the rotation."),
};
static const struct cs_record rotation_record = {
    .name = "rotation_usage",
    .size = sizeof(struct cs_rotation_report),
    .fields = rotation_fields,
    .field_count = CS_COUNT(rotation_fields),
    .doc = "How far a rotation has got.",
};

struct usage {
    struct cs_id credential_id;
    int64_t first_used_at;
    int64_t last_used_at;
    uint64_t total;
    uint64_t days_active;
    struct day days[CS_USAGE_DAYS_MAX];
    uint16_t day_count;
    struct cs_usage_scope scopes[CS_USAGE_SCOPES_MAX];
    uint16_t scope_count;
    struct cs_rotation_report rotation;
};
static const struct cs_field usage_fields[] = {
    CS_FIELD_ID(0, struct usage, credential_id, SHOWN, CS_CREDENTIAL_PREFIX, "Whose usage."),
    CS_FIELD(0, CS_F_TIME, struct usage, first_used_at, SHOWN, "When it was first found valid."),
    CS_FIELD(0, CS_F_TIME, struct usage, last_used_at, SHOWN, "When it was last found valid."),
    CS_FIELD(0, CS_F_UINT, struct usage, total, SHOWN, "How often it was, in all."),
    CS_FIELD(0, CS_F_UINT, struct usage, days_active, SHOWN, "On how many days, in all."),
    CS_FIELD_LIST(
        0, struct usage, days, day_count, SHOWN, CS_USAGE_DAYS_MAX, &day_record,
        "The days that were asked for and that the policy keeps, newest first, without those of "
        "no use."),
    CS_FIELD_LIST(0, struct usage, scopes, scope_count, SHOWN, CS_USAGE_SCOPES_MAX, &scope_record,
                  "The scopes that were used."),
    CS_FIELD_SUB(0, struct usage, rotation, SHOWN | CS_FF_NULLABLE, &rotation_record,
                 "The last rotation, with its two secrets apart; null: there was none."),
};
static const struct cs_record usage_record = {
    .name = "usage",
    .size = sizeof(struct usage),
    .fields = usage_fields,
    .field_count = CS_COUNT(usage_fields),
    .doc = "What a credential was used for.",
};

static void fill(const struct cs_usage_report *report, struct usage *usage)
{
    usage->first_used_at = report->first_used_at;
    usage->last_used_at = report->last_used_at;
    usage->total = report->total;
    usage->days_active = report->days_active;
    usage->day_count = report->day_count;
    for (size_t i = 0; i < report->day_count; i++) {
        cs_day_format(report->days[i].day, usage->days[i].date);
        memcpy(usage->days[i].counts.of, report->days[i].counts, sizeof(usage->days[i].counts.of));
    }
    usage->scope_count = report->scope_count;
    memcpy(usage->scopes, report->scopes, sizeof(usage->scopes));
}

struct asked {
    struct cs_id id;
    uint64_t days;
};

static enum cs_err show_in(struct cs_change *change, void *arg)
{
    const struct asked *asked = arg;
    uint64_t days = asked->days;
    struct cs_credential credential;
    struct cs_usage_report report;
    struct usage usage = {.credential_id = asked->id};
    enum cs_err err = cs_issue_get(&change->desk, &asked->id, &credential);
    if (err == CS_OK) {
        uint64_t kept = cs_retention_days(change->desk.policy, (enum cs_mode)credential.mode);
        days = days < kept ? days : kept;
        err = cs_usage_report(change->desk.ctx, (enum cs_mode)credential.mode, &asked->id,
                              (unsigned)days, &report);
    }
    if (err == CS_OK)
        err = cs_rotation_report(change->desk.ctx, &credential, &usage.rotation);
    if (err != CS_OK)
        return err;
    fill(&report, &usage);
    cs_record_json(&usage_record, &usage, &change->call->reply.body);
    return CS_OK;
}

static enum cs_err show(struct cs_call *call)
{
    struct asked asked;
    enum cs_err err = cs_change_id(call, &asked.id);
    if (err == CS_OK)
        err = cs_call_query_u64(call, "days", 1, CS_USAGE_DAYS_MAX, DAYS_DEFAULT, &asked.days);
    return err == CS_OK ? cs_change_read(call, show_in, &asked) : err;
}

static const struct cs_query_field query[] = {
    {.name = "days",
     .low = 1,
     .high = CS_USAGE_DAYS_MAX,
     .doc = "How many days back; 30 if left out."},
    {.name = NULL},
};

const struct cs_route cs_resource_usage[] = {
    {
        .method = CS_METHOD_GET,
        .path = "/v1/credentials/{id}/usage",
        .who = CS_WHO_DEVELOPER | CS_WHO_REVIEWER,
        .speed = CS_SPEED_WORK,
        .handler = show,
        .name = "credential.usage",
        .summary = "Show what a credential was used for: by day and code, and by scope.",
        .answer = &usage_record,
        .query = query,
        .kind = CS_CREDENTIAL_PREFIX,
    },
    {.path = NULL},
};
