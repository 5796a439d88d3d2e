#include "server/openapi/schema.h"

#include <stdio.h>
#include <string.h>

#include "base/record.h"
#include "base/words.h"
#include "server/resource/view.h"

#define NAME_MAX_LEN 96
#define ID_PATTERN_TAIL "_[0-7][0-9A-HJKMNP-TV-Z]{25}$"

/* A field on its way to a schema. */
struct field {
    json_t *schemas;
    const struct cs_field *field;
    enum cs_schema_way way;
};

static bool is_taken(const struct field *f)
{
    return f->way == CS_SCHEMA_TAKEN;
}

/* Adds "null" to a schema's type, or wraps one that has none. Takes the reference. */
static json_t *or_null(json_t *schema)
{
    json_t *type = json_object_get(schema, "type");
    if (type == NULL)
        return json_pack("{s:[o, {s:s}]}", "anyOf", schema, "type", "null");
    if (json_object_set_new(schema, "type", json_pack("[O, s]", type, "null")) != 0)
        return NULL;
    json_t *names = json_object_get(schema, "enum");
    if (names != NULL && json_array_append_new(names, json_null()) != 0)
        return NULL;
    return schema;
}

static void bound(json_t *schema, const char *least, const char *most, int64_t min, int64_t max)
{
    if (min != 0)
        json_object_set_new(schema, least, json_integer(min));
    if (max != 0)
        json_object_set_new(schema, most, json_integer(max));
}

static json_t *number(const struct field *f)
{
    json_t *schema = json_pack("{s:s}", "type", "integer");
    int64_t min = f->field->min;
    if (is_taken(f))
        bound(schema, "minimum", "maximum", min, f->field->max);
    if (f->field->type == CS_F_UINT && (min == 0 || !is_taken(f)))
        json_object_set_new(schema, "minimum", json_integer(0));
    return schema;
}

static json_t *time_of_day(const struct field *f)
{
    json_t *schema = json_pack("{s:s, s:s}", "type", "string", "format", "date-time");
    return is_taken(f) ? schema : or_null(schema);
}

static json_t *boolean(const struct field *f)
{
    (void)f;
    return json_pack("{s:s}", "type", "boolean");
}

static json_t *name_list(const char *const *names)
{
    json_t *list = json_array();
    for (size_t i = 0; names[i] != NULL; i++) {
        if (names[i][0] != '\0')
            json_array_append_new(list, json_string(names[i]));
    }
    return list;
}

static bool has_empty_name(const char *const *names)
{
    for (size_t i = 0; names[i] != NULL; i++) {
        if (names[i][0] == '\0')
            return true;
    }
    return false;
}

static json_t *one_name(const struct field *f)
{
    json_t *schema = json_pack("{s:s, s:o}", "type", "string", "enum", name_list(f->field->names));
    return !is_taken(f) && has_empty_name(f->field->names) ? or_null(schema) : schema;
}

static json_t *some_names(const struct field *f)
{
    return json_pack("{s:s, s:{s:s, s:o}}", "type", "array", "items", "type", "string", "enum",
                     name_list(f->field->names));
}

static json_t *text(const struct field *f)
{
    json_t *schema = json_pack("{s:s}", "type", "string");
    int64_t most = f->field->max != 0 ? f->field->max : (int64_t)f->field->size - 1;
    if (is_taken(f))
        bound(schema, "minLength", "maxLength", f->field->min, most);
    return !is_taken(f) && (f->field->flags & CS_FF_NULLABLE) != 0 ? or_null(schema) : schema;
}

static json_t *words(const struct field *f)
{
    json_t *schema = json_pack("{s:s, s:{s:s}}", "type", "array", "items", "type", "string");
    if (is_taken(f)) {
        json_object_set_new(schema, "uniqueItems", json_true());
        bound(schema, "minItems", "maxItems", f->field->min, f->field->max);
    }
    return schema;
}

json_t *cs_openapi_id(const char *prefixes)
{
    char pattern[NAME_MAX_LEN] = "^(";
    struct cs_buf out;
    struct cs_slice word;
    const char *cursor = NULL;
    cs_buf_lend(&out, pattern, sizeof(pattern));
    cs_buf_put_str(&out, "^(");
    while (cs_words_next(prefixes, &cursor, &word)) {
        if (out.len > 2)
            cs_buf_put_char(&out, '|');
        cs_buf_put(&out, word.bytes, word.len);
    }
    cs_buf_put_str(&out, ")" ID_PATTERN_TAIL);
    return json_pack("{s:s, s:s}", "type", "string", "pattern", cs_buf_text(&out));
}

static json_t *id(const struct field *f)
{
    json_t *schema = cs_openapi_id(f->field->prefix);
    return is_taken(f) ? schema : or_null(schema);
}

static json_t *bytes(const struct field *f)
{
    json_t *schema = json_pack("{s:s, s:s}", "type", "string", "contentEncoding", "base64");
    return is_taken(f) ? schema : or_null(schema);
}

static json_t *record(const struct field *f)
{
    json_t *schema = cs_openapi_record(f->schemas, f->field->sub, f->way);
    bool nullable = !is_taken(f) && (f->field->flags & CS_FF_NULLABLE) != 0;
    return nullable ? or_null(schema) : schema;
}

static json_t *list(const struct field *f)
{
    json_t *schema = json_pack("{s:s, s:o}", "type", "array", "items",
                               cs_openapi_record(f->schemas, f->field->sub, f->way));
    bound(schema, "minItems", "maxItems", is_taken(f) ? f->field->min : 0, f->field->max);
    return schema;
}

static json_t *(*const makers[])(const struct field *f) = {
    [CS_F_UINT] = number,  [CS_F_INT] = number,    [CS_F_TIME] = time_of_day,
    [CS_F_BOOL] = boolean, [CS_F_ENUM] = one_name, [CS_F_FLAGS] = some_names,
    [CS_F_TEXT] = text,    [CS_F_WORDS] = words,   [CS_F_ID] = id,
    [CS_F_BYTES] = bytes,  [CS_F_BLOB] = bytes,    [CS_F_RECORD] = record,
    [CS_F_LIST] = list,
};

static json_t *describe(json_t *schema, const char *doc)
{
    if (doc != NULL)
        json_object_set_new(schema, "description", json_string(doc));
    return schema;
}

/* Adds the members of a record to those of an object. */
static void add_members(json_t *schemas, const struct cs_record *source, enum cs_schema_way way,
                        json_t *properties, json_t *required)
{
    uint32_t wanted = way == CS_SCHEMA_TAKEN ? CS_FF_IN : CS_FF_OUT;
    for (size_t i = 0; i < source->field_count; i++) {
        const struct cs_field *field = &source->fields[i];
        struct field f = {.schemas = schemas, .field = field, .way = way};
        if ((field->flags & wanted) == 0)
            continue;
        json_t *schema = makers[field->type](&f);
        if (way == CS_SCHEMA_TAKEN && (field->flags & CS_FF_NULLABLE) != 0)
            schema = or_null(schema);
        json_object_set_new(properties, field->name, describe(schema, field->doc));
        bool must = way == CS_SCHEMA_TAKEN ? (field->flags & CS_FF_REQUIRED) != 0
                                           : (field->flags & CS_FF_OMIT) == 0;
        if (must)
            json_array_append_new(required, json_string(field->name));
    }
}

static json_t *object(const char *doc, json_t *properties, json_t *required)
{
    return json_pack("{s:s, s:s, s:o, s:o, s:b}", "type", "object", "description", doc,
                     "properties", properties, "required", required, "additionalProperties", 0);
}

static json_t *reference(const char *name)
{
    char path[NAME_MAX_LEN + 24];
    snprintf(path, sizeof(path), "#/components/schemas/%s", name);
    return json_pack("{s:s}", "$ref", path);
}

json_t *cs_openapi_record(json_t *schemas, const struct cs_record *source, enum cs_schema_way way)
{
    if (json_object_get(schemas, source->name) == NULL) {
        json_t *properties = json_object();
        json_t *required = json_array();
        /* Its place is taken first: a record may lead back to itself. */
        json_object_set_new(schemas, source->name, json_object());
        add_members(schemas, source, way, properties, required);
        json_object_set_new(schemas, source->name, object(source->doc, properties, required));
    }
    return reference(source->name);
}

static json_t *part_schema(json_t *schemas, const struct cs_view_part *part)
{
    switch (part->kind) {
    case CS_VIEW_RECORD:
        return cs_openapi_record(schemas, part->record, CS_SCHEMA_TOLD);
    case CS_VIEW_OBJECT:
        return cs_openapi_view(schemas, part->view);
    case CS_VIEW_LINK:
        return json_pack("{s:s, s:s}", "type", "string", "format", "uri");
    case CS_VIEW_SECRET:
    case CS_VIEW_MEMBERS:
        break;
    }
    return json_pack("{s:s}", "type", "string");
}

static void add_part(json_t *schemas, const struct cs_view_part *part, json_t *properties,
                     json_t *required)
{
    if (part->kind == CS_VIEW_MEMBERS) {
        json_t *needed = part->optional ? json_array() : json_incref(required);
        add_members(schemas, part->record, CS_SCHEMA_TOLD, properties, needed);
        json_decref(needed);
        return;
    }
    json_object_set_new(properties, part->name, describe(part_schema(schemas, part), part->doc));
    if (!part->optional)
        json_array_append_new(required, json_string(part->name));
}

json_t *cs_openapi_view(json_t *schemas, const struct cs_view *view)
{
    if (json_object_get(schemas, view->name) == NULL) {
        json_t *properties = json_object();
        json_t *required = json_array();
        json_object_set_new(schemas, view->name, json_object());
        for (size_t i = 0; i < view->part_count; i++)
            add_part(schemas, &view->parts[i], properties, required);
        json_object_set_new(schemas, view->name, object(view->doc, properties, required));
    }
    return reference(view->name);
}
