# SPDX-License-Identifier: Apache-2.0
"""How the proxy starts and ends: its socket, its policy, its signals, its words for mistakes."""
import glob
import os
import signal
import socket
import stat
import subprocess

from client import request
from proxy import ALLOW, BINARY, DEFAULT_POLICY, DRAIN_S, PATIENCE_S, World, until
from report import Skip, table, within
from shared import START, assert_served, populate

FAMILY = "start and end"

EVALUATOR = os.environ.get("EVALUATOR_PROGRAM") or os.path.join(os.path.dirname(BINARY), "evaluator")


def run(*arguments):
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=PATIENCE_S)


def fails_to_start(w):
    """The exit status and the words of a proxy that must not start."""
    w.proxy.spawn()
    return w.proxy.wait(), w.proxy.log()


def test_stale_socket_is_replaced():
    with World(ALLOW, prepare=populate, start=False) as w:
        left = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        left.bind(w.proxy.listen)
        left.close()
        assert os.path.exists(w.proxy.listen)
        w.proxy.start()
        assert_served(w)


def test_socket_of_a_killed_proxy_is_replaced():
    with World(ALLOW, prepare=populate) as w:
        w.proxy.kill()
        assert os.path.exists(w.proxy.listen)
        w.proxy.start()
        assert_served(w)


def test_socket_that_somebody_answers_on_is_refused():
    with World(ALLOW, prepare=populate) as w:
        with World(ALLOW, start=False) as second:
            second.proxy.listen = w.proxy.listen
            status, words = fails_to_start(second)
            assert status in (1, 2) and w.proxy.listen in words, (status, words)
        assert_served(w)


@table([("a regular file", "file"), ("an empty file", "empty"), ("a directory", "directory"),
        ("a symbolic link to a file", "link"), ("a symbolic link to a socket", "socketlink"),
        ("a fifo", "fifo"), ("a dangling link", "dangling")])
def test_anything_else_is_never_touched(kind):
    with World(ALLOW, start=False) as w:
        path, other = w.proxy.listen, os.path.join(w.directory, "other")
        if kind in ("file", "empty"):
            with open(path, "w", encoding="ascii") as out:
                out.write("precious" if kind == "file" else "")
        elif kind == "directory":
            os.mkdir(path)
        elif kind == "fifo":
            os.mkfifo(path)
        else:
            if kind == "link":
                with open(other, "w", encoding="ascii") as out:
                    out.write("precious")
            elif kind == "socketlink":
                left = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                left.bind(other)
                left.close()
            os.symlink(other, path)
        before = os.lstat(path)
        status, words = fails_to_start(w)
        assert status in (1, 2) and path in words, (status, words)
        after = os.lstat(path)
        assert (before.st_ino, before.st_mode, before.st_size) == \
            (after.st_ino, after.st_mode, after.st_size), "it was touched"
        if kind in ("link", "socketlink"):
            assert os.path.lexists(other)
        if kind == "file":
            with open(path, encoding="ascii") as text:
                assert text.read() == "precious"


@table([("0600", 0o600), ("0666", 0o666), ("0660", 0o660)])
def test_mode(mode):
    policy = ALLOW + "[proxy]\nlisten-mode = %04o\n" % mode
    with World(policy, prepare=populate) as w:
        found = os.stat(w.proxy.listen).st_mode
        assert stat.S_ISSOCK(found) and found & 0o777 == mode, oct(found)


def test_default_mode_keeps_others_out():
    with World(ALLOW, prepare=populate) as w:
        assert os.stat(w.proxy.listen).st_mode & 0o777 == 0o660


@table([("numbers", "12345:23456", 12345, 23456), ("a group", ":23456", None, 23456),
        ("a user", "12345", 12345, None), ("names", "nobody:nogroup", 65534, 65534)])
def test_owner(text, uid, gid):
    if os.getuid() != 0:
        raise Skip("only root can give a socket away")
    with World(ALLOW + "[proxy]\nlisten-owner = %s\n" % text, prepare=populate) as w:
        found = os.stat(w.proxy.listen)
        assert found.st_uid == (os.getuid() if uid is None else uid), found
        assert found.st_gid == (os.getgid() if gid is None else gid), found


@table([("above 32 bits", "4294967296"), ("the number that means nobody", "4294967295"),
        ("no user", "no-such-user"), ("no group", ":no-such-group"), ("negative", "-1")])
def test_owner_that_is_none(text):
    with World(ALLOW + "[proxy]\nlisten-owner = %s\n" % text, start=False) as w:
        status, words = fails_to_start(w)
        assert status in (1, 2) and text.strip(":") in words, (status, words)
        assert not os.path.lexists(w.proxy.listen)


@table([("TERM", signal.SIGTERM), ("INT", signal.SIGINT)])
def test_signal_ends_it_and_removes_the_socket(number):
    with World(ALLOW, prepare=populate) as w:
        with w.connect() as idle:
            idle.ask("GET", "/_ping")
            w.proxy.process.send_signal(number)
            assert w.proxy.wait() == 0, w.proxy.log()
            assert not os.path.lexists(w.proxy.listen), "the socket is left"
            assert idle.closed()


@table([("TERM", [signal.SIGTERM]), ("INT", [signal.SIGINT]),
        ("HUP, then TERM", [signal.SIGHUP, signal.SIGTERM])])
def test_signal_finds_it_ready_as_soon_as_there_is_a_socket(numbers):
    with World(ALLOW, start=False) as w:
        for _ in range(20):
            w.proxy.spawn()
            while not os.path.lexists(w.proxy.listen):  # no sleep: it is about the first moment
                assert w.proxy.process.poll() is None, w.proxy.log()
            for number in numbers:
                w.proxy.process.send_signal(number)
            assert w.proxy.wait() == 0, w.proxy.log()
            assert not os.path.lexists(w.proxy.listen), "the socket is left"


@within(DRAIN_S)
def test_term_lets_a_request_end():
    import threading
    with World(ALLOW, prepare=populate) as w:
        go_on = threading.Event()

        def slow(exchange):
            go_on.wait(30)
            exchange.engine.answer(exchange)
        w.engine.on("POST", "/start$", slow)
        with w.connect() as client:
            client.send(request("POST", START))
            w.engine.wait_asked(1)
            w.proxy.process.send_signal(signal.SIGTERM)
            until("the end of the socket", lambda: not os.path.lexists(w.proxy.listen))
            go_on.set()
            reply = client.response()
            assert reply.status == 204, reply
        assert w.proxy.wait() == 0


def test_term_does_not_wait_for_streams_for_ever():
    with World(ALLOW, prepare=populate) as w:
        w.engine.find("mine").running = True
        with w.connect() as client:
            client.send(request("POST", "/v1.41/containers/mine/wait"))
            client.reader.head()
            w.proxy.process.send_signal(signal.SIGTERM)
            assert w.proxy.wait() == 0


def test_socket_that_was_replaced_by_another_is_not_removed():
    with World(ALLOW, prepare=populate) as w:
        os.unlink(w.proxy.listen)
        with open(w.proxy.listen, "w", encoding="ascii") as out:
            out.write("precious")
        assert w.proxy.stop() == 0
        with open(w.proxy.listen, encoding="ascii") as text:
            assert text.read() == "precious"


WRONG = [
    ("an unknown section", "[allow]\nContainerStart = own\n[nonsense]\na = b\n", 3, "nonsense"),
    ("an unknown operation", "[allow]\nContainerStrat = own\n", 2, "ContainerStrat"),
    ("an unknown grant", "[allow]\nContainerStart = maybe\n", 2, "maybe"),
    ("a grant that the row has not", "[allow]\nContainerCreate = own\n", 2, "ContainerCreate"),
    ("an operation nobody may allow", "[allow]\nServiceCreate = yes\n", 2, "ServiceCreate"),
    ("an unknown field", ALLOW + "HostConfig.Memroy = max 1g\n", 9, "HostConfig.Memroy"),
    ("an unknown rule", ALLOW + "HostConfig.Memory = most 1g\n", 9, "most"),
    ("a value out of range", ALLOW + "HostConfig.Memory = max lots\n", 9, "lots"),
    ("an unknown option", "[proxy]\nlistn = unix:/x\n", 2, "listn"),
    ("a key twice", "[allow]\nContainerStart = own\nContainerStart = own\n", 3, "ContainerStart"),
    ("a key outside a section", "ContainerStart = own\n", 1, "ContainerStart"),
    ("no number", "[limits]\ncontainers = many\n", 2, "many"),
    ("a number out of range", "[limits]\ncontainers = 0\n", 2, "containers"),
    ("a time without a unit", "[limits]\nhead-timeout = 10 parsecs\n", 2, "parsecs"),
    ("a socket that is none", "[proxy]\nupstream = tcp://host:2375\n", 2, "tcp://host:2375"),
    ("a mode that is none", "[proxy]\nlisten-mode = 0999\n", 2, "0999"),
    ("a line without a key", "[allow]\nnonsense\n", 2, ""),
    ("a line that is too long", "[allow]\n; " + "x" * 5000 + "\n", 2, ""),
    ("an owner that is none", "[proxy]\nowner = a b\n", 2, "a b"),
]


@table(WRONG)
def test_wrong_policy_stops_the_start(text, line, word):
    with World(text, start=False) as w:
        status, words = fails_to_start(w)
        place = "%s:%d: " % (w.proxy.policy, line)
        short = "%s:%d: " % (os.path.basename(w.proxy.policy), line)
        assert status == 2, "exit status %d: %s" % (status, words)
        assert place in words or short in words, words
        assert word in words, words
        assert not os.path.exists(w.proxy.listen)
        checked = run("check", w.proxy.policy)
        assert checked.returncode in (1, 2) and word in checked.stderr + checked.stdout, checked


def test_policy_that_is_not_there():
    with World(ALLOW, start=False) as w:
        w.proxy.policy = os.path.join(w.directory, "absent.ini")
        status, words = fails_to_start(w)
        assert status == 2 and w.proxy.policy in words, (status, words)


def test_check_of_the_shipped_policies():
    presets = os.path.join(os.path.dirname(DEFAULT_POLICY), "presets", "*.ini")
    for path in [DEFAULT_POLICY] + sorted(glob.glob(presets)):
        done = run("check", path)
        assert done.returncode == 0, "%s: %s%s" % (path, done.stdout, done.stderr)


def test_check_says_what_the_system_does_not_allow():
    with World(ALLOW + "[limits]\nconnections = 1000\n", start=False) as w:
        done = subprocess.run(["sh", "-c", 'ulimit -n 512 && exec "$@"', "sh", BINARY, "check",
                               w.proxy.policy], capture_output=True, text=True, check=False,
                              timeout=PATIENCE_S)
        assert done.returncode == 0, done
        assert "may need 2064 descriptors, and the system allows 512: raise that" in done.stdout, done
        assert "'connections-per-user' is 192" in done.stdout, done
        assert "descriptors" not in run("check", DEFAULT_POLICY).stdout


@table([("nothing", ()), ("an unknown command", ("frobnicate",)),
        ("an unknown option", ("serve", "--frobnicate")),
        ("an option without its value", ("serve", "--policy")),
        ("healthcheck of a word", ("healthcheck", "word")),
        ("explain of nothing", ("explain",)), ("check of nothing", ("check",))])
def test_usage(arguments):
    done = run(*arguments)
    assert done.returncode == 2, done
    assert done.stderr.strip(), done


@table([("alone", ()), ("serve", ("serve",)), ("healthcheck", ("healthcheck",)),
        ("explain", ("explain",))])
def test_help(verb):
    for word in ("--help", "-h"):
        done = run(*verb, word)
        assert done.returncode == 0 and not done.stderr, done
        assert done.stdout.startswith("usage: caisson serve ") and "check FILE" in done.stdout, done


@table([("help", ("help",), 0), ("--help", ("--help",), 0), ("run --help", ("run", "--help"), 0),
        ("batch -h", ("batch", "-h"), 0), ("nothing", (), 2), ("no command", ("frobnicate",), 2),
        ("no option", ("run", "--frobnicate"), 2)])
def test_help_of_the_evaluator(arguments, status):
    done = subprocess.run([EVALUATOR, *arguments], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=PATIENCE_S)
    assert done.returncode == status, done
    if status == 0:
        assert done.stdout.startswith("usage: evaluator COMMAND") and not done.stderr, done
    else:
        assert "`evaluator help` lists them" in done.stderr and not done.stdout, done


def test_version():
    done = run("version")
    assert done.returncode == 0 and done.stdout.startswith("caisson "), done


@table([("operations", "operations", "ContainerCreate"),
        ("fields", "fields", "HostConfig.Privileged")])
def test_lists(command, word):
    done = run(command)
    assert done.returncode == 0 and word in done.stdout, done


def test_healthcheck():
    with World(ALLOW, prepare=populate) as w:
        done = run("healthcheck", "--listen", "unix:" + w.proxy.listen)
        assert done.returncode == 0, done
        w.proxy.kill()
        done = run("healthcheck", "--listen", "unix:" + w.proxy.listen)
        assert done.returncode == 1, done


def test_flags_override_the_file():
    with World(ALLOW + "[proxy]\nlisten = unix:/nonexistent/x.sock\nupstream = unix:/nonexistent/y\n",
               prepare=populate) as w:
        assert_served(w)


def test_listen_where_nobody_can():
    with World(ALLOW, start=False) as w:
        w.proxy.listen = os.path.join(w.directory, "absent", "x.sock")
        status, words = fails_to_start(w)
        assert status in (1, 2) and "absent" in words, (status, words)


def test_path_that_is_too_long_for_a_socket():
    with World(ALLOW, start=False) as w:
        w.proxy.listen = os.path.join(w.directory, "x" * 120)
        status, words = fails_to_start(w)
        assert status in (1, 2) and "x" * 50 in words, (status, words)


def reload_with(w, text):
    with open(w.proxy.policy, "w", encoding="utf-8") as out:
        out.write(text)
    w.proxy.process.send_signal(signal.SIGHUP)


def test_hangup_loads_the_policy_anew():
    with World(ALLOW, prepare=populate) as w:
        with w.connect() as client:
            assert client.ask("POST", START).status == 204
            reload_with(w, ALLOW.replace("ContainerStart = own\n", ""))
            until("the new policy", lambda: w.ask("POST", START).status == 403)
            assert client.ask("POST", START).status == 403, "an old connection has the old policy"
            reload_with(w, ALLOW)
            until("the old policy", lambda: w.ask("POST", START).status == 304)
            assert client.ask("POST", START).status == 304


def test_hangup_with_a_broken_policy_keeps_the_old_one():
    with World(ALLOW, prepare=populate) as w:
        reload_with(w, ALLOW + "HostConfig.Memroy = max 1g\n")
        until("a word about it", lambda: "HostConfig.Memroy" in w.proxy.log())
        assert "test.ini:9: " in w.proxy.log(), w.proxy.log()
        assert_served(w)
        os.unlink(w.proxy.policy)
        w.proxy.process.send_signal(signal.SIGHUP)
        assert_served(w)


def test_hangup_says_what_needs_a_restart():
    with World(ALLOW, prepare=populate) as w:
        reload_with(w, ALLOW + "[proxy]\nowner = other\n")
        until("a word about it", lambda: w.proxy.log().count("is in force") > 1)
        assert "a new 'owner' under [proxy] takes effect at a restart" in w.proxy.log()
        assert "'upstream'" not in w.proxy.log(), w.proxy.log()
        assert w.ask("POST", START).status in (204, 304), "the containers are still ours"


def test_hangup_during_a_stream_leaves_it_alone():
    with World(ALLOW, prepare=populate) as w:
        mine = w.engine.find("mine")
        mine.running = True
        with w.connect() as client:
            client.send(request("POST", "/v1.41/containers/mine/wait"))
            status, headers = client.reader.head()
            reload_with(w, "[allow]\n")
            until("the new policy", lambda: w.ask("POST", START).status == 403)
            mine.exit(6)
            assert b'"StatusCode": 6' in client.reader.body(status, headers)
