# SPDX-License-Identifier: Apache-2.0
"""What is learnt from a run's audit log lets the same run pass, and nothing more."""
import json
import os
import subprocess

from proxy import ALLOW, BINARY, IMAGE, World
from shared import CREATE, populate

EXEC = ALLOW.replace("[create]", "ContainerExec = own\n[create]")
VERSION = "/v1.41/version"


def run_all(w):
    """What a client does in its life: the status of each request."""
    statuses = [w.ask("GET", VERSION).status]
    reply = w.ask("POST", CREATE, {"Image": IMAGE, "Cmd": ["true"]})
    statuses.append(reply.status)
    made = json.loads(reply.body).get("Id", "none")
    for method, target in (("POST", "start"), ("POST", "wait"), ("GET", "logs?stdout=1"),
                           ("DELETE", "")):
        target = "/v1.41/containers/%s/%s" % (made, target)
        statuses.append(w.ask(method, target.rstrip("/")).status)
        if made in w.engine.containers:
            w.engine.containers[made].exit()
    return statuses


def learn(*logs, text=None):
    """The learnt policy; `caisson check` accepts it."""
    done = subprocess.run([BINARY, "learn", *logs], input=text, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    checked = subprocess.run([BINARY, "check", "/dev/stdin"], input=done.stdout,
                             capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr + done.stdout
    return done.stdout


def audited(policy, run):
    """A run behind a policy, and its audit log's text."""
    with World(policy, prepare=populate, start=False) as w:
        path = os.path.join(w.directory, "audit.log")
        with open(w.proxy.policy, "a", encoding="utf-8") as out:
            out.write("[proxy]\naudit = %s\n" % path)
        w.proxy.start()
        result = run(w)
        w.proxy.stop()
        with open(path, encoding="utf-8") as log:
            return result, log.read()


def test_the_same_run_passes():
    allowed = EXEC + "[limits]\nlifetime = 1h\n"
    before, log = audited(allowed.replace("[create]", "SystemVersion = yes\n[create]"), run_all)
    assert before == [200, 201, 204, 200, 200, 204], before
    policy = learn("-", text=log)
    assert "ContainerExec" not in policy, policy
    after, log = audited(policy, run_all)
    assert after == before, (after, policy)
    assert '"deny"' not in log, log


def test_what_was_not_used_is_refused():
    _, log = audited(EXEC, run_all)
    with World(learn("-", text=log), prepare=populate) as w:
        for method, target, body in (
                ("POST", "/v1.41/containers/mine/exec", {"Cmd": ["id"]}),
                ("POST", "/v1.41/containers/mine/kill", None),
                ("GET", "/v1.41/containers/mine/json", None),
                ("POST", CREATE, {"Image": "busybox"}),
                ("POST", CREATE, {"Image": IMAGE, "HostConfig": {"Privileged": True}})):
            reply = w.ask(method, target, body)
            assert reply.status == 403, (target, body, reply)
        reply = w.ask("POST", "/v1.41/containers/theirs/start")
        assert reply.status == 404, reply


def test_what_was_refused_is_learnt_too():
    """From nothing, round by round: first operations, then the image that they name."""
    _, log = audited("", run_all)
    first = learn("-", text=log)
    assert "\nContainerCreate = yes " in first and "\nSystemVersion = yes " in first, first
    assert "\n; Image = one-of ..." in first, first
    _, log = audited(first, run_all)
    second = learn("-", text=log)
    line = "\n; Image = one-of %s\n" % IMAGE
    assert line in second, second
    assert "\n; ContainerCreate = yes " in second, second


def test_fields_are_proposed_not_allowed():
    def run(w):
        return w.ask("POST", CREATE, {"Image": IMAGE, "HostConfig": {"Privileged": True}}).status
    status, log = audited(ALLOW, run)
    assert status == 403
    policy = learn("-", text=log)
    assert "\n; HostConfig.Privileged = allow    ; refused 1, " in policy, policy
    assert audited(policy, run)[0] == 403
