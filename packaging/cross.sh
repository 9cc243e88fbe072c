# Building for AArch64 on an amd64 Debian, without installing a package of another architecture. Sourced, after
# requirements.sh, by packaging/build.sh and tests/aarch64.sh.
# shellcheck shell=bash

CROSS_PACKAGES=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross)
CROSS_TARGET=aarch64-unknown-linux-gnu
CROSS=$ROOT/target/aarch64

# The machine's own sources, for both architectures, in lists of our own.
apt_both() {
	mkdir -p "$CROSS/lists/partial" "$CROSS/cache/archives/partial"
	apt-get -qq -o APT::Architectures::=amd64 -o APT::Architectures::=arm64 \
		-o Dir::State::lists="$CROSS/lists" -o Dir::Cache="$CROSS/cache" -o APT::Sandbox::User=root "$@"
}

# unpack FOLDER PACKAGE…: downloads and unpacks, once.
unpack() {
	local folder=$1
	shift
	[ -e "$folder/complete" ] && return
	[ -n "$(ls "$CROSS/lists"/*Packages* 2>/dev/null)" ] || apt_both update
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

# Sets RUSTC to a compiler with a standard library for AArch64: the toolchain's own where it has one (`rustup target add
# aarch64-unknown-linux-gnu`), else Debian's, unpacked beside a compiler that fits.
ensure_cross_rust() {
	export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
	[ -d "$(rustc --print target-libdir --target "$CROSS_TARGET")" ] && return
	local version llvm rust
	version=$(apt-cache policy rustc-web | sed -n 's/ *Candidate: \([0-9]*\.[0-9]*\).*/\1/p')
	llvm=$(apt-cache depends "libstd-rust-web-$version" | sed -n 's/.*Depends: \(libllvm[0-9]*\)$/\1/p')
	rust=$CROSS/rust-$version
	unpack "$rust" rustc-web "libstd-rust-web-$version" libstd-rust-web-dev "$llvm" libxml2 liblzma5 \
		libstd-rust-web-dev:arm64
	cat >"$CROSS/rustc" <<-END
		#!/bin/sh
		export LD_LIBRARY_PATH=$rust/usr/lib/x86_64-linux-gnu:$rust/usr/lib
		exec $rust/usr/bin/rustc "\$@"
	END
	chmod +x "$CROSS/rustc"
	export RUSTC=$CROSS/rustc
}

# Unpacks the libraries that the daemon is linked to into $CROSS/sysroot, and points pkg-config, bindgen and the linker
# there.
ensure_sysroot() {
	local sysroot=$CROSS/sysroot package link arm64=()
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
}
