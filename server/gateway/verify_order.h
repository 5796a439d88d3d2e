/*
 * Orders: what a gateway asks about one key in JSON, and the question that becomes of it.
 *
 * An order holds secrets: whoever reads one wipes it, or all of its memory where one is read over
 * another. Thread rule: pure.
 */
#ifndef CS_SERVER_GATEWAY_VERIFY_ORDER_H
#define CS_SERVER_GATEWAY_VERIFY_ORDER_H

#include "base/record/record.h"
#include "base/text/network.h"
#include "vault/verify/verify.h"

/* Whatever a key's caller sent is told apart from a key here, not by who passes it on. */
#define CS_PRESENTED_MAX 1024
#define CS_COST_MAX 1000000

struct cs_verify_order {
    char key[CS_PRESENTED_MAX + 1];
    char client_id[CS_PRESENTED_MAX + 1];
    char client_secret[CS_PRESENTED_MAX + 1];
    int mode;
    char scopes[CS_SCOPES_SIZE];
    char any_scopes[CS_SCOPES_SIZE];
    char ip[CS_ADDRESS_SIZE];
    uint64_t cost;
    uint64_t given; /* which of these were */
};
extern const struct cs_record cs_verify_order_record;

/* What the record cannot say: complains of members that exclude each other. `at` is the pointer to
 * the order in the body, "" if it is all of it. */
void cs_verify_order_check(const struct cs_verify_order *order, const char *at,
                           struct cs_complaints *complaints);
/* Fills what the order has a say in, and borrows from it. Rates are not an order's to choose. */
void cs_verify_order_ask(const struct cs_verify_order *order, struct cs_question *out);

/* Wipes the secrets of one that was read into memory of its own. They are short, and their room is
 * not: on the hot path that would cost more than reading them. */
void cs_verify_order_wipe(struct cs_verify_order *order);

#endif
