# SPDX-License-Identifier: Apache-2.0
"""What people do with the Python SDK, from create to remove: sdk.py IMAGE FOREIGN"""
import sys

import docker
import docker.errors

image, foreign = sys.argv[1:]
client = docker.from_env(timeout=180)
assert client.ping() and client.version()["ApiVersion"]

box = client.containers.create(image, ["sh", "-c", "echo to stdout; echo to stderr >&2; read x; "
                                       "exit 3"], name="caisson-sdk", labels={"a": "b"},
                               stdin_open=True, mem_limit="64m")
assert box.status == "created" and box.labels["a"] == "b", box.attrs
box.start()
done = box.exec_run(["sh", "-c", "echo inside; exit 4"])
assert (done.exit_code, done.output) == (4, b"inside\n"), done
stdin = box.attach_socket(params={"stdin": 1, "stream": 1})
stdin._sock.sendall(b"go\n")
assert box.wait()["StatusCode"] == 3
stdin.close()
logs = box.logs()
assert b"to stdout\n" in logs and b"to stderr\n" in logs, logs
assert box.logs(stdout=False) == b"to stderr\n"
assert [c.name for c in client.containers.list(all=True)] == ["caisson-sdk"]
box.remove()
assert client.containers.list(all=True) == []

assert client.containers.run(image, ["echo", "run"], remove=True) == b"run\n"
box = client.containers.run(image, ["sleep", "600"], detach=True)
box.reload()
assert box.status == "running" and box.stats(stream=False)["id"] == box.id
assert [line for line in box.exec_run("echo streamed", stream=True).output] == [b"streamed\n"]
box.stop(timeout=1)
box.remove(v=True, force=True)

for ref in (foreign, "caisson-nothing"):
    try:
        client.containers.get(ref)
        raise SystemExit("%s is there" % ref)
    except docker.errors.NotFound as error:
        assert "No such container: " + ref in str(error), error
try:
    client.containers.run(image, ["true"], privileged=True)
    raise SystemExit("a privileged container ran")
except docker.errors.APIError as error:
    assert "caisson: HostConfig.Privileged" in str(error), error
print("passed")
