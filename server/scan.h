/*
 * Scanning: small flat JSON bodies, read without a tree and without the heap.
 *
 * Reads what a JSON library writes for a record of texts, ids, enums, numbers and word lists, and
 * only that. It never says what is wrong with a body: whatever it does not take at once is for
 * cs_record_from_json, which refuses it in full sentences or takes it after all.
 * Thread rule: pure.
 */
#ifndef CS_SERVER_SCAN_H
#define CS_SERVER_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct cs_record;

/*
 * True: `value` and `given` are what cs_record_from_json would make of the same body, but that
 * bytes behind the end of a text or word list are left as they were. False: ask that instead; then
 * both are undefined, and `value` may hold parts of the body.
 */
bool cs_scan_record(const struct cs_record *record, struct cs_slice in, void *value,
                    uint64_t *given);

#endif
