#include "cli/help/complete.h"

#include <assert.h>
#include <string.h>

const char *const cs_complete_shells[] = {"bash", "zsh", "fish", NULL};

static const char *const scripts[] = {
    "# bash completion of countersign: put it where bash-completion looks, or source it.\n"
    "_countersign() {\n"
    "    local word=$2 candidate _\n"
    "    COMPREPLY=()\n"
    "    while IFS=$'\\t' read -r candidate _; do\n"
    "        COMPREPLY+=(\"$candidate\")\n"
    "    done < <(countersign complete -- \"${COMP_WORDS[@]:1:COMP_CWORD-1}\" \"$word\" "
    "2>/dev/null)\n"
    "}\n"
    "complete -o default -F _countersign countersign\n",

    "#compdef countersign\n"
    "# zsh completion of countersign: save it as _countersign in a folder of $fpath, or source "
    "it.\n"
    "_countersign() {\n"
    "    local -a found\n"
    "    local line\n"
    "    while IFS= read -r line; do\n"
    "        found+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\")\n"
    "    done < <(countersign complete -- \"${(@)words[2,CURRENT]}\" 2>/dev/null)\n"
    "    if (( $#found )); then _describe countersign found; else _files; fi\n"
    "}\n"
    "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n"
    "    _countersign \"$@\"\n"
    "else\n"
    "    compdef _countersign countersign\n"
    "fi\n",

    "# fish completion of countersign: save it as completions/countersign.fish.\n"
    "function __countersign_complete\n"
    "    set -l words (commandline -opc)[2..-1]\n"
    "    set -l typed (commandline -ct)\n"
    "    set -l found (countersign complete -- $words \"$typed\" 2>/dev/null)\n"
    "    if set -q found[1]\n"
    "        printf '%s\\n' $found\n"
    "    else\n"
    "        __fish_complete_path \"$typed\"\n"
    "    end\n"
    "end\n"
    "complete -c countersign -f -a '(__countersign_complete)'\n",
};

const char *cs_complete_script(const char *shell)
{
    size_t i = 0;
    while (cs_complete_shells[i] != NULL && strcmp(cs_complete_shells[i], shell) != 0)
        i++;
    assert(cs_complete_shells[i] != NULL);
    return scripts[i];
}

struct request {
    const struct cs_command *command;
    const struct cs_option *option; /* whose value is being typed, or NULL */
    size_t arguments;               /* how many stand there already */
    const char *partial;
    struct cs_buf *out;
};

static void offer(const struct request *request, const char *before, const char *candidate,
                  const char *doc)
{
    char word[128];
    struct cs_buf text;
    cs_buf_lend(&text, word, sizeof(word));
    cs_buf_printf(&text, "%s%s", before, candidate);
    const char *whole = cs_buf_text(&text);
    if (strncmp(whole, request->partial, strlen(request->partial)) == 0)
        cs_buf_printf(request->out, "%s\t%s\n", whole, doc);
}

static void offer_choices(const struct request *request, const char *before,
                          const char *const *choices)
{
    for (size_t i = 0; choices != NULL && choices[i] != NULL; i++)
        offer(request, before, choices[i], "");
}

static void offer_options(const struct request *request)
{
    struct cs_option_cursor cursor = {0};
    const struct cs_option *option;
    while ((option = cs_command_next_option(request->command, &cursor)) != NULL)
        offer(request, "--", option->name, option->doc);
    offer(request, "--", "help", "what it does, and its options");
}

/* "--mode=te": the value of an option in the same word. Whether the word has that form. */
static bool offer_attached(const struct request *request)
{
    char before[72];
    size_t len = strcspn(request->partial, "=");
    if (strncmp(request->partial, "--", 2) != 0 || request->partial[len] == '\0' ||
        len + 2 > sizeof(before))
        return false;
    memcpy(before, request->partial, len);
    before[len] = '\0';
    const struct cs_option *option = cs_command_option(request->command, before + 2, 0);
    before[len] = '=';
    before[len + 1] = '\0';
    if (option != NULL)
        offer_choices(request, before, option->choices);
    return true;
}

/* The option that this word names and whose value is the next word, or NULL. */
static const struct cs_option *option_before_value(const struct cs_command *command,
                                                   const char *word)
{
    const struct cs_option *option = NULL;
    if (strncmp(word, "--", 2) == 0)
        option = cs_command_option(command, word + 2, 0);
    else if (word[0] == '-' && word[1] != '\0' && word[2] == '\0')
        option = cs_command_option(command, NULL, word[1]);
    return option == NULL || option->type == CS_OPTION_FLAG ? NULL : option;
}

/* bash takes "--mode=te" for three words, of which "=" is one. */
static void read_word(struct request *request, const char *word)
{
    if (request->option != NULL) {
        if (strcmp(word, "=") != 0)
            request->option = NULL;
    } else if (word[0] == '-') {
        request->option = option_before_value(request->command, word);
    } else if (request->command->children == NULL) {
        request->arguments++;
    } else {
        const struct cs_command *child = cs_command_child(request->command, word);
        request->command = child != NULL ? child : request->command;
    }
}

void cs_complete_write(const struct cs_command *root, const char *const *words, size_t count,
                       struct cs_buf *out)
{
    struct request request = {.command = root, .out = out};
    request.partial = count == 0 ? "" : words[count - 1];
    for (size_t i = 0; i + 1 < count; i++)
        read_word(&request, words[i]);
    if (request.option != NULL) {
        offer_choices(&request, "", request.option->choices);
        return;
    }
    if (offer_attached(&request))
        return;
    if (request.partial[0] == '-') {
        offer_options(&request);
        return;
    }
    const struct cs_command *const *children = request.command->children;
    for (size_t i = 0; children != NULL && children[i] != NULL; i++)
        if (!children[i]->hidden)
            offer(&request, "", children[i]->name, children[i]->summary);
    const struct cs_argument *argument = cs_command_argument(request.command, request.arguments);
    if (argument != NULL)
        offer_choices(&request, "", argument->choices);
}
