# SPDX-License-Identifier: Apache-2.0
"""What the benchmark runs: the fake engine, and the contestants between it and the load.

All of it lives in one temporary directory and on Unix sockets there; everything is stopped at the
end, by its process id.
"""
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CAISSON = os.environ.get("CAISSON") or os.path.join(ROOT, "build", "caisson")
BUILD = os.path.join(ROOT, "build", "bench")
PATIENCE_S = 30
BODY_BYTES = 2048
BODY_KEYS = 100000
IMAGE = "python:3.11-slim"

PROGRAMS = {"load": ["load.c", "chunks.c", "reply.c", "sock.c"],
            "engine": ["engine.c", "chunks.c", "reply.c", "sock.c"],
            "relay": ["relay.c", "sock.c"], "parse": ["parse.c"]}
LIBRARIES = {"parse": ["-ljansson"]}
CFLAGS = ["-std=gnu11", "-D_GNU_SOURCE", "-O2", "-g", "-Wall", "-Wextra", "-Wshadow",
          "-Wstrict-prototypes", "-Wmissing-prototypes", "-Wvla", "-Wformat=2", "-Werror"]

# The shipped policy, with room for what is measured.
POLICY = """[allow]
ContainerCreate = yes
ContainerStart = own
ContainerWait = own
ContainerLogs = own
ContainerDelete = own
PutContainerArchive = own
[create]
Image = one-of %s
[limits]
containers = 2000
upload = 2GiB
connections = 100000
connections-per-user = 100000
requests = 100000
streams = 100000
creates-per-minute = 10000000
""" % IMAGE

# Method and path rules, as a proxy without a view of bodies has to have them: each part of the
# Engine's API can be switched on or off as a whole, some verbs of containers on their own.
VERBS = [("RESTART", "(stop|restart|kill)"), ("START", "start"), ("STOP", "stop")]
PARTS = ["auth", "build", "commit", "configs", "containers", "distribution", "events", "exec",
         "grpc", "images", "info", "networks", "nodes", "_ping", "plugins", "secrets", "services",
         "session", "swarm", "system", "tasks", "version", "volumes"]

HAPROXY = """global
    nbthread 1
    maxconn 4000
%(log_to)s
defaults
    mode http
    timeout connect 10s
    timeout client 10m
    timeout server 10m
    timeout http-request 10s
    timeout http-keep-alive 10s
%(habits)s
frontend clients
    bind unix@%(listen)s
%(rules)s
    default_backend engine
backend engine
    server engine unix@%(engine)s
"""


def haproxy_rules():
    """The rules of the stock configuration; containers and the ping are switched on."""
    version = r"^(/v[\d\.]+)?"
    yield "http-request deny unless METH_GET || { env(POST) -m bool }"
    for switch, verb in VERBS:
        yield ("http-request allow if { path,url_dec -m reg -i %s/containers/[a-zA-Z0-9_.-]+/%s }"
               " { env(ALLOW_%s) -m bool }" % (version, verb, switch))
    for part in PARTS:
        yield ("http-request allow if { path,url_dec -m reg -i %s/%s } { env(%s) -m bool }"
               % (version, part, part.strip("_").upper()))
    yield "http-request deny"


def haproxy_stock(listen, engine):
    return HAPROXY % {
        "listen": listen, "engine": engine,
        "log_to": "    log stdout format raw daemon info",
        "habits": "    log global\n    option httplog\n    option dontlognull\n"
                  "    option http-server-close\n    http-reuse never",
        "rules": "\n".join("    " + rule for rule in haproxy_rules())}


def haproxy_tuned(listen, engine):
    return HAPROXY % {"listen": listen, "engine": engine, "log_to": "",
                      "habits": "    http-reuse always", "rules": ""}


HAPROXY_SWITCHES = {"POST": "1", "CONTAINERS": "1", "PING": "1"}


class Void(Exception):
    """A measurement that failed; the text says how."""


def build_programs():
    """Compiles load, engine and relay where they are older than their sources."""
    os.makedirs(BUILD, exist_ok=True)
    sources = [os.path.join(HERE, name) for name in os.listdir(HERE) if name[-2:] in (".c", ".h")]
    newest = max(os.path.getmtime(source) for source in sources)
    for program, files in PROGRAMS.items():
        target = os.path.join(BUILD, program)
        if os.path.exists(target) and os.path.getmtime(target) > newest:
            continue
        compiler = (os.environ.get("CC") or "cc").split()
        subprocess.run(compiler + CFLAGS + ["-o", target] + [os.path.join(HERE, f) for f in files] +
                       LIBRARIES.get(program, []), check=True)


def pick_cores():
    """(contestant's, load's, engine's) cores, as sets; None where there is but one core."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return None, None, None
    return {cores[-1]}, {cores[0]}, {cores[1 if len(cores) > 2 else 0]}


def family(pid):
    """A process and all that it started."""
    pids = [pid]
    try:
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/children" % (pid, task), encoding="ascii") as children:
                for child in children.read().split():
                    pids += family(int(child))
    except OSError:
        pass
    return pids


def cpu_seconds(pid):
    """User and system time of a process and its children, to the nanosecond where it is known."""
    total = 0.0
    for member in family(pid):
        try:
            for task in os.listdir("/proc/%d/task" % member):
                with open("/proc/%d/task/%s/schedstat" % (member, task), encoding="ascii") as stat:
                    total += int(stat.read().split()[0]) / 1e9
        except OSError:
            with open("/proc/%d/stat" % member, encoding="ascii") as stat:
                fields = stat.read().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def user_share(pid):
    """(user, system) in clock ticks, to tell how the whole divides."""
    user = system = 0
    for member in family(pid):
        with open("/proc/%d/stat" % member, encoding="ascii") as stat:
            fields = stat.read().rpartition(")")[2].split()
        user, system = user + int(fields[11]), system + int(fields[12])
    return user, system


def rss_bytes(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return 0


def fd_count(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


class Contestant:
    """Something that listens on `path`; `process` is None for the engine itself."""

    def __init__(self, name, path, command=None, environment=None, log=None):
        self.name, self.path, self.command = name, path, command
        self.environment, self.log, self.process = environment, log, None

    @property
    def pid(self):
        return self.process.pid

    def tidy(self):
        """Keeps what the contestant logs from filling the disk."""
        if self.log and os.path.exists(self.log):
            os.truncate(self.log, 0)


class World:
    """`with World() as world:` has an engine; world.caisson() and so on start the others."""

    def __init__(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < hard:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.files = hard
        self.directory = tempfile.mkdtemp(prefix="caisson-bench-")
        self.cores, self.load_cores, self.engine_cores = pick_cores()
        self.started = []
        self.engine_path = self.at("engine.sock")
        self.body = self.write("create.json", self.create_body())
        self.policy = self.write("bench.ini", POLICY)

    def at(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        with open(self.at(name), "w", encoding="ascii") as out:
            out.write(text)
        return self.at(name)

    @staticmethod
    def create_body():
        """What the docker CLI sends for a create, padded by a variable to BODY_BYTES."""
        with open(os.path.join(ROOT, "tests", "cases", "bodies", "cli-20.10-create.json"),
                  encoding="utf-8") as source:
            body = json.load(source)
        body["Image"], body["Env"] = IMAGE, ["PAD="]
        short = BODY_BYTES - len(json.dumps(body, separators=(",", ":")))
        body["Env"] = ["PAD=" + "x" * short]
        return json.dumps(body, separators=(",", ":"))

    @staticmethod
    def keys_bodies():
        """{where: a create body of 1 MiB with 100,000 keys}: what a hostile client may send."""
        letters = "0123456789abcdefghijklmnopqrstuvwxyz"
        names = ['"%s":' % "".join(letters[i // 36 ** k % 36] for k in range(4))
                 for i in range(BODY_KEYS)]
        begin = '{"Image":"%s"' % IMAGE
        bodies = {"at the top": begin + "".join("," + name + "0" for name in names) + "}",
                  "as labels": begin + ',"Labels":{%s}}' % ",".join(n + '"' '"' for n in names),
                  "as endpoints": begin + ',"NetworkingConfig":{"EndpointsConfig":{%s}}}'
                                  % ",".join(name + "{}" for name in names)}
        return {where: body.ljust(1 << 20) for where, body in bodies.items()}

    def __enter__(self):
        try:
            self.spawn(Contestant("engine", self.engine_path,
                                  [os.path.join(BUILD, "engine"), self.engine_path]),
                       self.engine_cores)
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        for contestant in reversed(self.started):
            self.stop(contestant)
        shutil.rmtree(self.directory, ignore_errors=True)

    def spawn(self, contestant, cores, wrap=()):
        def pin():
            if cores:
                os.sched_setaffinity(0, cores)
        with open(self.at(contestant.name.replace(" ", "-") + ".err"), "wb") as errors:
            contestant.process = subprocess.Popen(
                list(wrap) + contestant.command, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=errors, preexec_fn=pin,
                env=dict(os.environ, **(contestant.environment or {})))
        self.started.append(contestant)
        self.wait_for(contestant)
        return contestant

    def said(self, contestant):
        with open(self.at(contestant.name.replace(" ", "-") + ".err"), errors="replace",
                  encoding="utf-8") as errors:
            return errors.read()[-2000:].strip()

    def wait_for(self, contestant):
        """Until a ping is answered with 200."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if contestant.process.poll() is not None:
                raise Void("%s ended at its start: %s" % (contestant.name, self.said(contestant)))
            try:
                with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                    probe.settimeout(PATIENCE_S)
                    probe.connect(contestant.path)
                    probe.sendall(b"GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n")
                    if probe.recv(4096).startswith(b"HTTP/1.1 200"):
                        return
            except OSError:
                pass
            time.sleep(0.02)
        raise Void("%s does not answer: %s" % (contestant.name, self.said(contestant)))

    def stop(self, contestant):
        """SIGTERM to the program itself: a wrapper, such as strace, ends with it."""
        process = contestant.process
        if process is None or process.poll() is not None:
            return
        try:
            os.kill(family(process.pid)[-1], signal.SIGTERM)
            process.wait(PATIENCE_S)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            for pid in family(process.pid):
                os.kill(pid, signal.SIGKILL)
            process.wait()

    # The contestants.

    def direct(self):
        return Contestant("direct", self.engine_path)

    def relay(self, name="relay", flags=()):
        path = self.at(name.replace(" ", "-") + ".sock")
        command = [os.path.join(BUILD, "relay")] + list(flags) + [path, self.engine_path]
        return self.spawn(Contestant(name, path, command), self.cores)

    def haproxy(self, name, config):
        path = self.at(name.replace(" ", "-") + ".sock")
        file = self.write(name.replace(" ", "-") + ".cfg", config(path, self.engine_path))
        return self.spawn(Contestant(name, path, ["haproxy", "-db", "-f", file],
                                     HAPROXY_SWITCHES), self.cores)

    def caisson_command(self, name, program=CAISSON):
        path, audit = self.at(name + ".sock"), self.at(name + ".audit")
        return Contestant(name, path, [program, "serve", "--policy", self.policy, "--listen",
                                       "unix:" + path, "--upstream", "unix:" + self.engine_path,
                                       "--audit", audit], log=audit)

    def caisson(self, name="caisson", wrap=(), program=CAISSON):
        return self.spawn(self.caisson_command(name, program), self.cores, wrap)

    # The load.

    def load_command(self, kind, path, *arguments):
        command = [os.path.join(BUILD, "load"), kind, path] + [str(a) for a in arguments]
        if kind == "create":
            command += ["-b", self.body]
        if self.load_cores and shutil.which("taskset"):
            command = ["taskset", "-c", ",".join(map(str, self.load_cores))] + command
        return command

    def load(self, kind, path, *arguments):
        """Runs the load generator to its end; what it printed."""
        done = subprocess.run(self.load_command(kind, path, *arguments), stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=120, check=False, text=True)
        if done.returncode != 0:
            raise Void(done.stderr.strip() or "load ended with %d" % done.returncode)
        return json.loads(done.stdout)
