/*
 * History: what a reviewer wants to know of an account and of a person beside one request of
 * theirs: what became of the earlier ones, and what the account has by now.
 * Thread rule: inside a transaction.
 */
#ifndef CS_WORKFLOW_REQUEST_REQUEST_HISTORY_H
#define CS_WORKFLOW_REQUEST_REQUEST_HISTORY_H

#include "workflow/request/request.h"

#define CS_HISTORY_RECENT 5

/* An earlier or later request, in short. */
struct cs_past_request {
    struct cs_id id;
    int state;
    struct cs_id account_id;
    struct cs_id requested_by;
    char name[CS_NAME_SIZE];
    char scopes[CS_SCOPES_SIZE];
    int64_t created_at;
    int64_t decided_at;
    char comment[CS_COMMENT_SIZE]; /* of the decision that ended it */
};

struct cs_past {
    struct cs_request_states states;                  /* of all requests, this one among them */
    struct cs_past_request recent[CS_HISTORY_RECENT]; /* newest first, without this one */
    uint16_t recent_count;
};

struct cs_request_history {
    uint64_t live_credentials; /* that hold a place in the account's limit */
    uint64_t test_credentials;
    struct cs_past account;
    struct cs_past requester;
};
extern const struct cs_record cs_request_history_record;

/* For those who see every account: the requester's requests are of several. CS_ERR_NOMEM. */
CS_MUST_CHECK enum cs_err cs_request_history(const struct cs_desk *desk,
                                             const struct cs_request *request,
                                             struct cs_request_history *out);

/* The people of one request: who asks, who decided, who wrote. Each once. */
#define CS_REQUEST_PEOPLE_MAX (1 + CS_DECISIONS_MAX + CS_THREAD_MAX)
struct cs_request_person {
    struct cs_id id;
    char name[CS_NAME_SIZE];
    char email[CS_EMAIL_SIZE]; /* "" unless the caller sees every account */
};
struct cs_request_people {
    struct cs_request_person people[CS_REQUEST_PEOPLE_MAX];
    uint16_t people_count;
};
extern const struct cs_record cs_request_people_record;
CS_MUST_CHECK enum cs_err cs_request_people(const struct cs_desk *desk,
                                            const struct cs_request *request,
                                            struct cs_request_people *out);

#endif
