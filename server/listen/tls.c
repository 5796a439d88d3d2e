#include "server/listen/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#define FILE_MAX ((size_t)1 << 20)

struct cs_tls_identity {
    _Atomic unsigned holders;
    gnutls_certificate_credentials_t credentials;
};

struct cs_tls {
    struct cs_tls_params params;
    const struct cs_clock *clock;
    struct cs_log *log;
    pthread_mutex_t mutex; /* for what is in force */
    struct cs_tls_identity *identity;
};

enum secrecy { FOR_ALL, NOT_FOR_OTHERS };

static enum cs_err complain(struct cs_log *log, const char *path, const char *why, enum cs_err err)
{
    cs_log_line(log, CS_LOG_ERROR, "the certificate or its key cannot be used",
                CS_FIELDS(CS_T("path", path), CS_T("why", why)));
    return err;
}

static enum cs_err check_file(int fd, const char *path, enum secrecy secrecy, struct cs_log *log)
{
    struct stat status;

    if (fstat(fd, &status) != 0)
        return complain(log, path, strerrordesc_np(errno), CS_ERR_IO);
    if (!S_ISREG(status.st_mode))
        return complain(log, path, "it is not a file", CS_ERR_INVALID);
    if (secrecy == NOT_FOR_OTHERS && (status.st_mode & S_IRWXO) != 0)
        return complain(log, path, "everybody can read or change it; its mode must be 0640 or less",
                        CS_ERR_DENIED);
    return CS_OK;
}

/* GnuTLS keeps keys in memory of its own, so what is read here is wiped and not locked. */
static enum cs_err read_file(const char *path, enum secrecy secrecy, struct cs_log *log,
                             struct cs_buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0)
        return complain(log, path, strerrordesc_np(errno), CS_ERR_IO);
    enum cs_err err = check_file(fd, path, secrecy, log);
    if (err != CS_OK)
        goto out;
    err = cs_file_read(fd, out);
    if (err == CS_ERR_TOO_LARGE)
        err = complain(log, path, "it is too long", CS_ERR_IO);
    else if (err == CS_ERR_IO)
        err = complain(log, path, strerrordesc_np(errno), CS_ERR_IO);
out:
    close(fd);
    return err;
}

/*
 * A wrong clock is likelier than a wrong file, and refusing to serve would mend neither. Told of
 * what is in force already: who reads it in the log may rely on it for the next connection.
 */
static void tell_validity(const struct cs_tls *tls)
{
    gnutls_certificate_credentials_t credentials = tls->identity->credentials;
    gnutls_x509_crt_t *chain = NULL;
    unsigned count = 0;
    time_t now = (time_t)(cs_clock_wall_ms(tls->clock) / 1000);

    if (gnutls_certificate_get_x509_crt(credentials, 0, &chain, &count) != 0 || count == 0)
        return;
    time_t ends = gnutls_x509_crt_get_expiration_time(chain[0]);
    if (ends <= now || gnutls_x509_crt_get_activation_time(chain[0]) > now)
        cs_log_line(tls->log, CS_LOG_ERROR,
                    "clients will refuse the certificate: it is not valid "
                    "at this time",
                    CS_FIELDS(CS_T("path", tls->params.certificate)));
    else
        cs_log_line(tls->log, CS_LOG_INFO, "certificate loaded",
                    CS_FIELDS(CS_T("path", tls->params.certificate),
                              CS_N("days_left", (ends - now) / 86400)));
    for (unsigned i = 0; i < count; i++)
        gnutls_x509_crt_deinit(chain[i]);
    gnutls_free(chain);
}

static enum cs_err decode(const struct cs_tls *tls, const struct cs_buf *certificate,
                          const struct cs_buf *key, gnutls_certificate_credentials_t *out)
{
    const gnutls_datum_t certificate_pem = {certificate->bytes, (unsigned)certificate->len};
    const gnutls_datum_t key_pem = {key->bytes, (unsigned)key->len};
    gnutls_certificate_credentials_t credentials = NULL;

    if (gnutls_certificate_allocate_credentials(&credentials) != 0)
        return CS_ERR_NOMEM;
    int code = gnutls_certificate_set_x509_key_mem2(credentials, &certificate_pem, &key_pem,
                                                    GNUTLS_X509_FMT_PEM, NULL, 0);
    if (code < 0) {
        gnutls_certificate_free_credentials(credentials);
        return complain(tls->log, tls->params.certificate,
                        code == GNUTLS_E_CERTIFICATE_KEY_MISMATCH
                            ? "the key is not that of the certificate"
                            : gnutls_strerror(code),
                        CS_ERR_INVALID);
    }
    *out = credentials;
    return CS_OK;
}

static enum cs_err load(const struct cs_tls *tls, struct cs_tls_identity **out)
{
    struct cs_tls_identity *identity = calloc(1, sizeof(*identity));
    struct cs_buf certificate, key;
    enum cs_err err;

    *out = NULL;
    cs_buf_init(&certificate, FILE_MAX);
    cs_buf_init(&key, FILE_MAX);
    err = identity ? CS_OK : CS_ERR_NOMEM;
    if (err == CS_OK)
        err = read_file(tls->params.certificate, FOR_ALL, tls->log, &certificate);
    if (err == CS_OK)
        err = read_file(tls->params.key, NOT_FOR_OTHERS, tls->log, &key);
    if (err == CS_OK)
        err = decode(tls, &certificate, &key, &identity->credentials);
    if (err != CS_OK)
        goto out;
    atomic_init(&identity->holders, 1);
    *out = identity;
    identity = NULL;
out:
    free(identity);
    cs_buf_free(&key);
    cs_buf_free(&certificate);
    return err;
}

enum cs_err cs_tls_open(const struct cs_tls_params *params, const struct cs_clock *clock,
                        struct cs_log *log, struct cs_tls **out)
{
    struct cs_tls *tls = calloc(1, sizeof(*tls));

    *out = NULL;
    if (!tls)
        return CS_ERR_NOMEM;
    tls->params = *params;
    tls->clock = clock;
    tls->log = log;
    pthread_mutex_init(&tls->mutex, NULL);
    enum cs_err err = load(tls, &tls->identity);
    if (err)
        cs_tls_close(&tls);
    else
        tell_validity(tls);
    *out = tls;
    return err;
}

void cs_tls_close(struct cs_tls **tls)
{
    if (!*tls)
        return;
    cs_tls_release(&(*tls)->identity);
    pthread_mutex_destroy(&(*tls)->mutex);
    free(*tls);
    *tls = NULL;
}

enum cs_err cs_tls_reload(struct cs_tls *tls)
{
    struct cs_tls_identity *identity = NULL;

    enum cs_err err = load(tls, &identity);
    if (err)
        return err;
    pthread_mutex_lock(&tls->mutex);
    struct cs_tls_identity *old = tls->identity;
    tls->identity = identity;
    pthread_mutex_unlock(&tls->mutex);
    cs_tls_release(&old);
    tell_validity(tls);
    return CS_OK;
}

struct cs_tls_identity *cs_tls_present(struct cs_tls *tls, gnutls_session_t session)
{
    pthread_mutex_lock(&tls->mutex);
    struct cs_tls_identity *identity = tls->identity;
    atomic_fetch_add_explicit(&identity->holders, 1, memory_order_relaxed);
    pthread_mutex_unlock(&tls->mutex);
    if (session && gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, identity->credentials) ==
                       GNUTLS_E_SUCCESS)
        return identity;
    cs_tls_release(&identity);
    return NULL;
}

void cs_tls_release(struct cs_tls_identity **identity)
{
    struct cs_tls_identity *old = *identity;

    *identity = NULL;
    if (!old || atomic_fetch_sub_explicit(&old->holders, 1, memory_order_acq_rel) != 1)
        return;
    gnutls_certificate_free_credentials(old->credentials);
    free(old);
}

int cs_tls_no_certificate(gnutls_session_t session, const gnutls_datum_t *authorities, int count,
                          const gnutls_pk_algorithm_t *algorithms, int algorithm_count,
                          gnutls_pcert_st **certificate, unsigned *length, gnutls_privkey_t *key)
{
    (void)session;
    (void)authorities;
    (void)count;
    (void)algorithms;
    (void)algorithm_count;
    (void)certificate;
    (void)length;
    (void)key;
    return -1;
}
