#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/args.h"
#include "cli/commands.h"
#include "cli/help/complete.h"
#include "cli/help/help.h"
#include "cli/help/manual.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static enum cs_exit run_nothing(const struct cs_args *args)
{
    (void)args;
    return CS_EXIT_OK;
}

static const char *const colours[] = {"red", "green", NULL};
static const struct cs_option verb_options[] = {
    {.name = "name",
     .letter = 'n',
     .type = CS_OPTION_TEXT,
     .need = CS_OPTION_REQUIRED,
     .argument = "NAME",
     .doc = "what it is called"},
    {.name = "colour",
     .type = CS_OPTION_CHOICE,
     .argument = "COLOUR",
     .choices = colours,
     .fallback = "red",
     .env = "TEST_COLOUR",
     .doc = "which colour it has"},
    {.name = "a-long-name-for-an-option", .type = CS_OPTION_FLAG, .doc = "its doc is below"},
    {.name = "file", .type = CS_OPTION_FILE, .argument = "FILE", .doc = "a file"},
    {0},
};
static const struct cs_option shared_options[] = {
    {.name = "word", .type = CS_OPTION_WORDS, .argument = "WORD", .doc = "words that are wanted"},
    {0},
};
static const struct cs_option_set shared = {"Shared", shared_options};
static const struct cs_option_set *const sets[] = {&shared, NULL};
static const struct cs_argument verb_arguments[] = {
    {.name = "id", .type = CS_ARGUMENT_ID, .prefix = "acct", .doc = "the account"},
    {.name = "colour",
     .type = CS_ARGUMENT_CHOICE,
     .need = CS_ARGUMENT_OPTIONAL,
     .choices = colours,
     .doc = "a colour"},
    {0},
};
static const struct cs_example examples[] = {{"desk noun verb x", "does it"}, {0}};
static const struct cs_command verb = {
    .name = "verb",
    .summary = "Do what verbs do",
    .doc = "A paragraph whose words fill more than one line, for it goes on and on until it does."
           "\n\nAnother one.",
    .options = verb_options,
    .shared = sets,
    .arguments = verb_arguments,
    .examples = examples,
    .run = run_nothing,
};
static const struct cs_command hidden = {
    .name = "hidden", .summary = "Not told", .run = run_nothing, .hidden = true};
static const struct cs_command *const verbs[] = {&verb, &hidden, NULL};
static const struct cs_command noun = {
    .name = "noun", .summary = "Work with nouns", .children = verbs};
static const struct cs_command *const nouns[] = {&noun, NULL};
static const struct cs_command root = {
    .name = "desk", .summary = "A desk", .doc = "It stands there.", .children = nouns};

static void explains_a_verb(void **state)
{
    (void)state;
    static const struct cs_command *const path[] = {&root, &noun, &verb};
    static const char want[] =
        "Do what verbs do.\n"
        "\n"
        "Usage: desk noun verb --name NAME [OPTION]... ID [COLOUR]\n"
        "\n"
        "A paragraph whose words fill more than one line, for it goes on and on until it\n"
        "does.\n"
        "\n"
        "Another one.\n"
        "\n"
        "Arguments:\n"
        "  ID                          the account\n"
        "  COLOUR                      a colour\n"
        "\n"
        "Options:\n"
        "  -n, --name NAME             what it is called [required]\n"
        "      --colour COLOUR         which colour it has [one of red, green; default:\n"
        "                              red; or from TEST_COLOUR]\n"
        "      --a-long-name-for-an-option\n"
        "                              its doc is below\n"
        "      --file FILE             a file\n"
        "\n"
        "Shared:\n"
        "      --word WORD             words that are wanted [comma-separated or\n"
        "                              repeated]\n"
        "\n"
        "Examples:\n"
        "  desk noun verb x\n"
        "      does it\n";
    struct cs_buf out;
    cs_buf_init(&out, 65536);
    cs_help_write(path, 3, &out);
    assert_string_equal(cs_buf_text(&out), want);
    cs_buf_free(&out);
}

static void explains_a_noun(void **state)
{
    (void)state;
    static const struct cs_command *const path[] = {&root, &noun};
    struct cs_buf out;
    cs_buf_init(&out, 65536);
    cs_help_write(path, 2, &out);
    assert_string_equal(cs_buf_text(&out), "Work with nouns.\n"
                                           "\n"
                                           "Usage: desk noun COMMAND\n"
                                           "\n"
                                           "Commands:\n"
                                           "  verb  Do what verbs do\n");
    cs_buf_free(&out);
}

static void explains_the_program(void **state)
{
    (void)state;
    static const struct cs_command *const path[] = {&cs_commands_root};
    struct cs_buf out;
    cs_buf_init(&out, 65536);
    cs_help_write(path, 1, &out);
    const char *text = cs_buf_text(&out);
    assert_non_null(strstr(text, "\nUsage: countersign COMMAND\n"));
    assert_non_null(strstr(text, "\n  credential  Work with credentials"));
    assert_non_null(strstr(text, "\nExit codes:\n  0  done\n"));
    for (int i = 0; i < CS_EXIT_COUNT; i++)
        assert_non_null(strstr(text, cs_command_exit_doc((enum cs_exit)i)));
    assert_non_null(strstr(text, "COUNTERSIGN_TOKEN"));
    assert_null(strstr(text, "\n  complete "));
    cs_buf_free(&out);
}

/* Examples may be longer: they are to be copied whole. */
static void check_width(const struct cs_command **path, size_t depth)
{
    struct cs_buf out;
    cs_buf_init(&out, 65536);
    cs_help_write(path, depth, &out);
    assert_int_equal(cs_buf_err(&out), CS_OK);
    const char *line = cs_buf_text(&out), *end = strstr(line, "\nExamples:\n");
    while (*line != '\0' && (end == NULL || line < end)) {
        size_t len = strcspn(line, "\n"), width = 0;
        for (size_t i = 0; i < len; i++)
            width += ((unsigned char)line[i] & 0xC0) != 0x80;
        if (width > 80 && strncmp(line, "Usage: ", 7) != 0)
            fail_msg("%s: %.*s", path[depth - 1]->name, (int)len, line);
        if (len > 0 && line[len - 1] == ' ')
            fail_msg("%s: a space at the end of a line", path[depth - 1]->name);
        line += len + (line[len] == '\n');
    }
    cs_buf_free(&out);
    const struct cs_command *const *children = path[depth - 1]->children;
    for (size_t i = 0; children != NULL && children[i] != NULL; i++) {
        path[depth] = children[i];
        check_width(path, depth + 1);
    }
}

static void fits_eighty_columns(void **state)
{
    (void)state;
    const struct cs_command *path[CS_ARGS_DEPTH + 1] = {&cs_commands_root};
    check_width(path, 1);
}

static void writes_the_manual_as_roff(void **state)
{
    (void)state;
    static const char *const want[] = {
        ".SH NAME\ncountersign \\- A desk\n",
        ".SH DESCRIPTION\nIt stands there.\n",
        ".SS desk noun verb \\-\\-name NAME [OPTION]... ID [COLOUR]\nDo what verbs do.\n",
        ".PP\nAnother one.\n",
        ".TP\n\\fB\\-n\\fR, \\fB\\-\\-name\\fR \\fINAME\\fR\nwhat it is called\n[required]\n",
        ".TP\n\\fB\\-\\-a\\-long\\-name\\-for\\-an\\-option\\fR\nits doc is below\n",
        ".PP\nFurther options, explained below:\n\\fIShared\\fR.\n",
        ".SH OPTIONS THAT COMMANDS SHARE\n.SS Shared\n",
        ".SH EXIT STATUS\n.TP\n0\ndone\n",
        ".SH ENVIRONMENT\n",
    };
    struct cs_buf out;
    cs_buf_init(&out, 65536);
    cs_manual_write(&root, &out);
    const char *text = cs_buf_text(&out);
    assert_int_equal(strncmp(text, ".TH COUNTERSIGN 1 ", 18), 0);
    for (size_t i = 0; i < COUNT(want); i++)
        if (strstr(text, want[i]) == NULL)
            fail_msg("not there: %s", want[i]);
    assert_null(strstr(text, "hidden"));
    cs_buf_free(&out);
}

/* No text of the table can be taken for a request, and every hyphen stays one when copied. */
static void keeps_the_manual_free_of_accidents(void **state)
{
    (void)state;
    struct cs_buf out;
    cs_buf_init(&out, 1 << 20);
    cs_manual_write(&cs_commands_root, &out);
    assert_int_equal(cs_buf_err(&out), CS_OK);
    const char *line = cs_buf_text(&out);
    for (; *line != '\0'; line += strcspn(line, "\n") + 1) {
        size_t len = strcspn(line, "\n");
        assert_true(len > 0);
        assert_true(line[0] != '\'');
        if (line[0] == '.' && strncmp(line, ".TH ", 4) != 0 && strncmp(line, ".SH ", 4) != 0 &&
            strncmp(line, ".SS ", 4) != 0)
            assert_true(len == 3); /* .PP .TP .RS .RE .nf .fi */
        for (size_t i = 0; i < len; i++) {
            assert_true((unsigned char)line[i] < 0x80);
            if (line[i] == '-' && strncmp(line, ".TH ", 4) != 0)
                assert_true(i > 0 && line[i - 1] == '\\');
        }
    }
    cs_buf_free(&out);
}

static void completes_what_is_typed(void **state)
{
    (void)state;
    static const struct {
        const char *words[8];
        const char *want;
    } cases[] = {
        {{""}, "noun\tWork with nouns\n"},
        {{"n"}, "noun\tWork with nouns\n"},
        {{"x"}, ""},
        {{"noun", ""}, "verb\tDo what verbs do\n"},
        {{"noun", "hid"}, ""},
        {{"noun", "verb", "--na"}, "--name\twhat it is called\n"},
        {{"noun", "verb", "--w"}, "--word\twords that are wanted\n"},
        {{"noun", "verb", "--he"}, "--help\twhat it does, and its options\n"},
        {{"noun", "verb", "--colour", ""}, "red\t\ngreen\t\n"},
        {{"noun", "verb", "--colour", "g"}, "green\t\n"},
        {{"noun", "verb", "--colour", "=", "g"}, "green\t\n"},
        {{"noun", "verb", "--colour=g"}, "--colour=green\t\n"},
        {{"noun", "verb", "--nothing=g"}, ""},
        {{"noun", "verb", "--file", ""}, ""},
        {{"noun", "verb", "-n", ""}, ""},
        {{"noun", "verb", ""}, ""},
        {{"noun", "verb", "acct_x", ""}, "red\t\ngreen\t\n"},
        {{"noun", "verb", "--name", "x", "acct_x", "r"}, "red\t\n"},
        {{"noun", "verb", "--a-long-name-for-an-option", "acct_x", "r"}, "red\t\n"},
        {{"noun", "verb", "acct_x", "red", ""}, ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cs_buf out;
        size_t count = 0;
        while (cases[i].words[count] != NULL)
            count++;
        cs_buf_init(&out, 65536);
        cs_complete_write(&root, cases[i].words, count, &out);
        if (strcmp(cs_buf_text(&out), cases[i].want) != 0)
            fail_msg("case %zu: %s", i, cs_buf_text(&out));
        cs_buf_free(&out);
    }
}

static void completes_nothing_of_nothing(void **state)
{
    (void)state;
    struct cs_buf out;
    cs_buf_init(&out, 65536);
    cs_complete_write(&root, NULL, 0, &out);
    assert_string_equal(cs_buf_text(&out), "noun\tWork with nouns\n");
    cs_buf_free(&out);
}

static void has_a_script_for_each_shell(void **state)
{
    (void)state;
    for (size_t i = 0; cs_complete_shells[i] != NULL; i++) {
        const char *script = cs_complete_script(cs_complete_shells[i]);
        assert_non_null(strstr(script, "countersign complete --"));
        assert_non_null(strstr(script, cs_complete_shells[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(explains_a_verb),
        cmocka_unit_test(explains_a_noun),
        cmocka_unit_test(explains_the_program),
        cmocka_unit_test(fits_eighty_columns),
        cmocka_unit_test(writes_the_manual_as_roff),
        cmocka_unit_test(keeps_the_manual_free_of_accidents),
        cmocka_unit_test(completes_what_is_typed),
        cmocka_unit_test(completes_nothing_of_nothing),
        cmocka_unit_test(has_a_script_for_each_shell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
