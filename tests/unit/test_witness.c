#include "tests/unit/vault_fixture.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#include "base/note.h"
#include "server/witness.h"
#include "tests/unit/log_fixture.h"
#include "vault/audit/audit.h"

#define PATIENCE 3000 /* tries of 10 ms: long enough for a busy machine */

struct scene {
    struct vault_fixture vault;
    struct fixture log;
    char folder[64];
    char kept[80];
    char flag[80];
};

static int setup(void **state)
{
    struct scene *scene = test_calloc(1, sizeof(*scene));
    vault_fixture_make(&scene->vault);
    open_log(&scene->log, CS_LOG_ERROR, CS_LOG_LOGFMT);
    snprintf(scene->folder, sizeof(scene->folder), "/tmp/cs-witness-XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    snprintf(scene->kept, sizeof(scene->kept), "%s/kept", scene->folder);
    snprintf(scene->flag, sizeof(scene->flag), "%s/flag", scene->folder);
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    (void)unlink(scene->kept);
    (void)unlink(scene->flag);
    assert_int_equal(rmdir(scene->folder), 0);
    vault_fixture_remove(&scene->vault);
    close_log(&scene->log);
    test_free(scene);
    return 0;
}

static struct cs_witness *start(struct scene *scene, const char *const *argv, unsigned timeout_s)
{
    struct cs_witness *witness = NULL;
    const struct cs_witness_params params = {.vault = scene->vault.vault,
                                             .log = scene->log.log,
                                             .argv = argv,
                                             .interval_s = 1,
                                             .timeout_s = timeout_s};
    assert_int_equal(cs_witness_start(&params, &witness), CS_OK);
    return witness;
}

/* What was kept so far; "" if nothing was. */
static void read_kept(const struct scene *scene, char *out, size_t size)
{
    FILE *file = fopen(scene->kept, "re");
    size_t len = file == NULL ? 0 : fread(out, 1, size - 1, file);
    out[len] = '\0';
    if (file != NULL)
        (void)fclose(file);
}

/* Waits until a checkpoint of so many entries was kept, and right. */
static void expect_kept(const struct scene *scene, uint64_t size)
{
    char text[CS_NOTE_MAX * 4];
    struct cs_checkpoint checkpoint = {.size = 0};
    for (int i = 0; i < PATIENCE && checkpoint.size != size; i++) {
        struct cs_slice note;
        read_kept(scene, text, sizeof(text));
        struct cs_slice rest = cs_slice_str(text);
        while (cs_note_next(&rest, &note) &&
               cs_checkpoint_open(note, cs_vault_log_key(scene->vault.vault), &checkpoint) == CS_OK)
            ;
        (void)poll(NULL, 0, 10);
    }
    assert_int_equal(checkpoint.size, size);
}

static enum cs_err add(struct cs_ctx *ctx, void *arg)
{
    (void)arg;
    return cs_audit_add(
        ctx, &(struct cs_audit_params){.action = CS_ACTION_ACCOUNT_CHANGED, .object_prefix = ""},
        NULL);
}

static void it_gets_each_state_that_is_new(void **state)
{
    struct scene *scene = *state;
    const char *const argv[] = {"sh", "-c", "cat >>\"$1\"", "sh", scene->kept, NULL};
    struct cs_witness *witness = start(scene, argv, 5);
    expect_kept(scene, 2);
    assert_int_equal(cs_vault_update(scene->vault.vault, &scene->vault.actor, NULL, add, NULL),
                     CS_OK);
    expect_kept(scene, 3);
    cs_witness_stop(&witness);
    assert_null(witness);
    cs_witness_stop(&witness);
}

/* Waits until an operator can read of its first failure, and why it was one. */
static void expect_told(struct scene *scene, const char *argv0, const char *why)
{
    char line[256];
    snprintf(line, sizeof(line), "command=%s why=\"%s\" failures=1\n", argv0, why);
    const char *found = NULL;
    for (int i = 0; i < PATIENCE && found == NULL; i++) {
        (void)poll(NULL, 0, 10);
        read_log(&scene->log);
        found = strstr(scene->log.text, line);
    }
    if (found == NULL)
        fail_msg("not told: %s%s", line, scene->log.text);
}

/* It fails until the flag is there, which the second try puts there. */
static void what_was_not_taken_is_handed_over_again(void **state)
{
    struct scene *scene = *state;
    const char *const argv[] = {
        "sh", "-c",        "test -e \"$2\" || { touch \"$2\"; exit 1; }; cat >>\"$1\"",
        "sh", scene->kept, scene->flag,
        NULL};
    struct cs_witness *witness = start(scene, argv, 5);
    expect_kept(scene, 2);
    expect_told(scene, argv[0], "it did not exit with 0");
    cs_witness_stop(&witness);
}

static void a_slow_one_is_killed_and_asked_again(void **state)
{
    struct scene *scene = *state;
    const char *const argv[] = {
        "sh", "-c",        "test -e \"$2\" || { touch \"$2\"; sleep 600; }; cat >>\"$1\"",
        "sh", scene->kept, scene->flag,
        NULL};
    struct cs_witness *witness = start(scene, argv, 1);
    expect_kept(scene, 2);
    expect_told(scene, argv[0], "it took too long");
    cs_witness_stop(&witness);
}

/* Whoever stops does not wait for it, nor leave it behind. */
static void stopping_kills_what_runs(void **state)
{
    struct scene *scene = *state;
    const char *const argv[] = {
        "sh", "-c",        "echo $$ >\"$1.new\" && mv \"$1.new\" \"$1\"; sleep 600",
        "sh", scene->kept, NULL};
    char text[32] = "";
    struct cs_witness *witness = start(scene, argv, 300);
    for (int i = 0; i < PATIENCE && text[0] == '\0'; i++) {
        read_kept(scene, text, sizeof(text));
        (void)poll(NULL, 0, 10);
    }
    cs_witness_stop(&witness);
    long pid = strtol(text, NULL, 10);
    assert_true(pid > 1);
    assert_int_equal(kill((pid_t)pid, 0), -1);
}

static void one_that_is_not_there_is_told_of(void **state)
{
    struct scene *scene = *state;
    const char *const argv[] = {"/nonexistent/witness", NULL};
    struct cs_witness *witness = start(scene, argv, 1);
    expect_told(scene, argv[0], strerrordesc_np(ENOENT));
    cs_witness_stop(&witness);
}

#define WITNESS_CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITNESS_CASE(it_gets_each_state_that_is_new),
        WITNESS_CASE(what_was_not_taken_is_handed_over_again),
        WITNESS_CASE(a_slow_one_is_killed_and_asked_again),
        WITNESS_CASE(stopping_kills_what_runs),
        WITNESS_CASE(one_that_is_not_there_is_told_of),
    };
    return cmocka_run_group_tests_name("witness", tests, vault_group_setup, vault_group_teardown);
}
