# SPDX-License-Identifier: Apache-2.0
"""Nothing is lost or forgotten when an exchange ends otherwise than it should: containers whose
creation nobody was told of, questions that wait for the Engine, places of clients that are gone."""
import json
import os
import signal
import socket
import threading
import time

from client import PATIENCE_S, head, request
from proxy import ALLOW, DRAIN_S, IMAGE, World, until
from report import table, within
from shared import CREATE, MINE, START, assert_refused, assert_served, populate, start

FAMILY = "lost answers"

WAIT = "/v1.41/containers/mine/wait"


def limited(limits, **options):
    return World(ALLOW + "[limits]\n" + limits, prepare=populate, **options)


def own_requests(w, word):
    with w.engine.lock:
        return [r for r in w.engine.requests if w.engine.is_own(r) and word in r.target]


# --- creates whose answer is lost ---

def made_but(say):
    """A handler that makes the container, then says something else than the Engine would."""
    def handler(exchange):
        name = exchange.request.target.split("name=")[1].split("&")[0]
        ident = exchange.engine.new_id()
        exchange.engine.add(ident, name, json.loads(exchange.request.body)["Labels"])
        say(exchange, ident)
    return handler


def break_off(exchange, _ident):
    exchange.send("HTTP/1.1 201 Created\r\nContent-Length: 90\r\n\r\n{\"Id\"")
    exchange.close()


LOST = [("nothing", lambda e, _: e.close()), ("half an answer", break_off),
        ("no JSON", lambda e, _: e.reply(201, b"created!")),
        ("an empty body", lambda e, _: e.reply(201)),
        ("another success", lambda e, i: e.json(200, {"Id": i})),
        ("no HTTP", lambda e, _: e.send("\r\n\r\n\r\n")),
        ("an error that comes too late", lambda e, _: e.error(500, "context deadline exceeded"))]


@table(LOST)
def test_container_of_a_lost_answer_is_found(say):
    """It carries our label, so it is the client's, it counts, and its lease ends."""
    with limited("lifetime = 1h\n") as w:
        w.engine.on("POST", "/containers/create$", made_but(say), times=1)
        assert w.ask("POST", CREATE + "?name=lost", {"Image": IMAGE}).status != 201
        until("the lost container",
              lambda: w.ask("POST", "/v1.41/containers/lost/start").status in (204, 304))
        w.proxy.edit("lifetime = 1h", "lifetime = 1s")
        w.proxy.process.send_signal(signal.SIGHUP)
        until("the end of its lease", lambda: not w.engine.find("lost"))


def served(w):
    """A connection on which the proxy has answered; None when it had no place for it."""
    client = w.connect()
    if client.ask("GET", "/_ping").status == 200:
        return client
    client.close()
    return None


def test_container_of_an_engine_that_was_lost_is_found_unasked():
    """Nobody asks for anything more: its lifetime is to end all the same."""
    with World() as w:
        w.engine.on("POST", "/create$", made_but(lambda e, _: e.engine.stop()), times=1)
        assert_refused(w.ask("POST", CREATE + "?name=lost", {"Image": IMAGE}), 502)
        w.engine.forget()
        w.engine.start()
        assert w.engine.wait_request("GET", r"/containers/json\?"), "nothing is listed"
        assert w.ask("POST", "/v1.41/containers/lost/start").status == 204


def test_container_that_is_made_late_for_a_client_that_is_gone():
    with limited("connections = 1\n") as w:
        go_on = threading.Event()

        def slow(exchange):
            go_on.wait(PATIENCE_S)
            made_but(lambda e, ident: e.json(201, {"Id": ident}))(exchange)
        w.engine.on("POST", "/containers/create$", slow, times=1)
        # The one place may still be held by a connection whose end has not been seen.
        client = until("the first place", lambda: served(w))
        with client:
            client.send(request("POST", CREATE + "?name=late", {"Image": IMAGE}))
            assert w.engine.wait_asked(1), "the create was not forwarded"
        until("a place", lambda: w.ask("GET", "/_ping").status == 200)
        go_on.set()
        until("the late container",
              lambda: w.ask("POST", "/v1.41/containers/late/start").status in (204, 304))


def test_201_until_the_end_of_the_connection():
    with World(prepare=populate) as w:
        def handler(exchange):
            def say(e, ident):
                e.send('HTTP/1.1 201 Created\r\nConnection: close\r\n\r\n{"Id":"%s"}' % ident)
                e.close()
            made_but(say)(exchange)
        w.engine.on("POST", "/containers/create$", handler, times=1)
        reply = w.ask("POST", CREATE + "?name=old", {"Image": IMAGE})
        assert reply.status == 201, reply
        assert w.ask("POST", "/v1.41/containers/old/start").status == 204


# --- places ---

def test_gone_clients_give_their_places_to_others():
    """An Engine that hangs over a create keeps us waiting for it, but no client."""
    with limited("connections = 3\n") as w:
        stuck = threading.Event()
        w.engine.on("POST", "/containers/create$", lambda e: stuck.wait(60))
        for i in range(6):
            with w.connect() as client:
                client.send(request("POST", CREATE + "?name=stuck%d" % i, {"Image": IMAGE}))
                w.engine.wait_asked(i + 1)
            until("a place", lambda: w.ask("GET", "/_ping").status == 200)
        stuck.set()


def test_creates_of_gone_clients_count():
    """Whoever goes without waiting gets no more containers than others."""
    with limited("connections = 3\ncontainers = 3\n") as w:
        stuck = threading.Event()
        w.engine.on("POST", "/containers/create$",
                    lambda e: (stuck.wait(60), e.engine.answer(e)), times=2)
        for i in range(2):
            with w.connect() as client:
                client.send(request("POST", CREATE + "?name=gone%d" % i, {"Image": IMAGE}))
                w.engine.wait_asked(i + 1)
        for _ in range(4):  # clients that need places take none of theirs
            assert w.ask("GET", "/_ping").status == 200
        assert w.ask("POST", CREATE, {"Image": IMAGE}).status == 429
        stuck.set()
        until("both containers", lambda: all(
            w.ask("POST", "/v1.41/containers/gone%d/start" % i).status in (204, 304)
            for i in range(2)))
        assert w.ask("POST", CREATE, {"Image": IMAGE}).status == 429


# --- the Engine is asked as often as needed ---

def test_questions_meet_when_the_engine_is_asked_anew():
    """Many wait for one answer; what is known is not asked again."""
    with World(prepare=populate) as w:
        statuses, enough = [], threading.Event()

        def slow(exchange):
            time.sleep(0.02)
            exchange.engine.answer(exchange)

        def ask():
            while not enough.is_set():
                with w.connect() as client:
                    reply = client.ask("POST", START)
                    while not reply.closes and not enough.is_set():
                        statuses.append(reply.status)
                        reply = client.ask("POST", START)
        w.engine.on("GET", "/_ping$", slow)
        threads = [threading.Thread(target=ask) for _ in range(12)]
        for thread in threads:
            thread.start()
        try:
            until("answers", lambda: len(statuses) > 50)
            with w.proxy.standing_still():  # else each of them may be a loss of its own
                w.engine.drop_connections()
            before = len(statuses)
            until("answers after the loss", lambda: len(statuses) > before + 200)
        finally:
            enough.set()
            for thread in threads:
                thread.join()
        pings = len(own_requests(w, "_ping"))
        assert 1 <= pings <= 4, "%d pings for one loss of the engine's connections" % pings


@table([("made", 201), ("no image", 404), ("a name that is taken", 409)])
def test_what_is_known_is_not_looked_for(status):
    """Only where an answer leaves open whether something was made, the Engine is asked."""
    with World(prepare=populate) as w:
        if status != 201:
            w.engine.on("POST", "/containers/create$", lambda e: e.json(status, {"message": "no"}))
        assert w.ask("POST", CREATE, {"Image": IMAGE}).status == status
        for _ in range(5):
            assert_served(w)
        assert not own_requests(w, "/containers/json")


def test_refused_creates_do_not_make_the_engine_list():
    with limited("containers = 1\n") as w:  # populate() has made it
        begun = time.monotonic()
        with w.connect() as client:
            assert client.ask("POST", CREATE, {"Image": IMAGE}).status == 429
            assert w.engine.wait_request("GET", "/containers/json"), "nothing is listed"
            while time.monotonic() < begun + 1:
                assert client.ask("POST", CREATE, {"Image": IMAGE}).status == 429
        lists, seconds = len(own_requests(w, "/containers/json")), time.monotonic() - begun
        assert lists <= 2 + seconds, "%d lists in %g seconds" % (lists, seconds)


def test_room_is_found_again_after_a_refusal():
    with limited("containers = 1\n") as w:
        assert w.ask("POST", CREATE, {"Image": IMAGE}).status == 429
        with w.engine.lock:
            del w.engine.containers[MINE]  # as AutoRemove does
        until("room", lambda: w.ask("POST", CREATE, {"Image": IMAGE}).status == 201)


def test_nothing_is_asked_of_an_engine_that_is_not_known():
    """Its version is forgotten while a wait goes on; the end of the wait asks in no version."""
    with World(prepare=populate) as w:
        mine = w.engine.containers[MINE]
        mine.running = True
        with w.connect() as client:
            client.send(request("POST", WAIT + "?condition=removed"))
            status, headers = client.reader.head()
            waiting = [c for c in w.engine.connections if c.requests and
                       "/wait" in c.requests[-1].target][0]
            assert_served(w)
            for connection in [c for c in w.engine.connections if c is not waiting]:
                try:
                    connection.sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            time.sleep(0.1)
            with mine.changed:
                mine.removed, mine.running, mine.code = True, False, 0
                mine.changed.notify_all()
            client.reader.body(status, headers)
        assert_served(w)
        assert not [r for r in w.engine.requests if r.target.startswith("/v1.0/")]


def test_engine_is_lost_while_its_containers_are_listed():
    """The list alone does not make it known again: answers still name its version."""
    with World(prepare=populate) as w:
        go_on, listing = threading.Event(), threading.Event()

        def slow(exchange):
            idle = [c for c in w.engine.connections if c is not exchange.connection]
            listing.set()
            go_on.wait(PATIENCE_S)
            for connection in idle:
                try:
                    connection.sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            time.sleep(0.2)
            exchange.engine.answer(exchange)
        w.engine.drop_connections()
        time.sleep(0.1)
        w.engine.on("GET", "/containers/json$", slow, times=1)
        with w.connect() as client:
            client.send(start())
            assert listing.wait(PATIENCE_S)
            go_on.set()
            client.response()
        time.sleep(0.3)
        reply = w.ask("POST", START)
        assert reply.one("Api-Version") == "1.41", reply.headers


def test_who_waits_is_served_although_another_connection_breaks():
    """The Engine is there, and asked again: nobody is refused for the bad end of another's answer."""
    with World(prepare=populate) as w:
        ends = [threading.Event(), threading.Event()]
        listing, go_on = threading.Event(), threading.Event()

        def hold(exchange):
            ends[int(exchange.request.target.rpartition("tail=")[2])].wait(PATIENCE_S)
            exchange.close()

        def slow(exchange):
            listing.set()
            go_on.wait(PATIENCE_S)
            exchange.engine.answer(exchange)
        w.engine.on("GET", "/logs$", hold)
        clients = [w.connect() for _ in ends]
        for number, client in enumerate(clients):
            client.send(request("GET", "/v1.41/containers/mine/logs?stdout=1&tail=%d" % number))
        w.engine.wait_asked(len(clients))
        w.engine.on("GET", "/containers/json$", slow, times=1)
        ends[0].set()
        assert_refused(clients[0].response(), 502)
        with w.connect() as waiting:
            waiting.send(start())
            assert listing.wait(PATIENCE_S)
            ends[1].set()
            assert_refused(clients[1].response(), 502)
            go_on.set()
            assert waiting.response().status in (204, 304)
        for client in clients:
            client.close()


def test_engine_that_closes_whatever_it_has_answered_is_not_asked_for_ever():
    """It says that it keeps its connections; each that ends is a reason to ask who it is."""
    with World(prepare=populate) as w:
        w.engine.on("*", "", lambda exchange: (exchange.engine.answer(exchange), exchange.close()))
        w.engine.drop_connections()
        for _ in range(3):
            w.engine.forget()
            reply = w.ask("POST", START)
            # 502 to one that left on a connection which was about to end: it may have been read.
            assert reply.status in (204, 304, 502, 503), reply
            assert len(w.engine.requests) < 100, "%d for one" % len(w.engine.requests)
        w.engine.reset_scripts()
        until("it is known again", lambda: w.ask("POST", START).status in (204, 304))


def test_idle_loss_while_a_ping_is_under_way():
    """Whoever waits is told by the ping's own answer."""
    with World(prepare=populate) as w:
        w.engine.drop_connections()
        time.sleep(0.1)
        w.engine.on("GET", "/_ping$", lambda e: (time.sleep(0.3), e.engine.answer(e)), times=1)
        with w.connect() as client:
            client.send(start())
            assert client.response().status in (204, 304)


@table([("one", 1), ("two", 2)])
def test_lost_ping(count):
    """An Engine that takes a ping and never answers is asked again beside it; who waits is served."""
    with World(prepare=populate) as w:
        lost = threading.Event()
        w.engine.on("GET", "/_ping$", lambda e: lost.wait(60), times=count)
        begun = time.monotonic()
        w.engine.drop_connections()
        time.sleep(0.1)
        with w.connect() as client:
            client.send(start())
            assert client.response().status in (204, 304)
        pings = len(own_requests(w, "_ping"))  # the first at once, and one each three seconds
        assert count + 1 <= pings <= 1 + (time.monotonic() - begun) / 3, pings
        assert_served(w)
        lost.set()


# --- whole answers ---

def test_pipeline_of_a_client_that_has_half_closed_is_answered_whole():
    """All that was asked is answered, however full the client's socket is meanwhile."""
    with World(prepare=populate) as w:
        for count in (1, 700, 1500):
            with w.connect() as client:
                client.send(head("GET", "/_ping") * count)
                client.half_close()
                time.sleep(0.05)
                for i in range(count):
                    assert client.response().body == b"OK", i
                assert client.closed()


@within(DRAIN_S)
def test_last_answer_before_the_end_is_whole():
    """SIGTERM finds a client that has not read all yet."""
    with World(prepare=populate) as w:
        with w.connect() as client:
            count = 4000
            client.send(head("GET", "/_ping") * count)
            for i in range(10):
                client.response()
            w.proxy.process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
            done = 10
            try:
                while not client.response().closes:
                    done += 1
            except Exception as error:
                raise AssertionError("%d answers, then %s" % (done, error)) from None
        assert w.proxy.wait() == 0


# --- reload and end ---

def test_reload_does_not_touch_a_body_under_way():
    """An exchange ends under the policy that it began with."""
    with limited("body = 64KiB\n") as w:
        body = json.dumps({"Image": IMAGE, "Env": ["A=" + "x" * 20000]}).encode()
        data = request("POST", CREATE, body)
        with w.connect() as client:
            client.send(data[:5000])
            assert_served(w)
            with open(w.proxy.policy, "w", encoding="utf-8") as out:
                out.write(ALLOW + "[limits]\nbody = 2KiB\n")
            os.kill(w.proxy.process.pid, signal.SIGHUP)
            until("the new policy", lambda: w.proxy.log().count("is in force") > 1)
            client.send(data[5000:])
            assert client.response().status == 201
        assert w.ask("POST", CREATE, body).status == 413


def test_end_tells_those_who_wait():
    with World(prepare=populate) as w:
        stuck = threading.Event()
        w.engine.on("POST", "/start$", lambda e: stuck.wait(60), times=1)
        with w.connect() as asked, w.connect() as sending, w.connect() as idle, \
                w.connect() as typing:
            asked.send(start())
            w.engine.wait_asked(1)
            sending.send(request("POST", CREATE, {"Image": IMAGE})[:-1])
            typing.send(b"POST /v1.41")
            assert idle.ask("GET", "/_ping").status == 200
            w.proxy.process.send_signal(signal.SIGTERM)
            for client in (asked, sending):
                reply = client.response()
                assert "shutting down" in assert_refused(reply, 503)
                assert reply.closes and client.closed()
            assert idle.closed() and typing.closed()
        stuck.set()
        assert w.proxy.wait() == 0


@table([("a whole request", head("GET", "/_ping")), ("half a head", b"GET /_pi"),
        ("half a body", request("POST", CREATE, {"Image": IMAGE})[:-4]),
        ("a wait", request("POST", WAIT)), ("a pipeline", head("GET", "/_ping") * 50 + start())])
def test_end_in_every_state(data):
    with World(prepare=populate) as w:
        w.engine.containers[MINE].running = True
        with w.connect() as client:
            client.send(data)
            assert_served(w)
            assert w.proxy.stop() == 0
