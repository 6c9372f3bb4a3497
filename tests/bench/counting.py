# SPDX-License-Identifier: Apache-2.0
"""Instructions and system calls of one request, free of the machine's noise.

Each is counted twice, for few requests and for many; the difference has no start and no end in it.
"""
import os
import re
import shutil
import subprocess

import world

FEW, MANY = 2000, 6000


def between(count, few):
    """What each request adds, from the counts of two runs."""
    low, high = (FEW // 10, MANY // 10) if few else (FEW, MANY)
    return (count(high) - count(low)) / (high - low)


def run_wrapped(wide, name, wrap, connections, requests):
    proxy = wide.caisson(name, wrap)
    wide.load("start", proxy.path, "-c", connections, "-n", requests, "-t", 60)
    wide.stop(proxy)
    proxy.tidy()


def instructions(wide, connections, few=False):
    """(user instructions a request, how they were counted), or (None, why not)."""
    if not shutil.which("valgrind"):
        return None, "valgrind is not installed"
    out = wide.at("callgrind.out")

    def count(requests):
        run_wrapped(wide, "callgrind", ["valgrind", "--tool=callgrind", "-q",
                                        "--callgrind-out-file=" + out], connections, requests)
        with open(out, encoding="utf-8", errors="replace") as profile:
            found = re.search(r"^(?:summary|totals):\s*(\d+)", profile.read(), re.M)
        if not found:
            raise world.Void("callgrind wrote no totals")
        return int(found.group(1))
    return between(count, few), "callgrind"


def strace_calls(path):
    """The summary of strace -c as {name: calls}."""
    calls = {}
    with open(path, encoding="utf-8", errors="replace") as summary:
        for line in summary:
            words = line.split()
            if len(words) >= 5 and words[0][0].isdigit() and words[-1] != "total":
                calls[words[-1]] = int(words[3])
    return calls


def syscalls_by_strace(wide, connections, few):
    out, seen = wide.at("strace.out"), []

    def count(requests):
        run_wrapped(wide, "strace", ["strace", "-f", "-c", "-o", out], connections, requests)
        seen.append(strace_calls(out))
        if not seen[-1]:
            raise world.Void("strace wrote no summary")
        return sum(seen[-1].values())
    total = between(count, few)
    many, low = seen
    step = (MANY - FEW) / (10 if few else 1)
    parts = {name: (calls - low.get(name, 0)) / step for name, calls in many.items()}
    said = ", ".join("%s %.2f" % (name, part) for name, part in
                     sorted(parts.items(), key=lambda item: -item[1]) if part >= 0.005)
    return total, said


def syscalls_by_perf(wide, connections, few):
    proxy = wide.caisson("perf")

    def count(requests):
        load = wide.load_command("start", proxy.path, "-c", connections, "-n", requests, "-t", 60)
        done = subprocess.run(["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-p",
                               str(proxy.pid), "--"] + load, capture_output=True, text=True,
                              timeout=120, check=False)
        found = re.search(r"^(\d+),.*raw_syscalls", done.stderr, re.M)
        if not found:
            raise world.Void("perf counted nothing: " + done.stderr.strip()[-200:])
        return int(found.group(1))
    total = between(count, few)
    wide.stop(proxy)
    return total, "perf"


def syscalls(wide, connections, few=False):
    """(system calls a request, how they divide), or (None, why not)."""
    if shutil.which("strace"):
        return syscalls_by_strace(wide, connections, few)
    if shutil.which("perf") and os.geteuid() == 0:
        return syscalls_by_perf(wide, connections, few)
    return None, "neither strace nor perf (as root) is here"
