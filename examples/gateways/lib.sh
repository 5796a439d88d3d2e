#!/usr/bin/env bash
# What the `run` scripts of the gateways share. Each serves an example API in the foreground, with
# the configuration that lies beside it: copied into a folder of its own, and told the addresses of
# this machine instead of those that it is written with.
#
#   GATEWAY_LISTEN       where the gateway listens             127.0.0.1:8080
#   GATEWAY_UPSTREAM     where the API behind it is            127.0.0.1:9000
#   COUNTERSIGN_SOCKET   Countersign's socket for the gateway  /run/countersign/gateway.sock
#   GATEWAY_FOLDER       where to work                         a new one, gone at the end
#
# or, over TCP, in place of the socket:
#
#   COUNTERSIGN_ADDRESS     where Countersign is: HOST:PORT
#   COUNTERSIGN_TOKEN_FILE  the file with the gateway's service token
set -euo pipefail

listen=${GATEWAY_LISTEN:-127.0.0.1:8080}
upstream=${GATEWAY_UPSTREAM:-127.0.0.1:9000}
socket=${COUNTERSIGN_SOCKET:-/run/countersign/gateway.sock}
# shellcheck disable=SC2034 # the scripts read it
address=${COUNTERSIGN_ADDRESS:-}
token_file=${COUNTERSIGN_TOKEN_FILE:-}
here=$(cd "$(dirname "$0")" && pwd)

# The folder to work in; one that was made here goes with the script.
work_folder() {
    folder=${GATEWAY_FOLDER:-}
    [ -z "$folder" ] || return 0
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
}

# copy FILE...: into the folder, with the addresses put in.
copy() {
    local file
    for file in "$@"; do
        sed -e "s|127\.0\.0\.1:8080|$listen|g" -e "s|127\.0\.0\.1:9000|$upstream|g" \
            -e "s|/run/countersign/gateway\.sock|$socket|g" "$here/$file" >"$folder/$file"
    done
}

# put FILE SED-SCRIPT...: changes a copied file. Scripts with a secret come by standard input: -f -.
put() {
    sed -i "${@:2}" "$folder/$1"
}

# The line with the gateway's token, in a file of its own: token_line FILE BEFORE AFTER
token_line() (
    umask 077
    printf '%s%s%s\n' "$2" "$(<"$token_file")" "$3" >"$folder/$1"
)

need() {
    command -v "$1" >/dev/null && return
    echo "$1 is not installed: apt-get install $2" >&2
    exit 1
}

# serve COMMAND...: until it ends or this script is told to.
serve() {
    "$@" &
    server=$!
    trap 'kill -TERM "$server" 2>/dev/null || true' TERM INT
    local code=0
    wait "$server" || code=$?
    # The first wait ends with the signal, the second with the server.
    wait "$server" 2>/dev/null || true
    exit "$code"
}
