#include "server/http/check.h"

#include <string.h>
#include <strings.h>

#include "vault/fault.h"

#define METHOD_MAX 32

/* Headers that are told twice only by an attacker or a broken client. */
#define SINGLES(X)                                                                                 \
    X(HOST, "Host")                                                                                \
    X(CONTENT_LENGTH, "Content-Length")                                                            \
    X(TRANSFER_ENCODING, "Transfer-Encoding")                                                      \
    X(AUTHORIZATION, "Authorization")                                                              \
    X(CONTENT_TYPE, "Content-Type")                                                                \
    X(EXPECT, "Expect")                                                                            \
    X(IDEMPOTENCY_KEY, "Idempotency-Key")                                                          \
    X(IF_MATCH, "If-Match")                                                                        \
    X(ORIGIN, "Origin")                                                                            \
    X(API_KEY, "X-Api-Key")                                                                        \
    X(TOKEN, "X-Countersign-Token")                                                                \
    X(MODE, "X-Countersign-Mode")                                                                  \
    X(SCOPES, "X-Countersign-Scopes")                                                              \
    X(ANY_SCOPES, "X-Countersign-Any-Scopes")                                                      \
    X(IP, "X-Countersign-Ip")

enum single {
#define SINGLE_SYMBOL(symbol, text) SINGLE_##symbol,
    SINGLES(SINGLE_SYMBOL)
#undef SINGLE_SYMBOL
        SINGLE_COUNT
};

static const struct {
    const char *name;
    size_t len;
} singles[SINGLE_COUNT] = {
#define SINGLE_NAME(symbol, text) {(text), sizeof(text) - 1},
    SINGLES(SINGLE_NAME)
#undef SINGLE_NAME
};

static enum cs_err malformed(struct cs_fault *fault, const char *why)
{
    return cs_fault_set(fault, CS_ERR_INVALID, CS_FAULT_MALFORMED, NULL, "%s", why);
}

static char lower(uint8_t c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool cs_check_is(struct cs_slice text, const char *name)
{
    /* Most names differ in their first letter: the hot path asks for many. */
    if (text.len == 0 || lower(text.bytes[0]) != lower((uint8_t)name[0]))
        return text.len == 0 && name[0] == '\0';
    if (text.len != strlen(name))
        return false;
    for (size_t i = 1; i < text.len; i++)
        if (lower(text.bytes[i]) != lower((uint8_t)name[i]))
            return false;
    return true;
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

static bool is_value(struct cs_slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((text.bytes[i] < 0x20 && text.bytes[i] != '\t') || text.bytes[i] == 0x7f)
            return false;
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
        const struct cs_call_header *header = &head->headers[i];
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

static int single_index(struct cs_slice name)
{
    for (int i = 0; i < SINGLE_COUNT; i++)
        if (name.len == singles[i].len &&
            lower(name.bytes[0]) == lower((uint8_t)singles[i].name[0]) &&
            cs_check_is(name, singles[i].name))
            return i;
    return -1;
}

/* Checks each header on its own, and finds those that may come once. */
static enum cs_err check_headers(const struct cs_head *head, struct cs_slice *found,
                                 struct cs_fault *fault)
{
    for (size_t i = 0; i < head->header_count; i++) {
        const struct cs_call_header *header = &head->headers[i];
        if (!is_token(header->name))
            return malformed(fault, "A header's name is not a token, or is followed by a space.");
        if (!is_value(header->value))
            return malformed(fault, "A header's value has a control character.");
        int index = single_index(header->name);
        if (index < 0)
            continue;
        if (found[index].bytes)
            return cs_fault_set(fault, CS_ERR_INVALID, CS_FAULT_MALFORMED, NULL,
                                "The header %s is given more than once.", singles[index].name);
        found[index] = header->value;
    }
    return CS_OK;
}

/* Visible ASCII without /, backslash, ?, #, @ and the comma: a bit for each. */
static bool is_host(struct cs_slice host)
{
    static const uint32_t bits[8] = {0, 0x7fff6ff6, 0xeffffffe, 0x7fffffff};

    for (size_t i = 0; i < host.len; i++)
        if ((bits[host.bytes[i] / 32] >> host.bytes[i] % 32 & 1) == 0)
            return false;
    return host.len > 0;
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

static enum cs_err check_framing(const struct cs_slice *found, struct cs_framing *framing,
                                 struct cs_fault *fault)
{
    struct cs_slice coding = found[SINGLE_TRANSFER_ENCODING];
    struct cs_slice length = found[SINGLE_CONTENT_LENGTH];

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

enum cs_err cs_check_head(const struct cs_head *head, struct cs_framing *framing,
                          struct cs_fault *fault)
{
    struct cs_slice found[SINGLE_COUNT] = {0};
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
    err = check_headers(head, found, fault);
    if (err)
        return err;
    if (found[SINGLE_HOST].bytes ? !is_host(found[SINGLE_HOST]) : !framing->http10)
        return malformed(fault, "A valid Host header must be given.");
    err = check_framing(found, framing, fault);
    if (err)
        return err;
    if (found[SINGLE_EXPECT].bytes && !framing->http10) {
        if (!cs_check_is(found[SINGLE_EXPECT], "100-continue"))
            return malformed(fault, "The only expectation is 100-continue.");
        framing->expects = true;
    }
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
    if (parameter.len < 3 || lower(parameter.bytes[0]) != 'q' || parameter.bytes[1] != '=')
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

    if (!next_piece(&value, ';', &piece) || !cs_check_is(piece, type))
        return false;
    while (next_piece(&value, ';', &piece))
        if (!cs_check_is(piece, "charset=utf-8") && !cs_check_is(piece, "charset=\"utf-8\""))
            return false;
    return true;
}
