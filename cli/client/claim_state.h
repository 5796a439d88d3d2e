/*
 * Claim states: what `countersign claim` must remember between asking for a pair and having it said
 * that the pair arrived, so that it can be interrupted at any moment and repeated.
 *
 * There is a file for each claim under way: its key pair is in it before the claim is shown to the
 * server, so that whoever repeats has the key that the box is for; and the proof that the pair
 * arrived, before that is sent, so that a lost answer to it is no riddle. The file's name is a
 * digest of the claim; the claim is not in it. It goes when all is done. Failures are said on
 * stderr. Thread rule: one thread.
 */
#ifndef CS_CLI_CLIENT_CLAIM_STATE_H
#define CS_CLI_CLIENT_CLAIM_STATE_H

#include <stdbool.h>

#include "base/secret/secret.h"
#include "cli/client/own_file.h"
#include "vault/access/token.h"
#include "vault/credential/pair.h"

#define CS_CLAIM_STATE_NAME_SIZE 48

struct cs_claim_state {
    struct cs_secret *key; /* the X25519 secret half */
    bool keeps_key;        /* in the file; else the person has it */
    bool resumed;          /* there was one from a run before */
    bool handed_over;      /* and it had handed the pair over; then the next two are set */
    char client_id[CS_TOKEN_SIZE];
    uint8_t proof[CS_PAIR_PROOF_LEN];
    char name[CS_CLAIM_STATE_NAME_SIZE];
    struct cs_own_file file;
};

struct cs_claim_state_params {
    struct cs_slice claim;
    const char *folder;          /* where the files are; NULL: below XDG_STATE_HOME */
    const struct cs_secret *key; /* one that the person has; NULL: a new one */
};
/*
 * The state of the claim, from its file or new, and then it is on disk. `out` is closed by
 * cs_claim_state_close also after a failure, which says why: those of cs_own_file_read.
 */
CS_MUST_CHECK enum cs_err cs_claim_state_open(const struct cs_claim_state_params *params,
                                              struct cs_claim_state *out);
/* The pair was handed over: remembers its id and its proof. */
CS_MUST_CHECK enum cs_err cs_claim_state_hand_over(struct cs_claim_state *state,
                                                   const char *client_id,
                                                   const uint8_t proof[CS_PAIR_PROOF_LEN]);
/* All is done: the file is removed. */
CS_MUST_CHECK enum cs_err cs_claim_state_end(struct cs_claim_state *state);
void cs_claim_state_close(struct cs_claim_state *state);

#endif
