#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Searches with each AFL++ program for $FUZZ_SECONDS.  What it finds is below build/afl/found/NAME,
# with the crashes and hangs, which fail the run; a search goes on from what an earlier one found.
set -u
export AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1 AFL_AUTORESUME=1
# A shared machine: whether cores dump is not ours to decide.
export AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1
export ASAN_OPTIONS=abort_on_error=1:symbolize=0:detect_leaks=0 UBSAN_OPTIONS=abort_on_error=1
failed=0
for program in "$@"; do
    name=$(basename "$program") name=${name#fuzz_}
    found=build/afl/found/$name
    mkdir -p build/afl/found
    echo "afl $name for $FUZZ_SECONDS s"
    afl-fuzz -i "tests/fuzz/corpus/$name" -o "$found" -V "$FUZZ_SECONDS" -t 10000 -m none \
        -- "$program" >"build/afl/$name.log" 2>&1 || { failed=1; tail -n 5 "build/afl/$name.log"; }
    grep -E '^(execs_done|corpus_found|saved_crashes|saved_hangs|bitmap_cvg)' \
        "$found/default/fuzzer_stats" | tr -s ' ' | paste -sd ' '
    for crash in "$found"/default/crashes/id* "$found"/default/hangs/id*; do
        [ ! -e "$crash" ] || { echo "FAIL $crash"; failed=1; }
    done
done
[ "$failed" = 0 ]
