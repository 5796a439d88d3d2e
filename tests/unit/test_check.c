#include "server/http/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/loose_head.h"
#include "vault/fault.h"

#define GET "GET /a HTTP/1.1\r\n"
#define POST "POST /a HTTP/1.1\r\n"
#define HOST "Host: a\r\n"
#define END "\r\n"

#define FINE CS_FAULT_NONE
#define BAD CS_FAULT_MALFORMED

static const struct {
    const char *name;
    const char *raw;
    enum cs_fault_code code;
} cases[] = {
    {"plain", GET HOST END, FINE},
    {"no space after the colon", GET "Host:a\r\n" END, FINE},
    {"spaces and tabs around a value", GET HOST "X: \t b \t\r\n" END, FINE},
    {"empty value", GET HOST "X:\r\n" END, FINE},
    {"blank value", GET HOST "X:  \r\n" END, FINE},
    {"bytes past ASCII in a value", GET HOST "X: \xc3\xa4\r\n" END, FINE},
    {"length", POST HOST "Content-Length: 5\r\n" END, FINE},
    {"chunked", POST HOST "Transfer-Encoding: Chunked\r\n" END, FINE},
    {"expectation", POST HOST "Expect: 100-Continue\r\nContent-Length: 5\r\n" END, FINE},
    {"HTTP/1.0 without a host", "GET /a HTTP/1.0\r\n" END, FINE},
    {"repeated header that may be", GET HOST "Accept: a/b\r\nAccept: c/d\r\n" END, FINE},
    {"empty lines before the request", "\r\n\r\n" GET HOST END, FINE},
    {"any method token", "M-SEARCH /a HTTP/1.1\r\n" HOST END, FINE},

    {"bare LF after the request line", "GET /a HTTP/1.1\n" HOST END, BAD},
    {"bare LF after a header", GET "Host: a\nX: b\r\n" END, BAD},
    {"bare LF after the last header", GET HOST "X: b\n" END, BAD},
    {"bare LF as the empty line", GET HOST "\n", BAD},
    {"bare LF throughout", "GET /a HTTP/1.1\nHost: a\n\n", BAD},
    {"bare LF without headers", "GET /a HTTP/1.0\n\n", BAD},
    {"bare CR in a value", GET HOST "X: a\rb\r\n" END, BAD},
    {"CR CR LF", GET HOST "X: a\r\r\n" END, BAD},
    {"fold by space", GET HOST "X: a\r\n b\r\n" END, BAD},
    {"fold by tab", GET HOST "X: a\r\n\tb\r\n" END, BAD},
    {"fold of the first header", GET "Host: a\r\n b\r\n" END, BAD},
    {"fold before any header", GET " Host: a\r\n" END, BAD},
    {"space before the colon", GET HOST "Content-Length : 5\r\n" END, BAD},
    {"tab before the colon", GET HOST "X\t: 5\r\n" END, BAD},
    {"nameless header", GET HOST ": 5\r\n" END, BAD},
    {"control character in a name", GET HOST "X\x01: 5\r\n" END, BAD},
    {"control character in a value", GET HOST "X: a\x01\r\n" END, BAD},
    {"DEL in a value", GET HOST "X: a\x7f\r\n" END, BAD},
    {"control character far in a value", GET HOST "X: 0123456789\ta\x01z\r\n" END, BAD},
    {"tabs and other than ASCII in a value", GET HOST "X: 0123\t\t6789\xff\x80\ta\r\n" END, FINE},
    {"two spaces before the target", "GET  /a HTTP/1.1\r\n" HOST END, BAD},
    {"two spaces after the target", "GET /a  HTTP/1.1\r\n" HOST END, BAD},
    {"space in the target", "GET /a b HTTP/1.1\r\n" HOST END, BAD},
    {"tab in the target", "GET /a\tb HTTP/1.1\r\n" HOST END, BAD},
    {"fragment", "GET /a#b HTTP/1.1\r\n" HOST END, BAD},
    {"absolute target", "GET http://a/a HTTP/1.1\r\n" HOST END, BAD},
    {"asterisk", "OPTIONS * HTTP/1.1\r\n" HOST END, BAD},
    {"authority", "CONNECT a:1 HTTP/1.1\r\n" HOST END, BAD},
    {"method that is no token", "G@T /a HTTP/1.1\r\n" HOST END, BAD},
    {"method past all length", "MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM /a HTTP/1.1\r\n" HOST END, BAD},
    {"later version", "GET /a HTTP/1.2\r\n" HOST END, BAD},
    {"lower-case version", "GET /a http/1.1\r\n" HOST END, BAD},

    {"no host", GET END, BAD},
    {"empty host", GET "Host:\r\n" END, BAD},
    {"two hosts", GET HOST HOST END, BAD},
    {"host list", GET "Host: a, b\r\n" END, BAD},
    {"host with a path", GET "Host: a/b\r\n" END, BAD},
    {"host with user", GET "Host: u@a\r\n" END, BAD},
    {"two lengths", POST HOST "Content-Length: 5\r\nContent-Length: 5\r\n" END, BAD},
    {"two lengths in two spellings", POST HOST "Content-Length: 5\r\nCONTENT-LENGTH: 6\r\n" END,
     BAD},
    {"length list", POST HOST "Content-Length: 5, 5\r\n" END, BAD},
    {"length with a sign", POST HOST "Content-Length: +5\r\n" END, BAD},
    {"negative length", POST HOST "Content-Length: -5\r\n" END, BAD},
    {"length with a space behind", POST HOST "Content-Length: 5 \r\n" END, BAD},
    {"hexadecimal length", POST HOST "Content-Length: 0x5\r\n" END, BAD},
    {"empty length", POST HOST "Content-Length:\r\n" END, BAD},
    {"huge length", POST HOST "Content-Length: 99999999999999999999\r\n" END, BAD},
    {"length and coding", POST HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" END, BAD},
    {"coding and length", POST HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n" END, BAD},
    {"two codings", POST HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" END,
     BAD},
    {"coding in HTTP/1.0", "POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n" END, BAD},
    {"identity", POST HOST "Transfer-Encoding: identity\r\n" END, CS_FAULT_NOT_IMPLEMENTED},
    {"gzip", POST HOST "Transfer-Encoding: gzip, chunked\r\n" END, CS_FAULT_NOT_IMPLEMENTED},
    {"chunked and space", POST HOST "Transfer-Encoding: chunked \r\n" END,
     CS_FAULT_NOT_IMPLEMENTED},
    {"as long as chunked", POST HOST "Transfer-Encoding: deflate\r\n" END,
     CS_FAULT_NOT_IMPLEMENTED},
    {"xchunked", POST HOST "Transfer-Encoding: xchunked\r\n" END, CS_FAULT_NOT_IMPLEMENTED},
    {"two authorizations", GET HOST "Authorization: a\r\nauthorization: b\r\n" END, BAD},
    {"two content types", GET HOST "Content-Type: a/b\r\nContent-Type: a/b\r\n" END, BAD},
    {"two idempotency keys", GET HOST "Idempotency-Key: a\r\nIdempotency-Key: a\r\n" END, BAD},
    {"two conditions", GET HOST "If-Match: a\r\nIf-Match: b\r\n" END, BAD},
    {"two api keys", GET HOST "X-Api-Key: a\r\nX-Api-Key: b\r\n" END, BAD},
    {"two gateway tokens", GET HOST "X-Countersign-Token: a\r\nX-Countersign-Token: b\r\n" END,
     BAD},
    {"other expectation", POST HOST "Expect: 200-ok\r\n" END, BAD},
    {"as long as the expectation", POST HOST "Expect: 200-continue\r\n" END, BAD},
    {"expectation with a space behind", POST HOST "Expect: 100-continue \r\n" END, BAD},
};

static enum cs_fault_code check(const void *raw, size_t len, struct cs_framing *framing)
{
    struct loose loose;
    struct cs_fault fault = {0};

    assert_true(loose_parse(&loose, raw, len));
    enum cs_err err = cs_check_head(&loose.head, framing, &fault);
    assert_int_equal(err == CS_OK, fault.code == CS_FAULT_NONE);
    loose_free(&loose);
    return fault.code;
}

static void takes_only_what_all_read_alike(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cs_framing framing;
        enum cs_fault_code code = check(cases[i].raw, strlen(cases[i].raw), &framing);
        if (code != cases[i].code)
            fail_msg("%s: %s", cases[i].name, cs_fault_info(code)->code);
    }
}

static void sees_nul_bytes(void **state)
{
    static const char in_target[] = "GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n";
    static const char in_value[] = "GET /a HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n";
    static const char in_name[] = "GET /a HTTP/1.1\r\nHost: a\r\nX: b\0: c\r\n\r\n";
    struct cs_framing framing;

    (void)state;
    struct loose loose;
    assert_false(loose_parse(&loose, in_target, sizeof(in_target) - 1));
    loose_free(&loose);
    assert_int_equal(check(in_value, sizeof(in_value) - 1, &framing), BAD);
    assert_int_equal(check(in_name, sizeof(in_name) - 1, &framing), BAD);
}

static void tells_the_framing(void **state)
{
    struct cs_framing framing;
    static const char with_length[] =
        POST HOST "Content-Length: 0005\r\nExpect: 100-continue\r\n" END;
    static const char chunked[] = POST HOST "Transfer-Encoding: chunked\r\n" END;
    static const char old[] =
        "POST /a HTTP/1.0\r\nContent-Length: 0\r\nExpect: 100-continue\r\n" END;

    (void)state;
    assert_int_equal(check(with_length, sizeof(with_length) - 1, &framing), FINE);
    assert_true(framing.has_length && framing.expects && !framing.chunked && !framing.http10);
    assert_int_equal(framing.length, 5);
    assert_int_equal(check(chunked, sizeof(chunked) - 1, &framing), FINE);
    assert_true(framing.chunked && !framing.has_length && !framing.expects);
    assert_int_equal(check(old, sizeof(old) - 1, &framing), FINE);
    assert_true(framing.http10 && framing.has_length && !framing.expects);
    static const char spaced[] = GET HOST "Accept: \t a/b \t\r\nIf-Match: \t \r\n" END;
    assert_int_equal(check(spaced, sizeof(spaced) - 1, &framing), FINE);
    assert_int_equal(framing.headers[CS_HEADER_ACCEPT].len, 3);
    assert_int_equal(framing.headers[CS_HEADER_IF_MATCH].len, 0);
}

/* A section with a target of `target` bytes, `headers` headers and `filler` bytes in the last. */
static enum cs_fault_code check_sized(size_t target, size_t headers, size_t filler)
{
    static char raw[3 * CS_CHECK_HEAD_MAX];
    struct cs_framing framing;
    size_t len = 0;

    len += (size_t)sprintf(raw, "GET /%0*d HTTP/1.1\r\n" HOST, (int)target - 1, 0);
    for (size_t i = 1; i < headers; i++)
        len += (size_t)sprintf(raw + len, "X: ");
    for (; filler > 0; filler--)
        raw[len++] = 'f';
    len += (size_t)sprintf(raw + len, "\r\n\r\n");
    return check(raw, len, &framing);
}

static void limits_sizes(void **state)
{
    static const char line[] = "GET /a HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n";
    const size_t room = CS_CHECK_HEAD_MAX - (sizeof(line) - 1);

    (void)state;
    assert_int_equal(check_sized(CS_TARGET_MAX, 2, 0), FINE);
    assert_int_equal(check_sized(CS_TARGET_MAX + 1, 2, 0), CS_FAULT_URI_TOO_LONG);
    assert_int_equal(check_sized(2, 2, room), FINE);
    assert_int_equal(check_sized(2, 2, room + 1), CS_FAULT_HEADERS_TOO_LARGE);
}

static void limits_the_count(void **state)
{
    char raw[16 * CS_CHECK_HEADERS_MAX];
    struct cs_framing framing;

    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        size_t len = (size_t)sprintf(raw, GET HOST);
        for (size_t i = 1; i < CS_CHECK_HEADERS_MAX + extra; i++)
            len += (size_t)sprintf(raw + len, "X: b\r\n");
        len += (size_t)sprintf(raw + len, END);
        assert_int_equal(check(raw, len, &framing), extra ? CS_FAULT_HEADERS_TOO_LARGE : FINE);
    }
}

/* Whatever stands around it, and wherever it stands in what is looked at in steps. */
static void finds_the_first_control_character(void **state)
{
    static const uint8_t fillers[] = {0x20, 0x7e, 0x80, 0xff};
    char text[40];

    (void)state;
    for (size_t at = 0; at < sizeof(text); at++) {
        for (int c = 0; c < 256; c++) {
            for (size_t i = 0; i < sizeof(fillers); i++) {
                memset(text, fillers[i], sizeof(text));
                text[at] = (char)c;
                size_t plain = c < 0x20 || c == 0x7f ? at : sizeof(text);
                assert_int_equal(cs_check_plain(CS_SLICE(text, sizeof(text))), plain);
                assert_int_equal(cs_check_plain(CS_SLICE(text, at)), at);
            }
        }
    }
    assert_int_equal(cs_check_plain(CS_SLICE(NULL, 0)), 0);
}

/* The library skips what stands before a value, so the host has a character before the one. */
static void knows_the_characters_of_a_host(void **state)
{
    (void)state;
    for (size_t len = 2; len <= 40; len++) {
        for (size_t at = 1; at < len; at++) {
            for (int c = 1; c < 256; c++) {
                char raw[80] = GET "Host: ";
                size_t begin = strlen(raw);
                struct cs_framing framing;
                memset(raw + begin, 'a', len);
                raw[begin + at] = (char)c;
                memcpy(raw + begin + len, "\r\n" END, strlen("\r\n" END));
                bool good = c > ' ' && c < 0x7f && !strchr("/\\?#@,", c);
                if (c != '\n')
                    assert_int_equal(check(raw, begin + len + strlen("\r\n" END), &framing),
                                     good ? FINE : BAD);
            }
        }
    }
}

static void refuses_pieces_from_elsewhere(void **state)
{
    static const char raw[] = GET HOST END;
    struct loose loose;
    struct cs_framing framing;
    struct cs_fault fault = {0};

    (void)state;
    assert_true(loose_parse(&loose, raw, sizeof(raw) - 1));
    loose.head.target_at = "/a";
    assert_int_equal(cs_check_head(&loose.head, &framing, &fault), CS_ERR_INVALID);
    loose_free(&loose);
}

static const struct {
    const char *accept;
    bool accepts;
} accepts[] = {
    {"", true},
    {"application/json", true},
    {"Application/JSON", true},
    {"application/*", true},
    {"*/*", true},
    {"text/html, */*;q=0.1", true},
    {"text/html,application/json;q=0.5", true},
    {"application/json;version=1", true},
    {"text/html", false},
    {"text/*", false},
    {"application/xml", false},
    {"application/json;q=0", false},
    {"application/json;q=0.000", false},
    {"*/*, application/json;q=0", false},
    {"application/json;q=0, */*", false},
    {"application/*;q=0, */*", false},
    {"application/json, application/*;q=0", true},
    {"text/html;a=\",application/json\"", false},
    {"text/html;a=\",application/json,\"", false},
    {"text/html;a=\"\\\",application/json,\"", false},
    {"text/html;a=\\\",application/json,\"", false},
    {"text/html;a=\"b\",application/json", true},
    {"application/*x", false},
    {"application/x", false},
    {"applicatiom/*", false},
    {"application/json;x=0", true},
    {"application/json;q=", true},
    {"application/json;q=0, application/json", true},
    {"application/jso", false},
    {"application/jsom", false},
    {"application/json2", false},
    {";;", false},
    {",", false},
};

static void weighs_accept(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(accepts) / sizeof(accepts[0]); i++)
        if (cs_check_accepts(cs_slice_str(accepts[i].accept), "application/json") !=
            accepts[i].accepts)
            fail_msg("%s", accepts[i].accept);
}

static void knows_content_types(void **state)
{
    (void)state;
#define IS(text) cs_check_content_type(cs_slice_str(text), "application/json")
    assert_true(IS("application/json"));
    assert_true(IS("Application/Json ; Charset=UTF-8"));
    assert_true(IS("application/json;charset=\"utf-8\""));
    assert_false(IS(""));
    assert_false(IS("application/json;charset=latin1"));
    assert_false(IS("application/json;boundary=a"));
    assert_false(IS("application/jsonx"));
    assert_false(IS("application/jsom"));
    assert_false(IS("application/json;charset=utf-7"));
    assert_false(IS("text/json"));
    assert_false(cs_check_content_type(CS_SLICE(NULL, 0), "application/json"));
#undef IS
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_only_what_all_read_alike),
        cmocka_unit_test(sees_nul_bytes),
        cmocka_unit_test(tells_the_framing),
        cmocka_unit_test(limits_sizes),
        cmocka_unit_test(limits_the_count),
        cmocka_unit_test(finds_the_first_control_character),
        cmocka_unit_test(knows_the_characters_of_a_host),
        cmocka_unit_test(refuses_pieces_from_elsewhere),
        cmocka_unit_test(weighs_accept),
        cmocka_unit_test(knows_content_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
