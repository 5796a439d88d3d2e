#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/secret/secret.h"
#include "cli/input.h"
#include "tests/unit/secret_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CTRL_C 3
#define CTRL_D 4

/* Makes what stdin gives; the bytes are all in the pipe before the reader begins. */
static int feed(const char *bytes, size_t len)
{
    int ends[2];
    int before = dup(STDIN_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], bytes, len), (ssize_t)len);
    close(ends[1]);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    close(ends[0]);
    return before;
}

static void put_back(int before)
{
    close(STDIN_FILENO);
    if (before >= 0) {
        assert_int_equal(dup2(before, STDIN_FILENO), STDIN_FILENO);
        close(before);
    }
}

static void reads_a_line_of_stdin(void **state)
{
    (void)state;
    char longest[CS_SECRET_MAX + 3];
    memset(longest, 'x', sizeof(longest));
    longest[CS_SECRET_MAX] = '\n';
    char too_long[CS_SECRET_MAX + 1];
    memset(too_long, 'x', sizeof(too_long));
    const struct {
        const char *bytes;
        size_t len;
        enum cs_input_form form;
        enum cs_err err;
        size_t want_len;
    } cases[] = {
        {"token\n", 6, CS_INPUT_TOKEN, CS_OK, 5},
        {"token", 5, CS_INPUT_TOKEN, CS_OK, 5},
        {"token\r\n", 7, CS_INPUT_TOKEN, CS_OK, 5},
        {"token\nmore\n", 11, CS_INPUT_TOKEN, CS_OK, 5},
        {longest, CS_SECRET_MAX + 1, CS_INPUT_TOKEN, CS_OK, CS_SECRET_MAX},
        {too_long, CS_SECRET_MAX + 1, CS_INPUT_TOKEN, CS_ERR_TOO_LARGE, 0},
        {"", 0, CS_INPUT_TOKEN, CS_ERR_INVALID, 0},
        {"\n", 1, CS_INPUT_TOKEN, CS_ERR_INVALID, 0},
        {"two words\n", 10, CS_INPUT_TOKEN, CS_ERR_INVALID, 0},
        {"two words\n", 10, CS_INPUT_PASSPHRASE, CS_OK, 9},
        {"t\xC3\xB6ken\n", 7, CS_INPUT_TOKEN, CS_ERR_INVALID, 0},
        {"t\xC3\xB6ken\n", 7, CS_INPUT_PASSPHRASE, CS_OK, 6},
        {"t\xFFken\n", 6, CS_INPUT_PASSPHRASE, CS_ERR_INVALID, 0},
        {"t\0ken\n", 6, CS_INPUT_PASSPHRASE, CS_ERR_INVALID, 0},
        {"t\033ken\n", 6, CS_INPUT_TOKEN, CS_ERR_INVALID, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct cs_input input = {.what = "token", .form = cases[i].form};
        struct cs_secret *secret = NULL;
        int before = feed(cases[i].bytes, cases[i].len);
        enum cs_err err = cs_input_secret(&input, &secret);
        put_back(before);
        if (err != cases[i].err)
            fail_msg("case %zu: %s", i, cs_err_name(err));
        assert_int_equal(secret != NULL, err == CS_OK);
        if (err == CS_OK) {
            assert_int_equal(secret->len, cases[i].want_len);
            assert_memory_equal(secret->bytes, cases[i].bytes, secret->len);
        }
        cs_secret_free(&secret);
    }
}

static void leaves_the_next_line_for_the_next(void **state)
{
    (void)state;
    const struct cs_input input = {.what = "token", .path = "-"};
    struct cs_secret *secret = NULL;
    char url[64];
    int before = feed("https://desk.example\nfirst\nsecond\n", 34);
    assert_int_equal(cs_input_line("URL", url, sizeof(url)), CS_OK);
    assert_string_equal(url, "https://desk.example");
    assert_int_equal(cs_input_secret(&input, &secret), CS_OK);
    assert_string_equal((const char *)secret->bytes, "first");
    cs_secret_free(&secret);
    assert_int_equal(cs_input_secret(&input, &secret), CS_OK);
    assert_string_equal((const char *)secret->bytes, "second");
    cs_secret_free(&secret);
    assert_int_equal(cs_input_secret(&input, &secret), CS_ERR_INVALID);
    put_back(before);
}

static void bounds_lines(void **state)
{
    (void)state;
    char line[8];
    int before = feed("1234567\n12345678\n", 17);
    assert_int_equal(cs_input_line("URL", line, sizeof(line)), CS_OK);
    assert_string_equal(line, "1234567");
    assert_int_equal(cs_input_line("URL", line, sizeof(line)), CS_ERR_TOO_LARGE);
    assert_string_equal(line, "");
    put_back(before);
}

static void reads_files(void **state)
{
    (void)state;
    char path[] = "/tmp/cs-input-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "from-file\n", 10), 10);
    close(fd);
    struct cs_input input = {.what = "token", .path = path};
    struct cs_secret *secret = NULL;
    assert_int_equal(cs_input_secret(&input, &secret), CS_OK);
    assert_string_equal((const char *)secret->bytes, "from-file");
    cs_secret_free(&secret);
    unlink(path);
    assert_int_equal(cs_input_secret(&input, &secret), CS_ERR_INVALID);
    input.path = "/";
    assert_int_equal(cs_input_secret(&input, &secret), CS_ERR_IO);
    assert_null(secret);
}

/* In the child of a new terminal: exits with what it found. */
enum { CHILD_GOT_IT = 40, CHILD_GOT_OTHER, CHILD_ECHOES };

static int child_reads_secret(void)
{
    const struct cs_input input = {.what = "Access token"};
    struct cs_secret *secret = NULL;
    struct termios after;
    enum cs_err err = cs_input_secret(&input, &secret);
    if (tcgetattr(STDIN_FILENO, &after) != 0 || (after.c_lflag & (ECHO | ISIG)) != (ECHO | ISIG))
        return CHILD_ECHOES;
    if (err != CS_OK)
        return (int)err;
    int got = strcmp((const char *)secret->bytes, "s3cret") == 0 ? CHILD_GOT_IT : CHILD_GOT_OTHER;
    cs_secret_free(&secret);
    return got;
}

static int child_confirms(void)
{
    return cs_input_confirm("Really?") ? CHILD_GOT_IT : CHILD_GOT_OTHER;
}

/*
 * Types into a program on a terminal once it has asked, and hands back its exit status; what the
 * terminal showed is in `shown`.
 */
static int type_into(int (*child)(void), const char *prompt, const char *typed, char *shown,
                     size_t size)
{
    int terminal, status;
    pid_t pid = forkpty(&terminal, NULL, NULL, NULL);
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(child());
    size_t len = 0;
    bool answered = false;
    while (len + 1 < size) {
        ssize_t got = read(terminal, shown + len, size - 1 - len);
        if (got <= 0)
            break;
        len += (size_t)got;
        shown[len] = '\0';
        if (!answered && strstr(shown, prompt) != NULL) {
            answered = true;
            assert_int_equal(write(terminal, typed, strlen(typed)), (ssize_t)strlen(typed));
        }
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(terminal);
    assert_true(answered);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void asks_without_echo(void **state)
{
    (void)state;
    char shown[1024];
    assert_int_equal(type_into(child_reads_secret, ": ", "s3cret\n", shown, sizeof(shown)),
                     CHILD_GOT_IT);
    assert_non_null(strstr(shown, "Access token: "));
    assert_null(strstr(shown, "s3cret"));
}

static void lets_people_leave(void **state)
{
    (void)state;
    static const char keys[][8] = {{CTRL_C}, {'s', '3', CTRL_C}, {CTRL_D}};
    for (size_t i = 0; i < COUNT(keys); i++) {
        char shown[1024];
        assert_int_equal(type_into(child_reads_secret, ": ", keys[i], shown, sizeof(shown)),
                         CS_ERR_INVALID);
        assert_null(strstr(shown, "s3"));
    }
}

static void takes_only_yes_for_yes(void **state)
{
    (void)state;
    static const struct {
        const char *typed;
        int got;
    } cases[] = {
        {"y\n", CHILD_GOT_IT},
        {"YES\n", CHILD_GOT_IT},
        {"\n", CHILD_GOT_OTHER},
        {"n\n", CHILD_GOT_OTHER},
        {"yup\n", CHILD_GOT_OTHER},
        {"\x04", CHILD_GOT_OTHER},
        {"yyyyyyyyyyyyyyyyyyyyyyyy\n", CHILD_GOT_OTHER},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char shown[1024];
        assert_int_equal(type_into(child_confirms, "[y/N] ", cases[i].typed, shown, sizeof(shown)),
                         cases[i].got);
        assert_non_null(strstr(shown, "Really? [y/N] "));
    }
}

static void asks_nobody_who_is_not_there(void **state)
{
    (void)state;
    int before = feed("y\n", 2);
    assert_false(cs_input_interactive());
    put_back(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_line_of_stdin),
        cmocka_unit_test(leaves_the_next_line_for_the_next),
        cmocka_unit_test(bounds_lines),
        cmocka_unit_test(reads_files),
        cmocka_unit_test(asks_without_echo),
        cmocka_unit_test(lets_people_leave),
        cmocka_unit_test(takes_only_yes_for_yes),
        cmocka_unit_test(asks_nobody_who_is_not_there),
    };
    return cmocka_run_group_tests(tests, secret_setup, secret_teardown);
}
