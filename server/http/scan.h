/*
 * Scanning: small flat JSON bodies, read without a tree and without the heap.
 *
 * Reads what a JSON library writes for a record of texts, ids, enums, numbers and word lists, and
 * only that. It never says what is wrong with a body: whatever it does not take at once is for
 * cs_record_from_json, which refuses it in full sentences or takes it after all.
 * Thread rule: pure.
 */
#ifndef CS_SERVER_HTTP_SCAN_H
#define CS_SERVER_HTTP_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct cs_record;

/* A body that is one object with one member, a list of objects: where it has got to. */
struct cs_scan_list {
    const uint8_t *at;
    const uint8_t *end;
    uint64_t count; /* elements that were handed out */
};
enum cs_scanned {
    CS_SCANNED_ONE,   /* the next element is in `value` and `given`, as of cs_scan_record */
    CS_SCANNED_ALL,   /* there is none left, and the body ends as it should */
    CS_SCANNED_UNREAD /* ask the reader that explains itself */
};

/*
 * True: `value` and `given` are what cs_record_from_json would make of the same body, but that
 * bytes behind the end of a text or word list are left as they were. False: ask that instead; then
 * both are undefined, and `value` may hold parts of the body.
 */
bool cs_scan_record(const struct cs_record *record, struct cs_slice in, void *value,
                    uint64_t *given);
/* Begins {"name":[…]}. False: ask the other reader. The name needs no escapes. */
bool cs_scan_list_begin(struct cs_slice in, const char *name, struct cs_scan_list *out);
enum cs_scanned cs_scan_list_next(struct cs_scan_list *list, const struct cs_record *record,
                                  void *value, uint64_t *given);

#endif
