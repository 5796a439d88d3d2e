/* Whole commands against a server that answers from a script. */
#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>

#include "base/record/record.h"
#include "base/secret/secret.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "tests/unit/peer_fixture.h"
#include "tests/unit/secret_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ULID "01JC2V5Q8ZK3W7R9T4N6M0XBYD"
#define TEXT_MAX 16384
#define WORDS_MAX 32

struct scene {
    const char *start; /* of the request that it answers: "GET /v1/x?" */
    const char *head;  /* "200 OK\r\n" and headers */
    const char *body;
};

/* What the peer plays; set before it is started, and its own copy from then on. */
static const struct scene *script;

struct stage {
    char folder[32];
    char heard[64]; /* every request that came, one after another */
    char out[64];
    char err[64];
    char env[64]; /* for --env */
    struct peer peer;
};
static const struct stage *current;

static void play(int fd)
{
    char text[TEXT_MAX];
    size_t len = peer_read(fd, text, sizeof(text));
    int log = open(current->heard, O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (write(log, text, len) != (ssize_t)len || write(log, "\n", 1) != 1)
        _exit(1);
    close(log);
    const struct scene *scene = script;
    while (scene->start != NULL && strncmp(text, scene->start, strlen(scene->start)) != 0)
        scene++;
    if (scene->start == NULL)
        peer_answer(fd, "404 Not Found\r\n", "", 0);
    else
        peer_answer(fd, scene->head, scene->body, strlen(scene->body));
}

static void name_file(const struct stage *stage, char *out, size_t size, const char *name)
{
    snprintf(out, size, "%s/%s", stage->folder, name);
}

static void set_stage(struct stage *stage, const struct scene *scenes)
{
    *stage = (struct stage){.folder = "/tmp/cs-run-XXXXXX"};
    assert_non_null(mkdtemp(stage->folder));
    name_file(stage, stage->heard, sizeof(stage->heard), "heard");
    name_file(stage, stage->out, sizeof(stage->out), "out");
    name_file(stage, stage->err, sizeof(stage->err), "err");
    name_file(stage, stage->env, sizeof(stage->env), "env");
    script = scenes;
    current = stage;
    stage->peer = peer_start(play);
    setenv("COUNTERSIGN_URL", stage->peer.url, 1);
    setenv("COUNTERSIGN_TOKEN", "cs_user_secret", 1);
    setenv("XDG_CONFIG_HOME", stage->folder, 1);
}

static void clear_stage(struct stage *stage)
{
    char path[96];
    peer_stop(&stage->peer);
    unlink(stage->heard);
    unlink(stage->out);
    unlink(stage->err);
    unlink(stage->env);
    snprintf(path, sizeof(path), "%s/countersign/login.json", stage->folder);
    unlink(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
    assert_int_equal(rmdir(stage->folder), 0);
}

static const char *read_text(const char *path, char *text)
{
    int fd = open(path, O_RDONLY);
    ssize_t len = fd < 0 ? 0 : read(fd, text, TEXT_MAX - 1);
    text[len > 0 ? len : 0] = '\0';
    if (fd >= 0)
        close(fd);
    return text;
}

static int swap(int fd, int with)
{
    int before = dup(fd);
    assert_int_equal(dup2(with, fd), fd);
    close(with);
    return before;
}

/* Words are separated by '|'; `input` is all of stdin. What it printed is in the stage's files. */
static enum cs_exit run(const struct stage *stage, const char *line, const char *input)
{
    char text[1024];
    char *argv[WORDS_MAX] = {(char *)(uintptr_t) "countersign"};
    int argc = 1, pipes[2];
    struct cs_args args;
    struct cs_buf complaint;
    snprintf(text, sizeof(text), "%s", line);
    for (char *word = strtok(text, "|"); word != NULL; word = strtok(NULL, "|"))
        argv[argc++] = word;
    cs_buf_init(&complaint, 4096);
    if (cs_args_parse(&cs_commands_root, argc, argv, &args, &complaint) != CS_OK)
        fail_msg("%s: %s", line, cs_buf_text(&complaint));
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(write(pipes[1], input, strlen(input)), (ssize_t)strlen(input));
    close(pipes[1]);
    fflush(stdout);
    int in = swap(STDIN_FILENO, pipes[0]);
    int out = swap(STDOUT_FILENO, open(stage->out, O_WRONLY | O_CREAT | O_TRUNC, 0600));
    int err = swap(STDERR_FILENO, open(stage->err, O_WRONLY | O_CREAT | O_TRUNC, 0600));
    enum cs_exit code = args.command->run(&args);
    close(swap(STDIN_FILENO, in));
    close(swap(STDOUT_FILENO, out));
    close(swap(STDERR_FILENO, err));
    cs_buf_free(&complaint);
    return code;
}

#define EXPECT(path, what)                                                                         \
    do {                                                                                           \
        char text_[TEXT_MAX];                                                                      \
        if (strstr(read_text(path, text_), what) == NULL)                                          \
            fail_msg("not there: %s in: %s", what, text_);                                         \
    } while (0)
#define EXPECT_NOT(path, what)                                                                     \
    do {                                                                                           \
        char text_[TEXT_MAX];                                                                      \
        if (strstr(read_text(path, text_), what) != NULL)                                          \
            fail_msg("there: %s in: %s", what, text_);                                             \
    } while (0)

static void lists_one_page_and_says_so(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"GET /v1/accounts?limit=1 ", "200 OK\r\n",
         "{\"items\":[{\"id\":\"a1\"}],\"next_cursor\":\"c1\"}"},
        {0},
    };
    struct stage stage;
    set_stage(&stage, scenes);
    assert_int_equal(run(&stage, "account|list|-n|1", ""), CS_EXIT_OK);
    EXPECT(stage.out, "ID  NAME  STATUS  TAGS  CREATED\na1  -     -       -     -\n");
    EXPECT(stage.err, "there are more: --cursor c1, or --all");
    EXPECT(stage.heard, "Authorization: Bearer cs_user_secret\r\n");
    EXPECT_NOT(stage.heard, "Idempotency-Key");
    assert_null(getenv("COUNTERSIGN_TOKEN"));
    clear_stage(&stage);
}

static void joins_all_pages(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"GET /v1/accounts ", "200 OK\r\n",
         "{\"items\":[{\"id\":\"a1\"}],\"next_cursor\":\"c 1\"}"},
        {"GET /v1/accounts?cursor=c%201 ", "200 OK\r\n", "{\"items\":[],\"next_cursor\":\"c2\"}"},
        {"GET /v1/accounts?cursor=c2 ", "200 OK\r\n",
         "{\"items\":[{\"id\":\"a2\"}],\"next_cursor\":null}"},
        {0},
    };
    struct stage stage;
    set_stage(&stage, scenes);
    assert_int_equal(run(&stage, "account|list|--all|-o|json", ""), CS_EXIT_OK);
    char text[TEXT_MAX];
    json_t *whole = json_loads(read_text(stage.out, text), 0, NULL);
    json_t *want =
        json_pack("{s:[{s:s},{s:s}], s:n}", "items", "id", "a1", "id", "a2", "next_cursor");
    assert_true(json_equal(whole, want));
    json_decref(whole);
    json_decref(want);
    clear_stage(&stage);
}

static void leaves_a_list_that_never_ends(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"GET /v1/accounts", "200 OK\r\n", "{\"items\":[],\"next_cursor\":\"same\"}"},
        {0},
    };
    struct stage stage;
    set_stage(&stage, scenes);
    assert_int_equal(run(&stage, "account|list|--all", ""), CS_EXIT_FAILED);
    EXPECT(stage.err, "goes round in circles");
    clear_stage(&stage);
}

static const struct scene create_scenes[] = {
    {"POST /v1/credentials ", "201 Created\r\n",
     "{\"credential\":{\"id\":\"cred_x\",\"client_id\":\"cs_id_x\"},"
     "\"client_secret\":\"cs_test_hidden\"}"},
    {0},
};
#define CREATE "credential|create|--account|acct_" ULID "|--name|n"

static void shows_a_secret_once(void **state)
{
    (void)state;
    struct stage stage;
    set_stage(&stage, create_scenes);
    assert_int_equal(run(&stage, CREATE, ""), CS_EXIT_OK);
    EXPECT(stage.out, "id             cred_x\nclient_id      cs_id_x\n"
                      "client_secret  cs_test_hidden\n");
    EXPECT(stage.heard, "\r\nIdempotency-Key: ");
    clear_stage(&stage);
}

static void keeps_a_secret_in_a_file(void **state)
{
    (void)state;
    struct stage stage;
    struct stat stat_of;
    char line[256], text[TEXT_MAX];
    set_stage(&stage, create_scenes);
    snprintf(line, sizeof(line), CREATE "|--env|%s|--idempotency-key|k-1", stage.env);
    assert_int_equal(run(&stage, line, ""), CS_EXIT_OK);
    assert_string_equal(read_text(stage.env, text),
                        "CLIENT_ID=cs_id_x\nCLIENT_SECRET=cs_test_hidden\n");
    assert_int_equal(stat(stage.env, &stat_of), 0);
    assert_int_equal(stat_of.st_mode & 07777, 0600);
    EXPECT(stage.out, "cs_id_x");
    EXPECT_NOT(stage.out, "hidden");
    EXPECT_NOT(stage.err, "hidden");
    EXPECT(stage.heard, "\r\nIdempotency-Key: k-1\r\n");

    /* It is there now, so nothing is asked for that could not be kept. */
    unlink(stage.heard);
    setenv("COUNTERSIGN_TOKEN", "cs_user_secret", 1);
    assert_int_equal(run(&stage, line, ""), CS_EXIT_CONFLICT);
    assert_int_equal(access(stage.heard, F_OK), -1);
    assert_string_equal(read_text(stage.env, text),
                        "CLIENT_ID=cs_id_x\nCLIENT_SECRET=cs_test_hidden\n");
    clear_stage(&stage);
}

static void keeps_a_claim_and_its_link_in_a_file(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"POST /v1/credentials ", "201 Created\r\n",
         "{\"credential\":{\"client_id\":\"cs_id_x\"},\"claim\":{\"claim\":\"cs_claim_hidden\","
         "\"url\":\"https://desk.example/claim#cs_claim_hidden\",\"expires_at\":\"then\"}}"},
        {0},
    };
    struct stage stage;
    char line[256], text[TEXT_MAX];
    set_stage(&stage, scenes);
    snprintf(line, sizeof(line), CREATE "|--delivery|claim|--env|%s", stage.env);
    assert_int_equal(run(&stage, line, ""), CS_EXIT_OK);
    assert_string_equal(read_text(stage.env, text),
                        "CLIENT_ID=cs_id_x\nCOUNTERSIGN_CLAIM=cs_claim_hidden\n"
                        "COUNTERSIGN_CLAIM_URL=https://desk.example/claim#cs_claim_hidden\n");
    EXPECT(stage.out, "claim.expires_at  then");
    EXPECT_NOT(stage.out, "hidden");
    clear_stage(&stage);
}

/* A hostile server must not write commands into a file that people source. */
static void writes_no_commands_into_a_file(void **state)
{
    (void)state;
    static const char *const secrets[] = {"x; rm -rf ~", "$(id)", "`id`", "a b",
                                          "a\\nB=c",     "a'b",   "",     "a\\u0000b"};
    for (size_t i = 0; i < COUNT(secrets); i++) {
        char body[256], line[256];
        snprintf(body, sizeof(body), "{\"client_secret\":\"%s\"}", secrets[i]);
        const struct scene scenes[] = {{"POST ", "201 Created\r\n", body}, {0}};
        struct stage stage;
        set_stage(&stage, scenes);
        snprintf(line, sizeof(line), CREATE "|--env|%s", stage.env);
        assert_int_equal(run(&stage, line, ""), CS_EXIT_FAILED);
        assert_int_equal(access(stage.env, F_OK), -1);
        clear_stage(&stage);
    }
}

static void leaves_no_file_behind_after_a_refusal(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"POST /v1/claims ", "410 Gone\r\nContent-Type: application/problem+json\r\n",
         "{\"title\":\"The claim has been used\",\"code\":\"already_claimed\"}"},
        {0},
    };
    struct stage stage;
    char line[256];
    set_stage(&stage, scenes);
    snprintf(line, sizeof(line), "claim|fetch|--env|%s", stage.env);
    assert_int_equal(run(&stage, line, "https://desk.example/claim#cs_claim_x\n"),
                     CS_EXIT_CONFLICT);
    assert_int_equal(access(stage.env, F_OK), -1);
    EXPECT(stage.heard, "\r\n\r\n{\"claim\":\"cs_claim_x\"}");
    EXPECT_NOT(stage.heard, "Authorization");
    EXPECT(stage.err, "The claim has been used (already_claimed, 410)");
    clear_stage(&stage);
}

static void tells_a_bad_key_by_the_exit_code(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"POST /v1/verify ", "200 OK\r\n", "{\"valid\":false,\"code\":\"REVOKED\"}"}, {0}};
    static const struct scene good[] = {
        {"POST /v1/verify ", "200 OK\r\n", "{\"valid\":true,\"code\":\"VALID\"}"}, {0}};
    struct stage stage;
    set_stage(&stage, scenes);
    assert_int_equal(run(&stage, "verify|--scope|a", "cs_live_x\n"), CS_EXIT_DENIED);
    EXPECT(stage.out, "code   REVOKED\n");
    EXPECT(stage.heard, "{\"key\":\"cs_live_x\",\"scopes\":[\"a\"]}");
    clear_stage(&stage);
    set_stage(&stage, good);
    assert_int_equal(run(&stage, "verify", "cs_live_x\n"), CS_EXIT_OK);
    clear_stage(&stage);
}

static void decides_on_what_was_reviewed(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"POST /v1/requests/req_" ULID "/decisions ", "201 Created\r\n",
         "{\"request\":{\"name\":\"n\",\"state\":\"approved\",\"requested_by\":\"user_d\"},"
         "\"receipt\":{\"index\":7,\"hash\":\"h\"}}"},
        {"GET /v1/requests/req_" ULID " ", "200 OK\r\n",
         "{\"digest\":\"d9\",\"people\":[{\"id\":\"user_d\",\"name\":\"Dora\"}]}"},
        {0},
    };
    struct stage stage;
    char heard[TEXT_MAX];
    set_stage(&stage, scenes);
    assert_int_equal(run(&stage, "request|approve|req_" ULID "|--digest|d1", ""), CS_EXIT_OK);
    /* Names are asked for when it is decided, and nothing before. */
    assert_memory_equal(read_text(stage.heard, heard), "POST ", 5);
    EXPECT(stage.out, "Who         Dora\n");
    EXPECT(stage.heard, "{\"decision\":\"approve\",\"digest\":\"d1\"}");
    EXPECT(stage.out, "Name        n\n");
    EXPECT(stage.out, "Receipt     entry 7, h\n");

    unlink(stage.heard);
    setenv("COUNTERSIGN_TOKEN", "cs_user_secret", 1);
    assert_int_equal(run(&stage, "request|reject|req_" ULID "|-m|no|--digest|d0|--format|json", ""),
                     CS_EXIT_OK);
    EXPECT(stage.heard, "{\"decision\":\"reject\",\"comment\":\"no\",\"digest\":\"d0\"}");
    EXPECT_NOT(stage.heard, "GET ");
    clear_stage(&stage);
}

/* Without a person to show it to, the digest is not taken from the server itself. */
static void does_not_decide_without_a_digest(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"GET ", "200 OK\r\n", "{\"id\":\"req_x\",\"digest\":\"d1\"}"}, {0}};
    struct stage stage;
    set_stage(&stage, scenes);
    assert_int_equal(run(&stage, "request|approve|req_" ULID, ""), CS_EXIT_USAGE);
    EXPECT(stage.err, "--digest");
    EXPECT_NOT(stage.heard, "POST");
    EXPECT_NOT(stage.heard, "GET");
    clear_stage(&stage);
}

static void stores_a_token_that_was_taken(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"GET /v1/whoami ", "200 OK\r\n", "{\"kind\":\"user\",\"name\":\"Dev\"}"},
        {"GET /v1/accounts ", "200 OK\r\n", "{\"items\":[],\"next_cursor\":null}"},
        {0},
    };
    struct stage stage, other;
    char line[256];
    set_stage(&stage, scenes);
    unsetenv("COUNTERSIGN_TOKEN");
    assert_int_equal(run(&stage, "account|list", ""), CS_EXIT_DENIED);
    unsetenv("COUNTERSIGN_URL");
    assert_int_equal(run(&stage, "account|list", ""), CS_EXIT_USAGE);
    snprintf(line, sizeof(line), "%s\ncs_user_stored\n", stage.peer.url);
    assert_int_equal(run(&stage, "login", line), CS_EXIT_OK);
    EXPECT(stage.out, "name  Dev");
    EXPECT(stage.heard, "Authorization: Bearer cs_user_stored\r\n");
    unlink(stage.heard);
    assert_int_equal(run(&stage, "account|list", ""), CS_EXIT_OK);
    EXPECT(stage.heard, "Authorization: Bearer cs_user_stored\r\n");

    /* It is for its own server only. */
    set_stage(&other, scenes);
    unsetenv("COUNTERSIGN_TOKEN");
    setenv("XDG_CONFIG_HOME", stage.folder, 1);
    assert_int_equal(run(&other, "account|list", ""), CS_EXIT_DENIED);
    assert_int_equal(access(other.heard, F_OK), -1);
    EXPECT(other.err, "is not sent elsewhere");
    clear_stage(&other);

    assert_int_equal(run(&stage, "logout", ""), CS_EXIT_OK);
    snprintf(line, sizeof(line), "account|list|--url|%s", stage.peer.url);
    assert_int_equal(run(&stage, line, ""), CS_EXIT_DENIED);
    clear_stage(&stage);
}

static void stores_no_token_that_was_refused(void **state)
{
    (void)state;
    static const struct scene scenes[] = {{"GET ", "401 Unauthorized\r\n", ""}, {0}};
    struct stage stage;
    char path[96];
    set_stage(&stage, scenes);
    assert_int_equal(run(&stage, "login", "cs_user_bad\n"), CS_EXIT_DENIED);
    snprintf(path, sizeof(path), "%s/countersign", stage.folder);
    assert_int_equal(access(path, F_OK), -1);
    clear_stage(&stage);
}

static void says_how_to_try_again(void **state)
{
    (void)state;
    static const struct scene scenes[] = {{"POST ", "503 Service Unavailable\r\n", ""}, {0}};
    struct stage stage;
    set_stage(&stage, scenes);
    assert_int_equal(run(&stage, CREATE "|--idempotency-key|mine", ""), CS_EXIT_UNREACHABLE);
    EXPECT(stage.err, "--idempotency-key mine");
    clear_stage(&stage);
}

static void takes_nothing_else_for_an_answer(void **state)
{
    (void)state;
    static const struct {
        const char *head, *body, *said;
    } cases[] = {
        {"302 Found\r\nLocation: /\r\n", "", "sends us elsewhere (302)"},
        {"200 OK\r\n", "<html>", "not the JSON of a Countersign server"},
        {"200 OK\r\n", "{\"a\":1,\"a\":2}", "not the JSON of a Countersign server"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct scene scenes[] = {{"GET ", cases[i].head, cases[i].body}, {0}};
        struct stage stage;
        set_stage(&stage, scenes);
        assert_int_equal(run(&stage, "whoami", ""), CS_EXIT_FAILED);
        EXPECT(stage.err, cases[i].said);
        clear_stage(&stage);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_one_page_and_says_so),
        cmocka_unit_test(joins_all_pages),
        cmocka_unit_test(leaves_a_list_that_never_ends),
        cmocka_unit_test(shows_a_secret_once),
        cmocka_unit_test(keeps_a_secret_in_a_file),
        cmocka_unit_test(keeps_a_claim_and_its_link_in_a_file),
        cmocka_unit_test(writes_no_commands_into_a_file),
        cmocka_unit_test(leaves_no_file_behind_after_a_refusal),
        cmocka_unit_test(tells_a_bad_key_by_the_exit_code),
        cmocka_unit_test(decides_on_what_was_reviewed),
        cmocka_unit_test(does_not_decide_without_a_digest),
        cmocka_unit_test(stores_a_token_that_was_taken),
        cmocka_unit_test(stores_no_token_that_was_refused),
        cmocka_unit_test(says_how_to_try_again),
        cmocka_unit_test(takes_nothing_else_for_an_answer),
    };
    cs_json_setup();
    return cmocka_run_group_tests(tests, secret_setup, secret_teardown);
}
