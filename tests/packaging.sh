#!/bin/bash
# tests/packaging.sh [RELEASE…]: installs what packaging/build.sh has built into bare systems of Debian 12 and 13 (or those
# named), looks whether it runs and everything is where it belongs, upgrades it, and purges it. Needs root. The systems are
# made by mmdebstrap from the machine's own mirror; a bare one is kept in target/roots.
#
# No service is started here: there is no systemd at work.
set -euo pipefail
source "$(dirname "$0")/../packaging/requirements.sh"
source "$(dirname "$0")/package.sh"
cd "$ROOT"
ROOTS=${SPATIALD_ROOTS:-$ROOT/target/roots}

[ "$(id -u)" -eq 0 ] || fail "run it as root"
releases=("$@")
[ $# -gt 0 ] || releases=(bookworm trixie)
install_missing mmdebstrap lintian man-db util-linux

package=$(newest_package)
version=$(dpkg-deb -f "$package" Version)
echo "$package: $(stat -c %s "$package") bytes"

work=$(mktemp -d "${TMPDIR:-/tmp}/spatiald.XXXXXX")
trap 'rm -rf "$work"' EXIT

step() {
	echo "  $*"
}

# A later version of the same, and one that also brings a changed configuration file.
repack "$package" "$version+later" "$work/later.deb"
repack "$package" "$version+later.changed" "$work/changed.deb" "# Changed by the package."

echo "lintian"
for deb in target/package/spatiald*_"$version"_*.deb; do
	lintian --fail-on error,warning "$deb" || fail "lintian finds fault with $deb"
done

echo "man pages"
dpkg-deb -x "$package" "$work/tree"
for page in "$work"/tree/usr/share/man/man1/*.gz; do
	said=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)
	[ -z "$said" ] || fail "$page: $said"
done

# inside ROOT COMMAND…: in that system, with the folders of the kernel.
inside() {
	local root=$1
	shift
	unshare --mount bash -c '
		root=$1
		shift
		mount --make-rprivate /
		mount -t proc proc "$root/proc"
		mount --rbind /dev "$root/dev"
		mkdir -p "$root/packages"
		mount --bind "$PACKAGES" "$root/packages"
		exec chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
			DEBIAN_FRONTEND=noninteractive "$@"' inside "$root" "$@"
}
export PACKAGES=$work
cp "$package" "$work/first.deb"
apt_inside() {
	inside "$root" apt-get -qq -y --no-install-recommends "$@" >"$work/apt.log" 2>&1 ||
		fail "apt-get $*: $(tail -n 20 "$work/apt.log")"
}

for release in "${releases[@]}"; do
	echo "$release"
	# mmdebstrap takes the format from the end of the name.
	bare=$ROOTS/$release.tar new=$ROOTS/$release.new.tar root=$work/root
	if ! [ -e "$bare" ]; then
		mkdir -p "$ROOTS"
		mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -m 1 debian.org || echo http://deb.debian.org/debian)
		mmdebstrap --quiet --variant=minbase "$release" "$new" "$mirror" || fail "mmdebstrap: no bare $release"
		mv "$new" "$bare"
	fi
	mkdir "$root"
	tar -C "$root" -xf "$bare" --exclude './dev/*'

	step "apt-get install"
	apt_inside update
	apt_inside install /packages/first.deb
	inside "$root" dpkg-query -W -f '    ${Package} ${Version}\n' spatiald pipewire wireplumber systemd
	inside "$root" dpkg -L spatiald | while read -r path; do
		[ -e "$root$path" ] || fail "$path is not there"
		[ -d "$root$path" ] || echo "$path"
	done >"$work/installed"
	for path in /usr/bin/spatiald /etc/spatiald/spatiald.toml /usr/lib/systemd/{user,system}/spatiald.service \
		/usr/share/spatiald/{profiles/cylinder/coefficients.wav,devices/studio.toml} /usr/share/man/man1/spatiald.1.gz \
		/usr/share/bash-completion/completions/spatiald; do
		grep -Fxq "$path" "$work/installed" || fail "the package has no $path"
	done

	step "runs"
	said=$(inside "$root" spatiald --version)
	step "  $said"
	# shellcheck disable=SC2016
	inside "$root" sh -c '! ldd /usr/bin/spatiald | grep "not found"' || fail "libraries are missing"
	said=$(inside "$root" spatiald --check 2>&1) || fail "--check finds fault with what is installed: $said"
	inside "$root" spatiald design /usr/share/spatiald/devices/pair.toml -o /tmp/pair >/dev/null || fail "design fails"
	for unit in "--user user" "--system system"; do
		# shellcheck disable=SC2086
		set -- $unit
		said=$(inside "$root" env XDG_RUNTIME_DIR=/tmp systemd-analyze "$1" --man=no verify "/usr/lib/systemd/$2/spatiald.service" 2>&1) &&
			[ -z "$said" ] || fail "systemd-analyze verify: $said"
		said=$(inside "$root" env XDG_RUNTIME_DIR=/tmp systemd-analyze "$1" --no-pager --offline=yes --threshold=20 security \
			"/usr/lib/systemd/$2/spatiald.service") || fail "exposed too much: $said"
		step "  the $2 unit: $(tail -n 1 <<<"$said")"
	done
	inside "$root" getent passwd spatiald >/dev/null || fail "there is no user spatiald"
	[[ " $(inside "$root" id -nG spatiald) " == *" audio "* ]] || fail "the user spatiald may not use sound cards"

	step "upgrade keeps edited configuration"
	sed -i '0,/^#profile = /s//profile = /' "$root/etc/spatiald/spatiald.toml"
	cp "$root/etc/spatiald/spatiald.toml" "$work/edited"
	apt_inside install /packages/later.deb
	cmp -s "$work/edited" "$root/etc/spatiald/spatiald.toml" || fail "the edited configuration is lost"
	apt_inside -o Dpkg::Options::=--force-confold install /packages/changed.deb
	cmp -s "$work/edited" "$root/etc/spatiald/spatiald.toml" || fail "the edited configuration is lost"
	[ "$(inside "$root" dpkg-query -W -f '${Version}' spatiald)" = "$version+later.changed" ] || fail "not upgraded"
	said=$(inside "$root" spatiald --check 2>&1) || fail "--check finds fault with what is upgraded: $said"

	step "remove keeps configuration, purge leaves nothing"
	apt_inside remove spatiald
	[ -e "$root/etc/spatiald/spatiald.toml" ] && ! [ -e "$root/usr/bin/spatiald" ] || fail "not removed as it should be"
	apt_inside install /packages/changed.deb
	cmp -s "$work/edited" "$root/etc/spatiald/spatiald.toml" || fail "the edited configuration is lost"
	apt_inside purge spatiald
	left=$(while read -r path; do ! [ -e "$root$path" ] || echo "$path"; done <"$work/installed")
	left+=$(find "$root" -xdev \( -path "$root/packages" -o -path "$root/var/log" \) -prune -o -name '*spatiald*' -print)
	left+=$(grep -l spatiald "$root"/etc/{passwd,group,shadow} || true)
	[ -z "$left" ] || fail "purge leaves $left"
	rm -rf --one-file-system "$root"
done
echo "all well"
