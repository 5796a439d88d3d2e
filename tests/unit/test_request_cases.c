/* The life of requests, as files: each case of tests/data/request is one test. */
#include <dirent.h>

#include "tests/unit/request_case.h"

#define CASES_MIN 40

/* What a step may say of how things stand after it. */

struct stand {
    const struct story *story;
    struct cs_request *request;
    struct cs_credential credential; /* of the request, if it has one */
};

typedef void check_fn(const struct stand *stand, const json_t *want);

static void check_words(const char *got, const json_t *want)
{
    char words[CS_SCOPES_SIZE];
    words_of(want, words, sizeof(words));
    assert_string_equal(got, words);
}

static void check_state(const struct stand *stand, const json_t *want)
{
    assert_string_equal(cs_request_state_names[stand->request->state], json_string_value(want));
}

static void check_needed(const struct stand *stand, const json_t *want)
{
    assert_int_equal(stand->request->rule.approvals_needed, json_integer_value(want));
}

static void check_approvals(const struct stand *stand, const json_t *want)
{
    int count = 0;
    for (size_t i = 0; i < stand->request->decision_count; i++)
        count += stand->request->decisions[i].counts;
    assert_int_equal(count, json_integer_value(want));
}

static void check_rule(const struct stand *stand, const json_t *want)
{
    assert_string_equal(stand->request->rule.name, json_string_value(want));
}

static void check_scopes(const struct stand *stand, const json_t *want)
{
    check_words(stand->request->scopes, want);
}

static void check_gains(const struct stand *stand, const json_t *want)
{
    check_words(stand->request->gains, want);
}

static void check_keeps(const struct stand *stand, const json_t *want)
{
    check_words(stand->request->keeps, want);
}

static void check_left_out(const struct stand *stand, const json_t *want)
{
    check_words(stand->request->left_out, want);
}

static void check_told(const struct stand *stand, const json_t *want)
{
    const struct cs_request *request = stand->request;
    assert_true(request->thread_count > 0);
    assert_string_equal(request->thread[request->thread_count - 1].text, json_string_value(want));
}

static void check_frozen(const struct stand *stand, const json_t *want)
{
    assert_int_equal(stand->request->frozen, json_is_true(want));
}

static void check_missing(const struct stand *stand, const json_t *want)
{
    assert_int_equal(stand->request->rule.approvals_missing, json_integer_value(want));
}

/* The groups whose places are filled, by who decided, in order; null for no group's. */
static void check_fills(const struct stand *stand, const json_t *want)
{
    assert_int_equal(stand->request->decision_count, json_array_size(want));
    for (size_t i = 0; i < stand->request->decision_count; i++) {
        const char *group = json_string_value(json_array_get(want, i));
        assert_string_equal(stand->request->decisions[i].fills, group == NULL ? "" : group);
    }
}

static void check_wanted(const struct stand *stand, const json_t *want)
{
    assert_string_equal(stand->request->rule.wanted, json_string_value(want));
}

static void check_limits(const struct stand *stand, const json_t *want)
{
    const struct cs_request_limits *limits = &stand->request->limits;
    const uint64_t got[] = {limits->expires_in_s, limits->rate_limit, limits->rate_window_s,
                            limits->rate_burst};
    for (size_t i = 0; i < COUNT(got); i++)
        assert_int_equal(got[i], json_integer_value(json_array_get(want, i)));
}

/* What the rule stated for it; zeros where the mode's rate holds. */
static void check_rate(const struct stand *stand, const json_t *want)
{
    const struct cs_credential *credential = &stand->credential;
    const uint64_t got[] = {credential->rate_limit, credential->rate_period_ms / SECOND_MS,
                            credential->rate_burst};
    for (size_t i = 0; i < COUNT(got); i++)
        assert_int_equal(got[i], json_integer_value(json_array_get(want, i)));
}

static void check_bundle(const struct stand *stand, const json_t *want)
{
    assert_string_equal(stand->request->bundle, json_string_value(want));
}

static void check_decisions(const struct stand *stand, const json_t *want)
{
    assert_int_equal(stand->request->decision_count, json_integer_value(want));
}

static void check_messages(const struct stand *stand, const json_t *want)
{
    assert_int_equal(stand->request->thread_count, json_integer_value(want));
}

static void check_credential(const struct stand *stand, const json_t *want)
{
    if (json_is_null(want))
        assert_true(cs_id_is_zero(&stand->request->credential_id));
    else
        assert_string_equal(cs_credential_status_names[stand->credential.status],
                            json_string_value(want));
}

static void check_credential_scopes(const struct stand *stand, const json_t *want)
{
    check_words(stand->credential.scopes, want);
}

static void check_life(const struct stand *stand, const json_t *want)
{
    const struct cs_credential *credential = &stand->credential;
    int64_t life_ms =
        credential->expires_at == 0 ? 0 : credential->expires_at - credential->created_at;
    assert_int_equal(life_ms / SECOND_MS, json_integer_value(want));
}

static void check_verdict(const struct stand *stand, const json_t *want)
{
    assert_string_equal(cs_verdict_info(stand->story->verdict)->name, json_string_value(want));
}

static void check_sealed(const struct stand *stand, const json_t *want)
{
    assert_int_equal(stand->story->sealed, json_is_true(want));
}

static void check_listed(const struct stand *stand, const json_t *want)
{
    assert_int_equal(stand->story->listed, json_integer_value(want));
}

static void check_swept(const struct stand *stand, const json_t *want)
{
    assert_int_equal(stand->story->swept, json_integer_value(want));
}

static const struct {
    const char *name;
    check_fn *check;
} checks[] = {
    {"state", check_state},
    {"needed", check_needed},
    {"approvals", check_approvals},
    {"rule", check_rule},
    {"scopes", check_scopes},
    {"bundle", check_bundle},
    {"decisions", check_decisions},
    {"messages", check_messages},
    {"credential", check_credential},
    {"credential_scopes", check_credential_scopes},
    {"life_s", check_life},
    {"verdict", check_verdict},
    {"sealed", check_sealed},
    {"listed", check_listed},
    {"gains", check_gains},
    {"keeps", check_keeps},
    {"left_out", check_left_out},
    {"told", check_told},
    {"frozen", check_frozen},
    {"missing", check_missing},
    {"wanted", check_wanted},
    {"limits", check_limits},
    {"rate", check_rate},
    {"fills", check_fills},
    {"swept", check_swept},
};

static void look_at(struct story *story, struct stand *stand)
{
    stand->story = story;
    stand->request = &story->call->out;
    if (cs_id_is_zero(&story->call->id))
        return;
    assert_int_equal(desk_see(story->world, NOBODY, show_fn, story->call), CS_OK);
    if (cs_id_is_zero(&stand->request->credential_id))
        return;
    story->credential = stand->request->credential_id;
    stand->credential = credential_of(story->world, &story->credential);
}

static void check_step(struct story *story, const json_t *step)
{
    struct stand stand = {.story = NULL};
    look_at(story, &stand);
    for (size_t i = 0; i < COUNT(checks); i++) {
        const json_t *want = json_object_get(step, checks[i].name);
        if (want != NULL)
            checks[i].check(&stand, want);
    }
}

/* Every member of a step is known: a misspelt expectation must not pass for one that holds. */
static bool is_known(const char *name)
{
    static const char *const others[] = {"as", "fault", "http_fault", "pointer", "why"};
    for (size_t i = 0; i < COUNT(actions); i++) {
        if (strcmp(actions[i].name, name) == 0)
            return true;
    }
    for (size_t i = 0; i < COUNT(checks); i++) {
        if (strcmp(checks[i].name, name) == 0)
            return true;
    }
    for (size_t i = 0; i < COUNT(others); i++) {
        if (strcmp(others[i], name) == 0)
            return true;
    }
    return false;
}

static int who_of(const char *name)
{
    for (int who = 0; who < WHO_COUNT; who++) {
        if (strcmp(people[who].name, name) == 0)
            return who;
    }
    if (name[0] != '\0')
        fail_msg("nobody is called %s", name);
    return NOBODY;
}

static enum cs_err act(struct story *story, const json_t *step)
{
    int who = who_of(text_of(step, "as"));
    for (size_t i = 0; i < COUNT(actions); i++) {
        const json_t *what = json_object_get(step, actions[i].name);
        if (what != NULL)
            return actions[i].run(story, who, what);
    }
    fail_msg("a step without an action");
    return CS_ERR_INVALID;
}

static void run_step(struct story *story, const json_t *step)
{
    const char *name;
    const json_t *value;
    json_object_foreach((json_t *)(uintptr_t)step, name, value)
    {
        if (!is_known(name))
            fail_msg("unknown member %s", name);
    }
    story->world->d.fault = (struct cs_fault){.code = CS_FAULT_NONE};
    enum cs_err err = act(story, step);
    if (err == CS_OK)
        story->world->d.fault.code = CS_FAULT_NONE;
    if ((err == CS_OK) != (text_of(step, "fault")[0] == '\0'))
        print_message("%s: %s\n", cs_err_name(err), story->world->d.fault.detail);
    assert_string_equal(fault_code(story->world), text_of(step, "fault"));
    if (json_object_get(step, "pointer") != NULL)
        assert_string_equal(story->world->d.fault.pointer, text_of(step, "pointer"));
    check_step(story, step);
}

/* What the log holds of Acme, in order, but for the account itself and test credentials. */

#define LOG_MAX 100
struct logged {
    struct cs_audit_filter filter;
    struct cs_page page;
    struct cs_audit_entry *entries;
    size_t count;
};

static enum cs_err log_fn(struct cs_ctx *ctx, void *arg)
{
    struct logged *logged = arg;
    return cs_audit_list(ctx, &logged->filter, &logged->page, logged->entries, &logged->count);
}

static void check_log(struct world *world, const json_t *want)
{
    struct logged logged = {
        .filter = {.action = -1, .account = world->d.account.id},
        .page = {.limit = LOG_MAX, .order = CS_ASCENDING},
        .entries = test_calloc(LOG_MAX, sizeof(struct cs_audit_entry)),
    };
    assert_int_equal(look(&world->d, log_fn, &logged), CS_OK);
    assert_true(logged.count < LOG_MAX);
    size_t told = 0;
    for (size_t i = 1; i < logged.count; i++)
        assert_string_equal(cs_action_names[logged.entries[i].action],
                            json_string_value(json_array_get(want, told++)));
    assert_int_equal(told, json_array_size(want));
    test_free(logged.entries);
}

/* The step that a case failed in. */
static size_t begun;

static int tell_step(void **state)
{
    if (begun != 0)
        print_message(CASES "/%s.json: step %zu\n", (const char *)*state, begun);
    begun = 0;
    return 0;
}

static void plays(void **state)
{
    char path[512];
    json_error_t error;
    size_t index;
    const json_t *step;
    snprintf(path, sizeof(path), CASES "/%s.json", (const char *)*state);
    json_t *play = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (play == NULL)
        fail_msg("%s:%d: %s", path, error.line, error.text);
    const char *policy = text_of(play, "policy");
    struct story story = {.world = world_new(policy_named(policy[0] == '\0' ? "plain" : policy))};
    story.call = request_call_new(story.world);
    json_array_foreach(json_object_get(play, "steps"), index, step)
    {
        begun = index + 1;
        run_step(&story, step);
    }
    begun = 0;
    assert_true(index > 0);
    if (json_object_get(play, "log") != NULL)
        check_log(story.world, json_object_get(play, "log"));
    test_free(story.call);
    world_free(story.world);
    json_decref(play);
}

static int is_case(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot != NULL && strcmp(dot, ".json") == 0;
}

int main(void)
{
    struct dirent **names = NULL;
    int count = scandir(CASES, &names, is_case, alphasort);
    if (count < CASES_MIN) {
        fprintf(stderr, "%d cases in " CASES "\n", count);
        return 1;
    }
    struct CMUnitTest *tests = calloc((size_t)count, sizeof(*tests));
    for (int i = 0; i < count; i++) {
        *strrchr(names[i]->d_name, '.') = '\0';
        tests[i] = (struct CMUnitTest){.name = names[i]->d_name,
                                       .test_func = plays,
                                       .teardown_func = tell_step,
                                       .initial_state = names[i]->d_name};
    }
    int failed = _cmocka_run_group_tests("request_cases", tests, (size_t)count, vault_group_setup,
                                         vault_group_teardown);
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
    free(tests);
    return failed;
}
