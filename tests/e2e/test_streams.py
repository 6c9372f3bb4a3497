# SPDX-License-Identifier: Apache-2.0
"""wait and logs of real containers."""
import json

from client import head, request
from proxy import until
from real import IMAGE, RealWorld


def test_wait_says_its_head_at_once_and_its_body_at_the_end():
    with RealWorld() as w:
        ident = w.run("slow")
        with w.connect() as client:
            client.send(request("POST", "/containers/%s/wait" % ident))
            status, headers = client.reader.head()
            assert status == 200 and w.engine.running(ident), "the head came with the body"
            assert w.engine.ask("POST", "/containers/%s/kill" % ident).status == 204
            assert json.loads(client.reader.body(status, headers))["StatusCode"] == 137


def test_wait_before_start():
    with RealWorld() as w:
        ident = w.create("later", "sh", "-c", "exit 3")
        with w.connect() as client:
            client.send(request("POST", "/containers/%s/wait?condition=next-exit" % ident))
            status, headers = client.reader.head()
            assert w.ask("POST", "/containers/%s/start" % ident).status == 204
            assert json.loads(client.reader.body(status, headers))["StatusCode"] == 3


def test_logs_flow_line_by_line():
    """Each line is here before the program writes the next one: it waits for a file in between."""
    with RealWorld() as w:
        ident = w.run("talker", "sh", "-c",
                      "for i in 1 2 3 4 5; do echo line $i; "
                      "until [ -e /dev/shm/$i ]; do sleep 0.05; done; done; sleep 600")
        with w.connect() as client:
            client.send(request("GET", "/containers/%s/logs?follow=1&stdout=1" % ident))
            assert client.reader.head()[0] == 200
            got = b""
            for i in range(1, 6):
                while b"line %d\n" % i not in got:
                    got += client.reader.chunk()
                w.engine.run_in(ident, "touch", "/dev/shm/%d" % i)
            assert w.engine.running(ident)


def test_half_close_of_a_client_ends_neither_wait_nor_logs():
    with RealWorld() as w:
        ident = w.run("quiet", "sh", "-c", "sleep 1; echo done; exit 4")
        with w.connect() as waiting, w.connect() as following:
            waiting.send(request("POST", "/containers/%s/wait" % ident))
            following.send(request("GET", "/containers/%s/logs?follow=1&stdout=1" % ident))
            waiting.half_close()
            following.half_close()
            reply = json.loads(waiting.response().body)
            assert reply["StatusCode"] == 4 and not reply.get("Error"), reply
            assert b"done" in following.response().body


def test_flood_is_bounded_and_goes_on():
    with RealWorld() as w:
        ident = w.run("flood", "sh", "-c", "while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done")
        with w.connect() as client:
            client.send(request("GET", "/containers/%s/logs?follow=1&stdout=1" % ident))
            client.reader.head()
            quiet = w.run("other", "true")
            assert json.loads(w.ask("POST", "/containers/%s/wait" % quiet).body)["StatusCode"] == 0
            assert w.proxy.rss_kib() < 64 << 10, w.proxy.rss_kib()
            for _ in range(50):
                client.reader.chunk()
        assert w.ask("DELETE", "/containers/%s?force=1" % ident).status == 204
        until("that it is gone", lambda: not w.engine.there(ident))


def websocket(w, target):
    """A client whose connection has become a websocket."""
    client = w.connect()
    client.send(head("GET", target, "Connection: Upgrade", "Upgrade: websocket",
                     "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                     "Origin: http://somewhere"))
    status, headers = client.reader.head()
    said = {name.lower(): value for name, value in headers}
    assert status == 101, (status, headers)
    assert said["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", headers
    return client


def read_frame(client):
    """The payload of the next frame of the engine, which are short here and never masked."""
    buffer = client.reader.buffer
    while len(buffer) < 2 or len(buffer) < 2 + buffer[1]:
        client.reader._more()  # pylint: disable=protected-access
        buffer = client.reader.buffer
    end = 2 + buffer[1]
    client.reader.buffer = buffer[end:]
    return b"" if buffer[0] == 0x88 else buffer[2:end]


def test_websocket_goes_both_ways():
    """What is typed comes back changed; what is not there is not."""
    with RealWorld(allow="ContainerAttachWebsocket = own\n") as w:
        reply = w.ask("POST", "/containers/create?name=talker",
                      {"Image": IMAGE, "OpenStdin": True, "HostConfig": {},
                       "Cmd": ["sh", "-c", "while read word; do echo got $word; done"]})
        ident = json.loads(reply.body)["Id"]
        assert w.ask("POST", "/containers/%s/start" % ident).status == 204
        # Older Engines attach every stream, and know no parameters that choose.
        newer = float(w.engine.get("/version")["ApiVersion"]) >= 1.42
        streams = "&stdin=1&stdout=1" if newer else ""
        with websocket(w, "/containers/%s/attach/ws?stream=1%s" % (ident, streams)) as client:
            word = b"hello\n"
            client.send(bytes([0x81, 0x80 | len(word), 0, 0, 0, 0]) + word)
            got = b""
            while b"got hello\n" not in got:
                got += read_frame(client)
        with w.connect() as client:
            client.send(head("GET", "/containers/nosuch/attach/ws", "Connection: Upgrade",
                             "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="))
            assert client.response().status == 404
