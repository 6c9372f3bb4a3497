#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The one place that knows which Debian packages are needed, and for what.
#
#   packages.sh --check       can ${CC:-gcc} build the programs?  If not: one line that says how
#   packages.sh GROUP...      as root, install what is missing of these groups; nothing else happens
#   packages.sh --list GROUP...
set -eu

group() {
    case $1 in
    build) echo make gcc libc6-dev libevent-dev libhttp-parser-dev libinih-dev libjansson-dev zlib1g-dev ;;
    engine) echo docker.io docker-compose ca-certificates curl ;;
    images) echo debootstrap busybox-static ;;
    test) echo python3 python3-docker python3-yaml libcmocka-dev clang clang-format strace valgrind ;;
    bench) echo haproxy ;;
    fuzz) echo afl++ clang llvm ;;
    *) echo "packages.sh: no group '$1'; there are build, engine, images, test, bench, fuzz" >&2; exit 2 ;;
    esac
}

missing() {
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
            printf '%s ' "$package"
    done
}

check() {
    printf '#include <%s>\n' stdio.h event2/event.h http_parser.h ini.h jansson.h zlib.h |
        ${CC:-gcc} -E -x c - >/dev/null 2>&1 && return
    # shellcheck disable=SC2046
    echo "Not all that a build needs is here: apt-get install $(group build)" >&2
    exit 1
}

case ${1:---help} in
--check) check; exit ;;
--list) shift; for name in "$@"; do group "$name"; done; exit ;;
-*) sed -n '3,8s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac

wanted=$(for name in "$@"; do group "$name"; done)
# shellcheck disable=SC2086
needed=$(missing $wanted)
[ -n "$needed" ] || exit 0
command -v apt-get >/dev/null || { echo "Install these yourself: $needed" >&2; exit 1; }
if [ "$(id -u)" != 0 ]; then
    echo "Missing packages: run as root: apt-get install --no-install-recommends $needed" >&2
    exit 1
fi
echo "Installing $needed"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() {
    # Services of the new packages (dockerd) are ours to start, not the installation's.
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y --no-install-recommends $needed \
        >"$log" 2>&1
}
# The lists may be old or absent: fetch them once, when the first try shows it.
install || { apt-get update >"$log" 2>&1 && install; } ||
    { tail -n 20 "$log" >&2; echo "apt-get could not install: $needed" >&2; exit 1; }
