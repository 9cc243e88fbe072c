#!/bin/sh
# build.sh FOLDER: compiles card and mixer into FOLDER (libtestcard.so, libtestmixer.so, asound.conf). Several may run at
# once.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
work=$(mktemp -d "$out/.build.XXXXXX")
trap 'rm -rf "$work"' EXIT
plugin() {
	name=$1
	shift
	"${CC:-cc}" -std=gnu11 -O2 -Wall -Wextra -Werror -shared -fPIC -DPIC "$@" -o "$work/$name" -lasound
}
plugin libtestcard.so "$here/testcard.c" "$here/recording.c"
plugin libtestmixer.so "$here/testmixer.c"
sed "s|@FOLDER@|$out|" "$here/asound.conf.in" >"$work/asound.conf"
# The configuration last: its age says that all is built.
mv "$work/libtestcard.so" "$work/libtestmixer.so" "$work/asound.conf" "$out/"
