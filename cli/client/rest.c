#include "cli/client/rest.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/client/env_file.h"
#include "cli/client/refusal.h"
#include "cli/input.h"

#define TARGET_MAX 8192
#define BODY_MAX ((size_t)512 * 1024)

static const char *const formats[] = {"table", "json", NULL};
static const char *const orders[] = {"newest", "oldest", NULL};

static const struct cs_option format_options[] = {
    {.name = "format",
     .letter = 'o',
     .type = CS_OPTION_CHOICE,
     .argument = "FORMAT",
     .fallback = "table",
     .choices = formats,
     .doc = "how to print"},
    {0},
};
const struct cs_option_set cs_rest_format_options = {"Output", format_options};

static const struct cs_option list_options[] = {
    {.name = "limit",
     .letter = 'n',
     .type = CS_OPTION_NUMBER,
     .place = CS_PLACE_QUERY,
     .member = "limit",
     .argument = "COUNT",
     .min = 1,
     .max = 100,
     .doc = "how many to list at once"},
    {.name = "cursor",
     .type = CS_OPTION_TEXT,
     .argument = "CURSOR",
     .doc = "go on where an earlier page ended"},
    {.name = "all", .letter = 'a', .type = CS_OPTION_FLAG, .doc = "list all pages"},
    {.name = "order",
     .type = CS_OPTION_CHOICE,
     .place = CS_PLACE_QUERY,
     .member = "order",
     .argument = "ORDER",
     .choices = orders,
     .doc = "which come first"},
    {0},
};
static const struct cs_option_set list_set = {"Listing", list_options};

static const struct cs_option create_options[] = {
    {.name = "idempotency-key",
     .type = CS_OPTION_TEXT,
     .argument = "KEY",
     .doc = "a name for this attempt: the same one again does nothing twice and gives the same "
            "answer; made up when it is left out"},
    {0},
};
static const struct cs_option_set create_set = {"Repetition", create_options};

static const struct cs_option secret_options[] = {
    {.name = "env",
     .type = CS_OPTION_FILE,
     .argument = "FILE",
     .doc = "write the secret into this new file (mode 0600) as NAME=value lines, and do not "
            "print it"},
    {0},
};
const struct cs_option_set cs_rest_env_options = {"Secret", secret_options};

const struct cs_option_set *const cs_rest_object_sets[] = {&cs_rest_format_options,
                                                           &cs_remote_options, NULL};
const struct cs_option_set *const cs_rest_list_sets[] = {&list_set, &cs_rest_format_options,
                                                         &cs_remote_options, NULL};
const struct cs_option_set *const cs_rest_create_sets[] = {&create_set, &cs_rest_format_options,
                                                           &cs_remote_options, NULL};
const struct cs_option_set *const cs_rest_secret_sets[] = {
    &cs_rest_env_options, &create_set, &cs_rest_format_options, &cs_remote_options, NULL};

/* RFC 3986: everything but the unreserved characters is percent-encoded. */
static void put_encoded(struct cs_buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || (c != '\0' && strchr("-._~", c) != NULL);
        if (unreserved)
            cs_buf_put_char(out, (char)c);
        else
            cs_buf_printf(out, "%%%02X", c);
    }
}

static void put_path(const struct cs_args *args, const char *template, struct cs_buf *out)
{
    char name[32];
    while (*template != '\0') {
        size_t literal = strcspn(template, "{");
        cs_buf_put(out, template, literal);
        template += literal;
        if (*template == '\0')
            break;
        size_t len = strcspn(template, "}");
        assert(len <= sizeof(name) && template[len] == '}');
        memcpy(name, template + 1, len - 1);
        name[len - 1] = '\0';
        const char *value = cs_args_get(args, name);
        assert(value != NULL);
        put_encoded(out, value, strlen(value));
        template += len + 1;
    }
}

static void put_query(struct cs_buf *out, char *separator, const char *member, const char *value)
{
    cs_buf_put_char(out, *separator);
    *separator = '&';
    cs_buf_printf(out, "%s=", member);
    put_encoded(out, value, strlen(value));
}

void cs_rest_target(const struct cs_args *args, const struct cs_rest *rest, const char *cursor,
                    struct cs_buf *out)
{
    char separator = '?';
    put_path(args, rest->path, out);
    for (size_t i = 0; i < args->value_count; i++) {
        const struct cs_args_value *value = &args->values[i];
        if (value->option->place == CS_PLACE_QUERY)
            put_query(out, &separator, value->option->member,
                      value->text == NULL ? "true" : value->text);
    }
    if (cursor == NULL && rest->shape == CS_REST_LIST)
        cursor = cs_args_text(args, "cursor");
    if (cursor != NULL)
        put_query(out, &separator, "cursor", cursor);
}

/* Adds the words of a comma- or space-separated text to the array that the member is. */
static int add_words(json_t *body, const char *member, const char *text)
{
    json_t *words = json_object_get(body, member);
    if (words == NULL && json_object_set_new(body, member, json_array()) != 0)
        return -1;
    words = json_object_get(body, member);
    while (*text != '\0') {
        size_t len = strcspn(text, ", ");
        if (len > 0 && json_array_append_new(words, json_stringn(text, len)) != 0)
            return -1;
        text += len + (text[len] != '\0');
    }
    return 0;
}

static int add_member(json_t *body, const struct cs_args_value *value)
{
    const char *member = value->option->member;
    switch (value->option->type) {
    case CS_OPTION_FLAG:
        return json_object_set_new(body, member, json_true());
    case CS_OPTION_NUMBER:
    case CS_OPTION_DURATION:
        return json_object_set_new(body, member, json_integer(cs_args_value_number(value)));
    case CS_OPTION_WORDS:
        return add_words(body, member, value->text);
    default:
        return json_object_set_new(body, member, json_string(value->text));
    }
}

/* People paste the whole link that a claim came in; the token is what stands behind its '#'. */
static json_t *secret_text(const struct cs_secret *secret)
{
    const char *text = (const char *)secret->bytes;
    const char *mark = memrchr(text, '#', secret->len);
    size_t skipped = mark == NULL ? 0 : (size_t)(mark + 1 - text);
    return json_stringn(text + skipped, secret->len - skipped);
}

json_t *cs_rest_body(const struct cs_args *args, const struct cs_rest *rest,
                     const struct cs_secret *secret)
{
    json_t *body = json_object();
    int failed = body == NULL ? -1 : 0;
    if (failed == 0 && rest->member != NULL)
        failed = json_object_set_new(body, rest->member, json_string(rest->text));
    if (failed == 0 && secret != NULL)
        failed = json_object_set_new(body, rest->secret->member, secret_text(secret));
    for (size_t i = 0; failed == 0 && i < args->value_count; i++)
        if (args->values[i].option->place == CS_PLACE_BODY)
            failed = add_member(body, &args->values[i]);
    if (failed == 0)
        return body;
    json_decref(body);
    return NULL;
}

static enum cs_exit take_answer(const struct cs_remote *remote,
                                const struct cs_client_response *response, json_t **answer)
{
    if (response->status >= 300 && response->status < 400)
        return cs_output_fail(CS_EXIT_FAILED,
                              "the server sends us elsewhere (%u): give its real URL",
                              response->status);
    if (response->status < 200 || response->status >= 300)
        return cs_refusal_report(response, remote->command);
    if (response->body.len == 0)
        return CS_EXIT_OK;
    const char *text = (const char *)response->body.bytes;
    *answer = json_loadb(text, response->body.len, JSON_REJECT_DUPLICATES, NULL);
    if (*answer != NULL)
        return CS_EXIT_OK;
    return cs_output_fail(CS_EXIT_FAILED, "the answer is not the JSON of a Countersign server");
}

enum cs_exit cs_rest_send(struct cs_remote *remote, const struct cs_rest_request *request,
                          json_t **answer)
{
    struct cs_client_response response = {0};
    struct cs_buf body;
    *answer = NULL;
    cs_buf_init(&body, BODY_MAX);
    if (request->body != NULL)
        cs_output_dump(&body, request->body, JSON_COMPACT);
    enum cs_err err = cs_buf_err(&body);
    const struct cs_client_request call = {
        .method = request->method,
        .target = request->target,
        .body = CS_SLICE(body.bytes, body.len),
        .idempotency_key = request->idempotency_key,
    };
    enum cs_exit code = CS_EXIT_OK;
    if (err != CS_OK)
        code = cs_output_fail(CS_EXIT_USAGE, "the request is too large");
    else if ((err = cs_client_send(remote->client, &call, &response)) != CS_OK)
        code = cs_command_exit(err);
    else
        code = take_answer(remote, &response, answer);
    cs_client_response_free(&response);
    cs_buf_free(&body);
    return code;
}

/* The object as people are shown it: without the level of one member, and with one cut short. */
static json_t *flatten(const struct cs_rest *rest, const json_t *answer)
{
    json_t *flat = json_object();
    const json_t *inner = rest->inside == NULL ? NULL : json_object_get(answer, rest->inside);
    const json_t *proof = rest->proof == NULL ? NULL : json_object_get(answer, rest->proof);
    const char *key;
    json_t *value;
    if (json_is_object(inner))
        (void)json_object_update(flat, (json_t *)(uintptr_t)inner);
    json_object_foreach((json_t *)(uintptr_t)answer, key, value)
    {
        if (value != inner)
            (void)json_object_set(flat, key, value);
    }
    if (proof != NULL)
        (void)json_object_set_new(flat, rest->proof,
                                  json_pack("{s:O}", "index", json_object_get(proof, "index")));
    return flat;
}

static void render_list(const struct cs_rest *rest, const json_t *answer, struct cs_buf *out)
{
    json_t *items = json_deep_copy(json_object_get(answer, "items"));
    for (size_t i = 0; rest->derive != NULL && i < json_array_size(items); i++) {
        if (rest->derive(json_array_get(items, i)) != 0)
            out->err = CS_ERR_NOMEM;
    }
    cs_output_table(out, rest->columns, items, cs_output_stdout_style());
    json_decref(items);
}

static void render_table(const struct cs_rest *rest, const json_t *answer, struct cs_buf *out)
{
    if (rest->shape == CS_REST_LIST) {
        render_list(rest, answer, out);
        return;
    }
    if (rest->show != NULL) {
        rest->show(out, answer, cs_output_stdout_style());
        return;
    }
    json_t *flat = flatten(rest, answer);
    cs_output_object(out, flat);
    json_decref(flat);
}

enum cs_exit cs_rest_print(const struct cs_args *args, const struct cs_rest *rest,
                           const json_t *answer)
{
    struct cs_buf out;
    if (answer == NULL)
        return CS_EXIT_OK;
    cs_buf_init(&out, CS_OUTPUT_MAX);
    if (strcmp(cs_args_text(args, "format"), "json") == 0)
        cs_output_json(&out, answer, cs_output_stdout_form());
    else
        render_table(rest, answer, &out);
    enum cs_exit code = cs_output_write(&out);
    cs_buf_free(&out);
    const char *next = json_string_value(json_object_get(answer, "next_cursor"));
    if (code == CS_EXIT_OK && rest->shape == CS_REST_LIST && next != NULL)
        cs_output_say("there are more: --cursor %s, or --all", next);
    return code;
}

bool cs_rest_agreed(const struct cs_args *args, const char *question)
{
    return cs_args_has(args, "yes") || !cs_input_interactive() || cs_input_confirm(question);
}

/* Everything that one run of a row needs. */
struct run {
    const struct cs_args *args;
    const struct cs_rest *rest;
    struct cs_remote remote;
    struct cs_env_file file;
    struct cs_secret *secret;
    const char *key; /* Idempotency-Key */
};

/* One page of a list, or the only call of everything else. */
static enum cs_exit send_row(struct run *run, const char *cursor, json_t **answer)
{
    struct cs_buf target;
    *answer = NULL;
    cs_buf_init(&target, TARGET_MAX);
    cs_rest_target(run->args, run->rest, cursor, &target);
    bool bodied = strcmp(run->rest->method, "GET") != 0;
    json_t *body = bodied ? cs_rest_body(run->args, run->rest, run->secret) : NULL;
    const struct cs_rest_request request = {
        .method = run->rest->method,
        .target = cs_buf_text(&target),
        .body = body,
        .idempotency_key = run->key,
    };
    enum cs_exit code;
    if (strcmp(run->rest->method, "PATCH") == 0 && body != NULL && json_object_size(body) == 0)
        code = cs_output_fail(CS_EXIT_USAGE, "there is nothing to change: give an option");
    else if (cs_buf_err(&target) != CS_OK || (bodied && body == NULL))
        code = cs_output_fail(CS_EXIT_FAILED, "there is no memory left");
    else
        code = cs_rest_send(&run->remote, &request, answer);
    json_decref(body);
    cs_buf_free(&target);
    return code;
}

/*
 * Appends the pages that follow to the first one. A cursor that comes again would make this go on
 * for ever.
 */
static enum cs_exit send_rest_of_list(struct run *run, json_t *whole)
{
    enum cs_exit code = CS_EXIT_OK;
    json_t *items = json_object_get(whole, "items");
    while (code == CS_EXIT_OK && json_is_string(json_object_get(whole, "next_cursor"))) {
        json_t *page = NULL;
        json_t *cursor = json_incref(json_object_get(whole, "next_cursor"));
        code = send_row(run, json_string_value(cursor), &page);
        json_t *next = json_object_get(page, "next_cursor");
        if (code == CS_EXIT_OK && json_equal(next, cursor))
            code = cs_output_fail(CS_EXIT_FAILED, "the server's list goes round in circles");
        else if (code == CS_EXIT_OK &&
                 (json_array_extend(items, json_object_get(page, "items")) != 0 ||
                  json_object_set(whole, "next_cursor", next) != 0))
            code = cs_output_fail(CS_EXIT_FAILED, "the server's answer is no list");
        json_decref(cursor);
        json_decref(page);
    }
    return code;
}

#define KEY_BYTES 16

/* The key of this attempt, so that a person can ask again after a lost answer. */
static const char *attempt_key(const struct cs_args *args, char made[2 * KEY_BYTES + 1])
{
    uint8_t random[KEY_BYTES];
    if (args->command->rest->care != CS_REST_CREATES)
        return NULL;
    const char *given = cs_args_text(args, "idempotency-key");
    if (given != NULL)
        return given;
    cs_random(random, sizeof(random));
    cs_hex_encode(random, sizeof(random), made);
    return made;
}

/* Takes the member that the path leads to out of the answer. */
static void remove_member(json_t *answer, const char *path)
{
    char parent[64];
    const char *dot = strrchr(path, '.');
    int len = dot == NULL ? 0 : (int)(dot - path);
    snprintf(parent, sizeof(parent), "%.*s", len, path);
    const json_t *object = cs_output_member(answer, parent);
    (void)json_object_del((json_t *)(uintptr_t)object, dot == NULL ? path : dot + 1);
}

/* Writes what the row names as variables into the file, where one is wanted. */
static enum cs_exit keep_secret(struct run *run, json_t *answer)
{
    enum cs_err err = CS_OK;
    size_t secrets = 0;
    if (run->file.path == NULL)
        return CS_EXIT_OK;
    for (const struct cs_rest_variable *v = run->rest->variables; err == CS_OK && v->name; v++) {
        const json_t *value = cs_output_member(answer, v->path);
        if (!json_is_string(value))
            continue;
        err = cs_env_file_put(&run->file, v->name,
                              CS_SLICE(json_string_value(value), json_string_length(value)));
        secrets += v->privacy == CS_REST_SECRET;
        if (v->privacy == CS_REST_SECRET)
            remove_member(answer, v->path);
    }
    if (err == CS_OK && secrets == 0)
        return cs_output_fail(CS_EXIT_FAILED, "the server's answer has no secret to keep");
    if (err == CS_OK)
        err = cs_env_file_commit(&run->file);
    return err == CS_OK ? CS_EXIT_OK : CS_EXIT_FAILED;
}

/* On a terminal, where a secret that nobody noted is scrolled away. */
static void warn_of_secret(const struct run *run, const json_t *answer)
{
    if (run->rest->care != CS_REST_CREATES || run->file.path != NULL || isatty(STDOUT_FILENO) != 1)
        return;
    for (const struct cs_rest_variable *v = run->rest->variables; v != NULL && v->name; v++)
        if (v->privacy == CS_REST_SECRET && json_is_string(cs_output_member(answer, v->path))) {
            cs_output_say("the secret is shown this once (--env FILE writes it into a file)");
            return;
        }
}

static enum cs_exit run_ready(struct run *run)
{
    json_t *answer = NULL;
    enum cs_exit code = send_row(run, NULL, &answer);
    if (code == CS_EXIT_UNREACHABLE && run->key != NULL)
        cs_output_say("to try again without doing it twice: --idempotency-key %s", run->key);
    if (code == CS_EXIT_OK && run->rest->shape == CS_REST_LIST && cs_args_has(run->args, "all"))
        code = send_rest_of_list(run, answer);
    if (code == CS_EXIT_OK)
        code = keep_secret(run, answer);
    if (code == CS_EXIT_OK)
        code = cs_rest_print(run->args, run->rest, answer);
    if (code == CS_EXIT_OK)
        warn_of_secret(run, answer);
    if (code == CS_EXIT_OK && run->rest->judge != NULL)
        code = run->rest->judge(answer);
    json_decref(answer);
    return code;
}

static enum cs_err read_secret(struct run *run)
{
    const struct cs_rest_secret *wanted = run->rest->secret;
    if (wanted == NULL)
        return CS_OK;
    const struct cs_input input = {
        .what = wanted->what,
        .path = cs_args_text(run->args, wanted->option),
        .form = CS_INPUT_TOKEN,
    };
    return cs_input_secret(&input, &run->secret);
}

enum cs_exit cs_rest_run(const struct cs_args *args)
{
    char made[2 * KEY_BYTES + 1];
    const struct cs_rest *rest = args->command->rest;
    struct run run = {.args = args, .rest = rest, .key = attempt_key(args, made)};
    if (rest->confirm != NULL && !cs_rest_agreed(args, rest->confirm))
        return cs_output_fail(CS_EXIT_FAILED, "nothing was done");
    enum cs_err err = cs_remote_open(args, rest->who, &run.remote);
    if (err == CS_OK)
        err = read_secret(&run);
    if (err == CS_OK && rest->variables != NULL)
        err = cs_env_file_open(cs_args_text(args, "env"), &run.file);
    enum cs_exit code = err == CS_OK ? run_ready(&run) : cs_command_exit(err);
    cs_env_file_close(&run.file);
    cs_secret_free(&run.secret);
    cs_remote_close(&run.remote);
    return code;
}
