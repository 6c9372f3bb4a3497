# SPDX-License-Identifier: Apache-2.0
"""An Engine that is slow, broken, down, or restarted; and answers that are no HTTP."""
import json
import signal
import threading

from client import request
from proxy import ALLOW, IMAGE, World, until
from report import family, table
from shared import (CREATE, MINE, START, assert_refused, assert_served, populate, start, world)

FAMILY = "hostile replies"

LOGS = "/v1.41/containers/mine/logs?stdout=1"
OK = "HTTP/1.1 200 OK\r\n"


@family("engines that go, hang or restart")
def test_engine_is_down_at_the_start():
    with World(prepare=populate, start=False) as w:
        w.engine.stop()
        w.proxy.start()
        reply = w.ask("POST", START)
        message = assert_refused(reply, 503)
        assert reply.one("Retry-After"), reply.headers
        assert "ngine" in message, message
        assert_refused(w.ask("POST", "/v1.41/containers/mine/exec"), 403)
        w.engine.start()
        until("the engine through the proxy", lambda: w.ask("POST", START).status in (204, 304))


@family("engines that go, hang or restart")
def test_engine_restarts():
    with World(prepare=populate) as w:
        w.create("survivor")
        w.engine.stop()
        assert_refused(w.ask("POST", START), 502, 503)
        w.engine.start()
        until("the engine through the proxy", lambda: w.ask("POST", START).status in (204, 304))
        assert w.ask("POST", "/v1.41/containers/survivor/start").status == 204
        assert w.ask("POST", "/v1.41/containers/theirs/start").status == 404


@family("engines that go, hang or restart")
def test_engine_restarts_with_another_version():
    with World(prepare=populate) as w:
        w.engine.stop()
        w.engine.api = "1.45"
        w.engine.start()
        until("the engine's new version", lambda: w.ask("GET", "/_ping").one("Api-Version")
              == "1.45")
        w.engine.forget()
        assert w.ask("POST", "/v1.51/containers/mine/start").status in (204, 304)
        assert w.engine.asked()[0].target.startswith("/v1.45/"), w.engine.asked()


def replace(w):
    """Another Engine listens where the first one did."""
    w.engine.stop()
    w.engine.api = "1.45"
    w.engine.start()


def assert_knows_the_new_one(w):
    """Who it is was asked, and not taken from the one before."""
    until("the new version", lambda: w.ask("GET", "/_ping").one("Api-Version") == w.engine.api)
    assert w.ask("POST", "/containers/mine/start").status in (204, 304)
    assert w.engine.asked()[-1].target.startswith("/v%s/" % w.engine.api), w.engine.asked()


def never_answer(exchange):
    exchange.connection.eof.wait(60)


@family("engines that go, hang or restart")
@table([("in front of a reply", True), ("within a reply", False)])
def test_another_engine_after_the_only_connection_broke_off(hang):
    """No idle connection is there whose end would tell that another Engine may answer next."""
    with World(prepare=populate) as w, w.connect() as client:
        w.engine.containers[MINE].running = True
        if hang:
            w.engine.on("POST", "/wait$", never_answer)
        client.send(request("POST", "/v1.41/containers/mine/wait"))
        assert w.engine.wait_request("POST", "/wait$")
        if not hang:
            client.reader.head()
        replace(w)
        if hang:
            assert_refused(client.response(), 502)
        else:
            assert broken_off_stream(client), "the stream looks whole"
        assert_knows_the_new_one(w)


@family("engines that go, hang or restart")
def test_another_engine_while_a_request_is_about_to_leave():
    """Only when it is written shows that its connection has ended; it goes to the one that listens
    now, and the next ones to one that was asked who it is."""
    with World(prepare=populate) as w, w.connect() as client:
        assert client.ask("POST", START).status in (204, 304)
        w.proxy.process.send_signal(signal.SIGSTOP)
        try:
            client.send(start())
            replace(w)
        finally:
            w.proxy.process.send_signal(signal.SIGCONT)
        assert client.response().status in (204, 304)
        assert_knows_the_new_one(w)


@family("engines that go, hang or restart")
def test_engine_that_is_older_than_the_floor():
    with World(prepare=populate, api="1.39") as w:
        assert w.ask("POST", "/v1.39/containers/mine/start").status == 400
        for target in (START, "/containers/mine/start"):
            message = assert_refused(w.ask("POST", target), 503)
            assert "1.39" in message and "1.40" in message, message
        assert not w.engine.asked()


@family("engines that go, hang or restart")
def test_idle_connections_that_the_engine_closed_are_not_used():
    with World(prepare=populate) as w:
        for _ in range(5):
            assert w.ask("POST", START).status in (204, 304)
            w.engine.drop_connections()
            until("the connections' end", lambda: all(c.eof.is_set() for c in
                                                      w.engine.connections))
        reply = w.ask("POST", CREATE, {"Image": IMAGE})
        assert reply.status == 201, reply


@family("engines that go, hang or restart")
def test_stale_connection_never_makes_two_containers():
    """The engine takes a create and ends without a word: nobody knows, so nobody asks again."""
    with World(prepare=populate) as w:
        assert w.ask("POST", START).status == 204
        w.engine.forget()
        w.engine.on("POST", "/containers/create$", lambda e: e.close(), times=1)
        reply = w.ask("POST", CREATE + "?name=once", {"Image": IMAGE})
        assert_refused(reply, 502)
        assert len([r for r in w.engine.asked() if "create" in r.target]) == 1, w.engine.asked()
        assert_served(w)


def answers(data, method="POST", target=START, body=None, keep=False):
    """What a client gets when the engine says `data` and ends."""
    with World(prepare=populate) as w:
        def handler(exchange):
            exchange.send(data)
            if not keep:
                exchange.close()
        word = target.split("?")[0].split("/")[-1]
        w.engine.on(method, "/%s$" % word, handler, times=1)
        with w.connect() as client:
            client.send(request(method, target, body))
            reply = client.response()
            assert_served(w)
            return reply


WRONG = [
    ("nothing at all", ""), ("no HTTP", "hello\r\n\r\n"), ("HTTP/2", "HTTP/2.0 204 No\r\n\r\n"),
    ("HTTP/0.9", "<html>"), ("half a status line", "HTTP/1.1 2"),
    ("half a head", OK + "Content-Len"), ("a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"),
    ("a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"),
    ("a status below 100", "HTTP/1.1 099 OK\r\n\r\n"),
    ("a status over 599", "HTTP/1.1 999 OK\r\n\r\n"),
    ("two different lengths", OK + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    ("a negative length", OK + "Content-Length: -2\r\n\r\n{}"),
    ("length and coding", OK + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("an unknown coding", OK + "Transfer-Encoding: gzip\r\n\r\n"),
    ("a head of 100 KiB", OK + "X: " + "y" * 100000 + "\r\n\r\n"),
    ("a head of 5000 lines", OK + "X: y\r\n" * 20000 + "\r\n"),
    ("a head without an end", OK + "X: y\r\n" * 20000),
    ("101 that nobody asked for",
     "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nraw"),
    ("101 before an answer that would be good", "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\n"
     "Upgrade: tcp\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"),
    ("a NUL in the head", OK + "X: \0\r\n\r\n"),
]


@table(WRONG)
def test_answer_that_is_no_http(data):
    reply = answers(data)
    assert_refused(reply, 502)
    assert b"raw" not in reply.raw and b"yyyy" not in reply.raw


@table([("100 before it", "HTTP/1.1 100 Continue\r\n\r\n"),
        ("102 twice before it", "HTTP/1.1 102 Processing\r\nX: y\r\n\r\n" * 2),
        ("103 before it", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")])
def test_interim_answers_are_passed_over(data):
    reply = answers(data + "HTTP/1.1 204 No Content\r\n\r\n", keep=True)
    assert reply.status == 204, reply


def test_flood_of_interim_answers_ends():
    with World(prepare=populate) as w:
        ended = threading.Event()

        def handler(exchange):
            try:
                for _ in range(1000000):
                    exchange.send("HTTP/1.1 100 Continue\r\n\r\n" * 100)
            except OSError:
                ended.set()
                raise
        w.engine.on("POST", "/start$", handler, times=1)
        before = w.proxy.rss_kib()
        assert_refused(w.ask("POST", START), 502)
        assert ended.wait(30), "the flood is still taken"
        assert w.proxy.rss_kib() - before < 16 << 10
        assert_served(w)


@table([("204", 204), ("304", 304)])
def test_answer_without_a_body_that_has_one(status):
    """The bytes after a 204 are no second answer for anybody."""
    evil = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'
    with World(prepare=populate) as w:
        w.engine.on("POST", "/start$", lambda e: e.send(
            "HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(evil), evil)), times=1)
        with w.connect() as client:
            client.send(start() + start())
            first = client.response()
            assert first.status == status and first.body == b"", first
            second = client.response()
            assert b"evil" not in second.raw, second
            for _ in range(3):
                reply = w.ask("POST", START)
                assert reply.status in (204, 304) and b"evil" not in reply.raw, reply


def test_more_bytes_than_the_answer_has():
    """What comes after a whole answer poisons no later one."""
    with World(prepare=populate) as w:
        w.engine.on("POST", "/start$", lambda e: e.send(
            "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"),
            times=1)
        assert w.ask("POST", START).status == 204
        for _ in range(5):
            reply = w.ask("POST", START)
            assert reply.status in (204, 304) and b"evil" not in reply.raw, reply


@table([("after the head", 0), ("in the middle", 5)])
def test_engine_breaks_off_a_body_with_a_length(sent):
    with World(prepare=populate) as w:
        def handler(exchange):
            exchange.head(200, "Content-Length: 10")
            exchange.send(b"x" * sent)
            exchange.close()
        w.engine.on("GET", "/logs$", handler, times=1)
        with w.connect() as client:
            client.send(request("GET", LOGS))
            assert broken_off(client), "a broken answer looks whole"
        assert_served(w)


def broken_off(client):
    """True when the answer says that it failed, or visibly is not whole."""
    from http1 import Eof
    try:
        return client.response().status == 502
    except Eof:
        return True


@table([("between chunks", b"5\r\nhello\r\n"), ("within a size", b"5\r\nhello\r\n1"),
        ("within a chunk", b"5\r\nhello\r\nff\r\nxx"), ("before any", b""),
        ("a size that is none", b"5\r\nhello\r\nzz\r\n"),
        ("a chunk too long", b"5\r\nhello world\r\n0\r\n\r\n")])
def test_engine_breaks_off_a_chunked_body(body):
    """The client must be able to tell: no last chunk is made up for it."""
    with World(prepare=populate) as w:
        def handler(exchange):
            exchange.head(200, "Transfer-Encoding: chunked")
            exchange.send(body)
            exchange.close()
        w.engine.on("GET", "/logs$", handler, times=1)
        with w.connect() as client:
            client.send(request("GET", LOGS))
            assert broken_off(client), "a broken stream looks whole"
        assert_served(w)


def test_engine_breaks_off_at_every_byte_of_a_create():
    """Each time 502, and the proxy goes on; or the whole answer."""
    reply = b'{"Id":"' + b"c" * 64 + b'","Warnings":[]}\n'
    whole = b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%s" % (len(reply), reply)
    w = world()
    for length in list(range(0, len(whole), 7)) + [len(whole) - 1]:
        def handler(exchange):
            exchange.send(whole[:length])
            exchange.close()
        w.engine.on("POST", "/create$", handler, times=1)
        answer = w.ask("POST", CREATE + "?name=cut", {"Image": IMAGE})
        assert_refused(answer, 502)
    assert w.ask("POST", "/v1.41/containers/cut/start").status == 404


def test_create_answer_that_is_chunked():
    with World(prepare=populate) as w:
        def handler(exchange):
            exchange.head(201, "Content-Type: application/json", "Transfer-Encoding: chunked")
            exchange.chunk(b'{"Id":"' + b"c" * 64)
            exchange.chunk(b'","Warnings":null}')
            exchange.last_chunk()
        w.engine.on("POST", "/create$", handler, times=1)
        reply = w.ask("POST", CREATE + "?name=pieces", {"Image": IMAGE})
        assert reply.status == 201 and json.loads(reply.body)["Id"] == "c" * 64, reply


def test_create_answer_without_end_is_bounded():
    with World(prepare=populate) as w:
        ended = threading.Event()

        def handler(exchange):
            exchange.head(201, "Content-Type: application/json", "Transfer-Encoding: chunked")
            exchange.chunk(b'{"Id":"' + b"c" * 64 + b'","Warnings":["')
            try:
                for _ in range(100000):
                    exchange.chunk(b"x" * 65536)
            except OSError:
                ended.set()
                raise
        w.engine.on("POST", "/create$", handler, times=1)
        before = w.proxy.rss_kib()
        assert_refused(w.ask("POST", CREATE + "?name=endless", {"Image": IMAGE}), 502)
        assert ended.wait(30)
        assert w.proxy.rss_kib() - before < 32 << 10


def test_answer_until_the_end_of_the_connection():
    """An Engine of long ago, or an error of its own: no length, no chunks."""
    with World(prepare=populate) as w:
        def handler(exchange):
            exchange.send("HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\n"
                          "Content-Type: text/plain\r\n\r\nall of this")
            exchange.close()
        w.engine.on("POST", "/start$", handler, times=1)
        with w.connect() as client:
            reply = client.ask("POST", START)
            assert reply.status == 500 and reply.body == b"all of this", reply
        assert_served(w)


def test_engine_s_own_errors_are_handed_on():
    with World(prepare=populate) as w:
        w.engine.on("POST", "/start$", lambda e: e.error(500, "driver failed: \u00e9"), times=1)
        reply = w.ask("POST", START)
        assert reply.status == 500, reply
        assert json.loads(reply.body)["message"] == "driver failed: \u00e9"


def test_headers_of_the_engine_are_not_handed_on_blindly():
    with World(prepare=populate) as w:
        def handler(exchange):
            exchange.send("HTTP/1.1 204 No Content\r\nApi-Version: 1.41\r\nSet-Cookie: a=b\r\n"
                          "X-Secret: y\r\nLocation: http://evil/\r\n\r\n")
        w.engine.on("POST", "/start$", handler, times=1)
        reply = w.ask("POST", START)
        assert reply.status == 204
        assert b"evil" not in reply.raw and b"Secret" not in reply.raw, reply.raw


@family("engines that go, hang or restart")
def test_engine_that_never_answers_holds_up_only_its_client():
    with World(prepare=populate) as w:
        stuck = threading.Event()
        w.engine.on("POST", "/containers/%s/start$" % MINE, lambda e: stuck.wait(60), times=3)
        clients = [w.connect() for _ in range(3)]
        for client in clients:
            client.send(start())
        w.engine.wait_asked(3)
        assert w.ask("GET", "/_ping").status == 200
        assert_served(w)
        connections = [c for c in w.engine.connections if c.requests and
                       c.requests[-1].target.endswith("/start")][:3]
        for client in clients:
            client.close()
        stuck.set()
        assert len(connections) == 3
        assert_served(w)


@family("engines that go, hang or restart")
def test_engine_goes_away_during_a_stream():
    with World(prepare=populate) as w:
        w.engine.containers[MINE].running = True
        with w.connect() as client:
            client.send(request("POST", "/v1.41/containers/mine/wait"))
            client.reader.head()
            w.engine.stop()
            assert broken_off_stream(client), "the stream looks whole"
        w.engine.start()
        until("the engine through the proxy", lambda: w.ask("POST", START).status in (204, 304))


def broken_off_stream(client):
    from http1 import Bad, Eof
    try:
        client.reader.body(200, [("Transfer-Encoding", "chunked")])
    except (Eof, Bad):
        return True
    return False


STAT = "eyJuYW1lIjoiZXRjIiwic2l6ZSI6NDA5Nn0="


@table([("of an archive", "GET", "/archive?path=/", STAT, STAT),
        ("of its head alone", "HEAD", "/archive?path=/", STAT, STAT),
        ("ill-formed", "GET", "/archive?path=/", "{}", None),
        ("of something else", "GET", "/json", STAT, None)])
def test_the_stat_of_a_path(method, rest, sent, got):
    w = world(ALLOW.replace("[create]", "ContainerArchive = own\nContainerArchiveInfo = own\n"
                            "ContainerInspect = own\n[create]"))

    def answer(exchange):
        exchange.head(200, "X-Docker-Container-Path-Stat: " + sent, "X-Else: x",
                      "Content-Type: application/x-tar", "Content-Length: 4")
        if method != "HEAD":
            exchange.send("tar.")

    w.engine.on(method, "/containers/", answer)
    for _ in range(2):
        reply = w.ask(method, "/v1.41/containers/mine" + rest)
        assert reply.status == 200 and reply.body == (b"" if method == "HEAD" else b"tar.")
        assert reply.one("X-Docker-Container-Path-Stat") == got, reply.headers
        assert not reply.header("X-Else")
