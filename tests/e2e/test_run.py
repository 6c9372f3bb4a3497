# SPDX-License-Identifier: Apache-2.0
"""Stock docker clients under the docker-run preset: streams, terminals, lists, and what is refused.

Each test has the container `mine` of its own or none; `theirs` was made on the Engine's own socket.
"""
import concurrent.futures
import contextlib
import hashlib
import json
import os
import re
import signal

from cli import Pipes, Terminal, clients, docker, good
from proxy import IMAGE, ROOT, until
from real import RealWorld
from report import Skip, table

PRESET = os.path.join(ROOT, "policy", "presets", "docker-run.ini")
THEIRS = "caisson-e2e-theirs"
ABSENT = "caisson-e2e-nobody"
BLOCK = 1 << 20
AT_ONCE = 20
HELD = ["CapEff:", "0" * 16, "CapBnd:", "0" * 16, "NoNewPrivs:", "1", "Seccomp:", "2"]
# Waits for a terminal of these rows and columns; a client sets them after the program's start.
SIZED = 'until [ "$(stty size)" = "%d %d" ]; do sleep 0.05; done; echo it is %d; '


def world(**changes):
    return RealWorld(PRESET, **changes)


@contextlib.contextmanager
def theirs(w):
    ident = w.engine.make(THEIRS, "sh", "-c", "echo secret; exec sleep 600")
    try:
        yield ident
        assert w.engine.running(ident), "somebody else's container was ended"
    finally:
        w.engine.ask("DELETE", "/containers/%s?force=1" % ident)


@contextlib.contextmanager
def mine(path, *command, **changes):
    with world(**changes) as w:
        good(w, path, "run", "-d", "--name", "mine", IMAGE, *(command or ("sleep", "600")))
        yield w


def converse(w, path, *arguments):
    """With a shell in a terminal: both sizes, a word each way, and how it ends."""
    with Terminal(w, path, *arguments, "sh", "-c", SIZED % (30, 100, 1) + SIZED % (40, 120, 2) +
                  "tty; read x; echo got $x; exit 5", size=(30, 100)) as terminal:
        terminal.expect(b"it is 1\r\n")
        terminal.resize_until(40, 120, b"it is 2\r\n")
        terminal.expect(b"/dev/pts/")
        terminal.write(b"hello\r")
        terminal.expect(b"got hello\r\n")
        assert terminal.end() == 5


# ---- run and attach ----


@table(clients())
def test_run_in_the_foreground(path):
    with world() as w:
        done = docker(w, path, "run", "--rm", "--name", "fg", IMAGE, "sh", "-c",
                      "echo out; echo err >&2; exit 7")
        assert (done.stdout, done.stderr, done.returncode) == ("out\n", "err\n", 7), done
        until("that --rm removed it", lambda: not w.engine.there("fg"))


@table(clients())
def test_run_i_with_piped_stdin(path):
    with world() as w:
        done = docker(w, path, "run", "-i", "--rm", IMAGE, "sh", "-c", "sort; echo end; exit 3",
                      stdin="b\na\n")
        assert (done.stdout, done.returncode) == ("a\nb\nend\n", 3), done


@table(clients())
def test_run_i_is_binary_both_ways(path):
    """The program hashes what it reads before it sends it back."""
    data = os.urandom(BLOCK)
    program = ("import hashlib, sys; data = sys.stdin.buffer.read(); "
               "sys.stdout.buffer.write(data); sys.stderr.write(hashlib.sha256(data).hexdigest())")
    with world() as w:
        done = docker(w, path, "run", "-i", "--rm", IMAGE, "python3", "-c", program, stdin=data)
        want = hashlib.sha256(data).hexdigest()
        assert done.returncode == 0 and done.stderr.decode() == want, (done.stderr, want)
        assert hashlib.sha256(done.stdout).hexdigest() == want, len(done.stdout)


@table(clients())
def test_run_it_in_a_terminal(path):
    with world() as w:
        converse(w, path, "run", "-it", "--rm", IMAGE)


@table(clients())
def test_terminal_is_left_and_entered_again(path):
    with world() as w:
        with Terminal(w, path, "run", "-it", "--name", "mine", IMAGE, "sh", "-c",
                      "while read x; do echo got $x; done") as terminal:
            terminal.write(b"one\r")
            terminal.expect(b"got one\r\n")
            terminal.write(b"\x10\x11")  # ctrl-p, ctrl-q
            terminal.end()
        assert w.engine.running("mine")
        with Terminal(w, path, "attach", "mine") as terminal:
            terminal.write(b"two\r")
            terminal.expect(b"got two\r\n")
            terminal.write(b"\x04")  # the end of the input
            assert terminal.end() == 0
        assert not w.engine.running("mine")


@table(clients())
def test_attach_with_a_half_closed_stdin(path):
    """The client's input is over long before the answer comes, and the program sees its end."""
    with world() as w:
        good(w, path, "create", "-i", "--name", "mine", IMAGE, "sh", "-c",
             "x=$(cat); sleep 1; echo got $x; echo err >&2; exit 6")
        good(w, path, "start", "mine")
        done = docker(w, path, "attach", "mine", stdin="hello\n")
        assert (done.stdout, done.stderr, done.returncode) == ("got hello\n", "err\n", 6), done


@table(clients())
def test_attach_to_one_that_runs_detached(path):
    """Without -i the client half-closes at once, and reads on."""
    with mine(path, "sh", "-c", "until [ -e /dev/shm/go ]; do echo tick; sleep 0.1; done; "
              "echo last; exit 6") as w, Pipes(w, path, "attach", "mine") as client:
        client.expect(b"tick\n")
        good(w, path, "exec", "mine", "touch", "/dev/shm/go")
        client.expect(b"last\n")
        assert client.end() == 6


@table(clients())
def test_start_ai(path):
    with world() as w:
        good(w, path, "create", "-i", "--name", "mine", IMAGE, "sh", "-c", "cat; exit 4")
        done = docker(w, path, "start", "-ai", "mine", stdin="hello\n")
        assert (done.stdout, done.returncode) == ("hello\n", 4), done


@table(clients())
def test_signal_to_the_client_reaches_the_program(path):
    with world() as w, Pipes(
            w, path, "run", "--rm", IMAGE, "sh", "-c", "trap 'echo caught; exit 9' INT; "
            "echo ready; while :; do sleep 0.1; done") as client:
        client.expect(b"ready\n")
        client.process.send_signal(signal.SIGINT)
        client.expect(b"caught\n")
        assert client.end() == 9


@table(clients())
def test_many_at_once(path):
    def one(number):
        return docker(w, path, "run", "-i", "--rm", IMAGE, "sh", "-c",
                      "cat; echo err %d >&2; exit %d" % (number, number), stdin="in %d\n" % number)

    with world() as w, concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for number, done in enumerate(pool.map(one, range(AT_ONCE))):
            assert (done.stdout, done.stderr, done.returncode) == (
                "in %d\n" % number, "err %d\n" % number, number), done
        until("that all are gone", lambda: not good(w, path, "ps", "-aq"))


# ---- exec ----


@table(clients())
def test_exec_and_its_exit_codes(path):
    with mine(path) as w:
        done = docker(w, path, "exec", "mine", "sh", "-c", "echo out; echo err >&2; exit 7")
        assert (done.stdout, done.stderr, done.returncode) == ("out\n", "err\n", 7), done
        assert docker(w, path, "exec", "mine", "true").returncode == 0
        assert docker(w, path, "exec", "mine", "/no/such/program").returncode in (126, 127)
        assert good(w, path, "exec", "-e", "WORD=hello", "-w", "/tmp", "mine", "sh", "-c",
                    "pwd; echo $WORD").split() == ["/tmp", "hello"]


@table(clients())
def test_exec_i_is_binary_both_ways(path):
    data = os.urandom(BLOCK)
    with mine(path) as w:
        done = docker(w, path, "exec", "-i", "mine", "cat", stdin=data)
        assert done.returncode == 0 and done.stdout == data, (len(done.stdout), done.stderr)


@table(clients())
def test_exec_it_in_a_terminal(path):
    with mine(path) as w:
        converse(w, path, "exec", "-it", "mine")
        assert w.engine.running("mine")


@table(clients())
def test_exec_d(path):
    with mine(path) as w:
        assert good(w, path, "exec", "-d", "mine", "sh", "-c", "echo done >/dev/shm/x") == ""
        until("what it wrote", lambda: docker(
            w, path, "exec", "mine", "cat", "/dev/shm/x").stdout == "done\n")


@table(clients())
def test_exec_is_held_to_what_the_container_was_held_to(path):
    show = ("exec", "mine", "sh", "-c", "id -u; id -g; id -G; "
            "grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status; touch /x")
    with mine(path) as w:
        for user in ((), ("-u", "0"), ("-u", "root:root"), ("-u", "1000:1000")):
            done = docker(w, path, show[0], *user, *show[1:])
            assert done.stdout.split() == ["65534"] * 3 + HELD, done
            assert "Permission denied" in done.stderr, done
        done = docker(w, path, "exec", "--privileged", "mine", "id")
        assert done.returncode == 1 and "Privileged" in done.stderr and \
            "[exec]" in done.stderr, done
        execs = w.engine.inspect("mine")["ExecIDs"] or []
        assert not [e for e in execs if w.engine.get("/exec/%s/json" % e)["ProcessConfig"].get(
            "privileged")], execs


@table(clients())
def test_exec_after_kill_9_of_the_proxy(path):
    with mine(path) as w, theirs(w):
        assert good(w, path, "exec", "mine", "echo", "before") == "before"
        w.proxy.kill()
        w.proxy.start()
        assert good(w, path, "exec", "mine", "echo", "after") == "after"
        assert good(w, path, "exec", "-i", "mine", "cat", stdin="hello") == "hello"
        assert docker(w, path, "exec", THEIRS, "id").returncode == 1


def test_foreign_exec_does_not_exist():
    """Neither one in somebody else's container, nor one that somebody else made in ours."""
    with world() as w, theirs(w) as foreign:
        own = w.run("mine")
        body = {"Cmd": ["touch", "/dev/shm/x"], "AttachStdout": True}
        for ident in (foreign, own):
            made = json.loads(w.engine.ask("POST", "/containers/%s/exec" % ident, body).body)["Id"]
            for method, rest, sent in (("POST", "start", {"Detach": True}), ("GET", "json", None),
                                       ("POST", "start", {"Detach": False}),
                                       ("POST", "resize?h=10&w=10", None)):
                replies = [w.ask(method, "/exec/%s/%s" % (e, rest), sent) for e in (made, "f" * 64)]
                texts = [r.body.replace(e.encode(), b"ID")
                         for r, e in zip(replies, (made, "f" * 64))]
                assert replies[0].status == 404 and texts[0] == texts[1], replies
            seen = w.engine.get("/exec/%s/json" % made)
            assert not seen["Running"] and seen["ExitCode"] is None, seen


# ---- lists, looks and steering ----


@table(clients())
def test_ps_shows_ones_own_alone(path):
    with mine(path) as w, theirs(w) as foreign:
        own = w.engine.inspect("mine")["Id"]
        good(w, path, "create", "--name", "still", "--label", "colour=red", IMAGE, "true")
        assert good(w, path, "ps", "--format", "{{.Names}}") == "mine"
        assert good(w, path, "ps", "-q", "--no-trunc") == own
        assert sorted(good(w, path, "ps", "-a", "--format", "{{.Names}}").split()) == \
            ["mine", "still"]
        assert good(w, path, "ps", "-a", "-f", "label=colour=red", "--format", "{{.Names}}") == \
            "still"
        for narrow in ("id=" + foreign, "name=" + THEIRS, "status=paused", "label=x"):
            assert good(w, path, "ps", "-aq", "-f", narrow) == "", narrow
        newest = w.engine.make(THEIRS + "-2")
        try:
            assert good(w, path, "ps", "-l", "--format", "{{.Names}}") == "still"
        finally:
            w.engine.ask("DELETE", "/containers/%s?force=1" % newest)


@table(clients())
def test_logs_f(path):
    """Each line is read before the program is let write the next one."""
    with world() as w:
        good(w, path, "run", "-d", "-i", "--name", "mine", IMAGE, "sh", "-c",
             "echo ready; while read x; do echo got $x; done; echo end >&2")
        with Pipes(w, path, "logs", "-f", "mine") as client:
            client.expect(b"ready\n")
            for word in ("one", "two"):
                with Pipes(w, path, "attach", "mine") as attached:
                    attached.write(word.encode() + b"\n")
                    client.expect(b"got %s\n" % word.encode())
            good(w, path, "kill", "mine")
            assert client.end() == 0
        done = docker(w, path, "logs", "--tail", "1", "mine")
        assert done.stdout == "got two\n", done


@table(clients())
def test_inspect_and_stats(path):
    with mine(path) as w:
        made = json.loads(good(w, path, "inspect", "mine"))[0]
        assert made["Id"] == w.engine.inspect("mine")["Id"] and made["State"]["Running"], made
        assert good(w, path, "inspect", "--type", "container", "-f", "{{.Name}}",
                    made["Id"][:12]) == "/mine"
        said = good(w, path, "stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}", "mine")
        assert re.fullmatch(r"mine .* / 256MiB", said), said


@table(clients())
def test_top(path):
    with mine(path) as w:
        if b"executable file not found" in w.engine.ask("GET", "/containers/mine/top").body:
            raise Skip("the engine has no ps")
        assert "sleep 600" in good(w, path, "top", "mine")


@table(clients())
def test_steering(path):
    def state():
        return w.engine.inspect("mine")["State"]

    with mine(path) as w:
        started = state()["StartedAt"]
        good(w, path, "pause", "mine")
        assert state()["Status"] == "paused"
        good(w, path, "unpause", "mine")
        assert state()["Status"] == "running" and state()["StartedAt"] == started
        good(w, path, "restart", "-t", "0", "mine")
        assert state()["Status"] == "running" and state()["StartedAt"] != started
        good(w, path, "stop", "-t", "1", "mine")
        assert (state()["Status"], state()["ExitCode"]) == ("exited", 137)
        good(w, path, "start", "mine")
        good(w, path, "kill", "-s", "KILL", "mine")
        until("the kill", lambda: state()["Status"] == "exited")
        good(w, path, "rm", "mine")
        assert not good(w, path, "ps", "-aq")


@table(clients())
def test_rename(path):
    with mine(path) as w:
        ident = w.engine.inspect("mine")["Id"]
        good(w, path, "rename", "mine", "other")
        assert w.engine.inspect("other")["Id"] == ident
        for arguments in (("exec", "%s", "true"), ("logs", "%s"), ("kill", "%s")):
            assert_absent(w, path, arguments, "mine")
        assert good(w, path, "exec", "other", "echo", "here") == "here"
        good(w, path, "run", "-d", "--name", "mine", IMAGE, "sleep", "600")
        assert w.engine.inspect("mine")["Id"] != ident
        assert docker(w, path, "rename", "mine", "other").returncode == 1  # it is taken
        good(w, path, "rm", "-f", "other")
        assert not w.engine.there(ident) and w.engine.running("mine")


# ---- files and events ----


@table(clients())
def test_cp_both_ways(path):
    with mine(path) as w, theirs(w):
        source = os.path.join(w.directory, "file")
        with open(source, "w", encoding="ascii") as out:
            out.write("carried\n")
        good(w, path, "cp", source, "mine:/srv/there")
        assert good(w, path, "exec", "mine", "cat", "/srv/there") == "carried"
        good(w, path, "cp", "mine:/srv/there", source + ".back")
        with open(source + ".back", encoding="ascii") as back:
            assert back.read() == "carried\n"
        done = docker(w, path, "cp", source, THEIRS + ":/srv/there")
        assert done.returncode == 1 and "No such container" in done.stderr, done
        reply = w.engine.ask("HEAD", "/containers/%s/archive?path=/srv/there" % THEIRS)
        assert reply.status == 404, reply


@table(clients())
def test_events_of_ones_own(path):
    with mine(path) as w, theirs(w), Pipes(w, path, "events") as events:
        ident = w.engine.get("/containers/mine/json")["Id"]
        events.provoke(lambda: good(w, path, "kill", "-s", "CONT", "mine"), b"name=mine")
        w.engine.ask("POST", "/containers/%s/restart?t=0" % THEIRS)
        good(w, path, "stop", "-t", "0", "mine")
        assert THEIRS.encode() not in events.expect(("container stop " + ident).encode())


# ---- refusals ----


def said_of(w, path, arguments, ref):
    done = docker(w, path, *(a.replace("%s", ref) for a in arguments))
    return done.returncode, done.stdout.replace(ref, "REF"), done.stderr.replace(ref, "REF")


def assert_absent(w, path, arguments, ref):
    """The client says of it what it says of a container that there never was."""
    seen, want = (said_of(w, path, arguments, r) for r in (ref, ABSENT))
    assert seen == want and ("o such" in seen[2] or "caisson: " in seen[2]), (arguments, seen, want)
    assert seen[0] != 0 or arguments[:2] == ("rm", "-f"), (arguments, seen)


REACHING = [
    ("attach", "%s"), ("inspect", "%s"), ("inspect", "--type", "container", "%s"), ("logs", "%s"),
    ("logs", "-f", "%s"), ("exec", "%s", "id"), ("exec", "-i", "%s", "cat"),
    ("exec", "--privileged", "-u", "0", "%s", "id"), ("exec", "-d", "%s", "id"), ("top", "%s"),
    ("stats", "--no-stream", "%s"), ("stop", "%s"), ("kill", "%s"), ("restart", "%s"),
    ("pause", "%s"), ("unpause", "%s"), ("rename", "%s", "stolen"), ("rm", "-f", "%s"),
    ("wait", "%s"), ("start", "%s"), ("start", "-a", "%s"), ("export", "%s"),
    ("update", "--cpus", "0.5", "%s"),
    ("cp", "%s:/etc/passwd", "-"),
]


@table(clients())
def test_foreign_looks_absent_to_every_command(path):
    with world() as w, theirs(w) as foreign:
        for arguments in REACHING:
            for ref in (THEIRS, foreign, foreign[:12]):
                assert_absent(w, path, arguments, ref)
        assert w.engine.inspect(foreign)["ExecIDs"] is None


REFUSED = [
    (("run", "--rm", "-v", "/:/h", IMAGE, "id"), "HostConfig.Binds"),
    (("run", "--rm", "--privileged", IMAGE, "id"), "HostConfig.Privileged"),
    (("run", "--rm", "--network", "host", IMAGE, "id"), "HostConfig.NetworkMode"),
    (("run", "--rm", "debian:bookworm-slim", "id"), "Image"),
    (("diff", "mine"), "ContainerChanges"),
    (("commit", "mine", "x"), "ImageCommit"),
    (("update", "--memory", "64g", "mine"), "HostConfig.Memory"),
    (("update", "--restart", "always", "mine"), "HostConfig.RestartPolicy.Name"),
    (("ps", "-s"), "size"),
    (("top", "mine", "-o", "pid,args"), "ps_args"),
    (("exec", "-e", "LD_PRELOAD=/x", "mine", "id"), "Env"),
    (("system", "df"), "SystemDataUsage"),
    (("images",), "ImageList"),
    (("info",), "SystemInfo"),
]


@table(clients())
def test_what_the_preset_does_not_name_is_refused(path):
    with mine(path) as w:
        before, wrong = w.engine.ids(), []
        for arguments, word in REFUSED:
            done = docker(w, path, *arguments)
            said = done.stdout + done.stderr
            if done.returncode == 0 or "caisson: " not in said or word not in said:
                wrong.append("docker %s: %d %s" % (" ".join(arguments), done.returncode, said))
        assert not wrong, "\n".join(wrong)
        assert w.engine.ids() == before, "something was created"


def sockets(w):
    folder = "/proc/%d/fd" % w.proxy.process.pid
    return [f for f in os.listdir(folder)
            if os.readlink(os.path.join(folder, f)).startswith("socket:")]


@table(clients())
def test_clients_that_are_killed_leave_nothing_open(path):
    with mine(path, "sh", "-c", "while :; do echo tick; sleep 0.1; done") as w:
        before = len(sockets(w))
        for operation, words, arguments in (
                ("ContainerAttach", b"tick", ("attach", "mine")),
                ("ContainerLogs", b"tick", ("logs", "-f", "mine")),
                ("ContainerStats", b"MiB", ("stats", "mine")),
                ("ExecStart", b"ready", ("exec", "-i", "mine", "sh", "-c", "echo ready; cat"))):
            with Pipes(w, path, *arguments) as client:
                client.expect(words)
                client.process.kill()
            until("the end of " + operation,
                  lambda: operation in [a.get("operation") for a in w.proxy.audit()])
        until("the end of all streams", lambda: len(sockets(w)) <= before)
        until("that cat has seen the end", lambda: docker(
            w, path, "exec", "mine", "sh", "-c", "grep -x cat /proc/[0-9]*/comm").stdout == "")
