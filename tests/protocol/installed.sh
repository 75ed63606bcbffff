#!/bin/sh
# installed.sh CMAKE BUILD EXAMPLE CC: what is installed below any prefix is found through pkg-config, is enough for the
# example, and needs nothing of the source tree.
set -eu
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
"$1" --install "$2" --prefix "$prefix/there" >/dev/null
PKG_CONFIG_PATH=$prefix/there/lib/pkgconfig
export PKG_CONFIG_PATH
cd "$prefix"
# shellcheck disable=SC2046 # several words
"$4" -std=c11 -Wall -Wextra -Wpedantic -Werror "$3" $(pkg-config --cflags --libs souk) -o search
LD_LIBRARY_PATH=$prefix/there/lib ./search 127.0.0.1:1 shop words || [ $? -eq 1 ]
