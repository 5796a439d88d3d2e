/*
 * The writer: runs queued updates, one at a time, and commits them in groups.
 *
 * It owns the order of all changes. While one commit waits for the disk the next updates queue, and
 * all of them go into the next commit. Whose turn it is to write is one thread at a time: the
 * writer's own while there is a queue, and whoever comes to wait when there is none, for one batch.
 * It knows the engine and the overlay, and not what an update means.
 *
 * Thread rule: cs_writer_submit and cs_writer_update from any thread, but never from within an
 * update or its `done`.
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
/* cs_store_update and cs_store_submit, to the letter. */
CS_MUST_CHECK enum cs_err cs_writer_update(struct cs_writer *writer, cs_tx_fn *fn, void *arg,
                                           uint64_t *seq);
void cs_writer_submit(struct cs_writer *writer, struct cs_update *update);
bool cs_writer_failed(const struct cs_writer *writer);
/* cs_store_touched. */
uint64_t cs_writer_touched(const struct cs_writer *writer, unsigned table);
/* Fills seq, commits, updates and retries. */
void cs_writer_stats(const struct cs_writer *writer, struct cs_store_stats *out);

#endif
