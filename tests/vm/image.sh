# Disk images of Debian releases to boot in a virtual machine: made once, kept outside the checkout. Sourced, after
# packaging/requirements.sh and tests/root.sh. Needs root.
# shellcheck shell=bash

IMAGES=${XDG_CACHE_HOME:-$HOME/.cache}/spatiald/vm
# What a Debian with PipeWire has installed, down to what the package recommends: nothing is to be downloaded later.
IMAGE_PACKAGES=(
	linux-image-amd64 systemd-sysv udev kmod dbus dbus-user-session libpam-systemd procps
	pipewire pipewire-pulse wireplumber rtkit alsa-utils
)
IMAGE_BYTES=3G

# The image of a release is named by what it is made from.
image_folder() {
	# shellcheck disable=SC2153 # packaging/requirements.sh sets it
	echo "$IMAGES/$1-$(cat "$ROOT"/tests/vm/{image.sh,guest.service} | sha256sum | head -c 10)"
}

# furnish FOLDER: what makes a machine of a tree of files. The user is one as Debian's installer makes the first.
furnish() {
	local root=$1
	echo 5fa7a11d5fa7a11d5fa7a11d5fa7a11d >"$root/etc/machine-id"
	echo speaker >"$root/etc/hostname"
	echo '127.0.0.1 localhost speaker' >"$root/etc/hosts"
	mkdir "$root/share"
	cat >"$root/etc/fstab" <<-END
		/dev/vda / ext4 defaults 0 1
		share /share 9p trans=virtio,version=9p2000.L,msize=262144 0 0
	END
	echo snd_aloop >"$root/etc/modules-load.d/aloop.conf"
	echo 'options snd_aloop index=0 id=Loopback pcm_substreams=1' >"$root/etc/modprobe.d/aloop.conf"
	install -m 644 "$ROOT/tests/vm/guest.service" "$root/etc/systemd/system/guest.service"
	chroot "$root" useradd --create-home --shell /bin/bash --groups audio listener
	mkdir -p "$root/var/lib/systemd/linger"
	touch "$root/var/lib/systemd/linger/listener"
	SYSTEMD_LOG_LEVEL=err chroot "$root" systemctl --quiet enable guest.service
	SYSTEMD_LOG_LEVEL=err chroot "$root" systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
		e2scrub_all.timer fstrim.timer getty@tty1.service serial-getty@ttyS0.service
}

# make_image RELEASE: a folder with disk.img, vmlinuz and initrd.img, where it is not there yet.
make_image() {
	local release=$1 folder work main
	folder=$(image_folder "$release")
	[ -d "$folder" ] && return
	install_missing mmdebstrap e2fsprogs
	main=$(mirror '^(bookworm|trixie|stable|oldstable|testing|sid|unstable)$' http://deb.debian.org/debian)
	mkdir -p "$IMAGES"
	rm -rf --one-file-system "$IMAGES/$release"-*
	work=$(mktemp -d "$IMAGES/$release-new.XXXXXX")
	apt-config dump | grep -E '^Acquire::((http|https|ftp)::.*Proxy|Check-Valid-Until) ' >"$work/proxy" || true
	# shellcheck disable=SC2016 # $1 is mmdebstrap's
	mmdebstrap --quiet --variant=minbase --aptopt="$work/proxy" --include="$(tr ' ' , <<<"${IMAGE_PACKAGES[*]}")" \
		--essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d"
			echo MODULES=list >"$1/etc/initramfs-tools/conf.d/modules"
			printf "%s\n" virtio_pci virtio_blk ext4 9p 9pnet_virtio >"$1/etc/initramfs-tools/modules"' \
		"$release" "$work/root" \
		"deb $main $release main" "deb $main $release-updates main" \
		"deb $(mirror '-security$' http://deb.debian.org/debian-security) $release-security main"
	furnish "$work/root"
	cp "$work"/root/boot/vmlinuz-* "$work/vmlinuz"
	cp "$work"/root/boot/initrd.img-* "$work/initrd.img"
	mke2fs -q -t ext4 -L root -d "$work/root" "$work/disk.img" "$IMAGE_BYTES" >/dev/null
	rm -rf --one-file-system "$work/root" "$work/proxy"
	mv "$work" "$folder"
}
