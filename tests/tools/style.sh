#!/usr/bin/env bash
# Checks the form of the code (CONTRIBUTING.md, "Form"). The offending lines go before each verdict.
#   style.sh [ROOT]
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-.}" || exit 2
# shellcheck source=checks.sh
. "$here/checks.sh"
export LC_ALL=C.UTF-8 # a column is a character, not a byte

mapfile -t c_files < <(sources '*.c' '*.h')
mapfile -t layer_files < <(printf '%s\n' "${c_files[@]}" | grep -v '^tests/')
mapfile -t code < <(sources '*.c' '*.h' '*.mjs' '*.js' '*.sh' run '*.lua' '*.awk' Makefile)
mapfile -t scripts < <(sources '*.sh' run)

# A file that is allowed to break a rule stands in style-allow.txt: "RULE NAME # reason".
allowed() {
    sed -nE "s/^$1 ([^ ]+) # .+/\1/p" "$here/style-allow.txt"
}

report "format: clang-format changes nothing" < <(
    clang-format --dry-run -Werror "${c_files[@]}" 2>&1 | grep -E '(error|warning):' | head -20)

report "files: at most 500 lines" < <(
    wc -l "${code[@]}" | awk '$2 != "total" && $1 > 500 { print $2 ": " $1 " lines" }')

report "lines: at most 100 columns, no trailing blanks, a newline at the end" < <(
    grep -nE '^.{101}|[[:blank:]]+$' "${code[@]}" | cut -c 1-160
    for file in "${code[@]}"; do
        [ -z "$(tail -c 1 "$file")" ] || echo "$file: no newline at the end"
    done)

# Tables are long by nature; functions are not. ctags tells where each begins and ends.
report "functions: at most 80 lines" < <(
    ctags --languages=C --kinds-C=f --fields=+ne -f - "${layer_files[@]}" 2>/dev/null |
        awk -F'\t' '{
            begin = end = 0
            for (i = 4; i <= NF; i++) {
                if ($i ~ /^line:/)
                    begin = substr($i, 6)
                if ($i ~ /^end:/)
                    end = substr($i, 5)
            }
            if (end - begin >= 80)
                print $2 ":" begin " " $1 " has " end - begin + 1 " lines"
        }' | grep -vFwf <(allowed function; echo '*none*'))

report "markers: nothing is left for later" < <(
    grep -nEw 'TODO|FIXME|XXX|HACK|WIP' "${code[@]}" | grep -v '^tests/tools/')

# Unbounded copies, the shell, hidden state, and libc's random numbers.
banned='strcpy|strcat|strncpy|strncat|v?sprintf|gets|strtok|atoi|atol|alloca|system|popen'
banned+='|rand|srand|random|drand48|localtime|gmtime|asctime|ctime|setenv|putenv'
report "calls: none of the banned ones" < <(
    grep -nE "(^|[^[:alnum:]_.>])($banned)[[:blank:]]*\(" "${layer_files[@]}")

report "clock: only base/clock.c asks the system for the time" < <(
    grep -nE '(^|[^[:alnum:]_])(clock_gettime|gettimeofday|time)\((CLOCK|&|NULL)' \
        "${layer_files[@]}" | grep -v '^base/clock\.c')

report "scripts: shellcheck finds nothing" < <(
    shellcheck -x -P SCRIPTDIR -S info -e SC2016 "${scripts[@]}" .ci/run 2>&1 | head -40)
exit "$status"
