#include "vault/store/store.h"

#include "tests/unit/store_fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

/* A stream in memory. */
struct stream {
    uint8_t *bytes;
    size_t len, size;
    size_t at;
    size_t most;      /* bytes that one read gives */
    size_t fail_at;   /* a sink or a source fails here; 0: never */
    enum cs_err fail; /* and how */
};

static enum cs_err sink(void *arg, struct cs_slice bytes)
{
    struct stream *stream = arg;
    if (stream->fail_at > 0 && stream->len + bytes.len > stream->fail_at)
        return stream->fail;
    if (stream->len + bytes.len > stream->size) {
        stream->size = (stream->len + bytes.len) * 2;
        stream->bytes = realloc(stream->bytes, stream->size);
        assert_non_null(stream->bytes);
    }
    memcpy(stream->bytes + stream->len, bytes.bytes, bytes.len);
    stream->len += bytes.len;
    return CS_OK;
}

static enum cs_err source(void *arg, uint8_t *out, size_t len, size_t *got)
{
    struct stream *stream = arg;
    *got = 0;
    if (stream->fail_at > 0 && stream->at >= stream->fail_at)
        return stream->fail;
    size_t left = stream->len - stream->at;
    size_t give = len < left ? len : left;
    if (stream->most > 0 && give > stream->most)
        give = stream->most;
    if (give > 0)
        memcpy(out, stream->bytes + stream->at, give);
    stream->at += give;
    *got = give;
    return CS_OK;
}

static enum cs_err load_new(struct fixture *other, struct stream *stream)
{
    fixture_folder(other);
    fixture_open(other, true);
    stream->at = 0;
    return cs_store_load(other->store, source, stream);
}

/* A load that fails leaves something that is not taken for a store, or an empty one. */
static enum cs_err load_and_drop(struct stream *stream, enum cs_err *reopened)
{
    struct fixture other;
    enum cs_err err = load_new(&other, stream);
    cs_store_close(&other.store);
    struct cs_store_params params = fixture_params(&other, false);
    *reopened = cs_store_open(&params, &other.store);
    fixture_remove(&other);
    return err;
}

static void assert_same(struct fixture *a, struct fixture *b)
{
    struct stream first = {0};
    struct stream second = {0};
    assert_int_equal(cs_store_dump(a->store, sink, &first), CS_OK);
    assert_int_equal(cs_store_dump(b->store, sink, &second), CS_OK);
    assert_int_equal(first.len, second.len);
    /* The sequence numbers differ, and the sum with them. */
    assert_memory_equal(first.bytes + 20, second.bytes + 20, first.len - 20 - 32);
    free(first.bytes);
    free(second.bytes);
}

static void fill_mixed(struct fixture *f)
{
    struct bulk_call large = {.keys = 14, .value_len = CS_VALUE_MAX};
    for (uint32_t i = 0; i < 4; i++) {
        struct bulk_call small = {.keys = 900, .value_len = i * 40, .first = 100 + i * 900};
        assert_int_equal(cs_store_update(f->store, put_bulk, &small, NULL), CS_OK);
    }
    assert_int_equal(cs_store_update(f->store, put_bulk, &large, NULL), CS_OK);
    assert_int_equal(put(f, 0, "first table", "a"), CS_OK);
    assert_int_equal(put(f, 3, "last table", "b"), CS_OK);
    assert_int_equal(put_bytes(f, CS_KEY_MAX, CS_VALUE_MAX), CS_OK);
}

static void a_dump_loads_into_the_same_store(void **state)
{
    struct fixture *f = *state;
    struct fixture other;
    struct stream stream = {0};
    struct cs_store_stats before;
    struct cs_store_stats after;
    fill_mixed(f);
    assert_int_equal(cs_store_dump(f->store, sink, &stream), CS_OK);
    stream.most = 1009;
    assert_int_equal(load_new(&other, &stream), CS_OK);
    assert_same(f, &other);
    cs_store_stats(f->store, &before);
    cs_store_stats(other.store, &after);
    assert_true(after.seq >= before.seq);
    fixture_reopen(&other);
    assert_same(f, &other);
    assert_row(&other, 3, "last table", "b");
    stream.at = 0;
    assert_int_equal(cs_store_load(other.store, source, &stream), CS_ERR_EXISTS);
    fixture_reopen(&other);
    assert_same(f, &other);
    fixture_remove(&other);
    free(stream.bytes);
}

static void an_empty_store_dumps_and_loads(void **state)
{
    struct fixture *f = *state;
    struct fixture other;
    struct stream stream = {0};
    assert_int_equal(cs_store_dump(f->store, sink, &stream), CS_OK);
    assert_int_equal(stream.len, 20 + 9 + 32);
    assert_int_equal(load_new(&other, &stream), CS_OK);
    assert_same(f, &other);
    fixture_remove(&other);
    free(stream.bytes);
}

/* The sequence number of the loaded store goes on from the dumped one's. */
static void a_load_never_turns_the_sequence_number_back(void **state)
{
    struct fixture *f = *state;
    struct fixture other;
    struct stream stream = {0};
    struct cs_store_stats stats;
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(put(f, 0, "a", "b"), CS_OK);
    assert_int_equal(cs_store_dump(f->store, sink, &stream), CS_OK);
    assert_int_equal(load_new(&other, &stream), CS_OK);
    fixture_reopen(&other);
    cs_store_stats(other.store, &stats);
    assert_int_equal(stats.seq, 50);
    assert_int_equal(put(&other, 0, "a", "c"), CS_OK);
    cs_store_stats(other.store, &stats);
    assert_int_equal(stats.seq, 51);
    fixture_remove(&other);
    free(stream.bytes);
}

static void every_flipped_byte_is_found(void **state)
{
    struct fixture *f = *state;
    struct stream stream = {0};
    enum cs_err reopened = CS_OK;
    assert_int_equal(put(f, 0, "key", "value"), CS_OK);
    assert_int_equal(put(f, 2, "key", "value"), CS_OK);
    assert_int_equal(cs_store_dump(f->store, sink, &stream), CS_OK);
    for (size_t i = 0; i < stream.len; i++) {
        stream.bytes[i] ^= 0x41;
        enum cs_err err = load_and_drop(&stream, &reopened);
        assert_true(err == CS_ERR_CORRUPT || (err == CS_ERR_UNSUPPORTED && i >= 8 && i < 12));
        assert_true(reopened == CS_ERR_CORRUPT || (reopened == CS_OK && i < 12));
        stream.bytes[i] ^= 0x41;
    }
    free(stream.bytes);
}

static void every_cut_is_found(void **state)
{
    struct fixture *f = *state;
    struct stream stream = {0};
    enum cs_err reopened = CS_OK;
    assert_int_equal(put(f, 0, "key", "value"), CS_OK);
    assert_int_equal(cs_store_dump(f->store, sink, &stream), CS_OK);
    size_t whole = stream.len;
    for (stream.len = 0; stream.len < whole; stream.len++) {
        assert_int_equal(load_and_drop(&stream, &reopened), CS_ERR_CORRUPT);
        assert_int_equal(reopened, stream.len < 20 ? CS_OK : CS_ERR_CORRUPT);
    }
    assert_int_equal(sink(&stream, CS_SLICE("x", 1)), CS_OK);
    assert_int_equal(load_and_drop(&stream, &reopened), CS_ERR_CORRUPT);
    assert_int_equal(reopened, CS_ERR_CORRUPT);
    free(stream.bytes);
}

/* A dump put together by hand, with a sum that is right, so that only its rows can be at fault. */
struct hand_row {
    uint8_t table;
    const char *key;
};

static void append_row(struct stream *stream, uint8_t table, const char *key)
{
    uint8_t head[8] = {1, table};
    cs_put_be16(head + 2, (uint16_t)strlen(key));
    cs_put_be32(head + 4, 1);
    assert_int_equal(sink(stream, CS_SLICE(head, sizeof head)), CS_OK);
    assert_int_equal(sink(stream, cs_slice_str(key)), CS_OK);
    assert_int_equal(sink(stream, CS_SLICE("v", 1)), CS_OK);
}

static void rows_out_of_order_are_refused(void **state)
{
    static const struct {
        struct hand_row rows[2];
    } cases[] = {
        {{{0, "b"}, {0, "a"}}},  {{{0, "a"}, {0, "a"}}}, {{{1, "a"}, {0, "b"}}},
        {{{0, "ab"}, {0, "a"}}}, {{{0, "a"}, {4, "b"}}}, {{{0, "a"}, {1, ""}}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stream stream = {0};
        uint8_t header[20] = "CSDUMP1\n";
        enum cs_err reopened = CS_OK;
        cs_put_be32(header + 8, FIXTURE_TABLES);
        assert_int_equal(sink(&stream, CS_SLICE(header, sizeof header)), CS_OK);
        for (size_t j = 0; j < 2; j++)
            append_row(&stream, cases[i].rows[j].table, cases[i].rows[j].key);
        /* Refused at the row already, before its missing end could be. */
        stream.fail_at = stream.len;
        stream.fail = CS_ERR_IO;
        assert_int_equal(load_and_drop(&stream, &reopened), CS_ERR_CORRUPT);
        assert_int_equal(reopened, CS_ERR_CORRUPT);
        free(stream.bytes);
    }
}

static void failures_of_sink_and_source_are_told(void **state)
{
    struct fixture *f = *state;
    enum cs_err reopened = CS_OK;
    fill_mixed(f);
    struct stream stream = {0};
    assert_int_equal(cs_store_dump(f->store, sink, &stream), CS_OK);
    struct stream full = {.fail_at = stream.len / 2, .fail = CS_ERR_FULL};
    assert_int_equal(cs_store_dump(f->store, sink, &full), CS_ERR_FULL);
    free(full.bytes);
    stream.fail_at = stream.len / 2;
    stream.fail = CS_ERR_LIMITED;
    assert_int_equal(load_and_drop(&stream, &reopened), CS_ERR_LIMITED);
    assert_int_equal(reopened, CS_ERR_CORRUPT);
    free(stream.bytes);
}

static void more_tables_than_there_are(void **state)
{
    struct fixture *f = *state;
    struct fixture other;
    struct stream stream = {0};
    struct cs_store_params params;
    assert_int_equal(put(f, 3, "key", "value"), CS_OK);
    assert_int_equal(cs_store_dump(f->store, sink, &stream), CS_OK);
    fixture_folder(&other);
    params = fixture_params(&other, true);
    params.table_count = FIXTURE_TABLES - 1;
    assert_int_equal(cs_store_open(&params, &other.store), CS_OK);
    assert_int_equal(cs_store_load(other.store, source, &stream), CS_ERR_UNSUPPORTED);
    assert_int_equal(put(&other, 0, "a", "b"), CS_OK);
    fixture_remove(&other);
    free(stream.bytes);
}

/* Backups. */

static void open_backup(struct fixture *other, const char *backup)
{
    char name[96];
    fixture_folder(other);
    snprintf(name, sizeof name, "%s/data.mdb", other->path);
    assert_int_equal(rename(backup, name), 0);
    fixture_open(other, false);
}

static bool file_holds(const char *path, const char *text)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    uint8_t *bytes = malloc((size_t)st.st_size);
    assert_non_null(bytes);
    assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
    close(fd);
    bool found = memmem(bytes, (size_t)st.st_size, text, strlen(text)) != NULL;
    free(bytes);
    return found;
}

static void a_backup_is_a_store_without_what_was_deleted(void **state)
{
    struct fixture *f = *state;
    struct fixture other;
    struct stat st;
    char backup[96];
    fill_mixed(f);
    assert_int_equal(put(f, 0, "k", "what is there no longer"), CS_OK);
    assert_int_equal(put(f, 0, "k", "what is there"), CS_OK);
    assert_int_equal(put(f, 0, "l", "x"), CS_OK);
    snprintf(backup, sizeof backup, "%s/backup", f->path);
    assert_int_equal(cs_store_backup(f->store, backup), CS_OK);
    assert_int_equal(stat(backup, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(cs_store_backup(f->store, backup), CS_ERR_EXISTS);
    assert_int_equal(cs_store_backup(f->store, "/tmp/no such folder/backup"), CS_ERR_IO);
    assert_true(file_holds(backup, "what is there"));
    assert_false(file_holds(backup, "what is there no longer"));
    open_backup(&other, backup);
    assert_same(f, &other);
    assert_int_equal(put(&other, 0, "l", "y"), CS_OK);
    fixture_remove(&other);
}

struct beside {
    struct cs_store *store;
    unsigned failed;
};

static void *write_beside(void *arg)
{
    struct beside *beside = arg;
    for (uint32_t i = 0; i < 200; i++) {
        struct bulk_call call = {.keys = 50, .value_len = 100, .first = i * 50};
        beside->failed += cs_store_update(beside->store, put_bulk, &call, NULL) != CS_OK;
    }
    return NULL;
}

/* Each update puts fifty rows: a copy that holds part of one is not consistent. */
static void a_backup_beside_writers_is_consistent(void **state)
{
    struct fixture *f = *state;
    struct beside beside = {.store = f->store};
    pthread_t thread;
    char backup[96];
    snprintf(backup, sizeof backup, "%s/backup", f->path);
    assert_int_equal(pthread_create(&thread, NULL, write_beside, &beside), 0);
    for (unsigned i = 0; i < 5; i++) {
        struct fixture other;
        size_t rows = 0;
        assert_int_equal(cs_store_backup(f->store, backup), CS_OK);
        open_backup(&other, backup);
        assert_int_equal(cs_store_read(other.store, count_rows, &rows), CS_OK);
        assert_int_equal(rows % 50, 0);
        fixture_remove(&other);
    }
    pthread_join(thread, NULL);
    assert_int_equal(beside.failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_dump_loads_into_the_same_store),
        CASE(an_empty_store_dumps_and_loads),
        CASE(a_load_never_turns_the_sequence_number_back),
        CASE(every_flipped_byte_is_found),
        CASE(every_cut_is_found),
        CASE(rows_out_of_order_are_refused),
        CASE(failures_of_sink_and_source_are_told),
        CASE(more_tables_than_there_are),
        CASE(a_backup_is_a_store_without_what_was_deleted),
        CASE(a_backup_beside_writers_is_consistent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
