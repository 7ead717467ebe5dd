#!/bin/sh
# Makes the virtual environment named by the first argument with the newest Python that Shoal supports.
set -eu
venv=$1

say() { printf 'shoal: %s\n' "$*" >&2; }

# Names that are on the path may still not run (version managers leave such shims), so each one is asked.
newest() {
    for name in "${PYTHON:-}" python3.13 python3.12 python3.11 python3 python; do
        if [ -n "$name" ] && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            printf '%s\n' "$name"
            return 0
        fi
    done
    return 1
}

if ! python=$(newest); then
    found=$(python3 -V 2>/dev/null || echo 'no python3')
    say "Python 3.11 or newer is needed, and here is $found. Install one and run make again (PYTHON=/path/to/python3 names it)."
    exit 2
fi

# A folder that an interrupted run left half made would fail in ways that are hard to read.
rm -rf "$venv"
if "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    exec "$python" -m venv "$venv"
fi

# Debian ships Python without venv.
package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    say "$python comes without venv here: installing the package $package."
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y -qq "$package" >/dev/null 2>&1 || {
        apt-get update -qq
        apt-get install -y -qq "$package" >/dev/null
    }
    exec "$python" -m venv "$venv"
fi
say "$python comes without venv here. Install it (Debian and Ubuntu: apt-get install $package) and run make again."
exit 2
