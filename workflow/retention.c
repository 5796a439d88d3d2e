#include "workflow/retention.h"

#include <string.h>

#include "base/clock.h"

#define PAGES 8 /* of one call: the sweeper has more to do */

unsigned cs_retention_days(const struct cs_policy *policy, enum cs_mode mode)
{
    return (unsigned)((cs_policy_mode(policy, mode)->usage_kept_s + CS_S_PER_DAY - 1) /
                      CS_S_PER_DAY);
}

enum cs_err cs_retention_run(struct cs_vault *vault, const struct cs_policy *policy,
                             struct cs_usage_forgetting *progress)
{
    struct cs_usage_forgetting wanted = {.next = 0};
    int32_t today = cs_time_day(cs_clock_wall_ms(cs_vault_clock(vault)));
    enum cs_err err = CS_OK;
    for (int mode = 0; mode < CS_MODE_COUNT; mode++)
        wanted.first[mode] = today + 1 - (int32_t)cs_retention_days(policy, (enum cs_mode)mode);
    if (memcmp(wanted.first, progress->first, sizeof(wanted.first)) != 0)
        *progress = wanted;
    for (int page = 0; err == CS_OK && page < PAGES && !progress->done; page++)
        err = cs_usage_forget(vault, progress);
    return err == CS_ERR_FULL ? CS_OK : err;
}
