#!/bin/bash
# tests/aarch64.sh [build]: the signal path's own tests on AArch64 (NEON), under qemu, and how many instructions a block
# takes there. With `build`, the whole program is built for it, too: target/aarch64/build/…/spatiald.
#
# Needs gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and qemu-user-static, which it installs, and a standard library for
# AArch64: the toolchain's own where it has one (`rustup target add aarch64-unknown-linux-gnu`), else Debian's, which it
# unpacks into target/aarch64 beside a compiler that fits. It installs no package of another architecture.
set -euo pipefail
source "$(dirname "$0")/../packaging/requirements.sh"
cd "$ROOT"
TARGET=aarch64-unknown-linux-gnu
WORK=$ROOT/target/aarch64
mkdir -p "$WORK/lists/partial" "$WORK/cache/archives/partial" "$WORK/debs"

# The machine's own sources, for both architectures, in lists of our own.
apt_both() {
	apt-get -qq -o APT::Architectures::=amd64 -o APT::Architectures::=arm64 \
		-o Dir::State::lists="$WORK/lists" -o Dir::Cache="$WORK/cache" -o APT::Sandbox::User=root "$@"
}

# unpack FOLDER PACKAGE…: downloads and unpacks, once.
unpack() {
	local folder=$1
	shift
	[ -e "$folder/complete" ] && return
	[ -n "$(ls "$WORK/lists"/*Packages* 2>/dev/null)" ] || apt_both update
	echo "fetching $*"
	rm -rf "$folder" && mkdir -p "$folder/debs"
	(cd "$folder/debs" && apt_both download "$@")
	local deb
	for deb in "$folder"/debs/*.deb; do
		dpkg -x "$deb" "$folder"
	done
	rm -r "$folder/debs"
	touch "$folder/complete"
}

install_missing gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static
ensure_rust
if ! [ -d "$(rustc --print target-libdir --target "$TARGET")" ]; then
	version=$(apt-cache policy rustc-web | sed -n 's/ *Candidate: \([0-9]*\.[0-9]*\).*/\1/p')
	llvm=$(apt-cache depends "libstd-rust-web-$version" | sed -n 's/.*Depends: \(libllvm[0-9]*\)$/\1/p')
	rust=$WORK/rust-$version
	unpack "$rust" rustc-web "libstd-rust-web-$version" libstd-rust-web-dev "$llvm" libxml2 liblzma5 \
		libstd-rust-web-dev:arm64
	cat >"$WORK/rustc" <<-END
		#!/bin/sh
		export LD_LIBRARY_PATH=$rust/usr/lib/x86_64-linux-gnu:$rust/usr/lib
		exec $rust/usr/bin/rustc "\$@"
	END
	chmod +x "$WORK/rustc"
	export RUSTC=$WORK/rustc
fi
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
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
	sysroot=$WORK/sysroot
	arm64=()
	for package in libc6 libgcc-s1 libasound2 libasound2-dev libpipewire-0.3-0 libpipewire-0.3-dev libspa-0.2-dev \
		libdbus-1-3 libdbus-1-dev libsystemd0 libcap2 liblz4-1 libzstd1 liblzma5 libgcrypt20 libgpg-error0; do
		arm64+=("$package:arm64")
	done
	unpack "$sysroot" "${arm64[@]}"
	# Links to /lib would lead out of the sysroot, and the linker to static libraries instead.
	find "$sysroot" -type l -lname '/*' ! -lname "$sysroot/*" | while read -r link; do
		ln -sfn "$sysroot$(readlink "$link")" "$link"
	done
	export PKG_CONFIG_SYSROOT_DIR=$sysroot PKG_CONFIG_ALLOW_CROSS=1
	export PKG_CONFIG_LIBDIR=$sysroot/usr/lib/aarch64-linux-gnu/pkgconfig
	export BINDGEN_EXTRA_CLANG_ARGS="--target=aarch64-linux-gnu -I/usr/aarch64-linux-gnu/include -I$sysroot/usr/include"
	export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-L $sysroot/usr/lib/aarch64-linux-gnu
		-C link-arg=-Wl,-rpath-link,$sysroot/usr/lib/aarch64-linux-gnu:$sysroot/lib/aarch64-linux-gnu"
	cargo build --locked --release --target "$TARGET" --target-dir "$WORK/build"
	file "$WORK/build/$TARGET/release/spatiald" 2>/dev/null || ls -l "$WORK/build/$TARGET/release/spatiald"
	qemu-aarch64-static -L "$sysroot" "$WORK/build/$TARGET/release/spatiald" --version
fi
