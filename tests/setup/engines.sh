#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Newer Docker Engines than this machine's own, in a Debian root each, as private as engine.sh's:
#
#   engines.sh start SUITE DIR    SUITE is trixie (Engine 26) or sid (28 or newer); prints DOCKER_HOST
#   engines.sh stop SUITE DIR
#   engines.sh exec SUITE DIR COMMAND...    in that root: its own docker CLI and compose v2
#
# The engine sees DIR, this project and nothing else of the machine's files, under the same paths.
# `start` exits 77 with the reason when the root cannot be made (no network, sid is broken today).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$here/../.." && pwd -P)
cache=${CAISSON_CACHE:-$project/build/cache}
packages=docker.io,docker-cli,docker-compose,containerd,runc,iptables,procps,ca-certificates

# In a mount namespace of its own: makes the root, moves there, becomes its dockerd.  A mere chroot
# is not enough, since dockerd remounts / where it unpacks images.
inside() {
    root=$1 dir=$2
    shift 2
    mkdir -p "$dir/root"
    mount --bind "$root" "$dir/root"
    for each in proc sys dev; do mount --rbind "/$each" "$dir/root/$each"; done
    mount -t tmpfs tmpfs "$dir/root/run"
    mount -t tmpfs tmpfs "$dir/root/tmp"
    cp -L /etc/resolv.conf /etc/hosts "$dir/root/etc/"
    for each in "$project" "$dir"; do
        mkdir -p "$dir/root$each"
        mount --bind "$each" "$dir/root$each"
    done
    cd "$dir/root"
    pivot_root . mnt
    umount -l /mnt
    cd /
    exec dockerd "$@"
}

start() {
    suite=$1 dir=$2
    root=$cache/engine-$suite
    mkdir -p "$cache" "$dir"
    exec 9>"$cache/engine-$suite.lock"
    flock 9
    # One that was made of other packages is none.
    if [ "$(cat "$root/made-of" 2>/dev/null)" != "$packages" ]; then
        echo "making a Debian $suite root with its Docker Engine (once per machine)" >&2
        "$here/packages.sh" images >&2
        "$here/debian.sh" root "$suite" "$root" "$packages" ||
            { echo "skipped: no Docker Engine of $suite can be had" >&2; exit 77; }
        echo "$packages" >"$root/made-of"
    fi
    exec 9>&-
    dir=$(cd "$dir" && pwd -P)
    ENGINE_DOCKERD="unshare -m --propagation slave $here/engines.sh --inside $root $dir" \
        "$here/engine.sh" start "$dir"
}

case ${1:-} in
--inside) shift; inside "$@" ;;
start) start "$2" "$3" ;;
stop) "$here/engine.sh" stop "$3"; rmdir "$3/root" 2>/dev/null || true ;;
exec)
    dir=$3
    shift 3
    exec nsenter -t "$(cat "$dir/docker.pid")" -m --wd="$PWD" "$@" ;;
*) sed -n '3,11s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
