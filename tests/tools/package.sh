#!/usr/bin/env bash
# Checks what `make install` puts where, and that the generated files are what the program writes.
#   package.sh MAKE PROGRAM
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=checks.sh
. "$here/checks.sh"
make=$1 program=$2
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

report "install: ends well" < <("$make" -s install DESTDIR="$root" PREFIX=/usr >"$root/log" 2>&1 ||
    cat "$root/log")
share=$root/usr/share
for file in bin/countersign share/countersign/policy.yaml share/man/man1/countersign.1 \
    share/bash-completion/completions/countersign share/zsh/site-functions/_countersign \
    share/fish/vendor_completions.d/countersign.fish; do
    report "install: $file" < <([ -s "$root/usr/$file" ] || echo "missing or empty")
done
report "install: the program runs from there" < <("$root/usr/bin/countersign" --version 2>&1 |
    grep -vE '^countersign [0-9]+\.[0-9]+\.[0-9]+$')
report "install: the policy is one that the program takes" < <(
    "$root/usr/bin/countersign" policy check "$share/countersign/policy.yaml" >"$root/log" 2>&1 ||
        cat "$root/log")
report "manual: mandoc finds nothing" < <(
    mandoc -Tlint -Wwarning "$share/man/man1/countersign.1" 2>&1)
report "completion: bash takes the script" < <(
    bash -n "$share/bash-completion/completions/countersign" 2>&1)
report "server/openapi.json is what the program writes (make openapi)" < <(
    "$program" openapi | diff -q - server/openapi.json 2>&1)
exit "$status"
