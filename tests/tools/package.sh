#!/usr/bin/env bash
# Checks what `make install` puts where, and that each of it is sound.
#   package.sh MAKE
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=checks.sh
. "$here/checks.sh"
make=$1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

report "install: ends well" < <("$make" -s install DESTDIR="$root" PREFIX=/usr >"$root/log" 2>&1 ||
    cat "$root/log")
share=$root/usr/share
for file in bin/countersign share/countersign/policy.yaml \
    share/countersign/policy.schema.json share/countersign/countersign.yaml \
    share/doc/countersign/copyright share/man/man1/countersign.1 \
    share/bash-completion/completions/countersign share/zsh/site-functions/_countersign \
    share/fish/vendor_completions.d/countersign.fish lib/systemd/system/countersign.service \
    lib/systemd/system/countersign.socket lib/sysusers.d/countersign.conf; do
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
# As they were installed, but for where that was.
units=$root/units
mkdir "$units"
for unit in service socket; do
    sed "s|/usr/bin/|$root/usr/bin/|" "$root/usr/lib/systemd/system/countersign.$unit" \
        >"$units/countersign.$unit"
done
report "systemd: the units are sound" < <(
    systemd-analyze verify --man=no "$units/countersign.service" "$units/countersign.socket" 2>&1)
# 9.6 is a service without any restriction.
report "systemd: the service is exposed by 2.0 at most" < <(
    systemd-analyze security --offline=true --no-pager --threshold=20 \
        "$units/countersign.service" >"$root/log" 2>&1 || tail -1 "$root/log")
report "uninstall: leaves nothing behind" < <(
    "$make" -s uninstall DESTDIR="$root" PREFIX=/usr >"$root/log" 2>&1 || cat "$root/log"
    find "$root/usr" -type f)
exit "$status"
