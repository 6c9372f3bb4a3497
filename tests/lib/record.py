#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes down what a program asks of an Engine: record.py SOCKET ENGINE_SOCKET [COMMAND...]

Listens at SOCKET, relays every connection to ENGINE_SOCKET untouched, and at its end (that of the
command, or ^C) prints each request as a step of a replay (replay.py), in the order in which they
began.  The command finds SOCKET in its DOCKER_HOST.
"""
import os
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from http1 import Bad, Eof, GoReader, ResponseReader  # noqa: E402

# Every client has these; they say nothing about the program.
DULL = ("host", "content-length", "content-type", "connection", "upgrade", "transfer-encoding",
        "accept-encoding", "accept", "user-agent")


class Side:
    """The bytes of one direction, and when each piece of them came."""

    def __init__(self):
        self.data, self.times = b"", []

    def add(self, data):
        self.times.append((len(self.data), time.monotonic()))
        self.data += data

    def when(self, offset):
        return max((t for o, t in self.times if o <= offset), default=0)

    def reader(self, kind):
        pieces = [self.data]
        return kind(lambda: pieces.pop() if pieces else b"")


class Connection:
    def __init__(self, client, upstream):
        self.asked, self.answered = Side(), Side()
        server = socket.socket(socket.AF_UNIX)
        server.connect(upstream)
        for source, sink, side in ((client, server, self.asked), (server, client, self.answered)):
            threading.Thread(target=self.pump, args=(source, sink, side), daemon=True).start()

    @staticmethod
    def pump(source, sink, side):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                side.add(data)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def steps(self):
        """(time, request, status) of each request, up to a hijack."""
        requests, replies = self.asked.reader(GoReader), self.answered.reader(ResponseReader)
        offset = 0
        try:
            while offset < len(self.asked.data):
                request = requests.request()
                began = self.asked.when(offset)
                offset += len(request.raw)
                status = None
                try:
                    while status is None or 100 <= status < 101:
                        status, headers = replies.head()
                    if status == 101 or not headers:
                        offset = len(self.asked.data)
                    else:
                        replies.body(status, headers, request.method == "HEAD")
                except (Bad, Eof):
                    pass
                yield began, request, status
        except (Bad, Eof) as error:
            if offset < len(self.asked.data):
                print("# unread: %s %r" % (error, self.asked.data[offset:offset + 200]))


def show(request, status):
    lines = ["-- %s %s" % (request.method, request.target)]
    lines += ["^ %s: %s" % (n, v) for n, v in request.headers if n.lower() not in DULL]
    if request.body:
        lines.append("| " + request.body.decode("utf-8", "replace").strip())
    return "\n".join(lines + ["=> %s" % status])


def serve(path, upstream, connections):
    listener = socket.socket(socket.AF_UNIX)
    if os.path.exists(path):
        os.unlink(path)
    listener.bind(path)
    listener.listen(64)

    def accept():
        while True:
            connections.append(Connection(listener.accept()[0], upstream))
    threading.Thread(target=accept, daemon=True).start()


def main(path, upstream, *command):
    connections, status = [], 0
    serve(path, upstream, connections)
    try:
        if command:
            environment = dict(os.environ, DOCKER_HOST="unix://" + os.path.abspath(path))
            status = subprocess.run(command, env=environment, check=False).returncode
            time.sleep(0.2)
        else:
            threading.Event().wait()
    except KeyboardInterrupt:
        pass
    steps = [s for c in connections for s in c.steps()]
    agents = {v for _, r, _ in steps for v in r.header("User-Agent")}
    print("".join("agent: %s\n" % a for a in sorted(agents)))
    for _, request, reply in sorted(steps, key=lambda s: s[0]):
        print(show(request, reply))
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) > 2 else __doc__)
