# Bare roots of a Debian release, to build and test in: made once, kept outside the checkout. Sourced, after
# packaging/requirements.sh. Needs root.
# shellcheck shell=bash

ROOTS=${XDG_CACHE_HOME:-$HOME/.cache}/spatiald/roots

# Why there can be no roots here; nothing where there can.
no_roots() {
	if [ "$(id -u)" -ne 0 ]; then
		echo "not run as root"
	elif ! unshare --mount --pid --fork true 2>/dev/null; then
		echo "no namespaces of its own may be made here (unshare)"
	elif ! command -v mmdebstrap >/dev/null && ! apt-cache show mmdebstrap >/dev/null 2>&1; then
		echo "mmdebstrap is not installed, and apt does not know it"
	fi
}

# mirror PATTERN DEFAULT: where this machine's own apt finds the releases that PATTERN matches.
mirror() {
	local found
	found=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
		awk -v pattern="$1" '$1 ~ /debian/ && $2 ~ pattern { print $1; exit }')
	echo "${found:-$2}"
}

# make_root RELEASE: a minimal Debian in $ROOTS/RELEASE, where it is not there yet.
make_root() {
	local release=$1 root=$ROOTS/$1 main lines
	[ -d "$root" ] && return
	install_missing mmdebstrap
	main=$(mirror '^(bookworm|trixie|stable|oldstable|testing|sid|unstable)$' http://deb.debian.org/debian)
	lines=("deb $main $release main")
	if [ "$release" != sid ]; then
		lines+=("deb $main $release-updates main"
			"deb $(mirror '-security$' http://deb.debian.org/debian-security) $release-security main")
	fi
	mkdir -p "$ROOTS"
	rm -rf "$root.new"
	apt-config dump | grep -E '^Acquire::((http|https|ftp)::.*Proxy|Check-Valid-Until) ' >"$root.proxy" || true
	mmdebstrap --quiet --variant=minbase --aptopt="$root.proxy" "$release" "$root.new" "${lines[@]}"
	rm "$root.proxy"
	mkdir -p "$root.new$ROOT" "$root.new/root/.cargo/registry"
	mv "$root.new" "$root"
}

# in_root RELEASE COMMAND…: runs it there, in the checkout (read-only), with the crates that were downloaded already and a
# target folder of the root's own, or this machine's $TARGET. Nothing it starts or mounts outlives it.
in_root() {
	local root=$ROOTS/$1 registry=${CARGO_HOME:-$HOME/.cargo}/registry
	local target=${TARGET:-$root/target} place=${TARGET:-$ROOT/target}
	shift
	mkdir -p "$target" "$place" "$registry" "$root$ROOT" "$root$place"
	cat /etc/resolv.conf >"$root/etc/resolv.conf"
	unshare --mount --pid --fork --kill-child bash -euc '
		root=$1 checkout=$2 target=$3 place=$4 registry=$5
		shift 5
		mount --make-rprivate /
		mount -t proc proc "$root/proc"
		mount --rbind /sys "$root/sys"
		mount --rbind /dev "$root/dev"
		mount -t tmpfs tmpfs "$root/dev/shm"
		mount -t tmpfs tmpfs "$root/tmp"
		mount --bind "$checkout" "$root$checkout"
		mount -o remount,bind,ro "$root$checkout"
		mount --bind "$target" "$root$place"
		mount --bind "$registry" "$root/root/.cargo/registry"
		exec chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
			TERM="${TERM:-dumb}" LANG=C.UTF-8 ${http_proxy:+http_proxy="$http_proxy"} \
			${https_proxy:+https_proxy="$https_proxy"} "$@"
	' in_root "$root" "$ROOT" "$target" "$place" "$registry" env --chdir="$ROOT" "$@"
}
