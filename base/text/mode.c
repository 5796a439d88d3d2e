#include "base/text/mode.h"

#include <stddef.h>

const char *const cs_mode_names[CS_MODE_COUNT + 1] = {
    [CS_MODE_TEST] = "test",
    [CS_MODE_LIVE] = "live",
    [CS_MODE_COUNT] = NULL,
};
