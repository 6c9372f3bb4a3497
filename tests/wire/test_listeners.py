# SPDX-License-Identifier: Apache-2.0
"""Several listeners of one proxy: each has its policy, its owner and its peers, and knows nothing of
the others; a reload changes all of them, or none."""
import hashlib
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading

from client import Client, ask, head, request, unread_bytes
from http1 import Eof
from proxy import ALLOW, BINARY, IMAGE, WRAPPER, World, until
from report import Skip, table
from shared import CREATE, assert_refused

FAMILY = "listeners and peers"

MAIN = """[proxy]
audit = stderr
[listener ci]
listen = unix:{dir}/ci.sock
policy = ci.ini
[listener dev]
listen = unix:{dir}/dev.sock
policy = dev.ini
owner  = devs
"""
EVERYTHING = ALLOW.replace("[create]", """ContainerInspect = own
ContainerList = own
ContainerStop = own
ContainerKill = own
ContainerRename = own
ContainerTop = own
ContainerAttach = own
ContainerExec = own
ExecStart = own
ExecInspect = own
[create]""")
CI = "a" * 64
DEV = "d" * 64
NOBODY = "e" * 64


def populate(engine):
    """One container of each owner, and a third one's."""
    engine.add(CI, "ci-one", {"io.caisson.owner": "ci"})
    engine.add(DEV, "dev-one", {"io.caisson.owner": "devs"})
    engine.add(NOBODY, "nobodys")


class Several(World):
    """A world whose policy is files: main.ini, and those that it names."""

    def __init__(self, main=MAIN, ci=EVERYTHING, dev=EVERYTHING, mode=0o700, start=True, **more):
        super().__init__(main, prepare=populate, start=start)
        os.chmod(self.directory, mode)
        self.write("test.ini", main)
        self.write("ci.ini", ci)
        self.write("dev.ini", dev)
        for name, text in more.items():
            self.write(name + ".ini", text)
        self.proxy.says_listen = False
        self.proxy.listen = self.path("ci.sock")

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.write(text.replace("{dir}", self.directory))

    def path(self, name):
        return os.path.join(self.directory, name)

    def settle(self):
        super().settle()
        until("all tables", lambda: all(
            self.at(name, "GET", "/_ping").status == 200 for name in self.sockets()))
        self.engine.forget()

    def sockets(self):
        return [n[:-5] for n in os.listdir(self.directory)
                if n.endswith(".sock") and n != "engine.sock"]

    def at(self, name, method, target, body=None):
        return ask(self.path(name + ".sock"), method, target, body)

    def connect_at(self, name):
        return Client(self.path(name + ".sock"))

    def hangup(self):
        """SIGHUP; waits until something became of it, and returns what was said."""
        said = len(self.proxy.log())
        self.proxy.process.send_signal(signal.SIGHUP)

        def outcome():
            text = self.proxy.log()[said:]
            return text if "stays\n" in text or "is in force\n" in text else ""
        until("the reload", outcome)
        until("all of it", lambda: self.at(self.sockets()[0], "GET", "/_ping").status)
        return self.proxy.log()[said:]

    def reload(self, *more):
        return subprocess.run([BINARY, "reload", "--policy", self.proxy.policy, *more],
                              capture_output=True, text=True, check=False, timeout=60)

    def version(self, name):
        with open(self.path(name), "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()[:12]


# ---- one does not see what is another's ----

SEEN = [
    ("inspect", "GET", "/containers/%s/json"), ("start", "POST", "/containers/%s/start"),
    ("stop", "POST", "/containers/%s/stop"), ("kill", "POST", "/containers/%s/kill"),
    ("logs", "GET", "/containers/%s/logs?stdout=1"), ("wait", "POST", "/containers/%s/wait"),
    ("top", "GET", "/containers/%s/top"), ("remove", "DELETE", "/containers/%s?force=1"),
    ("rename", "POST", "/containers/%s/rename?name=mine-now"),
    ("attach", "POST", "/containers/%s/attach?stream=1"),
    ("exec", "POST", "/containers/%s/exec"),
]
REFS = [("id", DEV, NOBODY, "f" * 64), ("prefix", DEV[:12], NOBODY[:12], "f" * 12),
        ("name", "dev-one", "nobodys", "no-such")]


def test_owners_are_blind_to_each_other():
    """What is another owner's, nobody's, and not there at all: the same bytes, and nothing is asked
    of the engine."""
    with Several() as w:
        for title, method, target in SEEN:
            body = {"Cmd": ["true"]} if title == "exec" else None
            for kind, *refs in REFS:
                raw = [w.at("ci", method, target % ref, body).raw.replace(ref.encode(), b"REF")
                       for ref in refs]
                # An id and a name are of other lengths than the words that stand for them.
                raw = [re.sub(rb"Content-Length: \d+", b"", r) for r in raw]
                assert raw[0] == raw[1] == raw[2], (title, kind, raw)
                assert b"404" in raw[0].split(b"\r\n")[0], raw[0]
        assert not w.engine.untouched(), w.engine.untouched()
        for method, ref in (("GET", "ci-one"), ("GET", CI), ("GET", CI[:12])):
            assert w.at("dev", method, "/containers/%s/logs?stdout=1" % ref).status == 404
            assert w.at("ci", method, "/containers/%s/logs?stdout=1" % ref).status == 200


def test_created_for_its_owner():
    with Several() as w:
        for name, owner, other in (("ci", "ci", "dev"), ("dev", "devs", "ci")):
            reply = w.at(name, "POST", CREATE + "?name=made-by-" + name,
                         {"Image": IMAGE, "Labels": {"io.caisson.owner": "other"}})
            assert reply.status in (201, 403), reply
            reply = w.at(name, "POST", CREATE + "?name=made-by-" + name, {"Image": IMAGE})
            assert reply.status == 201, reply
            made = w.engine.find("made-by-" + name)
            assert made.labels == {"io.caisson.owner": owner}, made.labels
            assert w.at(other, "POST", "/containers/made-by-%s/start" % name).status == 404
            assert w.at(name, "POST", "/containers/made-by-%s/start" % name).status == 204


def test_lists_are_narrowed_to_the_owner():
    with Several() as w:
        for name, ours in (("ci", CI), ("dev", DEV)):
            reply = w.at(name, "GET", "/containers/json?all=1")
            assert [c["Id"] for c in json.loads(reply.body)] == [ours], reply


def test_execs_are_the_owners():
    exec_id = "9" * 64
    with Several() as w:
        w.engine.on("POST", "/exec$", lambda e: e.json(201, {"Id": exec_id}))
        w.engine.on("GET", "/exec/", lambda e: e.json(200, {"ID": exec_id}))
        assert w.at("dev", "POST", "/containers/dev-one/exec", {"Cmd": ["true"]}).status == 201
        assert w.at("dev", "GET", "/exec/%s/json" % exec_id).status == 200
        assert w.at("ci", "GET", "/exec/%s/json" % exec_id).status == 404


def test_a_name_that_another_has():
    """The engine knows each name once, but not whose it is: that is not handed on."""
    with Several() as w:
        for target in (CREATE + "?name=dev-one", "/v1.41/containers/ci-one/rename?name=dev-one"):
            w.engine.on("POST", "/rename$", lambda e: e.error(
                409, 'Conflict. The container name "/dev-one" is already in use by container "%s".'
                % DEV))
            reply = w.at("ci", "POST", target,
                         {"Image": IMAGE} if "create" in target else None)
            message = assert_refused(reply, 409)
            assert "dev-one" in message and DEV[:12] not in reply.body.decode(), message
        own = w.at("ci", "POST", CREATE + "?name=ci-one", {"Image": IMAGE})
        assert own.status == 409 and CI in own.body.decode(), own


def test_a_name_of_ones_own_that_another_has_by_now():
    """Who has it is said from our table, and not from the Engine's words."""
    with Several() as w:
        w.engine.on("POST", "/containers/create", lambda e: e.error(
            409, 'Conflict. The container name "/ci-one" is already in use by container "%s".' % DEV))
        reply = w.at("ci", "POST", CREATE + "?name=ci-one", {"Image": IMAGE})
        message = assert_refused(reply, 409)
        assert CI in message and DEV[:12] not in reply.body.decode(), message


# ---- each has its policy ----

def test_each_has_its_policy():
    only = "[allow]\nContainerStart = own\n"
    with Several(dev=only) as w:
        assert w.at("dev", "POST", "/containers/dev-one/start").status == 204
        reply = w.at("dev", "GET", "/containers/dev-one/logs?stdout=1")
        assert "dev.ini" in assert_refused(reply, 403)
        assert w.at("ci", "GET", "/containers/ci-one/logs?stdout=1").status == 200


def test_each_has_its_limits():
    with Several(ci=EVERYTHING + "[limits]\ncontainers = 2\nconnections = 2\n") as w:
        assert w.at("ci", "POST", CREATE, {"Image": IMAGE}).status == 201
        assert w.at("ci", "POST", CREATE, {"Image": IMAGE}).status == 429
        for _ in range(3):
            assert w.at("dev", "POST", CREATE, {"Image": IMAGE}).status == 201
        with w.connect_at("ci") as one, w.connect_at("ci") as two:
            for client in (one, two):
                assert client.ask("GET", "/_ping").status == 200
            assert w.at("ci", "GET", "/_ping").status == 503
            assert w.at("dev", "GET", "/_ping").status == 200


def test_each_has_its_lifetime():
    with Several(ci=EVERYTHING + "[limits]\nlifetime = 1s\n") as w:
        until("the end of the lease", lambda: CI not in w.engine.containers)
        assert DEV in w.engine.containers and NOBODY in w.engine.containers


def test_the_rules_of_the_main_file():
    """Without a policy of its own; and the default listener beside."""
    main = MAIN.replace("policy = dev.ini\n", "").replace(
        "audit = stderr\n", "listen = unix:{dir}/main.sock\n") + EVERYTHING
    with Several(main, ci="[allow]\n") as w:
        assert w.at("dev", "POST", "/containers/dev-one/start").status == 204
        assert "test.ini" in assert_refused(w.at("dev", "GET", "/info"), 403)
        assert w.at("main", "POST", "/containers/dev-one/start").status == 404
        assert w.at("main", "POST", CREATE + "?name=main", {"Image": IMAGE}).status == 201
        assert w.engine.find("main").labels == {"io.caisson.owner": "caisson"}
        assert w.at("ci", "POST", "/containers/ci-one/start").status == 403


def test_one_whose_table_cannot_be_read():
    """The others are served; it is, when it can be."""
    def broken(exchange):
        if "%3Dci%22" in exchange.request.target:
            return exchange.error(500, "no list for this one")
        return exchange.engine.answer(exchange)
    with Several(start=False) as w:
        w.engine.on("GET", "/containers/json$", broken)
        w.proxy.start()
        w.ask("GET", "/_ping")  # who is answered finds all listeners there
        until("the other's table",
              lambda: w.at("dev", "POST", "/containers/dev-one/start").status in (204, 304))
        assert w.at("ci", "POST", "/containers/ci-one/start").status == 503
        assert w.at("dev", "POST", "/containers/dev-one/start").status == 304
        w.engine.reset_scripts()
        assert w.at("ci", "POST", "/containers/ci-one/start").status == 204


def test_all_come_back_with_the_engine():
    with Several() as w:
        w.engine.stop()
        for name in ("ci", "dev"):
            assert w.at(name, "POST", "/containers/%s-one/start" % name).status == 503
        w.engine.start()
        for name in ("ci", "dev"):
            assert w.at(name, "POST", "/containers/%s-one/start" % name).status == 204, name


def test_all_end():
    with Several() as w:
        paths = [w.path("ci.sock"), w.path("dev.sock")]
        assert all(os.path.exists(p) for p in paths)
        assert w.proxy.stop() == 0
        assert not any(os.path.exists(p) for p in paths)


# ---- the audit log ----

def test_audit_says_who_decided():
    with Several(dev="[allow]\nContainerStart = own\n") as w:
        w.at("ci", "POST", "/containers/ci-one/start")
        w.at("dev", "GET", "/info")
        records = w.audit(2)
        found = [(r["listener"], r["owner"], r["policy"], r["decision"]) for r in records]
        assert found == [("ci", "ci", w.version("ci.ini"), "forward"),
                         ("dev", "devs", w.version("dev.ini"), "deny")], found
        for name, file in (("ci", "ci.ini"), ("dev", "dev.ini")):
            assert "listener %s: %s, version %s, is in force\n" % (
                name, w.path(file), w.version(file)) in w.proxy.log(), w.proxy.log()


def test_learn_from_one_of_several():
    """One log of all listeners, old lines without a listener among them."""
    with Several() as w:
        w.at("ci", "POST", "/containers/ci-one/start")
        w.at("dev", "GET", "/containers/dev-one/logs?stdout=1")
        lines = w.audit(2)
        old = dict(lines[0], operation="ContainerWait")
        for name in ("listener", "owner", "policy"):
            del old[name]
        text = "".join(json.dumps(line) + "\n" for line in lines + [old])
        for arguments, learnt in (((), {"Start", "Logs", "Wait"}), (("--as", "ci"), {"Start"}),
                                  (("--as", "devs"), {"Logs"})):
            done = subprocess.run([BINARY, "learn", *arguments, "-"], input=text,
                                  capture_output=True, text=True, check=False)
            found = set(re.findall(r"(?m)^Container(\w+) = own", done.stdout))
            assert done.returncode == 0 and found == learnt, (arguments, done)
        done = subprocess.run([BINARY, "learn", "--as", "nobody", "-"], input=text,
                              capture_output=True, text=True, check=False)
        assert done.returncode == 2 and not done.stdout, done


# ---- peers ----

OPEN = MAIN.replace("policy = ci.ini\n", "policy = ci.ini\nlisten-mode = 0666\npeers = %s\n")


def be(uid, gid, groups, what):
    """Does something as another user, in a process of its own; what it returns."""
    if os.getuid() != 0:
        raise Skip("only root can be somebody else")
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups(groups)
            os.setgid(gid)
            os.setuid(uid)
            os.write(theirs, json.dumps(what()).encode())
        finally:
            os._exit(0)  # pylint: disable=protected-access
    os.close(theirs)
    os.waitpid(child, 0)
    with open(ours, "rb") as text:
        return json.loads(text.read())


def as_user(w, uid, gid, groups=(), method="POST", target="/containers/ci-one/start"):
    """[status, body, whether it was closed] that another user gets from the listener ci."""
    def converse():
        with w.connect_at("ci") as client:
            reply = client.ask(method, target)
            return [reply.status, reply.body.decode(), reply.closes and client.closed()]
    return be(uid, gid, groups, converse)


@table([("the user", "uid:4000", 4000, 4001, ()), ("one of the users", "uid:1 uid:4000", 4000, 5, ()),
        ("the group", "gid:4001", 4000, 4001, ()),
        ("a supplementary group", "uid:1 gid:4002", 4000, 4001, (4003, 4002)),
        ("one of very many", "gid:4500", 4000, 4001, tuple(range(4100, 4501))),
        ("by name", "uid:nobody", 65534, 4001, ())])
def test_peer_is_listed(peers, uid, gid, groups):
    with Several(OPEN % peers, mode=0o711) as w:
        assert as_user(w, uid, gid, groups)[0] == 204
        assert as_user(w, 4999, 4998, (4997,))[0] == 403


@table([("another user", "uid:4000", 4001, 4000, (4000,)),
        ("a group of that number", "uid:4000 gid:4444", 4002, 4000, (4000, 4003)),
        ("a user of that number", "gid:4000", 4000, 4001, ()), ("root", "uid:4000", 0, 0, ())])
def test_peer_is_not_listed(peers, uid, gid, groups):
    with Several(OPEN % peers, mode=0o711) as w:
        status, body, closed = as_user(w, uid, gid, groups)
        assert status == 403 and closed, (status, body)
        message = json.loads(body)["message"]
        assert "add uid:%d to 'peers' under [listener ci] of test.ini" % uid in message, message
        record = w.audit(1)[0]
        assert (record["uid"], record["gid"], record["reason"], record["decision"],
                record["listener"], record["operation"]) == \
            (uid, gid, "peer-not-allowed", "deny", "ci", "ContainerStart"), record
        assert not w.engine.untouched(), w.engine.untouched()
        assert w.at("dev", "POST", "/containers/dev-one/start").status == 204


def test_no_name_no_start():
    with Several(OPEN % "uid:no-such-user", start=False) as w:
        w.proxy.spawn()
        assert w.proxy.wait() == 2
        assert "test.ini:7: peers: there is no user 'no-such-user'" in w.proxy.log(), w.proxy.log()


def test_the_proxys_own_user_may_ping():
    with Several(OPEN % "uid:4000", mode=0o711) as w:
        assert w.at("ci", "GET", "/_ping").status == 200
        assert w.at("ci", "HEAD", "/_ping").status == 200
        done = subprocess.run([BINARY, "healthcheck", "--policy", w.proxy.policy],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, done
        assert w.at("ci", "GET", "/version").status == 403
        if os.getuid() == 0:
            assert as_user(w, 4001, 4001, (), "GET", "/_ping")[0] == 403
            said = until("its line", lambda: [a for a in w.proxy.audit() if a["uid"] == 4001])
            assert [(a["decision"], a["reason"], a["status"]) for a in said] == \
                [("deny", "peer-not-allowed", 403)], said


def test_strangers_take_no_places():
    """Connections of who is not listed do not count against those who are."""
    with Several(OPEN % "uid:%d" % os.getuid(), mode=0o711,
                 ci=EVERYTHING + "[limits]\nconnections = 2\n") as w:
        if os.getuid() != 0:
            raise Skip("only root can be somebody else")
        held = [socket.socket(socket.AF_UNIX) for _ in range(60)]
        be(4001, 4001, (), lambda: [s.connect(w.path("ci.sock")) for s in held])
        with w.connect_at("ci") as one, w.connect_at("ci") as two:
            for client in (one, two):
                assert client.ask("POST", "/containers/ci-one/start").status in (204, 304)
        assert len(os.listdir("/proc/%d/fd" % w.proxy.process.pid)) < 50
        assert sum(b"403" in s.recv(1000) for s in held[-40:]) == 40
        for sock in held:
            sock.close()


def test_who_is_none_of_the_peers_any_more_and_goes_before_its_create_is_made():
    """It counts once among those that take no places, not twice: else none were left for peers."""
    go_on = threading.Event()

    def slow(exchange):
        go_on.wait(30)
        exchange.engine.answer(exchange)
    with Several(OPEN % "") as w:
        w.engine.on("POST", "/containers/create$", slow)
        try:
            with w.connect_at("ci") as client:
                client.send(request("POST", CREATE, {"Image": IMAGE}))
                assert w.engine.wait_asked(1)
                w.write("test.ini", OPEN % "uid:4000")
                assert w.reload().returncode == 0
            w.write("test.ini", OPEN % "")
            until("an answer", lambda: w.at("ci", "GET", "/_ping").status == 200)
        finally:
            go_on.set()


def test_peers_change_at_a_reload():
    """A connection that is open is asked anew."""
    with Several(OPEN % "uid:0 uid:%d" % os.getuid(), mode=0o711) as w:
        with w.connect_at("ci") as client:
            assert client.ask("POST", "/containers/ci-one/start").status == 204
            w.write("test.ini", OPEN % "uid:4000")
            w.hangup()
            reply = client.ask("POST", "/containers/ci-one/start")
            assert reply.status == 403 and reply.closes and client.closed(), reply
            w.write("test.ini", OPEN % "uid:%d" % os.getuid())
            w.hangup()
            assert w.at("ci", "POST", "/containers/ci-one/start").status == 304


def test_who_is_no_peer_any_more_when_the_body_comes():
    """A request that is held back until after the reload is a stranger's."""
    with Several(OPEN % "uid:%d" % os.getuid()) as w, w.connect_at("ci") as client:
        whole = request("POST", CREATE, {"Image": IMAGE})
        client.send(whole[:-1])
        until("its head", lambda: unread_bytes(client.sock) == 0)
        w.write("test.ini", OPEN % "uid:4000")
        assert w.reload().returncode == 0
        client.send(whole[-1:])
        reply = client.response()
        assert "peers" in assert_refused(reply, 403) and reply.closes, reply
        assert not w.engine.untouched(), w.engine.untouched()


# ---- what is wrong with a file ----

TWO = "[listener a]\nlisten = unix:/tmp/a.sock\n[listener b]\nlisten = unix:/tmp/b.sock\n"


@table([
    ("no listen", "[listener a]\nowner = x\n", 1, "has no 'listen'"),
    ("no line at all", "[listener a]\n", 1, "has no 'listen'"),
    ("no name", "[listener]\nlisten = unix:/tmp/a\n", 1, "[listener ci]"),
    ("an empty name", "[listener ]\nlisten = unix:/tmp/a\n", 1, "has a name"),
    ("a name that is none", "[listener a b]\nlisten = unix:/tmp/a\n", 1, "has a name"),
    ("a name twice", TWO + "[listener a]\nlisten = unix:/tmp/c.sock\n", 5, "begins on line 1"),
    ("a socket twice", TWO.replace("/b.sock", "/a.sock"), 4, "socket of listener 'a'"),
    ("an owner twice", TWO + "owner = a\n", 5, "owner of listener 'a'"),
    ("an owner that is the default's", "[proxy]\nlisten = unix:/tmp/p.sock\n" + TWO
     + "owner = caisson\n", 7, "owner of listener 'default'"),
    ("the default's socket", "[proxy]\nlisten = unix:/tmp/a.sock\n" + TWO, 4,
     "socket of listener 'default'"),
    ("the default's name", TWO.replace("b]", "default]"), 3,
     "another name"),
    ("an unknown key", TWO + "polcy = x\n", 5, "did you mean 'policy'"),
    ("peers that are none", TWO + "peers = docker\n", 5, "uid:1000 gid:docker"),
    ("a peer without a name", TWO + "peers = uid:1 gid:\n", 5, "uid:1000 gid:docker"),
    ("a policy that is not there", TWO + "policy = nowhere.ini\n", 5, "nowhere.ini: cannot open"),
    ("a policy that is itself", TWO + "policy = test.ini\n", None, "has no place"),
    ("an unknown section", TWO + "[listner c]\n", 5, "[listener NAME]"),
])
def test_wrong_listeners(text, line, words):
    with World(text, start=False) as w:
        w.proxy.says_listen = False
        w.proxy.spawn()
        assert w.proxy.wait() == 2, w.proxy.log()
        place = "test.ini:%d: " % line if line else "test.ini:1: "
        assert place in w.proxy.log() and words in w.proxy.log(), w.proxy.log()
        done = subprocess.run([BINARY, "check", w.proxy.policy], capture_output=True, text=True,
                              check=False)
        assert done.returncode == 1 and words in done.stderr, done


def test_what_has_no_effect_is_said():
    own = "[proxy]\nlisten = unix:/tmp/x\naudit = none\nupstream = unix:/tmp/y\nowner = z\n"
    with Several(MAIN.replace("audit = stderr", "owner = w"), ci=own + EVERYTHING) as w:
        for place in ("ci.ini:2: 'listen'", "ci.ini:3: 'audit'", "ci.ini:4: 'upstream'",
                      "ci.ini:5: 'owner'", "test.ini:2: 'owner'"):
            assert w.proxy.log().count(place + " has no effect: ") == 1, w.proxy.log()
        assert w.at("ci", "POST", "/containers/ci-one/start").status == 204


def test_check_and_explain_know_listeners():
    with Several(dev="[allow]\nContainerStart = any\n" + ALLOW[ALLOW.index("[create]"):]
                 + "HostConfig.Binds = allow\n", start=False) as w:
        done = subprocess.run([BINARY, "check", w.proxy.policy], capture_output=True, text=True,
                              check=False)
        assert done.returncode == 0, done
        for words in ("Listener ci, on unix:%s/ci.sock, for owner ci" % w.directory,
                      "Listener dev, on unix:%s/dev.sock, for owner devs" % w.directory,
                      "Verdict of all listeners: "):
            assert words in done.stdout, done.stdout

        def explain(*more):
            return subprocess.run([BINARY, "explain", "POST", "/containers/x/start", "--policy",
                                   w.proxy.policy, *more], capture_output=True, text=True,
                                  check=False)
        assert explain("--as", "ci").returncode == 1
        assert "No such container" in explain("--as", "ci").stdout
        for name in ("dev", "devs"):
            assert explain("--as", name).returncode == 0, explain("--as", name)
        for wrong in ((), ("--as", "nobody")):
            done = explain(*wrong)
            assert done.returncode == 2 and "ci dev" in done.stderr, done


# ---- reload ----

def test_reload_takes_all_files():
    with Several() as w:
        w.write("ci.ini", EVERYTHING.replace("ContainerStart = own\n", ""))
        w.write("dev.ini", EVERYTHING.replace("ContainerLogs = own\n", ""))
        done = w.reload()
        assert done.returncode == 0, done
        for name in ("ci", "dev"):
            assert "listener %s: %s, version %s, is in force\n" % (
                name, w.path(name + ".ini"), w.version(name + ".ini")) in done.stdout, done
        assert w.at("ci", "POST", "/containers/ci-one/start").status == 403
        assert w.at("ci", "GET", "/containers/ci-one/logs?stdout=1").status == 200
        assert w.at("dev", "POST", "/containers/dev-one/start").status == 204
        assert w.at("dev", "GET", "/containers/dev-one/logs?stdout=1").status == 403


@table([("the main file", "test.ini"), ("the last one", "dev.ini")])
def test_reload_of_something_broken(name):
    """Nothing of it is taken, not even what is whole."""
    with Several() as w:
        w.write("ci.ini", "[allow]\n")
        with open(w.path(name), "a", encoding="utf-8") as out:
            out.write("[allow]\nContainerStrat = own\n")
        done = w.reload()
        assert done.returncode == 1 and "ContainerStrat" in done.stderr, done
        assert re.search(r"%s:\d+: " % re.escape(w.path(name)), done.stderr), done
        said = w.hangup()
        assert "ContainerStrat" in said and "the policy in force stays" in said, said
        assert w.at("ci", "POST", "/containers/ci-one/start").status == 204
        assert w.at("dev", "POST", "/containers/dev-one/start").status == 204


def test_reload_opens_and_closes():
    """A listener that is new is there, with what its owner has; one that is gone is not, but its
    streams go on."""
    new = MAIN[:MAIN.index("[listener dev]")] + \
        "[listener new]\nlisten = unix:{dir}/new.sock\npolicy = dev.ini\n"
    with Several() as w:
        w.engine.add("b" * 64, "new-one", {"io.caisson.owner": "new"})
        dev = w.engine.find("dev-one")
        dev.running = True
        with w.connect_at("dev") as streaming, w.connect_at("dev") as idle:
            assert idle.ask("GET", "/_ping").status == 200
            streaming.send(request("GET", "/containers/dev-one/logs?stdout=1&follow=1"))
            streaming.reader.head()
            w.write("test.ini", new)
            done = w.reload()
            assert done.returncode == 0, done
            assert "listener dev takes no more connections; " in done.stdout, done
            assert not os.path.exists(w.path("dev.sock"))
            assert w.at("new", "POST", "/containers/new-one/start").status == 204
            assert w.at("new", "POST", "/containers/dev-one/start").status == 404
            assert idle.closed()
            w.write("test.ini", MAIN)  # its owner is not free yet
            done = w.reload()
            assert done.returncode == 1 and "until its last connection ends" in done.stderr, done
            dev.say(1, b"still here")
            assert streaming.reader.chunk().endswith(b"still here")
            dev.exit(0)
            assert streaming.reader.chunk() == b""
        until("its end", lambda: "listener dev has ended" in w.proxy.log())
        assert w.reload().returncode == 0
        assert w.at("dev", "POST", "/containers/dev-one/start").status == 204
        assert not os.path.exists(w.path("new.sock"))


def test_reload_that_cannot_open():
    """Not even the sockets that could be opened stay."""
    more = MAIN + "[listener x]\nlisten = unix:{dir}/x.sock\n" \
        "[listener y]\nlisten = unix:{dir}/absent/y.sock\n"
    with Several() as w:
        w.write("test.ini", more)
        w.write("ci.ini", "[allow]\n")
        done = w.reload()
        assert done.returncode == 1 and "absent/y.sock" in done.stderr, done
        assert "the policy in force stays" in done.stderr, done
        assert not os.path.exists(w.path("x.sock"))
        assert w.at("ci", "POST", "/containers/ci-one/start").status == 204


@table([("a socket", "ci.sock", "moved.sock", "listen", "ci"),
        ("an owner", "owner  = devs", "owner  = others", "owner", "dev"),
        ("a mode", "policy = ci.ini", "policy = ci.ini\nlisten-mode = 0600", "listen-mode", "ci")])
def test_reload_of_what_needs_a_restart(old, new, key, name):
    with Several() as w:
        w.write("test.ini", MAIN.replace(old, new))
        w.write("ci.ini", "[allow]\n")
        done = w.reload("--listen", "unix:" + w.path("ci.sock")) if key == "listen" else w.reload()
        words = "a new '%s' under [listener %s] takes effect at a restart" % (key, name)
        if key == "listen":
            w.hangup()
            assert words in w.proxy.log(), w.proxy.log()
        else:
            assert done.returncode == 0 and words in done.stdout, done
        assert w.at("ci", "POST", "/containers/ci-one/start").status == 403, "the rest is in force"
        assert w.at("dev", "POST", "/containers/dev-one/start").status == 204


@table([("a socket", "listen = unix:{dir}/ci.sock\n", "is the socket of listener ci"),
        ("an owner", "listen = unix:{dir}/new.sock\nowner = devs\n", "is the owner of listener dev")])
def test_reload_gives_to_nobody_what_another_has(lines, words):
    main = MAIN.replace("{dir}/ci.sock", "{dir}/moved.sock").replace("owner  = devs", "owner = else")
    with Several() as w:
        w.write("test.ini", main + "[listener new]\n" + lines)
        assert words in w.hangup()
        assert "the policy in force stays" in w.proxy.log()


def test_stream_goes_on_under_the_old_policy():
    with Several() as w:
        old = w.version("ci.ini")
        ours = w.engine.find("ci-one")
        ours.running = True
        with w.connect_at("ci") as client:
            client.send(request("GET", "/containers/ci-one/logs?stdout=1&follow=1"))
            client.reader.head()
            w.write("ci.ini", "[allow]\n")
            assert w.reload().returncode == 0
            assert w.at("ci", "GET", "/containers/ci-one/logs?stdout=1").status == 403
            ours.say(1, b"after the reload")
            assert client.reader.chunk().endswith(b"after the reload")
            ours.exit(0)
            assert client.reader.chunk() == b""
            assert client.ask("GET", "/containers/ci-one/logs?stdout=1").status == 403
        versions = [(r["policy"], r["status"]) for r in w.audit(3)]
        assert versions == [(w.version("ci.ini"), 403), (old, 200),
                            (w.version("ci.ini"), 403)], versions


def test_reload_without_a_proxy():
    with Several(start=False) as w:
        done = w.reload()
        assert done.returncode == 1 and "no proxy answers on" in done.stderr, done


def test_reload_of_something_else():
    """Whoever listens there and is no caisson is not sent a signal."""
    with Several(start=False) as w:
        code = "import signal, socket, sys\nsignal.signal(signal.SIGHUP, lambda *_: print('HUP'))\n" \
            "s = socket.socket(socket.AF_UNIX)\ns.bind(sys.argv[1])\ns.listen()\n" \
            "print('up', flush=True)\nsys.stdin.read()"
        other = subprocess.Popen([sys.executable, "-c", code, w.path("ci.sock")],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            assert other.stdout.readline() == b"up\n"
            done = w.reload()
            assert done.returncode == 1 and "is no caisson" in done.stderr, done
        finally:
            assert other.communicate(b"")[0] == b""


def test_reload_of_another_file():
    with Several() as w:
        w.write("other.ini", MAIN + "[allow]\nContainerStart = own\n")
        done = subprocess.run([BINARY, "reload", "--policy", w.path("other.ini")],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 1 and "another --policy" in done.stderr, done


def test_reload_by_somebody_else():
    if os.getuid() != 0:
        raise Skip("only root can be somebody else")
    with Several(OPEN % "uid:4000", mode=0o711) as w:
        for name in ("test.ini", "ci.ini", "dev.ini"):
            os.chmod(w.path(name), 0o644)
        said = w.proxy.log().count("is in force")
        try:
            subprocess.run([BINARY, "version"], user=4000, check=True, stdout=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError) as error:
            raise Skip("others cannot run the program here") from error
        done = subprocess.run([BINARY, "reload", "--policy", w.proxy.policy], user=4000, group=4000,
                              extra_groups=(), capture_output=True, text=True, check=False)
        assert done.returncode == 1 and "be its user, or root" in done.stderr, done
        assert w.proxy.log().count("is in force") == said


def test_reload_many_times_leaves_nothing():
    with Several() as w:
        def open_files():
            return len(os.listdir("/proc/%d/fd" % w.proxy.process.pid))
        assert w.reload().returncode == 0
        before = open_files()
        for turn in range(20):
            more = "[listener x%d]\nlisten = unix:{dir}/x%d.sock\n" % (turn, turn)
            w.write("test.ini", MAIN + more)
            assert w.reload().returncode == 0
            assert w.at("x%d" % turn, "GET", "/_ping").status == 200
        w.write("test.ini", MAIN)
        assert w.reload().returncode == 0
        until("the old number of descriptors", lambda: open_files() <= before + 2)


def test_reloads_under_load():
    """Listeners come and go while the clients of all are at it: nobody gets another's answer."""
    strange, stop = [], threading.Event()

    def work(w, name, number):
        """Makes, lists and removes what is its own; a listener that comes and goes may be gone."""
        turn = 0
        while not stop.is_set():
            turn += 1
            title = "%s-%d-%d" % (name, number, turn)
            try:
                with w.connect_at(name) as client:
                    made = client.ask("POST", CREATE + "?name=" + title, {"Image": IMAGE})
                    listed = client.ask("GET", "/containers/json?all=1")
                    gone = client.ask("DELETE", "/containers/%s?force=1" % title)
                if (made.status, listed.status, gone.status) != (201, 200, 204):
                    strange.append((title, made, listed, gone))
                owners = {c["Labels"]["io.caisson.owner"] for c in json.loads(listed.body)}
                if owners != {"devs" if name == "dev" else name}:
                    strange.append((title, owners))
            except (OSError, Eof) as error:
                if name != "guest":
                    strange.append((title, error))
    guest = MAIN + "[listener guest]\nlisten = unix:{dir}/guest.sock\npolicy = ci.ini\n"
    with Several() as w:
        threads = [threading.Thread(target=work, args=(w, name, number))
                   for name in ("ci", "dev", "guest") for number in range(2)]
        for thread in threads:
            thread.start()
        try:
            for turn in range(30):
                w.write("test.ini", MAIN if turn % 2 else guest)
                done = w.reload()
                assert done.returncode == 0 or "last connection" in done.stderr, done
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert not strange, strange[:3]
        assert w.at("ci", "POST", "/containers/ci-one/start").status == 204


def test_one_that_ends_while_its_table_is_read():
    """The engine's answer comes when nobody is there to hear it."""
    go_on = threading.Event()

    def slow(exchange):
        if "%3Dguest%22" in exchange.request.target:
            go_on.wait(30)
        exchange.engine.answer(exchange)
    with Several() as w:
        w.engine.on("GET", "/containers/json$", slow)
        w.write("test.ini", MAIN + "[listener guest]\nlisten = unix:{dir}/guest.sock\n")
        assert w.reload().returncode == 0
        assert w.engine.wait_request("GET", "guest")
        w.write("test.ini", MAIN)
        assert w.reload().returncode == 0
        until("its end", lambda: "listener guest has ended" in w.proxy.log())
        go_on.set()
        for _ in range(20):
            assert w.at("ci", "POST", "/containers/ci-one/start").status in (204, 304)


# ---- shortage ----

def test_one_cannot_take_the_descriptors_of_another():
    """Where the system allows fewer than all 'connections' need, each listener has its share."""
    if WRAPPER:
        raise Skip("%s keeps descriptors for itself" % WRAPPER)
    with Several(ci=EVERYTHING + "[limits]\nconnections = 400\n",
                 dev=EVERYTHING + "[limits]\nconnections = 100\n", start=False) as w:
        own = resource.getrlimit(resource.RLIMIT_NOFILE)
        if own[0] < 1000:
            raise Skip("the tests themselves may have %d descriptors only" % own[0])
        w.proxy.spawn()
        w.proxy.kill()
        with open(w.proxy.errors, "ab") as errors:
            w.proxy.process = subprocess.Popen(
                ["sh", "-c", "ulimit -n 296 && exec \"$@\"", "sh", BINARY, "serve", "--policy",
                 w.proxy.policy, "--upstream", "unix:" + w.engine.path],
                stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)
        w.proxy.ended = False
        until("the socket", w.proxy.answers)
        w.settle()
        ours = w.engine.find("ci-one")
        ours.running = True
        held = []
        try:
            for _ in range(300):
                client = w.connect_at("ci")
                held.append(client)
                client.send(head("POST", "/containers/ci-one/wait"))
                if client.reader.head()[0] != 200:
                    break
            assert 40 < len(held) < 120, len(held)
            for _ in range(20):
                client = w.connect_at("dev")
                held.append(client)
                assert client.ask("POST", "/containers/dev-one/start").status in (204, 304)
            assert "accept: " not in w.proxy.log(), w.proxy.log()
        finally:
            for client in held:
                client.close()


def test_own_questions_leave_no_connections():
    """Asking the engine again and again keeps one connection to it, not one for each time."""
    with Several(ci=EVERYTHING + "[limits]\nlifetime = 1h\n") as w:
        def idle():
            with w.engine.lock:
                return [c for c in w.engine.connections if not c.eof.is_set()]
        for turn in range(12):
            w.engine.add("%064x" % (turn + 1), "x%d" % turn, {"io.caisson.owner": "ci"},
                         created=1)
        w.engine.on("POST", "/start$", lambda e: e.error(404, "gone"), times=1)
        w.at("ci", "POST", "/containers/ci-one/start")  # so the list is read
        until("their end", lambda: not any(c.name.startswith("x")
                                           for c in w.engine.containers.values()))
        assert len(idle()) <= 4, len(idle())
