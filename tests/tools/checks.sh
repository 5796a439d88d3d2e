# shellcheck shell=bash disable=SC2034
# Sourced by the checks of style. Each check reads what it found from standard input.
#   report NAME < findings    prints "ok - NAME", or the findings and "not ok - NAME"
#   exit $status              at the end: 1 if any check found something
status=0

report() {
    local found
    found=$(cat)
    if [ -z "$found" ]; then
        echo "ok - $1"
    else
        printf '%s\nnot ok - %s\n' "$found" "$1"
        status=1
    fi
}

# sources NAME_PATTERN...: the project's own files of such names, sorted; none that was built, kept
# as test data, or installed.
sources() {
    local names=(-false) name
    for name in "$@"; do
        names+=(-o -name "$name")
    done
    find . \( -name '.git' -o -name 'build*' -o -name node_modules -o -path ./tests/data \
        -o -path ./vault-data -o -path ./tests/fuzz/corpus \) -prune -o \
        -type f \( "${names[@]}" \) -print | sed 's|^\./||' | LC_ALL=C sort
}
