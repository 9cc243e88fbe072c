# A private session for trying things out: D-Bus, PipeWire and WirePlumber in a folder of their own. Sourced.
# shellcheck shell=bash

CHILDREN=()

# start NAME COMMAND…: runs it in the background, its output in $SESSION/NAME.log; it is ended by end_session.
start() {
	local name=$1
	shift
	"$@" >"$SESSION/$name.log" 2>&1 </dev/null &
	CHILDREN+=($!)
}

# wait_for WHAT COMMAND…: until the command succeeds; 20 s at most.
wait_for() {
	local what=$1 tries=200
	shift
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		if [ $tries -le 0 ]; then
			tail -n 5 "$SESSION"/*.log >&2
			fail "$what did not come up"
		fi
		sleep 0.1
	done
}

has_metadata() {
	pw-cli ls Metadata | grep -q '"default"'
}

# no_monitors FOLDER: WirePlumber without a monitor of hardware: real cards and their mixers are left alone; and where
# logind is not there (a container), Bluetooth's would end WirePlumber. 0.4 is configured in Lua, later ones are not.
no_monitors() {
	case $(wireplumber --version) in
	*wireplumber\ 0.4.*)
		mkdir -p "$1"/{main,bluetooth}.lua.d
		printf '%s_monitor.enabled = false\n' alsa v4l2 libcamera >"$1/main.lua.d/80-quickstart.lua"
		printf '%s_monitor.enabled = false\n' bluez >"$1/bluetooth.lua.d/80-quickstart.lua"
		;;
	*)
		mkdir -p "$1/wireplumber.conf.d"
		cat >"$1/wireplumber.conf.d/80-quickstart.conf" <<-END
			wireplumber.profiles = {
			  main = { hardware.audio = disabled, hardware.bluetooth = disabled, hardware.video-capture = disabled }
			}
		END
		;;
	esac
}

start_session() {
	SESSION=$(mktemp -d "${TMPDIR:-/tmp}/spatiald.XXXXXX")
	unset PIPEWIRE_REMOTE PIPEWIRE_RUNTIME_DIR PULSE_SERVER DISPLAY RUNTIME_DIRECTORY
	export XDG_RUNTIME_DIR=$SESSION/run XDG_CONFIG_HOME=$SESSION/config XDG_STATE_HOME=$SESSION/state
	export XDG_DATA_HOME=$SESSION/data XDG_CACHE_HOME=$SESSION/cache
	export DBUS_SESSION_BUS_ADDRESS=unix:path=$XDG_RUNTIME_DIR/bus
	mkdir -m 700 "$XDG_RUNTIME_DIR"
	no_monitors "$XDG_CONFIG_HOME/wireplumber"
	start dbus dbus-daemon --session --nofork --nopidfile --address="$DBUS_SESSION_BUS_ADDRESS"
	wait_for "the session bus" test -S "$XDG_RUNTIME_DIR/bus"
	start pipewire pipewire
	# The stock configuration raises the smallest quantum inside a virtual machine: undone, in words that every version has.
	wait_for "PipeWire" pw-metadata -n settings 0 clock.min-quantum 32
	start wireplumber wireplumber
	wait_for "WirePlumber" has_metadata
}

# Ends what `start` began, last first, and removes the session's folder.
end_session() {
	local i
	for ((i = ${#CHILDREN[@]} - 1; i >= 0; i--)); do
		kill "${CHILDREN[i]}" 2>/dev/null || true
		wait "${CHILDREN[i]}" 2>/dev/null || true
	done
	CHILDREN=()
	if [ -n "${SESSION:-}" ]; then
		rm -rf "$SESSION"
	fi
}
