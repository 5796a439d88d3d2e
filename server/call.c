#include "server/call.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "server/http/scan.h"

struct cs_slice cs_call_after_scheme(struct cs_slice value, const char *scheme)
{
    size_t at = strlen(scheme);

    if (value.len <= at || strncasecmp((const char *)value.bytes, scheme, at) != 0)
        return CS_SLICE(NULL, 0);
    while (at < value.len && value.bytes[at] == ' ')
        at++;
    return CS_SLICE(value.bytes + at, value.len - at);
}

struct cs_slice cs_call_bearer(const struct cs_call *call)
{
    return cs_call_after_scheme(cs_call_header(call, CS_HEADER_AUTHORIZATION), "Bearer ");
}

struct cs_slice cs_call_param(const struct cs_call *call, const char *name)
{
    int position = cs_route_param(call->route, name);

    assert(position >= 0 && (size_t)position < call->param_count);
    return call->params[position];
}

bool cs_call_query_next(const struct cs_call *call, const char *name, size_t *cursor,
                        struct cs_slice *value)
{
    struct cs_slice wanted = cs_slice_str(name);

    while (*cursor < call->query_count) {
        const struct cs_query_member *member = &call->query[(*cursor)++];
        if (cs_slice_equal(member->name, wanted)) {
            *value = member->value;
            return true;
        }
    }
    return false;
}

struct cs_slice cs_call_query(const struct cs_call *call, const char *name)
{
    struct cs_slice value = {0};
    size_t cursor = 0;

    (void)cs_call_query_next(call, name, &cursor, &value);
    return value;
}

static bool parse_u64(struct cs_slice text, uint64_t *out)
{
    uint64_t value = 0;

    if (text.len == 0 || text.len > 19)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text.bytes[i] - '0');
    }
    *out = value;
    return true;
}

enum cs_err cs_call_query_u64(struct cs_call *call, const char *name, uint64_t low, uint64_t high,
                              uint64_t absent, uint64_t *out)
{
    struct cs_slice text = cs_call_query(call, name);
    uint64_t value = absent;

    if (text.bytes && (!parse_u64(text, &value) || value < low || value > high))
        return cs_call_refuse(call, CS_ERR_INVALID, CS_FAULT_INVALID_QUERY,
                              "%s must be a number from %llu to %llu.", name,
                              (unsigned long long)low, (unsigned long long)high);
    *out = value;
    return CS_OK;
}

static void list_names(const char *const *names, char *out, size_t size)
{
    struct cs_buf buf;

    cs_buf_lend(&buf, out, size);
    for (size_t i = 0; names[i]; i++) {
        if (i > 0)
            cs_buf_put_str(&buf, ", ");
        cs_buf_put_str(&buf, names[i]);
    }
    (void)cs_buf_text(&buf);
    out[size - 1] = '\0';
}

enum cs_err cs_call_query_enum(struct cs_call *call, const char *name, const char *const *names,
                               int absent, int *out)
{
    struct cs_slice text = cs_call_query(call, name);
    char list[160];

    if (!text.bytes) {
        *out = absent;
        return CS_OK;
    }
    for (int i = 0; names[i]; i++) {
        if (cs_slice_equal(text, cs_slice_str(names[i]))) {
            *out = i;
            return CS_OK;
        }
    }
    list_names(names, list, sizeof(list));
    return cs_call_refuse(call, CS_ERR_INVALID, CS_FAULT_INVALID_QUERY, "%s must be one of: %s.",
                          name, list);
}

enum cs_err cs_call_read(struct cs_call *call, const struct cs_record *record, void *value,
                         uint64_t *given)
{
    /* No body is an empty object, so that its complaints name the members that are missing. */
    struct cs_slice body = call->body.len > 0 ? call->body : cs_slice_str("{}");
    uint64_t ignored;

    if (!given)
        given = &ignored;
    memset(value, 0, record->size);
    call->complaints.count = 0;
    if (cs_scan_record(record, body, value, given))
        return CS_OK;
    enum cs_err err = cs_record_from_json(record, body, value, given, &call->complaints);
    if (err == CS_ERR_INVALID)
        call->fault.code = CS_FAULT_INVALID_BODY;
    return err;
}

enum cs_err cs_call_refuse(struct cs_call *call, enum cs_err err, enum cs_fault_code code,
                           const char *format, ...)
{
    va_list args;

    call->fault.code = code;
    call->fault.pointer[0] = '\0';
    va_start(args, format);
    vsnprintf(call->fault.detail, sizeof(call->fault.detail), format, args);
    va_end(args);
    return err;
}
