# SPDX-License-Identifier: Apache-2.0
"""The recording upstream itself: it reads as Go's net/http server does, and sees what is not plain.

tests/e2e/test_reader.py asks real Engines the same.
"""
import os
import socket
import tempfile
import threading

import plain
from client import PATIENCE_S
from engine import Engine
from go_cases import CASES, LENIENT, understood
from proxy import until
from report import table

FAMILY = "the recording upstream"
HEAD = b"POST /v1.41/containers/a/start HTTP/1.1\r\nHost: docker\r\nUser-Agent: caisson\r\n"
PUT = b"PUT /v1.41/a HTTP/1.1\r\nHost: docker\r\nUser-Agent: caisson\r\nTransfer-Encoding: chunked\r\n\r\n"
EMPTY = HEAD + b"Content-Length: 0\r\n\r\n"


@table(CASES + LENIENT)
def test_bytes(data, wanted):
    assert understood(data) == wanted, (understood(data), wanted)


@table([("no body", EMPTY), ("a body", HEAD + b"Content-Length: 2\r\n\r\nhi"),
        ("chunks", PUT + b"2\r\nhi\r\n0\r\n\r\n"), ("no chunks", PUT + b"0\r\n\r\n")])
def test_plain(data):
    assert not plain.strange(data), plain.strange(data)
    for length in range(len(data)):
        assert plain.strange(data[:length]), "whole, of %d bytes?" % length
        assert not plain.strange(data[:length], whole=False), data[:length]


@table([("a bare LF", EMPTY.replace(b"\r\nHost", b"\nHost")), ("small letters", EMPTY.lower()),
        ("another Host", EMPTY.replace(b"docker", b"evil")),
        ("a header of somebody else", EMPTY.replace(b"User-Agent: caisson", b"User-Agent: x")),
        ("one header more", EMPTY.replace(b"Content-", b"X: y\r\nContent-")),
        ("two lengths", EMPTY.replace(b"Length: 0\r\n", b"Length: 0\r\nContent-Length: 0\r\n")),
        ("a length with zeros", EMPTY.replace(b": 0", b": 00")), ("a surplus", EMPTY + b"\r\n"),
        ("a second request", EMPTY + EMPTY), ("a short body", EMPTY.replace(b": 0", b": 1")),
        ("an escape in small letters", EMPTY.replace(b"/start", b"/%2fstart")),
        ("two slashes", EMPTY.replace(b"/start", b"//start")),
        ("a dot segment", EMPTY.replace(b"/start", b"/../start")),
        ("a chunk's extension", PUT + b"2;a\r\nhi\r\n0\r\n\r\n"),
        ("a size with zeros", PUT + b"02\r\nhi\r\n0\r\n\r\n"),
        ("a size in capitals", PUT + b"A\r\n0123456789\r\n0\r\n\r\n"),
        ("a trailer", PUT + b"0\r\nX: y\r\n\r\n"), ("LF after a size", PUT + b"2\nhi\r\n0\r\n\r\n")])
def test_strange(data):
    assert plain.strange(data), "passes for plain"


OWN = b"GET /_ping HTTP/1.1\r\nHost: docker\r\nUser-Agent: caisson\r\n\r\n"
STRAY = b"GET /info HTTP"


@table([("nothing", b"", b"", ""), ("a question of its own", OWN, b"", ""),
        ("one that goes on", OWN[:20], OWN[20:], ""), ("one that does not", OWN[:20], b"", "20 bytes"),
        ("one of a client", EMPTY, b"", "/start"), ("both", OWN + EMPTY, b"", "/start"),
        ("an empty line", b"\r\n\r\n", b"", "malformed"),
        ("bytes behind one", OWN + STRAY, b"", "%d bytes" % len(STRAY)),
        ("bytes behind one, and the end", OWN + STRAY, None, "inside a message")])
def test_untouched(first, rest, wanted):
    """rest comes while somebody asks already; None: the end does."""
    send_upstream(b"", first, rest, wanted)


@table([("the whole", OWN), ("the first byte", OWN[:1]), ("all but one byte", OWN[:-1])])
def test_untouched_since(before):
    """A question that began before forget() is as little beside requests as one that began after."""
    rest = OWN[len(before):]
    send_upstream(before, rest, b"", "")
    send_upstream(before, rest + EMPTY, b"", "/start")
    send_upstream(before, rest + STRAY, b"", "%d bytes" % len(STRAY))


class Asked:
    """A lock that tells that somebody has come to it."""

    def __init__(self, lock):
        self.lock, self.by_somebody = lock, threading.Event()

    def __enter__(self):
        self.by_somebody.set()
        self.lock.acquire()

    def __exit__(self, *_):
        self.lock.release()


def test_what_is_being_accepted_ends_with_it():
    """stop() may come between accept() and the list of connections."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "engine.sock")
        with Engine(path) as engine, socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE_S)
            lock = engine.lock
            engine.lock = Asked(lock)
            with lock:  # nobody else comes to the list
                client.connect(path)
                assert engine.lock.by_somebody.wait(PATIENCE_S), "it is not accepted"
                engine.stop()
            assert client.recv(1) == b"", "it goes on"


def send_upstream(before, first, rest, wanted):
    """Sends it `before`, which it forgets, then the others, while it looks for `wanted`."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "engine.sock")
        with Engine(path) as engine, socket.socket(socket.AF_UNIX) as client:
            def came(count):
                until("the bytes", lambda: sum(len(c.raw) for c in engine.connections) == count)

            def go_on():
                if rest is None:
                    client.shutdown(socket.SHUT_WR)
                elif rest:
                    client.sendall(rest)
            client.connect(path)
            client.sendall(before)
            came(len(before))
            engine.forget()
            client.sendall(first)
            came(len(first))
            later = threading.Timer(0.05, go_on)
            later.start()
            if wanted:
                until(wanted, lambda: wanted in engine.untouched(0))
            else:
                assert not engine.untouched(), engine.untouched()
            later.join()
