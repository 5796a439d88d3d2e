/*
 * Schemas: JSON Schema (2020-12) of record tables and views, collected under components/schemas.
 *
 * A record that is read from bodies and one that is told in answers differ in what may be left out
 * and what may be null; each direction has a schema of its own. Thread rule: pure.
 */
#ifndef CS_SERVER_OPENAPI_SCHEMA_H
#define CS_SERVER_OPENAPI_SCHEMA_H

#include <jansson.h>

struct cs_record;
struct cs_view;

enum cs_schema_way { CS_SCHEMA_TOLD, CS_SCHEMA_TAKEN };

/*
 * References to the schema, which is put into `schemas` (an object) if it is not there yet, with
 * those that it refers to. A new reference; NULL when memory ran out.
 */
json_t *cs_openapi_record(json_t *schemas, const struct cs_record *record, enum cs_schema_way way);
json_t *cs_openapi_view(json_t *schemas, const struct cs_view *view);
/* The pattern of an id; `prefixes` is a word list. */
json_t *cs_openapi_id(const char *prefixes);

#endif
