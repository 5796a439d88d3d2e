/*
 * Reports: what is wrong with a file, each thing with its place, as a list for people.
 *
 * The readers of the policy and of the server's configuration go on after a mistake, so that one
 * run tells all of them. Beside it stands the search for the known name that was probably meant.
 * Thread rule: a report belongs to one thread at a time.
 */
#ifndef CS_POLICY_REPORT_H
#define CS_POLICY_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define CS_REPORT_MAX 20
#define CS_REPORT_MESSAGE_SIZE 280

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

/*
 * The nearest name: offer every known name, then ask for the best. Names are near when a few
 * letters were mistyped, left out, doubled or swapped (optimal string alignment distance), at most
 * one in three and never more than four.
 */
#define CS_SUGGEST_MAX 64 /* longer words have no near name */
struct cs_suggest {
    struct cs_slice word;
    const char *best;
    size_t distance;
};
void cs_suggest_init(struct cs_suggest *suggest, struct cs_slice word); /* borrows */
void cs_suggest_offer(struct cs_suggest *suggest, const char *known);   /* borrows */
/* The nearest of those offered, the first of equals, or NULL. */
const char *cs_suggest_best(const struct cs_suggest *suggest);

#endif
