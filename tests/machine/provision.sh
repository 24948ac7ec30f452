#!/bin/sh
# Turns the cached root file system into a bootable disk with the project installed in it,
# by the project's own install step, offline. Runs as root of its own mount namespace, so that
# nothing stays mounted however it ends.
set -eu
root_tar=$1 checkout=$2 wheels=$3 out=$4 size=$5

root=$out/root
mkdir "$root"
tar --extract --file "$root_tar" --directory "$root" --numeric-owner --exclude './dev/?*'

echo machine > "$root/etc/hostname"
echo '127.0.0.1 localhost machine' > "$root/etc/hosts"
# "uninitialized" would start the first-boot presets, and with them units nobody asked for.
echo 0123456789abcdef0123456789abcdef > "$root/etc/machine-id"
mkdir -p "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nStorage=persistent\nRateLimitIntervalSec=0\n' \
    > "$root/etc/systemd/journald.conf.d/machine.conf"
# The agent's own unit waits for a port that is not here. It tells of every command, ten lines each.
cat > "$root/etc/systemd/system/qemu-guest-agent.service" <<'END'
[Service]
ExecStartPre=mkdir -p /run/shared
ExecStartPre=sh -c 'mount -t hostfs -o "$(sed "s/.* shared=//; s/ .*//" /proc/cmdline)" none /run/shared'
ExecStart=/usr/sbin/qemu-ga --method=isa-serial --path=/dev/ttyS0
LogLevelMax=notice
END
# What `multi-user.target` starts, but for the daemon: the default of most tests.
cat > "$root/etc/systemd/system/without-scenariod.target" <<'END'
[Unit]
Requires=basic.target
Wants=dbus.service systemd-logind.service systemd-user-sessions.service
After=basic.target
AllowIsolate=yes
END
for target in multi-user without-scenariod; do
    mkdir -p "$root/etc/systemd/system/$target.target.wants"
    ln -s ../qemu-guest-agent.service "$root/etc/systemd/system/$target.target.wants"
done
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    fstrim.timer e2scrub_reap.service getty@tty1.service serial-getty@ttyS0.service \
    systemd-pstore.service remote-fs.target systemd-update-utmp.service modprobe@fuse.service \
    modprobe@loop.service modprobe@efi_pstore.service modprobe@drm.service dev-hugepages.mount \
    dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount systemd-remount-fs.service \
    systemd-sysusers.service systemd-modules-load.service modprobe@dm_mod.service \
    modprobe@configfs.service systemd-update-utmp-runlevel.service systemd-random-seed.service; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done

mkdir -p "$root/usr/src/wheels"
cp -r "$checkout" "$root/usr/src/scenariod"
cp "$wheels"/* "$root/usr/src/wheels/"
mount --rbind /dev "$root/dev"
mount --rbind /proc "$root/proc"
chroot "$root" env -i HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    PIP_NO_INDEX=1 PIP_FIND_LINKS=/usr/src/wheels PIP_NO_CACHE_DIR=1 \
    sh -c 'cd /usr/src/scenariod && exec sh systemd/install.sh'
umount --lazy "$root/dev" "$root/proc"
ln -s "/lib/systemd/system/user@.service" \
    "$root/etc/systemd/system/without-scenariod.target.wants/user@$(chroot "$root" id -u scenariod).service"

truncate --size "$size" "$out/base.img"
# Without checksums and lazy initialisation the machine has less to do.
mkfs.ext4 -q -O '^metadata_csum' -E lazy_itable_init=0,lazy_journal_init=0 \
    -d "$root" "$out/base.img"
rm -rf --one-file-system "$root" "$checkout"
