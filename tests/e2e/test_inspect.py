# SPDX-License-Identifier: Apache-2.0
"""What a container really got is what the Engine's own inspect says, on the raw socket."""
import json

from proxy import IMAGE
from real import RealWorld

MIB = 1 << 20


def assert_strict(made):
    """No privilege of any kind, and every limit is set."""
    host, config = made["HostConfig"], made["Config"]
    user, _, group = config["User"].partition(":")
    assert user.isdigit() and group.isdigit() and int(user) and int(group), config["User"]
    assert host["NetworkMode"] == "none", host["NetworkMode"]
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"] and not host["CapAdd"], (host["CapAdd"], host["CapDrop"])
    assert host["SecurityOpt"] == ["no-new-privileges"], host["SecurityOpt"]
    assert host["Privileged"] is False
    assert 0 < host["Memory"] <= 256 * MIB and host["MemorySwap"] == host["Memory"], host["Memory"]
    assert 0 < host["NanoCpus"] <= 10 ** 9 and not host["CpuQuota"], host["NanoCpus"]
    assert 0 < host["PidsLimit"] <= 512, host["PidsLimit"]
    assert 0 < host["ShmSize"] <= 64 * MIB, host["ShmSize"]
    assert host["IpcMode"] in ("private", "none"), host["IpcMode"]
    assert host["CgroupnsMode"] == "private", host["CgroupnsMode"]
    for name in ("PidMode", "UTSMode", "UsernsMode", "CgroupParent", "Cgroup", "VolumeDriver",
                 "CpusetMems"):
        assert not host[name], (name, host[name])
    for name in ("Binds", "Devices", "DeviceRequests", "DeviceCgroupRules", "VolumesFrom", "Links",
                 "PortBindings", "GroupAdd", "ExtraHosts", "Dns", "Sysctls", "Mounts",
                 "Annotations"):
        assert not host.get(name), (name, host[name])
    assert not [m for m in made["Mounts"] if m["Type"] != "tmpfs"], made["Mounts"]
    assert host["RestartPolicy"]["Name"] in ("", "no"), host["RestartPolicy"]
    assert host["LogConfig"]["Type"] in ("json-file", "local"), host["LogConfig"]
    log = host["LogConfig"]["Config"]
    assert log["max-size"] and int(log["max-file"]) <= 5, log
    assert "/proc/kcore" in host["MaskedPaths"] and "/proc/sys" in host["ReadonlyPaths"], host
    assert not host["OomKillDisable"] and host["OomScoreAdj"] >= 0
    assert not host["PublishAllPorts"] and host["Runtime"] in ("runc", ""), host["Runtime"]
    assert config["Labels"]["io.caisson.owner"], config["Labels"]


def test_only_an_image_has_every_limit():
    with RealWorld() as w:
        reply = w.ask("POST", "/v1.41/containers/create", {"Image": IMAGE})
        assert reply.status == 201, reply
        made = w.engine.inspect(json.loads(reply.body)["Id"])
        assert_strict(made)
        host = made["HostConfig"]
        assert made["Config"]["User"] == "65534:65534", made["Config"]["User"]
        assert host["Memory"] == 100 * MIB and host["NanoCpus"] == 5 * 10 ** 8, host
        assert host["PidsLimit"] == 64, host["PidsLimit"]


def test_what_the_process_itself_sees():
    """The kernel agrees with inspect."""
    with RealWorld() as w:
        ident = w.run("inside", "sh", "-c", "id -u; id -g; id -G; grep -E "
                      "'^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status; "
                      "touch /x 2>&1; ls /sys/class/net; echo end")
        w.ask("POST", "/containers/%s/wait" % ident)
        text = w.ask("GET", "/containers/%s/logs?stdout=1" % ident).body.decode("latin-1")
        for word in ("65534", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000",
                     "NoNewPrivs:\t1", "Seccomp:\t2", "Read-only file system", "end"):
            assert word in text, (word, text)
        assert "eth0" not in text, text


HOSTILE = [
    '{"Image":"%s","HostConfig":{"Privileged":true}}',
    '{"Image":"%s","Privileged":true,"Binds":["/:/h"],"PidMode":"host"}',
    '{"Image":"%s","HostConfig":null,"Privileged":true,"Binds":["/:/h"]}',
    '{"Image":"%s","hostconfig":{"Privileged":true}}',
    '{"Image":"%s","HostConfig":{"Privileged":true},"HostConfig":{}}',
    '{"Image":"%s","HostConfig":{"Privileged":true,"Privileged":null}}',
    '{"Image":"%s","HostConfig":{"privileged":true,"Privileged":false}}',
    '{"Image":"%s","Ho\\u017ftConfig":{"Privileged":true}}',
    '{"Image":"%s","HostConfig":{"Networ\\u212aMode":"host"}}',
    '{"Image":"%s","HostConfig":{"Binds":["/:/h"],"Binds":[null]}}',
    '{"Image":"%s","HostConfig":{"Mounts":[{"Type":"bind","Source":"/","Target":"/h"}],'
    '"Mounts":[{}]}}',
    '{"Image":"%s","HostConfig":{"Mounts":[{"Type":"volume","Target":"/h","VolumeOptions":'
    '{"DriverConfig":{"Options":{"type":"none","o":"bind","device":"/"}}}}]}}',
    '{"Image":"%s","HostConfig":{"SecurityOpt":["no-new-privileges","no-new-privileges=false"]}}',
    '{"Image":"%s","HostConfig":{"SecurityOpt":["seccomp={}"]}}',
    '{"Image":"%s","HostConfig":{"MaskedPaths":[],"ReadonlyPaths":[]}}',
    '{"Image":"%s","HostConfig":{"CapAdd":["\\u017fys_admin"]}}',
    '{"Image":"%s","HostConfig":{"CapDrop":[]},"User":"0:0"}',
    '{"Image":"%s","User":"65534:0"}', '{"Image":"%s","User":"+0"}',
    '{"Image":"%s","HostConfig":{"Memory":-1,"MemorySwap":-1,"NanoCpus":-1,"PidsLimit":-1}}',
    '{"Image":"%s","HostConfig":{"Memory":0,"NanoCpus":0,"CpuQuota":-1,"PidsLimit":0}}',
    '{"Image":"%s","HostConfig":{"CgroupParent":"/"}}',
    '{"Image":"%s","HostConfig":{"DeviceCgroupRules":["b *:* rwm"]}}',
    '{"Image":"%s","HostConfig":{"ReadonlyRootfs":false,"IpcMode":"host","UTSMode":"host"}}',
    '{"Image":"%s","HostConfig":{"LogConfig":{"Type":"json-file","Config":{"max-size":"-1"}}}}',
    '{"Image":"%s","HostConfig":{"LogConfig":{"Type":"fluentd","Config":'
    '{"fluentd-address":"unix:///var/run/docker.sock"}}}}',
    '{"Image":"%s","HostConfig":{"VolumesFrom":["mine"]}}',
    '{"Image":"%s","HostConfig":{"PidMode":"container:mine"}}',
    '{"Image":"%s","HostConfig":{"NetworkMode":"container:mine"}}',
    '{"Image":"%s","HostConfig":{"Tmpfs":{"/t":"exec,suid,dev,size=1t"}}}',
    '{"Image":"%s","HostConfig":{"RestartPolicy":{"Name":"always"}}}',
    '{"Image":"%s","Labels":{"io.caisson.owner":"x"}}',
    '{"Image":"%s","Labels":{"IO.CAISSON.OWNER":"x"}}',
    '{"Image":"%s"}{"HostConfig":{"Privileged":true}}',
    '{"Image":"%s","Volumes":{"/data":{}}}',
]


def test_hostile_bodies_get_nothing():
    with RealWorld() as w:
        w.run("mine")
        wrong = []
        for number, text in enumerate(HOSTILE):
            before = w.engine.ids()
            reply = w.ask("POST", "/v1.41/containers/create?name=hostile%d" % number, text % IMAGE)
            made = w.engine.ids() - before
            if reply.status != 201:
                if made:
                    wrong.append("%s: %r, and yet something was created" % (text, reply))
                continue
            for ident in made:
                try:
                    assert_strict(w.engine.inspect(ident))
                except AssertionError as error:
                    wrong.append("%s: %s" % (text, error))
            assert len(made) == 1
            w.engine.ask("DELETE", "/containers/%s?force=1" % made.pop())
        assert not wrong, "\n".join(wrong)


def test_old_versions_bring_no_old_ways():
    with RealWorld() as w:
        for version in ("v1.12", "v1.23", "v1.23.9", "v1.24", "v1.39"):
            before = w.engine.ids()
            reply = w.ask("POST", "/%s/containers/create" % version, {"Image": IMAGE})
            assert reply.status in (400, 403) and w.engine.ids() == before, reply
        mine = w.create("old", "true")
        reply = w.ask("POST", "/v1.23/containers/%s/start" % mine,
                      {"Privileged": True, "Binds": ["/:/h"]})
        assert reply.status in (400, 403), reply
        assert_strict(w.engine.inspect(mine))


def test_image_by_its_id_is_refused():
    with RealWorld() as w:
        ident = w.engine.get("/images/%s/json" % IMAGE)["Id"]
        for name in (ident, ident[7:], ident[7:19], ident[:20], ident[7:9]):
            reply = w.ask("POST", "/containers/create", {"Image": name})
            assert reply.status in (400, 403), (name, reply)


def test_image_by_other_names_is_the_same_image():
    with RealWorld() as w:
        ident = w.engine.get("/images/%s/json" % IMAGE)["Id"]
        for name in ("docker.io/library/" + IMAGE, "library/" + IMAGE, "docker.io/" + IMAGE):
            reply = w.ask("POST", "/containers/create", {"Image": name})
            assert reply.status == 201, (name, reply)
            assert w.engine.inspect(json.loads(reply.body)["Id"])["Image"] == ident


def test_forced_values_are_told():
    with RealWorld() as w:
        reply = w.ask("POST", "/containers/create", {"Image": IMAGE, "User": "1:1",
                                                     "HostConfig": {"ReadonlyRootfs": False}})
        if reply.status == 201:
            warnings = json.loads(reply.body)["Warnings"]
            assert any("User" in w for w in warnings), warnings
        else:
            assert reply.status == 403, reply
