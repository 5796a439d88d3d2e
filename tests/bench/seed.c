/*
 * Fills a data folder, as `countersign dev --data` has it, with accounts and test credentials.
 *
 *     seed DATA COUNT ACCOUNTS OUT
 *
 * COUNT credentials are spread over ACCOUNTS accounts, through the vault's own functions and in few
 * large transactions. OUT/keys gets the secrets, one a line, all of one length; OUT/creators a line
 * for each account: its id, and the token of a developer of it. Both are for load generators.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/seeding.h"

#include "vault/credential/credential.h"

/* While one update is being committed the other thread prepares the next. */
#define THREADS 2
/* Of one update, which may write CS_BATCH_KEYS rows: some five for each credential. */
#define PER_UPDATE 190
#define ACCOUNTS_PER_UPDATE 8
#define ACCOUNTS_AT_ONCE 64
#define ACCOUNTS_PER_DEVELOPER 2
#define EXPIRES_AFTER_MS ((int64_t)90 * 86400 * 1000)

struct seed {
    struct cs_vault *vault;
    const char *out;
    size_t count;
    size_t account_count;
    struct cs_id *accounts;
    struct cs_id creator;
    FILE *keys;
    atomic_size_t next; /* first credential that no thread has taken */
    atomic_int err;     /* enum cs_err: the first that was met */
};

/* What one update makes: lines for a file, and how many of what from which number on. */
struct share {
    struct seed *seed;
    size_t first, count;
    char lines[PER_UPDATE * CS_TOKEN_SIZE];
    size_t len;
};

static enum cs_err add_line(struct share *share, const char *start, const struct cs_secret *token)
{
    size_t room = sizeof(share->lines) - share->len;
    int len =
        snprintf(share->lines + share->len, room, "%s%s\n", start, (const char *)token->bytes);
    if (len < 0 || (size_t)len >= room)
        return CS_ERR_TOO_LARGE;
    share->len += (size_t)len;
    return CS_OK;
}

/* Some accounts, and a developer who works for them. */
static enum cs_err make_developer(struct cs_ctx *ctx, struct share *share, size_t first,
                                  size_t count)
{
    struct seed *seed = share->seed;
    struct cs_user user = {.roles = CS_ROLE_DEVELOPER, .account_count = (uint16_t)count};
    struct cs_account account;
    struct cs_secret *token = NULL;
    enum cs_err err = CS_OK;
    snprintf(user.email, sizeof(user.email), "developer%zu@shops.example", first);
    snprintf(user.name, sizeof(user.name), "Developer %zu", first);
    for (size_t i = 0; i < count && err == CS_OK; i++) {
        char name[32];
        snprintf(name, sizeof(name), "Shop %zu", first + i);
        err = cs_account_create(ctx, name, "", &account);
        seed->accounts[first + i] = user.accounts[i].account_id = account.id;
    }
    if (err == CS_OK)
        err = seeding_user(ctx, &user, &token);
    for (size_t i = 0; i < count && err == CS_OK; i++) {
        char start[CS_ID_TEXT_SIZE + 1];
        cs_id_format(&seed->accounts[first + i], CS_ACCOUNT_PREFIX, start);
        memcpy(start + strlen(start), " ", 2);
        err = add_line(share, start, token);
    }
    cs_secret_free(&token);
    seed->creator = user.id;
    return err;
}

static enum cs_err make_developers(struct cs_ctx *ctx, void *arg)
{
    struct share *share = arg;
    enum cs_err err = CS_OK;
    share->len = 0;
    for (size_t made = 0; made < share->count && err == CS_OK;) {
        size_t left = share->count - made;
        size_t count = left < ACCOUNTS_PER_DEVELOPER ? left : ACCOUNTS_PER_DEVELOPER;
        err = make_developer(ctx, share, share->first + made, count);
        made += count;
    }
    return err;
}

static enum cs_err fill_accounts(struct seed *seed)
{
    enum cs_err err = CS_OK;
    struct share share = {.seed = seed};
    FILE *file = seeding_file(seed->out, "creators");
    if (file == NULL)
        return CS_ERR_IO;
    for (; share.first < seed->account_count && err == CS_OK; share.first += share.count) {
        size_t left = seed->account_count - share.first;
        share.count = left < ACCOUNTS_AT_ONCE ? left : ACCOUNTS_AT_ONCE;
        err = cs_vault_update(seed->vault, &seeding_actor, NULL, make_developers, &share);
        if (err == CS_OK && fwrite(share.lines, share.len, 1, file) != 1)
            err = CS_ERR_IO;
    }
    return fclose(file) == 0 || err != CS_OK ? err : CS_ERR_IO;
}

static enum cs_err make_one(struct cs_ctx *ctx, struct share *share, size_t number)
{
    const struct seed *seed = share->seed;
    struct cs_credential credential;
    struct cs_secret *secret = NULL;
    size_t account = number / PER_UPDATE * ACCOUNTS_PER_UPDATE + number % ACCOUNTS_PER_UPDATE;
    const struct cs_credential_params params = {
        .account_id = seed->accounts[account % seed->account_count],
        .mode = CS_MODE_TEST,
        .kind = CS_CREDENTIAL_API_KEY,
        .name = "Order export",
        .scopes = "orders.read products.read",
        .expires_at = cs_tx_now_ms(ctx->tx) + EXPIRES_AFTER_MS,
        .created_by = seed->creator,
    };
    enum cs_err err = cs_credential_create(ctx, &params, &credential, &secret);
    if (err == CS_OK)
        err = add_line(share, "", secret);
    cs_secret_free(&secret);
    return err;
}

static enum cs_err make_share(struct cs_ctx *ctx, void *arg)
{
    struct share *share = arg;
    enum cs_err err = CS_OK;
    share->len = 0;
    for (size_t i = 0; i < share->count && err == CS_OK; i++)
        err = make_one(ctx, share, share->first + i);
    return err;
}

static bool take_share(struct seed *seed, struct share *share)
{
    share->first = atomic_fetch_add(&seed->next, PER_UPDATE);
    if (share->first >= seed->count || atomic_load(&seed->err) != CS_OK)
        return false;
    size_t left = seed->count - share->first;
    share->count = left < PER_UPDATE ? left : PER_UPDATE;
    return true;
}

static void *fill_credentials(void *arg)
{
    struct seed *seed = arg;
    struct share share = {.seed = seed};
    while (take_share(seed, &share)) {
        int none = CS_OK;
        enum cs_err err = cs_vault_update(seed->vault, &seeding_actor, NULL, make_share, &share);
        if (err == CS_OK && fwrite(share.lines, share.len, 1, seed->keys) != 1)
            err = CS_ERR_IO;
        if (err != CS_OK)
            atomic_compare_exchange_strong(&seed->err, &none, (int)err);
    }
    return NULL;
}

static enum cs_err fill(struct cs_vault *vault, void *arg)
{
    struct seed *seed = arg;
    pthread_t threads[THREADS];
    size_t started = 0;
    seed->vault = vault;
    enum cs_err err = fill_accounts(seed);
    seed->keys = err == CS_OK ? seeding_file(seed->out, "keys") : NULL;
    if (seed->keys == NULL)
        return err != CS_OK ? err : CS_ERR_IO;
    while (started < THREADS &&
           pthread_create(&threads[started], NULL, fill_credentials, seed) == 0)
        started++;
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    err = (enum cs_err)atomic_load(&seed->err);
    if (started < THREADS && err == CS_OK)
        err = CS_ERR_NOMEM;
    return fclose(seed->keys) == 0 || err != CS_OK ? err : CS_ERR_IO;
}

int main(int argc, char **argv)
{
    struct seed seed = {.next = 0};
    if (argc != 5 || !seeding_count(argv[2], &seed.count) ||
        !seeding_count(argv[3], &seed.account_count)) {
        fprintf(stderr, "usage: seed DATA COUNT ACCOUNTS OUT\n");
        return 2;
    }
    seed.out = argv[4];
    seed.accounts = calloc(seed.account_count, sizeof(*seed.accounts));
    enum cs_err err = seed.accounts == NULL ? CS_ERR_NOMEM : seeding_run(argv[1], fill, &seed);
    free(seed.accounts);
    if (err != CS_OK)
        fprintf(stderr, "seed: %s\n", cs_err_name(err));
    return err == CS_OK ? 0 : 1;
}
