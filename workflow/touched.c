#include "workflow/touched.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "vault/access/account.h"
#include "workflow/request_internal.h"

#define ASKERS 64  /* accounts that are kept at a time, by the low bits of their handles */
#define REQUESTS 8 /* that are read at a time */

static const struct cs_field fields[] = {
    CS_FIELD_ID(0, struct cs_touched, credential_id, CS_FF_OUT, CS_CREDENTIAL_PREFIX,
                "The credential that is touched, or null."),
    CS_FIELD_ID(0, struct cs_touched, request_id, CS_FF_OUT, CS_REQUEST_PREFIX,
                "The open request that is touched, or null."),
    CS_FIELD_ID(0, struct cs_touched, account_id, CS_FF_OUT, CS_ACCOUNT_PREFIX, "Whose it is."),
    CS_FIELD_ENUM(0, struct cs_touched, mode, CS_FF_OUT, cs_mode_names, "Its mode."),
    CS_FIELD(0, CS_F_TEXT, struct cs_touched, name, CS_FF_OUT, "Its name."),
    {.number = 0,
     .type = CS_F_LIST,
     .flags = CS_FF_OUT,
     CS_FIELD_NAME("effects"),
     .offset = offsetof(struct cs_touched, effects.items),
     .size = sizeof(((struct cs_touched *)0)->effects.items),
     .count_offset = offsetof(struct cs_touched, effects.count),
     .max = CS_EFFECT_KINDS,
     .sub = &cs_policy_effect_record,
     .doc = "What it would gain or lose."},
};
const struct cs_record cs_touched_record = {
    .name = "policy_touched",
    .size = sizeof(struct cs_touched),
    .fields = fields,
    .field_count = CS_COUNT(fields),
    .doc = "A credential or an open request that a change of the policy touches.",
};

/* What the rules ask about an account. */
struct asker {
    struct cs_account account; /* the zero id: this place is free */
    bool has_evidence;         /* it was needed, and gathered */
    struct cs_evidence evidence;
    char id[CS_ID_TEXT_SIZE];
};

/* One page. Accounts come again and again: each is looked up once as long as it is kept. */
struct page {
    const struct cs_desk *desk;
    const struct cs_policy *proposed;
    struct cs_touched_place *place;
    cs_touched_fn *fn;
    void *arg;
    unsigned room;
    unsigned scans; /* that are left */
    struct asker askers[ASKERS];
    struct cs_touched touched;
    struct cs_request requests[REQUESTS]; /* as they are */
    struct cs_request proposal;           /* one of them, as it would be */
};

static bool is_full(const struct page *page)
{
    return page->room == 0 || page->scans == 0;
}

static enum cs_err find_asker(struct page *page, const struct cs_id *account, struct asker **out)
{
    struct asker *asker = &page->askers[cs_id_handle(account) % ASKERS];
    *out = asker;
    if (cs_id_equal(&asker->account.id, account))
        return CS_OK;
    asker->has_evidence = false;
    enum cs_err err = cs_account_get(page->desk->ctx, account, &asker->account);
    cs_id_format(account, CS_ACCOUNT_PREFIX, asker->id);
    if (err != CS_OK)
        asker->account.id = (struct cs_id){{0}};
    return err;
}

/* Evidence is dear: it is gathered for those about whom a rule decides that asks for it. */
static enum cs_err weigh_evidence(const struct page *page, struct asker *asker, enum cs_mode mode)
{
    const struct cs_policy *policies[] = {page->desk->policy, page->proposed};
    bool is_needed = false;
    for (size_t i = 0; i < 2; i++)
        is_needed = is_needed || (cs_policy_mode(policies[i], mode)->issue == CS_ISSUE_APPROVAL &&
                                  cs_policy_asks_evidence(policies[i]));
    if (!is_needed || asker->has_evidence)
        return CS_OK;
    enum cs_err err = cs_evidence_gather(page->desk->ctx, &asker->account.id, &asker->evidence);
    asker->has_evidence = err == CS_OK;
    return err;
}

static enum cs_err weigh(struct page *page, const struct cs_policy_holding *holding,
                         const struct cs_id *account)
{
    struct asker *asker = NULL;
    enum cs_err err = find_asker(page, account, &asker);
    if (err == CS_OK)
        err = weigh_evidence(page, asker, holding->question.mode);
    if (err != CS_OK)
        return err;
    const struct cs_policy_evidence evidence =
        cs_evidence_for_policy(&asker->evidence, cs_tx_now_ms(page->desk->ctx->tx));
    struct cs_policy_holding whole = *holding;
    whole.question.account = asker->id;
    whole.question.account_tags = asker->account.tags;
    whole.question.evidence = asker->has_evidence ? &evidence : NULL;
    cs_policy_effects(page->desk->policy, page->proposed, &whole, &page->touched.effects);
    return CS_OK;
}

/* Tells what `touched` holds, if there is an effect. */
static void tell(struct page *page)
{
    bool stop = false;
    if (page->touched.effects.count == 0)
        return;
    page->fn(&page->touched, page->arg, &stop);
    page->room = stop ? 0 : page->room - 1;
}

static enum cs_err look_at_credential(struct cs_ctx *ctx, const struct cs_credential *credential,
                                      void *arg, bool *stop)
{
    struct page *page = arg;
    (void)ctx;
    page->place->after = cs_id_handle(&credential->id);
    page->scans--;
    enum cs_err err = CS_OK;
    if (credential->status != CS_CREDENTIAL_REVOKED &&
        credential->status != CS_CREDENTIAL_EXPIRED) {
        bool ends = credential->expires_at != 0;
        const struct cs_policy_holding holding = {
            .question = {.mode = (enum cs_mode)credential->mode,
                         .scopes = credential->scopes,
                         .bundle = credential->bundle},
            .life_s =
                ends ? (uint64_t)(credential->expires_at - credential->created_at) / CS_MS_PER_S
                     : 0,
            .has_own_limit = credential->rate_limit != 0,
        };
        page->touched.credential_id = credential->id;
        page->touched.account_id = credential->account_id;
        page->touched.mode = credential->mode;
        memcpy(page->touched.name, credential->name, sizeof(page->touched.name));
        err = weigh(page, &holding, &credential->account_id);
        if (err == CS_OK)
            tell(page);
    }
    *stop = is_full(page);
    return err;
}

/* A request that widens a credential leaves its life, its limit and its secret as they are. */
static void leave_out(struct cs_policy_effects *effects)
{
    uint16_t kept = 0;
    for (uint16_t i = 0; i < effects->count; i++) {
        int kind = effects->items[i].kind;
        if (kind == CS_EFFECT_LIFE || kind == CS_EFFECT_LIMIT || kind == CS_EFFECT_SECRET)
            continue;
        if (kept != i)
            effects->items[kept] = effects->items[i];
        kept++;
    }
    effects->count = kept;
}

static void put_approvals(char text[CS_EFFECT_TEXT_SIZE], unsigned count)
{
    snprintf(text, CS_EFFECT_TEXT_SIZE, "%u approval%s", count, count == 1 ? "" : "s");
}

/* Approvals bind to what was reviewed: under another policy fewer of them may count. */
static enum cs_err count_approvals(struct page *page, const struct cs_request *request)
{
    struct cs_desk desk = *page->desk;
    struct cs_request_view now = {0};
    struct cs_request_view then = {0};
    page->proposal = *request;
    enum cs_err err = cs_request_look(&desk, &page->proposal, &now);
    page->proposal = *request;
    desk.policy = page->proposed;
    if (err == CS_OK)
        err = cs_request_look(&desk, &page->proposal, &then);
    if (err != CS_OK || then.approvals >= now.approvals)
        return err;
    struct cs_policy_effects *effects = &page->touched.effects;
    struct cs_policy_effect *effect = &effects->items[effects->count++];
    effect->kind = CS_EFFECT_COUNT;
    put_approvals(effect->before, now.approvals);
    put_approvals(effect->after, then.approvals);
    return CS_OK;
}

static enum cs_err look_at_request(struct page *page, const struct cs_request *request)
{
    const struct cs_policy_holding holding = {
        .question = {.mode = (enum cs_mode)request->mode,
                     .scopes = request->scopes,
                     .bundle = request->bundle},
        .life_s = request->expires_in_s,
    };
    page->place->after = cs_id_handle(&request->id);
    page->scans--;
    page->touched.request_id = request->id;
    page->touched.account_id = request->account_id;
    page->touched.mode = request->mode;
    memcpy(page->touched.name, request->name, sizeof(page->touched.name));
    enum cs_err err = weigh(page, &holding, &request->account_id);
    if (err == CS_OK && !cs_id_is_zero(&request->widens))
        leave_out(&page->touched.effects);
    if (err == CS_OK)
        err = count_approvals(page, request);
    if (err == CS_OK)
        tell(page);
    return err;
}

static enum cs_err walk_credentials(struct page *page)
{
    enum cs_err err =
        cs_credential_each(page->desk->ctx, page->place->after, look_at_credential, page);
    if (err == CS_OK && !is_full(page))
        *page->place = (struct cs_touched_place){.stage = CS_TOUCHED_PENDING};
    return err;
}

static enum cs_err walk_requests(struct page *page)
{
    static const int states[] = {
        [CS_TOUCHED_PENDING] = CS_REQUEST_PENDING, [CS_TOUCHED_NEEDS_INFO] = CS_REQUEST_NEEDS_INFO};
    const struct cs_request_filter filter = {.state = states[page->place->stage]};
    struct cs_page rows = {.limit = REQUESTS, .order = CS_ASCENDING, .after = page->place->after};
    size_t count = 0;
    enum cs_err err = cs_request_list(page->desk, &filter, &rows, page->requests, &count);
    for (size_t i = 0; err == CS_OK && i < count; i++) {
        err = look_at_request(page, &page->requests[i]);
        if (err == CS_OK && is_full(page))
            return CS_OK;
    }
    if (err == CS_OK && rows.next == 0)
        *page->place = (struct cs_touched_place){.stage = page->place->stage + 1};
    else if (err == CS_OK)
        page->place->after = rows.next;
    return err;
}

static enum cs_err (*const walks[])(struct page *) = {
    [CS_TOUCHED_CREDENTIALS] = walk_credentials,
    [CS_TOUCHED_PENDING] = walk_requests,
    [CS_TOUCHED_NEEDS_INFO] = walk_requests,
};

enum cs_err cs_touched_page(const struct cs_desk *desk, const struct cs_policy *proposed,
                            unsigned limit, struct cs_touched_place *place, cs_touched_fn *fn,
                            void *arg)
{
    struct page *page = calloc(1, sizeof(*page));
    enum cs_err err = CS_OK;
    if (page == NULL)
        return CS_ERR_NOMEM;
    page->desk = desk;
    page->proposed = proposed;
    page->place = place;
    page->fn = fn;
    page->arg = arg;
    page->room = limit;
    page->scans = CS_TOUCHED_SCAN;
    while (err == CS_OK && place->stage < CS_TOUCHED_DONE && !is_full(page)) {
        page->touched.credential_id = (struct cs_id){{0}};
        page->touched.request_id = (struct cs_id){{0}};
        err = walks[place->stage](page);
    }
    free(page);
    return err;
}
