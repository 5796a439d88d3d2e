/* When what is written: activations at once, rounds of counts, and then what becomes of these. */
#include "base/clock.h"
#include "vault/credential/credential.h"
#include "vault/usage/usage_internal.h"

/* Entries that one transaction activates. */
struct page {
    struct cs_usage_entry *const *entries;
    size_t count;
    struct cs_usage *usage;
};

static enum cs_err activate_page(struct cs_ctx *ctx, void *arg)
{
    const struct page *page = arg;
    struct cs_credential credential;
    enum cs_err err = CS_OK;
    for (size_t i = 0; err == CS_OK && i < page->count; i++)
        err = cs_credential_activate(ctx, &page->entries[i]->credential, &credential);
    return err;
}

static void page_done(const struct page *page)
{
    for (size_t i = 0; i < page->count; i++) {
        struct cs_usage_entry *entry = page->entries[i];
        uint64_t hash;
        struct cs_usage_shard *shard =
            cs_usage_shard_of(page->usage, cs_id_handle(&entry->credential), &hash);
        pthread_mutex_lock(&shard->lock);
        shard->firsts -= entry->first;
        entry->first = false;
        pthread_mutex_unlock(&shard->lock);
    }
}

/* A page in one transaction; or, when one of its rows is in the way, each credential in its own. */
static enum cs_err run_page(struct cs_vault *vault, const struct page *page)
{
    struct page part = *page;
    enum cs_err err = cs_vault_update(vault, &cs_actor_system, NULL, activate_page, &part);
    part.count = 1;
    for (size_t at = 0; cs_usage_is_of_one_row(err) && at < page->count; at++) {
        part.entries = page->entries + at;
        enum cs_err alone = cs_vault_update(vault, &cs_actor_system, NULL, activate_page, &part);
        if (cs_usage_is_of_one_row(alone))
            atomic_fetch_add_explicit(&page->usage->dropped, 1, memory_order_relaxed);
        else if (alone != CS_OK)
            return alone;
        page_done(&part);
    }
    if (err != CS_OK && !cs_usage_is_of_one_row(err))
        return err;
    page_done(page);
    return CS_OK;
}

static void collect_firsts(struct cs_usage_shard *shard, struct page *page,
                           struct cs_usage_entry **out)
{
    pthread_mutex_lock(&shard->lock);
    for (size_t i = 0; shard->firsts > 0 && i < 2; i++) {
        struct cs_usage_table *table = &shard->tables[i];
        for (uint32_t j = 0; j < table->count && page->count < CS_PAGE; j++) {
            if (table->entries[j].first)
                out[page->count++] = &table->entries[j];
        }
    }
    pthread_mutex_unlock(&shard->lock);
}

static enum cs_err write_firsts(struct cs_vault *vault, struct cs_usage *usage)
{
    struct cs_usage_entry *entries[CS_PAGE];
    struct page page = {.entries = entries, .usage = usage};
    enum cs_err err = CS_OK;
    do {
        page.count = 0;
        for (size_t i = 0; i < CS_USAGE_SHARDS; i++)
            collect_firsts(&usage->shards[i], &page, entries);
        if (page.count > 0)
            err = run_page(vault, &page);
    } while (err == CS_OK && page.count == CS_PAGE);
    return err;
}

static bool is_written(const struct cs_usage *usage)
{
    return usage->written == usage->waiting_count;
}

static bool is_due(const struct cs_usage *usage, int64_t now_ns)
{
    return now_ns - usage->round_ns >= (int64_t)CS_USAGE_INTERVAL_MS * CS_NS_PER_MS ||
           atomic_load_explicit(&usage->short_of_room, memory_order_relaxed);
}

enum cs_err cs_usage_flush(struct cs_vault *vault)
{
    struct cs_usage *usage = cs_vault_usage(vault);
    int64_t now_ns = cs_clock_mono_ns(cs_vault_clock(vault));
    enum cs_err err = write_firsts(vault, usage);
    bool begins = is_written(usage) && is_due(usage, now_ns);
    if (err == CS_OK && begins)
        cs_usage_round_begin(usage, now_ns);
    if (err == CS_OK)
        err = cs_usage_round_write(vault);
    return err == CS_OK ? cs_usage_fold_run(vault) : err;
}

enum cs_err cs_usage_flush_all(struct cs_vault *vault)
{
    struct cs_usage *usage = cs_vault_usage(vault);
    enum cs_err err = write_firsts(vault, usage);
    if (err == CS_OK)
        err = cs_usage_round_write(vault);
    if (err != CS_OK)
        return err;
    cs_usage_round_begin(usage, cs_clock_mono_ns(cs_vault_clock(vault)));
    return cs_usage_round_write(vault);
}
