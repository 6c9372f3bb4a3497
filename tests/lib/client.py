# SPDX-License-Identifier: Apache-2.0
"""A client that writes exactly the bytes that it is told to, over a Unix socket."""
import array
import fcntl
import json
import os
import socket
import termios
import time

from http1 import Eof, ResponseReader

# How long a test waits for what ought to come at once.  A slow machine asks for more; so do tests on
# a real Engine, which may wait for its disk for long.
PATIENCE_S = 30 * float(os.environ.get("CAISSON_PATIENCE", "1"))


def unread_bytes(sock):
    """What the peer has not yet read of our bytes."""
    value = array.array("i", [0])
    fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, value)
    return value[0]


def send_singly(sock, data):
    """Sends each byte only when the peer has read the one before."""
    for i in range(len(data)):
        sock.sendall(data[i:i + 1])
        end = time.monotonic() + PATIENCE_S
        while unread_bytes(sock) and time.monotonic() < end:
            time.sleep(0)


def head(method, target, *headers, host="docker", version="HTTP/1.1"):
    lines = ["%s %s %s" % (method, target, version)]
    if host is not None:
        lines.append("Host: " + host)
    return ("\r\n".join(lines + list(headers)) + "\r\n\r\n").encode("latin-1")


def request(method, target, body=None, *headers):
    """Bytes of an ordinary request; body: bytes, text or something for JSON."""
    if body is None:
        return head(method, target, *headers)
    if not isinstance(body, (bytes, str)):
        body = json.dumps(body)
    if isinstance(body, str):
        body = body.encode()
    return head(method, target, "Content-Type: application/json",
                "Content-Length: %d" % len(body), *headers) + body


class Client:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(PATIENCE_S)
        self.sock.connect(path)
        self.reader, self.sent = ResponseReader(self._recv), b""

    def _recv(self):
        try:
            return self.sock.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            return b""
        except TimeoutError as error:
            raise TimeoutError("nothing came for %d s after %r" % (self.sock.gettimeout(), self.sent)) \
                from error

    def send(self, data, singly=False):
        """Sends all; an early end of the peer's reading shows in what it answers."""
        self.sent = bytes(data[:200])
        try:
            if singly:
                send_singly(self.sock, data)
            else:
                self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def response(self, to_head=False):
        """The next final reply; interim ones are kept in .interim."""
        self.interim = []
        while True:
            reply = self.reader.response(to_head)
            if reply.status >= 200 or reply.status == 101:
                return reply
            self.interim.append(reply)

    def ask(self, method, target, body=None, *headers):
        self.send(request(method, target, body, *headers))
        return self.response(method == "HEAD")

    def closed(self):
        """True when the peer ends the connection without a further byte."""
        try:
            self.reader._more()
        except Eof as eof:
            return eof.clean or not self.reader.buffer
        return False

    def quiet(self):
        """True when nothing has come that was not read."""
        self.sock.setblocking(False)
        try:
            return not self.reader.buffer and self.sock.recv(1, socket.MSG_PEEK) is None
        except BlockingIOError:
            return not self.reader.buffer
        finally:
            self.sock.settimeout(PATIENCE_S)

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def ask(path, method, target, body=None, *headers):
    """One request on a connection of its own."""
    with Client(path) as client:
        return client.ask(method, target, body, *headers)
