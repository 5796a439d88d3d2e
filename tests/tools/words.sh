#!/usr/bin/env bash
# Checks the words of the code, the API and the documents against those of DESIGN.md, "Words".
#   words.sh [ROOT]
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-.}" || exit 2
# shellcheck source=checks.sh
. "$here/checks.sh"

mapfile -t texts < <(sources '*.c' '*.h' '*.mjs' '*.js' '*.md' '*.yaml' '*.json' '*.html' '*.sh' \
    Makefile | grep -vE '^tests/(tools/(words|test-tools)\.sh|package-lock\.json)$')

# never NAME PATTERN [BUT]: lines that match PATTERN, unless they match BUT (extended regexes).
never() {
    report "words: $1" < <(grep -nEi "$2" "${texts[@]}" | grep -vEi "${3:-^$}" | cut -c 1-160)
}

# The shell and LMDB own that word: there is one environment, and its variables.
which='test|live|each|every|which|another|other|both|per|two|your|credential'
never "mode, not environment" \
    "\\b($which) environments?\\b|\\benvironments\\b|environment_(id|name)"
never "mode, not sandbox or production" '\b(sandbox|staging|production) (mode|key|credential)s?'
never "account, not tenant or merchant" '\b(tenant|merchant)s?\b'
never "claim, not pickup or redeem" '\b(redeem|pick-?up (link|token))'
never "verification, not introspect, for keys" '\bvalidate[sd]? (the|a) (key|credential)\b'

# The project speaks of itself, not of how a change came about.
process='\b(issue|ticket) #?[0-9]|(this|previous|earlier|next) session|\bhelper (session|agent)'
never "no talk of process" "$process|must show|language model"
never "no path of one machine" '(^|[^[:alnum:].])/(work|home/[a-z]+)/'
exit "$status"
