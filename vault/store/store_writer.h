/*
 * The writer: one thread that runs queued updates and commits them in groups.
 *
 * It owns the order of all changes. While one commit waits for the disk the next updates queue, and
 * all of them go into the next commit. It knows the engine and the overlay, and not what an update
 * means.
 *
 * Thread rule: cs_writer_submit from any thread but the writer's own, that is, never from within an
 * update.
 */
#ifndef CS_VAULT_STORE_STORE_WRITER_H
#define CS_VAULT_STORE_STORE_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "vault/store/store.h"

struct cs_writer; /* opaque */
struct cs_engine;

struct cs_writer_params {
    struct cs_engine *engine; /* borrowed for the writer's life */
    unsigned table_count;
    uint64_t seq; /* of the last commit */
    const struct cs_clock *clock;
    struct cs_log *log;
};

CS_MUST_CHECK enum cs_err cs_writer_start(const struct cs_writer_params *params,
                                          struct cs_writer **out);
/* Finishes what is queued. Nobody may submit any more. */
void cs_writer_stop(struct cs_writer **writer);
/* cs_store_update, to the letter. */
CS_MUST_CHECK enum cs_err cs_writer_submit(struct cs_writer *writer, cs_tx_fn *fn, void *arg,
                                           uint64_t *seq);
bool cs_writer_failed(const struct cs_writer *writer);
/* cs_store_touched. */
uint64_t cs_writer_touched(const struct cs_writer *writer, unsigned table);
/* Fills seq, commits, updates and retries. */
void cs_writer_stats(const struct cs_writer *writer, struct cs_store_stats *out);

#endif
