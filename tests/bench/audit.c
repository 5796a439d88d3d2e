/*
 * What an entry of the audit log costs, and a proof of one, in a short log and in a long one.
 *
 *     audit FOLDER FEW MANY ROUNDS
 *
 * Two logs grow to FEW and MANY entries through the vault's own functions. Then each is appended to
 * and asked for proofs in turns, ROUNDS times, always in the same amounts; the short one is made
 * anew each time, so that it stays short. What is told is CPU time of the whole process, system
 * calls and the writer's thread included: one JSON object a round, and one on the long log's size.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret/secret.h"
#include "vault/audit/audit_proof.h"
#include "vault/seal/rootkey.h"
#include "vault/store/store_file.h"
#include "vault/vault.h"

#define PATH_SIZE 4096
#define PER_FILL 400         /* entries of one update while a log is made */
#define GROUP 64             /* entries of a commit, as a busy server has them, */
#define GROUPS 64            /* so many commits; */
#define SINGLES 256          /* and commits of one entry */
#define PROOFS 2048          /* of entries all over the log */
#define BIG_STEP 2654435761u /* visits the entries of a log in no order */

struct log {
    char path[PATH_SIZE];
    struct cs_vault *vault;
    uint64_t count;
};

struct costs {
    double group_ns, single_ns, proof_ns, hashes; /* each by entry or proof */
    uint64_t entries;                             /* of the log when it was asked for proofs */
};

static const struct cs_actor actor = {.kind = CS_ACTOR_USER,
                                      .id = {{1}},
                                      .request_id = "01M7YKXBG5AQ59YVP695N1MJD6",
                                      .address = "192.0.2.7"};
static const struct cs_id object = {{7}};

static enum cs_err add(struct cs_ctx *ctx, void *arg)
{
    const size_t *count = arg;
    const struct cs_audit_params params = {
        .action = CS_ACTION_CREDENTIAL_CREATED,
        .object_prefix = "cred",
        .object = &object,
        .account = &object,
        .detail = "{\"mode\":\"test\",\"scopes\":\"orders.read products.read\"}",
    };
    enum cs_err err = CS_OK;
    for (size_t i = 0; err == CS_OK && i < *count; i++)
        err = cs_audit_add(ctx, &params, NULL);
    return err;
}

static enum cs_err append(struct log *log, size_t commits, size_t per_commit)
{
    enum cs_err err = CS_OK;
    for (size_t i = 0; err == CS_OK && i < commits; i++)
        err = cs_vault_update(log->vault, &actor, NULL, add, &per_commit);
    log->count += commits * per_commit;
    return err;
}

static enum cs_err grow(struct log *log, uint64_t count)
{
    enum cs_err err = CS_OK;
    while (err == CS_OK && log->count < count) {
        uint64_t left = count - log->count;
        err = append(log, 1, left < PER_FILL ? (size_t)left : PER_FILL);
    }
    return err;
}

static enum cs_err open_log(struct log *log, struct cs_log *lines, const struct cs_clock *clock)
{
    static const struct cs_rootkey_source source = {
        .kind = CS_ROOTKEY_COMMAND, .argv = {"printf", "%s", "0123456789abcdef0123456789abcdef"}};
    const struct cs_vault_params params = {
        .path = log->path, .source = &source, .brand = "cs", .clock = clock, .log = lines};
    enum cs_err err = cs_vault_create(&params);
    if (err == CS_OK)
        err = cs_vault_open(&params, &log->vault);
    log->count = 2; /* of its making and its opening */
    return err;
}

static void remove_log(struct log *log)
{
    char file[PATH_SIZE + 16];
    static const char *const names[] = {CS_STORE_DATA_NAME, CS_STORE_LOCK_NAME, "lock.mdb"};
    cs_vault_close(&log->vault);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(file, sizeof(file), "%s/%s", log->path, names[i]);
        (void)unlink(file);
    }
    (void)rmdir(log->path);
}

static double used_ns(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        abort();
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e9 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e3;
}

struct proving {
    uint64_t index;
    struct cs_audit_proof proof;
};

static enum cs_err prove(struct cs_ctx *ctx, void *arg)
{
    struct proving *proving = arg;
    return cs_audit_inclusion(ctx, proving->index, 0, &proving->proof);
}

static enum cs_err measure_proofs(const struct log *log, struct costs *costs)
{
    struct proving proving;
    enum cs_err err = CS_OK;
    uint64_t hashes = 0;
    double began = used_ns();
    for (uint64_t i = 0; err == CS_OK && i < PROOFS; i++) {
        proving.index = i * BIG_STEP % log->count;
        err = cs_vault_read(log->vault, NULL, prove, &proving);
        hashes += strlen(proving.proof.hashes) / 44;
    }
    costs->entries = log->count;
    costs->proof_ns = (used_ns() - began) / PROOFS;
    costs->hashes = (double)hashes / PROOFS;
    return err;
}

static enum cs_err measure(struct log *log, struct costs *costs)
{
    double began = used_ns();
    enum cs_err err = append(log, GROUPS, GROUP);
    costs->group_ns = (used_ns() - began) / (GROUPS * GROUP);
    began = used_ns();
    if (err == CS_OK)
        err = append(log, SINGLES, 1);
    costs->single_ns = (used_ns() - began) / SINGLES;
    return err == CS_OK ? measure_proofs(log, costs) : err;
}

static void tell(const char *name, const struct costs *costs, const char *end)
{
    printf("\"%s\":{\"group_ns\":%.0f,\"single_ns\":%.0f,\"proof_ns\":%.0f,\"hashes\":%.1f,"
           "\"entries\":%" PRIu64 "}%s",
           name, costs->group_ns, costs->single_ns, costs->proof_ns, costs->hashes, costs->entries,
           end);
}

/* The short log, as new, and the long one. */
static enum cs_err measure_round(struct log *few, uint64_t few_count, struct log *many,
                                 struct cs_log *lines, const struct cs_clock *clock)
{
    struct costs costs[2] = {{0}};
    enum cs_err err = open_log(few, lines, clock);
    if (err == CS_OK)
        err = grow(few, few_count);
    if (err == CS_OK)
        err = measure(few, &costs[0]);
    remove_log(few);
    if (err == CS_OK)
        err = measure(many, &costs[1]);
    if (err != CS_OK)
        return err;
    printf("{");
    tell("few", &costs[0], ",");
    tell("many", &costs[1], "}\n");
    return CS_OK;
}

static enum cs_err run(const char *folder, uint64_t few_count, uint64_t many_count, uint64_t rounds)
{
    struct cs_clock clock;
    struct cs_log *lines = NULL;
    struct cs_store_stats stats;
    bool locked = false;
    struct log few = {.count = 0};
    struct log many = {.count = 0};
    snprintf(few.path, sizeof(few.path), "%s/few", folder);
    snprintf(many.path, sizeof(many.path), "%s/many", folder);
    cs_clock_init(&clock);
    enum cs_err err = cs_secret_setup(true, &locked);
    if (err == CS_OK)
        err = cs_log_new(STDERR_FILENO, CS_LOG_WARN, CS_LOG_LOGFMT, &clock, &lines);
    if (err == CS_OK)
        err = open_log(&many, lines, &clock);
    if (err == CS_OK)
        err = grow(&many, many_count);
    if (err == CS_OK) {
        cs_store_stats(cs_vault_store(many.vault), &stats);
        printf("{\"entries\":%" PRIu64 ",\"bytes\":%" PRIu64 "}\n", many.count, stats.used_bytes);
    }
    for (uint64_t i = 0; err == CS_OK && i < rounds; i++)
        err = measure_round(&few, few_count, &many, lines, &clock);
    remove_log(&many);
    cs_log_free(&lines);
    return err;
}

static bool parse_count(const char *text, uint64_t *out)
{
    char *end = NULL;
    *out = strtoull(text, &end, 10);
    return end != text && *end == '\0' && *out >= 1 && *out <= 100000000;
}

int main(int argc, char **argv)
{
    uint64_t few = 0;
    uint64_t many = 0;
    uint64_t rounds = 0;
    if (argc != 5 || strlen(argv[1]) > PATH_SIZE - 16 || !parse_count(argv[2], &few) ||
        !parse_count(argv[3], &many) || !parse_count(argv[4], &rounds)) {
        fprintf(stderr, "usage: audit FOLDER FEW MANY ROUNDS\n");
        return 2;
    }
    enum cs_err err = run(argv[1], few, many, rounds);
    if (err != CS_OK)
        fprintf(stderr, "audit: %s\n", cs_err_name(err));
    return err == CS_OK ? 0 : 1;
}
