#include "server/http/check.h"

#include <string.h>
#include <strings.h>

#include "base/text/chars.h"
#include "vault/fault.h"

#define METHOD_MAX 32

static enum cs_err malformed(struct cs_fault *fault, const char *why)
{
    return cs_fault_set(fault, CS_ERR_INVALID, CS_FAULT_MALFORMED, NULL, "%s", why);
}

bool cs_check_is(struct cs_slice text, const char *name)
{
    return text.len == strlen(name) &&
           (text.len == 0 || strncasecmp((const char *)text.bytes, name, text.len) == 0);
}

/* RFC 9110 section 5.6.2; a bit for each ASCII character: digits, letters, !#$%&'*+-.^_`|~ */
static bool is_token(struct cs_slice text)
{
    static const uint32_t bits[8] = {0, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff};

    for (size_t i = 0; i < text.len; i++)
        if ((bits[text.bytes[i] / 32] >> text.bytes[i] % 32 & 1) == 0)
            return false;
    return text.len > 0;
}

/* Control characters (RFC 5234's CTL), of which a tab is one. */
static inline cs_chars controls(cs_chars c)
{
    return (cs_chars)((c < 0x20) | (c == 0x7f));
}

size_t cs_check_plain(struct cs_slice text)
{
    size_t at = 0;

    if (cs_chars_all(text, controls))
        return text.len;
    while (text.bytes[at] >= 0x20 && text.bytes[at] != 0x7f)
        at++;
    return at;
}

static bool is_value(struct cs_slice text)
{
    for (size_t at = 0; at < text.len; at++) {
        at += cs_check_plain(CS_SLICE(text.bytes + at, text.len - at));
        if (at < text.len && text.bytes[at] != '\t')
            return false;
    }
    return true;
}

/* Addresses as numbers: pieces from a caller that is wrong need not lie in one buffer. */
static uintptr_t start_of(struct cs_slice piece)
{
    return (uintptr_t)piece.bytes;
}

static uintptr_t end_of(struct cs_slice piece)
{
    return (uintptr_t)piece.bytes + piece.len;
}

/* The pieces lie as in `method SP target SP version CRLF (name ":" OWS value CRLF)* CRLF`. */
static bool is_canonical(const struct cs_head *head)
{
    struct cs_slice target = CS_SLICE(head->target_at, head->target.len);

    if (start_of(target) != end_of(head->method) + 1 ||
        start_of(head->version) != end_of(target) + 1)
        return false;
    uintptr_t line = end_of(head->version) + 2;
    for (size_t i = 0; i < head->header_count; i++) {
        const struct cs_head_line *header = &head->headers[i];
        if (start_of(header->name) != line || start_of(header->value) <= end_of(header->name))
            return false;
        line = end_of(header->value) + 2;
    }
    return start_of(head->method) + head->size == line + 2;
}

static enum cs_err check_size(const struct cs_head *head, struct cs_fault *fault)
{
    if (head->target.len > CS_TARGET_MAX)
        return cs_fault_set(fault, CS_ERR_TOO_LARGE, CS_FAULT_URI_TOO_LONG, NULL,
                            "A request target has at most %d bytes.", CS_TARGET_MAX);
    if (head->more_headers || head->size > CS_CHECK_HEAD_MAX)
        return cs_fault_set(fault, CS_ERR_TOO_LARGE, CS_FAULT_HEADERS_TOO_LARGE, NULL,
                            "A header section has at most %d headers and %d bytes.",
                            CS_CHECK_HEADERS_MAX, CS_CHECK_HEAD_MAX);
    return CS_OK;
}

static enum cs_err check_request_line(const struct cs_head *head, struct cs_framing *framing,
                                      struct cs_fault *fault)
{
    if (head->method.len > METHOD_MAX || !is_token(head->method))
        return malformed(fault, "The method is not a token.");
    if (cs_target_split(head->target, &framing->target))
        return malformed(fault, "The request target must be a path of visible ASCII characters "
                                "that begins with a slash.");
    framing->http10 = cs_slice_equal(head->version, cs_slice_str("HTTP/1.0"));
    if (!framing->http10 && !cs_slice_equal(head->version, cs_slice_str("HTTP/1.1")))
        return malformed(fault, "The version must be HTTP/1.1 or HTTP/1.0.");
    return CS_OK;
}

/* Checks each header on its own, and finds those that the server reads. */
static enum cs_err check_headers(const struct cs_head *head, struct cs_slice *found,
                                 struct cs_fault *fault)
{
    for (size_t i = 0; i < head->header_count; i++) {
        const struct cs_head_line *line = &head->headers[i];
        enum cs_header header = cs_header_find(line->name);
        if (header == CS_HEADER_COUNT && !is_token(line->name))
            return malformed(fault, "A header's name is not a token, or is followed by a space.");
        if (!is_value(line->value))
            return malformed(fault, "A header's value has a control character.");
        if (header == CS_HEADER_COUNT)
            continue;
        if (!found[header].bytes)
            found[header] = line->value;
        else if (cs_header_comes_once(header))
            return cs_fault_set(fault, CS_ERR_INVALID, CS_FAULT_MALFORMED, NULL,
                                "The header %s is given more than once.", cs_header_name(header));
    }
    return CS_OK;
}

/* All but visible ASCII without /, backslash, ?, #, @ and the comma. */
static inline cs_chars not_of_host(cs_chars c)
{
    return (cs_chars)((c <= ' ') | (c >= 0x7f) | (c == '/') | (c == '\\') | (c == '?') |
                      (c == '#') | (c == '@') | (c == ','));
}

static bool is_host(struct cs_slice host)
{
    return host.len > 0 && cs_chars_all(host, not_of_host);
}

static bool parse_length(struct cs_slice text, uint64_t *out)
{
    uint64_t length = 0;

    if (text.len == 0 || text.len > 18)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return false;
        length = length * 10 + (uint64_t)(text.bytes[i] - '0');
    }
    *out = length;
    return true;
}

static enum cs_err check_framing(struct cs_framing *framing, struct cs_fault *fault)
{
    struct cs_slice coding = framing->headers[CS_HEADER_TRANSFER_ENCODING];
    struct cs_slice length = framing->headers[CS_HEADER_CONTENT_LENGTH];

    if (coding.bytes && length.bytes)
        return malformed(fault, "Content-Length and Transfer-Encoding exclude each other.");
    if (coding.bytes && framing->http10)
        return malformed(fault, "HTTP/1.0 has no Transfer-Encoding.");
    if (coding.bytes && !cs_check_is(coding, "chunked"))
        return cs_fault_set(fault, CS_ERR_UNSUPPORTED, CS_FAULT_NOT_IMPLEMENTED, NULL,
                            "The only Transfer-Encoding is chunked.");
    framing->chunked = coding.bytes != NULL;
    framing->has_length = length.bytes != NULL;
    if (framing->has_length && !parse_length(length, &framing->length))
        return malformed(fault, "Content-Length must be a decimal number.");
    return CS_OK;
}

static struct cs_slice trim(struct cs_slice text)
{
    while (text.len > 0 && (text.bytes[0] == ' ' || text.bytes[0] == '\t'))
        text = CS_SLICE(text.bytes + 1, text.len - 1);
    while (text.len > 0 && (text.bytes[text.len - 1] == ' ' || text.bytes[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* The space that may follow a value; what is before it the library has skipped. */
static void trim_headers(struct cs_slice *found)
{
    for (int i = 0; i < CS_HEADER_COUNT; i++)
        if (found[i].len > 0)
            found[i] = trim(found[i]);
}

enum cs_err cs_check_head(const struct cs_head *head, struct cs_framing *framing,
                          struct cs_fault *fault)
{
    const struct cs_slice *host = &framing->headers[CS_HEADER_HOST];
    const struct cs_slice *expect = &framing->headers[CS_HEADER_EXPECT];
    enum cs_err err;

    memset(framing, 0, sizeof(*framing));
    err = check_size(head, fault);
    if (err)
        return err;
    if (!is_canonical(head))
        return malformed(fault, "The header section is not in canonical form: single spaces in the "
                                "request line, lines that end in CR LF, no folded lines.");
    err = check_request_line(head, framing, fault);
    if (err)
        return err;
    err = check_headers(head, framing->headers, fault);
    if (err)
        return err;
    if (host->bytes ? !is_host(*host) : !framing->http10)
        return malformed(fault, "A valid Host header must be given.");
    err = check_framing(framing, fault);
    if (err)
        return err;
    if (expect->bytes && !framing->http10) {
        if (!cs_check_is(*expect, "100-continue"))
            return malformed(fault, "The only expectation is 100-continue.");
        framing->expects = true;
    }
    trim_headers(framing->headers);
    return CS_OK;
}

/* Cuts the trimmed piece before the next `separator` outside quotes off `rest`. */
static bool next_piece(struct cs_slice *rest, uint8_t separator, struct cs_slice *piece)
{
    bool quoted = false;
    size_t end = 0;

    if (rest->bytes == NULL)
        return false;
    for (; end < rest->len; end++) {
        if (rest->bytes[end] == '"')
            quoted = !quoted;
        else if (rest->bytes[end] == '\\' && quoted && end + 1 < rest->len)
            end++;
        else if (rest->bytes[end] == separator && !quoted)
            break;
    }
    *piece = trim(CS_SLICE(rest->bytes, end));
    *rest =
        end < rest->len ? CS_SLICE(rest->bytes + end + 1, rest->len - end - 1) : CS_SLICE(NULL, 0);
    return true;
}

/* How closely a media range names the type: 0 not at all, 3 exactly. */
static int range_fits(struct cs_slice range, const char *type)
{
    size_t major = (size_t)(strchr(type, '/') - type) + 1;

    if (cs_check_is(range, type))
        return 3;
    if (cs_check_is(range, "*/*"))
        return 1;
    if (range.len == major + 1 && range.bytes[major] == '*' &&
        strncasecmp((const char *)range.bytes, type, major) == 0)
        return 2;
    return 0;
}

/* q=0, q=0.0, … forbid; whatever else it says permits. */
static bool is_weight_zero(struct cs_slice parameter)
{
    if (parameter.len < 3 || strncasecmp((const char *)parameter.bytes, "q=", 2) != 0)
        return false;
    for (size_t i = 2; i < parameter.len; i++)
        if (parameter.bytes[i] != '0' && parameter.bytes[i] != '.')
            return false;
    return true;
}

bool cs_check_accepts(struct cs_slice accept, const char *type)
{
    struct cs_slice element;
    struct cs_slice piece;
    bool admitted = false;
    int closest = 0;

    if (trim(accept).len == 0)
        return true;
    while (next_piece(&accept, ',', &element)) {
        if (!next_piece(&element, ';', &piece))
            continue;
        int fit = range_fits(piece, type);
        bool zero = false;
        while (next_piece(&element, ';', &piece))
            zero = zero || is_weight_zero(piece);
        if (fit > closest || (fit > 0 && fit == closest && !zero))
            admitted = !zero;
        closest = fit > closest ? fit : closest;
    }
    return admitted;
}

bool cs_check_content_type(struct cs_slice value, const char *type)
{
    struct cs_slice piece;

    if (cs_check_is(value, type))
        return true;
    if (!next_piece(&value, ';', &piece) || !cs_check_is(piece, type))
        return false;
    while (next_piece(&value, ';', &piece))
        if (!cs_check_is(piece, "charset=utf-8") && !cs_check_is(piece, "charset=\"utf-8\""))
            return false;
    return true;
}
