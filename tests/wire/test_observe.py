# SPDX-License-Identifier: Apache-2.0
"""mode = observe: everything that is sound HTTP goes through as it came, and is written down."""
import json
import os
import signal
import subprocess

from client import head, request
from proxy import ALLOW, BINARY, IMAGE, World, until
from report import table
from shared import CREATE, assert_refused, assert_untouched, populate
from test_images import PREFIX, channel, echo

FAMILY = "observing"

OBSERVE = ALLOW + "[proxy]\nmode = observe\n"
BODY = (b'{ "image": "busybox", "HostConfig": {"Privileged": true, "Binds": ["/:/host"]},'
        b' "Nonsense": 1, "Nonsense": 2 }')


def observing(policy=OBSERVE, prepare=populate):
    """A world whose proxy was started with the flag."""
    w = World(policy, prepare=prepare)
    w.proxy.arguments.append("--i-accept-the-risk")
    return w


def record(w, count=1):
    """The newest audit line, of so many."""
    return w.audit(count)[-1]


def test_does_not_start_without_the_flag():
    with World(OBSERVE, start=False) as w:
        w.proxy.spawn()
        assert w.proxy.wait() == 2
        words = w.proxy.log()
        assert "test.ini:10: mode = observe lets every request through unjudged" in words, words
        assert "--i-accept-the-risk" in words and "write mode = enforce" in words, words
        assert not os.path.lexists(w.proxy.listen)


def test_says_so_at_the_start():
    with observing() as w:
        assert "EVERY REQUEST GOES THROUGH UNJUDGED" in w.proxy.log(), w.proxy.log()


def test_the_flag_alone_enforces():
    with observing(ALLOW) as w:
        assert "UNJUDGED" not in w.proxy.log()
        assert_refused(w.ask("GET", "/v1.41/info"), 403)


def test_a_word_that_is_no_mode():
    with World(ALLOW + "[proxy]\nmode = watch\n", start=False) as w:
        w.proxy.spawn()
        assert w.proxy.wait() == 2
        assert "'watch' is no mode; write enforce or observe" in w.proxy.log(), w.proxy.log()


def test_a_create_goes_on_as_it_came():
    with observing() as w:
        reply = w.ask("POST", CREATE + "?name=x&platform=&name=y", BODY)
        asked = w.engine.asked()
        assert [r.body for r in asked] == [BODY], asked
        assert asked[0].target == CREATE + "?name=x&platform=&name=y", asked[0].target
        made = json.loads(reply.body)["Id"]
        assert reply.status == 201 and w.engine.containers[made].labels == {}, reply
        line = record(w)
        assert line["decision"] == "observe" and line["reason"] == "query-refused", line
        assert "name" in line["message"] and line["status"] == 201, line
        assert line["container"] == made, line


def test_what_would_pass_is_said_to():
    with observing() as w:
        assert w.ask("POST", CREATE, {"Image": IMAGE}).status == 201
        line = record(w)
        assert (line["decision"], line["reason"]) == ("observe", "none"), line
        assert "message" not in line and "ended" not in line, line
        sent = w.engine.asked()[0]
        assert json.loads(sent.body) == {"Image": IMAGE} and "name=" not in sent.target, sent


@table([("plainly", "?name=new"), ("escaped", "?size=0&n%61me=n%65w"),
        ("with the slash of an inspect", "?name=%2Fnew")])
def test_own_and_foreign_are_told_apart(query):
    """What was made here is known by id, name and prefix; nothing else is."""
    with observing() as w:
        made = json.loads(w.ask("POST", CREATE + query, {"Image": IMAGE}).body)["Id"]
        count = 1
        for ref in (made, "new", made[:12]):
            assert w.ask("POST", "/v1.41/containers/%s/start" % ref).status in (204, 304)
            count += 1
            line = record(w, count)
            assert (line["container"], line["reason"]) == (made, "none"), line
            assert w.engine.asked()[-1].target == "/v1.41/containers/%s/start" % ref
        for ref in ("mine", "theirs"):  # mine has our label, but was not made in this time
            assert w.ask("POST", "/v1.41/containers/%s/start" % ref).status == 204
            count += 1
            line = record(w, count)
            assert line["reason"] == "not-owned" and "container" not in line, line
        assert w.ask("POST", "/v1.41/containers/%s/kill" % made[:12]).status == 404
        line = record(w, count + 1)
        assert (line["container"], line["reason"]) == (made, "operation-not-allowed"), line


def test_operations_that_no_policy_allows():
    with observing() as w:
        for method, target, operation in (
                ("GET", "/v1.41/swarm", "SwarmInspect"), ("GET", "/v1.30/info?a=1&a=2", "SystemInfo"),
                ("GET", "/v1.41/no/such/thing?x=%22", None),
                ("DELETE", "/v1.41/images/a/b:c", "ImageDelete")):
            w.engine.forget()
            w.ask(method, target)
            assert [(r.method, r.target) for r in w.engine.asked()] == [(method, target)]
        lines = w.audit(4)
        assert [a.get("operation") for a in lines] == ["SwarmInspect", "SystemInfo", None,
                                                       "ImageDelete"], lines
        assert {a["decision"] for a in lines} == {"observe"}
        assert [a["reason"] for a in lines] == ["operation-not-allowed", "operation-not-allowed",
                                                "operation-unknown", "operation-not-allowed"]


def test_a_long_target_goes_on_whole():
    target = "/v1.41/images/json?filters=" + "x" * 3500
    with observing() as w:
        w.ask("GET", target)
        assert [r.target for r in w.engine.asked()] == [target]


def test_versions():
    """Below the floor: as the client says; above the engine's: the engine's; none: the engine's."""
    with observing() as w:
        for target, sent in (("/v1.24/version", "/v1.24/version"),
                             ("/v1.99/version", "/v1.41/version"), ("/version", "/v1.41/version")):
            w.engine.forget()
            assert w.ask("GET", target).status == 200
            assert [r.target for r in w.engine.asked()] == [sent]
        assert [a["reason"] for a in w.audit(3)] == ["operation-not-allowed"] * 3


def test_a_body_where_none_is_expected():
    with observing() as w:
        assert w.ask("POST", "/v1.41/containers/mine/start", {"HostConfig": {}}).status == 204
        assert [json.loads(r.body) for r in w.engine.asked()] == [{"HostConfig": {}}]


HOSTILE = [
    ("two lengths", request("POST", CREATE, BODY, "Content-Length: 5")),
    ("length and chunks", head("POST", CREATE, "Content-Type: application/json",
                               "Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n"),
    ("a chunk that is none", head("POST", CREATE, "Content-Type: application/json",
                                  "Transfer-Encoding: chunked") + b"zz\r\n{}\r\n0\r\n\r\n"),
    ("an escape in the path", head("GET", "/v1.41/containers/%2e%2e/json")),
    ("dots", head("GET", "/v1.41/containers/../info")),
    ("a fragment", head("GET", "/v1.41/info#x")),
    ("a bare LF", b"GET /v1.41/info HTTP/1.1\nHost: docker\n\n"),
    ("another version", head("GET", "/v2/info")),
    ("no path", head("OPTIONS", "*")),
    ("a space in the query", b"GET /v1.41/info?a b HTTP/1.1\r\nHost: docker\r\n\r\n"),
    ("a quote in the query", head("GET", '/v1.41/info?a="')),
    ("a method that nobody writes", head("PATCH", "/v1.41/info")),
    ("two hosts", head("GET", "/v1.41/info", "Host: b")),
]


def test_hostile_bytes_are_still_refused():
    with observing() as w:
        for name, data in HOSTILE:
            with w.connect() as client:
                client.send(data)
                reply = client.response()
                assert 400 <= reply.status < 500, (name, reply)
            assert_untouched(w)
        lines = w.audit(len(HOSTILE))
        assert {a["decision"] for a in lines} == {"deny"}, lines


def test_chunks_are_written_anew():
    with observing() as w:
        with w.connect() as client:
            client.send(head("POST", CREATE, "Content-Type: application/json",
                             "Transfer-Encoding: chunked", "X-Registry-Auth: secret") +
                        b"7\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (BODY[:7], len(BODY) - 7, BODY[7:]))
            assert client.response().status == 201
        sent = w.engine.asked()[0]
        assert sent.body == BODY, sent.body
        assert b"chunked" not in sent.raw and b"secret" not in sent.raw, sent.raw
        assert b"Content-Length: %d\r\n" % len(BODY) in sent.raw, sent.raw


def test_uploads_go_on_as_they_come():
    """Of operations that take one, that cannot be allowed, that have no body, and of none at all."""
    data = bytes(range(256)) * 1024
    with observing() as w:
        w.engine.on("*", ".", lambda exchange: exchange.json(200, {}))
        for method, target in (("PUT", "/v1.41/containers/theirs/archive?path=/"),
                               ("POST", "/v1.41/images/load"), ("POST", "/v1.41/plugins/create"),
                               ("POST", "/v1.41/something/new")):
            for framing in ("Content-Length: %d" % len(data), "Transfer-Encoding: chunked"):
                w.engine.forget()
                with w.connect() as client:
                    client.send(head(method, target, "Content-Type: application/x-tar", framing) +
                                (data if "Length" in framing else
                                 b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data)))
                    assert client.response().status == 200, target
                assert [(r.target, r.body) for r in w.engine.asked()] == [(target, data)], target
        assert {a["decision"] for a in w.audit(8)} == {"observe"}


def test_a_tunnel():
    def agree(exchange):
        exchange.send("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
        exchange.send(exchange.connection.sock.recv(100).upper())
        exchange.close()
    with observing() as w:
        for target in ("/v1.41/containers/theirs/attach?stream=1", "/v1.41/something/new"):
            w.engine.on("POST", "/attach$|/new$", agree)
            with w.connect() as client:
                client.send(head("POST", target, "Connection: Upgrade", "Upgrade: tcp"))
                assert client.reader.head()[0] == 101
                client.send(b"hello")
                assert client.reader.take(5) == b"HELLO"
        lines = w.audit(2)
        assert [a["decision"] for a in lines] == ["observe"] * 2, lines
        assert lines[0]["status"] == 101, lines


def test_reload_between_the_modes():
    with observing() as w:
        w.engine.find("theirs").running = True
        with w.connect() as waiting, w.connect() as idle:
            waiting.send(request("POST", "/v1.41/containers/theirs/wait"))
            waiting.reader.head()
            assert idle.ask("GET", "/v1.41/version").status == 200
            reload(w, ALLOW, "is in force")
            assert_refused(idle.ask("GET", "/v1.41/version"), 403)
            # What was made unjudged is nobody's own.
            assert_refused(idle.ask("DELETE", "/v1.41/containers/theirs"), 404)
            w.engine.find("theirs").exit(3)  # what is under way ends as it began
            assert b'"StatusCode": 3' in waiting.reader.chunk()
            reload(w, OBSERVE, "UNJUDGED")
            assert idle.ask("GET", "/v1.41/version").status == 200
        assert [a["decision"] for a in w.audit(5)].count("observe") == 3


@table([("a body", "application/json"), ("a head", "text/plain")])
def test_a_request_that_is_held_back_until_the_policy_enforces(kind):
    """What came only in part while all went through does not go through any more."""
    with observing() as w, w.connect() as client:
        whole = head("POST", CREATE, "Content-Type: " + kind, "Content-Length: %d" % len(BODY))
        whole += BODY if kind == "application/json" else b""
        client.send(whole[:-1])
        assert w.ask("GET", "/v1.41/version").status == 200
        w.engine.forget()
        reload(w, ALLOW, "is in force")
        client.send(whole[-1:])
        assert_refused(client.response(), 503, 403, 400)
        assert_untouched(w)
        assert {a["decision"] for a in w.audit(2)[1:]} == {"deny"}


def test_made_unjudged_is_not_own_when_enforced():
    with observing() as w:
        made = json.loads(w.ask("POST", CREATE, BODY).body)["Id"]
        reload(w, ALLOW, "is in force")
        assert_refused(w.ask("POST", "/v1.41/containers/%s/start" % made), 404)


def test_reload_to_observe_needs_the_flag():
    with World(ALLOW, prepare=populate) as w:
        reload(w, OBSERVE, "the policy in force stays")
        assert "mode = observe lets every request through" in w.proxy.log()
        assert_refused(w.ask("GET", "/v1.41/version"), 403)


def reload(w, policy, words):
    before = w.proxy.log().count(words)
    with open(w.proxy.policy, "w", encoding="utf-8") as out:
        out.write(policy)
    w.proxy.process.send_signal(signal.SIGHUP)
    until("the reload", lambda: w.proxy.log().count(words) > before)


def test_check_says_host_root():
    with World(OBSERVE, start=False) as w:
        done = subprocess.run([BINARY, "check", w.proxy.policy], capture_output=True, text=True,
                              check=False)
        assert done.returncode == 0 and "\nVerdict: host root\n" in done.stdout, done
        assert "\n  mode = observe (test.ini:10) gives host root:\n" in done.stdout, done.stdout
        assert "Note: mode = observe: nothing of this is enforced" in done.stdout, done.stdout


def test_engine_that_is_gone():
    with observing() as w:
        w.engine.on("GET", "/version$", lambda exchange: exchange.close())
        assert w.ask("GET", "/v1.41/version").status == 502
        line = record(w)
        assert (line["reason"], line["ended"]) == ("operation-not-allowed", "engine-broke-off")


def test_a_session_says_who_it_is():
    """BuildKit's client works through it, of whose head no policy lets more pass."""
    with observing() as w:
        w.engine.on("POST", r"/session$", echo)
        asked, answer = channel(w, "/session", "Upgrade: h2c", PREFIX + "Uuid: abc",
                                PREFIX + "Grpc-Method: /a.b.C/D", "X-Evil: yes")
        assert asked.header(PREFIX + "Uuid") == ["abc"], asked.headers
        assert asked.header(PREFIX + "Grpc-Method") == ["/a.b.C/D"], asked.headers
        assert not asked.header("X-Evil") and answer.startswith(b"HTTP/1.1 101 "), answer


# ---- an engine that answers before it has the body ----

TUNNELS = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
RAW = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nraw"
MADE = b"HTTP/1.1 201 Created\r\nContent-Length: 13\r\n\r\n{\"Id\":\"abcd\"}"
UPGRADE = ("Connection: Upgrade", "Upgrade: tcp")


@table([("a tunnel", "/v1.41/containers/mine/attach?stream=1", UPGRADE, TUNNELS, 502),
        ("a raw stream", "/v1.41/containers/mine/attach?stream=1", (), RAW, 200),
        ("an unknown tunnel", "/v1.41/nonsense", UPGRADE, TUNNELS, 502),
        ("a create", CREATE, (), MADE, 201),
        ("an exec", "/v1.41/containers/mine/exec", (), MADE, 201),
        ("a network", "/v1.41/networks/create", (), MADE, 201)])
def test_an_early_answer_to_a_body_that_is_no_json(target, fields, reply, status):
    """It is the answer to a request whose body goes on: no tunnel, and nothing to learn from."""
    with observing() as w:
        w.engine.on_head("POST", "/", lambda e: e.send(reply))
        with w.connect() as client:
            client.send(head("POST", target, "Content-Type: text/plain", *fields,
                             "Transfer-Encoding: chunked") + b"3\r\nabc\r\n")
            assert client.reader.head()[0] == status
        w.engine.reset_scripts()
        assert w.ask("GET", "/_ping").status == 200
