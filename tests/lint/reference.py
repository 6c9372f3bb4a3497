#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that the reference and the man pages say what the programs print; --write makes them so.

What the tables know stands in a man page between `.\\" begin COMMAND` and `.\\" end`: COMMAND's
output.  The policies that caisson.ini.5 shows must be valid, and caisson.8 must list the members of
an audit line, and all commands and options.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from report import finish  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PROGRAMS = {"caisson": os.environ.get("CAISSON", "build/caisson"),
            "evaluator": os.environ.get("EVALUATOR_PROGRAM", "build/evaluator")}
PROGRAMS["reference"] = os.path.join(os.path.dirname(PROGRAMS["caisson"]), "reference")  # reference.c
REFERENCE = "policy/REFERENCE.md"
PAGES = ["proxy/caisson.8", "policy/caisson.ini.5", "evaluator/evaluator.1"]
BLOCK = re.compile(r'(^\.\\" begin (.+)\n)(?:.*\n)*?(\.\\" end\n)', re.M)


def output(command):
    program, *arguments = command.split()
    return subprocess.run([PROGRAMS[program], *arguments], check=True, capture_output=True,
                          text=True).stdout


def read(path):
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read()


def page(text):
    """A man page with its generated parts made anew, and how many there are."""
    return BLOCK.subn(lambda block: block[1] + output(block[2]) + block[3], text)


def first_difference(old, new):
    """The line, from 1, where two texts part."""
    pairs = enumerate(zip(old.split("\n"), new.split("\n")), 1)
    return next((number for number, (a, b) in pairs if a != b), 1)


def check_text(path, wanted, write):
    found = read(path)
    if found == wanted:
        return
    if write:
        with open(path, "w", encoding="utf-8") as file:
            file.write(wanted)
        print("%s is written anew" % path)
    else:
        yield "%s:%d: is not what the tables say; run `make reference`" % (
            path, first_difference(found, wanted))


def check_examples(path):
    """Literal blocks that begin with a section are policies."""
    text = read(path)
    for block in re.finditer(r"^\.Bd -literal\n(\[(?:.*\n)*?)\.Ed$", text, re.M):
        line = text.count("\n", 0, block.start(1)) + 1
        with tempfile.NamedTemporaryFile("w", suffix=".ini", encoding="utf-8") as file:
            file.write(block[1])
            file.flush()
            done = subprocess.run([PROGRAMS["caisson"], "check", file.name], capture_output=True,
                                  text=True, check=False)
        yield None if done.returncode == 0 else "%s:%d: caisson check says: %s" % (
            path, line, done.stderr.strip())


def check_audit(path):
    written = set(re.findall(r'(?:PUT_[A-Z]+\(.*?, |put_member\(to, )"(\w+)"',
                             read("proxy/audit.c"))) | {"time"}
    section = re.search(r"^\.Sh AUDIT LOG\n((?:.*\n)*?)\.Ss", read(path), re.M)[1]
    listed = set(re.findall(r"^\.It Sy (\w+)$", section, re.M))
    for name in sorted(written ^ listed):
        yield "%s:1: the member '%s' of an audit line is %s" % (
            path, name, "not described" if name in written else "none that audit.c writes")


def check_usage(path):
    """The page knows every command and option that `caisson help` names."""
    usage, text = output("caisson help"), read(path)
    verbs = re.findall(r"\w+", " ".join(re.findall(r"caisson ([a-z |]+)", usage)))
    wanted = [".It Cm " + verb for verb in verbs]
    wanted += [".It Fl -" + option for option in re.findall(r"--([a-z-]+)", usage)]
    for line in sorted(set(wanted)):
        if not re.search("^%s\\b" % re.escape(line), text, re.M):
            yield "%s:1: `caisson help` names what no line '%s' describes" % (path, line)


def check_markup(path):
    """What mandoc complains of, where it is installed."""
    if not shutil.which("mandoc"):
        return []
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", path], capture_output=True,
                          text=True, check=False)
    return (done.stdout + done.stderr).splitlines()


def main():
    os.chdir(ROOT)
    write = sys.argv[1:] == ["--write"]
    complaints, checked = list(check_text(REFERENCE, output("reference"), write)), 1
    for path in PAGES:
        text, parts = page(read(path))
        complaints += list(check_text(path, text, write)) + check_markup(path)
        checked += parts
    examples = list(check_examples(PAGES[1]))
    complaints += [e for e in examples if e] + list(check_audit(PAGES[0]))
    complaints += check_usage(PAGES[0])
    if write:
        os.environ.pop("CAISSON_RESULTS", None)  # this was no test
    return finish("lint-reference", checked + len(examples) + 2, complaints)


if __name__ == "__main__":
    sys.exit(main())
