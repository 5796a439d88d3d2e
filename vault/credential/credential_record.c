#include "base/array.h"
#include "vault/credential/credential.h"

#include "vault/access/user.h"
#include "vault/credential_internal.h"

const char *const cs_credential_status_names[] = {"pending_delivery", "delivered",   "active",
                                                  "disabled",         "quarantined", "revoked",
                                                  "expired",          NULL};
const char *const cs_credential_kind_names[] = {"api_key", "oauth_app", NULL};
const char *const cs_revoke_reason_names[] = {"unspecified",         "key_compromise", "superseded",
                                              "affiliation_changed", "cessation",      NULL};

#define SHOWN CS_FF_OUT
#define MAYBE (CS_FF_OUT | CS_FF_NULLABLE)
static const struct cs_field fields[] = {
    CS_FIELD_ID(1, struct cs_credential, id, SHOWN, CS_CREDENTIAL_PREFIX, "The credential's id."),
    CS_FIELD_ID(2, struct cs_credential, account_id, SHOWN, "acct", "Whose it is."),
    CS_FIELD_ENUM(3, struct cs_credential, mode, SHOWN, cs_mode_names, "Test or live."),
    CS_FIELD_ENUM(4, struct cs_credential, kind, SHOWN, cs_credential_kind_names,
                  "What it is used as."),
    CS_FIELD(5, CS_F_TEXT, struct cs_credential, name, SHOWN, "What it is for, in a few words."),
    CS_FIELD(6, CS_F_TEXT, struct cs_credential, description, MAYBE, "What it is for, at length."),
    CS_FIELD(7, CS_F_TEXT, struct cs_credential, client_id, SHOWN,
             "The public half: the user name of HTTP Basic."),
    CS_FIELD(8, CS_F_TEXT, struct cs_credential, secret_hint, MAYBE,
             "The secret, masked; null until there is one."),
    CS_FIELD(9, CS_F_WORDS, struct cs_credential, scopes, SHOWN, "What it may do."),
    CS_FIELD(10, CS_F_TEXT, struct cs_credential, bundle, MAYBE, "The bundle it was made from."),
    CS_FIELD_ENUM(11, struct cs_credential, status, SHOWN, cs_credential_status_names,
                  "Where it is in its life."),
    CS_FIELD(12, CS_F_TIME, struct cs_credential, created_at, SHOWN, "When it was created."),
    CS_FIELD_ID(13, struct cs_credential, created_by, SHOWN, CS_USER_PREFIX, "Who created it."),
    CS_FIELD(14, CS_F_TIME, struct cs_credential, expires_at, SHOWN, "When it ends; null: never."),
    CS_FIELD(15, CS_F_TIME, struct cs_credential, delivered_at, SHOWN, "When it was handed out."),
    CS_FIELD(16, CS_F_TIME, struct cs_credential, revoked_at, SHOWN, "When it was revoked."),
    CS_FIELD_ENUM(17, struct cs_credential, revoke_reason, SHOWN, cs_revoke_reason_names,
                  "Why it was revoked; `unspecified` while it is not."),
    CS_FIELD(0, CS_F_TIME, struct cs_credential, last_used_at, SHOWN,
             "When it was last found valid."),
    CS_FIELD(0, CS_F_UINT, struct cs_credential, uses_today, SHOWN,
             "How often it was found valid since midnight UTC."),
    CS_FIELD_ID(18, struct cs_credential, grant_id, SHOWN, CS_GRANT_PREFIX,
                "The grant it was made under; null in test mode."),
    CS_FIELD_ID(19, struct cs_credential, claim_id, 0, "clm", "The claim that delivers it."),
    CS_FIELD(20, CS_F_WORDS, struct cs_credential, allowed_ips, SHOWN,
             "Networks from which it may be used; empty: from anywhere."),
    CS_FIELD(21, CS_F_UINT, struct cs_credential, rate_limit, 0, "So many verifications …"),
    CS_FIELD(22, CS_F_UINT, struct cs_credential, rate_period_ms, 0, "… in so many milliseconds."),
    CS_FIELD(23, CS_F_BYTES, struct cs_credential, hash, CS_FF_SECRET, "Keyed hash, current."),
    CS_FIELD(24, CS_F_UINT, struct cs_credential, hash_version, 0, "Version of its lookup key."),
    CS_FIELD(25, CS_F_BYTES, struct cs_credential, grace_hash, CS_FF_SECRET, "The one in grace."),
    CS_FIELD(26, CS_F_UINT, struct cs_credential, grace_version, 0, "Version of its lookup key."),
    CS_FIELD(27, CS_F_TIME, struct cs_credential, grace_until, SHOWN,
             "Until when the secret before the last rotation works."),
    CS_FIELD(28, CS_F_UINT, struct cs_credential, revision, 0, "Counts the changes."),
    CS_FIELD_ENUM(29, struct cs_credential, quarantined_from, 0, cs_credential_status_names,
                  "What it was before its quarantine."),
    CS_FIELD(30, CS_F_UINT, struct cs_credential, rate_burst, 0,
             "So many at once; 0: as many as the limit."),
    CS_FIELD(31, CS_F_UINT, struct cs_credential, grace_quiet_s, SHOWN,
             "It ends earlier, once it was quiet for so long; 0: by time alone."),
    CS_FIELD(32, CS_F_TIME, struct cs_credential, rotated_at, SHOWN, "The last rotation."),
    CS_FIELD(33, CS_F_UINT, struct cs_credential, current_uses, 0,
             "Counted for a current secret before that."),
    CS_FIELD(34, CS_F_UINT, struct cs_credential, previous_uses, 0,
             "Counted for a previous secret before that."),
    CS_FIELD(35, CS_F_TIME, struct cs_credential, warned_of, 0, "The end that was announced."),
};

const struct cs_record cs_credential_record = {
    .name = "credential",
    .schema = 1,
    .size = sizeof(struct cs_credential),
    .has_extra = true,
    .extra_offset = offsetof(struct cs_credential, extra),
    .fields = fields,
    .field_count = CS_COUNT(fields),
    .doc = "A public client id and a secret, in one mode, of one account, with scopes.",
};

const struct cs_table cs_credential_table = {
    .number = CS_TABLE_CREDENTIAL,
    .name = "credential",
    .record = &cs_credential_record,
    .cipher = CS_CIPHER_AES, /* verification opens one of them each time */
};
