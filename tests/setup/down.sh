#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `make down`: removes what `make up` made, and ends the Docker that it started, unless that runs
# something else by now.  Packages and images stay.  Twice is fine.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/setup/compose.sh

if ! command -v docker >/dev/null || ! find_compose; then
    echo "Docker is not installed: nothing is up"
    exit 0
fi
# Where `make up` found the engine, if it was not told.
[ -n "${DOCKER_HOST:-}" ] || socket=$(sed -n 's/^DOCKER_SOCKET=//p' .env 2>/dev/null || true)
[ -n "${socket:-}" ] || find_socket
export DOCKER_HOST=unix://$socket
if docker version >/dev/null 2>&1; then
    # Programs that were just being evaluated go first; the proxy marked them.
    left=$(docker ps -aq --filter label=io.caisson.owner=caisson)
    compose down -v --remove-orphans
    # shellcheck disable=SC2086
    [ -z "$left" ] || docker rm -f -v $left >/dev/null
    if [ -d "$own_engine/exec" ]; then
        if [ -z "$(docker ps -q)" ]; then
            ENGINE_DATA=/var/lib/docker ENGINE_SOCKET=$socket \
                tests/setup/engine.sh stop "$own_engine"
            echo "Ended Docker, which was started for this"
        else
            echo "Docker goes on: other containers run on it"
        fi
    fi
fi
if [ -f .env ]; then
    sed -i '/^DOCKER_GID=/d; /^DOCKER_SOCKET=/d' .env
    [ -s .env ] || rm .env
fi
echo "It is down"
