#include "base/record/record_internal.h"

#include <jansson.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/secret/secret.h"

#define DEPTH_MAX 8

/* In front of each block, so that free knows how much to wipe. */
union head {
    size_t size;
    max_align_t alignment;
};

static void *wiping_malloc(size_t size)
{
    if (size > SIZE_MAX - sizeof(union head))
        return NULL;
    union head *head = malloc(sizeof *head + size);
    if (!head)
        return NULL;
    head->size = size;
    return head + 1;
}

static void wiping_free(void *block)
{
    if (!block)
        return;
    union head *head = (union head *)block - 1;
    cs_wipe(block, head->size);
    free(head);
}

void cs_json_setup(void)
{
    json_set_alloc_funcs(wiping_malloc, wiping_free);
    json_object_seed(0);
}

/* A walk over the bytes that knows only what the JSON parser is not asked to judge. */
struct scan {
    size_t line;
    size_t column; /* in characters */
    size_t depth;
    bool in_string;
    bool escaped;
};

static void step(struct scan *scan, uint8_t c)
{
    if (scan->in_string) {
        if (!scan->escaped && c == '"')
            scan->in_string = false;
        scan->escaped = !scan->escaped && c == '\\';
    } else if (c == '"') {
        scan->in_string = true;
    } else if (c == '{' || c == '[') {
        scan->depth++;
    } else if ((c == '}' || c == ']') && scan->depth > 0) {
        scan->depth--;
    }
}

/* Before the parser allocates anything: UTF-8, no NUL, not too deep. */
static bool is_acceptable(struct cs_slice in, struct cs_complaints *complaints)
{
    struct scan scan = {.line = 1, .column = 1};
    for (size_t at = 0; at < in.len;) {
        size_t len = cs_utf8_char(in.bytes + at, in.len - at);
        const char *why = NULL;
        if (len == 0)
            why = "is not UTF-8";
        else if (in.bytes[at] == '\0')
            why = "holds a NUL byte";
        else
            step(&scan, in.bytes[at]);
        if (scan.depth > DEPTH_MAX)
            why = "is nested deeper than 8 levels";
        if (why) {
            cs_complain(complaints, "", "the body %s at line %zu, column %zu", why, scan.line,
                        scan.column);
            return false;
        }
        scan.column++;
        if (in.bytes[at] == '\n') {
            scan.line++;
            scan.column = 1;
        }
        at += len;
    }
    return true;
}

/* Never the parser's own text: it quotes the input. */
static const char *parse_error(enum json_error_code code)
{
    switch (code) {
    case json_error_duplicate_key:
        return "has a member twice";
    case json_error_numeric_overflow:
        return "has a number out of range";
    case json_error_null_character:
        return "has a NUL character in a string";
    case json_error_premature_end_of_input:
        return "ends too early";
    case json_error_end_of_input_expected:
        return "goes on after its end";
    default:
        return "is not JSON";
    }
}

enum cs_err cs_json_parse(struct cs_slice in, struct cs_complaints *complaints, struct json_t **out)
{
    *out = NULL;
    if (!is_acceptable(in, complaints))
        return CS_ERR_INVALID;
    json_error_t error;
    const char *text = in.len > 0 ? (const char *)in.bytes : "";
    *out = json_loadb(text, in.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (*out)
        return CS_OK;
    enum json_error_code code = json_error_code(&error);
    /* Where an allocation failed, jansson as a rule sets no error at all. */
    if (code == json_error_out_of_memory || error.text[0] == '\0')
        return CS_ERR_NOMEM;
    cs_complain(complaints, "", "the body %s at line %d, column %d", parse_error(code), error.line,
                error.column);
    return CS_ERR_INVALID;
}
