# SPDX-License-Identifier: Apache-2.0
"""Two owners behind one proxy on a real Engine: each is blind to what the other has, also after
restarts, and a reload leaves running streams alone."""
import json
import os
import re
import subprocess
import urllib.parse

from client import Client, ask, request
from proxy import BINARY, IMAGE, ROOT, until
from real import OWNER, RealWorld

PRESET = os.path.join(ROOT, "policy", "presets", "docker-run.ini")
SHORT = 12
CALLS = (("GET", "/containers/%s/json"), ("GET", "/containers/%s/logs?stdout=1"),
         ("POST", "/containers/%s/start"), ("POST", "/containers/%s/stop"),
         ("POST", "/containers/%s/wait"), ("DELETE", "/containers/%s?force=1"))


class TwoOwners(RealWorld):
    """The listeners `a` and `b`, both under the same preset."""

    def __init__(self):
        super().__init__(PRESET)
        self.main = os.path.join(self.directory, "main.ini")
        with open(self.main, "w", encoding="utf-8") as out:
            for name in "ab":
                out.write("[listener %s]\nlisten = unix:%s\npolicy = docker-run.ini\nowner = %s\n"
                          % (name, self.path(name), OWNER + name))
        self.proxy.policy, self.proxy.says_listen = self.main, False
        self.proxy.listen = self.path("a")

    def path(self, name):
        return os.path.join(self.directory, name + ".sock")

    def at(self, name, method, target, body=None):
        return ask(self.path(name), method, target, body)

    def run_at(self, name, title, *command):
        reply = self.at(name, "POST", "/containers/create?name=" + title,
                        {"Image": IMAGE, "Cmd": list(command)})
        assert reply.status == 201, reply
        ident = json.loads(reply.body)["Id"]
        assert self.at(name, "POST", "/containers/%s/start" % ident).status == 204
        return ident

    def sweep(self):
        for name in "ab":
            for ident in self.listed(name, None):
                self.engine.remove_container(ident)

    def listed(self, name, through):
        """The ids of an owner's containers as the Engine says, or of all that a listener shows."""
        if through:
            return {c["Id"] for c in json.loads(self.at(
                through, "GET", "/containers/json?all=1").body)}
        filters = "%%7B%%22label%%22:[%%22io.caisson.owner=%s%%22]%%7D" % (OWNER + name)
        return {c["Id"] for c in self.engine.get("/containers/json?all=1&filters=" + filters)}


def answers(w, name, ref):
    """All that a listener says of a container, without what tells the words for it apart."""
    said = []
    for method, target in CALLS:
        raw = w.at(name, method, target % ref).raw.replace(ref.encode(), b"REF")
        said.append(re.sub(rb"Content-Length: \d+|\r\nDate: [^\r]*", b"", raw))
    return said


def assert_blind(w, mine, theirs, ident, title):
    """What one has is, for the other, as what is not there."""
    for ref, absent in ((ident, "f" * 64), (ident[:SHORT], "f" * SHORT), (title, "no-such-one")):
        assert answers(w, theirs, ref) == answers(w, theirs, absent), ref
        assert w.at(mine, "GET", "/containers/%s/json" % ref).status == 200
    assert ident not in w.listed(None, theirs)
    assert w.listed(None, mine) == w.listed(mine, None), mine
    filters = urllib.parse.quote(json.dumps({"name": [title]}))
    reply = w.at(theirs, "GET", "/containers/json?all=1&filters=" + filters)
    assert json.loads(reply.body) == [], reply
    reply = w.at(theirs, "POST", "/containers/create?name=" + title, {"Image": IMAGE})
    assert reply.status == 409 and ident[:SHORT] not in reply.body.decode(), reply
    assert w.engine.running(ident), "it was touched: %s" % w.engine.inspect(ident)["State"]


def test_two_owners_are_blind_to_each_other():
    with TwoOwners() as w:
        one = w.run_at("a", "e2e-of-a", "sleep", "600")
        two = w.run_at("b", "e2e-of-b", "sleep", "600")
        for ident, owner in ((one, "a"), (two, "b")):
            labels = w.engine.inspect(ident)["Config"]["Labels"]
            assert labels["io.caisson.owner"] == OWNER + owner, labels
        assert_blind(w, "a", "b", one, "e2e-of-a")
        assert_blind(w, "b", "a", two, "e2e-of-b")
        made = w.at("a", "POST", "/containers/%s/exec" % one, {"Cmd": ["true"]})
        assert made.status == 201, made
        exec_id = json.loads(made.body)["Id"]
        assert w.at("b", "GET", "/exec/%s/json" % exec_id).status == 404
        assert w.at("a", "GET", "/exec/%s/json" % exec_id).status == 200
        for ref in ("container:" + two, "container:e2e-of-b"):
            reply = w.at("a", "POST", "/containers/create",
                         {"Image": IMAGE, "HostConfig": {"NetworkMode": ref}})
            assert reply.status in (403, 404), reply


def test_owners_are_kept_apart_after_a_restart():
    with TwoOwners() as w:
        one = w.run_at("a", "e2e-of-a", "sleep", "600")
        two = w.run_at("b", "e2e-of-b", "sleep", "600")
        w.proxy.kill()
        w.proxy.start()
        for name in "ab":
            until("the engine", lambda name=name: w.at(name, "GET", "/_ping").status == 200)
        assert_blind(w, "a", "b", one, "e2e-of-a")
        assert_blind(w, "b", "a", two, "e2e-of-b")


def test_a_log_goes_on_through_a_reload():
    with TwoOwners() as w:
        w.run_at("a", "e2e-of-a", "sh", "-c", "i=0; while sleep 0.1; do i=$((i+1)); echo n$i.; done")
        with Client(w.path("a")) as client:
            client.send(request("GET", "/containers/e2e-of-a/logs?stdout=1&follow=1"))
            client.reader.head()
            client.reader.chunk()
            with open(os.path.join(w.directory, "docker-run.ini"), "w", encoding="utf-8") as out:
                out.write("[allow]\nContainerInspect = own\nContainerDelete = own\n")
            done = subprocess.run([BINARY, "reload", "--policy", w.main], capture_output=True,
                                  text=True, check=False)
            assert done.returncode == 0, done
            for name in "ab":
                assert w.at(name, "GET", "/containers/e2e-of-a/logs?stdout=1").status == 403
            last = max(int(n) for n in re.findall(rb"n(\d+)\.", until(
                "a line", lambda: client.reader.chunk())))
            until("lines of later", lambda: any(
                int(n) > last + 5 for n in re.findall(rb"n(\d+)\.", client.reader.chunk())))
