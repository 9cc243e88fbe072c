# Every package that building, trying and testing spatiald needs on Debian and Raspberry Pi OS, and how to get them.
# Sourced by packaging/quickstart.sh and tests/*.sh; `bash packaging/requirements.sh` prints the lists.
# shellcheck shell=bash

BUILD_PACKAGES=(
	ca-certificates gcc libc6-dev pkg-config libclang-dev
	libpipewire-0.3-dev libspa-0.2-dev libasound2-dev libdbus-1-dev
)
SESSION_PACKAGES=(dbus pipewire pipewire-bin wireplumber alsa-utils)
# Grants real time to an ordinary user; needs a system bus to do it.
if [ "$(id -u)" -ne 0 ] && [ -d /run/systemd/system ]; then
	SESSION_PACKAGES+=(rtkit)
fi
SESSION_TEST_PACKAGES=(pipewire-pulse pulseaudio-utils util-linux)
TEST_PACKAGES=("${SESSION_TEST_PACKAGES[@]}" flac valgrind)
# Debian's current Rust, kept up to date for its browsers, where no recent one is installed.
RUST_PACKAGES=(cargo-web rustc-web)
RUST_LINT_PACKAGES=(rustfmt-web rust-web-clippy)

fail() {
	echo "$(basename "$0"): $*" >&2
	exit 1
}

is_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Runs apt-get as root, quietly; its output is shown when it fails.
apt_get() {
	local as_root=() output
	[ "$(id -u)" -eq 0 ] || as_root=(sudo)
	if ! output=$("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" </dev/null 2>&1); then
		printf '%s\n' "$output" | tail -n 20 >&2
		return 1
	fi
}

# Stops where the wanted packages would cost the user another one, such as a Rust of theirs: that is theirs to decide.
refuse_removals() {
	local removed
	removed=$(apt-get --simulate install --no-install-recommends "$@" 2>/dev/null | awk '$1 == "Remv" { print $2 }' | xargs)
	[ -z "$removed" ] && return
	fail "to install what is missing, apt would remove: $removed
Nothing was changed. If that is all right with you:
    sudo apt-get install --no-install-recommends $*
Or get a recent Rust beside it: rustup default stable (where Debian's rustup is installed), else https://rustup.rs"
}

# The newest version of a package that apt offers, without Debian's own suffixes; nothing where it has none.
offered() {
	apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: \([0-9][0-9.]*\).*/\1/p'
}

# Stops where apt's Rust is too old; on Debian 12 the recent one comes with the security updates alone.
refuse_old_rust() {
	local version
	version=$(offered rustc-web)
	is_recent "${version:-0}" && return
	fail "needs Rust $(wanted_rust) or later, and apt offers ${version:-none} (rustc-web): add Debian's security updates,
    deb http://security.debian.org/debian-security $(. /etc/os-release && echo "$VERSION_CODENAME")-security main
to /etc/apt/sources.list and start again, or get Rust from https://rustup.rs"
}

# Installs those of the named packages that are missing, and a newer Debian Rust where that is named.
install_missing() {
	local package missing=() by_hand
	command -v dpkg-query >/dev/null || fail "this installs packages by apt; elsewhere, install the like of: $*"
	for package in "$@"; do
		# Rust is only named where what is installed does not do.
		{ is_installed "$package" && [[ $package != *-web* ]]; } || missing+=("$package")
	done
	[ ${#missing[@]} -eq 0 ] && return
	by_hand="as root: apt-get update && apt-get install --no-install-recommends ${missing[*]}"
	[ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null || fail "packages are missing and there is no sudo: $by_hand"
	echo "installing ${missing[*]}"
	echo "(apt says nothing meanwhile; from a bare system it takes 1 to 5 minutes)"
	apt_get update || fail "apt-get update failed; $by_hand"
	case " ${missing[*]} " in *" rustc-web "*) refuse_old_rust ;; esac
	refuse_removals "${missing[@]}"
	apt_get install -y --no-remove --no-install-recommends "${missing[@]}" || fail "apt-get install failed; $by_hand"
}

# The oldest Rust this crate builds with.
wanted_rust() {
	sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$ROOT/Cargo.toml"
}

is_recent() {
	[ "$(printf '%s\n' "$(wanted_rust)" "$1" | sort -V | head -n 1)" = "$(wanted_rust)" ]
}

has_rust() {
	local version
	version=$(rustc --version 2>/dev/null | cut -d' ' -f2) && command -v cargo >/dev/null && is_recent "$version"
}

# Puts a recent enough cargo first in PATH: the user's own, or Debian's.
find_rust() {
	local bin path=$PATH
	has_rust && return
	for bin in "${CARGO_HOME:-$HOME/.cargo}/bin" /usr/bin; do
		export PATH="$bin:$path"
		has_rust && return
	done
	return 1
}

has_lint() {
	{ cargo fmt --version && cargo clippy --version; } >/dev/null 2>&1
}

# The packages that `ensure_rust` will miss; "lint": rustfmt and clippy among them.
missing_rust() {
	if ! find_rust; then
		echo "${RUST_PACKAGES[*]}"
		[ "${1:-}" != lint ] || echo "${RUST_LINT_PACKAGES[*]}"
	elif [ "${1:-}" = lint ] && ! has_lint && is_installed cargo-web; then
		echo "${RUST_LINT_PACKAGES[*]}"
	fi
}

# Puts a recent enough cargo first in PATH, or stops. "lint": with rustfmt and clippy.
ensure_rust() {
	find_rust || fail "needs Rust $(wanted_rust) or later, found $(rustc --version 2>&1): see https://rustup.rs"
	[ "${1:-}" != lint ] || has_lint || fail "rustfmt and clippy are missing: rustup component add rustfmt clippy"
}

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	printf '%s\n' "build: ${BUILD_PACKAGES[*]}" "run: ${SESSION_PACKAGES[*]}" "test: ${TEST_PACKAGES[*]}" \
		"Rust, where missing or older than $(wanted_rust): ${RUST_PACKAGES[*]} ${RUST_LINT_PACKAGES[*]}"
fi
