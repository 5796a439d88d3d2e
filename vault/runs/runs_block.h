/*
 * Blocks: some hundred deltas of one day, in order of their handles, packed into one row.
 *
 * A row of the store is a sealed CBOR map; so is a block, with one member: the packed deltas. A
 * field table for each delta would make it six times as long and as slow to write and to read, and
 * the point of a block is that it is neither. Packed are, each number as a varint (seven bits to a
 * byte, lowest first, the eighth set but in the last byte):
 *
 *     the base: a time, that of the first use in the block's first delta with one, or 0
 *     how many names of scopes; each: a byte of length, its characters
 *     for each delta, to the end:
 *         handle, less the one before it (at first 0)
 *         how many bytes follow of this delta
 *         verdicts << 1 | used    (verdicts: bit n - 1 for the count of number n)
 *         each of these counts, from the lowest number on
 *         if used: first use, less the base, zigzag; last use, less the first; how many scopes;
 *             each: its name's place in the list, and the last use of all less the scope's
 *
 * Times are milliseconds since 1970. Thread rule: pure.
 */
#ifndef CS_VAULT_RUNS_RUNS_BLOCK_H
#define CS_VAULT_RUNS_RUNS_BLOCK_H

#include "vault/runs/runs_delta.h"
#include "vault/usage/usage_scopes.h"

/*
 * A block is closed once it is so full. With what the seal adds it fills a page of LMDB, which
 * measured as well as four of them when written, and is read in a quarter of the time.
 */
#define CS_RUNS_BLOCK_FULL 3960
#define CS_RUNS_BLOCK_MAX 12288 /* full, and then a delta with as many scopes as one can have */

struct cs_runs_block {
    struct {
        uint16_t len;
        uint8_t bytes[CS_RUNS_BLOCK_MAX];
    } packed;
};
extern const struct cs_record cs_runs_block_record;

/* Packing: begin, then add in order of the handles, then end. */
struct cs_runs_pack {
    const struct cs_usage_scopes *scopes;
    int32_t day;
    uint64_t handle; /* the last one */
    int64_t base_ms;
    size_t count; /* deltas */
    size_t len;
    size_t names_len;
    uint16_t name_count;
    uint16_t names[CS_USAGE_NAMES_MAX];  /* their numbers, in the block's order */
    uint16_t places[CS_USAGE_NAMES_MAX]; /* by number: place + 1; 0: not in the block */
    uint8_t deltas[CS_RUNS_BLOCK_MAX];
};
void cs_runs_pack_init(struct cs_runs_pack *pack, const struct cs_usage_scopes *scopes);
void cs_runs_pack_begin(struct cs_runs_pack *pack, int32_t day);
/* False when the block is full: this one opens the next. */
bool cs_runs_pack_has_room(const struct cs_runs_pack *pack);
void cs_runs_pack_add(struct cs_runs_pack *pack, const struct cs_runs_delta *delta);
size_t cs_runs_pack_len(const struct cs_runs_pack *pack); /* of all */
/* Writes cs_runs_pack_len bytes. */
void cs_runs_pack_end(const struct cs_runs_pack *pack, uint8_t *out);

/* Unpacking. The bytes are borrowed. */
struct cs_runs_unpack {
    const uint8_t *at;
    const uint8_t *end;
    int32_t day;
    uint64_t handle;
    int64_t base_ms;
    size_t lost; /* names that got no number: there are too many of them */
    uint16_t name_count;
    uint16_t names[CS_USAGE_NAMES_MAX]; /* numbers; CS_USAGE_NAMES_MAX: none */
};
/* CS_ERR_CORRUPT. */
CS_MUST_CHECK enum cs_err cs_runs_unpack_begin(struct cs_runs_unpack *unpack,
                                               struct cs_usage_scopes *scopes, int32_t day,
                                               struct cs_slice packed);
/* CS_ERR_NOT_FOUND at the end; CS_ERR_CORRUPT. */
CS_MUST_CHECK enum cs_err cs_runs_unpack_next(struct cs_runs_unpack *unpack,
                                              struct cs_runs_delta *out);
/* The delta of a handle, without looking closer at those before it. Errors as above. */
CS_MUST_CHECK enum cs_err cs_runs_unpack_find(struct cs_runs_unpack *unpack, uint64_t handle,
                                              struct cs_runs_delta *out);

#endif
