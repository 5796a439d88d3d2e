#include "base/err.h"

static const char *const names[CS_ERR_COUNT] = {
    [CS_OK] = "ok",
    [CS_ERR_INVALID] = "invalid",
    [CS_ERR_TOO_LARGE] = "too_large",
    [CS_ERR_NOT_FOUND] = "not_found",
    [CS_ERR_EXISTS] = "exists",
    [CS_ERR_CONFLICT] = "conflict",
    [CS_ERR_STALE] = "stale",
    [CS_ERR_GONE] = "gone",
    [CS_ERR_UNAUTHENTIC] = "unauthentic",
    [CS_ERR_DENIED] = "denied",
    [CS_ERR_REFUSED] = "refused",
    [CS_ERR_LIMITED] = "limited",
    [CS_ERR_UNAVAILABLE] = "unavailable",
    [CS_ERR_FULL] = "full",
    [CS_ERR_CORRUPT] = "corrupt",
    [CS_ERR_UNSUPPORTED] = "unsupported",
    [CS_ERR_IO] = "io",
    [CS_ERR_NOMEM] = "nomem",
};

const char *cs_err_name(enum cs_err err)
{
    if ((unsigned)err >= CS_ERR_COUNT)
        return "unknown";
    return names[err];
}
