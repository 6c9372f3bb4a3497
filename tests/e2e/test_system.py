# SPDX-License-Identifier: Apache-2.0
"""What concerns many containers at once, on a real Engine: events, pruning, the use of the disk."""
import json
import time

from cli import Pipes, clients, docker, good
from client import request
from proxy import until
from real import OWNER, RealWorld
from report import table

ALLOW = "SystemEvents = own\nContainerPrune = own\nSystemDataUsage = yes\nContainerKill = own\n"


def events_of(w, query):
    """What is told of the past; ask ends by itself at `until`."""
    reply = w.ask("GET", "/events?" + query)
    assert reply.status == 200, reply
    return [json.loads(line) for line in reply.body.splitlines() if line]


def foreign_life(w, name):
    """A container of somebody else's is made, runs and goes; also a network and a volume."""
    ident = w.engine.make(name)
    w.engine.ask("POST", "/networks/create", {"Name": name + "-net"})
    w.engine.ask("POST", "/volumes/create", {"Name": name + "-vol"})
    w.engine.ask("DELETE", "/networks/%s-net" % name)
    w.engine.ask("DELETE", "/volumes/%s-vol" % name)
    w.engine.ask("DELETE", "/containers/%s?force=1" % name)
    return ident


def test_events_of_the_past_are_ones_own():
    with RealWorld(allow=ALLOW) as w:
        begin = time.time() - 1
        theirs = foreign_life(w, "foreign-events")
        mine = w.run("my-events")
        w.ask("DELETE", "/containers/%s?force=1" % mine)
        raw = w.engine.ask("GET", "/events?since=%d&until=%d" % (begin, time.time() + 1))
        everything = [json.loads(line) for line in raw.body.splitlines()]
        assert {e["Type"] for e in everything} >= {"container", "volume"}, \
            "the engine tells of too little for this test"
        assert theirs in {e["Actor"]["ID"] for e in everything}
        for query in ("", '&filters=%7B%22type%22:%5B%22volume%22,%22network%22,%22container%22'
                      ',%22image%22,%22daemon%22%5D%7D',
                      '&filters=%7B%22container%22:%5B%22foreign-events%22%5D%7D',
                      '&filters=%7B%22label%22:%5B%22a%22%5D%7D'):
            told = events_of(w, "since=%d&until=%d%s" % (begin, time.time() + 1, query))
            assert {e["Type"] for e in told} <= {"container"}, told
            assert {e["Actor"]["Attributes"].get("io.caisson.owner") for e in told} <= {OWNER}, told
            if not query:
                actions = [e["Action"] for e in told if e["Actor"]["ID"] == mine]
                assert [a for a in ("create", "start", "die", "destroy") if a in actions] == \
                    ["create", "start", "die", "destroy"], actions


@table(clients())
def test_events_as_they_happen(path):
    with RealWorld(allow=ALLOW) as w:
        with Pipes(w, path, "events", "--format", "{{.Type}} {{.Action}} {{.Actor.ID}}") as stream:
            poked = w.run("poked")
            stream.provoke(lambda: w.ask("POST", "/containers/poked/kill?signal=CONT"),
                           ("container kill " + poked).encode())
            theirs = foreign_life(w, "foreign-now")
            mine = w.run("mine-now")
            stream.expect(("container start " + mine).encode())
            w.ask("DELETE", "/containers/%s?force=1" % mine)
            seen = stream.expect(("container destroy " + mine).encode())
            assert theirs.encode() not in seen + stream.seen
            for line in (seen + stream.seen).splitlines():
                assert not line or mine.encode() in line or line.startswith(b"container"), line


def test_events_last_while_others_do():
    with RealWorld(allow=ALLOW, limits="idle-timeout = 1s\nhead-timeout = 1s\n") as w:
        with w.connect() as client:
            client.send(request("GET", "/events"))
            assert client.reader.head()[0] == 200
            time.sleep(2.5)
            mine = w.run("late")
            assert mine.encode() in client.reader.chunk()


@table(clients())
def test_prune_takes_ones_own_alone(path):
    with RealWorld(allow=ALLOW) as w:
        theirs = w.engine.make("foreign-prune", "true")
        until("the end", lambda: not w.engine.running(theirs))
        try:
            stopped = w.run("stopped", "true")
            created = w.create("created")
            running = w.run("running")
            until("the end", lambda: not w.engine.running(stopped))
            good(w, path, "container", "prune", "-f")
            assert not w.engine.there(stopped) and not w.engine.there(created)
            assert w.engine.there(theirs) and w.engine.running(running)
            until("that it is forgotten", lambda: w.ask(
                "POST", "/containers/stopped/kill").body.count(b"No such container"))
            again = w.create("stopped")  # the name is free
            done = docker(w, path, "container", "prune", "-f", "--filter", "until=1h")
            assert done.returncode == 0 and w.engine.there(again), done
        finally:
            w.engine.ask("DELETE", "/containers/foreign-prune?force=1")


@table(clients())
def test_the_use_of_the_disk(path):
    with RealWorld(allow=ALLOW) as w:
        assert "Containers" in good(w, path, "system", "df")
        done = docker(w, path, "system", "prune", "-f")
        assert done.returncode == 1 and "NetworkPrune" in done.stderr or "Prune" in done.stderr
