#!/bin/bash
# third-party.sh TARGET: the crates that the program for TARGET is linked from, each with its license and where its source
# is, and the notices that come with them.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "spatiald is linked from Rust's standard library (MIT or Apache-2.0, https://github.com/rust-lang/rust) and these crates."
cargo tree --locked --edges normal,no-proc-macro --prefix none --no-dedupe --target "$1" --format '{p}|{l}|{r}' |
	sed 's/ (proc-macro)//' | sort -u | grep -v '^spatiald ' | while IFS='|' read -r package license source; do
	name=${package% v*} version=${package##* v}
	printf '\n==== %s %s: %s\n%s\n' "$name" "$version" "$license" "$source"
	folder=$(ls -d "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/"$name-$version")
	# Where the MIT license can be chosen, it is.
	case $license in
	*MIT*) notices=$(find "$folder" -maxdepth 1 -iname '*license*mit*') ;;
	*) notices='' ;;
	esac
	[ -n "$notices" ] || notices=$(find "$folder" -maxdepth 1 \( -iname 'license*' -o -iname 'copying*' -o -iname 'notice*' \) -type f)
	for notice in $(echo "$notices" | sort); do
		printf '\n'
		cat "$notice"
	done
done
