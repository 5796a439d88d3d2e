/*
 * The document while it is put together: a jansson tree, and whether memory ran out on the way.
 *
 * A part that could not be made is NULL and is noticed where it is put into its parent, so that
 * makers need not check one another, and whoever began looks once at the end. Inside of
 * server/openapi/ only. Thread rule: belongs to one thread.
 */
#ifndef CS_SERVER_OPENAPI_TREE_H
#define CS_SERVER_OPENAPI_TREE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define CS_TREE_SCHEMAS_MAX 160

struct cs_tree {
    json_t *schemas; /* components/schemas */
    /* What each schema was made of: a name belongs to one record or view, in one direction. */
    struct {
        const char *name;
        const void *source;
        int way;
    } made[CS_TREE_SCHEMAS_MAX];
    size_t made_count;
    bool failed;
};

/* Both take the reference to `value`, which may be NULL. */
static inline void cs_tree_put(struct cs_tree *tree, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0)
        tree->failed = true;
}

static inline void cs_tree_add(struct cs_tree *tree, json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0)
        tree->failed = true;
}

/* {"$ref": "#/components/<section>/<name>"} */
json_t *cs_tree_reference(const char *section, const char *name);
/* The names of a NULL-terminated table as an array, without the empty one. */
json_t *cs_tree_names(struct cs_tree *tree, const char *const *names);

#endif
