#!/bin/bash
# quickstart.sh [FILE] [--device PCM] [--profile NAME] [--package FILE.deb]
#
# Installs what is needed, builds spatiald, and plays FILE (WAV, FLAC, Ogg, MP3; else a short demo made on the spot)
# through a private PipeWire session with the daemon in it: into an 8-channel stand-in for a sound card that records what
# each driver gets, or, with --device, into a real ALSA PCM such as hw:0. Ends with what came out. Touches nothing of the
# desktop session that may be running.
#
# With --package, nothing is built: the program of that package is tried, without installing it.
set -euo pipefail
source "$(dirname "$0")/requirements.sh"
source "$(dirname "$0")/session.sh"

usage() {
	sed -n '2,10s/^# \{0,1\}//p' "$0"
	exit "$1"
}

file='' device='' profile=cylinder package=''
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage 0 ;;
	--device | --profile | --package)
		[ $# -ge 2 ] || usage 2 >&2
		declare "${1#--}=$2"
		shift
		;;
	-*) usage 2 >&2 ;;
	*)
		[ -z "$file" ] || usage 2 >&2
		file=$1
		;;
	esac
	shift
done
if [ -n "$file" ]; then
	[ -r "$file" ] && [ -f "$file" ] || fail "$file: no such file, or it may not be read"
	file=$(realpath "$file")
fi
[ -z "$package" ] || package=$(realpath "$package")
case $profile in */*) profile=$(realpath -m "$profile") ;; esac

say() {
	printf '\n\033[1m%s\033[0m\n' "$*"
}

# With the program, and what it is installed with.
if [ -n "$package" ]; then
	[ -f "$package" ] || fail "$package: no such file"
	say "Unpack $(basename "$package")"
	install_missing gcc libc6-dev libasound2-dev "${SESSION_PACKAGES[@]}"
	out=$ROOT/target/quickstart
	rm -rf "$out/package" && mkdir -p "$out/package"
	dpkg-deb -x "$package" "$out/package"
	built=$out/package/usr/bin
	shared=$out/package/usr/share/spatiald
	"$built/spatiald" --version || fail "the package does not fit this machine: $(dpkg-deb -f "$package" Architecture Depends | xargs)"
else
	say "Build"
	# shellcheck disable=SC2046 # a list
	install_missing "${BUILD_PACKAGES[@]}" "${SESSION_PACKAGES[@]}" $(missing_rust)
	ensure_rust
	built=${CARGO_TARGET_DIR:-$ROOT/target}/release
	shared=$ROOT/conf
	[ -x "$built/spatiald" ] || echo "(the first build takes 2 to 5 minutes on a PC, 10 to 20 on a Raspberry Pi)"
	(cd "$ROOT" && cargo build --release --locked -p spatiald -p quickstart-tools --bins)
	out=${CARGO_TARGET_DIR:-$ROOT/target}/quickstart
	mkdir -p "$out"
fi
cd "$ROOT"
folder=$shared/profiles/$profile
case $profile in */*) folder=$profile ;; esac
[ -f "$folder/profile.toml" ] || fail "$profile: no such profile; there are $(ls -x "$shared/profiles" | xargs)"
if [ -z "$file" ] && [ -x "$built/demo" ]; then
	file=$out/demo.wav
	"$built/demo" "$file"
fi
# A voice, from the package alsa-utils.
: "${file:=/usr/share/sounds/alsa/Front_Center.wav}"
# What should come out; and a file that is no music is found out before it is played.
rendered=$out/rendered.wav
"$built/spatiald" render --profile "$folder" "$file" "$rendered"

say "Session"
trap end_session EXIT
trap 'echo; exit 130' INT
trap 'exit 143' TERM
start_session
card=$SESSION/card
mkdir "$card"
if [ -n "$device" ]; then
	pcm=$device
else
	tests/card/build.sh "$out/card"
	export ALSA_CONFIG_PATH=$out/card/asound.conf
	pcm="testcard:DIR=$card,CHANNELS=8"
fi
printf 'format = 1\ndevice = "%s"\n' "$pcm" >"$SESSION/spatiald.toml"
spatiald() {
	"$built/spatiald" --instance quickstart "$@"
}
start spatiald "$built/spatiald" --no-wait --instance quickstart --config "$SESSION/spatiald.toml" --profile "$folder"
daemon=$!
is_running() {
	kill -0 "$daemon" 2>/dev/null
}
# Stops with how the daemon ended, and why as far as it said.
died() {
	local status=0 how
	wait "$daemon" || status=$?
	how="exit status $status"
	[ $status -le 128 ] || how="killed by SIG$(kill -l $((status - 128)))"
	fail "the daemon has ended ($how): $(grep -m 1 '^spatiald: ' "$SESSION/spatiald.log" || tail -n 3 "$SESSION/spatiald.log")"
}
is_ready_or_ended() {
	! is_running || spatiald --status --json | grep -Eq '"state": "(idle|playing)"'
}
wait_for "the daemon" is_ready_or_ended
is_running || died
sink_id() {
	pw-cli ls Node | awk '/^\tid / { id = $2 + 0 } /node.name = "spatiald.quickstart"/ { print id; found = 1 } END { exit !found }'
}
wait_for "the sink" sink_id
has_ports() {
	pw-link -i | grep -q '^spatiald.quickstart:playback_FL$'
}
wait_for "the session manager" has_ports
wpctl set-default "$(sink_id)"
# A new sink starts at 40 %. What the stand-in records is compared with the file as it is; a loudspeaker is spared.
[ -n "$device" ] || wpctl set-volume "$(sink_id)" 1.0
volume=$(wpctl get-volume "$(sink_id)" | awk '{ print 100 * $2 " %" }')
wpctl status | awk '/Sinks:/ { found = 1 } found && /^ │ *$/ { exit } found'

say "Playing $(basename "$file") through $(basename "$folder")"
# The player's thread that reads the file is an ordinary one: on a busy machine it would leave gaps.
realtime=()
! chrt -f 60 true 2>/dev/null || realtime=(chrt -f 60)
start player "${realtime[@]}" pw-play "$file"
player=$!
while kill -0 "$player" 2>/dev/null; do
	is_running || died
	spatiald --status >"$SESSION/now" 2>/dev/null && grep -q '^state  *playing' "$SESSION/now" && mv "$SESSION/now" "$SESSION/status"
	sleep 0.5
done
wait "$player" || fail "pw-play: $(tail -n 1 "$SESSION/player.log")"
[ -f "$SESSION/status" ] || spatiald --status >"$SESSION/status"
sleep 1 # the chain's tail
is_running || died
kill "$daemon"
wait "$daemon" || died

say "What came out"
compared=''
if [ -n "$device" ]; then
	[ -n "$package" ] || "$built/levels" "$folder" "$rendered" --by-driver
	echo "sent to $device, the volume at $volume; the same at 100 %, rendered: $rendered"
else
	recording=$out/recording.wav
	# Another one was begun if the card was opened again: the longest tells most.
	mv "$(ls -S "$card"/recording-*.wav | head -n 1)" "$recording"
	[ -n "$package" ] || "$built/levels" "$folder" "$recording"
	echo "recording: $recording (8 channels, as the card's converters played it)"
	[ -n "$package" ] && echo "rendered:  $rendered" || compared=$("$built/compare" "$folder" "$recording" "$rendered")
fi
say "The daemon, near the end"
cat "$SESSION/status"
[ -z "$compared" ] || echo "$compared"
if ! grep -Eq '^real time .*(FIFO|RR).*(FIFO|RR)' "$SESSION/status"; then
	echo
	echo "Real time was not granted to $(id -un): a busy machine will be heard. On Debian, join the group that may have it,"
	echo "    sudo usermod -aG pipewire $(id -un)"
	echo "and log in again; on a desktop, installing rtkit does as well."
fi
