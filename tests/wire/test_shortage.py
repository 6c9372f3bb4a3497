# SPDX-License-Identifier: Apache-2.0
"""Descriptors, the Engine's queue, the audit log's disk: when they run out, nothing crashes, clients
hear a clear word, and all goes on when there is more again."""
import json
import os
import resource
import socket
import subprocess
import time

from client import PATIENCE_S, head, request
from proxy import ALLOW, BINARY, WRAP, WRAPPER, World, until
from report import Skip, table
from shared import MINE, START, assert_refused, assert_served, populate, start

FAMILY = "shortage of descriptors and disk"

WAIT = "/v1.41/containers/mine/wait"


def descriptors(w):
    return len(os.listdir("/proc/%d/fd" % w.proxy.process.pid))


def few_descriptors(w, more):
    """Leaves the proxy `more` descriptors beside those that it has; returns what it had."""
    count, pid = descriptors(w) + more, w.proxy.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (count, before[1]))
    return before


def needs_its_own_descriptors():
    if WRAPPER:
        raise Skip("%s keeps descriptors for itself" % WRAPPER)


@table([("enough", 300, 4000, 664, False), ("too few", 300, 400, 400, True),
        ("as many as there are", 3000, 4000, 4000, True)])
def test_descriptors_are_asked_for(connections, hard, soft, warned):
    """The soft limit is raised to what 'connections' needs, or that is said."""
    needs_its_own_descriptors()
    with World(ALLOW + "[limits]\nconnections = %d\n" % connections, start=False) as w:
        own = resource.getrlimit(resource.RLIMIT_NOFILE)
        if own[1] < hard:
            raise Skip("the tests themselves may have %d descriptors only" % own[1])
        shell = "ulimit -Sn 256 && ulimit -Hn %d && exec \"$@\"" % hard
        w.proxy.process = subprocess.Popen(
            ["sh", "-c", shell, "sh"] + WRAP + [
                BINARY, "serve", "--policy", w.proxy.policy, "--listen", "unix:" + w.proxy.listen,
                "--upstream", "unix:" + w.engine.path],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        until("the socket", w.proxy.answers)
        assert resource.prlimit(w.proxy.process.pid, resource.RLIMIT_NOFILE)[0] == soft
        w.proxy.ended = True
        w.proxy.process.terminate()
        words = w.proxy.process.communicate(timeout=PATIENCE_S)[1].decode()
        assert ("descriptors, and the system allows" in words) == warned, words


def test_no_descriptors_for_clients():
    with World(prepare=populate) as w:
        assert_served(w)
        few_descriptors(w, 3)
        clients = [w.connect() for _ in range(8)]  # some of them stay in the queue
        for client in clients:
            client.send(head("GET", "/_ping"))
        assert clients[0].response().status == 200
        before = w.proxy.cpu_ticks()
        time.sleep(0.5)
        assert w.proxy.cpu_ticks() - before < 20, "it spins"
        for client in clients[:4]:
            client.close()
        for client in clients[4:7]:
            assert client.response().status == 200
        for client in clients[4:]:
            client.close()
        assert_served(w)


def test_no_descriptors_for_the_engine():
    needs_its_own_descriptors()
    with World(prepare=populate) as w:
        w.engine.containers[MINE].running = True
        clients = [w.connect() for _ in range(6)]
        for client in clients:
            assert client.ask("GET", "/_ping").status == 200
        before = few_descriptors(w, 0)
        statuses = []
        for client in clients:  # the first ones use up what idles
            client.send(request("POST", WAIT))
            statuses.append(client.reader.head()[0])
        assert statuses[0] == 200 and statuses[-1] == 503, statuses
        resource.prlimit(w.proxy.process.pid, resource.RLIMIT_NOFILE, before)
        assert_served(w)
        for client in clients:
            client.close()


def test_engine_that_accepts_nobody():
    """Its queue is full: a word at once, not a wait without end; and it goes on afterwards."""
    with World(prepare=populate) as w:
        w.engine.stop()
        deaf = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        deaf.bind(w.engine.path)
        deaf.listen(0)
        fill = []
        while True:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.setblocking(False)
            try:
                sock.connect(w.engine.path)
                fill.append(sock)
            except BlockingIOError:
                break
        reply = w.ask("POST", START)
        assert_refused(reply, 503)
        assert reply.one("Retry-After")
        deaf.close()
        for sock in fill:
            sock.close()
        w.engine.start()
        until("the engine", lambda: w.ask("POST", START).status in (204, 304))


class Sink:
    """A named pipe as the audit log, read when the test says so."""

    def __init__(self, w):
        self.path = os.path.join(w.directory, "audit")
        os.mkfifo(self.path)
        self.reader = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)

    def take(self):
        data = b""
        try:
            while True:
                piece = os.read(self.reader, 65536)
                if not piece:
                    return data
                data += piece
        except BlockingIOError:
            return data


def test_audit_sink_that_nobody_reads():
    """Requests go on; lines wait, then are counted as lost; whole lines come when it is read."""
    with World(ALLOW, prepare=populate, start=False) as w:
        sink = Sink(w)
        w.proxy.arguments = ["--audit", sink.path]
        w.proxy.start()
        done = 0
        with w.connect() as client:
            while done < 12000:  # far more than pipe and buffer hold
                client.send(head("GET", "/info") * 100)
                for _ in range(100):
                    assert client.response().status == 403
                done += 100
        text = b""

        def all_there():
            nonlocal text
            text += sink.take()
            return b'"lost"' in text
        until("the count of what was lost", lambda: all_there() or w.ask("GET", "/info") is None)
        text += sink.take()
        lines = [json.loads(line) for line in text.split(b"\n")[:-1]]
        lost = sum(line.get("lost", 0) for line in lines)
        assert lost > 0 and lost + len(lines) >= done, (lost, len(lines))
        assert w.proxy.stop() == 0
        os.close(sink.reader)


def test_audit_reader_that_goes_away():
    with World(ALLOW, prepare=populate, start=False) as w:
        sink = Sink(w)
        w.proxy.arguments = ["--audit", sink.path]
        w.proxy.start()
        assert_served(w)
        os.close(sink.reader)
        for _ in range(20):
            assert_served(w)
        before = w.proxy.cpu_ticks()
        time.sleep(0.5)
        assert w.proxy.cpu_ticks() - before < 20, "it spins"
        assert "audit log cannot be written" in w.proxy.log()
        assert w.proxy.stop() == 0


def test_audit_disk_that_is_full():
    with World(ALLOW, prepare=populate, start=False) as w:
        w.proxy.arguments = ["--audit", "/dev/full"]
        w.proxy.start()
        for _ in range(20):
            assert_served(w)
        assert w.proxy.log().count("audit log cannot be written") == 1
        assert w.proxy.stop() == 0


def test_stderr_that_nobody_reads():
    """Neither the audit log nor the proxy's own words wait for a pipe that is full."""
    with World(ALLOW, prepare=populate, start=False) as w:
        w.proxy.process = subprocess.Popen(
            WRAP + [BINARY, "serve", "--policy", w.proxy.policy, "--listen",
                    "unix:" + w.proxy.listen, "--upstream", "unix:" + w.engine.path],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        until("the socket", w.proxy.answers)
        with w.connect() as client:
            for _ in range(60):
                client.send(head("GET", "/info") * 100)
                for _ in range(100):
                    assert client.response().status == 403
        w.engine.stop()  # which it would say something about
        assert_refused(w.ask("POST", START), 502, 503)
        w.engine.start()
        until("the engine", lambda: w.ask("POST", START).status in (204, 304))
        w.proxy.ended = True
        w.proxy.process.terminate()
        w.proxy.process.communicate(timeout=PATIENCE_S)
        assert w.proxy.process.returncode == 0


@table([("a client", lambda w: w.connect().close()),
        ("a client with a word", lambda w: w.ask("GET", "/_ping")),
        ("a client that leaves in the middle", lambda w: half(w)),
        ("a wait that is left", lambda w: left(w))])
def test_no_descriptor_is_leaked(visit):
    with World(prepare=populate) as w:
        w.engine.containers[MINE].running = True
        for _ in range(5):
            visit(w)
        assert_served(w)
        before = descriptors(w)
        for _ in range(100):
            visit(w)
        until("the descriptors of before", lambda: descriptors(w) <= before + 2)


def half(w):
    with w.connect() as client:
        client.send(start()[:20])


def left(w):
    with w.connect() as client:
        client.send(request("POST", WAIT))
        client.reader.head()


@table([("once", 1), ("again and again", 4)])
def test_audit_file_that_may_grow_no_further(times):
    """As on a full disk: requests go on, what is lost is counted, whole lines follow when it can."""
    with World(ALLOW, prepare=populate, start=False) as w:
        path = os.path.join(w.directory, "audit.log")
        w.proxy.arguments = ["--audit", path]
        w.proxy.start()
        assert_served(w)
        for _ in range(times):
            most = os.path.getsize(path) + 3000  # ends within a line
            resource.prlimit(w.proxy.process.pid, resource.RLIMIT_FSIZE, (most, -1))
            with w.connect() as client:
                for _ in range(300):
                    assert client.ask("GET", "/v1.41/info").status == 403
            until("the end of its room", lambda: os.path.getsize(path) == most)
            assert_served(w)
            resource.prlimit(w.proxy.process.pid, resource.RLIMIT_FSIZE, (-1, -1))
            assert_served(w)
            until("more lines", lambda: os.path.getsize(path) > most)
        assert "audit log cannot be written" in w.proxy.log()
        assert w.proxy.stop() == 0
        with open(path, encoding="ascii") as lines:
            said = [json.loads(line) for line in lines]  # each is whole
        lost = sum(line.get("lost", 0) for line in said)
        assert len(said) + lost >= 300 * times, (len(said), lost)
