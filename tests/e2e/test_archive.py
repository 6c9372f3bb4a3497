# SPDX-License-Identifier: Apache-2.0
"""Files into and out of containers on a real Engine: docker cp and docker export, both ways."""
import io
import json
import os
import tarfile

from cli import clients, docker, good
from client import head
from proxy import until
from real import RealWorld
from report import table

ALLOW = """ContainerInspect = own
ContainerArchive = own
ContainerArchiveInfo = own
PutContainerArchive = own
ContainerExport = own
"""
WRITABLE = "HostConfig.ReadonlyRootfs = allow\n"
STATES = ("created", "running", "stopped")


def world(**changes):
    return RealWorld(allow=ALLOW, create=WRITABLE, **changes)


def make(w, name, state):
    """A container that runs, has run, or never did."""
    ident = w.create(name, "sleep", "600")
    if state != "created":
        assert w.ask("POST", "/containers/%s/start" % ident).status == 204
    if state == "stopped":
        assert w.engine.ask("POST", "/containers/%s/kill" % ident).status == 204
        until("the end", lambda: not w.engine.running(ident))
    return ident


def members(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {m.name: tar.extractfile(m).read() if m.isfile() else None
                for m in tar.getmembers()}


def tar_of(**files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def in_engine(w, ident, path):
    """The files of a container, as the raw socket shows them."""
    reply = w.engine.ask("GET", "/containers/%s/archive?path=%s" % (ident, path))
    assert reply.status == 200, reply
    return members(reply.body)


@table([("%s, %s" % (version, state), path, state) for version, path in clients()
        for state in STATES])
def test_cp_both_ways(path, state):
    with world() as w:
        ident = make(w, "cp", state)
        source = os.path.join(w.directory, "source")
        os.makedirs(os.path.join(source, "sub"))
        big = os.urandom(5 << 20)
        for name, data in (("a b", b"first"), ("sub/big", big), ("sub/empty", b"")):
            with open(os.path.join(source, name), "wb") as out:
                out.write(data)
        good(w, path, "cp", source, "cp:/home")
        good(w, path, "cp", os.path.join(source, "a b"), "cp:/tmp/renamed")
        found = in_engine(w, ident, "/home/source")
        assert found["source/a b"] == b"first" and found["source/sub/big"] == big, found.keys()
        assert in_engine(w, ident, "/tmp/renamed") == {"renamed": b"first"}

        back = os.path.join(w.directory, "back")
        good(w, path, "cp", "cp:/home/source", back)
        for name, data in (("a b", b"first"), ("sub/big", big), ("sub/empty", b"")):
            with open(os.path.join(back, name), "rb") as text:
                assert text.read() == data, name
        done = docker(w, path, "cp", "cp:/etc/hostname", "-", stdin=b"")
        assert done.returncode == 0 and "hostname" in members(done.stdout), done


@table(clients())
def test_cp_from_a_pipe(path):
    with world() as w:
        ident = make(w, "cp", "created")
        done = docker(w, path, "cp", "-", "cp:/tmp", stdin=tar_of(one=b"1", two=b"22"))
        assert done.returncode == 0, done
        assert in_engine(w, ident, "/tmp/two") == {"two": b"22"}


@table(clients())
def test_what_is_not_there_and_what_is_not_ones_own(path):
    """The client is told the same of a container that is not its own as of one that is absent."""
    with world() as w:
        make(w, "cp", "created")
        w.engine.make("foreign")
        try:
            done = docker(w, path, "cp", "cp:/no/such/file", "-")
            assert done.returncode == 1 and "no/such/file" in done.stderr, done
            for arguments in (("%s:/etc/hostname", "-"), ("/etc/hostname", "%s:/tmp")):
                said = []
                for name in ("foreign", "nobodys"):
                    done = docker(w, path, "cp", *[a.replace("%s", name) for a in arguments])
                    assert done.returncode == 1, done
                    lines = (done.stdout + done.stderr).replace(name, "NAME").splitlines()
                    said.append([line for line in lines if "level=error" not in line])
                assert said[0] == said[1], said
            assert "hostname" not in in_engine(w, "foreign", "/tmp/.")
        finally:
            w.engine.ask("DELETE", "/containers/foreign?force=1")


@table(clients())
def test_cp_needs_its_lines(path):
    with RealWorld(allow="ContainerInspect = own\n") as w:
        make(w, "cp", "created")
        done = docker(w, path, "cp", "cp:/etc/hostname", "-")
        assert done.returncode == 1 and "ContainerArchiveInfo" in done.stdout + done.stderr or \
            "403" in done.stderr or done.stderr, done
        assert not [a for a in w.proxy.audit() if "Archive" in (a.get("operation") or "") and
                    a["decision"] == "forward"]


@table(clients())
def test_export(path):
    with world() as w:
        make(w, "out", "created")
        done = docker(w, path, "export", "out", stdin=b"")
        assert done.returncode == 0, done.stderr
        assert "etc/passwd" in members(done.stdout)


def test_the_stat_of_a_path():
    """The header that docker cp lives on is the Engine's own, to a GET as to a HEAD."""
    with world() as w:
        ident = make(w, "stat", "created")
        target = "/containers/%s/archive?path=/etc" % ident
        for method in ("GET", "HEAD"):
            stats = [a(method, target).one("X-Docker-Container-Path-Stat")
                     for a in (w.ask, w.engine.ask)]
            assert stats[0] == stats[1] and stats[0], stats
        assert w.ask("HEAD", "/containers/%s/archive?path=/none" % ident).status == 404


def test_a_broken_upload_is_no_whole_one():
    """Half a tar, then the client goes: the Engine has an error, and not the file behind it."""
    with world() as w:
        ident = make(w, "half", "created")
        tar = tar_of(first=b"x" * 100000, second=b"y" * 100000)
        with w.connect() as client:
            client.send(head("PUT", "/containers/%s/archive?path=/tmp" % ident,
                             "Content-Length: %d" % len(tar)) + tar[:150000])
            client.half_close()
            assert client.closed()
        assert "second" not in in_engine(w, ident, "/tmp/.") or \
            in_engine(w, ident, "/tmp/second") != {"second": b"y" * 100000}
        reply = w.ask("HEAD", "/containers/%s/archive?path=/tmp" % ident)
        assert reply.status == 200, "the Engine is not well: %r" % reply


def test_more_than_the_limit():
    with world(limits="upload = 1MiB\n") as w:
        ident = make(w, "much", "created")
        with w.connect() as client:
            client.send(head("PUT", "/containers/%s/archive?path=/tmp" % ident,
                             "Transfer-Encoding: chunked"))
            tar = tar_of(much=b"x" * (3 << 20))
            for i in range(0, len(tar), 60000):
                piece = tar[i:i + 60000]
                client.send(b"%x\r\n%s\r\n" % (len(piece), piece))
            reply = client.response()
            assert reply.status == 413 and "[limits] upload" in json.loads(reply.body)["message"]
        found = in_engine(w, ident, "/tmp/.")
        assert found.get("./much", b"") != b"x" * (3 << 20)
