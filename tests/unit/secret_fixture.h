/* For tests that need the memory of secrets and nothing else: the setup and teardown of a group. */
#ifndef CS_TESTS_UNIT_SECRET_FIXTURE_H
#define CS_TESTS_UNIT_SECRET_FIXTURE_H

#include "base/secret/secret.h"

static inline int secret_setup(void **state)
{
    bool locked = false;
    (void)state;
    return cs_secret_setup(true, &locked) == CS_OK ? 0 : -1;
}

static inline int secret_teardown(void **state)
{
    (void)state;
    cs_secret_teardown();
    return 0;
}

#endif
