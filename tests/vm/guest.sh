#!/bin/bash
# What happens in the virtual machine: one line a stage, ok or FAILED, whatever became of the one before. Run as root by
# guest.service; the packages, the music and the stages lie beside it, and what is to be looked at outside is put there.
# shellcheck disable=SC2317 # the stages call what is here
set -euo pipefail
SHARE=/share
WORK=/dev/shm/test
log=$WORK/log
failed=0
mkdir "$WORK"
chmod 755 "$WORK"

# note WORDS…: a line below the stage's own.
note() {
	printf '  %s\n' "$*" >>"$WORK/notes"
}

# wait_until SECONDS WHAT COMMAND…
wait_until() {
	local seconds=$1 what=$2 end=$((SECONDS + $1))
	shift 2
	until "$@" >"$WORK/tried" 2>&1; do
		[ "$SECONDS" -lt "$end" ] || {
			echo "after $seconds s not yet: $what"
			cat "$WORK/tried"
			return 1
		}
		sleep 0.5
	done
}

# stage NAME COMMAND…: the command may fail at any point, and is over then.
stage() {
	local name=$1 begin=$SECONDS since status verdict=ok
	since=$(date +%s)
	shift
	: >"$WORK/notes"
	set +e
	(
		set -e
		"$@"
	) >"$log" 2>&1
	status=$?
	set -e
	if [ $status -ne 0 ]; then
		verdict=FAILED failed=$((failed + 1))
	fi
	printf '%-64s %-6s %4d s\n' "$name" $verdict $((SECONDS - begin))
	cat "$WORK/notes"
	if [ $status -ne 0 ]; then
		tail -n 30 "$log" | sed 's/^/  | /'
		journalctl --no-pager -q -o short-monotonic --since="@$since" -t spatiald -t systemd -t wireplumber -t pipewire |
			tail -n 25 | sed 's/^/  journal: /'
	fi
}

# Tells the outside, and ends: after what the rest needs has failed, or at the end.
finish() {
	echo "$failed" >"$SHARE/failed"
	exit
}

source "$SHARE/stages.sh"
compose_music
stage "a machine with its user's PipeWire and an 8-channel card" machine
list_files >"$WORK/before"
stage "apt install ./spatiald_*.deb" install_package
stage "profile and card named, systemctl --user enable --now spatiald" enable
[ $failed -eq 0 ] || finish
stage "wpctl set-default, pw-play: the card gets sound" first_sound
stage "the card is spatiald's, not WirePlumber's" owns_card
stage "spatiald doctor finds nothing wrong" doctor
stage "a file is played and recorded from the card" record
stage "systemctl --user reload: another profile while music plays" reload
stage "SCHED_FIFO, memory locked as granted" real_time as_user
stage "systemd-analyze: exposure at most 2.0, nothing to verify" analyze --user
stage "a reload that is refused: systemctl says so, the music plays on" refused_reload
stage "the card is unbound and bound: sound comes back" replug
stage "kill -9 pipewire: sound comes back" kill_pipewire
stage "WirePlumber's rule: it leaves the card alone, the sound stays" rule
stage "upgrade while music plays: the new version plays it" upgrade
stage "the user's session starts anew: spatiald comes up, the default sink" new_session
stage "the system's service instead, for the user spatiald" system_service
stage "its SCHED_FIFO, memory locked as granted" real_time as_service
stage "its systemd-analyze: exposure at most 2.0, nothing to verify" analyze --system
stage "apt remove: nothing runs, the configuration is kept" remove
stage "apt purge: no file is left" purge
finish
