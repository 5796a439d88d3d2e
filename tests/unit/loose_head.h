/*
 * A model of how libmicrohttpd 0.9.75 reads a header section in place, as loosely as it does: the
 * unit tests and the fuzzer of the request checks feed it bytes and hand on the pieces.
 */
#ifndef CS_TESTS_UNIT_LOOSE_HEAD_H
#define CS_TESTS_UNIT_LOOSE_HEAD_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "server/http/check.h"

struct loose {
    char *bytes; /* a copy that the parser cuts up */
    size_t len;
    size_t at;
    char *folded[CS_CHECK_HEADERS_MAX]; /* names that a fold moved elsewhere */
    size_t folded_count;
    struct cs_head_line headers[CS_CHECK_HEADERS_MAX];
    struct cs_head head;
};

/* Cuts the next line off, at LF or CR LF; NULL when none is complete. */
static inline char *loose_line(struct loose *loose)
{
    char *line = loose->bytes + loose->at;

    for (size_t i = loose->at; i < loose->len; i++) {
        if (loose->bytes[i] != '\n')
            continue;
        loose->bytes[i] = '\0';
        if (i > loose->at && loose->bytes[i - 1] == '\r')
            loose->bytes[i - 1] = '\0';
        loose->at = i + 1;
        return line;
    }
    return NULL;
}

/* The library knows the length of this line, and takes no NUL in the version. */
static inline bool loose_request_line(struct loose *loose, char *line)
{
    char *target = strchr(line, ' ');
    char *version;
    size_t len = loose->at - (size_t)(line - loose->bytes);

    if (!target)
        return false;
    *target++ = '\0';
    while (*target == ' ')
        target++;
    version = strrchr(target, ' ');
    if (!version || version == target)
        return false;
    *version++ = '\0';
    if (len - (size_t)(version - line) > strlen(version) + 2)
        return false;
    loose->head.method = CS_SLICE(line, strlen(line));
    loose->head.target = CS_SLICE(target, strlen(target));
    loose->head.target_at = target;
    loose->head.version = CS_SLICE(version, strlen(version));
    return true;
}

static inline bool loose_header(struct loose *loose, char *line)
{
    struct cs_head *head = &loose->head;
    char *value;

    if ((line[0] == ' ' || line[0] == '\t') && head->header_count > 0) {
        struct cs_slice *name = &loose->headers[head->header_count - 1].name;
        char *moved = malloc(name->len + 1);
        memcpy(moved, name->bytes, name->len);
        loose->folded[loose->folded_count++] = moved;
        name->bytes = (const uint8_t *)moved;
        return loose->folded_count < CS_CHECK_HEADERS_MAX;
    }
    value = strchr(line, ':');
    if (!value)
        return false;
    *value++ = '\0';
    while (*value == ' ' || *value == '\t')
        value++;
    if (head->header_count == CS_CHECK_HEADERS_MAX) {
        head->more_headers = true;
        return true;
    }
    loose->headers[head->header_count++] =
        (struct cs_head_line){CS_SLICE(line, strlen(line)), CS_SLICE(value, strlen(value))};
    return true;
}

/* False when the library would refuse or wait for more. loose_free in any case. */
static inline bool loose_parse(struct loose *loose, const void *raw, size_t len)
{
    char *line;

    memset(loose, 0, sizeof(*loose));
    loose->bytes = malloc(len + 1);
    memcpy(loose->bytes, raw, len);
    loose->bytes[len] = '\0';
    loose->len = len;
    loose->head.headers = loose->headers;
    do {
        line = loose_line(loose);
        if (!line)
            return false;
    } while (line[0] == '\0');
    if (!loose_request_line(loose, line))
        return false;
    while ((line = loose_line(loose))) {
        if (line[0] == '\0') {
            loose->head.size =
                (size_t)((uint8_t *)loose->bytes + loose->at - loose->head.method.bytes);
            return true;
        }
        if (!loose_header(loose, line))
            return false;
    }
    return false;
}

static inline void loose_free(struct loose *loose)
{
    for (size_t i = 0; i < loose->folded_count; i++)
        free(loose->folded[i]);
    free(loose->bytes);
}

#endif
