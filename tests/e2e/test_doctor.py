# SPDX-License-Identifier: Apache-2.0
"""`evaluator doctor --canary`: programs look for what they should not have."""
import os
import re
import subprocess

from proxy import ROOT
from real import RealWorld

EVALUATOR = os.environ.get("EVALUATOR_PROGRAM") or os.path.join(ROOT, "build", "evaluator")


def doctor(w):
    """The exit status, and {canary: whether it saw what it should}."""
    done = subprocess.run([EVALUATOR, "doctor", "--canary"], capture_output=True, text=True,
                          check=False, stdin=subprocess.DEVNULL,
                          env=dict(os.environ, DOCKER_HOST=w.host, XDG_RUNTIME_DIR=w.directory))
    seen = {name: word == "ok" for word, name in
            re.findall(r"(?m)^(ok|FAIL) +(\w+) +[^:\n]*: ", done.stdout)}
    assert "%d of %d canaries" % (sum(seen.values()), len(seen)) in done.stdout, done
    return done.returncode, seen


def test_canaries_see_what_they_should():
    with RealWorld() as w:
        status, seen = doctor(w)
        assert status == 0 and all(seen.values()), seen


def test_canaries_see_what_a_loose_policy_gives():
    with RealWorld(create="User = force 1234:65534\n"
                          "HostConfig.Memory = force 512MiB\n") as w:
        status, seen = doctor(w)
        assert status == 1 and not seen["user"] and not seen["memory"] and seen["network"], seen
