# SPDX-License-Identifier: Apache-2.0
"""Whose containers they are, on a real Engine: foreign ones stay untouched, restarts forget nothing."""
import json
import re
import signal
import subprocess

from client import request
from proxy import BINARY, IMAGE, until
from real import RealWorld
from report import Skip

CALLS = (("POST", "/containers/%s/start"), ("POST", "/containers/%s/wait"),
         ("GET", "/containers/%s/logs?stdout=1&stderr=1"), ("DELETE", "/containers/%s?force=1"))


def raw(w, method, target, ref, other):
    """The bytes of an answer, with the reference and the date taken out."""
    reply = w.ask(method, target % ref)
    text = reply.raw.replace(ref.encode(), b"REF").replace(other.encode(), b"REF")
    return reply.status, re.sub(rb"\r\nDate: [^\r]*", b"", text)


def test_foreign_is_untouched_and_looks_absent():
    with RealWorld() as w:
        ident = w.engine.make("caisson-e2e-foreign", "sh", "-c", "echo secret; sleep 600")
        try:
            for ref in (ident, "caisson-e2e-foreign", ident[:12], ident[:30]):
                absent = "f" * len(ref) if ref != "caisson-e2e-foreign" else "caisson-e2e-nothing"
                for method, target in CALLS:
                    foreign, nothing = raw(w, method, target, ref, ref), \
                        raw(w, method, target, absent, absent)
                    lengths = [re.sub(rb"Content-Length: \d+", b"", t[1])
                               for t in (foreign, nothing)]
                    assert foreign[0] == 404 and lengths[0] == lengths[1], (foreign, nothing)
                    assert len(ref) != len(absent) or foreign == nothing, (foreign, nothing)
            assert w.engine.running(ident)
        finally:
            w.engine.ask("DELETE", "/containers/%s?force=1" % ident)


def test_own_is_reached_by_each_of_its_references():
    with RealWorld() as w:
        for number, pick in enumerate((lambda i, n: i, lambda i, n: n, lambda i, n: i[:12])):
            name = "own%d" % number
            ident = w.create(name, "true")
            ref = pick(ident, name)
            assert w.ask("POST", "/containers/%s/start" % ref).status == 204
            reply = w.ask("POST", "/containers/%s/wait" % ref)
            assert json.loads(reply.body)["StatusCode"] == 0, reply
            assert w.ask("GET", "/containers/%s/logs?stdout=1" % ref).status == 200
            assert w.ask("DELETE", "/containers/%s" % ref).status == 204
            assert not w.engine.there(ident)


def test_kill_9_of_the_proxy_and_restart():
    with RealWorld() as w:
        foreign = w.engine.make("caisson-e2e-foreign")
        try:
            ident = w.run("survivor", "sh", "-c", "echo alive; sleep 600")
            w.engine.said(ident, b"alive")
            w.proxy.kill()
            assert w.engine.running(ident)
            w.proxy.start()
            reply = w.ask("GET", "/containers/survivor/logs?stdout=1")
            assert reply.status == 200 and b"alive" in reply.body, reply
            for ref in (foreign, "caisson-e2e-foreign", foreign[:12]):
                assert w.ask("DELETE", "/containers/%s?force=1" % ref).status == 404
            with w.connect() as client:
                client.send(request("POST", "/containers/%s/wait" % ident[:12]))
                status, headers = client.reader.head()
                assert w.ask("DELETE", "/containers/survivor?force=1").status == 204
                assert json.loads(client.reader.body(status, headers))["StatusCode"] == 137
            assert w.engine.running(foreign) and not w.engine.there(ident)
        finally:
            w.engine.ask("DELETE", "/containers/%s?force=1" % foreign)


def engine_restarts(number):
    with RealWorld() as w:
        if not w.engine.directory:
            raise Skip("the engine was not started by this test, so it is not restarted")
        foreign = w.engine.make("caisson-e2e-foreign")
        try:
            ident = w.run("before", "sleep", "600")
            w.engine.restart(number)
            until("the engine through the proxy", lambda: w.ask(
                "POST", "/containers/create?name=after", {"Image": IMAGE, "Cmd": ["true"]}
            ).status in (201, 409))
            assert w.ask("POST", "/containers/after/start").status == 204
            assert w.ask("POST", "/containers/before/start").status in (204, 304)
            assert w.engine.running(ident)
            assert w.ask("DELETE", "/containers/before?force=1").status == 204
            assert w.ask("POST", "/containers/%s/start" % foreign).status == 404
        finally:
            w.engine.ask("DELETE", "/containers/%s?force=1" % foreign)


def test_engine_restarts():
    engine_restarts(signal.SIGTERM)


def test_engine_is_killed_and_restarts():
    engine_restarts(signal.SIGKILL)


def test_lease_removes_a_container():
    with RealWorld(limits="lifetime = 1h\n") as w:
        ident = w.run("leased")  # which may take longer than any short lifetime
        w.proxy.edit("lifetime = 1h", "lifetime = 1s")
        done = subprocess.run([BINARY, "reload", "--policy", w.proxy.policy, "--listen",
                               "unix:" + w.proxy.listen], capture_output=True, check=False)
        assert done.returncode == 0, done
        until("the end of the lease", lambda: not w.engine.there(ident))
        assert w.ask("POST", "/containers/leased/start").status == 404


def test_lease_outlives_the_proxy():
    with RealWorld(limits="lifetime = 1h\n") as w:
        ident = w.run("leased")
        w.proxy.kill()
        assert w.engine.running(ident)
        w.proxy.edit("lifetime = 1h", "lifetime = 1s")
        w.proxy.start()
        until("the end of the lease", lambda: not w.engine.there(ident))


def test_containers_are_counted_across_a_restart():
    with RealWorld(limits="containers = 2\n") as w:
        w.create("one", "true")
        w.create("two", "true")
        w.proxy.kill()
        w.proxy.start()
        reply = w.ask("POST", "/containers/create", {"Image": IMAGE})
        assert reply.status == 429, reply
        assert w.ask("DELETE", "/containers/one").status == 204
        w.create("three", "true")
