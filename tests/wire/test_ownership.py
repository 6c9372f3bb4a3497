# SPDX-License-Identifier: Apache-2.0
"""Whose container it is: learnt from a 201, from one label query after a restart, never from a
client."""
import json
import re

from client import request
from proxy import ALLOW, IMAGE, World, until
from report import table
from shared import (CREATE, LABEL, MINE, START, THEIRS, assert_untouched, populate, world)

FAMILY = "ownership"

CALLS = [("start", "POST", "/v1.41/containers/%s/start"), ("wait", "POST", "/v1.41/containers/%s/wait"),
         ("logs", "GET", "/v1.41/containers/%s/logs?stdout=1"),
         ("delete", "DELETE", "/v1.41/containers/%s?force=1")]


def test_created_is_owned():
    w = world()
    made = w.create("fresh")
    for ref in (made.id, "fresh", made.id[:12], made.id[:40]):
        w.engine.forget()
        reply = w.ask("POST", "/v1.41/containers/%s/start" % ref)
        assert reply.status in (204, 304), "%s: %r" % (ref, reply)
        assert w.engine.asked()[0].target == "/v1.41/containers/%s/start" % made.id
    assert w.ask("DELETE", "/v1.41/containers/fresh?force=1").status == 204
    for ref in (made.id, "fresh", made.id[:12]):
        w.engine.forget()
        assert w.ask("POST", "/v1.41/containers/%s/start" % ref).status == 404
        assert_untouched(w)


def test_label_is_stamped():
    w = world()
    w.create("label1", {"Image": IMAGE, "Labels": {"a": "b"}})
    labels = json.loads(w.engine.asked()[-1].body)["Labels"]
    assert labels == {"a": "b", "io.caisson.owner": "caisson"}, labels
    w.create("label2")
    assert json.loads(w.engine.asked()[-1].body)["Labels"] == LABEL
    for name in ("label1", "label2"):
        assert w.ask("DELETE", "/v1.41/containers/" + name).status == 204


@table(CALLS)
def test_foreign_and_absent_are_the_same_bytes(method, target):
    w = world()
    for ref in (THEIRS, "theirs", THEIRS[:12], THEIRS[:63]):
        absent = ref.replace("d", "e").replace("theirs", "absent")
        raw = []
        for name in (ref, absent):
            with w.connect() as client:
                reply = client.ask(method, target % name)
            assert reply.status == 404, reply
            body = json.loads(reply.body)
            assert body == {"message": "No such container: " + name}, body
            raw.append(re.sub(rb"Date: [^\r]*", b"Date:", reply.raw).replace(name.encode(), b"REF"))
        assert raw[0] == raw[1], raw
        assert_untouched(w)
    assert THEIRS in w.engine.containers


def test_prefix_of_ours_that_is_also_theirs_is_ours_and_nobody_can_tell():
    twin = MINE[:20] + "0" * 44

    def fill(engine):
        populate(engine)
        engine.add(twin, "twin")

    with World(prepare=fill) as w:
        reply = w.ask("POST", "/v1.41/containers/%s/start" % MINE[:14])
        assert reply.status == 204, reply
        assert w.engine.asked()[-1].target == "/v1.41/containers/%s/start" % MINE
        assert w.ask("POST", "/v1.41/containers/%s/start" % twin).status == 404


def test_label_of_somebody_else_is_not_ours():
    other = "e" * 64

    def fill(engine):
        populate(engine)
        engine.add(other, "other", {"io.caisson.owner": "caisson2"})
        # An engine that lists too much is not believed... only what carries our label is ours.

    with World(prepare=fill) as w:
        assert w.ask("POST", "/v1.41/containers/other/start").status == 404
        assert w.ask("POST", "/v1.41/containers/mine/start").status == 204


def test_two_proxies_on_one_engine_do_not_share():
    with World(prepare=populate) as w:
        with open(w.proxy.policy, encoding="utf-8") as text:
            policy = text.read()
        assert "[proxy]" in policy
        with World(policy.replace("[proxy]", "[proxy]\nowner = second", 1), start=False) as second:
            second.proxy.upstream = w.engine.path
            second.proxy.start()
            made = w.create("first")
            reply = second.ask("POST", "/v1.41/containers/first/start")
            assert reply.status == 404, reply
            assert second.ask("DELETE", "/v1.41/containers/mine").status == 404
            reply = second.ask("POST", CREATE + "?name=second", {"Image": IMAGE})
            assert reply.status == 201, reply
            ident = json.loads(reply.body)["Id"]
            assert w.engine.containers[ident].labels == {"io.caisson.owner": "second"}
            assert w.ask("POST", "/v1.41/containers/second/start").status == 404
            assert w.ask("POST", "/v1.41/containers/%s/start" % made.id).status == 204


def test_table_is_rebuilt_after_kill_9():
    with World(prepare=populate) as w:
        made = w.create("before")
        assert w.ask("POST", "/v1.41/containers/before/start").status == 204
        w.proxy.kill()
        w.proxy.start()
        for ref in ("before", made.id, made.id[:12], "mine"):
            reply = w.ask("DELETE" if ref == "mine" else "POST",
                          "/v1.41/containers/" + ref + ("" if ref == "mine" else "/start"))
            assert reply.status in (204, 304), "%s: %r" % (ref, reply)
        for ref in ("theirs", THEIRS, THEIRS[:12]):
            assert w.ask("POST", "/v1.41/containers/%s/start" % ref).status == 404


def test_rebuild_is_one_label_query():
    with World(prepare=populate, start=False) as w:
        w.proxy.start()
        w.settle_requests = w.engine.wait_request("GET", r"/containers/json\?")
        assert w.ask("POST", "/v1.41/containers/mine/start").status == 204
        lists = [r for r in w.engine.requests if "/containers/json" in r.target]
        assert len(lists) == 1, lists
        assert "all=1" in lists[0].target and "io.caisson.owner" in lists[0].target, lists


def test_question_before_the_rebuild_is_done_waits_for_it():
    """An owner is never told that its container does not exist because we do not know yet."""
    import threading
    go_on = threading.Event()

    def slow(exchange):
        go_on.wait(30)
        exchange.engine.answer(exchange)

    with World(prepare=populate, start=False) as w:
        w.engine.on("GET", r"/containers/json$", slow)
        w.proxy.start()
        with w.connect() as client:
            client.send(request("POST", "/v1.41/containers/mine/start"))
            w.engine.wait_request("GET", r"/containers/json\?")
            with w.connect() as other:  # a refusal needs no table
                assert other.ask("POST", "/v1.41/containers/mine/exec").status == 403
            go_on.set()
            reply = client.response()
            assert reply.status == 204, reply


def test_gone_without_us():
    """Removed behind our back: the engine's 404 is what the client hears, in the same bytes."""
    w = world()
    made = w.create("vanish")
    with w.engine.lock:
        del w.engine.containers[made.id]
    reply = w.ask("POST", "/v1.41/containers/vanish/start")
    assert reply.status == 404, reply
    message = json.loads(reply.body)["message"]
    assert message.startswith("No such container: "), message


def test_auto_removed_is_forgotten_when_wait_says_so():
    policy = open(world().proxy.policy, encoding="utf-8").read()
    if "HostConfig.AutoRemove" not in policy:
        policy = policy.replace("[create]", "[create]\nHostConfig.AutoRemove = allow")
    with World(policy.replace("[limits]", "[limits]\ncontainers = 1")
               if "containers " not in policy else
               re.sub(r"(?m)^containers .*$", "containers = 1", policy)) as w:
        made = w.create("auto", {"Image": IMAGE, "HostConfig": {"AutoRemove": True}})
        assert w.ask("POST", "/v1.41/containers/auto/start").status == 204
        with w.connect() as client:
            client.send(request("POST", "/v1.41/containers/auto/wait?condition=removed"))
            assert client.reader.head()[0] == 200
            with made.changed:
                made.removed, made.running, made.code = True, False, 0
                made.changed.notify_all()
            with w.engine.lock:
                del w.engine.containers[made.id]
            body = client.reader.body(200, [("Transfer-Encoding", "chunked")])
            assert json.loads(body)["StatusCode"] == 0, body
        def again():
            reply = w.ask("POST", CREATE + "?name=auto", {"Image": IMAGE})
            return reply.status == 201
        until("room for another container", again)


def test_name_is_free_again_and_means_the_new_one():
    w = world()
    first = w.create("slot")
    assert w.ask("DELETE", "/v1.41/containers/slot").status == 204
    second = w.create("slot")
    w.engine.forget()
    assert w.ask("POST", "/v1.41/containers/slot/start").status == 204
    assert w.engine.asked()[0].target.endswith("/%s/start" % second.id)
    assert w.ask("POST", "/v1.41/containers/%s/start" % first.id).status == 404
    assert w.ask("DELETE", "/v1.41/containers/slot?force=1").status == 204


def test_create_that_fails_owns_nothing():
    w = world()
    w.create("taken")
    reply = w.ask("POST", CREATE + "?name=taken", {"Image": IMAGE})
    assert reply.status == 409, reply
    w.engine.on("POST", "/containers/create$", lambda e: e.error(404, "No such image: x"), times=1)
    assert w.ask("POST", CREATE + "?name=never", {"Image": IMAGE}).status == 404
    assert w.ask("POST", "/v1.41/containers/never/start").status == 404
    assert w.ask("DELETE", "/v1.41/containers/taken").status == 204


def test_delete_that_fails_keeps_it():
    w = world()
    w.create("busy")
    assert w.ask("POST", "/v1.41/containers/busy/start").status == 204
    reply = w.ask("DELETE", "/v1.41/containers/busy")
    assert reply.status == 409, reply
    assert w.ask("DELETE", "/v1.41/containers/busy?force=1").status == 204


@table([("no id", {"Warnings": []}), ("an id that is short", {"Id": "abc", "Warnings": []}),
        ("an id that is no hex", {"Id": "z" * 64}), ("an id that is a number", {"Id": 1}),
        ("an id with a slash", {"Id": "../" + "a" * 61}), ("a list", []), ("null", None),
        ("an id in capitals", {"Id": "A" * 64})])
def test_201_that_teaches_nothing(answer):
    w = world()
    w.engine.on("POST", "/containers/create$", lambda e: e.json(201, answer), times=1)
    reply = w.ask("POST", CREATE + "?name=odd", {"Image": IMAGE})
    assert reply.status == 502, reply
    assert w.ask("POST", "/v1.41/containers/odd/start").status == 404


@table([("no JSON", b"{"), ("an object", b"{}"), ("rows without ids", b'[{"Names":["/x"]}]'),
        ("ids that are none", b'[{"Id":"x","Names":["/mine"]}]'), ("null", b"null")])
def test_list_that_teaches_nothing(body):
    """The table stays as it was; nothing is served from what was not understood."""
    with World(prepare=populate, start=False) as w:
        w.engine.on("GET", "/containers/json$", lambda e: e.reply(200, body), times=1)
        w.proxy.start()
        reply = w.ask("POST", "/v1.41/containers/theirs/start")
        assert reply.status in (404, 502, 503), reply
        until("the next list", lambda: w.ask("POST", "/v1.41/containers/mine/start").status
              in (204, 304))


def test_deleted_while_the_list_is_under_way_stays_deleted():
    """The engine lists what it had; meanwhile we have deleted one of them, and know better."""
    import threading
    go_on, asked = threading.Event(), threading.Event()

    def slow(exchange):
        rows = [{"Id": c.id, "Names": ["/" + c.name], "Labels": c.labels, "Created": c.created}
                for c in exchange.engine.containers.values() if c.labels]
        asked.set()
        go_on.wait(30)
        exchange.json(200, rows)

    with World(prepare=populate) as w:
        made = w.create("slot")
        w.engine.on("GET", "/containers/json$", slow, times=1)
        w.engine.on("POST", "/start$", lambda e: e.error(404, "No such container: x"), times=1)
        assert w.ask("POST", "/v1.41/containers/mine/start").status == 404  # so it asks again
        assert asked.wait(30), "no list after a 404"
        assert w.ask("DELETE", "/v1.41/containers/slot").status == 204
        again = w.create("slot")
        go_on.set()
        w.engine.forget()
        for _ in range(20):  # the list has been read at one of these at the latest
            assert w.ask("POST", "/v1.41/containers/slot/start").status in (204, 304)
        assert {r.target for r in w.engine.asked()} == {"/v1.41/containers/%s/start" % again.id}
        w.engine.forget()
        assert w.ask("POST", "/v1.41/containers/%s/start" % made.id).status == 404
        assert_untouched(w)


def test_what_is_pruned_is_forgotten():
    policy = ALLOW.replace("[create]", "ContainerPrune = own\n[create]")
    with World(policy, prepare=populate) as w:
        def prune(exchange):
            assert "io.caisson.owner" in exchange.request.target, exchange.request.target
            w.engine.containers.pop(MINE)
            exchange.json(200, {"ContainersDeleted": [MINE], "SpaceReclaimed": 0})

        w.engine.on("POST", "/containers/prune$", prune)
        assert w.ask("POST", "/v1.41/containers/prune").status == 200
        assert w.engine.wait_request("GET", r"/containers/json\?"), "the table is not read anew"
        until("that it is forgotten", lambda: w.ask("POST", START).status == 404)
