#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Feeds each fuzz harness its committed corpus: tests/fuzz/corpus/NAME for build/fuzz/fuzz_NAME.
set -u
passed=0 failed=0
for program in "$@"; do
    name=$(basename "$program") name=${name#fuzz_}
    if "$program" "tests/fuzz/corpus/$name"; then
        passed=$((passed + 1))
    else
        echo "FAIL $program tests/fuzz/corpus/$name"
        failed=$((failed + 1))
    fi
done
echo "replay: $passed passed, $failed failed"
echo "replay $passed $failed" >>"$CAISSON_RESULTS"
[ "$failed" = 0 ]
