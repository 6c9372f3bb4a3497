#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the cmocka programs that are named and adds up what they report.
set -u
passed=0 failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for program in "$@"; do
    CMOCKA_MESSAGE_OUTPUT=TAP "$program" >"$log" 2>&1
    status=$?
    ok=$(grep -c '^ok ' "$log") bad=$(grep -c '^not ok ' "$log")
    # A crash reports nothing: that program has failed, whatever it said before.
    if [ "$status" != 0 ] && [ "$bad" = 0 ] || [ $((ok + bad)) = 0 ]; then bad=1; fi
    passed=$((passed + ok)) failed=$((failed + bad))
    if [ "$bad" != 0 ]; then
        echo "FAIL $program (exit $status)"
        grep -v '^ok ' "$log"
    fi
done
echo "unit: $passed passed, $failed failed"
echo "unit $passed $failed" >>"$CAISSON_RESULTS"
[ "$failed" = 0 ]
