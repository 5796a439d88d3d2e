/*
 * The record decoder. The first byte chooses the record: one with a field of every type, and those
 * that matter most. What decodes must encode to the very bytes that came in, and print as JSON; and
 * libcbor must say the same of all of it.
 */
#include "tests/unit/record_fixture.h"
#include "tests/unit/record_library.h"

#include <assert.h>

#include "vault/audit/audit.h"
#include "vault/credential/credential.h"

#define ENCODED_MAX 65536
#define JSON_MAX (1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct cs_record *const records[] = {&sample_record, &cs_credential_record,
                                                  &cs_audit_entry_record};
#define RECORDS (sizeof(records) / sizeof(records[0]))

union any {
    struct sample sample;
    struct cs_credential credential;
    struct cs_audit_entry entry;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    union any value;
    union any theirs;
    struct cs_buf encoded;
    struct cs_buf json;
    if (size == 0)
        return 0;
    const struct cs_record *record = records[data[0] % RECORDS];
    struct cs_slice input = CS_SLICE(data + 1, size - 1);
    assert(record->size <= sizeof(value));
    memset(&value, 0xa5, sizeof(value)); /* decoding must not rest on a clean struct */
    memset(&theirs, 0xa5, sizeof(theirs));
    enum cs_err err = cs_record_decode(record, input, &value);
    assert(decode_by_library(record, input, &theirs) == err);
    if (err != CS_OK)
        return 0;
    assert(memcmp(&value, &theirs, sizeof(value)) == 0);
    cs_buf_init(&encoded, ENCODED_MAX);
    cs_record_encode(record, &value, &encoded);
    assert(cs_buf_err(&encoded) == CS_OK);
    assert(cs_slice_equal(CS_SLICE(encoded.bytes, encoded.len), input));
    cs_buf_free(&encoded);
    cs_buf_init(&json, JSON_MAX);
    cs_record_json(record, &value, &json);
    assert(cs_buf_err(&json) == CS_OK);
    cs_buf_free(&json);
    return 0;
}
