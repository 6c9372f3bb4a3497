# SPDX-License-Identifier: Apache-2.0
"""Replies that an Engine never gives: in framing that two readers could take in two ways, too early,
with a body where none is.  A client gets 502, an answer that visibly broke off, or one that is right.
"""
import json

from client import head, request
from http1 import Bad, Eof
from proxy import ALLOW, IMAGE
from report import family, table
from shared import (CREATE, MINE, START, assert_refused, assert_served, assert_untouched, start,
                    world)

FAMILY = "hostile replies"
POLICY = ALLOW.replace("[create]", "ContainerArchiveInfo = own\nContainerArchive = own\n"
                       "SystemPingHead = yes\nPutContainerArchive = own\n[create]")
LOGS = "/v1.41/containers/mine/logs?stdout=1"
OK = "HTTP/1.1 200 OK\r\n"
EVIL = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"


def says(w, method, pattern, data):
    """The Engine says this once, and no more on its connection until it is asked again."""
    w.engine.on(method, pattern, lambda exchange: exchange.send(data), times=1)


def next_ones_are_right(w):
    for _ in range(3):
        with w.connect() as client:
            reply = client.ask("POST", START)
            assert reply.status in (204, 304) and b"evil" not in reply.raw, reply


HEADS = [
    ("bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
    ("bare LF after the status", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n"),
    ("a fold", OK + "X: a\r\n b\r\nContent-Length: 0\r\n\r\n"),
    ("a folded length", OK + "Content-Length:\r\n 0\r\n\r\n"),
    ("a blank before the colon", OK + "Content-Length : 0\r\n\r\n"),
    ("no colon", OK + "nonsense\r\nContent-Length: 0\r\n\r\n"),
    ("no name", OK + ": x\r\nContent-Length: 0\r\n\r\n"),
    ("CR in a value", OK + "X: a\rb\r\nContent-Length: 0\r\n\r\n"),
    ("a list of lengths", OK + "Content-Length: 2, 2\r\n\r\nhi"),
    ("a length with a sign", OK + "Content-Length: +2\r\n\r\nhi"),
    ("a hexadecimal length", OK + "Content-Length: 0x2\r\n\r\nhi"),
    ("an empty length", OK + "Content-Length:\r\n\r\n"),
    ("a length over 64 bits", OK + "Content-Length: 18446744073709551618\r\n\r\nhi"),
    ("a length, then a coding", OK + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
     "0\r\n\r\n"),
    ("a coding, then a length", OK + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"
     "0\r\n\r\n"),
    ("chunked twice", OK + "Transfer-Encoding: chunked\r\n" * 2 + "\r\n0\r\n\r\n"),
    ("gzip, chunked", OK + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    ("identity", OK + "Transfer-Encoding: identity\r\n\r\n"),
    ("no coding", OK + "Transfer-Encoding:\r\n\r\n"),
    ("an empty line in front", "\r\n" + OK + "Content-Length: 0\r\n\r\n"),
    ("a version of HTTP that is none", "HTTP/1.9 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ("a signed status", "HTTP/1.1 +20 OK\r\nContent-Length: 0\r\n\r\n"),
    ("a request", "POST /evil HTTP/1.1\r\nHost: d\r\n\r\n"),
]


@table(HEADS)
def test_head_of_a_reply(data):
    """Refused, or read in the one way in which it can be: never handed on as it is."""
    w = world(POLICY)
    says(w, "POST", "/start$", data)
    with w.connect() as client:
        client.send(start())
        reply = client.response()
        assert reply.status == 502 or reply.status == 200 and \
            reply.header("Content-Length") == ["0"], reply
        assert b"evil" not in reply.raw and b"nonsense" not in reply.raw, reply.raw
    next_ones_are_right(w)


CHUNKS = [("an extension", b"5;a=b\r\nhello\r\n0\r\n\r\n"), ("a bare LF", b"5\nhello\n0\n\n"),
          ("LF after the data", b"5\r\nhello\n0\r\n\r\n"), ("a sign", b"+5\r\nhello\r\n0\r\n\r\n"),
          ("0x", b"0x5\r\nhello\r\n0\r\n\r\n"), ("a blank", b"5 \r\nhello\r\n0\r\n\r\n"),
          ("no size", b"\r\nhello\r\n0\r\n\r\n"), ("a huge size", b"f" * 16 + b"\r\nhello"),
          ("more than it says", b"5\r\nhello!\r\n0\r\n\r\n"),
          ("an extension of the last", b"5\r\nhello\r\n0;x\r\n\r\n")]
TRAILERS = [("a trailer", b"5\r\nhello\r\n0\r\nX: y\r\n\r\n"),
            ("a trailer that is a reply", b"5\r\nhello\r\n0\r\n" + EVIL.encode()),
            ("LF at the end", b"5\r\nhello\r\n0\r\n\n")]


def breaks_off(body):
    """Whatever of it was handed on, its end is not: the client sees that it is not whole."""
    w = world(POLICY)
    says(w, "GET", "/logs$", (OK + "Transfer-Encoding: chunked\r\n\r\n").encode() + body)
    with w.connect() as client:
        client.send(head("GET", LOGS))
        try:
            reply = client.response()
            assert reply.status == 502, reply
        except (Eof, Bad) as end:
            assert not getattr(end, "clean", False), "not a word"
    next_ones_are_right(w)


@table(CHUNKS)
def test_chunks_of_a_reply(body):
    breaks_off(body)


@family("trailers")
@table(TRAILERS)
def test_trailer_of_a_reply(body):
    breaks_off(body)


@table([("a body", "Content-Length: %d\r\n\r\n" % len(EVIL) + EVIL),
        ("chunks", "Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(EVIL), EVIL)),
        ("another reply", "\r\n" + EVIL), ("all until the end", "Connection: close\r\n\r\n" + EVIL)])
def test_reply_to_a_head_that_has_a_body(rest):
    """Its bytes are nobody's answer."""
    w = world(POLICY)
    for target in ("/v1.41/_ping", "/v1.41/containers/mine/archive?path=/"):
        says(w, "HEAD", ".", OK + rest)
        with w.connect() as client:
            client.send(head("HEAD", target) + start())
            first = client.response(to_head=True)
            assert first.status == 200 and b"evil" not in first.raw, first
            if not first.closes:
                second = client.response()
                assert second.status in (204, 304) and b"evil" not in second.raw, second
        next_ones_are_right(w)


@table([("204", 204), ("304", 304)])
def test_chunks_where_no_body_is(status):
    w = world(POLICY)
    says(w, "POST", "/start$", "HTTP/1.1 %d X\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n"
         "0\r\n\r\n" % (status, len(EVIL), EVIL))
    with w.connect() as client:
        client.send(start() + start())
        for _ in range(2):
            reply = client.response()
            assert reply.status in (204, 304, 502) and b"evil" not in reply.raw, reply
            if reply.closes:
                break
    next_ones_are_right(w)


def test_reply_before_anything_is_asked():
    """What a kept connection says unasked is nobody's answer: the connection is of no more use."""
    w = world(POLICY)
    next_ones_are_right(w)
    for connection in list(w.engine.connections):
        try:
            connection.sock.send(EVIL.encode())
        except OSError:
            pass
    next_ones_are_right(w)


def test_reply_before_the_body_of_a_create():
    """Early, and to a request that was whole when it left: it is the answer, and the last one."""
    w = world(POLICY)
    w.engine.on_head("POST", "/create$", lambda exchange: exchange.error(500, "early"))
    with w.connect() as client:
        client.send(request("POST", CREATE + "?name=early", {"Image": IMAGE}) + start())
        reply = client.response()
        assert reply.status == 500 and json.loads(reply.body)["message"] == "early", reply
    w.engine.reset_scripts()
    next_ones_are_right(w)


@table([("100", 100), ("102", 102), ("103", 103), ("199", 199)])
def test_floods_of_interim_replies(status):
    """A few are passed over; very many are no Engine's. In front of streams and creates, too."""
    w = world(POLICY)
    one = "HTTP/1.1 %d X\r\n\r\n" % status
    for count in (5, 5000):
        for method, word, target, body in (("POST", "start", START, None),
                                           ("GET", "logs", LOGS, None),
                                           ("POST", "create", CREATE, {"Image": "busybox:9"})):
            def answer(exchange):
                exchange.send(one * count)
                exchange.engine.answer(exchange)
            w.engine.on(method, "/%s$" % word, answer, times=1)
            reply = w.ask(method, target, body)
            assert (reply.status == 502) == (count > 100), (count, reply)
    next_ones_are_right(w)


@table([("plain", START, None), ("a stream", LOGS, None), ("a create", CREATE, {"Image": IMAGE}),
        ("an upload", "/v1.41/containers/mine/archive?path=/", None)])
def test_switch_of_protocols_that_nobody_asked_for(target, body):
    w = world(POLICY)
    method = {"logs": "GET", "archive": "PUT"}.get(target.split("?")[0].split("/")[-1], "POST")
    says(w, method, "/(start|logs|create|archive)$", "HTTP/1.1 101 UPGRADED\r\n"
         "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n" + EVIL)
    with w.connect() as client:
        client.send(request(method, target, body) + head("DELETE", "/containers/mine"))
        assert_refused(client.response(), 502)
        assert client.closed()
    assert not [r for r in w.engine.asked() if r.method == "DELETE"]
    assert MINE in w.engine.containers
    next_ones_are_right(w)


# --- Expect, from both sides ---

@family("Expect")
@table([("and sends at once", True), ("and waits", False)])
def test_expectation_of_what_is_refused(at_once):
    w = world(POLICY)
    body = b'{"Image":"evil"}'
    with w.connect() as client:
        client.send(head("POST", CREATE, "Content-Type: application/json", "Expect: 100-continue",
                         "Content-Length: %d" % len(body)) + (body if at_once else b""))
        if not at_once:
            assert client.reader.response().status == 100
            client.send(body)
        reply = client.response()
        assert_refused(reply, 403)
        assert client.ask("POST", START).status in (204, 304), "in step"
    assert [r.method + r.target.rsplit("/", 1)[1] for r in w.engine.asked()] == ["POSTstart"]


@family("Expect")
@table([("without a body", start("Expect: 100-continue")),
        ("with an empty one", start("Expect: 100-continue", "Content-Length: 0")),
        ("in other letters", start("eXPECT: 100-CONTINUE")),
        ("of HTTP/1.0", start("Expect: 100-continue", version="HTTP/1.0"))])
def test_expectation_where_there_is_nothing_to_go_on_with(data):
    w = world(POLICY)
    with w.connect() as client:
        client.send(data)
        reply = client.response()
        assert reply.status in (204, 304) and not client.interim, (reply, client.interim)
    assert [r.header("Expect") for r in w.engine.asked()] == [[]]


@family("Expect")
@table([("twice", ("Expect: 100-continue", "Expect: 100-continue")), ("a list",
                                                                     ("Expect: 100-continue, x",)),
        ("in quotes", ('Expect: "100-continue"',)), ("another", ("Expect: 200-ok",)),
        ("nothing", ("Expect:",)), ("with a parameter", ("Expect: 100-continue;q=1",))])
def test_expectation_that_is_not_met(headers):
    w = world(POLICY)
    for data in (start(*headers), head("POST", CREATE, "Content-Type: application/json",
                                       "Content-Length: 2", *headers) + b"{}"):
        with w.connect() as client:
            client.send(data + start())
            reply = client.response()
            assert_refused(reply, 400, 417)
            assert reply.closes and client.closed()
        assert_untouched(w)


@family("Expect")
def test_client_that_was_told_to_go_on_and_goes_away():
    w = world(POLICY)
    for _ in range(20):
        with w.connect() as client:
            client.send(head("POST", CREATE, "Content-Type: application/json",
                             "Expect: 100-continue", "Content-Length: 30"))
            assert client.reader.response().status == 100
    assert_untouched(w)
    assert_served(w)
