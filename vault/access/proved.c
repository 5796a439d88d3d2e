#include "vault/access/proved.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "vault/store/store.h"

struct entry {
    struct cs_secret *token; /* NULL: free */
    struct cs_access_service service;
    uint64_t seq; /* as of this commit */
};

/* Threads write their own lane with every new token: no two lanes share a cache line. */
struct lane {
    struct entry entries[CS_PROVED_TOKENS];
    unsigned next; /* the oldest */
    char apart[64];
};

struct cs_proved {
    struct cs_vault *vault;
    unsigned lanes;
    struct lane lane[];
};

enum cs_err cs_proved_new(struct cs_vault *vault, unsigned lanes, struct cs_proved **out)
{
    struct cs_proved *proved = calloc(1, sizeof(*proved) + lanes * sizeof(proved->lane[0]));
    *out = proved;
    if (proved == NULL)
        return CS_ERR_NOMEM;
    proved->vault = vault;
    proved->lanes = lanes;
    return CS_OK;
}

void cs_proved_free(struct cs_proved **proved)
{
    if (*proved == NULL)
        return;
    for (unsigned i = 0; i < (*proved)->lanes; i++)
        for (unsigned j = 0; j < CS_PROVED_TOKENS; j++)
            cs_secret_free(&(*proved)->lane[i].entries[j].token);
    free(*proved);
    *proved = NULL;
}

/* What is not as long as a remembered token is not compared with it: all are of one length. */
static struct entry *find(struct lane *lane, struct cs_slice token)
{
    for (unsigned i = 0; i < CS_PROVED_TOKENS; i++) {
        struct entry *entry = &lane->entries[i];
        if (entry->token != NULL && cs_secret_equal(cs_secret_slice(entry->token), token))
            return entry;
    }
    return NULL;
}

struct question {
    struct cs_slice token;
    uint32_t role;
    struct cs_access_service service;
    uint64_t seq;
    bool settled; /* nothing that touches tokens is on its way past this snapshot */
};

static enum cs_err prove(struct cs_ctx *ctx, void *arg)
{
    struct question *question = arg;
    enum cs_err err =
        cs_access_check_service(ctx, question->token, question->role, &question->service);
    if (err == CS_OK)
        err = cs_tx_seq(ctx->tx, &question->seq);
    question->settled = err == CS_OK && cs_store_touched(cs_vault_store(ctx->vault),
                                                         CS_TABLE_ACCESS) <= question->seq;
    return err;
}

/* Without memory for it the token is proved again next time. */
static void remember(struct lane *lane, struct entry *entry, const struct question *question)
{
    if (entry == NULL) {
        entry = &lane->entries[lane->next];
        lane->next = (lane->next + 1) % CS_PROVED_TOKENS;
    }
    cs_secret_free(&entry->token);
    if (cs_secret_from(question->token.bytes, question->token.len, &entry->token) != CS_OK)
        return;
    entry->service = question->service;
    entry->seq = question->seq;
}

static bool still_holds(const struct cs_proved *proved, const struct entry *entry, uint32_t role)
{
    const struct cs_access_service *service = &entry->service;
    return cs_store_touched(cs_vault_store(proved->vault), CS_TABLE_ACCESS) <= entry->seq &&
           (service->roles & role) != 0 &&
           (service->expires_at == 0 ||
            cs_clock_wall_ms(cs_vault_clock(proved->vault)) < service->expires_at);
}

enum cs_err cs_proved_check(struct cs_proved *proved, unsigned lane_index, struct cs_slice token,
                            uint32_t role, struct cs_id *id)
{
    struct question question = {.token = token, .role = role};
    struct lane *lane = lane_index < proved->lanes ? &proved->lane[lane_index] : NULL;
    struct entry *entry = lane != NULL ? find(lane, token) : NULL;
    if (entry != NULL && still_holds(proved, entry, role)) {
        *id = entry->service.id;
        return CS_OK;
    }
    enum cs_err err = cs_vault_read(proved->vault, NULL, prove, &question);
    if (err != CS_OK)
        return err;
    if (lane != NULL && question.settled)
        remember(lane, entry, &question);
    *id = question.service.id;
    return CS_OK;
}
