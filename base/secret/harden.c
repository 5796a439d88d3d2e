#include "base/secret/secret.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum cs_err cs_harden(void)
{
    const struct rlimit no_core = {0, 0};
    (void)umask(077);
    if (setrlimit(RLIMIT_CORE, &no_core) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return CS_ERR_IO;
    }
    return CS_OK;
}
