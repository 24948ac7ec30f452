#!/bin/sh
# Install the Debian packages named, where they are missing and it may: as root, or by sudo
# without a password. Where it may not, say what to run. Usage: packages.sh PACKAGE...
set -eu

command -v dpkg-query >/dev/null || exit 0  # not a Debian: what is missing will be named later

missing=""
for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
        missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
    sudo=""
elif sudo -n true 2>/dev/null; then
    sudo="sudo -n"
else
    echo "These packages are missing, and installing them needs root:" >&2
    echo "    sudo apt-get install --no-install-recommends$missing" >&2
    exit 1
fi

echo "installing packages:$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086  # words are meant
$sudo apt-get update -q=2 || echo "apt-get update failed; continuing with the existing package lists" >&2
# shellcheck disable=SC2086
$sudo apt-get install -q=2 -y --no-install-recommends $missing >/dev/null
