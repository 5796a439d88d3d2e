#include "server/openapi/tree.h"

#include <stdio.h>

#define REFERENCE_SIZE 128

json_t *cs_tree_reference(const char *section, const char *name)
{
    char path[REFERENCE_SIZE];
    int len = snprintf(path, sizeof(path), "#/components/%s/%s", section, name);
    return len > 0 && (size_t)len < sizeof(path) ? json_pack("{s:s}", "$ref", path) : NULL;
}

json_t *cs_tree_names(struct cs_tree *tree, const char *const *names)
{
    json_t *list = json_array();
    for (size_t i = 0; names[i] != NULL; i++) {
        if (names[i][0] != '\0')
            cs_tree_add(tree, list, json_string(names[i]));
    }
    return list;
}
