# SPDX-License-Identifier: Apache-2.0
"""docker-compose 1.29 and docker compose v2 under presets/compose.ini: a project of two services from
up to down, beside a container, a network and a volume of somebody else's project.
"""
import contextlib
import glob
import json
import os
import shutil
import subprocess

import real
from cli import Pipes, clients, docker, environment
from client import PATIENCE_S
from proxy import ROOT, until
from real import RealWorld
from replay import PRESETS, Stage
from report import Skip, table

PROJECT = os.path.join(ROOT, "tests", "e2e", "clients", "docker-compose.yml")
CACHE = os.environ.get("CAISSON_CACHE", os.path.join(ROOT, "build", "cache"))
PLUGIN = "usr/libexec/docker/cli-plugins/docker-compose"


def composes():
    """(title, command) of every compose here: on the PATH, and those of engines.sh's roots, which
    may run outside of their root."""
    candidates = [["docker-compose"], ["docker", "compose"]]
    candidates += [[path] for path in sorted(glob.glob(os.path.join(CACHE, "engine-*", PLUGIN)))]
    found = {}
    for command in candidates:
        if shutil.which(command[0]):
            done = subprocess.run(command + ["version", "--short"], capture_output=True, text=True,
                                  check=False)
            if done.returncode == 0:
                found.setdefault(done.stdout.strip(), command)
    return [("%s %s" % (os.path.basename(command[0]), version), command)
            for version, command in found.items()]


class Project:
    """The project through the proxy, by one compose."""

    def __init__(self, w, command):
        self.w, self.command = w, command
        self.folder = os.path.join(w.directory, "caissonproject")
        os.makedirs(self.folder)
        shutil.copy(PROJECT, self.folder)

    def run(self, *arguments):
        return subprocess.run(self.command + list(arguments), cwd=self.folder, check=False,
                              env=environment(self.w), capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=PATIENCE_S)

    def good(self, *arguments):
        done = self.run(*arguments)
        assert done.returncode == 0, "compose %s: %s%s\n%s" % (
            " ".join(arguments), done.stdout, done.stderr[-2000:], self.w.proxy.log()[-3000:])
        return done.stdout

    def service(self, name):
        """The Engine's own view of a service's only container."""
        found = [c for c in self.w.engine.get("/containers/json?all=1")
                 if c["Labels"].get("com.docker.compose.project") == "caissonproject"
                 and c["Labels"]["com.docker.compose.service"] == name]
        assert len(found) == 1, found
        return self.w.engine.inspect(found[0]["Id"])


@contextlib.contextmanager
def project(command, **changes):
    with Stage(real.ENGINE) as stage:
        before = stage.state()
        with RealWorld(os.path.join(PRESETS, "compose.ini"), **changes) as w:
            yield Project(w, command), stage
        assert stage.state() == before, "it left a trace"


@table(composes())
def test_up_ps_logs_exec_down(command):
    with project(command) as (p, stage):
        p.good("up", "-d")
        web, db = p.service("web"), p.service("db")
        assert web["State"]["Running"] and db["State"]["Running"]
        assert web["HostConfig"]["SecurityOpt"] == ["no-new-privileges"], web["HostConfig"]
        assert [m["Name"] for m in db["Mounts"]] == ["caissonproject_data"], db["Mounts"]

        listed = p.good("ps")
        assert web["Name"][1:] in listed and db["Name"][1:] in listed, listed
        assert stage.NAME not in listed, listed
        for name, made in (("web", web), ("db", db)):
            p.w.engine.said(made["Id"], b"%s is up" % name.encode())
        said = p.good("logs")
        assert "web is up" in said and "db is up" in said and "secret" not in said, said

        look = "import socket; print(socket.gethostbyname('db'), socket.gethostbyname('frontend'))"
        found = p.good("exec", "-T", "web", "python3", "-c", look).split()
        assert found[-2:] == [next(iter(c["NetworkSettings"]["Networks"].values()))["IPAddress"]
                              for c in (db, web)], found
        assert "kept" in p.good("exec", "-T", "db", "cat", "/data/file")
        assert p.run("exec", "-T", "web", "sh", "-c", "exit 7").returncode == 7

        p.good("stop", "-t", "1", "web")
        assert not p.service("web")["State"]["Running"]
        p.good("up", "-d")
        assert p.service("web")["State"]["Running"]
        p.good("restart", "-t", "1", "db")
        p.good("down", "-t", "1")
        assert not w_has(p, "caissonproject")
        assert "caissonproject_data" in stage.state()["volumes"], "down took the volume"
        p.good("up", "-d")
        p.w.engine.said(p.service("db")["Id"], b"db is up")
        assert p.good("exec", "-T", "db", "cat", "/data/file").count("kept") > 1
        p.good("down", "-v", "-t", "1")


def w_has(p, name):
    return [c for c in p.w.engine.get("/containers/json?all=1")
            if c["Labels"].get("com.docker.compose.project") == name]


@table(composes())
def test_a_service_is_made_anew(command):
    """Another setting: compose renames the old container, makes a new one, and removes the old."""
    with project(command, image="Show = allow\n") as (p, _):  # 1.29 asks for the old one's by its id
        api = float(p.w.engine.get("/version")["ApiVersion"])
        if p.good("version", "--short").startswith("1.") and api >= 1.45:
            raise Skip("1.29 reads of an image what Engines from API 1.45 on do not say")
        p.good("up", "-d")
        before = p.service("web")["Id"]
        path = os.path.join(p.folder, "docker-compose.yml")
        with open(path, encoding="utf-8") as text:
            changed = text.read().replace("COLOUR: blue", "COLOUR: green")
        with open(path, "w", encoding="utf-8") as out:
            out.write(changed)
        p.good("up", "-d", "-t", "1")
        web = p.service("web")
        assert web["Id"] != before and "COLOUR=green" in web["Config"]["Env"], web["Config"]["Env"]
        p.good("down", "-v", "-t", "1")


@table(composes())
def test_up_in_the_foreground(command):
    with project(command) as (p, _):
        p.w.path, before = p.folder, os.getcwd()
        os.chdir(p.folder)  # Pipes starts its client here
        try:
            with Pipes(p.w, command[0], *command[1:], "up") as up:
                up.expect(b"web is up")
                p.good("stop", "-t", "1")
                up.end()
        finally:
            os.chdir(before)
        p.good("down", "-v", "-t", "1")


@table(composes())
def test_others_are_not_seen(command):
    """The client is told nothing of what stands beside its project, under that one's name or not."""
    with project(command) as (p, stage):
        for title, path in clients():
            for arguments in (("inspect", "--type", "container", stage.NAME), ("logs", stage.NAME),
                              ("exec", stage.NAME, "id"), ("rm", "-f", stage.values["theirs"]),
                              ("network", "inspect", stage.NAME),
                              ("volume", "inspect", stage.NAME)):
                done = docker(p.w, path, *arguments)
                assert "o such" in done.stderr or "not found" in done.stderr, (title, done)
            for arguments in (("ps", "-aq"), ("network", "ls", "-q"), ("volume", "ls", "-q")):
                done = docker(p.w, path, *arguments)
                assert (done.returncode, done.stdout) == (0, ""), (title, done)
        done = p.run("-p", "theirs", "ps", "-q")
        assert stage.values["theirs"][:12] not in done.stdout, done
        p.run("-p", "theirs", "down", "-v", "-t", "0")
        assert real.ENGINE.running(stage.values["theirs"])


@table(composes())
def test_what_reaches_beyond_is_refused(command):
    with project(command) as (p, _):
        path = os.path.join(p.folder, "docker-compose.yml")
        with open(path, encoding="utf-8") as text:
            plain = text.read()
        for line, word in (('privileged: true', "HostConfig.Privileged"),
                           ('volumes: ["/:/host"]', "HostConfig."),
                           ('pid: host', "HostConfig.PidMode"),
                           ('cap_add: [SYS_ADMIN]', "HostConfig.CapAdd"),
                           ('ports: ["80:80"]', "HostConfig.PortBindings")):
            with open(path, "w", encoding="utf-8") as out:
                out.write(plain.replace("    environment:", "    %s\n    environment:" % line))
            done = p.run("up", "-d")
            said = done.stdout + done.stderr
            assert done.returncode != 0 and "caisson: " in said and word in said, (line, said)
            assert json.dumps([c["Labels"]["com.docker.compose.service"]
                               for c in w_has(p, "caissonproject")]) in ('["db"]', "[]")
        with open(path, "w", encoding="utf-8") as out:
            out.write(plain)
        until("the end of it", lambda: p.run("down", "-v", "-t", "1").returncode == 0)
