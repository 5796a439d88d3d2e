#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/args.h"
#include "cli/client/rest.h"
#include "cli/command.h"
#include "cli/commands.h"

/* The rules that every row of the real table keeps, so that no command is half described. */

#define EXPECT(condition, ...)                                                                     \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg(__VA_ARGS__);                                                                 \
    } while (0)

typedef void check_fn(const struct cs_command *command, size_t depth);

static void walk(const struct cs_command *command, size_t depth, check_fn *check)
{
    assert_true(depth <= CS_ARGS_DEPTH);
    check(command, depth);
    for (size_t i = 0; command->children != NULL && command->children[i] != NULL; i++)
        walk(command->children[i], depth + 1, check);
}

static bool is_name(const char *text)
{
    return text[0] != '\0' && strspn(text, "abcdefghijklmnopqrstuvwxyz-") == strlen(text);
}

static void check_words(const struct cs_command *command, size_t depth)
{
    (void)depth;
    const char *name = command->name;
    EXPECT(is_name(name), "%s: not a name", name);
    EXPECT(command->summary != NULL, "%s: no summary", name);
    size_t len = strlen(command->summary);
    EXPECT(len > 0 && len <= 72, "%s: summary of %zu characters", name, len);
    EXPECT(command->summary[0] >= 'A' && command->summary[0] <= 'Z', "%s: capital", name);
    EXPECT(command->summary[len - 1] != '.', "%s: full stop in the summary", name);
    if (command->doc != NULL)
        EXPECT(command->doc[strlen(command->doc) - 1] == '.', "%s: doc's full stop", name);
    EXPECT(command->children != NULL || command->run != NULL, "%s: noun or verb?", name);
    EXPECT(command->children == NULL || command->arguments == NULL,
           "%s: is a word an argument, or a verb?", name);
    EXPECT(command->run != cs_rest_run || command->rest != NULL, "%s: no row", name);
}

static void every_command_is_described(void **state)
{
    (void)state;
    walk(&cs_commands_root, 1, check_words);
}

static void check_unique(const struct cs_command *command, size_t depth)
{
    (void)depth;
    for (size_t i = 0; command->children != NULL && command->children[i] != NULL; i++)
        EXPECT(cs_command_child(command, command->children[i]->name) == command->children[i],
               "%s %s: twice", command->name, command->children[i]->name);
    struct cs_option_cursor cursor = {0};
    const struct cs_option *option;
    while ((option = cs_command_next_option(command, &cursor)) != NULL) {
        EXPECT(cs_command_option(command, option->name, 0) == option, "%s --%s: twice",
               command->name, option->name);
        EXPECT(option->letter == 0 || cs_command_option(command, NULL, option->letter) == option,
               "%s -%c: twice", command->name, option->letter);
        EXPECT(strcmp(option->name, "help") != 0 && option->letter != 'h', "%s: --help is taken",
               command->name);
    }
}

static void no_name_is_given_twice(void **state)
{
    (void)state;
    walk(&cs_commands_root, 1, check_unique);
}

static void check_options(const struct cs_command *command, size_t depth)
{
    (void)depth;
    struct cs_option_cursor cursor = {0};
    const struct cs_option *option;
    while ((option = cs_command_next_option(command, &cursor)) != NULL) {
        const char *name = option->name;
        bool flag = option->type == CS_OPTION_FLAG;
        EXPECT(is_name(name), "--%s: not a name", name);
        EXPECT(option->doc != NULL && option->doc[0] != '\0', "--%s: no doc", name);
        EXPECT(option->doc[strlen(option->doc) - 1] != '.', "--%s: full stop", name);
        EXPECT((option->argument == NULL) == flag, "--%s: name of its value", name);
        EXPECT(option->type != CS_OPTION_CHOICE || option->choices != NULL, "--%s: choices", name);
        EXPECT((option->type == CS_OPTION_ID) == (option->prefix != NULL), "--%s: prefix", name);
        EXPECT((option->place == CS_PLACE_NONE) == (option->member == NULL), "--%s: member", name);
        EXPECT(option->min <= option->max, "--%s: bounds", name);
        EXPECT(option->need == CS_OPTION_OPTIONAL || option->fallback == NULL,
               "--%s: required, and has a default", name);
    }
}

static void every_option_is_whole(void **state)
{
    (void)state;
    walk(&cs_commands_root, 1, check_options);
}

static void check_arguments(const struct cs_command *command, size_t depth)
{
    (void)depth;
    enum cs_argument_need before = CS_ARGUMENT_REQUIRED;
    const struct cs_argument *argument = command->arguments;
    for (; argument != NULL && argument->name != NULL; argument++) {
        EXPECT(is_name(argument->name), "%s: argument %s", command->name, argument->name);
        EXPECT(argument->doc != NULL, "%s: argument %s has no doc", command->name, argument->name);
        EXPECT(argument->need >= before && before != CS_ARGUMENT_MANY, "%s: %s is out of order",
               command->name, argument->name);
        EXPECT((argument->type == CS_ARGUMENT_ID) == (argument->prefix != NULL), "%s: prefix",
               command->name);
        EXPECT((argument->type == CS_ARGUMENT_CHOICE) == (argument->choices != NULL), "%s: choices",
               command->name);
        before = argument->need;
    }
}

static void every_argument_is_whole(void **state)
{
    (void)state;
    walk(&cs_commands_root, 1, check_arguments);
}

/* {id} in a path is an argument that must be there. */
static void check_path(const struct cs_command *command)
{
    const char *at = command->rest->path;
    EXPECT(strncmp(at, "/v1/", 4) == 0, "%s: path", command->name);
    for (at = strchr(at, '{'); at != NULL; at = strchr(at + 1, '{')) {
        char name[32];
        assert_int_equal(sscanf(at, "{%30[a-z]}", name), 1);
        const struct cs_argument *argument = command->arguments;
        while (argument != NULL && argument->name != NULL && strcmp(argument->name, name) != 0)
            argument++;
        EXPECT(argument != NULL && argument->name != NULL && argument->need == CS_ARGUMENT_REQUIRED,
               "%s: {%s} is no argument", command->name, name);
    }
}

static bool has_option(const struct cs_command *command, const char *name)
{
    return cs_command_option(command, name, 0) != NULL;
}

static void check_row(const struct cs_command *command, size_t depth)
{
    (void)depth;
    const struct cs_rest *rest = command->rest;
    if (rest == NULL)
        return;
    const char *name = command->name;
    check_path(command);
    EXPECT(has_option(command, "url") && has_option(command, "format"), "%s: shared", name);
    EXPECT((rest->shape == CS_REST_LIST) == (rest->columns != NULL), "%s: columns", name);
    EXPECT((rest->shape == CS_REST_LIST) == has_option(command, "all"), "%s: --all", name);
    EXPECT((rest->care == CS_REST_CREATES) == has_option(command, "idempotency-key"),
           "%s: --idempotency-key", name);
    EXPECT((rest->variables != NULL) == has_option(command, "env"), "%s: --env", name);
    EXPECT(rest->confirm == NULL || has_option(command, "yes"), "%s: --yes", name);
    EXPECT(rest->secret == NULL || has_option(command, rest->secret->option), "%s: secret", name);
    EXPECT((rest->member == NULL) == (rest->text == NULL), "%s: fixed member", name);
    struct cs_option_cursor cursor = {0};
    const struct cs_option *option;
    while ((option = cs_command_next_option(command, &cursor)) != NULL)
        EXPECT(option->place != CS_PLACE_BODY || strcmp(rest->method, "GET") != 0,
               "%s --%s: a GET has no body", name, option->name);
}

static void every_row_has_what_it_needs(void **state)
{
    (void)state;
    walk(&cs_commands_root, 1, check_row);
}

/* A secret on the command line is seen by everybody on the machine. */
static void check_no_secret_option(const struct cs_command *command, size_t depth)
{
    (void)depth;
    static const char *const words[] = {"token",    "secret",     "key",
                                        "password", "passphrase", "claim"};
    struct cs_option_cursor cursor = {0};
    const struct cs_option *option;
    while ((option = cs_command_next_option(command, &cursor)) != NULL)
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
            EXPECT(option->type == CS_OPTION_FLAG || strcmp(option->name, words[i]) != 0, "%s --%s",
                   command->name, option->name);
}

static void no_option_takes_a_secret(void **state)
{
    (void)state;
    walk(&cs_commands_root, 1, check_no_secret_option);
}

/* Words as a shell takes them, with plain double quotes; up to what else a shell does. */
static int split(char *at, char **argv, int size)
{
    int argc = 0;
    assert_non_null(at);
    while (*at != '\0' && strchr("<>|)", *at) == NULL) {
        assert_true(argc < size);
        bool quoted = *at == '"';
        argv[argc++] = at += quoted;
        at += strcspn(at, quoted ? "\"" : " )");
        while (*at == ' ' || *at == ')' || (quoted && *at == '"')) {
            quoted = false;
            *at++ = '\0';
        }
    }
    return argc;
}

/* The examples of the table parse by the table. */
static void check_examples(const struct cs_command *command, size_t depth)
{
    (void)depth;
    const struct cs_example *example = command->examples;
    for (; example != NULL && example->line != NULL; example++) {
        char text[512];
        char *argv[64];
        snprintf(text, sizeof(text), "%s", example->line);
        int argc = split(strstr(text, "countersign "), argv, 64);
        struct cs_args args;
        struct cs_buf complaint;
        cs_buf_init(&complaint, 1024);
        enum cs_err err = cs_args_parse(&cs_commands_root, argc, argv, &args, &complaint);
        EXPECT(err == CS_OK && args.command == command, "%s: %s", example->line,
               cs_buf_text(&complaint));
        cs_buf_free(&complaint);
    }
}

static void examples_are_true(void **state)
{
    (void)state;
    walk(&cs_commands_root, 1, check_examples);
}

static void every_error_and_code_has_its_exit(void **state)
{
    (void)state;
    static const struct {
        enum cs_err err;
        enum cs_exit code;
    } cases[] = {
        {CS_OK, CS_EXIT_OK},
        {CS_ERR_INVALID, CS_EXIT_USAGE},
        {CS_ERR_NOT_FOUND, CS_EXIT_NOT_FOUND},
        {CS_ERR_UNAUTHENTIC, CS_EXIT_DENIED},
        {CS_ERR_DENIED, CS_EXIT_DENIED},
        {CS_ERR_CONFLICT, CS_EXIT_CONFLICT},
        {CS_ERR_STALE, CS_EXIT_CONFLICT},
        {CS_ERR_GONE, CS_EXIT_CONFLICT},
        {CS_ERR_REFUSED, CS_EXIT_REFUSED},
        {CS_ERR_UNAVAILABLE, CS_EXIT_UNREACHABLE},
        {CS_ERR_IO, CS_EXIT_FAILED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(cs_command_exit(cases[i].err), cases[i].code);
    for (int err = CS_OK + 1; err < CS_ERR_COUNT; err++)
        assert_int_not_equal(cs_command_exit((enum cs_err)err), CS_EXIT_OK);
    assert_int_equal(cs_command_exit(CS_ERR_COUNT), CS_EXIT_FAILED);
    for (int code = 0; code < CS_EXIT_COUNT; code++)
        assert_true(strlen(cs_command_exit_doc((enum cs_exit)code)) > 0);
}

static void finds_arguments_by_position(void **state)
{
    (void)state;
    const struct cs_command *completion = cs_command_child(&cs_commands_root, "completion");
    const struct cs_command *help = cs_command_child(&cs_commands_root, "help");
    assert_string_equal(cs_command_argument(completion, 0)->name, "shell");
    assert_null(cs_command_argument(completion, 1));
    assert_string_equal(cs_command_argument(help, 5)->name, "command");
    assert_null(cs_command_argument(&cs_commands_root, 0));
    assert_null(cs_command_child(completion, "x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_is_described),
        cmocka_unit_test(no_name_is_given_twice),
        cmocka_unit_test(every_option_is_whole),
        cmocka_unit_test(every_argument_is_whole),
        cmocka_unit_test(every_row_has_what_it_needs),
        cmocka_unit_test(no_option_takes_a_secret),
        cmocka_unit_test(examples_are_true),
        cmocka_unit_test(every_error_and_code_has_its_exit),
        cmocka_unit_test(finds_arguments_by_position),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
