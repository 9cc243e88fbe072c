#!/bin/bash
# install.sh BINARY MANUAL [DESTDIR]
#
# Puts all that belongs to spatiald where it belongs: below / (as root), or below DESTDIR (for a package). BINARY is the
# built program, MANUAL the folder that `cargo run --release -p manual MANUAL` wrote. It overwrites no
# configuration of yours below /.
set -euo pipefail
[ $# -ge 2 ] || {
	sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
	exit 2
}
binary=$(realpath "$1") manual=$(realpath "$2") destdir=${3:-}
cd "$(dirname "$0")/.."

# put MODE FILE PATH
put() {
	install -D -m "$1" "$2" "$destdir$3"
}
# keep FILE PATH: not where there is one already.
keep() {
	[ -e "$destdir$2" ] || put 644 "$1" "$2"
}

put 755 "$binary" /usr/bin/spatiald
keep conf/spatiald.toml /etc/spatiald/spatiald.toml
keep systemd/95-spatiald.conf /etc/security/limits.d/95-spatiald.conf
put 644 systemd/user/spatiald.service /usr/lib/systemd/user/spatiald.service
put 644 systemd/system/spatiald.service /usr/lib/systemd/system/spatiald.service
put 644 systemd/spatiald.preset /usr/lib/systemd/user-preset/90-spatiald.preset
put 644 systemd/spatiald.preset /usr/lib/systemd/system-preset/90-spatiald.preset
put 644 systemd/spatiald.sysusers /usr/lib/sysusers.d/spatiald.conf
for file in conf/profiles/*/* conf/devices/*; do
	put 644 "$file" "/usr/share/spatiald/${file#conf/}"
done
for file in packaging/wireplumber/*; do
	put 644 "$file" "/usr/share/spatiald/wireplumber/${file##*/}"
done
for file in conf/pipewire/*; do
	put 644 "$file" "/usr/share/spatiald/${file#conf/}"
done
for file in docs/{installing,raspberry-pi,listening,desktops,several-speakers,configuration,designing,profiles}.md docs/{designing,listening}/*; do
	put 644 "$file" "/usr/share/doc/spatiald/${file#docs/}"
done
for page in "$manual"/man/man1/*.1; do
	put 644 "$page" "/usr/share/man/man1/${page##*/}"
	gzip -9nf "$destdir/usr/share/man/man1/${page##*/}"
done
for file in bash-completion/completions/spatiald zsh/vendor-completions/_spatiald fish/vendor_completions.d/spatiald.fish; do
	put 644 "$manual/$file" "/usr/share/$file"
done
