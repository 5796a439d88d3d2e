/*
 * Counts in memory: one entry for each credential and day, in an open hash table that only grows
 * until it is emptied as a whole.
 *
 * An entry counts verdicts, and holds the last use of up to CS_USAGE_ENTRY_SCOPES scopes; what does
 * not fit goes into a further entry of the same credential and day. Knows no store and no lock.
 * Thread rule: the caller's lock.
 */
#ifndef CS_VAULT_USAGE_USAGE_TABLE_H
#define CS_VAULT_USAGE_USAGE_TABLE_H

#include "vault/verify/verify.h"

#define CS_USAGE_ENTRY_SCOPES 6
#define CS_USAGE_ENTRY_ALIGN 64

/* Two lines of the cache: with so many credentials each line is a wait for the memory. */
struct cs_usage_entry {
    struct cs_id credential;
    int64_t first_ms; /* of VALID; 0: none */
    uint32_t last_ms; /* the last VALID, after first_ms */
    int32_t day;      /* days since 1970 */
    uint8_t mode;
    uint8_t scope_count;
    bool first;                             /* to be activated */
    uint16_t scopes[CS_USAGE_ENTRY_SCOPES]; /* numbers of names */
    uint32_t counts[CS_VERDICT_COUNT];
    uint32_t scope_ms[CS_USAGE_ENTRY_SCOPES]; /* last use, after first_ms */
};

struct cs_usage_table {
    struct cs_usage_entry *entries;
    uint32_t count;
    uint32_t room;
    uint32_t *slots; /* entry + 1; 0: nothing yet */
    uint32_t mask;   /* slots - 1; there are more slots than entries can be */
};

/* Room for `room` entries. CS_ERR_NOMEM. */
CS_MUST_CHECK enum cs_err cs_usage_table_init(struct cs_usage_table *table, uint32_t room);
void cs_usage_table_destroy(struct cs_usage_table *table);
void cs_usage_table_empty(struct cs_usage_table *table);
/*
 * Steps through the entries of a credential by its handle: *slot is its hash at first. NULL at the
 * end, with *slot where the next one would stand.
 */
struct cs_usage_entry *cs_usage_table_next(const struct cs_usage_table *table, uint64_t handle,
                                           uint64_t *slot);
/* A new zeroed entry, where cs_usage_table_next ended; NULL: no room. */
struct cs_usage_entry *cs_usage_table_add(struct cs_usage_table *table,
                                          const struct cs_id *credential, uint64_t slot);
/* A VALID use. */
void cs_usage_entry_use(struct cs_usage_entry *entry, int64_t now_ms);
/* The last use of a scope, after that; false when the entry holds as many as it can. */
bool cs_usage_entry_use_scope(struct cs_usage_entry *entry, uint16_t scope, int64_t now_ms);

#endif
