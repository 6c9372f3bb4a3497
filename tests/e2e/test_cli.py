# SPDX-License-Identifier: Apache-2.0
"""Stock docker clients through the proxy: what is allowed works, what is not is refused by name."""
import re

import test_inspect
from cli import clients, docker, good
from proxy import IMAGE
from real import RealWorld
from report import table


@table(clients())
def test_create_start_wait_rm(path):
    with RealWorld() as w:
        ident = good(w, path, "create", "--name", "cli1", IMAGE, "sh", "-c", "exit 7")
        assert w.engine.inspect("cli1")["Id"] == ident
        assert good(w, path, "start", "cli1") == "cli1"
        assert good(w, path, "wait", "cli1") == "7"
        assert good(w, path, "rm", "cli1") == "cli1"
        assert not w.engine.there(ident)


@table(clients())
def test_run_d_and_its_limits(path):
    with RealWorld() as w:
        ident = good(w, path, "run", "-d", "--memory", "64m", "--cpus", "0.25", IMAGE, "sleep",
                     "600")
        made = w.engine.inspect(ident)
        assert made["State"]["Running"] and made["HostConfig"]["Memory"] == 64 << 20
        assert made["HostConfig"]["NanoCpus"] == 250000000, made["HostConfig"]
        assert made["Config"]["Labels"]["io.caisson.owner"], made["Config"]["Labels"]
        for ref in (ident[:12],):
            assert good(w, path, "rm", "-f", ref)
        assert not w.engine.there(ident)


@table(clients())
def test_two_at_once(path):
    with RealWorld() as w:
        idents = [good(w, path, "run", "-d", IMAGE, "sleep", "600") for _ in range(2)]
        assert all(w.engine.running(i) for i in idents)
        assert good(w, path, "rm", "-f", *idents).split() == idents


REFUSED = [
    (("exec", "mine", "id"), ("'ContainerInspect = own' under [allow]",)),  # it looks first
    (("attach", "mine"), ("'ContainerInspect = own' under [allow]",)),
    (("ps",), ("'ContainerList = own' under [allow]",)),
    (("run", "-v", "/:/h", IMAGE, "id"), ("HostConfig.Binds",)),
    (("run", "-d", "-v", "/:/h", IMAGE, "id"), ("HostConfig.Binds",)),
    (("run", "-d", "--mount", "type=bind,src=/,dst=/h", IMAGE, "id"), ("HostConfig.Mounts",)),
    (("run", "-d", "--privileged", IMAGE, "id"), ("HostConfig.Privileged",)),
    (("run", "--privileged", IMAGE, "id"), ("HostConfig.Privileged",)),
    (("run", "-d", "--network", "host", IMAGE, "id"), ("HostConfig.NetworkMode",)),
    (("run", "-d", "--pid", "host", IMAGE, "id"), ("HostConfig.PidMode",)),
    (("run", "-d", "--ipc", "host", IMAGE, "id"), ("HostConfig.IpcMode",)),
    (("run", "-d", "--uts", "host", IMAGE, "id"), ("HostConfig.UTSMode",)),
    (("run", "-d", "--userns", "host", IMAGE, "id"), ("HostConfig.UsernsMode",)),
    (("run", "-d", "--cap-add", "SYS_ADMIN", IMAGE, "id"), ("HostConfig.CapAdd",)),
    (("run", "-d", "--device", "/dev/null", IMAGE, "id"), ("HostConfig.Devices",)),
    (("run", "-d", "--volumes-from", "mine", IMAGE, "id"), ("HostConfig.VolumesFrom",)),
    (("run", "-d", "--memory", "64g", IMAGE, "id"), ("HostConfig.Memory",)),
    (("run", "-d", "-p", "80:80", IMAGE, "id"), ("HostConfig.PortBindings", "ExposedPorts")),
    (("run", "-d", "--runtime", "runx", IMAGE, "id"), ("HostConfig.Runtime",)),
    (("run", "-d", "busybox", "id"), ("Image",)),
    (("pull", "busybox"), ("ImageCreate",)),
    (("images",), ("ImageList",)),
    (("info",), ("SystemInfo",)),
    (("kill", "mine"), ("ContainerKill",)),
    (("cp", "mine:/etc/passwd", "-"), ("ContainerArchive", "ContainerInspect")),
    (("commit", "mine", "x"), ("ImageCommit",)),
    (("network", "ls"), ("NetworkList",)),
    (("volume", "create", "v"), ("VolumeCreate",)),
    (("update", "--memory", "0", "mine"), ("ContainerUpdate",)),
    (("rename", "mine", "yours"), ("ContainerRename",)),
    (("inspect", "--type", "container", "mine"), ("ContainerInspect",)),
    (("swarm", "init"), ("SwarmInit", "SystemInfo")),
]
# The line that refuses, or the one that would allow; or that there is none.
INI_LINE = r"evaluator\.ini:\d+|'[\w.\[\]{}]+ = |by evaluator\.ini and cannot be allowed"
FORCED = [
    (("--security-opt", "seccomp=unconfined"), "HostConfig.SecurityOpt"),
    (("--restart", "always"), "HostConfig.RestartPolicy"),
    (("--log-driver", "syslog"), "HostConfig.LogConfig"),
    (("--user", "0:0"), "User"),
    (("--memory", "64m", "--memory-swap", "-1"), "HostConfig.MemorySwap"),
]


@table(clients())
def test_refusals_name_what_and_the_ini_line(path):
    with RealWorld() as w:
        w.run("mine")
        before, wrong = w.engine.ids(), []
        for arguments, words in REFUSED:
            done = docker(w, path, *arguments)
            said = done.stdout + done.stderr
            if done.returncode == 0 or "caisson: " not in said or \
                    not any(word in said for word in words) or not re.search(INI_LINE, said):
                wrong.append("docker %s: %d %s" % (" ".join(arguments), done.returncode, said))
        assert not wrong, "\n".join(wrong)
        assert w.engine.ids() == before, "something was created"


@table(clients())
def test_exec_wants_a_line_of_its_own(path):
    with RealWorld(allow="ContainerInspect = own\n") as w:
        w.run("mine")
        done = docker(w, path, "exec", "mine", "id")
        assert done.returncode == 1 and "'ContainerExec = own' under [allow]" in done.stderr, done


@table(clients())
def test_forced_values_are_told_and_are_what_the_engine_has(path):
    with RealWorld() as w:
        for options, word in FORCED:
            done = docker(w, path, "create", *options, IMAGE, "id")
            assert done.returncode == 0 and word in done.stderr, (options, done)
            made = w.engine.inspect(done.stdout.strip())
            test_inspect.assert_strict(made)


@table(clients())
def test_refused_create_is_no_reason_to_pull(path):
    """A 404 to a create makes the client try to pull the image."""
    with RealWorld() as w:
        docker(w, path, "run", "-d", "--privileged", IMAGE, "id")
        asked = [a["operation"] for a in w.proxy.audit() if a.get("operation")]
        assert "ImageCreate" not in asked, asked
