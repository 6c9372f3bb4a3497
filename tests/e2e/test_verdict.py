# SPDX-License-Identifier: Apache-2.0
"""What `caisson check` says of a policy is true.

Under each policy of tests/policies that it calls host root, a client that uses the line in question
has the host: a probe in its container, or in its exec, does what only root on the host can do.  It
changes nothing.  Under the contained ones the same requests are refused, or the same probe fails.
"""
import glob
import hashlib
import io
import json
import os
import shutil
import stat
import tarfile
import tempfile

import real
from client import head
from proxy import IMAGE, ROOT, Proxy, until
from real import RealWorld
from report import Skip, table

POLICIES = os.path.join(ROOT, "tests", "policies")

# A kernel setting whose writer is root on the host.  Opened for writing, never written.
KERNEL = "import os; os.open('/proc/sys/kernel/core_pattern', os.O_WRONLY)"
# As root with all capabilities the container's own protection of it is taken away first.
UNMOUNT = "import ctypes; assert ctypes.CDLL(None).umount2(b'/proc/sys', 2) == 0; " + KERNEL
READ = "assert open('/host%s').read() == '%s'"


class PolicyWorld(RealWorld):
    """The proxy under a policy of tests/policies."""

    def __init__(self, path):  # pylint: disable=super-init-not-called
        self.engine = real.ENGINE
        self.directory = tempfile.mkdtemp(prefix="caisson-e2e-")
        policy = os.path.join(self.directory, "test.ini")
        with open(path, encoding="utf-8") as text, open(policy, "w", encoding="utf-8") as out:
            out.write(text.read() + "\n[proxy]\nowner = %s\n" % real.OWNER)
        self.proxy = Proxy(self.directory, self.engine.path, policy)
        self.secret = os.path.join(self.directory, "secret")
        with open(self.secret, "w", encoding="ascii") as out:
            out.write(os.urandom(16).hex())
        os.chmod(self.secret, 0o600)

    def proves(self, host, probe):
        """Whether a probe, run as root in a container that is asked for, succeeds."""
        body = {"Image": IMAGE, "User": "0:0", "HostConfig": host,
                "Cmd": ["python3", "-c", probe + "; print('PROVEN')"]}
        reply = self.ask("POST", "/v1.41/containers/create", body)
        if reply.status != 201:
            assert reply.status in (400, 403), reply
            return False
        ident = json.loads(reply.body)["Id"]
        try:
            started = self.ask("POST", "/containers/%s/start" % ident)
            assert started.status == 204, started
            self.ask("POST", "/containers/%s/wait" % ident)
            return b"PROVEN" in self.ask("GET", "/containers/%s/logs?stdout=1" % ident).body
        finally:
            self.ask("DELETE", "/containers/%s?force=1&v=1" % ident)

    def exec_proves(self, ident, probe, **body):
        """The same for an exec in a container that runs."""
        body = dict(body, User="0:0", Cmd=["python3", "-c", probe])
        reply = self.ask("POST", "/v1.41/containers/%s/exec" % ident, body)
        if reply.status != 201:
            assert reply.status in (400, 403, 404), reply
            return False
        target = "/exec/%s/" % json.loads(reply.body)["Id"]
        started = self.ask("POST", "/v1.41%sstart" % target, {"Detach": True})
        assert started.status == 200, started

        def ended():
            state = json.loads(self.ask("GET", target + "json").body)
            return not state["Running"] and state
        return until("the end of the exec", ended)["ExitCode"] == 0


def secret_probe(world):
    with open(world.secret, encoding="ascii") as text:
        return READ % (world.secret, text.read())


def by_binds(world):
    return world.proves({"Binds": ["/:/host"]}, secret_probe(world))


def by_etc(world):
    """The passwords of the host, read, and where they would be written."""
    with open("/etc/shadow", "rb") as text:
        digest = hashlib.sha256(text.read()).hexdigest()
    probe = ("import hashlib; assert hashlib.sha256(open('/host/shadow', 'rb').read()).hexdigest() "
             "== '%s'; open('/host/shadow', 'ab')" % digest)
    return world.proves({"Binds": ["/etc:/host"]}, probe)


def by_read_only_bind(world):
    return world.proves({"Binds": ["/:/host:ro"]}, secret_probe(world))


def others(engine, **host):
    """A container of someone else with more than a client gets; None where it cannot be."""
    engine.ask("DELETE", "/containers/caisson-test-other?force=1")
    body = {"Image": IMAGE, "Cmd": ["sleep", "600"], "HostConfig": dict(host, NetworkMode="none")}
    reply = engine.ask("POST", "/containers/create?name=caisson-test-other", body)
    assert reply.status == 201, reply
    if engine.ask("POST", "/containers/caisson-test-other/start").status != 204:
        return None
    return json.loads(reply.body)["Id"]


def remove_others(engine):
    engine.ask("DELETE", "/containers/caisson-test-other?force=1")


def needs_privileges(engine):
    """Inside of some machines not even the Engine has all capabilities to give."""
    try:
        if not others(engine, Privileged=True):
            raise Skip("this Engine cannot start a privileged container")
    finally:
        remove_others(engine)


def by_volumes_from(world):
    others(world.engine, Binds=["/:/host"])
    try:
        return world.proves({"VolumesFrom": ["caisson-test-other"]}, secret_probe(world))
    finally:
        remove_others(world.engine)


def by_privileged(world):
    return world.proves({"Privileged": True}, KERNEL)


def by_pid(world):
    """This very process of the host is seen from the container."""
    with open("/proc/self/stat", encoding="ascii") as text:
        began = text.read().rpartition(")")[2].split()[19]
    return world.proves({"PidMode": "host"}, "assert open('/proc/%d/stat').read().rpartition(')')"
                        "[2].split()[19] == '%s'" % (os.getpid(), began))


def by_capabilities(world):
    return world.proves({"CapAdd": ["SYS_ADMIN"]}, UNMOUNT)


def by_readonly_paths(world):
    return world.proves({"ReadonlyPaths": ["/nowhere"]}, KERNEL)


def by_mounts(world):
    return world.proves({"Mounts": [{"Type": "bind", "Source": "/", "Target": "/host"}]},
                        secret_probe(world))


def by_volume_options(world):
    options = {"type": "none", "o": "bind", "device": "/"}
    return world.proves({"Mounts": [{"Type": "volume", "Target": "/host", "VolumeOptions":
                                     {"DriverConfig": {"Options": options}}}]},
                        secret_probe(world))


def host_disk():
    """A disk of the host and what its first bytes are."""
    with open("/proc/partitions", encoding="ascii") as text:
        names = [line.split()[3] for line in text.read().split("\n")[2:] if line]
    for path in ("/dev/" + name for name in names if not name.startswith(("loop", "zram", "ram"))):
        try:
            with open(path, "rb") as disk:
                return path, hashlib.sha256(disk.read(4096)).hexdigest()
        except OSError:
            continue
    return None, None


def by_devices(world):
    path, digest = host_disk()
    if not path:
        return None
    return world.proves({"Devices": [{"PathOnHost": path, "PathInContainer": "/dev/it",
                                      "CgroupPermissions": "rw"}]},
                        "import hashlib; assert hashlib.sha256(open('/dev/it', 'rb').read(4096))"
                        ".hexdigest() == '%s'" % digest)


def by_exec(world):
    return world.exec_proves(world.run("mine"), UNMOUNT, Privileged=True)


def by_exec_any(world):
    """In a container of someone else that has the host."""
    try:
        return world.exec_proves(others(world.engine, Binds=["/:/host"]), secret_probe(world))
    finally:
        remove_others(world.engine)


def by_archive_any(world):
    """A file is put on the host, through a container of someone else that has a folder of it."""
    planted, data = os.path.join(world.directory, "planted"), io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("planted"))
    try:
        ident = others(world.engine, Binds=[world.directory + ":/host"])
        with world.connect() as client:
            client.send(head("PUT", "/v1.41/containers/%s/archive?path=/host" % ident,
                             "Content-Length: %d" % len(data.getvalue())) + data.getvalue())
            client.response()
        return os.path.exists(planted)
    finally:
        remove_others(world.engine)


def by_archive_bind(world):
    """What root alone can make is on the host, though the container is not even root's."""
    folder, data = "/tmp/caisson-test-swap/project", io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        program = tarfile.TarInfo("program")
        program.mode = 0o4755
        tar.addfile(program)
        null = tarfile.TarInfo("null")
        null.type, null.mode, null.devmajor, null.devminor = tarfile.CHRTYPE, 0o666, 1, 3
        tar.addfile(null)
    try:
        os.makedirs(folder)
        reply = world.ask("POST", "/v1.41/containers/create?name=planter",
                          {"Image": IMAGE, "HostConfig": {"Binds": [folder + ":/host"]}})
        if reply.status != 201:
            return False
        with world.connect() as client:
            client.send(head("PUT", "/v1.41/containers/planter/archive?path=/host",
                             "Content-Type: application/x-tar",
                             "Content-Length: %d" % len(data.getvalue())) + data.getvalue())
            client.response()
        program, null = (os.path.join(folder, name) for name in ("program", "null"))
        return os.path.exists(program) and os.stat(program).st_uid == 0 and \
            os.stat(program).st_mode & stat.S_ISUID and stat.S_ISCHR(os.stat(null).st_mode)
    finally:
        shutil.rmtree("/tmp/caisson-test-swap", ignore_errors=True)


def by_program(world):
    """A set-user-id program of root's is on the host, by nothing but a folder and root within."""
    folder = "/tmp/caisson-test-swap/project"
    try:
        os.makedirs(folder)
        if not world.proves({"Binds": [folder + ":/host"]},
                            "import os; open('/host/program', 'w'); os.chmod('/host/program', 0o4755)"):
            return False
        found = os.stat(folder + "/program")
        return found.st_uid == 0 and found.st_mode & stat.S_ISUID
    finally:
        shutil.rmtree("/tmp/caisson-test-swap", ignore_errors=True)


WAYS = [("root-binds", by_binds), ("root-bind-etc", by_etc),
        ("root-bind-read-only", by_read_only_bind),
        ("root-volumes-from", by_volumes_from), ("root-privileged", by_privileged),
        ("root-pid", by_pid), ("root-capabilities", by_capabilities),
        ("root-readonly-paths", by_readonly_paths), ("root-mounts", by_mounts),
        ("root-volume-options", by_volume_options), ("root-devices", by_devices),
        ("root-exec", by_exec), ("root-exec-any", by_exec_any),
        ("root-archive-any", by_archive_any), ("root-archive-bind", by_archive_bind),
        ("root-bind-level", by_program)]


def needs_our_host():
    """What leads to the host is shown by a file of it; an engine's host may be another root."""
    if not real.ENGINE.directory:
        raise Skip("the engine was not started by this test, and may have another root")


@table([(name, name, way) for name, way in WAYS])
def test_host_root(name, way):
    needs_our_host()
    if way in (by_privileged, by_exec):
        needs_privileges(real.ENGINE)
    with PolicyWorld(os.path.join(POLICIES, name + ".ini")) as world:
        proven = way(world)
        if proven is None:
            raise Skip("this machine has no disk that can be read")
        assert proven, "%s did not lead to the host" % name


SWAP, SHOWN = "/tmp/caisson-test-swap", "/tmp/caisson-test-shown"


def asked(world, bind):
    """The status of a create with a bind; and, where it is made, its mounts as inspect shows them."""
    reply = world.ask("POST", "/v1.41/containers/create",
                      {"Image": IMAGE, "User": "0:0", "HostConfig": {"Binds": [bind]}})
    if reply.status != 201:
        return reply.status, None
    ident = json.loads(reply.body)["Id"]
    try:
        shown = json.loads(world.engine.ask("GET", "/containers/%s/json" % ident).body)
        return reply.status, [(m["Source"], m["RW"]) for m in shown["Mounts"]]
    finally:
        world.ask("DELETE", "/containers/%s?force=1&v=1" % ident)


def test_a_link_leads_nowhere():
    """A client puts links wherever it can write, and then asks for them as binds."""
    needs_our_host()
    plant = ("import os\nfor path in ('/a/link', '/a/deep/link', '/a/../link', '/a/x.sock'):\n"
             " try:\n  os.makedirs(os.path.dirname(path), exist_ok=True)\n"
             "  os.symlink('/', path)\n except OSError: pass\n"
             "for path in ('/a', '/a/..', '/a/deep'):\n"
             " try: os.rename(path, path + '-away')\n except OSError: pass\n"
             "assert os.path.islink('/a/link')")
    for folder in (SWAP, SHOWN):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder + "/b/deep")
    try:
        with PolicyWorld(os.path.join(POLICIES, "root-bind-level.ini")) as world:
            assert world.proves({"Binds": [SWAP + "/b:/a"]}, plant)
            assert os.path.islink(SWAP + "/b/link"), "the client can write where it may"
            for path in ("/b/link", "/b/deep/link", "/b/../b/link", "/b/link/", "/b//link", "",
                         "/", "/.", "/..", "/b/.", "/../caisson-test-swap/b/link"):
                status, mounts = asked(world, SWAP + path + ":/host")
                assert status in (400, 403), "%s was let in: %s" % (path, mounts)
            assert sorted(os.listdir(SWAP)) == ["b"], "nothing appeared beside what it may write"
            assert asked(world, SWAP + "/b:/a") == (201, [(SWAP + "/b", True)])
    finally:
        shutil.rmtree(SWAP, ignore_errors=True)
        shutil.rmtree(SHOWN, ignore_errors=True)


def test_read_only_is_forced():
    """Whatever is asked: what inspect shows, and what a write says."""
    needs_our_host()
    shutil.rmtree(SHOWN, ignore_errors=True)
    os.makedirs(SHOWN + "/b/deep")
    os.chmod(SHOWN + "/b/deep", 0o777)
    try:
        with PolicyWorld(os.path.join(POLICIES, "root-bind-level.ini")) as world:
            for mode in ("", ":rw", ":ro"):
                assert asked(world, SHOWN + "/b/deep:/a" + mode) == (201, [(SHOWN + "/b/deep", False)])
                assert not world.proves({"Binds": [SHOWN + "/b:/a" + mode]},
                                        "open('/a/deep/file', 'w')")
            for mode in (":z", ":rshared", ":ro,rshared", ":rw,nocopy"):
                assert asked(world, SHOWN + "/b:/a" + mode)[0] in (400, 403)
            assert os.listdir(SHOWN + "/b/deep") == []
    finally:
        shutil.rmtree(SHOWN, ignore_errors=True)


def test_no_program_of_root():
    """The same, where nobody is root in the container."""
    needs_our_host()
    with PolicyWorld(os.path.join(POLICIES, "data-bind-level.ini")) as world:
        assert not by_program(world)


@table([(os.path.basename(path)[:-4], path)
        for path in sorted(glob.glob(os.path.join(POLICIES, "contained-*.ini")))])
def test_contained(path):
    needs_our_host()
    with PolicyWorld(path) as world:
        for name, way in WAYS:
            if way == by_exec and "no-image" in path:  # nothing runs that one could exec in
                continue
            assert not way(world), "%s leads to the host under %s" % (name, path)
