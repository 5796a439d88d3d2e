#!/usr/bin/env bash
# An integrator, who has no login, fetches an approved live key exactly once.
#   examples/integrator.sh REQUEST     (an approved one: examples/reviewer.sh prints it)
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
request=${1:?the id of an approved request}

say "The developer makes a claim to hand on:"
claim=$(call 201 "$(token developer)" POST "/v1/requests/$request/claims" '{}')
body=$(jq -c '{claim}' <<<"$claim")

say "Looking at it uses nothing:"
call 200 "" POST /v1/claims/lookup "$body" | jq -c '{good, state, name, scopes}' >&2

say "The fetch: the secret is made now, and shown this once:"
pair=$(call 200 "" POST /v1/claims "$body")
key=$(jq -r .client_secret <<<"$pair")
id=$(jq -r .credential.id <<<"$pair")
expect "the live key" "$(verify "$key" themes.read)" VALID

say "A second fetch is refused, and told to both sides; the policy quarantines the key:"
call 410 "" POST /v1/claims "$body" | jq -r .code >&2
expect "after the second fetch" "$(verify "$key")" QUARANTINED

say "Taken back; the very next verification knows:"
call 200 "$(token admin)" POST "/v1/credentials/$id/revoke" \
    '{"reason": "key_compromise"}' >/dev/null
expect "after the revocation" "$(verify "$key")" REVOKED
