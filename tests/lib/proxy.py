# SPDX-License-Identifier: Apache-2.0
"""The proxy under test as a process, in front of a fake Engine.

CAISSON names the binary (build/caisson; CAISSON_BIN does too), CAISSON_WRAP a wrapper ("valgrind
--error-exitcode=99 -q"), CAISSON_WRAPPER the name of one that the binary comes with.  CAISSON_SPLICE
is what 'splice' is to be in policies that say nothing of it: 0 and 1 are two ways in which all bytes
are handed on alike.  A proxy that does not end with status 0 when asked to fails its test.
"""
import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

LIB = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(LIB))
sys.path.insert(0, os.path.join(ROOT, "tests", "fake"))
from client import PATIENCE_S, Client, ask, head  # noqa: E402
from engine import Engine  # noqa: E402

BINARY = (os.environ.get("CAISSON_BIN") or os.environ.get("CAISSON") or
          os.path.join(ROOT, "build", "caisson"))
WRAP = shlex.split(os.environ.get("CAISSON_WRAP", ""))
WRAPPER = os.path.basename(WRAP[0]) if WRAP else os.environ.get("CAISSON_WRAPPER", "")
SPLICE = os.environ.get("CAISSON_SPLICE", "")
DEFAULT_POLICY = os.path.join(ROOT, "policy", "evaluator.ini")
IMAGE = "python:3.11-slim"
DRAIN_S = 2.5  # what is under way has at least so long after SIGTERM

ALLOW = """[allow]
ContainerCreate = yes
ContainerStart = own
ContainerWait = own
ContainerLogs = own
ContainerDelete = own
[create]
Image = one-of python:3.11-slim busybox:*
"""


def until(what, condition):
    """Waits for condition() to be true; says what did not come."""
    end = time.monotonic() + PATIENCE_S
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("waited in vain: " + what)
        time.sleep(0.01)


class Proxy:
    def __init__(self, directory, upstream, policy=DEFAULT_POLICY, listen=None, arguments=()):
        self.listen = listen or os.path.join(directory, "proxy.sock")
        self.policy, self.upstream, self.arguments = policy, upstream, list(arguments)
        self.errors = os.path.join(directory, "proxy.err")
        self.process = None
        self.ended = False  # as the test meant it to
        self.says_listen = True  # on its command line; else the policy does, and with it of others

    def say_splice(self):
        """At the policy's end, so that no other line gets another number."""
        if not os.path.exists(self.policy):
            return
        with open(self.policy, encoding="utf-8") as policy:
            text = policy.read()
        if "splice =" in text:
            return
        self.policy = os.path.join(os.path.dirname(self.errors), os.path.basename(self.policy))
        with open(self.policy, "w", encoding="utf-8") as out:
            out.write(text + "\n[proxy]\nsplice = %s\n" % SPLICE)

    def edit(self, before, after):
        """Changes its policy, which is in force from the next reload or start on."""
        with open(self.policy, encoding="utf-8") as policy:
            text = policy.read()
        assert before in text, "no %r in %s" % (before, self.policy)
        with open(self.policy, "w", encoding="utf-8") as out:
            out.write(text.replace(before, after))

    def spawn(self):
        self.ended = False
        if SPLICE:
            self.say_splice()
        command = WRAP + [BINARY, "serve", "--policy", self.policy,
                          "--upstream", "unix:" + self.upstream]
        if self.says_listen:
            command += ["--listen", "unix:" + self.listen]
        with open(self.errors, "ab") as errors:
            self.process = subprocess.Popen(command + self.arguments, stdin=subprocess.DEVNULL,
                                            stdout=errors, stderr=errors)
        return self

    def start(self):
        self.spawn()
        until("the proxy's socket\n" + self.log(), self.answers)
        return self

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError("the proxy ended with %d at its start:\n%s"
                                 % (self.process.returncode, self.log()))
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                probe.connect(self.listen)
            return True
        except OSError:
            return False

    def log(self):
        try:
            with open(self.errors, encoding="utf-8", errors="replace") as errors:
                return errors.read()
        except FileNotFoundError:
            return ""

    def audit(self):
        """The audit lines that are there, as objects."""
        lines = self.log().split("\n")[:-1]  # the last one may be half written
        return [json.loads(line) for line in lines if line.startswith("{")]

    def rss_kib(self):
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1])
        return 0

    def cpu_ticks(self):
        """The processor time that it has used, in hundredths of a second."""
        with open("/proc/%d/stat" % self.process.pid, encoding="ascii") as stat:
            words = stat.read().rpartition(")")[2].split()
        return int(words[11]) + int(words[12])

    def stop(self):
        """SIGTERM; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self):
        """The exit status of a proxy that is about to end."""
        self.ended = True
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the proxy does not end:\n" + self.log()[-2000:]) from None

    @contextlib.contextmanager
    def standing_still(self):
        """What happens to it meanwhile, happens to it at once."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def kill(self):
        self.ended = True
        self.process.kill()
        self.process.wait()


class World:
    """A directory, a fake Engine and the proxy in front of it: `with World() as w:`."""

    def __init__(self, policy=None, api="1.41", prepare=None, start=True):
        self.directory = tempfile.mkdtemp(prefix="caisson-test-")
        self.engine = Engine(os.path.join(self.directory, "engine.sock"), api)
        path = DEFAULT_POLICY
        if policy is not None:
            path = os.path.join(self.directory, "test.ini")
            with open(path, "w", encoding="utf-8") as out:
                out.write(policy)
        self.proxy = Proxy(self.directory, self.engine.path, path)
        self.prepare, self.start_proxy = prepare, start
        self.pings = 0  # that settle() sent, each of which has an audit line, soon

    def __enter__(self):
        self.engine.start()
        if self.prepare:
            self.prepare(self.engine)
        try:
            if self.start_proxy:
                self.proxy.start()
                self.settle()
        except BaseException:
            self.end()
            raise
        return self

    def settle(self):
        """Waits until the proxy knows the engine, then forgets how it came to."""
        def known():
            with self.answered(head("GET", "/_ping")) as client:
                self.pings += 1
                return client.response().one("Api-Version") == self.engine.api
        until("the engine's version through the proxy", known)
        self.engine.wait_request("GET", r"/containers/json\?")
        self.engine.forget()

    def end(self):
        try:
            if self.proxy.process and self.proxy.process.poll() is None:
                self.proxy.kill()
        finally:
            self.engine.stop()
            shutil.rmtree(self.directory, ignore_errors=True)

    def __exit__(self, kind, *_):
        try:
            if self.proxy.process and not kind and not self.proxy.ended:
                status = self.proxy.stop()
                if status != 0:
                    raise AssertionError("the proxy ended with %d:\n%s"
                                         % (status, self.proxy.log()[-4000:]))
            if not kind:
                self.check_upstream()
        finally:
            self.end()

    def check_upstream(self):
        """Whatever else a test looks at: each byte that the engine got has one plain meaning."""
        assert not self.engine.strange, "the engine was sent %s" % self.engine.strange

    def connect(self):
        return Client(self.proxy.listen)

    def answered(self, data):
        """A client to whom an answer to `data` begins.  Where none may idle for more than seconds,
        that is not one that was ended before it asked, since the machine stood still."""
        def begun():
            client = self.connect()
            client.send(data)
            if not client.closed():
                return client
            client.close()
            return None
        return until("an answer to %r" % data, begun)

    def ask(self, method, target, body=None, *headers):
        return ask(self.proxy.listen, method, target, body, *headers)

    def create(self, name=None, body=None):
        """Creates a container through the proxy; the fake Engine's view of it."""
        target = "/v1.41/containers/create" + ("?name=" + name if name else "")
        reply = self.ask("POST", target, body or {"Image": IMAGE})
        if reply.status != 201:
            raise AssertionError("create answered %r" % reply)
        return self.engine.made[json.loads(reply.body)["Id"]]  # its lease may have ended by now

    def audit(self, count):
        """Waits for `count` audit lines of requests other than settle()'s pings."""
        def lines():
            return [a for a in self.proxy.audit() if not a.get("target", "").endswith("/_ping")]
        until("%d audit lines" % count, lambda: len(lines()) >= count)
        return lines()
