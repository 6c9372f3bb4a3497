#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `make up`: from whatever this machine has to a program that was evaluated through the proxy.
# Uses the engine of $DOCKER_HOST, else /var/run/docker.sock, else starts Docker here.  Twice is fine.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/setup/compose.sh

say() { printf '\n== %s\n' "$*"; }

answers() { curl -fs -m 5 -o /dev/null --unix-socket "$socket" http://engine/_ping; }

start_engine() {
    if [ -d /run/systemd/system ]; then
        systemctl start docker
    else
        ENGINE_DATA=/var/lib/docker ENGINE_SOCKET=$socket tests/setup/engine.sh start "$own_engine"
        echo "Started Docker (without a bridge network); its log: $own_engine/dockerd.log"
    fi
    for _ in {1..300}; do
        if answers; then return; fi
        sleep 0.2
    done
    echo "Docker does not answer on $socket" >&2
    exit 1
}

# Compose reads these beside docker-compose.yml; whatever else is in the file stays.
write_env() {
    local kept
    kept=$(grep -vE '^(DOCKER_GID|DOCKER_SOCKET)=' .env 2>/dev/null || true)
    {
        [ -z "$kept" ] || printf '%s\n' "$kept"
        echo "DOCKER_GID=$(stat -Lc %g "$socket")"
        echo "DOCKER_SOCKET=$socket"
    } >.env.new
    mv .env.new .env
}

say "Packages"
packages=(engine)
# A Docker that is here already, from wherever, is the one to use; Debian's is not put over it.
if command -v docker >/dev/null && find_compose && command -v curl >/dev/null; then packages=(); fi
[ ${#packages[@]} = 0 ] || tests/setup/packages.sh "${packages[@]}"
find_compose || { echo "There is docker, but no compose: install docker-compose" >&2; exit 1; }
echo "docker and ${compose[*]} are here"

say "Engine"
find_socket
answers || [ -n "${DOCKER_HOST:-}" ] || start_engine
answers || { echo "No Docker Engine answers on $socket, and you may have to be root" >&2; exit 1; }
export DOCKER_HOST=unix://$socket
echo "Docker $(docker version -f '{{.Server.Version}}') on $socket"

say "Images"
tests/setup/images.sh
write_env
compose build
say "Proxy and evaluator"
# The evaluator depends on a healthy proxy: compose waits for that.
compose up -d || {
    compose logs --tail 20 proxy >&2
    echo "The proxy does not become healthy; above is what it says" >&2
    exit 1
}

program='print("hello from a sandbox:", sum(n * n for n in range(1000)))'
say "A first program, through the proxy: $program"
compose exec -T evaluator /evaluator run -- python3 -c "$program"

cat <<END

It is up.  Next:
  evaluate a program of yours   ${compose[*]} exec -T evaluator /evaluator run -- python3 -c 'print(1)'
  see what the proxy decides    ${compose[*]} logs -f proxy
  change what is allowed        edit policy/evaluator.ini, then: ${compose[*]} restart proxy
  end it                        make down
END
[ "$socket" = /var/run/docker.sock ] || echo "(with DOCKER_HOST=$DOCKER_HOST)"
