#include "base/record/record_internal.h"

#include <stdarg.h>
#include <stdio.h>

/* The types whose C object has one size; 0 where the table says it. */
static const size_t fixed_sizes[] = {
    [CS_F_UINT] = sizeof(uint64_t),
    [CS_F_INT] = sizeof(int64_t),
    [CS_F_TIME] = sizeof(int64_t),
    [CS_F_BOOL] = sizeof(bool),
    [CS_F_ENUM] = sizeof(int),
    [CS_F_FLAGS] = sizeof(uint32_t),
    [CS_F_TEXT] = 0,
    [CS_F_WORDS] = 0,
    [CS_F_ID] = sizeof(struct cs_id),
    [CS_F_BYTES] = 0,
    [CS_F_BLOB] = 0,
    [CS_F_RECORD] = 0,
    [CS_F_LIST] = 0,
};

size_t cs_field_fixed_size(const struct cs_field *field)
{
    return fixed_sizes[field->type] ? fixed_sizes[field->type] : field->size;
}

bool cs_record_is_empty(const struct cs_record *record, const void *value, enum cs_record_view view)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const struct cs_field *field = &record->fields[i];
        if (view == CS_VIEW_STORED && !cs_field_is_stored(field))
            continue;
        if (!cs_field_is_empty(field, value, view))
            return false;
    }
    if (view == CS_VIEW_ALL || !record->has_extra)
        return true;
    return cs_load_u16((const uint8_t *)value + record->extra_offset) == 0;
}

int64_t cs_field_most(const struct cs_field *field)
{
    int64_t room = (int64_t)field->size - (field->type == CS_F_BLOB ? CS_BLOB_HEAD : 1);
    return field->max != 0 && field->max < room ? field->max : room;
}

/* Names are written into JSON as they are. */
static bool name_is_sound(const char *name)
{
    for (; *name; name++)
        if (*name < 0x20 || *name > 0x7e || *name == '"' || *name == '\\')
            return false;
    return true;
}

static bool key_is_sound(const struct cs_field *field)
{
    size_t len = strlen(field->name);
    return field->name_len == len && len + 4 < CS_FIELD_KEY_SIZE &&
           memcmp(field->key, ",\"", 2) == 0 && memcmp(field->key + 2, field->name, len) == 0 &&
           memcmp(field->key + 2 + len, "\":", 2) == 0;
}

static bool names_are_sound(const char *const *names, size_t most)
{
    if (!names || !names[0])
        return false;
    size_t count = cs_names_count(names);
    for (size_t i = 0; i < count; i++) {
        if (!name_is_sound(names[i]) || strlen(names[i]) > CS_FIELD_NAMES_LEN)
            return false;
        for (size_t j = 0; j < i; j++)
            if (strcmp(names[i], names[j]) == 0)
                return false;
    }
    return count <= most;
}

static bool field_is_sound(const struct cs_field *field)
{
    if (!field->name || !field->name[0] || !name_is_sound(field->name) || !key_is_sound(field))
        return false;
    if (field->max != 0 && field->min > field->max)
        return false;
    if (field->size != cs_field_fixed_size(field) || field->size == 0)
        return false;
    switch (field->type) {
    case CS_F_ENUM:
        return names_are_sound(field->names, INT16_MAX);
    case CS_F_FLAGS:
        return names_are_sound(field->names, 32);
    case CS_F_ID:
        return field->prefix && strlen(field->prefix) < CS_ID_PREFIX_MAX &&
               name_is_sound(field->prefix);
    case CS_F_TEXT:
    case CS_F_WORDS:
        return field->max < (int64_t)field->size;
    case CS_F_BLOB:
        return field->size > CS_BLOB_HEAD && field->max <= (int64_t)field->size - CS_BLOB_HEAD;
    case CS_F_RECORD:
        return field->sub && field->size == field->sub->size && cs_record_is_sound(field->sub);
    case CS_F_LIST:
        return field->sub && field->max > 0 && field->max <= UINT16_MAX &&
               field->size / field->sub->size >= (size_t)field->max &&
               cs_record_is_sound(field->sub);
    default:
        return true;
    }
}

bool cs_record_is_sound(const struct cs_record *record)
{
    uint16_t last = 0;
    if (record->field_count > CS_RECORD_FIELDS_MAX)
        return false;
    for (size_t i = 0; i < record->field_count; i++) {
        const struct cs_field *field = &record->fields[i];
        if (!field_is_sound(field) || field->offset + field->size > record->size)
            return false;
        if (cs_field_is_stored(field) && field->number <= last)
            return false;
        last = cs_field_is_stored(field) ? field->number : last;
        for (size_t j = 0; j < i; j++)
            if (strcmp(record->fields[j].name, field->name) == 0)
                return false;
    }
    return record->name && record->name[0] &&
           (!record->has_extra || record->extra_offset + sizeof(struct cs_extra) <= record->size);
}

/* Eight bytes, all of them from U+0001 to U+007F. */
static bool is_ascii(const uint8_t *at)
{
    static const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t eight = cs_load_u64(at);
    return (((eight - ones) | eight) & (ones << 7)) == 0;
}

/* Nearly all text is that: by steps of eight, of which the last may overlap the one before. */
static bool is_ascii_text(const uint8_t *at, size_t len)
{
    if (len < sizeof(uint64_t))
        return false;
    for (size_t i = 0; i < len - sizeof(uint64_t); i += sizeof(uint64_t))
        if (!is_ascii(at + i))
            return false;
    return is_ascii(at + len - sizeof(uint64_t));
}

bool cs_text_is_storable(const uint8_t *at, size_t len)
{
    if (is_ascii_text(at, len))
        return true;
    while (len > 0) {
        size_t step = sizeof(uint64_t);
        if (len < step || !is_ascii(at))
            step = *at == '\0' ? 0 : cs_utf8_char(at, len);
        if (step == 0)
            return false;
        at += step;
        len -= step;
    }
    return true;
}

uint64_t cs_field_known_flags(const struct cs_field *field)
{
    return (UINT64_C(1) << cs_names_count(field->names)) - 1;
}

/* vsnprintf cuts at a byte; what is left of a cut character goes too. */
static void drop_cut_character(char *text)
{
    size_t len = strlen(text);
    for (size_t at = 0; at < len;) {
        size_t step = cs_utf8_char((const uint8_t *)text + at, len - at);
        if (step == 0) {
            text[at] = '\0';
            return;
        }
        at += step;
    }
}

void cs_complain(struct cs_complaints *complaints, const char *pointer, const char *format, ...)
{
    if (complaints->count >= CS_COMPLAINTS_MAX)
        return;
    struct cs_complaint *item = &complaints->items[complaints->count++];
    snprintf(item->pointer, sizeof item->pointer, "%s", pointer);
    drop_cut_character(item->pointer);
    va_list args;
    va_start(args, format);
    vsnprintf(item->detail, sizeof item->detail, format, args);
    va_end(args);
    drop_cut_character(item->detail);
}
