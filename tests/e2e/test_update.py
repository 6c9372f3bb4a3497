# SPDX-License-Identifier: Apache-2.0
"""Updates on a real Engine: whatever is asked, its own inspect shows a container that a create would
have made.
"""
import json
import random

from cli import clients, docker, good
from real import RealWorld
from report import table

ALLOW = "ContainerUpdate = own\n"
RULES = """HostConfig.Memory = max 100MiB
HostConfig.NanoCpus = max 0.5
HostConfig.PidsLimit = max 64
"""
MIB = 1 << 20
VALUES = {
    "Memory": [0, -1, 6 * MIB, 20 * MIB, 60 * MIB, 100 * MIB, 100 * MIB + 1, 1 << 40],
    "MemorySwap": [0, -1, -2, 20 * MIB, 60 * MIB, 100 * MIB, 200 * MIB, 1 << 40],
    "MemoryReservation": [0, -1, 10 * MIB],
    "KernelMemory": [0, 50 * MIB],
    "NanoCpus": [0, -1, 100000000, 500000000, 500000001, 8000000000],
    "CpuQuota": [0, -1, 1000, 50000, 1 << 40],
    "CpuPeriod": [0, 1000, 100000, 1000000],
    "CpuShares": [0, 2, 262144],
    "CpusetCpus": ["", "0", "0-1"],
    "PidsLimit": [None, 0, -1, 1, 64, 65, 1 << 40],
    "BlkioWeight": [0, 10, 1000],
    "OomKillDisable": [None, False, True],
    "RestartPolicy": [None, {}, {"Name": ""}, {"Name": "no"}, {"Name": "always"},
                      {"Name": "on-failure", "MaximumRetryCount": 9},
                      {"MaximumRetryCount": 9}],
    "Devices": [None, [], [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/x",
                            "CgroupPermissions": "rwm"}]],
    "Privileged": [False, True],
    "Ulimits": [None, [], [{"Name": "nofile", "Soft": 1, "Hard": 1 << 20}]],
}


def assert_within(host, most=(100 * MIB, 500000000, 64)):
    assert 0 < host["Memory"] <= most[0], host["Memory"]
    assert host["MemorySwap"] == host["Memory"], (host["Memory"], host["MemorySwap"])
    assert 0 < host["NanoCpus"] <= most[1], host["NanoCpus"]
    assert 0 < host["PidsLimit"] <= most[2], host["PidsLimit"]
    for name in ("CpuQuota", "CpuPeriod", "CpuShares", "CpuRealtimePeriod", "CpuRealtimeRuntime",
                 "BlkioWeight", "MemoryReservation"):
        assert not host[name], (name, host[name])
    assert not host["CpusetCpus"] and not host["CpusetMems"] and not host["Devices"]
    assert not host["OomKillDisable"] and not host["Privileged"] and not host["Ulimits"]
    assert host["RestartPolicy"]["Name"] in ("", "no"), host["RestartPolicy"]


def update(w, ident, body):
    return w.ask("POST", "/containers/%s/update" % ident, body)


def some_body(dice):
    names = dice.sample(sorted(VALUES), dice.randint(1, 4))
    return {name: dice.choice(VALUES[name]) for name in names}


def test_no_update_leads_out_of_the_policy():
    with RealWorld(allow=ALLOW, create=RULES) as w:
        dice, passed = random.Random(4), 0
        created, running = w.create("created"), w.run("running")
        for i in range(300):
            ident, body = (created, running)[i % 2], some_body(dice)
            reply = update(w, ident, body)
            passed += reply.status == 200
            assert reply.status in (200, 400, 403, 409, 500), (body, reply)
            try:
                assert_within(w.engine.inspect(ident)["HostConfig"])
            except AssertionError as wrong:
                raise AssertionError("%r answered %r: %s" % (body, reply, wrong)) from None
        assert passed > 20, "only %d of 300 bodies passed" % passed


def test_what_is_asked_is_done():
    with RealWorld(allow=ALLOW) as w:
        ident = w.run("mine")
        before = w.engine.inspect(ident)["HostConfig"]
        assert update(w, ident, {}).status == 200
        assert w.engine.inspect(ident)["HostConfig"] == before
        assert update(w, ident, {"Memory": 20 * MIB}).status == 200
        host = w.engine.inspect(ident)["HostConfig"]
        assert (host["Memory"], host["MemorySwap"]) == (20 * MIB, 20 * MIB)
        assert host["NanoCpus"] == before["NanoCpus"] and host["PidsLimit"] == before["PidsLimit"]
        assert update(w, ident, {"Memory": 90 * MIB, "PidsLimit": 9}).status == 200
        host = w.engine.inspect(ident)["HostConfig"]
        assert (host["Memory"], host["MemorySwap"], host["PidsLimit"]) == (90 * MIB, 90 * MIB, 9)


def test_quotas_and_periods():
    rules = ("HostConfig.NanoCpus = force 0\nHostConfig.CpuQuota = max 50000, default 50000\n"
             "HostConfig.CpuPeriod = max 1000000, min 1000, default 100000\n")
    with RealWorld(allow=ALLOW, create=rules) as w:
        ident, dice = w.run("mine"), random.Random(5)
        for _ in range(100):
            body = {name: dice.choice(VALUES[name]) for name in ("CpuQuota", "CpuPeriod", "NanoCpus")
                    if dice.random() < 0.6}
            reply = update(w, ident, body)
            host = w.engine.inspect(ident)["HostConfig"]
            assert host["NanoCpus"] == 0 and 0 < host["CpuQuota"] <= 50000, (body, reply, host)
            assert host["CpuQuota"] / host["CpuPeriod"] <= 0.5, (body, reply, host)


@table(clients())
def test_the_stock_client(path):
    with RealWorld(create=RULES, allow=ALLOW + "ContainerInspect = own\n") as w:
        w.run("mine")
        theirs = w.engine.make("foreign-update")
        try:
            good(w, path, "update", "--memory", "50m", "--memory-swap", "50m", "mine")
            assert w.engine.inspect("mine")["HostConfig"]["Memory"] == 50 * MIB
            good(w, path, "update", "--memory", "40m", "mine")
            assert_within(w.engine.inspect("mine")["HostConfig"])
            good(w, path, "update", "--cpus", "0.1", "--pids-limit", "7", "mine")
            assert w.engine.inspect("mine")["HostConfig"]["PidsLimit"] == 7
            for arguments, word in ((("--memory", "8g"), "HostConfig.Memory"),
                                    (("--memory-swap", "-1"), "HostConfig.MemorySwap"),
                                    (("--pids-limit", "-1"), "HostConfig.PidsLimit"),
                                    (("--cpus", "64"), "HostConfig.NanoCpus"),
                                    (("--cpu-quota", "-1"), "HostConfig.CpuQuota"),
                                    (("--cpuset-cpus", "0"), "HostConfig.CpusetCpus"),
                                    (("--restart", "always"), "HostConfig.RestartPolicy.Name")):
                done = docker(w, path, "update", *arguments, "mine")
                assert done.returncode == 1 and word in done.stderr, (arguments, done)
            said = []
            for name in ("foreign-update", "nobodys"):
                done = docker(w, path, "update", "--memory", "50m", name)
                said.append((done.returncode, done.stderr.replace(name, "NAME")))
            assert said[0] == said[1] and said[0][0] == 1, said
            assert json.dumps(w.engine.inspect(theirs)["HostConfig"]["Memory"]) == "0"
        finally:
            w.engine.ask("DELETE", "/containers/foreign-update?force=1")
