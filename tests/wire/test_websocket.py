# SPDX-License-Identifier: Apache-2.0
"""A websocket to a container's streams: its opening, both ways, and the bytes that follow."""
from client import head
from proxy import ALLOW, World, until
from report import table
from shared import (MINE, assert_refused, assert_refused_and_closed, assert_served,
                    assert_untouched, populate, world)

FAMILY = "upgrades and smuggled tails"

POLICY = ALLOW.replace("[create]", "ContainerAttachWebsocket = own\n[create]")
TARGET = "/v1.41/containers/mine/attach/ws?stream=1"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
ASKS = ("Connection: Upgrade", "Upgrade: websocket")
KEYED = "Sec-WebSocket-Key: " + KEY
VERSION = "Sec-WebSocket-Version: 13"
OPENING = ASKS + (VERSION, KEYED)
AGREES = ASKS + ("Sec-WebSocket-Accept: " + ACCEPT,)
FRAME = b"\x81\x85\x01\x02\x03\x04" + b"jgohn"


def opens(*fields, status="101 Switching Protocols"):
    """What an engine does that answers so, and then sends every byte back."""
    def answer(exchange):
        exchange.send("HTTP/1.1 %s\r\n%s\r\n" % (status, "".join(f + "\r\n" for f in fields)))
        exchange.echo()
    return answer


def opened(w, *fields, early=b""):
    """The engine's request and the client's answer, once a frame has gone both ways."""
    w.engine.on("GET", "/attach/ws$", opens(*AGREES, "Sec-WebSocket-Protocol: evil", "X-Evil: 1"),
                times=1)
    with w.connect() as client:
        client.send(head("GET", TARGET, *fields) + early)
        status, answer = client.reader.head()
        assert status == 101, (status, answer)
        client.send(FRAME)
        while len(client.reader.buffer) < len(early + FRAME):
            client.reader._more()  # pylint: disable=protected-access
        assert client.reader.buffer == early + FRAME, client.reader.buffer
    asked = w.engine.asked()
    assert len(asked) == 1, asked
    return asked[0], answer


def test_both_heads_are_ours():
    w = world(POLICY)
    asked, answer = opened(w, *OPENING, "Origin: http://evil", "Sec-WebSocket-Protocol: a, b",
                           "Sec-WebSocket-Extensions: permessage-deflate", "X-Evil: yes")
    assert asked.target == "/v1.41/containers/%s/attach/ws?stream=1" % MINE, asked.target
    assert asked.headers == [
        ("Host", "docker"), ("User-Agent", "caisson"), ("Connection", "Upgrade"),
        ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", KEY)], asked.headers
    said = {name.lower(): value for name, value in answer}
    assert said["upgrade"] == "websocket" and said["connection"] == "Upgrade", answer
    assert said["sec-websocket-accept"] == ACCEPT, answer
    assert not {"sec-websocket-protocol", "x-evil"} & set(said), answer


def test_names_and_words_in_any_case():
    asked, _ = opened(world(POLICY), "connection: keep-alive, UPGRADE", "UPGRADE: WebSocket",
                      "sec-websocket-version: 13", KEYED.replace("Key", "KEY"))
    assert asked.header("Sec-WebSocket-Key") == [KEY], asked.headers


def test_early_frames_wait_for_the_engine():
    asked, _ = opened(world(POLICY), *OPENING, early=b"GET /info HTTP/1.1\r\nHost: d\r\n\r\n")
    assert asked.raw.endswith(b"\r\n\r\n") and b"/info" not in asked.raw, asked.raw


def key(text):
    return ASKS + (VERSION, "Sec-WebSocket-Key: " + text)


@table([("nothing", (), "Upgrade: websocket"),
        ("no upgrade", (VERSION, KEYED), "Upgrade: websocket"),
        ("no connection", ("Upgrade: websocket", VERSION, KEYED), "Connection: Upgrade"),
        ("another connection", ("Connection: Upgraded, close", "Upgrade: websocket", VERSION,
                                KEYED), "Connection: Upgrade"),
        ("a raw stream", ("Connection: Upgrade", "Upgrade: tcp"), "Upgrade: websocket"),
        ("one of two", ("Connection: Upgrade", "Upgrade: websocket, h2c", VERSION, KEYED),
         "Upgrade: websocket"),
        ("twice", ASKS + ("Upgrade: websocket", VERSION, KEYED), "Upgrade: websocket"),
        ("no version", ASKS + (KEYED,), "Sec-WebSocket-Version: 13"),
        ("an old version", ASKS + ("Sec-WebSocket-Version: 8", KEYED),
         "Sec-WebSocket-Version: 13"),
        ("two versions", OPENING + (VERSION,), "Sec-WebSocket-Version: 13"),
        ("no key", ASKS + (VERSION,), "Sec-WebSocket-Key"),
        ("two keys", OPENING + (KEYED,), "Sec-WebSocket-Key"),
        ("an empty key", key(""), "Sec-WebSocket-Key"),
        ("a short key", key("dGhlIHNhbXBsZSBub25j"), "Sec-WebSocket-Key"),
        ("a long key", key("AAAA" + KEY), "Sec-WebSocket-Key"),
        ("15 bytes", key("dGhlIHNhbXBsZSBub25jZQA="), "Sec-WebSocket-Key"),
        ("18 bytes", key("dGhlIHNhbXBsZSBub25jZQAA"), "Sec-WebSocket-Key"),
        ("a second spelling", key("dGhlIHNhbXBsZSBub25jZR=="), "Sec-WebSocket-Key"),
        ("base64url", key("dGhlIHNhbXBsZSBub25-ZQ=="), "Sec-WebSocket-Key"),
        ("a blank", key("dGhlIHNhbXBs SBub25jZQ=="), "Sec-WebSocket-Key")])
def test_openings_that_are_refused(fields, named):
    w = world(POLICY)
    for name in ("mine", "theirs", "nosuch"):  # no word on whose it is
        target = TARGET.replace("mine", name)
        with w.connect() as client:
            client.send(head("GET", target, *fields) + FRAME)
            reply = client.response()
            assert named in assert_refused(reply, 400), reply
            assert reply.closes and client.closed(), reply
    assert_untouched(w)
    assert w.audit(1)[-1]["reason"] == "websocket-refused"


def test_http_1_0_has_no_websocket():
    w = world(POLICY)
    assert_refused_and_closed(w, head("GET", TARGET, *OPENING, version="HTTP/1.0"), 400)


def test_a_body_has_no_place():
    assert_refused_and_closed(world(POLICY),
                              head("GET", TARGET, *OPENING, "Content-Length: 2") + b"{}", 400)


@table([("no accept", ASKS),
        ("a short one", ASKS + ("Sec-WebSocket-Accept: " + KEY,)),
        ("a long one", ASKS + ("Sec-WebSocket-Accept: AAAA" + ACCEPT,)),
        ("no base64", ASKS + ("Sec-WebSocket-Accept: " + ACCEPT.replace("+", "-"),)),
        ("a second spelling", ASKS + ("Sec-WebSocket-Accept: " + ACCEPT.replace("o=", "p="),)),
        ("two", AGREES + (AGREES[-1],)),
        ("a raw stream", ("Connection: Upgrade", "Upgrade: tcp") + AGREES[2:]),
        ("nothing", ())])
def test_engine_that_opens_something_else(fields):
    w = world(POLICY)
    w.engine.on("GET", "/attach/ws$", opens(*fields), times=1)
    with w.connect() as client:
        client.send(head("GET", TARGET, *OPENING))
        assert_refused(client.response(), 502)
    assert_served(w)


def test_engine_that_refuses():
    w = world(POLICY)
    w.engine.on("GET", "/attach/ws$", opens("Content-Length: 17", "Content-Type: application/json",
                                            "", '{"message":"no"}\n'[:-1],
                                            status="400 Bad Request"), times=1)
    with w.connect() as client:
        client.send(head("GET", TARGET, *OPENING))
        reply = client.response()
        assert reply.status == 400 and b'"no"' in reply.body, reply
        assert not reply.header("Sec-WebSocket-Accept"), reply.headers


def test_a_200_without_an_end_is_no_tunnel():
    """Who is not told 101 has no websocket: what the client says then goes nowhere."""
    w, got = world(POLICY), []

    def answer(exchange):
        exchange.send("HTTP/1.1 200 OK\r\n\r\nraw")
        exchange.keep_alive = False
        while not got or got[-1]:
            got.append(exchange.connection.sock.recv(65536))

    w.engine.on("GET", "/attach/ws$", answer, times=1)
    with w.connect() as client:
        client.send(head("GET", TARGET, *OPENING) + FRAME)
        assert client.reader.head()[0] == 200
        while client.reader.buffer != b"raw":
            client.reader._more()  # pylint: disable=protected-access
    until("the end", lambda: got and not got[-1])
    assert got == [b""], got


def test_observing_opens_one_as_well():
    with World("[proxy]\nmode = observe\n", prepare=populate, start=False) as w:
        w.proxy.arguments.append("--i-accept-the-risk")
        w.proxy.start()
        asked, _ = opened(w, *OPENING, "Sec-WebSocket-Extensions: permessage-deflate")
        assert asked.header("Sec-WebSocket-Key") == [KEY], asked.headers
        assert not asked.header("Sec-WebSocket-Extensions"), asked.headers
        line = w.audit(1)[-1]
        assert (line["decision"], line["reason"]) == ("observe", "operation-not-allowed"), line
        with w.connect() as client:
            client.send(head("GET", TARGET, *ASKS, VERSION))
            assert "Sec-WebSocket-Key" in assert_refused(client.response(), 400)
