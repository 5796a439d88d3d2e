#include "vault/store/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/*
 * The two header pages of an LMDB file (data version 1, 64 bits, native byte order): after a page
 * header of 16 bytes whose flags lie at 10, magic and version, then the root records of the free
 * list and of the table of tables (48 bytes each, their root page last), the last page and the
 * transaction that wrote it all.
 */
#define HEADER_LEN 152
#define AT_PAGE_FLAGS 10
#define AT_MAGIC 16
#define AT_VERSION 20
#define AT_PAGE_SIZE 40
#define AT_FREE_ROOT 80
#define AT_MAIN_ROOT 128
#define AT_LAST_PAGE 136
#define AT_TRANSACTION 144
#define HEADER_PAGE_FLAG 0x08
#define MAGIC 0xBEEFC0DEu
#define VERSION 1u
#define NO_ROOT UINT64_MAX
#define PAGE_SIZE_LEAST 512u
#define PAGE_SIZE_MOST 65536u

#define GROW_STEP ((uint64_t)16 * 1024 * 1024)
#define LOCK_TRIES 100
#define LOCK_PAUSE_NS (10 * 1000 * 1000)

struct header {
    uint32_t page_size;
    uint64_t last_page;
    uint64_t transaction;
};

/*
 * A process that is killed while it starts another (the command that tells the root key) leaves its
 * open files to that one until it is what it was started for. So a lock that is held is tried again
 * for a second: whoever restarts what was killed is not turned away.
 */
static enum cs_err lock_file(int fd)
{
    const struct timespec pause = {0, LOCK_PAUSE_NS};
    for (int tries = 1; flock(fd, LOCK_EX | LOCK_NB) != 0; tries++) {
        if (errno != EWOULDBLOCK)
            return CS_ERR_IO;
        if (tries == LOCK_TRIES)
            return CS_ERR_CONFLICT;
        nanosleep(&pause, NULL);
    }
    return CS_OK;
}

enum cs_err cs_store_file_lock(const char *path, int *lock_fd)
{
    struct stat st;
    *lock_fd = -1;
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return errno == ENOENT || errno == ENOTDIR ? CS_ERR_NOT_FOUND : CS_ERR_IO;
    if (fstat(folder, &st) != 0 || (st.st_mode & 077) != 0) {
        close(folder);
        return CS_ERR_INVALID;
    }
    int fd = openat(folder, CS_STORE_LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    close(folder);
    if (fd < 0)
        return CS_ERR_IO;
    enum cs_err err = lock_file(fd);
    if (err != CS_OK)
        close(fd);
    else
        *lock_fd = fd;
    return err;
}

static uint32_t get_u32(const uint8_t *page, size_t at)
{
    uint32_t value;
    memcpy(&value, page + at, sizeof value);
    return value;
}

static uint64_t get_u64(const uint8_t *page, size_t at)
{
    uint64_t value;
    memcpy(&value, page + at, sizeof value);
    return value;
}

static bool is_root(uint64_t root, uint64_t last_page)
{
    return root == NO_ROOT || (root > 1 && root <= last_page);
}

static enum cs_err read_header(int fd, uint64_t offset, struct header *out)
{
    uint8_t page[HEADER_LEN];
    ssize_t got = pread(fd, page, sizeof page, (off_t)offset);
    if (got < 0)
        return CS_ERR_IO;
    if ((size_t)got < sizeof page)
        return CS_ERR_CORRUPT;
    out->page_size = get_u32(page, AT_PAGE_SIZE);
    out->last_page = get_u64(page, AT_LAST_PAGE);
    out->transaction = get_u64(page, AT_TRANSACTION);
    bool is_power = (out->page_size & (out->page_size - 1)) == 0;
    bool sound = (page[AT_PAGE_FLAGS] & HEADER_PAGE_FLAG) != 0 &&
                 get_u32(page, AT_MAGIC) == MAGIC && get_u32(page, AT_VERSION) == VERSION &&
                 out->page_size >= PAGE_SIZE_LEAST && out->page_size <= PAGE_SIZE_MOST &&
                 is_power && out->last_page >= 1 &&
                 out->last_page < (uint64_t)INT64_MAX / PAGE_SIZE_MOST &&
                 is_root(get_u64(page, AT_FREE_ROOT), out->last_page) &&
                 is_root(get_u64(page, AT_MAIN_ROOT), out->last_page);
    return sound ? CS_OK : CS_ERR_CORRUPT;
}

static enum cs_err check_open_file(int fd)
{
    struct stat st;
    struct header first = {0};
    struct header second = {0};
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return CS_ERR_IO;
    enum cs_err err = read_header(fd, 0, &first);
    if (err == CS_OK)
        err = read_header(fd, first.page_size, &second);
    if (err != CS_OK)
        return err;
    if (first.page_size != second.page_size)
        return CS_ERR_CORRUPT;
    const struct header *newest = second.transaction > first.transaction ? &second : &first;
    uint64_t least = (newest->last_page + 1) * newest->page_size;
    return (uint64_t)st.st_size < least ? CS_ERR_CORRUPT : CS_OK;
}

static bool data_name(const char *path, char *name, size_t size)
{
    int len = snprintf(name, size, "%s/%s", path, CS_STORE_DATA_NAME);
    return len >= 0 && (size_t)len < size;
}

enum cs_err cs_store_file_check(const char *path)
{
    char name[PATH_MAX];
    if (!data_name(path, name, sizeof name))
        return CS_ERR_TOO_LARGE;
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? CS_ERR_NOT_FOUND : CS_ERR_IO;
    enum cs_err err = check_open_file(fd);
    close(fd);
    return err;
}

enum cs_err cs_store_file_discard(const char *path)
{
    char name[PATH_MAX];
    struct stat st;
    if (!data_name(path, name, sizeof name))
        return CS_ERR_TOO_LARGE;
    if (lstat(name, &st) != 0)
        return CS_ERR_IO;
    if (!S_ISREG(st.st_mode) || st.st_size >= 2 * sysconf(_SC_PAGESIZE))
        return CS_ERR_CORRUPT;
    return unlink(name) == 0 ? CS_OK : CS_ERR_IO;
}

/* Real blocks, not a hole, so that a full disk is met here and not in the middle of a commit. */
static int extend(int fd, uint64_t from, uint64_t to)
{
    if (fallocate(fd, 0, (off_t)from, (off_t)(to - from)) == 0)
        return 0;
    return errno == EOPNOTSUPP ? ftruncate(fd, (off_t)to) : -1;
}

enum cs_err cs_store_file_grow(int fd, uint64_t want, uint64_t most, uint64_t *have)
{
    struct stat st;
    *have = 0;
    if (fstat(fd, &st) != 0)
        return CS_ERR_IO;
    *have = (uint64_t)st.st_size;
    if (want > most)
        want = most;
    if (*have >= want)
        return CS_OK;
    uint64_t ahead = want + GROW_STEP < most ? want + GROW_STEP : most;
    if (extend(fd, *have, ahead) == 0) {
        *have = ahead;
        return CS_OK;
    }
    if (extend(fd, *have, want) != 0)
        return errno == ENOSPC || errno == EDQUOT ? CS_ERR_FULL : CS_ERR_IO;
    *have = want;
    return CS_OK;
}

enum cs_err cs_store_file_sync_folder(const char *path)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return CS_ERR_IO;
    int failed = fsync(folder);
    close(folder);
    return failed != 0 ? CS_ERR_IO : CS_OK;
}
