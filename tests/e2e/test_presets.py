# SPDX-License-Identifier: Apache-2.0
"""Each preset in front of a real Engine: what its program needs works, and nothing else does.

What a program sends is data (tests/lib/replay.py).  Beside it stand a container, a network and a
volume of somebody else, and what the program does to them is judged by what the Engine shows.
"""
import contextlib
import glob
import os
import subprocess

import real
from proxy import BINARY, IMAGE
from real import RealWorld
from replay import PRESETS, Stage, play, replays
from report import table

PRESET_FILES = sorted(glob.glob(os.path.join(PRESETS, "*.ini")))


class Preset(RealWorld):
    """The proxy under a preset, as it is on a stage."""

    def __init__(self, path, stage):
        super().__init__(path)
        with open(self.proxy.policy, encoding="utf-8") as text:
            policy = stage.policy(text.read())
        with open(self.proxy.policy, "w", encoding="utf-8") as out:
            out.write(policy)


@table([(replay.name, replay) for replay in replays()])
def test_replay(replay):
    with Stage(real.ENGINE) as stage:
        before = stage.state()
        with contextlib.ExitStack() as worlds:
            values = stage.values
            for part in (replay.earlier, replay):
                if part:
                    w = worlds.enter_context(Preset(part.policy, stage))
                    values = play(part, w.proxy.listen, values, real.ENGINE, earlier=False)
        assert stage.state() == before, "it left a trace"


def test_every_preset_has_a_replay():
    played = {replay.preset for replay in replays()} | {"evaluator.ini"}  # it has tests of its own
    assert {os.path.basename(path) for path in PRESET_FILES} == played


# What no preset lets anybody do: to a container of somebody else, or to the host.
HOST = {"Image": IMAGE, "Cmd": ["true"]}
ATTACKS = [
    ("POST", "/containers/{theirs}/exec", {"Cmd": ["true"]}),
    ("POST", "/containers/{theirs}/attach?stream=1&stdin=1", None),
    ("POST", "/containers/{theirs}/rename?name=ours", None),
    ("POST", "/containers/{theirs}/update", {"Memory": 67108864}),
    ("POST", "/containers/{theirs}/kill?signal=KILL", None),
    ("POST", "/containers/{theirs}/stop?t=0", None),
    ("POST", "/containers/{theirs}/restart?t=0", None),
    ("POST", "/containers/{theirs}/pause", None),
    ("DELETE", "/containers/{theirs}?force=1", None),
    ("GET", "/containers/{theirs}/archive?path=/etc/passwd", None),
    ("GET", "/containers/{theirs}/export", None),
    ("POST", "/commit?container={theirs}&repo=stolen", None),
    ("POST", "/containers/create", dict(HOST, HostConfig={"Binds": ["/:/host"]})),
    ("POST", "/containers/create", dict(HOST, HostConfig={"Binds": ["/var/run/docker.sock:/s"]})),
    ("POST", "/containers/create", dict(HOST, HostConfig={"Privileged": True})),
    ("POST", "/containers/create", dict(HOST, HostConfig={"PidMode": "host"})),
    ("POST", "/containers/create", dict(HOST, HostConfig={"NetworkMode": "host"})),
    ("POST", "/containers/create", dict(HOST, HostConfig={"NetworkMode": "container:{theirs}"})),
    ("POST", "/containers/create", dict(HOST, HostConfig={"VolumesFrom": ["{theirs}"]})),
    ("POST", "/containers/create", dict(HOST, HostConfig={"Binds": ["{theirs.volume}:/theirs"]})),
    ("POST", "/containers/create", dict(HOST, HostConfig={"CapAdd": ["SYS_ADMIN"]})),
    ("POST", "/containers/create", dict(HOST, HostConfig={"Devices": [
        {"PathOnHost": "/dev/mem", "PathInContainer": "/dev/mem", "CgroupPermissions": "rwm"}]})),
    ("POST", "/images/prune", None),
    ("POST", "/images/{image}/tag?repo=stolen", None),
    ("DELETE", "/images/{image}?force=1", None),
    ("POST", "/images/create?fromSrc=-&repo=stolen", None),
    ("POST", "/build?remote=https://example.com/x.git", None),
    ("POST", "/networks/{theirs.network}/disconnect", {"Container": "{theirs}", "Force": True}),
    ("DELETE", "/networks/{theirs.network}", None),
    ("DELETE", "/volumes/{theirs.volume}?force=1", None),
    ("POST", "/volumes/create", {"Name": "host", "DriverOpts": {
        "type": "none", "o": "bind", "device": "/"}}),
    ("POST", "/plugins/pull?remote=x", []),
    ("POST", "/swarm/init", {"ListenAddr": "0.0.0.0"}),
    ("POST", "/session", None),
]


def filled(value, values):
    """An attack with the names of the stage in it."""
    if isinstance(value, dict):
        return {k: filled(v, values) for k, v in value.items()}
    if isinstance(value, list):
        return [filled(v, values) for v in value]
    for name, text in values.items() if isinstance(value, str) else ():
        value = value.replace("{%s}" % name, text)
    return value


@table([(os.path.basename(path)[:-4], path) for path in PRESET_FILES])
def test_attacks(path):
    with Stage(real.ENGINE) as stage:
        real.ENGINE.ask("POST", "/containers/%s/kill" % stage.values["other"])  # a prey of prune
        before, wrong = stage.state(), []
        with Preset(path, stage) as w:
            for method, target, body in ATTACKS:
                reply = w.ask(method, filled(target, stage.values), filled(body, stage.values))
                if reply.status < 400:
                    wrong.append("%s %s %s: %r" % (method, target, body, reply))
            assert not wrong, "\n".join(wrong)
            for kind in ("containers", "networks", "volumes"):
                w.ask("POST", "/%s/prune" % kind)  # of its own, where it may at all
            assert stage.state() == before, "it left a trace"


@table([(os.path.basename(path)[:-4], path) for path in PRESET_FILES])
def test_check_says_what_the_head_says(path):
    """A preset's own comment states its verdict; `caisson check` must come to the same."""
    with open(path, encoding="utf-8") as text:
        said = [line.partition(":")[2].split(",")[0].strip(" .\n") for line in text
                if line.startswith("; Verdict")]
    done = subprocess.run([BINARY, "check", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    verdict = [line.partition(":")[2].strip() for line in done.stdout.split("\n")
               if line.startswith("Verdict:")]
    assert verdict == said, "check says %s, the preset's head %s" % (verdict, said)
