#include "cli/help/help.h"

#include <ctype.h>
#include <string.h>

#define WIDTH 80
#define INDENT 2
#define DOC_COLUMN 30 /* where the docs of options begin */

const struct cs_help_row cs_help_environment[] = {
    {"COUNTERSIGN_URL", "the server, where --url is not given"},
    {"COUNTERSIGN_TOKEN", "the access token or service token to call it with; a secret is never "
                          "given on the command line, where other users see it"},
    {"XDG_CONFIG_HOME", "where countersign/login.json is kept, the file that “countersign login” "
                        "writes; ~/.config if it is not set"},
    {"XDG_STATE_HOME", "where “countersign claim” keeps a key until its pair has arrived; "
                       "~/.local/state if it is not set"},
    {"COUNTERSIGN_CACERT", "the authorities that an https server's certificate may come from, "
                           "where --cacert is not given"},
    {"NO_COLOR", "if it is set to anything, nothing is printed in bold"},
    {0},
};

/* Characters, of text that is known to be UTF-8 without anything wide. */
static size_t characters(const char *text, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

/*
 * Words from `column` on, wrapped at WIDTH to lines that begin at `indent`; ends with a newline.
 * "\n\n" in the text begins a paragraph.
 */
static void wrap(struct cs_buf *out, const char *text, size_t indent, size_t column)
{
    const char *separator = "";
    while (*text != '\0') {
        size_t len = strcspn(text, " \n");
        size_t width = characters(text, len);
        if (column > indent && column + strlen(separator) + width > WIDTH) {
            cs_buf_put_char(out, '\n');
            cs_buf_put_spaces(out, indent);
            column = indent;
            separator = "";
        }
        cs_buf_put_str(out, separator);
        cs_buf_put(out, text, len);
        column += strlen(separator) + width;
        separator = " ";
        text += len;
        if (strncmp(text, "\n\n", 2) == 0) {
            cs_buf_put_str(out, "\n\n");
            cs_buf_put_spaces(out, indent);
            column = indent;
            separator = "";
            text++;
        }
        text += *text != '\0';
    }
    cs_buf_put_char(out, '\n');
}

/* A label and its doc beside it, or below it where the label is long. */
static void put_entry(struct cs_buf *out, const char *label, const char *doc, size_t column)
{
    size_t width = INDENT + characters(label, strlen(label));
    cs_buf_put_spaces(out, INDENT);
    cs_buf_put_str(out, label);
    if (width + 2 > column) {
        cs_buf_put_char(out, '\n');
        width = 0;
    }
    cs_buf_put_spaces(out, column - width);
    wrap(out, doc, column, column);
}

static void put_path(struct cs_buf *out, const struct cs_command *const *path, size_t depth)
{
    for (size_t i = 0; i < depth; i++)
        cs_buf_printf(out, "%s%s", i == 0 ? "" : " ", path[i]->name);
}

static void put_upper(struct cs_buf *out, const char *text)
{
    for (size_t i = 0; text[i] != '\0'; i++)
        cs_buf_put_char(out, (char)toupper((unsigned char)text[i]));
}

static void put_argument(struct cs_buf *out, const struct cs_argument *argument)
{
    cs_buf_put_str(out, argument->need == CS_ARGUMENT_REQUIRED ? "" : "[");
    put_upper(out, argument->name);
    cs_buf_put_str(out, argument->need == CS_ARGUMENT_MANY ? "..." : "");
    cs_buf_put_str(out, argument->need == CS_ARGUMENT_REQUIRED ? "" : "]");
}

void cs_help_usage(const struct cs_command *const *path, size_t depth, struct cs_buf *out)
{
    const struct cs_command *command = path[depth - 1];
    struct cs_option_cursor cursor = {0};
    const struct cs_option *option;
    bool optional = false;
    put_path(out, path, depth);
    if (command->children != NULL)
        cs_buf_put_str(out, command->run == NULL ? " COMMAND" : " [COMMAND]");
    while ((option = cs_command_next_option(command, &cursor)) != NULL)
        if (option->need == CS_OPTION_REQUIRED)
            cs_buf_printf(out, " --%s %s", option->name, option->argument);
        else
            optional = true;
    cs_buf_put_str(out, optional ? " [OPTION]..." : "");
    for (size_t i = 0; command->arguments != NULL && command->arguments[i].name != NULL; i++) {
        cs_buf_put_char(out, ' ');
        put_argument(out, &command->arguments[i]);
    }
}

static void put_fact(struct cs_buf *out, const char *fact, const char *value)
{
    cs_buf_put_str(out, out->len == 0 ? "[" : "; ");
    cs_buf_printf(out, "%s%s", fact, value);
}

static void put_choices(struct cs_buf *out, const char *const *choices)
{
    put_fact(out, "one of", "");
    for (size_t i = 0; choices[i] != NULL; i++)
        cs_buf_printf(out, "%s %s", i == 0 ? "" : ",", choices[i]);
}

void cs_help_facts(const struct cs_option *option, struct cs_buf *out)
{
    struct cs_buf facts;
    char text[512];
    cs_buf_lend(&facts, text, sizeof(text));
    if (option->need == CS_OPTION_REQUIRED)
        put_fact(&facts, "required", "");
    if (option->choices != NULL)
        put_choices(&facts, option->choices);
    if (option->fallback != NULL)
        put_fact(&facts, "default: ", option->fallback);
    if (option->env != NULL)
        put_fact(&facts, "or from ", option->env);
    if (option->type == CS_OPTION_WORDS)
        put_fact(&facts, "comma-separated or repeated", "");
    if (option->type == CS_OPTION_TEXTS)
        put_fact(&facts, "may be repeated", "");
    if (facts.len > 0)
        cs_buf_put_char(&facts, ']');
    cs_buf_put(out, facts.bytes, facts.len);
}

static void put_label(struct cs_buf *out, const struct cs_option *option)
{
    if (option->letter != 0)
        cs_buf_printf(out, "-%c, ", option->letter);
    else
        cs_buf_put_spaces(out, 4);
    cs_buf_printf(out, "--%s", option->name);
    if (option->type != CS_OPTION_FLAG)
        cs_buf_printf(out, " %s", option->argument);
}

static void put_option(struct cs_buf *out, const struct cs_option *option)
{
    char label_text[96], doc_text[1024];
    struct cs_buf label, doc;
    cs_buf_lend(&label, label_text, sizeof(label_text));
    cs_buf_lend(&doc, doc_text, sizeof(doc_text));
    put_label(&label, option);
    cs_buf_put_str(&doc, option->doc);
    cs_buf_put_char(&doc, ' ');
    size_t bare = doc.len;
    cs_help_facts(option, &doc);
    if (doc.len == bare)
        doc.len--;
    put_entry(out, cs_buf_text(&label), cs_buf_text(&doc), DOC_COLUMN);
}

static void put_options(struct cs_buf *out, const struct cs_command *command)
{
    struct cs_option_cursor cursor = {0};
    const struct cs_option *option;
    const char *title = NULL;
    while ((option = cs_command_next_option(command, &cursor)) != NULL) {
        if (cursor.title != title)
            cs_buf_printf(out, "\n%s:\n", cursor.title);
        title = cursor.title;
        put_option(out, option);
    }
}

static void put_children(struct cs_buf *out, const struct cs_command *command)
{
    size_t widest = 0;
    for (size_t i = 0; command->children[i] != NULL; i++) {
        size_t len = strlen(command->children[i]->name);
        if (!command->children[i]->hidden && len > widest)
            widest = len;
    }
    cs_buf_put_str(out, "\nCommands:\n");
    for (size_t i = 0; command->children[i] != NULL; i++)
        if (!command->children[i]->hidden)
            put_entry(out, command->children[i]->name, command->children[i]->summary,
                      INDENT + widest + 2);
}

static void put_arguments(struct cs_buf *out, const struct cs_command *command)
{
    if (command->arguments == NULL)
        return;
    cs_buf_put_str(out, "\nArguments:\n");
    for (size_t i = 0; command->arguments[i].name != NULL; i++) {
        char text[64];
        struct cs_buf label;
        cs_buf_lend(&label, text, sizeof(text));
        put_upper(&label, command->arguments[i].name);
        put_entry(out, cs_buf_text(&label), command->arguments[i].doc, DOC_COLUMN);
    }
}

static void put_examples(struct cs_buf *out, const struct cs_command *command)
{
    if (command->examples == NULL)
        return;
    cs_buf_put_str(out, "\nExamples:\n");
    for (size_t i = 0; command->examples[i].line != NULL; i++) {
        cs_buf_put_spaces(out, INDENT);
        cs_buf_printf(out, "%s\n", command->examples[i].line);
        cs_buf_put_spaces(out, 3 * INDENT);
        wrap(out, command->examples[i].doc, 3 * INDENT, 3 * INDENT);
    }
}

/* What only the help of the whole program says. */
static void put_program(struct cs_buf *out)
{
    cs_buf_put_str(out, "\nEvery command takes --help.\n\nEnvironment:\n");
    for (size_t i = 0; cs_help_environment[i].name != NULL; i++)
        put_entry(out, cs_help_environment[i].name, cs_help_environment[i].doc, 22);
    cs_buf_put_str(out, "\nExit codes:\n");
    for (int i = 0; i < CS_EXIT_COUNT; i++) {
        const char digit[2] = {(char)('0' + i), '\0'};
        put_entry(out, digit, cs_command_exit_doc((enum cs_exit)i), 5);
    }
}

void cs_help_write(const struct cs_command *const *path, size_t depth, struct cs_buf *out)
{
    const struct cs_command *command = path[depth - 1];
    cs_buf_printf(out, "%s.\n\nUsage: ", command->summary);
    cs_help_usage(path, depth, out);
    cs_buf_put_char(out, '\n');
    if (command->doc != NULL) {
        cs_buf_put_char(out, '\n');
        wrap(out, command->doc, 0, 0);
    }
    if (command->children != NULL)
        put_children(out, command);
    put_arguments(out, command);
    put_options(out, command);
    put_examples(out, command);
    if (depth == 1)
        put_program(out);
}
