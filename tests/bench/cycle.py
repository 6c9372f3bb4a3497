# SPDX-License-Identifier: Apache-2.0
"""What needs a real Engine: the five calls of a container's life, and the size of our image.

Never to be sold as a win: the Engine and the kernel take nearly all of the time.  What is told is
how much a proxy adds, beside how much one run differs from the next without any proxy.
"""
import io
import json
import os
import shutil
import statistics
import tarfile
import time

import world
from client import Client, ask
from real import private_engine

IMAGE = "busybox:latest"
POLICY = world.POLICY.replace(world.IMAGE, "busybox:*") + "lifetime = 10m\n"
# As the proxy writes a create anew, so that the Engine does the same work without it.
BODY = {"Image": IMAGE, "Cmd": ["true"], "User": "65534:65534", "StopTimeout": 10, "HostConfig": {
    "CapDrop": ["ALL"], "SecurityOpt": ["no-new-privileges"], "ReadonlyRootfs": True,
    "IpcMode": "private", "CgroupnsMode": "private", "RestartPolicy": {"Name": "no"},
    "LogConfig": {"Type": "local", "Config": {"max-size": "10m", "max-file": "1",
                                              "compress": "false"}},
    "NetworkMode": "none", "Memory": 104857600, "MemorySwap": 104857600, "NanoCpus": 500000000,
    "PidsLimit": 64, "ShmSize": 67108864}}


def why_not():
    """Why there can be no Engine here; "" when there can."""
    if os.geteuid() != 0:
        return "only root can start an Engine"
    return "" if shutil.which("dockerd") else "dockerd is not installed"


def call(client, status, *request):
    reply = client.ask(*request)
    if reply.status != status:
        raise world.Void("%s %s: %r" % (request[0], request[1], reply))
    return reply


def cycle(path):
    """Seconds of create, start, wait, logs and delete on one connection."""
    with Client(path) as client:
        began = time.monotonic()
        reply = call(client, 201, "POST", "/v1.41/containers/create", BODY)
        at = "/v1.41/containers/" + json.loads(reply.body)["Id"]
        call(client, 204, "POST", at + "/start")
        call(client, 200, "POST", at + "/wait")
        call(client, 200, "GET", at + "/logs?stdout=1&stderr=1")
        call(client, 204, "DELETE", at)
        return time.monotonic() - began


def quartiles(values):
    low, _, high = statistics.quantiles(values, n=4)
    return high - low


def compare(direct, through, rounds):
    """In alternating rounds: medians, what is added, the distance of the quartiles, in ms."""
    times = {direct: [], through: []}
    for path in (direct, through):
        cycle(path)  # what only the first one costs
    for number in range(rounds):
        for path in ((direct, through), (through, direct))[number % 2]:
            times[path].append(cycle(path) * 1e3)
    pairs = [b - a for a, b in zip(times[direct], times[through])]
    return {"cycle_direct_ms": statistics.median(times[direct]),
            "cycle_through_ms": statistics.median(times[through]),
            "cycle_added_ms": statistics.median(pairs),
            "cycle_spread_ms": quartiles(times[direct])}


def image_bytes(engine, binary):
    """How large an Engine says the image is: one static program in an empty root."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        archive.add(binary, "caisson")
        folder = tarfile.TarInfo("run/caisson")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o2750
        archive.addfile(folder)
    reply = ask(engine.path, "POST", "/v1.41/images/create?fromSrc=-&repo=caisson-bench",
                tar.getvalue(), "Content-Type: application/x-tar")
    if reply.status != 200 or b"errorDetail" in reply.body:
        raise world.Void("the image is not taken: %r" % reply)
    return engine.get("/v1.41/images/caisson-bench/json")["Size"]


def measure(wide, rounds, static):
    """All figures that need an Engine, or (None, why not)."""
    why = why_not()
    if why:
        return None, why
    engine = private_engine()
    try:
        engine.script("images.sh", IMAGE)
        proxy = wide.caisson_command("cycle")
        proxy.command[proxy.command.index("--policy") + 1] = wide.write("cycle.ini", POLICY)
        proxy.command[proxy.command.index("--upstream") + 1] = "unix:" + engine.path
        wide.spawn(proxy, None)
        figures = compare(engine.path, proxy.path, rounds)
        wide.stop(proxy)
        if os.path.exists(static):
            figures["image_bytes"] = image_bytes(engine, static)
        figures["cycle_engine"] = engine.version()
        return figures, ""
    finally:
        engine.stop()
