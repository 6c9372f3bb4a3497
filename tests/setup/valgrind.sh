#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs a suite's driver with a $CAISSON that starts the proxy under valgrind.  Errors and definite
# leaks make the proxy exit 99, and are found in the logs whatever the suite made of that.
set -eu
dir=$PWD/build/valgrind
rm -rf "$dir"
mkdir -p "$dir"
cat >"$dir/caisson" <<END
#!/bin/sh
# It opens a pidfd, a call that not every valgrind knows.
[ "\${1:-}" != reload ] || exec "$CAISSON" "\$@"
exec valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite \
    --errors-for-leak-kinds=definite --track-fds=no --child-silent-after-fork=yes \
    --log-file="$dir/log.%p" "$CAISSON" "\$@"
END
chmod +x "$dir/caisson"
status=0
# Slower machines are no failures: drivers stretch their patience by this factor.
CAISSON=$dir/caisson CAISSON_WRAPPER=valgrind CAISSON_RESULTS=$dir/test-results CAISSON_PATIENCE=5 \
    tests/setup/suite.sh "$@" || status=1
if grep -l . "$dir"/log.* >"$dir/bad" 2>/dev/null; then
    echo "valgrind complains:"
    xargs cat <"$dir/bad" | head -n 100
    echo "valgrind-errors 0 $(wc -l <"$dir/bad")" >>"$dir/test-results"
    status=1
fi
exit "$status"
