/*
 * The request checks. A head that they let through must be one that a second, strict reader of the
 * same bytes takes apart in the same way; its target and headers are then read like the server's.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "server/http/request_id.h"
#include "tests/unit/loose_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reader {
    const uint8_t *at;
    const uint8_t *end;
};

static bool take(struct reader *reader, const char *text)
{
    size_t len = strlen(text);

    if ((size_t)(reader->end - reader->at) < len || memcmp(reader->at, text, len) != 0)
        return false;
    reader->at += len;
    return true;
}

/* Takes bytes within [low, high] that are not in `but`. */
static struct cs_slice take_span(struct reader *reader, int low, int high, const char *but)
{
    const uint8_t *start = reader->at;

    while (reader->at < reader->end && *reader->at >= low && *reader->at <= high &&
           !strchr(but, *reader->at))
        reader->at++;
    return CS_SLICE(start, (size_t)(reader->at - start));
}

static struct cs_slice take_value(struct reader *reader)
{
    while (take(reader, " ") || take(reader, "\t"))
        continue;
    const uint8_t *start = reader->at;
    while (reader->at < reader->end && (*reader->at == '\t' || *reader->at >= 0x20) &&
           *reader->at != 0x7f)
        reader->at++;
    return CS_SLICE(start, (size_t)(reader->at - start));
}

/* How often a header of this name was accepted, and its value. */
static size_t count_headers(const struct cs_head *head, const char *name, struct cs_slice *value)
{
    size_t count = 0;

    for (size_t i = 0; i < head->header_count; i++) {
        if (!cs_check_is(head->headers[i].name, name))
            continue;
        *value = head->headers[i].value;
        count++;
    }
    return count;
}

/* The strict reader: RFC 9112 sections 3 and 5, and nothing that it merely tolerates. */
static void check_bytes(const struct cs_head *head, const uint8_t *raw, size_t len)
{
    struct reader reader = {raw, raw + len};

    assert(cs_slice_equal(take_span(&reader, 0x21, 0x7e, ""), head->method));
    assert(take(&reader, " "));
    assert(cs_slice_equal(take_span(&reader, 0x21, 0x7e, "#"), head->target));
    assert(head->target.len <= CS_TARGET_MAX && head->target.bytes[0] == '/');
    assert(take(&reader, " HTTP/1.1") || take(&reader, " HTTP/1.0"));
    assert(take(&reader, "\r\n"));
    for (size_t i = 0; i < head->header_count; i++) {
        struct cs_slice name = take_span(&reader, 0x21, 0x7e, ":\"(),/;<=>?@[\\]{}");
        assert(name.len > 0 && cs_slice_equal(name, head->headers[i].name));
        assert(take(&reader, ":"));
        assert(cs_slice_equal(take_value(&reader), head->headers[i].value));
        assert(take(&reader, "\r\n"));
    }
    assert(take(&reader, "\r\n"));
    assert((size_t)(reader.at - raw) == head->size && head->size <= CS_CHECK_HEAD_MAX);
}

static void check_framing(const struct cs_head *head, const struct cs_framing *framing)
{
    struct cs_slice value = {0};
    char text[32];

    assert(count_headers(head, "Host", &value) == 1 || framing->http10);
    assert(count_headers(head, "Authorization", &value) <= 1);
    assert(count_headers(head, "Transfer-Encoding", &value) == (size_t)framing->chunked);
    assert(!framing->chunked || cs_check_is(value, "chunked"));
    assert(count_headers(head, "Content-Length", &value) == (size_t)framing->has_length);
    assert(!framing->chunked || !framing->has_length);
    if (!framing->has_length)
        return;
    while (value.len > 1 && value.bytes[0] == '0')
        value = CS_SLICE(value.bytes + 1, value.len - 1);
    snprintf(text, sizeof(text), "%llu", (unsigned long long)framing->length);
    assert(cs_slice_equal(value, cs_slice_str(text)));
}

static void check_text(struct cs_slice text)
{
    for (size_t i = 0; i < text.len; i++)
        assert(text.bytes[i] >= 0x20 && text.bytes[i] != 0x7f);
    assert(text.len == 0 || cs_utf8_is_text((const char *)text.bytes, text.len));
}

static size_t count_slashes(const char *text, size_t len)
{
    size_t count = 0;

    for (size_t i = 0; i < len; i++)
        count += text[i] == '/';
    return count;
}

static void read_target(const struct cs_head *head)
{
    struct cs_target target;
    struct cs_query_member members[CS_TARGET_QUERY_MAX];
    char room[CS_TARGET_MAX];
    size_t count;

    assert(cs_target_split(head->target, &target) == CS_OK);
    if (cs_target_check_path(target.path) == CS_OK) {
        size_t len;
        assert(cs_target_decode(target.path, room, &len) == CS_OK);
        check_text(CS_SLICE(room, len));
        assert(count_slashes(room, len) ==
               count_slashes((const char *)target.path.bytes, target.path.len));
        assert(!memmem(room, len, "//", 2) && !memmem(room, len, "/../", 4));
    }
    if (target.query.len > 0)
        memcpy(room, target.query.bytes, target.query.len);
    if (cs_target_query(CS_SLICE(room, target.query.len), room, members, &count))
        return;
    for (size_t i = 0; i < count; i++) {
        assert(members[i].name.len > 0);
        check_text(members[i].name);
        check_text(members[i].value);
    }
}

static void read_headers(const struct cs_head *head)
{
    struct cs_request_ids ids = {.text = "0000000000000ZZZZZZZZZZZZZ"};
    char id[CS_REQUEST_ID_MAX + 1];

    for (size_t i = 0; i < head->header_count; i++) {
        struct cs_slice value = head->headers[i].value;
        (void)cs_check_accepts(value, "application/json");
        (void)cs_check_content_type(value, "application/json");
        cs_request_id_choose(&ids, value, id);
        assert(strlen(id) > 0 && strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                            "0123456789._-") == strlen(id));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct loose loose;
    struct cs_framing framing;
    struct cs_fault fault = {0};

    if (loose_parse(&loose, data, size)) {
        struct cs_head head = loose.head;
        size_t start = (size_t)(head.method.bytes - (const uint8_t *)loose.bytes);
        enum cs_err err = cs_check_head(&head, &framing, &fault);
        assert((err == CS_OK) == (fault.code == CS_FAULT_NONE));
        if (!err) {
            /* What lies behind a NUL the check can not tell; its header says so. */
            if (!memchr(data + start, '\0', loose.at - start))
                check_bytes(&head, data + start, loose.at - start);
            check_framing(&head, &framing);
            read_target(&head);
            read_headers(&head);
        }
    }
    loose_free(&loose);
    return 0;
}
