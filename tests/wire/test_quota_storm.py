# SPDX-License-Identifier: Apache-2.0
"""Whatever clients and the Engine do, at the end nothing is counted that is over, and all that is
under way is: of each limit exactly as many pass as it says."""
import array
import contextlib
import json
import os
import random
import signal
import socket
import threading
import time

from client import PATIENCE_S, head, request, unread_bytes
from http1 import Bad, Eof
from proxy import IMAGE, until
from report import table
from shared import CREATE, START
from test_quota import BIG, MINE, WAIT, Stuck, hold, limited, upgrade

FAMILY = "limits"

REQUESTS, STREAMS, CONNECTIONS = 7, 5, 40
LIMITS = ("requests = %d\nstreams = %d\nconnections-per-user = %d\nconnections = 60\n"
          "containers = 1000\nbodies = 256KiB\nbody = 1MiB\ncreate-timeout = 300ms\n"
          "stall-timeout = 500ms\nbody-timeout = 500ms\nupload-timeout = 500ms\n"
          "head-timeout = 500ms\n" % (REQUESTS, STREAMS, CONNECTIONS))
TAR = MINE + "/archive?path=/"
ATTACH = upgrade("POST", MINE + "/attach?stream=1&stdin=1&stdout=1")
LOGS = head("GET", MINE + "/logs?stdout=1&follow=1")
SMALL = request("POST", CREATE, {"Image": IMAGE})


# ---- what clients do: each with a connection and a source of chance ----

def pipelined_creates(client, chance):
    client.send(SMALL * chance.randint(1, 60))
    for _ in range(chance.randint(0, 5)):
        client.response()


def mixed_pipeline(client, chance):
    parts = [SMALL, request("POST", START), head("GET", "/_ping"), head("GET", "/v1.41/info"),
             request("POST", CREATE, {"Image": "evil"}), head("GET", MINE + "/logs?stdout=1")]
    count = chance.randint(1, 40)
    client.send(b"".join(chance.choice(parts) for _ in range(count)))
    for _ in range(chance.randint(0, count)):
        client.response()


def half_closed(client, chance):
    client.send(chance.choice([SMALL, request("POST", WAIT), LOGS, request("POST", START)]) *
                chance.randint(1, 3))
    client.half_close()
    if chance.random() < 0.5:
        client.response()


def aborted_upload(client, chance):
    if chance.random() < 0.5:
        client.send(head("PUT", TAR, "Content-Length: 300000", *(
            ["Expect: 100-continue"] if chance.random() < 0.3 else [])) + b"t" * 70000)
    else:
        client.send(head("PUT", TAR, "Transfer-Encoding: chunked") + b"1000\r\n" + b"t" * 4096 +
                    chance.choice([b"", b"\r\n", b"\r\n0\r\n", b"\r\nzz\r\n", b"\r\n0\r\n\r\n"]))
    if chance.random() < 0.3:
        client.response()


def aborted_body(client, chance):
    client.send(request("POST", CREATE, BIG)[:chance.randint(1, len(BIG) + 150)])
    if chance.random() < 0.3:
        client.response()


def tunnel(client, chance):
    client.send(ATTACH + (b"early" if chance.random() < 0.5 else b""))
    if chance.random() < 0.7:
        client.reader.head()
        client.send(b"x" * chance.randint(0, 300000))
    if chance.random() < 0.5:
        client.half_close()


def keep_alive(client, chance):
    for _ in range(chance.randint(1, 15)):
        client.send(chance.choice([request("POST", START), SMALL, request("POST", WAIT),
                                   head("GET", MINE + "/export"), head("HEAD", "/_ping")]))
        if client.response().closes:
            break


def unread_answers(client, chance):
    client.send(head("GET", MINE + "/export") * chance.randint(1, 3))
    time.sleep(0.1)


def old_protocol(client, chance):
    client.send(head("POST", START, version="HTTP/1.0") + SMALL)
    if chance.random() < 0.5:
        client.response()


def passed_descriptors(client, chance):
    """Whoever is handed the socket acts for who opened it; descriptors that are sent go nowhere."""
    with open("/dev/null", "rb") as null:
        fds = array.array("i", [null.fileno()] * chance.randint(1, 20))
        client.sock.sendmsg([request("POST", START)],
                            [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
    pid = os.fork()
    if pid == 0:
        os.setuid(1234)
        with contextlib.suppress(OSError):
            client.sock.send(SMALL[:chance.randint(1, len(SMALL))])
        os._exit(0)
    os.waitpid(pid, 0)
    client.response()


def nothing(_client, _chance):
    pass


def bytewise(client, chance):
    client.send((SMALL + request("POST", WAIT))[:chance.randint(1, 260)], singly=True)


CLIENTS = [pipelined_creates, mixed_pipeline, half_closed, aborted_upload, aborted_body, tunnel,
           keep_alive, unread_answers, old_protocol, passed_descriptors, nothing, bytewise]


# ---- what the Engine does ----

def echo(exchange):
    exchange.head(101, "Connection: Upgrade", "Upgrade: tcp")
    exchange.echo()


def erratic(chance):
    """An Engine that now and then answers late, wrongly, too early, or not at all."""
    def handler(exchange):
        word = chance.random()
        if word < 0.05:
            exchange.close()
        elif word < 0.1:
            exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            exchange.close()
        elif word < 0.13:
            exchange.send("HTTP/1.1 102 Processing\r\n\r\n" * chance.choice([3, 30]))
            exchange.engine.answer(exchange)
        elif word < 0.16:
            exchange.send("what?\r\n\r\n")
            exchange.close()
        elif word < 0.2:
            exchange.reply(chance.choice([409, 404, 500]), b'{"message":"no"}')
        elif word < 0.25:
            time.sleep(0.4)
            exchange.engine.answer(exchange)
        elif "/attach" in exchange.request.target:
            echo(exchange)
        elif "/export" in exchange.request.target:
            exchange.reply(200, b"y" * chance.choice([10, 3 << 20]))
        else:
            exchange.engine.answer(exchange)
    return handler


def early(chance):
    """To a head whose body is still to come."""
    def handler(exchange):
        if chance.random() < 0.2:
            exchange.error(413, "enough")
            exchange.close()
    return handler


class Storm:
    def __init__(self, w, seed, seconds):
        self.w, self.seed, self.end = w, seed, time.monotonic() + seconds
        self.counts, self.wrong = {}, []

    def over(self):
        """After its time, and when all have come who may: a slow machine lets few of them in."""
        now = time.monotonic()
        return now > self.end and (len(self.counts) == len(CLIENTS) or now > self.end + PATIENCE_S)

    def client(self, number):
        chance = random.Random(self.seed * 1000 + number)
        while not self.over():
            act = chance.choice(CLIENTS)
            try:
                with self.w.connect() as client:
                    client.sock.settimeout(2)
                    act(client, chance)
            except (Eof, OSError):  # it ends as it likes
                pass
            except Bad as bad:
                self.wrong.append("%s: %s" % (act.__name__, bad))
            self.counts[act] = self.counts.get(act, 0) + 1

    def run(self, also):
        threads = [threading.Thread(target=self.client, args=(i,)) for i in range(12)]
        for thread in threads:
            thread.start()
        chance = random.Random(self.seed)
        while not self.over():
            time.sleep(0.25)
            also(self.w, chance)
        for thread in threads:
            thread.join(PATIENCE_S)
        assert not self.wrong, self.wrong
        assert len(self.counts) == len(CLIENTS), self.counts


def calm(_w, _chance):
    pass


def reloads(w, _chance):
    w.proxy.process.send_signal(signal.SIGHUP)


def engine_restarts(w, chance):
    if chance.random() < 0.5:
        w.engine.stop()
        time.sleep(chance.random() * 0.2)
        w.engine.start()


def exactly(w, stack, data, most):
    """`most` of them are held by the Engine, and the next one is refused."""
    hold(w, stack, data, most)
    with w.connect() as late:
        late.send(data)
        assert late.response().status == 429


def at_rest(w):
    """No client of the storm is left, nor a create that outlives its own: what they hold is theirs
    until they are seen to be gone."""
    w.engine.reset_scripts()
    until("the end of it", lambda: sockets(w) == 1)


def give_bodies_time(w):
    """One that stands still is to be there until the others are."""
    said = w.proxy.log().count("is in force")
    with open(w.proxy.policy, encoding="utf-8") as policy:
        text = policy.read()
    with open(w.proxy.policy, "w", encoding="utf-8") as policy:
        policy.write(text.replace("body-timeout = 500ms", "body-timeout = 30s"))
    w.proxy.process.send_signal(signal.SIGHUP)
    until("the policy", lambda: w.proxy.log().count("is in force") > said)


def sockets(w):
    """The proxy's: the one that it listens on, and those of clients."""
    with open("/proc/net/unix", encoding="ascii") as lines:
        return sum(line.rstrip().endswith(" " + w.proxy.listen) for line in lines)


@table([("calm", calm), ("reloads", reloads), ("restarts of the engine", engine_restarts)])
def test_counters_after_a_storm(also):
    with limited(LIMITS) as w:
        seed = int(os.environ.get("CAISSON_STORM_SEED", "1"))
        w.engine.find("mine").running = True
        chance = random.Random(seed)
        w.engine.on("*", "/(create|start|wait|logs|export|attach|archive)$", erratic(chance))
        w.engine.on_head("PUT", "/archive$", early(chance))
        Storm(w, seed, float(os.environ.get("CAISSON_STORM_S", "3"))).run(also)
        at_rest(w)
        until("the engine", lambda: w.ask("POST", START).status in (204, 304))
        time.sleep(1)  # creates whose clients are gone
        at_rest(w)
        with contextlib.ExitStack() as stack, Stuck(w, "*", "/(start|wait|logs)$"):
            exactly(w, stack, request("POST", START), REQUESTS)
            exactly(w, stack, LOGS, STREAMS)
        at_rest(w)
        give_bodies_time(w)
        with contextlib.ExitStack() as stack:
            bodies = [stack.enter_context(w.connect()) for _ in range(2)]
            half = json.dumps({"Image": IMAGE, "Env": ["A=" + "x" * (190 << 10)]}).encode()
            for number, client in enumerate(bodies):  # 126 KiB of each are counted
                client.send(request("POST", CREATE, half)[:-1])
                until("it", lambda: unread_bytes(client.sock) == 0)
                assert client.quiet(), number
            assert w.ask("POST", CREATE, half).status == 503
        at_rest(w)
        with contextlib.ExitStack() as stack:
            for number in range(CONNECTIONS):
                assert stack.enter_context(w.connect()).ask("GET", "/_ping").status == 200, number
            assert w.ask("GET", "/_ping").status == 429
        assert w.proxy.process.poll() is None
