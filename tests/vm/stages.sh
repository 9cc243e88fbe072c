# The stages of tests/vm/guest.sh. Each stops at its first failing command.
# shellcheck shell=bash
set -euo pipefail

CARD=Loopback
CONFIG=/etc/spatiald/spatiald.toml
PROFILES=/etc/spatiald/profiles
# Maintainer scripts that wait for ever shall not keep the rest from being told.
APT=(timeout 200 env DEBIAN_FRONTEND=noninteractive apt-get -q -y)
UNIT=spatiald.service

# `!` before a command would keep `set -e` from seeing it fail.
not() {
	! "$@"
}

# as USER COMMAND…: in the session of that user.
as() {
	local user=$1
	shift
	runuser -u "$user" -- env --chdir=/ XDG_RUNTIME_DIR="/run/user/$(id -u "$user")" "$@"
}

as_user() {
	as listener "$@"
}

# The user of the system's service.
as_service() {
	as spatiald RUNTIME_DIRECTORY=/run/spatiald "$@"
}

# Everything on the disk but what a running system and apt write at all times.
list_files() {
	find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/tmp -o -path /share \
		-o -path /var/log -o -path /var/cache/apt -o -path /var/cache/debconf -o -path /var/lib/apt -o -path '/home/*/.local/state/wireplumber' \
		-o -path '/var/lib/dpkg/*-old' \) -prune -o -print | sort
	cat /etc/passwd /etc/group /etc/shadow /etc/gshadow
}

# sink_id NAME: the id of that node, its name a pattern of awk's.
sink_id() {
	as_user pw-cli ls Node |
		awk '/^\tid / { id = $2 + 0 } /node.name = "'"$1"'"/ && !found { print id; found = 1 } END { exit !found }'
}

# is_default [AS]: the sink is there and is what players get.
is_default() {
	"${1:-as_user}" wpctl inspect @DEFAULT_AUDIO_SINK@ | grep -F 'node.name = "spatiald.default"'
}

# capture SECONDS: what the card gets, raw.
capture() {
	arecord -q -D hw:$CARD,1,0 -t raw -f S32_LE -c 8 -r 48000 -d "$1"
}

# value KEY FILE: a number or a string out of what --status --json printed.
value() {
	sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\).*/\1/p" "$2" | head -n 1
}

# hears AS: the daemon plays and the card gets it. A starved card repeats old sound: the daemon's frames must move.
hears() {
	"$1" spatiald --status --json >"$WORK/earlier" && capture 1 | tr -d '\0' >"$WORK/heard" &&
		"$1" spatiald --status --json >"$WORK/now" || return 1
	local earlier now sound
	earlier=$(value frames "$WORK/earlier") now=$(value frames "$WORK/now") sound=$(stat -c %s "$WORK/heard")
	echo "frames $earlier to $now, $sound bytes of sound, $(value state "$WORK/now"); player: $(cat "$WORK/player.log")"
	[ "$(value state "$WORK/now")" = playing ] && [ "$now" -gt $((earlier + 24000)) ] && [ "$sound" -gt 100000 ]
}

# play FILE [USER]: in the background, in real time: the player's thread that reads would leave gaps in emulation.
play() {
	local user=${2:-listener}
	chrt -f 60 runuser -u "$user" -- env --chdir=/ XDG_RUNTIME_DIR="/run/user/$(id -u "$user")" pw-play "$1" \
		>"$WORK/player.log" 2>&1 &
	echo $! >"$WORK/player"
}

plays_on() {
	kill -0 "$(cat "$WORK/player")"
}

stop_music() {
	pkill -x pw-play || true
}

main_pid() {
	"$@" show -p MainPID --value $UNIT
}

machine() {
	local package
	# shellcheck source=/dev/null
	. /etc/os-release
	note "$PRETTY_NAME, Linux $(uname -r)"
	for package in systemd pipewire wireplumber; do
		note "$package $(dpkg-query -W -f '${Version}' "$package")"
	done
	grep "\[$CARD" /proc/asound/cards
	wait_until 120 "the user's session" as_user systemctl --user is-active pipewire wireplumber
	wait_until 120 "WirePlumber's sink" sink_id 'alsa_output.*'
}

install_package() {
	cp "$SHARE"/first/spatiald_*.deb "$WORK"
	cd "$WORK"
	date +%s >"$WORK/begun"
	"${APT[@]}" install ./spatiald_*.deb
	rm spatiald_*.deb
	note "$(spatiald --version)"
}

# set_key KEY VALUE: in the configuration, where it stands first; examples of tables follow.
set_key() {
	sed -i "0,/^#\{0,1\}$1 = .*/s//$1 = $2/" $CONFIG
}

# wire PROFILE NAME: a pair of loudspeakers on the first and the last of the card's eight outputs. More than two drivers
# ask too much of emulation.
wire() {
	mkdir -p $PROFILES
	cp -r "/usr/share/spatiald/profiles/$1" "$PROFILES/$2"
	sed -i -e "s/^name = \"$1\"/name = \"$2\"/" -e 's/^channel = 1/channel = 7/' "$PROFILES/$2/profile.toml"
}

# Periods are long, as emulation is slow. The limits for the group audio count from the next login on.
enable() {
	wire pair outer
	wire pair-wide outer-wide
	set_key profile '"outer"'
	set_key device "\"hw:CARD=$CARD\""
	set_key period_frames 2048
	set_key periods 8
	as_user spatiald --check
	systemctl restart user@1000.service
	wait_until 60 "the user's session" as_user systemctl --user is-active pipewire wireplumber
	as_user systemctl --user enable --now spatiald
	as_user systemctl --user is-active spatiald
}

first_sound() {
	wait_until 60 "the sink" sink_id spatiald.default
	as_user wpctl set-default "$(sink_id spatiald.default)"
	wait_until 10 "the default sink" is_default
	note "at first sight: $(as_user wpctl get-volume @DEFAULT_AUDIO_SINK@)"
	play "$WORK/music.au"
	wait_until 60 "sound" hears as_user
	note "$(($(date +%s) - $(cat "$WORK/begun"))) s from apt install to sound, in emulation, where it means little"
	stop_music
}

owner() {
	local pid
	pid=$(sed -n 's/^owner_pid *: //p' /proc/asound/$CARD/pcm0p/sub0/status)
	[ -n "$pid" ] && sed -n 's/^Name:\t//p' "/proc/$(sed -n 's/^Tgid:\t//p' "/proc/$pid/status")/status"
}

owns_card() {
	local reserved_by
	[ "$(owner)" = spatiald ]
	reserved_by=$(as_user busctl --user get-property org.freedesktop.ReserveDevice1.Audio0 \
		/org/freedesktop/ReserveDevice1/Audio0 org.freedesktop.ReserveDevice1 ApplicationName)
	echo "reserved by $reserved_by"
	[ "$reserved_by" = 's "spatiald"' ]
	not sink_id 'alsa_output.*'
}

doctor() {
	as_user spatiald doctor
}

record() {
	local recorder
	as_user wpctl set-volume @DEFAULT_AUDIO_SINK@ 1.0
	chrt -f 70 arecord -q -D hw:$CARD,1,0 -t wav -f S32_LE -c 8 -r 48000 "$WORK/recording.wav" &
	recorder=$!
	sleep 2
	as_user spatiald --status | grep '^xruns'
	play "$SHARE/demo.wav"
	wait "$(cat "$WORK/player")"
	sleep 2
	kill -INT $recorder
	wait $recorder || true
	as_user spatiald --status >"$WORK/status"
	cat "$WORK/status"
	note "$(grep '^device' "$WORK/status")"
	note "$(grep '^load' "$WORK/status")"
	note "$(grep '^xruns' "$WORK/status")"
	spatiald render --profile $PROFILES/outer "$SHARE/demo.wav" "$WORK/rendered.wav"
	mv "$WORK/recording.wav" "$WORK/rendered.wav" "$SHARE"
	cp -r $PROFILES/outer "$SHARE"
}

# The threads that carry the sound, and the memory that is locked: the package allows both.
real_time() {
	local pid said locked
	pid=$(pgrep -x spatiald)
	said=$("$1" spatiald --status | sed -n 's/^real time *//p')
	note "$said"
	ps -L -o cls=,rtprio=,comm= -p "$pid"
	[ "$(ps -L -o cls= -p "$pid" | grep -c FF)" -ge 2 ]
	[[ $said =~ FIFO.*FIFO ]]
	locked=$(sed -n 's/^VmLck:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status")
	note "locked $locked KiB, of $(prlimit --pid "$pid" --memlock --raw --noheadings -o SOFT) bytes allowed"
	[[ $said =~ "memory locked" ]] && [ "$locked" -gt 10000 ]
}

analyze() {
	local said in=()
	[ "$1" = --system ] || in=(as_user)
	said=$("${in[@]}" systemd-analyze "$1" --no-pager --threshold=20 security $UNIT) || {
		echo "$said"
		return 1
	}
	note "$(tail -n 1 <<<"$said" | sed 's/^[^[:alpha:]]*//')"
	said=$("${in[@]}" systemd-analyze "$1" --man=no verify "/usr/lib/systemd/${1#--}/$UNIT" 2>&1)
	[ -z "$said" ] || {
		echo "$said"
		return 1
	}
}

# Ten minutes without an end: a header of Sun's, big-endian.
compose_music() {
	tail -c +45 "$SHARE/demo.wav" | dd conv=swab bs=64k status=none >"$WORK/music.be"
	{
		printf '.snd\0\0\0\030\377\377\377\377\0\0\0\003\0\0\273\200\0\0\0\002'
		for _ in {1..35}; do cat "$WORK/music.be"; done
	} >"$WORK/music.au"
}

plays_profile() {
	as_user spatiald --status | grep "^profile *$1 "
}

reload() {
	play "$WORK/music.au"
	wait_until 60 "sound" hears as_user
	set_key profile '"outer-wide"'
	as_user systemctl --user reload spatiald
	plays_profile outer-wide
	hears as_user
	set_key profile '"outer"'
	as_user systemctl --user reload spatiald
	plays_profile outer
	plays_on
}

refused_reload() {
	local status=0
	set_key profile '"nothing"'
	as_user systemctl --user reload spatiald || status=$?
	set_key profile '"outer"'
	[ $status -ne 0 ]
	as_user systemctl --user is-active spatiald
	plays_profile outer
	hears as_user
	plays_on
}

is_unplugged() {
	as_user spatiald --status | grep '^state *waiting for the device'
}

replug() {
	local driver=/sys/bus/platform/drivers/snd_aloop
	timeout 60 sh -c "echo snd_aloop.0 >$driver/unbind"
	wait_until 30 "the loss is seen" is_unplugged
	echo snd_aloop.0 >$driver/bind
	wait_until 60 "sound" hears as_user
	owns_card
	plays_on
}

kill_pipewire() {
	local pid
	pid=$(main_pid as_user systemctl --user)
	as_user systemctl --user kill -s KILL pipewire.service
	wait_until 60 "PipeWire is back" as_user systemctl --user is-active pipewire wireplumber
	wait_until 60 "the sink" sink_id spatiald.default
	wait_until 30 "the default sink" is_default
	[ "$(main_pid as_user systemctl --user)" = "$pid" ]
	# Its players died with it.
	play "$WORK/music.au"
	wait_until 60 "sound" hears as_user
}

rule() {
	local folder file
	case $(as_user wireplumber --version) in
	*libwireplumber\ 0.4.*) folder=main.lua.d file=51-spatiald.lua ;;
	*) folder=wireplumber.conf.d file=51-spatiald.conf ;;
	esac
	as_user mkdir -p "/home/listener/.config/wireplumber/$folder"
	sed "s/CARD NAME/$CARD/" "/usr/share/spatiald/wireplumber/$file" |
		as_user tee "/home/listener/.config/wireplumber/$folder/$file" >/dev/null
	as_user systemctl --user restart wireplumber
	wait_until 60 "the default sink" is_default
	# Without the card there was no sink for a moment: players may have given up.
	plays_on || play "$WORK/music.au"
	wait_until 60 "sound" hears as_user
	as_user wpctl status >"$WORK/wpctl"
	cat "$WORK/wpctl"
	not grep -q "$CARD" "$WORK/wpctl"
	owns_card
}

upgrade() {
	local pid
	pid=$(main_pid as_user systemctl --user)
	cp "$SHARE"/later/spatiald_*.deb "$WORK"
	cd "$WORK"
	"${APT[@]}" install ./spatiald_*.deb || {
		ps -N --ppid 2 --forest -o pid=,etimes=,args= | tail -n 20
		as_user systemctl --user list-jobs --no-pager
		return 1
	}
	note "$(dpkg-query -W -f '${Version}' spatiald)"
	wait_until 60 "the service" as_user systemctl --user is-active spatiald
	[ "$(main_pid as_user systemctl --user)" != "$pid" ]
	[ "$(readlink "/proc/$(main_pid as_user systemctl --user)/exe")" = /usr/bin/spatiald ]
	grep '^profile = "outer"' $CONFIG
	wait_until 60 "sound" hears as_user
	plays_on
	stop_music
}

new_session() {
	systemctl restart user@1000.service
	wait_until 60 "the service" as_user systemctl --user is-active spatiald
	wait_until 60 "the default sink" is_default
	play "$WORK/music.au"
	wait_until 60 "sound" hears as_user
	stop_music
}

system_service() {
	as_user systemctl --user disable --now spatiald
	systemctl stop user@1000.service
	systemctl enable --now spatiald
	systemctl is-active spatiald
	wait_until 60 "the session of spatiald" as_service systemctl --user is-active pipewire wireplumber
	wait_until 60 "the default sink" is_default as_service
	play "$WORK/music.au" spatiald
	wait_until 60 "sound" hears as_service
	systemctl reload spatiald
}

remove() {
	"${APT[@]}" remove spatiald
	not pgrep -x spatiald
	[ -e $CONFIG ]
	not test -e /usr/bin/spatiald
	wait_until 30 "the service's user is gone" not pgrep -u spatiald
}

purge() {
	"${APT[@]}" purge spatiald
	# What a user has made, as docs/installing.md says.
	rm -r $PROFILES /home/listener/.config/wireplumber
	rm -rf /home/listener/.config/spatiald /home/listener/.local/state/spatiald
	rmdir -p --ignore-fail-on-non-empty /etc/spatiald /home/listener/.config/systemd/user
	list_files >"$WORK/after"
	diff "$WORK/before" "$WORK/after"
}
