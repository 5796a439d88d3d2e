/*
 * The record decoder once more, with every head read by libcbor: what that says of some bytes is
 * what the program's own decoder has to say. Thread rule: one thread.
 */
#ifndef TESTS_UNIT_RECORD_LIBRARY_H
#define TESTS_UNIT_RECORD_LIBRARY_H

#include "base/record/record_internal.h"

enum cs_err decode_by_library(const struct cs_record *record, struct cs_slice in, void *value);
enum cs_err next_pair_by_library(struct cs_slice *pairs, struct cs_slice *pair, uint64_t *key);

#define READS_HEADS 0
#define cs_record_decode decode_by_library
#define cs_cbor_next_pair next_pair_by_library
#include "base/record/record_cbor_in.c"
#undef cs_record_decode
#undef cs_cbor_next_pair

#endif
