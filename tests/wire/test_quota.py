# SPDX-License-Identifier: Apache-2.0
"""What the clients of a listener have at once, and in a minute: no more than the limit reaches the
Engine, what is over gives its place back however it ended, and others do not notice."""
import contextlib
import json
import os
import socket
import threading
import time

from client import Client, head, request, unread_bytes
from proxy import BINARY, IMAGE, World, until
from report import Skip, table, within
from shared import CREATE, START, assert_refused, assert_served, populate
from test_listeners import EVERYTHING, Several

FAMILY = "limits"

POLICY = EVERYTHING.replace("[create]", """ContainerStats = own
SystemEvents = own
PutContainerArchive = own
ContainerExport = own
NetworkCreate = yes
VolumeCreate = yes
[create]""")
MINE = "/v1.41/containers/mine"
WAIT = MINE + "/wait"
DELETE = MINE + "?force=1"


def limited(limits, **options):
    return World(POLICY + "[limits]\n" + limits, prepare=populate, **options)


class Stuck:
    """An Engine that takes requests of a kind and answers none before it is told to."""

    def __init__(self, w, method, pattern):
        self.go_on = threading.Event()
        w.engine.on(method, pattern, self.handle)

    def handle(self, exchange):
        self.go_on.wait(60)
        exchange.engine.answer(exchange)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.go_on.set()


def hold(w, stack, data, count):
    """`count` clients whose requests the Engine has and does not answer."""
    clients = []
    for _ in range(count):
        asked = len(w.engine.asked())
        clients.append(stack.enter_context(w.connect()))
        clients[-1].send(data)
        w.engine.wait_asked(asked + 1)
        assert len(w.engine.asked()) == asked + 1, "a request was not forwarded"
    return clients


def reason_of(w, word):
    return [a for a in w.proxy.audit() if a["reason"] == word]


# ---- requests ----

def test_requests_at_once():
    with limited("requests = 3\n") as w, Stuck(w, "POST", "/start$") as stuck, \
            contextlib.ExitStack() as stack:
        held = hold(w, stack, request("POST", START), 3)
        with w.connect() as late:
            for _ in range(4):  # its connection stays, and its pipeline is answered in order
                late.send(head("GET", "/_ping") + request("POST", START) + head("GET", "/_ping"))
                assert late.response().status == 200
                reply = late.response()
                message = assert_refused(reply, 429)
                assert "'requests' under [limits] of test.ini is 3" in message, message
                assert reply.one("Retry-After") == "1" and not reply.closes
                assert late.response().status == 200
            assert len(w.engine.asked()) == 3
            stuck.go_on.set()
            for client in held:
                assert client.response().status in (204, 304)
            assert late.ask("POST", START).status == 304
        assert len(w.engine.asked()) == 4
        assert len(reason_of(w, "too-many-requests")) == 4


def wait_and_close(w, client):
    client.close()


def engine_goes(w, client):
    w.engine.drop_connections()
    assert_refused(client.response(), 502, 503)


def half_close(w, client):
    """It still wants its answer, so it is still counted."""
    client.half_close()
    time.sleep(0.1)
    assert w.ask("POST", START).status == 429
    client.close()


def broken_answer(w, client):
    for connection in w.engine.connections:
        if connection.requests:
            with contextlib.suppress(OSError):
                connection.sock.sendall(b"HTP/1.1 nothing\r\n\r\n")
    assert_refused(client.response(), 502)


def reloaded(w, client):
    said = w.proxy.log().count("is in force")
    os.kill(w.proxy.process.pid, 1)
    until("the policy again", lambda: w.proxy.log().count("is in force") > said)
    assert w.ask("POST", START).status == 429
    client.close()


@table([("the client goes", wait_and_close), ("the engine goes", engine_goes),
        ("the client half-closes", half_close), ("the answer is none", broken_answer),
        ("a reload", reloaded)])
def test_a_request_that_ends_gives_its_place_back(end):
    with limited("requests = 1\n") as w:
        for _ in range(3):
            with Stuck(w, "POST", "/start$"), contextlib.ExitStack() as stack:
                client = hold(w, stack, request("POST", START), 1)[0]
                assert w.ask("POST", START).status == 429
                end(w, client)
                w.engine.reset_scripts()
                until("the place", lambda: w.ask("POST", START).status in (204, 304))


def test_refused_requests_take_no_place():
    with limited("requests = 1\n") as w, w.connect() as client:
        for target in ("/v1.41/info", "/v1.41/containers/theirs/start", START + "?no=1"):
            for _ in range(3):
                assert client.ask("POST", target).status in (400, 403, 404)
        assert client.ask("POST", START).status == 204


def test_uploads_are_requests():
    tar = MINE + "/archive?path=/"
    smuggled = head("POST", WAIT)
    with limited("requests = 1\n") as w, w.connect() as one:
        one.send(head("PUT", tar, "Content-Length: 1000"))
        w.engine.on_head("PUT", "/archive$", lambda e: None)
        until("the upload", lambda: w.ask("POST", START).status == 429)
        with w.connect() as two:  # what follows is its body, and is not read as a request
            two.send(head("PUT", tar, "Content-Length: %d" % len(smuggled)) + smuggled)
            reply = two.response()
            assert_refused(reply, 429)
            assert reply.closes and two.closed()
        one.close()
        until("its place", lambda: w.ask("PUT", tar).status in (200, 400))
    assert not [r for r in w.engine.asked() if r.target.endswith("/wait")]


# ---- streams ----

def upgrade(method, target, body=b""):
    return head(method, target, "Connection: Upgrade", "Upgrade: tcp",
                *(["Content-Type: application/json", "Content-Length: %d" % len(body)]
                  if body else [])) + body


HELD = [("wait", request("POST", WAIT)),
        ("followed logs", head("GET", MINE + "/logs?stdout=1&follow=TRUE")),
        ("statistics", head("GET", MINE + "/stats")),
        ("events", head("GET", "/v1.41/events")),
        ("attach", upgrade("POST", MINE + "/attach?stream=1&stdout=1")),
        ("attach without upgrade", head("POST", MINE + "/attach?stream=1&stdout=1"))]


@table(HELD)
def test_streams_at_once(data):
    with limited("streams = 2\n") as w:
        pattern = "/(wait|logs|stats|events|attach)$"
        with Stuck(w, "*", pattern), contextlib.ExitStack() as stack:
            hold(w, stack, data, 2)
            for _, other in HELD:
                with w.connect() as late:
                    late.send(other)
                    reply = late.response()
                    message = assert_refused(reply, 429)
                    assert "'streams' under [limits] of test.ini is 2" in message, message
            assert len(w.engine.asked()) == 2
            assert_served(w)  # requests are others
        w.engine.reset_scripts()
        w.engine.find("mine").exit()
        until("the places", lambda: w.ask("POST", WAIT).status == 200)
        assert len(reason_of(w, "too-many-streams")) == len(HELD)


@table([("logs", head("GET", MINE + "/logs?stdout=1&follow=0")),
        ("logs to their end", head("GET", MINE + "/logs?stdout=1")),
        ("one sample", head("GET", MINE + "/stats?stream=no")),
        ("export", head("GET", MINE + "/export"))])
def test_what_ends_by_itself_is_no_stream(data):
    with limited("streams = 1\n") as w, contextlib.ExitStack() as stack, \
            Stuck(w, "*", "/(wait|stats|export|logs)$") as stuck:
        hold(w, stack, request("POST", WAIT), 1)
        client = hold(w, stack, data, 1)[0]
        stuck.go_on.set()
        assert client.response().status in (200, 404)


def test_tunnels_are_streams_until_both_sides_have_ended():
    def echo(exchange):
        exchange.head(101, "Connection: Upgrade", "Upgrade: tcp")
        exchange.echo()
        exchange.send(b"bye")
    with limited("streams = 1\n") as w:
        w.engine.on("POST", "/attach$", echo)
        for _ in range(3):
            with w.connect() as client:
                client.send(HELD[4][1])
                assert client.response().status == 101
                client.send(request("POST", WAIT))  # no HTTP any more
                assert client.reader.take(len(request("POST", WAIT))) == request("POST", WAIT)
                assert w.ask("POST", WAIT).status == 429
                client.half_close()
                assert client.reader.take(3) == b"bye" and client.closed()
            until("the place", lambda: w.ask("POST", WAIT).status == 200)
        assert len([r for r in w.engine.asked() if r.target.endswith("/wait")]) == 3


def test_a_detached_exec_is_no_stream():
    ident = "5" * 64
    with limited("streams = 1\n") as w, Stuck(w, "POST", "/wait$"), \
            contextlib.ExitStack() as stack:
        w.engine.on("POST", "/exec$", lambda e: e.json(201, {"Id": ident}))
        w.engine.on("POST", "/exec/%s/start$" % ident, lambda e: e.reply(200))
        hold(w, stack, request("POST", WAIT), 1)
        assert w.ask("POST", MINE + "/exec", {"Cmd": ["true"]}).status == 201
        start = "/v1.41/exec/%s/start" % ident
        assert w.ask("POST", start, {"Detach": False}).status == 429
        assert w.ask("POST", start, {"Detach": True}).status == 200


# ---- creates per minute ----

def create(w):
    return w.ask("POST", CREATE, {"Image": IMAGE})


def test_creates_per_minute():
    with limited("creates-per-minute = 4\n") as w:
        for made in range(4):
            assert create(w).status == 201, made
        for _ in range(3):  # being refused does not make it longer
            reply = create(w)
            message = assert_refused(reply, 429)
            assert "'creates-per-minute' under [limits] of test.ini is 4" in message, message
            seconds = int(reply.one("Retry-After"))
            assert 1 <= seconds <= 15, seconds
            assert "in %d s" % seconds in message, message
        assert w.ask("POST", "/v1.41/networks/create", {"Name": "net1"}).status == 429
        assert w.ask("POST", "/v1.41/volumes/create", {"Name": "vol1"}).status == 429
        assert len(w.engine.asked()) == 4
        assert_served(w)
        assert len(reason_of(w, "too-many-creates")) == 5


def test_a_token_comes_when_retry_after_says():
    with limited("creates-per-minute = 60\n") as w:
        with w.connect() as client:
            data = request("POST", CREATE, {"Image": IMAGE})
            for _ in range(2):
                client.send(data * 35)
            statuses = [client.response() for _ in range(70)]
        refused = [r for r in statuses if r.status == 429]
        containers = [r for r in refused if "containers are alive" in json.loads(r.body)["message"]]
        assert len([r for r in statuses if r.status == 201]) == 31, len(refused)
        assert len(containers) == len(refused)  # which take no token
    with limited("creates-per-minute = 60\ncontainers = 1000\n") as w:
        begun = time.monotonic()
        with w.connect() as client:
            client.send(request("POST", CREATE, {"Image": IMAGE}) * 100)
            replies = [client.response() for _ in range(100)]
        made = len([r for r in replies if r.status == 201])
        assert 60 <= made <= 61 + time.monotonic() - begun, made
        last = [r for r in replies if r.status == 429][-1]
        assert last.one("Retry-After") == "1"
        time.sleep(1.1)
        assert create(w).status == 201
        assert len(w.engine.asked()) == made + 1


@table([("a conflict", lambda e: e.error(409, "Conflict. The name is in use")),
        ("no image", lambda e: e.error(404, "No such image")),
        ("broken off", lambda e: e.close())])
def test_failed_creates_count(answer):
    with limited("creates-per-minute = 3\n") as w:
        w.engine.on("POST", "/create$", answer)
        for _ in range(3):
            assert create(w).status in (404, 409, 502)
        assert create(w).status == 429
        assert len([r for r in w.engine.asked() if "create" in r.target]) == 3


def test_refused_creates_do_not_count():
    with limited("creates-per-minute = 2\n") as w:
        for body in ({"Image": "evil"}, {"Image": IMAGE, "HostConfig": {"Privileged": True}}, "{",
                     {"Image": IMAGE, "Nonsense": 1}):
            for _ in range(3):
                assert w.ask("POST", CREATE, body).status in (400, 403)
        for _ in range(5):
            with w.connect() as client:  # nor what is not whole
                client.send(request("POST", CREATE, {"Image": IMAGE})[:-1])
        assert create(w).status == create(w).status == 201
        assert create(w).status == 429


# ---- creates that nobody waits for ----

@within(3)
def test_an_unanswered_create_of_a_gone_client_gives_its_place_back():
    """And what the Engine makes of it later is found."""
    with limited("containers = 2\ncreate-timeout = 3s\n") as w:
        with Stuck(w, "POST", "/create$") as stuck:
            with w.connect() as client:
                client.send(request("POST", CREATE + "?name=late", {"Image": IMAGE}))
                w.engine.wait_asked(1)
            assert create(w).status == 429
            until("the end of its time", lambda: reason_of(w, "create-unanswered"))
            line = reason_of(w, "create-unanswered")[0]
            assert line["operation"] == "ContainerCreate" and "status" not in line, line
            with w.connect() as client:  # whose client is there is waited for
                client.send(request("POST", CREATE + "?name=slow", {"Image": IMAGE}))
                w.engine.wait_asked(2)
                time.sleep(4)
                assert create(w).status == 429
                stuck.go_on.set()
                assert client.response().status == 201
        until("the late container",
              lambda: w.ask("POST", "/v1.41/containers/late/start").status in (204, 304))
        assert create(w).status == 429  # and it counts


# ---- connections of a user ----

class User:
    """A process of another user that opens connections and keeps them."""

    def __init__(self, uid, path, count):
        self.here, there = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                self.here.close()
                self.run(there, uid, path, count)
            finally:
                os._exit(0)
        there.close()
        self.statuses = json.loads(self.here.makefile().readline())

    @staticmethod
    def run(there, uid, path, count):
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
        clients, statuses = [], []
        for _ in range(count):
            clients.append(Client(path))
            statuses.append(clients[-1].ask("GET", "/_ping").status)
        there.sendall((json.dumps(statuses) + "\n").encode())
        there.recv(1)  # until the test has had enough

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.here.close()
        os.waitpid(self.pid, 0)


def users_world(limits):
    if os.getuid() != 0:
        raise Skip("only root can be several users")
    w = World(POLICY + "[proxy]\nlisten-mode = 0666\n[limits]\n" + limits, prepare=populate)
    os.chmod(w.directory, 0o755)
    return w


def test_connections_per_user():
    with users_world("connections = 20\nconnections-per-user = 4\n") as w:
        with User(1234, w.proxy.listen, 6) as first, User(4321, w.proxy.listen, 5) as second:
            assert first.statuses == [200] * 4 + [429] * 2, first.statuses
            assert second.statuses == [200] * 4 + [429], second.statuses
            with contextlib.ExitStack() as stack:
                clients = [stack.enter_context(w.connect()) for _ in range(4)]
                for client in clients:
                    assert client.ask("POST", START).status in (204, 304)
                with w.connect() as late:
                    reply = late.response()
                    message = assert_refused(reply, 429)
                    assert "user 0 has 4 connections, and 'connections-per-user' under [limits] of " \
                        "test.ini is 4; close some or raise it" in message, message
                    assert reply.one("Retry-After") and reply.closes and late.closed()
                clients[0].close()
                until("a place", lambda: w.ask("POST", START).status == 304)
        lines = reason_of(w, "too-many-connections-per-user")
        assert {(a["uid"], a["status"]) for a in lines} == {(1234, 429), (4321, 429), (0, 429)}
        with User(1234, w.proxy.listen, 5) as again:
            assert again.statuses == [200] * 4 + [429], again.statuses


def test_one_user_leaves_places_to_others():
    with users_world("connections = 8\nconnections-per-user = 6\n") as w:
        with User(1234, w.proxy.listen, 30) as greedy:
            assert greedy.statuses == [200] * 6 + [429] * 24
            with w.connect() as one, w.connect() as two:
                assert one.ask("POST", START).status == 204
                assert two.ask("POST", START).status == 304
                assert_refused(w.connect().response(), 503)


@table([("closed", lambda client: client.close()),
        ("half-closed", lambda client: client.half_close()),
        ("refused", lambda client: client.send(b"GET\r\n\r\n")),
        ("half a head", lambda client: (client.send(b"GET /"), client.close())),
        ("half a body", lambda client: (client.send(request("POST", CREATE, {"Image": IMAGE})[:-1]),
                                        client.close())),
        ("an answer in the making", lambda client: (client.send(request("POST", WAIT)),
                                                    client.close()))])
def test_a_connection_that_ends_gives_its_place_back(end):
    with limited("connections-per-user = 3\n") as w:
        for _ in range(4):
            with contextlib.ExitStack() as stack:
                clients = []
                while len(clients) < 3:
                    client = stack.enter_context(w.connect())
                    if client.ask("GET", "/_ping").status == 200:
                        clients.append(client)
                assert w.ask("GET", "/_ping").status == 429
                for client in clients:
                    end(client)
                for _ in range(3):
                    until("a place", lambda: w.ask("GET", "/_ping").status == 200)


def test_creates_of_gone_clients_take_no_connection():
    """As with `connections`: but each is still a request at the Engine."""
    with limited("connections-per-user = 2\nrequests = 3\n") as w:
        with Stuck(w, "POST", "/create$"):
            for i in range(3):
                with w.connect() as client:
                    client.send(request("POST", CREATE, {"Image": IMAGE}))
                    w.engine.wait_asked(i + 1)
                until("a place", lambda: w.ask("GET", "/_ping").status == 200)
            assert w.ask("POST", START).status == 429
        until("their end", lambda: w.ask("POST", START).status in (204, 304))


# ---- bodies ----

BIG = json.dumps({"Image": IMAGE, "Env": ["A=" + "x" * (200 << 10)]}).encode()


def test_bodies_under_way():
    """Each has 64 KiB for nothing, and then they share."""
    with limited("body = 1MiB\nbodies = 300KiB\n") as w, contextlib.ExitStack() as stack:
        clients = []
        for _ in range(2):  # 136 KiB of each are counted
            clients.append(stack.enter_context(w.connect()))
            clients[-1].send(request("POST", CREATE, BIG)[:-1])
            until("it to be read", lambda: unread_bytes(clients[-1].sock) == 0)
        for _ in range(3):
            with w.connect() as late:
                late.send(request("POST", CREATE, BIG)[:-1])
                reply = late.response()
                message = assert_refused(reply, 503)
                assert "'bodies' under [limits] of test.ini is 307200" in message, message
                assert reply.one("Retry-After") and reply.closes and late.closed()
        assert not w.engine.asked()
        assert create(w).status == 201  # a small one
        for client in clients:
            client.send(b"}")
            assert client.response().status == 201
        assert len(w.engine.asked()) == 3
        assert w.ask("POST", CREATE, BIG).status == 201
        assert len(reason_of(w, "too-many-bodies")) == 3


def body_is_broken(client):
    client.send(b"x")
    assert client.response().status == 400


def body_is_whole(client):
    client.send(b"}")
    assert client.response().status == 201


def body_takes_too_long(client):
    assert client.response().status == 408


@table([("the client goes", "30s", lambda client: client.close()),
        ("it is whole", "30s", body_is_whole), ("it is no JSON", "30s", body_is_broken),
        ("it takes too long", "3s", body_takes_too_long),
        ("it half-closes", "30s", lambda client: (client.half_close(), client.closed()))])
def test_a_body_that_ends_gives_its_room_back(timeout, end):
    with limited("body = 1MiB\nbodies = 64KiB\nbody-timeout = %s\n" % timeout) as w:
        big = json.dumps({"Image": IMAGE, "Env": ["A=" + "x" * (120 << 10)]}).encode()
        for _ in range(4):
            with w.connect() as client:
                client.send(request("POST", CREATE, big)[:-1])
                until("the other to have come, and its time to be over on a slow machine",
                      lambda: w.ask("POST", CREATE, big).status == 503 or not client.quiet())
                end(client)
            until("room", lambda: w.ask("POST", CREATE, big).status == 201)


# ---- memory ----

def sanitized():
    """A sanitizer keeps what is freed for a while."""
    with open(BINARY, "rb") as binary:
        return b"__asan_init" in binary.read()


@table([("an answer of the engine", False), ("answers of ours", True)])
def test_memory_per_connection(ours):
    """Clients that ask and do not read: what waits for each is bounded, and nothing is lost."""
    count, size = 40, 4 << 20
    with limited("memory-per-connection = 64KiB\nhead = 1KiB\n") as w, \
            contextlib.ExitStack() as stack:
        w.engine.on("GET", "/export$", lambda e: e.reply(200, b"y" * size))
        data = request("GET", "/_ping") * 40000 if ours else request("GET", MINE + "/export")
        clients = [stack.enter_context(w.connect()) for _ in range(count)]
        for client in clients:
            assert client.ask("GET", "/_ping").status == 200
        before = w.proxy.rss_kib()
        for client in clients:
            client.sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while data:
                    data_sent = client.sock.send(data)
                    if not ours or data_sent < 65536:
                        break
            client.sock.setblocking(True)
        time.sleep(0.5)
        assert_served(w)
        grown = w.proxy.rss_kib() - before
        assert grown < count * (256 if sanitized() else 128), "%d KiB for each" % (grown // count)
        if not ours:
            for client in clients[:5]:
                assert client.response().body == b"y" * size


# ---- who does not read ----

@within(10)
def test_an_answer_that_nobody_takes():
    with limited("stall-timeout = 3s\nrequests = 1\n") as w:
        w.engine.on("GET", "/export$", lambda e: e.reply(200, b"y" * (8 << 20)))
        with w.connect() as client:
            client.send(request("GET", MINE + "/export"))
            until("its place", lambda: w.ask("POST", START).status in (204, 304))
        assert reason_of(w, "client-stalled")
        with w.connect() as client:  # who reads slowly is served
            client.send(request("GET", MINE + "/export"))
            status, headers = client.reader.head()
            for _ in range(8):  # for longer than that in all, and less than makes room for more
                time.sleep(0.5)
                client.reader.take(40 << 10)
            client.reader.take((8 << 20) - 8 * (40 << 10))


def test_answers_that_nobody_takes_after_their_exchange():
    """Pipelined pings: each is over when it is written, and the place is kept by what waits."""
    with limited("stall-timeout = 500ms\nconnections = 2\n") as w:
        with w.connect() as client:
            client.sock.setblocking(False)
            with contextlib.suppress(BlockingIOError, BrokenPipeError):
                for _ in range(100):
                    client.sock.send(head("GET", "/_ping") * 1000)
            until("its place", lambda: _both(w))


def _both(w):
    with w.connect() as one, w.connect() as two:
        return one.ask("GET", "/_ping").status == two.ask("GET", "/_ping").status == 200


def test_a_stream_may_be_read_when_somebody_looks():
    with limited("stall-timeout = 300ms\n") as w:
        mine = w.engine.find("mine")
        mine.running = True
        with w.connect() as client:
            client.send(head("GET", MINE + "/logs?stdout=1&follow=1"))
            for _ in range(20):
                mine.say(1, b"z" * 100000)
            time.sleep(1.5)
            mine.exit()
            assert client.response().body.count(b"z") == 2000000


# ---- listeners, observing, reload ----

TIGHT = """[limits]
requests = 1
streams = 1
creates-per-minute = 1
"""


def test_listeners_have_limits_of_their_own():
    with Several(ci=EVERYTHING + TIGHT, dev=EVERYTHING + TIGHT) as w:
        def answers(name, container):
            held = []
            with contextlib.ExitStack() as stack:
                for data in (request("POST", "/containers/%s/start" % container),
                             request("POST", "/containers/%s/wait" % container)):
                    asked = len(w.engine.asked())
                    held.append(stack.enter_context(w.connect_at(name)))
                    held[-1].send(data)
                    w.engine.wait_asked(asked + 1)
                yield [w.at(name, "POST", "/containers/%s/%s" % (container, verb)).status
                       for verb in ("start", "wait")]
        with Stuck(w, "POST", "/(start|wait)$"):
            ci, dev = answers("ci", "ci-one"), answers("dev", "dev-one")
            assert next(ci) == [429, 429]
            assert next(dev) == [429, 429]
            assert len(w.engine.asked()) == 4
            ci.close()
            dev.close()
        for name in ("ci", "dev"):
            until("the places", lambda: w.at(name, "POST", "/containers/%s-one/start" % name).status
                  in (204, 304))
            assert [w.at(name, "POST", "/containers/create", {"Image": IMAGE}).status
                    for _ in range(2)] == [201, 429]


def test_limits_hold_for_what_comes_after_a_reload():
    with limited("requests = 2\nstreams = 2\n") as w, Stuck(w, "POST", "/(start|wait)$"), \
            contextlib.ExitStack() as stack:
        hold(w, stack, request("POST", START), 2)
        waits = hold(w, stack, request("POST", WAIT), 2)
        for most, more in ((1, 0), (4, 2)):
            with open(w.proxy.policy, "w", encoding="utf-8") as out:
                out.write(POLICY + "[limits]\nrequests = %d\nstreams = %d\n" % (most, most))
            said = w.proxy.log().count("is in force")
            os.kill(w.proxy.process.pid, 1)
            until("the policy", lambda: w.proxy.log().count("is in force") > said)
            for data in (request("POST", START), request("POST", WAIT)):
                hold(w, stack, data, more)
                with w.connect() as late:
                    late.send(data)
                    assert "is %d;" % most in assert_refused(late.response(), 429)
        waits[0].close()
        until("a place", lambda: w.ask("POST", START).status == 429 and not _held(w, stack))


def _held(w, stack):
    """Whether another wait is refused; else it is held."""
    asked = len(w.engine.asked())
    client = stack.enter_context(w.connect())
    client.send(request("POST", WAIT))
    until("a word", lambda: len(w.engine.asked()) > asked or not client.quiet())
    return len(w.engine.asked()) == asked


def test_observing_has_the_limits_of_the_wire():
    policy = POLICY.replace("[allow]", "[proxy]\nmode = observe\n[allow]")
    with World(policy + "[limits]\nrequests = 1\nstreams = 1\ncreates-per-minute = 1\n",
               prepare=populate, start=False) as w:
        w.proxy.arguments = ["--i-accept-the-risk"]
        w.proxy.start()
        w.settle()
        for _ in range(3):  # what is made unjudged is not counted, as with `containers`
            assert create(w).status == 201
        asked = len(w.engine.asked())
        with Stuck(w, "POST", "/(start|wait)$"), contextlib.ExitStack() as stack:
            hold(w, stack, request("POST", START), 1)
            hold(w, stack, request("POST", WAIT), 1)
            assert w.ask("POST", "/v1.41/containers/theirs/start").status == 429
            assert w.ask("POST", WAIT).status == 429
            assert len(w.engine.asked()) == asked + 2
        until("the places", lambda: w.ask("POST", START).status in (204, 304))


OBSERVED = [("a name with an escape", "/logs?stdout=1&f%6Fllow=1", True),
            ("a value with an escape", "/logs?stdout=1&follow=%31", True),
            ("a word that is no no", "/logs?stdout=1&follow=forever", True),
            ("an escaped no", "/logs?stdout=1&f%6Fllow=f%61lse", False),
            ("a no among blanks", "/logs?stdout=1&follow=+0+&follow=1", False),
            ("a no before another word", "/logs?stdout=1&follow=0+x", True),
            ("another name", "/logs?stdout=1&followed=1&%66=1", False),
            ("statistics", "/stats?%73tream=1", True),
            ("statistics once", "/stats?%73tream=No", False),
            ("statistics once, without a value", "/stats?stream", False)]


@table(OBSERVED)
def test_what_goes_on_as_it_came_is_a_stream_where_an_engine_reads_one(target, held):
    policy = POLICY.replace("[allow]", "[proxy]\nmode = observe\n[allow]")
    with World(policy + "[limits]\nstreams = 1\n", prepare=populate, start=False) as w, \
            contextlib.ExitStack() as stack, Stuck(w, "POST", "/wait$"):
        w.proxy.arguments = ["--i-accept-the-risk"]
        w.proxy.start()
        w.settle()
        hold(w, stack, request("POST", WAIT), 1)
        assert (w.ask("GET", MINE + target).status == 429) == held
