/* Writing behind: rounds of counts, in pages, and the activations that do not wait for a round. */
#include <stdlib.h>

#include "base/clock.h"
#include "vault/credential/credential.h"
#include "vault/usage/usage_internal.h"
#include "vault/usage/usage_rows.h"

#define NS_PER_MS 1000000

static const struct cs_actor system_actor = {.kind = CS_ACTOR_SYSTEM};

/* Entries that one transaction writes: of at most CS_PAGE credentials, in order of these. */
struct page {
    struct cs_usage_entry *const *entries;
    size_t count;
    uint64_t round;
    struct cs_usage *usage;
};

static uint64_t handle_of(const struct cs_usage_entry *entry)
{
    return cs_id_handle(&entry->credential);
}

/* How many of the entries are of the first one's credential. */
static size_t same_credential(struct cs_usage_entry *const *entries, size_t count)
{
    size_t same = 1;
    while (same < count && handle_of(entries[same]) == handle_of(entries[0]))
        same++;
    return same;
}

static void add_uses(const struct cs_usage *usage, const struct cs_usage_entry *entry,
                     struct cs_usage_whole *whole)
{
    whole->total += entry->counts[CS_VERDICT_VALID];
    if (entry->first_ms == 0)
        return;
    if (whole->first_used_at == 0 || entry->first_ms < whole->first_used_at)
        whole->first_used_at = entry->first_ms;
    if (whole->last_used_at < entry->first_ms + entry->last_ms)
        whole->last_used_at = entry->first_ms + entry->last_ms;
    for (size_t i = 0; i < entry->scope_count; i++)
        cs_usage_scopes_merge(whole->scopes, &whole->scope_count,
                              cs_usage_scopes_name(&usage->scopes, entry->scopes[i]),
                              entry->first_ms + entry->scope_ms[i]);
}

static enum cs_err write_credential(struct cs_ctx *ctx, const struct page *page, size_t at,
                                    size_t count)
{
    struct cs_usage_whole whole;
    const struct cs_usage_entry *first = page->entries[at];
    enum cs_mode mode = (enum cs_mode)first->mode;
    uint64_t handle = handle_of(first);
    enum cs_err err = cs_usage_rows_get(ctx, handle, &whole);
    if (err != CS_OK || whole.round == page->round)
        return err; /* a commit that held it was durable, though it was told as failed */
    for (size_t i = 0; err == CS_OK && i < count; i++) {
        const struct cs_usage_entry *entry = page->entries[at + i];
        add_uses(page->usage, entry, &whole);
        err = cs_usage_rows_add(ctx, mode, handle, entry->day, entry->counts, &whole);
    }
    whole.round = page->round;
    return err == CS_OK ? cs_usage_rows_put(ctx, mode, handle, &whole) : err;
}

static enum cs_err write_page(struct cs_ctx *ctx, void *arg)
{
    const struct page *page = arg;
    enum cs_err err = CS_OK;
    for (size_t at = 0; err == CS_OK && at < page->count;) {
        size_t count = same_credential(page->entries + at, page->count - at);
        if (!page->entries[at]->written)
            err = write_credential(ctx, page, at, count);
        at += count;
    }
    return err;
}

static enum cs_err activate_page(struct cs_ctx *ctx, void *arg)
{
    const struct page *page = arg;
    struct cs_credential credential;
    enum cs_err err = CS_OK;
    for (size_t i = 0; err == CS_OK && i < page->count; i++)
        err = cs_credential_activate(ctx, &page->entries[i]->credential, &credential);
    return err;
}

/* Errors that one row has, and that will not go away: its neighbours must not wait for it. */
static bool is_of_one_row(enum cs_err err)
{
    return err == CS_ERR_CORRUPT || err == CS_ERR_UNSUPPORTED || err == CS_ERR_NOT_FOUND ||
           err == CS_ERR_INVALID || err == CS_ERR_TOO_LARGE;
}

typedef void done_fn(struct cs_usage *usage, struct cs_usage_entry *entry);

static void page_done(const struct page *page, done_fn *done)
{
    for (size_t i = 0; i < page->count; i++)
        done(page->usage, page->entries[i]);
}

/* A page in one transaction; or, when one of its rows is in the way, each credential in its own. */
static enum cs_err run_page(struct cs_vault *vault, const struct page *page, cs_vault_fn *fn,
                            done_fn *done)
{
    struct page part = *page;
    enum cs_err err = cs_vault_update(vault, &system_actor, NULL, fn, &part);
    for (size_t at = 0; is_of_one_row(err) && at < page->count; at += part.count) {
        part.entries = page->entries + at;
        part.count = same_credential(part.entries, page->count - at);
        enum cs_err alone = cs_vault_update(vault, &system_actor, NULL, fn, &part);
        if (is_of_one_row(alone))
            atomic_fetch_add_explicit(&page->usage->dropped, 1, memory_order_relaxed);
        else if (alone != CS_OK)
            return alone;
        page_done(&part, done);
    }
    if (err != CS_OK && !is_of_one_row(err))
        return err;
    page_done(page, done);
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

static void first_done(struct cs_usage *usage, struct cs_usage_entry *entry)
{
    uint64_t hash;
    struct cs_usage_shard *shard = cs_usage_shard_of(usage, handle_of(entry), &hash);
    pthread_mutex_lock(&shard->lock);
    shard->firsts -= entry->first;
    entry->first = false;
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
            err = run_page(vault, &page, activate_page, first_done);
    } while (err == CS_OK && page.count == CS_PAGE);
    return err;
}

/* Notes go into the other table from now on; what this one held before is in its rows. */
static void turn(struct cs_usage *usage, struct cs_usage_shard *shard)
{
    pthread_mutex_lock(&shard->lock);
    struct cs_usage_table *counted = &shard->tables[shard->counting];
    shard->counting = 1 - shard->counting;
    cs_usage_table_empty(&shard->tables[shard->counting]);
    shard->round = usage->round;
    pthread_mutex_unlock(&shard->lock);
    for (uint32_t i = 0; i < counted->count; i++)
        usage->waiting[usage->waiting_count++] = &counted->entries[i];
}

static int by_credential_and_day(const void *a, const void *b)
{
    const struct cs_usage_entry *left = *(struct cs_usage_entry *const *)a;
    const struct cs_usage_entry *right = *(struct cs_usage_entry *const *)b;
    uint64_t left_handle = handle_of(left);
    uint64_t right_handle = handle_of(right);
    if (left_handle != right_handle)
        return left_handle < right_handle ? -1 : 1;
    return (left->day > right->day) - (left->day < right->day);
}

/* In the order of the keys, so that a commit touches few of the store's pages. */
static void begin_round(struct cs_usage *usage, int64_t now_ns)
{
    usage->round_ns = now_ns;
    atomic_store_explicit(&usage->short_of_room, false, memory_order_relaxed);
    cs_random(&usage->round, sizeof(usage->round));
    usage->round |= 1; /* never 0 */
    for (size_t i = 0; i < CS_USAGE_SHARDS; i++)
        turn(usage, &usage->shards[i]);
    qsort(usage->waiting, usage->waiting_count, sizeof(struct cs_usage_entry *),
          by_credential_and_day);
}

static void entry_done(struct cs_usage *usage, struct cs_usage_entry *entry)
{
    (void)usage;
    entry->written = true;
}

/* How many entries from `at` on are of the next CS_PAGE credentials. */
static size_t page_from(const struct cs_usage *usage, size_t at)
{
    size_t count = 0;
    for (size_t i = 0; i < CS_PAGE && at + count < usage->waiting_count; i++)
        count += same_credential(usage->waiting + at + count, usage->waiting_count - at - count);
    return count;
}

/* What an earlier call could not write is still waiting, and only that. */
static enum cs_err write_round(struct cs_vault *vault, struct cs_usage *usage)
{
    struct page page = {.usage = usage, .round = usage->round};
    size_t at = 0;
    enum cs_err err = CS_OK;
    while (at < usage->waiting_count && usage->waiting[at]->written)
        at++;
    for (; err == CS_OK && at < usage->waiting_count; at += page.count) {
        page.entries = usage->waiting + at;
        page.count = page_from(usage, at);
        err = run_page(vault, &page, write_page, entry_done);
    }
    if (err == CS_OK)
        usage->waiting_count = 0;
    return err;
}

enum cs_err cs_usage_flush(struct cs_vault *vault)
{
    struct cs_usage *usage = cs_vault_usage(vault);
    int64_t now_ns = cs_clock_mono_ns(cs_vault_clock(vault));
    enum cs_err err = write_firsts(vault, usage);
    if (err == CS_OK && usage->waiting_count > 0)
        err = write_round(vault, usage);
    if (err != CS_OK || usage->waiting_count > 0)
        return err;
    if (now_ns - usage->round_ns < (int64_t)CS_USAGE_INTERVAL_MS * NS_PER_MS &&
        !atomic_load_explicit(&usage->short_of_room, memory_order_relaxed))
        return CS_OK;
    begin_round(usage, now_ns);
    return write_round(vault, usage);
}

enum cs_err cs_usage_flush_all(struct cs_vault *vault)
{
    struct cs_usage *usage = cs_vault_usage(vault);
    enum cs_err err = write_firsts(vault, usage);
    if (err == CS_OK)
        err = write_round(vault, usage);
    if (err != CS_OK)
        return err;
    begin_round(usage, cs_clock_mono_ns(cs_vault_clock(vault)));
    return write_round(vault, usage);
}
