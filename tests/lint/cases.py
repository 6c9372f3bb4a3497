#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that tests/cases shows what becomes of every operation.

Each row of operations.def has a case in which it is refused; and, if a policy can allow it at all,
one in which it is forwarded.
"""
import glob
import importlib.machinery
import importlib.util
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from report import finish  # noqa: E402
from rows import ROOT, read_table  # noqa: E402


def case_reader():
    """tests/cases/run, which is a program, as a module."""
    loader = importlib.machinery.SourceFileLoader("cases_run", "tests/cases/run")
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("cases_run", loader))
    sys.dont_write_bytecode = True
    del sys.modules["report"]  # it means its own
    loader.exec_module(module)
    return module


def pattern(template):
    """A path template as an expression; a name of an image, or a path, may have slashes."""
    parts = re.split(r"(\{[^}]*\})", template)
    return re.compile("".join("[^?]+" if part.startswith("{name") else
                              "[^/?]+" if part.startswith("{") else re.escape(part)
                              for part in parts) + "$")


class Operations:
    def __init__(self, complaints):
        table = read_table("policy/operations.def", "OPERATION", 1, complaints)
        self.rows = [(name, line, cells[1].replace("METHOD_", ""), pattern(cells[2]), cells[2],
                      cells[6]) for (name,), (line, cells) in table.items()]
        # The plainest template wins, as in an Engine: /images/json is no image of that name.
        self.rows.sort(key=lambda row: row[4].count("{"))

    def of(self, method, target):
        path = re.sub(r"^/v1\.\d+(?=/)", "", target.partition("?")[0])
        for name, _, its, matcher, _, _ in self.rows:
            if its == method and matcher.match(path):
                return name
        return None


def main():
    os.chdir(ROOT)
    complaints, shown = [], {"forward": set(), "refuse": set()}
    operations, reader = Operations(complaints), case_reader()
    for path in sorted(glob.glob("tests/cases/*.case")):
        for case in reader.read_cases(path):
            outcome = case.expect.split()[0].replace("answer", "forward")
            shown[outcome].add(operations.of(case.method, case.target))
    for name, line, _, _, _, grants in operations.rows:
        where = "policy/operations.def:%d: no case in tests/cases " % line
        if name not in shown["refuse"]:
            complaints.append(where + "refuses " + name)
        if grants != "GRANT_NO" and name not in shown["forward"]:
            complaints.append(where + "forwards " + name)
    return finish("lint-cases", 2 * len(operations.rows), complaints)


if __name__ == "__main__":
    sys.exit(main())
