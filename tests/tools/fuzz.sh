#!/usr/bin/env bash
# Runs fuzz targets, some at a time, each for as long as told and on a copy of its corpus.
#   fuzz.sh BUILD SECONDS JOBS NAME...    a finding is left in BUILD/found/
set -uo pipefail
build=$1 seconds=$2 jobs=$3
shift 3

run_one() {
    local name=$1 seeds=tests/fuzz/corpus/$1 work=$build/corpus/$1 log=$build/$1.log
    local options=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
        -verbosity=0 -artifact_prefix="$build/found/$name-")
    [ ! -f "tests/fuzz/$name.dict" ] || options+=(-dict="tests/fuzz/$name.dict")
    [ -d "$seeds" ] || seeds=
    mkdir -p "$work" "$build/found"
    if "$build/tests/fuzz/fuzz_$name" "${options[@]}" "$work" ${seeds:+"$seeds"} >"$log" 2>&1; then
        awk -v name="$name" '/number_of_executed_units/ { runs = $2 }
            END { print "ok - fuzz " name ": " runs " runs" }' "$log"
    else
        tail -n 60 "$log"
        echo "not ok - fuzz $name"
        return 1
    fi
}
export -f run_one
export build seconds

printf '%s\n' "$@" | xargs -P "$jobs" -I{} bash -c 'run_one "$1"' fuzz {}
