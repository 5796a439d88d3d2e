#include "vault/access/known.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "vault/access/token.h"
#include "vault/store/store.h"

struct place {
    pthread_mutex_t lock;
    struct cs_caller *callers[CS_KNOWN_PER_PLACE]; /* NULL: free; all free ones stand last */
    unsigned next;                                 /* whose turn it is to go */
};

struct cs_known {
    struct cs_vault *vault;
    struct place places[CS_KNOWN_PLACES];
};

enum cs_err cs_known_new(struct cs_vault *vault, struct cs_known **out)
{
    struct cs_known *known = calloc(1, sizeof(*known));
    *out = known;
    if (known == NULL)
        return CS_ERR_NOMEM;
    known->vault = vault;
    for (size_t i = 0; i < CS_KNOWN_PLACES; i++)
        pthread_mutex_init(&known->places[i].lock, NULL);
    return CS_OK;
}

static void forget(struct cs_caller *caller)
{
    if (caller != NULL)
        cs_wipe(caller, sizeof(*caller));
    free(caller);
}

void cs_known_free(struct cs_known **known)
{
    if (*known == NULL)
        return;
    for (size_t i = 0; i < CS_KNOWN_PLACES; i++) {
        struct place *place = &(*known)->places[i];
        for (size_t j = 0; j < CS_KNOWN_PER_PLACE; j++)
            forget(place->callers[j]);
        pthread_mutex_destroy(&place->lock);
    }
    free(*known);
    *known = NULL;
}

static struct place *place_of(struct cs_known *known, const uint8_t *hash)
{
    return &known->places[cs_get_be16(hash) % CS_KNOWN_PLACES];
}

/* Where the caller of that hash is, or one who comes anew would go. Under the place's lock. */
static struct cs_caller **find(struct place *place, const uint8_t *hash)
{
    for (size_t i = 0; i < CS_KNOWN_PER_PLACE; i++) {
        struct cs_caller *caller = place->callers[i];
        if (caller == NULL || cs_secret_equal(CS_SLICE(caller->access.hash, CS_TOKEN_HASH_LEN),
                                              CS_SLICE(hash, CS_TOKEN_HASH_LEN)))
            return &place->callers[i];
    }
    return NULL;
}

/* Neither row can have been changed since it was read; what time alone ends is asked of the clock.
 */
static bool still_holds(struct cs_vault *vault, const struct cs_caller *caller)
{
    const struct cs_store *store = cs_vault_store(vault);
    return cs_store_touched(store, CS_TABLE_ACCESS) <= caller->seq &&
           cs_store_touched(store, CS_TABLE_USER) <= caller->seq &&
           cs_access_is_in_force(&caller->access, cs_clock_wall_ms(cs_vault_clock(vault)));
}

static bool recall(struct cs_known *known, const uint8_t *hash, struct cs_caller *out)
{
    struct place *place = place_of(known, hash);
    pthread_mutex_lock(&place->lock);
    struct cs_caller **found = find(place, hash);
    bool holds = found != NULL && *found != NULL && still_holds(known->vault, *found);
    if (holds)
        *out = **found;
    pthread_mutex_unlock(&place->lock);
    return holds;
}

/* Without memory for it the caller is looked up again next time. */
static void remember(struct cs_known *known, const struct cs_caller *caller)
{
    struct place *place = place_of(known, caller->access.hash);
    pthread_mutex_lock(&place->lock);
    struct cs_caller **slot = find(place, caller->access.hash);
    if (slot == NULL) {
        slot = &place->callers[place->next];
        place->next = (place->next + 1) % CS_KNOWN_PER_PLACE;
    }
    if (*slot == NULL)
        *slot = malloc(sizeof(**slot));
    if (*slot != NULL)
        **slot = *caller;
    pthread_mutex_unlock(&place->lock);
}

struct question {
    struct cs_slice token;
    struct cs_caller *out;
};

static enum cs_err look_up(struct cs_ctx *ctx, void *arg)
{
    const struct question *question = arg;
    return cs_access_authenticate(ctx, question->token, question->out);
}

enum cs_err cs_known_authenticate(struct cs_known *known, struct cs_slice token,
                                  struct cs_caller *out)
{
    uint8_t hash[CS_TOKEN_HASH_LEN];
    struct question question = {.token = token, .out = out};
    const struct cs_keyring *keyring = cs_vault_keyring(known->vault);
    uint8_t version = cs_keyring_lookup_version(keyring, CS_REALM_SYSTEM);
    if (token.len < CS_TOKEN_SIZE &&
        cs_keyring_token_hash(keyring, CS_REALM_SYSTEM, version, token, hash) == CS_OK &&
        recall(known, hash, out))
        return CS_OK;
    enum cs_err err = cs_vault_read(known->vault, NULL, look_up, &question);
    /* A hash under an older key is not what the next call's will be. */
    if (err == CS_OK && out->access.hash_version == version)
        remember(known, out);
    return err;
}
