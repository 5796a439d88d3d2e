#include "server/gateway/verify_order.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/secret/secret.h"

#define GIVEN (CS_FF_IN | CS_FF_NULLABLE)
#define SECRET (CS_FF_IN | CS_FF_NULLABLE | CS_FF_SECRET)
#define POINTER_SIZE 64

enum member { KEY, CLIENT_ID, CLIENT_SECRET, MODE, SCOPES, ANY_SCOPES, IP, COST };

static const struct cs_field order_fields[] = {
    [KEY] = CS_FIELD(0, CS_F_TEXT, struct cs_verify_order, key, SECRET, "The secret alone; or"),
    [CLIENT_ID] =
        CS_FIELD(0, CS_F_TEXT, struct cs_verify_order, client_id, SECRET, "the client id and"),
    [CLIENT_SECRET] = CS_FIELD(0, CS_F_TEXT, struct cs_verify_order, client_secret, SECRET,
                               "the secret, as HTTP Basic has them."),
    [MODE] = CS_FIELD_ENUM(0, struct cs_verify_order, mode, GIVEN, cs_mode_names,
                           "The mode that it must be in; either when left out."),
    [SCOPES] = CS_FIELD(0, CS_F_WORDS, struct cs_verify_order, scopes, GIVEN,
                        "Scopes, all of which it must have."),
    [ANY_SCOPES] = CS_FIELD(0, CS_F_WORDS, struct cs_verify_order, any_scopes, GIVEN,
                            "Scopes, one of which it must have."),
    [IP] = CS_FIELD(0, CS_F_TEXT, struct cs_verify_order, ip, GIVEN,
                    "The address of who uses the key: needed for one that is bound to networks."),
    [COST] = CS_FIELD_RANGE(0, CS_F_UINT, struct cs_verify_order, cost, GIVEN, 0, CS_COST_MAX,
                            "What it counts for in the rate limit; 1 when left out, 0 only asks."),
};
const struct cs_record cs_verify_order_record = {
    .name = "verification_order",
    .size = sizeof(struct cs_verify_order),
    .fields = order_fields,
    .has_given = true,
    .given_offset = offsetof(struct cs_verify_order, given),
    .field_count = CS_COUNT(order_fields),
    .doc = "Is this key good for this?",
};

static bool has(const struct cs_verify_order *order, enum member member)
{
    return (order->given >> member & 1) != 0;
}

static void complain(struct cs_complaints *complaints, const char *at, const char *member,
                     const char *why)
{
    char pointer[POINTER_SIZE];
    snprintf(pointer, sizeof(pointer), "%s/%s", at, member);
    cs_complain(complaints, pointer, "%s", why);
}

void cs_verify_order_check(const struct cs_verify_order *order, const char *at,
                           struct cs_complaints *complaints)
{
    bool pair = order->client_id[0] != '\0' || order->client_secret[0] != '\0';
    if (pair && order->key[0] != '\0')
        complain(complaints, at, "key", "is given beside client_id and client_secret");
    if (order->ip[0] != '\0' && !cs_network_is_address(cs_slice_str(order->ip)))
        complain(complaints, at, "ip", "must be an IPv4 or IPv6 address");
}

void cs_verify_order_ask(const struct cs_verify_order *order, struct cs_question *out)
{
    out->key = cs_slice_str(order->key);
    out->client_id = cs_slice_str(order->client_id);
    out->client_secret = cs_slice_str(order->client_secret);
    out->mode = has(order, MODE) ? order->mode : -1;
    out->scopes = order->scopes[0] != '\0' ? order->scopes : NULL;
    out->any_scopes = order->any_scopes[0] != '\0' ? order->any_scopes : NULL;
    out->ip = order->ip[0] != '\0' ? order->ip : NULL;
    out->cost = has(order, COST) ? (uint32_t)order->cost : 1;
}

void cs_verify_order_wipe(struct cs_verify_order *order)
{
    for (size_t i = 0; i < CS_COUNT(order_fields); i++) {
        const struct cs_field *field = &order_fields[i];
        char *text = (char *)order + field->offset;
        if ((field->flags & CS_FF_SECRET) != 0)
            cs_wipe(text, strnlen(text, field->size));
    }
}
