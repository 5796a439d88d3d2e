/*
 * Configuration: the YAML file of `serve` and `init`, read strictly into a struct.
 *
 * Owns the shape of the file and its defaults. Does not open what it names.
 * Thread rule: pure; a config is immutable once read.
 */
#ifndef CS_SERVER_CONFIG_CONFIG_H
#define CS_SERVER_CONFIG_CONFIG_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/note.h"
#include "policy/report.h"
#include "server/listen/listen.h"
#include "vault/seal/rootkey.h"

#define CS_CONFIG_FAILED_ATTEMPTS 300 /* unless it says otherwise */
#define CS_CONFIG_PATH_SIZE 1024
#define CS_CONFIG_LISTEN "127.0.0.1:8470" /* without `listen` */
#define CS_CONFIG_WORD_SIZE 512

struct cs_config_rootkey {
    enum cs_rootkey_kind kind;
    char path[CS_CONFIG_PATH_SIZE];
    char name[CS_CONFIG_WORD_SIZE];
    char argv[CS_ROOTKEY_ARGS_MAX][CS_CONFIG_WORD_SIZE];
    unsigned argc;
};

/* What becomes of the audit log's checkpoints. */
struct cs_config_audit {
    char origin[CS_NOTE_NAME_MAX + 1]; /* "": the log is named by its key */
    char argv[CS_ROOTKEY_ARGS_MAX][CS_CONFIG_WORD_SIZE];
    unsigned argc;                  /* 0: no witness */
    uint64_t interval_s, timeout_s; /* as server/witness.h has them */
};

struct cs_config {
    char data[CS_CONFIG_PATH_SIZE];
    char policy[CS_CONFIG_PATH_SIZE]; /* "": the one in the binary */
    char public_url[CS_CONFIG_WORD_SIZE];
    struct cs_listen listen[CS_LISTEN_MAX];
    unsigned listen_count;
    char tls_certificate[CS_CONFIG_PATH_SIZE]; /* "": none */
    char tls_key[CS_CONFIG_PATH_SIZE];
    struct cs_config_rootkey root_key;
    struct cs_config_audit audit;
    int log_level;                                          /* enum cs_log_level */
    int log_format;                                         /* enum cs_log_format */
    uint64_t workers, connections, connections_per_address; /* 0: the core's default */
    uint64_t map_gib;
    uint64_t failed_attempts; /* of one address in a minute; 0: any number */
    uint64_t changes;         /* of one person in a minute; 0: any number */
    int unnamed;              /* enum cs_unnamed */
};

/*
 * CS_ERR_INVALID, CS_ERR_TOO_LARGE, CS_ERR_IO, CS_ERR_DENIED (everybody may write to the file),
 * CS_ERR_NOMEM; what is wrong stands in the report, with its place in the file.
 */
CS_MUST_CHECK enum cs_err cs_config_load(const char *path, struct cs_report *report,
                                         struct cs_config *out);
CS_MUST_CHECK enum cs_err cs_config_load_bytes(const char *name, struct cs_slice bytes,
                                               struct cs_report *report, struct cs_config *out);
/*
 * Replaces what is listened to by these addresses, as a command line gives them: beyond loopback
 * they speak TLS, if there is a certificate. CS_ERR_INVALID: number `index` of them is not of
 * CS_LISTEN_FORM; CS_ERR_TOO_LARGE: it is too long, or one too many.
 */
CS_MUST_CHECK enum cs_err cs_config_listen(struct cs_config *config, const char *const *addresses,
                                           size_t count, size_t *index);
/* Has every address that is for loopback only speak plainly to anybody. */
void cs_config_listen_insecurely(struct cs_config *config);
/* The source that it describes; borrows from the config. */
void cs_config_rootkey(const struct cs_config *config, struct cs_rootkey_source *out);

#endif
