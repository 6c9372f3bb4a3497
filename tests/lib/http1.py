# SPDX-License-Identifier: Apache-2.0
"""HTTP/1 bytes as others read them.

GoReader reads a connection the way the Docker Engine's server (Go's net/http) does, leniencies
included: what it takes for a request is what the Engine would act upon.  read_response() reads a
reply strictly (RFC 9112), so that a reply of the proxy that is merely nearly right fails a test.
"""
import re


class Bad(Exception):
    """The bytes are not HTTP; the text says where, .status what Go's server answers to a head."""

    def __init__(self, text, status=400):
        super().__init__(text)
        self.status = status


class Eof(Exception):
    """The connection ended; .clean: between two messages."""

    def __init__(self, clean):
        super().__init__("end of the connection" + ("" if clean else " inside a message"))
        self.clean = clean


class Request:
    def __init__(self, method, target, proto, headers, body, raw):
        self.method, self.target, self.proto = method, target, proto
        self.headers, self.body, self.raw = headers, body, raw

    def header(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    @property
    def keep_alive(self):
        words = [w.strip(" \t").lower() for v in self.header("Connection") for w in v.split(",")]
        return "close" not in words and (self.proto >= (1, 1) or "keep-alive" in words)

    def __repr__(self):
        return "%s %s (%d bytes of body)" % (self.method, self.target, len(self.body))


TOKEN = re.compile(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
GO_HOST = re.compile(r"^[0-9A-Za-z!$%&()*+,.:;=\[\]'_~-]*$")
GO_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*):(.*)$")
HEAD_BYTES = (1 << 20) + 4096  # Go's DefaultMaxHeaderBytes, and what it reads ahead
CHUNK_LINE_BYTES = 4096


def go_target(method, target):
    """What url.ParseRequestURI() refuses."""
    if CONTROL.search(target) or not target:
        raise Bad("control bytes in the target, or none")
    if method == "CONNECT" and not target.startswith("/"):
        target = "http://" + target
    if target == "*":
        return
    scheme = GO_SCHEME.match(target)
    rest = scheme[2] if scheme else target
    if target.startswith(":") or not scheme and not rest.startswith("/"):
        raise Bad("invalid URI for a request")
    if scheme and not rest.startswith("/"):
        return  # an opaque one
    if scheme and rest.startswith("//"):
        host, slash, path = rest[2:].partition("/")
        if not re.match(r"^[^%<>\\^`{|} ]*?(:\d*)?$", host.rpartition("@")[2].partition("?")[0]):
            raise Bad("invalid host in the target")
        rest = slash + path
    if re.search(r"%(?![0-9A-Fa-f]{2})", rest.partition("?")[0]):
        raise Bad("invalid escape in the target")


class Reader:
    """What readers of both sides do with recv(), a function that returns bytes, b"" at the end."""

    def __init__(self, recv):
        self.recv, self.buffer, self.taken = recv, b"", bytearray()  # which grows in large bodies

    @property
    def used(self):
        """All of the message that is being read, as far as it was."""
        return bytes(self.taken)

    def _more(self):
        data = self.recv()
        if not data:
            raise Eof(not self.buffer and not self.taken)
        self.buffer += data

    def take(self, count):
        while len(self.buffer) < count:
            self._more()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        self.taken += data
        return data


class GoReader(Reader):
    """Pulls requests out of recv().

    Where versions of Go differ it is as lenient as the oldest whose Engine speaks API 1.40: chunk
    lines may end in a bare LF, a chunk size without a digit is 0.  tests/e2e/test_reader.py holds
    it against a real Engine.
    """

    def __init__(self, recv):
        super().__init__(recv)
        self.last_method = None

    def _peek(self, count):
        """So many bytes, or what there is before the end."""
        try:
            while len(self.buffer) < count:
                self._more()
        except Eof:
            pass
        return self.buffer[:count]

    def _line(self, most=HEAD_BYTES, status=431):
        while b"\n" not in self.buffer:
            if len(self.buffer) > most:
                raise Bad("a line is too long", status)
            self._more()
        line = self.take(self.buffer.index(b"\n") + 1)
        if len(self.taken) > most and status == 431:
            raise Bad("the head is too large", status)
        return line

    def _text_line(self):
        line = self._line()[:-1]
        return (line[:-1] if line.endswith(b"\r") else line).decode("latin-1")

    def _headers(self):
        if self._peek(1) in (b" ", b"\t"):
            raise Bad("a fold before the first header")
        lines = []
        while True:
            line = self._text_line()
            if not line:
                break
            if line[0] in " \t":  # an obsolete fold goes on with the line before
                lines[-1] += " " + line.strip(" \t")
                continue
            if ":" not in line:
                raise Bad("malformed header %r" % line)
            lines.append(line.strip(" \t"))
        headers = []
        for line in lines:
            name, _, value = line.partition(":")
            if not name:
                continue  # Go looks at it no further
            if not TOKEN.match(name) or CONTROL.search(value.replace("\t", "")):
                raise Bad("malformed header %r" % line)
            headers.append((name, value.strip(" \t")))
        return headers

    def _chunk_size(self):
        line = self._line(CHUNK_LINE_BYTES, 400)
        if len(line) >= CHUNK_LINE_BYTES:
            raise Bad("a chunk's line is too long")
        size = line.rstrip(b" \t\r\n").split(b";")[0]
        if not re.match(rb"^[0-9A-Fa-f]{0,16}$", size):
            raise Bad("malformed chunk size %r" % size)
        return int(size or b"0", 16)

    def _chunked(self):
        body = bytearray()
        while True:
            size = self._chunk_size()
            if size == 0:
                break
            body += self.take(size)
            if self.take(2) != b"\r\n":
                raise Bad("a chunk without its CRLF")
        if self._peek(2) == b"\r\n":
            self.take(2)
            return bytes(body)
        while b"\r\n\r\n" not in self.buffer:  # trailers: read, and then of no use to anybody
            if len(self.buffer) > CHUNK_LINE_BYTES:
                raise Bad("a suspiciously long trailer")
            self._more()
        self._headers()
        return bytes(body)

    @staticmethod
    def _is_chunked(headers, proto):
        codings = [v for n, v in headers if n.lower() == "transfer-encoding"]
        if not codings or proto < (1, 1):
            return False
        if len(codings) > 1 or codings[0].lower() != "chunked":
            raise Bad("unsupported transfer encoding %r" % codings, 501)
        keys = ",".join(v for n, v in headers if n.lower() == "trailer").lower().split(",")
        if {"transfer-encoding", "trailer", "content-length"} & {k.strip() for k in keys}:
            raise Bad("bad trailer key")
        return True

    @staticmethod
    def _length(headers):
        lengths = [v for n, v in headers if n.lower() == "content-length"]
        if len(set(lengths)) > 1:
            raise Bad("Content-Lengths that differ")
        if not lengths or not lengths[0]:
            return 0
        if not re.match(r"^[0-9]+$", lengths[0]) or int(lengths[0]) >= 1 << 63:
            raise Bad("bad Content-Length %r" % lengths)
        return int(lengths[0])

    @staticmethod
    def _judge(request):
        """What net/http's server looks at before a handler sees the request."""
        hosts, proto = request.header("Host"), request.proto
        if len(hosts) > 1:
            raise Bad("%d Host headers" % len(hosts))
        if proto[0] != 1 and not (proto, request.method, request.target) == ((2, 0), "PRI", "*"):
            raise Bad("unsupported version", 505)
        if proto >= (1, 1) and not hosts and request.method not in ("CONNECT", "PRI"):
            raise Bad("no Host header")
        if hosts and not GO_HOST.match(hosts[0]):
            raise Bad("malformed Host header")
        expect = (request.header("Expect") or [""])[0]
        if expect and "100-continue" not in re.split(r"[ ,\t]+", expect.lower()):
            raise Bad("an unknown expectation", 417)

    def _request_line(self):
        if self.last_method == "POST":  # old clients end its body with lines that do not count
            skipped = re.match(rb"^[\r\n]*", self._peek(4))[0]
            self.take(len(skipped))
        line = self._text_line()
        parts = line.split(" ", 2)
        if len(parts) < 3:
            raise Bad("malformed request line %r" % line)
        method, target, version = parts
        match = re.match(r"^HTTP/(\d)\.(\d)$", version)
        if not match or not TOKEN.match(method):
            raise Bad("malformed request line %r" % line)
        go_target(method, target)
        return method, target, (int(match[1]), int(match[2]))

    def request(self, at_head=None):
        """The next request; at_head is called with it while its body is yet to be read."""
        self.taken.clear()
        method, target, proto = self._request_line()
        headers = self._headers()
        head = Request(method, target, proto, headers, b"", self.used)
        chunked, length = self._is_chunked(headers, proto), 0
        if not chunked or len({v for n, v in headers if n.lower() == "content-length"}) > 1:
            length = self._length(headers)
        self._judge(head)
        self.last_method = method
        if at_head:
            at_head(head)
        body = self._chunked() if chunked else self.take(length)
        return Request(method, target, proto, headers, body, self.used)


class Response:
    def __init__(self, status, headers, body, raw):
        self.status, self.headers, self.body, self.raw = status, headers, body, raw

    def header(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def one(self, name):
        values = self.header(name)
        return values[0] if len(values) == 1 else None

    @property
    def closes(self):
        return "close" in ",".join(self.header("Connection")).lower()

    def __repr__(self):
        return "%d %r" % (self.status, self.body[:300])


class ResponseReader(Reader):
    """Reads replies strictly."""

    def line(self):
        while b"\r\n" not in self.buffer:
            self._more()
        line = self.take(self.buffer.index(b"\r\n") + 2)[:-2]
        if b"\n" in line or b"\r" in line:
            raise Bad("a bare CR or LF in %r" % line)
        return line.decode("latin-1")

    def head(self):
        """(status, headers) of the next head."""
        self.taken.clear()
        match = re.match(r"^HTTP/1\.[01] ([1-5][0-9]{2}) [\x20-\x7e]*$", self.line())
        if not match:
            raise Bad("malformed status line %r" % self.used)
        headers = []
        while True:
            line = self.line()
            if not line:
                break
            name, colon, value = line.partition(":")
            if not colon or not TOKEN.match(name):
                raise Bad("malformed header %r" % line)
            headers.append((name, value.strip(" \t")))
        names = [n.lower() for n, _ in headers]
        for name in ("content-length", "transfer-encoding", "content-type", "api-version"):
            if names.count(name) > 1:
                raise Bad("%s is there %d times" % (name, names.count(name)))
        if "content-length" in names and "transfer-encoding" in names:
            raise Bad("both Content-Length and Transfer-Encoding")
        return int(match[1]), headers

    def chunk(self):
        """The next chunk of a chunked body, b"" for the last."""
        size = self.line()
        if not re.match(r"^[0-9A-Fa-f]+$", size):
            raise Bad("malformed chunk size %r" % size)
        data = self.take(int(size, 16))
        if self.line():
            raise Bad("a chunk without its CRLF")
        return data

    def body(self, status, headers, to_head=False):
        fields = {n.lower(): v for n, v in headers}
        if to_head or status in (204, 304) or status < 200:
            return b""
        if "transfer-encoding" in fields:
            if fields["transfer-encoding"] != "chunked":
                raise Bad("unknown Transfer-Encoding")
            body = bytearray()
            while True:
                data = self.chunk()
                if not data:
                    return bytes(body)
                body += data
        if "content-length" in fields:
            return self.take(int(fields["content-length"]))
        return self.until_eof()

    def until_eof(self):
        while True:
            try:
                self._more()
            except Eof:
                data, self.buffer = self.buffer, b""
                self.taken += data
                return data

    def response(self, to_head=False):
        status, headers = self.head()
        body = self.body(status, headers, to_head)
        return Response(status, headers, body, self.used)
