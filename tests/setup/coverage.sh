#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Replays the corpora, and what searches found beside them, through each program of build/coverage,
# and prints the share of lines and branches that was reached, for each module that reads what a
# client, an engine or a person wrote.  COVERAGE="FILE..." names others.
set -eu
out=build/coverage
rm -rf "$out/raw" && mkdir -p "$out/raw"
objects=
for program in "$@"; do
    name=$(basename "$program") name=${name#fuzz_}
    set -- "tests/fuzz/corpus/$name"
    [ ! -d "build/fuzz/found/$name" ] || [ -z "$(ls "build/fuzz/found/$name")" ] ||
        set -- "$@" "build/fuzz/found/$name"
    LLVM_PROFILE_FILE="$out/raw/$name.profraw" "$program" "$@" 2>/dev/null
    objects="$objects -object $program"
done
llvm-profdata merge -sparse "$out"/raw/*.profraw -o "$out/all.profdata"
files=
for file in ${COVERAGE:-proxy/message.c proxy/framing.c policy/route.c policy/query.c policy/filters.c \
    policy/json.c policy/json_read.c policy/json_write.c policy/schema.c policy/rules.c policy/judge.c \
    policy/config.c policy/policy_decide.c proxy/message_known.c proxy/conn_limits.c \
    proxy/conn.c proxy/conn_request.c proxy/conn_reply.c proxy/conn_upload.c proxy/conn_tunnel.c \
    proxy/stream.c proxy/splice.c proxy/upstream.c}; do
    files="$files $PWD/$file"
done
# shellcheck disable=SC2086
llvm-cov report -instr-profile "$out/all.profdata" ${objects# -object} $files |
    awk '/^Filename|^TOTAL|\.c / { n = split($1, path, "/"); if ($1 == "Filename") next;
         printf "%-22s lines %6s of %5d   branches %6s of %5d\n", path[n], $10, $8, $13, $11 }'
