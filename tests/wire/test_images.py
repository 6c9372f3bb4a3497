# SPDX-License-Identifier: Apache-2.0
"""Operations on images: what the Engine receives, byte by byte, and what it must not.

The cases say what is judged how; here is what only the wire shows: heads, credentials, streams, and
the ways in which one request could be read as another.
"""
import base64
import json

from client import head
from proxy import World, until
from shared import assert_refused, assert_untouched

FAMILY = "images and registries"

POLICY = """[allow]
ContainerCreate = yes
ImageCreate = yes
ImageInspect = yes
ImagePush = yes
ImageLoad = yes
ImageBuild = yes
ImageTag = yes
ImageDelete = yes
ImageCommit = own
DistributionInspect = yes
SystemAuth = yes
[create]
Image = one-of python:3.11-slim
[image]
Pull = one-of python:* registry.example:5000/acme/*:*
Push = one-of registry.example:5000/acme/*:*
Show = one-of python:*
Tag = one-of acme/*:*
"""
CREDENTIALS = POLICY + "Credentials = allow\n"
PULL = "/v1.41/images/create?fromImage=python&tag=3"
SENT = "/v1.41/images/create?fromImage=docker.io/library/python&tag=3"
PUSH = "/v1.41/images/registry.example:5000/acme/a/push?tag=1"
SECRET = {"username": "me", "password": "hunter2", "serveraddress": "registry.example:5000"}


def encode(value, pad=True):
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    coded = base64.urlsafe_b64encode(text).decode()
    return coded if pad else coded.rstrip("=")


def progress(exchange):
    """An answer in pieces, as a pull's."""
    exchange.head(200, "Content-Type: application/json", "Transfer-Encoding: chunked")
    exchange.chunk(b'{"status":"Pulling"}\r\n')
    exchange.chunk(b'{"status":"Done"}\r\n')
    exchange.last_chunk()


class Images(World):
    def __init__(self, policy=POLICY):
        super().__init__(policy)
        self.engine.on("POST", r"/images/create$", progress)
        self.engine.on("POST", r"/push$", progress)
        self.engine.on("GET", r"/(images|distribution)/", lambda x: x.json(200, {}))

    def sent(self, method, target, *headers):
        """Forwards a request; what the Engine got of it."""
        self.engine.forget()
        reply = self.ask(method, target, None, *headers)
        assert reply.status == 200, reply
        asked = self.engine.wait_asked(1)
        assert len(asked) == 1, asked
        return asked[0]

    def refused(self, method, target, *headers):
        self.engine.forget()
        reply = self.ask(method, target, None, *headers)
        message = assert_refused(reply, 400, 403, 404)
        assert_untouched(self)
        return message


def test_a_pull_is_written_anew_and_streams():
    """The request is ours to the last byte; the progress comes piece by piece."""
    with Images() as w:
        gate = []

        def slow(exchange):
            exchange.head(200, "Content-Type: application/json", "Transfer-Encoding: chunked")
            exchange.chunk(b'{"status":"Pulling"}\r\n')
            until("the client's word", lambda: gate)
            exchange.chunk(b'{"status":"Done"}\r\n')
            exchange.last_chunk()
        w.engine.on("POST", r"/images/create$", slow)
        with w.connect() as client:
            client.send(head("POST", PULL, "X-Meta-Evil: yes", "X-Registry-Auth: e30=",
                             "Content-Length: 0"))
            reader = client.reader
            reader.head()
            while b"Pulling" not in reader.buffer:
                reader._more()  # pylint: disable=protected-access
            gate.append(True)
            while b"Done" not in reader.buffer:
                reader._more()  # pylint: disable=protected-access
        asked = w.engine.asked()
        assert len(asked) == 1
        assert asked[0].raw == ("POST %s HTTP/1.1\r\nHost: docker\r\nUser-Agent: caisson\r\n"
                                "Content-Length: 0\r\n\r\n" % SENT).encode(), asked[0].raw


def test_credentials_are_dropped_unless_allowed():
    with Images() as w:
        for target in (PULL, "/v1.41/distribution/python:3/json"):
            asked = w.sent("POST" if target is PULL else "GET", target,
                           "X-Registry-Auth: " + encode(SECRET))
            assert not asked.header("X-Registry-Auth"), asked.headers
        # An Engine reads them from the body of a push that has none: it is told that there are none.
        assert w.sent("POST", PUSH, "X-Registry-Auth: " + encode(SECRET)).header(
            "X-Registry-Auth") == ["e30="]
        assert w.sent("POST", PUSH).header("X-Registry-Auth") == ["e30="]


def test_credentials_are_written_anew():
    """What is sent is what we understood, encoded by us, and nobody writes it down."""
    with Images(CREDENTIALS) as w:
        for pad in (True, False):
            for target in (PULL, PUSH):
                wild = dict(reversed(list(SECRET.items())), email="", identitytoken=None)
                asked = w.sent("POST", target, "X-Registry-Auth: " + encode(wild, pad))
                coded = asked.header("X-Registry-Auth")
                assert len(coded) == 1
                said = json.loads(base64.urlsafe_b64decode(coded[0]))
                assert said == SECRET, said
                assert coded[0] == encode(base64.urlsafe_b64decode(coded[0])), coded
        asked = w.sent("GET", "/v1.41/images/python:3/json", "X-Registry-Auth: " + encode(SECRET))
        assert not asked.header("X-Registry-Auth"), "no registry is asked by an inspect"
        assert w.sent("POST", PUSH).header("X-Registry-Auth") == ["e30="]
        assert not w.sent("POST", PULL).header("X-Registry-Auth")
        assert "hunter2" not in w.proxy.log() and encode(SECRET)[:40] not in w.proxy.log()


def test_bad_credentials_are_refused():
    with Images(CREDENTIALS) as w:
        for text in ("!", "e30", "e3", "e", "e30==", "e30=e30=", "====", "e31=", "{}", "eyJhIjoxfQ",
                     encode([]), encode("x"), encode(b"null"), encode(b"{} {}"), encode(b'{"a":'),
                     encode({"username": 1}), encode({"Username": "a", "username": "b"}),
                     encode({"username": "a\nX-Evil: 1"}), encode({"insecure": "yes"}),
                     encode({"auth": "bWU6eA=="}), encode({"password": "x" * 9000}),
                     "e30 e30", "e30,", "+/+/"):
            if text == "e30":  # the same without what stands at the end
                assert w.sent("POST", PULL, "X-Registry-Auth: e30").header(
                    "X-Registry-Auth") == ["e30="]
                continue
            message = w.refused("POST", PULL, "X-Registry-Auth: " + text)
            assert "X-Registry-Auth" in message, (text, message)
            assert text not in message or len(text) < 9, message
        w.refused("POST", PULL, "X-Registry-Auth: e30=", "X-Registry-Auth: e30=")


ATTACKS = (
    # the body of a pull: a form would take the query's place, a tar would be imported
    ("POST", PULL, b"fromImage=&fromSrc=-", "Content-Type: application/x-www-form-urlencoded"),
    ("POST", PULL, b"fromImage=&fromSrc=-", "Content-Type: Application/X-WWW-Form-Urlencoded; a=b"),
    ("POST", PULL, b"tar", "Content-Type: application/x-tar"),
    ("POST", PULL, b"tar"),
    # the same on a name that is given, and on what is sent to a registry
    ("POST", "/v1.41/images/python:3/tag?repo=acme/a&tag=1", b"repo=python&tag=3.11-slim",
     "Content-Type: application/x-www-form-urlencoded"),
    ("POST", PUSH, b"tag=2", "Content-Type: application/x-www-form-urlencoded"),
    ("POST", PUSH, b'{"username":"x"}', "Content-Type: application/json"),
    ("POST", "/v1.41/build?t=acme/a", b"t=python:3.11-slim&remote=http://evil.example/",
     "Content-Type: application/x-www-form-urlencoded"),
    # a name within a name, a second one, an escaped one
    ("POST", "/v1.41/images/python:3/tag/tag?repo=acme/a", None),
    ("POST", "/v1.41/images/create?fromImage=python%26fromImage=evil&tag=3", None),
    ("POST", "/v1.41/images/create?fromImage=python%00evil&tag=3", None),
    ("POST", "/v1.41/images/create?fromImage=python&tag=3%23@evil", None),
    ("POST", "/v1.41/images/create?fromImage=python&tag=3;fromSrc=-", None),
    ("POST", "/v1.41/images/create/?fromImage=python&tag=3", None),
    ("POST", "/v1.41/images/create?fromSrc=http://169.254.169.254/&repo=python&tag=3", None),
    ("GET", "/v1.41/images/python%2F..%2Fsecret/json", None),
    ("GET", "/v1.41/images/secret/json?x=/python", None),
    ("DELETE", "/v1.41/images/python:3/json", None),
    # the image of an id, or of the beginning of one
    ("GET", "/v1.41/images/%s/json" % ("a" * 64), None),
    ("GET", "/v1.41/images/sha256:%s/json" % ("a" * 12), None),
    ("POST", "/v1.41/images/aaaaaaaaaaaa/tag?repo=acme/a", None),
    # a raw channel to the builder, and the old way to it
    ("POST", "/v1.41/build?version=2&session=x&buildid=y", b"tar", "Content-Type: application/x-tar"),
    ("POST", "/v1.41/build?remote=client-session&session=x", b"", "Content-Type: application/x-tar"),
    ("POST", "/v1.41/images/load", b"tar", "Content-Type: application/x-tar"),
)


def test_attacks_leave_the_engine_untouched():
    with Images() as w:
        for method, target, body, *headers in ATTACKS:
            w.engine.forget()
            headers = list(headers)
            if body is not None:
                headers.append("Content-Length: %d" % len(body))
            with w.connect() as client:
                client.send(head(method, target, *headers) + (body or b""))
                reply = client.response()
            try:
                assert_refused(reply, 400, 403, 404)
                assert_untouched(w)
            except AssertionError as error:
                raise AssertionError("%s %s %r: %s" % (method, target, body, error)) from None


def test_a_refused_pull_never_reads_as_no_such_image():
    """A client that is told 404 pulls; one that is told 403 says why."""
    with Images() as w:
        reply = w.ask("POST", "/v1.41/images/create?fromImage=alpine&tag=3")
        assert reply.status == 403
        assert json.loads(reply.body)["message"] == (
            "caisson: Pull: 'alpine:3' is not one of 'python:*' 'registry.example:5000/acme/*:*' "
            "(test.ini:16); add it to 'Pull = one-of ...' under [image]")


def test_without_a_rule_nothing_is_pulled():
    with World("[allow]\nImageCreate = yes\n") as w:
        message = assert_refused(w.ask("POST", PULL), 403)
        assert message == ("caisson: Pull: test.ini allows none; write 'Pull = one-of NAME...' "
                           "under [image]"), message
        assert_untouched(w)


def test_the_audit_log_says_which_image():
    with Images() as w:
        w.sent("POST", PULL)
        w.refused("POST", "/v1.41/images/python:3/tag?repo=busybox")
        lines = w.audit(2)
        assert [a["operation"] for a in lines] == ["ImageCreate", "ImageTag"], lines
        assert lines[0]["image"] == "python:3" and lines[0]["decision"] == "forward"
        assert lines[1]["field"] == "Tag" and lines[1]["decision"] == "deny"


def test_who_uses_an_image_is_not_told():
    """An Engine says so by the beginning of a container's id, whosever it is."""
    with Images(POLICY.replace(
            "[image]\n", "[image]\nDelete = one-of python:*\n")) as w:
        for words in ("must force) - container %s is using its referenced image 0123456789ab",
                      "cannot be forced) - image is being used by running container %s"):
            w.engine.on("DELETE", "/images/", lambda e, words=words: e.error(
                409, "conflict: unable to delete python:3 (" + words % "fedcba987654"))
            reply = w.ask("DELETE", "/v1.41/images/python:3")
            assert "conflict" in assert_refused(reply, 409)
            assert "fedcba" not in reply.body.decode(), reply


def test_a_build_is_handed_on():
    """The tar as it came, under a head of ours: no client header is among it."""
    tar = bytes(range(256)) * 400
    with Images() as w:
        w.engine.on("POST", r"/build$", progress)
        w.engine.forget()
        with w.connect() as client:
            client.send(head("POST", "/v1.41/build?t=acme/a&rm=1", "X-Registry-Config: e30=",
                             "Content-Type: application/x-tar", "Transfer-Encoding: chunked"))
            for at in range(0, len(tar), 5000):
                piece = tar[at:at + 5000]
                client.send(b"%x\r\n%s\r\n" % (len(piece), piece))
            client.send(b"0\r\n\r\n")
            assert client.response().status == 200
        asked = w.engine.asked()
        assert len(asked) == 1 and asked[0].target == (
            "/v1.41/build?t=docker.io/acme/a:latest&rm=1&labels=%7B%22io.caisson.owner%22:%22%22%7D"
            "&networkmode=default&version=1")
        assert asked[0].body == tar
        assert not asked[0].header("X-Registry-Config"), asked[0].headers
        assert asked[0].header("Content-Type") == ["application/x-tar"]


def test_a_commit_of_somebody_elses_is_a_commit_of_nothing():
    def prepare(engine):
        engine.add("d" * 64, "theirs")
    w = Images()
    w.prepare = prepare
    with w:
        answers = set()
        for name in ("theirs", "nobody"):
            reply = w.ask("POST", "/v1.41/commit?repo=acme/a&container=" + name)
            assert reply.status == 404, reply
            answers.add(reply.body.replace(name.encode(), b"X"))
        assert len(answers) == 1, answers
        assert_untouched(w)


CHANNELS = """[allow]
Session = yes
Grpc = yes
"""
PREFIX = "X-Docker-Expose-Session-"


def echo(exchange):
    """101, then every byte back."""
    protocol = exchange.request.header("Upgrade")
    exchange.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n"
                  % protocol[0])
    exchange.echo()


def channel(w, target, *headers):
    """The head of the Engine's request, once bytes have gone both ways, and the client's answer."""
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    w.engine.forget()
    with w.connect() as client:
        client.send(head("POST", target, "Connection: Upgrade", *headers) + preface)
        while b"\r\n\r\n" not in client.reader.buffer or not client.reader.buffer.endswith(preface):
            client.reader._more()  # pylint: disable=protected-access
        answer = client.reader.buffer
    asked = w.engine.asked()
    assert len(asked) == 1, asked
    return asked[0], answer


def test_channels_to_the_builder():
    """h2c both ways, whatever the client calls it; its head is ours."""
    with World(CHANNELS) as w:
        w.engine.on("POST", r"/(session|grpc)$", echo)
        for target in ("/session", "/v1.41/grpc"):
            asked, answer = channel(w, target, "Upgrade: h2c", "X-Evil: yes", "HTTP2-Settings: AA")
            assert asked.header("Upgrade") == ["h2c"], asked.headers
            assert {n.lower() for n, _ in asked.headers} == {
                "host", "user-agent", "connection", "upgrade", "content-length"}, asked.headers
            assert answer.startswith(b"HTTP/1.1 101 ") and b"\r\nUpgrade: h2c\r\n" in answer, answer


def test_a_session_says_who_it_is():
    lines = ["Uuid: abc123", "Name: some dir", "Sharedkey: 0a1b", "Grpc-Method: /a.b.C/D",
             "Grpc-Method: /a.b.C/E"]
    with World(CHANNELS) as w:
        w.engine.on("POST", r"/(session|grpc)$", echo)
        asked, _ = channel(w, "/session", "Upgrade: h2c", *[PREFIX.lower() + l for l in lines])
        for name in ("Uuid", "Name", "Sharedkey", "Grpc-Method"):
            said = [l.partition(": ")[2] for l in lines if l.startswith(name)]
            assert asked.header(PREFIX + name) == said, asked.headers
            assert ("\r\n%s%s: %s\r\n" % (PREFIX, name, said[0])).encode() in asked.raw
        asked, _ = channel(w, "/grpc", "Upgrade: h2c", *[PREFIX + l for l in lines])
        assert b"Expose" not in asked.raw, "that is no session"
        w.engine.forget()
        for bad in (["Uuid: a", "Uuid: b"], ["Uuid: a\tb"], ["Uuid:"], ["Uuid: " + "a" * 65],
                    ["Evil: a"], [": a"], ["Grpc-Method: a b"], ["Name: a;b"],
                    ["Grpc-Method: /%s" % ("a" * 200)] * 45, ["Name: " + "a" * 256]):
            reply = w.ask("POST", "/session", None, "Upgrade: h2c", "Connection: Upgrade",
                          *[PREFIX + l for l in bad])
            assert_refused(reply, 400)
        assert_untouched(w)


def test_channels_are_refused_by_default():
    with Images() as w:
        for target in ("/session", "/grpc"):
            message = w.refused("POST", "/v1.41" + target, "Upgrade: h2c", "Connection: Upgrade")
            assert "yes' under [allow]" in message, message
