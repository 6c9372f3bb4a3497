# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# Sourced by up.sh and down.sh: which compose there is, and which engine it talks to.

# Where the dockerd that `make up` starts keeps its log and process id.
own_engine=/var/lib/caisson-engine

# v1 would give up on an engine that says nothing for a minute.
export COMPOSE_HTTP_TIMEOUT=${COMPOSE_HTTP_TIMEOUT:-600}

# Compose v2 where it is, else v1.
find_compose() {
    if docker compose version >/dev/null 2>&1; then
        compose=(docker compose)
    elif command -v docker-compose >/dev/null; then
        compose=(docker-compose)
    else
        return 1
    fi
}

compose() { "${compose[@]}" "$@"; }

# The engine's socket as a path: containers can only be given a socket, no TCP address.
find_socket() {
    case ${DOCKER_HOST:-unix:///var/run/docker.sock} in
    unix://*) socket=${DOCKER_HOST:-unix:///var/run/docker.sock} socket=${socket#unix://} ;;
    *) echo "DOCKER_HOST=$DOCKER_HOST: only unix:///PATH can be mounted into the proxy" >&2; exit 1 ;;
    esac
}
