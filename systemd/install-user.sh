#!/bin/sh
# Installs scenariod for the user who runs it, without root; `make install-user` runs it from the
# checkout's top. Run again, it upgrades: it keeps the configuration and restarts a running service.
set -eu

venv=$HOME/.local/share/scenariod/venv
root=$HOME/scenariod
config=$root/config/scenariod.toml
units=$HOME/.config/systemd/user

say() { printf '%s\n' "$*"; }

fail() {
    printf 'install-user: %s\n' "$1" >&2
    printf 'hint: %s\n' "$2" >&2
    exit 1
}

check_ground() {
    [ "$(id -u)" != 0 ] || fail "this is for an ordinary user" "as root: make install"
    [ -f pyproject.toml ] && [ -f systemd/install-user.sh ] ||
        fail "this is not the top of a scenariod checkout" "cd to it and run: make install-user"
    python=/usr/bin/python3
    [ -x "$python" ] || python=$(command -v python3) ||
        fail "python3 is missing" "install Python 3.11 or newer"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "$python is older than 3.11" "scenariod needs Python 3.11 or newer"
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$python cannot make virtual environments" "sudo apt-get install python3-venv"
    "$python" -c 'import systemd.daemon' 2>/dev/null ||
        say "python3-systemd is missing: pip builds it, which needs a compiler and libsystemd-dev"
}

# After an upgrade of Python the venv's python still starts, but what the venv holds is that of the
# former one. The system's pip would be found, but is not the venv's.
has_own_pip() {
    "$venv/bin/python3" -I -c \
        'import pip, sys; sys.exit(not pip.__file__.startswith(sys.prefix))' 2>/dev/null
}

install_program() {
    has_own_pip || "$python" -m venv --clear --system-site-packages "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check .
    mkdir -p "$HOME/.local/bin"
    ln -sf "$venv/bin/scenariod" "$venv/bin/scenariodctl" "$HOME/.local/bin/"
}

install_config() {
    mkdir -p "$root/inbox"
    if [ ! -e "$config" ]; then
        install -D -m 0644 config/scenariod.toml "$config"
    elif ! cmp -s "$config" config/scenariod.toml; then
        install -m 0644 config/scenariod.toml "$config.new"
        say "kept your $config; the new default is beside it as scenariod.toml.new"
    fi
}

install_unit() {
    for unit in scenariod.service scenariod.slice; do
        install -D -m 0644 "systemd/user/$unit" "$units/$unit"
    done
    if systemctl --user daemon-reload 2>/dev/null; then
        systemctl --user --quiet enable scenariod.service
        systemctl --user try-restart scenariod.service
    else
        say "your service manager is not running here: log in on the machine itself, then enable scenariod"
    fi
}

check_ground
install_program
install_config
install_unit
say "scenariod is installed for $(id -un). Next:"
say "  systemctl --user enable --now scenariod   start it, now and at every login"
say "  loginctl enable-linger                    keep it running after logout"
say "  cp scenario-*.json $root/inbox/"
