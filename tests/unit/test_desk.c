#include "tests/unit/desk_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int setup(void **state)
{
    *state = world_new(policy_of(PLAIN_POLICY));
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

/* What each may of the two accounts, as the desk tells it. */
struct rights {
    bool develops_acme, develops_globex;
    bool sees_acme, sees_globex;
    size_t accounts;
    struct cs_id listed[CS_MEMBERSHIPS_MAX];
    bool is_reviewer;
};

struct rights_call {
    struct cs_id acme, globex;
    struct rights out;
};

static bool is_let(const struct cs_desk *desk, enum cs_err err, enum cs_err refusal,
                   enum cs_fault_code code)
{
    if (err == CS_OK)
        return true;
    assert_int_equal(err, refusal);
    assert_int_equal(desk->ctx->fault->code, code);
    return false;
}

static enum cs_err rights_fn(const struct cs_desk *desk, void *arg)
{
    struct rights_call *call = arg;
    const enum cs_err hidden = CS_ERR_NOT_FOUND;
    call->out = (struct rights){
        .develops_acme =
            is_let(desk, cs_desk_develop(desk, &call->acme), hidden, CS_FAULT_NOT_FOUND),
        .develops_globex =
            is_let(desk, cs_desk_develop(desk, &call->globex), hidden, CS_FAULT_NOT_FOUND),
        .sees_acme = is_let(desk, cs_desk_see(desk, &call->acme), hidden, CS_FAULT_NOT_FOUND),
        .sees_globex = is_let(desk, cs_desk_see(desk, &call->globex), hidden, CS_FAULT_NOT_FOUND),
        .is_reviewer =
            is_let(desk, cs_desk_need(desk, CS_ROLE_REVIEWER), CS_ERR_DENIED, CS_FAULT_FORBIDDEN),
    };
    call->out.accounts = cs_desk_accounts(desk, call->out.listed);
    return CS_OK;
}

static void each_may_what_their_roles_and_accounts_say(void **state)
{
    static const struct {
        int who;
        bool develops_acme, develops_globex, sees_acme, sees_globex, is_reviewer;
        size_t accounts;
    } cases[] = {
        {NOBODY, true, true, true, true, true, CS_DESK_ALL},
        {DEV, true, false, true, false, false, 1},
        {GLOBEX, false, true, false, true, false, 1},
        {REV, false, false, true, true, true, CS_DESK_ALL},
        {BOTH, true, false, true, true, true, CS_DESK_ALL},
        {ADMIN, false, false, true, true, false, CS_DESK_ALL},
        {AUDITOR, false, false, true, true, false, CS_DESK_ALL},
        {GATEWAY, false, false, false, false, false, 0},
    };
    struct world *world = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct rights_call call = {.acme = world->d.account.id, .globex = world->globex.id};
        assert_int_equal(desk_see(world, cases[i].who, rights_fn, &call), CS_OK);
        assert_int_equal(call.out.develops_acme, cases[i].develops_acme);
        assert_int_equal(call.out.develops_globex, cases[i].develops_globex);
        assert_int_equal(call.out.sees_acme, cases[i].sees_acme);
        assert_int_equal(call.out.sees_globex, cases[i].sees_globex);
        assert_int_equal(call.out.is_reviewer, cases[i].is_reviewer);
        assert_int_equal(call.out.accounts, cases[i].accounts);
        if (cases[i].accounts == 1)
            assert_true(
                cs_id_equal(&call.out.listed[0], cases[i].who == DEV ? &call.acme : &call.globex));
    }
}

/* A membership without the role is none: it was taken away with it. */
static void who_is_no_developer_develops_nothing(void **state)
{
    struct world *world = *state;
    struct rights_call call = {.acme = world->d.account.id, .globex = world->globex.id};
    world->callers[DEV].roles = world->callers[DEV].user.roles = 0;
    assert_int_equal(desk_see(world, DEV, rights_fn, &call), CS_OK);
    assert_false(call.out.develops_acme);
    assert_false(call.out.sees_acme);
    assert_int_equal(call.out.accounts, 0);
}

struct text_call {
    const char *bundle, *scopes, *networks;
    char out[CS_SCOPES_SIZE];
};

static enum cs_err scopes_fn(const struct cs_desk *desk, void *arg)
{
    struct text_call *call = arg;
    return cs_desk_scopes(desk, call->bundle, call->scopes, call->out);
}

static enum cs_err networks_fn(const struct cs_desk *desk, void *arg)
{
    const struct text_call *call = arg;
    return cs_desk_networks(desk, call->networks);
}

/* A wrong name is told with where it stands and with the nearest one that there is. */
static void names_are_looked_up_or_told(void **state)
{
    static const struct {
        const char *bundle, *scopes, *gets; /* NULL: refused */
        enum cs_fault_code code;
        const char *pointer, *says;
    } cases[] = {
        {NULL, "orders.read", "orders.read", CS_FAULT_NONE, "", ""},
        {"theming", "", "themes.read themes.write", CS_FAULT_NONE, "", ""},
        {"theming", "orders.read", "orders.read themes.read themes.write", CS_FAULT_NONE, "", ""},
        {"full", "orders.read", "*", CS_FAULT_NONE, "", ""},
        {NULL, "order.read", NULL, CS_FAULT_UNKNOWN_SCOPE, "/scopes", "orders.read"},
        {"teming", "", NULL, CS_FAULT_UNKNOWN_BUNDLE, "/bundle", "theming"},
        {NULL, "", NULL, CS_FAULT_POLICY_REFUSED, "/scopes", "scope"},
    };
    struct world *world = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct text_call call = {.bundle = cases[i].bundle, .scopes = cases[i].scopes};
        enum cs_err err = desk_see(world, DEV, scopes_fn, &call);
        assert_fault(world, err, cases[i].gets != NULL ? CS_OK : CS_ERR_REFUSED, cases[i].code);
        if (cases[i].gets != NULL) {
            assert_string_equal(call.out, cases[i].gets);
            continue;
        }
        assert_string_equal(world->d.fault.pointer, cases[i].pointer);
        assert_non_null(strstr(world->d.fault.detail, cases[i].says));
    }
}

static void networks_have_no_host_bits(void **state)
{
    static const struct {
        const char *networks;
        bool good;
    } cases[] = {
        {"", true},
        {"192.0.2.1", true},
        {"192.0.2.0/24 2001:db8::/32", true},
        {"192.0.2.1/24", false},
        {"192.0.2.0/24 nonsense", false},
    };
    struct world *world = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct text_call call = {.networks = cases[i].networks};
        assert_fault(world, desk_see(world, DEV, networks_fn, &call),
                     cases[i].good ? CS_OK : CS_ERR_INVALID,
                     cases[i].good ? CS_FAULT_NONE : CS_FAULT_INVALID_BODY);
    }
}

#define DESK_CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DESK_CASE(each_may_what_their_roles_and_accounts_say),
        DESK_CASE(who_is_no_developer_develops_nothing),
        DESK_CASE(names_are_looked_up_or_told),
        DESK_CASE(networks_have_no_host_bits),
    };
    return RUN_DOMAIN(tests);
}
