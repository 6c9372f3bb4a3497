# SPDX-License-Identifier: Apache-2.0
"""Requests and replies in every piece and with every end: cut off, half-closed or split at each byte.

Each kind of exchange is one row; what the Engine got must be what it gets when nothing happens, or
nothing whole.
"""
import os
import re

from client import head, request, unread_bytes
from http1 import Bad, Eof
from proxy import ALLOW, IMAGE, until
from report import family, table
from shared import CREATE, MINE, START, assert_served, world
from test_websocket import AGREES, OPENING

POLICY = ALLOW.replace("[create]", "PutContainerArchive = own\nContainerAttach = own\n"
                       "ContainerAttachWebsocket = own\nContainerList = own\n"
                       "ContainerArchive = own\n[create]") + "[limits]\ncontainers = 20000\n"
UPGRADE = ("Connection: Upgrade", "Upgrade: tcp")
JSON = "Content-Type: application/json"
BODY = b'{"Image":"%s"}' % IMAGE.encode()
CHUNKS = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (BODY[:5], BODY[5:])) + b"0\r\n\r\n"
LOGS = "/v1.41/containers/mine/logs?stdout=1"
PUT = "/v1.41/containers/mine/archive?path=/tmp"

# What a client sends, the status of the answer.
KINDS = [
    ("a ping", head("GET", "/_ping"), 200),
    ("a start", head("POST", START), 204),
    ("logs", head("GET", LOGS), 200),
    ("a create", request("POST", CREATE, BODY), 201),
    ("a chunked create", head("POST", CREATE, JSON, "Transfer-Encoding: chunked") + CHUNKS, 201),
    ("a create that is refused", request("POST", CREATE, b'{"Image":"evil"}'), 403),
    ("an upload", head("PUT", PUT, "Content-Length: 28") + b"GET /n HTTP/1.1\r\nHost: d\r\n\r\n",
     200),
    ("a chunked upload", head("PUT", PUT, "Transfer-Encoding: chunked") +
     b"3\r\ntar\r\n7\r\n. GET /\r\n0\r\n\r\n", 200),
    ("an attach", head("POST", "/v1.41/containers/mine/attach?stream=1", *UPGRADE), 101),
    ("a websocket", head("GET", "/v1.41/containers/mine/attach/ws?stream=1", *OPENING), 101),
]


def ends(*fields):
    """An Engine that agrees to a stream, and ends it."""
    def answer(exchange):
        exchange.head(101, *fields, text="UPGRADED")
        exchange.close()
    return answer


def restarted(exchange):
    exchange.engine.find("mine").running = False
    exchange.engine.answer(exchange)


def kinds_world():
    w = world(POLICY)
    w.engine.on("POST", "/start$", restarted)
    w.engine.on("POST", "/attach$", ends(*UPGRADE))
    w.engine.on("GET", "/attach/ws$", ends(*AGREES))
    return w


def descriptors(w):
    return len(os.listdir("/proc/%d/fd" % w.proxy.process.pid))


def sent(w):
    """Heads and bodies that the Engine got, since the last time, but for names that were made up."""
    found = [(re.sub(rb"caisson-[0-9a-f]{16}", b"NAME", r.raw.partition(b"\r\n\r\n")[0]), r.body)
             for r in w.engine.asked()]
    w.engine.forget()
    return found


def exchange(w, send, status):
    """One exchange; what the Engine got of it."""
    with w.connect() as client:
        send(client)
        got = client.reader.head()[0] if status == 101 else client.response().status
        assert got == status, (got, status)
    return sent(w)


def heard(client):
    """The status that is said before the end of the connection; None for nothing at all."""
    try:
        return client.response().status
    except Eof as eof:
        assert eof.clean, "half an answer"
        return None


@family("early closes")
@table([row[:2] for row in KINDS])
def test_client_that_closes_at_every_byte(data):
    w = kinds_world()
    exchange(w, lambda client: client.send(data), dict((d, s) for _, d, s in KINDS)[data])
    before = descriptors(w)
    for length in range(len(data)):
        with w.connect() as client:
            client.send(data[:length])
    until("the descriptors of before", lambda: w.ask("GET", "/_ping") and
          descriptors(w) <= before + 1)
    assert not w.engine.asked(), "from requests that were not whole: %r" % w.engine.asked()
    assert_served(w)


@family("half-closes")
@table([row[:2] for row in KINDS])
def test_client_that_half_closes_at_every_byte(data):
    w = kinds_world()
    for length in range(len(data)):
        with w.connect() as client:
            client.send(data[:length])
            client.half_close()
            status = heard(client)
            assert status is None or 400 <= status < 500, "answered %r at %d" % (status, length)
    assert not w.engine.asked(), "from requests that were not whole: %r" % w.engine.asked()
    assert_served(w)


@family("half-closes")
@table(KINDS)
def test_client_that_half_closes_behind_it(data, status):
    w = kinds_world()
    wanted = exchange(w, lambda client: client.send(data), status)
    got = exchange(w, lambda client: (client.send(data), client.half_close()), status)
    assert got == wanted, (got, wanted)


@family("byte by byte")
@table(KINDS)
def test_single_bytes_both_ways(data, status):
    w = kinds_world()
    wanted = exchange(w, lambda client: client.send(data), status)
    w.engine.singly = True
    got = exchange(w, lambda client: client.send(data, singly=True), status)
    assert got == wanted, (got, wanted)


@family("byte by byte")
@table(KINDS)
def test_split_in_two_at_every_byte(data, status):
    w = kinds_world()
    wanted = exchange(w, lambda client: client.send(data), status)
    for at in range(1, len(data)):
        def send(client):
            client.send(data[:at])
            until("that it is read", lambda: not unread_bytes(client.sock))
            client.send(data[at:])
        got = exchange(w, send, status)
        assert got == wanted, (at, got, wanted)


# --- the Engine's end ---

HEAD = b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\n"
ID = b'{"Id":"' + b"c" * 64 + b'","Warnings":[]}'
ANSWERS = [
    ("204", "POST", "start", START, None, HEAD.replace(b"200 OK", b"204 No Content") + b"\r\n"),
    ("a length", "GET", "logs", LOGS, None, HEAD + b"Content-Length: 5\r\n\r\nhello"),
    ("chunks", "GET", "logs", LOGS, None,
     HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"),
    ("201", "POST", "create", CREATE + "?name=cut", {"Image": IMAGE},
     HEAD.replace(b"200 OK", b"201 Created") + b"Content-Length: %d\r\n\r\n%s" % (len(ID), ID)),
    ("a chunked 201", "POST", "create", CREATE + "?name=cut", {"Image": IMAGE},
     HEAD.replace(b"200 OK", b"201 Created") + b"Transfer-Encoding: chunked\r\n\r\n"
     b"%x\r\n%s\r\n0\r\n\r\n" % (len(ID), ID)),
    ("a list", "GET", "json", "/v1.41/containers/json?all=1", None,
     HEAD + b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n[]"),
    ("404", "POST", "start", START, None, HEAD.replace(b"200 OK", b"404 Not Found") +
     b"Content-Length: 16\r\n\r\n{\"message\":\"no\"}"),
    ("101", "POST", "attach", "/v1.41/containers/mine/attach?stream=1", None,
     b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"),
]


@family("hostile replies")
@table(ANSWERS)
def test_engine_that_ends_at_every_byte_of_its_reply(method, word, target, body, whole):
    """502, or an answer that visibly is not whole; never one that looks as if it were."""
    w = world(POLICY)
    before = descriptors(w)
    for length in range(len(whole)):
        def answer(each):
            each.send(whole[:length])
            each.close()
        # Whenever it is asked: a list of the proxy's own must not take the only one.
        w.engine.on(method, "/%s$" % word, answer)
        with w.connect() as client:
            client.send(request(method, target, body, *(UPGRADE if word == "attach" else ())))
            try:
                reply = client.response()
                assert reply.status == 502, "%d bytes: %r" % (length, reply)
            except (Eof, Bad) as cut:
                assert not getattr(cut, "clean", False) or word == "attach", \
                    "%d bytes: not a word" % length
        w.engine.reset_scripts()
        assert_served(w)  # so that what the proxy asks after such an end is answered
    until("the descriptors of before", lambda: w.ask("GET", "/_ping") and
          descriptors(w) <= before + 3)
    assert_served(w)
    assert MINE in w.engine.containers
