# SPDX-License-Identifier: Apache-2.0
"""The shipped docker-compose.yml on a real Engine: what it makes, and 164 real programs through it.

The images are built from this tree; the project is then brought up from a copy of the compose file
and the policy beside the Engine's socket, so that a test can edit the policy.
"""
import collections
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys

import real
from client import PATIENCE_S
from proxy import ROOT, until
from report import Skip

HERE = os.path.dirname(os.path.abspath(__file__))


class Project:
    """The compose project, brought up once for all of these tests."""

    up, broken = None, False

    def __init__(self):
        self.engine = real.ENGINE
        self.folder = os.path.join(os.path.dirname(self.engine.path), "compose-e2e")
        self.command = self.find()
        self.environment = dict(
            self.engine.environment(), COMPOSE_PROJECT_NAME="caissone2e%d" % os.getpid(),
            COMPOSE_HTTP_TIMEOUT=str(int(PATIENCE_S)), DOCKER_SOCKET=self.engine.path,
            DOCKER_GID=str(os.stat(self.engine.path).st_gid))

    @staticmethod
    def find():
        named = os.environ.get("CAISSON_COMPOSE")
        if named:
            return shlex.split(named)
        for command in (["docker", "compose"], ["docker-compose"]):
            if shutil.which(command[0]) and subprocess.run(
                    command + ["version"], capture_output=True, check=False).returncode == 0:
                return command
        raise Skip("there is no compose here")

    def compose(self, folder, *arguments, check=True, **options):
        done = subprocess.run(self.command + list(arguments), cwd=folder, env=self.environment,
                              text=True, capture_output=True, check=False, **options)
        assert not check or done.returncode == 0, "compose %s: %s" % (
            " ".join(arguments), (done.stdout + done.stderr)[-3000:])
        return done.stdout + done.stderr

    def start(self):
        self.engine.script("images.sh")
        self.compose(ROOT, "build")
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(os.path.join(self.folder, "policy"))
        shutil.copy(os.path.join(ROOT, "docker-compose.yml"), self.folder)
        shutil.copy(os.path.join(ROOT, "policy", "evaluator.ini"),
                    os.path.join(self.folder, "policy"))
        real.AT_END.append(self.end)
        try:
            self.compose(self.folder, "up", "-d", "--no-build")
        except AssertionError as error:
            logs = self.compose(self.folder, "logs", "--tail", "5", check=False)
            raise AssertionError("%s\n%s" % (error, logs)) from None
        return self

    def end(self):
        self.compose(self.folder, "down", "-v", "-t", "5", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
        Project.up = None

    def container(self, service):
        """The Engine's own view of a service's container."""
        filters = json.dumps({"label": [
            "com.docker.compose.project=" + self.environment["COMPOSE_PROJECT_NAME"],
            "com.docker.compose.service=" + service]})
        from urllib.parse import quote
        found = self.engine.get("/containers/json?all=1&filters=" + quote(filters))
        assert len(found) == 1, "%d containers of %s" % (len(found), service)
        return self.engine.inspect(found[0]["Id"])

    def evaluate(self, *arguments, stdin=""):
        ident = self.container("evaluator")["Id"]
        return subprocess.run(["docker", "exec", "-i", ident, "/evaluator", *arguments],
                              env=self.environment, input=stdin, text=True, capture_output=True,
                              check=False)


    def run(self, *command):
        """Has one program evaluated, as soon as there is a proxy that answers."""
        def answer():
            done = self.evaluate("run", "--wall", "2m", "--", *command)
            return "engine_unavailable" not in done.stdout and done
        return until("an answer of the proxy", answer)


def project():
    if Project.broken:
        raise AssertionError("it did not come up, as said above")
    if not Project.up:
        Project.broken = True
        Project.up = Project().start()
        Project.broken = False
    return Project.up


def humaneval(*arguments):
    done = subprocess.run([sys.executable, os.path.join(HERE, "humaneval.py"), *arguments],
                          capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 164
    return done.stdout


def batch(p, requests):
    """The results of a batch inside the compose evaluator; how many there were of each verdict."""
    done = p.evaluate("batch", "--in", "-", "--out", "-", "-j", "4", stdin=requests)
    results = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(results) == len(requests.splitlines()), "%d results: %s" % (
        len(results), (done.stdout + done.stderr)[-2000:])
    return results, collections.Counter(r["verdict"] for r in results)


def strange(results, *wanted):
    return [(r["id"], r["verdict"], r.get("detail"), r.get("error"), r.get("stderr"))
            for r in results if r["verdict"] not in wanted][:5]


def assert_hardened(made):
    host, config = made["HostConfig"], made["Config"]
    user, _, group = config["User"].partition(":")
    assert user not in ("", "0", "root"), "it runs as root"
    assert host["ReadonlyRootfs"] is True and host["CapDrop"] == ["ALL"], host
    assert not host["CapAdd"] and host["Privileged"] is False
    assert [o for o in host["SecurityOpt"] if o.startswith("no-new-privileges")] == \
        host["SecurityOpt"] and "no-new-privileges:false" not in host["SecurityOpt"], host
    assert host["NetworkMode"] == "none", host["NetworkMode"]
    assert not host["PidMode"] and not host["PortBindings"] and not host["Devices"], host
    return int(user), int(group or 0)


def test_proxy_is_hardened():
    made = project().container("proxy")
    assert_hardened(made)
    sources = [m["Source"] for m in made["Mounts"] if m["Destination"] == "/var/run/docker.sock"]
    assert sources == [real.ENGINE.path], made["Mounts"]
    status = open("/proc/%d/status" % made["State"]["Pid"], encoding="ascii").read()
    assert "CapEff:\t0000000000000000" in status and "NoNewPrivs:\t1" in status, status
    assert "Uid:\t0" not in status, status


def test_evaluator_is_hardened_and_has_no_docker_socket():
    made = project().container("evaluator")
    assert assert_hardened(made) == (65534, 65534)
    for mount in made["Mounts"]:
        assert mount["Type"] != "bind" and mount["Source"] != real.ENGINE.path, mount
    assert not made["HostConfig"]["Binds"] or not any(
        "docker.sock" in b for b in made["HostConfig"]["Binds"]), made["HostConfig"]["Binds"]
    status = open("/proc/%d/status" % made["State"]["Pid"], encoding="ascii").read()
    assert "CapEff:\t0000000000000000" in status and "Uid:\t65534\t65534" in status, status
    mounts = open("/proc/%d/mountinfo" % made["State"]["Pid"], encoding="utf-8").read()
    assert "/var/run/docker.sock" not in mounts, mounts


def test_a_program_runs():
    done = project().run("python3", "-c", "print(6 * 7)")
    assert done.returncode == 0, done
    result = json.loads(done.stdout)
    assert result["verdict"] == "ok" and "42" in json.dumps(result["stdout"]), result


def test_canaries_see_what_they_should():
    done = project().evaluate("doctor", "--canary")
    assert done.returncode == 0 and "FAIL" not in done.stdout, done.stdout + done.stderr


def test_humaneval_is_solved():
    """Each of the 164 programs: prompt, canonical solution, tests."""
    results, verdicts = batch(project(), humaneval())
    assert verdicts == {"ok": 164}, (verdicts, strange(results, "ok"))


def test_humaneval_broken_is_not_solved():
    """A body of `return None` fails by its own doing, never by ours; few tests accept it."""
    results, verdicts = batch(project(), humaneval("--broken"))
    assert set(verdicts) <= {"ok", "runtime_error"}, (verdicts, strange(results, "ok",
                                                                        "runtime_error"))
    good = {r["id"] for r in results if r["verdict"] == "ok"}
    assert good == accepted_by_their_tests(humaneval("--broken")), sorted(good)


def accepted_by_their_tests(requests):
    """The ids whose tests truly accept a broken body: run here by the same Python, trusted data."""
    good = set()
    for line in requests.splitlines():
        request = json.loads(line)
        done = subprocess.run([sys.executable, "-c", request["files"][0]["text"]],
                              capture_output=True, check=False, timeout=PATIENCE_S)
        if done.returncode == 0:
            good.add(request["id"])
    return good


def test_both_become_healthy():
    p = project()
    for service in ("proxy", "evaluator"):
        until("a healthy " + service, lambda name=service:
              p.container(name)["State"]["Health"]["Status"] == "healthy")


def test_policy_that_is_edited_counts_after_a_restart():
    p = project()
    path = os.path.join(p.folder, "policy", "evaluator.ini")
    with open(path, encoding="utf-8") as text:
        before = text.read()
    assert p.run("true").returncode == 0
    try:
        with open(path, "w", encoding="utf-8") as out:
            out.write(before.replace("ContainerStart  = own", "; no start"))
        p.compose(p.folder, "restart", "-t", "5", "proxy")
        done = p.run("true")
        assert done.returncode in (3, 4) and "ContainerStart" in done.stdout + done.stderr, done
    finally:
        with open(path, "w", encoding="utf-8") as out:
            out.write(before)
        p.compose(p.folder, "restart", "-t", "5", "proxy")
    assert p.run("true").returncode == 0


def test_policy_that_is_edited_counts_after_a_reload():
    """From within the container, as its user; a broken file changes nothing."""
    p = project()
    path = os.path.join(p.folder, "policy", "evaluator.ini")
    with open(path, encoding="utf-8") as text:
        before = text.read()

    def reload_of(text):
        with open(path + ".new", "w", encoding="utf-8") as out:  # another inode, as editors do it
            out.write(text)
        os.replace(path + ".new", path)
        return subprocess.run(
            ["docker", "exec", p.container("proxy")["Id"], "/caisson", "reload", "--policy",
             "/etc/caisson/evaluator.ini"], env=p.environment, text=True, capture_output=True,
            check=False)
    try:
        done = reload_of(before.replace("ContainerStart  = own", "; no start"))
        assert done.returncode == 0 and "is in force" in done.stdout, done
        assert "ContainerStart" in p.run("true").stdout
        done = reload_of(before.replace("ContainerStart  = own", "ContainerStrat = own"))
        assert done.returncode == 1 and "/etc/caisson/evaluator.ini:" in done.stderr, done
        assert "ContainerStart" in p.run("true").stdout
    finally:
        done = reload_of(before)
    assert done.returncode == 0, done
    assert p.run("true").returncode == 0


def test_evaluator_survives_kill_9_of_the_proxy():
    p = project()
    before = until("a proxy", lambda: p.container("proxy")["State"]["Pid"])
    os.kill(before, signal.SIGKILL)  # a kill by the Engine would be taken for a wish to stop it
    until("the proxy's restart", lambda: p.container("proxy")["State"]["Pid"] not in (0, before))
    until("the proxy again", lambda: p.run("true").returncode == 0)


