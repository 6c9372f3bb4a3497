#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Adds up the lines "SUITE PASSED FAILED" that all suites left behind; the last line printed is
# "N passed, N failed".  Fails when something did, or when nothing ran.
set -eu
cd "$(dirname "$0")/../.."
set -- build/test-results build/*/test-results
for file in "$@"; do
    if [ -f "$file" ]; then sed "s|^|${file%/test-results}: |" "$file"; fi
done | awk '{ printf "  %-34s %5d passed %4d failed\n", $1 " " $2, $3, $4; passed += $3; failed += $4 }
    END { printf "%d passed, %d failed\n", passed, failed; exit failed > 0 || passed == 0 }'
