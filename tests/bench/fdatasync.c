/*
 * What the disk can do: durable writes a second, one after another.
 *
 *     fdatasync append|overwrite FOLDER MILLISECONDS
 *
 * Writes 4 KiB and calls fdatasync(2), again and again for so long, and prints how many of these
 * fit into a second. `append` makes the file grow, as a log that keeps what it is given does;
 * `overwrite` goes round in a file that was written before, where nothing but data has to reach the
 * disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define BLOCK 4096
#define BLOCKS 1024 /* of the file that is overwritten */
#define MILLISECONDS_MAX 60000

enum way { APPEND, OVERWRITE, WAY_COUNT };
static const char *const way_names[WAY_COUNT] = {[APPEND] = "append", [OVERWRITE] = "overwrite"};

static bool write_block(int fd, uint64_t number)
{
    uint8_t block[BLOCK];
    memset(block, (int)(number & 0xff), sizeof(block));
    return pwrite(fd, block, sizeof(block), (off_t)(number * BLOCK)) == BLOCK;
}

static bool prepare(int fd, enum way way)
{
    for (uint64_t i = 0; way == OVERWRITE && i < BLOCKS; i++) {
        if (!write_block(fd, i))
            return false;
    }
    return fsync(fd) == 0;
}

static bool measure(int fd, enum way way, int64_t length_ns, double *per_second)
{
    struct cs_clock clock;
    cs_clock_init(&clock);
    int64_t began_ns = cs_clock_mono_ns(&clock);
    int64_t took_ns = 0;
    uint64_t count = 0;
    while (took_ns < length_ns) {
        if (!write_block(fd, way == APPEND ? count : count % BLOCKS) || fdatasync(fd) != 0)
            return false;
        count++;
        took_ns = cs_clock_mono_ns(&clock) - began_ns;
    }
    *per_second = (double)count * 1e9 / (double)took_ns;
    return true;
}

/* WAY_COUNT for what is none. */
static enum way parse_way(const char *name)
{
    enum way way = APPEND;
    while (way < WAY_COUNT && strcmp(name, way_names[way]) != 0)
        way++;
    return way;
}

int main(int argc, char **argv)
{
    char path[4096];
    double per_second = 0;
    char *end = NULL;
    enum way way = argc == 4 ? parse_way(argv[1]) : WAY_COUNT;
    long length_ms = argc == 4 ? strtol(argv[3], &end, 10) : 0;
    if (way == WAY_COUNT || length_ms < 1 || length_ms > MILLISECONDS_MAX || *end != '\0' ||
        snprintf(path, sizeof(path), "%s/fdatasync.blocks", argv[2]) >= (int)sizeof(path)) {
        fprintf(stderr, "usage: fdatasync append|overwrite FOLDER MILLISECONDS\n");
        return 2;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool done =
        fd >= 0 && prepare(fd, way) && measure(fd, way, (int64_t)length_ms * 1000000, &per_second);
    if (!done)
        fprintf(stderr, "fdatasync: %s: %s\n", path, strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    (void)unlink(path);
    if (done)
        printf("%.0f\n", per_second);
    return done ? 0 : 1;
}
