#!/bin/bash
# build.sh [amd64|arm64]…
#
# Builds the Debian packages, and leaves them in target/package: spatiald, and spatiald-dbgsym with its line tables. Without
# a name, for both architectures on an amd64 machine, else for the machine's own. Meant for Debian 12, whose libraries are
# the oldest the packages shall run with.
set -euo pipefail
source "$(dirname "$0")/requirements.sh"
source "$ROOT/packaging/cross.sh"
cd "$ROOT"

OUT=$ROOT/target/package
NEWEST_GLIBC=2.36 # Debian 12: what is built there needs no newer one
MAX_PACKAGE_BYTES=3000000
MAX_BINARY_BYTES=6000000

# Fewer functions are copied into others, within a crate and from one into another: 0.6 MB less; kernels of the signal path
# are inlined by attribute, and take no instruction more. Relative relocations are packed, where Debian 12's linker can:
# 0.2 MB; glibc 2.36 is what unpacks them.
declare -A SMALL=([arm64]='-C llvm-args=-import-instr-limit=20 -C llvm-args=-inline-threshold=100')
SMALL[amd64]="${SMALL[arm64]} -C link-arg=-Wl,-z,pack-relative-relocs"

machine=$(dpkg --print-architecture)
architectures=("$@")
if [ $# -eq 0 ]; then
	architectures=("$machine")
	[ "$machine" != amd64 ] || architectures+=(arm64)
fi
for architecture in "${architectures[@]}"; do
	case $architecture in
	amd64 | arm64) ;;
	*) fail "$architecture: packages are built for amd64 and arm64" ;;
	esac
	[ "$architecture" = "$machine" ] || [ "$machine-$architecture" = amd64-arm64 ] ||
		fail "$architecture packages are not built on $machine: take an amd64 machine"
done

# What is packaged: the commit and its time, or an unpacked archive and the time of its files.
if [ "$(git rev-parse --show-toplevel 2>/dev/null)" = "$ROOT" ]; then
	SPATIALD_COMMIT=$(git rev-parse --short=10 HEAD)
	: "${SOURCE_DATE_EPOCH:=$(git show -s --format=%ct HEAD)}"
	[ -z "$(git status --porcelain)" ] || echo "build.sh: there are changes that are in no commit: they are packaged too" >&2
else
	SPATIALD_COMMIT=''
	: "${SOURCE_DATE_EPOCH:=$(stat -c %Y Cargo.toml)}"
fi
export SPATIALD_COMMIT SOURCE_DATE_EPOCH LC_ALL=C.UTF-8 TZ=UTC
umask 022
version=$(sed -n '0,/^version = /s/^version = "\(.*\)"$/\1/p' Cargo.toml)
if [ -n "$SPATIALD_COMMIT" ] && ! git describe --exact-match --match "v$version" HEAD >/dev/null 2>&1; then
	# On the way to that release, in the order of the commits.
	version+="~$(date -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S).$SPATIALD_COMMIT"
fi

triple() {
	case $1 in
	amd64) echo x86_64-unknown-linux-gnu ;;
	arm64) echo aarch64-unknown-linux-gnu ;;
	esac
}

# build_for ARCHITECTURE WHAT…: one target of cargo, with no path of this machine in it.
build_for() (
	architecture=$1
	shift
	if [ "$architecture" != "$machine" ]; then
		ensure_cross_rust
		ensure_sysroot
	fi
	flags=CARGO_TARGET_$(triple "$architecture" | tr a-z- A-Z_)_RUSTFLAGS
	cargo_home=${CARGO_HOME:-$HOME/.cargo}
	export "$flags=${!flags:-} ${SMALL[$architecture]} --remap-path-prefix=$ROOT=/usr/src/spatiald
		--remap-path-prefix=$cargo_home=/usr/src/cargo"
	# The same for the C functions in crates.
	export CFLAGS="${CFLAGS:-} -ffile-prefix-map=$ROOT=/usr/src/spatiald -ffile-prefix-map=$cargo_home=/usr/src/cargo"
	cargo build --locked --profile dist --target "$(triple "$architecture")" --target-dir "$OUT/build" "$@"
)

# The last release's part of CHANGELOG.md, as Debian wants it.
changelog() {
	printf 'spatiald (%s) stable; urgency=medium\n\n' "$version"
	awk '/^## / { sections++ } sections != 1 { next }
		/^- / { if (entry) print entry; entry = substr($0, 3) }
		/^  / { entry = entry " " substr($0, 3) }
		END { print entry }' CHANGELOG.md | while read -r entry; do
		fold -s -w 74 <<<"$entry" | sed '1s/^/  * /; 2,$s/^/    /; s/ *$//'
	done
	printf '\n -- %s  %s\n' "$(sed -n 's/^Maintainer: //p' packaging/deb/control)" "$(date -R -d "@$SOURCE_DATE_EPOCH")"
}

# pack ARCHITECTURE TREE CONTROL GLIBC: the package of all that lies in TREE.
pack() {
	local architecture=$1 tree=$2 control=$3 size name
	size=$(find "$tree" -printf '%y %s\n' | awk '{ kib += $1 == "f" ? int(($2 + 1023) / 1024) : 1 } END { print kib }')
	mkdir "$tree/DEBIAN"
	(cd "$tree" && find usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
	# dpkg wants lists of packages in one line.
	sed -e ':all; N; $!b all; s/,\n /, /g' -e "s/@VERSION@/$version/g; s/@ARCHITECTURE@/$architecture/" \
		-e "s/@SIZE@/$size/; s/@GLIBC@/$4/" "$control" >"$tree/DEBIAN/control"
	name=$(sed -n 's/^Package: //p' "$control")
	if [ -d "$tree/etc" ]; then
		(cd "$tree" && find etc -type f | sort | sed 's,^,/,' >DEBIAN/conffiles)
		install -m 755 packaging/deb/{postinst,prerm,postrm} "$tree/DEBIAN"
	fi
	dpkg-deb --root-owner-group -Zxz --build "$tree" "$OUT" >/dev/null
	echo "$OUT/${name}_${version}_$architecture.deb"
}

# Judged when all are there: a package that has grown too large is still one to try.
too_large=()
is_at_most() {
	[ "$(stat -c %s "$1")" -le "$2" ] || too_large+=("$1: $(stat -c %s "$1") bytes, more than $2")
}

[[ " ${architectures[*]} " != *" arm64 "* ]] || [ "$machine" = arm64 ] || install_missing "${CROSS_PACKAGES[@]}"
install_missing "${BUILD_PACKAGES[@]}" binutils
ensure_rust
for architecture in "${architectures[@]}"; do
	build_for "$architecture" -p spatiald --bin spatiald
done
# Is the same for all architectures; the machine must be able to run what writes it.
build_for "$machine" -p manual
manual=$OUT/manual
rm -rf "$manual"
"$OUT/build/$(triple "$machine")/dist/manual" "$manual"

for architecture in "${architectures[@]}"; do
	tools=$(triple "$architecture")
	tools=${tools/-unknown/}
	built=$OUT/build/$(triple "$architecture")/dist/spatiald
	work=$OUT/$architecture
	rm -rf "$work" && mkdir -p "$work/dbgsym"

	# Line tables go where backtraces and debuggers look for them by the program's build id.
	id=$("$tools-readelf" -n "$built" | sed -n 's/.*Build ID: //p')
	[ -n "$id" ] || fail "$built has no build id"
	tables=$work/dbgsym/usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug
	mkdir -p "$(dirname "$tables")"
	"$tools-objcopy" --only-keep-debug --compress-debug-sections "$built" "$tables"
	"$tools-objcopy" --strip-all --remove-section=.comment "$built" "$work/spatiald"
	is_at_most "$work/spatiald" "$MAX_BINARY_BYTES"
	needed=$("$tools-objdump" -T "$work/spatiald" | grep -o 'GLIBC_2[0-9.]*' | sed s/GLIBC_// | sort -uV | tail -n 1)
	[ "$(printf '%s\n' "$needed" "$NEWEST_GLIBC" | sort -V | tail -n 1)" = "$NEWEST_GLIBC" ] ||
		fail "the program needs glibc $needed, Debian 12 has $NEWEST_GLIBC: build it there"

	packaging/install.sh "$work/spatiald" "$manual" "$work/tree"
	doc=$work/tree/usr/share/doc/spatiald
	install -m 644 packaging/deb/copyright "$doc"
	install -D -m 644 packaging/deb/lintian-overrides "$work/tree/usr/share/lintian/overrides/spatiald"
	changelog | gzip -9n >"$doc/changelog.gz"
	mkdir -p "$work/dbgsym/usr/share/doc"
	ln -s spatiald "$work/dbgsym/usr/share/doc/spatiald-dbgsym"
	packaging/third-party.sh "$(triple "$architecture")" | gzip -9n >"$doc/third-party.gz"
	package=$(pack "$architecture" "$work/tree" packaging/deb/control "$NEWEST_GLIBC")
	is_at_most "$package" "$MAX_PACKAGE_BYTES"
	symbols=$(pack "$architecture" "$work/dbgsym" packaging/deb/control.dbgsym "$NEWEST_GLIBC")
	stat -c '%s %n' "$work/spatiald" "$package" "$symbols"
done
[ ${#too_large[@]} -eq 0 ] || fail "$(printf '%s; ' "${too_large[@]}")"
