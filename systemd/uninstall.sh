#!/bin/sh
# Undoes systemd/install.sh; `sudo make uninstall` runs it. It keeps what people dropped and the
# library, the configuration, changes of the unit, and the account. PURGE=1 removes these, too.
set -eu

root=/var/lib/scenariod
drop_ins=/etc/systemd/system/scenariod.service.d

say() { printf '%s\n' "$*"; }

[ "$(id -u)" = 0 ] || {
    printf 'uninstall: this needs root\nhint: sudo make uninstall\n' >&2
    exit 1
}

is_booted() { [ -d /run/systemd/system ]; }

# Workers outlive a service that was killed: they live in the service manager of the account, and
# end with it.
stop_everything() {
    is_booted || return 0
    systemctl stop scenariod.service scenariod.slice 2>/dev/null || true
    uid=$(id -u scenariod 2>/dev/null) || return 0
    systemctl stop "user@$uid.service"
}

# A folder in which somebody else has put something stays.
remove_drop_in() {
    rm -f "$1/$2"
    rmdir "$1" 2>/dev/null || true
}

remove_program() {
    systemctl --quiet disable scenariod.service 2>/dev/null || true
    rm -rf /opt/scenariod
    remove_drop_in "$drop_ins" 10-user-manager.conf
    remove_drop_in /usr/local/share/scenariod voices-network.conf
    uid=$(id -u scenariod 2>/dev/null) &&
        remove_drop_in "/etc/systemd/system/user@$uid.service.d" 10-scenariod.conf
    rm -f /usr/local/bin/scenariod /usr/local/bin/scenariodctl \
        /usr/local/lib/systemd/system/scenariod.service \
        /usr/local/lib/systemd/system/scenariod.slice \
        /usr/local/lib/systemd/user/scenariod.service \
        /usr/local/lib/systemd/user/scenariod.slice \
        /usr/local/lib/systemd/catalog/scenariod.catalog \
        /usr/local/lib/sysusers.d/scenariod.conf \
        /usr/local/lib/tmpfiles.d/scenariod.conf \
        /var/lib/systemd/linger/scenariod \
        /usr/local/share/man/man1/scenariodctl.1 \
        /usr/local/share/man/man5/scenariod.toml.5 \
        /usr/local/share/man/man8/scenariod.8
    ! command -v journalctl >/dev/null || journalctl --update-catalog
    if is_booted; then
        systemctl daemon-reload
        systemctl reset-failed scenariod.service 2>/dev/null || true
    fi
}

purge() {
    rm -rf "$root" /etc/scenariod "$drop_ins"
    if id scenariod >/dev/null 2>&1; then
        userdel scenariod
    fi
    if getent group scenariod >/dev/null; then
        groupdel scenariod
    fi
}

stop_everything
remove_program
if [ "${PURGE:-0}" = 1 ]; then
    purge
    say "scenariod is removed, with its data, configuration and account"
else
    say "scenariod is removed; kept: $root, /etc/scenariod and the account scenariod"
    [ ! -d "$drop_ins" ] || say "also kept: your changes to the unit in $drop_ins"
    say "to remove these too: sudo make uninstall PURGE=1"
fi
