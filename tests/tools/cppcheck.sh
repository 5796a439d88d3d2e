#!/usr/bin/env bash
# Runs cppcheck over the layers.
#   cppcheck.sh JOBS
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=checks.sh
. "$here/checks.sh"

layers=()
for layer in base vault policy workflow oauth server cli; do
    [ ! -d "$layer" ] || layers+=("$layer")
done
# jansson's loops, of whose header cppcheck knows nothing.
loops=('-Djson_object_foreach(o,k,v)=for(k=0;(v=o);)'
    '-Djson_array_foreach(a,i,v)=for(i=0;(v=a);i++)')

report "cppcheck: finds nothing" < <(
    cppcheck --quiet -j "$1" --std=c11 --library=posix -I. -D_GNU_SOURCE "${loops[@]}" \
        --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
        --suppressions-list="$here/cppcheck.supp" "${layers[@]}" 2>&1 || echo "ended with $?")
exit "$status"
