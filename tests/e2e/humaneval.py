#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the 164 HumanEval problems as run requests for `evaluator batch`, one JSON line each.

A program is prompt + canonical solution + test + check(entry_point): exit code 0 means solved.
With --broken each body is `return None`, so that nearly every program must fail.

usage: humaneval.py [--broken] [--data FILE] [--wall-ms N] [OUT]     (OUT: stdout)
"""
import argparse
import gzip
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "data", "humaneval", "HumanEval.jsonl.gz")

# The default limits are for an idle machine.  Wall time counts whatever the neighbours do, so a
# test of verdicts, not of speed, leaves plenty of it.
WALL_MS = 60000


def problems(path):
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def program(problem, broken):
    body = "    return None\n" if broken else problem["canonical_solution"]
    call = "check(%s)\n" % problem["entry_point"]
    return "\n".join([problem["prompt"] + body, problem["test"], call])


def request(problem, broken, wall_ms):
    return {
        "id": problem["task_id"],
        "files": [{"path": "main.py", "text": program(problem, broken)}],
        "cmd": ["python3", "/code/main.py"],
        "limits": {"wall_ms": wall_ms},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--broken", action="store_true", help="every body is `return None`")
    parser.add_argument("--data", default=DATA, help="HumanEval.jsonl.gz")
    parser.add_argument("--wall-ms", type=int, default=WALL_MS, help="wall limit of each run")
    parser.add_argument("out", nargs="?", default="-", help="file to write; - is stdout")
    options = parser.parse_args()
    out = sys.stdout if options.out == "-" else open(options.out, "w", encoding="utf-8")
    with out:
        for problem in problems(options.data):
            json.dump(request(problem, options.broken, options.wall_ms), out)
            out.write("\n")


if __name__ == "__main__":
    main()
