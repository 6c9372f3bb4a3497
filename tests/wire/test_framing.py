# SPDX-License-Identifier: Apache-2.0
"""Heads and bodies that two readers could understand in two ways: 400, the end, nothing upstream.

Each row would reach `mine`, or hide a second request, if the proxy read it as leniently as a Docker
Engine or http-parser does.
"""
from client import head
from proxy import IMAGE, until
from report import family, table
from shared import (CREATE, START, assert_refused, assert_refused_and_closed, assert_served,
                    assert_untouched, start, world)

FAMILY = "length and chunk tricks"

HIDDEN = head("POST", START)  # what a smuggled request would be
LINE = ("POST %s HTTP/1.1\r\n" % START).encode()
BODY = ('{"Image":"%s"}' % IMAGE).encode()
JSON = "Content-Type: application/json"


def create(*headers, body=BODY):
    return head("POST", CREATE, JSON, *headers) + body


def chunked(body):
    return create("Transfer-Encoding: chunked", body=body)


SIZE = b"%x" % len(BODY)
WHOLE = SIZE + b"\r\n" + BODY + b"\r\n0\r\n\r\n"  # nothing is wrong with this body

LINES = [
    ("an empty line in front", b"\r\n" + start()),
    ("a bare LF in front", b"\n" + start()),
    ("bare LF everywhere", start().replace(b"\r\n", b"\n")),
    ("bare LF after the request line", start().replace(b"\r\n", b"\n", 1)),
    ("bare LF after a header", start("X: y").replace(b"X: y\r\n", b"X: y\n")),
    ("bare LF as the empty line", start()[:-2] + b"\n"),
    ("bare CR within the request line", b"POST /containers/mine/start\rHTTP/1.1\r\nHost: d\r\n\r\n"),
    ("bare CR within a header", start("X: a\rb")),
    ("a hidden header after CR", start("X: a\rTransfer-Encoding: chunked")),
    ("a folded header", start("X: a\r\n b")),
    ("a folded Content-Length", start("Content-Length:\r\n 5") + b"hello"),
    ("a folded Transfer-Encoding", start("Transfer-Encoding:\r\n chunked") + WHOLE),
    ("a fold before the first header", LINE + b" Host: d\r\n\r\n"),
    ("two blanks before the target", start().replace(b"POST ", b"POST  ")),
    ("two blanks before the version", start().replace(b" HTTP", b"  HTTP")),
    ("a tab for a blank", start().replace(b"POST ", b"POST\t")),
    ("a tab in the target", start().replace(b"/start", b"/sta\trt")),
    ("a blank in front", b" " + start()),
    ("a blank after the version", start().replace(b"HTTP/1.1", b"HTTP/1.1 ")),
    ("a blank in the target", start().replace(b"/start", b"/sta rt")),
    ("NUL in the target", start().replace(b"/start", b"/start\0")),
    ("NUL in a header's name", start("X\0Y: a")),
    ("NUL in a header's value", start("X: a\0b")),
    ("DEL in a header's value", start("X: a\x7fb")),
    ("a control byte in a header's value", start("X: a\x01b")),
    ("a byte above ASCII in the target", start().replace(b"mine", b"min\xe9")),
    ("a byte above ASCII in a header's name", start("X\xe9: a")),
    ("a blank before the colon", start("X : a")),
    ("Content-Length with a blank before the colon", start("Content-Length : 5") + b"hello"),
    ("Transfer-Encoding with a blank before the colon", create("Transfer-Encoding : chunked",
                                                               body=WHOLE)),
    ("a tab before the colon", start("X\t: a")),
    ("a header without a colon", start("nonsense")),
    ("a header without a name", start(": a")),
    ("a header's name with a parenthesis", start("X(y): a")),
    ("no Host", start(host=None)),
    ("two Hosts", start("Host: docker")),
    ("two different Hosts", start("Host: other")),
    ("a Host with a blank", start(host="doc ker")),
    ("a Host with a path", start(host="docker/x"), 400),
]

VERSIONS = [
    ("HTTP/0.9", b"GET /_ping\r\n\r\n", 400, 505),
    ("HTTP/0.9 with a version", start(version="HTTP/0.9"), 400, 505),
    ("HTTP/1.2", start(version="HTTP/1.2"), 400, 505),
    ("HTTP/2.0", start(version="HTTP/2.0"), 400, 505),
    ("HTTP/11.1", start(version="HTTP/11.1"), 400, 505),
    ("HTTP/1.10", start(version="HTTP/1.10"), 400, 505),
    ("HTTP/1", start(version="HTTP/1"), 400, 505),
    ("http/1.1 in small letters", start(version="http/1.1"), 400, 505),
    ("HTTP/+1.1", start(version="HTTP/+1.1"), 400, 505),
    ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, 505),
    ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), 400),
]

LENGTHS = [
    ("two equal lengths", create("Content-Length: 5", "Content-Length: 5", body=b"hello")),
    ("two different lengths", create("Content-Length: 5", "Content-Length: 6", body=b"hello")),
    ("a list of lengths", create("Content-Length: 5, 5", body=b"hello")),
    ("a length with a sign", create("Content-Length: +5", body=b"hello")),
    ("a negative length", create("Content-Length: -1", body=b"")),
    ("a hexadecimal length", create("Content-Length: 0x5", body=b"hello")),
    ("an empty length", create("Content-Length:", body=b"")),
    ("a length with a word", create("Content-Length: 5 bytes", body=b"hello")),
    ("a length with a comma", create("Content-Length: 5,", body=b"hello")),
    ("a length with an underscore", create("Content-Length: 1_0", body=b"hellohello")),
    ("a length with a point", create("Content-Length: 5.0", body=b"hello")),
    ("a length over 64 bits", create("Content-Length: 18446744073709551621", body=b"hello"), 400,
     413),
    ("a length over 63 bits", create("Content-Length: 9223372036854775808", body=b""), 400, 413),
    ("a length with zeros in front", create("Content-Length: 0%d" % len(BODY)), 400),
]

CODINGS = [
    ("length and coding", create("Content-Length: 5", "Transfer-Encoding: chunked",
                                 body=WHOLE + HIDDEN)),
    ("coding and length", create("Transfer-Encoding: chunked", "Content-Length: 5",
                                 body=WHOLE + HIDDEN)),
    ("length 0 and coding", create("Content-Length: 0", "Transfer-Encoding: chunked",
                                   body=WHOLE)),
    ("chunked twice", create("Transfer-Encoding: chunked", "Transfer-Encoding: chunked",
                             body=WHOLE)),
    ("chunked, chunked", create("Transfer-Encoding: chunked, chunked", body=WHOLE)),
    ("gzip, chunked", create("Transfer-Encoding: gzip, chunked", body=WHOLE)),
    ("chunked, gzip", create("Transfer-Encoding: chunked, gzip", body=WHOLE)),
    ("identity", create("Transfer-Encoding: identity", body=b"")),
    ("identity and a length", create("Transfer-Encoding: identity", "Content-Length: %d"
                                     % len(BODY))),
    ("an empty coding", create("Transfer-Encoding:", body=b"")),
    ("xchunked", create("Transfer-Encoding: xchunked", body=WHOLE)),
    ("chunked with a parameter", create("Transfer-Encoding: chunked;q=1", body=WHOLE)),
    ("chunked in quotes", create('Transfer-Encoding: "chunked"', body=WHOLE)),
    ("chunked and a comma", create("Transfer-Encoding: chunked,", body=WHOLE)),
    ("a vertical tab before chunked", create("Transfer-Encoding: \x0bchunked", body=WHOLE)),
    ("HTTP/1.0 with a coding",
     head("POST", CREATE, JSON, "Transfer-Encoding: chunked", version="HTTP/1.0") + WHOLE),
    ("HTTP/1.0 with a coding and keep-alive hides a request",
     head("POST", CREATE, "Connection: keep-alive", "Transfer-Encoding: chunked",
          version="HTTP/1.0") + b"F00D /x HTTP/1.1\r\n" + HIDDEN),
    ("a compressed body", create("Content-Encoding: gzip", "Content-Length: %d" % len(BODY)), 400,
     415),
]

TRAILERS = [
    ("a trailer is announced", create("Transfer-Encoding: chunked", "Trailer: X",
                                      body=WHOLE)),
]


def statuses(rows):
    return [(row[0], row[1], row[2:] or (400,)) for row in rows]


def refused_for_its_head(data, wanted):
    """Refused for its head, not for what a reader of that head made of the rest."""
    w = world()
    seen = len(w.audit(0))
    assert_refused_and_closed(w, data, *wanted)
    line = until("its audit line", lambda: w.audit(0)[seen:])[0]
    assert line["reason"] in ("head-malformed", "target-malformed", "framing-refused",
                              "http-version"), line


@family("header grammar")
@table(statuses(LINES))
def test_line(data, wanted):
    refused_for_its_head(data, wanted)


@family("methods and versions")
@table(statuses(VERSIONS))
def test_version(data, wanted):
    refused_for_its_head(data, wanted)


@table(statuses(LENGTHS + CODINGS))
def test_length(data, wanted):
    refused_for_its_head(data, wanted)


@family("trailers")
@table(statuses(TRAILERS))
def test_trailer_that_is_announced(data, wanted):
    refused_for_its_head(data, wanted)


CHUNKS = [
    ("an extension", SIZE + b";a=b\r\n" + BODY + b"\r\n0\r\n\r\n"),
    ("an extension without a value", SIZE + b";a\r\n" + BODY + b"\r\n0\r\n\r\n"),
    ("an empty extension", SIZE + b";\r\n" + BODY + b"\r\n0\r\n\r\n"),
    ("an extension in the last chunk", SIZE + b"\r\n" + BODY + b"\r\n0;a=b\r\n\r\n"),
    ("an extension with a bare LF, which hides another body", b"E;x\n" + BODY + b"\r\n0\r\n\r\n"),
    ("a bare LF after the size", SIZE + b"\n" + BODY + b"\r\n0\r\n\r\n"),
    ("a bare LF after the data", SIZE + b"\r\n" + BODY + b"\n0\r\n\r\n"),
    ("a bare LF at the end", SIZE + b"\r\n" + BODY + b"\r\n0\r\n\n"),
    ("a bare CR after the size", SIZE + b"\r" + BODY + b"\r\n0\r\n\r\n"),
    ("a blank after the size", SIZE + b" \r\n" + BODY + b"\r\n0\r\n\r\n"),
    ("a blank before the size", b" " + SIZE + b"\r\n" + BODY + b"\r\n0\r\n\r\n"),
    ("a tab before the size", b"\t" + SIZE + b"\r\n" + BODY + b"\r\n0\r\n\r\n"),
    ("no size", b"\r\n" + BODY + b"\r\n0\r\n\r\n"),
    ("a size with a sign", b"+" + SIZE + b"\r\n" + BODY + b"\r\n0\r\n\r\n"),
    ("a size with 0x", b"0x" + SIZE + b"\r\n" + BODY + b"\r\n0\r\n\r\n"),
    ("a negative size", b"-1\r\n" + BODY + b"\r\n0\r\n\r\n"),
    ("a size that is no number", b"xyz\r\n" + BODY + b"\r\n0\r\n\r\n"),
    ("a size over 64 bits", b"1" + b"0" * 16 + SIZE + b"\r\n" + BODY + b"\r\n0\r\n\r\n", 400, 413),
    ("a size of 16 digits", b"f" * 16 + b"\r\n" + BODY + b"\r\n0\r\n\r\n", 400, 413),
    ("a size of a thousand zeros", b"0" * 1000 + SIZE + b"\r\n" + BODY + b"\r\n0\r\n\r\n", 400),
    ("a chunk that is longer than it says", SIZE + b"\r\n" + BODY + b"x\r\n0\r\n\r\n"),
    ("a NUL after the size", SIZE + b"\0\r\n" + BODY + b"\r\n0\r\n\r\n"),
]

AFTER = [
    ("a trailer", SIZE + b"\r\n" + BODY + b"\r\n0\r\nX: y\r\n\r\n"),
    ("a trailer that is a length", SIZE + b"\r\n" + BODY + b"\r\n0\r\nContent-Length: 5\r\n\r\n"),
    ("a trailer that is a coding",
     SIZE + b"\r\n" + BODY + b"\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ("a trailer that is a Host", SIZE + b"\r\n" + BODY + b"\r\n0\r\nHost: evil\r\n\r\n"),
    ("a folded trailer", SIZE + b"\r\n" + BODY + b"\r\n0\r\nX: y\r\n z\r\n\r\n"),
    ("a trailer that is no header", SIZE + b"\r\n" + BODY + b"\r\n0\r\nnonsense\r\n\r\n"),
    ("a trailer that is a request", SIZE + b"\r\n" + BODY + b"\r\n0\r\n" + HIDDEN),
    ("a blank before the end", SIZE + b"\r\n" + BODY + b"\r\n0\r\n \r\n\r\n"),
]


@table(statuses(CHUNKS))
def test_chunk(body, wanted):
    assert_refused_and_closed(world(), chunked(body), *wanted)


@family("trailers")
@table(AFTER)
def test_trailer(body):
    assert_refused_and_closed(world(), chunked(body), 400)


PLAIN = [
    ("chunked in one piece", chunked(SIZE + b"\r\n" + BODY + b"\r\n0\r\n\r\n")),
    ("chunked in many", chunked(b"".join(b"1\r\n" + BODY[i:i + 1] + b"\r\n"
                                         for i in range(len(BODY))) + b"0\r\n\r\n")),
    ("sizes in capitals and with zeros", chunked(b"00" + SIZE.upper() + b"\r\n" + BODY +
                                                 b"\r\n0\r\n\r\n")),
    ("Chunked with a capital", create("Transfer-Encoding: Chunked",
                                      body=SIZE + b"\r\n" + BODY + b"\r\n0\r\n\r\n")),
    ("a length", create("Content-Length: %d" % len(BODY))),
    ("a length between blanks", create("Content-Length:   %d  " % len(BODY))),
    ("names in any case", create("cONTENT-lENGTH: %d" % len(BODY))),
    ("a charset", head("POST", CREATE, "Content-Type: Application/JSON; charset=utf-8",
                       "Content-Length: %d" % len(BODY)) + BODY),
]


@table(PLAIN)
def test_plain_body_is_forwarded_by_its_length(data):
    w = world()
    with w.connect() as client:
        client.send(data)
        reply = client.response()
        assert reply.status == 201, reply
        asked = w.engine.asked()
        assert len(asked) == 1 and asked[0].header("Transfer-Encoding") == [], asked
        assert asked[0].header("Content-Length") == [str(len(asked[0].body))], asked[0].headers
        assert b'"Image":"docker.io/library/python:3.11-slim"' in asked[0].body.replace(b" ", b"") \
            or IMAGE.encode() in asked[0].body, asked[0].body
        # The connection is in step: what follows is read as what it is.
        ident = reply.body.partition(b'"Id":"')[2][:64].decode()
        assert client.ask("DELETE", "/v1.41/containers/" + ident).status == 204


@table([("GET", "GET", "/v1.41/containers/mine/logs?stdout=1"), ("POST", "POST", START),
        ("POST wait", "POST", "/v1.41/containers/mine/wait"),
        ("DELETE", "DELETE", "/v1.41/containers/mine"), ("HEAD", "HEAD", "/_ping"),
        ("GET /_ping", "GET", "/_ping")])
def test_body_where_none_is_meant(method, target):
    """An Engine below 1.24 would take the body of start for a HostConfig; forms override queries."""
    w = world()
    for headers, body in ((["Content-Length: 3"], b"a=b"),
                          (["Content-Type: application/x-www-form-urlencoded",
                            "Content-Length: 8"], b"signal=9"),
                          ([JSON, "Content-Length: 9"], b'{"Init":0}'[:9]),
                          ([JSON, "Content-Length: 10"], b'{"Init":0}'),
                          (["Transfer-Encoding: chunked"], b"1\r\n{\r\n0\r\n\r\n"),
                          (["Transfer-Encoding: chunked"], b"0\r\n\r\n")):
        with w.connect() as client:
            client.send(head(method, target, *headers) + body)
            reply = client.response(method == "HEAD")
            assert reply.status == 400, reply
            assert not reply.closes or client.closed(), "in step, or closed"
        assert_untouched(w)


@family("header grammar")
@table([("none", None, 400, 415), ("a form", "application/x-www-form-urlencoded", 400, 415),
        ("text", "text/plain", 400, 415), ("nearly JSON", "application/jsonx", 400, 415),
        ("JSON in a list", "text/plain, application/json", 400, 415),
        ("patch", "application/json-patch+json", 400, 415), ("empty", "", 400, 415)])
def test_create_of_another_type(kind, *statuses):
    w = world()
    headers = ["Content-Length: %d" % len(BODY)]
    if kind is not None:
        headers.append("Content-Type: " + kind)
    with w.connect() as client:
        client.send(head("POST", CREATE, *headers) + BODY)
        assert_refused(client.response(), *statuses)
    assert_untouched(w)


@family("header grammar")
def test_create_of_two_types():
    w = world()
    data = head("POST", CREATE, JSON, "Content-Type: text/plain",
                "Content-Length: %d" % len(BODY)) + BODY
    assert_refused_and_closed(w, data, 400)


@family("upgrades and smuggled tails")
@table([("start", "POST", START), ("wait", "POST", "/v1.41/containers/mine/wait"),
        ("logs", "GET", "/v1.41/containers/mine/logs?stdout=1"), ("ping", "GET", "/_ping")])
def test_upgrade_is_no_tunnel(method, target):
    """http-parser stops reading at an Upgrade, where an Engine reads the next request."""
    w = world()
    for headers in (["Connection: Upgrade", "Upgrade: tcp"], ["Upgrade: tcp"],
                    ["Connection: Upgrade", "Upgrade: h2c", "HTTP2-Settings: AAAA"],
                    ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c"],
                    ["Upgrade: websocket", "Connection: keep-alive, Upgrade"]):
        data = head(method, target, *headers)
        with w.connect() as client:
            client.send(data + HIDDEN)
            reply = client.response(method == "HEAD")
            assert reply.status == 400, "%r: %r" % (headers, reply)
        assert_untouched(w)


@family("upgrades and smuggled tails")
@table([("session", "POST", "/session"), ("grpc", "POST", "/grpc"),
        ("attach", "POST", "/containers/mine/attach?stream=1"),
        ("websocket", "GET", "/containers/mine/attach/ws?stream=1")])
def test_upgrade_of_what_hijacks(method, target):
    w = world()
    with w.connect() as client:
        client.send(head(method, target, "Connection: Upgrade", "Upgrade: h2c") + HIDDEN)
        assert client.response().status in (400, 403)
    assert_untouched(w)


def test_proxy_is_well_after_all_that():
    assert_served(world())
