#!/usr/bin/env bash
# Installs the Debian packages that are missing, and does nothing when none is.
#   packages.sh WANT...    a package, or name=package: having a command or a pkg-config module of
#                          that name will do, from wherever it came
set -euo pipefail

have() { # name package
    command -v "$1" >/dev/null || pkg-config --exists "$1" 2>/dev/null ||
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$2" 2>/dev/null)" = installed ]
}

missing=()
for want in "$@"; do
    have "${want%%=*}" "${want#*=}" || missing+=("${want#*=}")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "Please install what these Debian packages hold, then try again: ${missing[*]}" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    as_root=()
elif command -v sudo >/dev/null; then
    as_root=(sudo)
else
    echo "Please run this as root, or install sudo: apt-get install ${missing[*]}" >&2
    exit 1
fi

echo "Installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# A server that a test needs must not begin to serve this machine: invoke-rc.d(8) asks this script.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" install -m 755 /dev/stdin "$policy"
fi
options=(-q -y --no-install-recommends -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
"${as_root[@]}" apt-get -q update >/dev/null
# Hundreds of "Unpacking …" lines tell nobody anything, unless it fails.
if ! output=$("${as_root[@]}" apt-get install "${options[@]}" "${missing[@]}" 2>&1); then
    printf '%s\n' "$output" >&2
    exit 1
fi
