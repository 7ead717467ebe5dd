#!/bin/sh
# Installs those of the named Debian packages that are missing, where it may; else says which ones to install.
set -eu

command -v dpkg >/dev/null 2>&1 || exit 0
missing=''
for package in "$@"; do
    dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
    printf 'shoal: the tests call programs that are not installed here. Run: sudo apt-get install%s\n' "$missing" >&2
    exit 2
fi
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of words is meant
apt-get install -y -qq $missing >/dev/null 2>&1 || {
    apt-get update -qq
    apt-get install -y -qq $missing >/dev/null
}
