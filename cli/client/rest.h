/*
 * Rest: commands that are one call to the server, described by a row.
 *
 * A row says method, path and what the answer looks like; the members of the query and the body
 * come from the command's options, which know their own names there. cs_rest_run does everything
 * that is the same for all of them; a command that needs more calls the parts.
 * Failures are said on stderr. Thread rule: one thread.
 */
#ifndef CS_CLI_CLIENT_REST_H
#define CS_CLI_CLIENT_REST_H

#include <jansson.h>

#include "cli/args.h"
#include "cli/client/remote.h"
#include "cli/output.h"

enum cs_rest_shape {
    CS_REST_OBJECT, /* one object, or nothing */
    CS_REST_LIST    /* {"items": […], "next_cursor": …} */
};

enum cs_rest_care {
    CS_REST_PLAIN,
    CS_REST_CREATES /* bears an Idempotency-Key: cs_rest_create_sets or cs_rest_secret_sets */
};

/*
 * A part of the answer that --env writes into a file, where it is there: its name in the file, and
 * its path. What is secret is not printed then.
 */
enum cs_rest_privacy { CS_REST_PUBLIC, CS_REST_SECRET };
struct cs_rest_variable {
    const char *name; /* NULL ends a table */
    const char *path;
    enum cs_rest_privacy privacy;
};

/* A member of the body that is a secret: asked for, or read from the file that an option names. */
struct cs_rest_secret {
    const char *member;
    const char *option; /* "claim-file" */
    const char *what;   /* "claim": for the prompt */
};

struct cs_rest {
    const char *method;
    const char *path; /* "/v1/credentials/{id}": what is in braces is an argument */
    enum cs_rest_shape shape;
    enum cs_rest_care care;
    enum cs_remote_who who;
    const char *member, *text;       /* a member of the body that is always the same */
    const char *confirm;             /* asked on a terminal, unless --yes is given */
    const char *inside;              /* CS_REST_OBJECT: a member whose own members are
                                        shown without its name before theirs */
    const char *proof;               /* CS_REST_OBJECT: a member for programs, of which people
                                        are shown the index alone */
    const struct cs_column *columns; /* CS_REST_LIST */
    /* CS_REST_LIST: adds members that columns tell of and items do not have. Not with --format. */
    int (*derive)(json_t *item);
    /* CS_REST_OBJECT: how it is shown where lines of name and value are not enough. */
    void (*show)(struct cs_buf *out, const json_t *answer, enum cs_output_style style);
    const struct cs_rest_variable *variables; /* with --env: cs_rest_secret_sets */
    const struct cs_rest_secret *secret;
    /* What the process exits with, by what a 2xx answer says; NULL: CS_EXIT_OK. */
    enum cs_exit (*judge)(const json_t *answer);
};

/* What commands share, by what they are: see enum cs_rest_shape and enum cs_rest_care. */
extern const struct cs_option_set *const cs_rest_object_sets[];
extern const struct cs_option_set *const cs_rest_list_sets[];
extern const struct cs_option_set *const cs_rest_create_sets[];
extern const struct cs_option_set *const cs_rest_secret_sets[];
/* --format alone. */
extern const struct cs_option_set cs_rest_format_options;
/* --env alone: for commands that get a secret without creating anything. */
extern const struct cs_option_set cs_rest_env_options;
/* "Do not ask": for a command whose row has `confirm`. */
#define CS_REST_YES                                                                                \
    {                                                                                              \
        .name = "yes", .letter = 'y', .type = CS_OPTION_FLAG,                                      \
        .doc = "do not ask whether it is really meant"                                             \
    }

/* A `run` of the command table: does what args->command->rest says. */
enum cs_exit cs_rest_run(const struct cs_args *args);

/* Path and query of the row. `cursor`: goes on there, NULL: as --cursor says, if at all. */
void cs_rest_target(const struct cs_args *args, const struct cs_rest *rest, const char *cursor,
                    struct cs_buf *out);
/* The body that the options give, and `secret` (may be NULL), as a new object. NULL: no memory. */
json_t *cs_rest_body(const struct cs_args *args, const struct cs_rest *rest,
                     const struct cs_secret *secret);

struct cs_rest_request {
    const char *method;
    const char *target;
    const json_t *body;          /* NULL: none */
    const char *idempotency_key; /* NULL: none */
};
/*
 * Sends, and takes apart what comes back; a refusal is told and makes the exit code. `answer` is
 * NULL after a failure and for an answer without a body; otherwise it is the caller's to
 * json_decref.
 */
CS_MUST_CHECK enum cs_exit cs_rest_send(struct cs_remote *remote,
                                        const struct cs_rest_request *request, json_t **answer);

/* Prints an answer as --format says. */
CS_MUST_CHECK enum cs_exit cs_rest_print(const struct cs_args *args, const struct cs_rest *rest,
                                         const json_t *answer);
/* Whether a person agrees: asked only on a terminal, and not with --yes. */
bool cs_rest_agreed(const struct cs_args *args, const char *question);

#endif
