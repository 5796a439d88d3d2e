/*
 * A body of a request, and what scanning it must agree with.
 */
#ifndef CS_TESTS_UNIT_SCAN_FIXTURE_H
#define CS_TESTS_UNIT_SCAN_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include "base/record/record.h"
#include "base/text/mode.h"
#include "server/http/scan.h"

struct body {
    char key[32];
    char label[8];
    int mode;
    char scopes[40];
    char few[24];
    uint64_t cost;
    uint64_t any;
    struct cs_id owner;
    bool flag;
    uint64_t shown; /* not for callers to set */
};

#define BODY_IN (CS_FF_IN | CS_FF_OUT)

static const struct cs_field body_fields[] = {
    CS_FIELD(0, CS_F_TEXT, struct body, key, BODY_IN | CS_FF_REQUIRED, "A text."),
    CS_FIELD_RANGE(0, CS_F_TEXT, struct body, label, BODY_IN, 2, 5, "A bounded one."),
    CS_FIELD_ENUM(0, struct body, mode, BODY_IN | CS_FF_NULLABLE, cs_mode_names, "A name."),
    CS_FIELD(0, CS_F_WORDS, struct body, scopes, BODY_IN | CS_FF_NULLABLE, "Words."),
    CS_FIELD_RANGE(0, CS_F_WORDS, struct body, few, BODY_IN, 1, 2, "One or two words."),
    CS_FIELD_RANGE(0, CS_F_UINT, struct body, cost, BODY_IN, 1, 1000, "A bounded number."),
    CS_FIELD(0, CS_F_UINT, struct body, any, BODY_IN, "Any number."),
    CS_FIELD_ID(0, struct body, owner, BODY_IN | CS_FF_NULLABLE, "acct", "An id."),
    CS_FIELD(0, CS_F_BOOL, struct body, flag, BODY_IN, "Of a type that is not scanned."),
    CS_FIELD(0, CS_F_UINT, struct body, shown, CS_FF_OUT, "Only told."),
};
static const struct cs_record body_record = {
    .name = "body",
    .size = sizeof(struct body),
    .fields = body_fields,
    .field_count = sizeof(body_fields) / sizeof(body_fields[0]),
    .doc = "A body.",
};

/* What was scanned is what is read, or the scan said nothing. False: they differ. */
static inline bool scan_agrees(const char *text, size_t len, bool *scanned)
{
    struct body fast;
    struct body slow;
    struct cs_complaints complaints;
    struct cs_buf told[2];
    char room[2][512];
    uint64_t given[2];
    /* A copy of its own size, so that a byte read beyond it is found. */
    uint8_t *copy = malloc(len + 1);
    if (copy == NULL)
        abort();
    memcpy(copy, text, len);
    copy = realloc(copy, len > 0 ? len : 1);
    memset(&fast, 0xff, sizeof(fast));
    *scanned = cs_scan_record(&body_record, CS_SLICE(copy, len), &fast, &given[0]);
    enum cs_err err =
        cs_record_from_json(&body_record, CS_SLICE(copy, len), &slow, &given[1], &complaints);
    free(copy);
    if (!*scanned)
        return true;
    if (err != CS_OK || given[0] != given[1])
        return false;
    for (int i = 0; i < 2; i++) {
        cs_buf_lend(&told[i], room[i], sizeof(room[i]));
        cs_record_json(&body_record, i == 0 ? &fast : &slow, &told[i]);
    }
    return cs_buf_err(&told[0]) == CS_OK && told[0].len == told[1].len &&
           memcmp(room[0], room[1], told[0].len) == 0;
}

struct body_list {
    struct body items[4];
    uint16_t item_count;
};

static const struct cs_field body_list_fields[] = {
    CS_FIELD_LIST(0, struct body_list, items, item_count, BODY_IN | CS_FF_REQUIRED, 4, &body_record,
                  "Bodies."),
};
static const struct cs_record body_list_record = {
    .name = "body_list",
    .size = sizeof(struct body_list),
    .fields = body_list_fields,
    .field_count = 1,
    .doc = "A body with a list.",
};

/* A list that was scanned to its end is the one that is read; *count: its elements. */
static inline bool scan_list_agrees(const char *text, size_t len, uint64_t *count)
{
    struct body fast;
    struct body_list slow;
    struct cs_complaints complaints;
    struct cs_scan_list list;
    uint64_t given = 0;
    char keys[8][32];
    enum cs_scanned scanned = CS_SCANNED_UNREAD;
    uint8_t *copy = malloc(len > 0 ? len : 1); /* a byte read beyond it is found */
    if (copy == NULL)
        return false;
    memcpy(copy, text, len);
    *count = 0;
    if (cs_scan_list_begin(CS_SLICE(copy, len), "items", &list)) {
        while (list.count < 8 &&
               (scanned = cs_scan_list_next(&list, &body_record, &fast, &given)) == CS_SCANNED_ONE)
            memcpy(keys[list.count - 1], fast.key, sizeof(keys[0]));
    }
    enum cs_err err =
        cs_record_from_json(&body_list_record, CS_SLICE(copy, len), &slow, NULL, &complaints);
    free(copy);
    if (scanned != CS_SCANNED_ALL)
        return true;
    *count = list.count;
    if (list.count > 4) /* how many there may be is the caller's to check */
        return err != CS_OK;
    bool same = err == CS_OK && slow.item_count == list.count;
    for (size_t i = 0; i < list.count && same; i++)
        same = strcmp(slow.items[i].key, keys[i]) == 0;
    return same;
}

#endif
