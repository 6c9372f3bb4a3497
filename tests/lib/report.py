# SPDX-License-Identifier: Apache-2.0
"""How a suite collects its tests and says how they went."""
import argparse
import collections
import functools
import os
import sys
import time
import traceback

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def read_arguments(doc, arguments):
    """What a suite is asked to run, patterns in names of tests, and whether each is to be told."""
    parser = argparse.ArgumentParser(description=doc, usage="run [-v] [PATTERN]...",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-v", action="store_true", help="name each test that passed")
    parser.add_argument("patterns", nargs="*", default=[""], metavar="PATTERN")
    chosen = parser.parse_args(arguments)
    return chosen.patterns, chosen.v


def finish_suite(suite, passed, failed):
    """Prints and records the result; the exit status."""
    print("%s %d passed, %d failed" % (suite, passed, failed))
    results = os.environ.get("CAISSON_RESULTS")
    if results:
        with open(results, "a", encoding="ascii") as out:
            out.write("%s %d %d\n" % (suite, passed, failed))
    return 1 if failed else 0


class Skip(Exception):
    """The test cannot be run here; the text says why."""


def tests_of(module):
    """(name, function) of every test_* in a module; rows of table() one by one."""
    for _, name, function in tests_by_family(module):
        yield name, function


def tests_by_family(module):
    """(family, name, function) of every test."""
    for name, value in list(vars(module).items()):
        if name.startswith("test_") and callable(value):
            for title, arguments in getattr(value, "rows", [("", ())]):
                yield (family_of(module, value),
                       "%s.%s%s" % (module.__name__, name[5:], title and " [%s]" % title),
                       lambda value=value, arguments=arguments: value(*arguments))


def family(name):
    """Marks a test as one of a family; without it that is the module's FAMILY."""
    def mark(function):
        function.family = name
        return function
    return mark


def family_of(module, function):
    return getattr(function, "family", None) or getattr(module, "FAMILY", module.__name__[5:])


def table(rows):
    """Makes one test of each row (TITLE, ARGUMENT...)."""
    def mark(function):
        function.rows = [(row[0], row[1:]) for row in rows]
        return function
    return mark


def within(seconds, tries=5):
    """Marks a test in which some time limit of the proxy's must not pass.

    One that fails after less than `seconds` has failed.  One that took longer stood still, or its
    Engine did, and says nothing about the proxy: it is done again.
    """
    def mark(function):
        @functools.wraps(function)
        def run(*arguments):
            for _ in range(tries - 1):
                begun = time.monotonic()
                try:
                    return function(*arguments)
                except Exception:  # pylint: disable=broad-except
                    if time.monotonic() - begun < seconds:
                        raise
            return function(*arguments)
        return run
    return mark


def run_tests(tests, verbose, after_failure=None):
    """Runs (name, function) pairs; how many passed and failed."""
    passed, failed = run_families([("", *test) for test in tests], verbose, after_failure)
    return sum(passed.values()), failed


def places(error):
    """The way from the test to where it went wrong, "FILE:LINE FILE:LINE: "."""
    frames = [f for f in traceback.extract_tb(error.__traceback__)
              if os.path.abspath(f.filename).startswith(TESTS)]
    frames = [(os.path.basename(f.filename), f.lineno) for f in frames]
    while frames and not frames[0][0].startswith("test_"):  # the suite's own
        frames.pop(0)
    return " ".join("%s:%d" % f for f in frames) + ": " if frames else ""


def run_families(tests, verbose, after_failure=None):
    """Runs (family, name, function); how many passed of each family, and how many failed."""
    passed, failed = collections.Counter(), 0
    for kin, name, function in tests:
        if verbose:
            print(name, flush=True)
        try:
            function()
            passed[kin] += 1
        except Skip as skip:
            print("skip %s: %s" % (name, skip))
        except Exception as error:  # pylint: disable=broad-except
            failed += 1
            text = str(error) or traceback.format_exception_only(error)[-1].strip()
            print("FAIL %s: %s%s" % (name, places(error), text), flush=True)
            if os.environ.get("CAISSON_TRACE"):
                traceback.print_exc(file=sys.stdout)
            if after_failure:
                after_failure()
    return passed, failed
