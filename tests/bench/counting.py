# SPDX-License-Identifier: Apache-2.0
"""Instructions and system calls of one request, and bytes of code: free of the machine's noise.

What a request costs is counted twice, for few requests and for many; the difference has no start
and no end in it.
"""
import os
import re
import shutil
import subprocess

import world

# Requests of the two runs.  A create costs much more, and valgrind is slow.
RUNS = {"start": (2000, 6000), "start -x": (2000, 6000), "refused": (2000, 6000),
        "create": (200, 600)}

# The parts of the linked program that are ours, with what relocates our tables.  The others bind it
# to its libraries.
CODE = {".text", ".rodata", ".eh_frame", ".eh_frame_hdr", ".rela.dyn", ".relr.dyn", ".data.rel.ro",
        ".data"}


def code_bytes(program):
    """The bytes of our own code and data in a dynamically linked program; None without `size`."""
    if not shutil.which("size"):
        return None
    told = subprocess.run(["size", "-A", program], capture_output=True, check=True, text=True)
    rows = [line.split() for line in told.stdout.splitlines()]
    return sum(int(row[1]) for row in rows if len(row) == 3 and row[0] in CODE)


def between(count, kind, quick):
    """What each request adds, from the counts of two runs."""
    few, many = (requests // (10 if quick else 1) for requests in RUNS[kind])
    return (count(many) - count(few)) / (many - few)


def run_wrapped(wide, wrap, kind, connections, requests):
    """One proxy's whole life under a wrapper; each has a socket of its own."""
    wide.wrapped = getattr(wide, "wrapped", 0) + 1
    proxy = wide.caisson("counted-%d" % wide.wrapped, wrap)
    kind, *options = kind.split()
    wide.load(kind, proxy.path, "-c", connections, "-n", requests, "-t", 100, *options)
    wide.stop(proxy)
    proxy.tidy()


def instructions(wide, kind, connections, quick=False):
    """(user instructions a request, how they were counted), or (None, why not)."""
    if not shutil.which("valgrind"):
        return None, "valgrind is not installed"
    out = wide.at("callgrind.out")

    def count(requests):
        run_wrapped(wide, ["valgrind", "--tool=callgrind", "-q", "--callgrind-out-file=" + out],
                    kind, connections, requests)
        with open(out, encoding="utf-8", errors="replace") as profile:
            found = re.search(r"^(?:summary|totals):\s*(\d+)", profile.read(), re.M)
        if not found:
            raise world.Void("callgrind wrote no totals")
        return int(found.group(1))
    return between(count, kind, quick), "callgrind"


def strace_calls(path):
    """The summary of strace -c as {name: calls}."""
    calls = {}
    with open(path, encoding="utf-8", errors="replace") as summary:
        for line in summary:
            words = line.split()
            if len(words) >= 5 and words[0][0].isdigit() and words[-1] != "total":
                calls[words[-1]] = int(words[3])
    return calls


def syscalls_by_strace(wide, kind, connections, quick):
    out, seen = wide.at("strace.out"), []

    def count(requests):
        run_wrapped(wide, ["strace", "-f", "-c", "-o", out], kind, connections, requests)
        seen.append((requests, strace_calls(out)))
        if not seen[-1][1]:
            raise world.Void("strace wrote no summary")
        return sum(seen[-1][1].values())
    total = between(count, kind, quick)
    (many, high), (few, low) = seen
    parts = {name: (calls - low.get(name, 0)) / (many - few) for name, calls in high.items()}
    return total, ", ".join("%s %.2f" % (name, part) for name, part in
                            sorted(parts.items(), key=lambda item: -item[1]) if part >= 0.005)


def syscalls_by_perf(wide, kind, connections, quick):
    proxy = wide.caisson("counted-by-perf")

    def count(requests):
        load = wide.load_command(kind, proxy.path, "-c", connections, "-n", requests, "-t", 60)
        done = subprocess.run(["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-p",
                               str(proxy.pid), "--"] + load, capture_output=True, text=True,
                              timeout=120, check=False)
        found = re.search(r"^(\d+),.*raw_syscalls", done.stderr, re.M)
        if not found:
            raise world.Void("perf counted nothing: " + done.stderr.strip()[-200:])
        return int(found.group(1))
    total = between(count, kind, quick)
    wide.stop(proxy)
    return total, "perf"


def syscalls(wide, kind, connections, quick=False):
    """(system calls a request, how they divide), or (None, why not)."""
    if shutil.which("strace"):
        return syscalls_by_strace(wide, kind, connections, quick)
    if shutil.which("perf") and os.geteuid() == 0:
        return syscalls_by_perf(wide, kind, connections, quick)
    return None, "neither strace nor perf (as root) is here"
