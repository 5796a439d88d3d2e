/*
 * Kills a process that writes to a store, again and again, and looks at what is left.
 *
 *     crash_store ROUNDS [SEED]
 *
 * In each round a child opens the store and runs updates on several threads, each told to its
 * parent over a pipe when it has been acknowledged. The parent kills it with SIGKILL after a random
 * number of those and a random while, opens the store itself, and demands that what was
 * acknowledged is there, that no update is there by half, and that none that failed left a trace.
 * Some rounds kill a creation instead. Exit status 0 when all rounds are well.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "vault/store/store.h"

#define THREADS 12
#define KEPT 200 /* rows of each thread; older ones are deleted, so that pages are used again */
#define ACKS_MOST 400
#define SPIN_MOST_NS 3000000
#define CREATE_SPIN_MOST_NS 4000000
#define CREATE_EVERY 8
#define MAP_SIZE ((size_t)1 << 30)

enum table { ROWS, LATEST, INDEX, TOTAL, TRACES, TABLES };

struct ack {
    uint32_t thread;
    uint64_t number;
    uint64_t seq;
};

static uint64_t next_random(uint64_t *state)
{
    *state += 0x9E3779B97F4A7C15u;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static enum cs_err open_store(const char *path, bool create, const struct cs_clock *clock,
                              struct cs_store **out)
{
    const struct cs_store_params params = {.path = path,
                                           .map_size = MAP_SIZE,
                                           .table_count = TABLES,
                                           .create = create,
                                           .clock = clock};
    return cs_store_open(&params, out);
}

/* One update: a row at its table's end, its index entry at a random place, the thread's latest
 * number, and the total over all threads. */

struct row_write {
    uint32_t thread;
    uint64_t number; /* out: the row's */
    bool fails;
};

#define ROW_KEY_LEN 12
static struct cs_slice row_key(uint32_t thread, uint64_t number, uint8_t *out)
{
    cs_put_be32(out, thread);
    cs_put_be64(out + 4, number);
    return CS_SLICE(out, ROW_KEY_LEN);
}

static struct cs_slice index_key(uint32_t thread, uint64_t number, uint8_t *out)
{
    uint64_t state = (uint64_t)thread << 48 | number;
    cs_put_be64(out, next_random(&state));
    return CS_SLICE(out, 8);
}

#define VALUE_MOST 3000
static struct cs_slice row_value(uint32_t thread, uint64_t number, uint8_t *out)
{
    uint64_t state = (uint64_t)thread << 32 | number;
    size_t len = number % 64 == 0 ? VALUE_MOST : 16 + (size_t)(next_random(&state) % 200);
    memset(out, (int)(next_random(&state) & 0xff), len);
    return CS_SLICE(out, len);
}

static enum cs_err get_number(struct cs_tx *tx, unsigned table, struct cs_slice key, uint64_t *out)
{
    struct cs_slice value;
    *out = 0;
    enum cs_err err = cs_tx_get(tx, table, key, &value);
    if (err == CS_ERR_NOT_FOUND)
        return CS_OK;
    if (err == CS_OK)
        *out = cs_get_be64(value.bytes);
    return err;
}

static enum cs_err raise_number(struct cs_tx *tx, unsigned table, struct cs_slice key,
                                uint64_t *out)
{
    uint8_t bytes[8];
    enum cs_err err = get_number(tx, table, key, out);
    if (err != CS_OK)
        return err;
    cs_put_be64(bytes, ++*out);
    return cs_tx_put(tx, table, key, CS_SLICE(bytes, sizeof bytes));
}

static enum cs_err drop_oldest(struct cs_tx *tx, uint32_t thread, uint64_t number)
{
    uint8_t key[ROW_KEY_LEN];
    if (number <= KEPT)
        return CS_OK;
    enum cs_err err = cs_tx_delete(tx, ROWS, row_key(thread, number - KEPT, key));
    if (err == CS_OK)
        err = cs_tx_delete(tx, INDEX, index_key(thread, number - KEPT, key));
    return err;
}

static enum cs_err add_row(struct cs_tx *tx, void *arg)
{
    struct row_write *job = arg;
    uint8_t key[ROW_KEY_LEN];
    uint8_t value[VALUE_MOST];
    uint8_t name[4];
    uint64_t total = 0;
    cs_put_be32(name, job->thread);
    enum cs_err err = raise_number(tx, LATEST, CS_SLICE(name, sizeof name), &job->number);
    if (err == CS_OK)
        err = raise_number(tx, TOTAL, cs_slice_str("total"), &total);
    if (err == CS_OK)
        err = cs_tx_put(tx, ROWS, row_key(job->thread, job->number, key),
                        row_value(job->thread, job->number, value));
    if (err == CS_OK)
        err = cs_tx_put(tx, INDEX, index_key(job->thread, job->number, key),
                        CS_SLICE(name, sizeof name));
    if (err == CS_OK)
        err = drop_oldest(tx, job->thread, job->number);
    if (err == CS_OK && job->fails)
        err = cs_tx_put(tx, TRACES, row_key(job->thread, job->number, key),
                        CS_SLICE(name, sizeof name));
    return err == CS_OK && job->fails ? CS_ERR_REFUSED : err;
}

/* The child. */

struct child {
    struct cs_store *store;
    int acks;
    uint32_t thread;
};

static void *write_for_ever(void *arg)
{
    const struct child *child = arg;
    for (uint64_t i = 0;; i++) {
        struct row_write job = {.thread = child->thread, .fails = i % 5 == 4};
        struct ack ack = {.thread = child->thread};
        enum cs_err err = cs_store_update(child->store, add_row, &job, &ack.seq);
        if (err != (job.fails ? CS_ERR_REFUSED : CS_OK))
            _exit(3);
        ack.number = job.number;
        /* Shorter than PIPE_BUF: whole or not at all. */
        if (!job.fails && write(child->acks, &ack, sizeof ack) != sizeof ack)
            _exit(4);
    }
    return NULL;
}

static void run_child(const char *path, int acks)
{
    struct cs_clock clock;
    struct cs_store *store = NULL;
    struct child children[THREADS];
    pthread_t thread;
    cs_clock_init(&clock);
    if (open_store(path, false, &clock, &store) != CS_OK)
        _exit(1);
    for (uint32_t i = 0; i < THREADS; i++) {
        children[i] = (struct child){store, acks, i};
        if (pthread_create(&thread, NULL, write_for_ever, &children[i]) != 0)
            _exit(2);
    }
    for (;;)
        pause();
}

/* What the parent knows, and what it finds. */

struct check {
    uint64_t acknowledged[THREADS];
    uint64_t seq;
    uint64_t acks; /* in all */
    const char *complaint;
};

static enum cs_err complain(struct check *check, const char *what)
{
    check->complaint = what;
    return CS_ERR_CORRUPT;
}

static enum cs_err check_row(struct cs_tx *tx, struct check *check, uint32_t thread,
                             uint64_t number)
{
    uint8_t key[ROW_KEY_LEN];
    uint8_t expected[VALUE_MOST];
    uint8_t name[4];
    struct cs_slice value;
    cs_put_be32(name, thread);
    if (cs_tx_get(tx, ROWS, row_key(thread, number, key), &value) != CS_OK ||
        !cs_slice_equal(value, row_value(thread, number, expected)))
        return complain(check, "a row is lost or wrong");
    if (cs_tx_get(tx, INDEX, index_key(thread, number, key), &value) != CS_OK ||
        !cs_slice_equal(value, CS_SLICE(name, sizeof name)))
        return complain(check, "an index entry is lost or wrong");
    return CS_OK;
}

static enum cs_err check_thread(struct cs_tx *tx, struct check *check, uint32_t thread,
                                uint64_t *latest)
{
    uint8_t name[4];
    cs_put_be32(name, thread);
    enum cs_err err = get_number(tx, LATEST, CS_SLICE(name, sizeof name), latest);
    if (err != CS_OK)
        return complain(check, "the latest number cannot be read");
    if (*latest < check->acknowledged[thread])
        return complain(check, "an acknowledged update is lost");
    uint64_t first = *latest > KEPT ? *latest - KEPT + 1 : 1;
    for (uint64_t number = first; err == CS_OK && number <= *latest; number++)
        err = check_row(tx, check, thread, number);
    return err;
}

static enum cs_err count_row(struct cs_tx *tx, struct cs_slice key, struct cs_slice value,
                             void *arg, bool *stop)
{
    (void)tx;
    (void)key;
    (void)value;
    (void)stop;
    ++*(uint64_t *)arg;
    return CS_OK;
}

static enum cs_err count_rows(struct cs_tx *tx, unsigned table, uint64_t *count)
{
    const struct cs_range whole = {.order = CS_ASCENDING};
    *count = 0;
    return cs_tx_range(tx, table, &whole, count_row, count);
}

static enum cs_err check_store(struct cs_tx *tx, void *arg)
{
    struct check *check = arg;
    uint64_t sum = 0;
    uint64_t kept = 0;
    uint64_t total = 0;
    uint64_t counts[TABLES] = {0};
    for (uint32_t i = 0; i < THREADS; i++) {
        uint64_t latest = 0;
        enum cs_err err = check_thread(tx, check, i, &latest);
        if (err != CS_OK)
            return err;
        sum += latest;
        kept += latest < KEPT ? latest : KEPT;
    }
    if (get_number(tx, TOTAL, cs_slice_str("total"), &total) != CS_OK || total != sum)
        return complain(check, "the total is not the sum: an update is there by half");
    for (unsigned table = 0; table < TABLES; table++) {
        if (count_rows(tx, table, &counts[table]) != CS_OK)
            return complain(check, "a table cannot be walked");
    }
    if (counts[ROWS] != kept || counts[INDEX] != kept)
        return complain(check, "there are rows that should not be");
    return counts[TRACES] == 0 ? CS_OK : complain(check, "a failed update left a trace");
}

static void spin(uint64_t ns)
{
    struct timespec begin;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do {
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((uint64_t)((now.tv_sec - begin.tv_sec) * 1000000000 + now.tv_nsec - begin.tv_nsec) <
             ns);
}

static void take_acks(int fd, uint64_t most, struct check *check)
{
    struct ack ack;
    for (uint64_t i = 0; i < most && read(fd, &ack, sizeof ack) == sizeof ack; i++) {
        if (check->acknowledged[ack.thread] < ack.number)
            check->acknowledged[ack.thread] = ack.number;
        if (check->seq < ack.seq)
            check->seq = ack.seq;
        check->acks++;
    }
}

/* True when the child was there to be killed. */
static bool kill_child(pid_t child)
{
    int status = 0;
    kill(child, SIGKILL);
    if (waitpid(child, &status, 0) != child)
        return false;
    if (!WIFSIGNALED(status))
        fprintf(stderr, "the child ended by itself: %d\n", WEXITSTATUS(status));
    return WIFSIGNALED(status);
}

static bool look(const char *path, bool create, struct check *check)
{
    struct cs_clock clock;
    struct cs_store *store = NULL;
    struct cs_store_stats stats;
    cs_clock_init(&clock);
    enum cs_err err = open_store(path, create, &clock, &store);
    if (err == CS_ERR_EXISTS && create)
        err = open_store(path, false, &clock, &store);
    if (err != CS_OK) {
        fprintf(stderr, "the store does not open: %s\n", cs_err_name(err));
        return false;
    }
    err = cs_store_read(store, check_store, check);
    cs_store_stats(store, &stats);
    if (err == CS_OK && stats.seq < check->seq)
        err = complain(check, "the sequence number went back");
    cs_store_close(&store);
    if (err != CS_OK)
        fprintf(stderr, "%s\n", check->complaint);
    return err == CS_OK;
}

static bool write_round(const char *path, uint64_t *random, struct check *check)
{
    int ends[2];
    if (pipe(ends) != 0)
        return false;
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        run_child(path, ends[1]);
    }
    close(ends[1]);
    take_acks(ends[0], next_random(random) % ACKS_MOST, check);
    spin(next_random(random) % SPIN_MOST_NS);
    bool killed = child > 0 && kill_child(child);
    take_acks(ends[0], UINT64_MAX, check);
    close(ends[0]);
    return killed && look(path, false, check);
}

static void create_child(const char *path)
{
    struct cs_clock clock;
    struct cs_store *store = NULL;
    cs_clock_init(&clock);
    if (open_store(path, true, &clock, &store) != CS_OK)
        _exit(1);
    for (;;)
        pause();
}

static void remove_folder(const char *path)
{
    struct dirent *entry = NULL;
    DIR *folder = opendir(path);
    if (folder == NULL)
        return;
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] != '.' && unlinkat(dirfd(folder), entry->d_name, 0) != 0)
            perror(entry->d_name);
    }
    closedir(folder);
    if (rmdir(path) != 0)
        perror(path);
}

static bool create_round(uint64_t *random)
{
    char path[] = "/tmp/cs-crash-XXXXXX";
    struct check check = {0};
    if (mkdtemp(path) == NULL)
        return false;
    pid_t child = fork();
    if (child == 0)
        create_child(path);
    spin(next_random(random) % CREATE_SPIN_MOST_NS);
    bool well = child > 0 && kill_child(child) && look(path, true, &check);
    remove_folder(path);
    return well;
}

static bool run_rounds(const char *path, unsigned long rounds, uint64_t random)
{
    struct check check = {0};
    if (!look(path, true, &check))
        return false;
    for (unsigned long i = 1; i <= rounds; i++) {
        bool creates = i % CREATE_EVERY == 0;
        if (!(creates ? create_round(&random) : write_round(path, &random, &check))) {
            fprintf(stderr, "not ok - round %lu\n", i);
            return false;
        }
    }
    printf("ok - %lu kills, %" PRIu64 " updates acknowledged and found\n", rounds, check.acks);
    return true;
}

int main(int argc, char **argv)
{
    char path[] = "/tmp/cs-crash-XXXXXX";
    unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL);
    if (rounds == 0) {
        fprintf(stderr, "usage: crash_store ROUNDS [SEED]\n");
        return 2;
    }
    if (mkdtemp(path) == NULL) {
        perror(path);
        return 1;
    }
    printf("seed %" PRIu64 "\n", seed);
    fflush(stdout);
    bool well = run_rounds(path, rounds, seed);
    if (well)
        remove_folder(path);
    else
        fprintf(stderr, "left for a look: %s\n", path);
    return well ? 0 : 1;
}
