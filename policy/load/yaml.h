/*
 * YAML: one strict document as a tree of nodes, each with its place in the file.
 *
 * What is taken is the plain part of YAML that people write by hand. Refused, each with its place:
 * anchors, aliases and tags (a few lines of them can grow to gigabytes), directives, a second
 * document, keys that are no words, repeated keys, control characters, and whatever is not UTF-8.
 * Knows nothing of what the document means: policy/load/schema.h reads a tree into a struct.
 * Thread rule: a tree is immutable; it may be read from any thread.
 */
#ifndef CS_POLICY_LOAD_YAML_H
#define CS_POLICY_LOAD_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/err.h"
#include "policy/report.h"

#define CS_YAML_BYTES_MAX (1024 * 1024)
#define CS_YAML_DEPTH_MAX 16     /* the outermost map has depth 1 */
#define CS_YAML_NODES_MAX 20000  /* values and keys */
#define CS_YAML_MEMBERS_MAX 1024 /* of one map or list */

enum cs_yaml_kind { CS_YAML_SCALAR, CS_YAML_LIST, CS_YAML_MAP };

struct cs_yaml_node {
    enum cs_yaml_kind kind;
    bool quoted;                     /* scalar in quotes or a block: always a text */
    struct cs_mark at;               /* where it begins */
    const char *text;                /* scalar: NUL-terminated, no other NUL in it; else NULL */
    size_t len;                      /* of text */
    const struct cs_yaml_node *key;  /* the scalar that names it, in a map; else NULL */
    const struct cs_yaml_node *head; /* first member of a list or map */
    const struct cs_yaml_node *next; /* the member after this one */
    size_t count;                    /* members */
};

struct cs_yaml; /* opaque: owns all nodes of one document */

/*
 * Reads a document. What is wrong goes into the report. Repeated keys are told and the tree is
 * still given (CS_OK), so that the caller tells what else is wrong: whoever reads a tree refuses it
 * in the end if its report has items. Anything else ends the reading with at least one more item:
 * CS_ERR_INVALID; CS_ERR_TOO_LARGE over CS_YAML_BYTES_MAX; CS_ERR_NOMEM. `bytes` is not kept.
 */
CS_MUST_CHECK enum cs_err cs_yaml_parse(struct cs_slice bytes, struct cs_report *report,
                                        struct cs_yaml **out);
/*
 * Reads a file, which may be a pipe, into `out`, which it initialises and the caller frees: a text
 * over CS_YAML_BYTES_MAX at least by a byte. CS_ERR_IO, and CS_ERR_DENIED for a file that everybody
 * may write to, told in the report; CS_ERR_NOMEM.
 */
CS_MUST_CHECK enum cs_err cs_yaml_read(const char *path, struct cs_report *report,
                                       struct cs_buf *out);
/*
 * The same of a file, which may be a pipe. CS_ERR_IO when it cannot be read, told in the report; a
 * folder or a missing file is one. CS_ERR_DENIED as above.
 */
CS_MUST_CHECK enum cs_err cs_yaml_parse_file(const char *path, struct cs_report *report,
                                             struct cs_yaml **out);
void cs_yaml_free(struct cs_yaml **yaml); /* takes NULL; nulls */

/* The outermost node; never NULL. */
const struct cs_yaml_node *cs_yaml_root(const struct cs_yaml *yaml);
/* The member of that name, or NULL: also when `map` is no map or NULL. */
const struct cs_yaml_node *cs_yaml_get(const struct cs_yaml_node *map, const char *key);
/* No value was written, or `null` or `~` without quotes. */
bool cs_yaml_is_null(const struct cs_yaml_node *node);
/* Where the thing is named: its key if it has one. Complaints about a whole point there. */
struct cs_mark cs_yaml_place(const struct cs_yaml_node *node);
/* "a map", "a list", "a text": for messages. */
const char *cs_yaml_kind_name(enum cs_yaml_kind kind);

#endif
