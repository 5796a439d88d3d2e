#!/usr/bin/env bash
# Checks that what the program writes and the repository keeps is what it writes now; where it is
# not, says which target writes it anew.
#   generated.sh PROGRAM [ROOT]
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=checks.sh
. "$here/checks.sh"
program=$(realpath "$1")
cd "${2:-.}" || exit 2

# current FILE TARGET WORD...: FILE is what `program WORD...` writes; `make TARGET` puts it there.
current() {
    local file=$1 target=$2
    shift 2
    report "generated: $file (make $target)" < <(
        "$program" "$@" 2>&1 | diff -u "$file" - | head -20)
}

current server/openapi.json openapi openapi
current policy/policy.schema.json schema policy schema
exit "$status"
