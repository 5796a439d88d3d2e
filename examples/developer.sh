#!/usr/bin/env bash
# A developer serves itself a test key in one call, uses it, rotates it and takes it back.
#   countersign dev --data vault-data &  examples/developer.sh
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

say "A test key in one call:"
order=$(jq -nc --arg account "$(account acme)" \
    '{account_id: $account, mode: "test", name: "catalog sync", bundle: "catalog-sync"}')
made=$(call 201 "$(token developer)" POST /v1/credentials "$order")
id=$(jq -r .credential.id <<<"$made")
key=$(jq -r .client_secret <<<"$made")
jq '.credential | {id, mode, client_id, secret_hint, scopes, status}' <<<"$made" >&2

say "The gateway asks whether it is good:"
expect "with its scope" "$(verify "$key" products.read)" VALID
expect "with another scope" "$(verify "$key" orders.write)" INSUFFICIENT_SCOPE

say "A live key is not to be had this way:"
live=$(jq -c '.mode = "live"' <<<"$order")
call 422 "$(token developer)" POST /v1/credentials "$live" | jq -r .detail >&2

say "Another account's developer does not even see it:"
call 404 "$(token developer_globex)" GET "/v1/credentials/$id" >/dev/null

say "A new secret, and the old one for a minute more:"
rotated=$(call 200 "$(token developer)" POST "/v1/credentials/$id/rotate" '{"grace_s": 60}')
expect "the old secret" "$(verify "$key")" VALID
key=$(jq -r .client_secret <<<"$rotated")
expect "the new secret" "$(verify "$key")" VALID

say "Taken back; the very next verification knows:"
call 200 "$(token developer)" POST "/v1/credentials/$id/revoke" \
    '{"reason": "superseded"}' >/dev/null
expect "after the revocation" "$(verify "$key")" REVOKED
