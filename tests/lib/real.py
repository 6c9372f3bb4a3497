# SPDX-License-Identifier: Apache-2.0
"""A real Docker Engine, its raw socket, and the proxy in front of it."""
import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile

from client import Client, ask
from proxy import DEFAULT_POLICY, IMAGE, ROOT, Proxy, until

SETUP = os.path.join(ROOT, "tests", "setup")
OWNER = "e2e-%d" % os.getpid()
ENGINE = None
BRIDGED = None  # another one, see bridged()
AT_END = []  # what tests left for later: functions, called before the engine ends


class Engine:
    """The Engine behind `path`. Only one that we started is ever restarted or ended."""

    def __init__(self, path, directory=None, options=""):
        self.path, self.directory, self.options = path, directory, options

    @property
    def host(self):
        return "unix://" + self.path

    def ask(self, method, target, body=None):
        return ask(self.path, method, target, body)

    def get(self, target):
        reply = self.ask("GET", target)
        assert reply.status == 200, "the engine answers %s: %r" % (target, reply)
        return json.loads(reply.body)

    def inspect(self, ref):
        return self.get("/containers/%s/json" % ref)

    def there(self, ref):
        return self.ask("GET", "/containers/%s/json" % ref).status == 200

    def running(self, ref):
        return self.there(ref) and self.inspect(ref)["State"]["Running"]

    def version(self):
        return self.get("/version")["Version"]

    def ids(self):
        return {c["Id"] for c in self.get("/containers/json?all=1")}

    def remove(self, kind, ref, query=""):
        """Removes what is there, also when it is still in the way of something that is on its way out."""
        def gone():
            replies.append(self.ask("DELETE", "/%s/%s%s" % (kind, ref, query)))
            return replies[-1].status in (204, 404)
        replies = []
        try:
            until("the end", gone)
        except AssertionError:
            raise AssertionError("the engine answers to the removal of %s/%s: %r"
                                 % (kind, ref, replies[-1])) from None

    def remove_container(self, ref):
        self.remove("containers", ref, "?force=1&v=1")

    def said(self, ref, words):
        """Waits until a program has written this: a start is answered before it has done anything."""
        until("%r of %s" % (words, ref), lambda: words in self.ask(
            "GET", "/containers/%s/logs?stdout=1&stderr=1" % ref).body)

    def run_in(self, ref, *command):
        """Starts a program in a container that runs."""
        reply = self.ask("POST", "/containers/%s/exec" % ref, {"Cmd": list(command)})
        assert reply.status == 201, "the engine answers an exec: %r" % reply
        reply = self.ask("POST", "/exec/%s/start" % json.loads(reply.body)["Id"], {"Detach": True})
        assert reply.status == 200, "the engine answers the start of an exec: %r" % reply

    def make(self, name, *command):
        """A container that is nobody's, made on the raw socket, and started."""
        self.remove_container(name)
        body = {"Image": IMAGE, "Cmd": list(command) or ["sleep", "600"],
                "HostConfig": {"NetworkMode": "none"}}
        reply = self.ask("POST", "/containers/create?name=" + name, body)
        assert reply.status == 201, "the engine answers a create: %r" % reply
        ident = json.loads(reply.body)["Id"]
        assert self.ask("POST", "/containers/%s/start" % ident).status == 204
        return ident

    def script(self, *arguments):
        subprocess.run([os.path.join(SETUP, arguments[0]), *arguments[1:]], check=True,
                       stdout=subprocess.DEVNULL, env=self.environment())

    def environment(self):
        options = "%s %s" % (os.environ.get("ENGINE_OPTIONS", ""), self.options)
        return dict(os.environ, DOCKER_HOST=self.host, ENGINE_OPTIONS=options)

    def daemon(self):
        return read_number(os.path.join(self.directory, "docker.pid"))

    def restart(self, number=signal.SIGTERM):
        """Ends the daemon by a signal and starts it again."""
        pid = self.daemon()
        os.kill(pid, number)
        until("the end of dockerd", lambda: not alive(pid))
        # Where nobody reaps them, a dockerd that was killed, and the containerd that went with it,
        # look alive to the next one.
        for name in ("docker.pid", "exec/containerd/containerd.pid"):
            pidfile = os.path.join(self.directory, name)
            if os.path.exists(pidfile) and not alive(read_number(pidfile)):
                os.unlink(pidfile)
        self.script("engine.sh", "start", self.directory)

    def end(self):
        try:
            while AT_END:
                AT_END.pop()()
        finally:
            self.stop()

    def stop(self):
        if self.directory:
            self.script("engine.sh", "stop", self.directory)
            shutil.rmtree(self.directory, ignore_errors=True)


def read_number(path):
    with open(path, encoding="ascii") as text:
        return int(text.read())


def alive(pid):
    """Whether it runs; one that only waits to be reaped does not."""
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as text:
            return text.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def private_engine(options=""):
    """One that nobody else uses, without an image yet."""
    directory = tempfile.mkdtemp(prefix="caisson-e2e-")
    engine = Engine(os.path.join(directory, "docker.sock"), directory, options)
    try:
        engine.script("engine.sh", "start", directory)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    return engine


def start_engine():
    global ENGINE  # pylint: disable=global-statement
    named = os.environ.get("CAISSON_ENGINE")
    ENGINE = Engine(re.sub("^unix://", "", named)) if named else private_engine()
    try:
        ENGINE.script("images.sh", IMAGE)
    except BaseException:
        ENGINE.end()
        raise
    return ENGINE


class Bridge:
    """A network bridge of the host; the Engine that gets it gives it an address."""

    ADD, REMOVE, SET_FLAGS = 0x89a0, 0x89a1, 0x8914  # SIOCBRADDBR, SIOCBRDELBR, SIOCSIFFLAGS

    def __init__(self):
        self.name = "caisson%d" % os.getpid()
        self.ioctl(self.ADD, self.name.encode() + b"\0")

    @staticmethod
    def ioctl(number, argument):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, number, argument)

    def remove(self):
        self.ioctl(self.SET_FLAGS, struct.pack("16sh14x", self.name.encode(), 0))
        self.ioctl(self.REMOVE, self.name.encode() + b"\0")


def start_bridged():
    """The Engine of bridged(); it ends with ENGINE."""
    global BRIDGED  # pylint: disable=global-statement
    bridge = Bridge()
    AT_END.append(bridge.remove)
    BRIDGED = private_engine("--bridge=" + bridge.name)
    AT_END.append(BRIDGED.stop)
    BRIDGED.script("images.sh", IMAGE)


@contextlib.contextmanager
def bridged():
    """While this lasts ENGINE is one with a default network, which ours is started without.

    A container of that network does not let go of any other where there is no such network.
    """
    global ENGINE  # pylint: disable=global-statement
    ours = ENGINE
    if ours.ask("GET", "/networks/bridge").status != 200:
        if not BRIDGED:
            start_bridged()
        ENGINE = BRIDGED
    try:
        yield ENGINE
    finally:
        ENGINE = ours


def policy_text(path, **changes):
    """A shipped policy, under an owner of our own; changes: section=lines."""
    with open(path, encoding="utf-8") as text:
        policy = text.read()
    changes["proxy"] = "owner = %s\n%s" % (OWNER, changes.get("proxy", ""))
    for section, lines in changes.items():
        for key in re.findall(r"(?m)^([\w.\[\]-]+)\s*=", lines):  # ours instead of the file's
            policy = re.sub(r"(?m)^%s\s*=.*\n" % re.escape(key), "", policy)
        head = "[%s]\n" % section  # elsewhere it is spoken of
        if "\n" + head not in policy:
            policy += "\n" + head
        policy = policy.replace("\n" + head, "\n%s%s" % (head, lines), 1)
    return policy


class RealWorld:
    """The proxy in front of the real Engine; what was made through it is gone afterwards."""

    def __init__(self, policy=DEFAULT_POLICY, **changes):
        self.engine = ENGINE
        self.directory = tempfile.mkdtemp(prefix="caisson-e2e-")
        path = os.path.join(self.directory, os.path.basename(policy))
        with open(path, "w", encoding="utf-8") as out:
            out.write(policy_text(policy, **changes))
        self.proxy = Proxy(self.directory, self.engine.path, path)

    def __enter__(self):
        try:
            self.proxy.start()
        except BaseException:
            shutil.rmtree(self.directory, ignore_errors=True)
            raise
        return self

    def __exit__(self, kind, *_):
        try:
            if self.proxy.process.poll() is None:
                status = self.proxy.stop()
                if status != 0 and not kind:
                    raise AssertionError("the proxy ended with %d:\n%s"
                                         % (status, self.proxy.log()[-3000:]))
        finally:
            try:
                self.sweep()
            except AssertionError:
                if not kind:  # what the test says comes first
                    raise
            finally:
                shutil.rmtree(self.directory, ignore_errors=True)

    def sweep(self):
        filters = '%%7B%%22label%%22:[%%22io.caisson.owner=%s%%22]%%7D' % OWNER
        for container in self.engine.get("/containers/json?all=1&filters=" + filters):
            self.engine.remove_container(container["Id"])
        for network in self.engine.get("/networks?filters=" + filters):
            self.engine.remove("networks", network["Id"])
        for volume in self.engine.get("/volumes?filters=" + filters)["Volumes"] or []:
            self.engine.remove("volumes", volume["Name"])

    @property
    def host(self):
        return "unix://" + self.proxy.listen

    def connect(self):
        return Client(self.proxy.listen)

    def ask(self, method, target, body=None):
        return ask(self.proxy.listen, method, target, body)

    def create(self, name, *command, **host):
        """Creates a container through the proxy; its id."""
        reply = self.ask("POST", "/containers/create?name=" + name,
                         {"Image": IMAGE, "Cmd": list(command) or ["sleep", "600"],
                          "HostConfig": host})
        assert reply.status == 201, "create answers %r" % reply
        return json.loads(reply.body)["Id"]

    def run(self, name, *command, **host):
        ident = self.create(name, *command, **host)
        reply = self.ask("POST", "/containers/%s/start" % ident)
        assert reply.status == 204, "start answers %r" % reply
        return ident
