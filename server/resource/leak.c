/* Leaks: /v1/leaks, for whoever found tokens where they should not be, and what they look like. */
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/text/network.h"
#include "base/text/words.h"
#include "server/change.h"
#include "server/resource/resource.h"
#include "vault/access/token.h"
#include "vault/seal/keyring.h"
#include "vault/verify/limits.h"
#include "workflow/leak.h"

#define TOKENS_MAX 1000
#define REPORTS_A_MINUTE 20
#define MINUTE_MS 60000

struct report {
    char tokens[TOKENS_MAX * CS_TOKEN_SIZE];
};
static const struct cs_field report_fields[] = {
    CS_FIELD_RANGE(0, CS_F_WORDS, struct report, tokens, CS_FF_IN | CS_FF_REQUIRED | CS_FF_SECRET,
                   1, TOKENS_MAX, "What was found, each once; what is no token is passed over."),
};
static const struct cs_record report_record = {
    .name = "leak_report",
    .size = sizeof(struct report),
    .fields = report_fields,
    .field_count = CS_COUNT(report_fields),
    .doc = "Tokens that were found where they should not be.",
};

struct receipt {
    uint64_t received;
};
static const struct cs_field receipt_fields[] = {
    CS_FIELD(0, CS_F_UINT, struct receipt, received, CS_FF_OUT,
             "How many there were in the report, real or not."),
};
static const struct cs_record receipt_record = {
    .name = "leak_receipt",
    .size = sizeof(struct receipt),
    .fields = receipt_fields,
    .field_count = CS_COUNT(receipt_fields),
    .doc = "That a report was taken; never what came of it.",
};

/*
 * Anybody may report, and each report is some commits: so many of an address, or of the network of
 * an IPv6 address, all of which is one reporter's. Those of Unix sockets are one.
 */
static enum cs_err slow_down(struct cs_call *call)
{
    struct cs_app *app = call->app;
    uint8_t from[sizeof(uint64_t)];
    uint8_t who[CS_INDEX_HASH_LEN];
    struct cs_limit_told told;
    uint64_t site = 0;
    if (!cs_network_site(call->peer, &site))
        site = 0;
    cs_put_be64(from, site);
    cs_keyring_index_hash(cs_vault_keyring(app->vault), "leak reporter",
                          CS_SLICE(from, sizeof(from)), who);
    struct cs_limit_ask ask = {
        .who = cs_get_be64(who) | 1, /* never 0 */
        .limit = REPORTS_A_MINUTE,
        .period_ms = MINUTE_MS,
        .cost = 1,
        .now_ns = cs_clock_mono_ns(app->clock),
    };
    cs_limits_ask(cs_vault_limits(app->vault), &ask, &told);
    if (told.allowed)
        return CS_OK;
    call->retry_after_s = (uint32_t)((told.retry_after_ms + 999) / 1000);
    return cs_call_refuse(call, CS_ERR_CONFLICT, CS_FAULT_RATE_LIMITED,
                          "Too many reports; send up to %d tokens in each.", TOKENS_MAX);
}

struct taking {
    const struct report *report;
    struct cs_slice page[CS_LEAK_PAGE];
    size_t count;
    struct receipt receipt;
};

static enum cs_err take_in(struct cs_change *change, void *arg)
{
    const struct taking *taking = arg;
    enum cs_err err =
        cs_leak_take(&change->desk, taking->page, taking->count, taking->receipt.received);
    if (err == CS_OK)
        cs_record_json(&receipt_record, &taking->receipt, &change->call->reply.body);
    return err;
}

/* In pages, each a transaction: as many whether the tokens are real or not. */
static enum cs_err take_all(struct cs_call *call, struct taking *taking)
{
    struct cs_slice token;
    const char *cursor = NULL;
    enum cs_err err = CS_OK;
    const struct cs_actor actor = cs_app_actor(call);
    taking->receipt.received = cs_words_count(taking->report->tokens);
    while (err == CS_OK && cs_words_next(taking->report->tokens, &cursor, &token)) {
        taking->page[taking->count++] = token;
        if (taking->count < CS_LEAK_PAGE)
            continue;
        err = cs_change_run_as(call, &actor, take_in, taking);
        taking->count = 0;
    }
    if (err == CS_OK && taking->count > 0)
        err = cs_change_run_as(call, &actor, take_in, taking);
    return err;
}

static enum cs_err take(struct cs_call *call)
{
    /* Too much for the memory of secrets; wiped like it. */
    struct report *report = malloc(sizeof(*report));
    if (report == NULL)
        return CS_ERR_NOMEM;
    struct taking taking = {.report = report};
    enum cs_err err = cs_call_read(call, &report_record, report, NULL);
    if (err == CS_OK)
        err = slow_down(call);
    if (err == CS_OK)
        err = take_all(call, &taking);
    cs_wipe(report, sizeof(*report));
    free(report);
    return err;
}

struct pattern {
    char kind[16];
    char regex[128];
    char meaning[96];
    bool secret;
};
struct patterns {
    char brand[CS_BRAND_MAX + 1];
    char regex[160];
    struct pattern kinds[CS_TOKEN_COUNT];
    uint16_t kind_count;
};
static const struct cs_field pattern_fields[] = {
    CS_FIELD(0, CS_F_TEXT, struct pattern, kind, CS_FF_OUT, "The word behind the brand."),
    CS_FIELD(0, CS_F_TEXT, struct pattern, regex, CS_FF_OUT, "What such a token matches."),
    CS_FIELD(0, CS_F_TEXT, struct pattern, meaning, CS_FF_OUT, "What it is."),
    CS_FIELD(0, CS_F_BOOL, struct pattern, secret, CS_FF_OUT, "Whether it is one to be reported."),
};
static const struct cs_record pattern_record = {
    .name = "token_pattern",
    .size = sizeof(struct pattern),
    .fields = pattern_fields,
    .field_count = CS_COUNT(pattern_fields),
    .doc = "How tokens of one kind look.",
};
static const struct cs_field patterns_fields[] = {
    CS_FIELD(0, CS_F_TEXT, struct patterns, brand, CS_FF_OUT, "What tokens begin with."),
    CS_FIELD(0, CS_F_TEXT, struct patterns, regex, CS_FF_OUT,
             "What each secret token matches, for PCRE, RE2 and grep -E. The last six characters "
             "are a checksum: the CRC-32 of all before them, in base62."),
    CS_FIELD_LIST(0, struct patterns, kinds, kind_count, CS_FF_OUT, CS_TOKEN_COUNT, &pattern_record,
                  "The same for each kind."),
};
static const struct cs_record patterns_record = {
    .name = "token_patterns",
    .size = sizeof(struct patterns),
    .fields = patterns_fields,
    .field_count = CS_COUNT(patterns_fields),
    .doc = "How tokens look, for scanners.",
};

static enum cs_err put_regex(enum cs_token_kind kind, const char *brand, char *out, size_t size)
{
    struct cs_buf text;
    cs_buf_lend(&text, out, size);
    cs_token_regex(kind, brand, &text);
    cs_buf_text(&text);
    return cs_buf_err(&text);
}

static enum cs_err show_patterns(struct cs_call *call)
{
    const struct cs_app *app = call->app;
    const char *brand = cs_vault_brand(app->vault);
    struct patterns patterns = {.kind_count = CS_TOKEN_COUNT};
    memcpy(patterns.brand, brand, strlen(brand) + 1);
    enum cs_err err = put_regex(CS_TOKEN_COUNT, brand, patterns.regex, sizeof(patterns.regex));
    for (enum cs_token_kind kind = CS_TOKEN_TEST; err == CS_OK && kind < CS_TOKEN_COUNT; kind++) {
        const struct cs_token_info *info = cs_token_info(kind);
        struct pattern *pattern = &patterns.kinds[kind];
        memcpy(pattern->kind, info->word, strlen(info->word) + 1);
        memcpy(pattern->meaning, info->doc, strlen(info->doc) + 1);
        pattern->secret = info->secret;
        err = put_regex(kind, brand, pattern->regex, sizeof(pattern->regex));
    }
    if (err == CS_OK)
        cs_record_json(&patterns_record, &patterns, &call->reply.body);
    return err;
}

const struct cs_route cs_resource_leaks[] = {
    {
        .method = CS_METHOD_POST,
        .path = "/v1/leaks",
        .who = CS_WHO_ANYONE,
        .max_body = CS_BODY_MAX,
        .speed = CS_SPEED_WORK,
        .handler = take,
        .name = "leak.report",
        .summary = "Report tokens that were found where they should not be: test keys are revoked, "
                   "live ones as the policy says. The answer never tells which were real.",
        .success = 202,
        .body = &report_record,
        .answer = &receipt_record,
        .refusals = CS_REFUSALS(429),
    },
    {
        .method = CS_METHOD_GET,
        .path = "/v1/leaks/patterns",
        .who = CS_WHO_ANYONE,
        .speed = CS_SPEED_WORK,
        .handler = show_patterns,
        .name = "leak.patterns",
        .summary = "Tell how tokens look, for scanners of source code.",
        .answer = &patterns_record,
    },
    {.path = NULL},
};
