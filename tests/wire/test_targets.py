# SPDX-License-Identifier: Apache-2.0
"""Request lines: what stands for an operation, and what only looks like one to somebody.

All of it is about `mine`, which may be started, and about `theirs`, which may not be touched.
"""
from client import head
from report import family, table
from shared import (MINE, START, THEIRS, assert_refused, assert_refused_and_closed, assert_served,
                    assert_untouched, world)

FAMILY = "request targets"
SENT = "/v1.41/containers/%s/start" % MINE

GOOD = [("with a version", START), ("without", "/containers/mine/start"),
        ("an older version", "/v1.24/containers/mine/start"),
        ("by its id", "/v1.41/containers/%s/start" % MINE),
        ("by a prefix", "/containers/%s/start" % MINE[:12]),
        ("an empty query", START + "?")]


@table(GOOD)
def test_one_target_is_sent(target):
    """However it was spelt: in the Engine's version, with the whole id."""
    w = world()
    reply = w.ask("POST", target)
    assert reply.status in (204, 304, 400), reply
    if reply.status == 400:  # this version is too old for the floor
        assert_untouched(w)
    else:
        assert [(r.method, r.target) for r in w.engine.asked()] == [("POST", SENT)]


BAD = [
    # forms of RFC 9112, section 3.2
    ("absolute", "http://docker/containers/mine/start"),
    ("absolute, of a socket", "unix:///containers/mine/start"),
    ("absolute without a host", "http:/containers/mine/start"),
    ("an authority", "docker:80"), ("an asterisk", "*"), ("no slash", "containers/mine/start"),
    ("two slashes in front", "//containers/mine/start"),
    ("a host in front", "//docker/containers/mine/start"),
    ("a backslash in front", "\\containers/mine/start"),
    # paths that some reader would clean
    ("two slashes", "/containers//mine/start"), ("a slash at the end", START + "/"),
    ("a dot", "/containers/./mine/start"), ("dots", "/containers/x/../mine/start"),
    ("dots that climb out", "/../containers/mine/start"), ("dots at the end", START + "/.."),
    ("dots after the version", "/v1.41/../containers/mine/start"),
    ("escaped dots", "/containers/x/%2e%2e/mine/start"),
    ("half escaped dots", "/containers/x/.%2E/mine/start"),
    ("escaped twice", "/containers/x/%252e%252e/mine/start"),
    ("a backslash", "/containers\\mine\\start"), ("escaped slashes", "/containers%2Fmine%2Fstart"),
    ("an escaped letter", "/containers/%6dine/start"), ("an escaped verb", "/containers/mine/%73tart"),
    ("an escaped NUL", "/containers/mine%00/start"), ("an escaped LF", "/containers/mine%0A/start"),
    ("an escaped CR LF and a header", "/containers/mine%0D%0AX:y/start"),
    ("an escaped blank", "/containers/mine%20/start"), ("an escape cut short", START + "%2"),
    ("an escape of no hex", START + "%zz"), ("overlong UTF-8", "/containers/mine%c0%af/start"),
    ("an escape of four digits", "/containers/%u006dine/start"),
    ("a parameter of the path", "/containers/mine/start;x=1"), ("a hash", START + "#x"),
    ("an escaped mark", START + "%3Fx"), ("a plus", "/containers/mine+/start"),
    ("a quote", '/containers/"mine"/start'), ("braces", "/containers/{mine}/start"),
    ("a caret", "/containers/^mine/start"), ("a bar", "/containers/mine|/start"),
    ("a comma", "/containers/mine,theirs/start"), ("a star", "/containers/*/start"),
    # versions
    ("no number", "/v/containers/mine/start"), ("a major alone", "/v1/containers/mine/start"),
    ("three numbers", "/v1.41.0/containers/mine/start"), ("a letter", "/v1.41a/containers/mine/start"),
    ("a zero in front", "/v1.041/containers/mine/start"), ("another major", "/v2.0/containers/mine/start"),
    ("a capital", "/V1.41/containers/mine/start"), ("an empty minor", "/v1./containers/mine/start"),
    ("twice", "/v1.41/v1.41/containers/mine/start"), ("a huge minor", "/v1.99999999999/containers/mine/start"),
    ("a sign", "/v1.+41/containers/mine/start"), ("a comma", "/v1,41/containers/mine/start"),
    # names of operations
    ("capitals", "/Containers/mine/start"), ("a capital verb", "/containers/mine/START"),
    ("more behind it", "/containers/mine/start/x"), ("nothing behind it", "/containers/mine"),
    ("no name", "/containers//start"), ("a kind that is none", "/container/mine/start"),
    ("the root", "/"), ("a dot in front of the name", "/containers/.mine/start"),
    ("a dash in front of the name", "/containers/-mine/start"),
    # queries
    ("a parameter of another", START + "?force=1"), ("an escaped one", START + "?%66orce=1"),
    ("a bare escape", START + "?%"), ("an escaped mark", START + "?a%3Db"),
    ("a semicolon", START + "?detachKeys=a;b=c"), ("a hash", START + "?detachKeys=a#b"),
    ("a second mark", START + "?detachKeys=a?b"), ("an ampersand alone", START + "?&"),
    ("the same twice", START + "?detachKeys=a&detachKeys=b"), ("a blank", START + "?detachKeys=a+b"),
    ("an escaped LF", START + "?detachKeys=%0a"), ("no name", START + "?=1"),
]


@table([(t, target) for t, target in BAD])
def test_no_other_target_is(target):
    w = world()
    for name in (None, "theirs", THEIRS):  # neither ours nor theirs
        spelt = target if name is None else target.replace("mine", name)
        with w.connect() as client:
            client.send(head("POST", spelt) + head("GET", "/_ping"))
            reply = client.response()
            assert_refused(reply, 400, 403, 404, 405)
            assert client.closed() if reply.closes else client.response().body == b"OK", \
                "out of step"
        assert_untouched(w)


@table([("GET start", "GET", START), ("PUT start", "PUT", START), ("DELETE start", "DELETE", START),
        ("HEAD start", "HEAD", START), ("POST logs", "POST", "/containers/mine/logs?stdout=1"),
        ("POST of the list", "POST", "/containers/json"), ("GET create", "GET", "/containers/create"),
        ("DELETE of the list", "DELETE", "/containers/json"), ("POST a ping", "POST", "/_ping"),
        ("PUT a ping", "PUT", "/_ping")])
@family("methods and versions")
def test_another_method(method, target):
    w = world()
    with w.connect() as client:
        client.send(head(method, target) + head("GET", "/_ping"))
        reply = client.response(method == "HEAD")
        assert reply.status in (400, 403, 404, 405), reply
        assert client.response().body == b"OK", "out of step"
    assert_untouched(w)


@family("methods and versions")
@table([(m, m) for m in ("PATCH", "OPTIONS", "TRACE", "CONNECT", "PRI", "TRACK", "PROPFIND", "MKCOL",
                         "post", "Post", "POSTS", "POS", "P", "DEBUG", "LINK", "QUERY", "!#$%&'*+",
                         "M-SEARCH")])
def test_word_that_is_no_method_of_an_engine(method):
    """Refused, or no HTTP to http-parser; a body that it may have had is never a request."""
    w = world()
    for target in (START, "/_ping"):
        data = head(method, target, "Content-Length: 10") + b"0123456789" + head("POST", START)
        with w.connect() as client:
            client.send(data)
            reply = client.response()
            assert reply.status in (400, 403, 404, 405, 501), reply
            assert client.closed() if reply.closes else \
                client.response().status in (204, 304), "out of step"
        started = [r for r in w.engine.asked() if r.method != "POST" or r.body]
        assert not started and len(w.engine.asked()) <= 1, w.engine.asked()
        w.engine.forget()


@family("methods and versions")
@table([("33 letters", b"A" * 33), ("64 KiB", b"A" * 65536), ("a control byte", b"PO\x01ST"),
        ("a colon", b"PO:ST"), ("a slash", b"PO/ST"), ("nothing", b""), ("a quote", b'"POST"')])
def test_word_that_is_none_at_all(word):
    assert_refused_and_closed(world(), word + b" " + START.encode() +
                              b" HTTP/1.1\r\nHost: d\r\n\r\n", 400, 431)


@family("methods and versions")
@table([(name, "X-" + name + ": DELETE") for name in ("HTTP-Method-Override", "Method-Override",
                                                      "HTTP-Method")])
def test_method_of_a_header(line):
    w = world()
    with w.connect() as client:
        client.send(head("POST", START, line))
        assert client.response().status in (204, 304)
    assert [r.method for r in w.engine.asked()] == ["POST"]


def test_proxy_is_well_after_all_that():
    assert_served(world())
