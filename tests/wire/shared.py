# SPDX-License-Identifier: Apache-2.0
"""What the wire tests share: worlds that many rows of a table use, and a few assertions."""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from client import head  # noqa: E402
from proxy import World  # noqa: E402

MINE = "a" * 64
THEIRS = "d" * 64
LABEL = {"io.caisson.owner": "caisson"}
START = "/v1.41/containers/mine/start"
CREATE = "/v1.41/containers/create"

WORLDS = {}


def populate(engine):
    """One container of ours, one of somebody else's."""
    engine.add(MINE, "mine", LABEL)
    engine.add(THEIRS, "theirs")


def world(policy=None):
    """A world with `mine` and `theirs` that stays for the tests that follow."""
    if policy not in WORLDS:
        WORLDS[policy] = World(policy, prepare=populate).__enter__()
    found = WORLDS[policy]
    found.engine.reset_scripts()
    found.engine.forget()
    return found


def end_all():
    """Ends the shared worlds; fails when a proxy does not end well."""
    try:
        for found in WORLDS.values():
            found.__exit__(None)
    finally:
        WORLDS.clear()


def check_upstreams():
    """After each test, while it is known whose doing it was."""
    for found in WORLDS.values():
        found.check_upstream()


def forget_failed():
    """After a failure nobody knows what state a shared world is in."""
    for found in WORLDS.values():
        found.end()
    WORLDS.clear()


def assert_untouched(w):
    touched = w.engine.untouched()
    assert not touched, "the engine was sent " + touched


def assert_refused(reply, *statuses):
    """A refusal in the Engine's shape; its message."""
    assert reply.status in statuses, "answered %r, expected %s" % (reply, statuses)
    assert reply.one("Content-Type") == "application/json", reply.headers
    message = json.loads(reply.body)["message"]
    assert message and "\n" not in message, repr(message)
    return message


def assert_refused_and_closed(w, data, *statuses):
    """These bytes get a refusal, then the end, and nothing of them reaches the engine."""
    with w.connect() as client:
        client.send(data)
        reply = client.response()
        assert_refused(reply, *statuses)
        assert reply.closes, "the refusal does not say that it closes: %r" % reply.headers
        assert client.closed(), "there is more after the refusal: %r" % client.reader.buffer[:200]
    assert_untouched(w)


def assert_served(w):
    """The proxy is well: another client gets its answer."""
    reply = w.ask("POST", START)
    assert reply.status in (204, 304), "another client got %r" % reply


def start(*headers, **options):
    return head("POST", START, *headers, **options)
