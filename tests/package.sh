# The package under test, and later versions of it. Sourced, after packaging/requirements.sh.
# shellcheck shell=bash

# newest_package: what packaging/build.sh built last for this machine.
newest_package() {
	local packages
	packages=$(ls -t "$ROOT"/target/package/spatiald_*_"$(dpkg --print-architecture)".deb 2>/dev/null || true)
	[ -n "$packages" ] || fail "there is no package: run packaging/build.sh"
	head -n 1 <<<"$packages"
}

# repack PACKAGE VERSION FILE [LINE]: the same as another version; LINE is put below its configuration.
repack() {
	local tree
	tree=$(mktemp -d)
	dpkg-deb -R "$1" "$tree"
	sed -i "s/^Version: .*/Version: $2/" "$tree/DEBIAN/control"
	[ $# -lt 4 ] || echo "$4" >>"$tree/etc/spatiald/spatiald.toml"
	dpkg-deb --root-owner-group -Zgzip -z1 -b "$tree" "$3" >/dev/null
	rm -r "$tree"
}
