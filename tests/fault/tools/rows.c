/*
 * The rows of a stopped vault's data file, as they lie there: for tests that damage them.
 *
 *   rows FOLDER list TABLE                 "key value" in hex, a line for each row
 *   rows FOLDER put TABLE KEY VALUE        puts a value in hex there, whatever it is
 *   rows FOLDER delete TABLE KEY
 *
 * A table is a number of vault/row.h. Nothing is opened, sealed or checked: this is what somebody
 * with the file and without the root key can do.
 */
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLES_MAX 64
#define FIELD_MAX 65536

struct field {
    unsigned char bytes[FIELD_MAX];
    size_t len;
};

static void check(const char *what, int code)
{
    if (code == 0)
        return;
    fprintf(stderr, "rows: %s: %s\n", what, mdb_strerror(code));
    exit(1);
}

static void usage(void)
{
    fprintf(stderr, "usage: rows FOLDER list TABLE | put TABLE KEY VALUE | delete TABLE KEY\n");
    exit(2);
}

static void print_hex(const MDB_val *value, char end)
{
    const unsigned char *bytes = value->mv_data;
    for (size_t i = 0; i < value->mv_size; i++)
        printf("%02x", bytes[i]);
    putchar(end);
}

static MDB_val parse_hex(const char *text, struct field *room)
{
    unsigned byte = 0;
    room->len = 0;
    for (; text[0] != '\0' && text[1] != '\0' && room->len < FIELD_MAX; text += 2) {
        if (sscanf(text, "%2x", &byte) != 1)
            usage();
        room->bytes[room->len++] = (unsigned char)byte;
    }
    return (MDB_val){.mv_size = room->len, .mv_data = room->bytes};
}

static void list(MDB_txn *txn, MDB_dbi table)
{
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val value;
    check("cursor", mdb_cursor_open(txn, table, &cursor));
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
        print_hex(&key, ' ');
        print_hex(&value, '\n');
    }
    mdb_cursor_close(cursor);
}

static MDB_dbi open_table(MDB_txn *txn, const char *number)
{
    char name[16];
    MDB_dbi table = 0;
    snprintf(name, sizeof(name), "t%02u", (unsigned)strtoul(number, NULL, 10));
    check(name, mdb_dbi_open(txn, name, 0, &table));
    return table;
}

int main(int argc, char **argv)
{
    static struct field key_room;
    static struct field value_room;
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    if (argc < 4 || argc > 6)
        usage();
    check("create", mdb_env_create(&env));
    check("tables", mdb_env_set_maxdbs(env, TABLES_MAX));
    check("map", mdb_env_set_mapsize(env, (size_t)1 << 30));
    check(argv[1], mdb_env_open(env, argv[1], MDB_NOTLS, 0600));
    check("begin", mdb_txn_begin(env, NULL, 0, &txn));
    MDB_dbi table = open_table(txn, argv[3]);
    MDB_val key = argc > 4 ? parse_hex(argv[4], &key_room) : (MDB_val){0};
    MDB_val value = argc > 5 ? parse_hex(argv[5], &value_room) : (MDB_val){0};
    if (strcmp(argv[2], "list") == 0 && argc == 4)
        list(txn, table);
    else if (strcmp(argv[2], "put") == 0 && argc == 6)
        check("put", mdb_put(txn, table, &key, &value, 0));
    else if (strcmp(argv[2], "delete") == 0 && argc == 5)
        check("delete", mdb_del(txn, table, &key, NULL));
    else
        usage();
    check("commit", mdb_txn_commit(txn));
    mdb_env_close(env);
    return 0;
}
