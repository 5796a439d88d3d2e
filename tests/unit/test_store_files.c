#include "vault/store/store.h"

#include "tests/unit/store_fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Opening. */

static void opening_what_is_not_there(void **state)
{
    struct fixture *f = *state;
    struct cs_store *store = NULL;
    struct cs_store_params params = fixture_params(f, false);
    assert_int_equal(cs_store_open(&params, &store), CS_ERR_NOT_FOUND);
    params.table_count = 0;
    assert_int_equal(cs_store_open(&params, &store), CS_ERR_INVALID);
    params.table_count = CS_TABLE_MAX + 1;
    assert_int_equal(cs_store_open(&params, &store), CS_ERR_INVALID);
    params = fixture_params(f, true);
    params.path = "/tmp/there is no such folder";
    assert_int_equal(cs_store_open(&params, &store), CS_ERR_NOT_FOUND);
    params.path = "/dev/null";
    assert_int_equal(cs_store_open(&params, &store), CS_ERR_NOT_FOUND);
    params = fixture_params(f, true);
    assert_int_equal(chmod(f->path, 0750), 0);
    assert_int_equal(cs_store_open(&params, &store), CS_ERR_INVALID);
    assert_int_equal(chmod(f->path, 0700), 0);
    assert_null(store);
    assert_int_equal(cs_store_open(&params, &f->store), CS_OK);
    cs_store_close(&f->store);
    assert_int_equal(cs_store_open(&params, &store), CS_ERR_EXISTS);
    cs_store_close(&store);
}

static void only_one_has_it_open(void **state)
{
    struct fixture *f = *state;
    struct cs_store *store = NULL;
    struct cs_store_params params = fixture_params(f, false);
    int status = 0;
    assert_int_equal(cs_store_open(&params, &store), CS_ERR_CONFLICT);
    pid_t child = fork();
    if (child == 0)
        _exit(cs_store_open(&params, &store) == CS_ERR_CONFLICT ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(put(f, 0, "a", "still mine"), CS_OK);
    fixture_reopen(f);
}

/* As after a kill: a child that has the files still, and is about to be another program. */
static void one_that_is_about_to_be_let_go_is_waited_for(void **state)
{
    struct fixture *f = *state;
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        usleep(100000);
        _exit(0);
    }
    cs_store_close(&f->store);
    fixture_open(f, false);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void data_name(const struct fixture *f, char *name, size_t size)
{
    snprintf(name, size, "%s/data.mdb", f->path);
}

static enum cs_err open_again(struct fixture *f, bool create)
{
    struct cs_store_params params = fixture_params(f, create);
    enum cs_err err = cs_store_open(&params, &f->store);
    cs_store_close(&f->store);
    return err;
}

static uint64_t header_u64(int fd, off_t at)
{
    uint64_t value = 0;
    assert_int_equal(pread(fd, &value, sizeof value, at), sizeof value);
    return value;
}

static void a_file_that_was_cut_is_never_mapped(void **state)
{
    struct fixture *f = *state;
    char name[96];
    for (uint32_t i = 0; i < 20; i++) {
        struct bulk_call call = {.keys = 50, .value_len = 3000, .first = i * 50};
        assert_int_equal(cs_store_update(f->store, put_bulk, &call, NULL), CS_OK);
    }
    cs_store_close(&f->store);
    data_name(f, name, sizeof name);
    int fd = open(name, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    uint64_t first = header_u64(fd, 136);
    uint64_t second = header_u64(fd, 4096 + 136);
    uint64_t end = ((first > second ? first : second) + 1) * 4096;
    assert_int_equal(open_again(f, false), CS_OK);
    const uint64_t cuts[] = {end, end - 1, end - 4096, end / 2, 8192, 8191, 4248, 4096, 100, 1, 0};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        assert_int_equal(ftruncate(fd, (off_t)cuts[i]), 0);
        assert_int_equal(open_again(f, false), i == 0 ? CS_OK : CS_ERR_CORRUPT);
        assert_int_equal(ftruncate(fd, (off_t)cuts[i]), 0);
    }
    assert_int_equal(ftruncate(fd, 8192), 0);
    assert_int_equal(open_again(f, true), CS_ERR_CORRUPT);
    close(fd);
}

static void a_creation_killed_before_its_header_may_be_done_again(void **state)
{
    struct fixture *f = *state;
    char name[96];
    static const off_t lengths[] = {0, 1, 100, 4096, 8191};
    cs_store_close(&f->store);
    data_name(f, name, sizeof name);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        assert_int_equal(truncate(name, lengths[i]), 0);
        assert_int_equal(open_again(f, false), CS_ERR_CORRUPT);
        assert_int_equal(open_again(f, true), CS_OK);
        assert_int_equal(open_again(f, false), CS_OK);
    }
}

static void a_broken_header_is_refused(void **state)
{
    struct fixture *f = *state;
    static const struct {
        off_t at;
        const char *what;
    } cases[] = {{10, "page kind"}, {16, "magic"},           {20, "version"},
                 {41, "page size"}, {40, "page size, odd"},  {143, "last page"},
                 {134, "root"},     {86, "root of the free"}};
    char name[96];
    uint8_t byte = 0;
    uint8_t wrong = 0;
    cs_store_close(&f->store);
    data_name(f, name, sizeof name);
    int fd = open(name, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        off_t at = cases[i / 2].at + (i % 2 == 0 ? 0 : 4096);
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        wrong = (uint8_t)(byte ^ 0x19);
        assert_int_equal(pwrite(fd, &wrong, 1, at), 1);
        assert_int_equal(open_again(f, false), CS_ERR_CORRUPT);
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    close(fd);
    assert_int_equal(open_again(f, false), CS_OK);
}

/* As a creation leaves it that was cut off before its first commit. */
static void an_unfinished_creation_is_no_store_and_may_be_done_again(void **state)
{
    struct fixture *f = *state;
    char name[96];
    uint8_t page[4096];
    cs_store_close(&f->store);
    data_name(f, name, sizeof name);
    int fd = open(name, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    for (off_t at = 0; at < 8192; at += 4096) {
        const uint64_t last_page = 1;
        assert_int_equal(pread(fd, page, sizeof page, at), sizeof page);
        memset(page + 48, 0, 104);
        memset(page + 80, 0xff, 8);
        memset(page + 128, 0xff, 8);
        memcpy(page + 136, &last_page, sizeof last_page);
        assert_int_equal(pwrite(fd, page, sizeof page, at), sizeof page);
    }
    assert_int_equal(ftruncate(fd, 8192), 0);
    close(fd);
    assert_int_equal(open_again(f, false), CS_ERR_CORRUPT);
    assert_int_equal(open_again(f, true), CS_OK);
    assert_int_equal(open_again(f, false), CS_OK);
}

/* Room. */

static enum cs_err fill(struct fixture *f, uint32_t *rows)
{
    enum cs_err err = CS_OK;
    for (*rows = 0; err == CS_OK && *rows < 100000; ++*rows) {
        struct bulk_call call = {.keys = 1, .value_len = 1000, .first = *rows};
        err = cs_store_update(f->store, put_bulk, &call, NULL);
    }
    return err;
}

static void a_full_store_still_revokes(void **state)
{
    struct fixture *f = *state;
    struct cs_store_params params = fixture_params(f, true);
    uint32_t rows = 0;
    params.map_size = 4 << 20;
    assert_int_equal(cs_store_open(&params, &f->store), CS_OK);
    assert_int_equal(fill(f, &rows), CS_ERR_FULL);
    assert_true(rows > 1000);
    assert_int_equal(put(f, 0, "ordinary", "x"), CS_ERR_FULL);
    struct row_call read = {.key = cs_slice_str("ordinary")};
    assert_int_equal(cs_store_update(f->store, get_row, &read, NULL), CS_OK);
    for (unsigned i = 0; i < 500; i++) {
        struct row_call call = {
            .key = cs_slice_str("revoked"), .value = CS_SLICE(zeros, i), .use_reserve = true};
        assert_int_equal(cs_store_update(f->store, put_row, &call, NULL), CS_OK);
    }
    assert_false(cs_store_failed(f->store));
    cs_store_close(&f->store);
    params.create = false;
    assert_int_equal(cs_store_open(&params, &f->store), CS_OK);
    assert_int_equal(put(f, 0, "ordinary", "x"), CS_ERR_FULL);
    for (uint32_t i = 0; i < rows / 2; i++) {
        uint8_t key[4];
        cs_put_be32(key, i);
        struct row_call call = {.table = 1, .key = CS_SLICE(key, 4), .use_reserve = true};
        assert_int_equal(cs_store_update(f->store, delete_row, &call, NULL), CS_OK);
    }
    assert_int_equal(put(f, 0, "ordinary", "x"), CS_OK);
}

/* Without a word about the reserve the map is used up to the last page, and nothing breaks. */
static void the_reserve_runs_out_cleanly(void **state)
{
    struct fixture *f = *state;
    struct cs_store_params params = fixture_params(f, true);
    struct cs_store_stats stats;
    enum cs_err err = CS_OK;
    uint32_t i = 0;
    params.map_size = 2 << 20;
    assert_int_equal(cs_store_open(&params, &f->store), CS_OK);
    for (i = 0; err == CS_OK && i < 100000; i++) {
        uint8_t key[4];
        cs_put_be32(key, i);
        struct row_call call = {
            .key = CS_SLICE(key, 4), .value = CS_SLICE(zeros, 1000), .use_reserve = true};
        err = cs_store_update(f->store, put_row, &call, NULL);
    }
    assert_int_equal(err, CS_ERR_FULL);
    assert_false(cs_store_failed(f->store));
    cs_store_stats(f->store, &stats);
    assert_true(stats.used_bytes > stats.map_bytes * 9 / 10 && stats.used_bytes <= 2 << 20);
    struct row_call first = {.key = CS_SLICE(zeros, 4)};
    assert_int_equal(cs_store_read(f->store, get_row, &first), CS_OK);
    assert_true(first.found);
}

/* Keys that grow are appended: pages are left full, not split in halves. */
static void growing_keys_fill_their_pages(void **state)
{
    struct fixture *f = *state;
    struct cs_store_stats stats;
    for (uint32_t i = 0; i < 10; i++) {
        struct bulk_call call = {.keys = 900, .value_len = 200, .first = i * 900};
        assert_int_equal(cs_store_update(f->store, put_bulk, &call, NULL), CS_OK);
    }
    cs_store_stats(f->store, &stats);
    assert_true(stats.used_bytes < (uint64_t)9000 * 200 * 125 / 100);
}

/* The snapshot that a reader's slot keeps must not hold back the pages that updates give up. */
static void idle_readers_hold_no_pages(void **state)
{
    struct fixture *f = *state;
    struct cs_store_params params = fixture_params(f, true);
    params.map_size = 1 << 20;
    assert_int_equal(cs_store_open(&params, &f->store), CS_OK);
    for (size_t i = 0; i < 1000; i++) {
        struct row_call call = {.key = cs_slice_str("a"), .value = CS_SLICE(zeros, 3000 + i)};
        assert_int_equal(cs_store_update(f->store, put_row, &call, NULL), CS_OK);
        if (i == 10)
            assert_int_equal(cs_store_read(f->store, get_row, &call), CS_OK);
    }
}

#define CROWD 4
#define CROWD_ROUNDS 60

struct crowd {
    struct cs_store *store;
    bool revokes;
    bool ok;
};

static void *press(void *arg)
{
    struct crowd *crowd = arg;
    crowd->ok = true;
    for (unsigned i = 0; i < CROWD_ROUNDS && crowd->ok; i++) {
        struct row_call small = {.key = CS_SLICE("revoked", 7), .use_reserve = true};
        struct bulk_call large = {.keys = 12, .value_len = CS_VALUE_MAX, .first = 1000000};
        enum cs_err err = crowd->revokes ? cs_store_update(crowd->store, put_row, &small, NULL)
                                         : cs_store_update(crowd->store, put_bulk, &large, NULL);
        crowd->ok = err == (crowd->revokes ? CS_OK : CS_ERR_FULL);
    }
    return NULL;
}

/* There is room by the count, and the large updates do not fit in it: their neighbours must not
 * pay for that. */
static void a_batch_that_does_not_fit_spares_updates_on_the_reserve(void **state)
{
    struct fixture *f = *state;
    struct cs_store_params params = fixture_params(f, true);
    struct cs_store_stats stats = {0};
    pthread_t threads[CROWD];
    struct crowd crowd[CROWD];
    struct bulk_call large = {.keys = 12, .value_len = CS_VALUE_MAX, .first = 1000000};
    params.map_size = 4 << 20;
    assert_int_equal(cs_store_open(&params, &f->store), CS_OK);
    for (uint32_t i = 0; stats.used_bytes < (4 << 20) - 700 * 1024; i++) {
        struct bulk_call call = {.keys = 1, .value_len = 1000, .first = i};
        assert_int_equal(cs_store_update(f->store, put_bulk, &call, NULL), CS_OK);
        cs_store_stats(f->store, &stats);
    }
    assert_int_equal(cs_store_update(f->store, put_bulk, &large, NULL), CS_ERR_FULL);
    assert_int_equal(put(f, 0, "the next", "x"), CS_OK);
    for (size_t i = 0; i < CROWD; i++) {
        crowd[i] = (struct crowd){f->store, i % 2 == 0, false};
        assert_int_equal(pthread_create(&threads[i], NULL, press, &crowd[i]), 0);
    }
    for (size_t i = 0; i < CROWD; i++) {
        pthread_join(threads[i], NULL);
        assert_true(crowd[i].ok);
    }
    assert_false(cs_store_failed(f->store));
    assert_int_equal(put(f, 0, "ordinary", "x"), CS_OK);
}

/* A disk that fails. */

static int write_past_a_limit(struct fixture *f)
{
    const struct rlimit limit = {16384, 16384};
    fixture_open(f, false);
    if (put(f, 0, "before", "1") != CS_OK)
        return 1;
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        return 2;
    if (put(f, 0, "during", "1") != CS_ERR_UNAVAILABLE)
        return 3;
    if (!cs_store_failed(f->store) || cs_store_fresh(f->store))
        return 4;
    if (put(f, 0, "after", "1") != CS_ERR_UNAVAILABLE)
        return 5;
    struct row_call call = {.key = cs_slice_str("before")};
    return cs_store_read(f->store, get_row, &call) == CS_ERR_UNAVAILABLE ? 0 : 6;
}

static void a_failed_write_is_final(void **state)
{
    struct fixture *f = *state;
    int status = 0;
    for (uint32_t i = 0; i < 20; i++) {
        struct bulk_call call = {.keys = 10, .value_len = 2000, .first = i * 10};
        assert_int_equal(cs_store_update(f->store, put_bulk, &call, NULL), CS_OK);
    }
    cs_store_close(&f->store);
    pid_t child = fork();
    if (child == 0)
        _exit(write_past_a_limit(f));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    fixture_open(f, false);
    assert_row(f, 0, "before", "1");
    assert_row(f, 0, "during", NULL);
    assert_row(f, 0, "after", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_CASE(opening_what_is_not_there),
        CASE(only_one_has_it_open),
        CASE(one_that_is_about_to_be_let_go_is_waited_for),
        CASE(a_file_that_was_cut_is_never_mapped),
        CASE(a_broken_header_is_refused),
        CASE(a_creation_killed_before_its_header_may_be_done_again),
        CASE(an_unfinished_creation_is_no_store_and_may_be_done_again),
        FOLDER_CASE(a_full_store_still_revokes),
        FOLDER_CASE(the_reserve_runs_out_cleanly),
        CASE(growing_keys_fill_their_pages),
        FOLDER_CASE(idle_readers_hold_no_pages),
        FOLDER_CASE(a_batch_that_does_not_fit_spares_updates_on_the_reserve),
        CASE(a_failed_write_is_final),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
