#!/bin/sh
# build.sh FOLDER: compiles the card into FOLDER (libtestcard.so, asound.conf). Several may run at once.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
work=$(mktemp -d "$out/.build.XXXXXX")
trap 'rm -rf "$work"' EXIT
"${CC:-cc}" -std=gnu11 -O2 -Wall -Wextra -Werror -shared -fPIC -DPIC \
	"$here/testcard.c" "$here/recording.c" -o "$work/libtestcard.so" -lasound
sed "s|@LIBRARY@|$out/libtestcard.so|" "$here/asound.conf.in" >"$work/asound.conf"
mv "$work/libtestcard.so" "$work/asound.conf" "$out/"
