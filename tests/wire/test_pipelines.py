# SPDX-License-Identifier: Apache-2.0
"""Hundreds of requests in one breath, of every fate, in an order that a seed decides: each is judged
alone, answered in its turn, and the Engine gets those that are allowed, in the same order, one at a
time.
"""
import json
import random

from client import head, request, send_singly
from proxy import ALLOW, IMAGE, World
from report import table
from shared import CREATE, MINE, START, assert_refused, assert_served, populate

FAMILY = "pipelines"
POLICY = ALLOW.replace("[create]", "PutContainerArchive = own\n[create]") + \
    "[limits]\ncontainers = 2000\n"
JSON = "Content-Type: application/json"
BODY = json.dumps({"Image": IMAGE}).encode()
HIDDEN = head("DELETE", "/v1.41/containers/theirs?force=1")


def chunked(data, size):
    pieces = [data[i:i + size] for i in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"


# Makes of a serial number: (bytes, status of the answer, what the Engine gets or None, HEAD?).

def ping(_):
    return head("GET", "/_ping"), 200, None


def started(_):
    return head("POST", START), 304, "POST /v1.41/containers/%s/start" % MINE


def logs(_):
    target = "/containers/%s/logs?stdout=1" % MINE
    return head("GET", target), 200, "GET /v1.41" + target


def created(serial):
    return request("POST", CREATE + "?name=p%d" % serial, BODY), 201, \
        "POST %s?name=p%d" % (CREATE, serial)


def created_in_chunks(serial):
    return head("POST", CREATE + "?name=p%d" % serial, JSON, "Transfer-Encoding: chunked") + \
        chunked(BODY, 1 + serial % 9), 201, "POST %s?name=p%d" % (CREATE, serial)


def uploaded(serial):
    """A tar that looks like a request."""
    data = head("PUT", "/v1.41/containers/mine/archive?path=/tmp", "Transfer-Encoding: chunked") + \
        chunked(HIDDEN * 2, 5 + serial % 50)
    return data, 200, "PUT /v1.41/containers/%s/archive?path=/tmp" % MINE


def foreign(_):
    return head("POST", "/containers/theirs/start"), 404, None


def forbidden(_):
    return head("GET", "/v1.41/images/json"), 403, None


def privileged(_):
    return request("POST", CREATE, {"Image": IMAGE, "HostConfig": {"Privileged": True}}), 403, None


def evil_in_chunks(_):
    return head("POST", CREATE, JSON, "Transfer-Encoding: chunked") + \
        chunked(b'{"Image":"evil:%s"}' % HIDDEN[:20].hex().encode(), 3), 403, None


def no_json(_):
    return request("POST", CREATE, HIDDEN), 400, None


KINDS = (ping, started, logs, created, created_in_chunks, uploaded, foreign, forbidden, privileged,
         evil_in_chunks, no_json)


def play(seed, count):
    dice = random.Random(seed)
    return [dice.choice(KINDS)(serial) for serial in range(count)]


def busy(engine):
    populate(engine)
    engine.containers[MINE].running = True


def expect(w, client, plan):
    for number, (data, status, _) in enumerate(plan):
        reply = client.response()
        assert reply.status == status, "%d, %r: %r" % (number, data[:80], reply)
        assert not reply.closes, "%d closes" % number
    assert client.quiet(), "more answers than requests"
    wanted = [sent for _, _, sent in plan if sent]
    got = ["%s %s" % (r.method, r.target) for r in w.engine.asked()]
    assert got == wanted, [pair for pair in zip(got, wanted) if pair[0] != pair[1]][:3]


@table([("seed %d" % seed, seed, 400) for seed in range(1, 6)])
def test_hundreds_of_every_fate(seed, count):
    with World(POLICY, prepare=busy) as w, w.connect() as client:
        plan = play(seed, count)
        client.send(b"".join(data for data, _, _ in plan))
        expect(w, client, plan)
        assert "d" * 64 in w.engine.containers


@table([("of 7", 7), ("of 100", 100), ("of 5000", 5000)])
def test_hundreds_in_pieces(size):
    with World(POLICY, prepare=busy) as w, w.connect() as client:
        plan = play(size, 200)
        data = b"".join(data for data, _, _ in plan)
        for at in range(0, len(data), size):
            client.send(data[at:at + size])
        expect(w, client, plan)


def test_a_pipeline_byte_by_byte():
    with World(POLICY, prepare=busy) as w, w.connect() as client:
        plan = play(42, 60)
        send_singly(client.sock, b"".join(data for data, _, _ in plan))
        expect(w, client, plan)


@table([("a bare LF", b"GET /_ping HTTP/1.1\nHost: d\n\n"), ("no HTTP", b"hello\r\n\r\n"),
        ("two lengths", head("POST", START, "Content-Length: 0", "Content-Length: 0")),
        ("broken chunks", head("POST", CREATE, JSON, "Transfer-Encoding: chunked") + b"x\r\n"),
        ("an empty line", b"\r\n"), ("an absolute target", head("GET", "http://d/_ping")),
        ("an unknown expectation", head("POST", START, "Expect: cake"))])
def test_what_is_broken_ends_a_pipeline(broken):
    """All before it is served; nothing behind it is."""
    with World(POLICY, prepare=busy) as w, w.connect() as client:
        plan = play(7, 150)
        client.send(b"".join(data for data, _, _ in plan) + broken + head("POST", START) * 100)
        for _, status, _ in plan:
            assert client.response().status == status
        reply = client.response()
        assert_refused(reply, 400, 417)
        if reply.closes:
            assert client.closed()
            assert len(w.engine.asked()) == len([1 for _, _, sent in plan if sent])
        assert_served(w)


def test_a_pipeline_whose_client_goes():
    """What was not yet asked is not asked for nobody; the proxy goes on."""
    with World(POLICY, prepare=busy) as w:
        for count in (1, 10, 100, 300):
            with w.connect() as client:
                client.send(head("POST", START) * count)
        assert_served(w)
        assert all(r.target.endswith("/start") for r in w.engine.asked())


def test_ten_pipelines_at_once():
    with World(POLICY, prepare=busy) as w:
        plans = [[kind(n) for n in range(100) for kind in (ping, started, forbidden, foreign)]
                 for _ in range(10)]
        clients = [w.connect() for _ in plans]
        for client, plan in zip(clients, plans):
            client.send(b"".join(data for data, _, _ in plan))
        for client, plan in zip(clients, plans):
            for data, status, _ in plan:
                assert client.response().status == status, data[:60]
            client.close()
        assert len(w.engine.asked()) == 1000
