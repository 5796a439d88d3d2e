/*
 * Views: a JSON object put together of records, texts and secrets, by one table that is also its
 * documentation.
 *
 * The struct that is shown holds one pointer for each part and nothing else; a NULL leaves an
 * optional part out. A secret goes from its struct cs_secret straight into the body, which is wiped
 * when it has been sent. Thread rule: pure.
 */
#ifndef CS_SERVER_RESOURCE_VIEW_H
#define CS_SERVER_RESOURCE_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

struct cs_record;
struct cs_secret;

enum cs_view_kind {
    CS_VIEW_MEMBERS, /* of a record's struct: its members (never none), among those of the object */
    CS_VIEW_RECORD,  /* of a record's struct: one member that is its object */
    CS_VIEW_OBJECT,  /* of another view's struct: one member that is its object */
    CS_VIEW_SECRET,  /* of a struct cs_secret: a string */
    CS_VIEW_LINK     /* of a struct cs_view_link: a string */
};

/* A link that carries a token where no server and no referrer sees it: behind the "#". */
struct cs_view_link {
    const char *base; /* "https://keys.example" */
    const char *path; /* "/claim" */
    const struct cs_secret *token;
};

struct cs_view_part {
    enum cs_view_kind kind;
    const char *name;               /* of the member; NULL for CS_VIEW_MEMBERS */
    size_t offset;                  /* of the pointer */
    const struct cs_record *record; /* CS_VIEW_MEMBERS, CS_VIEW_RECORD */
    const struct cs_view *view;     /* CS_VIEW_OBJECT */
    bool optional;                  /* may be NULL */
    const char *doc;
};

struct cs_view {
    const char *name; /* "issued_credential": schema name in OpenAPI */
    const struct cs_view_part *parts;
    size_t part_count;
    const char *doc;
};

/* Writes `shown`, the struct of pointers that the view is made for, as one JSON object. */
void cs_view_json(const struct cs_view *view, const void *shown, struct cs_buf *out);

#endif
