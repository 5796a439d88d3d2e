/*
 * The vault: a store and a keyring opened together, and the context in which domain code runs.
 *
 * Every read and change of domain objects happens in a function that is handed a `struct cs_ctx`;
 * a change writes its audit entry in the same transaction (vault/audit/audit.h). The vault knows
 * accounts, people, tokens, credentials and claims; it does not know the policy: what the policy
 * decides comes in as parameters from workflow. Thread rule: a vault is used from any thread; a
 * context only inside its function.
 */
#ifndef CS_VAULT_VAULT_H
#define CS_VAULT_VAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/id.h"
#include "base/text/network.h"
#include "vault/fault.h"
#include "vault/store/store.h"

struct cs_vault; /* opaque */
struct cs_keyring;
struct cs_note_key;
struct cs_rootkey_source;
struct cs_clock;
struct cs_log;
struct cs_limits;
struct cs_usage;
struct cs_active;

enum cs_actor_kind {
    CS_ACTOR_SYSTEM,     /* the sweeper, the command line at init */
    CS_ACTOR_USER,       /* a person */
    CS_ACTOR_SERVICE,    /* a service token */
    CS_ACTOR_CREDENTIAL, /* the key itself */
    CS_ACTOR_CLAIM,      /* whoever presented a claim */
    CS_ACTOR_ANONYMOUS,
    CS_ACTOR_COUNT
};
extern const char *const cs_actor_kind_names[]; /* NULL-terminated */

/* Who asks, for the audit log. */
struct cs_actor {
    enum cs_actor_kind kind;
    struct cs_id id;     /* of the user, service token, credential or claim; zero otherwise */
    char request_id[65]; /* "" when there is none */
    char address[CS_ADDRESS_SIZE]; /* the peer's IP address, or "" */
};

extern const struct cs_actor cs_actor_system;

struct cs_ctx {
    struct cs_tx *tx;
    struct cs_vault *vault;
    const struct cs_actor *actor;
    struct cs_fault *fault; /* may be NULL; reset before each run */
};

struct cs_vault_params {
    const char *path;                       /* data folder */
    const struct cs_rootkey_source *source; /* borrowed during the call */
    const char *brand;                      /* copied; the policy's */
    const char *origin; /* copied; of the audit log (base/note.h). NULL or "": named by its key */
    size_t map_size;    /* 0: the store's default */
    const struct cs_clock *clock; /* borrowed for life */
    struct cs_log *log;           /* borrowed for life, may be NULL */
};

/*
 * Makes the folder (0700) if absent, a store in it, a fresh keyring. A creation that was cut off is
 * gone on with. CS_ERR_EXISTS: there is a vault; CS_ERR_CONFLICT: and it is open; CS_ERR_DENIED:
 * the folder is another user's or open to others; CS_ERR_INVALID: the brand or the origin; and
 * what cs_rootkey_load returns.
 */
CS_MUST_CHECK enum cs_err cs_vault_create(const struct cs_vault_params *params);
/*
 * Opens, checks that the audit log ends where it says, and notes the opening in it.
 * CS_ERR_NOT_FOUND: no vault there; CS_ERR_DENIED: the root key does not open it, or the folder is
 * another user's or open to others; CS_ERR_CORRUPT; CS_ERR_CONFLICT: another process serves it;
 * CS_ERR_INVALID: the brand or the origin; and what cs_rootkey_load returns.
 */
CS_MUST_CHECK enum cs_err cs_vault_open(const struct cs_vault_params *params,
                                        struct cs_vault **out);
/* Writes what usage holds, then closes. */
void cs_vault_close(struct cs_vault **vault);

typedef enum cs_err cs_vault_fn(struct cs_ctx *ctx, void *arg);
/*
 * As cs_store_update and cs_store_read. `fault` may be NULL; it is emptied before each run of fn,
 * so that what a run that was taken back said does not stay.
 */
CS_MUST_CHECK enum cs_err cs_vault_update(struct cs_vault *vault, const struct cs_actor *actor,
                                          struct cs_fault *fault, cs_vault_fn *fn, void *arg);
CS_MUST_CHECK enum cs_err cs_vault_read(struct cs_vault *vault, struct cs_fault *fault,
                                        cs_vault_fn *fn, void *arg);
/*
 * The same without waiting: cs_store_submit. The task, and what it points to, stay until
 * update.done is called, which begins with the task: it is its first member.
 */
struct cs_vault_task {
    struct cs_update update; /* `done` is the caller's; the rest the vault's */
    const struct cs_actor *actor;
    struct cs_fault *fault; /* may be NULL */
    cs_vault_fn *fn;
    void *arg;
    struct cs_vault *vault; /* the vault's */
};
void cs_vault_submit(struct cs_vault *vault, struct cs_vault_task *task);

struct cs_store *cs_vault_store(struct cs_vault *vault);
const struct cs_keyring *cs_vault_keyring(const struct cs_vault *vault);
const struct cs_clock *cs_vault_clock(const struct cs_vault *vault);
struct cs_log *cs_vault_log(const struct cs_vault *vault);
const char *cs_vault_brand(const struct cs_vault *vault);
/* Who signs the audit log's checkpoints: its origin and public key. */
const struct cs_note_key *cs_vault_log_key(const struct cs_vault *vault);
struct cs_limits *cs_vault_limits(const struct cs_vault *vault);
struct cs_limits *cs_vault_attempts(const struct cs_vault *vault); /* failed ones, by address */
struct cs_usage *cs_vault_usage(const struct cs_vault *vault);
struct cs_active *cs_vault_active(const struct cs_vault *vault);
/* When it was opened, by the wall clock: what was in memory only before that is lost. */
int64_t cs_vault_opened_ms(const struct cs_vault *vault);

/* Texts that things of several kinds have, with their NUL. */
#define CS_NAME_SIZE 101
#define CS_EMAIL_SIZE 255  /* an address of at most 254 bytes (RFC 5321, 4.5.3.1.3) */
#define CS_GROUPS_SIZE 256 /* a word list of groups, or of tags */

/* One page of a listing, newest or oldest first. */
#define CS_LIST_MAX 100
struct cs_page {
    unsigned limit; /* 1 … CS_LIST_MAX */
    enum cs_order order;
    uint64_t after; /* handle of the last row of the page before; 0 for the first page */
    uint64_t next;  /* out: handle to go on after; 0 at the end. May be set with fewer than
                       `limit` rows, when a filter looked at as many as one call may */
};

#endif
