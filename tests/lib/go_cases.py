# SPDX-License-Identifier: Apache-2.0
"""Byte strings and what Go's net/http server makes of them.

Each row: a title, the bytes, and the list of what is understood: "METHOD TARGET BODY" for a request,
a status for a head that the server refuses by itself, "broken" where the body never comes to an end.
The recording upstream's reader is held against this in tests/wire, a real Engine in tests/e2e.
"""
from http1 import Bad, Eof, GoReader

HOST = b"Host: d\r\n"
GET = b"GET /a HTTP/1.1\r\nHost: d\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: d\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
NEXT = b"GET /n HTTP/1.1\r\nHost: d\r\n\r\n"
A, N, P = "GET /a ", "GET /n ", "POST /a "


def chunked(body, *understood):
    return CHUNKED + body + NEXT, list(understood)


CASES = [
    # lines
    ("plain", GET + b"\r\n" + NEXT, [A, N]),
    ("bare LF everywhere", GET.replace(b"\r", b"") + b"\n" + NEXT, [A, N]),
    ("CR CR LF", GET.replace(b"\r\n", b"\r\r\n") + b"\r\n", [400]),
    ("an empty line in front", b"\r\n" + NEXT, [400]),
    ("empty lines after a POST", POST + b"\r\n\r\n\r\n" + NEXT, [P, N]),
    ("many empty lines after a POST", POST + b"\r\n" + b"\r\n" * 3 + NEXT, [P, 400]),
    ("empty lines after a GET", GET + b"\r\n\r\n" + NEXT, [A, 400]),
    ("two blanks", GET.replace(b"GET ", b"GET  ") + b"\r\n", [400]),
    ("a blank at the end of the line", GET.replace(b"1.1", b"1.1 ") + b"\r\n", [400]),
    ("no version", b"GET /a\r\n\r\n", [400]),
    ("an odd method", GET.replace(b"GET", b"G!T") + b"\r\n" + NEXT, ["G!T /a ", N]),
    ("no method", GET.replace(b"GET", b"G(T") + b"\r\n", [400]),
    # versions
    ("HTTP/1.2", GET.replace(b"1.1", b"1.2") + b"\r\n" + NEXT, [A, N]),
    ("HTTP/1.0", GET.replace(b"1.1", b"1.0") + b"\r\n" + NEXT, [A]),
    ("HTTP/1.0 that goes on", GET.replace(b"1.1", b"1.0") + b"Connection: keep-alive\r\n\r\n" + NEXT,
     [A, N]),
    ("HTTP/2.0", GET.replace(b"1.1", b"2.0") + b"\r\n", [505]),
    ("HTTP/0.9", GET.replace(b"1.1", b"0.9") + b"\r\n", [505]),
    ("HTTP/1.10", GET.replace(b"1.1", b"1.10") + b"\r\n", [400]),
    ("http/1.1", GET.replace(b"HTTP", b"http") + b"\r\n", [400]),
    # targets
    ("no slash in front", GET.replace(b"/a", b"a") + b"\r\n", [400]),
    ("absolute", GET.replace(b"/a", b"http://h/a") + b"\r\n", ["GET http://h/a "]),
    ("an asterisk", GET.replace(b"/a", b"*") + b"\r\n", ["GET * "]),
    ("a bad escape", GET.replace(b"/a", b"/%zz") + b"\r\n", [400]),
    ("a short escape", GET.replace(b"/a", b"/%4") + b"\r\n", [400]),
    ("a bad escape in the query", GET.replace(b"/a", b"/a?%zz") + b"\r\n", ["GET /a?%zz "]),
    ("a hash", GET.replace(b"/a", b"/a#b") + b"\r\n", ["GET /a#b "]),
    ("DEL", GET.replace(b"/a", b"/a\x7f") + b"\r\n", [400]),
    ("above ASCII", GET.replace(b"/a", b"/\xc3\xa9") + b"\r\n", ["GET /\xc3\xa9 "]),
    # headers
    ("a fold", GET + b"X: a\r\n b\r\n\r\n" + NEXT, [A, N]),
    ("a folded length", POST + b"Content-Length:\r\n 2\r\n\r\nhi" + NEXT, [P + "hi", N]),
    ("a fold that is blank", GET + b"X: a\r\n \r\n\r\n" + NEXT, [A, N]),
    ("a fold in front", b"GET /a HTTP/1.1\r\n Host: d\r\n\r\n", [400]),
    ("no colon", GET + b"nonsense\r\n\r\n", [400]),
    ("a blank before the colon", GET + b"X : a\r\n\r\n", [400]),
    ("a byte that no name has", GET + b"X(: a\r\n\r\n", [400]),
    ("a name above ASCII", GET + b"X\xe9: a\r\n\r\n", [400]),
    ("a value above ASCII", GET + b"X: \xe9\r\n\r\n" + NEXT, [A, N]),
    ("CR in a value", GET + b"X: a\rb\r\n\r\n", [400]),
    ("NUL in a value", GET + b"X: a\0b\r\n\r\n", [400]),
    # Host
    ("no Host", b"GET /a HTTP/1.1\r\n\r\n", [400]),
    ("no Host before 1.1", b"GET /a HTTP/1.0\r\n\r\n", [A]),
    ("two Hosts", GET + HOST + b"\r\n", [400]),
    ("a Host with a slash", GET.replace(b": d", b": d/e") + b"\r\n", [400]),
    ("an empty Host", GET.replace(b": d", b":") + b"\r\n" + NEXT, [A, N]),
    # lengths
    ("a length", POST + b"Content-Length: 2\r\n\r\nhi" + NEXT, [P + "hi", N]),
    ("zeros in front", POST + b"Content-Length: 002\r\n\r\nhi" + NEXT, [P + "hi", N]),
    ("two that are equal", POST + b"Content-Length: 2\r\n" * 2 + b"\r\nhi" + NEXT, [P + "hi", N]),
    ("two that differ", POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi", [400]),
    ("a list", POST + b"Content-Length: 2, 2\r\n\r\nhi", [400]),
    ("a plus", POST + b"Content-Length: +2\r\n\r\nhi", [400]),
    ("a minus", POST + b"Content-Length: -2\r\n\r\nhi", [400]),
    ("hexadecimal", POST + b"Content-Length: 0x2\r\n\r\nhi", [400]),
    ("over 63 bits", POST + b"Content-Length: 9223372036854775808\r\n\r\n", [400]),
    ("a GET with a body", GET + b"Content-Length: 2\r\n\r\nhi" + NEXT, [A + "hi", N]),
    ("a HEAD with a body", b"HEAD /a HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\nhi" + NEXT,
     ["HEAD /a hi", N]),
    ("a HEAD with chunks", CHUNKED.replace(b"POST", b"HEAD") + b"2\r\nhi\r\n0\r\n\r\n" + NEXT,
     ["HEAD /a hi", N]),
    ("a body that is not whole", POST + b"Content-Length: 200\r\n\r\nhi", ["broken"]),
    # codings
    ("chunked", *chunked(b"2\r\nhi\r\n0\r\n\r\n", P + "hi", N)),
    ("Chunked", CHUNKED.replace(b"chunk", b"CHUNK") + b"0\r\n\r\n" + NEXT, [P, N]),
    ("with a length", CHUNKED.replace(b"Tr", b"Content-Length: 9\r\nTr") + b"0\r\n\r\n" + NEXT,
     [P, N]),
    ("chunked twice", CHUNKED.replace(b"Tr", b"Transfer-Encoding: chunked\r\nTr"), [501]),
    ("chunked, chunked", CHUNKED.replace(b"chunked", b"chunked, chunked"), [501]),
    ("gzip, chunked", CHUNKED.replace(b"chunked", b"gzip, chunked"), [501]),
    ("identity", CHUNKED.replace(b"chunked", b"identity"), [501]),
    ("no coding", CHUNKED.replace(b"chunked", b""), [501]),
    ("before 1.1 it is nothing", CHUNKED.replace(b"1.1", b"1.0").replace(
        b"Tr", b"Connection: keep-alive\r\nTr") + NEXT, [P, N]),
    # chunks
    ("an extension", *chunked(b"2;a=b\r\nhi\r\n0;c\r\n\r\n", P + "hi", N)),
    ("sizes with zeros", *chunked(b"0002\r\nhi\r\n000\r\n\r\n", P + "hi", N)),
    ("a blank after a size", *chunked(b"2 \r\nhi\r\n0\r\n\r\n", P + "hi", N)),
    ("a blank before a size", *chunked(b" 2\r\nhi\r\n0\r\n\r\n", "broken")),
    ("a size with a sign", *chunked(b"+2\r\nhi\r\n0\r\n\r\n", "broken")),
    ("a size with 0x", *chunked(b"0x2\r\nhi\r\n0\r\n\r\n", "broken")),
    ("a size of 17 digits", *chunked(b"0" * 16 + b"2\r\nhi\r\n0\r\n\r\n", "broken")),
    ("more than the size", *chunked(b"2\r\nhi!\r\n0\r\n\r\n", "broken")),
    ("LF after the data", *chunked(b"2\r\nhi\n0\r\n\r\n", "broken")),
    ("a trailer", *chunked(b"2\r\nhi\r\n0\r\nX: y\r\n\r\n", P + "hi", N)),
    ("a trailer that is no header", *chunked(b"0\r\nnonsense\r\n\r\n", "broken")),
    ("a bad trailer is announced", CHUNKED.replace(b"Tr", b"Trailer: Content-Length\r\nTr"), [400]),
    # what is expected
    ("100-continue", POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi", [P + "hi"]),
    ("something else", POST + b"Expect: cake\r\n\r\n", [417]),
    ("close", GET + b"Connection: x, Close\r\n\r\n" + NEXT, [A]),
]

# Where versions of Go differ: the older understands this, the newer finds it broken or refuses it.
LENIENT = [
    ("LF after a size", *chunked(b"2\nhi\r\n0\r\n\r\n", P + "hi", N)),
    ("LF after the last size", *chunked(b"2\r\nhi\r\n0\n\r\n", P + "hi", N)),
    ("LF after an extension", *chunked(b"2;x\nhi\r\n0\r\n\r\n", P + "hi", N)),
    ("no size", *chunked(b"\r\n\r\n", P, N)),
    ("an empty length", POST + b"Content-Length:\r\n\r\n" + NEXT, [P, N]),
    ("no name", GET + b": a\r\n\r\n" + NEXT, [A, N]),
]


def understood(data):
    """What the reader of the recording upstream makes of these bytes and an end."""
    pieces, found = [data], []
    reader = GoReader(lambda: pieces.pop() if pieces else b"")
    try:
        while True:
            heads = []
            request = reader.request(heads.append)
            found.append("%s %s %s" % (request.method, request.target, request.body.decode("latin-1")))
            if not request.keep_alive:
                break
    except Bad as bad:
        found.append("broken" if heads else bad.status)
    except Eof as eof:
        if not eof.clean:
            found.append("broken" if heads else 400)
    return found
