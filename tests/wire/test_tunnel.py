# SPDX-License-Identifier: Apache-2.0
"""Hijacked connections: attach and exec start, from the request to the last byte of both sides."""
import json
import socket

from client import PATIENCE_S, request
from proxy import ALLOW, IMAGE, until
from report import family, table
from shared import MINE, START, assert_refused, assert_served, assert_untouched, world

FAMILY = "upgrades and smuggled tails"

POLICY = ALLOW.replace("[create]", """ContainerAttach = own
ContainerExec = own
ExecStart = own
ExecInspect = own
[create]""")
ATTACH = "/v1.41/containers/mine/attach?stream=1&stdin=1&stdout=1&stderr=1"
UPGRADE = ("Connection: Upgrade", "Upgrade: tcp")
EXEC = "e" * 64


class Raw:
    """The Engine's end of a hijacked connection, once the test's client has asked for it."""

    def __init__(self, w, method, pattern, status=101):
        self.status, self.exchange, self.got = status, None, b""
        self.sock, self.over = None, False
        w.engine.on(method, pattern, self.answer, times=1)

    def answer(self, exchange):
        exchange.keep_alive = False
        self.exchange = exchange
        upgrade = UPGRADE if self.status == 101 else ()
        exchange.head(self.status, "Content-Type: application/vnd.docker.raw-stream", *upgrade,
                      text="UPGRADED")
        sock = exchange.connection.sock.dup()
        sock.settimeout(PATIENCE_S)
        self.sock = sock  # from here on it is the test's
        while not self.over:  # the test has the socket; this thread must not close it
            if exchange.connection.eof.wait(0.01):
                break

    def ready(self):
        until("the request", lambda: self.sock)
        return self

    def receive(self, count):
        while len(self.got) < count:
            data = self.sock.recv(65536)
            if not data:
                break
            self.got += data
        return self.got

    def ended(self):
        return self.sock.recv(1) == b""

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        self.over = True


def hijacked(w, client, early=b"", headers=UPGRADE, status=101):
    raw = Raw(w, "POST", "/attach$", status)
    client.send(request("POST", ATTACH, None, *headers) + early)
    answered, fields = client.reader.head()
    assert answered == status, (answered, fields)
    return raw.ready()


def read(client, count):
    while len(client.reader.buffer) < count:
        data = client.sock.recv(65536)
        assert data, client.reader.buffer
        client.reader.buffer += data
    return client.reader.buffer


def asked(w):
    return w.engine.asked()[-1]


def test_bytes_go_both_ways_as_they_are():
    w = world(POLICY)
    with w.connect() as client:
        raw = hijacked(w, client)
        sent = bytes(range(256)) + b"POST /v1.41/containers/create HTTP/1.1\r\nHost: x\r\n\r\n"
        client.send(sent)
        assert raw.receive(len(sent)) == sent
        raw.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nmore")
        assert read(client, 42) == b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nmore"
        assert "Upgrade: tcp" in asked(w).raw.decode("latin-1")
        assert asked(w).target.startswith("/v1.41/containers/%s/attach?" % MINE), asked(w)
        raw.close()
        assert client.sock.recv(1) == b""
    assert len(w.engine.asked()) == 1, w.engine.asked()


def test_early_bytes_wait_for_the_hijack():
    """The Engine throws away what it has read before it hijacks; so nothing may come before."""
    w = world(POLICY)
    with w.connect() as client:
        raw = hijacked(w, client, b"early bird")
        assert raw.receive(10) == b"early bird"
        assert asked(w).raw.endswith(b"\r\n\r\n"), asked(w).raw
        raw.close()


@family("half-closes")
def test_clients_end_is_passed_on_and_the_answer_still_comes():
    w = world(POLICY)
    with w.connect() as client:
        raw = hijacked(w, client)
        client.send(b"last words")
        client.half_close()
        assert raw.receive(10) == b"last words" and raw.ended()
        raw.sock.sendall(b"answer")
        assert read(client, 6) == b"answer"
        raw.close()
        assert client.sock.recv(1) == b""


@family("half-closes")
def test_client_that_ended_before_the_hijack():
    """`docker run` without -i half-closes at once."""
    w = world(POLICY)
    with w.connect() as client:
        raw = Raw(w, "POST", "/attach$")
        client.send(request("POST", ATTACH, None, *UPGRADE))
        client.half_close()
        assert client.reader.head()[0] == 101
        assert raw.ready().ended()
        raw.sock.sendall(b"x" * 200000)
        assert read(client, 200000) == b"x" * 200000
        raw.close()


@family("half-closes")
def test_engines_end_is_passed_on_and_the_client_may_go_on():
    w = world(POLICY)
    with w.connect() as client:
        raw = hijacked(w, client)
        raw.sock.sendall(b"bye")
        raw.sock.shutdown(socket.SHUT_WR)
        assert read(client, 3) == b"bye" and client.sock.recv(1) == b""
        client.send(b"still here")
        assert raw.receive(10) == b"still here"
        client.half_close()
        assert raw.ended()
        raw.close()


def test_without_an_upgrade_it_is_a_200_that_never_ends():
    w = world(POLICY)
    with w.connect() as client:
        raw = hijacked(w, client, headers=(), status=200)
        client.send(b"in")
        assert raw.receive(2) == b"in"
        raw.sock.sendall(b"out")
        assert read(client, 3) == b"out"
        assert "pgrade" not in asked(w).raw.decode("latin-1")
        raw.close()
        assert client.sock.recv(1) == b""


@family("hostile replies")
def test_switch_that_nobody_asked_for():
    w = world(POLICY)
    with w.connect() as client:
        Raw(w, "POST", "/attach$")
        client.send(request("POST", ATTACH))
        assert_refused(client.response(), 502)
        assert client.closed()


@table([("conflict", 409), ("gone", 404), ("broken", 500)])
def test_engine_that_refuses(status):
    """The answer is ordinary; what the client sent for the stream is never read as requests."""
    w = world(POLICY)
    w.engine.on("POST", "/attach$", lambda e: e.error(status, "no"), times=1)
    with w.connect() as client:
        client.send(request("POST", ATTACH, None, *UPGRADE) + request("POST", START))
        reply = client.response()
        assert reply.status == status and json.loads(reply.body)["message"] == "no", reply
        assert client.closed()
    assert [r.target for r in w.engine.asked() if "/start" in r.target] == []


def test_client_that_goes_ends_the_engines_stream():
    w = world(POLICY)
    with w.connect() as client:
        raw = hijacked(w, client)
    assert raw.ended()
    raw.close()
    assert_served(w)


def test_client_that_does_not_read_stops_the_engine():
    w = world(POLICY)
    before = w.proxy.rss_kib()
    with w.connect() as client:
        raw = hijacked(w, client)
        raw.sock.setblocking(False)
        sent, block = 0, b"z" * 65536
        while sent < 64 << 20:
            try:
                sent += raw.sock.send(block)
            except BlockingIOError:
                try:
                    raw.sock.settimeout(0.5)
                    sent += raw.sock.send(block)
                except TimeoutError:
                    break
                raw.sock.setblocking(False)
        assert sent < 16 << 20, "the proxy takes %d bytes that nobody reads" % sent
        assert w.proxy.rss_kib() - before < 8 << 10
        assert_served(w)
        assert len(read(client, sent)) == sent, "what was taken comes"
        raw.close()


def test_engine_that_does_not_read_stops_the_client():
    w = world(POLICY)
    with w.connect() as client:
        raw = hijacked(w, client)
        client.sock.settimeout(0.5)
        sent, block = 0, b"y" * 65536
        try:
            while sent < 64 << 20:
                sent += client.sock.send(block)
        except TimeoutError:
            pass
        assert sent < 16 << 20, "the proxy takes %d bytes that nobody reads" % sent
        client.sock.settimeout(PATIENCE_S)
        assert len(raw.receive(sent)) == sent
        raw.close()


def make_exec(w, body):
    w.engine.on("POST", "/exec$", lambda e: e.json(201, {"Id": EXEC}), times=1)
    return w.ask("POST", "/v1.41/containers/mine/exec", body)


@family("ownership")
def test_exec_ids_are_learned_and_others_are_not_there():
    w = world(POLICY)
    reply = make_exec(w, {"Cmd": ["id"], "AttachStdout": True})
    assert reply.status == 201 and json.loads(reply.body)["Id"] == EXEC, reply
    sent = json.loads(w.engine.asked()[-1].body)
    assert sent["User"] == "65534:65534" and sent["Cmd"] == ["id"], sent
    w.engine.forget()
    foreign = w.ask("POST", "/v1.41/exec/%s/start" % ("f" * 64), {"Detach": False}, *UPGRADE)
    assert foreign.status == 404, foreign
    assert_untouched(w)
    with w.connect() as client:
        raw = Raw(w, "POST", "/exec/%s/start$" % EXEC)
        client.send(request("POST", "/v1.41/exec/%s/start" % EXEC, {"Detach": False, "Tty": False},
                            *UPGRADE))
        assert client.reader.head()[0] == 101
        raw.ready().sock.sendall(b"uid=65534")
        assert read(client, 9) == b"uid=65534"
        raw.close()


@family("plain requests")
def test_detached_exec_is_an_ordinary_exchange():
    w = world(POLICY)
    assert make_exec(w, {"Cmd": ["true"]}).status == 201
    w.engine.on("POST", "/exec/%s/start$" % EXEC, lambda e: e.json(200, {}), times=1)
    with w.connect() as client:
        reply = client.ask("POST", "/v1.41/exec/%s/start" % EXEC, {"Detach": True})
        assert reply.status == 200, reply
        assert client.ask("POST", START).status in (204, 304)


@family("plain requests")
@table([("privileged", {"Cmd": ["sh"], "Privileged": True}, "Privileged"),
        ("an unknown field", {"Cmd": ["sh"], "Sudo": True}, "Sudo")])
def test_exec_bodies_are_judged(body, field):
    w = world(POLICY)
    message = assert_refused(w.ask("POST", "/v1.41/containers/mine/exec", body), 400, 403)
    assert field in message and "[exec]" in message or field == "Sudo", message
    assert_untouched(w)


@family("plain requests")
def test_create_is_still_judged_beside_all_this():
    w = world(POLICY)
    assert_refused(w.ask("POST", "/v1.41/containers/create?name=pp",
                         {"Image": IMAGE, "HostConfig": {"Privileged": True}}), 403)
    assert_untouched(w)
