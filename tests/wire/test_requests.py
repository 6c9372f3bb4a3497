# SPDX-License-Identifier: Apache-2.0
"""One connection, many requests: keep-alive, pipelining, HTTP/1.0, Expect, pings, slow and early
ended requests."""
import json

from client import head, request
from proxy import IMAGE, World, until
from report import family, table
from shared import (CREATE, MINE, START, assert_refused, assert_served, assert_untouched, populate,
                    start, world)

FAMILY = "pipelines"

LOGS = "/v1.41/containers/mine/logs?stdout=1"
EXEC = "/v1.41/containers/mine/exec"
FOREIGN = "/v1.41/containers/theirs/start"


def test_requests_follow_one_another():
    w = world()
    with w.connect() as client:
        for _ in range(3):
            for method, target, status in (("POST", START, (204, 304)), ("GET", "/_ping", (200,)),
                                           ("POST", EXEC, (403,)), ("POST", FOREIGN, (404,)),
                                           ("GET", LOGS, (200,))):
                reply = client.ask(method, target)
                assert reply.status in status, "%s %s: %r" % (method, target, reply)
                assert not reply.closes, "%s %s closes" % (method, target)


def test_pipelined_requests_are_answered_in_order_each_judged_alone():
    w = world()
    body = {"Image": IMAGE}
    plan = [("GET", "/_ping", None, 200), ("POST", EXEC, None, 403),
            ("POST", CREATE + "?name=pipe1", body, 201), ("POST", FOREIGN, None, 404),
            ("GET", LOGS, None, 200), ("GET", "/v1.41/images/json", None, 403),
            ("POST", "/v1.41/containers/pipe1/start", None, 204),
            ("POST", CREATE, {"Image": IMAGE, "HostConfig": {"Privileged": True}}, 403),
            ("HEAD", "/_ping", None, 200),
            ("DELETE", "/v1.41/containers/pipe1?force=1", None, 204),
            ("POST", "/v1.41/containers/pipe1/start", None, 404)]
    with w.connect() as client:
        client.send(b"".join(request(m, t, b) for m, t, b, _ in plan))
        for method, target, _, status in plan:
            reply = client.response(method == "HEAD")
            assert reply.status == status, "%s %s: %r" % (method, target, reply)
    sent = [(r.method, r.target.split("/")[-1].split("?")[0]) for r in w.engine.asked()]
    assert [s[1] for s in sent[:3]] == ["create", "logs", "start"] and len(sent) == 4, sent


def test_nothing_is_sent_ahead_of_an_answer():
    """A pipelined start waits for the answer to the wait before it."""
    w = world()
    with w.connect() as client:
        mine = w.engine.containers[MINE]
        mine.running = True
        client.send(request("POST", "/v1.41/containers/mine/wait") + request("POST", START))
        assert w.engine.wait_asked(1)
        assert client.reader.head()[0] == 200
        assert len(w.engine.asked()) == 1, w.engine.asked()
        mine.exit(3)
        assert client.reader.body(200, [("Transfer-Encoding", "chunked")])
        assert client.response().status == 204
    assert [r.target.split("/")[-1] for r in w.engine.asked()] == ["wait", "start"]


def test_a_broken_request_ends_what_was_pipelined_behind_it():
    w = world()
    with w.connect() as client:
        client.send(start() + head("POST", START, "Content-Length: 5", "Content-Length: 6") +
                    start())
        assert client.response().status in (204, 304)
        assert_refused(client.response(), 400)
        assert client.closed()
    assert len(w.engine.asked()) == 1


def test_connection_close_is_heeded():
    w = world()
    for target in (START, EXEC, FOREIGN):
        with w.connect() as client:
            client.send(head("POST", target, "Connection: close") + start())
            reply = client.response()
            assert reply.closes, reply.headers
            assert client.closed(), "more than one answer"


@family("methods and versions")
@table([("forwarded", "POST", START, (204, 304)), ("refused", "POST", EXEC, (403,)),
        ("ping", "GET", "/_ping", (200,)), ("logs", "GET", LOGS, (200,))])
def test_http_1_0_is_served_and_closed(method, target, statuses):
    w = world()
    for headers in ([], ["Connection: keep-alive"]):
        with w.connect() as client:
            client.send(head(method, target, *headers, version="HTTP/1.0"))
            reply = client.response()
            assert reply.status in statuses, reply
            assert not reply.header("Transfer-Encoding"), "chunked is not known to HTTP/1.0"
            assert client.closed()


@family("methods and versions")
def test_http_1_0_without_host():
    w = world()
    with w.connect() as client:
        client.send(head("POST", START, host=None, version="HTTP/1.0"))
        assert client.response().status in (204, 304)


@family("methods and versions")
def test_http_1_0_gets_the_whole_of_a_stream():
    w = world()
    mine = w.engine.containers[MINE]
    mine.log[:] = [(1, b"one\n"), (1, b"two\n")]
    try:
        with w.connect() as client:
            client.send(head("GET", LOGS, version="HTTP/1.0"))
            assert b"one\n" in client.response().body
            with w.connect() as other:
                assert client.reader.buffer == b"" and other.ask("GET", LOGS).body.endswith(b"two\n")
    finally:
        mine.log[:] = []


@family("Expect")
def test_expect_100_continue():
    w = world()
    body = json.dumps({"Image": IMAGE}).encode()
    with w.connect() as client:
        client.send(head("POST", CREATE, "Content-Type: application/json", "Expect: 100-continue",
                         "Content-Length: %d" % len(body)))
        reply = client.reader.response()
        assert reply.status == 100, reply
        assert_untouched(w)
        client.send(body)
        assert client.response().status == 201


@family("Expect")
def test_expect_of_what_is_refused_is_not_encouraged():
    w = world()
    with w.connect() as client:
        client.send(head("POST", "/v1.41/images/create", "Content-Type: application/json",
                         "Expect: 100-continue", "Content-Length: 100000000"))
        reply = client.reader.response()
        assert reply.status in (400, 403, 413), "it was told to go on: %r" % reply
    assert_untouched(w)


@family("Expect")
def test_expect_of_anything_else():
    w = world()
    for value in ("200-ok", "100-continue, x", "100-continue=1", ""):
        with w.connect() as client:
            client.send(start("Expect: " + value))
            assert_refused(client.response(), 417, 400)
        assert_untouched(w)


@family("plain requests")
def test_ping_is_answered_without_the_engine():
    w = world()
    for method in ("GET", "HEAD"):
        for target in ("/_ping", "/v1.41/_ping"):
            reply = w.ask(method, target)
            assert reply.status == 200, reply
            assert reply.one("Api-Version") == "1.41" and reply.one("Ostype") == "linux"
            assert reply.body == (b"" if method == "HEAD" else b"OK"), reply
            assert reply.one("Content-Length") in ("2", "0" if method == "HEAD" else "2")
    assert w.engine.untouched() == "", "a byte of a client's ping reached the engine"


@family("plain requests")
def test_ping_is_forwarded_when_the_policy_says_so():
    policy = "[allow]\nSystemPing = yes\nSystemPingHead = yes\n"
    with World(policy) as w:
        w.engine.forget()
        for method in ("GET", "HEAD"):
            reply = w.ask(method, "/v1.41/_ping")
            assert reply.status == 200 and reply.one("Api-Version") == "1.41", reply
        pings = [r.method for r in w.engine.requests if r.target == "/v1.41/_ping"]
        assert pings == ["GET", "HEAD"], w.engine.requests


@family("plain requests")
def test_version_when_the_policy_allows_it():
    with World("[allow]\nSystemVersion = yes\n") as w:
        reply = w.ask("GET", "/version")
        assert reply.status == 200 and json.loads(reply.body)["ApiVersion"] == "1.41", reply


@family("byte by byte")
@table([("create", request("POST", CREATE, {"Image": IMAGE}), 201), ("start", start(), 304),
        ("logs", head("GET", LOGS), 200), ("refused", head("POST", EXEC), 403),
        ("chunked", head("POST", CREATE, "Content-Type: application/json",
                         "Transfer-Encoding: chunked") +
         b"b\r\n{\"Image\":\"p\r\n12\r\nython:3.11-slim\"} \r\n0\r\n\r\n", 201)])
def test_byte_by_byte(data, status):
    with World(prepare=populate) as w:
        w.engine.containers[MINE].running = True
        w.engine.singly = True
        with w.connect() as client:
            for _ in range(2):  # in step afterwards
                client.send(data, singly=True)
                reply = client.response()
                assert reply.status == status, reply


@family("early closes")
def test_early_close_at_every_byte_of_a_request():
    """Nobody is harmed, and the engine hears nothing of a request that never was whole."""
    w = world()
    data = request("POST", CREATE + "?name=early", {"Image": IMAGE})
    for length in range(len(data)):
        with w.connect() as client:
            client.send(data[:length])
    assert_served(w)
    asked = [r for r in w.engine.asked() if "create" in r.target]
    assert not asked, "%d creates from requests that were not whole" % len(asked)


@family("half-closes")
def test_early_half_close_at_every_byte_of_a_request():
    w = world()
    data = request("POST", CREATE + "?name=early", {"Image": IMAGE})
    for length in range(0, len(data), 3):
        with w.connect() as client:
            client.send(data[:length])
            client.half_close()
            client.sock.recv(65536)  # whatever is said about it, it ends
            while client.sock.recv(65536):
                pass
    assert_untouched(w)


@family("half-closes")
def test_half_close_after_a_whole_request_still_gets_its_answer():
    w = world()
    for data, status in ((request("POST", CREATE, {"Image": IMAGE}), 201), (head("GET", LOGS), 200),
                         (head("POST", EXEC), 403), (head("GET", "/_ping"), 200)):
        with w.connect() as client:
            client.send(data)
            client.half_close()
            assert client.response().status == status
            assert client.closed()


@family("early closes")
def test_client_gone_after_create_is_still_owned():
    """A client that closes at once gets its container; it must not be forgotten."""
    with World(prepare=populate) as w:
        w.engine.forget()
        with w.connect() as client:
            client.send(request("POST", CREATE + "?name=left", {"Image": IMAGE}))
            w.engine.wait_asked(1)
        until("the container of a client that left",
              lambda: w.ask("POST", "/v1.41/containers/left/start").status == 204)


@family("plain requests")
def test_a_refusal_says_what_and_how_to_mend_it():
    w = world()
    message = assert_refused(w.ask("POST", EXEC), 403)
    assert message.startswith("caisson: ") and "ContainerExec" in message and \
        "evaluator.ini" in message, message
    message = assert_refused(w.ask("POST", CREATE, {"Image": IMAGE,
                                                    "HostConfig": {"Privileged": True}}), 403)
    assert "HostConfig.Privileged" in message and "[create]" in message, message
    reply = w.ask("POST", EXEC)
    assert reply.one("Api-Version") == "1.41" and reply.one("Ostype") == "linux", reply.headers


@family("header grammar")
def test_headers_of_a_client_go_nowhere():
    w = world()
    with w.connect() as client:
        client.send(start("X-Registry-Auth: secret", "Cookie: a=b", "X-HTTP-Method-Override: DELETE",
                          "Authorization: Basic eA==", "X-Forwarded-For: 1.2.3.4", "Via: 1.1 x",
                          "User-Agent: evil", "Accept-Encoding: gzip"))
        assert client.response().status in (204, 304)
    sent = w.engine.asked()[0]
    assert {n.lower() for n, _ in sent.headers} <= {"host", "content-length", "user-agent"}, \
        sent.headers
    assert b"evil" not in sent.raw and b"secret" not in sent.raw, sent.raw
