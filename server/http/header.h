/*
 * Headers: those of a request that the server reads, in one table, each found once for a request.
 *
 * A header that is not in it is checked for its form and then ignored. Thread rule: pure.
 */
#ifndef CS_SERVER_HTTP_HEADER_H
#define CS_SERVER_HTTP_HEADER_H

#include <stdbool.h>

#include "base/bytes.h"

/*
 * Symbol, first letter, name, and whether it may come once only: told twice by an attacker or a
 * broken client. Of the others the first one counts; where all do (Accept), whoever asks sees to
 * it. The first letter and the length of a name are where it is looked for: two that have both in
 * common do not compile (server/http/header.c).
 */
#define CS_HEADERS(X)                                                                              \
    X(HOST, 'H', "Host", true)                                                                     \
    X(CONTENT_LENGTH, 'C', "Content-Length", true)                                                 \
    X(TRANSFER_ENCODING, 'T', "Transfer-Encoding", true)                                           \
    X(AUTHORIZATION, 'A', "Authorization", true)                                                   \
    X(CONTENT_TYPE, 'C', "Content-Type", true)                                                     \
    X(CONTENT_ENCODING, 'C', "Content-Encoding", false)                                            \
    X(ACCEPT, 'A', "Accept", false)                                                                \
    X(EXPECT, 'E', "Expect", true)                                                                 \
    X(IDEMPOTENCY_KEY, 'I', "Idempotency-Key", true)                                               \
    X(IF_MATCH, 'I', "If-Match", true)                                                             \
    X(ORIGIN, 'O', "Origin", true)                                                                 \
    X(REQUEST_ID, 'X', "X-Request-Id", false)                                                      \
    X(API_KEY, 'X', "X-Api-Key", true)                                                             \
    X(TOKEN, 'X', "X-Countersign-Token", true)                                                     \
    X(MODE, 'X', "X-Countersign-Mode", true)                                                       \
    X(SCOPES, 'X', "X-Countersign-Scopes", true)                                                   \
    X(ANY_SCOPES, 'X', "X-Countersign-Any-Scopes", true)                                           \
    X(IP, 'X', "X-Countersign-Ip", true)

enum cs_header {
#define CS_HEADER_SYMBOL(symbol, letter, name, once) CS_HEADER_##symbol,
    CS_HEADERS(CS_HEADER_SYMBOL)
#undef CS_HEADER_SYMBOL
        CS_HEADER_COUNT /* and: none of these */
};

/* Compares without ASCII case. CS_HEADER_COUNT for any other name. */
enum cs_header cs_header_find(struct cs_slice name);
const char *cs_header_name(enum cs_header header);
bool cs_header_comes_once(enum cs_header header);

#endif
