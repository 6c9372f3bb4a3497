# SPDX-License-Identifier: Apache-2.0
"""An Engine for hours: fast, keeps its containers over a restart, and nothing else.

    engine.py SOCKET     commands on stdin: `restart`, `alive`; each is answered with a line
"""
import asyncio
import json
import os
import re
import socket
import sys

HEAD = b"HTTP/1.1 %s\r\nApi-Version: 1.41\r\nOstype: linux\r\nServer: Docker/20.10.24 (linux)\r\n"
DOWN_S = 0.4
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.I)
TARGET = re.compile(r"^(?:/v1\.\d+)?(?:/containers)?/([0-9a-z_]+)(?:/([a-z]+))?(?:\?|$)")


def plain(status, body=b"", kind=b"application/json"):
    return (HEAD % status + b"Content-Type: %s\r\nContent-Length: %d\r\n\r\n%s"
            % (kind, len(body), body))


EMPTY = HEAD % b"204 No Content" + b"\r\n"
MISSING = plain(b"404 Not Found", b'{"message":"No such container"}')
WAITED = (HEAD % b"200 OK" + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
          b"13\r\n{\"StatusCode\":0}\r\n \r\n0\r\n\r\n")
LOGGED = (HEAD % b"200 OK" + b"Transfer-Encoding: chunked\r\n\r\n" +
          b"d\r\n\1\0\0\0\0\0\0\5hello\r\n" * 8)
HIJACKED = (HEAD % b"101 UPGRADED" +
            b"Content-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\n"
            b"Upgrade: tcp\r\n\r\n")


class Engine:
    def __init__(self, path):
        self.path, self.containers, self.serial = path, {}, 0
        self.connections, self.listener, self.accepted = set(), None, set()

    def start(self):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.setblocking(False)
        self.listener.bind(self.path)
        self.listener.listen(512)
        asyncio.get_running_loop().add_reader(self.listener, self.accept)

    def accept(self):
        """A Server of asyncio that is closed leaves open, and unread, what it has just accepted: a
        silence that no end of a process gives."""
        loop = asyncio.get_running_loop()
        sock, _ = self.listener.accept()
        task = loop.create_task(loop.connect_accepted_socket(lambda: Connection(self), sock))
        self.accepted.add(task)
        task.add_done_callback(self.accepted.discard)

    async def restart(self):
        asyncio.get_running_loop().remove_reader(self.listener)
        self.listener.close()
        os.unlink(self.path)
        await asyncio.gather(*self.accepted)  # so that all are there to be ended
        for connection in list(self.connections):
            connection.transport.abort()
        await asyncio.sleep(DOWN_S)
        self.start()

    def create(self, target, body):
        self.serial += 1
        ident = "%016x%048x" % (self.serial * 0x9e3779b97f4a7c15 & (1 << 64) - 1, self.serial)
        name = re.search(r"[?&]name=([^&]*)", target)
        self.containers[ident] = (name[1] if name else ident[:12], json.loads(body)["Labels"])
        return plain(b"201 Created", b'{"Id":"%s","Warnings":[]}' % ident.encode())

    def list(self):
        return plain(b"200 OK", json.dumps(
            [{"Id": ident, "Names": ["/" + name], "Created": 1, "Labels": labels}
             for ident, (name, labels) in self.containers.items()]).encode())


class Connection(asyncio.Protocol):
    def __init__(self, engine):
        self.engine, self.data, self.raw, self.transport = engine, b"", False, None

    def connection_made(self, transport):
        self.transport = transport
        self.engine.connections.add(self)

    def connection_lost(self, exc):
        self.engine.connections.discard(self)

    def data_received(self, data):
        if self.raw:
            self.transport.write(data)
            return
        self.data += data
        while not self.raw:
            head, mark, rest = self.data.partition(b"\r\n\r\n")
            if not mark:
                return
            length = LENGTH.search(head + b"\r\n")
            count = int(length[1]) if length else 0
            if len(rest) < count:
                return
            self.data = rest[count:]
            self.answer(head.split(b"\r\n", 1)[0].decode("latin-1"), rest[:count])

    def answer(self, line, body):
        method, target, _ = line.split(" ")
        match = TARGET.match(target)
        ref, verb = match.groups() if match else ("", "")
        containers = self.engine.containers
        if ref == "_ping":
            reply = plain(b"200 OK", b"OK", b"text/plain")
        elif ref == "json":
            reply = self.engine.list()
        elif ref == "create":
            reply = self.engine.create(target, body)
        elif ref not in containers:
            reply = MISSING
        elif method == "DELETE":
            del containers[ref]
            reply = EMPTY
        elif verb == "wait":
            reply = WAITED
        elif verb == "logs":
            reply = LOGGED + (b"" if "follow=1" in target else b"0\r\n\r\n")
        elif verb == "attach":
            self.raw, reply = True, HIJACKED
        else:
            reply = EMPTY
        self.transport.write(reply)


async def main():
    engine = Engine(sys.argv[1])
    engine.start()
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    print("ready", flush=True)
    while True:
        command = (await commands.readline()).decode().strip()
        if not command:
            return
        if command == "restart":
            await engine.restart()
            print("restarted", flush=True)
        elif command == "alive":
            print(" ".join(engine.containers), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
