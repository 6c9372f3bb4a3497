# SPDX-License-Identifier: Apache-2.0
"""Operations on images, on a real Engine: what it has afterwards is what counts.

Images come from a registry that the tests serve themselves, on 127.0.0.1.
"""
import base64
import io
import json
import os
import subprocess
import tarfile

import real
from cli import clients, docker, good
from client import PATIENCE_S, Client, head
from proxy import IMAGE
from real import RealWorld
from registry import Registry, add, busybox_layer
from report import table

TRUSTED = IMAGE
LABEL = "io.caisson.owner"


class ImageWorld(RealWorld):
    """The proxy with lists of images; what the test made is gone afterwards."""

    def __init__(self, allow, image, **changes):
        super().__init__(allow=allow, image=image, **changes)
        self.before = self.images()

    def images(self):
        """{name: id} of all that has a name, and the ids of what has none."""
        names = {}
        for image in real.ENGINE.get("/images/json?all=1"):
            named = [n for n in (image["RepoTags"] or []) + (image["RepoDigests"] or [])
                     if not n.startswith("<none>")]
            for name in named or [image["Id"]]:
                names[name] = image["Id"]
        return names

    def sweep(self):
        super().sweep()
        for name in set(self.images()) - set(self.before):
            self.engine.ask("DELETE", "/images/%s?force=1" % name)
        assert self.images() == self.before, "an image is left over or lost"

    def new(self):
        return sorted(n for n in set(self.images()) - set(self.before)
                      if "@" not in n and not n.startswith("sha256:"))

    def unchanged(self):
        assert self.images() == self.before, "the engine has %r now" % self.new()


def lines(**pairs):
    return "".join("%s = %s\n" % pair for pair in pairs.items())


ALL = lines(ImageCreate="yes", ImageInspect="yes", ImageHistory="yes", ImageList="yes",
            ImageTag="yes", ImagePush="yes", ImageDelete="yes", ImageGet="yes",
            ImageGetAll="yes", ImageLoad="yes", ImageBuild="yes", ImageCommit="own",
            ContainerInspect="own", ContainerList="own")


def rules(registry, **more):
    name = registry.host + "/acme/*:*"
    pairs = {"Pull": name, "Show": name, "Tag": name, "Push": name, "Delete": name, "Save": name}
    pairs = {key: "one-of " + value for key, value in pairs.items()}
    pairs.update(more)
    return lines(**pairs)


@table(clients())
def test_pull_look_and_remove(path):
    with Registry() as r, ImageWorld(ALL, rules(r)) as w:
        r.add("acme/tool", "1", "2", "latest", Env=["A=b"])
        r.add("evil/tool", "1")
        name = r.host + "/acme/tool"
        good(w, path, "pull", name + ":1")
        assert w.new() == [name + ":1"], w.new()
        shown = json.loads(good(w, path, "image", "inspect", name + ":1"))[0]
        assert shown["Id"] == w.images()[name + ":1"] and shown["Config"]["Env"] == ["A=b"]
        assert "test" in good(w, path, "history", name + ":1")
        assert name in good(w, path, "images")
        for arguments in (("pull", r.host + "/evil/tool:1"), ("rmi", TRUSTED),
                          ("image", "inspect", TRUSTED), ("history", TRUSTED),
                          ("save", "-o", "/dev/null", TRUSTED)):
            done = docker(w, path, *arguments)
            assert done.returncode != 0, arguments
        assert "add it to 'Pull = one-of ...' under [image]" in \
            docker(w, path, "pull", r.host + "/evil/tool:1").stderr
        assert not [a for a in r.asked if "evil" in a[1]], r.asked
        good(w, path, "rmi", name + ":1")
        assert TRUSTED in w.images()


def test_a_pull_without_a_tag_is_one_pull():
    """An old Engine takes nothing for all tags."""
    with Registry() as r, ImageWorld(ALL, rules(r, Pull="one-of %s/acme/*" % r.host)) as w:
        r.add("acme/tool", "1", "2", "latest")
        name = r.host + "/acme/tool"
        reply = w.ask("POST", "/v1.41/images/create?fromImage=" + name)
        assert reply.status == 200 and b"errorDetail" not in reply.body, reply
        assert w.new() == [name + ":latest"], w.new()
        digest = r.add("acme/pinned", "1")
        reply = w.ask("POST", "/v1.41/images/create?fromImage=%s/acme/pinned&tag=%s"
                      % (r.host, digest))
        assert reply.status == 403, reply  # a list of tags is no list of digests
        assert w.new() == [name + ":latest"], w.new()


def test_a_pull_by_digest():
    with Registry() as r:
        digest = r.add("acme/tool", "1")
        with ImageWorld(ALL, rules(r, Pull="one-of %s/acme/tool@%s" % (r.host, digest))) as w:
            name = r.host + "/acme/tool"
            assert w.ask("POST", "/images/create?fromImage=%s&tag=1" % name).status == 403
            reply = w.ask("POST", "/images/create?fromImage=%s&tag=%s" % (name, digest))
            assert reply.status == 200 and b"errorDetail" not in reply.body, reply
            assert name + "@" + digest in w.images()


ROOT_TAR = busybox_layer(evil="imported")
FORM = "Content-Type: application/x-www-form-urlencoded"
TAR = "Content-Type: application/x-tar"


def disguises(name, source):
    """The import form of a pull, as a client could hide it."""
    pull = "fromImage=%s&tag=1" % name
    yield "fromSrc=-&repo=evil", ROOT_TAR, [TAR]
    yield "fromSrc=-&repo=" + TRUSTED.replace(":", "&tag="), ROOT_TAR, [TAR]
    yield "fromImage=&fromSrc=-&repo=evil&tag=1", ROOT_TAR, [TAR]
    yield "fromSrc=%s&repo=evil" % source, b"", []
    yield pull + "&fromSrc=-&repo=evil", ROOT_TAR, [TAR]
    yield "fromImage=&" + pull + "&fromSrc=-&repo=evil", ROOT_TAR, [TAR]
    yield "%66romImage=&" + pull + "&%66romSrc=-&repo=evil", ROOT_TAR, [TAR]
    yield pull + ";fromSrc=-", ROOT_TAR, [TAR]
    yield pull, b"fromImage=&fromSrc=%s&repo=evil&tag=1" % source.encode(), [FORM]
    yield pull, b"fromImage=&fromSrc=%s&repo=evil&tag=1" % source.encode(), \
        ["content-type: Application/X-WWW-Form-URLencoded; charset=x"]
    yield pull, ROOT_TAR, [TAR]
    yield pull, ROOT_TAR, []
    yield "fromSrc=-&repo=evil&changes=USER%20root", ROOT_TAR, ["Content-Type: text/plain"]


def test_nothing_is_ever_imported():
    """Judged by what the engine has: with the raw socket the same requests do import."""
    with Registry() as r, ImageWorld(ALL, rules(r)) as w:
        r.add("acme/tool", "1")
        r.blobs["sha256:evil"] = ROOT_TAR
        name, source = r.host + "/acme/tool", "http://%s/v2/x/blobs/sha256:evil" % r.host
        for query, body, headers in disguises(name, source):
            with w.connect() as client:
                client.send(head("POST", "/v1.41/images/create?" + query, *headers,
                                 "Content-Length: %d" % len(body)) + body)
                reply = client.response()
            assert reply.status in (400, 403), (query, body[:60], reply)
            w.unchanged()
        assert not [a for a in r.asked if "evil" in a[1]], r.asked
        with Client(w.engine.path) as client:  # the control: an engine alone does as asked
            query, body, headers = list(disguises(name, source))[0]
            client.send(head("POST", "/v1.41/images/create?" + query, *headers,
                             "Content-Length: %d" % len(body)) + body)
            assert client.response().status == 200
        assert w.new() == ["evil:latest"], w.new()


@table(clients())
def test_no_name_that_others_trust_is_given(path):
    """By tag, commit, build or load, the list of names is what there is."""
    with Registry() as r, ImageWorld(ALL, rules(r)) as w:
        r.add("acme/tool", "1")
        name = r.host + "/acme/tool"
        good(w, path, "pull", name + ":1")
        good(w, path, "tag", name + ":1", name + ":2")
        assert w.new() == [name + ":1", name + ":2"], w.new()
        container = w.create("committed")
        mine, theirs = "committed", w.engine.make("theirs", "sleep", "600")
        good(w, path, "commit", "-m", "a message", mine, name + ":3")
        assert w.new() == [name + ":%d" % i for i in (1, 2, 3)], w.new()
        made = w.engine.get("/images/%s/json" % (name + ":3"))
        assert made["Comment"] == "a message" and made.get("Container", container) == container, made
        now = w.images()
        for arguments in (("tag", name + ":1", TRUSTED), ("tag", name + ":1", "library/" + TRUSTED),
                          ("tag", name + ":1", "docker.io/" + TRUSTED),
                          ("tag", TRUSTED, name + ":4"),
                          ("tag", now[TRUSTED], name + ":4"), ("tag", now[TRUSTED][7:19], name),
                          ("commit", mine, TRUSTED), ("commit", theirs, name + ":4"),
                          ("commit", "--change", "USER root", mine, name + ":4")):
            done = docker(w, path, *arguments)
            assert done.returncode != 0, arguments
            assert w.images() == now, (arguments, w.new())
        w.engine.ask("DELETE", "/containers/theirs?force=1")


def context(**files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            add(tar, name, data if isinstance(data, bytes) else data.encode())
    return out.getvalue()


def build(w, query, data):
    with w.connect() as client:
        client.send(head("POST", "/v1.41/build?" + query, TAR, "Content-Length: %d" % len(data)))
        client.send(data)
        return client.response()


@table(clients())
def test_build(path):
    """The classic builder, with the command line and without."""
    with Registry() as r, ImageWorld(ALL, rules(r)) as w:
        name = r.host + "/acme/built"
        data = context(Dockerfile="FROM scratch\nADD layer.tar /\nRUN id -u > /who\nCMD [\"cat\", "
                       "\"/who\"]\n", **{"layer.tar": busybox_layer()})
        done = subprocess.run([path, "build", "--network", "none", "-t", name + ":1", "-"],
                              input=data, capture_output=True, check=False,
                              env={"PATH": "/usr/bin:/bin", "DOCKER_HOST": w.host,
                                   "HOME": w.directory, "DOCKER_BUILDKIT": "0"})
        assert done.returncode == 0, (done.stdout, done.stderr)
        assert name + ":1" in w.new(), w.new()
        now = w.images()
        for query in ("t=" + TRUSTED, "t=%s:2&networkmode=host" % name,
                      "t=%s:2&t=%s" % (name, TRUSTED), "t=%s:2&version=2" % name,
                      "t=%s:2&remote=http://%s/x" % (name, r.host),
                      "t=%s:2&cachefrom=%%5B%%22%s%%22%%5D" % (name, TRUSTED),
                      "t=%s:2&cgroupparent=/" % name,
                      "t=%s:2&labels=%%7B%%22io.caisson.owner%%22:%%22x%%22%%7D" % name):
            reply = build(w, query, data)
            assert reply.status in (400, 403), (query, reply)
            assert w.images() == now, query


def test_no_image_hands_on_who_owns_it():
    """What somebody else makes of a committed or a built image is not the client's."""
    with Registry() as r, ImageWorld(ALL + "ContainerPrune = own\n", rules(r)) as w:
        names = [r.host + "/acme/" + name for name in ("committed:1", "built:1")]
        w.create("source", "true")
        reply = w.ask("POST", "/commit?container=source&repo=" + names[0])
        assert reply.status == 201, reply
        reply = build(w, "t=" + names[1], context(Dockerfile=(
            "FROM %s\nLABEL %s=%s a=b\n" % (IMAGE, LABEL, real.OWNER))))
        assert reply.status == 200 and b"errorDetail" not in reply.body, reply
        for name in names:
            reply = w.engine.ask("POST", "/containers/create?name=victim", {
                "Image": name, "Cmd": ["true"], "HostConfig": {"NetworkMode": "none"}})
            ident = json.loads(reply.body)["Id"]
            try:
                assert w.engine.inspect(ident)["Config"]["Labels"][LABEL] == "", name
                w.proxy.kill()
                w.proxy.start()
                assert w.ask("GET", "/containers/victim/json").status == 404, name
                assert w.ask("POST", "/containers/prune").status == 200
                assert w.engine.there(ident), name
            finally:
                w.engine.ask("DELETE", "/containers/%s?force=1" % ident)
        config = real.ENGINE.get("/images/%s/json" % names[1])["Config"]
        assert config["Labels"]["a"] == "b", config


def test_who_uses_an_image_is_not_told():
    with Registry() as r, ImageWorld(ALL, rules(r)) as w:
        name = r.host + "/acme/used:1"
        ident = w.engine.make("caisson-e2e-foreign")
        try:
            w.engine.ask("POST", "/commit?container=%s&repo=%s&tag=1" % (ident, name[:-2]), {})
            used = json.loads(w.engine.ask("POST", "/containers/create?name=caisson-e2e-user", {
                "Image": name, "Cmd": ["sleep", "600"],
                "HostConfig": {"NetworkMode": "none"}}).body)["Id"]
            for start in (False, True):
                if start:
                    w.engine.ask("POST", "/containers/%s/start" % used)
                reply = w.ask("DELETE", "/images/" + name)
                assert reply.status == 409 and b"conflict" in reply.body, reply
                assert used[:12].encode() not in reply.body, reply
        finally:
            for ref in ("caisson-e2e-foreign", "caisson-e2e-user"):
                w.engine.ask("DELETE", "/containers/%s?force=1" % ref)


def test_a_build_reads_any_image():
    """Why check calls it host data: what Show and Save do not list comes out of a build."""
    with Registry() as r, ImageWorld(ALL, rules(r)) as w:
        name = r.host + "/acme/built:1"
        assert w.ask("GET", "/images/%s/get" % TRUSTED).status == 403
        data = context(Dockerfile="FROM scratch\nCOPY --from=%s /etc/passwd /taken\n" % TRUSTED)
        reply = build(w, "t=" + name, data)
        assert reply.status == 200 and b"errorDetail" not in reply.body, reply
        reply = w.ask("GET", "/images/%s/get" % name)
        assert reply.status == 200 and b"root:x:0:0" in reply.body


BUILDKIT = lines(**{"ImageBuild.version": "one-of 1 2", "ImageBuild.session": "allow",
                    "ImageBuild.buildid": "allow",
                    "ImageBuild.remote": 'one-of "" client-session'})


def buildkit(path, w, patience_s, *words):
    """Builds with the CLI's own BuildKit; None, or how it failed.

    Refused before its session stands, this CLI waits for the session for good, whoever refused: so
    it does without a proxy, when the Engine finds a parameter wrong.  A failure that never ends.
    """
    with subprocess.Popen([path, "build", *words], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE,
                          env={"PATH": "/usr/bin:/bin", "DOCKER_HOST": w.host,
                               "HOME": w.directory, "DOCKER_BUILDKIT": "1"}) as client:
        try:
            said = client.communicate(timeout=patience_s)[1]
        except subprocess.TimeoutExpired:
            client.kill()  # it has a handler for other signals, which waits as well
            return b"it waits: " + client.communicate()[1]
        return None if client.returncode == 0 else said


@table([c for c in clients() if "version 20." in c[0]])  # newer ones need a plugin for it
def test_build_by_buildkit(path):
    """What a session lets in is what check calls host root; each line of it must be there."""
    allow = ALL + "Session = yes\n"
    with Registry() as r:
        for name, changes, good_end in (
                ("all", {"allow": allow, "query": BUILDKIT}, True),
                ("no session", {"allow": ALL, "query": BUILDKIT}, False),
                ("no rule", {"allow": allow}, False)):
            with ImageWorld(image=rules(r), **changes) as w:
                folder = os.path.join(w.directory, "context")
                os.mkdir(folder)
                with open(os.path.join(folder, "Dockerfile"), "w", encoding="ascii") as out:
                    out.write("FROM scratch\nCOPY file /file\n")
                with open(os.path.join(folder, "file"), "w", encoding="ascii") as out:
                    out.write("from the client")
                tag = r.host + "/acme/kit:1"
                said = buildkit(path, w, PATIENCE_S if good_end else 60, "-t", tag, folder)
                assert (said is None) == good_end, (name, said)
                assert (tag in w.images()) == good_end, (name, w.new())


@table(clients())
def test_load_and_save(path):
    """Nobody reads what names a tar gives: a load needs that all may be given."""
    with Registry() as r:
        r.add("acme/tool", "1")
        name = r.host + "/acme/tool:1"
        with ImageWorld(ALL, rules(r)) as w:
            good(w, path, "pull", name)
            saved = docker(w, path, "save", name, stdin=b"")
            assert saved.returncode == 0, saved.stderr
            good(w, path, "rmi", name)
            done = docker(w, path, "load", stdin=saved.stdout)
            assert done.returncode != 0 and b"it needs 'Tag = allow' under [image]" in done.stderr
            assert name not in w.images()
        with ImageWorld(ALL, rules(r, Tag="allow")) as w:
            done = docker(w, path, "load", stdin=saved.stdout)
            assert done.returncode == 0, done.stderr
            assert name in w.images()


@table(clients())
def test_push_with_credentials(path):
    """The registry wants a password; it reaches it only where the policy says so."""
    config = '{"auths":{"%s":{"auth":"%s"}}}'
    secret = base64.b64encode(b"me:hunter2").decode()
    with Registry(password="hunter2") as r:
        r.add("acme/tool", "1")
        name = r.host + "/acme/tool"
        for credentials in (False, True):
            more = {"Credentials": "allow"} if credentials else {}
            with ImageWorld(ALL, rules(r, **more)) as w:
                os.mkdir(os.path.join(w.directory, ".docker"))
                with open(os.path.join(w.directory, ".docker", "config.json"), "w",
                          encoding="ascii") as out:
                    out.write(config % (r.host, secret))
                done = docker(w, path, "pull", name + ":1")
                assert (done.returncode == 0) == credentials, done
                if not credentials:
                    continue
                good(w, path, "tag", name + ":1", name + ":new")
                good(w, path, "push", name + ":new")
                assert ("acme/tool", "new") in r.manifests
                done = docker(w, path, "push", TRUSTED)
                assert done.returncode != 0 and "Push" in done.stderr, done
                assert "hunter2" not in w.proxy.log() and secret not in w.proxy.log()


def attacks(name, trusted_id):
    """Requests of an attacker who may do all that ALL lists, on acme/* alone."""
    short, whole = trusted_id[7:19], trusted_id[7:]
    yield "DELETE", "/v1.41/images/" + short
    yield "DELETE", "/v1.41/images/%s?force=1" % whole
    yield "DELETE", "/v1.41/images/sha256:%s?force=1" % whole
    yield "DELETE", "/v1.41/images/%s@%s?force=1" % (name, trusted_id)  # the id of another
    yield "GET", "/v1.41/images/%s/get" % short
    yield "GET", "/v1.41/images/get?names=%s:1&names=%s" % (name, TRUSTED)
    yield "GET", "/v1.41/images/get?names=" + short
    yield "POST", "/v1.41/images/%s/push?tag=1" % TRUSTED.partition(":")[0]
    yield "POST", "/v1.41/images/%s:1/tag?repo=%s" % (name, short)
    yield "POST", "/v1.41/images/%s:1/tag?repo=%s&repo=%s" % (name, name, TRUSTED)
    yield "POST", "/v1.41/images/%s:1/tag?repo=%s&tag=3%%26repo=python" % (name, name)
    yield "POST", "/v1.41/images/create?fromImage=%s&tag=1&platform=linux/amd64%%26repo=x" % name
    yield "POST", "/v1.41/images/create?fromImage=%s@%s" % (name.replace("/acme", "/evil"), trusted_id)
    yield "POST", "/v1.41/images/prune?filters=%7B%22dangling%22:%5B%22false%22%5D%7D"
    yield "GET", "/v1.41/images/%s:1/../%s/json" % (name, TRUSTED)
    yield "GET", "/v1.41/images/%s%%2f..%%2f%s/json" % (name, TRUSTED)


def test_attacks_change_nothing():
    with Registry() as r, ImageWorld(ALL, rules(r)) as w:
        r.add("acme/tool", "1")
        name = r.host + "/acme/tool"
        assert w.ask("POST", "/images/create?fromImage=%s&tag=1" % name).status == 200
        now = w.images()
        for method, target in attacks(name, now[TRUSTED]):
            reply = w.ask(method, target)
            assert reply.status in (400, 403), (method, target, reply)
            assert w.images() == now, (method, target)
