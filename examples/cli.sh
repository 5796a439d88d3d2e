#!/usr/bin/env bash
# The whole story by the command line alone. No secret is ever an argument of a command: keys and
# claims go through files that only their user can read, or through standard input.
#   countersign dev --data vault-data &  examples/cli.sh
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# judged EXPECTED ENV-FILE [OPTION…]: verifies the CLIENT_SECRET of a file; prints the code.
judged() {
    local expected=$1 file=$2 status=0 answer
    shift 2
    answer=$(sed -n 's/^CLIENT_SECRET=//p' "$file" |
        as gateway verify --format json "$@") || status=$?
    expect "countersign verify exits with" "$status" "$expected"
    jq -r .code <<<"$answer"
}

say "A developer serves itself a test key; its secret goes into a file of its own:"
made=$(as developer credential create --account "$(account acme)" --name "order sync" \
    --scope orders.read --env "$folder/test.env" --format json)
expect "a good key" "$(judged 0 "$folder/test.env" --scope orders.read)" VALID
expect "with another scope" "$(judged 4 "$folder/test.env" --scope themes.read)" INSUFFICIENT_SCOPE
as developer credential list >&2

say "It asks for a live one:"
request=$(as developer request create --account "$(account acme)" --name "order sync" \
    --bundle catalog-sync --use-case "The shop shows what it sells." --format json)
id=$(jq -r .id <<<"$request")
as reviewer policy explain --bundle catalog-sync >&2

say "The developer cannot approve it; a reviewer can, for what was seen:"
status=0
as developer request approve "$id" --digest "$(jq -r .digest <<<"$request")" >/dev/null || status=$?
expect "countersign request approve exits with" "$status" 4
as reviewer request list --assigned me >&2
as reviewer request approve "$id" --digest "$(jq -r .digest <<<"$request")" \
    --comment "Fine." --format json | jq -c .receipt >&2

say "The integrator has no login, only the claim:"
as developer request claim "$id" --env "$folder/claim.env" >/dev/null
sed -n 's/^COUNTERSIGN_CLAIM=//p' "$folder/claim.env" >"$folder/claim"
"$PROGRAM" claim lookup --claim-file "$folder/claim" >&2
"$PROGRAM" claim fetch --claim-file "$folder/claim" --env "$folder/live.env" >&2
expect "the live key" "$(judged 0 "$folder/live.env" --mode live)" VALID
status=0
"$PROGRAM" claim fetch --claim-file "$folder/claim" >/dev/null || status=$?
expect "a second countersign claim fetch exits with" "$status" 5
expect "after the second fetch" "$(judged 4 "$folder/live.env")" QUARANTINED

say "Both are taken back; the very next verification knows:"
credential=$(as developer request show "$id" --format json | jq -r .credential_id)
as developer credential revoke "$credential" --reason key_compromise --yes >/dev/null
as developer credential revoke "$(jq -r .credential.id <<<"$made")" --yes >/dev/null
expect "the live key" "$(judged 4 "$folder/live.env")" REVOKED
expect "the test key" "$(judged 4 "$folder/test.env")" REVOKED
as auditor audit list --account "$(account acme)" --limit 5 >&2
