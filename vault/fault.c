#include "vault/fault.h"

#include <stdarg.h>
#include <stdio.h>

static const struct cs_fault_info infos[] = {
#define FAULT_INFO(symbol, code_text, status_number, title_text)                                   \
    [CS_FAULT_##symbol] = {.code = (code_text), .status = (status_number), .title = (title_text)},
    CS_FAULT_TABLE(FAULT_INFO)
#undef FAULT_INFO
};

/* What a class of error is called when the domain said nothing more of it. */
static const enum cs_fault_code defaults[CS_ERR_COUNT] = {
    [CS_OK] = CS_FAULT_NONE,
    [CS_ERR_INVALID] = CS_FAULT_MALFORMED,
    [CS_ERR_TOO_LARGE] = CS_FAULT_BODY_TOO_LARGE,
    [CS_ERR_NOT_FOUND] = CS_FAULT_NOT_FOUND,
    [CS_ERR_EXISTS] = CS_FAULT_ALREADY_EXISTS,
    [CS_ERR_CONFLICT] = CS_FAULT_CONFLICT,
    [CS_ERR_STALE] = CS_FAULT_STALE,
    [CS_ERR_GONE] = CS_FAULT_ALREADY_CLAIMED,
    [CS_ERR_UNAUTHENTIC] = CS_FAULT_UNAUTHENTICATED,
    [CS_ERR_DENIED] = CS_FAULT_FORBIDDEN,
    [CS_ERR_REFUSED] = CS_FAULT_POLICY_REFUSED,
    [CS_ERR_LIMITED] = CS_FAULT_RATE_LIMITED,
    [CS_ERR_UNAVAILABLE] = CS_FAULT_UNAVAILABLE,
    [CS_ERR_FULL] = CS_FAULT_STORE_FULL,
    [CS_ERR_CORRUPT] = CS_FAULT_INTERNAL,
    [CS_ERR_UNSUPPORTED] = CS_FAULT_INTERNAL,
    [CS_ERR_IO] = CS_FAULT_INTERNAL,
    [CS_ERR_NOMEM] = CS_FAULT_UNAVAILABLE,
};

const struct cs_fault_info *cs_fault_info(enum cs_fault_code code)
{
    return &infos[code < CS_FAULT_COUNT ? code : CS_FAULT_INTERNAL];
}

enum cs_err cs_fault_set(struct cs_fault *fault, enum cs_err err, enum cs_fault_code code,
                         const char *pointer, const char *format, ...)
{
    if (fault == NULL)
        return err;
    fault->code = code;
    snprintf(fault->pointer, sizeof(fault->pointer), "%s", pointer == NULL ? "" : pointer);
    va_list args;
    va_start(args, format);
    vsnprintf(fault->detail, sizeof(fault->detail), format, args);
    va_end(args);
    return err;
}

enum cs_fault_code cs_fault_default(enum cs_err err)
{
    return err < CS_ERR_COUNT ? defaults[err] : CS_FAULT_INTERNAL;
}
