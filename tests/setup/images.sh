#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes sure that the engine of $DOCKER_HOST has the base images (or only those named):
#
#   images.sh [python:3.11-slim] [debian:bookworm-slim] [busybox:latest]
#
# They are pulled where the engine reaches an image registry.  Where it does not, they are imported
# from Debian: a minimal bookworm with its python3 (which is 3.11) and this machine's apt sources
# serves as the first two, Debian's busybox-static as the third.  The roots are made once per
# machine and kept in $CAISSON_CACHE (build/cache).  CAISSON_PULL=no does not try to pull.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${CAISSON_CACHE:-$here/../../build/cache}
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)

# busybox is small: when even that does not come in a few seconds, nothing will.
registry_answers() {
    [ "${CAISSON_PULL:-yes}" = yes ] && timeout 10 docker pull -q busybox:latest >/dev/null 2>&1
}

debian_tar() {
    local tar=$cache/bookworm-python3.tar root
    if [ ! -s "$tar" ]; then
        echo "  making a Debian 12 root with python3 (once per machine; half a minute)" >&2
        root=$(mktemp -d "$cache/root.XXXXXX")
        "$here/debian.sh" root bookworm "$root/bookworm" python3 >&2
        ln -s python3 "$root/bookworm/usr/bin/python"
        "$here/debian.sh" sources >"$root/bookworm/etc/apt/sources.list"
        "$here/debian.sh" settings >"$root/bookworm/etc/apt/apt.conf.d/80machine"
        rm -rf "$root"/bookworm/usr/share/{doc,man,locale,info}/* "$root"/bookworm/var/log/*
        tar -C "$root/bookworm" --numeric-owner --one-file-system -cf "$tar.part" .
        mv "$tar.part" "$tar"
        rm -rf "$root"
    fi
    echo "$tar"
}

busybox_tar() {
    local tar=$cache/busybox.tar root applet
    if [ ! -s "$tar" ]; then
        root=$(mktemp -d "$cache/root.XXXXXX")
        mkdir -p "$root"/{bin,dev,etc,proc,sys,tmp}
        chmod 755 "$root" && chmod 1777 "$root/tmp"
        printf 'root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' >"$root/etc/passwd"
        printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
        cp "$(command -v busybox)" "$root/bin/busybox"
        for applet in $(busybox --list); do
            [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
        done
        tar -C "$root" --numeric-owner --owner=0 --group=0 -cf "$tar.part" .
        mv "$tar.part" "$tar"
        rm -rf "$root"
    fi
    echo "$tar"
}

import() {
    local tar path='ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
    case $1 in
    python:3.11-slim) tar=$(debian_tar); set -- "$1" -c 'CMD ["python3"]' ;;
    debian:bookworm-slim) tar=$(debian_tar); set -- "$1" -c 'CMD ["bash"]' ;;
    busybox:latest) tar=$(busybox_tar); set -- "$1" -c 'CMD ["sh"]' ;;
    *) echo "images.sh: do not know how to make $1" >&2; return 1 ;;
    esac
    echo "  importing $1 from Debian"
    docker import -c "$path" "${@:2}" "$tar" "$1" >/dev/null
}

[ $# -gt 0 ] || set -- python:3.11-slim debian:bookworm-slim busybox:latest
missing=()
for image in "$@"; do
    docker image inspect "$image" >/dev/null 2>&1 || missing+=("$image")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if registry_answers; then
    for image in "${missing[@]}"; do
        echo "  pulling $image"
        timeout 600 docker pull -q "$image" >/dev/null
    done
    exit 0
fi
echo "No image registry can be reached: importing Debian's own files as ${missing[*]}"
"$here/packages.sh" images
# Two runs at once make the root once.
exec 9>"$cache/lock"
flock 9
for image in "${missing[@]}"; do
    import "$image"
done
