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
# the example of the manual, as it is printed there
page=${3%/examples/*}/docs/man/libsouk.3.scd
{
    echo '#include <err.h>'
    echo '#include <stdio.h>'
    grep '^#include' "$page"
    echo 'int main(void) {'
    sed -n '/^# EXAMPLE/,/^# SEE ALSO/p' "$page" | sed -n '/^```/,/^```/{/^```/!s/\\\\/\\/g;/^```/!p}'
    echo '}'
} >manual.c
# shellcheck disable=SC2046 # several words
"$4" -std=gnu11 -Wall -Wextra -Werror manual.c $(pkg-config --cflags --libs souk) -o manual
# shellcheck disable=SC2046
"$4" -std=c11 -Wall -Wextra -Wpedantic -Werror "$3" $(pkg-config --cflags --libs souk) -o search
LD_LIBRARY_PATH=$prefix/there/lib ./search 127.0.0.1:1 shop words || [ $? -eq 1 ]
