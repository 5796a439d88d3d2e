#include <assert.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "policy/load/load.h"

#define HOUR_S 3600
#define USAGE_DAYS_MAX 90 /* CS_USAGE_DAYS_MAX of vault/usage/usage.h */
#define YEAR_S (365 * CS_S_PER_DAY)

const char *const cs_policy_issue_names[] = {"self_service", "approval", NULL};
const char *const cs_policy_secret_names[] = {"once", "revealable", NULL};
const char *const cs_policy_rotate_names[] = {"self_service", NULL};
const char *const cs_policy_refetch_names[] = {"quarantine", "alert", NULL};
const char *const cs_policy_claim_code_names[] = {"optional", "required", NULL};
const char *const cs_policy_leak_names[] = {"quarantine", "revoke", NULL};

/* A test credential is what a developer has at once: nothing would answer a request for one. */
static const char *const test_issue_names[] = {"self_service", NULL};
/* Nothing that is stored may bring a live secret back. */
static const char *const live_secret_names[] = {"once", NULL};

/* A mode as it is read: the rules of the live mode are read in a later step. */
struct source {
    struct cs_policy_mode mode;
    const struct cs_yaml_node *rules;
};

struct sources {
    struct source test, live;
};

void cs_load_rate(const struct cs_schema_read *in, const struct cs_yaml_node *node, uint64_t *limit,
                  uint64_t *window_s)
{
    static const char form[] = "a rate such as 100/1m, of a time from 1s to 1d";
    struct cs_slice text = {0};
    if (!cs_schema_text(in, node, form, &text))
        return;
    uint64_t count = 0;
    const char *c = node->text;
    for (; *c >= '0' && *c <= '9' && count <= CS_LOAD_RATE_MAX; c++)
        count = count * 10 + (uint64_t)(*c - '0');
    int64_t window_ms = 0;
    bool right = count >= 1 && count <= CS_LOAD_RATE_MAX && *c == '/' &&
                 cs_duration_parse(c + 1, &window_ms) == CS_OK && window_ms % 1000 == 0 &&
                 window_ms <= (int64_t)CS_S_PER_DAY * 1000;
    if (!right) {
        cs_report_add(in->report, node->at, "`%s` must be %s, not `%.40s`", node->key->text, form,
                      node->text);
        return;
    }
    *limit = count;
    *window_s = (uint64_t)window_ms / 1000;
}

static void read_rate(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                      void *target)
{
    struct cs_policy_mode *mode = target;
    cs_load_rate(in, node, &mode->rate_limit, &mode->rate_window_s);
}

static void read_account_rate(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                              void *target)
{
    struct cs_policy_mode *mode = target;
    cs_load_rate(in, node, &mode->account_rate_limit, &mode->account_rate_window_s);
}

static void take_reminder(const struct cs_schema_read *in, const struct cs_yaml_node *entry,
                          void *target)
{
    struct cs_policy_mode *mode = target;
    uint64_t after_s = 0;
    if (!cs_schema_duration(in, entry, 1, YEAR_S, &after_s))
        return;
    size_t count = mode->reminder_count;
    if (count == CS_POLICY_REMINDERS_MAX) {
        cs_report_add(in->report, entry->at, "too many reminders; at most %d",
                      CS_POLICY_REMINDERS_MAX);
    } else if (count > 0 && after_s <= mode->reminders[count - 1].after_s) {
        cs_report_add(in->report, entry->at,
                      "`%s` is not after the reminder before it; put them in "
                      "order",
                      entry->text);
    } else {
        mode->reminders[count].after_s = after_s;
        mode->reminder_count++;
    }
}

static void read_reminders(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                           void *target)
{
    cs_load_each(in, node, "a time such as 3d", target, take_reminder);
}

#define MODE(kind, member, must, ...)                                                              \
    CS_S_KEY(#member, kind, struct source, mode.member, must, __VA_ARGS__)
#define MODE_TIME(name, member, most, text)                                                        \
    CS_S_KEY(name, CS_S_DURATION, struct source, mode.member, false, .min = 1, .max = (most),      \
             .doc = (text))
/* A reader of several members is handed the whole struct, which begins with the mode. */
#define MODE_WHOLE(name, must, reader, ...)                                                        \
    {                                                                                              \
        .key = (name), .type = CS_S_CUSTOM, .required = (must), .read = (reader), __VA_ARGS__      \
    }
static_assert(offsetof(struct source, mode) == 0, "the tables are of the mode");

/* What both modes have; `secrets` are the words for what becomes of a secret. */
#define MODE_FIELDS(secrets)                                                                       \
    MODE(CS_S_UINT, max_active, true, .min = 1, .max = 1000,                                       \
         .doc = "Credentials of one account that are neither revoked nor expired."),               \
        MODE_WHOLE("rate_limit", true, read_rate, .json = CS_LOAD_RATE_JSON,                       \
                   .show = cs_show_mode_rate,                                                      \
                   .doc = "Verifications of one credential in a time from 1s to 1d: 100/1m."),     \
        MODE(CS_S_UINT, rate_burst, false, .min = 1, .max = CS_LOAD_RATE_MAX,                      \
             .doc = "How many may come at once; as many as the limit when left out."),             \
        MODE_WHOLE("account_rate_limit", false, read_account_rate, .json = CS_LOAD_RATE_JSON,      \
                   .show = cs_show_account_rate,                                                   \
                   .doc = "Verifications of all credentials of one account together: 500/1m."),    \
        MODE(CS_S_UINT, account_rate_burst, false, .min = 1, .max = CS_LOAD_RATE_MAX,              \
             .doc = "How many may come at once; only beside `account_rate_limit`."),               \
        MODE(CS_S_ENUM, secret, false, .names = (secrets),                                         \
             .doc = "Whether a secret is shown once, or kept to be revealed again."),              \
        MODE(CS_S_ENUM, rotate, false, .names = cs_policy_rotate_names,                            \
             .doc = "Rotation within the same scopes needs no approval."),                         \
        MODE(CS_S_ENUM, on_second_fetch, false, .names = cs_policy_refetch_names,                  \
             .doc = "What the second fetch of a claim does."),                                     \
        MODE(CS_S_ENUM, claim_code, false, .names = cs_policy_claim_code_names,                    \
             .doc = "Whether each claim asks for a code that is sent apart."),                     \
        MODE_TIME("expires_after", expires_after_s, 10L * YEAR_S,                                  \
                  "A credential's longest life, and its default; no end when left out."),          \
        MODE_TIME("claim_expires_after", claim_expires_after_s, 30L * CS_S_PER_DAY,                \
                  "How long a claim is good; 72h when left out."),                                 \
        MODE_TIME("rotate_grace_max", rotate_grace_max_s, 90L * CS_S_PER_DAY,                      \
                  "How long a rotated secret may go on working; 7d when left out."),               \
        CS_S_KEY("usage_kept_for", CS_S_DURATION, struct source, mode.usage_kept_s, false,         \
                 .min = CS_S_PER_DAY, .max = USAGE_DAYS_MAX * CS_S_PER_DAY,                        \
                 .doc = "How long counts of verifications by day are kept; 90d when left out.")

static const struct cs_schema_field test_fields[] = {
    MODE(CS_S_ENUM, issue, true, .names = test_issue_names, .doc = "Nobody is asked."),
    MODE_FIELDS(cs_policy_secret_names),
};
static const struct cs_schema test_schema = CS_S_TABLE("the test mode", test_fields);

static const struct cs_schema_field live_fields[] = {
    MODE(CS_S_ENUM, issue, true, .names = cs_policy_issue_names,
         .doc = "approval: by a request that the rules decide about."),
    MODE_FIELDS(live_secret_names),
    MODE(CS_S_ENUM, on_leak, false, .names = cs_policy_leak_names,
         .doc = "What a leak that is reported does."),
    MODE_TIME("request_expires_after", request_expires_after_s, YEAR_S,
              "When a request that nobody decided about expires; 14d when left out."),
    MODE_TIME("grant_expires_after", grant_expires_after_s, YEAR_S,
              "How long an approved credential may be claimed; 30d when left out."),
    MODE_WHOLE("remind_after", false, read_reminders,
               .json = CS_LOAD_ONE_OR_MORE(CS_LOAD_TIME_JSON), .show = cs_show_reminders,
               .doc = "When reviewers are reminded, counted from when the request came."),
    CS_S_FIELD(CS_S_CUSTOM, struct source, rules, false, .read = cs_load_keep_node,
               .sub = &cs_load_rule_schema,
               .json = "{\"type\":\"array\",\"minItems\":1,\"maxItems\":64,\"items\":%}",
               .doc = "Who approves. The first rule that matches decides alone; the last has no "
                      "`when`."),
};
static const struct cs_schema live_schema = CS_S_TABLE("the live mode", live_fields);
const struct cs_schema *const cs_load_mode_schemas[CS_MODE_COUNT] = {
    [CS_MODE_TEST] = &test_schema, [CS_MODE_LIVE] = &live_schema};

static const struct cs_schema_field modes_fields[] = {
    CS_S_FIELD(CS_S_MAP, struct sources, test, true, .sub = &test_schema,
               .doc = "What a developer has at once, against test data."),
    CS_S_FIELD(CS_S_MAP, struct sources, live, true, .sub = &live_schema,
               .doc = "What works on real data."),
};
const struct cs_schema cs_load_modes_schema = CS_S_TABLE("`modes`", modes_fields);

static const struct sources defaults = {
    .test.mode =
        {
            .on_leak = CS_LEAK_REVOKE,
            .claim_expires_after_s = 72 * HOUR_S,
            .rotate_grace_max_s = 7 * CS_S_PER_DAY,
            .usage_kept_s = USAGE_DAYS_MAX * CS_S_PER_DAY,
        },
    .live.mode =
        {
            .claim_expires_after_s = 72 * HOUR_S,
            .rotate_grace_max_s = 7 * CS_S_PER_DAY,
            .usage_kept_s = USAGE_DAYS_MAX * CS_S_PER_DAY,
            .request_expires_after_s = 14 * CS_S_PER_DAY,
            .grant_expires_after_s = 30 * CS_S_PER_DAY,
        },
};

/* A burst of nothing is a limit that was forgotten. */
static void check_account_rate(const struct cs_load *load, const struct cs_yaml_node *node,
                               const struct cs_policy_mode *mode)
{
    const struct cs_yaml_node *burst = cs_yaml_get(node, "account_rate_burst");
    if (mode->account_rate_burst > 0 && cs_yaml_get(node, "account_rate_limit") == NULL)
        cs_report_add(load->report, cs_yaml_place(burst != NULL ? burst : node),
                      "`account_rate_burst` needs an `account_rate_limit` beside it, such as "
                      "500/1m");
}

/* Settings that would be silently ignored are a misunderstanding. */
static void check_self_service(const struct cs_load *load, const struct cs_yaml_node *node)
{
    static const char *const for_requests[] = {"request_expires_after", "grant_expires_after",
                                               "remind_after", "rules"};
    for (size_t i = 0; i < CS_COUNT(for_requests); i++) {
        const struct cs_yaml_node *setting = cs_yaml_get(node, for_requests[i]);
        if (setting != NULL)
            cs_report_add(load->report, cs_yaml_place(setting),
                          "`%s` has no effect where `issue` is `self_service`; leave it out",
                          for_requests[i]);
    }
}

static void check_approval(const struct cs_load *load, const struct cs_yaml_node *node,
                           const struct cs_policy_mode *mode)
{
    if (cs_yaml_get(node, "rules") == NULL)
        cs_report_add(load->report, cs_yaml_place(node),
                      "the live mode needs `rules` where `issue` is `approval`");
    if (mode->claim_expires_after_s > mode->grant_expires_after_s) {
        const struct cs_yaml_node *claim = cs_yaml_get(node, "claim_expires_after");
        cs_report_add(load->report, cs_yaml_place(claim != NULL ? claim : node),
                      "a claim cannot outlive its grant; shorten `claim_expires_after` or lengthen "
                      "`grant_expires_after`");
    }
    const uint16_t count = mode->reminder_count;
    /* Where `live` was written twice, the first has the place and the second may have the list. */
    const struct cs_yaml_node *remind = cs_yaml_get(node, "remind_after");
    if (count > 0 && mode->reminders[count - 1].after_s >= mode->request_expires_after_s)
        cs_report_add(load->report, cs_yaml_place(remind != NULL ? remind : node),
                      "the last reminder would go out after `request_expires_after`; shorten it");
}

void cs_load_modes(struct cs_load *load)
{
    struct sources sources = defaults;
    struct cs_schema_read in = {.report = load->report, .user = load};
    cs_schema_read(&in, &cs_load_modes_schema, load->modes, &sources);
    struct cs_policy_mode *live = &sources.live.mode;
    const struct cs_yaml_node *node = cs_yaml_get(load->modes, "live");
    const struct cs_yaml_node *issue = cs_yaml_get(node, "issue");
    /* An `issue` that is wrong says nothing of what else the mode should have. */
    bool self_service = issue != NULL && issue->kind == CS_YAML_SCALAR &&
                        strcmp(issue->text, cs_policy_issue_names[CS_ISSUE_SELF_SERVICE]) == 0;
    check_account_rate(load, cs_yaml_get(load->modes, "test"), &sources.test.mode);
    check_account_rate(load, node, live);
    if (live->issue == CS_ISSUE_APPROVAL)
        check_approval(load, node, live);
    if (self_service) {
        check_self_service(load, node);
        live->request_expires_after_s = 0;
        live->grant_expires_after_s = 0;
    } else {
        load->rules = sources.live.rules;
    }
    load->policy->modes[CS_MODE_TEST] = sources.test.mode;
    load->policy->modes[CS_MODE_LIVE] = *live;
}
