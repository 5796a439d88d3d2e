#include "cli/help/manual.h"

#include <assert.h>
#include <string.h>

#include "base/array.h"
#include "cli/args.h"
#include "cli/help/help.h"

#define MANUAL_DATE "2026-11-21" /* of the last change to what the manual says */
#define SETS_MAX 16
#define LINE_WIDTH 60 /* a word that begins further right begins a new line of the source */

struct manual {
    struct cs_buf *out;
    const struct cs_option_set *sets[SETS_MAX]; /* shared by commands, each once */
    size_t set_count;
};

/*
 * Text as roff takes it: backslashes and hyphens escaped (a hyphen must stay one when it is
 * copied), and typographic characters by name.
 */
static void put_text(struct cs_buf *out, const char *text, size_t len)
{
    static const struct {
        const char *from, *to;
    } escapes[] = {{"\\", "\\e"}, {"-", "\\-"}, {"“", "\\(lq"}, {"”", "\\(rq"}, {"…", "..."}};
    const char *end = text + len;
    while (text < end) {
        size_t i = 0;
        while (i < CS_COUNT(escapes) &&
               strncmp(text, escapes[i].from, strlen(escapes[i].from)) != 0)
            i++;
        if (i < CS_COUNT(escapes)) {
            cs_buf_put_str(out, escapes[i].to);
            text += strlen(escapes[i].from);
        } else {
            cs_buf_put_char(out, *text++);
        }
    }
}

/* Prose, in lines of its own; none begins with what roff would take for a request. "\n\n" in it
 * begins a paragraph. */
static void put_prose(struct cs_buf *out, const char *text)
{
    size_t line = out->len;
    for (size_t len; *text != '\0'; text += len) {
        len = strcspn(text, " \n");
        if (out->len - line > LINE_WIDTH && out->len > line) {
            cs_buf_put_char(out, '\n');
            line = out->len;
        }
        cs_buf_put_str(out, out->len > line ? " " : "");
        if (out->len == line && (text[0] == '.' || text[0] == '\''))
            cs_buf_put_str(out, "\\&");
        put_text(out, text, len);
        if (strncmp(text + len, "\n\n", 2) == 0) {
            cs_buf_put_str(out, "\n.PP\n");
            line = out->len;
            len++;
        }
        len += text[len] != '\0';
    }
    cs_buf_put_char(out, '\n');
}

static void put_styled(struct cs_buf *out, char font, const char *text)
{
    cs_buf_printf(out, "\\f%c", font);
    put_text(out, text, strlen(text));
    cs_buf_put_str(out, "\\fR");
}

static void put_option(struct cs_buf *out, const struct cs_option *option)
{
    char text[512], name[80];
    struct cs_buf facts, label;
    cs_buf_put_str(out, ".TP\n");
    if (option->letter != 0)
        cs_buf_printf(out, "\\fB\\-%c\\fR, ", option->letter);
    cs_buf_lend(&label, name, sizeof(name));
    cs_buf_printf(&label, "--%s", option->name);
    put_styled(out, 'B', cs_buf_text(&label));
    if (option->type != CS_OPTION_FLAG) {
        cs_buf_put_char(out, ' ');
        put_styled(out, 'I', option->argument);
    }
    cs_buf_put_char(out, '\n');
    put_prose(out, option->doc);
    cs_buf_lend(&facts, text, sizeof(text));
    cs_help_facts(option, &facts);
    if (facts.len > 0)
        put_prose(out, cs_buf_text(&facts));
}

static void remember_set(struct manual *manual, const struct cs_option_set *set)
{
    for (size_t i = 0; i < manual->set_count; i++)
        if (manual->sets[i] == set)
            return;
    if (manual->set_count == SETS_MAX)
        manual->out->err = CS_ERR_TOO_LARGE;
    else
        manual->sets[manual->set_count++] = set;
}

static void put_shared(struct manual *manual, const struct cs_command *command)
{
    if (command->shared == NULL)
        return;
    cs_buf_put_str(manual->out, ".PP\nFurther options, explained below:\n");
    for (size_t i = 0; command->shared[i] != NULL; i++) {
        remember_set(manual, command->shared[i]);
        cs_buf_put_str(manual->out, i == 0 ? "" : ", ");
        put_styled(manual->out, 'I', command->shared[i]->title);
    }
    cs_buf_put_str(manual->out, ".\n");
}

static void put_examples(struct cs_buf *out, const struct cs_command *command)
{
    if (command->examples == NULL)
        return;
    for (size_t i = 0; command->examples[i].line != NULL; i++) {
        cs_buf_put_str(out, ".PP\nExample:\n");
        put_prose(out, command->examples[i].doc);
        cs_buf_put_str(out, ".PP\n.RS\n.nf\n");
        put_text(out, command->examples[i].line, strlen(command->examples[i].line));
        cs_buf_put_str(out, "\n.fi\n.RE\n");
    }
}

static void put_verb(struct manual *manual, const struct cs_command *const *path, size_t depth)
{
    struct cs_buf *out = manual->out;
    const struct cs_command *command = path[depth - 1];
    char usage_text[256];
    struct cs_buf usage;
    cs_buf_lend(&usage, usage_text, sizeof(usage_text));
    cs_help_usage(path, depth, &usage);
    cs_buf_put_str(out, ".SS ");
    put_text(out, (const char *)usage.bytes, usage.len);
    cs_buf_put_char(out, '\n');
    put_text(out, command->summary, strlen(command->summary));
    cs_buf_put_str(out, ".\n");
    if (command->doc != NULL) {
        cs_buf_put_str(out, ".PP\n");
        put_prose(out, command->doc);
    }
    for (size_t i = 0; command->options != NULL && command->options[i].name != NULL; i++)
        put_option(out, &command->options[i]);
    put_shared(manual, command);
    put_examples(out, command);
}

/* No deeper than the parser's path: its depth is a constant of the table. */
static void put_commands(struct manual *manual, const struct cs_command **path, size_t depth)
{
    const struct cs_command *command = path[depth - 1];
    if (command->hidden)
        return;
    if (command->run != NULL)
        put_verb(manual, path, depth);
    for (size_t i = 0; command->children != NULL && command->children[i] != NULL; i++) {
        assert(depth < CS_ARGS_DEPTH);
        path[depth] = command->children[i];
        put_commands(manual, path, depth + 1);
    }
}

static void put_rows(struct manual *manual)
{
    struct cs_buf *out = manual->out;
    cs_buf_put_str(out, ".SH EXIT STATUS\n");
    for (int i = 0; i < CS_EXIT_COUNT; i++) {
        cs_buf_printf(out, ".TP\n%d\n", i);
        put_prose(out, cs_command_exit_doc((enum cs_exit)i));
    }
    cs_buf_put_str(out, ".SH ENVIRONMENT\n");
    for (size_t i = 0; cs_help_environment[i].name != NULL; i++) {
        cs_buf_put_str(out, ".TP\n");
        put_styled(out, 'B', cs_help_environment[i].name);
        cs_buf_put_char(out, '\n');
        put_prose(out, cs_help_environment[i].doc);
    }
}

void cs_manual_write(const struct cs_command *root, struct cs_buf *out)
{
    struct manual manual = {.out = out};
    const struct cs_command *path[CS_ARGS_DEPTH] = {root};
    cs_buf_put_str(out, ".TH COUNTERSIGN 1 " MANUAL_DATE " \"countersign " CS_VERSION "\"\n");
    cs_buf_put_str(out, ".SH NAME\ncountersign \\- ");
    put_text(out, root->summary, strlen(root->summary));
    cs_buf_put_str(out, "\n.SH SYNOPSIS\n\\fBcountersign\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR]...\n"
                        ".SH DESCRIPTION\n");
    put_prose(out, root->doc);
    cs_buf_put_str(out, ".SH COMMANDS\n");
    put_commands(&manual, path, 1);
    cs_buf_put_str(out, ".SH OPTIONS THAT COMMANDS SHARE\n");
    for (size_t i = 0; i < manual.set_count; i++) {
        cs_buf_put_str(out, ".SS ");
        put_text(out, manual.sets[i]->title, strlen(manual.sets[i]->title));
        cs_buf_put_char(out, '\n');
        for (size_t j = 0; manual.sets[i]->options[j].name != NULL; j++)
            put_option(out, &manual.sets[i]->options[j]);
    }
    put_rows(&manual);
}
