/*
 * The configuration's readers that more than one of its files needs. Each tells the report what is
 * wrong. Thread rule: pure.
 */
#ifndef CS_SERVER_CONFIG_CONFIG_READ_H
#define CS_SERVER_CONFIG_CONFIG_READ_H

#include "policy/load/schema.h"
#include "server/config/config.h"

/* Where a list of texts goes: `count` arrays of `size` bytes, one behind the other. */
struct cs_config_room {
    char *texts;
    size_t size;
    unsigned count;
};

/* Into a char[CS_CONFIG_PATH_SIZE]. */
void cs_config_read_path(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                         void *target);
/* How many there were. */
unsigned cs_config_read_texts(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                              const char *form, const struct cs_config_room *room);

/* --- config_listen.c --- */

/* `listen`, into a struct cs_config. */
void cs_config_read_listen(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                           void *target);
/* Where an address wants TLS there is a certificate. */
void cs_config_check_tls(const struct cs_schema_read *in, const struct cs_yaml_node *root,
                         const struct cs_config *config);

/* --- config_audit.c --- */

/* `audit`, into the struct cs_config_audit of a struct cs_config. */
extern const struct cs_schema cs_config_audit_schema;

#endif
