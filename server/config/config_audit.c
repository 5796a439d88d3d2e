/* The part of the configuration that is about the audit log: its name, and who keeps checkpoints.
 */
#include <string.h>

#include "server/config/config_read.h"

static void read_origin(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                        void *target)
{
    struct cs_config_audit *audit = target;
    struct cs_slice text;
    if (!cs_schema_text(in, node, "the name of the audit log", &text))
        return;
    if (!cs_note_is_name(text)) {
        cs_report_add(in->report, node->at,
                      "this is not a name such as keys.example/audit: 1 to %d visible ASCII "
                      "characters, and no +",
                      CS_NOTE_NAME_MAX);
        return;
    }
    memcpy(audit->origin, text.bytes, text.len);
    audit->origin[text.len] = '\0';
}

static void read_command(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                         void *target)
{
    struct cs_config_audit *audit = target;
    const struct cs_config_room room = {audit->argv[0], CS_CONFIG_WORD_SIZE, CS_ROOTKEY_ARGS_MAX};
    audit->argc = cs_config_read_texts(in, node, "a word of the command", &room);
}

static const struct cs_schema_field witness_fields[] = {
    {.key = "command", .type = CS_S_CUSTOM, .required = true, .read = read_command},
    CS_S_KEY("interval_s", CS_S_UINT, struct cs_config_audit, interval_s, false, .min = 1,
             .max = 86400),
    CS_S_KEY("timeout_s", CS_S_UINT, struct cs_config_audit, timeout_s, false, .min = 1,
             .max = 300),
};
static const struct cs_schema witness_schema = CS_S_TABLE("the witness", witness_fields);

static const struct cs_schema_field fields[] = {
    {.key = "origin", .type = CS_S_CUSTOM, .read = read_origin},
    {.key = "witness", .type = CS_S_MAP, .sub = &witness_schema},
};
const struct cs_schema cs_config_audit_schema = CS_S_TABLE("the audit log", fields);
