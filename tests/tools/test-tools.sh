#!/usr/bin/env bash
# Tests what the other tests stand on: that the total counts rightly, and that each check of form
# finds what it is there to find, in a small tree that is otherwise clean.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=checks.sh
. "$here/checks.sh"
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

# total NAME WANT TEXT: a log that holds TEXT ends in the line WANT.
total() {
    printf '%s\n' "$3" >"$tree/log"
    report "total: $1" < <(awk -f "$here/total.awk" "$tree/log" | tail -n 1 | grep -vxF "$2")
}

total "cmocka, both ways" "5 passed, 1 failed" "[  PASSED  ] 3 test(s).
[  PASSED  ] 2 test(s).
[  FAILED  ] 1 test(s), listed below:
[  FAILED  ] 7 is a number in a test's name
 1 FAILED TEST(S)
suite unit exit 2 after 1 s"
total "node, as spec" "3 passed, 3 failed" "✔ a test (1 ms)
ℹ tests 6
ℹ pass 3
ℹ fail 1
ℹ cancelled 2
ℹ skipped 1
suite api exit 1 after 1 s"
total "node, as TAP" "2 passed, 0 failed" "ok 1 - a test
# pass 2
# fail 0
# cancelled 0
suite api exit 0 after 1 s"
total "our own checks" "2 passed, 1 failed" "ok - one
ok - two
not ok - three
suite lint exit 1 after 0 s"
total "a crash counts" "1 passed, 1 failed" "ok - one
suite unit exit 139 after 0 s"
total "a suite that ran nothing fails" "0 passed, 1 failed" "ℹ pass 0
suite api exit 0 after 0 s"
total "a log that was cut off fails" "0 passed, 1 failed" "ok - one"

plant() { # FILE TEXT
    mkdir -p "$tree/$(dirname "$1")"
    printf '%s\n' "$2" >"$tree/$1"
}
plant base/fine.h 'int cs_fine(void);'
plant base/fine.c '#include "base/fine.h"'
plant fine.sh '# shellcheck shell=bash'
plant .ci/run '# shellcheck shell=bash'
cp "$here/../../.clang-format" "$tree"
for script in layers style words; do
    report "$script.sh passes a clean tree" < <("$here/$script.sh" "$tree" 2>&1 | grep -v '^ok - ')
done

# finds SCRIPT CHECK FILE TEXT: where FILE holds TEXT, SCRIPT's CHECK fails, and says so.
finds() {
    plant "$3" "$4"
    report "$1.sh finds: $2 in $3" < <(
        "$here/$1.sh" "$tree" >"$tree/out" 2>&1 && echo "ended with 0"
        grep -q "^not ok - $2" "$tree/out" || cat "$tree/out")
    rm "$tree/$3"
}
finds layers "layers: base" base/up.c '#include "vault/vault.h"'
finds layers "layers: vault" vault/aside.h '#include "policy/policy.h"'
finds layers "layers: policy" policy/aside.h '  #  include "workflow/request/request.h"'
finds layers "layers: workflow" workflow/up.c '#include "server/server.h"'
finds layers "layers: server" server/aside.c '#include "cli/call.h"'
finds layers "library: LMDB" vault/row.c '#include <lmdb.h>'
finds layers "library: libsodium" policy/hash.c '#include <sodium/crypto_hash.h>'
finds layers "library: libmicrohttpd" cli/web.c '#include <microhttpd.h>'
finds layers "headers: internal" cli/peek.c '#include "base/record/record_internal.h"'
finds style format base/format.c 'int   x ;'
finds style files base/long.c "$(yes 'extern int x;' | head -n 501)"
finds style lines tests/wide.mjs "// $(printf '%099d' 0)"
finds style lines base/blank.c '// blank at the end '
finds style functions base/fat.c "int cs_fat(void)
{
$(yes '    (void)0;' | head -n 80)
}"
finds style markers base/later.c "// TO""DO: later"
finds style calls base/copy.c 'void cs_copy(char *a) { strcpy(a, "b"); }'
finds style clock vault/now.c 'long cs_now(void) { return time(NULL); }'
finds style scripts quote.sh '# shellcheck shell=bash
rm $1'

# analysed NAME FILE TEXT: cppcheck.sh finds the mistake in TEXT, and says where.
analysed() {
    plant "$2" "$3"
    report "cppcheck.sh finds: $1" < <(
        "$here/cppcheck.sh" 1 "$tree" >"$tree/out" 2>&1 && echo "ended with 0"
        grep -q "^$2:.* error: " "$tree/out" || cat "$tree/out")
    rm "$tree/$2"
}
report "cppcheck.sh passes a clean tree" < <("$here/cppcheck.sh" 1 "$tree" | grep -v '^ok - ')
analysed "what lies beyond an array" base/beyond.c 'int cs_beyond(void)
{
    int four[4] = {0};
    return four[4];
}'
analysed "the same in a loop of jansson's" cli/beyond.c '#include <jansson.h>
void cs_beyond(json_t *all, int four[2])
{
    const char *key;
    json_t *value;
    int two[2] = {0};
    json_object_foreach(all, key, value)
        four[0] += two[2];
}'

cp "$here/../../.clang-tidy" "$tree"
plant base/leak.c '#include <stdlib.h>
int cs_leak(void);
int cs_leak(void)
{
    int *number = malloc(sizeof(*number));
    return number ? 1 : 0;
}'
report "tidy finds: a leak" < <(
    make -s -C "$tree" -f "$here/../../Makefile" LAYERS=base B=built tidy >"$tree/out" 2>&1 &&
        echo "ended with 0"
    grep -q "^not ok - clang-tidy base/leak.c" "$tree/out" || cat "$tree/out")
rm -r "$tree/base/leak.c" "$tree/built"

# A program that says the same whatever it is asked.
plant program "#!/bin/sh
echo now"
chmod +x "$tree/program"
plant server/openapi.json now
plant policy/policy.schema.json now
report "generated.sh passes what is current" < <(
    "$here/generated.sh" "$tree/program" "$tree" 2>&1 | grep -v '^ok - ')
for file in server/openapi.json policy/policy.schema.json; do
    plant "$file" before
    report "generated.sh finds: $file is old" < <(
        "$here/generated.sh" "$tree/program" "$tree" >"$tree/out" 2>&1 && echo "ended with 0"
        grep -q "^not ok - generated: $file (make " "$tree/out" || cat "$tree/out")
    plant "$file" now
done

# built NAME WANT CODE: of an archive with CODE in it, symbols.sh fails the check WANT.
built() {
    printf '%s\n' "$3" | cc -w -x c -c -o "$tree/a.o" - && ar rcs "$tree/a.a" "$tree/a.o"
    report "symbols.sh finds: $1" < <(
        "$here/symbols.sh" "$tree/a.a" >"$tree/out" 2>&1 && echo "ended with 0"
        grep -q "^not ok - $2" "$tree/out" || cat "$tree/out")
}
built "a name that is not ours" "symbols: exports" 'int other(void) { return 0; }'
built "a counter" "symbols: no mutable" 'static int n; int cs_count(void) { return n++; }'
built "a hidden counter" "symbols: no mutable" 'int cs_n(void) { static int n = 1; return n++; }'
built "a thread's own counter" "symbols: no mutable" '_Thread_local int cs_n = 1;'

finds words "words: mode" docs/modes.md 'Each environment has its own keys.'
finds words "words: account" docs/who.md 'A tenant is a shop.'
finds words "words: no talk" docs/how.md 'Done in issue 7.'
exit "$status"
