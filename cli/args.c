#include "cli/args.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/text/words.h"
#include "policy/load/suggest.h"

/* Where the parser stands. */
struct parser {
    struct cs_args *args;
    struct cs_buf *complaint;
    char *const *argv;
    int argc;
    int next;
    bool options_over; /* after "--" */
};

/*
 * A word of the command line may be told back only if it can not be a secret: every token of ours
 * is longer and has an underscore and digits, and passphrases have other characters or spaces.
 */
#define WORD_TOLD_MAX 20
static bool may_be_told(const char *word)
{
    size_t len = strspn(word, "abcdefghijklmnopqrstuvwxyz-");
    return len > 0 && len <= WORD_TOLD_MAX && word[len] == '\0';
}

static enum cs_err complain_unknown(const struct parser *parser, const char *what, const char *word,
                                    const struct cs_suggest *suggest)
{
    struct cs_buf *out = parser->complaint;
    const char *best = cs_suggest_best(suggest);
    const char *dashes = strcmp(what, "option") == 0 ? "--" : "";
    cs_buf_printf(out, "no such %s", what);
    if (may_be_told(word))
        cs_buf_printf(out, ": %s%s", dashes, word);
    if (best != NULL)
        cs_buf_printf(out, "; did you mean %s%s?", dashes, best);
    return CS_ERR_INVALID;
}

/* What each type demands of a value, and how that is said. Returns NULL when the value is right. */
typedef const char *check_fn(const struct cs_option *option, const char *text);

static const char *check_any(const struct cs_option *option, const char *text)
{
    (void)option, (void)text;
    return NULL;
}

static const char *check_some(const struct cs_option *option, const char *text)
{
    (void)option;
    return text[0] == '\0' ? "must not be empty" : NULL;
}

static const char *check_choice(const struct cs_option *option, const char *text)
{
    for (size_t i = 0; option->choices[i] != NULL; i++)
        if (strcmp(option->choices[i], text) == 0)
            return NULL;
    return "must be one of";
}

/* Each word on its own, where the option has choices. */
static const char *check_words(const struct cs_option *option, const char *text)
{
    char word[64];
    while (option->choices != NULL && *text != '\0') {
        size_t len = strcspn(text, ", ");
        if (len >= sizeof(word))
            return "must be one of";
        memcpy(word, text, len);
        word[len] = '\0';
        if (len > 0 && check_choice(option, word) != NULL)
            return "must be one of";
        text += len + (text[len] != '\0');
    }
    return NULL;
}

static bool parse_number(const char *text, int64_t *number)
{
    if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text))
        return false;
    errno = 0;
    *number = strtoll(text, NULL, 10);
    return errno == 0;
}

static bool in_bounds(const struct cs_option *option, int64_t number)
{
    if (option->min == 0 && option->max == 0)
        return true;
    return number >= option->min && number <= option->max;
}

static const char *check_number(const struct cs_option *option, const char *text)
{
    int64_t number;
    if (!parse_number(text, &number))
        return "must be a whole number";
    return in_bounds(option, number) ? NULL : "is out of bounds";
}

static bool parse_duration(const char *text, int64_t *seconds)
{
    int64_t ms = 0;
    if (strcmp(text, "0") != 0 && cs_duration_parse(text, &ms) != CS_OK)
        return false;
    *seconds = ms / 1000;
    return ms % 1000 == 0;
}

static const char *check_duration(const struct cs_option *option, const char *text)
{
    int64_t seconds;
    if (!parse_duration(text, &seconds))
        return "must be whole seconds, minutes, hours, days or weeks, such as 30s, 15m or 90d";
    if (seconds == 0 && option->min > 0)
        return "must be longer than 0";
    return in_bounds(option, seconds) ? NULL : "is out of bounds";
}

/* The word list `prefix` says whose ids will do. */
static const char *check_id(const struct cs_option *option, const char *text)
{
    const char *cursor = NULL;
    struct cs_slice word;
    while (cs_words_next(option->prefix, &cursor, &word)) {
        char prefix[CS_ID_PREFIX_MAX];
        struct cs_id id;
        assert(word.len < sizeof(prefix));
        memcpy(prefix, word.bytes, word.len);
        prefix[word.len] = '\0';
        if (cs_id_parse(text, prefix, &id) == CS_OK)
            return NULL;
    }
    return "must be an id:";
}

static check_fn *const checks[] = {
    [CS_OPTION_FLAG] = check_any,          [CS_OPTION_TEXT] = check_any,
    [CS_OPTION_TEXTS] = check_some,        [CS_OPTION_NUMBER] = check_number,
    [CS_OPTION_DURATION] = check_duration, [CS_OPTION_CHOICE] = check_choice,
    [CS_OPTION_WORDS] = check_words,       [CS_OPTION_ID] = check_id,
    [CS_OPTION_FILE] = check_some,         [CS_OPTION_FOLDER] = check_some,
};

/* The end of the sentence that a check began: what the value may be. */
static void complain_bounds(const struct parser *parser, const struct cs_option *option)
{
    struct cs_buf *out = parser->complaint;
    if (option->choices != NULL) {
        for (size_t i = 0; option->choices[i] != NULL; i++)
            cs_buf_printf(out, "%s %s", i == 0 ? "" : ",", option->choices[i]);
    } else if (option->type == CS_OPTION_ID) {
        const char *cursor = NULL;
        struct cs_slice word;
        for (bool more = false; cs_words_next(option->prefix, &cursor, &word); more = true)
            cs_buf_printf(out, "%s %.*s_", more ? " or" : "", (int)word.len, word.bytes);
        cs_buf_put_str(out, " and 26 characters");
    } else if (option->min != 0 || option->max != 0) {
        cs_buf_printf(out, " (%lld to %lld%s)", (long long)option->min, (long long)option->max,
                      option->type == CS_OPTION_DURATION ? " seconds" : "");
    }
}

static enum cs_err add_value(struct parser *parser, const struct cs_option *option,
                             const char *text, enum cs_args_source source)
{
    struct cs_args *args = parser->args;
    const char *wrong = text == NULL ? NULL : checks[option->type](option, text);
    if (wrong != NULL) {
        if (source == CS_ARGS_ENV)
            cs_buf_printf(parser->complaint, "%s in the environment %s", option->env, wrong);
        else
            cs_buf_printf(parser->complaint, "--%s %s", option->name, wrong);
        complain_bounds(parser, option);
        return CS_ERR_INVALID;
    }
    if (args->value_count == CS_ARGS_VALUES) {
        cs_buf_put_str(parser->complaint, "too many options");
        return CS_ERR_INVALID;
    }
    args->values[args->value_count++] = (struct cs_args_value){option, text, source};
    return CS_OK;
}

static const struct cs_args_value *find_value(const struct cs_args *args,
                                              const struct cs_option *option)
{
    for (size_t i = args->value_count; i > 0; i--)
        if (args->values[i - 1].option == option)
            return &args->values[i - 1];
    return NULL;
}

/* An option and what followed its name in the same word (after '=' or the letter), or NULL. */
static enum cs_err take_option(struct parser *parser, const struct cs_option *option,
                               const char *attached)
{
    struct cs_buf *out = parser->complaint;
    bool repeats = option->type == CS_OPTION_WORDS || option->type == CS_OPTION_TEXTS;
    if (!repeats && find_value(parser->args, option) != NULL) {
        cs_buf_printf(out, "--%s is given twice", option->name);
        return CS_ERR_INVALID;
    }
    if (option->type == CS_OPTION_FLAG) {
        if (attached == NULL)
            return add_value(parser, option, NULL, CS_ARGS_ARGV);
        cs_buf_printf(out, "--%s takes no value", option->name);
        return CS_ERR_INVALID;
    }
    if (attached == NULL && parser->next < parser->argc)
        attached = parser->argv[parser->next++];
    if (attached == NULL) {
        cs_buf_printf(out, "--%s needs a value: %s", option->name, option->argument);
        return CS_ERR_INVALID;
    }
    return add_value(parser, option, attached, CS_ARGS_ARGV);
}

static enum cs_err complain_option(struct parser *parser, const char *name)
{
    struct cs_suggest suggest;
    cs_suggest_init(&suggest, cs_slice_str(name));
    struct cs_option_cursor cursor = {0};
    const struct cs_option *option;
    while ((option = cs_command_next_option(parser->args->command, &cursor)) != NULL)
        cs_suggest_offer(&suggest, option->name);
    cs_suggest_offer(&suggest, "help");
    return complain_unknown(parser, "option", name, &suggest);
}

static enum cs_err take_long(struct parser *parser, const char *word)
{
    char name[64] = "";
    size_t len = strcspn(word, "=");
    if (len < sizeof(name))
        memcpy(name, word, len);
    if (strcmp(word, "help") == 0) {
        parser->args->wish = CS_ARGS_HELP;
        return CS_OK;
    }
    if (strcmp(word, "version") == 0 && parser->args->depth == 1) {
        parser->args->wish = CS_ARGS_VERSION;
        return CS_OK;
    }
    const struct cs_option *option = cs_command_option(parser->args->command, name, 0);
    if (option == NULL)
        return complain_option(parser, name);
    return take_option(parser, option, word[len] == '=' ? word + len + 1 : NULL);
}

static enum cs_err take_short(struct parser *parser, const char *word)
{
    if (strcmp(word, "h") == 0) {
        parser->args->wish = CS_ARGS_HELP;
        return CS_OK;
    }
    const struct cs_option *option = cs_command_option(parser->args->command, NULL, word[0]);
    if (option == NULL) { /* one letter is no secret; what is written behind it may be one */
        cs_buf_printf(parser->complaint,
                      isalpha((unsigned char)word[0]) ? "no such option: -%c" : "no such option",
                      word[0]);
        return CS_ERR_INVALID;
    }
    return take_option(parser, option, word[1] == '\0' ? NULL : word + 1);
}

static enum cs_err take_child(struct parser *parser, const char *word)
{
    struct cs_args *args = parser->args;
    const struct cs_command *child = cs_command_child(args->command, word);
    if (child != NULL && args->value_count > 0) {
        cs_buf_printf(parser->complaint, "options stand behind the command “%s”", word);
        return CS_ERR_INVALID;
    }
    if (child != NULL) {
        assert(args->depth < CS_ARGS_DEPTH);
        args->path[args->depth++] = child;
        args->command = child;
        return CS_OK;
    }
    struct cs_suggest suggest;
    cs_suggest_init(&suggest, cs_slice_str(word));
    for (size_t i = 0; args->command->children[i] != NULL; i++)
        if (!args->command->children[i]->hidden)
            cs_suggest_offer(&suggest, args->command->children[i]->name);
    return complain_unknown(parser, "command", word, &suggest);
}

/* Arguments are checked like the options of the same kind. */
static const char *check_argument(const struct cs_argument *argument, const char *word)
{
    static check_fn *const by_type[] = {
        [CS_ARGUMENT_WORD] = check_some,     [CS_ARGUMENT_TEXT] = check_any,
        [CS_ARGUMENT_ID] = check_id,         [CS_ARGUMENT_FILE] = check_some,
        [CS_ARGUMENT_CHOICE] = check_choice,
    };
    const struct cs_option like = {.prefix = argument->prefix, .choices = argument->choices};
    return by_type[argument->type](&like, word);
}

static enum cs_err take_argument(struct parser *parser, const char *word)
{
    struct cs_args *args = parser->args;
    const struct cs_argument *argument = cs_command_argument(args->command, args->argument_count);
    if (argument == NULL || args->argument_count == CS_ARGS_MAX) {
        cs_buf_put_str(parser->complaint, "too many arguments");
        return CS_ERR_INVALID;
    }
    const char *wrong = check_argument(argument, word);
    if (wrong != NULL) {
        const struct cs_option like = {
            .type = argument->type == CS_ARGUMENT_CHOICE ? CS_OPTION_CHOICE : CS_OPTION_ID,
            .prefix = argument->prefix,
            .choices = argument->choices,
        };
        cs_buf_printf(parser->complaint, "the argument “%s” %s", argument->name, wrong);
        if (argument->type == CS_ARGUMENT_CHOICE || argument->type == CS_ARGUMENT_ID)
            complain_bounds(parser, &like);
        return CS_ERR_INVALID;
    }
    args->arguments[args->argument_count++] = word;
    return CS_OK;
}

static enum cs_err take_word(struct parser *parser, const char *word)
{
    if (!parser->options_over && strcmp(word, "--") == 0) {
        parser->options_over = true;
        return CS_OK;
    }
    if (!parser->options_over && strncmp(word, "--", 2) == 0)
        return take_long(parser, word + 2);
    if (!parser->options_over && word[0] == '-' && word[1] != '\0')
        return take_short(parser, word + 1);
    if (parser->args->command->children != NULL)
        return take_child(parser, word);
    return take_argument(parser, word);
}

/* What was not given on the command line: from the environment, or the default. */
static enum cs_err fill_in(struct parser *parser)
{
    enum cs_err err = CS_OK;
    struct cs_option_cursor cursor = {0};
    const struct cs_option *option;
    while (err == CS_OK &&
           (option = cs_command_next_option(parser->args->command, &cursor)) != NULL) {
        if (find_value(parser->args, option) != NULL)
            continue;
        const char *env = option->env == NULL ? NULL : getenv(option->env);
        if (env != NULL && env[0] != '\0')
            err = add_value(parser, option, env, CS_ARGS_ENV);
        else if (option->fallback != NULL)
            err = add_value(parser, option, option->fallback, CS_ARGS_FALLBACK);
    }
    return err;
}

static enum cs_err check_needs(struct parser *parser)
{
    const struct cs_args *args = parser->args;
    const struct cs_argument *argument = cs_command_argument(args->command, args->argument_count);
    if (argument != NULL && argument->need == CS_ARGUMENT_REQUIRED) {
        cs_buf_printf(parser->complaint, "the argument “%s” is missing: %s", argument->name,
                      argument->doc);
        return CS_ERR_INVALID;
    }
    struct cs_option_cursor cursor = {0};
    const struct cs_option *option;
    while ((option = cs_command_next_option(args->command, &cursor)) != NULL) {
        if (option->need != CS_OPTION_REQUIRED || find_value(args, option) != NULL)
            continue;
        cs_buf_printf(parser->complaint, "--%s is missing: %s", option->name, option->doc);
        return CS_ERR_INVALID;
    }
    return CS_OK;
}

/* What there is is told below a noun; of the program itself, --help tells it better. */
static enum cs_err complain_no_verb(const struct parser *parser)
{
    const struct cs_command *const *children = parser->args->command->children;
    cs_buf_put_str(parser->complaint, "which command?");
    for (size_t i = 0, told = 0; parser->args->depth > 1 && children[i] != NULL; i++)
        if (!children[i]->hidden)
            cs_buf_printf(parser->complaint, "%s %s", told++ == 0 ? "" : ",", children[i]->name);
    return CS_ERR_INVALID;
}

enum cs_err cs_args_parse(const struct cs_command *root, int argc, char *const *argv,
                          struct cs_args *args, struct cs_buf *complaint)
{
    *args = (struct cs_args){.path = {root}, .depth = 1, .command = root};
    struct parser parser = {
        .args = args, .complaint = complaint, .argv = argv, .argc = argc, .next = 1};
    while (parser.next < argc) {
        enum cs_err err = take_word(&parser, argv[parser.next++]);
        if (err != CS_OK)
            return err;
        if (args->wish != CS_ARGS_RUN)
            return CS_OK;
    }
    if (args->command->run == NULL)
        return complain_no_verb(&parser);
    enum cs_err err = fill_in(&parser);
    return err != CS_OK ? err : check_needs(&parser);
}

static const struct cs_args_value *value_named(const struct cs_args *args, const char *name)
{
    const struct cs_option *option = cs_command_option(args->command, name, 0);
    assert(option != NULL);
    return find_value(args, option);
}

const char *cs_args_text(const struct cs_args *args, const char *name)
{
    const struct cs_args_value *value = value_named(args, name);
    if (value == NULL)
        return NULL;
    return value->text == NULL ? "" : value->text;
}

bool cs_args_has(const struct cs_args *args, const char *name)
{
    const struct cs_args_value *value = value_named(args, name);
    return value != NULL && value->source != CS_ARGS_FALLBACK;
}

int64_t cs_args_value_number(const struct cs_args_value *value)
{
    int64_t number = 0;
    bool parsed = value->option->type == CS_OPTION_DURATION ? parse_duration(value->text, &number)
                                                            : parse_number(value->text, &number);
    assert(parsed);
    return parsed ? number : 0;
}

int64_t cs_args_number(const struct cs_args *args, const char *name)
{
    const struct cs_args_value *value = value_named(args, name);
    return value == NULL ? 0 : cs_args_value_number(value);
}

const char *cs_args_get(const struct cs_args *args, const char *name)
{
    const struct cs_argument *arguments = args->command->arguments;
    size_t i = 0;
    while (arguments[i].name != NULL && strcmp(arguments[i].name, name) != 0)
        i++;
    assert(arguments[i].name != NULL);
    return i < args->argument_count ? args->arguments[i] : NULL;
}

void cs_args_path(const struct cs_args *args, struct cs_buf *out)
{
    for (size_t i = 0; i < args->depth; i++)
        cs_buf_printf(out, "%s%s", i == 0 ? "" : " ", args->path[i]->name);
}
