/*
 * The application behind the HTTP core: the vault, the policy in force, and who may call what.
 *
 * Every handler finds it in call->app. It owns the policy slot; the vault, the clock, the log and
 * the background are borrowed. Thread rule: made and ended by one thread, used by all.
 */
#ifndef CS_SERVER_APP_H
#define CS_SERVER_APP_H

#include <stdbool.h>

#include "policy/policy.h"
#include "server/call.h"
#include "vault/access/known.h"
#include "vault/access/proved.h"
#include "vault/vault.h"
#include "vault/verify/verify.h"

/* Who may call a route: cs_route.who. A caller needs one of the bits that its token has. */
enum cs_who {
    CS_WHO_ANYONE = 1 << 0, /* no token is looked at */
    CS_WHO_DEVELOPER = 1 << 1,
    CS_WHO_REVIEWER = 1 << 2,
    CS_WHO_AUDITOR = 1 << 3,
    CS_WHO_ADMIN = 1 << 4,
    CS_WHO_GATEWAY = 1 << 5,    /* a service token with the gateway role */
    CS_WHO_CREDENTIAL = 1 << 6, /* the credential itself: the handler proves it */
    CS_WHO_CLAIM = 1 << 7,      /* whoever holds a claim: the handler proves it */
    CS_WHO_METRICS = 1 << 8     /* a service token with the metrics role */
};
#define CS_WHO_USER (CS_WHO_DEVELOPER | CS_WHO_REVIEWER | CS_WHO_AUDITOR | CS_WHO_ADMIN)
/* Routes with any of these are not for callers with an access token or a service token. */
#define CS_WHO_PROVED_BY_HANDLER (CS_WHO_ANYONE | CS_WHO_CREDENTIAL | CS_WHO_CLAIM)
/* The bits' names, in order, for documentation and tests. NULL-terminated. */
extern const char *const cs_who_names[];

struct cs_background;
struct cs_http;
struct cs_metrics;

#define CS_HEADER_AUTH_CODE "X-Auth-Code" /* of every answer of a CS_TRAIT_FORWARDED route */

/* Whose failed attempts are counted where a gateway does not tell its client's address. */
enum cs_unnamed {
    CS_UNNAMED_EXEMPT, /* nobody's: everybody sits behind the gateway's own */
    CS_UNNAMED_PEER    /* the gateway's */
};
extern const char *const cs_unnamed_names[]; /* "exempt", "peer", NULL */

struct cs_app {
    struct cs_vault *vault;
    struct cs_clock *clock;
    struct cs_log *log;
    struct cs_background *background; /* NULL where nothing runs behind, as in unit tests */
    struct cs_proved *proved;         /* the tokens of gateways, by the lane of the call */
    struct cs_known *known;           /* all other callers */
    struct cs_policy_slot policy;
    uint32_t gateway_listeners; /* a bit for each listener that stands for the gateway */
    /*
     * "https://keys.example", no slash at the end; for links. Set last, before anything is
     * accepted: where it is not configured, it is known only once a port is bound. While it is NULL
     * all calls are refused.
     */
    const char *_Atomic public_url;
    struct cs_metrics *metrics;         /* NULL: nothing is counted */
    const struct cs_http *_Atomic http; /* for its figures; NULL until it runs */
    struct cs_rate failed_attempts;     /* of one address; limit 0: any number */
    struct cs_rate changes;             /* of one person; limit 0: any number */
    enum cs_unnamed unnamed;
    struct cs_buf openapi; /* the document (server/openapi.h), made before it runs */
};

/*
 * The call came in by a Unix socket that stands for the gateway: whoever could connect to it is
 * the gateway without a token, on the gateway's routes, and nobody on any other.
 */
bool cs_app_from_gateway(const struct cs_call *call);
/*
 * The hook of the HTTP core: finds the caller by its token, and lets nobody else through.
 * CS_ERR_UNAUTHENTIC, CS_ERR_DENIED with their faults; CS_ERR_UNAVAILABLE when the store cannot
 * tell who it is. On a route with CS_WHO_PROVED_BY_HANDLER it looks at nothing: the caller stays
 * zeroed, and is nobody's developer. CS_ERR_UNAVAILABLE too while the application is not complete.
 * By the gateway's socket only its routes and those for anyone can be called; there a token is not
 * needed, but one that is sent has to be good.
 * On a route with CS_TRAIT_FORWARDED the token is that of CS_HEADER_TOKEN, and a refusal
 * bears CS_HEADER_AUTH_CODE: GATEWAY_UNKNOWN, GATEWAY_FORBIDDEN or UNAVAILABLE.
 */
CS_MUST_CHECK enum cs_err cs_app_auth(struct cs_call *call);
/*
 * The same of a person, in the transaction of what they ask for: who was disabled or lost the role
 * since cs_app_auth is refused, and whoever lost a group or an account has lost it here. Nothing is
 * looked at for other callers. Errors as of cs_app_auth.
 */
CS_MUST_CHECK enum cs_err cs_app_renew(struct cs_call *call, struct cs_ctx *ctx);
/* Who calls, for the audit log. `id` is zero for anonymous callers. */
struct cs_actor cs_app_actor(const struct cs_call *call);

#endif
