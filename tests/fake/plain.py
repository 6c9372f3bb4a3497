# SPDX-License-Identifier: Apache-2.0
"""The only form in which the proxy speaks to an Engine, byte by byte.

What an Engine understands is for the recording reader to say; this says that there was nothing to
interpret: each field in its one place, each number in its one spelling, no byte beside them.
"""
import re

TARGET = rb"/(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-F]{2})*"
HEAD = re.compile(
    rb"(?:GET|HEAD|POST|PUT|DELETE) (" + TARGET + rb") HTTP/1\.1\r\n"
    rb"Host: docker\r\nUser-Agent: caisson\r\n"
    rb"(?:Content-Type: application/(?:json|x-tar)\r\n)?"
    rb"(?:Connection: Upgrade\r\nUpgrade: (?:tcp|h2c|websocket)\r\n)?"
    rb"(?:Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: [A-Za-z0-9+/]{22}==\r\n)?"
    rb"(?:X-Docker-Expose-Session-[A-Za-z-]+: [!-~](?:[ -~]*[!-~])?\r\n)*"
    rb"(?:X-Registry-Auth: [A-Za-z0-9_=-]+\r\n)?"
    rb"(?:Transfer-Encoding: (chunked)\r\n|Content-Length: (0|[1-9][0-9]{0,14})\r\n)?\r\n")
CHUNK = re.compile(rb"(?:[1-9a-f][0-9a-f]{0,14}|0)\r\n")


def chunked(data):
    """How many bytes of data are a chunked body: (count, whether that is its end)."""
    used = 0
    while True:
        size = CHUNK.match(data, used)
        if not size:
            if b"\r\n" in data[used:used + 18]:
                raise ValueError("no plain chunk: %r" % data[used:used + 40])
            return used, False
        count = int(size[0], 16)
        ends = size.end() + count
        if data[ends:ends + 2] not in (b"\r\n", b"\r", b""):
            raise ValueError("a chunk of another length: %r" % data[used:used + 40])
        if len(data) < ends + 2:
            return used, False
        used = ends + 2
        if count == 0:
            return used, True


def strange(data, whole=True):
    """"" when these bytes are one plain request (or the beginning of one), else what they are."""
    head = HEAD.match(data)
    if not head:
        return "" if not whole and b"\r\n\r\n" not in data else "no plain head: %r" % data[:600]
    path = head[1].partition(b"?")[0]
    if re.search(rb"//|/\.{1,2}(?:/|$)", path):
        return "no plain path: %r" % path
    body = data[head.end():]
    if head[2]:
        try:
            used, ended = chunked(body)
        except ValueError as error:
            return str(error)
        return "" if ended and used == len(body) or not ended and not whole else \
            "a chunked body of another length"
    count = int(head[3] or 0)
    return "" if len(body) == count or not whole and len(body) < count else \
        "%d bytes of body, not %d" % (len(body), count)
