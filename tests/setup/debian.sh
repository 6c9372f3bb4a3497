#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Debian root file systems, from wherever this machine's own apt gets its packages.
#
#   debian.sh root SUITE DIR PACKAGES   debootstrap SUITE with PACKAGES (separated by commas) to DIR
#   debian.sh sources                   the lines of a sources.list that reaches the same places
#   debian.sh settings                  the lines of an apt.conf that reaches them the same way
set -eu

# Lines "URI SUITE COMPONENT" of everything Debian that apt knows here.
indexes() {
    apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)' \
        'Created-By: Packages' | sed -n 's/^Debian //p' | sort -u
}

sources() {
    # apt forgets what it never fetched; an image may come without its lists.
    [ -n "$(indexes)" ] || apt-get update -qq >&2
    indexes | awk '{ line[$1 " " $2] = line[$1 " " $2] " " $3 }
                   END { for (from in line) print "deb " from line[from] }' | sort
}

settings() {
    apt-config dump | grep -iE '^Acquire::((https?|ftp)::Proxy|Check-)' || true
}

root() {
    suite=$1 dir=$2 packages=$3
    mirror=$(sources | awk '$3 !~ /security|updates|backports/ { print $2; exit }')
    [ -n "$mirror" ] || { echo "apt of this machine knows no Debian mirror" >&2; exit 1; }
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    [ -z "${proxy:-}" ] || [ "$proxy" = DIRECT ] || export http_proxy="$proxy"
    # A root that was cut short is not to be found by the next run.
    rm -rf "$dir.part"
    mkdir -p "$(dirname "$dir")"
    debootstrap --variant=minbase --include="$packages" "$suite" "$dir.part" "$mirror" \
        >"$dir.log" 2>&1 || {
        tail -n 5 "$dir.log" >&2
        echo "debootstrap of $suite from $mirror failed; all of it: $dir.log" >&2
        exit 1
    }
    rm -rf "$dir.part/var/cache/apt/archives" "$dir.part"/var/lib/apt/lists/* "$dir"
    mv "$dir.part" "$dir"
}

case ${1:-} in
root) root "$2" "$3" "$4" ;;
sources) sources ;;
settings) settings ;;
*) sed -n '3,7s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
