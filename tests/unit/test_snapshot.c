/* The policy in force is replaced while others read it. Run under TSan as well. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/policy_fixture.h"

#define READERS 4
#define SWAPS 300
#define READS 2000

struct shared {
    struct cs_policy_slot slot;
    atomic_uint wrong;
};

/* A snapshot is one policy as a whole: its brand and its rule belong together. */
static bool is_whole(const struct cs_policy *policy)
{
    const struct cs_policy_question question = {.mode = CS_MODE_LIVE,
                                                .scopes = "orders.read",
                                                .bundle = "",
                                                .account = "",
                                                .account_tags = ""};
    struct cs_policy_answer answer;
    bool second = strcmp(cs_policy_brand(policy), "two") == 0;
    return cs_policy_match(policy, &question, &answer) == CS_OK &&
           answer.approvals == (second ? 2 : 1);
}

static void *read_often(void *arg)
{
    struct shared *shared = arg;
    for (int i = 0; i < READS; i++) {
        const struct cs_policy *policy = cs_policy_slot_get(&shared->slot);
        if (!is_whole(policy))
            atomic_fetch_add(&shared->wrong, 1);
        cs_policy_unref(&policy);
    }
    return NULL;
}

static const char one[] = "brand: one\n" CATALOG TEST_MODE LIVE_MODE OTHERWISE;
static const char two[] =
    "brand: two\n" CATALOG TEST_MODE LIVE_MODE "    - { name: two, approvals: 2 }\n";

static void readers_see_one_policy_or_the_other(void **state)
{
    (void)state;
    struct shared shared = {0};
    pthread_t threads[READERS];
    assert_int_equal(cs_policy_slot_init(&shared.slot, policy_of(one)), CS_OK);
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_often, &shared), 0);
    for (int i = 0; i < SWAPS; i++)
        cs_policy_slot_swap(&shared.slot, policy_of(i % 2 == 0 ? two : one));
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&shared.wrong), 0);
    cs_policy_slot_destroy(&shared.slot);
}

static void a_reader_keeps_what_it_got(void **state)
{
    (void)state;
    struct cs_policy_slot slot;
    assert_int_equal(cs_policy_slot_init(&slot, policy_of(one)), CS_OK);
    const struct cs_policy *kept = cs_policy_slot_get(&slot);
    const struct cs_policy *more = cs_policy_ref(kept);
    cs_policy_slot_swap(&slot, policy_of(two));
    cs_policy_unref(&kept);
    assert_null(kept);
    assert_string_equal(cs_policy_brand(more), "one");
    kept = cs_policy_slot_get(&slot);
    assert_string_equal(cs_policy_brand(kept), "two");
    cs_policy_slot_destroy(&slot);
    assert_true(is_whole(kept));
    assert_true(is_whole(more));
    cs_policy_unref(&kept);
    cs_policy_unref(&more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_see_one_policy_or_the_other),
        cmocka_unit_test(a_reader_keeps_what_it_got),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
