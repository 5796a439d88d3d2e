#include "cli/help/manual.h"

#include <string.h>

#include "cli/args.h"
#include "cli/help/help.h"

#define MANUAL_DATE "2026-11-21" /* of the last change to what the manual says */
#define SETS_MAX 16

struct manual {
    struct cs_buf *out;
    const struct cs_option_set *sets[SETS_MAX]; /* shared by commands, each once */
    size_t set_count;
};

/*
 * Text as roff takes it: backslashes and hyphens escaped (a hyphen must stay one when it is
 * copied), typographic quotes by name, and no line that begins with a control character.
 */
static void put_text(struct cs_buf *out, const char *text)
{
    static const struct {
        const char *from, *to;
    } escapes[] = {{"\\", "\\e"}, {"-", "\\-"}, {"“", "\\(lq"}, {"”", "\\(rq"}, {"…", "..."}};
    bool line_start = out->len == 0 || out->bytes[out->len - 1] == '\n';
    if (line_start && (text[0] == '.' || text[0] == '\''))
        cs_buf_put_str(out, "\\&");
    while (*text != '\0') {
        size_t i = 0;
        while (i < sizeof(escapes) / sizeof(escapes[0]) &&
               strncmp(text, escapes[i].from, strlen(escapes[i].from)) != 0)
            i++;
        if (i < sizeof(escapes) / sizeof(escapes[0])) {
            cs_buf_put_str(out, escapes[i].to);
            text += strlen(escapes[i].from);
        } else {
            cs_buf_put_char(out, *text++);
        }
    }
}

static void put_styled(struct cs_buf *out, char font, const char *text)
{
    cs_buf_printf(out, "\\f%c", font);
    put_text(out, text);
    cs_buf_put_str(out, "\\fR");
}

static void put_paragraphs(struct cs_buf *out, const char *text)
{
    while (*text != '\0') {
        char paragraph[2048];
        const char *end = strstr(text, "\n\n");
        size_t len = end == NULL ? strlen(text) : (size_t)(end - text);
        if (len >= sizeof(paragraph)) {
            out->err = CS_ERR_TOO_LARGE;
            return;
        }
        memcpy(paragraph, text, len);
        paragraph[len] = '\0';
        put_text(out, paragraph);
        cs_buf_put_char(out, '\n');
        text += len + (end == NULL ? 0 : 2);
        if (*text != '\0')
            cs_buf_put_str(out, ".PP\n");
    }
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
    cs_buf_lend(&facts, text, sizeof(text));
    cs_buf_put_char(&facts, ' ');
    cs_help_facts(option, &facts);
    put_text(out, option->doc);
    put_text(out, facts.len > 1 ? cs_buf_text(&facts) : "");
    cs_buf_put_char(out, '\n');
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
    cs_buf_put_str(manual->out, ".PP\nFurther options: see");
    for (size_t i = 0; command->shared[i] != NULL; i++) {
        remember_set(manual, command->shared[i]);
        cs_buf_put_str(manual->out, i == 0 ? " " : ", ");
        put_styled(manual->out, 'I', command->shared[i]->title);
    }
    cs_buf_put_str(manual->out, " below.\n");
}

static void put_examples(struct cs_buf *out, const struct cs_command *command)
{
    if (command->examples == NULL)
        return;
    for (size_t i = 0; command->examples[i].line != NULL; i++) {
        cs_buf_put_str(out, ".PP\nExample: ");
        put_text(out, command->examples[i].doc);
        cs_buf_put_str(out, "\n.PP\n.RS\n.nf\n");
        put_text(out, command->examples[i].line);
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
    put_text(out, cs_buf_text(&usage));
    cs_buf_put_char(out, '\n');
    put_text(out, command->summary);
    cs_buf_put_str(out, ".\n");
    if (command->doc != NULL) {
        cs_buf_put_str(out, ".PP\n");
        put_paragraphs(out, command->doc);
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
        put_text(out, cs_command_exit_doc((enum cs_exit)i));
        cs_buf_put_char(out, '\n');
    }
    cs_buf_put_str(out, ".SH ENVIRONMENT\n");
    for (size_t i = 0; cs_help_environment[i].name != NULL; i++) {
        cs_buf_put_str(out, ".TP\n");
        put_styled(out, 'B', cs_help_environment[i].name);
        cs_buf_put_char(out, '\n');
        put_text(out, cs_help_environment[i].doc);
        cs_buf_put_char(out, '\n');
    }
}

void cs_manual_write(const struct cs_command *root, struct cs_buf *out)
{
    struct manual manual = {.out = out};
    const struct cs_command *path[CS_ARGS_DEPTH] = {root};
    cs_buf_put_str(out, ".TH COUNTERSIGN 1 " MANUAL_DATE " \"countersign " CS_VERSION "\"\n");
    cs_buf_put_str(out, ".SH NAME\ncountersign \\- ");
    put_text(out, root->summary);
    cs_buf_put_str(out, "\n.SH SYNOPSIS\n\\fBcountersign\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR]...\n"
                        ".SH DESCRIPTION\n");
    put_paragraphs(out, root->doc);
    cs_buf_put_str(out, ".SH COMMANDS\n");
    put_commands(&manual, path, 1);
    cs_buf_put_str(out, ".SH OPTIONS THAT COMMANDS SHARE\n");
    for (size_t i = 0; i < manual.set_count; i++) {
        cs_buf_put_str(out, ".SS ");
        put_text(out, manual.sets[i]->title);
        cs_buf_put_char(out, '\n');
        for (size_t j = 0; manual.sets[i]->options[j].name != NULL; j++)
            put_option(out, &manual.sets[i]->options[j]);
    }
    put_rows(&manual);
}
