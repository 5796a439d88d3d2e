/*
 * Commands: the form of the table from which the binary parses, dispatches and explains itself.
 *
 * A command is a noun with verbs below it, or a verb that runs. Parsing (cli/args.h), `--help`, the
 * manual page and shell completion all read this one table, so a command, an option or an example
 * is written once. It knows nothing of HTTP or of the vault. Tables are constant and live for ever.
 * Thread rule: pure.
 */
#ifndef CS_CLI_COMMAND_H
#define CS_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct cs_args;
struct cs_rest;

/* What the process exits with: the same in every command. */
enum cs_exit {
    CS_EXIT_OK,
    CS_EXIT_FAILED,
    CS_EXIT_USAGE,
    CS_EXIT_NOT_FOUND,
    CS_EXIT_DENIED,
    CS_EXIT_CONFLICT,
    CS_EXIT_REFUSED,
    CS_EXIT_UNREACHABLE,
    CS_EXIT_COUNT
};
/* What the code means, for the documentation. */
const char *cs_command_exit_doc(enum cs_exit code);
/* The exit code of a failure that happened in this process. */
enum cs_exit cs_command_exit(enum cs_err err);

enum cs_option_type {
    CS_OPTION_FLAG, /* takes no value */
    CS_OPTION_TEXT,
    CS_OPTION_TEXTS,    /* text; may be repeated, each time a value of its own */
    CS_OPTION_NUMBER,   /* an integer from `min` to `max` */
    CS_OPTION_DURATION, /* "90d", "15m", or "0" where `min` is 0; told on as seconds */
    CS_OPTION_CHOICE,   /* one of `choices` */
    CS_OPTION_WORDS,    /* short words, separated by commas or spaces; may be repeated */
    CS_OPTION_ID,       /* an id with one of `prefix` */
    CS_OPTION_FILE,     /* the path of a file */
    CS_OPTION_FOLDER    /* the path of a folder */
};

enum cs_option_need { CS_OPTION_OPTIONAL, CS_OPTION_REQUIRED };

/* Where an option's value goes in a call to the server (cli/client/rest.h). */
enum cs_option_place { CS_PLACE_NONE, CS_PLACE_BODY, CS_PLACE_QUERY };

struct cs_option {
    const char *name; /* long name without dashes; NULL ends a table */
    char letter;      /* short name, or 0 */
    enum cs_option_type type;
    enum cs_option_need need;
    enum cs_option_place place;
    const char *member;         /* name in the body or query */
    const char *argument;       /* what the value is called in help: "ID" */
    const char *env;            /* environment variable that stands in, or NULL */
    const char *fallback;       /* default, written as a value is; NULL: none */
    const char *const *choices; /* NULL-terminated; of words too: each must be one */
    const char *prefix;         /* of ids, without the underscore; or a list: "tok svc" */
    int64_t min, max;           /* of numbers, and of durations in seconds; both 0: no bounds */
    const char *doc; /* without a capital and a full stop: "how long the old secret works" */
};

/* Options that several commands share, under a heading of their own. */
struct cs_option_set {
    const char *title;
    const struct cs_option *options;
};

enum cs_argument_need { CS_ARGUMENT_REQUIRED, CS_ARGUMENT_OPTIONAL, CS_ARGUMENT_MANY };
enum cs_argument_type {
    CS_ARGUMENT_WORD, /* not empty */
    CS_ARGUMENT_TEXT,
    CS_ARGUMENT_ID,
    CS_ARGUMENT_FILE,
    CS_ARGUMENT_CHOICE
};

struct cs_argument {
    const char *name; /* lower case, as in a path's "{id}"; help shows it in capitals */
    enum cs_argument_type type;
    enum cs_argument_need need; /* CS_ARGUMENT_MANY: none or more, and only as the last */
    const char *prefix;         /* CS_ARGUMENT_ID */
    const char *const *choices; /* CS_ARGUMENT_CHOICE */
    const char *doc;
};

struct cs_example {
    const char *line; /* NULL ends a table */
    const char *doc;
};

/* Whether the command insists on memory that can not be swapped out. */
enum cs_command_memory {
    CS_MEMORY_ANY,
    CS_MEMORY_LOCKED /* unless it is called with --allow-unlocked-memory */
};
#define CS_OPTION_ALLOW_UNLOCKED "allow-unlocked-memory"

/* Reports its own failures on stderr. */
typedef enum cs_exit cs_command_fn(const struct cs_args *args);

struct cs_command {
    const char *name;
    const char *summary; /* one line, with a capital and no full stop */
    const char *doc;     /* further paragraphs, separated by "\n\n"; may be NULL */
    const struct cs_command *const *children;  /* NULL-terminated; a noun has them, and may run */
    const struct cs_option *options;           /* ended by a NULL name; may be NULL */
    const struct cs_option_set *const *shared; /* NULL-terminated; may be NULL */
    const struct cs_argument *arguments;       /* ended by a NULL name; may be NULL */
    const struct cs_example *examples;         /* may be NULL */
    cs_command_fn *run;                        /* a verb has it */
    const struct cs_rest *rest;                /* what cs_rest_run works by */
    enum cs_command_memory memory;
    bool hidden; /* left out of lists, the manual page and completion */
};

/* The child of that name, or NULL. */
const struct cs_command *cs_command_child(const struct cs_command *command, const char *name);
/* The option of that long name (letter 0), or of that letter (name NULL); NULL if there is none. */
const struct cs_option *cs_command_option(const struct cs_command *command, const char *name,
                                          char letter);
/*
 * Steps through the command's own options and then the shared ones: begin with a zeroed cursor;
 * NULL at the end. `cursor->title` is the heading of the option's set.
 */
struct cs_option_cursor {
    const char *title;
    size_t set; /* 0: the command's own, else 1 + the index in `shared` */
    size_t index;
};
const struct cs_option *cs_command_next_option(const struct cs_command *command,
                                               struct cs_option_cursor *cursor);
/* The argument at that position; the last one, if it takes many; NULL past the end. */
const struct cs_argument *cs_command_argument(const struct cs_command *command, size_t position);

#endif
