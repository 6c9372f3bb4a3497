#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs one suite's driver, the executable $1, with the rest as its arguments.
#
# A driver runs all of its tests, prints what fails, appends one line "SUITE PASSED FAILED" to the
# file $CAISSON_RESULTS, and exits 0 only if none failed.  It finds the programs under test in
# $CAISSON and $EVALUATOR_PROGRAM.
set -eu
exec "$@"
