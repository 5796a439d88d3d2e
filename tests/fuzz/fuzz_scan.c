/*
 * Any bytes as the body of a fast route: what is scanned is what the tree makes of them, or it is
 * left to the tree.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/scan_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool scanned = false;
    bool agrees = scan_agrees((const char *)data, size, &scanned);
    assert(agrees);
    return 0;
}
