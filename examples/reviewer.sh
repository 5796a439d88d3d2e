#!/usr/bin/env bash
# Somebody asks for a live key; nobody waves it through alone, and the reviewer never sees it.
# Prints the approved request's id.
#   countersign dev --data vault-data &  examples/reviewer.sh
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

say "The developer asks for a live key:"
order=$(jq -nc --arg account "$(account acme)" \
    '{account_id: $account, name: "theme pipeline", bundle: "theme-development",
      use_case: "Our build publishes themes to the live shop."}')
request=$(call 201 "$(token developer)" POST /v1/requests "$order")
id=$(jq -r .id <<<"$request")
jq '{id, state, scopes, rule}' <<<"$request" >&2

say "The developer cannot approve it:"
approval=$(jq -c '{decision: "approve", digest}' <<<"$request")
call 403 "$(token developer)" POST "/v1/requests/$id/decisions" "$approval" >/dev/null

say "A reviewer looks at the queue, and asks something first:"
call 200 "$(token reviewer)" GET "/v1/requests?assigned=me" |
    jq -c '.items[] | {name, use_case, scopes}' >&2
question=$(jq -c '{decision: "ask", digest, comment: "Which shop is it?"}' <<<"$request")
call 201 "$(token reviewer)" POST "/v1/requests/$id/decisions" "$question" >/dev/null
call 201 "$(token developer)" POST "/v1/requests/$id/replies" '{"text": "The one in Lyon."}' |
    jq -c '.thread[].text' >&2

say "An approval of something that was changed meanwhile does not count:"
stale=$(jq -nc --arg digest "$(printf '0%.0s' {1..64})" '{decision: "approve", digest: $digest}')
call 412 "$(token reviewer)" POST "/v1/requests/$id/decisions" "$stale" >/dev/null

say "The reviewer approves what was seen:"
decided=$(call 201 "$(token reviewer)" POST "/v1/requests/$id/decisions" "$approval")
jq -c '.receipt' <<<"$decided" >&2
expect "the request" "$(jq -r .request.state <<<"$decided")" approved
printf '%s\n' "$id"
