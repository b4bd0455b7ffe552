#!/bin/bash
# Proves that a newcomer's two commands work on a bare Debian 12: `make run DURATION=60`, then `make test`, each in a clone of the last
# commit inside a chroot that has nothing but debootstrap's minimum, git and make, and no folder beside the clone.
#
# Root only (chroot, mounts). Needs debootstrap. FRESH_DIR: where the chroot goes (some 3 GB, removed at the end; FRESH_KEEP=1 keeps it).
# The host's apt sources and proxies, CA bundle, pip settings and the local package folders that these name are handed in.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'fresh: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

[ "$(id -u)" = 0 ] || fail "needs root (chroot and mounts): sudo make fresh"
command -v debootstrap >/dev/null || fail "apt-get install -y debootstrap"

chroot_dir=${FRESH_DIR:-$(mktemp -d /var/tmp/mmsd-fresh.XXXXXX)}
mkdir -p "$chroot_dir"
chmod 755 "$chroot_dir" # it becomes "/": whoever is not root has to pass through it
source_dir=$PWD
mounts=()

leave() {
    local index
    for ((index = ${#mounts[@]} - 1; index >= 0; index--)); do
        umount "${mounts[index]}" 2>/dev/null || umount --lazy "${mounts[index]}" || true
    done
    if grep -q " $chroot_dir/" /proc/self/mountinfo; then
        say "something is still mounted in $chroot_dir: left as it is"
    elif [ -z "${FRESH_KEEP:-}" ]; then
        rm -rf --one-file-system "$chroot_dir"
    fi
}
trap leave EXIT
trap 'exit 130' INT TERM

attach() { # mount arguments…, target
    mkdir -p "${*: -1}"
    mount "$@"
    mounts+=("${*: -1}")
}

hand_in() { # a file or folder of the host, to the same place inside, read-only
    local target=$chroot_dir$1
    [ -e "$1" ] || return 0
    if [ -d "$1" ]; then
        attach --bind "$1" "$target"
        mount -o remount,bind,ro "$target"
    else
        mkdir -p "$(dirname "$target")"
        cp --dereference "$1" "$target"
    fi
}

mirror=$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d/*.sources 2>/dev/null | head -n 1 | tr -d " " || true)
mirror=${FRESH_MIRROR:-${mirror:-http://deb.debian.org/debian}}
say "debootstrap bookworm from $mirror into $chroot_dir"
hand_in_apt() {
    mkdir -p "$chroot_dir/etc/apt/apt.conf.d" "$chroot_dir/etc/apt/sources.list.d"
    [ ! -e /etc/apt/sources.list ] || cp /etc/apt/sources.list "$chroot_dir/etc/apt/"
    cp /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list "$chroot_dir/etc/apt/sources.list.d/" 2>/dev/null || true
    cp /etc/apt/apt.conf "$chroot_dir/etc/apt/" 2>/dev/null || true
    local file
    for file in /etc/apt/apt.conf.d/*; do
        # What concerns fetching; the host's habits about packages are its own.
        ! grep -qiE '^ *(Acquire)' "$file" || cp "$file" "$chroot_dir/etc/apt/apt.conf.d/"
    done
    cp -r /etc/apt/auth.conf.d "$chroot_dir/etc/apt/" 2>/dev/null || true
}
debootstrap --variant=minbase --include=ca-certificates,git,make bookworm "$chroot_dir" "$mirror" >"$chroot_dir.log" 2>&1 ||
    { tail -n 20 "$chroot_dir.log" >&2; fail "debootstrap failed; its log is $chroot_dir.log"; }
rm -f "$chroot_dir.log"
[ ! -e "$chroot_dir/etc/apt/sources.list" ] || ! ls /etc/apt/sources.list.d/*.sources >/dev/null 2>&1 || rm "$chroot_dir/etc/apt/sources.list"
hand_in_apt

attach -t proc proc "$chroot_dir/proc"
attach -t sysfs -o ro sysfs "$chroot_dir/sys"
attach -t devpts -o newinstance,ptmxmode=0666 devpts "$chroot_dir/dev/pts"
attach -t tmpfs tmpfs "$chroot_dir/dev/shm"
attach -t tmpfs -o mode=1777 tmpfs "$chroot_dir/tmp"
attach -t tmpfs tmpfs "$chroot_dir/run"
cp --dereference /etc/resolv.conf /etc/hosts "$chroot_dir/etc/" 2>/dev/null || true

# pip's settings, and the local folders they name, wherever the environment or a file names them.
for file in /etc/pip.conf /etc/xdg/pip; do hand_in "$file"; done
settings=$(cat /etc/pip.conf /etc/xdg/pip/*.conf /etc/xdg/pip/*.txt "$HOME/.config/pip/pip.conf" "$HOME/.pip/pip.conf" 2>/dev/null || true; env | grep '^PIP_' || true)
while read -r folder; do
    while [ ! -d "$folder" ] && [ "$folder" != / ]; do folder=$(dirname "$folder"); done
    folder=${folder%/simple} # an index's files lie beside it
    case $folder in / | /etc | /usr | /var | /home | /root | /tmp) continue ;; esac
    hand_in "$folder"
done < <(grep -oE '(file://)?/[[:alnum:]_./-]+' <<<"$settings" | sed 's,^file://,,' | grep -v '^/etc' | sort -u)
bundle=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
hand_in "$bundle"

keep=(HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
while IFS= read -r pair; do keep+=("$pair"); done < <(
    env | grep -E '^(PIP_|SSL_CERT_|REQUESTS_CA_BUNDLE=|CURL_CA_BUNDLE=|https?_proxy=|HTTPS?_PROXY=|no_proxy=|NO_PROXY=)' || true
)

try() { # verb…: in a clone of its own
    local clone=/srv/${1//[^a-z]/} begin=$SECONDS
    git clone --quiet --no-hardlinks "$source_dir" "$chroot_dir$clone"
    say "make $*"
    chroot "$chroot_dir" /usr/bin/env -i "${keep[@]}" git config --global --add safe.directory '*'
    chroot "$chroot_dir" /usr/bin/env -i "${keep[@]}" make -C "$clone" "$@" </dev/null
    say "make $* worked; $((SECONDS - begin)) s with everything it had to set up"
}

try run DURATION=60
try test
say "both commands work on a bare Debian 12"
