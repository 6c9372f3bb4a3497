#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The e2e suite on each of the newer Engines of engines.sh; "trixie sid" unless named.  One that
# cannot be had is skipped, and says why.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
[ $# -gt 0 ] || set -- trixie sid
dir=$(mktemp -d /tmp/caisson-engine.XXXXXX)
suite=
trap '[ -z "$suite" ] || tests/setup/engines.sh stop "$suite" "$dir"; rm -rf "$dir"' EXIT
failed=0
for suite in "$@"; do
    tests/setup/engines.sh start "$suite" "$dir" >"$dir/env"
    case $? in
    0) ;;
    77) echo "skip: e2e on $suite"; continue ;;
    *) failed=1; continue ;;
    esac
    export CAISSON_ENGINE=unix://$dir/docker.sock
    # How to run that root's own compose v2: paths are the same in there.
    export CAISSON_COMPOSE="$PWD/tests/setup/engines.sh exec $suite $dir docker compose"
    DOCKER_HOST=$CAISSON_ENGINE tests/setup/images.sh || failed=1
    version=$(DOCKER_HOST=$CAISSON_ENGINE docker version -f '{{.Server.Version}}')
    echo "-- e2e on Docker Engine $version ($suite)"
    mkdir -p "build/engine-$suite"
    CAISSON_RESULTS=$PWD/build/engine-$suite/test-results \
        tests/setup/suite.sh tests/e2e/run || failed=1
    tests/setup/engines.sh stop "$suite" "$dir"
done
suite=
exit "$failed"
