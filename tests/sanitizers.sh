#!/bin/bash
# tests/sanitizers.sh [miri|thread]: what threads share, under Miri, which follows every pointer and tries many orders of the
# threads; then the unit tests of engine, output and node under ThreadSanitizer.
#
# Both need a nightly toolchain, which only rustup has: tests/run.sh does without. Run it after a change to anything that two
# threads share, or that is `unsafe`. TOOLCHAIN names another one than `nightly`, SEEDS how many orders of the threads.
set -euo pipefail
source "$(dirname "$0")/../packaging/requirements.sh"
cd "$ROOT"
TOOLCHAIN=${TOOLCHAIN:-nightly}
SEEDS=${SEEDS:-16}

has_toolchain() {
	local components
	components=$(rustup component list --installed --toolchain "$TOOLCHAIN" 2>/dev/null) || return
	grep -q '^miri' <<<"$components" && grep -q '^rust-src' <<<"$components"
}

has_toolchain || fail "needs Rust's toolchain $TOOLCHAIN, with Miri and the standard library's source. With rustup (https://rustup.rs):
    rustup toolchain install $TOOLCHAIN --component miri,rust-src"
install_missing "${BUILD_PACKAGES[@]}"
host=$(rustc "+$TOOLCHAIN" -vV | sed -n 's/^host: //p')
build=$PWD/target/sanitizers

# Modules of which Miri knows every foreign function that they call. Time goes by instructions, not by the clock.
miri() {
	local shared=(engine::counters:: engine::cycle_request:: engine::delay_reading:: engine::handover:: engine::pace:: engine::ring::
		node::clock:: node::cycle:: node::data_loop::)
	local threads=(two_threads node::cycle:: node::data_loop::)
	run_miri "" "${shared[@]}"
	run_miri "-Zmiri-many-seeds=0..$SEEDS" "${threads[@]}"
}

# run_miri FLAGS NAME…
run_miri() {
	MIRIFLAGS="-Zmiri-isolation-error=hide -Zmiri-env-set=PROPTEST_CASES=4 $1" \
		cargo "+$TOOLCHAIN" miri test --locked --target-dir "$build" --lib -- "${@:2}"
}

# With a standard library of its own, and dependencies that are built faster than they run. The C libraries are as they are.
thread() {
	RUSTFLAGS=-Zsanitizer=thread cargo "+$TOOLCHAIN" test --locked --target-dir "$build/thread" --target "$host" \
		-Zbuild-std --config 'profile.dev.package."*".opt-level=0' --lib -- engine:: output:: node::
}

case ${1:-all} in
miri | thread) "$1" ;;
all)
	miri
	thread
	;;
*) fail "either miri or thread" ;;
esac
