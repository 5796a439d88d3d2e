#!/usr/bin/env bash
# Checks that each folder includes only what the architecture lets it, and each library only where
# it is at home (DESIGN.md, "House"). One line for each rule; the offending lines go before it.
#   layers.sh [ROOT]
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-.}" || exit 2
# shellcheck source=checks.sh
. "$here/checks.sh"

# Every include of the layers, as path:line:text.
includes() {
    find base vault policy workflow oauth server cli -name '*.[ch]' 2>/dev/null | sort |
        xargs -r grep -nE '^[[:space:]]*#[[:space:]]*include' /dev/null
}

# layer_may LAYER OTHER...: the project's headers that a layer may include, beside its own.
layer_may() {
    local layer=$1 allowed
    allowed=$(printf '|%s/' "$@")
    report "layers: $layer" < <(includes | grep "^$layer/" | grep -F '"' |
        grep -vE "\"(${allowed#|})[^\"]*\"")
}

# library_in NAME HEADER PLACE: who may include a library's header, as extended regexes.
library_in() {
    report "library: $1" < <(includes | grep -E "<($2)>" | grep -vE "^($3)")
}

layer_may base
layer_may vault base
layer_may policy base
layer_may workflow vault policy base
layer_may oauth workflow vault policy base
layer_may server oauth workflow vault policy base
layer_may cli server oauth workflow vault policy base # `serve` and `dev` start the server

library_in LMDB 'lmdb\.h' 'vault/store/'
library_in libsodium 'sodium[./].*' 'base/|vault/'
library_in libmicrohttpd 'microhttpd\.h' 'server/'
library_in GnuTLS 'gnutls/.*' 'server/|base/secret/digest\.c'
library_in nettle 'nettle/.*' '(vault/seal/aes|base/secret/digest)\.c'
library_in libyaml 'yaml\.h' 'policy/load/yaml\.c'
library_in libcbor 'cbor(\.h|/.*)' 'base/'
library_in jansson 'jansson\.h' 'base/|server/|cli/'
library_in libcurl 'curl/.*' 'workflow/|cli/'
library_in zlib 'zlib\.h' 'base/'

# A header that ends in _internal.h is for the files of its own folder.
report "headers: internal ones stay in their folder" < <(includes | awk -F'"' '
    $2 ~ /_internal\.h$/ {
        folder = $2
        sub(/[^\/]*$/, "", folder)
        if (index($1, folder) != 1)
            print
    }')
exit "$status"
