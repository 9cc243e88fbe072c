#!/bin/bash
# tests/arm64.sh: the arm64 package that packaging/build.sh has built, in a bare arm64 Debian 13 under emulation: apt installs
# it, and packaging/quickstart.sh --package plays a file through it; what came out is compared with what this machine
# renders. Needs root. Says nothing of a Raspberry Pi's speed.
set -euo pipefail
source "$(dirname "$0")/../packaging/requirements.sh"
source "$(dirname "$0")/root.sh"
cd "$ROOT"
why=$(no_roots)
[ -z "$why" ] || fail "no bare system can be made: $why"
package=$(ls -t target/package/spatiald_*_arm64.deb 2>/dev/null | head -n 1)
[ -n "$package" ] || fail "there is no package: run packaging/build.sh arm64"
install_missing mmdebstrap qemu-user-static
ensure_rust

# The kernel runs programs of arm64 by the emulator; F: opened now, so that it is found in the bare system, too.
formats=/proc/sys/fs/binfmt_misc
[ -e $formats/register ] || mount -t binfmt_misc binfmt_misc $formats
if ! [ -e $formats/qemu-aarch64 ]; then
	magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
	mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
	echo ":qemu-aarch64:M::$magic:$mask:/usr/bin/qemu-aarch64-static:F" >$formats/register
fi
root=$ROOTS/trixie-arm64
if ! [ -d "$root" ]; then
	mkdir -p "$ROOTS"
	rm -rf "$root.new"
	mmdebstrap --quiet --variant=minbase --architectures=arm64 trixie "$root.new" \
		"deb $(mirror '^(bookworm|trixie|stable|oldstable|testing|sid|unstable)$' http://deb.debian.org/debian) trixie main"
	mkdir -p "$root.new$ROOT" "$root.new/root/.cargo/registry"
	mv "$root.new" "$root"
fi

# Its target folder is its own.
install -D -t "$root/target/package" "$package"
in_root trixie-arm64 env DEBIAN_FRONTEND=noninteractive bash -euc 'package=$1
	apt-get -qq update
	apt-get -qq -y install "./$package" >/tmp/apt.log 2>&1 || { tail -n 20 /tmp/apt.log; exit 1; }
	dpkg-query -W -f "\${Package} \${Version} \${Architecture}\n" spatiald
	spatiald --version
	spatiald --check
	spatiald design /usr/share/spatiald/devices/pair.toml -o /tmp/pair >/dev/null
	packaging/quickstart.sh --package "$package"
	apt-get -qq -y purge spatiald >/dev/null 2>&1' install "$package"
out=$root/target/quickstart
cargo build --quiet --locked -p spatiald -p quickstart-tools --bins
target/debug/spatiald render --profile conf/profiles/cylinder "$root/usr/share/sounds/alsa/Front_Center.wav" "$out/here.wav"
target/debug/compare conf/profiles/cylinder "$out/recording.wav" "$out/here.wav"
