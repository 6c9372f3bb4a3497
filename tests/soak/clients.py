# SPDX-License-Identifier: Apache-2.0
"""What a worker of the soak does, over and over, in an order that its seed decides.

Each kind of visit counts what it was answered.  What is no HTTP, comes too late or has a status
that nobody expects is a complaint; a lost connection and 502 or 503 are what an Engine's restart
gives.
"""
import collections
import json
import os
import random
import signal
import socket
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from client import Client, head, request  # noqa: E402
from http1 import Bad, Eof  # noqa: E402

CREATE = "/v1.41/containers/create"
GOOD = {"Image": "busybox:1", "Cmd": ["true"], "Env": ["A=b"], "HostConfig": {"Memory": 1 << 24}}
PRIVILEGED = {"Image": "busybox:1", "HostConfig": {"Privileged": True, "Binds": ["/:/h"]}}
UPGRADE = ("Connection: Upgrade", "Upgrade: tcp")
RESTARTING = (502, 503)
STRANGER = "f" * 64

HOSTILE = [
    b"GET /_ping HTTP/1.1\nHost: d\n\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\nF00D /x HTTP/1.1\r\n",
    b"GET /containers/../_ping HTTP/1.1\r\nHost: d\r\n\r\n",
    b"GET http://x/_ping HTTP/1.1\r\nHost: d\r\n\r\n",
    b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\nHost: d\r\n\r\n",
    b"GET /_ping HTTP/1.1\r\nHost: d\r\n" + b"A: b\r\n" * 2000 + b"\r\n",
    head("POST", CREATE, "Content-Type: application/json", "Transfer-Encoding: chunked") + b"5;x\n{}",
    request("POST", CREATE, b'{"Image":"busybox:1","image":"x"}'),
    request("POST", CREATE, b"[" * 3000),
    head("POST", CREATE, "Content-Type: application/json", "Content-Length: 99999999999"),
]


class Worker:
    def __init__(self, path, seed):
        self.path, self.dice = path, random.Random(seed)
        self.counts, self.complaints = collections.Counter(), []

    def ask(self, client, word, method, target, body, *statuses):
        client.send(request(method, target, body))
        self.counts["requests"] += 1
        return self.told(client.response(), word, *statuses)

    def told(self, reply, word, *statuses):
        self.counts["%s %d" % (word, reply.status)] += 1
        if reply.status not in statuses + RESTARTING:
            self.complaints.append("%s: %r" % (word, reply))
        return reply

    def cycle(self, client):
        reply = self.ask(client, "create", "POST", CREATE, GOOD, 201, 429)
        if reply.status != 201:
            return
        at = "/v1.41/containers/" + json.loads(reply.body)["Id"]
        # 404: its lifetime may be over, where the machine is slow.
        self.ask(client, "start", "POST", at + "/start", None, 204, 404)
        self.ask(client, "wait", "POST", at + "/wait", None, 200, 404)
        self.ask(client, "logs", "GET", at + "/logs?stdout=1", None, 200, 404)
        if self.dice.random() < 0.3:
            self.hijack(at)
        if self.dice.random() < 0.9:  # the rest is the lease's
            self.ask(client, "delete", "DELETE", at + "?force=1", None, 204, 404)

    def refused(self, client):
        self.ask(client, "refused", "GET", "/v1.41/info", None, 403)
        self.ask(client, "refused", "POST", CREATE, PRIVILEGED, 403)
        self.ask(client, "foreign", "POST", "/containers/%s/start" % STRANGER, None, 404)
        self.ask(client, "ping", "GET", "/_ping", None, 200)

    def pipelined(self, client):
        ask = [head("GET", "/_ping"), request("POST", CREATE, PRIVILEGED)] * 10
        client.send(b"".join(ask))
        self.counts["requests"] += len(ask)
        for i in range(len(ask)):
            self.told(client.response(), "pipelined", (200, 403)[i % 2])

    def hijack(self, at):
        """Attached, and left in one way or the other."""
        with Client(self.path) as client:
            client.send(head("POST", at + "/attach?stream=1&stdin=1&stdout=1", *UPGRADE))
            self.counts["requests"] += 1
            if client.reader.head()[0] != 101:
                return
            client.send(b"hello" * 100)
            if self.dice.random() < 0.5:
                client.reader.take(500)
                client.half_close()

    def aborted(self, _):
        """Leaves at some byte of a request, or before its answer."""
        data = self.dice.choice([request("POST", CREATE, GOOD), head("GET", "/_ping"),
                                 head("GET", "/v1.41/containers/json?all=1")])
        with Client(self.path) as client:
            client.send(data[:self.dice.randrange(1, len(data) + 1)])
            self.counts["requests"] += 1
            self.counts["aborted"] += 1
            if self.dice.random() < 0.3:
                client.half_close()
                client.sock.recv(1)

    def hostile(self, _):
        with Client(self.path) as client:
            client.send(self.dice.choice(HOSTILE))
            self.counts["requests"] += 1
            client.half_close()
            self.told(client.response(), "hostile", 400, 403, 408, 413, 414, 431, 505)

    def visit(self):
        kinds = (self.cycle, self.refused, self.pipelined, self.aborted, self.hostile)
        with Client(self.path) as client:
            for _ in range(self.dice.randrange(1, 6)):
                self.dice.choices(kinds, (6, 2, 1, 2, 1))[0](client)

    def run(self):
        try:
            self.visit()
        except (Eof, ConnectionError):
            self.counts["lost connections"] += 1
        except (FileNotFoundError, BlockingIOError):
            self.counts["not connected"] += 1
        except socket.timeout as late:
            self.complaints.append("no answer in time: %s" % late)
        except Bad as bad:
            self.complaints.append("no HTTP: %s" % bad)


def main(path, seed, requests):
    """Works until it is told to end, or has asked often enough; then says what it counted."""
    over = []
    signal.signal(signal.SIGTERM, lambda *_: over.append(1))
    worker = Worker(path, seed)
    while not over and worker.counts["requests"] < requests and len(worker.complaints) < 20:
        worker.run()
    print(json.dumps({"counts": worker.counts, "complaints": worker.complaints}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
