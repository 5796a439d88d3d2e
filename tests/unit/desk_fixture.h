/*
 * A desk with people at it: two accounts, developers and reviewers, and a policy that can change.
 *
 * What is done at the desk is done as somebody (desk_do, desk_see); every change is run twice
 * (tests/unit/domain_fixture.h). Thread rule: one thread.
 */
#ifndef CS_TESTS_UNIT_DESK_FIXTURE_H
#define CS_TESTS_UNIT_DESK_FIXTURE_H

#include "tests/unit/domain_fixture.h"
#include "tests/unit/policy_fixture.h"

#include "vault/access/user.h"
#include "vault/audit/audit.h"
#include "workflow/grant/grant.h"
#include "workflow/request/request.h"
#include "workflow/request/request_seen.h"
#include "workflow/sweep.h"

enum who {
    DEV,
    DEV2,
    GLOBEX,
    REV,
    REV2,
    REV3,
    BOTH,
    LEAD,
    EXTERN,
    ADMIN,
    AUDITOR,
    GATEWAY,
    WHO_COUNT
};

struct person {
    const char *name;
    uint32_t roles;
    const char *groups;
    int account; /* 0: Acme, 1: Globex, -1: none */
};
static const struct person people[WHO_COUNT] = {
    [DEV] = {"dev", CS_ROLE_DEVELOPER, "", 0},
    [DEV2] = {"dev2", CS_ROLE_DEVELOPER, "", 0},
    [GLOBEX] = {"globex", CS_ROLE_DEVELOPER, "", 1},
    [REV] = {"rev", CS_ROLE_REVIEWER, "platform security", -1},
    [REV2] = {"rev2", CS_ROLE_REVIEWER, "platform security", -1},
    [REV3] = {"rev3", CS_ROLE_REVIEWER, "platform", -1},
    [BOTH] = {"both", CS_ROLE_DEVELOPER | CS_ROLE_REVIEWER, "platform", 0},
    [LEAD] = {"lead", CS_ROLE_REVIEWER, "leads", -1},
    [EXTERN] = {"extern", CS_ROLE_REVIEWER, "contractors platform", -1},
    [ADMIN] = {"admin", CS_ROLE_ADMIN, "", -1},
    [AUDITOR] = {"auditor", CS_ROLE_AUDITOR, "", -1},
    [GATEWAY] = {"gateway", CS_ROLE_GATEWAY, "", -1},
};

struct world {
    struct domain d; /* its account is Acme */
    struct cs_account globex;
    const struct cs_policy *policy;
    struct cs_caller callers[WHO_COUNT];
};

#define NOBODY (-1)
typedef enum cs_err desk_fn(const struct cs_desk *desk, void *arg);
struct deed {
    const struct world *world;
    int who;
    desk_fn *fn;
    void *arg;
};

static inline enum cs_err desk_in(struct cs_ctx *ctx, void *arg)
{
    const struct deed *deed = arg;
    const struct cs_desk desk = {
        .ctx = ctx,
        .policy = deed->world->policy,
        .caller = deed->who == NOBODY ? NULL : &deed->world->callers[deed->who],
    };
    return deed->fn(&desk, deed->arg);
}

static inline enum cs_err desk_do(struct world *world, int who, desk_fn *fn, void *arg)
{
    struct deed deed = {world, who, fn, arg};
    return change(&world->d, desk_in, &deed);
}

static inline enum cs_err desk_see(struct world *world, int who, desk_fn *fn, void *arg)
{
    struct deed deed = {world, who, fn, arg};
    return look(&world->d, desk_in, &deed);
}

static inline const char *fault_code(const struct world *world)
{
    return cs_fault_info(world->d.fault.code)->code;
}

/* The refusal and its code, told when it is another. */
static inline void assert_fault(const struct world *world, enum cs_err err, enum cs_err want,
                                enum cs_fault_code code)
{
    if (err != want || world->d.fault.code != code)
        print_message("%s %s: %s\n", cs_err_name(err), fault_code(world), world->d.fault.detail);
    assert_int_equal(err, want);
    assert_string_equal(fault_code(world), cs_fault_info(code)->code);
}

static inline enum cs_err user_create_fn(struct cs_ctx *ctx, void *arg)
{
    return cs_user_create(ctx, arg);
}

static inline void make_person(struct world *world, int who)
{
    const struct person *person = &people[who];
    struct cs_caller *caller = &world->callers[who];
    struct cs_user *user = &caller->user;
    caller->roles = person->roles;
    if (who == GATEWAY) {
        caller->kind = CS_ACCESS_SERVICE;
        return;
    }
    caller->kind = CS_ACCESS_USER;
    user->roles = person->roles;
    snprintf(user->email, sizeof(user->email), "%s@example.com", person->name);
    snprintf(user->name, sizeof(user->name), "%s", person->name);
    snprintf(user->groups, sizeof(user->groups), "%s", person->groups);
    if (person->account >= 0) {
        const struct cs_account *account =
            person->account == 0 ? &world->d.account : &world->globex;
        user->accounts[user->account_count++].account_id = account->id;
    }
    assert_int_equal(
        cs_vault_update(world->d.v.vault, &world->d.v.actor, NULL, user_create_fn, user), CS_OK);
}

static inline void set_policy(struct world *world, const struct cs_policy *take)
{
    cs_policy_unref(&world->policy);
    world->policy = take;
}

static inline struct world *world_new(const struct cs_policy *take)
{
    struct world *world = test_calloc(1, sizeof(*world));
    vault_fixture_make(&world->d.v);
    world->d.account = account_new(&world->d, "Acme");
    world->globex = account_new(&world->d, "Globex");
    world->policy = take;
    for (int who = 0; who < WHO_COUNT; who++)
        make_person(world, who);
    return world;
}

static inline void world_free(struct world *world)
{
    vault_fixture_remove(&world->d.v);
    cs_policy_unref(&world->policy);
    test_free(world);
}

/* Requests, each call with what it takes and what it gives. */

struct request_call {
    struct cs_id id;
    struct cs_request_order order;
    uint64_t given;
    uint64_t if_revision;
    const char *text;
    struct cs_decision_order decision;
    struct cs_receipt receipt;
    struct cs_request out;
    struct cs_issued issued;
};

static inline enum cs_err file_fn(const struct cs_desk *desk, void *arg)
{
    struct request_call *call = arg;
    return cs_request_create(desk, &call->order, &call->out);
}

static inline enum cs_err show_fn(const struct cs_desk *desk, void *arg)
{
    struct request_call *call = arg;
    return cs_request_get(desk, &call->id, &call->out);
}

static inline enum cs_err change_fn(const struct cs_desk *desk, void *arg)
{
    struct request_call *call = arg;
    return cs_request_change(desk, &call->id, &call->order, call->given, call->if_revision,
                             &call->out);
}

static inline enum cs_err reply_fn(const struct cs_desk *desk, void *arg)
{
    struct request_call *call = arg;
    return cs_request_reply(desk, &call->id, call->text, &call->out);
}

static inline enum cs_err withdraw_fn(const struct cs_desk *desk, void *arg)
{
    struct request_call *call = arg;
    return cs_request_withdraw(desk, &call->id, &call->out);
}

static inline enum cs_err decide_fn(const struct cs_desk *desk, void *arg)
{
    struct request_call *call = arg;
    return cs_request_decide(desk, &call->id, &call->decision, &call->out, &call->receipt);
}

static inline enum cs_err claim_fn(const struct cs_desk *desk, void *arg)
{
    struct request_call *call = arg;
    const struct cs_claim_order order = {.with_code = false};
    return cs_request_claim(desk, &call->id, &order, &call->issued);
}

static inline struct request_call *request_call_new(const struct world *world)
{
    struct request_call *call = test_calloc(1, sizeof(*call));
    call->order.account_id = world->d.account.id;
    snprintf(call->order.name, sizeof(call->order.name), "Warehouse");
    snprintf(call->order.use_case, sizeof(call->order.use_case), "To print labels.");
    snprintf(call->order.scopes, sizeof(call->order.scopes), "orders.read");
    return call;
}

/* Filed by `who`, whose id it has from then on. */
static inline void file(struct world *world, int who, struct request_call *call)
{
    assert_fault(world, desk_do(world, who, file_fn, call), CS_OK, CS_FAULT_NONE);
    call->id = call->out.id;
}

/* As `who` decides on what the request is now. */
static inline enum cs_err decide(struct world *world, int who, struct request_call *call,
                                 enum cs_decision_kind kind)
{
    assert_int_equal(desk_see(world, who, show_fn, call), CS_OK);
    call->decision.decision = (int)kind;
    memcpy(call->decision.digest, call->out.digest, sizeof(call->decision.digest));
    if (kind != CS_DECISION_APPROVE && call->decision.comment[0] == '\0')
        snprintf(call->decision.comment, sizeof(call->decision.comment), "Because.");
    return desk_do(world, who, decide_fn, call);
}

static inline struct cs_credential credential_of(struct world *world, const struct cs_id *id)
{
    struct cs_credential credential = {.id = *id};
    credential_read(&world->d, &credential);
    return credential;
}

/* Of what was seen, the bit of that name. */
static inline uint32_t seen_bit(const char *name)
{
    for (uint32_t i = 0; cs_request_seen_names[i] != NULL; i++) {
        if (strcmp(cs_request_seen_names[i], name) == 0)
            return UINT32_C(1) << i;
    }
    fail_msg("%s", name);
    return 0;
}

#endif
