#include "base/text/scope.h"

#include "base/text/words.h"

static bool is_lower(uint8_t c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_part(uint8_t c)
{
    return is_lower(c) || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

bool cs_scope_is_name(struct cs_slice text)
{
    if (text.len > CS_SCOPE_MAX)
        return false;
    size_t dots = 0;
    bool part_begins = true;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.bytes[i];
        if (part_begins ? !is_lower(c) : c != '.' && !is_part(c))
            return false;
        part_begins = c == '.';
        dots += part_begins ? 1 : 0;
    }
    return dots > 0 && !part_begins;
}

static bool is_parting(uint8_t c)
{
    return c == ' ' || c == ',';
}

enum cs_err cs_scopes_add(char *scopes, size_t size, struct cs_slice text)
{
    for (size_t at = 0; at < text.len; at++) {
        size_t from = at;
        while (at < text.len && !is_parting(text.bytes[at]))
            at++;
        struct cs_slice word = CS_SLICE(text.bytes + from, at - from);
        if (word.len == 0)
            continue;
        if (!cs_scope_is_name(word) && !cs_slice_equal(word, cs_slice_str(CS_SCOPE_ALL)))
            return CS_ERR_INVALID;
        enum cs_err err = cs_words_add(scopes, size, word);
        if (err != CS_OK)
            return err;
    }
    return CS_OK;
}

bool cs_scopes_all(const char *scopes)
{
    return cs_words_has(scopes, CS_SLICE(CS_SCOPE_ALL, 1));
}

bool cs_scopes_missing(const char *want, const char *have, char *missing, size_t size)
{
    if (cs_scopes_all(have))
        missing[0] = '\0';
    else
        cs_words_missing(want, have, missing, size);
    return missing[0] != '\0';
}
