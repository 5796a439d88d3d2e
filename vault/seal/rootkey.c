#include "vault/seal/rootkey.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/log.h"
#include "vault/seal/rootkey_command.h"

#define HEX_LEN (2 * CS_ROOTKEY_LEN)

static_assert(crypto_pwhash_SALTBYTES == sizeof(((struct cs_rootkey_kdf *)0)->salt),
              "the salt is Argon2id's");

enum file_trust {
    MUST_BE_PRIVATE, /* ours, and open to nobody else */
    SYSTEMD_GUARDS   /* systemd's own ownership and ACLs, in a folder that it made for us alone */
};

static enum cs_err complain(struct cs_log *log, const char *path, const char *why, enum cs_err err)
{
    cs_log_line(log, CS_LOG_ERROR, "the root key cannot be had from its file",
                CS_FIELDS(CS_T("path", path), CS_T("why", why), CS_E(err)));
    return err;
}

static enum cs_err check_file(int fd, const char *path, enum file_trust trust, struct cs_log *log)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return complain(log, path, strerrordesc_np(errno), CS_ERR_IO);
    if (!S_ISREG(status.st_mode))
        return complain(log, path, "it is not a file", CS_ERR_INVALID);
    if (trust == SYSTEMD_GUARDS)
        return CS_OK;
    if (status.st_uid != geteuid())
        return complain(log, path, "it belongs to another user", CS_ERR_DENIED);
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return complain(log, path, "it is open to others; its mode must be 0600", CS_ERR_DENIED);
    return CS_OK;
}

/* Fills `text` (of CS_SECRET_MAX bytes) with the whole file and sets its len. */
static enum cs_err read_all(int fd, const char *path, struct cs_log *log, struct cs_secret *text)
{
    text->len = 0;
    for (;;) {
        /* The byte after the last that fits is the secret's own NUL, which takes the excess. */
        ssize_t got = read(fd, text->bytes + text->len, CS_SECRET_MAX + 1u - text->len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return complain(log, path, strerrordesc_np(errno), CS_ERR_IO);
        if (got == 0)
            return CS_OK;
        if ((size_t)got + text->len > CS_SECRET_MAX)
            return complain(log, path, "it is too long", CS_ERR_INVALID);
        text->len = (uint16_t)(text->len + got);
    }
}

static enum cs_err read_file(const char *path, enum file_trust trust, struct cs_log *log,
                             struct cs_secret *text)
{
    /* Not to wait for a writer, should it be a pipe. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return complain(log, path, strerrordesc_np(errno),
                        errno == EACCES ? CS_ERR_DENIED : CS_ERR_IO);
    enum cs_err err = check_file(fd, path, trust, log);
    if (err == CS_OK)
        err = read_all(fd, path, log, text);
    close(fd);
    return err;
}

static void strip_newline(struct cs_secret *text)
{
    if (text->len > 0 && text->bytes[text->len - 1] == '\n')
        text->len--;
    if (text->len > 0 && text->bytes[text->len - 1] == '\r')
        text->len--;
}

static enum cs_err key_of_text(struct cs_secret *text, struct cs_log *log, struct cs_secret **out)
{
    if (text->len == CS_ROOTKEY_LEN)
        return cs_secret_from(text->bytes, CS_ROOTKEY_LEN, out);
    struct cs_secret *key = NULL;
    enum cs_err err = cs_secret_new(CS_ROOTKEY_LEN, &key);
    if (err != CS_OK)
        return err;
    strip_newline(text);
    err = cs_hex_decode((const char *)text->bytes, text->len, key->bytes, CS_ROOTKEY_LEN);
    if (err != CS_OK) {
        cs_log_line(log, CS_LOG_ERROR, "the root key is neither 32 bytes nor 64 hex digits",
                    CS_NO_FIELDS);
        cs_secret_free(&key);
        return CS_ERR_INVALID;
    }
    *out = key;
    return CS_OK;
}

static enum cs_err stretch(struct cs_slice passphrase, const struct cs_rootkey_kdf *kdf,
                           struct cs_log *log, struct cs_secret **out)
{
    struct cs_secret *key = NULL;
    assert(kdf->ops >= 1 && kdf->ops <= CS_ROOTKEY_OPS_MAX);
    assert(kdf->mem_kib >= CS_ROOTKEY_MEM_KIB_MIN && kdf->mem_kib <= CS_ROOTKEY_MEM_KIB_MAX);
    if (passphrase.len == 0) {
        cs_log_line(log, CS_LOG_ERROR, "the passphrase is empty", CS_NO_FIELDS);
        return CS_ERR_INVALID;
    }
    enum cs_err err = cs_secret_new(CS_ROOTKEY_LEN, &key);
    if (err != CS_OK)
        return err;
    if (crypto_pwhash(key->bytes, CS_ROOTKEY_LEN, (const char *)passphrase.bytes, passphrase.len,
                      kdf->salt, kdf->ops, (size_t)kdf->mem_kib * 1024,
                      crypto_pwhash_ALG_ARGON2ID13) != 0) {
        cs_secret_free(&key);
        return CS_ERR_NOMEM;
    }
    *out = key;
    return CS_OK;
}

/* How each kind of source fills `text`, a secret of CS_SECRET_MAX bytes. */
typedef enum cs_err reader_fn(const struct cs_rootkey_source *source, struct cs_log *log,
                              struct cs_secret *text);

static enum cs_err read_key_file(const struct cs_rootkey_source *source, struct cs_log *log,
                                 struct cs_secret *text)
{
    return read_file(source->path, MUST_BE_PRIVATE, log, text);
}

static enum cs_err read_passphrase(const struct cs_rootkey_source *source, struct cs_log *log,
                                   struct cs_secret *text)
{
    if (source->path == NULL) {
        memcpy(text->bytes, source->passphrase->bytes, source->passphrase->len);
        text->len = source->passphrase->len;
        return CS_OK;
    }
    enum cs_err err = read_file(source->path, MUST_BE_PRIVATE, log, text);
    strip_newline(text);
    return err;
}

static enum cs_err read_command(const struct cs_rootkey_source *source, struct cs_log *log,
                                struct cs_secret *text)
{
    return cs_rootkey_command_run(source->argv, source->timeout_ms, log, text);
}

static enum cs_err read_credential(const struct cs_rootkey_source *source, struct cs_log *log,
                                   struct cs_secret *text)
{
    char path[PATH_MAX];
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    if (folder == NULL)
        return complain(log, source->name,
                        "systemd hands over no credentials ($CREDENTIALS_DIRECTORY)", CS_ERR_IO);
    if (source->name[0] == '\0' || strchr(source->name, '/') != NULL)
        return complain(log, source->name, "it is not the name of a credential", CS_ERR_INVALID);
    int len = snprintf(path, sizeof(path), "%s/%s", folder, source->name);
    if (len < 0 || (size_t)len >= sizeof(path))
        return complain(log, source->name, "its path is too long", CS_ERR_INVALID);
    return read_file(path, SYSTEMD_GUARDS, log, text);
}

static reader_fn *const readers[CS_ROOTKEY_COUNT] = {
    [CS_ROOTKEY_FILE] = read_key_file,
    [CS_ROOTKEY_PASSPHRASE] = read_passphrase,
    [CS_ROOTKEY_COMMAND] = read_command,
    [CS_ROOTKEY_SYSTEMD] = read_credential,
};

enum cs_err cs_rootkey_load(const struct cs_rootkey_source *source,
                            const struct cs_rootkey_kdf *kdf, struct cs_log *log,
                            struct cs_secret **out)
{
    struct cs_secret *text = NULL;
    *out = NULL;
    assert(source->kind < CS_ROOTKEY_COUNT);
    enum cs_err err = cs_secret_new(CS_SECRET_MAX, &text);
    if (err != CS_OK)
        return err;
    err = readers[source->kind](source, log, text);
    if (err != CS_OK)
        goto out;
    if (source->kind == CS_ROOTKEY_PASSPHRASE)
        err = stretch(cs_secret_slice(text), kdf, log, out);
    else
        err = key_of_text(text, log, out);
out:
    cs_secret_free(&text);
    return err;
}

/* 64 digits and a newline, so that the file can be printed and kept on paper. */
static enum cs_err new_key_text(struct cs_secret **out)
{
    struct cs_secret *key = NULL;
    enum cs_err err = cs_secret_random(CS_ROOTKEY_LEN, &key);
    if (err != CS_OK)
        return err;
    err = cs_secret_new(HEX_LEN + 1, out);
    if (err == CS_OK) {
        cs_hex_encode(key->bytes, CS_ROOTKEY_LEN, (char *)(*out)->bytes);
        (*out)->bytes[HEX_LEN] = '\n';
    }
    cs_secret_free(&key);
    return err;
}

enum cs_err cs_rootkey_create_file(const char *path, struct cs_log *log)
{
    struct cs_secret *text = NULL;
    enum cs_err err = new_key_text(&text);
    if (err != CS_OK)
        return err;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0) {
        err = errno == EEXIST ? CS_ERR_EXISTS : CS_ERR_IO;
        if (err == CS_ERR_IO)
            cs_log_line(log, CS_LOG_ERROR, "the root key file cannot be made",
                        CS_FIELDS(CS_T("path", path), CS_T("why", strerrordesc_np(errno))));
        goto out;
    }
    bool written =
        cs_file_write(fd, cs_secret_slice(text)) == CS_OK && cs_file_sync_new(fd, path) == CS_OK;
    written = close(fd) == 0 && written;
    if (!written) {
        cs_log_line(log, CS_LOG_ERROR, "the root key file cannot be written",
                    CS_FIELDS(CS_T("path", path), CS_T("why", strerrordesc_np(errno))));
        (void)unlink(path);
        err = CS_ERR_IO;
    }
out:
    cs_secret_free(&text);
    return err;
}

void cs_rootkey_kdf_new(struct cs_rootkey_kdf *kdf)
{
    cs_random(kdf->salt, sizeof(kdf->salt));
    kdf->ops = crypto_pwhash_OPSLIMIT_MODERATE;
    kdf->mem_kib = crypto_pwhash_MEMLIMIT_MODERATE / 1024;
}
