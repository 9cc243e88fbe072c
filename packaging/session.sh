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

start_session() {
	SESSION=$(mktemp -d "${TMPDIR:-/tmp}/spatiald.XXXXXX")
	unset PIPEWIRE_REMOTE PIPEWIRE_RUNTIME_DIR PULSE_SERVER DISPLAY RUNTIME_DIRECTORY
	export XDG_RUNTIME_DIR=$SESSION/run XDG_CONFIG_HOME=$SESSION/config XDG_STATE_HOME=$SESSION/state
	export XDG_DATA_HOME=$SESSION/data XDG_CACHE_HOME=$SESSION/cache
	export DBUS_SESSION_BUS_ADDRESS=unix:path=$XDG_RUNTIME_DIR/bus
	mkdir -p "$XDG_CONFIG_HOME/pipewire/pipewire.conf.d"
	mkdir -m 700 "$XDG_RUNTIME_DIR"
	# The stock configuration raises the smallest quantum inside a virtual machine: undone.
	cat >"$XDG_CONFIG_HOME/pipewire/pipewire.conf.d/50-quickstart.conf" <<-END
		context.properties = {
		  vm.overrides = { default.clock.min-quantum = 32 }
		}
	END
	# Bluetooth is none of ours; and where logind is not there (a container), its monitor would end WirePlumber.
	mkdir -p "$XDG_CONFIG_HOME/wireplumber/bluetooth.lua.d"
	echo 'bluez_monitor.enabled = false' >"$XDG_CONFIG_HOME/wireplumber/bluetooth.lua.d/80-quickstart.lua"
	start dbus dbus-daemon --session --nofork --nopidfile --address="$DBUS_SESSION_BUS_ADDRESS"
	wait_for "the session bus" test -S "$XDG_RUNTIME_DIR/bus"
	start pipewire pipewire
	wait_for "PipeWire" test -S "$XDG_RUNTIME_DIR/pipewire-0"
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
