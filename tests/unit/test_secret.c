#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/secret/secret.h"
#include "tests/unit/secret_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SLOTS 1024

static bool all_zero(const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    uint8_t seen = 0;
    for (size_t i = 0; i < len; i++)
        seen |= at[i];
    return seen == 0;
}

/* Runs `act` in a child, without a core file and without noise, and returns its wait status. */
static int in_child(int (*act)(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        const struct rlimit no_core = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)signal(SIGSEGV, SIG_DFL);
        (void)signal(SIGABRT, SIG_DFL);
        (void)close(STDERR_FILENO);
        _exit(act());
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void assert_child_is_content(int (*act)(void))
{
    int status = in_child(act);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void assert_child_dies_of(int (*act)(void), int sig)
{
    int status = in_child(act);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), sig);
}

/* ---- one secret ---- */

static void test_a_new_secret_is_zero_and_of_its_length(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 32, CS_SECRET_MAX - 1, CS_SECRET_MAX};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        struct cs_secret *secret = NULL;
        assert_int_equal(cs_secret_new(lengths[i], &secret), CS_OK);
        assert_int_equal(secret->len, lengths[i]);
        assert_true(all_zero(secret->bytes, sizeof(secret->bytes)));
        assert_int_equal(cs_secret_slice(secret).len, lengths[i]);
        assert_ptr_equal(cs_secret_slice(secret).bytes, secret->bytes);
        cs_secret_free(&secret);
        assert_null(secret);
        cs_secret_free(&secret);
    }
}

static void test_a_secret_too_long_is_refused(void **state)
{
    (void)state;
    static const char bytes[CS_SECRET_MAX + 1];
    struct cs_secret *secret = (struct cs_secret *)(void *)state;
    assert_int_equal(cs_secret_new(CS_SECRET_MAX + 1, &secret), CS_ERR_TOO_LARGE);
    assert_null(secret);
    assert_int_equal(cs_secret_new(SIZE_MAX, &secret), CS_ERR_TOO_LARGE);
    assert_int_equal(cs_secret_from(bytes, sizeof(bytes), &secret), CS_ERR_TOO_LARGE);
    assert_int_equal(cs_secret_random(65536 + 32, &secret), CS_ERR_TOO_LARGE);
    assert_null(secret);
}

static void test_a_copied_secret_ends_in_nul(void **state)
{
    (void)state;
    char bytes[CS_SECRET_MAX];
    struct cs_secret *secret = NULL;
    memset(bytes, 'x', sizeof(bytes));
    assert_int_equal(cs_secret_from(bytes, sizeof(bytes), &secret), CS_OK);
    assert_int_equal(strlen((const char *)secret->bytes), CS_SECRET_MAX);
    assert_memory_equal(secret->bytes, bytes, sizeof(bytes));
    cs_secret_free(&secret);
    assert_int_equal(cs_secret_from("pass", 4, &secret), CS_OK);
    assert_string_equal((const char *)secret->bytes, "pass");
    cs_secret_free(&secret);
    assert_int_equal(cs_secret_from(NULL, 0, &secret), CS_OK);
    assert_int_equal(secret->len, 0);
    cs_secret_free(&secret);
}

static void test_random_secrets_differ(void **state)
{
    (void)state;
    struct cs_secret *a = NULL;
    struct cs_secret *b = NULL;
    assert_int_equal(cs_secret_random(32, &a), CS_OK);
    assert_int_equal(cs_secret_random(32, &b), CS_OK);
    assert_memory_not_equal(a->bytes, b->bytes, 32);
    assert_true(all_zero(a->bytes + 32, sizeof(a->bytes) - 32));
    cs_secret_free(&a);
    cs_secret_free(&b);
}

static void test_free_wipes_the_whole_slot(void **state)
{
    (void)state;
    struct cs_secret *secret = NULL;
    assert_int_equal(cs_secret_new(16, &secret), CS_OK);
    /* Also what a careless writer left past the length. */
    memset(secret->bytes, 0xaa, sizeof(secret->bytes));
    const void *slot = secret;
    cs_secret_free(&secret);
    assert_true(all_zero(slot, sizeof(*secret))); /* the arena stays mapped */
}

static void test_equality_is_of_length_and_bytes(void **state)
{
    (void)state;
    struct cs_slice a = cs_slice_str("same secret");
    assert_true(cs_secret_equal(a, CS_SLICE("same secret!", 11)));
    assert_false(cs_secret_equal(a, cs_slice_str("same secreT")));
    assert_false(cs_secret_equal(a, cs_slice_str("Same secret")));
    assert_false(cs_secret_equal(a, cs_slice_str("same secre")));
    assert_false(cs_secret_equal(a, CS_SLICE(NULL, 0)));
    assert_true(cs_secret_equal(CS_SLICE(NULL, 0), CS_SLICE(NULL, 0)));
    assert_true(cs_secret_equal(CS_SLICE("a\0b", 3), CS_SLICE("a\0b", 3)));
    assert_false(cs_secret_equal(CS_SLICE("a\0b", 3), CS_SLICE("a\0c", 3)));
}

static void test_equality_looks_at_every_bit(void **state)
{
    (void)state;
    uint8_t a[70];
    uint8_t b[70];
    for (size_t len = 1; len <= sizeof(a); len++) {
        cs_random(a, len);
        memcpy(b, a, len);
        assert_true(cs_secret_equal(CS_SLICE(a, len), CS_SLICE(b, len)));
        for (size_t bit = 0; bit < 8 * len; bit++) {
            b[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_false(cs_secret_equal(CS_SLICE(a, len), CS_SLICE(b, len)));
            b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

static void test_wipe_and_random_keep_to_their_length(void **state)
{
    (void)state;
    uint8_t bytes[66];
    memset(bytes, 0x5a, sizeof(bytes));
    cs_wipe(bytes + 1, 64);
    assert_int_equal(bytes[0], 0x5a);
    assert_int_equal(bytes[65], 0x5a);
    assert_true(all_zero(bytes + 1, 64));
    cs_random(bytes + 1, 64);
    assert_int_equal(bytes[0], 0x5a);
    assert_int_equal(bytes[65], 0x5a);
    assert_false(all_zero(bytes + 1, 64));
    cs_random(bytes, 0);
    cs_wipe(bytes, 0);
    assert_int_equal(bytes[0], 0x5a);
}

/* ---- the arena ---- */

static void test_a_full_arena_refuses_and_recovers(void **state)
{
    (void)state;
    static struct cs_secret *secrets[SLOTS];
    struct cs_secret *more = NULL;
    for (size_t i = 0; i < SLOTS; i++) {
        assert_int_equal(cs_secret_new(CS_SECRET_MAX, &secrets[i]), CS_OK);
        memset(secrets[i]->bytes, (int)(i % 251), CS_SECRET_MAX);
    }
    assert_int_equal(cs_secret_new(1, &more), CS_ERR_NOMEM);
    assert_null(more);
    assert_int_equal(cs_secret_from("x", 1, &more), CS_ERR_NOMEM);
    assert_int_equal(cs_secret_random(1, &more), CS_ERR_NOMEM);
    for (size_t i = 0; i < SLOTS; i++) { /* none overlaps another */
        assert_int_equal(secrets[i]->bytes[0], i % 251);
        assert_int_equal(secrets[i]->bytes[CS_SECRET_MAX - 1], i % 251);
    }
    cs_secret_free(&secrets[500]);
    assert_int_equal(cs_secret_new(1, &more), CS_OK);
    assert_true(all_zero(more->bytes, sizeof(more->bytes)));
    cs_secret_free(&more);
    for (size_t i = 0; i < SLOTS; i++)
        cs_secret_free(&secrets[i]);
}

static void *churn(void *unused)
{
    struct cs_secret *held[8] = {NULL};
    (void)unused;
    for (unsigned round = 0; round < 4000; round++) {
        struct cs_secret **mine = &held[round % COUNT(held)];
        if (*mine != NULL) {
            uint8_t mark = (*mine)->bytes[0];
            for (size_t i = 0; i < (*mine)->len; i++)
                if ((*mine)->bytes[i] != mark)
                    return "two threads shared a slot";
            cs_secret_free(mine);
        }
        if (cs_secret_new(64, mine) != CS_OK || !all_zero((*mine)->bytes, 64))
            return "a slot was not clean";
        memset((*mine)->bytes, (int)(round % 255) + 1, 64);
    }
    for (size_t i = 0; i < COUNT(held); i++)
        cs_secret_free(&held[i]);
    return NULL;
}

static void test_threads_do_not_share_slots(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, churn, NULL), 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *trouble = NULL;
        assert_int_equal(pthread_join(threads[i], &trouble), 0);
        assert_null(trouble);
    }
}

/* The kernel's word on the mapping that holds `address`: "rd wr … lo … dd". */
static void read_vm_flags(const void *address, char flags[512])
{
    FILE *maps = fopen("/proc/self/smaps", "r");
    char line[512];
    bool here = false;
    assert_non_null(maps);
    flags[0] = '\0';
    while (fgets(line, sizeof(line), maps) != NULL) {
        unsigned long from = 0;
        unsigned long to = 0;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            here = (uintptr_t)address >= from && (uintptr_t)address < to;
        else if (here && strncmp(line, "VmFlags:", 8) == 0)
            memcpy(flags, line + 8, strlen(line + 8) + 1);
    }
    (void)fclose(maps);
}

static void test_the_arena_is_kept_out_of_core_files_and_locked(void **state)
{
    (void)state;
    bool locked = false;
    char flags[512];
    struct cs_secret *secret = NULL;
    cs_secret_teardown();
    assert_int_equal(cs_secret_setup(true, &locked), CS_OK);
    assert_int_equal(cs_secret_new(1, &secret), CS_OK);
    read_vm_flags(secret, flags);
    assert_non_null(strstr(flags, " dd"));
    assert_int_equal(strstr(flags, " lo") != NULL, locked);
    cs_secret_free(&secret);
}

static void test_pages_are_kept_as_the_arena_is(void **state)
{
    (void)state;
    static const size_t lens[] = {1, 4096, 4097, 10000};
    char arena_flags[512];
    char flags[512];
    struct cs_secret *secret = NULL;
    assert_int_equal(cs_secret_new(1, &secret), CS_OK);
    read_vm_flags(secret, arena_flags);
    cs_secret_free(&secret);
    for (size_t i = 0; i < COUNT(lens); i++) {
        void *pages = NULL;
        assert_int_equal(cs_secret_pages_new(lens[i], &pages), CS_OK);
        assert_true(all_zero(pages, lens[i]));
        read_vm_flags(pages, flags);
        assert_non_null(strstr(flags, " dd"));
        assert_int_equal(strstr(flags, " lo") != NULL, strstr(arena_flags, " lo") != NULL);
        memset(pages, 0xaa, lens[i]);
        cs_secret_pages_free(pages);
    }
    cs_secret_pages_free(NULL);
}

static int refuse_unlocked_pages(void)
{
    const struct rlimit none = {0, 0};
    bool locked = false;
    void *pages = &locked;
    cs_secret_teardown();
    if (cs_secret_setup(true, &locked) != CS_OK || !locked)
        return 0; /* nothing can be locked here, and so nothing is asked of pages */
    if (setrlimit(RLIMIT_MEMLOCK, &none) != 0 || (geteuid() == 0 && setuid(65534) != 0))
        return 2;
    return cs_secret_pages_new(1, &pages) == CS_ERR_NOMEM && pages == NULL ? 0 : 3;
}

static void test_pages_that_cannot_be_locked_are_refused_beside_a_locked_arena(void **state)
{
    (void)state;
    assert_child_is_content(refuse_unlocked_pages);
}

static int refuse_lockless(void)
{
    const struct rlimit none = {0, 0};
    bool locked = true;
    cs_secret_teardown();
    if (setrlimit(RLIMIT_MEMLOCK, &none) != 0 || (geteuid() == 0 && setuid(65534) != 0))
        return 2;
    if (cs_secret_setup(false, &locked) != CS_ERR_NOMEM || locked)
        return 3;
    locked = true;
    if (cs_secret_setup(true, &locked) != CS_OK || locked)
        return 4;
    struct cs_secret *secret = NULL;
    if (cs_secret_new(8, &secret) != CS_OK)
        return 5;
    cs_secret_free(&secret);
    cs_secret_teardown();
    return 0;
}

static void test_memory_that_cannot_be_locked_is_refused_unless_allowed(void **state)
{
    (void)state;
    assert_child_is_content(refuse_lockless);
}

static int read_past_the_arena(void)
{
    const volatile uint8_t *last = NULL;
    for (size_t i = 0; i < SLOTS; i++) {
        struct cs_secret *secret = NULL;
        if (cs_secret_new(1, &secret) != CS_OK)
            return 2;
        const volatile uint8_t *slot = (const volatile uint8_t *)secret;
        last = slot > last ? slot : last;
    }
    return last[256];
}

static void test_a_guard_page_ends_the_arena(void **state)
{
    (void)state;
    assert_child_dies_of(read_past_the_arena, SIGSEGV);
}

static int free_twice(void)
{
    struct cs_secret *secret = NULL;
    if (cs_secret_new(1, &secret) != CS_OK)
        return 2;
    struct cs_secret *again = secret;
    cs_secret_free(&secret);
    cs_secret_free(&again);
    return 0;
}

static int tear_down_under_a_secret(void)
{
    struct cs_secret *secret = NULL;
    if (cs_secret_new(1, &secret) != CS_OK)
        return 2;
    cs_secret_teardown();
    return 0;
}

static int free_what_is_no_secret(void)
{
    struct cs_secret on_stack = {.len = 1};
    struct cs_secret *secret = &on_stack;
    cs_secret_free(&secret);
    return 0;
}

static void test_misuse_is_caught(void **state)
{
    (void)state;
    assert_child_dies_of(free_twice, SIGABRT);
    assert_child_dies_of(tear_down_under_a_secret, SIGABRT);
    assert_child_dies_of(free_what_is_no_secret, SIGABRT);
}

static void test_no_secrets_without_an_arena(void **state)
{
    (void)state;
    struct cs_secret *secret = NULL;
    bool locked = false;
    cs_secret_teardown();
    assert_int_equal(cs_secret_new(1, &secret), CS_ERR_NOMEM);
    cs_secret_teardown(); /* twice does no harm */
    assert_int_equal(cs_secret_setup(true, &locked), CS_OK);
    assert_int_equal(cs_secret_new(1, &secret), CS_OK);
    cs_secret_free(&secret);
}

/* ---- hardening ---- */

static int harden(void)
{
    struct rlimit core = {1, 1};
    (void)umask(0);
    if (cs_harden() != CS_OK)
        return 2;
    if (umask(0) != 077)
        return 3;
    if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_cur != 0 || core.rlim_max != 0)
        return 4;
    if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
        return 5;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return 6;
    return cs_harden() == CS_OK ? 0 : 7; /* again is fine */
}

static void test_hardening_takes(void **state)
{
    (void)state;
    assert_child_is_content(harden); /* in a child: the leak checker needs to be dumpable */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_secret_is_zero_and_of_its_length),
        cmocka_unit_test(test_a_secret_too_long_is_refused),
        cmocka_unit_test(test_a_copied_secret_ends_in_nul),
        cmocka_unit_test(test_random_secrets_differ),
        cmocka_unit_test(test_free_wipes_the_whole_slot),
        cmocka_unit_test(test_equality_is_of_length_and_bytes),
        cmocka_unit_test(test_equality_looks_at_every_bit),
        cmocka_unit_test(test_wipe_and_random_keep_to_their_length),
        cmocka_unit_test(test_a_full_arena_refuses_and_recovers),
        cmocka_unit_test(test_threads_do_not_share_slots),
        cmocka_unit_test(test_the_arena_is_kept_out_of_core_files_and_locked),
        cmocka_unit_test(test_pages_are_kept_as_the_arena_is),
        cmocka_unit_test(test_pages_that_cannot_be_locked_are_refused_beside_a_locked_arena),
        cmocka_unit_test(test_memory_that_cannot_be_locked_is_refused_unless_allowed),
        cmocka_unit_test(test_a_guard_page_ends_the_arena),
        cmocka_unit_test(test_misuse_is_caught),
        cmocka_unit_test(test_no_secrets_without_an_arena),
        cmocka_unit_test(test_hardening_takes),
    };
    return cmocka_run_group_tests(tests, secret_setup, secret_teardown);
}
