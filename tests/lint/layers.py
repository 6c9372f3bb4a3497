#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what each C file includes, and the sizes of files and functions.

The house's layers stand in the tables below; a file that needs more either belongs to another
layer, or changes a table here and says why.
"""
import glob
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from report import finish  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")

# proxy/, from the ground up.  A module sees its own headers and those of lower lines only; the last
# line is the command line's, whose rooms see each other.
PROXY_LAYERS = [
    ["log", "buf", "account", "plain", "quota"],
    ["message", "stream", "listener", "audit", "peers", "outcome"],
    ["upstream", "answer", "splice"],
    ["lease"],
    ["conn"],
    ["server"],
    ["main", "commands", "explain", "learn", "import", "healthcheck", "reload", "print"],
]

# Files that are rooms of a module without bearing its name.
FAMILIES = {"framing": "message", "imports": "import"}

# What proxy/ may know of policy/; everything else there is policy's own.
POLICY_FACES = {
    "policy.h": ["answer", "upstream", "lease", "conn", "server", "main", "commands",
                 "explain", "reload"],
    "owner.h": ["lease", "conn", "server", "explain", "learn"],
    "schema.h": ["commands", "explain", "learn"], "asked.h": ["learn"], "schemas.h": ["commands", "learn"], "image.h": ["learn"], "images.h": ["commands", "import"], "verdict.h": ["commands"],
    "query.h": ["commands", "learn"],
    "json.h": ["learn"], "arena.h": ["learn"],  # the lines of an audit log
    "listeners.h": ["server", "commands", "explain", "healthcheck", "main", "reload"],
    "config.h": None, "err.h": None, "letters.h": None, "operation.h": None, "reason.h": None,  # anyone
}

# Third-party headers and the modules that own them.
OWNERS = {
    "event2/": {"proxy": ["server", "listener", "conn", "stream", "upstream", "lease"],
                "evaluator": ["main", "runner", "engine", "docker", "service"]},
    "http_parser.h": {"proxy": ["message"], "evaluator": ["docker_http"]},
    "ini.h": {"policy": ["config"]},
    "jansson.h": {"evaluator": ["request", "result", "ledger", "command", "docker_body"]},
    "zlib.h": {"evaluator": ["bundle"]},
}

# policy/ is pure: no sockets, no loop, no clock, no log.
IMPURE = ["sys/socket.h", "sys/epoll.h", "sys/time.h", "time.h", "poll.h", "syslog.h",
          "netinet/", "event2/"]

FUNCTION_LINES, FILE_LINES = 100, 1000
INCLUDE = re.compile(r'\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)')


def family(module):
    """conn_reply.c is a room of conn."""
    return FAMILIES.get(module, module.split("_")[0])


def layer_of(module):
    """The line of PROXY_LAYERS, or None."""
    for number, modules in enumerate(PROXY_LAYERS):
        if family(module) in modules:
            return number
    return None


def module_of(path):
    return os.path.splitext(os.path.basename(path))[0]


def named(module, names):
    return names is None or any(module == n or module.startswith(n + "_") for n in names)


def own_header(folder, module, header):
    """Why this project header must not be included there; None when it may be."""
    name = module_of(header)
    if name.endswith("_internal") and family(module) != family(name):
        return "is private to %s" % name[:-len("_internal")]
    if header.endswith(".def") or os.path.exists(os.path.join(ROOT, folder, header)):
        if folder != "proxy" or header.endswith(".def"):
            return None
        mine, its = layer_of(module), layer_of(name)
        if its is None:
            return "is in no layer: add it to PROXY_LAYERS"
        if mine is None or its < mine or family(module) == family(name):
            return None
        if its == mine == len(PROXY_LAYERS) - 1:
            return None
        return "is in a layer that is not below %s" % module
    if folder == "proxy":
        if header not in POLICY_FACES:
            return "is policy's own, or does not exist"
        if not named(module, POLICY_FACES[header]):
            return "is only for " + ", ".join(POLICY_FACES[header])
        return None
    return "is not in %s/" % folder


def foreign_header(folder, module, header):
    if os.path.exists(os.path.join(ROOT, "policy", header)):
        return "is found in policy/ by whoever has that in his path: give ours another name"
    if folder == "policy" and any(header.startswith(i) for i in IMPURE):
        return "is not for policy/, which is pure"
    for prefix, owners in OWNERS.items():
        if header.startswith(prefix) and not named(module, owners.get(folder, [])):
            return "is only for " + "; ".join("%s/{%s}" % (f, ",".join(m))
                                              for f, m in owners.items())
    return None


def check_includes(folder, path, lines):
    module, headers = module_of(path), 0
    if folder == "proxy" and layer_of(module) is None:
        yield "%s:1: %s is in no layer: add it to PROXY_LAYERS" % (path, module)
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        own, foreign = match.groups()
        why = own_header(folder, module, own) if own else foreign_header(folder, module, foreign)
        if why:
            yield "%s:%d: %s %s" % (path, number, own or foreign, why)
        if own and not own.endswith(".def"):
            headers += 1
        if path.endswith(".h") and headers > 1 and own and not module.endswith("_internal"):
            yield "%s:%d: a header includes at most one other of the project" % (path, number)


def check_sizes(path, lines):
    """clang-format puts a function's braces, and nothing else's, alone in the first column."""
    if len(lines) > FILE_LINES:
        yield "%s:1: %d lines; %d is the most" % (path, len(lines), FILE_LINES)
    start = 0
    for number, line in enumerate(lines, 1):
        if line == "{":
            while number > 1 and lines[number - 2].strip():
                number -= 1  # up to the signature's first line
            start = number
        elif line == "}" and start:
            if number - start + 1 > FUNCTION_LINES:
                yield "%s:%d: a function of %d lines; %d is the most" % (
                    path, start, number - start + 1, FUNCTION_LINES)
            start = 0


def check_head(path, lines):
    if not lines or lines[0] != "/* SPDX-License-Identifier: Apache-2.0 */":
        yield "%s:1: the first line is /* SPDX-License-Identifier: Apache-2.0 */" % path


def main():
    os.chdir(ROOT)
    complaints, checked = [], 0
    for folder in ("policy", "proxy", "evaluator", "tests/*"):
        for path in sorted(glob.glob(folder + "/*.[ch]") + glob.glob(folder + "/*.def")):
            with open(path, encoding="utf-8") as file:
                lines = file.read().split("\n")[:-1]
            checked += 1
            complaints += check_head(path, lines)
            complaints += check_sizes(path, lines)
            if not folder.startswith("tests"):
                complaints += check_includes(folder, path, lines)
    return finish("lint-layers", checked, complaints)


if __name__ == "__main__":
    sys.exit(main())
