#!/bin/bash
# tests/on.sh [--fresh] bookworm|trixie|sid [WORD…]
# tests/on.sh [--fresh] RELEASE --run COMMAND…
#
# Runs tests/run.sh, or the command, in a bare root of that Debian: made by mmdebstrap where there is none yet (--fresh:
# also where there is one) and kept in ~/.cache/spatiald/roots, with what was installed and built in it. Needs root.
set -euo pipefail
source "$(dirname "$0")/../packaging/requirements.sh"
source "$(dirname "$0")/root.sh"

usage() {
	sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

fresh=''
if [ "${1:-}" = --fresh ]; then
	fresh=yes
	shift
fi
case ${1:-} in
bookworm | trixie | sid) release=$1 ;;
*) usage ;;
esac
shift
why=$(no_roots)
[ -z "$why" ] || fail "$why"
[ -z "$fresh" ] || rm -rf --one-file-system "${ROOTS:?}/$release"
make_root "$release"
if [ "${1:-}" = --run ]; then
	shift
	[ $# -gt 0 ] || usage
	in_root "$release" "$@"
else
	in_root "$release" ONLY_HERE=yes tests/run.sh "$@"
fi
