# SPDX-License-Identifier: Apache-2.0
"""Every size, count and time that a client controls has a bound, and others go on."""
import json
import re

from client import head, request
from proxy import ALLOW, IMAGE, World, until
from report import table
from shared import (CREATE, START, assert_refused, assert_served, assert_untouched, populate,
                    start)

FAMILY = "limits"

PING = head("GET", "/_ping")


def limited(limits, **options):
    return World(ALLOW + "[limits]\n" + limits, prepare=populate, **options)


def test_head_that_is_too_large():
    with limited("head = 2KiB\n") as w:
        for data in (start("X: " + "y" * 4096), start(*["X-%d: yyyyyyyyyyyyyyyy" % i
                                                        for i in range(60)] + ["Y: " + "z" * 2000]),
                     b"POST " + START.encode() + b" HTTP/1.1\r\nHost: d\r\nX: " + b"y" * 8192):
            with w.connect() as client:
                client.send(data)
                reply = client.response()
                assert_refused(reply, 431)
                assert reply.closes and client.closed()
        assert_untouched(w)
        assert w.ask("POST", START, None, "X: " + "y" * 1024).status == 204


def test_too_many_header_lines():
    with limited("headers = 10\n") as w:
        with w.connect() as client:
            client.send(start(*["X%d: y" % i for i in range(10)]))
            assert_refused(client.response(), 431)
            assert client.closed()
        assert_untouched(w)
        assert w.ask("POST", START, None, *["X%d: y" % i for i in range(8)]).status == 204


def test_target_that_is_too_long():
    with limited("target = 256\n") as w:
        for target in ("/v1.41/containers/%s/start" % ("a" * 300), "/" + "x" * 4000,
                       START + "?" + "a=1&" * 100):
            with w.connect() as client:
                client.send(head("POST", target))
                reply = client.response()
                assert_refused(reply, 414)
                assert reply.closes and client.closed()
        with w.connect() as client:  # also before its end is there
            client.send(b"GET /" + b"x" * 5000)
            assert_refused(client.response(), 414)
        assert_untouched(w)
        assert_served(w)


def test_body_that_is_too_large():
    with limited("body = 2KiB\n") as w:
        body = json.dumps({"Image": IMAGE, "Env": ["A=" + "x" * 4096]}).encode()
        with w.connect() as client:
            client.send(request("POST", CREATE, body))
            reply = client.response()
            assert_refused(reply, 413)
            assert reply.closes and client.closed()
        with w.connect() as client:  # judged by its length, before a byte of it
            client.send(head("POST", CREATE, "Content-Type: application/json",
                             "Content-Length: 2049"))
            assert_refused(client.response(), 413)
        pieces = b"".join(b"80\r\n" + b" " * 128 + b"\r\n" for _ in range(17))
        with w.connect() as client:
            client.send(head("POST", CREATE, "Content-Type: application/json",
                             "Transfer-Encoding: chunked") + pieces)
            assert_refused(client.response(), 413)
            assert client.closed()
        assert_untouched(w)
        assert w.ask("POST", CREATE, {"Image": IMAGE, "Env": ["A=" + "x" * 1024]}).status == 201


def test_chunks_of_one_byte_do_not_multiply_the_body():
    with limited("body = 64KiB\n") as w:
        assert_served(w)
        before = w.proxy.rss_kib()
        data = b'{"Image":"%s"' % IMAGE.encode() + b" " * 60000 + b"}"
        with w.connect() as client:
            client.send(head("POST", CREATE, "Content-Type: application/json",
                             "Transfer-Encoding: chunked"))
            client.send(b"".join(b"1\r\n%c\r\n" % c for c in data) + b"0\r\n\r\n")
            assert client.response().status == 201
        assert w.proxy.rss_kib() - before < 8 << 10


def test_too_many_connections():
    with limited("connections = 5\n") as w:
        clients = [w.connect() for _ in range(5)]
        for client in clients:
            assert client.ask("GET", "/_ping").status == 200
        with w.connect() as late:
            late.send(start())
            reply = late.response()
            assert_refused(reply, 503)
            assert reply.one("Retry-After") and late.closed(), reply.headers
        assert_untouched(w)
        for client in clients:
            assert client.ask("POST", START).status in (204, 304)
        clients.pop().close()
        until("room for another client", lambda: w.ask("POST", START).status in (204, 304))
        for client in clients:
            client.close()


def test_head_that_never_ends_is_timed_out():
    with limited("head-timeout = 300ms\n") as w:
        with w.connect() as client:
            client.send(b"POST ")
            reply = client.response()
            assert_refused(reply, 408)
            assert client.closed()
        with w.connect() as client:  # a byte now and then does not help
            client.sock.settimeout(0.05)
            try:
                for byte in start("X: " + "y" * 1000):
                    client.sock.sendall(bytes([byte]))
                    try:
                        if client.sock.recv(1):
                            break
                    except TimeoutError:
                        pass
                else:
                    raise AssertionError("a slow head was served")
            except (BrokenPipeError, ConnectionResetError):
                pass
        assert_untouched(w)
        assert_served(w)


def test_body_that_never_ends_is_timed_out():
    with limited("body-timeout = 300ms\n") as w:
        data = request("POST", CREATE, {"Image": IMAGE})
        with w.connect() as client:
            client.send(data[:-1])
            reply = client.response()
            assert_refused(reply, 408)
            assert client.closed()
        assert_untouched(w)
        assert_served(w)


def test_idle_connection_is_closed_without_a_word():
    with limited("idle-timeout = 2s\n") as w:
        with w.connect() as fresh, w.answered(PING) as used:
            assert used.response().status == 200
            assert used.closed(), "an idle connection is told something"
            assert fresh.closed()


def test_streams_have_no_idle_timeout():
    with limited("idle-timeout = 2s\nhead-timeout = 200ms\nbody-timeout = 200ms\n") as w:
        mine = w.engine.find("mine")
        mine.running = True
        with w.answered(request("POST", "/v1.41/containers/mine/wait")) as client:
            status, headers = client.reader.head()
            with w.answered(PING) as other:  # this one idles for longer than all of the limits
                assert other.response().status == 200
                assert other.closed()
            with w.connect() as other:
                assert other.closed()
            mine.exit(1)
            assert json.loads(client.reader.body(status, headers))["StatusCode"] == 1


def test_too_many_containers():
    with limited("containers = 3\n") as w:  # populate() has made one of them
        w.create("c1")
        w.create("c2")
        w.engine.forget()
        reply = w.ask("POST", CREATE + "?name=c3", {"Image": IMAGE})
        message = assert_refused(reply, 429)
        assert "containers" in message and "[limits]" in message, message
        assert_untouched(w)
        assert w.ask("DELETE", "/v1.41/containers/c1").status == 204
        w.create("c3")
        assert w.ask("POST", CREATE, {"Image": IMAGE}).status == 429


def test_too_many_containers_at_once():
    """Creates that are under way count too."""
    with limited("containers = 4\n") as w:
        clients = [w.connect() for _ in range(12)]
        for i, client in enumerate(clients):
            client.send(request("POST", CREATE + "?name=par%d" % i, {"Image": IMAGE}))
        statuses = sorted(client.response().status for client in clients)
        assert statuses == [201] * 3 + [429] * 9, statuses
        for client in clients:
            client.close()


def test_lifetime_removes_a_container():
    with limited("lifetime = 1s\n") as w:
        made = w.create("short")
        made.running = True  # by no request, for which its lease might be too short
        until("the end of the lease", lambda: made.removed)
        deletes = [r for r in w.engine.requests if r.method == "DELETE"]
        assert re.match(r"^/v1\.41/containers/%s\?" % made.id, [d for d in deletes if made.id in
                                                               d.target][0].target), deletes
        assert "force=1" in deletes[0].target and "v=1" in deletes[0].target
        until("that it is forgotten",
              lambda: w.ask("POST", "/v1.41/containers/short/start").status == 404)


def test_lifetime_holds_across_a_restart_and_spares_others():
    with limited("lifetime = 2s\n") as w:
        made = w.create("left")
        w.proxy.kill()
        w.proxy.start()
        until("the end of the lease", lambda: made.removed)
        assert "d" * 64 in w.engine.containers


def test_lifetime_ends_although_the_engine_was_down():
    with limited("lifetime = 1s\n") as w:
        made = w.create("outlived")
        w.engine.stop()
        w.proxy.answers()
        w.engine.start()
        until("the end of the lease", lambda: made.removed)


def test_no_lifetime():
    with limited("lifetime = 0\n") as w:
        made = w.create("forever")
        assert w.ask("POST", "/v1.41/containers/forever/start").status == 204
        assert not made.removed


DEEP = '{"Image":"%s","HostConfig":{"LogConfig":' % IMAGE


@table([("arrays", '{"Cmd":' + "[" * 5000), ("objects", '{"a":' * 5000),
        ("arrays that end", '{"Cmd":' + "[" * 40 + "]" * 40 + "}"),
        ("a known path", DEEP + '{"a":' * 100 + "1" + "}" * 102)])
def test_depth(body):
    with limited("") as w:
        assert_refused(w.ask("POST", CREATE, body), 400, 403)
        assert_untouched(w)
        assert_served(w)


@table([("keys", '{"Image":"%s","Labels":{%s}}' % (
    IMAGE, ",".join('"k%d":"v"' % i for i in range(50000)))),
        ("strings", '{"Image":"%s","Cmd":[%s]}' % (IMAGE, ",".join(['"x"'] * 200000))),
        ("one string", '{"Image":"%s","Cmd":["%s"]}' % (IMAGE, "x" * 2000000)),
        ("unknown keys", "{%s}" % ",".join('"k%d":1' % i for i in range(50000)))])
def test_wide_bodies_are_judged_and_nobody_waits(body):
    with limited("") as w:
        reply = w.ask("POST", CREATE, body)
        assert reply.status in (201, 400, 403, 413), reply
        assert_served(w)
