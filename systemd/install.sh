#!/bin/sh
# Installs scenariod for the whole machine; `sudo make install` runs it from the checkout's top.
# Run again, it upgrades: it keeps an edited configuration and restarts a running service.
# It also works where systemd does not run, as in a chroot in which an image is made.
set -eu

venv=/opt/scenariod
config=/etc/scenariod/scenariod.toml
shipped_config=$venv/share/scenariod.toml
drop_in=/etc/systemd/system/scenariod.service.d/10-user-manager.conf
manager_oom_score=-500
root=/var/lib/scenariod

say() { printf '%s\n' "$*"; }

fail() {
    printf 'install: %s\n' "$1" >&2
    printf 'hint: %s\n' "$2" >&2
    exit 1
}

check_ground() {
    [ "$(id -u)" = 0 ] || fail "this needs root" "sudo make install, or make install-user without root"
    [ -f pyproject.toml ] && [ -f systemd/install.sh ] ||
        fail "this is not the top of a scenariod checkout" "cd to it and run: sudo make install"
    command -v systemd-sysusers >/dev/null && command -v systemctl >/dev/null ||
        fail "systemd is missing" "scenariod runs without it from the checkout: see README.md"
}

# The system's own python, not the first on the PATH: the service cannot see home folders, where
# others live, and python3-systemd serves only this one.
find_python() {
    sh systemd/packages.sh python3-venv python3-systemd ||
        fail "python3-venv and python3-systemd could not be installed" \
            "apt-get install python3-venv python3-systemd, then run this again"
    python=/usr/bin/python3
    [ -x "$python" ] || python=$(command -v python3) ||
        fail "python3 is missing" "install Python 3.11 or newer"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "$python is older than 3.11" "scenariod needs Python 3.11 or newer"
}

# After an upgrade of Python the venv's python still starts, but what the venv holds is that of the
# former one. The system's pip would be found, but is not the venv's.
has_own_pip() {
    "$venv/bin/python3" -I -c \
        'import pip, sys; sys.exit(not pip.__file__.startswith(sys.prefix))' 2>/dev/null
}

# --system-site-packages: Debian's python3-systemd serves, and no compiler is needed.
# --clear takes the configuration as it was shipped, too: without it an edited one is not known.
make_venv() {
    shipped=$(cat "$shipped_config" 2>/dev/null) || shipped=""
    "$python" -m venv --clear --system-site-packages "$venv"
    [ -n "$shipped" ] || return 0
    mkdir -p "${shipped_config%/*}"
    printf '%s\n' "$shipped" >"$shipped_config"
}

install_program() {
    has_own_pip || make_venv
    # From a folder, pip installs even where the version is the same.
    "$venv/bin/pip" install --quiet --disable-pip-version-check --root-user-action=ignore .
    mkdir -p /usr/local/bin
    ln -sf "$venv/bin/scenariod" "$venv/bin/scenariodctl" /usr/local/bin/
}

# Without it scenariod does all but speak.
install_flite() {
    sh systemd/packages.sh flite ||
        say "flite could not be installed; scenariod will not speak until it is: apt-get install flite"
}

install_manual() {
    for section in 1 5 8; do
        for page in docs/man/*."$section"; do
            [ -f "$page" ] || continue
            install -D -m 0644 "$page" "/usr/local/share/man/man$section/${page##*/}"
        done
    done
}

# The configuration as it was shipped is kept in the venv: that tells an edited one.
install_config() {
    if [ ! -e "$config" ] || cmp -s "$config" "$shipped_config"; then
        install -D -m 0644 config/scenariod.toml "$config"
    elif ! cmp -s "$config" config/scenariod.toml; then
        install -m 0644 config/scenariod.toml "$config.new"
        say "kept your $config; the new default is beside it as scenariod.toml.new"
    fi
    install -D -m 0644 config/scenariod.toml "$shipped_config"
}

install_units() {
    install -D -m 0644 systemd/scenariod.service /usr/local/lib/systemd/system/scenariod.service
    install -D -m 0644 systemd/scenariod.slice /usr/local/lib/systemd/system/scenariod.slice
    for unit in scenariod.service scenariod.slice; do
        install -D -m 0644 "systemd/user/$unit" "/usr/local/lib/systemd/user/$unit"
    done
    install -D -m 0644 systemd/sysusers.d/scenariod.conf /usr/local/lib/sysusers.d/scenariod.conf
    install -D -m 0644 systemd/tmpfiles.d/scenariod.conf /usr/local/lib/tmpfiles.d/scenariod.conf
}

# `journalctl -x` then explains each entry of ours.
install_catalog() {
    install -D -m 0644 systemd/scenariod.catalog /usr/local/lib/systemd/catalog/scenariod.catalog
    ! command -v journalctl >/dev/null || journalctl --update-catalog
}

# What an administrator may copy; it is not in force.
install_examples() {
    install -D -m 0644 systemd/voices-network.conf /usr/local/share/scenariod/voices-network.conf
}

create_account_and_folders() {
    systemd-sysusers /usr/local/lib/sysusers.d/scenariod.conf
    systemd-tmpfiles --create /usr/local/lib/tmpfiles.d/scenariod.conf
}

# Workers run in the service manager of the account, user@UID.service. Wanted, not required: its end
# stops its runtime folder, and that would stop, for good, whatever requires the manager.
tie_to_user_manager() {
    uid=$(id -u scenariod)
    mkdir -p "${drop_in%/*}"
    cat >"$drop_in" <<END
# Written by systemd/install.sh: scenariod has the user number $uid on this machine.
[Unit]
Wants=user@$uid.service
After=user@$uid.service

[Service]
Environment=XDG_RUNTIME_DIR=/run/user/$uid
BindReadOnlyPaths=/run/user/$uid
END
    protect_user_manager
}

# Without it no worker can start: when the machine runs short, it is not what goes. What it starts
# has scores of its own.
protect_user_manager() {
    mkdir -p "/etc/systemd/system/user@$uid.service.d"
    cat >"/etc/systemd/system/user@$uid.service.d/10-scenariod.conf" <<END
# Written by systemd/install.sh: the workers of scenariod run in this service manager.
[Service]
OOMScoreAdjust=$manager_oom_score
END
    pid=$(systemctl show --property=MainPID --value "user@$uid.service" 2>/dev/null) || return 0
    [ "${pid:-0}" = 0 ] || choom --adjust="$manager_oom_score" --pid="$pid" >/dev/null
}

activate() {
    systemctl --quiet enable scenariod.service
    if [ ! -d /run/systemd/system ]; then
        say "systemd does not run here: scenariod starts with the next boot"
        return
    fi
    systemctl daemon-reload
    systemctl try-restart scenariod.service
}

say_what_next() {
    say "scenariod is installed. Next:"
    say "  usermod --append --groups scenariod NAME   let NAME drop files (after the next login)"
    say "  systemctl start scenariod                  start it now; it is enabled for every boot"
    say "  cp scenario-*.json $root/inbox/"
    say "  scenariodctl status"
}

check_ground
find_python
install_program
install_flite
install_manual
install_config
install_units
install_catalog
install_examples
create_account_and_folders
tie_to_user_manager
activate
say_what_next
