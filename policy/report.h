/*
 * Reports: what is wrong with a file, each thing with its place, as a list for people.
 *
 * The readers of the policy and of the server's configuration go on after a mistake, so that one
 * run tells all of them. Thread rule: a report belongs to one thread at a time.
 */
#ifndef CS_POLICY_REPORT_H
#define CS_POLICY_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define CS_REPORT_MAX 20
#define CS_REPORT_MESSAGE_SIZE 340

struct cs_mark {
    uint32_t line, column; /* from 1, in characters; line 0: the file as a whole */
};

struct cs_report_item {
    struct cs_mark at;
    char message[CS_REPORT_MESSAGE_SIZE]; /* what is wrong; what would be right */
};

struct cs_report {
    char name[256]; /* of the file, as it is shown to people */
    size_t count;   /* items that are kept */
    size_t dropped; /* further ones past CS_REPORT_MAX */
    struct cs_report_item items[CS_REPORT_MAX];
};

void cs_report_init(struct cs_report *report, const char *name);
void cs_report_add(struct cs_report *report, struct cs_mark at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Into the order of the file; items of one place stay in the order in which they were added. */
void cs_report_sort(struct cs_report *report);
/* One line each, "name:line:column: message\n", and a last one that counts the dropped. */
void cs_report_print(const struct cs_report *report, struct cs_buf *out);

#endif
