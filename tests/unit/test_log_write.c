#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/log_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct writer {
    struct cs_log *log;
    int64_t number;
};

#define WRITER_LINES 200

static void *write_lines(void *arg)
{
    const struct writer *writer = arg;
    char value[400] = {0};
    memset(value, (int)('a' + writer->number), sizeof(value) - 1);
    for (int i = 0; i < WRITER_LINES; i++) {
        cs_log_line(writer->log, CS_LOG_INFO, "m",
                    CS_FIELDS(CS_T("v", value), CS_N("writer", writer->number)));
    }
    return NULL;
}

/* Reads a pipe to its end into lines, and counts those that are whole. */
static size_t count_whole_lines(int fd)
{
    FILE *in = fdopen(fd, "r");
    char line[8192];
    size_t whole = 0;
    assert_non_null(in);
    while (fgets(line, sizeof(line), in) != NULL) {
        json_t *parsed = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        const char *value = json_string_value(json_object_get(parsed, "v"));
        int64_t writer = json_integer_value(json_object_get(parsed, "writer"));
        whole += value != NULL && strspn(value, (char[]){(char)('a' + writer), 0}) == 399;
        json_decref(parsed);
    }
    (void)fclose(in);
    return whole;
}

static void *write_all(void *arg)
{
    struct cs_log *log = arg;
    pthread_t threads[4];
    struct writer writers[4];
    for (size_t i = 0; i < COUNT(threads); i++) {
        writers[i] = (struct writer){log, (int64_t)i};
        if (pthread_create(&threads[i], NULL, write_lines, &writers[i]) != 0)
            return "no thread";
    }
    for (size_t i = 0; i < COUNT(threads); i++)
        (void)pthread_join(threads[i], NULL);
    return NULL;
}

struct pipe_writer {
    struct cs_log *log;
    int fd;
};

static void *write_all_and_close(void *arg)
{
    struct pipe_writer *writer = arg;
    void *trouble = write_all(writer->log);
    (void)close(writer->fd);
    return trouble;
}

static void test_lines_of_threads_do_not_mix(void **state)
{
    (void)state;
    int ends[2];
    struct cs_clock clock;
    struct cs_log *log = NULL;
    pthread_t thread;
    void *trouble = NULL;
    cs_clock_init(&clock);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(cs_log_new(ends[1], CS_LOG_INFO, CS_LOG_JSON, &clock, &log), CS_OK);
    struct pipe_writer writer = {log, ends[1]};
    assert_int_equal(pthread_create(&thread, NULL, write_all_and_close, &writer), 0);
    assert_int_equal(count_whole_lines(ends[0]), 4 * WRITER_LINES);
    assert_int_equal(pthread_join(thread, &trouble), 0);
    assert_null(trouble);
    cs_log_free(&log);
}

static void test_lost_lines_are_told_by_the_next(void **state)
{
    (void)state;
    static char drained[1 << 20];
    int ends[2];
    struct cs_clock clock;
    struct cs_log *log = NULL;
    cs_clock_init(&clock);
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    assert_int_equal(cs_log_new(ends[1], CS_LOG_INFO, CS_LOG_LOGFMT, &clock, &log), CS_OK);
    while (write(ends[1], drained, 4096) > 0) { /* until the pipe is full */
    }
    for (int i = 0; i < 3; i++)
        cs_log_line(log, CS_LOG_INFO, "lost", CS_NO_FIELDS);
    while (read(ends[0], drained, sizeof(drained)) > 0) {
    }
    cs_log_line(log, CS_LOG_INFO, "told", CS_NO_FIELDS);
    cs_log_line(log, CS_LOG_INFO, "after", CS_NO_FIELDS);
    ssize_t len = read(ends[0], drained, sizeof(drained) - 1);
    assert_true(len > 0);
    drained[len] = '\0';
    char *second = strchr(drained, '\n') + 1;
    assert_string_equal(after_time(second), " level=info msg=\"after\"\n");
    *second = '\0';
    assert_string_equal(after_time(drained), " level=info msg=\"told\" lost_lines=3\n");
    cs_log_free(&log);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

/* A file that may not grow stands for a full disk: the kernel takes the first part of a line. */
static void test_a_torn_line_does_not_take_the_next_with_it(void **state)
{
    (void)state;
    struct fixture f;
    struct rlimit before;
    char path[] = "/tmp/test_log_XXXXXX";
    open_log(&f, CS_LOG_INFO, CS_LOG_LOGFMT);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(dup2(fd, f.fd), f.fd);
    (void)close(fd);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit small = {20, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    cs_log_line(f.log, CS_LOG_INFO, "torn", CS_NO_FIELDS);
    cs_log_line(f.log, CS_LOG_INFO, "lost", CS_NO_FIELDS);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_DFL);
    cs_log_line(f.log, CS_LOG_INFO, "told", CS_NO_FIELDS);
    read_log(&f);
    assert_int_equal(f.text[20], '\n');
    assert_string_equal(after_time(f.text + 21), " level=info msg=\"told\" lost_lines=2\n");
    close_log(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_of_threads_do_not_mix),
        cmocka_unit_test(test_lost_lines_are_told_by_the_next),
        cmocka_unit_test(test_a_torn_line_does_not_take_the_next_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
