# SPDX-License-Identifier: Apache-2.0
"""How a lint says what it found: lines "FILE:LINE: text", and one line for the summary."""
import os


def finish(name, checked, complaints):
    """Prints and records the result; the exit status."""
    for complaint in complaints:
        print(complaint)
    print("%s: %d checked, %d complaints" % (name, checked, len(complaints)))
    results = os.environ.get("CAISSON_RESULTS")
    if results:
        os.makedirs(os.path.dirname(results), exist_ok=True)
        with open(results, "a", encoding="ascii") as out:
            # Each thing checked is a test; a complaint is one that failed.
            out.write("%s %d %d\n" % (name, max(checked - len(complaints), 0), len(complaints)))
    # A lint that looked at nothing has not passed.
    return 1 if complaints or not checked else 0
