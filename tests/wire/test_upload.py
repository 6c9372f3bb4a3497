# SPDX-License-Identifier: Apache-2.0
"""Request bodies that are handed on as they come: what the Engine gets of them, and what it never
gets, which is a part of one that looks whole.
"""
import hashlib
import os
import re
import threading
import time

from client import head, unread_bytes
from proxy import ALLOW, World, until
from report import family, table, within
from shared import (MINE, START, assert_refused, assert_refused_and_closed, assert_served,
                    assert_untouched, populate, world)

FAMILY = "uploads"

POLICY = ALLOW.replace("[create]", "PutContainerArchive = own\n[create]")
SENT = "/v1.41/containers/%s/archive?path=/tmp" % MINE
PUT = "/v1.41/containers/mine/archive?path=%2Ftmp"
TAR = bytes(range(256)) * 4


def limited(lines):
    return World(POLICY + "[limits]\n" + lines, prepare=populate)


def put(*headers, version="HTTP/1.1", target=PUT):
    return head("PUT", target, *headers, version=version)


def length(body):
    return put("Content-Length: %d" % len(body)) + body


def chunks(body, size, spell="%x"):
    pieces = [body[i:i + size] for i in range(0, len(body), size)]
    return b"".join((spell % len(p)).encode() + b"\r\n" + p + b"\r\n" for p in pieces)


def chunked(body, size, spell="%x"):
    return put("Transfer-Encoding: chunked") + chunks(body, size, spell) + b"0\r\n\r\n"


def assert_sent(w, body, is_chunked):
    """The Engine got one request, with this body, in a framing and under a head of ours."""
    asked = w.engine.wait_asked(1)
    assert len(asked) == 1, asked
    sent = asked[0]
    assert (sent.method, sent.target) == ("PUT", SENT), sent
    assert sent.body == body, "%d bytes, not %d" % (len(sent.body), len(body))
    framing = ("Transfer-Encoding", "chunked") if is_chunked else \
        ("Content-Length", str(len(body)))
    assert sent.headers == [("Host", "docker"), ("User-Agent", "caisson"),
                            ("Content-Type", "application/x-tar"), framing], sent.headers


def assert_broken(w):
    """The Engine got the head, and then the end of the connection before that of the body."""
    def errors():
        with w.engine.lock:
            return [e for c in w.engine.connections for e in c.errors]
    until("the end of a broken request", errors)
    assert not w.engine.asked(), "the engine got a whole request: %r" % w.engine.asked()
    for connection in w.engine.connections:
        if b"PUT " in connection.raw:
            assert connection.raw.count(b"PUT ") == 1 and SENT.encode() in connection.raw


# --- a body goes on as it is, in a framing of ours ---

@table([("a length", length(TAR), False), ("one byte", length(b"x"), False),
        ("one chunk", chunked(TAR, 4096), True), ("chunks of 100", chunked(TAR, 100), True),
        ("chunks of 1", chunked(TAR[:600], 1), True), ("upper case", chunked(TAR, 0xab, "%X"), True),
        ("zeros in front", chunked(TAR, 99, "%08x"), True)])
def test_bodies_arrive(data, is_chunked):
    w = world(POLICY)
    for singly in (False, True):
        w.engine.forget()
        with w.connect() as client:
            client.send(data, singly)
            assert client.response().status == 200
            assert client.ask("POST", START).status in (204, 304), "no second exchange"
        body = b"x" if data.endswith(b"\r\n\r\nx") else TAR[:600] if len(data) < 5000 and \
            data.count(b"\r\n1\r\n") > 100 else TAR
        w.engine.requests = w.engine.requests[:1]
        assert_sent(w, body, is_chunked)


@family("length and chunk tricks")
def test_the_framing_is_ours():
    """The client's chunks are not the Engine's: neither their sizes nor how they are spelt."""
    w = world(POLICY)
    with w.connect() as client:
        client.send(chunked(b"abcdef", 1, "%09X"))
        assert client.response().status == 200
    raw = b"".join(c.raw for c in w.engine.connections if b"PUT" in c.raw)
    assert raw.endswith(b"\r\n\r\n6\r\nabcdef\r\n0\r\n\r\n"), raw


@table([("no length", put()), ("length 0", put("Content-Length: 0")),
        ("length 0 of a form", put("Content-Length: 0",
                                   "Content-Type: application/x-www-form-urlencoded"))])
def test_no_body(data):
    w = world(POLICY)
    with w.connect() as client:
        client.send(data)
        assert client.response().status == 200
        assert client.ask("POST", START).status in (204, 304)
    sent = w.engine.asked()[0]
    assert sent.body == b"" and sent.header("Content-Length") == ["0"] and \
        not sent.header("Content-Type") and not sent.header("Transfer-Encoding"), sent.headers


@family("length and chunk tricks")
def test_an_empty_chunked_body():
    w = world(POLICY)
    with w.connect() as client:
        client.send(put("Transfer-Encoding: chunked") + b"0\r\n\r\n")
        assert client.response().status == 200
    assert_sent(w, b"", True)


@family("upgrades and smuggled tails")
def test_a_body_that_is_a_request_stays_a_body():
    w = world(POLICY)
    inner = head("POST", "/v1.41/containers/theirs/start")
    for data in (length(inner), chunked(inner, 7)):
        w.engine.forget()
        with w.connect() as client:
            client.send(data)
            assert client.response().status == 200
        assert len(w.engine.asked()) == 1 and w.engine.asked()[0].body == inner


@family("pipelines")
def test_requests_wait_behind_a_body():
    w = world(POLICY)
    with w.connect() as client:
        client.send(length(TAR) + head("POST", START) + chunked(TAR, 50) + head("GET", "/_ping"))
        assert [client.response().status for _ in range(4)][::3] == [200, 200]
    assert [r.method for r in w.engine.asked()] == ["PUT", "POST", "PUT"]


# --- what is no such body ---

@table([(t, t) for t in (
    "application/x-tar", "application/tar", "Application/X-TAR", "application/octet-stream",
    "application/gzip", "text/plain", "text/plain; charset=utf-8", "application/x-tar;a=b")])
def test_types(kind):
    w = world(POLICY)
    with w.connect() as client:
        client.send(put("Content-Length: 4", "Content-Type: " + kind) + b"tar.")
        assert client.response().status == 200
    assert_sent(w, b"tar.", False)


@table([(t or "empty", t) for t in (
    "application/x-www-form-urlencoded", "APPLICATION/x-www-form-urlencoded; charset=utf-8",
    "application/x-www-form-urlencoded,application/x-tar", "multipart/form-data; boundary=x",
    "application/json", "application/x-tar, application/x-www-form-urlencoded", "",
    ";application/x-tar", "x-tar")])
def test_types_that_are_refused(kind):
    for body in (b"path=/etc", b"path=%2F"):
        assert_refused_and_closed(world(POLICY), put("Content-Length: %d" % len(body),
                                                     "Content-Type: " + kind) + body, 400)


@family("length and chunk tricks")
@table([("two lengths", ("Content-Length: 4", "Content-Length: 4")),
        ("length and chunks", ("Content-Length: 4", "Transfer-Encoding: chunked")),
        ("chunks and length", ("Transfer-Encoding: chunked", "Content-Length: 4")),
        ("gzip", ("Transfer-Encoding: gzip, chunked",)),
        ("chunked twice", ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked")),
        ("identity", ("Transfer-Encoding: identity",)), ("trailer", ("Transfer-Encoding: chunked",
                                                                     "Trailer: X")),
        ("plus", ("Content-Length: +4",)), ("negative", ("Content-Length: -4",)),
        ("hex", ("Content-Length: 0x4",)), ("list", ("Content-Length: 4, 4",)),
        ("huge", ("Content-Length: 9999999999999999999",)),
        ("encoded", ("Content-Length: 4", "Content-Encoding: gzip")),
        ("two types", ("Content-Length: 4", "Content-Type: application/x-tar",
                       "Content-Type: application/x-www-form-urlencoded"))])
def test_heads_that_are_refused(headers):
    assert_refused_and_closed(world(POLICY), put(*headers) + b"4\r\ntar.\r\n0\r\n\r\n", 400)


BROKEN = [("extension", b"4;a=b\r\ntar.\r\n0\r\n\r\n"), ("bare lf", b"4\ntar.\n0\n\n"),
          ("trailer", b"4\r\ntar.\r\n0\r\nX: y\r\n\r\n"), ("no size", b"\r\ntar.\r\n0\r\n\r\n"),
          ("signed", b"+4\r\ntar.\r\n0\r\n\r\n"), ("prefix", b"0x4\r\ntar.\r\n0\r\n\r\n"),
          ("blank", b"4 \r\ntar.\r\n0\r\n\r\n"), ("too short", b"3\r\ntar.\r\n0\r\n\r\n"),
          ("too long", b"5\r\ntar.\r\n0\r\n\r\n"), ("a huge size", b"ffffffffffffffff\r\ntar."),
          ("extension of the last", b"4\r\ntar.\r\n0;x\r\n\r\n"),
          ("lf at the end", b"4\r\ntar.\r\n0\r\n\n")]


@family("length and chunk tricks")
@table(BROKEN)
def test_broken_chunks(data):
    w = world(POLICY)
    for before in (b"", b"3\r\nabc\r\n"):
        for singly in (False, True):
            w.engine.forget()
            with w.connect() as client:
                client.send(put("Transfer-Encoding: chunked") + before + data, singly)
                reply = client.response()
                assert_refused(reply, 400)
                assert reply.closes and client.closed()
            assert_broken(w)
    assert_served(w)


# --- sizes ---

@family("limits")
def test_as_much_as_the_limit():
    with limited("upload = 1KiB\n") as w:
        for data, is_chunked in ((length(TAR), False), (chunked(TAR, 1000), True)):
            w.engine.forget()
            with w.connect() as client:
                client.send(data)
                assert client.response().status == 200
            assert_sent(w, TAR, is_chunked)


@family("limits")
def test_a_stated_length_over_the_limit():
    with limited("upload = 1KiB\n") as w:
        assert_refused_and_closed(w, length(TAR + b"x"), 413)
        assert_refused_and_closed(w, put("Content-Length: 1025", "Expect: 100-continue"), 413)
        assert_refused_and_closed(w, put("Content-Length: 99999999999999"), 413)


@family("limits")
def test_chunks_over_the_limit():
    with limited("upload = 1KiB\n") as w:
        for size in (1, 1000, 5000):
            w.engine.forget()
            with w.connect() as client:
                client.send(chunked(TAR + b"x", size))
                reply = client.response()
                assert "[limits] upload" in assert_refused(reply, 413)
                assert reply.closes and client.closed()
            assert_broken(w)
        assert w.audit(3)[-1]["reason"] == "upload-too-large"
        assert_served(w)


@family("limits")
def test_the_limit_of_json_bodies_is_not_that_of_streams():
    with limited("upload = 1MiB\nbody = 1KiB\n") as w:
        with w.connect() as client:
            client.send(length(TAR * 100))
            assert client.response().status == 200
        assert_sent(w, TAR * 100, False)


# --- clients that go ---

POINTS = [("after the head", 0), ("after a byte", 1), ("in the middle", 500), ("at last", -1)]


@family("early closes")
@table(POINTS)
def test_a_client_that_goes(point):
    w = world(POLICY)
    for data in (length(TAR), chunked(TAR, 300)):
        start = data.index(b"\r\n\r\n") + 4
        cut = len(data) - 1 if point < 0 else start + point
        for end in ("close", "half_close"):
            w.engine.forget()
            with w.connect() as client:
                client.send(data[:cut])
                until("the head", lambda: any(b"PUT " in c.raw for c in w.engine.connections))
                getattr(client, end)()
                if end == "half_close":
                    assert client.closed()
            assert_broken(w)
    assert_served(w)


# --- Engines that do not listen to the end ---

@family("hostile replies")
@table([("404", 404), ("500", 500), ("200", 200)])
def test_an_early_answer(status):
    w = world(POLICY)

    def answer(exchange):
        exchange.json(status, {"message": "early"})

    w.engine.on_head("PUT", "/archive$", answer)
    for begin in (put("Content-Length: 1000") + b"abc",
                  put("Transfer-Encoding: chunked") + b"3\r\nabc\r\n"):
        w.engine.forget()
        with w.connect() as client:
            client.send(begin)
            reply = client.response()
            assert reply.status == status and b"early" in reply.body, reply
            assert reply.closes and client.closed()
        assert_broken(w)
    assert_served(w)


@family("hostile replies")
def test_an_early_answer_reaches_who_is_still_sending():
    w = world(POLICY)
    w.engine.on_head("PUT", "/archive$", lambda e: e.error(404, "No such path"))
    with w.connect() as client:
        client.send(put("Content-Length: 100000000"))
        sender = threading.Thread(target=client.send, args=(b"x" * 100000000,))
        sender.start()
        reply = client.response()
        sender.join()
        assert reply.status == 404 and reply.closes, reply
    assert_broken(w)


@family("hostile replies")
def test_an_answer_and_the_end():
    """The Engine answers and closes, without a look at what still comes: writing to it fails."""
    w = world(POLICY)

    def answer(exchange):
        exchange.error(400, "no")
        exchange.close()

    w.engine.on_head("PUT", "/archive$", answer)
    for _ in range(10):
        with w.connect() as client:
            client.send(put("Content-Length: 8000000") + b"x" * 8000000)
            reply = client.response()
            assert reply.status == 400 and reply.closes, reply
    assert_served(w)


@family("hostile replies")
def test_an_engine_that_ends():
    w = world(POLICY)
    w.engine.on_head("PUT", "/archive$", lambda exchange: exchange.close())
    for data in (put("Content-Length: 1000") + b"abc", length(TAR), chunked(TAR * 300, 5000)):
        with w.connect() as client:
            client.send(data)
            reply = client.response()
            assert_refused(reply, 502)
            assert client.closed() or data.endswith(b"0\r\n\r\n") or len(data) > 1000
    w.engine.reset_scripts()
    until("an engine", lambda: w.ask("GET", "/_ping").status == 200)
    assert_served(w)


@family("hostile replies")
def test_interim_replies_are_not_the_answer():
    w = world(POLICY)
    w.engine.on_head("PUT", "/archive$", lambda e: e.send("HTTP/1.1 100 Continue\r\n\r\n"))
    with w.connect() as client:
        client.send(put("Content-Length: 4") + b"ab")
        client.send(b"cd")
        assert client.response().status == 200 and not client.interim
    assert_sent(w, b"abcd", False)


# --- who is slow ---

@within(5)
def test_a_slow_engine_slows_the_client():
    with limited("upload = 1GiB\nupload-timeout = 2s\n") as w:
        go_on = threading.Event()
        w.engine.on_head("PUT", "/archive$", lambda exchange: go_on.wait())
        body = os.urandom(1 << 20) * 8
        with w.connect() as client:
            sender = threading.Thread(target=client.send, args=(put(
                "Transfer-Encoding: chunked") + chunks(body, 60000) + b"0\r\n\r\n",))
            before = w.proxy.rss_kib()
            sender.start()
            until("a full way", lambda: unread_bytes(client.sock) > 0)
            assert_served(w)
            time.sleep(3)  # longer than upload-timeout: it is not the client who is slow
            assert sender.is_alive(), "8 MiB went to an engine that reads nothing"
            assert w.proxy.rss_kib() - before < 4096, "the proxy holds what the engine leaves"
            go_on.set()
            assert client.response().status == 200
            sender.join()
        sent = [r for r in w.engine.asked() if r.method == "PUT"][0]
        assert hashlib.sha256(sent.body).digest() == hashlib.sha256(body).digest()


@within(6)
def test_a_slow_client_has_time_as_long_as_bytes_come():
    with limited("upload-timeout = 3s\n") as w:
        with w.connect() as client:
            client.send(put("Content-Length: 20"))
            for _ in range(20):  # for longer than that in all
                client.send(b"x")
                time.sleep(0.2)
            assert client.response().status == 200
        assert_sent(w, b"x" * 20, False)


@family("limits")
@table([("after the head", b""), ("in the middle", b"3\r\nabc\r\n"), ("in a chunk", b"3\r\na"),
        ("before the end", b"3\r\nabc\r\n0\r\n")])
def test_a_client_that_stops(data):
    with limited("upload-timeout = 200ms\n") as w:
        with w.connect() as client:
            client.send(put("Transfer-Encoding: chunked") + data)
            reply = client.response()
            assert "upload-timeout" in assert_refused(reply, 408)
            assert reply.closes and client.closed()
        assert_broken(w)
        assert_served(w)


# --- words before the body ---

@family("Expect")
def test_expect():
    w = world(POLICY)
    with w.connect() as client:
        client.send(put("Content-Length: 4", "Expect: 100-continue"))
        assert client.reader.head()[0] == 100
        client.send(b"tar.")
        assert client.response().status == 200
    assert_sent(w, b"tar.", False)


@family("Expect")
@table([("foreign", "/v1.41/containers/theirs/archive?path=/", 404),
        ("absent", "/v1.41/containers/nobody/archive?path=/", 404),
        ("no such parameter", PUT + "&x=1", 400),
        ("a path that climbs", "/v1.41/containers/mine/archive?path=/tmp/../etc", 400)])
def test_no_go_on_for_who_is_refused(target, status):
    w = world(POLICY)
    with w.connect() as client:
        client.send(put("Content-Length: 4", "Expect: 100-continue", target=target))
        reply = client.response()
        assert_refused(reply, status)
        assert not client.interim and reply.closes and client.closed()
    assert_untouched(w)


def test_foreign_and_absent_answer_the_same():
    w = world(POLICY)
    answers = []
    for name in ("theirs", "others"):
        for data in (b"Content-Length: 4\r\n\r\ntar.", b"Transfer-Encoding: chunked\r\n\r\n"):
            with w.connect() as client:
                client.send(b"PUT /v1.41/containers/%s/archive?path=/ HTTP/1.1\r\nHost: d\r\n"
                            % name.encode() + data)
                reply = client.response()
                assert reply.closes and client.closed()
                answers.append(re.sub(name.encode(), b"NAME", reply.raw))
    assert answers[:2] == answers[2:] and b"404" in answers[0], answers
    assert_untouched(w)


def test_without_a_grant_no_byte_goes_on():
    assert_refused_and_closed(world(ALLOW), length(TAR), 403)


# --- other clients, other times ---

@family("methods and versions")
def test_http_1_0():
    w = world(POLICY)
    with w.connect() as client:
        client.send(put("Content-Length: 4", version="HTTP/1.0") + b"tar.")
        assert client.response().status == 200
        assert client.closed()
    assert_sent(w, b"tar.", False)
    w.engine.forget()
    assert_refused_and_closed(w, put("Transfer-Encoding: chunked", version="HTTP/1.0") +
                              b"4\r\ntar.\r\n0\r\n\r\n", 400)


def test_a_body_waits_for_an_engine():
    with World(POLICY, prepare=populate, start=False) as w:
        answers = threading.Event()
        w.engine.on("GET", "/_ping", lambda exchange: (answers.wait(), w.engine.answer(exchange)))
        w.proxy.start()
        for data, is_chunked in ((length(TAR), False), (chunked(TAR, 99), True)):
            with w.connect() as client:
                client.send(data)
                answers.set()
                assert client.response().status == 200
            w.engine.wait_request("PUT", "/archive")
            w.engine.requests = [r for r in w.engine.requests if r.method == "PUT"]
            assert_sent(w, TAR, is_chunked)
            w.engine.forget()


def test_the_end_of_the_proxy():
    with limited("") as w:
        with w.connect() as client:
            client.send(put("Content-Length: 1000") + b"abc")
            until("the head", lambda: any(b"PUT " in c.raw for c in w.engine.connections))
            w.proxy.stop()
        assert_broken(w)


def test_the_audit_log():
    with limited("") as w:
        with w.connect() as client:
            client.send(chunked(TAR, 100))
            assert client.response().status == 200
        line = w.audit(1)[0]
        assert line["operation"] == "PutContainerArchive" and line["decision"] == "forward", line
        assert line["bytes_in"] == len(TAR) and line["container"] == MINE, line


@family("hostile replies")
@table([("a length", "Content-Length: 5000", b""), ("chunks", "Transfer-Encoding: chunked",
                                                     b"3\r\nabc\r\n")])
def test_nothing_behind_an_early_answer_is_a_request(framing, begin):
    """What is left of a body that nobody reads any more is not read as HTTP."""
    w = world(POLICY)
    w.engine.on_head("PUT", "/archive$", lambda exchange: exchange.error(409, "no"))
    with w.connect() as client:
        client.send(put(framing) + begin)
        assert client.response().status == 409
        for _ in range(3):
            client.send(head("POST", START) + head("DELETE", "/v1.41/containers/mine?force=1"))
        assert client.closed()
    assert_broken(w)
    assert [r.method for r in w.engine.requests if not w.engine.is_own(r)] == []
