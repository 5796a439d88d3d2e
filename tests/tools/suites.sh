#!/usr/bin/env bash
# Runs each suite to its end, whatever the others did, and closes with one line that counts all.
#   suites.sh LOGS MAKE SUITE...    a suite is a make target
set -uo pipefail
logs=$1 make=$2
shift 2

files=()
rm -rf "$logs"
mkdir -p "$logs"
for suite in "$@"; do
    printf '\n=== %s\n' "$suite"
    log=$logs/$suite.log
    begun=$SECONDS
    "$make" --no-print-directory --keep-going "$suite" 2>&1 | tee "$log"
    echo "suite $suite exit $? after $((SECONDS - begun)) s" >>"$log"
    files+=("$log")
done
printf '\n'
awk -f "$(dirname "$0")/total.awk" "${files[@]}"
