#!/bin/bash
# tests/vm/run.sh [--fresh] [bookworm|trixie]…
#
# Boots Debian 12 and 13 (or those named) with systemd, PipeWire and an 8-channel snd-aloop card in a virtual machine, and
# takes the package that packaging/build.sh has built through the life of an installation there (tests/vm/guest.sh): one
# line a stage. Needs root. The images are made by mmdebstrap where there are none yet (--fresh: also where there are) and
# kept in ~/.cache/spatiald/vm; a run leaves no trace in them. Emulated in software: about 10 minutes each.
set -euo pipefail
source "$(dirname "$0")/../../packaging/requirements.sh"
source "$ROOT/tests/root.sh"
source "$ROOT/tests/package.sh"
source "$ROOT/tests/vm/image.sh"
cd "$ROOT"
# What may be lost in emulation between a player and the card.
MAX_GAPS=3 MIN_EQUAL_PERCENT=90
MAX_SECONDS=3600

usage() {
	sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

releases=()
while [ $# -gt 0 ]; do
	case $1 in
	--fresh) rm -rf --one-file-system "$IMAGES" ;;
	bookworm | trixie) releases+=("$1") ;;
	*) usage ;;
	esac
	shift
done
[ ${#releases[@]} -gt 0 ] || releases=(bookworm trixie)
[ "$(id -u)" -eq 0 ] || fail "run it as root"
[ "$(uname -m)" = x86_64 ] || fail "the virtual machines are PCs: run it on an x86_64 machine"
install_missing qemu-system-x86
package=$(newest_package)
tools=${CARGO_TARGET_DIR:-target}/debug
# shellcheck disable=SC2119 # no more than cargo
ensure_rust
cargo build --quiet --locked -p quickstart-tools --bins

# boot RELEASE FOLDER: until it switches itself off; what it says to standard output.
# KVM is not used even where it is: what works here shall work everywhere. The processor is one without AVX, whose
# emulation damages sound (QEMU 7.2), and ends programs that look for it.
boot() {
	local image
	image=$(image_folder "$1")
	timeout --foreground $MAX_SECONDS qemu-system-x86_64 -machine q35,accel=tcg -cpu Nehalem -smp 2 -m 1536 \
		-no-reboot -nodefaults -display none -nic none \
		-kernel "$image/vmlinuz" -initrd "$image/initrd.img" \
		-append "root=/dev/vda rw console=ttyS0 quiet mitigations=off no_timer_check panic=-1" \
		-drive "file=$image/disk.img,format=raw,if=virtio,snapshot=on" \
		-virtfs "local,path=$2,mount_tag=share,security_model=none" \
		-serial "file:$2/console.log" -serial stdio </dev/null | sed -u 's/\r$//'
}

# compare FOLDER: the recording with what was rendered, in the guest, from the same file.
compare() {
	local said verdict=ok
	said=$("$tools/compare" "$1/outer" "$1/recording.wav" "$1/rendered.wav") || said="compared    not"
	if ! [[ $said =~ "every sample is the rendered one" ]]; then
		[[ $said =~ GAPS:\ ([0-9]+),.*\ ([0-9]+)\.[0-9]\ %\ of\ the\ frames ]] && [ "${BASH_REMATCH[1]}" -le $MAX_GAPS ] &&
			[ "${BASH_REMATCH[2]}" -ge $MIN_EQUAL_PERCENT ] || verdict=FAILED
	fi
	printf '%-64s %s\n  %s\n' "what the card got is what spatiald render makes" $verdict "$said"
	[ $verdict = ok ]
}

verdict=0
for release in "${releases[@]}"; do
	printf '\n\033[1m%s\033[0m\n' "Debian $release, $(basename "$package")"
	make_image "$release"
	share=$PWD/${CARGO_TARGET_DIR:-target}/tmp/vm/$release
	rm -rf "$share"
	mkdir -p "$share"/{first,later}
	cp tests/vm/{guest,stages}.sh "$share"
	cp "$package" "$share/first"
	repack "$package" "$(dpkg-deb -f "$package" Version)+later" "$share/later/$(basename "$package")"
	"$tools/demo" "$share/demo.wav"
	boot "$release" "$share" || true
	if ! [ -e "$share/failed" ]; then
		echo "the virtual machine ended before its test: $share/console.log"
		tail -n 5 "$share/console.log"
		verdict=1
	elif [ "$(cat "$share/failed")" -ne 0 ]; then
		verdict=1
	fi
	[ ! -e "$share/recording.wav" ] || compare "$share" || verdict=1
done
exit $verdict
