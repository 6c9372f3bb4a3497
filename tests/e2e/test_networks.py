# SPDX-License-Identifier: Apache-2.0
"""Networks on a real Engine: what was made is what its own inspect shows; foreign ones stay out of
reach, also when a name comes to mean another network."""
import json
import re
from urllib.parse import quote

from proxy import IMAGE
from real import OWNER, RealWorld
from report import Skip

ALLOW = """NetworkCreate = yes
NetworkList = own
NetworkInspect = own
NetworkDelete = own
NetworkConnect = own
NetworkDisconnect = own
NetworkPrune = own
ContainerInspect = own
ContainerStop = own
"""
CREATE = """HostConfig.NetworkMode = one-of none own
NetworkingConfig.EndpointsConfig{}.Aliases = allow
"""
NETWORK = "EndpointConfig.Aliases = allow\n"


class Networks(RealWorld):
    """With networks of one's own allowed; foreign ones are removed at the end."""

    def __init__(self, **changes):
        for section, lines in (("allow", ALLOW), ("create", CREATE), ("network", NETWORK)):
            changes[section] = lines + changes.get(section, "")
        super().__init__(**changes)
        self.foreign = []

    def sweep(self):
        super().sweep()
        for ident in self.foreign:
            self.engine.remove("networks", ident)

    def network(self, name, **body):
        reply = self.ask("POST", "/networks/create", dict(body, Name=name))
        assert reply.status == 201, reply
        return json.loads(reply.body)["Id"]

    def theirs(self, name, **body):
        """A network that is nobody's, made on the raw socket."""
        reply = self.engine.ask("POST", "/networks/create", dict(body, Name=name))
        assert reply.status == 201, reply
        ident = json.loads(reply.body)["Id"]
        self.foreign.append(ident)
        return ident

    def on(self, name, network, *command, **endpoint):
        """A container on a network; its id."""
        reply = self.ask("POST", "/containers/create?name=" + name,
                         {"Image": IMAGE, "Cmd": list(command) or ["sleep", "600"],
                          "HostConfig": {"NetworkMode": network},
                          "NetworkingConfig": {"EndpointsConfig": {network: endpoint}}})
        assert reply.status == 201, reply
        return json.loads(reply.body)["Id"]

    def joined(self, ref):
        """The ids of the networks that a container is on."""
        made = self.engine.inspect(ref)
        return {n["NetworkID"] for n in made["NetworkSettings"]["Networks"].values()}


def test_a_network_is_internal_and_ours():
    with Networks() as w:
        reply = w.ask("POST", "/networks/create", {"Name": "n-made", "Internal": False,
                                                   "CheckDuplicate": False, "Labels": {"a": "b"}})
        assert reply.status == 201, reply
        made = w.engine.get("/networks/n-made")
        assert made["Internal"] is True and made["Driver"] == "bridge", made
        assert made["Labels"] == {"a": "b", "io.caisson.owner": OWNER}, made
        assert not made["Options"], made
        assert [n["Name"] for n in json.loads(w.ask("GET", "/networks").body)] == ["n-made"]
        reply = w.ask("POST", "/networks/create", {"Name": "n-made"})
        assert reply.status == 409, "two networks of one name: %r" % reply
        assert w.ask("DELETE", "/networks/n-made").status == 204
        assert w.engine.ask("GET", "/networks/n-made").status == 404


def test_forced_internal_is_told():
    with Networks() as w:
        reply = w.ask("POST", "/networks/create", {"Name": "n-told", "Attachable": True})
        assert "Warning" in json.loads(reply.body), reply
        with Networks(network="Internal = force false\n") as open_world:
            reply = open_world.ask("POST", "/networks/create", {"Name": "n-open", "Internal": True})
            assert "Internal" in json.loads(reply.body)["Warning"], reply
            assert w.engine.get("/networks/n-open")["Internal"] is False


def test_two_containers_meet_by_alias():
    with Networks() as w:
        w.network("n-meet")
        server = w.on("n-server", "n-meet", "python3", "-m", "http.server", "8000",
                      Aliases=["web"])
        assert w.ask("POST", "/containers/%s/start" % server).status == 204
        ask = "import time,urllib.request\nwhile True:\n" \
              "  try: print(urllib.request.urlopen('http://web:8000/').status); break\n" \
              "  except OSError: time.sleep(0.2)"
        client = w.on("n-client", "n-meet", "python3", "-c", ask)
        assert w.ask("POST", "/containers/%s/start" % client).status == 204
        assert json.loads(w.ask("POST", "/containers/%s/wait" % client).body)["StatusCode"] == 0
        logs = w.ask("GET", "/containers/%s/logs?stdout=1&stderr=1" % client)
        assert b"200" in logs.body, logs.body


def test_connect_and_disconnect():
    with Networks() as w:
        front, back = w.network("n-front"), w.network("n-back")
        ident = w.on("n-both", "n-front")
        reply = w.ask("POST", "/networks/n-back/connect",
                      {"Container": "n-both", "EndpointConfig": {"Aliases": ["second"]}})
        assert reply.status == 200, reply
        assert w.ask("POST", "/containers/n-both/start").status == 204
        assert w.joined(ident) == {front, back}
        assert w.ask("POST", "/networks/n-front/disconnect", {"Container": ident}).status == 200
        assert w.joined(ident) == {back}


def test_several_networks_at_once():
    with Networks() as w:
        if float(json.loads(w.engine.ask("GET", "/version").body)["ApiVersion"]) < 1.44:
            raise Skip("an Engine before API 1.44 takes one network in a create")
        front, back = w.network("n-front"), w.network("n-back")
        reply = w.ask("POST", "/containers/create?name=n-many",
                      {"Image": IMAGE, "Cmd": ["sleep", "600"],
                       "HostConfig": {"NetworkMode": "n-front"},
                       "NetworkingConfig": {"EndpointsConfig": {"n-front": {}, "n-back": {}}}})
        assert reply.status == 201, reply
        assert w.ask("POST", "/containers/n-many/start").status == 204
        assert w.joined("n-many") == {front, back}
        w.theirs("n-theirs")
        reply = w.ask("POST", "/containers/create",
                      {"Image": IMAGE, "HostConfig": {"NetworkMode": "n-front"},
                       "NetworkingConfig": {"EndpointsConfig": {"n-front": {}, "n-theirs": {}}}})
        assert reply.status == 403, reply


def answers(w, calls, ref):
    """What is said of a network, with its name taken out."""
    said = []
    for method, target, body in calls:
        reply = w.ask(method, target % ref, body)
        said.append((reply.status, re.sub(rb"\r\n(Date|Content-Length): [^\r]*", b"",
                                          reply.raw.replace(ref.encode(), b"REF"))))
    return said


def test_foreign_and_absent_are_the_same():
    calls = (("GET", "/networks/%s", None), ("DELETE", "/networks/%s", None),
             ("POST", "/networks/%s/connect", {"Container": "n-own"}),
             ("POST", "/networks/%s/disconnect", {"Container": "n-own", "Force": True}))
    with Networks() as w:
        w.network("n-mine")
        ident = w.on("n-own", "n-mine")
        theirs = w.theirs("n-theirs")
        for ref in ("n-theirs", theirs, theirs[:12], "bridge", "host", "none"):
            absent = "f" * len(ref) if ref != "n-theirs" else "n-nobody"
            foreign = answers(w, calls, ref)
            assert {status for status, _ in foreign} == {404}, (ref, foreign)
            assert foreign == answers(w, calls, absent), ref
            reply = w.ask("POST", "/containers/create",
                          {"Image": IMAGE, "HostConfig": {"NetworkMode": ref}})
            assert reply.status in (201, 403), reply
            if reply.status == 201:
                assert ref == "none"
        assert w.engine.ask("GET", "/networks/" + theirs).status == 200
        assert w.engine.inspect(ident)["HostConfig"]["NetworkMode"] != theirs


def test_a_name_that_comes_to_mean_another_network():
    """Between create and start an Engine remembers a network by its name."""
    with Networks() as w:
        w.network("n-swap")
        ident = w.on("n-late", "n-swap")
        second = w.network("n-second")
        joined = w.on("n-later", "n-second")
        assert w.ask("POST", "/networks/n-swap/connect", {"Container": joined}).status == 200
        assert w.ask("DELETE", "/networks/n-swap").status == 204
        theirs = w.theirs("n-swap")
        for ref in (ident, joined):
            assert w.ask("POST", "/containers/%s/start" % ref).status == 404
            assert theirs not in w.joined(ref)
        assert not w.engine.get("/networks/" + theirs)["Containers"]
        assert w.ask("GET", "/networks/n-swap").status == 404
        assert w.ask("GET", "/networks/" + second).status == 200


def test_ownership_outlives_the_proxy():
    with Networks() as w:
        ident, theirs = w.network("n-kept"), w.theirs("n-theirs")
        w.proxy.kill()
        w.proxy.start()
        assert json.loads(w.ask("GET", "/networks/n-kept").body)["Id"] == ident
        assert w.ask("GET", "/networks/" + theirs).status == 404
        made = w.on("n-after", "n-kept")
        assert w.ask("POST", "/containers/%s/start" % made).status == 204
        assert w.joined(made) == {ident}


def test_prune_leaves_what_is_not_ours():
    with Networks() as w:
        mine, theirs = w.network("n-unused"), w.theirs("n-theirs")
        reply = w.ask("POST", "/networks/prune")
        assert json.loads(reply.body)["NetworksDeleted"] == ["n-unused"], reply
        assert w.engine.ask("GET", "/networks/" + theirs).status == 200
        assert w.engine.ask("GET", "/networks/" + mine).status == 404


def test_no_filter_lists_what_is_not_ours():
    with Networks() as w:
        mine, theirs = w.network("n-mine"), w.theirs("n-theirs")
        for filters in ({"name": ["n-"]}, {"driver": ["bridge", "null"]}, {"type": ["custom"]},
                        {"type": ["builtin"]}, {"dangling": ["true"]}, {"id": [theirs, mine]},
                        {"scope": ["local"]}, {"label": ["io.caisson.owner"]}, {"label": {}},
                        {"name": {"n-theirs": True}}):
            reply = w.ask("GET", "/networks?filters=" + quote(json.dumps(filters)))
            assert reply.status in (200, 400), (filters, reply)
            if reply.status == 200:
                assert {n["Id"] for n in json.loads(reply.body)} <= {mine}, (filters, reply)
        for filters in ({"label!": ["x"]}, {"until": ["1s"]}, {"label": ["x=y"]}):
            w.ask("POST", "/networks/prune?filters=" + quote(json.dumps(filters)))
            assert w.engine.ask("GET", "/networks/" + theirs).status == 200, filters


ODD = ("front%20", "%66ront", "./n-mine", "n-mine/..", "../networks/n-theirs", "n-mine%00", "N-MINE",
       "n-mine?force=1&force=0", "n-mine%2Fconnect", "/n-mine", "n-theirs%20", "*", "%2A", "n-*")


def test_odd_references_reach_nothing():
    with Networks() as w:
        mine, theirs = w.network("n-mine"), w.theirs("n-theirs")
        for ref in ODD:
            for method in ("GET", "DELETE"):
                reply = w.ask(method, "/networks/" + ref)
                assert 400 <= reply.status < 500, (method, ref, reply)
        for mode in ("n-theirs", " n-mine", "n-mine ", "N-MINE", "n-theirs:n-mine", theirs.upper(),
                     theirs[:20], "own", "*", "container:n-mine", "ns:/proc/1/ns/net", "service:x"):
            reply = w.ask("POST", "/containers/create",
                          {"Image": IMAGE, "HostConfig": {"NetworkMode": mode}})
            assert reply.status == 403, (mode, reply)
        assert {mine, theirs} <= {n["Id"] for n in w.engine.get("/networks")}


def test_their_number_is_bounded():
    with Networks(limits="networks = 2\n") as w:
        w.network("n-one")
        w.network("n-two")
        reply = w.ask("POST", "/networks/create", {"Name": "n-three"})
        assert reply.status == 429 and b"networks" in reply.body, reply
        assert w.ask("DELETE", "/networks/n-one").status == 204
        w.network("n-three")


def test_what_reaches_into_the_host_makes_nothing():
    with Networks() as w:
        before = {n["Id"] for n in w.engine.get("/networks")}
        for body in ({"Driver": "macvlan", "Options": {"parent": "eth0"}}, {"Driver": "ipvlan"},
                     {"Driver": "host"}, {"Driver": "overlay"},
                     {"Options": {"com.docker.network.bridge.name": "docker0"}},
                     {"IPAM": {"Config": [{"Subnet": "10.0.0.0/8"}]}},
                     {"ConfigFrom": {"Network": "bridge"}, "ConfigOnly": False},
                     {"EnableIPv6": True}, {"Scope": "swarm"}, {"Ingress": True},
                     {"Labels": {"com.docker.compose.project": "x"}}):
            reply = w.ask("POST", "/networks/create", dict(body, Name="n-bad"))
            assert reply.status == 403, (body, reply)
        assert {n["Id"] for n in w.engine.get("/networks")} == before
