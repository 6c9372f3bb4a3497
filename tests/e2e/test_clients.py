# SPDX-License-Identifier: Apache-2.0
"""Client libraries through the proxy, under the preset that is for them.

A library that the machine does not have, and cannot get, is skipped with the reason.
"""
import fcntl
import os
import shutil
import subprocess
import sys

import real
from cli import environment
from client import PATIENCE_S
from proxy import IMAGE, ROOT
from real import RealWorld
from replay import PRESETS, Stage
from report import Skip

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPTS = os.path.join(HERE, "clients")
CACHE = os.environ.get("CAISSON_CACHE", os.path.join(ROOT, "build", "cache"))
NPM = {"dockerode": "4.0.2", "testcontainers": "10.13.2"}


def run(preset, command, **variables):
    """One client from its start to its end, beside a container of somebody else."""
    with Stage(real.ENGINE) as stage:
        before = stage.state()
        with RealWorld(os.path.join(PRESETS, preset)) as w:
            done = subprocess.run(command + [IMAGE, stage.values["theirs.name"]], check=False,
                                  env=dict(environment(w), **variables), capture_output=True,
                                  text=True, timeout=PATIENCE_S)
            assert done.returncode == 0 and done.stdout.endswith("passed\n"), \
                "%s%s\n%s" % (done.stdout, done.stderr[-3000:], w.proxy.log()[-3000:])
        assert stage.state() == before, "it left a trace"


def node_modules(package):
    """Where an npm package of a pinned version is; installed once per machine."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            raise Skip("there is no " + program)
    folder = os.path.join(os.path.abspath(CACHE), "npm-%s-%s" % (package, NPM[package]))
    os.makedirs(folder, exist_ok=True)
    with open(folder + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(os.path.join(folder, "node_modules", package, "package.json")):
            done = subprocess.run(
                ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix",
                 folder, "%s@%s" % (package, NPM[package])],
                capture_output=True, text=True, check=False, timeout=2 * PATIENCE_S, cwd=folder)
            if done.returncode != 0:
                shutil.rmtree(folder, ignore_errors=True)
                raise Skip("npm cannot install %s: %s" % (package, done.stderr.strip()[-200:]))
    return os.path.join(folder, "node_modules")


def node(package, preset, script, **variables):
    run(preset, ["node", os.path.join(SCRIPTS, script)], NODE_PATH=node_modules(package),
        **variables)


def test_python_sdk():
    python = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
    found = subprocess.run([python, "-c", "import docker"], capture_output=True, check=False)
    if found.returncode != 0:
        raise Skip("%s has no docker module; python3-docker is its package" % python)
    run("docker-run.ini", [python, os.path.join(SCRIPTS, "sdk.py")])


def test_dockerode():
    node("dockerode", "docker-run.ini", "dockerode.js")


def test_testcontainers():
    node("testcontainers", "testcontainers.ini", "testcontainers.js",
         TESTCONTAINERS_RYUK_DISABLED="true", TESTCONTAINERS_HOST_OVERRIDE="127.0.0.1")
