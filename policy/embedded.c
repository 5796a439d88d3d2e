#include "policy/policy.h"

/*
 * The file itself, put in by the assembler when the program is built from the root of the source:
 * what an operator reads and what the program falls back to cannot differ.
 */
__asm__(".section .rodata\n"
        "cs_policy_yaml_begin:\n"
        ".incbin \"policy/default.yaml\"\n"
        "cs_policy_yaml_end:\n"
        ".byte 0\n"
        ".previous\n");

extern const uint8_t yaml_begin[] __asm__("cs_policy_yaml_begin");
extern const uint8_t yaml_end[] __asm__("cs_policy_yaml_end");

struct cs_slice cs_policy_default_yaml(void)
{
    return CS_SLICE(yaml_begin, (size_t)(yaml_end - yaml_begin));
}
