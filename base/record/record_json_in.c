#include "base/record/record_internal.h"

#include <assert.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/text/words.h"

#define GIVEN_MAX 64       /* bits of the mask of members that were given */
#define ECHOED_NAME_MAX 32 /* bytes of an unknown member's name: a token in its place is longer */

/* Where the reader is, from the inside out: a member, or an element where name is NULL. */
struct place {
    const struct place *outer;
    const char *name;
    size_t index;
};

/* One value that is to be read into the field's bytes at `to`. */
struct input {
    const json_t *json;
    const struct cs_field *field;
    const struct place *place;
    uint8_t *record; /* the struct that the field is in */
    uint8_t *to;
    struct cs_complaints *complaints;
};

static bool read_object(const struct cs_record *record, const json_t *object,
                        const struct place *outer, uint8_t *value, uint64_t *given,
                        struct cs_complaints *complaints);

/* RFC 6901 section 3: "~" is written "~0" and "/" is written "~1". */
static void put_token(struct cs_buf *out, const char *name)
{
    for (; *name; name++) {
        if (*name == '~')
            cs_buf_put_str(out, "~0");
        else if (*name == '/')
            cs_buf_put_str(out, "~1");
        else
            cs_buf_put_char(out, *name);
    }
}

static void put_pointer(struct cs_buf *out, const struct place *place)
{
    if (!place)
        return;
    put_pointer(out, place->outer);
    cs_buf_put_char(out, '/');
    if (place->name)
        put_token(out, place->name);
    else
        cs_buf_put_u64(out, place->index);
}

/* Always false, so that a reader can end with it. */
static bool complain(struct cs_complaints *complaints, const struct place *place,
                     const char *format, ...) __attribute__((format(printf, 3, 4)));
static bool complain(struct cs_complaints *complaints, const struct place *place,
                     const char *format, ...)
{
    char pointer[sizeof complaints->items[0].pointer];
    char detail[sizeof complaints->items[0].detail];
    struct cs_buf out;
    cs_buf_lend(&out, pointer, sizeof pointer);
    put_pointer(&out, place);
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    cs_complain(complaints, cs_buf_text(&out), "%s", detail);
    return false;
}

static bool is_a(const struct input *in, json_type type, const char *wanted)
{
    static const char *const type_names[] = {
        [JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array",  [JSON_STRING] = "a string",
        [JSON_INTEGER] = "a number", [JSON_REAL] = "a fraction", [JSON_TRUE] = "a boolean",
        [JSON_FALSE] = "a boolean",  [JSON_NULL] = "null",
    };
    if (json_typeof(in->json) == type)
        return true;
    return complain(in->complaints, in->place, "must be %s, not %s", wanted,
                    type_names[json_typeof(in->json)]);
}

static bool read_number(const struct input *in)
{
    const struct cs_field *field = in->field;
    if (!is_a(in, JSON_INTEGER, "an integer"))
        return false;
    bool bounded = field->min != 0 || field->max != 0;
    int64_t low = bounded ? field->min : INT64_MIN;
    int64_t high = bounded ? field->max : INT64_MAX;
    if (field->type == CS_F_UINT && low < 0)
        low = 0;
    int64_t number = json_integer_value(in->json);
    if (number < low && high == INT64_MAX)
        return complain(in->complaints, in->place, "must be %lld or more", (long long)low);
    if (number < low || number > high)
        return complain(in->complaints, in->place, "must be from %lld to %lld", (long long)low,
                        (long long)high);
    memcpy(in->to, &number, sizeof number);
    return true;
}

static bool read_time(const struct input *in)
{
    const struct cs_field *field = in->field;
    if (!is_a(in, JSON_STRING, "a string"))
        return false;
    int64_t time;
    if (cs_time_parse(json_string_value(in->json), &time) != CS_OK)
        return complain(in->complaints, in->place,
                        "must be a time as RFC 3339 has it, such as 2026-01-02T03:04:05Z");
    if (time <= 0)
        return complain(in->complaints, in->place, "must be after 1970-01-01T00:00:00Z");
    if ((field->min != 0 || field->max != 0) && (time < field->min || time > field->max)) {
        char low[CS_TIME_TEXT_SIZE];
        char high[CS_TIME_TEXT_SIZE];
        cs_time_format(field->min, low);
        cs_time_format(field->max, high);
        return complain(in->complaints, in->place, "must be from %s to %s", low, high);
    }
    memcpy(in->to, &time, sizeof time);
    return true;
}

static bool read_bool(const struct input *in)
{
    bool truth = json_is_true(in->json);
    if (!truth && !is_a(in, JSON_FALSE, "a boolean"))
        return false;
    memcpy(in->to, &truth, sizeof truth);
    return true;
}

/* The index of the name that the string is, or -1 after a complaint that lists the names. */
static int find_name(const struct input *in)
{
    const char *const *names = in->field->names;
    if (!is_a(in, JSON_STRING, "a string"))
        return -1;
    const char *text = json_string_value(in->json);
    for (int i = 0; names[i]; i++)
        if (text[0] && strcmp(names[i], text) == 0)
            return i;
    char list[sizeof in->complaints->items[0].detail] = "";
    size_t len = 0;
    for (size_t i = 0; names[i] && len < sizeof list; i++)
        if (names[i][0])
            len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", len > 0 ? ", " : "",
                                    names[i]);
    complain(in->complaints, in->place, "must be one of: %s", list);
    return -1;
}

static bool read_enum(const struct input *in)
{
    int index = find_name(in);
    if (index < 0)
        return false;
    memcpy(in->to, &index, sizeof index);
    return true;
}

static bool read_flags(const struct input *in)
{
    if (!is_a(in, JSON_ARRAY, "an array of strings"))
        return false;
    uint32_t flags = 0;
    for (size_t i = 0; i < json_array_size(in->json); i++) {
        struct place place = {.outer = in->place, .index = i};
        struct input element = *in;
        element.json = json_array_get(in->json, i);
        element.place = &place;
        int index = find_name(&element);
        if (index < 0)
            return false;
        if ((flags >> index & 1) != 0)
            return complain(in->complaints, &place, "is given twice");
        flags |= UINT32_C(1) << index;
    }
    memcpy(in->to, &flags, sizeof flags);
    return true;
}

/* For texts and blobs, in bytes. */
static bool is_within(const struct input *in, size_t len, const char *what)
{
    int64_t least = in->field->min;
    int64_t most = cs_field_most(in->field);
    if ((int64_t)len >= least && (int64_t)len <= most)
        return true;
    if (len == 0)
        return complain(in->complaints, in->place, "must not be empty");
    return complain(in->complaints, in->place, "must %s %lld to %lld bytes", what, (long long)least,
                    (long long)most);
}

static bool read_text(const struct input *in)
{
    if (!is_a(in, JSON_STRING, "a string"))
        return false;
    const char *text = json_string_value(in->json);
    size_t len = json_string_length(in->json);
    if (!is_within(in, len, "have"))
        return false;
    if (!cs_utf8_is_text(text, len))
        return complain(in->complaints, in->place,
                        "must not hold control characters, nor any that turn the "
                        "direction of text");
    memcpy(in->to, text, len);
    return true;
}

static bool read_word(const struct input *in, const json_t *json, const struct place *place)
{
    struct input element = *in;
    element.json = json;
    element.place = place;
    if (!is_a(&element, JSON_STRING, "a string"))
        return false;
    char *words = (char *)in->to;
    struct cs_slice word = CS_SLICE(json_string_value(json), json_string_length(json));
    if (cs_words_has(words, word))
        return complain(in->complaints, place, "is given twice");
    switch (cs_words_add(words, in->field->size, word)) {
    case CS_OK:
        return true;
    case CS_ERR_TOO_LARGE:
        return complain(in->complaints, in->place, "must have %zu bytes at most in all",
                        in->field->size - 1);
    default:
        return complain(in->complaints, place, "must be one word, without spaces");
    }
}

static bool read_words(const struct input *in)
{
    if (!is_a(in, JSON_ARRAY, "an array of strings"))
        return false;
    int64_t count = (int64_t)json_array_size(in->json);
    int64_t most = cs_field_most(in->field);
    if (count < in->field->min || count > most)
        return complain(in->complaints, in->place, "must have %lld to %lld elements",
                        (long long)in->field->min, (long long)most);
    for (size_t i = 0; i < (size_t)count; i++) {
        struct place place = {.outer = in->place, .index = i};
        if (!read_word(in, json_array_get(in->json, i), &place))
            return false;
    }
    return true;
}

static bool read_id(const struct input *in)
{
    const char *prefix = in->field->prefix;
    if (!is_a(in, JSON_STRING, "a string"))
        return false;
    struct cs_id id;
    if (cs_id_parse(json_string_value(in->json), prefix, &id) != CS_OK || cs_id_is_zero(&id))
        return complain(in->complaints, in->place,
                        "must be an id: %s_ and 26 upper-case characters", prefix);
    memcpy(in->to, &id, sizeof id);
    return true;
}

static bool read_bytes(const struct input *in)
{
    size_t size = in->field->size;
    if (!is_a(in, JSON_STRING, "a string"))
        return false;
    size_t len = 0;
    enum cs_err err = cs_base64_decode(json_string_value(in->json), json_string_length(in->json),
                                       in->to, size, &len);
    if (err != CS_OK || len != size)
        return complain(in->complaints, in->place, "must be base64 of exactly %zu bytes", size);
    if (cs_field_is_empty(in->field, in->record, CS_VIEW_ALL))
        return complain(in->complaints, in->place, "must not be all zero");
    return true;
}

static bool read_blob(const struct input *in)
{
    if (!is_a(in, JSON_STRING, "a string"))
        return false;
    size_t len = 0;
    enum cs_err err = cs_base64_decode(json_string_value(in->json), json_string_length(in->json),
                                       in->to + CS_BLOB_HEAD, in->field->size - CS_BLOB_HEAD, &len);
    if (err != CS_OK)
        return complain(in->complaints, in->place, "must be base64 of %lld bytes at most",
                        (long long)cs_field_most(in->field));
    if (!is_within(in, len, "be base64 of"))
        return false;
    uint16_t short_len = (uint16_t)len;
    memcpy(in->to, &short_len, sizeof short_len);
    return true;
}

static bool read_record(const struct input *in)
{
    return is_a(in, JSON_OBJECT, "an object") &&
           read_object(in->field->sub, in->json, in->place, in->to, NULL, in->complaints);
}

static bool read_list(const struct input *in)
{
    const struct cs_field *field = in->field;
    if (!is_a(in, JSON_ARRAY, "an array of objects"))
        return false;
    uint64_t count = json_array_size(in->json);
    if (count < (uint64_t)field->min || count > (uint64_t)field->max)
        return complain(in->complaints, in->place, "must have %lld to %lld elements",
                        (long long)field->min, (long long)field->max);
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        struct place place = {.outer = in->place, .index = i};
        struct input element = *in;
        uint8_t *to = in->to + i * field->sub->size;
        uint64_t given = 0;
        element.json = json_array_get(in->json, i);
        element.place = &place;
        good &= is_a(&element, JSON_OBJECT, "an object") &&
                read_object(field->sub, element.json, &place, to, &given, in->complaints);
        if (field->sub->has_given)
            memcpy(to + field->sub->given_offset, &given, sizeof given);
    }
    uint16_t short_count = (uint16_t)count;
    memcpy(in->record + field->count_offset, &short_count, sizeof short_count);
    return good;
}

typedef bool read_fn(const struct input *);
static read_fn *const readers[] = {
    [CS_F_UINT] = read_number, [CS_F_INT] = read_number,  [CS_F_TIME] = read_time,
    [CS_F_BOOL] = read_bool,   [CS_F_ENUM] = read_enum,   [CS_F_FLAGS] = read_flags,
    [CS_F_TEXT] = read_text,   [CS_F_WORDS] = read_words, [CS_F_ID] = read_id,
    [CS_F_BYTES] = read_bytes, [CS_F_BLOB] = read_blob,   [CS_F_RECORD] = read_record,
    [CS_F_LIST] = read_list,
};

static bool complain_of_unknown(const struct cs_record *record, const char *name,
                                const struct place *outer, struct cs_complaints *complaints)
{
    struct cs_slice typed = cs_slice_str(name);
    if (typed.len > ECHOED_NAME_MAX)
        return complain(complaints, outer, "unknown member with a name of %zu bytes", typed.len);
    struct place place = {.outer = outer, .name = name};
    const char *nearest = NULL;
    size_t shortest = SIZE_MAX;
    for (size_t i = 0; i < record->field_count; i++) {
        const struct cs_field *field = &record->fields[i];
        if ((field->flags & CS_FF_IN) == 0) {
            if (strcmp(field->name, name) == 0 && (field->flags & CS_FF_OUT) != 0)
                return complain(complaints, &place, "is not for callers to set");
            continue;
        }
        struct cs_slice known = cs_slice_str(field->name);
        size_t distance = cs_words_distance(known, typed);
        if (distance < shortest && cs_words_is_near(known, typed, distance)) {
            shortest = distance;
            nearest = field->name;
        }
    }
    if (nearest)
        return complain(complaints, &place, "unknown member; did you mean \"%s\"?", nearest);
    return complain(complaints, &place, "unknown member");
}

static bool find_field(const struct cs_record *record, const char *name, size_t *index)
{
    for (*index = 0; *index < record->field_count; (*index)++) {
        const struct cs_field *field = &record->fields[*index];
        if ((field->flags & CS_FF_IN) != 0 && strcmp(field->name, name) == 0)
            return true;
    }
    return false;
}

static bool read_member(const struct cs_field *field, const json_t *json, const struct place *place,
                        uint8_t *value, struct cs_complaints *complaints)
{
    struct input in = {.json = json,
                       .field = field,
                       .place = place,
                       .record = value,
                       .to = value + field->offset,
                       .complaints = complaints};
    if (json_is_null(json) && (field->flags & CS_FF_NULLABLE) != 0)
        return true;
    assert(field->size == cs_field_fixed_size(field));
    return readers[field->type](&in);
}

static bool read_object(const struct cs_record *record, const json_t *object,
                        const struct place *outer, uint8_t *value, uint64_t *given,
                        struct cs_complaints *complaints)
{
    assert(record->field_count <= GIVEN_MAX);
    uint64_t seen = 0;
    bool good = true;
    const char *name;
    json_t *member;
    json_object_foreach((json_t *)(uintptr_t)object, name, member)
    {
        size_t index;
        struct place place = {.outer = outer, .name = name};
        if (!find_field(record, name, &index)) {
            good &= complain_of_unknown(record, name, outer, complaints);
            continue;
        }
        seen |= UINT64_C(1) << index;
        good &= read_member(&record->fields[index], member, &place, value, complaints);
    }
    for (size_t i = 0; i < record->field_count; i++) {
        const struct cs_field *field = &record->fields[i];
        struct place place = {.outer = outer, .name = field->name};
        if ((field->flags & CS_FF_REQUIRED) != 0 && (seen >> i & 1) == 0)
            good &= complain(complaints, &place, "is required");
    }
    if (given)
        *given = seen;
    return good;
}

enum cs_err cs_record_from_json(const struct cs_record *record, struct cs_slice in, void *value,
                                uint64_t *given, struct cs_complaints *complaints)
{
    json_t *body;
    memset(value, 0, record->size);
    if (given)
        *given = 0;
    complaints->count = 0;
    enum cs_err err = cs_json_parse(in, complaints, &body);
    if (err != CS_OK)
        return err;
    if (!json_is_object(body)) {
        complain(complaints, NULL, "must be an object");
        err = CS_ERR_INVALID;
    } else if (!read_object(record, body, NULL, value, given, complaints)) {
        err = CS_ERR_INVALID;
    }
    json_decref(body);
    return err;
}
