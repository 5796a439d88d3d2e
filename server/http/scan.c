#include "server/http/scan.h"

#include <assert.h>
#include <string.h>

#include "base/array.h"
#include "base/id.h"
#include "base/record/record.h"
#include "base/text/plain.h"
#include "base/text/words.h"

#define FIELDS_MAX 64

struct scan {
    const uint8_t *at;
    const uint8_t *end;
};

static bool is_next(const struct scan *scan, uint8_t c)
{
    return scan->at < scan->end && *scan->at == c;
}

static void skip_space(struct scan *scan)
{
    while (is_next(scan, ' ') || is_next(scan, '\t') || is_next(scan, '\n') || is_next(scan, '\r'))
        scan->at++;
}

/* The next byte that is not space, if it is this one. Machines write none, so it is looked for
 * last. */
static inline bool take(struct scan *scan, uint8_t c)
{
    if (!is_next(scan, c)) {
        if (scan->at == scan->end || *scan->at > ' ')
            return false;
        skip_space(scan);
        if (!is_next(scan, c))
            return false;
    }
    scan->at++;
    return true;
}

/* A string of plain characters: what lies between its quotes. */
static bool take_string(struct scan *scan, struct cs_slice *out)
{
    if (!take(scan, '"'))
        return false;
    *out = CS_SLICE(scan->at, cs_plain_run(scan->at, (size_t)(scan->end - scan->at)));
    scan->at += out->len;
    bool ended = is_next(scan, '"');
    scan->at += ended;
    return ended;
}

/* A text's or list's bounds; 0 for the upper one is what fits. */
static bool is_within(const struct cs_field *field, size_t count)
{
    return (int64_t)count >= field->min && (field->max == 0 || (int64_t)count <= field->max);
}

static bool read_text(struct scan *scan, const struct cs_field *field, uint8_t *to)
{
    struct cs_slice text = {0};
    if (!take_string(scan, &text) || text.len >= field->size || !is_within(field, text.len))
        return false;
    memcpy(to, text.bytes, text.len);
    to[text.len] = '\0';
    return true;
}

static bool read_enum(struct scan *scan, const struct cs_field *field, uint8_t *to)
{
    struct cs_slice text = {0};
    if (!take_string(scan, &text) || text.len == 0)
        return false;
    for (int i = 0; field->names[i] != NULL; i++) {
        if (cs_slice_equal(text, cs_slice_str(field->names[i]))) {
            memcpy(to, &i, sizeof(i));
            return true;
        }
    }
    return false;
}

/* Up to nine digits, which is as far as anybody counts here. */
static bool read_uint(struct scan *scan, const struct cs_field *field, uint8_t *to)
{
    uint64_t number = 0;
    skip_space(scan);
    const uint8_t *begin = scan->at;
    while (scan->at < scan->end && scan->at < begin + 9 && *scan->at >= '0' && *scan->at <= '9')
        number = number * 10 + (uint64_t)(*scan->at++ - '0');
    if (scan->at == begin || (*begin == '0' && scan->at > begin + 1))
        return false;
    bool bounded = field->min != 0 || field->max != 0;
    if (bounded && ((int64_t)number < field->min || (int64_t)number > field->max))
        return false;
    memcpy(to, &number, sizeof(number));
    return true;
}

static bool read_words(struct scan *scan, const struct cs_field *field, uint8_t *to)
{
    char *words = (char *)to;
    size_t count = 0;
    struct cs_slice word = {0};
    words[0] = '\0';
    if (!take(scan, '['))
        return false;
    if (take(scan, ']'))
        return is_within(field, 0);
    do {
        if (!take_string(scan, &word) || (count > 0 && cs_words_has(words, word)) ||
            cs_words_add(words, field->size, word) != CS_OK)
            return false;
        count++;
    } while (take(scan, ','));
    return take(scan, ']') && is_within(field, count);
}

static bool read_id(struct scan *scan, const struct cs_field *field, uint8_t *to)
{
    struct cs_slice text = {0};
    struct cs_id id;
    char id_text[CS_ID_TEXT_SIZE];
    if (!take_string(scan, &text) || text.len >= sizeof(id_text))
        return false;
    memcpy(id_text, text.bytes, text.len);
    id_text[text.len] = '\0';
    if (cs_id_parse(id_text, field->prefix, &id) != CS_OK)
        return false;
    memcpy(to, &id, sizeof(id));
    return true;
}

typedef bool read_fn(struct scan *scan, const struct cs_field *field, uint8_t *to);
static read_fn *const readers[] = {
    [CS_F_UINT] = read_uint,   [CS_F_ENUM] = read_enum, [CS_F_TEXT] = read_text,
    [CS_F_WORDS] = read_words, [CS_F_ID] = read_id,
};

static read_fn *reader_of(const struct cs_field *field)
{
    return field->type < CS_COUNT(readers) ? readers[field->type] : NULL;
}

static bool is_named(const struct cs_field *field, struct cs_slice name)
{
    return cs_slice_equal(name, CS_SLICE(field->name, field->name_len));
}

static bool find_field(const struct cs_record *record, struct cs_slice name, size_t *index)
{
    for (*index = 0; *index < record->field_count; ++*index) {
        const struct cs_field *field = &record->fields[*index];
        if ((field->flags & CS_FF_IN) != 0 && is_named(field, name))
            return reader_of(field) != NULL;
    }
    return false;
}

static bool read_member(struct scan *scan, const struct cs_record *record, uint8_t *value,
                        uint64_t *given)
{
    struct cs_slice name = {0};
    size_t index = 0;
    if (!take_string(scan, &name) || !take(scan, ':') || !find_field(record, name, &index) ||
        (*given >> index & 1) != 0)
        return false;
    *given |= UINT64_C(1) << index;
    const struct cs_field *field = &record->fields[index];
    return reader_of(field)(scan, field, value + field->offset);
}

/* As zero as it has to be: texts and lists are empty by their first byte. */
static void clear(const struct cs_field *field, uint8_t *at)
{
    switch (field->type) {
    case CS_F_TEXT:
    case CS_F_WORDS:
        *at = 0;
        return;
    case CS_F_UINT:
        memset(at, 0, sizeof(uint64_t));
        return;
    default:
        memset(at, 0, field->size);
    }
}

/* False: a member is required that was not given. */
static bool clear_others(const struct cs_record *record, uint64_t given, uint8_t *value)
{
    for (size_t i = 0; i < record->field_count; i++, given >>= 1) {
        const struct cs_field *field = &record->fields[i];
        if ((given & 1) != 0)
            continue;
        if ((field->flags & CS_FF_REQUIRED) != 0)
            return false;
        clear(field, value + field->offset);
    }
    return true;
}

static bool scan_members(struct scan *scan, const struct cs_record *record, uint8_t *value,
                         uint64_t *given)
{
    if (!take(scan, '{'))
        return false;
    if (take(scan, '}'))
        return true;
    do {
        if (!read_member(scan, record, value, given))
            return false;
    } while (take(scan, ','));
    return take(scan, '}');
}

static bool scan_object(struct scan *scan, const struct cs_record *record, void *value,
                        uint64_t *given)
{
    assert(record->field_count <= FIELDS_MAX);
    *given = 0;
    return scan_members(scan, record, value, given) && clear_others(record, *given, value);
}

static bool ends(struct scan *scan)
{
    skip_space(scan);
    return scan->at == scan->end;
}

bool cs_scan_record(const struct cs_record *record, struct cs_slice in, void *value,
                    uint64_t *given)
{
    struct scan scan = {.at = in.bytes, .end = in.bytes + in.len};
    return in.len != 0 && scan_object(&scan, record, value, given) && ends(&scan);
}

bool cs_scan_list_begin(struct cs_slice in, const char *name, struct cs_scan_list *out)
{
    struct scan scan = {.at = in.bytes, .end = in.bytes + in.len};
    struct cs_slice found = {0};
    bool begun = in.len != 0 && take(&scan, '{') && take_string(&scan, &found) &&
                 cs_slice_equal(found, cs_slice_str(name)) && take(&scan, ':') && take(&scan, '[');
    *out = (struct cs_scan_list){.at = scan.at, .end = scan.end};
    return begun;
}

enum cs_scanned cs_scan_list_next(struct cs_scan_list *list, const struct cs_record *record,
                                  void *value, uint64_t *given)
{
    struct scan scan = {.at = list->at, .end = list->end};
    if (take(&scan, ']'))
        return take(&scan, '}') && ends(&scan) ? CS_SCANNED_ALL : CS_SCANNED_UNREAD;
    if ((list->count > 0 && !take(&scan, ',')) || !scan_object(&scan, record, value, given))
        return CS_SCANNED_UNREAD;
    list->at = scan.at;
    list->count++;
    return CS_SCANNED_ONE;
}
