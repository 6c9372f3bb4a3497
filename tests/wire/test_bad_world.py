# SPDX-License-Identifier: Apache-2.0
"""The world below the proxy fails: memory, allocation by allocation; calls that are interrupted or
do half of their work; signals without end; a wall clock that jumps.  See tests/shim/shim.c."""
import contextlib
import datetime
import json
import re
import signal
import threading
import time

from client import PATIENCE_S, Client, head, request
from http1 import Bad, Eof
from proxy import ALLOW, IMAGE, World, until
from report import table
from shared import MINE, START, THEIRS, assert_refused, assert_served, populate
from shim import ShimWorld

FAMILY = "failing memory and interrupted calls"

POLICY = ALLOW.replace("[create]", "ContainerList = own\nContainerAttach = own\n"
                       "PutContainerArchive = own\nNetworkCreate = yes\nNetworkDelete = own\n"
                       "VolumeCreate = yes\nVolumeDelete = own\n[create]") + \
    "[limits]\ncontainers = 100\n"
ATTACH = head("POST", "/v1.41/containers/mine/attach?stream=1&stdin=1&stdout=1",
              "Connection: Upgrade", "Upgrade: tcp")
CREATE = "/v1.41/containers/create"


def echo(exchange):
    """An attached container that says what it is told."""
    exchange.head(101, "Connection: Upgrade", "Upgrade: tcp", text="UPGRADED")
    exchange.echo()


def bad_world(rules=""):
    w = ShimWorld(POLICY.replace("[create]", "[create]\n" + rules), prepare=crowd)
    w.before = {MINE, THEIRS} | {"%064x" % (i + 1) for i in range(20)}
    return w


def crowd(engine):
    populate(engine)
    engine.on("POST", "/attach$", echo)
    for i in range(20):
        engine.add("%064x" % (i + 1), "c%d" % i, {"io.caisson.owner": "caisson"})


# Exchanges: each returns whether all of it was as in a good world; what it may be in a bad one is
# an answer that says so, or the end of the connection.

def fine(reply, *statuses):
    if reply.status in statuses:
        return True
    assert_refused(reply, 500, 502, 503, 504)
    return False


def do_create(w, client):
    """A container that no memory was left to note is found in the engine's list, a little later."""
    reply = client.ask("POST", CREATE, {"Image": IMAGE, "Cmd": ["true"], "Env": ["A=b"] * 20,
                                        "HostConfig": {"Memory": 1 << 24, "PidsLimit": -1}})
    if not fine(reply, 201):
        return False
    ident = json.loads(reply.body)["Id"]
    target = "/v1.41/containers/%s?force=1" % ident
    reply = client.ask("DELETE", target)
    if reply.status == 404:
        w.shim.calm()
        until("the container", lambda: w.ask("DELETE", target).status == 204)
    return reply.status == 404 or fine(reply, 204)


def do_list(_, client):
    reply = client.ask("GET", "/v1.41/containers/json?all=1")
    assert reply.status != 200 or len(json.loads(reply.body)) == 21, "a list is not whole"
    return fine(reply, 200)


def do_hijack(_, client):
    client.send(ATTACH)
    reply = client.reader.head()
    if reply[0] != 101:
        return False
    client.send(b"hello" * 1000)
    assert client.reader.take(5000) == b"hello" * 1000, "other bytes come back"
    client.half_close()
    return client.closed()


def do_upload(w, client):
    """What the engine has of a tar is all of it, or no whole request."""
    tar = b"".join(b"%08d" % i for i in range(3000))
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(tar[i:i + 999]), tar[i:i + 999])
                      for i in range(0, len(tar), 999))
    client.send(head("PUT", "/v1.41/containers/mine/archive?path=/",
                     "Transfer-Encoding: chunked") + chunks + b"0\r\n\r\n")
    done = fine(client.response(), 200)
    sent = [r.body for r in w.engine.asked() if r.method == "PUT"]
    assert all(body == tar for body in sent), "the engine has another tar"
    return done


def do_refused(_, client):
    return fine(client.ask("POST", CREATE, {"Image": IMAGE, "HostConfig": {"Privileged": True}}),
                403)


def touch_descriptors(w):
    """libevent keeps a piece of memory for each descriptor number that was ever in use, so that how
    many there are goes by how many clients overlapped: from now on, all numbers were."""
    with contextlib.ExitStack() as held:
        for _ in range(40):
            client = held.enter_context(w.connect())
            assert client.ask("POST", START).status in (204, 304)


def at_rest(w):
    """How many pieces of memory there are without the Engine and without clients: what is there for
    either, such as connections that are kept, comes and goes with the time."""
    w.engine.stop()
    assert_refused(w.ask("POST", START), 502, 503)
    return w.shim.live


def do_reload(w, client):
    """A policy that is not loaded leaves the old one in force, or the new one is there; it says."""
    def words():
        return [line for line in w.proxy.log().split("\n") if not line.startswith("{")]
    before = len(words())
    w.proxy.process.send_signal(signal.SIGHUP)
    until("a word of the reload", lambda: len(words()) > before)
    return fine(client.ask("GET", "/v1.41/info"), 403)


def once(w, exchange):
    """One exchange in whatever world there is; False when it went wrong, as it may."""
    try:
        with w.connect() as client:
            return exchange(w, client)
    except (Eof, ConnectionError):
        return False
    except Bad as bad:
        raise AssertionError("what came is no HTTP: %s" % bad) from None


def well(w, exchange):
    """In a good world again: the next requests work."""
    assert w.proxy.process.poll() is None, "the proxy is dead:\n" + w.proxy.log()[-2000:]
    until("another client's answer", lambda: w.ask("POST", START).status in (204, 304))
    until("a whole exchange", lambda: once(w, exchange))


def none_is_lost(w):
    """Containers that were made, and no client was told of, are found and can be deleted."""
    for ident in set(w.engine.containers) - w.before:
        target = "/v1.41/containers/%s?force=1" % ident
        until("a lost container", lambda: w.ask("DELETE", target).status == 204)


def sent(w):
    """What the engine was asked since the last time, but for ids."""
    found = {(r.method, re.sub("[0-9a-f]{16,64}", "ID", r.target), r.body) for r in w.engine.asked()}
    w.engine.forget()
    return found


def walk(w, exchange):
    """Lets the n-th allocation fail, for each n, until none is left to fail; how many there were.

    Whatever fails, the engine is sent what it is sent in a good world, or nothing: no rule, label
    or limit is lost on the way.
    """
    well(w, exchange)
    good = sent(w)
    for n in range(1, 5000):
        w.shim.set(failed=0, fail_count=1, fail_at=n)
        once(w, exchange)
        failed = w.shim.failed
        w.shim.calm()
        well(w, exchange)
        strange = sent(w) - good
        assert not strange, "with allocation %d the engine is sent %r" % (n, strange)
        if not failed:
            none_is_lost(w)
            return n - 1
    raise AssertionError("there is no end of allocations")


@table([("a container", CREATE, {"Image": IMAGE, "Cmd": ["true"]},
         lambda w: set(w.engine.containers) - w.before, "/v1.41/containers/%s?force=1"),
        ("a network", "/v1.41/networks/create", {"Name": "made"}, lambda w: w.engine.nets,
         "/v1.41/networks/%s"),
        ("a volume", "/v1.41/volumes/create", {"Name": "made"}, lambda w: w.engine.vols,
         "/v1.41/volumes/%s")])
def test_what_was_made_is_found_whatever_fails(target, body, there, delete):
    """Each allocation in a world of its own, where no other loss has anything looked for."""
    failed, lost, n = 1, 0, 0
    while failed:
        n += 1
        with bad_world() as w:
            w.shim.set(failed=0, fail_count=1, fail_at=n)
            is_told = once(w, lambda _, client: fine(client.ask("POST", target, body), 201))
            failed = w.shim.failed
            w.shim.calm()
            made = list(there(w))
            lost += bool(made) and not is_told
            for ident in made:
                until("what was made, and lost with allocation %d" % n, lambda ref=ident:
                      w.ask("DELETE", delete % ref).status == 204)
    assert n > 5 and lost > 0, (n, lost)


@table([("create", do_create, 10), ("list", do_list, 4), ("hijack", do_hijack, 3),
        ("refused", do_refused, 4), ("upload", do_upload, 1), ("reload", do_reload, 60)])
def test_each_allocation_fails(exchange, least):
    with bad_world() as w:
        touch_descriptors(w)
        count = walk(w, exchange)
        assert count >= least, "only %d allocations failed" % count
        once_through = at_rest(w)
        w.engine.start()
        walk(w, exchange)
        at_rest(w)
        until("the memory of before: %d pieces, %d" % (once_through, w.shim.live),
              lambda: w.shim.live <= once_through)


def short_of_each(w, ask):
    """What ask(w, client) returns while the n-th allocation fails, for each n; None for an end."""
    failed, n = 1, 0
    while failed:
        n += 1
        w.shim.set(failed=0, fail_count=1, fail_at=n)
        try:
            with w.connect() as client:
                said = ask(w, client)
        except (Eof, ConnectionError):
            said = None
        failed = w.shim.failed
        w.shim.calm()
        yield n, said


def test_what_is_said_is_whole_or_nothing():
    """Short memory refuses, or says so; it takes no word from a warning, nor from the log."""
    asked = {"Image": IMAGE, "Cmd": ["true"], "HostConfig": {"Dns": ["10.0.0.1"]}}

    def warnings(_, client):
        """None when nothing was made."""
        reply = client.ask("POST", CREATE, asked)
        return json.loads(reply.body)["Warnings"] if fine(reply, 201) else None
    with bad_world("HostConfig.Dns = force 9.9.9.9\n") as w:
        with w.connect() as client:
            good = warnings(w, client)
        assert "[\"10.0.0.1\"] was replaced by" in good[0], good
        for n, said in short_of_each(w, warnings):
            assert said in (None, good) or "no memory to show it" in said[0], (n, said)
        lines = [a for a in w.proxy.audit() if a.get("operation") == "ContainerCreate" and
                 a.get("status") == 201]
        assert len(lines) > 2 and n > 10, (len(lines), n)
        for line in lines:
            assert line["image"] == lines[0]["image"] and "asked" in line, line


PULL = "/v1.41/images/create?fromImage=busybox&tag=1"
ASKED = {"Image": IMAGE, "Cmd": ["true"], "HostConfig": {"Memory": 1 << 24}}
PULLS = POLICY.replace("[create]", "ImageCreate = yes\n[create]") + "[image]\nPull = one-of busybox:*\n"
OBSERVE = "[proxy]\nmode = observe\n"


@table([("a create that nothing is said of", PULLS, CREATE, {"Image": IMAGE}, {"image"}),
        ("a create", PULLS, CREATE, ASKED, {"image", "asked"}),
        ("a pull", PULLS, PULL, None, {"image", "asked"}),
        ("a create, observed", OBSERVE, CREATE, ASKED, {"image", "asked"}),
        ("a pull, observed", OBSERVE, PULL, None, {"asked"})])
def test_the_log_keeps_what_the_engine_refused(policy, target, body, words):
    """A decision is forgotten before its exchange ends, but for what the log says of it."""
    def ask(_, client):
        return fine(client.ask("POST", target, body), 404)

    def refused(w):
        return [{word: line[word] for word in ("image", "asked") if word in line}
                for line in w.proxy.audit() if line.get("status") == 404]
    w = ShimWorld(policy, prepare=crowd)
    w.proxy.arguments.append("--i-accept-the-risk")
    with w:
        w.engine.on("POST", "/create$", lambda x: x.json(404, {"message": "No such image"}))
        with w.connect() as client:
            assert ask(w, client)
        done = [whole for _, whole in short_of_each(w, ask)]
        count = 1 + done.count(True)
        assert count < len(done), "hardly an allocation failed"
        until("their lines", lambda: len(refused(w)) == count)
        good = refused(w)[0]
        assert set(good) == words and refused(w) == [good] * count, refused(w)


@table([("create", do_create), ("list", do_list), ("hijack", do_hijack), ("upload", do_upload)])
def test_no_memory_for_what_was_not_taken(exchange):
    """The same, while a call moves no more than a byte: what is left then needs memory, too."""
    with bad_world() as w:
        touch_descriptors(w)
        for n in range(1, 25):
            w.shim.set(fail_count=1, fail_at=n, shorten_every=1)
            once(w, exchange)  # and nobody waits for what will never come
            w.shim.calm()
            well(w, exchange)


@table([("create", do_create), ("list", do_list), ("hijack", do_hijack)])
def test_no_memory_for_a_while(exchange):
    """From the n-th on a hundred allocations fail."""
    with bad_world() as w:
        for n in range(1, 40, 3):
            w.shim.set(fail_count=100, fail_at=n)
            for _ in range(5):
                once(w, exchange)
            w.shim.calm()
            well(w, exchange)


EVERYTHING = (do_create, do_list, do_hijack, do_refused, do_upload)


@table([("every third", 3, 0), ("every seventh", 7, 0), ("short", 0, 2), ("both", 5, 3)])
def test_calls_are_interrupted_or_short(interrupt_every, shorten_every):
    with bad_world() as w:
        w.shim.set(interrupt_every=interrupt_every, shorten_every=shorten_every)
        for exchange in EVERYTHING * 10:
            assert once(w, exchange), "%s went wrong" % exchange.__name__
        assert not interrupt_every or w.shim.interrupted > 20, "hardly a call was interrupted"
        do_reload(w, w.connect())
        w.shim.calm()
        assert_served(w)


def test_signals_without_end():
    """The policy is loaded anew and the proxy stopped and continued, hundreds of times a second."""
    with World(POLICY, prepare=crowd) as w:
        over = threading.Event()

        def annoy():
            count = 0
            while not over.is_set():
                for number in (signal.SIGHUP, signal.SIGSTOP, signal.SIGCONT):
                    w.proxy.process.send_signal(number)
                    count += 1
                time.sleep(0.002)
            return count
        thread = threading.Thread(target=annoy)
        thread.start()
        try:
            end = time.monotonic() + 2
            while time.monotonic() < end:
                for exchange in EVERYTHING:
                    assert once(w, exchange), "%s went wrong" % exchange.__name__
        finally:
            over.set()
            thread.join()
            w.proxy.process.send_signal(signal.SIGCONT)
        assert_served(w)


@table([("a day ahead", 86400), ("a day back", -86400)])
def test_wall_clock_jumps(offset_s):
    """No deadline is early or late: they go by a clock that does not jump.  The log's goes along."""
    def ahead_s():
        w.ask("GET", "/v1.41/info")
        said = datetime.datetime.fromisoformat(w.proxy.audit()[-1]["time"][:19] + "+00:00")
        return said.timestamp() - time.time()
    with bad_world() as w:
        w.engine.containers[MINE].running = True
        with w.connect() as idle, w.connect() as half, w.connect() as waiting:
            assert idle.ask("GET", "/_ping").status == 200
            half.send(head("POST", START)[:-2])
            waiting.send(request("POST", "/v1.41/containers/mine/wait"))
            assert waiting.reader.head()[0] == 200
            w.shim.set(wall_offset_s=offset_s)
            time.sleep(0.3)
            assert w.shim.calls and once(w, do_create)
            assert idle.ask("GET", "/_ping").status == 200
            half.send(b"\r\n")
            assert half.response().status in (204, 304)
            w.engine.containers[MINE].exit()
            assert waiting.reader.chunk(), "the wait was ended"
        until("the log's time", lambda: abs(ahead_s() - offset_s) < 3600)
    with ShimWorld(POLICY + "head-timeout = 1s\n", prepare=crowd) as w, w.connect() as half:
        half.send(b"GET ")
        w.shim.set(wall_offset_s=offset_s)
        assert_refused(half.response(), 408)
