# SPDX-License-Identifier: Apache-2.0
"""A cluster of one on a real Engine, by operations that a policy allows one by one."""
import base64
import json

import real
from cli import clients, docker, good
from proxy import until
from real import RealWorld
from report import Skip, table

ALLOW = "".join("%s = yes\n" % name for name in (
    "SwarmInit", "SwarmInspect", "SwarmLeave", "SwarmUpdate", "SecretCreate", "SecretList",
    "SecretInspect", "SecretUpdate", "SecretDelete", "ConfigCreate", "ConfigList", "ConfigInspect",
    "ConfigDelete", "NodeList", "NodeInspect", "NodeUpdate", "ServiceList", "TaskList",
    "SystemInfo"))


class Cluster(RealWorld):
    """The Engine is a manager of a cluster while this lasts; it listens on the loopback alone."""

    def __enter__(self):
        if not real.ENGINE.directory:
            raise Skip("an engine that others use is not made a cluster")
        return super().__enter__()

    def __exit__(self, *why):
        self.engine.ask("POST", "/swarm/leave?force=1")
        super().__exit__(*why)

    def begin(self):
        body = {"ListenAddr": "127.0.0.1:2377", "AdvertiseAddr": "127.0.0.1"}
        reply = self.ask("POST", "/swarm/init", body)
        if reply.status != 200:
            raise Skip("the engine answers a swarm init %r" % reply)


@table(clients())
def test_a_cluster_of_one(path):
    with Cluster(allow=ALLOW) as w:
        w.begin()
        assert w.engine.get("/swarm")["ID"] == json.loads(w.ask("GET", "/swarm").body)["ID"]
        done = docker(w, path, "secret", "create", "--label", "a=b", "word", "-", stdin="hidden")
        assert done.returncode == 0, done
        assert "word" in good(w, path, "secret", "ls")
        made = w.engine.get("/secrets/word")
        assert made["Spec"]["Labels"] == {"a": "b"}, made
        body = {"Name": "plain", "Data": base64.b64encode(b"text").decode(), "Labels": {}}
        assert w.ask("POST", "/configs/create", body).status == 201
        assert base64.b64decode(w.engine.get("/configs/plain")["Spec"]["Data"]) == b"text"

        def label():  # a node that joins is changed by others, too, and is of a new version then
            node = json.loads(w.ask("GET", "/nodes").body)[0]
            spec = dict(node["Spec"], Labels={"x": "y"})
            target = "/nodes/%s/update?version=%d" % (node["ID"], node["Version"]["Index"])
            reply = w.ask("POST", target, spec)
            assert reply.status == 200 or b"out of sequence" in reply.body, reply
            return reply.status == 200
        until("the update of the node", label)
        until("the label", lambda: w.engine.get("/nodes")[0]["Spec"]["Labels"] == {"x": "y"})

        done = docker(w, path, "service", "create", "--detach", "busybox", "id")
        assert done.returncode == 1 and "ServiceCreate" in done.stderr, done
        assert w.engine.get("/services") == []
        assert good(w, path, "secret", "rm", "word") == "word"
        assert w.engine.get("/secrets") == []
        assert "left" in good(w, path, "swarm", "leave", "--force")


@table(clients())
def test_without_a_line_nothing_of_it(path):
    with Cluster() as w:
        for arguments, word in ((("swarm", "init"), "Swarm"), (("node", "ls"), "NodeList"),
                                (("plugin", "ls"), "PluginList"), (("secret", "ls"), "SecretList")):
            done = docker(w, path, *arguments)
            assert done.returncode == 1 and word in done.stdout + done.stderr or \
                "SystemInfo" in done.stdout + done.stderr, done
        assert w.engine.get("/info")["Swarm"]["LocalNodeState"] == "inactive"
