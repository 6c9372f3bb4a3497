# SPDX-License-Identifier: Apache-2.0
"""Large pieces of bodies that the kernel moves from socket to socket: each byte arrives, in a
framing that was read and written here, whatever the sizes, and whoever stops or goes meanwhile.

Each is done three ways: what is large is spliced (as shipped), all is, nothing is.
"""
import errno
import hashlib
import random
import resource
import signal
import threading

from client import PATIENCE_S, head, request, unread_bytes
from proxy import ALLOW, World, until
from report import table
from shared import MINE, START, assert_refused, assert_served, populate, world
from shim import ShimWorld
from test_shortage import descriptors, few_descriptors, needs_its_own_descriptors

FAMILY = "splicing"

POLICY = ALLOW.replace("[create]", "PutContainerArchive = own\nContainerAttach = own\n[create]")
LOGS = "/v1.41/containers/mine/logs?stdout=1"
PUT = "/v1.41/containers/mine/archive?path=%2Ftmp"
CHUNKED = "Transfer-Encoding: chunked"
SPLICED = POLICY + "[proxy]\nsplice = 16KiB\n"  # whatever the suite is told to do
WAYS = (("what is large", ""), ("all", "[proxy]\nsplice = 1\n"), ("nothing", "[proxy]\nsplice = 0\n"))
SIZES = (1, 2, 15, 16, 4095, 4096, 4097, 16383, 16384, 16385, 20000, 9, 32768, 32768, 32769, 65535,
         65536, 1, 1, 70000, 255, 256, 69999, 16384, 3, 131072, 300000)


def noise(count, seed=1):
    return random.Random(seed).getrandbits(8 * count).to_bytes(count, "little")


def cut(data, sizes):
    """The data in pieces of these sizes, over and over."""
    pieces, at = [], 0
    while at < len(data):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(data[at:at + size])
        at += size
    return pieces


def chunks(data, sizes, end=b"0\r\n\r\n"):
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in cut(data, sizes)) + end


def unchunked(data):
    """The payload of chunks, of which the last may be cut."""
    payload = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        payload, data = payload + data[:int(size, 16)], data[int(size, 16) + 2:]
    return payload


def digest(data):
    return len(data), hashlib.sha256(data).hexdigest()


def put(w, data, *headers):
    """What the Engine understood of an upload."""
    with w.connect() as client:
        client.send(head("PUT", PUT, *headers) + data)
        assert client.response().status == 200
        assert client.ask("POST", START).status in (204, 304), "no second exchange"
    return [r for r in w.engine.asked() if r.method == "PUT"][-1].body


def logs(w, answer, version="HTTP/1.1"):
    """What the client understood of a log; answer(exchange) writes it."""
    w.engine.on("GET", "/logs$", answer)
    with w.connect() as client:
        client.send(head("GET", LOGS, version=version))
        body = client.response().body
        if version == "HTTP/1.1":
            assert client.ask("POST", START).status in (204, 304), "no second exchange"
    return body


def answer_chunks(data):
    def answer(exchange):
        exchange.head(200, CHUNKED)
        exchange.send(data)
    return answer


# --- all sizes, both ways ---

@table(WAYS)
def test_uploads_arrive(lines):
    body = noise(2 << 20)
    w = world(POLICY + lines)
    for sizes in (SIZES, SIZES[::-1], (32768,), (70000, 1), (16384, 5), (1 << 20,)):
        got = put(w, chunks(body, sizes), CHUNKED)
        assert digest(got) == digest(body), "sizes %r: %d bytes" % (sizes, len(got))
    assert digest(put(w, body, "Content-Length: %d" % len(body))) == digest(body)


@table(WAYS)
def test_random_sizes_arrive(lines):
    body, sizes = noise(3 << 20), random.Random(lines)
    w = world(POLICY + lines)
    for _ in range(3):
        data = chunks(body, [sizes.randint(1, 70000) for _ in range(97)])
        assert digest(put(w, data, CHUNKED)) == digest(body)
        assert digest(logs(w, answer_chunks(data))) == digest(body)


@table(WAYS)
def test_answers_arrive(lines):
    body = noise(2 << 20)
    w = world(POLICY + lines)
    for sizes in (SIZES, SIZES[::-1], (32768,), (70000, 1), (16384, 5), (1 << 20,)):
        for version in ("HTTP/1.1", "HTTP/1.0"):
            got = logs(w, answer_chunks(chunks(body, sizes)), version)
            assert digest(got) == digest(body), "sizes %r, %s: %d" % (sizes, version, len(got))
    assert digest(logs(w, lambda e: e.reply(200, body))) == digest(body)


@table(WAYS)
def test_an_answer_until_the_end(lines):
    def answer(exchange):
        exchange.head(200, "Connection: close")
        exchange.send(noise(1 << 20))
        exchange.close()
    w = world(POLICY + lines)
    w.engine.on("GET", "/logs$", answer)
    with w.connect() as client:
        client.send(head("GET", LOGS))
        assert digest(client.response().body) == digest(noise(1 << 20))


@table(WAYS)
def test_raw_streams_arrive(lines):
    there, back = noise(2 << 20, 2), noise(2 << 20, 3)
    got = []

    def attach(exchange):
        exchange.head(101, "Connection: Upgrade", "Upgrade: tcp")
        exchange.send(back)
        while sum(map(len, got)) < len(there):
            got.append(exchange.connection.sock.recv(1 << 20))
        exchange.close()
    w = world(POLICY + lines)
    w.engine.on("POST", "/attach$", attach)
    with w.connect() as client:
        client.send(head("POST", "/v1.41/containers/mine/attach?stream=1&stdin=1&stdout=1",
                         "Connection: Upgrade", "Upgrade: tcp"))
        assert client.reader.head()[0] == 101
        sender = threading.Thread(target=client.send, args=(there,))
        sender.start()
        assert digest(client.reader.take(len(back))) == digest(back)
        sender.join()
        assert client.closed()
    assert digest(b"".join(got)) == digest(there)


def test_it_is_spliced():
    """Else the tests above say nothing: most of what is large never comes up to the program."""
    body = noise(4 << 20)
    with ShimWorld(SPLICED, prepare=populate) as w:
        assert digest(put(w, chunks(body, (32768,)), CHUNKED)) == digest(body)
        assert w.shim.spliced > len(body), "of an upload: %d" % w.shim.spliced
        w.shim.set(spliced=0)
        assert digest(logs(w, answer_chunks(chunks(body, (32768,))))) == digest(body)
        assert w.shim.spliced > len(body), "of a log: %d" % w.shim.spliced
        w.shim.set(spliced=0)
        assert digest(logs(w, answer_chunks(chunks(body, (1000,))))) == digest(body)
        assert w.shim.spliced == 0, "small chunks: %d" % w.shim.spliced


# --- heads of chunks ---

BEFORE, AFTER = noise(20000, 4), noise(40000, 5)
HEADS = (b"\r\n9c40\r\n", b"\r\n0009C40\r\n")


def parts(line, at):
    """A chunk, and another; the head between them is split there."""
    return b"4e20\r\n" + BEFORE + line[:at], line[at:] + AFTER + b"\r\n0\r\n\r\n"


@table(WAYS)
def test_a_head_is_split(lines):
    w = world(POLICY + lines)
    for line in HEADS:
        for at in range(len(line) + 1):
            first, second = parts(line, at)
            with w.connect() as client:
                client.send(head("PUT", PUT, CHUNKED) + first)
                until("all is read", lambda: not unread_bytes(client.sock))
                client.send(second)
                assert client.response().status == 200
            assert w.engine.asked()[-1].body == BEFORE + AFTER, "%r at %d" % (line, at)

            def answer(exchange, first=first, second=second):
                exchange.head(200, CHUNKED)
                exchange.send(first)
                until("all is read", lambda: not unread_bytes(exchange.connection.sock))
                exchange.send(second)
            assert logs(w, answer) == BEFORE + AFTER, "%r at %d" % (line, at)


@table(WAYS)
def test_what_follows_at_once(lines):
    """The end of a body is shorter than the head of a chunk; what stands behind it is not lost."""
    w = world(POLICY + lines)
    body = noise(6 * 32768)
    data = head("PUT", PUT, CHUNKED) + chunks(body, (32768,))
    with w.connect() as client:
        client.send(data * 3 + head("POST", START))
        assert [client.response().status for _ in range(3)] == [200] * 3
        assert client.response().status in (204, 304)
    bodies = [r.body for r in w.engine.asked() if r.method == "PUT"]
    assert [digest(b) for b in bodies] == [digest(body)] * 3


BROKEN = [(b"\r\nzz\r\n"), (b"\n20\r\n"), (b"\r\n20;a=b\r\n"), (b"\r\n 20\r\n"), (b"xx20\r\n"),
          (b"\r\n\r\n"), (b"\r\n-1\r\n"), (b"\r\n0\r\nX: y\r\n\r\n"), (b"\r\n20\n")]


@table([(title + (": " if title else "") + repr(broken), lines, broken)
        for title, lines in WAYS for broken in BROKEN])
def test_broken_behind_a_large_chunk(lines, broken):
    """What is read first is always copied: the rest of the chunk comes with what is broken."""
    w = world(POLICY + lines)
    data = b"4e20\r\n" + BEFORE + broken + b"x" * 32 + b"\r\n0\r\n\r\n"
    with w.connect() as client:
        client.send(head("PUT", PUT, CHUNKED) + data[:10000])
        until("all is read", lambda: not unread_bytes(client.sock))
        client.send(data[10000:])
        reply = client.response()
        assert_refused(reply, 400)
        assert reply.closes and client.closed()
    assert not w.engine.asked(), "it looks whole"
    body = noise(1 << 20)
    got = put(w, chunks(body, (32768,)), CHUNKED)
    assert digest(got) == digest(body), "the next one's begins with what was left"

    def answer(exchange):
        exchange.head(200, CHUNKED)
        exchange.send(data[:10000])
        until("all is read", lambda: not unread_bytes(exchange.connection.sock))
        exchange.send(data[10000:])
    w.engine.on("GET", "/logs$", answer)
    with w.connect() as client:
        client.send(head("GET", LOGS))
        status, headers = client.reader.head()
        try:
            client.reader.body(status, headers)
        except Exception:  # pylint: disable=broad-except
            pass
        else:
            raise AssertionError("a broken answer looks whole")
    w.engine.reset_scripts()
    assert_served(w)


@table(WAYS)
def test_the_limit_in_a_chunk(lines):
    """The Engine gets no more than the limit, and no end; what is read first is always copied."""
    with World(POLICY + lines + "[limits]\nupload = 300KiB\n", prepare=populate) as w:
        for sizes in ((32768,), (1 << 20,), (307200, 1), (70000,), (307199, 9), (307196, 1),
                      (307190, 16384)):
            w.engine.forget()
            with w.connect() as client:
                client.send(head("PUT", PUT, CHUNKED))
                until("the head", lambda: any(b"PUT " in c.raw for c in w.engine.connections))
                client.send(chunks(noise(900000), sizes))
                reply = client.response()
                assert_refused(reply, 413)
                assert reply.closes and client.closed()
            assert not w.engine.asked(), "it looks whole"
            until("the end of a broken request",
                  lambda: [e for c in w.engine.connections for e in c.errors])
            raw = b"".join(c.raw for c in w.engine.connections if b"PUT " in c.raw)
            got = unchunked(raw.partition(b"\r\n\r\n")[2])
            assert len(got) <= 300 << 10 and noise(900000).startswith(got), len(got)
        body = noise(300 << 10)
        assert digest(put(w, chunks(body, (32768,)), CHUNKED)) == digest(body)


@table([("%s: %s" % (title, count), lines, count)
        for title, lines in WAYS for count in range(3)])
def test_the_limit_between_chunks(lines, count):
    """A shorter head than the last one brings payload with it, which counts as well."""
    limit = (1 << 20) + count
    with World(POLICY + lines + "[limits]\nupload = %d\n" % limit, prepare=populate) as w:
        with w.connect() as client:
            client.send(head("PUT", PUT, CHUNKED) +
                        chunks(noise(1 << 20), (1 << 20,), b"") + chunks(noise(2 << 20), (32768,)))
            reply = client.response()
            assert_refused(reply, 413)
            assert reply.closes and client.closed()
        assert not w.engine.asked(), "it looks whole"
        assert sum(len(c.raw) for c in w.engine.connections) < limit + 1024
        body = noise(limit)
        assert digest(put(w, chunks(body, (1 << 20, max(count, 1))), CHUNKED)) == digest(body)


@table([("%s: %d bytes" % (title, count), lines, count)
        for title, lines in WAYS for count in (40000, 65536, 131072)])
def test_more_behind_the_end_of_an_answer(lines, count):
    """What an Engine says too much is nobody's answer, and least of all the next one's.

    It is all there when the proxy reads, and a read may take no more than the body.
    """
    w, begin = world(POLICY + lines), threading.Event()
    body = noise(count)

    def answer(exchange):
        exchange.head(200, "Content-Length: %d" % len(body))
        begin.wait(PATIENCE_S)
        w.proxy.process.send_signal(signal.SIGSTOP)
        exchange.send(body + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmore")
        w.proxy.process.send_signal(signal.SIGCONT)
    w.engine.on("GET", "/logs$", answer)
    with w.connect() as client:
        client.send(head("GET", LOGS))
        first = client.reader.head()
        client.send(head("POST", START))
        until("it waits for its turn", lambda: not unread_bytes(client.sock))
        begin.set()
        assert digest(client.reader.body(*first)) == digest(body)
        assert client.response().status in (204, 304), "the end of the first answer"


@table(WAYS)
def test_a_byte_behind_the_end_of_chunks(lines):
    """It is read with that end, as if it were of another chunk's head; nothing follows on there."""
    w, used = world(POLICY + lines), []
    body = noise(1 << 18)

    def answer(exchange):
        used.append(exchange.connection)
        data = chunks(body, (32768,), b"")
        exchange.head(200, CHUNKED)
        exchange.send(data[:-2])
        until("all is read", lambda: not unread_bytes(exchange.connection.sock))
        w.proxy.process.send_signal(signal.SIGSTOP)
        exchange.send(b"\r\n0\r\n\r\nx")
        w.proxy.process.send_signal(signal.SIGCONT)
    assert digest(logs(w, answer)) == digest(body)
    assert b"/start" not in used[0].raw.partition(b"/logs")[2], "the connection is kept"


# --- who stops, and who goes ---

@table(WAYS)
def test_a_reader_that_stops(lines):
    body = noise(8 << 20)
    with World(POLICY + lines, prepare=populate) as w:
        sent = threading.Event()

        def answer(exchange):
            exchange.head(200, CHUNKED)
            exchange.send(chunks(body, (32768, 70000, 100)))
            sent.set()
        w.engine.on("GET", "/logs$", answer)
        before = w.proxy.rss_kib()
        with w.connect() as client:
            client.send(head("GET", LOGS))
            first = client.reader.head()
            client.reader.take(300000)
            assert not sent.wait(0.3), "8 MiB went to a client that reads nothing"
            assert_served(w)
            assert w.proxy.rss_kib() - before < 4096, "the proxy holds what the client leaves"
            taken = client.reader.used[-300000:]
            client.reader.buffer = taken + client.reader.buffer
            assert digest(client.reader.body(*first)) == digest(body)
            assert client.ask("POST", START).status in (204, 304)


@table(WAYS)
def test_an_engine_that_stops(lines):
    body = noise(8 << 20)
    with World(POLICY + lines, prepare=populate) as w:
        go_on = threading.Event()
        w.engine.on_head("PUT", "/archive$", lambda exchange: go_on.wait())
        with w.connect() as client:
            sender = threading.Thread(target=client.send, args=(
                head("PUT", PUT, CHUNKED) + chunks(body, (32768, 70000, 100)),))
            sender.start()
            until("a full way", lambda: unread_bytes(client.sock) > 0)
            assert_served(w)
            assert sender.is_alive(), "8 MiB went to an engine that reads nothing"
            go_on.set()
            assert client.response().status == 200
            sender.join()
        got = [r for r in w.engine.asked() if r.method == "PUT"][0].body
        assert digest(got) == digest(body)


@table(WAYS)
def test_somebody_goes(lines):
    """In the middle of a large chunk, between two, in a head; nothing that was cut looks whole."""
    w = world(POLICY + lines)
    data = chunks(noise(300000), (32768,))
    for point in (10000, 32768 + 6, 32768 + 8, 32768 + 11, 2 * 32776 + 20000, 290000, len(data) - 2):
        w.engine.forget()
        with w.connect() as client:
            client.send(head("PUT", PUT, CHUNKED) + data[:point])
            until("the head", lambda: any(b"PUT " in c.raw for c in w.engine.connections))
        until("the end of a broken request",
              lambda: [e for c in w.engine.connections for e in c.errors])
        assert not w.engine.asked(), "cut at %d, it looks whole" % point

        def answer(exchange, point=point):
            exchange.head(200, CHUNKED)
            exchange.send(data[:point])
            exchange.close()
        w.engine.on("GET", "/logs$", answer)
        with w.connect() as client:
            client.send(head("GET", LOGS))
            status, headers = client.reader.head()
            assert client.reader.until_eof() == data[:point], "cut at %d" % point
            assert status == 200 and headers
        w.engine.reset_scripts()
        assert_served(w)


@table(WAYS)
def test_a_client_goes_while_it_is_answered(lines):
    with World(POLICY + lines, prepare=populate) as w:
        gone = threading.Event()

        def answer(exchange):
            exchange.head(200, CHUNKED)
            try:
                exchange.send(chunks(noise(16 << 20), (32768,)))
            except OSError:
                gone.set()
        w.engine.on("GET", "/logs$", answer)
        assert_served(w)
        before = descriptors(w)
        for taken in (0, 1000, 500000):
            gone.clear()
            with w.connect() as client:
                client.send(head("GET", LOGS))
                client.reader.head()
                client.reader.take(taken)
            assert gone.wait(PATIENCE_S), "the engine still writes to nobody"
        assert_served(w)
        until("no descriptor of theirs", lambda: descriptors(w) <= before + 2)


# --- descriptors ---

def test_one_pipe_for_all():
    """Whoever stands still holds two sockets, and nothing else."""
    body = chunks(noise(4 << 20), (32768,))
    with World(POLICY, prepare=populate) as w:
        w.engine.on("GET", "/logs$", answer_chunks(body))
        assert_served(w)
        before = descriptors(w)
        clients = [w.connect() for _ in range(10)]
        for client in clients:
            client.send(head("GET", LOGS))
            client.reader.head()
        assert_served(w)
        until("two for each", lambda: descriptors(w) <= before + 2 * len(clients) + 2)
        for client in clients:
            client.close()
        until("the base line", lambda: descriptors(w) <= before + 2)


def test_no_descriptors_for_a_pipe():
    needs_its_own_descriptors()
    body = noise(2 << 20)
    with World(SPLICED, prepare=populate) as w:
        begin = threading.Event()

        def answer(exchange):
            exchange.head(200, CHUNKED)
            begin.wait(PATIENCE_S)
            exchange.send(chunks(body, (32768,)))
        w.engine.on("GET", "/logs$", answer)
        with w.connect() as client:
            client.send(head("GET", LOGS))
            first = client.reader.head()
            had, limit = descriptors(w), few_descriptors(w, 0)
            begin.set()
            assert digest(client.reader.body(*first)) == digest(body)
            assert descriptors(w) == had, "there is a pipe"
            resource.prlimit(w.proxy.process.pid, resource.RLIMIT_NOFILE, limit)
            client.send(request("GET", LOGS))
            assert digest(client.response().body) == digest(body)
            assert descriptors(w) == had + 2, "there is no pipe"


@table([(errno.errorcode[n], n) for n in (errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.ENOMEM)])
def test_a_kernel_that_does_not_splice(number):
    body = noise(1 << 20)
    with ShimWorld(SPLICED, prepare=populate) as w:
        w.shim.set(splice_errno=number)
        assert digest(put(w, chunks(body, (32768,)), CHUNKED)) == digest(body)
        assert digest(logs(w, answer_chunks(chunks(body, (32768,))))) == digest(body)
        assert w.shim.spliced == 0


def test_it_ends_in_a_chunk():
    """What is left of a chunk that was begun by splicing can be copied, in parts."""
    body = noise(1 << 20)
    data = chunks(body, (900000, 100))
    with ShimWorld(SPLICED, prepare=populate) as w:
        with w.connect() as client:
            client.send(head("PUT", PUT, CHUNKED))
            for at in range(0, len(data), 200000):
                if at == 400000:
                    assert w.shim.spliced > 0
                    w.shim.set(splice_errno=errno.EINVAL)
                client.send(data[at:at + 200000])
                until("all is read", lambda: not unread_bytes(client.sock))
            assert client.response().status == 200
        assert digest(w.engine.asked()[-1].body) == digest(body)


@table([("interrupted", 3, 0), ("short", 0, 3), ("both", 5, 2)])
def test_calls_are_interrupted_or_short(interrupt_every, shorten_every):
    body = noise(1 << 20)
    with ShimWorld(SPLICED, prepare=populate) as w:
        w.shim.set(interrupt_every=interrupt_every, shorten_every=shorten_every)
        assert digest(put(w, chunks(body, (32768, 70000)), CHUNKED)) == digest(body)
        assert digest(logs(w, answer_chunks(chunks(body, (32768, 70000))))) == digest(body)
        assert w.shim.spliced > 0
        w.shim.calm()
