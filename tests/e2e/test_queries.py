# SPDX-License-Identifier: Apache-2.0
"""What a query becomes, on a real Engine: filters that narrow, rules of [query] that hold."""
import json
import os
import tempfile
import time
import urllib.parse

from proxy import IMAGE, until
from real import OWNER, RealWorld
from report import table

FOREIGN = "caisson-e2e-foreign"
POLICY = """[proxy]
owner = %s
[allow]
ContainerCreate = yes
ContainerStart = own
ContainerWait = own
ContainerLogs = own
ContainerKill = own
ContainerStop = own
ContainerDelete = own
ContainerList = own
ContainerPrune = own
SystemEvents = own
[create]
Image = one-of %s
HostConfig.PortBindings = one-of 80/tcp
HostConfig.PortBindings{}[].HostIp = one-of 127.0.0.1
HostConfig.PortBindings{}[].HostPort = min 8000, max 8999
[query]
ContainerLogs.tail = max 50, default 7
ContainerLogs.follow = forbid
ContainerKill.signal = one-of TERM INT
ContainerStop.t = max 1
""" % (OWNER, IMAGE)

# Each name with a value that our own container has, where it can have one.
LISTED = [("ancestor", IMAGE), ("exited", "7"), ("id", None), ("is-task", "false"),
          ("label", "io.caisson.owner"), ("name", "mine"), ("status", "exited"), ("health", "none")]
EMPTY = [("expose", "80/tcp"), ("publish", "8000-8010/tcp"), ("label", "no.such=x"),
         ("name", FOREIGN), ("ancestor", "no-such-image:1"), ("is-task", "true")]
EVENTS = [("event", "die"), ("type", "container"), ("container", "mine"), ("image", IMAGE),
          ("scope", "local"), ("label", "io.caisson.owner")]


class World(RealWorld):
    """The proxy under this file's policy, and a container of someone else."""

    def __init__(self):
        with tempfile.NamedTemporaryFile("w", suffix=".ini", delete=False) as out:
            out.write(POLICY)
        try:
            super().__init__(out.name)
        finally:
            os.unlink(out.name)

    def __enter__(self):
        super().__enter__()
        self.engine.ask("DELETE", "/containers/%s?force=1" % FOREIGN)
        self.foreign = self.engine.make(FOREIGN, "sh", "-c", "exit 7")
        self.engine.ask("POST", "/containers/%s/wait" % self.foreign)
        return self

    def __exit__(self, *args):
        self.engine.ask("DELETE", "/containers/%s?force=1" % FOREIGN)
        super().__exit__(*args)

    def filtered(self, method, target, **filters):
        text = json.dumps({name: [value] for name, value in filters.items()})
        return self.ask(method, target + urllib.parse.quote(text))


def ended(world, name, *command):
    ident = world.run(name, *command)
    reply = world.ask("POST", "/containers/%s/wait" % ident)
    # An Engine's list tells of an end only when that is on its disk, which a wait does not wait for.
    query = urllib.parse.quote(json.dumps({"id": [ident], "status": ["exited"]}))
    until("its end in the list", lambda: world.engine.get("/containers/json?all=1&filters=" + query))
    return ident, json.loads(reply.body)["StatusCode"]


def test_each_filter_of_a_list():
    with World() as w:
        ident, _ = ended(w, "mine", "sh", "-c", "exit 7")
        target = "/v1.41/containers/json?all=1&filters="
        for name, value in LISTED:
            reply = w.filtered("GET", target, **{name: value or ident[:12]})
            assert reply.status == 200, (name, reply)
            assert [c["Id"] for c in json.loads(reply.body)] == [ident], (name, reply.body)
        for name, value in EMPTY:
            reply = w.filtered("GET", target, **{name: value})
            assert (reply.status, json.loads(reply.body)) == (200, []), (name, reply)


@table([("before", "before"), ("since", "since")])
def test_no_filter_tells_of_others(name):
    """The Engine itself answers 404 or 200, by whether that container is there."""
    with World() as w:
        replies = {w.filtered("GET", "/v1.41/containers/json?all=1&filters=", **{name: ref}).raw
                   .partition(b"\r\n\r\n")[2] for ref in (FOREIGN, "caisson-e2e-absent1")}
        assert len(replies) == 1 and b"must be of" in replies.pop()


def test_events_are_ones_own():
    with World() as w:
        begin = int(time.time())
        ident, _ = ended(w, "mine", "true")
        w.engine.ask("POST", "/containers/%s/start" % w.foreign)
        w.engine.ask("POST", "/containers/%s/wait" % w.foreign)
        died = urllib.parse.quote(json.dumps({"event": ["die"], "container": ["mine"]}))
        until("word of its end", lambda: w.engine.ask("GET", "/events?since=%d&until=%d&filters=%s" % (
            begin, int(time.time()) + 1, died)).body)
        span = "since=%d&until=%d" % (begin, int(time.time()) + 1)
        for name, value in [("type", "container")] + EVENTS:
            reply = w.filtered("GET", "/v1.41/events?%s&filters=" % span, **{name: value})
            assert reply.status == 200, (name, reply)
            seen = {json.loads(line)["Actor"]["ID"] for line in reply.body.splitlines()}
            assert ident in seen and w.foreign not in seen, (name, seen)
        reply = w.filtered("GET", "/v1.41/events?%s&filters=" % span, container=FOREIGN)
        assert (reply.status, reply.body) == (200, b""), reply


def test_prune_takes_ones_own():
    with World() as w:
        keep, _ = ended(w, "keep", "true")
        for filters, left in (({"until": "24h"}, True), ({"label": "no.such"}, True),
                              ({"label!": "io.caisson.owner"}, True), ({}, False)):
            reply = w.filtered("POST", "/v1.41/containers/prune?filters=", **filters)
            assert reply.status == 200, (filters, reply)
            assert w.engine.there(keep) == left, filters
            assert w.engine.there(w.foreign), filters


def lines(world, ident, query):
    reply = world.ask("GET", "/v1.41/containers/%s/logs?stdout=1%s" % (ident, query))
    return len(reply.body.split(b"\n")) - 1 if reply.status == 200 else reply.status


def test_rules_of_parameters():
    with World() as w:
        ident, _ = ended(w, "mine", "seq", "100")
        for query, wanted in (("", 7), ("&tail=all", 7), ("&tail=", 7), ("&tail=3", 3),
                              ("&tail=0", 0), ("&tail=50", 50), ("&tail=51", 403),
                              ("&follow=1", 403), ("&follow=0", 7)):
            assert lines(w, ident, query) == wanted, query


def test_a_signal_is_chosen_for_who_names_none():
    trap = "trap 'exit 42' TERM; trap 'exit 43' INT; echo ready; while :; do sleep 0.1; done"
    with World() as w:
        for query, status in (("", 42), ("?signal=", 42), ("?signal=2", 43)):
            ident = w.run("trapped%d" % len(query), "sh", "-c", trap)
            w.engine.said(ident, b"ready")
            assert w.ask("POST", "/containers/%s/kill?signal=KILL" % ident).status == 403
            assert w.ask("POST", "/containers/%s/kill?signal=9" % ident).status == 403
            assert w.ask("POST", "/containers/%s/kill%s" % (ident, query)).status == 204
            reply = w.ask("POST", "/containers/%s/wait" % ident)
            assert json.loads(reply.body)["StatusCode"] == status, (query, reply.body)


def test_a_stop_is_bounded():
    with World() as w:
        ident = w.run("deaf", "sh", "-c", "trap '' TERM; while :; do sleep 0.1; done")
        assert w.ask("POST", "/containers/%s/stop?t=2" % ident).status == 403
        assert w.ask("POST", "/containers/%s/stop" % ident).status == 204
        assert not w.engine.running(ident)


def test_ports_as_inspect_shows_them():
    with World() as w:
        for asked, shown in (([{}], [("127.0.0.1", "8000-8999")]),
                             ([{"HostPort": "0"}], [("127.0.0.1", "8000-8999")]),
                             ([{"HostPort": "8001-8003"}], [("127.0.0.1", "8001-8003")]),
                             ([{"HostPort": "8999", "HostIp": "127.0.0.1"}],
                              [("127.0.0.1", "8999")])):
            ident = w.create("ports", PortBindings={"80/tcp": asked})
            bound = w.engine.get("/containers/%s/json" % ident)["HostConfig"]["PortBindings"]
            assert [(b["HostIp"], b["HostPort"]) for b in bound["80/tcp"]] == shown, bound
            assert list(bound) == ["80/tcp"]
            w.ask("DELETE", "/containers/%s" % ident)
