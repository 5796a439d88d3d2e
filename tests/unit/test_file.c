#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LIMIT 50000 /* more than one piece, and no whole number of them */

static char folder[] = "/tmp/countersign-file-XXXXXX";

/* A file of that many bytes, opened for reading at its begin. */
static int file_of(size_t len)
{
    uint8_t *bytes = malloc(len + 1);
    int fd = open(folder, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
    assert_true(bytes != NULL && fd >= 0);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    assert_int_equal(cs_file_write(fd, CS_SLICE(bytes, len)), CS_OK);
    assert_int_equal(lseek(fd, 0, SEEK_END), len);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    free(bytes);
    return fd;
}

static void what_fits_is_read_and_what_does_not_is_told(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        enum cs_err err;
    } cases[] = {
        {0, CS_OK},         {1, CS_OK},     {16384, CS_OK},
        {LIMIT - 1, CS_OK}, {LIMIT, CS_OK}, {LIMIT + 1, CS_ERR_TOO_LARGE},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cs_buf out;
        int fd = file_of(cases[i].len);
        cs_buf_init(&out, LIMIT);
        assert_int_equal(cs_file_read(fd, &out), cases[i].err);
        assert_int_equal(out.len, cases[i].len < LIMIT ? cases[i].len : LIMIT);
        for (size_t at = 0; at < out.len; at++)
            assert_int_equal(out.bytes[at], (uint8_t)(at * 7 + at / 251));
        cs_buf_free(&out);
        close(fd);
    }
}

static void what_was_there_stays_before_what_is_read(void **state)
{
    (void)state;
    char room[4];
    struct cs_buf out;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(cs_file_write(ends[1], cs_slice_str("bcd")), CS_OK);
    close(ends[1]);
    cs_buf_lend(&out, room, sizeof(room));
    cs_buf_put_char(&out, 'a');
    assert_int_equal(cs_file_read(ends[0], &out), CS_OK);
    assert_int_equal(out.len, 4);
    assert_memory_equal(room, "abcd", 4);
    close(ends[0]);
}

static void errno_says_why(void **state)
{
    (void)state;
    static const uint8_t much[1 << 20];
    struct cs_buf out;
    int ends[2];
    int here = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cs_buf_init(&out, LIMIT);
    errno = 0;
    assert_int_equal(cs_file_read(here, &out), CS_ERR_IO);
    assert_int_equal(errno, EISDIR);
    assert_int_equal(out.len, 0);
    cs_buf_free(&out);
    close(here);

    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_int_equal(cs_file_write(full, cs_slice_str("x")), CS_ERR_IO);
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(cs_file_write(full, CS_SLICE(NULL, 0)), CS_OK);
    close(full);

    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(cs_file_write(ends[1], CS_SLICE(much, sizeof(much))), CS_ERR_IO);
    assert_int_equal(errno, EAGAIN); /* after a part of it */
    close(ends[0]);
    close(ends[1]);
}

static void assert_same_folder(int fd, const char *path)
{
    struct stat one, other;
    assert_int_equal(fstat(fd, &one), 0);
    assert_int_equal(stat(path, &other), 0);
    assert_true(one.st_dev == other.st_dev && one.st_ino == other.st_ino);
}

static void a_path_has_a_folder_and_a_name(void **state)
{
    (void)state;
    static const struct {
        const char *path, *folder, *name;
    } cases[] = {
        {"alone", ".", "alone"},         {"./near", ".", "near"}, {"/root", "/", "root"},
        {"/proc/self", "/proc", "self"}, {"/tmp/", "/tmp", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *name = NULL;
        int fd = -1;
        assert_int_equal(cs_file_open_folder(cases[i].path, &fd, &name), CS_OK);
        assert_string_equal(name, cases[i].name);
        assert_same_folder(fd, cases[i].folder);
        close(fd);
    }
}

static void a_folder_that_cannot_be_had_is_told(void **state)
{
    (void)state;
    char path[PATH_MAX + 2];
    const char *name = NULL;
    int fd = 0;
    memset(path, '/', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(cs_file_open_folder(path, &fd, &name), CS_ERR_IO);
    assert_int_equal(errno, ENAMETOOLONG);
    assert_int_equal(fd, -1);
    path[PATH_MAX - 1] = '\0'; /* the longest */
    assert_int_equal(cs_file_open_folder(path, &fd, &name), CS_OK);
    close(fd);
    assert_int_equal(cs_file_open_folder("/no such folder/x", &fd, &name), CS_ERR_IO);
    assert_int_equal(errno, ENOENT);
}

static void a_new_file_is_synced_with_its_folder(void **state)
{
    (void)state;
    char path[sizeof(folder) + 4];
    int ends[2];
    snprintf(path, sizeof(path), "%s/new", folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(cs_file_sync_new(fd, path), CS_OK);
    assert_int_equal(cs_file_sync_new(fd, "/no such folder/new"), CS_ERR_IO);
    assert_int_equal(errno, ENOENT);
    close(fd);
    unlink(path);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(cs_file_sync_new(ends[1], path), CS_ERR_IO); /* a pipe is nowhere */
    assert_int_equal(errno, EINVAL);
    close(ends[0]);
    close(ends[1]);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_is_read_and_what_does_not_is_told),
        cmocka_unit_test(what_was_there_stays_before_what_is_read),
        cmocka_unit_test(errno_says_why),
        cmocka_unit_test(a_path_has_a_folder_and_a_name),
        cmocka_unit_test(a_folder_that_cannot_be_had_is_told),
        cmocka_unit_test(a_new_file_is_synced_with_its_folder),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
