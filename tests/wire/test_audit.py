# SPDX-License-Identifier: Apache-2.0
"""One audit line per request, whatever became of it."""
import json
import os

from client import head, request
from proxy import ALLOW, IMAGE, World, until
from shared import CREATE, MINE, START, populate, start

FAMILY = "the audit log"

PING = "/_ping"


def numbers(line, *names):
    return all(isinstance(line.get(name), int) and line[name] >= 0 for name in names)


def test_every_request_is_one_line_with_all_fields():
    with World(prepare=populate) as w:
        with w.connect() as client:
            client.ask("POST", START)
            client.ask("POST", "/v1.41/containers/mine/exec")
            client.ask("POST", CREATE, {"Image": IMAGE, "HostConfig": {"Privileged": True}})
            client.ask("POST", "/v1.41/containers/theirs/start")
            made = json.loads(client.ask("POST", CREATE, {"Image": IMAGE}).body)["Id"]
            client.ask("GET", "/v1.41/containers/mine/logs?stdout=1")
            client.ask("DELETE", "/v1.41/containers/" + made)
        lines = w.audit(7)
        assert len(lines) == 7, lines
        got = [(a["method"], a.get("operation"), a["decision"], a["reason"], a["status"])
               for a in lines]
        assert got == [
            ("POST", "ContainerStart", "forward", "none", 204),
            ("POST", "ContainerExec", "deny", "operation-not-allowed", 403),
            ("POST", "ContainerCreate", "deny", "field-refused", 403),
            ("POST", "ContainerStart", "deny", "not-owned", 404),
            ("POST", "ContainerCreate", "forward", "none", 201),
            ("GET", "ContainerLogs", "forward", "none", 200),
            ("DELETE", "ContainerDelete", "forward", "none", 204)], got
        assert lines[0]["target"] == START and lines[0]["container"] == MINE, lines[0]
        assert lines[2]["field"] == "HostConfig.Privileged", lines[2]
        assert [a.get("image") for a in lines] == [None, None, IMAGE, None, IMAGE, None, None]
        assert lines[4]["container"] == made and lines[6]["container"] == made, lines
        for i, line in enumerate(lines):
            assert line["uid"] == os.getuid() and line["gid"] == os.getgid(), line
            assert line["pid"] == os.getpid(), line
            assert line["connection"] == lines[0]["connection"], "another connection"
            assert line["request"] == i + 1, line
            assert "time" in line, line
            assert numbers(line, "bytes_in", "bytes_out"), line
            assert any(n.startswith("duration") and line[n] >= 0 for n in line), line


def test_no_credentials_and_no_variables_of_a_build_are_kept():
    secret = "aHVudGVyMg"
    with World() as w:
        for target in ("/v1.41/images/create?authconfig=%s&fromImage=python", "/images/create?fromImage=a&authconfig=%s",
                       "/v1.41/build?buildargs=%%7B%%22A%%22:%%22%s%%22%%7D&t=a", "/nowhere?authconfig=%s",
                       "/images/create?fromImage=a&%%61uthconfig=%s", "/build?build%%61%%72gs=%s",
                       "/images/create?x;authconfig=%s"):
            w.ask("POST", target % secret)
        lines = w.audit(7)
    assert [a["decision"] for a in lines] == ["deny"] * 7, lines
    assert lines[0]["target"] == "/v1.41/images/create?authconfig=**********&fromImage=python", lines[0]
    assert not any(secret in json.dumps(a) for a in lines), lines


def test_ping_is_audited_too():
    with World() as w:
        w.ask("HEAD", PING)
        until("its line", lambda: any(a["method"] == "HEAD" and a["decision"] == "answer" and
                                      a["operation"] == "SystemPingHead"
                                      for a in w.proxy.audit()))


def test_pipelined_requests_have_a_line_each():
    with World(prepare=populate) as w:
        with w.connect() as client:
            client.send(start() * 5 + head("POST", "/v1.41/containers/mine/exec") * 5)
            for _ in range(10):
                client.response()
        lines = w.audit(10)
        assert len(lines) == 10 and [a["request"] for a in lines] == list(range(1, 11)), lines
        assert [a["decision"] for a in lines] == ["forward"] * 5 + ["deny"] * 5, lines


def test_what_is_no_http_has_a_line():
    with World(prepare=populate) as w:
        for data, reason in ((b"hello\r\n\r\n", "head-malformed"),
                             (start(host=None), "head-malformed"),
                             (start("Content-Length: 5", "Content-Length: 6"), "framing-refused"),
                             (start(version="HTTP/2.0"), "http-version"),
                             (start("Expect: x"), "expectation-refused"),
                             (start("Upgrade: x"), "upgrade-refused"),
                             (start("Content-Length: 5") + b"hello", "body-unexpected"),
                             (head("POST", "/%2e"), "target-malformed")):
            seen = len(w.audit(0))
            with w.connect() as client:
                client.send(data)
                client.response()
            lines = until("its line", lambda: w.audit(0)[seen:])
            assert [(a["decision"], a["reason"]) for a in lines] == [("deny", reason)], lines


def test_client_that_goes_has_a_line():
    with World(prepare=populate) as w:
        w.engine.containers[MINE].running = True
        client = w.connect()
        client.send(request("POST", "/v1.41/containers/mine/wait"))
        client.reader.head()
        client.close()
        line = w.audit(1)[0]
        assert line["operation"] == "ContainerWait" and line["reason"] == "client-gone", line


def test_connection_without_a_request_has_none():
    with World(prepare=populate) as w:
        for data in (b"",):
            with w.connect() as client:
                client.send(data)
        w.ask("POST", START)
        assert len(w.audit(1)) == 1


def test_engine_that_breaks_off_has_a_line():
    with World(prepare=populate) as w:
        w.engine.on("POST", "/start$", lambda e: e.close(), times=1)
        assert w.ask("POST", START).status == 502
        line = w.audit(1)[0]
        assert line["reason"] == "engine-broke-off" and line["status"] == 502, line


def test_bytes_are_those_of_the_stream():
    with World(prepare=populate) as w:
        w.engine.containers[MINE].log = [(1, b"x" * 1000)] * 100
        reply = w.ask("GET", "/v1.41/containers/mine/logs?stdout=1")
        line = w.audit(1)[0]
        assert len(reply.body) <= line["bytes_out"] <= len(reply.raw) + 1000, line


def test_odd_bytes_do_not_break_a_line():
    """No client makes a second line, or one that is no JSON."""
    with World(prepare=populate) as w:
        for target in ('/"},{"a":"', "/\\u0000", "/\\", "/a\x7f", "/'", "/\xff\xfe", "/" + "x" * 2000):
            with w.connect() as client:
                client.send(head("POST", target))
                client.response()
        lines = w.audit(7)
        assert len(lines) == 7, lines
        assert all(len(a.get("target", "")) <= 256 * 6 for a in lines)
        errors = w.proxy.log()
        assert "\x7f" not in errors and "\xff" not in errors


def test_audit_into_a_file():
    with World(ALLOW, prepare=populate, start=False) as w:
        path = os.path.join(w.directory, "audit.log")
        with open(w.proxy.policy, "a", encoding="utf-8") as out:
            out.write("[proxy]\naudit = %s\n" % path)
        w.proxy.start()
        w.ask("POST", START)
        w.ask("POST", "/v1.41/containers/mine/exec")
        until("two lines in the file", lambda: os.path.exists(path) and
              len(open(path, encoding="utf-8").read().splitlines()) == 2)
        assert os.stat(path).st_mode & 0o777 == 0o640, oct(os.stat(path).st_mode)
        assert not w.proxy.audit(), "lines went to stderr, too"
        w.proxy.kill()
        w.proxy.start()
        w.ask("POST", START)
        until("a third line behind them", lambda:
              len(open(path, encoding="utf-8").read().splitlines()) == 3)


def test_audit_that_cannot_be_written_does_not_stop_the_proxy():
    with World(ALLOW + "[proxy]\naudit = /dev/full\n", prepare=populate) as w:
        for _ in range(3):
            assert w.ask("POST", START).status in (204, 304)


def test_no_audit():
    with World(ALLOW + "[proxy]\naudit = none\n", prepare=populate) as w:
        assert w.ask("POST", START).status == 204
        assert not w.proxy.audit()
