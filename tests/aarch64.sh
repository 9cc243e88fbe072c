#!/bin/bash
# tests/aarch64.sh [build]: the signal path's own tests on AArch64 (NEON), under qemu, and how many instructions a block
# takes there. With `build`, the whole program is built for it, too: target/aarch64/build/…/spatiald.
#
# Needs gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and qemu-user-static, which it installs, and a standard library for
# AArch64: the toolchain's own where it has one (`rustup target add aarch64-unknown-linux-gnu`), else Debian's, which it
# unpacks into target/aarch64 beside a compiler that fits. It installs no package of another architecture.
set -euo pipefail
source "$(dirname "$0")/../packaging/requirements.sh"
source "$ROOT/packaging/cross.sh"
cd "$ROOT"
TARGET=$CROSS_TARGET
WORK=$CROSS
install_missing "${CROSS_PACKAGES[@]}" qemu-user-static
ensure_rust
ensure_cross_rust
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64-static -L /usr/aarch64-linux-gnu"
signal_path=(--locked --release --target "$TARGET" --target-dir "$WORK/build"
	--manifest-path benches/instructions/Cargo.toml)
# That table judges an algorithm, not an instruction set, and takes minutes in emulation.
cargo test "${signal_path[@]}" -- --skip the_table_of_synthetic_signals

# One instruction a line of qemu's log; two counts leave out what building it all takes.
cargo build --quiet "${signal_path[@]}"
count() {
	qemu-aarch64-static -L /usr/aarch64-linux-gnu -singlestep -d nochain,exec -D /dev/stdout \
		"$WORK/build/$TARGET/release/instructions" "$1" neon "$2" | wc -l
}
for job in matrix mid-side limiter upmix; do
	per_frame=$((($(count "$job" 6) - $(count "$job" 2)) / 4 / 256))
	case $job in
	upmix) echo "$job on neon: $per_frame instructions per frame" ;;
	*) echo "$job on neon: $((per_frame / 6)) instructions per frame and driver" ;;
	esac
done
echo "(an estimate of speed, no more)"

if [ "${1:-}" = build ]; then
	ensure_sysroot
	cargo build --locked --release --target "$TARGET" --target-dir "$WORK/build"
	file "$WORK/build/$TARGET/release/spatiald" 2>/dev/null || ls -l "$WORK/build/$TARGET/release/spatiald"
	qemu-aarch64-static -L "$WORK/sysroot" "$WORK/build/$TARGET/release/spatiald" --version
fi
