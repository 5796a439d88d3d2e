#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <pthread.h>

#include "vault/usage/usage_scopes.h"

static void scope_numbers_run_out(void **state)
{
    (void)state;
    struct cs_usage_scopes *scopes = test_calloc(1, sizeof(*scopes));
    char name[32];
    uint16_t number = 0;
    cs_usage_scopes_init(scopes);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < CS_USAGE_NAMES_MAX; i++) {
            snprintf(name, sizeof(name), "scope.a%d", i);
            assert_true(cs_usage_scopes_number(scopes, cs_slice_str(name), &number));
            assert_int_equal(number, i);
            assert_string_equal(cs_usage_scopes_name(scopes, number), name);
        }
        assert_false(cs_usage_scopes_number(scopes, cs_slice_str("scope.more"), &number));
    }
    assert_true(cs_usage_scopes_number(scopes, cs_slice_str("scope.a1"), &number));
    assert_int_equal(number, 1);
    assert_false(cs_usage_scopes_number(scopes, cs_slice_str(""), &number));
    assert_false(cs_usage_scopes_number(scopes, cs_slice_str("scope"), &number));
    cs_usage_scopes_destroy(scopes);
    test_free(scopes);
}

#define THREADS 4

/* Each thread meets the same names in another order: all must learn the same numbers. */
struct learner {
    struct cs_usage_scopes *scopes;
    size_t first;
    uint16_t numbers[CS_USAGE_NAMES_MAX];
};

static void *learn(void *arg)
{
    struct learner *learner = arg;
    char name[32];
    for (size_t i = 0; i < CS_USAGE_NAMES_MAX; i++) {
        size_t which = (learner->first + i) % CS_USAGE_NAMES_MAX;
        snprintf(name, sizeof(name), "scope.a%zu", which);
        if (!cs_usage_scopes_number(learner->scopes, cs_slice_str(name), &learner->numbers[which]))
            return learner;
    }
    return NULL;
}

static void threads_learn_the_same_numbers(void **state)
{
    (void)state;
    struct cs_usage_scopes *scopes = test_calloc(1, sizeof(*scopes));
    static struct learner learners[THREADS];
    pthread_t threads[THREADS];
    void *failed = NULL;
    cs_usage_scopes_init(scopes);
    for (size_t i = 0; i < THREADS; i++) {
        learners[i] = (struct learner){.scopes = scopes, .first = i * 251};
        assert_int_equal(pthread_create(&threads[i], NULL, learn, &learners[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
        assert_memory_equal(learners[i].numbers, learners[0].numbers, sizeof(learners[0].numbers));
    }
    cs_usage_scopes_destroy(scopes);
    test_free(scopes);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(scope_numbers_run_out),
    cmocka_unit_test(threads_learn_the_same_numbers),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
