# SPDX-License-Identifier: Apache-2.0
"""The Engine goes away, is killed and replaced, or hangs and is then killed, while exchanges stand in
each of their states.

tests/unit/test_conn.c does the same turn by turn and knows the state for sure; here it is the real
program, again and again: what clients see, descriptors, and whether containers are still known.
"""
import os
import threading

from client import head, request
from http1 import Bad, Eof
from proxy import ALLOW, IMAGE, World, until
from report import table
from shared import CREATE, MINE, START, assert_refused, populate

FAMILY = "engines that go, hang or restart"
POLICY = ALLOW.replace("[create]", "ContainerAttach = own\nPutContainerArchive = own\n[create]") + \
    "[limits]\ncontainers = 2000\n"
JSON = "Content-Type: application/json"
BODY = b'{"Image":"%s"}' % IMAGE.encode()
TIMES = 8


def stuck(answer=b""):
    """A handler that says so much, and then nothing until its connection ends."""
    def handler(exchange):
        exchange.send(answer)
        exchange.keep_alive = False
        until("the end", exchange.gone)
    return handler


def told(client, *statuses):
    assert_refused(client.response(), *statuses)


def cut_off(client):
    """What began visibly does not end."""
    try:
        client.reader.body(200, [("Transfer-Encoding", "chunked")])
    except (Eof, Bad):
        return
    raise AssertionError("it looks whole")


def goes_on(rest, *statuses):
    def check(client):
        client.send(rest)
        assert client.response().status in statuses
    return check


def ends(client):
    assert client.sock.recv(1) == b"", "there is more"


def streams(client):
    assert client.reader.head()[0] == 200


def switches(client):
    assert client.reader.head()[0] == 101


# What the Engine does, what the client sends, what it awaits before the loss, what it sees after.
STATES = [
    ("HEAD", None, b"", None, goes_on(head("POST", START), 204, 304, 502, 503)),
    ("half a HEAD", None, head("POST", START)[:30], None,
     goes_on(head("POST", START)[30:], 204, 304, 502, 503)),
    ("BODY", None, request("POST", CREATE, BODY)[:-3], None,
     goes_on(request("POST", CREATE, BODY)[-3:], 201, 502, 503)),
    ("UPLOAD", ("PUT", "/archive$", None), head(
        "PUT", "/containers/mine/archive?path=/", "Content-Length: 100") + b"tar", None,
     lambda client: told(client, 502)),
    ("SENT", ("POST", "/start$", b""), head("POST", START), None,
     lambda client: told(client, 502)),
    ("SENT with half a head", ("POST", "/start$", b"HTTP/1.1 204 No"), head("POST", START), None,
     lambda client: told(client, 502)),
    ("SENT a create", ("POST", "/create$", b""), request("POST", CREATE, BODY), None,
     lambda client: told(client, 502)),
    ("CREATED", ("POST", "/create$", b"HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n{\"Id\":"),
     request("POST", CREATE, BODY), None, lambda client: told(client, 502)),
    ("STREAM", None, request("POST", "/containers/mine/wait"), streams, cut_off),
    ("STREAM within a chunk", ("GET", "/logs$", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                               b"\r\n5\r\nhe"), head("GET", "/containers/mine/logs?stdout=1"),
     streams, cut_off),
    ("TUNNEL", ("POST", "/attach$", b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\n"
                b"Upgrade: tcp\r\n\r\n"),
     head("POST", "/containers/mine/attach?stream=1", "Connection: Upgrade", "Upgrade: tcp"),
     switches, ends),
    ("a pipeline", ("POST", "/start$", b""), head("POST", START) * 50, None,
     lambda client: told(client, 502)),
]


def replaced(w):
    w.engine.stop()
    w.engine.start()


def gone_for_a_while(w):
    w.engine.stop()
    assert w.ask("POST", START).status in (502, 503)
    w.engine.start()


def dropped(w):
    """It listens on, but all of its connections end: a restart that nobody had the time to see."""
    w.engine.drop_connections()


WAYS = [("is replaced", replaced), ("is gone for a while", gone_for_a_while),
        ("drops its connections", dropped)]


def arrange(w, script):
    w.engine.reset_scripts()
    if script and script[2] is None:
        return w.engine.on_head(script[0], script[1], stuck())
    return script and w.engine.on(script[0], script[1], stuck(script[2]))


def descriptors(w):
    return len(os.listdir("/proc/%d/fd" % w.proxy.process.pid))


def once(w, script, data, begins, sees, way):
    mine = w.engine.containers[MINE]
    mine.running, mine.code = True, None
    arrange(w, script)
    w.engine.forget()
    with w.connect() as client:
        client.send(data)
        if begins:
            begins(client)
        elif script:
            until("the request", lambda: any(b"POST" in c.raw or b"PUT" in c.raw
                                             for c in w.engine.connections))
        else:
            assert w.ask("GET", "/_ping").status == 200
        way(w)
        w.engine.reset_scripts()
        sees(client)
    until("the engine through the proxy", lambda: w.ask("POST", START).status in (204, 304))


@table([("%s, the engine %s" % (state[0], name), *state[1:], way) for state in STATES
        for name, way in WAYS])
def test_engine_in_a_state(script, data, begins, sees, way):
    with World(POLICY, prepare=populate) as w:
        known = w.create("known")
        for _ in range(2):
            once(w, script, data, begins, sees, way)
        before = descriptors(w)
        for _ in range(TIMES):
            once(w, script, data, begins, sees, way)
        until("the descriptors of before", lambda: descriptors(w) <= before + 2)
        assert w.ask("POST", "/containers/%s/start" % known.id).status in (204, 304)
        assert w.ask("POST", "/containers/theirs/start").status == 404


def test_engine_that_hangs_is_killed_under_a_hundred_clients():
    """All of them are told; then all are served."""
    with World(POLICY, prepare=populate) as w:
        w.engine.on("POST", "/start$", stuck())
        clients = [w.connect() for _ in range(100)]
        threads = [threading.Thread(target=c.send, args=(head("POST", START),)) for c in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        w.engine.wait_asked(100)
        w.engine.stop()
        for client in clients:
            told(client, 502)
        w.engine.reset_scripts()
        w.engine.start()
        until("the engine through the proxy", lambda: w.ask("POST", START).status in (204, 304))
        for client in clients:
            client.close()
