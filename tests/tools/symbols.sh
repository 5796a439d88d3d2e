#!/usr/bin/env bash
# Checks what the linker sees: every exported name is ours, and nothing global can be changed but
# what symbols-allow.txt gives a reason for.
#   symbols.sh ARCHIVE
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=checks.sh
. "$here/checks.sh"

allowed() {
    sed -nE 's/^([^ #]+) # .+/\1/p' "$here/symbols-allow.txt"
}

report "symbols: exports begin with cs_" < <(
    nm --defined-only --extern-only --no-sort "$1" | awk 'NF == 3 && $3 !~ /^cs_/ { print $3 }')

# Constant tables of pointers lie in .data.rel.ro; what is left in .data and .bss is mutable.
report "symbols: no mutable globals" < <(
    objdump --syms "$1" | awk '
        NF > 4 && $(NF - 2) ~ /^\.t?(data|bss)$/ && $(NF - 1) !~ /^0+$/ {
            sub(/\.[0-9]+$/, "", $NF)
            print $NF
        }' | grep -vxFf <(allowed; echo '*none*'))
exit "$status"
