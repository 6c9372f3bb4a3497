# SPDX-License-Identifier: Apache-2.0
"""A scripted Docker Engine on a Unix socket, that remembers every byte it is sent.

By default it behaves like an Engine 20.10 as far as the proxy needs one.  A test changes it by
engine.on(method, pattern, handler): the handler is given an Exchange and writes whatever it likes,
valid or not.  What was received is in engine.connections, byte by byte, and in engine.requests as
Go's net/http would read it.
"""
import hashlib
import json
import os
import re
import select
import socket
import struct
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from client import PATIENCE_S, send_singly  # noqa: E402
from http1 import Bad, Eof, GoReader  # noqa: E402

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import objects  # noqa: E402
import plain  # noqa: E402


class Container:
    def __init__(self, ident, name, body, created):
        self.id, self.name, self.body, self.created = ident, name, body, created
        self.labels = body.get("Labels") or {}
        self.log = []  # (stream, bytes)
        self.code = None
        self.running = False
        self.removed = False
        self.changed = threading.Condition()

    def say(self, stream, data):
        with self.changed:
            self.log.append((stream, data))
            self.changed.notify_all()

    def exit(self, code=0):
        with self.changed:
            self.running, self.code = False, code
            self.changed.notify_all()


class Connection:
    def __init__(self, sock):
        self.sock = sock
        self.raw = b""         # every byte that was read
        self.loose = 0         # how many bytes no whole request holds
        self.reading = False   # a request, of which those may be the beginning
        self.requests = []     # as Go reads them
        self.errors = []       # why it could not be read
        self.eof = threading.Event()  # the peer will write no more


class Exchange:
    """One request and the means to answer it. Writes are never checked: wrong bytes go out too."""

    def __init__(self, engine, connection, request):
        self.engine, self.connection, self.request = engine, connection, request
        self.keep_alive = request.keep_alive

    def send(self, data):
        if isinstance(data, str):
            data = data.encode("latin-1")
        if self.engine.singly:
            send_singly(self.connection.sock, data)
        else:
            self.connection.sock.sendall(data)

    def head(self, status, *headers, text="Status"):
        lines = ["HTTP/1.1 %d %s" % (status, text), "Api-Version: " + self.engine.api,
                 "Ostype: linux", "Server: Docker/20.10.24 (linux)"]
        self.send("\r\n".join(lines + list(headers)) + "\r\n\r\n")

    def reply(self, status, body=b"", *headers):
        self.head(status, "Content-Type: application/json",
                  "Content-Length: %d" % len(body), *headers)
        self.send(body)

    def json(self, status, value):
        self.reply(status, (json.dumps(value) + "\n").encode())

    def error(self, status, message):
        self.json(status, {"message": message})

    def empty(self, status):
        self.head(status)

    def chunk(self, data):
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def last_chunk(self):
        self.send(b"0\r\n\r\n")

    def close(self):
        """Ends the connection now, whatever was said before."""
        self.keep_alive = False
        try:
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def echo(self):
        """After a switch of protocols: sends every byte back, until the peer has ended."""
        self.keep_alive = False
        while True:
            data = self.connection.sock.recv(65536)
            if not data:
                return
            self.connection.sock.sendall(data)

    def gone(self):
        """True when the peer has ended its side. Bytes that wait to be read do not count."""
        poller = select.poll()
        poller.register(self.connection.sock, select.POLLRDHUP | select.POLLHUP)
        if poller.poll(0):
            self.connection.eof.set()
            return True
        return False


def frame(stream, data):
    return struct.pack(">BxxxL", stream, len(data)) + data


class Engine(objects.Objects):
    def __init__(self, path, api="1.41"):
        super().__init__()
        self.path, self.api = path, api
        self.lock = threading.RLock()
        self.connections, self.requests, self.containers = [], [], {}
        self.made = {}        # the containers that a create made, also when they have gone
        self.scripts, self.head_scripts = [], []
        self.singly = False   # every reply byte by byte
        self.strange = []     # what was received that the proxy never says, see plain.py
        self.serial = 0
        self.listener = None
        self.threads = []
        self.arrived = threading.Condition(self.lock)

    # --- life ---

    def start(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen(256)
        thread = threading.Thread(target=self._accept, args=(self.listener,), daemon=True)
        thread.start()
        return self

    def stop(self):
        """Ends the listener and every connection, as a killed dockerd does."""
        listener, self.listener = self.listener, None
        if listener:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.drop_connections()

    def drop_connections(self):
        with self.lock:
            connections = list(self.connections)
        for connection in connections:
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __enter__(self):
        return self.start() if not self.listener else self

    def __exit__(self, *_):
        self.stop()

    # --- what a test looks at ---

    def on(self, method, pattern, handler, times=None):
        """handler(exchange) answers requests whose path matches; the latest script wins."""
        with self.lock:
            self.scripts.insert(0, [method, re.compile(pattern), handler, times])

    def on_head(self, method, pattern, handler):
        """The same while the request's body is yet to be read; what comes of it is read after."""
        with self.lock:
            self.head_scripts.insert(0, [method, re.compile(pattern), handler])

    def reset_scripts(self):
        with self.lock:
            self.scripts, self.head_scripts, self.singly = [], [], False

    @staticmethod
    def is_own(request):
        """What the proxy asks for itself: a ping, and the label query of each kind."""
        return request.method == "GET" and (
            re.match(r"^(/v1\.\d+)?/_ping$", request.target) or
            re.match(r"^/v1\.\d+/containers/json\?all=1&filters=[^&]*caisson[^&]*$",
                     request.target) or
            objects.OWN_LIST.match(request.target)) and not request.body

    def asked(self):
        """Requests that a client caused, in order of arrival."""
        with self.lock:
            return [r for r in self.requests if not self.is_own(r)]

    def forget(self):
        """Forgets what was received so far."""
        with self.lock:
            self.requests = []
            for connection in self.connections:
                connection.raw, connection.requests, connection.errors = b"", [], []
                if not connection.reading:
                    connection.loose = 0

    def untouched(self, patience_s=PATIENCE_S):
        """"" when nothing but the proxy's own questions came since forget(), else what did."""
        def understood():
            asked, errors = self.asked(), [e for c in self.connections for e in c.errors]
            return "requests %r, errors %r" % (asked, errors) if asked or errors else ""

        def loose():
            return sum(c.loose for c in self.connections)
        with self.arrived:  # a question of its own may be under way, and is whole soon
            self.arrived.wait_for(lambda: understood() or not loose(), patience_s)
            beside = "%d bytes beside whole requests" % loose() if loose() else ""
            return understood() or beside

    def wait_asked(self, count):
        """Waits until `count` requests that clients caused have come, and returns them."""
        with self.arrived:
            self.arrived.wait_for(lambda: len(self.asked()) >= count, PATIENCE_S)
            return self.asked()

    def wait_request(self, method, pattern, count=1):
        """Waits for requests, the proxy's own among them."""
        def found():
            return [r for r in self.requests
                    if r.method == method and re.search(pattern, r.target)]
        with self.arrived:
            self.arrived.wait_for(lambda: len(found()) >= count, PATIENCE_S)
            return found()

    def add(self, ident, name="", labels=None, running=False, created=None, body=None):
        """Puts a container there that nobody created through a socket."""
        body = dict(body or {}, Labels=labels or {})
        container = Container(ident, name, body, int(created or time.time()))
        container.running = running
        with self.lock:
            self.containers[ident] = container
        return container

    def find(self, ref):
        """The Engine's own order: full id, name, unique prefix."""
        with self.lock:
            if ref in self.containers:
                return self.containers[ref]
            for container in self.containers.values():
                if container.name and container.name == ref.lstrip("/"):
                    return container
            found = [c for i, c in self.containers.items() if i.startswith(ref)]
        return found[0] if ref and len(found) == 1 else None

    def new_id(self):
        with self.lock:
            self.serial += 1
            seed = "%s %d %d" % (self.path, os.getpid(), self.serial)
        return hashlib.sha256(seed.encode()).hexdigest()

    # --- the wire ---

    def _accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            connection = Connection(sock)
            with self.lock:
                if self.listener is not listener:  # it was stopped meanwhile, and has dropped all
                    sock.close()
                    return
                self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        def recv():
            try:
                data = connection.sock.recv(65536)
            except OSError:
                data = b""
            if not data:
                connection.eof.set()
            with self.lock:
                connection.raw += data
                connection.loose += len(data)
            return data

        def at_head(request):
            path = request.target.partition("?")[0]
            with self.lock:
                found = [s[2] for s in self.head_scripts
                         if s[0] in (request.method, "*") and s[1].search(path)]
            if found:
                found[0](Exchange(self, connection, request))

        reader = GoReader(recv)
        try:
            while True:
                connection.reading = True
                request = reader.request(at_head)
                why = plain.strange(request.raw)
                with self.arrived:
                    self.strange += [why] if why else []
                    connection.requests.append(request)
                    self.requests.append(request)
                    connection.loose = max(0, connection.loose - len(request.raw))
                    connection.reading = False
                    self.arrived.notify_all()
                exchange = Exchange(self, connection, request)
                self._answer(exchange)
                if not exchange.keep_alive:
                    break
        except Bad as bad:
            connection.errors.append(str(bad))
            self.strange.append("%s: %r" % (bad, (reader.used + reader.buffer)[:600]))
            try:
                connection.sock.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            except OSError:
                pass
        except Eof as eof:
            if not eof.clean:
                connection.errors.append(str(eof))
                why = plain.strange(reader.used + reader.buffer, whole=False)
                self.strange += [why] if why else []
        except OSError:
            pass
        connection.eof.set()
        connection.sock.close()
        with self.arrived:
            connection.reading = False
            self.arrived.notify_all()

    def _answer(self, exchange):
        path = exchange.request.target.partition("?")[0]
        with self.lock:
            for script in self.scripts:
                if script[0] in (exchange.request.method, "*") and script[1].search(path):
                    if script[3] is not None:
                        script[3] -= 1
                        if script[3] == 0:
                            self.scripts.remove(script)
                    handler = script[2]
                    break
            else:
                handler = self.answer
        handler(exchange)

    # --- an Engine's ordinary behaviour ---

    def answer(self, exchange):
        path, _, query = exchange.request.target.partition("?")
        match = re.match(r"^(?:/v1\.(\d+))?(/.*)$", path)
        if not match:
            return exchange.error(404, "page not found")
        if match[1] and int(match[1]) > int(self.api.split(".")[1]):
            return exchange.error(400, "client version 1.%s is too new. Maximum supported API "
                                  "version is %s" % (match[1], self.api))
        form = urllib.parse.parse_qs(query, keep_blank_values=True)
        for method, pattern, name in ROUTES + objects.ROUTES:
            found = re.match(pattern, match[2])
            if method == exchange.request.method and found:
                return getattr(self, "_" + name)(exchange, form, *found.groups())
        exchange.error(404, "page not found")

    def _ping(self, exchange, _form):
        headers = ("Docker-Experimental: false", "Builder-Version: 1", "Pragma: no-cache",
                   "Content-Type: text/plain; charset=utf-8")
        if exchange.request.method == "HEAD":
            return exchange.head(200, "Content-Length: 0", *headers)
        exchange.head(200, "Content-Length: 2", *headers)
        exchange.send("OK")

    def _version(self, exchange, _form):
        exchange.json(200, {"Version": "20.10.24", "ApiVersion": self.api})

    def _list(self, exchange, form):
        wanted = json.loads((form.get("filters") or ["{}"])[0]).get("label") or []
        every = (form.get("all") or ["0"])[0] not in ("", "0", "no", "false", "none")
        rows = []
        for container in list(self.containers.values()):
            labels = container.labels
            pairs = {"%s=%s" % item for item in labels.items()} | set(labels)
            if set(wanted) <= pairs and (every or container.running):
                rows.append({"Id": container.id, "Names": ["/" + container.name],
                             "Image": container.body.get("Image", ""), "Labels": labels,
                             "Created": container.created, "Status": "Up 2 seconds",
                             "State": "running" if container.running else "exited"})
        exchange.json(200, rows)

    def _create(self, exchange, form):
        try:
            body = json.loads(exchange.request.body)
        except ValueError as error:
            return exchange.error(400, str(error))
        name = (form.get("name") or [""])[0].removeprefix("/")  # an Engine puts it there itself
        with self.lock:
            taken = [c.id for c in self.containers.values() if name and c.name == name]
            if taken:
                return exchange.error(409, 'Conflict. The container name "/%s" is already in use '
                                      'by container "%s".' % (name, taken[0]))
            ident = self.new_id()
            made = Container(ident, name or ident[:12], body, int(time.time()))
            self.containers[ident] = self.made[ident] = made
        exchange.json(201, {"Id": ident, "Warnings": []})

    def _one(self, exchange, ref):
        container = self.find(ref)
        if not container:
            exchange.error(404, "No such container: " + ref)
        return container

    def _start(self, exchange, _form, ref):
        container = self._one(exchange, ref)
        if container and container.running:
            exchange.empty(304)
        elif container:
            container.running, container.code = True, None
            exchange.empty(204)

    def _wait(self, exchange, form, ref):
        container = self._one(exchange, ref)
        if not container:
            return
        exchange.head(200, "Content-Type: application/json", "Transfer-Encoding: chunked")
        removed = (form.get("condition") or [""])[0] == "removed"
        fresh = (form.get("condition") or [""])[0] == "next-exit"

        def over():
            if container.removed:
                return True
            return not removed and (container.code is not None or
                                    not (container.running or fresh))
        if self._until(exchange, container, over):
            exchange.chunk(json.dumps({"Error": None,
                                       "StatusCode": container.code or 0}).encode() + b"\n")
            exchange.last_chunk()

    def _until(self, exchange, container, over):
        """Waits for over(); False when the peer went first."""
        while True:
            with container.changed:
                if over():
                    return True
                container.changed.wait(0.02)
            if exchange.gone():
                exchange.close()
                return False

    def _logs(self, exchange, form, ref):
        container = self._one(exchange, ref)
        if not container:
            return

        def on(name):
            return (form.get(name) or ["0"])[0] not in ("", "0", "no", "false", "none")
        wanted = {s for s, n in ((1, "stdout"), (2, "stderr")) if on(n)}
        if not wanted:
            return exchange.error(400, "Bad parameters: you must choose at least one stream")
        exchange.head(200, "Transfer-Encoding: chunked")
        sent = 0
        while True:
            for stream, data in container.log[sent:]:
                sent += 1
                if stream in wanted:
                    exchange.chunk(frame(stream, data))
            if not on("follow"):
                break
            if not self._until(exchange, container, lambda: len(container.log) > sent or
                               not container.running):
                return
            if len(container.log) == sent:
                break
        exchange.last_chunk()

    def _archive(self, exchange, _form, ref):
        if self._one(exchange, ref):
            exchange.reply(200)

    def _delete(self, exchange, form, ref):
        container = self._one(exchange, ref)
        if not container:
            return
        if container.running and (form.get("force") or ["0"])[0] not in ("1", "true", "True"):
            return exchange.error(409, "You cannot remove a running container %s. Stop the "
                                  "container before attempting removal or force remove"
                                  % container.id)
        with container.changed:
            container.removed, container.running = True, False
            container.code = 137 if container.code is None else container.code
            container.changed.notify_all()
        with self.lock:
            self.containers.pop(container.id, None)
        exchange.empty(204)


ROUTES = (
    ("GET", r"^/_ping$", "ping"),
    ("HEAD", r"^/_ping$", "ping"),
    ("GET", r"^/version$", "version"),
    ("GET", r"^/containers/json$", "list"),
    ("POST", r"^/containers/create$", "create"),
    ("POST", r"^/containers/(.+)/start$", "start"),
    ("POST", r"^/containers/(.+)/wait$", "wait"),
    ("GET", r"^/containers/(.+)/logs$", "logs"),
    ("PUT", r"^/containers/(.+)/archive$", "archive"),
    ("DELETE", r"^/containers/(.+)$", "delete"),
)

if __name__ == "__main__":  # by hand: engine.py SOCKET
    with Engine(sys.argv[1]) as running:
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            pass
