# SPDX-License-Identifier: Apache-2.0
"""HTTP/1 bytes as others read them.

GoReader reads a connection the way the Docker Engine's server (Go's net/http) does, leniencies
included: what it takes for a request is what the Engine would act upon.  read_response() reads a
reply strictly (RFC 9112), so that a reply of the proxy that is merely nearly right fails a test.
"""
import re


class Bad(Exception):
    """The bytes are not HTTP; the text says where."""


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
        tokens = ",".join(self.header("Connection")).lower()
        return "close" not in tokens if self.proto == (1, 1) else "keep-alive" in tokens

    def __repr__(self):
        return "%s %s (%d bytes of body)" % (self.method, self.target, len(self.body))


TOKEN = re.compile(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")


class GoReader:
    """Pulls requests out of recv(), a function that returns bytes, b"" at the end."""

    def __init__(self, recv):
        self.recv, self.buffer, self.used = recv, b"", b""

    def _more(self):
        data = self.recv()
        if not data:
            raise Eof(not self.buffer and not self.used)
        self.buffer += data

    def _take(self, count):
        while len(self.buffer) < count:
            self._more()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        self.used += data
        return data

    def _line(self):
        while b"\n" not in self.buffer:
            self._more()
        line = self._take(self.buffer.index(b"\n") + 1)[:-1]
        return line[:-1] if line.endswith(b"\r") else line

    def _headers(self):
        headers = []
        while True:
            line = self._line().decode("latin-1")
            if not line:
                return headers
            if line[0] in " \t":  # an obsolete fold goes on with the line before
                if not headers:
                    raise Bad("a fold before the first header")
                headers[-1] = (headers[-1][0], headers[-1][1] + " " + line.strip())
                continue
            name, colon, value = line.partition(":")
            if not colon or not TOKEN.match(name):
                raise Bad("malformed header %r" % line)
            headers.append((name, value.strip(" \t")))

    def _chunked(self):
        body = b""
        while True:
            size = self._line().split(b";")[0].strip()
            if not re.match(rb"^[0-9A-Fa-f]{1,16}$", size):
                raise Bad("malformed chunk size %r" % size)
            if int(size, 16) == 0:
                self._headers()  # trailers, ignored
                return body
            body += self._take(int(size, 16))
            if self._take(2) != b"\r\n":
                raise Bad("a chunk without its CRLF")

    def _body(self, headers, proto):
        codings = [v for n, v in headers if n.lower() == "transfer-encoding"]
        if codings and proto == (1, 1):
            if len(codings) > 1 or codings[0].lower() != "chunked":
                raise Bad("unsupported transfer encoding %r" % codings)
            return self._chunked()
        lengths = [v for n, v in headers if n.lower() == "content-length"]
        if not lengths:
            return b""
        if len(set(lengths)) > 1 or not re.match(r"^[0-9]+$", lengths[0]):
            raise Bad("bad Content-Length %r" % lengths)
        return self._take(int(lengths[0]))

    def request(self, at_head=None):
        """The next request; at_head is called with it while its body is yet to be read."""
        self.used = b""
        line = self._line().decode("latin-1")
        method, _, rest = line.partition(" ")
        target, _, version = rest.partition(" ")
        match = re.match(r"^HTTP/(\d)\.(\d)$", version)
        if not match or not TOKEN.match(method) or not target:
            raise Bad("malformed request line %r" % line)
        proto = (int(match[1]), int(match[2]))
        headers = self._headers()
        hosts = [v for n, v in headers if n.lower() == "host"]
        if proto >= (1, 1) and len(hosts) != 1:
            raise Bad("%d Host headers" % len(hosts))
        if at_head:
            at_head(Request(method, target, proto, headers, b"", self.used))
        body = self._body(headers, proto)
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


class ResponseReader:
    """Reads replies strictly; recv() as above."""

    def __init__(self, recv):
        self.recv, self.buffer, self.used = recv, b"", b""

    def _more(self):
        data = self.recv()
        if not data:
            raise Eof(not self.buffer and not self.used)
        self.buffer += data

    def take(self, count):
        while len(self.buffer) < count:
            self._more()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        self.used += data
        return data

    def line(self):
        while b"\r\n" not in self.buffer:
            self._more()
        line = self.take(self.buffer.index(b"\r\n") + 2)[:-2]
        if b"\n" in line or b"\r" in line:
            raise Bad("a bare CR or LF in %r" % line)
        return line.decode("latin-1")

    def head(self):
        """(status, headers) of the next head."""
        self.used = b""
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
            body = b""
            while True:
                data = self.chunk()
                if not data:
                    return body
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
                self.used += data
                return data

    def response(self, to_head=False):
        status, headers = self.head()
        body = self.body(status, headers, to_head)
        return Response(status, headers, body, self.used)
