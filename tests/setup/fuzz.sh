#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Searches with each libFuzzer program for $FUZZ_SECONDS.  What it finds new stays in
# build/fuzz/found/NAME; a crash is kept as build/fuzz/crash-NAME-* and fails the run.
set -u
failed=0
for program in "$@"; do
    name=$(basename "$program") name=${name#fuzz_}
    found=build/fuzz/found/$name
    mkdir -p "$found"
    echo "fuzz $name for $FUZZ_SECONDS s"
    "$program" -max_total_time="$FUZZ_SECONDS" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/crash-$name-" "$found" "tests/fuzz/corpus/$name" \
        >"build/fuzz/$name.log" 2>&1 || failed=1
    grep -E '^stat::number_of_executed|ERROR|SUMMARY|Test unit written' "build/fuzz/$name.log"
done
[ "$failed" = 0 ]
