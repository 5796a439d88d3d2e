/*
 * Errors: the closed list of ways in which a call can fail.
 *
 * An `enum cs_err` says what class of thing went wrong, so that the caller can choose what to do.
 * It carries no text and knows no domain word; where a person must be told which rule or which
 * value was at fault, the domain layer fills a `struct cs_fault` (vault/fault.h) beside it.
 *
 * Thread rule: everything here is pure.
 */
#ifndef CS_BASE_ERR_H
#define CS_BASE_ERR_H

/* Marks a function whose result must be looked at. */
#define CS_MUST_CHECK __attribute__((warn_unused_result))

enum cs_err {
    CS_OK = 0,
    CS_ERR_INVALID,     /* input that does not follow the stated form */
    CS_ERR_TOO_LARGE,   /* input over a stated limit of size or count */
    CS_ERR_NOT_FOUND,   /* no such object, or none that this caller may know of */
    CS_ERR_EXISTS,      /* the object is there already */
    CS_ERR_CONFLICT,    /* the object's state does not permit this */
    CS_ERR_STALE,       /* the object changed since the caller looked */
    CS_ERR_GONE,        /* it was there, and is used up or over */
    CS_ERR_UNAUTHENTIC, /* who asks could not be established */
    CS_ERR_DENIED,      /* who asks may not do this */
    CS_ERR_REFUSED,     /* well-formed, but a rule of the policy says no */
    CS_ERR_LIMITED,     /* too often; may be tried later */
    CS_ERR_UNAVAILABLE, /* cannot be answered just now; nothing was changed */
    CS_ERR_FULL,        /* no room left in the store */
    CS_ERR_CORRUPT,     /* a stored value does not open or does not decode */
    CS_ERR_UNSUPPORTED, /* written by a newer version, or asks for what is not there */
    CS_ERR_IO,          /* the operating system or a library failed; logged where it happened */
    CS_ERR_NOMEM,       /* no memory, or no locked memory */
    CS_ERR_COUNT        /* how many there are; never returned */
};

/* A short lower-case name for log lines: "ok", "invalid", … Never NULL. */
const char *cs_err_name(enum cs_err err);

#endif
