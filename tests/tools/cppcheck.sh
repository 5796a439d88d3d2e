#!/usr/bin/env bash
# Runs cppcheck over the layers.
#   cppcheck.sh JOBS [ROOT]
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=checks.sh
. "$here/checks.sh"
cd "${2:-.}" || exit 2

layers=()
for layer in base vault policy workflow oauth server cli; do
    [ ! -d "$layer" ] || layers+=("$layer")
done
report "cppcheck: finds nothing" < <(
    cppcheck --quiet -j "$1" --std=c11 --library=posix --include="$here/cppcheck.h" -I. \
        -D_GNU_SOURCE --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
        --suppressions-list="$here/cppcheck.supp" "${layers[@]}" 2>&1 || echo "ended with $?")
exit "$status"
