/* `init` where a creation was cut off between the vault and its first admin. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/secret/secret.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "vault/seal/rootkey.h"
#include "vault/vault.h"

struct place {
    char folder[32], config[64], data[64], key[64], out[64];
};

static void set_place(struct place *place)
{
    *place = (struct place){.folder = "/tmp/cs-init-XXXXXX"};
    assert_non_null(mkdtemp(place->folder));
    snprintf(place->config, sizeof(place->config), "%s/config.yaml", place->folder);
    snprintf(place->data, sizeof(place->data), "%s/data", place->folder);
    snprintf(place->key, sizeof(place->key), "%s/root.key", place->folder);
    snprintf(place->out, sizeof(place->out), "%s/out", place->folder);
    FILE *file = fopen(place->config, "w");
    assert_non_null(file);
    fprintf(file, "version: 1\ndata: %s\nroot_key: { file: %s }\n", place->data, place->key);
    assert_int_equal(fclose(file), 0);
}

static void clear_place(const struct place *place)
{
    static const char *const names[] = {"data/data.mdb", "data/lock.mdb", "data/store.lock",
                                        "config.yaml",   "root.key",      "out"};
    char path[96];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", place->folder, names[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(place->data), 0);
    assert_int_equal(rmdir(place->folder), 0);
}

/* As far as an `init` comes that is killed before it has made the admin. */
static void make_vault_alone(const struct place *place)
{
    struct cs_clock clock;
    const struct cs_rootkey_source source = {.kind = CS_ROOTKEY_FILE, .path = place->key};
    const struct cs_vault_params params = {
        .path = place->data, .source = &source, .brand = "cs", .clock = &clock};
    cs_clock_init(&clock);
    assert_int_equal(cs_rootkey_create_file(place->key, NULL), CS_OK);
    assert_int_equal(cs_vault_create(&params), CS_OK);
}

/* What it printed on stdout goes to `out`. */
static enum cs_exit init(const struct place *place, char *out, size_t size)
{
    struct cs_args args;
    struct cs_buf complaint;
    const char *argv[] = {"countersign", "init",    "--config",
                          place->config, "--admin", "ada@platform.example"};
    cs_buf_init(&complaint, 4096);
    assert_int_equal(
        cs_args_parse(&cs_commands_root, 6, (char *const *)(uintptr_t)argv, &args, &complaint),
        CS_OK);
    cs_buf_free(&complaint);
    fflush(stdout);
    int stdout_before = dup(STDOUT_FILENO);
    int file = open(place->out, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(dup2(file, STDOUT_FILENO), STDOUT_FILENO);
    enum cs_exit code = args.command->run(&args);
    assert_int_equal(dup2(stdout_before, STDOUT_FILENO), STDOUT_FILENO);
    close(stdout_before);
    ssize_t len = pread(file, out, size - 1, 0);
    out[len > 0 ? len : 0] = '\0';
    close(file);
    return code;
}

static void goes_on_where_it_was_cut_off(void **state)
{
    (void)state;
    struct place place;
    char out[128];
    set_place(&place);
    make_vault_alone(&place);
    assert_int_equal(init(&place, out, sizeof(out)), CS_EXIT_OK);
    assert_memory_equal(out, "cs_user_", 8);
    clear_place(&place);
}

static void makes_one_admin_and_no_second(void **state)
{
    (void)state;
    struct place place;
    char out[128];
    set_place(&place);
    assert_int_equal(init(&place, out, sizeof(out)), CS_EXIT_OK);
    assert_memory_equal(out, "cs_user_", 8);
    assert_int_equal(init(&place, out, sizeof(out)), CS_EXIT_CONFLICT);
    assert_string_equal(out, "");
    clear_place(&place);
}

static int set_up(void **state)
{
    bool locked;
    (void)state;
    return cs_secret_setup(true, &locked) == CS_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    cs_secret_teardown();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on_where_it_was_cut_off),
        cmocka_unit_test(makes_one_admin_and_no_second),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
