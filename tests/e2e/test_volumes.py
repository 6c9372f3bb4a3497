# SPDX-License-Identifier: Apache-2.0
"""Volumes on a real Engine: foreign ones stay untouched, also when a name comes to mean another."""
import json
import re
from urllib.parse import quote

from proxy import IMAGE
from real import OWNER, RealWorld

ALLOW = """VolumeCreate = yes
VolumeList = own
VolumeInspect = own
VolumeDelete = own
VolumePrune = own
"""
CREATE = """User = force 0:0
HostConfig.Binds = one-of own:* own:*:ro
HostConfig.Mounts = allow
HostConfig.Mounts[].Type = one-of volume tmpfs
HostConfig.Mounts[].Source = one-of own
"""


class Volumes(RealWorld):
    """With volumes of one's own allowed; foreign ones are removed at the end."""

    def __init__(self, **changes):
        for section, lines in (("allow", ALLOW), ("create", CREATE)):
            changes[section] = lines + changes.get(section, "")
        super().__init__(**changes)
        self.foreign = []

    def sweep(self):
        super().sweep()
        for name in self.foreign:
            self.engine.remove("volumes", name)

    def volume(self, name):
        reply = self.ask("POST", "/volumes/create", {"Name": name})
        assert reply.status == 201, reply
        return json.loads(reply.body)

    def theirs(self, name, **body):
        """A volume that is nobody's, made on the raw socket."""
        reply = self.engine.ask("POST", "/volumes/create", dict(body, Name=name))
        assert reply.status == 201, reply
        self.foreign.append(name)

    def run_with(self, name, command, **host):
        """Runs a program to its end; what it wrote."""
        ident = self.run(name, "sh", "-c", command, **host)
        assert json.loads(self.ask("POST", "/containers/%s/wait" % ident).body)["StatusCode"] == 0
        return self.ask("GET", "/containers/%s/logs?stdout=1" % ident).body


def test_a_volume_is_ours_and_keeps_what_is_written():
    with Volumes() as w:
        made = w.volume("v-data")
        assert made["Name"] == "v-data" and made["Labels"] == {"io.caisson.owner": OWNER}, made
        listed = json.loads(w.ask("GET", "/volumes").body)["Volumes"]
        assert [v["Name"] for v in listed] == ["v-data"], listed
        w.run_with("v-writer", "echo kept > /data/x", Binds=["v-data:/data"])
        said = w.run_with("v-reader", "cat /data/x; echo no > /data/x || true", Binds=["v-data:/data:ro"])
        assert b"kept" in said, said
        said = w.run_with("v-mount", "cat /data/x", Mounts=[
            {"Type": "volume", "Source": "v-data", "Target": "/data"}])
        assert b"kept" in said, said
        mounts = w.engine.inspect("v-mount")["Mounts"]
        assert [(m["Type"], m["Name"]) for m in mounts] == [("volume", "v-data")], mounts


def test_a_create_of_a_foreign_one_tells_nothing():
    """An Engine answers 201, with that one."""
    with Volumes() as w:
        w.theirs("v-theirs", Labels={"secret": "label"})
        reply = w.ask("POST", "/volumes/create", {"Name": "v-theirs"})
        assert reply.status == 409, reply
        assert b"secret" not in reply.raw and b"label" not in reply.body, reply.raw
        assert w.ask("GET", "/volumes/v-theirs").status == 404
        assert w.ask("POST", "/containers/create", {
            "Image": IMAGE, "HostConfig": {"Binds": ["v-theirs:/data"]}}).status == 403
        assert w.ask("DELETE", "/volumes/v-theirs").status == 404
        assert w.engine.get("/volumes/v-theirs")["Labels"] == {"secret": "label"}
        again = w.volume("v-own")
        assert w.volume("v-own")["CreatedAt"] == again["CreatedAt"]


def test_foreign_and_absent_are_the_same():
    calls = (("GET", "/volumes/%s"), ("DELETE", "/volumes/%s"), ("DELETE", "/volumes/%s?force=1"))
    with Volumes() as w:
        w.theirs("v-theirs")

        def answers(ref):
            return [re.sub(rb"\r\nDate: [^\r]*", b"",
                           w.ask(method, target % ref).raw.replace(ref.encode(), b"REF"))
                    for method, target in calls]

        foreign, absent = answers("v-theirs"), answers("v-nobody")
        assert foreign == absent, (foreign, absent)
        assert b" 404 " in foreign[0].split(b"\r\n")[0], foreign
        for ref in ("v-theirs", "v-nobody"):
            for host in ({"Binds": [ref + ":/data"]},
                         {"Mounts": [{"Type": "volume", "Source": ref, "Target": "/data"}]}):
                reply = w.ask("POST", "/containers/create", {"Image": IMAGE, "HostConfig": host})
                assert reply.status == 403, (ref, reply)
        assert w.engine.ask("GET", "/volumes/v-nobody").status == 404
        assert w.engine.ask("GET", "/volumes/v-theirs").status == 200


def test_a_name_that_comes_to_mean_another_volume():
    """Somebody removes ours on the raw socket and makes one of that name."""
    with Volumes() as w:
        w.volume("v-swap")
        assert w.engine.ask("DELETE", "/volumes/v-swap").status == 204
        w.theirs("v-swap", Labels={"secret": "label"})
        for host in ({"Binds": ["v-swap:/data"]},
                     {"Mounts": [{"Type": "volume", "Source": "v-swap", "Target": "/data"}]}):
            reply = w.ask("POST", "/containers/create", {"Image": IMAGE, "HostConfig": host})
            assert reply.status == 403, reply
        for method in ("GET", "DELETE"):
            reply = w.ask(method, "/volumes/v-swap")
            assert reply.status == 404 and b"secret" not in reply.raw, reply
        assert w.engine.get("/volumes/v-swap")["Labels"] == {"secret": "label"}


def test_ownership_outlives_the_proxy():
    with Volumes() as w:
        w.volume("v-kept")
        w.theirs("v-theirs")
        w.proxy.kill()
        w.proxy.start()
        assert json.loads(w.ask("GET", "/volumes/v-kept").body)["Name"] == "v-kept"
        assert w.ask("GET", "/volumes/v-theirs").status == 404
        w.run_with("v-user", "echo x > /data/x", Binds=["v-kept:/data"])
        assert w.ask("DELETE", "/containers/v-user").status == 204
        assert w.ask("DELETE", "/volumes/v-kept").status == 204
        assert w.engine.ask("GET", "/volumes/v-kept").status == 404


def test_without_a_name():
    with Volumes() as w:
        reply = w.ask("POST", "/volumes/create", {})
        name = json.loads(reply.body)["Name"]
        assert w.engine.get("/volumes/" + name)["Labels"]["io.caisson.owner"] == OWNER
        w.create("v-anonymous", "true", Binds=[name + ":/data"])
        # An anonymous one belongs to its container, and goes with it.
        ident = w.create("v-nameless", "true", Mounts=[{"Type": "volume", "Target": "/data"}])
        mount = w.engine.inspect(ident)["Mounts"][0]
        assert w.ask("GET", "/volumes/" + mount["Name"]).status == 404
        assert w.ask("DELETE", "/containers/%s?v=1" % ident).status == 204
        assert w.engine.ask("GET", "/volumes/" + mount["Name"]).status == 404


def test_prune_leaves_what_is_not_ours():
    with Volumes() as w:
        w.volume("v-unused")
        w.theirs("v-theirs")
        new = float(json.loads(w.engine.ask("GET", "/version").body)["ApiVersion"]) >= 1.42
        filters = "?filters=%7B%22all%22:%5B%22true%22%5D%7D" if new else ""
        reply = w.ask("POST", "/volumes/prune" + filters)
        assert json.loads(reply.body)["VolumesDeleted"] == ["v-unused"], reply
        assert w.engine.ask("GET", "/volumes/v-theirs").status == 200


def test_no_filter_lists_what_is_not_ours():
    with Volumes() as w:
        w.volume("v-mine")
        w.theirs("v-theirs")
        for filters in ({"name": ["v-"]}, {"driver": ["local"]}, {"dangling": ["true"]},
                        {"dangling": ["false"]}, {"label": ["io.caisson.owner"]}, {"label": {}},
                        {"name": {"v-theirs": True}}):
            reply = w.ask("GET", "/volumes?filters=" + quote(json.dumps(filters)))
            assert reply.status in (200, 400), (filters, reply)
            if reply.status == 200:
                listed = {v["Name"] for v in json.loads(reply.body)["Volumes"] or []}
                assert listed <= {"v-mine"}, (filters, reply)
        for filters in ({"label!": ["x"]}, {"label": ["x=y"]}, {"all": ["true"]}):
            w.ask("POST", "/volumes/prune?filters=" + quote(json.dumps(filters)))
            assert w.engine.ask("GET", "/volumes/v-theirs").status == 200, filters


ODD = ("v-mine%20", "%76-mine", "./v-mine", "v-mine/..", "../volumes/v-theirs", "v-mine%00", "V-MINE",
       "v-mine%2F..%2Fv-theirs", "/v-mine", "*", "v-*", "v-mine?force=1&force=0")


def test_odd_references_reach_nothing():
    with Volumes() as w:
        w.volume("v-mine")
        w.theirs("v-theirs")
        for ref in ODD:
            for method in ("GET", "DELETE"):
                reply = w.ask(method, "/volumes/" + ref)
                assert 400 <= reply.status < 500, (method, ref, reply)
        for bind in ("v-mine:/data:z", "v-mine:/data:shared", "v-mine:/data:ro,z", "V-MINE:/data",
                     "v-mine/../v-theirs:/data", "v-mine:/data:v-theirs", ":/data", "own:/data",
                     "v-theirs:/data:ro", "v-mine :/data", "v-mine:/", "./v-mine:/data"):
            reply = w.ask("POST", "/containers/create",
                          {"Image": IMAGE, "HostConfig": {"Binds": [bind]}})
            assert reply.status == 403, (bind, reply)
        for mount in ({"Type": "bind", "Source": "v-mine"}, {"Type": "image", "Source": "v-mine"},
                      {"Type": "volume", "Source": "v-theirs"}, {"Type": "cluster", "Source": "v-mine"},
                      {"Type": "volume", "Source": "v-mine", "VolumeOptions": {"DriverConfig": {
                          "Name": "local", "Options": {"device": "/", "o": "bind", "type": "none"}}}},
                      {"Type": "volume", "VolumeOptions": {"DriverConfig": {"Options": {"device": "/"}}}}):
            reply = w.ask("POST", "/containers/create", {
                "Image": IMAGE, "HostConfig": {"Mounts": [dict(mount, Target="/data")]}})
            assert reply.status in (400, 403), (mount, reply)
        names = {v["Name"] for v in w.engine.get("/volumes")["Volumes"]}
        assert {"v-mine", "v-theirs"} <= names and "own" not in names, names


def test_their_number_is_bounded():
    with Volumes(limits="volumes = 2\n") as w:
        w.volume("v-one")
        w.volume("v-two")
        reply = w.ask("POST", "/volumes/create", {"Name": "v-three"})
        assert reply.status == 429 and b"volumes" in reply.body, reply
        assert w.ask("DELETE", "/volumes/v-one").status == 204
        w.volume("v-three")


def test_what_reaches_into_the_host_makes_nothing():
    with Volumes() as w:
        before = {v["Name"] for v in w.engine.get("/volumes")["Volumes"] or []}
        for body in ({"DriverOpts": {"type": "none", "o": "bind", "device": "/"}},
                     {"DriverOpts": {"device": "/etc"}}, {"Driver": "plugin"},
                     {"Labels": {"io.caisson.owner": "other"}}, {"Name": "../x"}):
            reply = w.ask("POST", "/volumes/create", dict({"Name": "v-bad"}, **body))
            assert reply.status == 403, (body, reply)
        for bind in ("/:/data", "v-new:/data", "/etc/../:/data"):
            reply = w.ask("POST", "/containers/create",
                          {"Image": IMAGE, "HostConfig": {"Binds": [bind]}})
            assert reply.status == 403, (bind, reply)
        assert {v["Name"] for v in w.engine.get("/volumes")["Volumes"] or []} == before
