# SPDX-License-Identifier: Apache-2.0
"""Networks and volumes: learnt from a 201, from one label query per kind after a restart, and asked
for again before a volume is used."""
import json
import re
import signal
import threading
import time

from client import PATIENCE_S, unread_bytes
from proxy import IMAGE, World, until
from report import table
from shared import LABEL, MINE, assert_refused, populate

FAMILY = "networks and volumes"

NET, OTHER = "1" * 64, "3" * 64
POLICY = """
[proxy]
listen = unix:/run/caisson/docker.sock
[allow]
ContainerCreate = yes
ContainerStart = own
NetworkCreate = yes
NetworkInspect = own
NetworkDelete = own
NetworkPrune = own
NetworkConnect = own
VolumeCreate = yes
VolumeInspect = own
VolumeDelete = own
VolumePrune = own
[create]
Image = one-of %s
HostConfig.NetworkMode = one-of none own
HostConfig.Binds = one-of own:*
[limits]
networks = 3
volumes = 3
""" % IMAGE


def fill(engine):
    populate(engine)
    engine.add_network(NET, "front", LABEL)
    engine.add_network(OTHER, "other")
    engine.add_volume("data", LABEL)
    engine.add_volume("theirs", {"secret": "label"})


def objects(policy=POLICY, **options):
    return World(policy, prepare=fill, **options)


def lists(w, kind):
    """The proxy's own questions for a kind."""
    return [r for r in w.engine.requests if re.match(r"/v1\.\d+/%s\?" % kind, r.target)]


def create_with(w, **host):
    return w.ask("POST", "/v1.41/containers/create", {"Image": IMAGE, "HostConfig": host})


def test_who_uses_a_volume_is_not_told():
    """An Engine says so by the ids of containers, whosever they are."""
    with objects() as w:
        w.engine.on("DELETE", "/volumes/", lambda e: e.error(
            409, "remove data: volume is in use - [%s]" % OTHER))
        reply = w.ask("DELETE", "/v1.41/volumes/data")
        assert "in use" in assert_refused(reply, 409)
        assert OTHER[:12] not in reply.body.decode(), reply
        assert w.ask("GET", "/v1.41/volumes/data").status == 200


def test_what_no_policy_speaks_of_is_not_asked_for():
    with World(prepare=fill) as w:
        w.create("plain")
        assert not lists(w, "networks") and not lists(w, "volumes")


def test_made_is_owned():
    with objects() as w:
        reply = w.ask("POST", "/v1.41/networks/create", {"Name": "net1"})
        ident = json.loads(reply.body)["Id"]
        assert reply.status == 201 and w.engine.nets[ident]["Labels"] == LABEL, reply
        for ref in ("net1", ident, ident[:12]):
            assert w.ask("GET", "/v1.41/networks/" + ref).status == 200
            assert w.engine.asked()[-1].target == "/v1.41/networks/" + ident
        assert w.ask("DELETE", "/v1.41/networks/net1").status == 204
        assert_refused(w.ask("GET", "/v1.41/networks/net1"), 404)
        assert w.ask("POST", "/v1.41/volumes/create", {"Name": "vol1"}).status == 201
        assert w.engine.vols["vol1"]["Labels"] == LABEL
        assert create_with(w, Binds=["vol1:/data"]).status == 201
        assert w.ask("DELETE", "/v1.41/volumes/vol1").status == 204
        assert_refused(create_with(w, Binds=["vol1:/data"]), 403)


def test_table_is_rebuilt_after_kill_9():
    with objects() as w:
        reply = w.ask("POST", "/v1.41/networks/create", {"Name": "net1"})
        ident = json.loads(reply.body)["Id"]
        w.proxy.kill()
        w.proxy.start()
        assert w.ask("GET", "/v1.41/networks/net1").status == 200
        assert w.engine.asked()[-1].target == "/v1.41/networks/" + ident
        assert w.ask("GET", "/v1.41/volumes/data").status == 200
        for target in ("networks/other", "networks/" + OTHER, "volumes/theirs"):
            assert_refused(w.ask("GET", "/v1.41/" + target), 404)


def test_a_reload_that_speaks_of_networks_asks_for_them():
    with World("[allow]\nContainerCreate = yes\n", prepare=fill) as w:
        assert not lists(w, "networks")
        with open(w.proxy.policy, "w", encoding="utf-8") as out:
            out.write(POLICY)
        w.proxy.process.send_signal(signal.SIGHUP)
        until("the network of before", lambda: w.ask("GET", "/v1.41/networks/front").status == 200)


@table([("inspect", "GET", "/v1.41/volumes/data", None), ("delete", "DELETE", "/v1.41/volumes/data", None),
        ("use", "POST", "/v1.41/containers/create", {"Image": IMAGE, "HostConfig": {"Binds": ["data:/data"]}})])
def test_a_volume_is_asked_for_before_it_is_used(method, target, body):
    """Somebody else has taken the name over, without a word to us."""
    with objects() as w:
        w.engine.add_volume("data", {"secret": "label"})
        w.engine.forget()
        reply = w.ask(method, target, body)
        assert_refused(reply, 403, 404)
        assert b"secret" not in reply.raw
        assert len(lists(w, "volumes")) == 1 and not w.engine.asked(), w.engine.requests
        assert "data" in w.engine.vols


def test_a_list_that_is_being_read_is_too_old():
    """The list was made before the name was taken over; another one is asked for."""
    with objects() as w:
        def slow(exchange):
            rows = [dict(v) for v in exchange.engine.vols.values() if v["Labels"] == LABEL]
            exchange.engine.add_volume("data", None)
            time.sleep(0.3)
            exchange.json(200, {"Volumes": rows, "Warnings": None})

        w.engine.on("GET", "/volumes$", slow, times=1)
        with w.connect() as first, w.connect() as second:
            first.send(b"GET /v1.41/volumes/data HTTP/1.1\r\nHost: d\r\n\r\n")
            until("the first question", lambda: "data" in w.engine.vols
                  and w.engine.vols["data"]["Labels"] is None)
            second.send(b"GET /v1.41/volumes/data HTTP/1.1\r\nHost: d\r\n\r\n")
            assert second.response().status == 404
            assert first.response().status in (200, 404)  # asked before it was taken over


@table([("an error", lambda e: e.error(500, "no")), ("no JSON", lambda e: e.reply(200, b"no")),
        ("nothing", lambda e: e.close()), ("no list", lambda e: e.json(200, []))])
def test_without_a_list_nothing_is_decided(say):
    with objects() as w:
        w.engine.on("GET", "/volumes$", say, times=1)
        reply = w.ask("GET", "/v1.41/volumes/data")
        assert_refused(reply, 503)
        assert not w.engine.asked()
        until("the volume", lambda: w.ask("GET", "/v1.41/volumes/data").status == 200)


def test_many_wait_for_one_list():
    with objects() as w:
        clients = [w.connect() for _ in range(20)]
        w.engine.forget()
        all_wait = threading.Event()
        w.engine.on("GET", "/volumes$", lambda e: (all_wait.wait(PATIENCE_S), e.engine.answer(e)),
                    times=1)
        for client in clients:
            client.send(b"GET /v1.41/volumes/data HTTP/1.1\r\nHost: d\r\n\r\n")
        until("that all are read", lambda: not any(unread_bytes(c.sock) for c in clients))
        all_wait.set()
        for client in clients:
            assert client.response().status == 200
            client.close()
        assert len(lists(w, "volumes")) <= 3, "%d lists" % len(lists(w, "volumes"))


def test_a_foreign_volume_is_not_adopted():
    with objects() as w:
        for _ in range(2):
            reply = w.ask("POST", "/v1.41/volumes/create", {"Name": "theirs"})
            assert_refused(reply, 409)
            assert b"secret" not in reply.raw and b"Mountpoint" not in reply.raw, reply.raw
        assert_refused(w.ask("DELETE", "/v1.41/volumes/theirs"), 404)
        assert w.audit(3)[0]["reason"] == "name-taken"


BROKEN = [("no JSON", b"created"), ("no name", b'{"Labels":{"io.caisson.owner":"caisson"}}'),
          ("another name", b'{"Name":"theirs","Labels":{"io.caisson.owner":"caisson"}}'),
          ("a path", b'{"Name":"../x","Labels":{"io.caisson.owner":"caisson"}}')]


@table(BROKEN)
def test_an_answer_that_makes_no_sense_is_not_believed(body):
    with objects() as w:
        w.engine.on("POST", "/volumes/create$", lambda e: e.reply(201, body), times=1)
        assert_refused(w.ask("POST", "/v1.41/volumes/create", {"Name": "vol1"}), 502)
        assert_refused(w.ask("GET", "/v1.41/volumes/theirs"), 404)


def test_a_network_of_a_lost_answer_is_found():
    with objects() as w:
        def lose(exchange):
            body = json.loads(exchange.request.body)
            exchange.engine.add_network("9" * 64, body["Name"], body["Labels"])
            exchange.close()

        w.engine.on("POST", "/networks/create$", lose, times=1)
        assert w.ask("POST", "/v1.41/networks/create", {"Name": "lost"}).status == 502
        until("the lost network", lambda: w.ask("GET", "/v1.41/networks/lost").status == 200)


@table([("networks", "networks", "networks/front"), ("volumes", "volumes", "volumes/data")])
def test_their_number_is_bounded(kind, gone):
    with objects() as w:
        for number in range(2):
            reply = w.ask("POST", "/v1.41/%s/create" % kind, {"Name": "more%d" % number})
            assert reply.status == 201, reply
        reply = w.ask("POST", "/v1.41/%s/create" % kind, {"Name": "toomany"})
        assert_refused(reply, 429)
        assert w.ask("DELETE", "/v1.41/" + gone).status == 204
        assert w.ask("POST", "/v1.41/%s/create" % kind, {"Name": "again"}).status == 201


def test_a_volume_that_is_there_is_not_one_more():
    with objects(POLICY.replace("volumes = 3", "volumes = 1")) as w:
        assert w.ask("POST", "/v1.41/volumes/create", {"Name": "data"}).status == 201
        assert_refused(w.ask("POST", "/v1.41/volumes/create", {"Name": "more"}), 429)
        assert_refused(w.ask("POST", "/v1.41/volumes/create", {}), 429)


def test_a_network_whose_creator_is_gone_is_ours():
    with objects() as w:
        def slow(exchange):
            time.sleep(0.3)
            exchange.engine.answer(exchange)

        w.engine.on("POST", "/networks/create$", slow, times=1)
        body = b'{"Name":"orphan"}'
        with w.connect() as client:
            client.send(b"POST /v1.41/networks/create HTTP/1.1\r\nHost: d\r\nContent-Type: "
                        b"application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            w.engine.wait_asked(1)
        until("the network", lambda: w.ask("GET", "/v1.41/networks/orphan").status == 200)


def test_two_owners_on_one_engine():
    with objects() as w:
        second = World(POLICY.replace("[proxy]", "[proxy]\nowner = second"), start=False)
        with second:
            second.proxy.upstream = w.engine.path
            second.proxy.start()
            for target in ("networks/front", "networks/" + NET, "volumes/data"):
                assert_refused(second.ask("GET", "/v1.41/" + target), 404)
                assert_refused(second.ask("DELETE", "/v1.41/" + target), 404)
            assert_refused(create_with(second, NetworkMode="front"), 403)
            assert_refused(create_with(second, Binds=["data:/data"]), 403)
            assert_refused(second.ask("POST", "/v1.41/volumes/create", {"Name": "data"}), 409)
            assert second.ask("POST", "/v1.41/networks/create", {"Name": "net2"}).status == 201
            assert_refused(w.ask("GET", "/v1.41/networks/net2"), 404)
            assert {NET, OTHER} <= set(w.engine.nets) and "data" in w.engine.vols


def test_creates_under_way_count():
    with objects() as w:
        w.engine.on("POST", "/networks/create$",
                    lambda e: (time.sleep(0.3), e.engine.answer(e)))
        clients = [w.connect() for _ in range(6)]
        for number, client in enumerate(clients):
            body = b'{"Name":"many%d"}' % number
            client.send(b"POST /v1.41/networks/create HTTP/1.1\r\nHost: d\r\n"
                        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                        % (len(body), body))
        statuses = sorted(client.response().status for client in clients)
        assert statuses == [201, 201, 429, 429, 429, 429], statuses
        for client in clients:
            client.close()


def test_prune_is_believed_when_it_is_listed():
    with objects() as w:
        reply = w.ask("POST", "/v1.41/networks/prune")
        assert json.loads(reply.body)["NetworksDeleted"] == ["front"], reply
        assert OTHER in w.engine.nets

        def known():
            w.engine.forget()
            return w.ask("GET", "/v1.41/networks/front").status == 404 and not w.engine.asked()

        until("the end of the network", known)


def test_connect_names_ids_alone():
    with objects() as w:
        reply = w.ask("POST", "/v1.41/networks/front/connect", {"Container": "mine"})
        assert reply.status == 200, reply
        sent = w.engine.asked()[-1]
        assert sent.target == "/v1.41/networks/%s/connect" % NET
        assert json.loads(sent.body) == {"Container": MINE, "EndpointConfig": {"NetworkID": NET}}


def test_several_networks_where_the_engine_takes_them():
    with objects(api="1.45") as w:
        second = "2" * 64
        reply = w.ask("POST", "/v1.45/networks/create", {"Name": "back"})
        second = json.loads(reply.body)["Id"]
        body = {"Image": IMAGE, "HostConfig": {"NetworkMode": "front"},
                "NetworkingConfig": {"EndpointsConfig": {"back": {}, "front": {}}}}
        assert w.ask("POST", "/v1.45/containers/create", body).status == 201
        sent = json.loads(w.engine.asked()[-1].body)
        assert sent["NetworkingConfig"]["EndpointsConfig"] == {
            NET: {"NetworkID": NET}, second: {"NetworkID": second}}
        body["NetworkingConfig"]["EndpointsConfig"]["other"] = {}
        assert_refused(w.ask("POST", "/v1.45/containers/create", body), 403)
