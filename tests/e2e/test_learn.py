# SPDX-License-Identifier: Apache-2.0
"""Observe, learn, enforce: what a program did unjudged, it does again under what was learnt from it.

Each program is run at a proxy that lets everything through, then at one that enforces the policy
which `caisson learn` makes of the first one's audit log; and what it did not use is refused there.
"""
import json
import os
import shutil
import subprocess
import tempfile

import real
from cli import Terminal, clients, environment, good
from proxy import BINARY, IMAGE, ROOT
from real import RealWorld
from replay import Stage, play, replays
from report import Skip, table

OBSERVE = "[proxy]\nmode = observe\n"
EXEC = {"Cmd": ["true"]}


class Under(RealWorld):
    """The proxy under a policy that is given as text, with its audit log in a file."""

    def __init__(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "test.ini")
            with open(path, "w", encoding="utf-8") as out:
                out.write(text)
            super().__init__(path)
        self.log = os.path.join(self.directory, "audit.log")
        self.proxy.arguments += ["--i-accept-the-risk", "--audit", self.log]

    def records(self):
        with open(self.log, encoding="utf-8") as log:
            return [json.loads(line) for line in log]


def learn(log, *options):
    """The policy learnt from a log; `caisson check` accepts it."""
    done = subprocess.run([BINARY, "learn", *options, log], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    checked = subprocess.run([BINARY, "check", "/dev/stdin"], input=done.stdout,
                             capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr + done.stdout
    return done.stdout


def observed(run, *options):
    """Runs it unjudged; the log's policy, and what operations it used."""
    before = real.ENGINE.ids()
    try:
        with Under(OBSERVE) as w:
            run(w)
            w.proxy.stop()
            records = w.records()
            policy = learn(w.log, *options)
    finally:
        for ident in real.ENGINE.ids() - before:  # they have no label to be swept by
            real.ENGINE.ask("DELETE", "/containers/%s?force=1&v=1" % ident)
    decisions = {r["decision"] for r in records if not r["target"].endswith("/_ping")}
    assert decisions == {"observe"}, decisions
    return policy, {r.get("operation") for r in records}


def refuses_exec(w):
    """Of a container that is the client's own, if it can make one at all."""
    ident = "0" * 64
    reply = w.ask("POST", "/containers/create", {"Image": IMAGE, "Cmd": ["sleep", "600"]})
    if reply.status == 201:
        ident = json.loads(reply.body)["Id"]
        w.ask("POST", "/containers/%s/start" % ident)
    reply = w.ask("POST", "/containers/%s/exec" % ident, EXEC)
    assert reply.status == 403, reply
    assert "ContainerExec is not allowed by" in json.loads(reply.body)["message"], reply


def round_trip(run, *options, edit=lambda policy: policy):
    policy, used = observed(run, *options)
    policy = edit(policy)
    with Under(policy) as w:
        try:
            run(w)
        except Exception as error:
            raise AssertionError("%s\nunder\n%s" % (error, policy)) from error
        w.proxy.stop()  # its log is whole then
        denied = [r for r in w.records() if r["decision"] == "deny" and r["status"] != 404]
        assert not denied, (denied, policy)
    if "ContainerExec" not in used:
        with Under(policy) as w:
            refuses_exec(w)
    return policy


def clean(w, path, *names):
    for name in names:
        good(w, path, "rm", "-f", name)


@table(clients())
def test_run(path):
    def run(w):
        assert good(w, path, "run", "--rm", IMAGE, "echo", "hello") == "hello"
    policy = round_trip(run)
    assert "\nContainerCreate = yes" in policy and "\nContainerAttach = own" in policy, policy
    assert "any " not in policy.partition("[create]")[0].partition("[allow]")[2], policy


@table(clients())
def test_run_in_a_terminal(path):
    def run(w):
        with Terminal(w, path, "run", "--rm", "-it", IMAGE, "sh", "-c", "read x; echo got $x") as t:
            t.write(b"words\n")
            t.expect(b"got words")
            assert t.end() == 0
    round_trip(run)


@table(clients())
def test_a_life_with_exec(path):
    def run(w):
        # Newer Engines rename nothing that is on a default network which is not there.
        good(w, path, "run", "-d", "--name", "learnt", "--network", "none", IMAGE, "sh", "-c",
             "echo up; sleep 600")
        assert good(w, path, "exec", "learnt", "echo", "inside") == "inside"
        w.engine.said("learnt", b"up")
        assert "up" in good(w, path, "logs", "learnt")
        assert "learnt" in good(w, path, "ps")
        good(w, path, "rename", "learnt", "renamed")
        good(w, path, "stop", "-t", "0", "renamed")
        clean(w, path, "renamed")
    policy = round_trip(run)
    assert "\nContainerExec = own" in policy and "\nContainerList = own" in policy, policy


@table(clients())
def test_options_become_rules(path):
    options = ("--memory", "300m", "--cpus", "1.5", "--pids-limit", "99", "--user", "12:34",
               "--cap-add", "CHOWN", "-e", "LD_BIND_NOW=1", "--label", "com.docker.test=1",
               "-v", "/usr/share:/data:ro", "--tmpfs", "/scratch:exec", "--shm-size", "80m",
               "--ulimit", "nofile=100:200", "--init", "--workdir", "/data")

    def run(w, *more):
        name = good(w, path, "create", *options, *more, IMAGE, "true")
        good(w, path, "start", name)
        assert good(w, path, "wait", name) == "0"
        made = w.engine.inspect(name)
        assert made["HostConfig"]["Memory"] == 300 << 20, made["HostConfig"]
        assert made["Config"]["User"] == "12:34", made["Config"]
        assert made["HostConfig"]["Binds"] == ["/usr/share:/data:ro"], made["HostConfig"]
        clean(w, path, name)
    policy = round_trip(run)
    with Under(policy) as w:  # no more than that
        for more in (("--memory", "301m"), ("-v", "/usr/share:/data"), ("--user", "0:0"),
                     ("--cap-add", "SYS_ADMIN"), ("--privileged",), ("-e", "LD_PRELOAD=x")):
            try:
                run(w, *more)
            except AssertionError as error:
                assert "caisson: " in str(error), error
            else:
                raise AssertionError("%s passed under\n%s" % (more, policy))


@table(clients())
def test_what_belongs_to_others(path):
    """Who looks at containers that he did not make gets `any`, and only for that."""
    def run(w):
        assert "caisson-theirs" in good(w, path, "ps", "--format", "{{.Names}}")
        assert good(w, path, "inspect", "--format", "{{.Name}}", "caisson-theirs")
    with Stage(real.ENGINE):
        policy = round_trip(run)
        assert "\nContainerInspect = any" in policy and "\nContainerList = any" in policy, policy
        with Under(policy) as w:
            assert w.ask("POST", "/containers/caisson-theirs/kill").status == 403
            assert real.ENGINE.running("caisson-theirs")


PROJECT = """version: "3.8"
services:
  one:
    image: %s
    command: sh -c "echo one is up; sleep 600"
    environment: [COLOUR=blue]
    volumes: ["data:/data"]
  two:
    image: %s
    command: sh -c "echo two is up; sleep 600"
    depends_on: [one]
volumes:
  data:
""" % (IMAGE, IMAGE)


def test_compose():
    """A project of two services, with a network and a volume of its own."""
    if not shutil.which("docker-compose"):
        raise Skip("there is no docker-compose here")

    def run(w):
        folder = os.path.join(w.directory, "learnt")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "docker-compose.yml"), "w", encoding="utf-8") as out:
            out.write(PROJECT)

        def compose(*arguments):
            done = subprocess.run(["docker-compose", *arguments], cwd=folder, text=True,
                                  capture_output=True, check=False,
                                  env=dict(os.environ, **environment(w)))
            assert done.returncode == 0, "%s: %s" % (arguments, (done.stdout + done.stderr)[-3000:])
            return done.stdout
        try:
            compose("up", "-d")
            assert "learnt_one_1" in compose("ps")
            w.engine.said("learnt_two_1", b"two is up")
            assert "two is up" in compose("logs", "two")
            assert compose("exec", "-T", "one", "echo", "inside").strip() == "inside"
        finally:
            compose("down", "-v", "-t", "0")
    policy = round_trip(run)
    for line in ("NetworkCreate = yes", "NetworkDelete = own", "VolumeDelete = own"):
        assert "\n%s " % line in policy, (line, policy)


EVALUATOR = os.environ.get("EVALUATOR_PROGRAM") or os.path.join(ROOT, "build", "evaluator")


def test_evaluator():
    """What observes looks like an engine's own socket, which is said to be meant."""
    def run(w):
        done = subprocess.run(
            [EVALUATOR, "run", "--allow-raw-socket", "--wall", "2m", "--", "python3", "-c",
             "print(6 * 7)"],
            env=dict(os.environ, DOCKER_HOST=w.host, XDG_RUNTIME_DIR=w.directory),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert done.returncode == 0 and json.loads(done.stdout)["verdict"] == "ok", done
    policy = round_trip(run)
    granted = {line.partition(" = ")[0] for line in
               policy.partition("[allow]\n")[2].partition("\n[")[0].split("\n")
               if line and not line.startswith(";")}
    assert granted <= {"ContainerCreate", "ContainerStart", "ContainerWait", "ContainerLogs",
                       "ContainerDelete", "SystemVersion"}, policy


# Programs that do not get by with what the built-in rules send where nothing is asked, and why.
AS_IT_RAN = {"agent": "it writes to a folder of the host, as the user whose that is"}


def replay_trip(replay, *options, edit=lambda policy, folder: policy):
    with real.bridged() as engine, Stage(engine) as stage:
        round_trip(lambda w: play(replay, w.proxy.listen, stage.values, engine, refused=False),
                   *options, edit=lambda policy: edit(policy, stage.folder))


@table([(replay.name, replay) for replay in replays()])
def test_replay(replay):
    """What the programs of the presets do, under what was learnt from it instead of the preset."""
    replay_trip(replay, *(["--as-it-ran"] if replay.name in AS_IT_RAN else []))


def test_one_line_by_hand():
    """Instead of --as-it-ran: whose the folder is that the program writes to."""
    def edit(policy, folder):
        os.unlink(os.path.join(folder, "project", "made"))  # by root, unjudged
        assert policy.count('\n; User = one-of ""') == 2, policy  # of containers, and of execs
        return policy.replace('\n; User = one-of ""', "\nUser = force 1000:1000")
    for replay in replays():
        if replay.name in AS_IT_RAN:
            replay_trip(replay, edit=edit)
