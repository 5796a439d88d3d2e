/*
 * The root key: 32 bytes from one configured source, which wraps the keyring and nothing else.
 *
 * Sources: a file (0600, owned by us, exactly 32 bytes or 64 hex digits), a passphrase (Argon2id,
 * whose salt and cost are kept beside the wrapped keyring), the output of a command (stdout is the
 * key: clevis, a TPM, a cloud KMS client, pass), a systemd credential ($CREDENTIALS_DIRECTORY).
 * Thread rule: used at start-up, from one thread.
 */
#ifndef CS_VAULT_SEAL_ROOTKEY_H
#define CS_VAULT_SEAL_ROOTKEY_H

#include "base/err.h"
#include "base/secret/secret.h"

struct cs_log;

enum cs_rootkey_kind {
    CS_ROOTKEY_FILE,
    CS_ROOTKEY_PASSPHRASE,
    CS_ROOTKEY_COMMAND,
    CS_ROOTKEY_SYSTEMD,
    CS_ROOTKEY_COUNT
};

#define CS_ROOTKEY_LEN 32
#define CS_ROOTKEY_ARGS_MAX 16

struct cs_rootkey_source {
    enum cs_rootkey_kind kind;
    const char *path; /* FILE: the key file; PASSPHRASE: a file with it, or NULL */
    const char *name; /* SYSTEMD: the credential's name */
    const char *argv[CS_ROOTKEY_ARGS_MAX + 1]; /* COMMAND: run without a shell, found by PATH */
    unsigned timeout_ms; /* COMMAND: then it is killed; 0: 30 s, which is also the most */
    const struct cs_secret *passphrase; /* PASSPHRASE, when path is NULL: borrowed */
};

/* Argon2id's salt and cost, stored in the clear in the header of the wrapped keyring. */
struct cs_rootkey_kdf {
    uint8_t salt[16];
    uint32_t ops;
    uint32_t mem_kib;
};

/* Bounds of a cost that is read from a file: one out of them is damage and not a wish. */
#define CS_ROOTKEY_OPS_MAX 64
#define CS_ROOTKEY_MEM_KIB_MIN 8
#define CS_ROOTKEY_MEM_KIB_MAX (4 * 1024 * 1024)

/*
 * Makes a new key file of 64 hex digits, 0600, never over an existing one (CS_ERR_EXISTS), fsynced
 * with its folder. CS_ERR_IO, which is logged; then there is no file.
 */
CS_MUST_CHECK enum cs_err cs_rootkey_create_file(const char *path, struct cs_log *log);
/*
 * A trailing newline of hex digits and of a passphrase in a file is taken off. CS_ERR_DENIED: the
 * file is open to others or not ours. CS_ERR_INVALID: not a key, or an empty passphrase.
 * CS_ERR_IO: the file cannot be read, or the command failed or was slow (its stderr is ours).
 * CS_ERR_NOMEM: not the memory that the cost asks for. `kdf` is used for PASSPHRASE only, within
 * the bounds above. Why it failed is logged, except that CS_ERR_NOMEM is not.
 */
CS_MUST_CHECK enum cs_err cs_rootkey_load(const struct cs_rootkey_source *source,
                                          const struct cs_rootkey_kdf *kdf, struct cs_log *log,
                                          struct cs_secret **out);
/* A fresh salt and the cost for new vaults (moderate). */
void cs_rootkey_kdf_new(struct cs_rootkey_kdf *kdf);

#endif
