/* A log into a file in memory, for the tests of the log. Included after cmocka.h. */
#ifndef CS_TESTS_LOG_FIXTURE_H
#define CS_TESTS_LOG_FIXTURE_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

/* "2026-01-02T03:04:05.678Z" */
#define TIME_LEN (CS_TIME_TEXT_SIZE - 1)

/* The log and all that it wrote so far. */
struct fixture {
    int fd;
    struct cs_clock clock;
    struct cs_log *log;
    char *text;
    size_t len;
};

static inline void open_log(struct fixture *f, enum cs_log_level level, enum cs_log_format format)
{
    memset(f, 0, sizeof(*f));
    f->fd = memfd_create("log", 0);
    assert_true(f->fd >= 0);
    cs_clock_init(&f->clock);
    assert_int_equal(cs_log_new(f->fd, level, format, &f->clock, &f->log), CS_OK);
}

static inline void read_log(struct fixture *f)
{
    struct stat info;
    assert_int_equal(fstat(f->fd, &info), 0);
    free(f->text);
    f->len = (size_t)info.st_size;
    f->text = calloc(1, f->len + 1);
    assert_non_null(f->text);
    assert_int_equal(pread(f->fd, f->text, f->len, 0), info.st_size);
}

static inline void forget_log(struct fixture *f)
{
    assert_int_equal(ftruncate(f->fd, 0), 0);
    assert_int_equal(lseek(f->fd, 0, SEEK_SET), 0);
}

static inline void close_log(struct fixture *f)
{
    cs_log_free(&f->log);
    assert_null(f->log);
    cs_log_free(&f->log);
    (void)close(f->fd);
    free(f->text);
}

/* What follows the time in a line of logfmt; the time itself is looked at. */
static inline const char *after_time(const char *line)
{
    int64_t ms = 0;
    char time[CS_TIME_TEXT_SIZE] = {0};
    assert_memory_equal(line, "time=", 5);
    memcpy(time, line + 5, TIME_LEN);
    assert_int_equal(cs_time_parse(time, &ms), CS_OK);
    return line + 5 + TIME_LEN;
}

#endif
