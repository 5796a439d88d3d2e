#include "server/openapi/schema.h"

#include <assert.h>
#include <string.h>

#include "base/record/record.h"
#include "base/text/words.h"
#include "server/resource/view.h"

#define PATTERN_SIZE 96
/* Crockford base32 of 16 bytes (base/id.h): the first of 26 characters holds but three bits. */
#define ID_PATTERN_TAIL "_[0-7][0-9A-HJKMNP-TV-Z]{25}$"

/* A field on its way to a schema. */
struct field {
    struct cs_tree *tree;
    const struct cs_field *field;
    enum cs_schema_way way;
};

static bool is_taken(const struct field *f)
{
    return f->way == CS_SCHEMA_TAKEN;
}

/* A type alone, with what is to be put beside it. */
static json_t *of_type(const char *type)
{
    return json_pack("{s:s}", "type", type);
}

/* Adds "null" to a schema's type, or wraps one that has none. Takes the reference. */
static json_t *or_null(struct cs_tree *tree, json_t *schema)
{
    json_t *type = json_object_get(schema, "type");
    if (type == NULL)
        return json_pack("{s:[o, {s:s}]}", "anyOf", schema, "type", "null");
    cs_tree_put(tree, schema, "type", json_pack("[O, s]", type, "null"));
    json_t *names = json_object_get(schema, "enum");
    if (names != NULL)
        cs_tree_add(tree, names, json_null());
    return schema;
}

static void put_number(struct cs_tree *tree, json_t *schema, const char *key, int64_t value)
{
    cs_tree_put(tree, schema, key, json_integer(value));
}

static json_t *number(const struct field *f)
{
    const struct cs_field *field = f->field;
    json_t *schema = of_type("integer");
    bool bounded = is_taken(f) && (field->min != 0 || field->max != 0);
    if (bounded)
        put_number(f->tree, schema, "minimum", field->min);
    else if (field->type == CS_F_UINT)
        put_number(f->tree, schema, "minimum", 0);
    if (bounded)
        put_number(f->tree, schema, "maximum", field->max);
    return schema;
}

static json_t *time_of_day(const struct field *f)
{
    (void)f;
    return json_pack("{s:s, s:s}", "type", "string", "format", "date-time");
}

static json_t *boolean(const struct field *f)
{
    (void)f;
    return of_type("boolean");
}

static json_t *one_name(const struct field *f)
{
    return json_pack("{s:s, s:o}", "type", "string", "enum",
                     cs_tree_names(f->tree, f->field->names));
}

static json_t *some_names(const struct field *f)
{
    return json_pack("{s:s, s:b, s:{s:s, s:o}}", "type", "array", "uniqueItems", 1, "items", "type",
                     "string", "enum", cs_tree_names(f->tree, f->field->names));
}

/* Bounds are of bytes, and a character has one at least: the most holds for both. */
static json_t *text(const struct field *f)
{
    const struct cs_field *field = f->field;
    json_t *schema = of_type("string");
    if (!is_taken(f))
        return schema;
    if (field->min != 0)
        put_number(f->tree, schema, "minLength", field->min == field->max ? field->min : 1);
    put_number(f->tree, schema, "maxLength",
               field->max != 0 ? field->max : (int64_t)field->size - 1);
    return schema;
}

static json_t *words(const struct field *f)
{
    json_t *schema = json_pack("{s:s, s:b, s:{s:s, s:s}}", "type", "array", "uniqueItems", 1,
                               "items", "type", "string", "pattern", "^[^ ]+$");
    if (is_taken(f) && f->field->min != 0)
        put_number(f->tree, schema, "minItems", f->field->min);
    if (is_taken(f) && f->field->max != 0)
        put_number(f->tree, schema, "maxItems", f->field->max);
    return schema;
}

json_t *cs_schema_id(const char *prefixes)
{
    char pattern[PATTERN_SIZE];
    struct cs_buf out;
    struct cs_slice word;
    const char *cursor = NULL;
    const char *separator = "^(";
    cs_buf_lend(&out, pattern, sizeof(pattern));
    while (cs_words_next(prefixes, &cursor, &word)) {
        cs_buf_put_str(&out, separator);
        cs_buf_put(&out, word.bytes, word.len);
        separator = "|";
    }
    cs_buf_put_str(&out, ")" ID_PATTERN_TAIL);
    return json_pack("{s:s, s:s}", "type", "string", "pattern", cs_buf_text(&out));
}

static json_t *id(const struct field *f)
{
    return cs_schema_id(f->field->prefix);
}

static json_t *bytes(const struct field *f)
{
    json_t *schema = json_pack("{s:s, s:s}", "type", "string", "contentEncoding", "base64");
    if (f->field->type == CS_F_BYTES) {
        int64_t len = (int64_t)(f->field->size + 2) / 3 * 4;
        put_number(f->tree, schema, "minLength", len);
        put_number(f->tree, schema, "maxLength", len);
    }
    return schema;
}

static json_t *record(const struct field *f)
{
    return cs_schema_record(f->tree, f->field->sub, f->way);
}

static json_t *list(const struct field *f)
{
    json_t *schema = json_pack("{s:s, s:o}", "type", "array", "items", record(f));
    if (is_taken(f) && f->field->min != 0)
        put_number(f->tree, schema, "minItems", f->field->min);
    put_number(f->tree, schema, "maxItems", f->field->max);
    return schema;
}

/* How each type is described, and for which of its fields an answer may tell null. */
static const struct {
    json_t *(*make)(const struct field *f);
    uint32_t null_told; /* always, or with this flag */
} makers[] = {
    [CS_F_UINT] = {number, 0},
    [CS_F_INT] = {number, 0},
    [CS_F_TIME] = {time_of_day, UINT32_MAX},
    [CS_F_BOOL] = {boolean, 0},
    [CS_F_ENUM] = {one_name, 0},
    [CS_F_FLAGS] = {some_names, 0},
    [CS_F_TEXT] = {text, CS_FF_NULLABLE},
    [CS_F_WORDS] = {words, CS_FF_NULLABLE},
    [CS_F_ID] = {id, UINT32_MAX},
    [CS_F_BYTES] = {bytes, UINT32_MAX},
    [CS_F_BLOB] = {bytes, UINT32_MAX},
    [CS_F_RECORD] = {record, CS_FF_NULLABLE},
    [CS_F_LIST] = {list, 0},
};

static bool has_empty_name(const struct cs_field *field)
{
    for (size_t i = 0; field->type == CS_F_ENUM && field->names[i] != NULL; i++) {
        if (field->names[i][0] == '\0')
            return true;
    }
    return false;
}

static bool may_be_null(const struct field *f)
{
    if (is_taken(f))
        return (f->field->flags & CS_FF_NULLABLE) != 0;
    return (f->field->flags & makers[f->field->type].null_told) != 0 || has_empty_name(f->field);
}

static json_t *field_schema(const struct field *f)
{
    json_t *schema = makers[f->field->type].make(f);
    if (may_be_null(f))
        schema = or_null(f->tree, schema);
    if (f->field->doc != NULL)
        cs_tree_put(f->tree, schema, "description", json_string(f->field->doc));
    return schema;
}

/* An object's schema while its members are added. */
struct members {
    struct cs_tree *tree;
    json_t *properties;
    json_t *required;
};

static struct members begin_members(struct cs_tree *tree)
{
    return (struct members){tree, json_object(), json_array()};
}

static json_t *end_members(struct members *members, const char *doc)
{
    return json_pack("{s:s, s:s, s:o, s:o, s:b}", "type", "object", "description", doc,
                     "properties", members->properties, "required", members->required,
                     "additionalProperties", 0);
}

enum presence { PRESENCE_ALWAYS, PRESENCE_MAYBE };

static void add_record(struct members *members, const struct cs_record *source,
                       enum cs_schema_way way, enum presence presence)
{
    bool taken = way == CS_SCHEMA_TAKEN;
    uint32_t wanted = taken ? CS_FF_IN : CS_FF_OUT;
    for (size_t i = 0; i < source->field_count; i++) {
        const struct cs_field *field = &source->fields[i];
        const struct field f = {.tree = members->tree, .field = field, .way = way};
        bool must = taken ? (field->flags & CS_FF_REQUIRED) != 0
                          : (field->flags & CS_FF_OMIT) == 0 && presence == PRESENCE_ALWAYS;
        if ((field->flags & wanted) == 0)
            continue;
        cs_tree_put(members->tree, members->properties, field->name, field_schema(&f));
        if (must)
            cs_tree_add(members->tree, members->required, json_string(field->name));
    }
}

/* True the first time; the schema's place is then to be filled. */
static bool is_new(struct cs_tree *tree, const char *name, const void *source, int way)
{
    for (size_t i = 0; i < tree->made_count; i++) {
        if (strcmp(tree->made[i].name, name) == 0) {
            assert(tree->made[i].source == source && tree->made[i].way == way);
            return false;
        }
    }
    assert(tree->made_count < CS_TREE_SCHEMAS_MAX);
    tree->made[tree->made_count].name = name;
    tree->made[tree->made_count].source = source;
    tree->made[tree->made_count++].way = way;
    return true;
}

json_t *cs_schema_record(struct cs_tree *tree, const struct cs_record *source,
                         enum cs_schema_way way)
{
    if (is_new(tree, source->name, source, (int)way)) {
        struct members members = begin_members(tree);
        add_record(&members, source, way, PRESENCE_ALWAYS);
        cs_tree_put(tree, tree->schemas, source->name, end_members(&members, source->doc));
    }
    return cs_tree_reference("schemas", source->name);
}

static json_t *part_schema(struct cs_tree *tree, const struct cs_view_part *part)
{
    switch (part->kind) {
    case CS_VIEW_RECORD:
        return cs_schema_record(tree, part->record, CS_SCHEMA_TOLD);
    case CS_VIEW_OBJECT:
        return cs_schema_view(tree, part->view);
    case CS_VIEW_LINK:
        return json_pack("{s:s, s:s}", "type", "string", "format", "uri");
    case CS_VIEW_SECRET:
    case CS_VIEW_MEMBERS: /* not reached: it is no member of its own */
        break;
    }
    return of_type("string");
}

static void add_part(struct members *members, const struct cs_view_part *part)
{
    struct cs_tree *tree = members->tree;
    if (part->kind == CS_VIEW_MEMBERS) {
        add_record(members, part->record, CS_SCHEMA_TOLD,
                   part->optional ? PRESENCE_MAYBE : PRESENCE_ALWAYS);
        return;
    }
    json_t *schema = part_schema(tree, part);
    if (part->doc != NULL)
        cs_tree_put(tree, schema, "description", json_string(part->doc));
    cs_tree_put(tree, members->properties, part->name, schema);
    if (!part->optional)
        cs_tree_add(tree, members->required, json_string(part->name));
}

json_t *cs_schema_view(struct cs_tree *tree, const struct cs_view *view)
{
    if (is_new(tree, view->name, view, CS_SCHEMA_TOLD)) {
        struct members members = begin_members(tree);
        for (size_t i = 0; i < view->part_count; i++)
            add_part(&members, &view->parts[i]);
        cs_tree_put(tree, tree->schemas, view->name, end_members(&members, view->doc));
    }
    return cs_tree_reference("schemas", view->name);
}
