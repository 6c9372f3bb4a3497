#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A private Docker Engine (the dockerd of this machine) with all of its state below DIR.
#
#   engine.sh start DIR    starts it, waits until it answers, prints DOCKER_HOST=unix://DIR/docker.sock
#   engine.sh stop DIR     ends it with its containers, unmounts and removes what it kept in DIR
#
# It stands beside any other engine: own folders, own containerd namespaces, no bridge, no firewall
# rules; containers have the networks `none` and `host`.  Needs root, but no systemd.  Starting what
# runs and stopping what does not is fine.  $ENGINE_DOCKERD is another command to start,
# $ENGINE_DATA another place for images and containers (and then kept), $ENGINE_SOCKET for the
# socket, $ENGINE_OPTIONS more options.
set -eu

fail() { echo "engine.sh: $*" >&2; exit 1; }

# Whether the process of a pidfile runs; one that only waits to be reaped does not.
alive() {
    [ -s "$1" ] && grep -q '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$(cat "$1")/status" 2>/dev/null
}

answers() { curl -fs -m 5 -o /dev/null --unix-socket "$socket" http://engine/_ping; }

# Without an init system nobody may have mounted the control groups that containers need.
mount_cgroups() {
    grep -qE '^[^ ]+ /sys/fs/cgroup[ /].* cgroup2? ' /proc/mounts && return
    mount -t cgroup2 cgroup2 /sys/fs/cgroup || fail "cannot mount the control groups"
}

# Ends the process of a pidfile, with force when it does not go by itself.
end() {
    alive "$1" || return 0
    pid=$(cat "$1")
    kill "$pid"
    for _ in $(seq 100); do
        alive "$1" || return 0
        sleep 0.2
    done
    kill -9 "$pid" 2>/dev/null || true
}

start() {
    [ "$(id -u)" = 0 ] || fail "only root can start an engine"
    [ ${#socket} -le 90 ] || fail "$socket: too long a path for a Unix socket; choose a shorter one"
    alive "$dir/docker.pid" && answers && return
    mount_cgroups
    mkdir -p "$data" "$dir/exec"
    # A dockerd gives its containerd fifteen seconds, which on a slow disk may be too few.
    for _ in 1 2 3; do
        launch && return
        tail -n 3 "$dir/dockerd.log" | grep -q 'timeout waiting for containerd' || break
    done
    tail -n 15 "$dir/dockerd.log" >&2
    fail "dockerd does not come up; its log: $dir/dockerd.log"
}

# Whether a dockerd that is started now comes to answer, before it ends and within three minutes.
launch() {
    # What a killed dockerd left behind: a new one takes dead processes that nobody reaped for alive.
    end "$dir/exec/containerd/containerd.pid"
    rm -f "$dir/docker.pid" "$dir/exec/containerd/containerd.pid"
    # The namespaces keep us apart where a containerd of the machine is shared.
    space=caisson-$(printf '%s' "$dir" | cksum | cut -d ' ' -f 1)
    # shellcheck disable=SC2086
    setsid ${ENGINE_DOCKERD:-dockerd} --data-root "$data" --exec-root "$dir/exec" \
        --pidfile "$dir/docker.pid" -H "unix://$socket" --bridge=none --iptables=false --ip6tables=false \
        --containerd-namespace "$space" --containerd-plugins-namespace "$space-plugins" \
        ${ENGINE_OPTIONS:-} </dev/null >>"$dir/dockerd.log" 2>&1 &
    daemon=$!
    for _ in $(seq 900); do
        answers && return
        kill -0 "$daemon" 2>/dev/null || return 1
        sleep 0.2
    done
    return 1
}

stop() {
    if alive "$dir/docker.pid" && answers; then
        # dockerd would give each container ten seconds to end by itself.
        ids=$(timeout 20 docker -H "unix://$socket" ps -q || true)
        # shellcheck disable=SC2086
        [ -z "$ids" ] || timeout 60 docker -H "unix://$socket" kill $ids >/dev/null || true
    fi
    end "$dir/docker.pid"
    end "$dir/exec/containerd/containerd.pid"
    # Children first: the mounts of containers lie below those of the engine.
    awk -v dir="$dir/" 'index($2, dir) == 1 { print $2 }' /proc/mounts | sort -r |
        while read -r point; do umount -l "$point" || true; done
    rm -rf "$dir/data" "$dir/exec" "$dir/docker.sock" "$dir/docker.pid"
}

[ $# = 2 ] || { sed -n '3,13s/^# \{0,1\}//p' "$0"; exit 2; }
mkdir -p "$2"
dir=$(cd "$2" && pwd -P)
data=${ENGINE_DATA:-$dir/data}
socket=${ENGINE_SOCKET:-$dir/docker.sock}
case $1 in
start) start; echo "DOCKER_HOST=unix://$socket" ;;
stop) stop ;;
*) fail "start or stop, not '$1'" ;;
esac
