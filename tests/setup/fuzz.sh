#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Searches with each libFuzzer program for $FUZZ_SECONDS, $FUZZ_JOBS of them at once.  What one finds
# new stays in build/fuzz/found/NAME; a crash is kept as build/fuzz/crash-NAME-* and fails the run.
# Each ends with a line that says how often it ran, what it reached, and how many crashes there are.
set -u

# The last number that a statistic of libFuzzer's had.
stat_of() { sed -n "s/^stat::$1: *//p" "$log" | tail -n 1; }

one() {
    name=$(basename "$1") name=${name#fuzz_}
    found=build/fuzz/found/$name log=build/fuzz/$name.log
    mkdir -p "$found"
    began=$(date +%s)
    "$1" -max_total_time="$FUZZ_SECONDS" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/crash-$name-" "$found" "tests/fuzz/corpus/$name" \
        >"$log" 2>&1
    status=$?
    seconds=$(($(date +%s) - began))
    crashes=$(grep -c 'Test unit written' "$log")
    [ "$status" = 0 ] || [ "$crashes" != 0 ] || crashes=1
    reached=$(grep -o 'cov: [0-9]* ft: [0-9]*' "$log" | tail -n 1)
    runs=$(stat_of number_of_executed_units)
    printf 'fuzz %-8s %s runs in %d s, %s, %s new, %d crashes\n' "$name" "${runs:-?}" "$seconds" \
        "$reached" "$(stat_of new_units_added)" "$crashes"
    [ "$crashes" = 0 ] || grep -E 'ERROR|SUMMARY|Test unit written' "$log"
    [ "$crashes" = 0 ]
}

if [ "$1" = --one ]; then
    one "$2"
    exit
fi
echo "fuzz: $# harnesses, $FUZZ_SECONDS s each, $FUZZ_JOBS at once"
printf '%s\n' "$@" | xargs -n 1 -P "$FUZZ_JOBS" "$0" --one
