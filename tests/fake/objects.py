# SPDX-License-Identifier: Apache-2.0
"""The networks and volumes of the scripted Engine: a mixin of engine.Engine.

As on a real one a network has an id and a name that others may have, too; a volume has a name only,
and a create that names one that is there is answered with that one.
"""
import json
import re

ROUTES = (
    ("GET", r"^/networks$", "networks"),
    ("POST", r"^/networks/create$", "network_create"),
    ("POST", r"^/networks/prune$", "networks_prune"),
    ("POST", r"^/networks/([^/]+)/connect$", "network_connect"),
    ("POST", r"^/networks/([^/]+)/disconnect$", "network_connect"),
    ("GET", r"^/networks/([^/]+)$", "network_inspect"),
    ("DELETE", r"^/networks/([^/]+)$", "network_delete"),
    ("GET", r"^/volumes$", "volumes"),
    ("POST", r"^/volumes/create$", "volume_create"),
    ("POST", r"^/volumes/prune$", "volumes_prune"),
    ("GET", r"^/volumes/([^/]+)$", "volume_inspect"),
    ("DELETE", r"^/volumes/([^/]+)$", "volume_delete"),
)
# How the proxy asks for the lists of its own; a client's filters are written otherwise.
OWN_LIST = re.compile(r"^/v1\.\d+/(networks|volumes)\?filters=%7B%22label%22%3A%7B%22[^&]*$")


def labels_fit(form, labels):
    wanted = json.loads((form.get("filters") or ["{}"])[0]).get("label") or []  # of both forms
    pairs = {"%s=%s" % item for item in (labels or {}).items()} | set(labels or {})
    return set(wanted) <= pairs


class Objects:
    """Needs the lock, new_id() and find() of an Engine."""

    def __init__(self):
        self.nets, self.vols = {}, {}  # id: row of an inspect; name: the same

    def add_network(self, ident, name, labels=None):
        self.nets[ident] = {"Id": ident, "Name": name, "Labels": labels or {}, "Driver": "bridge",
                            "Scope": "local", "Created": "2026-01-01T00:00:00Z"}

    def add_volume(self, name, labels=None):
        self.vols[name] = {"Name": name, "Labels": labels, "Driver": "local", "Scope": "local",
                           "Mountpoint": "/var/lib/docker/volumes/%s/_data" % name}

    def find_network(self, ref):
        if ref in self.nets:
            return self.nets[ref]
        found = [n for n in self.nets.values() if n["Name"] == ref]
        found = found or [n for i, n in self.nets.items() if i.startswith(ref)]
        return found[0] if len(found) == 1 else None

    def _networks(self, exchange, form):
        exchange.json(200, [n for n in self.nets.values() if labels_fit(form, n["Labels"])])

    def _network_create(self, exchange, _form):
        body = json.loads(exchange.request.body)
        with self.lock:
            if any(n["Name"] == body["Name"] for n in self.nets.values()):
                return exchange.error(409, "network with name %s already exists" % body["Name"])
            ident = self.new_id()
            self.add_network(ident, body["Name"], body.get("Labels"))
        exchange.json(201, {"Id": ident, "Warning": ""})

    def _network_inspect(self, exchange, _form, ref):
        found = self.find_network(ref)
        exchange.json(200, found) if found else exchange.error(404, "network %s not found" % ref)

    def _network_delete(self, exchange, _form, ref):
        found = self.find_network(ref)
        if not found:
            return exchange.error(404, "network %s not found" % ref)
        del self.nets[found["Id"]]
        exchange.empty(204)

    def _network_connect(self, exchange, _form, ref):
        body = json.loads(exchange.request.body)
        if not self.find_network(ref):
            return exchange.error(404, "network %s not found" % ref)
        if not self.find(body["Container"]):
            return exchange.error(404, "No such container: " + body["Container"])
        exchange.reply(200)

    def _networks_prune(self, exchange, form):
        gone = [i for i, n in self.nets.items() if labels_fit(form, n["Labels"])]
        exchange.json(200, {"NetworksDeleted": [self.nets.pop(i)["Name"] for i in gone]})

    def _volumes(self, exchange, form):
        rows = [v for v in self.vols.values() if labels_fit(form, v["Labels"])]
        exchange.json(200, {"Volumes": rows or None, "Warnings": None})

    def _volume_create(self, exchange, _form):
        body = json.loads(exchange.request.body)
        name = body.get("Name") or self.new_id()
        with self.lock:
            if name not in self.vols:
                self.add_volume(name, body.get("Labels"))
        exchange.json(201, self.vols[name])

    def _volume_inspect(self, exchange, _form, name):
        if name not in self.vols:
            return exchange.error(404, "get %s: no such volume" % name)
        exchange.json(200, self.vols[name])

    def _volume_delete(self, exchange, _form, name):
        if name not in self.vols:
            return exchange.error(404, "get %s: no such volume" % name)
        del self.vols[name]
        exchange.empty(204)

    def _volumes_prune(self, exchange, form):
        gone = [n for n, v in self.vols.items() if labels_fit(form, v["Labels"])]
        exchange.json(200, {"VolumesDeleted": [self.vols.pop(n)["Name"] for n in gone],
                            "SpaceReclaimed": 0})
