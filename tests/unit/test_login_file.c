#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/record/record.h"
#include "cli/client/login_file.h"
#include "tests/unit/secret_fixture.h"

#define FOLDER_SIZE 64
#define PATH_SIZE 128

struct place {
    char home[FOLDER_SIZE]; /* XDG_CONFIG_HOME, not there yet */
    char folder[FOLDER_SIZE + 16];
    char file[PATH_SIZE];
};

static int set_up(void **state)
{
    struct place *place = calloc(1, sizeof(*place));
    char *made = strcpy(place->home, "/tmp/cs-login-XXXXXX");
    if (mkdtemp(made) == NULL)
        return -1;
    strcat(place->home, "/config");
    snprintf(place->folder, sizeof(place->folder), "%s/countersign", place->home);
    snprintf(place->file, sizeof(place->file), "%s/login.json", place->folder);
    *state = place;
    return setenv("XDG_CONFIG_HOME", place->home, 1);
}

static int tear_down(void **state)
{
    struct place *place = *state;
    unlink(place->file);
    rmdir(place->folder);
    rmdir(place->home);
    *strrchr(place->home, '/') = '\0';
    int left = rmdir(place->home);
    free(place);
    return left;
}

static enum cs_err write_login(const char *url, const char *token)
{
    struct cs_login login = {0};
    strcpy(login.url, url);
    assert_int_equal(cs_secret_from(token, strlen(token), &login.token), CS_OK);
    enum cs_err err = cs_login_file_write(&login);
    cs_secret_free(&login.token);
    return err;
}

static enum cs_err try_read(void)
{
    struct cs_login login;
    enum cs_err err = cs_login_file_read(&login);
    assert_true(err == CS_OK || login.token == NULL);
    cs_secret_free(&login.token);
    return err;
}

static void write_text(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) >= 0, 1);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static void gives_back_what_was_written(void **state)
{
    const struct place *place = *state;
    struct cs_login login;
    struct stat stat_of;
    assert_int_equal(try_read(), CS_ERR_NOT_FOUND);
    assert_int_equal(write_login("https://desk.example", "cs_user_one"), CS_OK);
    assert_int_equal(write_login("https://desk.example/\"path\"", "cs_user_two"), CS_OK);
    assert_int_equal(cs_login_file_read(&login), CS_OK);
    assert_string_equal(login.url, "https://desk.example/\"path\"");
    assert_int_equal(login.token->len, 11);
    assert_memory_equal(login.token->bytes, "cs_user_two", 11);
    cs_secret_free(&login.token);
    assert_int_equal(stat(place->file, &stat_of), 0);
    assert_int_equal(stat_of.st_mode & 07777, 0600);
    assert_int_equal(stat(place->folder, &stat_of), 0);
    assert_int_equal(stat_of.st_mode & 07777, 0700);
}

static void forgets(void **state)
{
    const struct place *place = *state;
    assert_int_equal(cs_login_file_remove(), CS_ERR_NOT_FOUND);
    assert_int_equal(write_login("https://desk.example", "cs_user_one"), CS_OK);
    assert_int_equal(cs_login_file_remove(), CS_OK);
    assert_int_equal(access(place->file, F_OK), -1);
    assert_int_equal(cs_login_file_remove(), CS_ERR_NOT_FOUND);
    assert_int_equal(try_read(), CS_ERR_NOT_FOUND);
}

static void believes_no_file_that_others_reach(void **state)
{
    const struct place *place = *state;
    static const mode_t modes[] = {0640, 0620, 0604, 0602, 0644, 0666, 0601, 0610};
    assert_int_equal(write_login("https://desk.example", "cs_user_one"), CS_OK);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_int_equal(chmod(place->file, modes[i]), 0);
        assert_int_equal(try_read(), CS_ERR_DENIED);
    }
    assert_int_equal(chmod(place->file, 0400), 0);
    assert_int_equal(try_read(), CS_OK);
}

static void believes_no_file_of_another_user(void **state)
{
    const struct place *place = *state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(write_login("https://desk.example", "cs_user_one"), CS_OK);
    assert_int_equal(chown(place->file, 65534, 65534), 0);
    assert_int_equal(try_read(), CS_ERR_DENIED);
}

static void believes_nothing_but_a_plain_file(void **state)
{
    const struct place *place = *state;
    char target[PATH_SIZE + 8];
    snprintf(target, sizeof(target), "%s.real", place->file);
    assert_int_equal(write_login("https://desk.example", "cs_user_one"), CS_OK);
    assert_int_equal(rename(place->file, target), 0);
    assert_int_equal(symlink(target, place->file), 0);
    assert_int_equal(try_read(), CS_ERR_IO);
    assert_int_equal(unlink(target), 0);
    assert_int_equal(unlink(place->file), 0);
    assert_int_equal(mkfifo(place->file, 0600), 0);
    assert_int_equal(try_read(), CS_ERR_DENIED);
}

static void refuses_what_is_not_of_the_form(void **state)
{
    const struct place *place = *state;
    char large[10000];
    char url[CS_URL_SIZE + 64];
    memset(large, ' ', sizeof(large));
    large[sizeof(large) - 1] = '\0';
    snprintf(url, sizeof(url), "{\"url\":\"%0*d\",\"token\":\"x\"}", CS_URL_SIZE, 0);
    const char *const texts[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"url\":\"https://x\"}",
        "{\"token\":\"x\"}",
        "{\"url\":1,\"token\":\"x\"}",
        "{\"url\":\"https://x\",\"token\":\"\"}",
        "{\"url\":\"https://x\",\"url\":\"https://y\",\"token\":\"x\"}",
        "{\"url\":\"https://x\",\"token\":\"x\"} more",
        large,
        url,
    };
    assert_int_equal(write_login("https://desk.example", "cs_user_one"), CS_OK);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        write_text(place->file, texts[i], 0600);
        assert_int_equal(try_read(), CS_ERR_CORRUPT);
    }
    snprintf(large, sizeof(large), "{\"url\":\"https://x\",\"token\":\"%0*d\"}", CS_SECRET_MAX + 1,
             0);
    write_text(place->file, large, 0600);
    assert_int_equal(try_read(), CS_ERR_CORRUPT);
}

static void needs_a_home(void **state)
{
    (void)state;
    setenv("XDG_CONFIG_HOME", "relative", 1);
    setenv("HOME", "", 1);
    assert_int_equal(try_read(), CS_ERR_IO);
    assert_int_equal(write_login("https://desk.example", "cs_user_one"), CS_ERR_IO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(gives_back_what_was_written),
        TEST(forgets),
        TEST(believes_no_file_that_others_reach),
        TEST(believes_no_file_of_another_user),
        TEST(believes_nothing_but_a_plain_file),
        TEST(refuses_what_is_not_of_the_form),
        TEST(needs_a_home),
    };
    cs_json_setup();
    return cmocka_run_group_tests(tests, secret_setup, secret_teardown);
}
