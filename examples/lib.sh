# What the stories share: calls by curl that say what they do and stop at what they did not expect.
# shellcheck shell=bash
# Sourced. Needs curl and jq, and a demo vault: countersign dev --data DIR.
set -euo pipefail
shopt -s inherit_errexit # what fails in $(…) ends the story too

: "${COUNTERSIGN_URL:=http://127.0.0.1:8470}"
: "${COUNTERSIGN_DATA:=vault-data}"
PROGRAM=${COUNTERSIGN_PROGRAM:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/build/countersign}
export COUNTERSIGN_URL

# token ROLE: the demo's access token of developer, reviewer, gateway …
token() {
    jq -er --arg role "$1" '.tokens[$role]' "$COUNTERSIGN_DATA/demo.json"
}
account() {
    jq -er --arg name "$1" '.accounts[$name]' "$COUNTERSIGN_DATA/demo.json"
}

# call STATUS TOKEN METHOD PATH [BODY]: prints the answer's body. Another status than STATUS ends
# the story. Token and body go to curl by its standard input: anybody may read a command line.
call() {
    local expected=$1 token=$2 method=$3 path=$4 body=${5:-} answer status
    body=${body//\\/\\\\} # for the quotes of curl's own language
    body=${body//\"/\\\"}
    answer=$(
        {
            printf 'url = "%s%s"\nrequest = "%s"\nsilent\n' "$COUNTERSIGN_URL" "$path" "$method"
            printf 'write-out = "\\n%%{http_code}"\nmax-time = 30\n'
            [ -z "$token" ] || printf 'header = "Authorization: Bearer %s"\n' "$token"
            if [ -n "$body" ]; then
                printf 'header = "Content-Type: application/json"\n'
                printf 'data = "%s"\n' "${body//$'\n'/}"
            fi
        } | curl --config -
    )
    status=${answer##*$'\n'}
    printf '  %-6s %-40s %s\n' "$method" "$path" "$status" >&2
    if [ "$status" != "$expected" ]; then
        printf 'expected %s, got %s: %s\n' "$expected" "$status" "${answer%$'\n'*}" >&2
        return 1
    fi
    printf '%s\n' "${answer%$'\n'*}"
}

# expect WHAT GOT WANTED
expect() {
    printf '  %-47s %s\n' "$1" "$2" >&2
    [ "$2" = "$3" ] || {
        printf 'expected %s\n' "$3" >&2
        return 1
    }
}

say() {
    printf '\n%s\n' "$*" >&2
}

# verify KEY [SCOPE]: the gateway's question; prints the code.
verify() {
    local question
    question=$(jq -Rc --arg scope "${2:-}" \
        '{key: .} + if $scope == "" then {} else {scopes: [$scope]} end' <<<"$1")
    call 200 "$(token gateway)" POST /v1/verify "$question" | jq -r .code
}

# as ROLE COMMAND…: the command line as one of the demo's people.
as() {
    local role=$1
    shift
    COUNTERSIGN_TOKEN=$(token "$role") "$PROGRAM" "$@"
}
