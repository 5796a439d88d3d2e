#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/secret/secret.h"
#include "vault/seal/rootkey.h"

#define HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static char folder[] = "/tmp/test_rootkey.XXXXXX";
static uint8_t counting[CS_ROOTKEY_LEN];

/* The least that Argon2id may cost: what is tested is not its strength. */
static const struct cs_rootkey_kdf cheap = {
    .salt = {1, 2, 3}, .ops = 1, .mem_kib = CS_ROOTKEY_MEM_KIB_MIN};

static const char *path_of(const char *name)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static const char *write_file(const char *name, const void *bytes, size_t len, mode_t mode)
{
    const char *path = path_of(name);
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    return path;
}

static enum cs_err load(const struct cs_rootkey_source *source, struct cs_secret **out)
{
    return cs_rootkey_load(source, &cheap, NULL, out);
}

/* Loads, and when that succeeds expects the bytes 0, 1, 2 … */
static enum cs_err load_counting(const struct cs_rootkey_source *source)
{
    struct cs_secret *key = NULL;
    enum cs_err err = load(source, &key);
    if (err != CS_OK) {
        assert_null(key);
        return err;
    }
    assert_int_equal(key->len, CS_ROOTKEY_LEN);
    assert_memory_equal(key->bytes, counting, CS_ROOTKEY_LEN);
    cs_secret_free(&key);
    return err;
}

static enum cs_err load_file(const char *path)
{
    return load_counting(&(struct cs_rootkey_source){.kind = CS_ROOTKEY_FILE, .path = path});
}

static const struct {
    const char *text;
    size_t len; /* 0: all of the text */
    mode_t mode;
    enum cs_err err;
} files[] = {
    {HEX, 0, 0600, CS_OK},
    {HEX "\n", 0, 0600, CS_OK},
    {HEX "\r\n", 0, 0600, CS_OK},
    {HEX "\n", 0, 0400, CS_OK},
    {"000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", 0, 0600, CS_OK},
    {HEX "\n", 0, 0640, CS_ERR_DENIED},
    {HEX "\n", 0, 0602, CS_ERR_DENIED},
    {HEX "\n", 0, 0601, CS_ERR_DENIED},
    {HEX "\n\n", 0, 0600, CS_ERR_INVALID},
    {HEX " ", 0, 0600, CS_ERR_INVALID},
    {HEX "0", 0, 0600, CS_ERR_INVALID},
    {HEX, 63, 0600, CS_ERR_INVALID},
    {"g" HEX, 64, 0600, CS_ERR_INVALID},
    {HEX, 31, 0600, CS_ERR_INVALID},
    {HEX, 33, 0600, CS_ERR_INVALID},
    {"", 0, 0600, CS_ERR_INVALID},
    {"\n", 0, 0600, CS_ERR_INVALID},
    {HEX HEX HEX HEX, 232, 0600, CS_ERR_INVALID},
    {HEX HEX HEX HEX, 233, 0600, CS_ERR_INVALID},
    {HEX HEX HEX HEX, 0, 0600, CS_ERR_INVALID},
};

static void a_file_is_checked_and_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        size_t len = files[i].len > 0 ? files[i].len : strlen(files[i].text);
        enum cs_err err = load_file(write_file("key", files[i].text, len, files[i].mode));
        if (err != files[i].err)
            fail_msg("case %zu: %s", i, cs_err_name(err));
    }
    assert_int_equal(load_file(write_file("key", counting, sizeof(counting), 0600)), CS_OK);
}

static void what_is_not_a_file_is_refused(void **state)
{
    (void)state;
    assert_int_equal(load_file(path_of("absent")), CS_ERR_IO);
    assert_int_equal(load_file(folder), CS_ERR_INVALID);
    assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
    assert_int_equal(load_file(path_of("pipe")), CS_ERR_INVALID);
    unlink(path_of("pipe"));
}

static void the_file_of_another_user_is_refused(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip(); /* only root can give a file away */
    const char *path = write_file("key", HEX, strlen(HEX), 0600);
    assert_int_equal(chown(path, 12345, 12345), 0);
    assert_int_equal(load_file(path), CS_ERR_DENIED);
}

static void a_new_file_is_a_key_and_never_replaces_one(void **state)
{
    (void)state;
    struct cs_secret *first = NULL;
    struct cs_secret *second = NULL;
    struct stat status;
    const char *path = path_of("new");
    const struct cs_rootkey_source source = {.kind = CS_ROOTKEY_FILE, .path = path};
    assert_int_equal(cs_rootkey_create_file(path, NULL), CS_OK);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(status.st_size, 65);
    assert_int_equal(load(&source, &first), CS_OK);
    assert_int_equal(cs_rootkey_create_file(path, NULL), CS_ERR_EXISTS);
    assert_int_equal(load(&source, &second), CS_OK);
    assert_true(cs_secret_equal(cs_secret_slice(first), cs_secret_slice(second)));
    cs_secret_free(&second);
    unlink(path);
    assert_int_equal(cs_rootkey_create_file(path, NULL), CS_OK);
    assert_int_equal(load(&source, &second), CS_OK);
    assert_false(cs_secret_equal(cs_secret_slice(first), cs_secret_slice(second)));
    cs_secret_free(&first);
    cs_secret_free(&second);
    assert_int_equal(cs_rootkey_create_file(path_of("absent/key"), NULL), CS_ERR_IO);
}

static void a_passphrase_is_stretched(void **state)
{
    (void)state;
    struct cs_secret *passphrase = NULL;
    struct cs_secret *keys[4] = {NULL};
    struct cs_rootkey_kdf salted = cheap;
    salted.salt[15] ^= 1;
    assert_int_equal(cs_secret_from("correct horse", 13, &passphrase), CS_OK);
    const struct cs_rootkey_source given = {.kind = CS_ROOTKEY_PASSPHRASE,
                                            .passphrase = passphrase};
    assert_int_equal(load(&given, &keys[0]), CS_OK);
    assert_int_equal(cs_rootkey_load(&given, &salted, NULL, &keys[1]), CS_OK);
    struct cs_rootkey_source stored = {.kind = CS_ROOTKEY_PASSPHRASE,
                                       .path = write_file("pass", "correct horse\n", 14, 0600)};
    assert_int_equal(load(&stored, &keys[2]), CS_OK);
    stored.path = write_file("pass", "Correct horse\n", 14, 0600);
    assert_int_equal(load(&stored, &keys[3]), CS_OK);
    assert_true(cs_secret_equal(cs_secret_slice(keys[0]), cs_secret_slice(keys[2])));
    assert_false(cs_secret_equal(cs_secret_slice(keys[0]), cs_secret_slice(keys[1])));
    assert_false(cs_secret_equal(cs_secret_slice(keys[0]), cs_secret_slice(keys[3])));
    for (size_t i = 0; i < 4; i++)
        cs_secret_free(&keys[i]);
    cs_secret_free(&passphrase);
}

static void an_empty_or_exposed_passphrase_is_refused(void **state)
{
    (void)state;
    struct cs_secret *key = NULL;
    struct cs_secret *empty = NULL;
    struct cs_rootkey_source source = {.kind = CS_ROOTKEY_PASSPHRASE};
    source.path = write_file("pass", "\n", 1, 0600);
    assert_int_equal(load(&source, &key), CS_ERR_INVALID);
    source.path = write_file("pass", "correct horse", 13, 0644);
    assert_int_equal(load(&source, &key), CS_ERR_DENIED);
    assert_int_equal(cs_secret_new(0, &empty), CS_OK);
    source.path = NULL;
    source.passphrase = empty;
    assert_int_equal(load(&source, &key), CS_ERR_INVALID);
    cs_secret_free(&empty);
}

static void new_costs_are_moderate_and_salted(void **state)
{
    (void)state;
    struct cs_rootkey_kdf a;
    struct cs_rootkey_kdf b;
    cs_rootkey_kdf_new(&a);
    cs_rootkey_kdf_new(&b);
    assert_int_equal(a.ops, 3);
    assert_int_equal(a.mem_kib, 256 * 1024);
    assert_memory_not_equal(a.salt, b.salt, sizeof(a.salt));
}

static enum cs_err load_command(const char *program, const char *first, const char *second,
                                unsigned timeout_ms)
{
    return load_counting(&(struct cs_rootkey_source){.kind = CS_ROOTKEY_COMMAND,
                                                     .argv = {program, first, second, NULL},
                                                     .timeout_ms = timeout_ms});
}

static const struct {
    const char *script;
    enum cs_err err;
} scripts[] = {
    {"echo " HEX, CS_OK},
    {"printf " HEX, CS_OK},
    {"printf 0001020304; sleep 0.05; printf 05060708; echo '" HEX "' | cut -c19-", CS_OK},
    {"cat; echo " HEX, CS_OK}, /* stdin is at its end */
    {"echo " HEX "; exit 1", CS_ERR_IO},
    {"echo " HEX "; kill -9 $$", CS_ERR_IO},
    {"exit 0", CS_ERR_INVALID},
    {"echo not-a-key", CS_ERR_INVALID},
    {"yes", CS_ERR_INVALID}, /* endless output is not read for ever */
};

static void a_commands_output_is_the_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        enum cs_err err = load_command("sh", "-c", scripts[i].script, 0);
        if (err != scripts[i].err)
            fail_msg("%s: %s", scripts[i].script, cs_err_name(err));
    }
    assert_int_equal(load_command("/nonexistent/program", NULL, NULL, 0), CS_ERR_IO);
    assert_int_equal(load_command("printf", "%s\n", HEX, 0), CS_OK);
}

/* The second sleeps with its output closed, the third leaves it to a child. */
static void a_slow_command_is_killed_with_its_children(void **state)
{
    (void)state;
    static const char *const slow[] = {
        "echo " HEX "; sleep 20",
        "echo " HEX "; exec >&-; sleep 20",
        "echo " HEX "; sleep 20 & wait",
    };
    struct cs_clock clock;
    cs_clock_init(&clock);
    for (size_t i = 0; i < 3; i++) {
        int64_t begun = cs_clock_mono_ns(&clock);
        assert_int_equal(load_command("sh", "-c", slow[i], 200), CS_ERR_IO);
        int64_t took_ms = (cs_clock_mono_ns(&clock) - begun) / 1000000;
        assert_in_range(took_ms, 200, 10000);
    }
}

static void a_command_inherits_no_descriptor(void **state)
{
    (void)state;
    int leaked = open("/dev/null", O_RDONLY);
    char script[128];
    assert_true(leaked > 2);
    snprintf(script, sizeof(script), "if [ -e /proc/self/fd/%d ]; then exit 1; fi; echo " HEX,
             leaked);
    assert_int_equal(load_command("sh", "-c", script, 0), CS_OK);
    close(leaked);
}

static enum cs_err load_systemd(const char *name)
{
    return load_counting(&(struct cs_rootkey_source){.kind = CS_ROOTKEY_SYSTEMD, .name = name});
}

static void a_systemd_credential_is_found_by_name(void **state)
{
    (void)state;
    unsetenv("CREDENTIALS_DIRECTORY");
    write_file("rootkey", HEX, strlen(HEX), 0440);
    assert_int_equal(load_systemd("rootkey"), CS_ERR_IO);
    setenv("CREDENTIALS_DIRECTORY", folder, 1);
    assert_int_equal(load_systemd("rootkey"), CS_OK);
    assert_int_equal(load_systemd("absent"), CS_ERR_IO);
    assert_int_equal(load_systemd("../rootkey"), CS_ERR_INVALID);
    assert_int_equal(load_systemd(""), CS_ERR_INVALID);
    unsetenv("CREDENTIALS_DIRECTORY");
}

static int setup(void **state)
{
    (void)state;
    bool locked = false;
    for (size_t i = 0; i < sizeof(counting); i++)
        counting[i] = (uint8_t)i;
    return mkdtemp(folder) != NULL && cs_secret_setup(true, &locked) == CS_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    static const char *const names[] = {"key", "new", "pass", "rootkey"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlink(path_of(names[i]));
    rmdir(folder);
    cs_secret_teardown();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_checked_and_read),
        cmocka_unit_test(what_is_not_a_file_is_refused),
        cmocka_unit_test(the_file_of_another_user_is_refused),
        cmocka_unit_test(a_new_file_is_a_key_and_never_replaces_one),
        cmocka_unit_test(a_passphrase_is_stretched),
        cmocka_unit_test(an_empty_or_exposed_passphrase_is_refused),
        cmocka_unit_test(new_costs_are_moderate_and_salted),
        cmocka_unit_test(a_commands_output_is_the_key),
        cmocka_unit_test(a_slow_command_is_killed_with_its_children),
        cmocka_unit_test(a_command_inherits_no_descriptor),
        cmocka_unit_test(a_systemd_credential_is_found_by_name),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
