/*
 * The store's own rows, in the table behind the caller's.
 *
 *     "format"   two bytes of format version, two of how many tables there are; big-endian
 *     "loading"  there while a load is under way: a store that has it is not whole
 *     "seq"      the sequence number of the last commit; eight bytes, big-endian
 *
 * In an order that the writer relies on: it appends "seq" behind the changes of a batch.
 */
#ifndef CS_VAULT_STORE_STORE_META_H
#define CS_VAULT_STORE_STORE_META_H

#define CS_META_FORMAT "format"
#define CS_META_LOADING "loading"
#define CS_META_SEQ "seq"

#define CS_STORE_FORMAT 1
#define CS_META_FORMAT_LEN 4
#define CS_META_SEQ_LEN 8

#endif
