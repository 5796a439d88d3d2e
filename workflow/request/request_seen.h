/*
 * What was seen: the request as each person's last decision was about it, kept beside it, so that
 * whoever comes back, or comes later, is told what changed since.
 * Thread rule: inside a transaction.
 */
#ifndef CS_WORKFLOW_REQUEST_REQUEST_SEEN_H
#define CS_WORKFLOW_REQUEST_REQUEST_SEEN_H

#include "workflow/request/request.h"

struct cs_request_seen {
    struct cs_id by;
    int64_t at; /* when that was decided */
    char digest[CS_DIGEST_TEXT_SIZE];
    char name[CS_NAME_SIZE];
    char bundle[CS_BUNDLE_SIZE];
    char scopes[CS_SCOPES_SIZE];
    char use_case[CS_USE_CASE_SIZE];
    char recipient_email[CS_EMAIL_SIZE];
    uint8_t recipient_public_key[CS_RECIPIENT_KEY_LEN];
    char allowed_ips[CS_NETWORKS_SIZE];
    struct cs_request_limits limits;
    struct cs_request_rule rule;
    uint32_t changed; /* derived: which of these are other now, bits of cs_request_seen_names */
    struct cs_extra extra;
};
extern const struct cs_record cs_request_seen_record;
extern const char *const cs_request_seen_names[];

/* With each decision; the request is as it was decided on. */
CS_MUST_CHECK enum cs_err cs_request_seen_keep(const struct cs_desk *desk,
                                               const struct cs_request *request);
/*
 * Of the caller's last decision; of the last of anybody's, if the caller has not decided. The
 * request is as it is now. CS_ERR_NOT_FOUND: nobody decided yet.
 */
CS_MUST_CHECK enum cs_err cs_request_seen_get(const struct cs_desk *desk,
                                              const struct cs_request *request,
                                              struct cs_request_seen *out);

#endif
