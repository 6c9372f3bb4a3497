# SPDX-License-Identifier: Apache-2.0
"""The recording upstream itself: it reads as Go's net/http server does, and sees what is not plain.

tests/e2e/test_reader.py asks real Engines the same.
"""
import plain
from go_cases import CASES, LENIENT, understood
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
