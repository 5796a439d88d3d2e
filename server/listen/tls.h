/*
 * TLS: the certificate and key that listeners present, which can be replaced while they are used.
 *
 * Owns what GnuTLS is told: versions, ciphers, certificate. The records themselves are
 * libmicrohttpd's. A connection presents the identity that is in force when it begins and holds on
 * to it; a reload is for those that come after. Thread rule: open, reload and close from one
 * thread; present and release from any.
 */
#ifndef CS_SERVER_LISTEN_TLS_H
#define CS_SERVER_LISTEN_TLS_H

#include <gnutls/abstract.h>

#include "base/err.h"

struct cs_clock;
struct cs_log;
struct cs_tls;          /* opaque */
struct cs_tls_identity; /* opaque, counted */

/*
 * TLS 1.3 and 1.2, forward secrecy and authenticated encryption only, no SHA-1 (RFC 9325); the
 * server's order counts.
 */
#define CS_TLS_PRIORITIES                                                                          \
    "NONE:+VERS-TLS1.3:+VERS-TLS1.2:+ECDHE-ECDSA:+ECDHE-RSA:+GROUP-X25519:+GROUP-SECP256R1:"       \
    "+GROUP-SECP384R1:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:+AEAD:+SIGN-ALL:"               \
    "-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1:+CTYPE-SRV-X509:+COMP-NULL:%SERVER_PRECEDENCE"

/* Paths of PEM files: the certificate with its chain behind it, and its key, which must not be
 * open to everybody. */
struct cs_tls_params {
    const char *certificate;
    const char *key;
};

/*
 * CS_ERR_INVALID: the files do not hold a certificate and its key; CS_ERR_DENIED: everybody can
 * read the key; CS_ERR_IO: they cannot be read; CS_ERR_NOMEM. What is wrong is logged; a
 * certificate whose time has not come or is over is logged too, but used: the clock may be the one
 * that is wrong.
 */
CS_MUST_CHECK enum cs_err cs_tls_open(const struct cs_tls_params *params,
                                      const struct cs_clock *clock, struct cs_log *log,
                                      struct cs_tls **out);
void cs_tls_close(struct cs_tls **tls); /* takes NULL; identities in use live on */

/* Reads the files again. The errors are those of cs_tls_open, and leave all as it was. */
CS_MUST_CHECK enum cs_err cs_tls_reload(struct cs_tls *tls);

/*
 * Has `session`, whose handshake has not begun, present what is in force. NULL: it has nothing to
 * present, and the handshake will fail.
 */
struct cs_tls_identity *cs_tls_present(struct cs_tls *tls, gnutls_session_t session);
/* When the session is over. Takes NULL; nulls. */
void cs_tls_release(struct cs_tls_identity **identity);

/* A gnutls_certificate_retrieve_function2 that finds none: what a session has before
 * cs_tls_present. */
gnutls_certificate_retrieve_function2 cs_tls_no_certificate;

#endif
