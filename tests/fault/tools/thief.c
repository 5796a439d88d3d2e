/*
 * What somebody can read who has the data folder and the root key: every row that lies in the data
 * file, also those that were overwritten or deleted and whose page was not used again.
 *
 *   thief FOLDER ROOTKEYFILE TABLE…       "table key plain" in hex, a line for each row that opens
 *
 * The names are those that rows are sealed for. The pages of the file are read as they lie, without
 * the engine, which shows no page that is free.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/secret/secret.h"
#include "vault/seal/keyring.h"
#include "vault/seal/rootkey.h"

/* The form of a page of LMDB 0.9 on a machine of 64 bits. */
#define PAGE 4096
#define HEAD 16
#define FLAGS_AT 10
#define LOWER_AT 12
#define FLAG_LEAF 0x02
#define NODE_HEAD 8
#define NODE_BIG 0x01

struct file {
    uint8_t *bytes;
    size_t pages;
};

struct thief {
    struct file file;
    struct cs_keyring *keyring; /* NULL until it is found */
    const struct cs_rootkey_source *source;
    char *const *tables;
    unsigned long opened;
};

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "thief: %s\n", what);
    exit(1);
}

static unsigned get16(const uint8_t *at)
{
    return at[0] | (unsigned)at[1] << 8;
}

static struct file read_file(const char *folder)
{
    char path[4096];
    struct stat status;
    struct file file = {NULL, 0};
    snprintf(path, sizeof(path), "%s/data.mdb", folder);
    FILE *in = fopen(path, "rb");
    if (in == NULL || fstat(fileno(in), &status) != 0)
        fail("there is no data file");
    file.pages = (size_t)status.st_size / PAGE;
    file.bytes = malloc(file.pages * PAGE);
    if (file.bytes == NULL || fread(file.bytes, PAGE, file.pages, in) != file.pages)
        fail("the data file cannot be read");
    fclose(in);
    return file;
}

/* The value of a node: beside its key, or in pages of its own. Empty where it was overwritten. */
static struct cs_slice value_of(const struct file *file, const uint8_t *node, const uint8_t *end)
{
    size_t len = get16(node) | (size_t)get16(node + 2) << 16;
    const uint8_t *value = node + NODE_HEAD + get16(node + 6);
    uint64_t page = 0;
    if ((get16(node + 4) & NODE_BIG) != 0 && value + sizeof(page) <= end) {
        memcpy(&page, value, sizeof(page));
        if (page >= file->pages || len > (file->pages - page) * PAGE - HEAD)
            return CS_SLICE(NULL, 0);
        return CS_SLICE(file->bytes + page * PAGE + HEAD, len);
    }
    return value > end || len > (size_t)(end - value) ? CS_SLICE(NULL, 0) : CS_SLICE(value, len);
}

static void print_hex(struct cs_slice text, char end)
{
    for (size_t i = 0; i < text.len; i++)
        printf("%02x", text.bytes[i]);
    putchar(end);
}

/* Whatever cipher it is under: the thief does not know the tables' own. */
static void try_row(struct thief *thief, const char *table, struct cs_slice key,
                    struct cs_slice value)
{
    static uint8_t plain[1 << 16];
    struct cs_place place = {.table = table, .key = key, .schema = UINT8_MAX};
    for (; place.cipher < CS_CIPHER_COUNT; place.cipher++) {
        enum cs_realm realm = CS_REALM_COUNT;
        uint8_t schema = 0;
        size_t len = 0;
        if (cs_keyring_open(thief->keyring, &place, value, plain, &len, &realm, &schema) != CS_OK)
            continue;
        printf("%s ", table);
        print_hex(key, ' ');
        print_hex(CS_SLICE(plain, len), '\n');
        thief->opened++;
    }
}

static void take(struct thief *thief, struct cs_slice key, struct cs_slice value)
{
    bool is_keyring = cs_slice_equal(key, cs_slice_str("keyring"));
    if (is_keyring && thief->keyring == NULL &&
        cs_keyring_unwrap(value, thief->source, NULL, &thief->keyring) != CS_OK)
        thief->keyring = NULL;
    if (is_keyring || thief->keyring == NULL || value.len > 1 << 16 || key.len > CS_PLACE_KEY_MAX)
        return;
    for (char *const *table = thief->tables; *table != NULL; table++)
        try_row(thief, *table, key, value);
}

static void take_page(struct thief *thief, const uint8_t *page)
{
    const uint8_t *end = page + PAGE;
    size_t lower = get16(page + LOWER_AT);
    if ((get16(page + FLAGS_AT) & FLAG_LEAF) == 0 || lower > PAGE)
        return;
    for (size_t at = HEAD; at + 2 <= lower; at += 2) {
        const uint8_t *node = page + get16(page + at);
        if (node + NODE_HEAD > end || node + NODE_HEAD + get16(node + 6) > end)
            continue;
        struct cs_slice value = value_of(&thief->file, node, end);
        if (value.bytes != NULL)
            take(thief, CS_SLICE(node + NODE_HEAD, get16(node + 6)), value);
    }
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: thief FOLDER ROOTKEYFILE TABLE...\n");
        return 2;
    }
    struct cs_rootkey_source source = {.kind = CS_ROOTKEY_FILE, .path = argv[2]};
    struct thief thief = {.file = read_file(argv[1]), .source = &source, .tables = argv + 3};
    bool locked = false;
    if (cs_secret_setup(true, &locked) != CS_OK)
        fail("no memory for secrets");
    for (int round = 0; round < 2; round++) /* the keyring first, then what it opens */
        for (size_t page = 0; page < thief.file.pages && (round == 1 || thief.keyring == NULL);
             page++)
            take_page(&thief, thief.file.bytes + page * PAGE);
    if (thief.keyring == NULL)
        fail("no keyring opens with this root key");
    cs_keyring_free(&thief.keyring);
    free(thief.file.bytes);
    cs_secret_teardown();
    return thief.opened > 0 ? 0 : 1;
}
