#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `make test`: everything, in the order in which a failure is cheapest to read.  A failing step does
# not hide the later ones, unless nothing could be built.  TEST_ENGINES names the newer Engines to
# repeat the e2e suite on ("" by default, "trixie" in CI).
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
failed=()

failures() { cat build/test-results build/*/test-results 2>/dev/null | awk '{ n += $3 } END { print n + 0 }'; }

step() {
    local name=$1 began=$SECONDS before
    before=$(failures)
    shift
    printf '\n== %s\n' "$name"
    if "$@"; then
        printf '== %s: passed in %d s\n' "$name" $((SECONDS - began))
    else
        printf '== %s: FAILED after %d s\n' "$name" $((SECONDS - began))
        failed+=("$name")
        # A step that broke before it could count is a failure too.
        [ "$(failures)" != "$before" ] || echo "step-$name 0 1" >>build/test-results
        return 1
    fi
}

# Not a part of the make that started us: jobs are counted anew.
unset MAKEFLAGS MAKELEVEL
make_it() { make --no-print-directory -j"$(nproc)" "$@"; }

mkdir -p build
rm -f build/test-results build/*/test-results
step packages tests/setup/packages.sh build engine test || exit 1
step build make_it everything || exit 1
# The other compiler sees other things.
step build-clang make_it BUILD=build/clang CC=clang everything
step build-static make_it static
step lint make_it lint
# Suites share sockets' folders and the machine's two cores: one after another.
step check make_it -k -j1 check
step wire make_it -j1 wire
step asan make_it asan
# The rest of wire waits for deadlines, and would do so for long; `make valgrind` runs it all.
step valgrind make_it -j1 valgrind ARGS="test_requests test_ownership test_framing test_audit"
step soak make_it -j1 soak ARGS="--seconds 12 --restarts-every 3"
step bench-count make_it -j1 bench-count
if [ "$(id -u)" = 0 ]; then
    step e2e make_it -j1 e2e
    [ -z "${TEST_ENGINES:-}" ] || step test-engines make_it -j1 test-engines ENGINES="$TEST_ENGINES"
else
    printf '\n== e2e: not run, since only root can start an engine\n'
fi

printf '\n'
for name in "${failed[@]}"; do echo "FAILED: $name"; done
tests/setup/summary.sh
