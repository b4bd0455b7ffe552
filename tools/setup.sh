#!/bin/bash
# Makes a bare Debian 12 ready for a verb, and does nothing the second time.
#
#   tools/setup.sh run     what the daemon and the simulator need
#   tools/setup.sh test    the same, the linters, and the servers that tests start by themselves
#
# Root: missing Debian packages are installed, servers among them without being started. Others: one line to paste.
# PYTHON=/path/to/python3 chooses another interpreter (3.11 or later); pip follows the machine's own settings.
set -euo pipefail
cd "$(dirname "$0")/.."

verb=${1:?run or test}
python=${PYTHON:-/usr/bin/python3}

say() { printf 'mmsd: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

present() { # package, command or file that shows it
    case $2 in
        /*) [ -e "$2" ] ;;
        *) PATH=$PATH:/usr/sbin:/sbin command -v "$2" >/dev/null ;;
    esac || [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing() { # verb: its packages that are not there
    local package needed_by shown_by _
    while read -r package needed_by shown_by _; do
        [ "$needed_by" = "$1" ] || continue
        case $package in python3-*) [ "$python" = /usr/bin/python3 ] || continue ;; esac
        present "$package" "$shown_by" || printf '%s ' "$package"
    done < <(grep -v '^#' tools/debian.txt)
}

restore_policy() {
    rm -f /usr/sbin/policy-rc.d
    [ ! -e /usr/sbin/policy-rc.d.before-mmsd ] || mv /usr/sbin/policy-rc.d.before-mmsd /usr/sbin/policy-rc.d
}

install_packages() { # packages…: servers are unpacked, not started, now or at the next boot
    local log
    log=$(mktemp)
    say "apt-get install $*"
    export DEBIAN_FRONTEND=noninteractive
    [ ! -e /usr/sbin/policy-rc.d ] || [ -e /usr/sbin/policy-rc.d.before-mmsd ] ||
        mv /usr/sbin/policy-rc.d /usr/sbin/policy-rc.d.before-mmsd
    trap restore_policy EXIT
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
    echo 'wireshark-common wireshark-common/install-setuid boolean false' | debconf-set-selections
    {
        apt-get -q -o DPkg::Lock::Timeout=300 update &&
            apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install --no-install-recommends "$@"
    } >"$log" 2>&1 </dev/null || { tail -n 30 "$log" >&2; fail "apt-get failed; the whole log is in $log"; }
    rm -f "$log"
    restore_policy
    trap - EXIT
    local package unit
    for package in "$@"; do
        case $package in
            freeradius | kannel | mosquitto | nginx | squid) unit=$package ;;
            *) continue ;;
        esac
        ! command -v systemctl >/dev/null || systemctl disable --quiet "$unit" >/dev/null 2>&1 || true
    done
}

needed=$(missing run)
wanted=
[ "$verb" = run ] || wanted=$(missing test)
if [ -n "$needed$wanted" ]; then
    if ! command -v apt-get >/dev/null; then
        say "not a Debian machine; by Debian's names these are missing: $needed$wanted"
    elif [ "$(id -u)" = 0 ]; then
        # shellcheck disable=SC2086  # a list of words
        install_packages $needed $wanted
    else
        printf 'sudo apt-get install -y --no-install-recommends %s\n' "$needed$wanted" >&2
        [ -z "$needed" ] || fail "paste the line above, then come again"
        say "without them some tests are skipped"
    fi
fi

command -v "$python" >/dev/null || fail "no $python: set PYTHON=/path/to/python3"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "$python is older than Python 3.11"

# One stamp a set of dependencies: what was installed, from which sources, by which Python, for which folder.
stamp() { # pip's name of the set
    { printf '%s\n' "$1" "$PWD" "${MMSD_PURE:-}"; "$python" -VV; cat pyproject.toml setup.py ext/*.pyx ext/*.pxi ext/*.h 2>/dev/null || true; } | sha256sum
}
set_name=.
[ "$verb" = run ] || set_name='.[dev]'
mark=.venv/.installed
now=$(stamp "$set_name")
if [ -f "$mark" ] && { [ "$(cat "$mark")" = "$now" ] || [ "$(cat "$mark")" = "$(stamp '.[dev]')" ]; }; then
    exit 0
fi
if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    say "making .venv with $python"
    rm -rf .venv
    "$python" -m venv .venv
fi
say "installing and compiling mmsd into .venv"
rm -f "$mark"
.venv/bin/python -m pip install --disable-pip-version-check --no-input --editable "$set_name" </dev/null >.venv/install.log 2>&1 ||
    { tail -n 30 .venv/install.log >&2; fail "pip failed; the whole log is in .venv/install.log"; }
printf '%s\n' "$now" >"$mark"
