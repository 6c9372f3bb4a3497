# SPDX-License-Identifier: Apache-2.0
"""Networks and volumes while memory fails, allocation by allocation: what is sent is what would be
sent in a good world, with every label and every id in its place, or nothing."""
import json

from proxy import IMAGE
from report import table
from shared import LABEL, MINE, THEIRS, populate
from shim import ShimWorld
from test_bad_world import CREATE, fine, walk

FAMILY = "failing memory and interrupted calls"

NET, BACK = "1" * 64, "2" * 64
POLICY = """
[allow]
ContainerCreate = yes
ContainerStart = own
ContainerDelete = own
NetworkCreate = yes
NetworkDelete = own
NetworkConnect = own
VolumeCreate = yes
VolumeDelete = own
[create]
Image = one-of %s
HostConfig.NetworkMode = one-of none own
HostConfig.Binds = one-of own:*
[limits]
containers = 100
networks = 100
volumes = 100
""" % IMAGE


def fill(engine):
    populate(engine)
    engine.add_network(NET, "front", LABEL)
    engine.add_volume("data", LABEL)


def do_join(w, client):
    reply = client.ask("POST", CREATE, {
        "Image": IMAGE, "HostConfig": {"NetworkMode": "front", "Binds": ["data:/data"]},
        "NetworkingConfig": {"EndpointsConfig": {"front": {}}}})
    if not fine(reply, 201):
        return False
    w.ask("DELETE", "/v1.41/containers/%s?force=1" % json.loads(reply.body)["Id"])
    return True


def do_connect(_, client):
    return fine(client.ask("POST", "/v1.41/networks/front/connect", {"Container": "mine"}), 200)


def do_network(w, client):
    """One that was made, but of which no answer tells, holds its name."""
    reply = client.ask("POST", "/v1.41/networks/create", {"Name": "made"})
    made = reply.status == 409 or fine(reply, 201)
    for ident in [i for i, n in w.engine.nets.items() if n["Name"] == "made"]:
        del w.engine.nets[ident]
    return made


def do_volume(w, client):
    reply = client.ask("POST", "/v1.41/volumes/create", {"Name": "made"})
    w.engine.vols.pop("made", None)
    return fine(reply, 201)


@table([("join", do_join, 12), ("connect", do_connect, 3), ("network", do_network, 6),
        ("volume", do_volume, 4)])
def test_each_allocation_fails(exchange, least):
    w = ShimWorld(POLICY, prepare=fill)
    w.before = {MINE, THEIRS}
    with w:
        count = walk(w, exchange)
        assert count >= least, "only %d allocations failed" % count
        assert all(n["Labels"] == LABEL for n in w.engine.nets.values())
        assert all(v["Labels"] == LABEL for v in w.engine.vols.values())
