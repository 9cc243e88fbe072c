# Every package that building, trying and testing spatiald needs on Debian and Raspberry Pi OS, and how to get them.
# Sourced by packaging/quickstart.sh and tests/run.sh; `bash packaging/requirements.sh` prints the lists.
# shellcheck shell=bash

BUILD_PACKAGES=(
	ca-certificates gcc libc6-dev pkg-config libclang-dev
	libpipewire-0.3-dev libspa-0.2-dev libasound2-dev libdbus-1-dev
)
SESSION_PACKAGES=(dbus pipewire pipewire-bin wireplumber alsa-utils)
TEST_PACKAGES=(pipewire-pulse pulseaudio-utils flac util-linux valgrind)
# Debian's current Rust, kept up to date for its browsers, where no recent one is installed.
RUST_PACKAGES=(cargo-web rustc-web)
RUST_LINT_PACKAGES=(rustfmt-web rust-web-clippy)

fail() {
	echo "$(basename "$0"): $*" >&2
	exit 1
}

# Runs apt-get as root, quietly; its output is shown when it fails.
apt_get() {
	local as_root=() output
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null || fail "packages are missing and there is no sudo: run as root: apt-get $*"
		as_root=(sudo)
	fi
	if ! output=$("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" </dev/null 2>&1); then
		printf '%s\n' "$output" | tail -n 20 >&2
		fail "apt-get $* failed"
	fi
}

is_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Installs those of the named packages that are missing.
install_missing() {
	local package missing=()
	command -v dpkg-query >/dev/null || fail "this installs packages by apt; elsewhere, install the like of: $*"
	for package in "$@"; do
		is_installed "$package" || missing+=("$package")
	done
	[ ${#missing[@]} -eq 0 ] && return
	echo "installing ${missing[*]}"
	apt_get update
	apt_get install -y --no-install-recommends "${missing[@]}"
}

# The oldest Rust this crate builds with.
wanted_rust() {
	sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$ROOT/Cargo.toml"
}

has_rust() {
	local version
	version=$(rustc --version 2>/dev/null | cut -d' ' -f2) && command -v cargo >/dev/null &&
		[ "$(printf '%s\n' "$(wanted_rust)" "$version" | sort -V | head -n 1)" = "$(wanted_rust)" ]
}

# Puts a recent enough cargo first in PATH; installs Debian's where there is none. "lint": with rustfmt and clippy.
ensure_rust() {
	has_rust || PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
	if ! has_rust; then
		PATH="/usr/bin:$PATH"
		has_rust || install_missing "${RUST_PACKAGES[@]}"
		has_rust || fail "needs Rust $(wanted_rust) or later, found $(rustc --version 2>&1): see https://rustup.rs"
	fi
	if [ "${1:-}" = lint ] && ! { cargo fmt --version && cargo clippy --version; } >/dev/null 2>&1; then
		is_installed cargo-web || fail "rustfmt and clippy are missing: rustup component add rustfmt clippy"
		install_missing "${RUST_LINT_PACKAGES[@]}"
	fi
	export PATH
}

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	printf '%s\n' "build: ${BUILD_PACKAGES[*]}" "run: ${SESSION_PACKAGES[*]}" "test: ${TEST_PACKAGES[*]}" \
		"Rust, where missing or older than $(wanted_rust): ${RUST_PACKAGES[*]} ${RUST_LINT_PACKAGES[*]}"
fi
