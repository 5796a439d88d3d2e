/*
 * Fills a data folder, as `countersign dev --data` has it, with requests for live credentials.
 *
 *     seed_requests DATA COUNT POLICY OUT
 *
 * FOR_SECURITY of the COUNT requests wait for the group security, spread evenly among the others;
 * of these one in TAKEN_BACK is withdrawn, and every other one has a rule that evidence could
 * bring. PER_ACCOUNT are of one account. OUT/<group> gets the token of a reviewer of each of the
 * three groups, and OUT/account the id of an account. All through workflow's own functions.
 */
#include <string.h>

#include "tests/bench/seeding.h"

#include "workflow/request/request.h"

#define FOR_SECURITY ((size_t)50)
#define TAKEN_BACK 10
#define PER_ACCOUNT 20
/* Of one update, which may write CS_BATCH_KEYS rows: some fifteen for each request. */
#define PER_UPDATE 50

struct seed {
    const struct cs_policy *policy;
    const char *out;
    size_t count;
    struct cs_caller developer;
};

/* Requests of one update, and the account of the last one. */
struct share {
    const struct seed *seed;
    size_t first, count;
    struct cs_account account;
};

static bool is_for_security(const struct seed *seed, size_t number)
{
    return number % (seed->count / FOR_SECURITY) == 0;
}

static enum cs_err file_one(const struct cs_desk *desk, const struct share *share, size_t number)
{
    struct cs_request_order order = {.name = "ERP sync", .account_id = share->account.id};
    struct cs_request request;
    bool for_security = is_for_security(share->seed, number);
    const char *scopes = number % 2 == 0 ? "orders.read" : "products.read";
    snprintf(order.scopes, sizeof(order.scopes), "%s", for_security ? "orders.write" : scopes);
    snprintf(
        order.use_case, sizeof(order.use_case), "%s",
        "Orders go into our ERP every five minutes, and come back when they have been packed.");
    enum cs_err err = cs_request_create(desk, &order, &request);
    if (err == CS_OK && !for_security && number % TAKEN_BACK == 1)
        err = cs_request_withdraw(desk, &request.id, &request);
    return err;
}

static enum cs_err file_share(struct cs_ctx *ctx, void *arg)
{
    struct share *share = arg;
    struct cs_caller developer = share->seed->developer;
    const struct cs_desk desk = {.ctx = ctx, .policy = share->seed->policy, .caller = &developer};
    enum cs_err err = CS_OK;
    developer.user.account_count = 1;
    for (size_t i = share->first; err == CS_OK && i < share->first + share->count; i++) {
        if (i % PER_ACCOUNT == 0 || i == share->first)
            err = cs_account_create(ctx, "Shop", "", &share->account);
        developer.user.accounts[0].account_id = share->account.id;
        if (err == CS_OK)
            err = file_one(&desk, share, i);
    }
    return err;
}

static enum cs_err write_line(const struct seed *seed, const char *name, const char *text)
{
    FILE *file = seeding_file(seed->out, name);
    if (file == NULL)
        return CS_ERR_IO;
    bool written = fputs(text, file) >= 0;
    return fclose(file) == 0 && written ? CS_OK : CS_ERR_IO;
}

struct hiring {
    struct cs_user user;
    struct cs_secret *token;
};

static enum cs_err hire_in(struct cs_ctx *ctx, void *arg)
{
    struct hiring *hiring = arg;
    struct cs_user user = hiring->user;
    enum cs_err err = seeding_user(ctx, &user, &hiring->token);
    if (err == CS_OK)
        hiring->user = user;
    return err;
}

/* A reviewer of the group, or with NULL the developer. */
static enum cs_err hire(struct cs_vault *vault, struct seed *seed, const char *group)
{
    struct hiring hiring = {.user = {.roles = group ? CS_ROLE_REVIEWER : CS_ROLE_DEVELOPER}};
    const char *name = group ? group : "developer";
    snprintf(hiring.user.name, sizeof(hiring.user.name), "%s", name);
    snprintf(hiring.user.email, sizeof(hiring.user.email), "%s@shops.example", name);
    snprintf(hiring.user.groups, sizeof(hiring.user.groups), "%s", group ? group : "");
    enum cs_err err = cs_vault_update(vault, &seeding_actor, NULL, hire_in, &hiring);
    if (err == CS_OK)
        err = write_line(seed, name, (const char *)hiring.token->bytes);
    if (group == NULL) {
        seed->developer.kind = CS_ACCESS_USER;
        seed->developer.roles = hiring.user.roles;
        seed->developer.user = hiring.user;
    }
    cs_secret_free(&hiring.token);
    return err;
}

static enum cs_err fill(struct cs_vault *vault, void *arg)
{
    struct seed *seed = arg;
    static const char *const people[] = {NULL, "security", "platform", "catalogue"};
    struct share share = {.seed = seed};
    char account[CS_ID_TEXT_SIZE];
    enum cs_err err = CS_OK;
    for (size_t i = 0; err == CS_OK && i < sizeof(people) / sizeof(people[0]); i++)
        err = hire(vault, seed, people[i]);
    for (; err == CS_OK && share.first < seed->count; share.first += share.count) {
        size_t left = seed->count - share.first;
        share.count = left < PER_UPDATE ? left : PER_UPDATE;
        err = cs_vault_update(vault, &seeding_actor, NULL, file_share, &share);
    }
    cs_id_format(&share.account.id, CS_ACCOUNT_PREFIX, account);
    return err == CS_OK ? write_line(seed, "account", account) : err;
}

int main(int argc, char **argv)
{
    struct seed seed = {.count = 0};
    struct cs_report report;
    if (argc != 5 || !seeding_count(argv[2], &seed.count) || seed.count < FOR_SECURITY) {
        fprintf(stderr, "usage: seed_requests DATA COUNT POLICY OUT\n");
        return 2;
    }
    seed.out = argv[4];
    enum cs_err err = cs_policy_load_file(argv[3], &report, &seed.policy);
    if (err == CS_OK)
        err = seeding_run(argv[1], fill, &seed);
    cs_policy_unref(&seed.policy);
    if (err != CS_OK)
        fprintf(stderr, "seed_requests: %s\n", cs_err_name(err));
    return err == CS_OK ? 0 : 1;
}
