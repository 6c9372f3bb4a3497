# SPDX-License-Identifier: Apache-2.0
"""What is learnt from a run's audit log lets the same run pass, and nothing more."""
import base64
import json
import os
import re
import subprocess
import tempfile

from proxy import ALLOW, BINARY, IMAGE, World
from shared import CREATE, HERE, MINE, populate
from test_observe import observing

FAMILY = "learning"

EXEC = ALLOW.replace("[create]", "ContainerExec = own\n[create]")
VERSION = "/v1.41/version"


def run_all(w):
    """What a client does in its life: the status of each request."""
    statuses = [w.ask("GET", VERSION).status]
    reply = w.ask("POST", CREATE, {"Image": IMAGE, "Cmd": ["true"]})
    statuses.append(reply.status)
    made = json.loads(reply.body).get("Id", "none")
    for method, target in (("POST", "start"), ("POST", "wait"), ("GET", "logs?stdout=1"),
                           ("DELETE", "")):
        target = "/v1.41/containers/%s/%s" % (made, target)
        statuses.append(w.ask(method, target.rstrip("/")).status)
        if made in w.engine.containers:
            w.engine.containers[made].exit()
    return statuses


def learn(*logs, text=None):
    """The learnt policy; `caisson check` accepts it."""
    done = subprocess.run([BINARY, "learn", *logs], input=text, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    checked = subprocess.run([BINARY, "check", "/dev/stdin"], input=done.stdout,
                             capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr + done.stdout
    return done.stdout


def audited(policy, run):
    """A run behind a policy, and its audit log's text."""
    with World(policy, prepare=populate, start=False) as w:
        path = os.path.join(w.directory, "audit.log")
        with open(w.proxy.policy, "a", encoding="utf-8") as out:
            out.write("[proxy]\naudit = %s\n" % path)
        w.proxy.start()
        result = run(w)
        w.proxy.stop()
        with open(path, encoding="utf-8") as log:
            return result, log.read()


def test_the_same_run_passes():
    allowed = EXEC + "[limits]\nlifetime = 1h\n"
    before, log = audited(allowed.replace("[create]", "SystemVersion = yes\n[create]"), run_all)
    assert before == [200, 201, 204, 200, 200, 204], before
    policy = learn("-", text=log)
    assert "ContainerExec" not in policy, policy
    after, log = audited(policy, run_all)
    assert after == before, (after, policy)
    assert '"deny"' not in log, log


def test_what_was_not_used_is_refused():
    _, log = audited(EXEC, run_all)
    with World(learn("-", text=log), prepare=populate) as w:
        for method, target, body in (
                ("POST", "/v1.41/containers/mine/exec", {"Cmd": ["id"]}),
                ("POST", "/v1.41/containers/mine/kill", None),
                ("GET", "/v1.41/containers/mine/json", None),
                ("POST", CREATE, {"Image": "busybox"}),
                ("POST", CREATE, {"Image": IMAGE, "HostConfig": {"Privileged": True}})):
            reply = w.ask(method, target, body)
            assert reply.status == 403, (target, body, reply)
        reply = w.ask("POST", "/v1.41/containers/theirs/start")
        assert reply.status == 404, reply


def test_what_was_refused_is_learnt_too():
    """From nothing, round by round: first operations, then the image that they name."""
    _, log = audited("", run_all)
    first = learn("-", text=log)
    assert "\nContainerCreate = yes " in first and "\nSystemVersion = yes " in first, first
    assert "\n; Image = one-of ..." in first, first
    _, log = audited(first, run_all)
    second = learn("-", text=log)
    assert "\nImage = one-of %s\n" % IMAGE in second, second
    assert "\nContainerCreate = yes " in second, second


def test_a_refused_body_is_learnt_whole():
    """All that a body asked for, not only what was refused first; and with its values alone."""
    body = {"Image": IMAGE, "HostConfig": {"Privileged": True, "Memory": 1 << 30,
                                           "Binds": ["/srv/a:/a:ro"]}}

    def run(w):
        return w.ask("POST", CREATE, body).status
    status, log = audited(ALLOW, run)
    assert status == 403
    policy = learn("-", text=log)
    assert "\nHostConfig.Privileged = allow    ; refused 1, " in policy, policy
    assert audited(policy, run)[0] == 201
    body["HostConfig"]["Binds"] = ["/srv/b:/a:ro"]
    assert audited(policy, run)[0] == 403


def explain(policy, method, target, body, *more):
    """What the proxy would decide."""
    with tempfile.NamedTemporaryFile("w", suffix=".ini") as file:
        file.write(policy)
        file.flush()
        done = subprocess.run([BINARY, "explain", method, target, "--policy", file.name, "--json",
                               "--body", "-", *more], input=json.dumps(body), text=True,
                              capture_output=True, check=False)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def nest(path, value):
    """{"A": [{"B": value}]} for A[].B."""
    head, _, rest = path.partition(".")
    inner = nest(rest, value) if rest else value
    key = "80/tcp" if head.startswith("PortBindings") else "none"
    while head.endswith(("[]", "{}")):
        inner = [inner] if head.endswith("[]") else {key: inner}
        head = head[:-2]
    return {head: inner}


def merge(into, more):
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value
    return into


# What a field cannot be without, or not beside.
COMPANY = {
    "NetworkingConfig.EndpointsConfig": {"HostConfig": {"NetworkMode": "none"}},
    "HostConfig.PortBindings": {"HostConfig": {"NetworkMode": "bridge"}},
}
# Rows that cannot be asked for by such a body alone, and why.
APART = {
    "Image": "learnt by its name", "HostConfig.VolumesFrom": "names a container",
    "VolumesFrom": "the same", "HostConfig.Links": "names a container", "NetworkingConfig.EndpointsConfig{}.Links": "the same",
}


def rows(name):
    with open(os.path.join(HERE, "..", "cases", name), encoding="utf-8") as file:
        for line in file:
            if line.startswith("#") or not line.strip():
                continue
            path, value = line.rstrip("\n").split("\t")[:2]
            if path in APART or value == "-":
                continue
            body = {"HostConfig": {"Tmpfs": {"/t": ""}}}
            if path.startswith("HostConfig.Tmpfs{}."):
                value = json.loads(value)
                word = path.rpartition(".")[2]
                body["HostConfig"]["Tmpfs"]["/t"] = (
                    word if value is True else "%s=%s" % (word, "%o" % value if word == "mode"
                                                          else value))
            else:
                body = nest(path, json.loads(value))
            for prefix, company in COMPANY.items():
                if path.startswith(prefix):
                    body = merge(json.loads(json.dumps(company)), body)
            options = re.match(r"HostConfig\.Mounts\[\]\.(\w+)Options", path)
            if options:
                body["HostConfig"]["Mounts"][0]["Type"] = options[1].lower()
            yield path, body


def round_trip(target, fields, extra):
    """Each body is let through, learnt from alone, and passes under what was learnt."""
    failed = []
    bodies = [(path, dict(body, **extra)) for path, body in fields]
    assert len(bodies) > 5
    with observing() as w:
        with w.connect() as client:
            for _, body in bodies:
                client.ask("POST", target, body)
        lines = [json.dumps(line) for line in w.audit(len(bodies))]
    for (path, body), line in zip(bodies, lines):
        policy = learn("-", text=line + "\n")
        decided = explain(policy, "POST", target.replace("/v1.41/", "/v1.55/"), body, "--owned", MINE + ":mine")
        if decided["decision"] != "forward":
            failed.append("%s: %s" % (path, decided["message"]))
    assert not failed, "\n".join(failed)


def test_every_field_of_a_create():
    round_trip(CREATE, rows("create_fields.tsv"), {"Image": IMAGE})


def test_every_field_of_an_exec():
    round_trip("/v1.41/containers/mine/exec", rows("exec_fields.tsv"), {})


def test_every_field_of_other_bodies():
    for name, target in (("network_fields.tsv", "/v1.41/networks/create"),
                         ("volume_fields.tsv", "/v1.41/volumes/create")):
        extra = {"Name": "net1"} if "networks" in target else {}
        round_trip(target, [r for r in rows(name) if r[0] != "Name"], extra)
    updates = [{"Memory": 1 << 30, "MemorySwap": 2 << 30}, {"CpuShares": 512}, {"PidsLimit": 1000},
               {"RestartPolicy": {"Name": "always"}}, {"CpusetCpus": "0"},
               {"NanoCpus": 2000000000}, {"BlkioWeight": 300}]
    round_trip("/v1.41/containers/mine/update", [(str(u), u) for u in updates], {})


def test_networks_and_volumes_of_ones_own():
    """What was made in the time of the log is `own`, also where another body names it."""
    def run(w):
        made = json.loads(w.ask("POST", "/v1.41/networks/create",
                                {"Name": "net", "Internal": True}).body)["Id"]
        w.ask("POST", "/v1.41/volumes/create", {"Name": "vol"})
        return [w.ask(method, target, body).status for method, target, body in (
            ("GET", "/v1.41/networks/net", None), ("GET", "/v1.41/volumes/vol", None),
            ("GET", "/v1.41/networks", None), ("GET", "/v1.41/volumes", None),
            ("POST", CREATE, {"Image": IMAGE, "HostConfig": {
                "NetworkMode": "net", "Binds": ["vol:/data"]}}),
            ("POST", CREATE, {"Image": IMAGE, "HostConfig": {"NetworkMode": made, "Mounts": [
                {"Type": "volume", "Source": "vol", "Target": "/data"}]}}),
            ("DELETE", "/v1.41/networks/%s" % made[:12], None),
            ("DELETE", "/v1.41/volumes/vol", None))]
    with observing() as w:
        before = run(w)
        lines = w.audit(10)
    assert set(before) <= {200, 201, 204}, before
    policy = learn("-", text="".join(json.dumps(line) + "\n" for line in lines))
    for line in ("NetworkInspect = own", "NetworkList = own", "NetworkDelete = own",
                 "VolumeInspect = own", "VolumeList = own", "NetworkCreate = yes",
                 "HostConfig.NetworkMode = one-of none own, default none",
                 "HostConfig.Binds = one-of own:/data", 'HostConfig.Mounts[].Source = one-of "" own'):
        assert "\n%s    ; " % line in policy, (line, policy)
    after, log = audited(policy, run)
    assert after == before, (after, policy)
    assert '"deny"' not in log, log


def test_networks_of_others():
    with observing() as w:
        w.engine.on("GET", "/networks/theirs$", lambda exchange: exchange.json(200, {}))
        w.ask("GET", "/v1.41/networks/theirs")
        w.ask("GET", "/v1.41/networks")
        lines = w.audit(2)
    policy = learn("-", text="".join(json.dumps(line) + "\n" for line in lines))
    assert "\nNetworkInspect = any    ; " in policy and "\nNetworkList = any    ; " in policy, policy


def test_no_secret_is_kept():
    body = {"Image": IMAGE, "Env": ["PASSWORD=s3cret"], "Labels": {"token": "s3cret"},
            "Cmd": ["login", "s3cret"], "HostConfig": {
                "LogConfig": {"Type": "splunk", "Config": {"splunk-token": "s3cret"}},
                "Mounts": [{"Type": "volume", "Target": "/x", "VolumeOptions": {
                    "DriverConfig": {"Options": {"o": "password=s3cret"}}}}]}}
    with observing() as w:
        w.ask("POST", CREATE, body, "X-Registry-Auth: s3cret")
        line = w.audit(1)[0]
    assert "s3cret" not in json.dumps(line), line
    assert line["asked"]["Env"] == ["PASSWORD"], line
    assert line["asked"]["HostConfig.LogConfig.Config"] == ["splunk-token"], line


def test_no_credentials_are_kept():
    account = {"username": "someb0dy", "password": "s3cret", "auth": "c29tZWIwZHk6czNjcmV0"}
    header = base64.urlsafe_b64encode(json.dumps(account).encode()).decode()
    with observing() as w:
        w.ask("POST", "/v1.41/images/create?fromImage=example.org/alpine&tag=3", None,
              "X-Registry-Auth: " + header)
        w.ask("POST", "/v1.41/auth", account)
        w.ask("POST", "/v1.41/images/create?fromImage=alpine&tag=3", None,
              "X-Registry-Auth: e30=")
        assert header.encode() in w.engine.asked()[0].raw
        lines = w.audit(3)
    for secret in ("s3cret", "someb0dy", header, account["auth"]):
        assert secret not in json.dumps(lines), lines
    policy = learn("-", text="".join(json.dumps(line) + "\n" for line in lines))
    assert "\nCredentials = allow    ; allowed 1, " in policy, policy
    assert "\nPull = one-of example.org/alpine:3 alpine:3    ; allowed 2, " in policy, policy
    assert "\n[auth]\nauth = allow    ; allowed 1, " in policy, policy


def test_a_note_has_a_bound():
    body = {"Image": IMAGE, "HostConfig": {"ExtraHosts": ["host%d:10.0.0.1" % i
                                                          for i in range(3000)],
                                           "Privileged": True}}
    with observing() as w:
        w.ask("POST", CREATE, body)
        line = w.audit(1)[0]
    assert line["asked"]["cut"] == 3000 and line["asked"]["HostConfig.Privileged"] is True, line
    assert len(json.dumps(line)) < 6000
