#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/args.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define WORDS_MAX 80
#define GOOD_ID "acct_01JC2V5Q8ZK3W7R9T4N6M0XBYD"

static enum cs_exit run_nothing(const struct cs_args *args)
{
    (void)args;
    return CS_EXIT_OK;
}

static const char *const colours[] = {"red", "green", NULL};
static const struct cs_option own_options[] = {
    {.name = "name", .letter = 'n', .type = CS_OPTION_TEXT, .argument = "NAME", .doc = "a name"},
    {.name = "loud", .letter = 'l', .type = CS_OPTION_FLAG, .doc = "louder"},
    {.name = "count",
     .letter = 'c',
     .type = CS_OPTION_NUMBER,
     .argument = "COUNT",
     .min = 1,
     .max = 100,
     .fallback = "25",
     .doc = "how many"},
    {.name = "any", .type = CS_OPTION_NUMBER, .argument = "COUNT", .doc = "any number"},
    {.name = "time",
     .type = CS_OPTION_DURATION,
     .argument = "TIME",
     .min = 1,
     .max = 86400,
     .doc = "how long"},
    {.name = "grace", .type = CS_OPTION_DURATION, .argument = "TIME", .doc = "how long"},
    {.name = "colour",
     .type = CS_OPTION_CHOICE,
     .argument = "COLOUR",
     .choices = colours,
     .env = "TEST_COLOUR",
     .doc = "which"},
    {.name = "word", .type = CS_OPTION_WORDS, .argument = "WORD", .doc = "words"},
    {.name = "tint",
     .type = CS_OPTION_WORDS,
     .argument = "COLOUR",
     .choices = colours,
     .doc = "words of a list"},
    {.name = "account", .type = CS_OPTION_ID, .argument = "ID", .prefix = "acct", .doc = "whose"},
    {.name = "token", .type = CS_OPTION_ID, .argument = "ID", .prefix = "tok svc", .doc = "which"},
    {.name = "file", .type = CS_OPTION_FILE, .argument = "FILE", .doc = "a file"},
    {0},
};
static const struct cs_option shared_options[] = {
    {.name = "format",
     .letter = 'o',
     .type = CS_OPTION_CHOICE,
     .argument = "COLOUR",
     .choices = colours,
     .doc = "how"},
    {0},
};
static const struct cs_option_set shared = {"Shared", shared_options};
static const struct cs_option_set *const sets[] = {&shared, NULL};

static const struct cs_command many = {
    .name = "many", .summary = "Many", .options = own_options, .shared = sets, .run = run_nothing};

static const struct cs_option needed_options[] = {
    {.name = "must",
     .type = CS_OPTION_TEXT,
     .need = CS_OPTION_REQUIRED,
     .argument = "TEXT",
     .doc = "it must be there"},
    {0},
};
static const struct cs_argument needed_arguments[] = {
    {.name = "id", .type = CS_ARGUMENT_ID, .prefix = "acct", .doc = "the account"},
    {.name = "colour",
     .type = CS_ARGUMENT_CHOICE,
     .need = CS_ARGUMENT_OPTIONAL,
     .choices = colours,
     .doc = "a colour"},
    {0},
};
static const struct cs_command needed = {
    .name = "needed",
    .summary = "Needed",
    .options = needed_options,
    .arguments = needed_arguments,
    .run = run_nothing,
};

static const struct cs_argument list_arguments[] = {
    {.name = "file", .type = CS_ARGUMENT_FILE, .doc = "a file"},
    {.name = "rest", .type = CS_ARGUMENT_TEXT, .need = CS_ARGUMENT_MANY, .doc = "more"},
    {0},
};
static const struct cs_command list = {
    .name = "list", .summary = "List", .arguments = list_arguments, .run = run_nothing};
static const struct cs_command secret = {
    .name = "secrets", .summary = "Hidden", .run = run_nothing, .hidden = true};
static const struct cs_command *const verbs[] = {&many, &needed, &list, &secret, NULL};
static const struct cs_command noun = {.name = "noun", .summary = "A noun", .children = verbs};
static const struct cs_command *const nouns[] = {&noun, NULL};
static const struct cs_command root = {.name = "desk", .summary = "A desk", .children = nouns};

/* Words are separated by one '|', so that a case can hold spaces and empty words. */
static enum cs_err parse(const char *line, struct cs_args *args, struct cs_buf *complaint)
{
    static char text[4096];
    char *argv[WORDS_MAX] = {(char *)(uintptr_t) "desk"};
    int argc = 1;
    snprintf(text, sizeof(text), "%s", line);
    for (char *word = text; word != NULL && line[0] != '\0';) {
        assert_true(argc < WORDS_MAX);
        argv[argc++] = word;
        word = strchr(word, '|');
        if (word != NULL)
            *word++ = '\0';
    }
    cs_buf_init(complaint, 4096);
    return cs_args_parse(&root, argc, argv, args, complaint);
}

static void parse_well(const char *line, struct cs_args *args)
{
    struct cs_buf complaint;
    enum cs_err err = parse(line, args, &complaint);
    if (err != CS_OK)
        fail_msg("%s: %s", line, cs_buf_text(&complaint));
    cs_buf_free(&complaint);
}

static void takes_values_in_every_form(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "noun|many|--name|x y|--loud",    "noun|many|--name=x y|--loud", "noun|many|-n|x y|-l",
        "noun|many|-nx y|--loud",         "noun|many|--loud|--name=x y", "noun|many|-l|-nx y",
        "noun|many|--loud|--name=x y|--",
    };
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct cs_args args;
        parse_well(lines[i], &args);
        assert_ptr_equal(args.command, &many);
        assert_string_equal(cs_args_text(&args, "name"), "x y");
        assert_true(cs_args_has(&args, "loud"));
        assert_string_equal(cs_args_text(&args, "loud"), "");
        assert_false(cs_args_has(&args, "colour"));
        assert_null(cs_args_text(&args, "colour"));
    }
}

static void keeps_what_a_value_holds(void **state)
{
    (void)state;
    struct cs_args args;
    parse_well("noun|many|--name=a=b|--file|-", &args);
    assert_string_equal(cs_args_text(&args, "name"), "a=b");
    assert_string_equal(cs_args_text(&args, "file"), "-");
    parse_well("noun|many|--name|--loud", &args);
    assert_string_equal(cs_args_text(&args, "name"), "--loud");
    assert_false(cs_args_has(&args, "loud"));
    parse_well("noun|many|--name=", &args);
    assert_string_equal(cs_args_text(&args, "name"), "");
    assert_true(cs_args_has(&args, "name"));
}

static void tells_defaults_from_what_was_given(void **state)
{
    (void)state;
    struct cs_args args;
    parse_well("noun|many", &args);
    assert_int_equal(cs_args_number(&args, "count"), 25);
    assert_false(cs_args_has(&args, "count"));
    parse_well("noun|many|-c25", &args);
    assert_true(cs_args_has(&args, "count"));
    assert_int_equal(cs_args_number(&args, "any"), 0);
}

static void takes_the_environment_below_the_command_line(void **state)
{
    (void)state;
    struct cs_args args;
    struct cs_buf complaint;
    setenv("TEST_COLOUR", "green", 1);
    parse_well("noun|many", &args);
    assert_string_equal(cs_args_text(&args, "colour"), "green");
    assert_true(cs_args_has(&args, "colour"));
    parse_well("noun|many|--colour|red", &args);
    assert_string_equal(cs_args_text(&args, "colour"), "red");
    setenv("TEST_COLOUR", "", 1);
    parse_well("noun|many", &args);
    assert_null(cs_args_text(&args, "colour"));
    setenv("TEST_COLOUR", "cs_live_secret", 1);
    assert_int_equal(parse("noun|many", &args, &complaint), CS_ERR_INVALID);
    assert_string_equal(cs_buf_text(&complaint),
                        "TEST_COLOUR in the environment must be one of red, green");
    cs_buf_free(&complaint);
    unsetenv("TEST_COLOUR");
}

static void measures_durations_in_seconds(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *option;
        int64_t seconds;
    } cases[] = {
        {"noun|many|--time|1s", "time", 1},         {"noun|many|--time|90m", "time", 5400},
        {"noun|many|--time|1d", "time", 86400},     {"noun|many|--grace|0", "grace", 0},
        {"noun|many|--grace|2w", "grace", 1209600}, {"noun|many|--time|2000ms", "time", 2},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cs_args args;
        parse_well(cases[i].line, &args);
        assert_true(cs_args_number(&args, cases[i].option) == cases[i].seconds);
    }
}

static void collects_words_in_order(void **state)
{
    (void)state;
    struct cs_args args;
    parse_well("noun|many|--word|a,b|--tint|red,green|--word|c|--tint|green red,", &args);
    const char *want[] = {"a,b", "red,green", "c", "green red,"};
    size_t found = 0;
    for (size_t i = 0; i < args.value_count && args.values[i].source == CS_ARGS_ARGV; i++)
        assert_string_equal(args.values[i].text, want[found++]);
    assert_int_equal(found, COUNT(want));
}

static void takes_arguments_by_name(void **state)
{
    (void)state;
    struct cs_args args;
    parse_well("noun|needed|" GOOD_ID "|--must|x", &args);
    assert_string_equal(cs_args_get(&args, "id"), GOOD_ID);
    assert_null(cs_args_get(&args, "colour"));
    parse_well("noun|needed|--must|x|" GOOD_ID "|red", &args);
    assert_string_equal(cs_args_get(&args, "colour"), "red");
    parse_well("noun|list|f|--|--help||-x", &args);
    assert_int_equal(args.argument_count, 4);
    assert_string_equal(cs_args_get(&args, "rest"), "--help");
    assert_string_equal(args.arguments[2], "");
    parse_well("noun|list|-", &args);
    assert_string_equal(cs_args_get(&args, "file"), "-");
}

static void takes_ids_of_each_prefix(void **state)
{
    (void)state;
    struct cs_args args;
    parse_well("noun|many|--account|" GOOD_ID, &args);
    parse_well("noun|many|--token|tok_01JC2V5Q8ZK3W7R9T4N6M0XBYD", &args);
    parse_well("noun|many|--token|svc_01JC2V5Q8ZK3W7R9T4N6M0XBYD", &args);
}

static void stops_at_a_wish_for_help(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const struct cs_command *command;
        enum cs_args_wish wish;
    } cases[] = {
        {"--help", &root, CS_ARGS_HELP},
        {"-h", &root, CS_ARGS_HELP},
        {"--version", &root, CS_ARGS_VERSION},
        {"noun|--help", &noun, CS_ARGS_HELP},
        {"noun|needed|--help", &needed, CS_ARGS_HELP},
        {"noun|needed|-h|--nonsense", &needed, CS_ARGS_HELP},
        {"noun|secrets|--help", &secret, CS_ARGS_HELP},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cs_args args;
        parse_well(cases[i].line, &args);
        assert_ptr_equal(args.command, cases[i].command);
        assert_int_equal(args.wish, cases[i].wish);
    }
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *complaint;
    } cases[] = {
        {"", "which command?"},
        {"noun", "which command? many, needed, list"},
        {"nuon|many", "no such command: nuon; did you mean noun?"},
        {"noun|mayn", "no such command: mayn; did you mean many?"},
        {"noun|secret", "no such command: secret"},
        {"noun|quite-other", "no such command: quite-other"},
        {"--version=1|noun", "no such option: --version"},
        {"noun|--version", "no such option: --version"},
        {"noun|many|--nmae|x", "no such option: --nmae; did you mean --name?"},
        {"noun|many|--hlep", "no such option: --hlep; did you mean --help?"},
        {"noun|many|--nam", "no such option: --nam; did you mean --name?"},
        {"noun|many|-z", "no such option: -z"},
        {"noun|many|-zsecret", "no such option: -z"},
        {"noun|many|-5", "no such option"},
        {"noun|many|--name|x|-n|y", "--name is given twice"},
        {"noun|many|--loud|-l", "--loud is given twice"},
        {"noun|many|--loud=yes", "--loud takes no value"},
        {"noun|many|-lx", "--loud takes no value"},
        {"noun|many|--name", "--name needs a value: NAME"},
        {"noun|many|-n", "--name needs a value: NAME"},
        {"noun|many|--count|0", "--count is out of bounds (1 to 100)"},
        {"noun|many|--count|101", "--count is out of bounds (1 to 100)"},
        {"noun|many|--count|-1", "--count must be a whole number (1 to 100)"},
        {"noun|many|--count| 1", "--count must be a whole number (1 to 100)"},
        {"noun|many|--count|", "--count must be a whole number (1 to 100)"},
        {"noun|many|--count|1.5", "--count must be a whole number (1 to 100)"},
        {"noun|many|--any|9223372036854775808", "--any must be a whole number"},
        {"noun|many|--time|0", "--time must be longer than 0 (1 to 86400 seconds)"},
        {"noun|many|--time|2d", "--time is out of bounds (1 to 86400 seconds)"},
        {"noun|many|--grace|soon",
         "--grace must be whole seconds, minutes, hours, days or weeks, such as 30s, 15m or 90d"},
        {"noun|many|--grace|1500ms",
         "--grace must be whole seconds, minutes, hours, days or weeks, such as 30s, 15m or 90d"},
        {"noun|many|--colour|blue", "--colour must be one of red, green"},
        {"noun|many|--colour|", "--colour must be one of red, green"},
        {"noun|many|--tint|red,blue", "--tint must be one of red, green"},
        {"noun|many|--file|", "--file must not be empty"},
        {"noun|many|--account|acct_1", "--account must be an id: acct_ and 26 characters"},
        {"noun|many|--account|cred_01JC2V5Q8ZK3W7R9T4N6M0XBYD",
         "--account must be an id: acct_ and 26 characters"},
        {"noun|many|--token|" GOOD_ID, "--token must be an id: tok_ or svc_ and 26 characters"},
        {"noun|many|extra", "too many arguments"},
        {"noun|needed|" GOOD_ID "|red|more|--must|x", "too many arguments"},
        {"noun|needed|--must|x", "the argument “id” is missing: the account"},
        {"noun|needed|" GOOD_ID, "--must is missing: it must be there"},
        {"noun|needed|nothing|--must|x",
         "the argument “id” must be an id: acct_ and 26 characters"},
        {"noun|needed|" GOOD_ID "|blue|--must|x",
         "the argument “colour” must be one of red, green"},
        {"noun|list", "the argument “file” is missing: a file"},
        {"noun|list|", "the argument “file” must not be empty"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cs_args args;
        struct cs_buf complaint;
        enum cs_err err = parse(cases[i].line, &args, &complaint);
        if (err != CS_ERR_INVALID || strcmp(cs_buf_text(&complaint), cases[i].complaint) != 0)
            fail_msg("%s: %s", cases[i].line, cs_buf_text(&complaint));
        cs_buf_free(&complaint);
    }
}

/* A secret in the wrong place is the likeliest thing that a person mistypes. */
static void never_repeats_what_may_be_a_secret(void **state)
{
    (void)state;
    static const char *const token = "cs_live_0Vd4cS3cr3tS3cr3tS3cr3tS3cr3tS3cr3tabc";
    static const char *const before[] = {
        "",
        "--",
        "-",
        "noun|",
        "noun|many|",
        "noun|many|--",
        "noun|many|-",
        "noun|many|--count|",
        "noun|many|--account|",
        "noun|many|--colour=",
        "noun|needed|",
        "noun|needed|" GOOD_ID "|",
    };
    for (size_t i = 0; i < COUNT(before); i++) {
        char line[256];
        struct cs_args args;
        struct cs_buf complaint;
        snprintf(line, sizeof(line), "%s%s", before[i], token);
        assert_int_equal(parse(line, &args, &complaint), CS_ERR_INVALID);
        if (strstr(cs_buf_text(&complaint), "S3cr3t") != NULL)
            fail_msg("%s: %s", line, cs_buf_text(&complaint));
        cs_buf_free(&complaint);
    }
}

static void bounds_how_much_it_takes(void **state)
{
    (void)state;
    char line[4096] = "noun|list|f";
    struct cs_args args;
    struct cs_buf complaint;
    for (int i = 1; i < CS_ARGS_MAX; i++)
        strcat(line, "|x");
    parse_well(line, &args);
    assert_int_equal(args.argument_count, CS_ARGS_MAX);
    strcat(line, "|x");
    assert_int_equal(parse(line, &args, &complaint), CS_ERR_INVALID);
    assert_string_equal(cs_buf_text(&complaint), "too many arguments");
    cs_buf_free(&complaint);
    strcpy(line, "noun|many");
    for (int i = 0; i <= CS_ARGS_VALUES; i++)
        strcat(line, "|--word=x");
    assert_int_equal(parse(line, &args, &complaint), CS_ERR_INVALID);
    assert_string_equal(cs_buf_text(&complaint), "too many options");
    cs_buf_free(&complaint);
}

static void tells_how_far_it_understood(void **state)
{
    (void)state;
    struct cs_args args;
    struct cs_buf complaint, path;
    assert_int_equal(parse("noun|many|--bad", &args, &complaint), CS_ERR_INVALID);
    cs_buf_init(&path, 256);
    cs_args_path(&args, &path);
    assert_string_equal(cs_buf_text(&path), "desk noun many");
    cs_buf_free(&path);
    cs_buf_free(&complaint);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_values_in_every_form),
        cmocka_unit_test(keeps_what_a_value_holds),
        cmocka_unit_test(tells_defaults_from_what_was_given),
        cmocka_unit_test(takes_the_environment_below_the_command_line),
        cmocka_unit_test(measures_durations_in_seconds),
        cmocka_unit_test(collects_words_in_order),
        cmocka_unit_test(takes_arguments_by_name),
        cmocka_unit_test(takes_ids_of_each_prefix),
        cmocka_unit_test(stops_at_a_wish_for_help),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(never_repeats_what_may_be_a_secret),
        cmocka_unit_test(bounds_how_much_it_takes),
        cmocka_unit_test(tells_how_far_it_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
