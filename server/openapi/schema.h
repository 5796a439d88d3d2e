/*
 * Schemas: JSON Schema (2020-12) of record tables and views, collected under components/schemas.
 *
 * A record that is read from bodies and one that is told in answers differ in what may be left out
 * and what may be null; each direction has a schema of its own. Inside of server/openapi/ only.
 * Thread rule: as of the tree.
 */
#ifndef CS_SERVER_OPENAPI_SCHEMA_H
#define CS_SERVER_OPENAPI_SCHEMA_H

#include "server/openapi/tree.h"

struct cs_record;
struct cs_view;

enum cs_schema_way { CS_SCHEMA_TOLD, CS_SCHEMA_TAKEN };

/*
 * A reference to the schema, which is put into tree->schemas if it is not there yet, with those
 * that it refers to. Two sources of one name are a programmer's error.
 */
json_t *cs_schema_record(struct cs_tree *tree, const struct cs_record *source,
                         enum cs_schema_way way);
json_t *cs_schema_view(struct cs_tree *tree, const struct cs_view *view);
/* The schema of an id that begins with one of the prefixes, a word list. */
json_t *cs_schema_id(const char *prefixes);

#endif
