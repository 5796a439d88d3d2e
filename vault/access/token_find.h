/*
 * Finding tokens: in any bytes, as they come, wherever they were cut.
 *
 * Found is what has a token's form, a known kind and the right checksum, so that noise is told from
 * what was really minted without asking anybody. It has to stand by itself: no letter, digit or
 * underscore before or behind it, but what escapes of source text and of terminals leave there
 * (\n, %3D, \u003D, a colour) counts as none. Thread rule: a finder belongs to one thread at a
 * time.
 */
#ifndef CS_VAULT_ACCESS_TOKEN_FIND_H
#define CS_VAULT_ACCESS_TOKEN_FIND_H

#include "vault/access/token.h"

struct cs_token_hit {
    struct cs_token token; /* its text is borrowed until the call returns */
    uint64_t offset;       /* in bytes from the beginning, from 0 */
    uint64_t line;         /* from 1 */
    uint64_t column;       /* in bytes, from 1 */
};
typedef void cs_token_hit_fn(const struct cs_token_hit *hit, void *arg);

#define CS_TOKEN_FIND_ROOM 65536
struct cs_token_finder {
    cs_token_hit_fn *fn;
    void *arg;
    uint64_t base;  /* the offset of the first byte that is held */
    size_t len;     /* how many are held */
    size_t next;    /* where the search goes on among them */
    size_t counted; /* up to where lines were counted */
    uint64_t line;
    uint64_t line_at; /* the offset at which that line begins */
    uint8_t held[CS_TOKEN_FIND_ROOM];
};

/* Begins anew. */
void cs_token_find_begin(struct cs_token_finder *finder, cs_token_hit_fn *fn, void *arg);
/* Takes what comes next, and calls fn for each token that is known to be one by then. */
void cs_token_find_add(struct cs_token_finder *finder, struct cs_slice bytes);
/* Nothing more comes: calls fn for what stands at the end. Wipes what is held. */
void cs_token_find_end(struct cs_token_finder *finder);

#endif
