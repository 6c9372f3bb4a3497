# SPDX-License-Identifier: Apache-2.0
"""Answers that last: wait and logs, and clients that do not read, half-close or go."""
import json
import socket
import struct
import threading
import time

from client import head, request
from engine import frame
from proxy import World, until
from report import family
from shared import MINE, START, assert_served, populate

FAMILY = "streams"

WAIT = "/v1.41/containers/mine/wait"
FOLLOW = "/v1.41/containers/mine/logs?follow=1&stdout=1&stderr=1"


def running(w):
    mine = w.engine.containers[MINE]
    mine.running, mine.code = True, None
    return mine


def test_wait_headers_come_at_once():
    with World(prepare=populate) as w:
        mine = running(w)
        with w.connect() as client:
            client.send(request("POST", WAIT))
            status, headers = client.reader.head()  # the container has not ended
            assert status == 200, status
            assert client.reader.buffer == b""
            mine.exit(42)
            body = json.loads(client.reader.body(status, headers))
            assert body == {"Error": None, "StatusCode": 42}, body
            assert client.ask("POST", START).status == 204, "the connection goes on"


def test_wait_for_the_exit_of_what_has_not_started():
    """The CLI's order: wait, and only after its head start."""
    with World(prepare=populate) as w:
        mine = w.engine.containers[MINE]
        with w.connect() as client, w.connect() as other:
            client.send(request("POST", WAIT + "?condition=next-exit"))
            status, headers = client.reader.head()
            assert other.ask("POST", START).status == 204
            mine.exit(7)
            assert json.loads(client.reader.body(status, headers))["StatusCode"] == 7


def test_logs_flow_line_by_line():
    with World(prepare=populate) as w:
        mine = running(w)
        with w.connect() as client:
            client.send(request("GET", FOLLOW))
            status, headers = client.reader.head()
            assert status == 200
            got = b""
            for i in range(20):
                line = b"line %d\n" % i
                mine.say(1 + i % 2, line)
                while len(got) < len(line) + 8:
                    got += client.reader.chunk()
                assert got == frame(1 + i % 2, line), got
                got = b""
            mine.exit(0)
            assert client.reader.body(status, headers) == b""


def test_frames_are_handed_on_as_they_are():
    """Also those that look like HTTP, or like nothing at all."""
    lines = [b"", b"HTTP/1.1 200 OK\r\n\r\n", b"0\r\n\r\n", bytes(range(256)), b"\0" * 70000]
    with World(prepare=populate) as w:
        mine = w.engine.containers[MINE]
        mine.log = [(1, line) for line in lines]
        with w.connect() as client:
            reply = client.ask("GET", "/v1.41/containers/mine/logs?stdout=1")
            assert reply.body == b"".join(frame(1, line) for line in lines)
            assert client.ask("POST", START).status == 204


def test_content_type_of_logs_is_handed_on():
    with World(prepare=populate) as w:
        def logs(exchange):
            exchange.head(200, "Content-Type: application/vnd.docker.multiplexed-stream",
                          "Transfer-Encoding: chunked")
            exchange.last_chunk()
        w.engine.on("GET", "/logs$", logs)
        reply = w.ask("GET", "/v1.41/containers/mine/logs?stdout=1")
        assert reply.one("Content-Type") == "application/vnd.docker.multiplexed-stream"


@family("byte by byte")
def test_streams_split_to_single_bytes():
    with World(prepare=populate) as w:
        mine = w.engine.containers[MINE]
        mine.log = [(1, b"hello\n"), (2, b"world\n")]
        mine.code = 9
        w.engine.singly = True
        with w.connect() as client:
            reply = client.ask("GET", FOLLOW)
            assert reply.body == frame(1, b"hello\n") + frame(2, b"world\n"), reply
            assert json.loads(client.ask("POST", WAIT).body)["StatusCode"] == 9


def half_closed(w, target, method, end):
    with w.connect() as client:
        client.send(request(method, target))
        status, headers = client.reader.head()
        client.half_close()
        assert_served(w)  # the proxy has had its turn
        assert_served(w)
        connection = [c for c in w.engine.connections
                      if any(target.split("?")[0].split("/")[-1] in r.target for r in c.requests)][0]
        assert not peer_has_closed(connection), "the half-close reached the engine"
        end()
        return client.reader.body(status, headers)


def peer_has_closed(connection):
    try:
        connection.sock.setblocking(False)
        return connection.sock.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    finally:
        connection.sock.setblocking(True)


@family("half-closes")
def test_half_close_of_wait_is_not_passed_on():
    """An Engine would answer "context canceled" to it."""
    with World(prepare=populate) as w:
        mine = running(w)
        body = half_closed(w, WAIT, "POST", lambda: mine.exit(5))
        assert json.loads(body)["StatusCode"] == 5, body


@family("half-closes")
def test_half_close_of_logs_is_not_passed_on():
    with World(prepare=populate) as w:
        mine = running(w)

        def end():
            mine.say(1, b"last\n")
            mine.exit(0)
        body = half_closed(w, FOLLOW, "GET", end)
        assert body == frame(1, b"last\n"), body


def upstream_ends(method, target, half_first=False):
    with World(prepare=populate) as w:
        running(w)
        client = w.connect()
        client.send(request(method, target))
        client.reader.head()
        if half_first:
            client.half_close()
            assert_served(w)
        word = target.split("?")[0].split("/")[-1]
        connection = [c for c in w.engine.connections
                      if any(word in r.target for r in c.requests)][0]
        assert not connection.eof.is_set()
        client.close()
        until("the end of the upstream request", connection.eof.is_set)
        assert_served(w)


@family("early closes")
def test_client_gone_ends_wait():
    upstream_ends("POST", WAIT)


@family("early closes")
def test_client_gone_ends_logs():
    upstream_ends("GET", FOLLOW)


@family("half-closes")
def test_client_gone_after_its_half_close_ends_wait():
    upstream_ends("POST", WAIT, half_first=True)


@family("half-closes")
def test_client_gone_after_its_half_close_ends_logs():
    upstream_ends("GET", FOLLOW, half_first=True)


class Flood:
    """Logs that never end, and how many bytes of them the proxy has taken."""

    def __init__(self):
        self.sent, self.blocked, self.ended = 0, threading.Event(), threading.Event()

    def __call__(self, exchange):
        exchange.head(200, "Transfer-Encoding: chunked")
        piece = frame(1, b"x" * 16376)
        data = b"%x\r\n%s\r\n" % (len(piece), piece)
        exchange.connection.sock.settimeout(1)
        try:
            while True:
                try:
                    self.sent += exchange.connection.sock.send(data[self.sent % len(data):])
                    self.blocked.clear()
                except socket.timeout:
                    self.blocked.set()
        except OSError:
            self.ended.set()
            exchange.close()


def test_client_that_does_not_read_stops_the_reading():
    """Backpressure: bounded memory, nobody else waits, and it goes on when the client reads."""
    with World(prepare=populate) as w:
        flood = Flood()
        w.engine.on("GET", "/logs$", flood)
        assert_served(w)
        before = w.proxy.rss_kib()
        with w.connect() as client:
            client.send(request("GET", FOLLOW))
            assert flood.blocked.wait(60), "%d bytes, and it still reads" % flood.sent
            taken = flood.sent
            assert taken < 4 << 20, "%d bytes were taken for a client that does not read" % taken
            assert w.proxy.rss_kib() - before < 16 << 10, "memory grew by %d KiB" % (
                w.proxy.rss_kib() - before)
            assert_served(w)
            client.reader.head()
            for _ in range(200):
                client.reader.chunk()
            until("more of the stream", lambda: flood.sent > taken)
        assert flood.ended.wait(60), "the upstream of a client that has gone goes on"
        assert_served(w)


def test_many_that_do_not_read():
    with World(prepare=populate) as w:
        assert_served(w)
        before = w.proxy.rss_kib()
        floods, clients = [], []

        def answer(exchange):  # by many at once
            flood = Flood()
            floods.append(flood)
            flood(exchange)
        w.engine.on("GET", "/logs$", answer)
        for _ in range(32):
            clients.append(w.connect())
            clients[-1].send(request("GET", FOLLOW))
        until("32 streams that wait", lambda: len(floods) == 32 and
              all(f.blocked.is_set() for f in floods))
        grown = w.proxy.rss_kib() - before
        assert grown < 32 << 10, "%d KiB for 32 streams that wait" % grown
        assert_served(w)
        for client in clients:
            client.close()
        until("the end of the streams", lambda: all(f.ended.is_set() for f in floods))


def test_slow_stream_does_not_hold_up_others():
    with World(prepare=populate) as w:
        mine = running(w)
        with w.connect() as waiting:
            waiting.send(request("POST", WAIT))
            waiting.reader.head()
            with w.connect() as client:
                for _ in range(50):
                    assert client.ask("POST", START).status == 304
            mine.exit(0)


def test_a_hundred_waits_at_once():
    with World(prepare=populate) as w:
        mine = running(w)
        clients = [w.connect() for _ in range(100)]
        for client in clients:
            client.send(request("POST", WAIT))
        heads = [client.reader.head() for client in clients]
        mine.exit(11)
        for client, (status, headers) in zip(clients, heads):
            assert json.loads(client.reader.body(status, headers))["StatusCode"] == 11
            client.close()


@family("early closes")
def test_connection_reset_in_the_middle():
    with World(prepare=populate) as w:
        flood = Flood()
        w.engine.on("GET", "/logs$", flood)
        client = w.connect()
        client.send(request("GET", FOLLOW))
        client.reader.head()
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        assert flood.ended.wait(60)
        assert_served(w)


@family("pipelines")
def test_pipelined_bytes_behind_a_stream_are_bounded():
    """What a client sends behind a wait is not read without end."""
    with World(prepare=populate) as w:
        running(w)
        with w.connect() as client:
            client.send(request("POST", WAIT))
            client.reader.head()
            client.sock.settimeout(2)
            sent = 0
            try:
                while sent < 64 << 20:
                    sent += client.sock.send(head("GET", "/_ping") * 1000)
            except (socket.timeout, BrokenPipeError, ConnectionResetError):
                pass
            assert sent < 16 << 20, "%d pipelined bytes were taken" % sent
            assert_served(w)


def test_waiting_costs_no_cpu():
    """Clients that have half-closed, or do not read, are waited for in the poll, not by asking."""
    with World(prepare=populate) as w:
        running(w)
        flood = Flood()
        w.engine.on("GET", "/logs$", flood)
        with w.connect() as half, w.connect() as deaf, w.connect() as idle:
            half.send(request("POST", WAIT))
            half.reader.head()
            half.half_close()
            deaf.send(request("GET", FOLLOW))
            idle.send(b"POST ")
            assert flood.blocked.wait(60)
            assert_served(w)
            before = w.proxy.cpu_ticks()
            time.sleep(1)  # in which one that spins uses a hundred ticks
            used = w.proxy.cpu_ticks() - before
            assert used < 30, "%d ticks for nothing" % used
