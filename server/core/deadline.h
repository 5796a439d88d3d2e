/*
 * Deadlines: how long a connection may stay in what it is doing.
 *
 * Each kind of wait has one length, so a list in order of entry is in order of expiry, and setting,
 * clearing and finding the next cost a few pointers. Times are given by the caller, from the
 * monotonic clock. Thread rule: a set and its nodes belong to one thread.
 */
#ifndef CS_SERVER_CORE_DEADLINE_H
#define CS_SERVER_CORE_DEADLINE_H

#include <stdint.h>

enum cs_wait {
    CS_WAIT_NONE,
    CS_WAIT_HEAD,   /* for the rest of a header section */
    CS_WAIT_BODY,   /* for the rest of a body */
    CS_WAIT_IDLE,   /* for the next request */
    CS_WAIT_CALL,   /* for a worker */
    CS_WAIT_ANSWER, /* for the client to take its answer */
    CS_WAIT_COUNT
};

/* A member of what waits; zeroed, it waits for nothing. */
struct cs_deadline {
    struct cs_deadline *prev;
    struct cs_deadline *next;
    int64_t expires_ns;
    enum cs_wait wait;
};

struct cs_deadlines {
    struct cs_deadline *first[CS_WAIT_COUNT];
    struct cs_deadline *last[CS_WAIT_COUNT];
    int64_t length_ns[CS_WAIT_COUNT];
};

/* length_ms[CS_WAIT_NONE] is not read. */
void cs_deadlines_init(struct cs_deadlines *deadlines, const uint32_t length_ms[CS_WAIT_COUNT]);
/* Leaves what it waited for and waits for `wait` from now on; CS_WAIT_NONE: for nothing. */
void cs_deadlines_set(struct cs_deadlines *deadlines, struct cs_deadline *node, enum cs_wait wait,
                      int64_t now_ns);
/* The first of this kind, whether expired or not, or NULL. */
struct cs_deadline *cs_deadlines_first(const struct cs_deadlines *deadlines, enum cs_wait wait);
/* One that has expired, or NULL. It is still set: the caller sets it anew. */
struct cs_deadline *cs_deadlines_expired(const struct cs_deadlines *deadlines, int64_t now_ns);
/* When the next one expires; INT64_MAX if none will. */
int64_t cs_deadlines_next(const struct cs_deadlines *deadlines);

#endif
