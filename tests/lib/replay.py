# SPDX-License-Identifier: Apache-2.0
"""What programs really send, as data, and played again: tests/data/replays/*.replay.

A replay is what one program asks of an Engine in one life of it, and what must come of it under the
preset that is meant for it.  record.py writes such steps down.  A file is lines; `#` is a comment:

  preset: FILE                 the policy below policy/presets that it is played under.  What stands
                               before a second such line is done earlier, under the first one, by
                               somebody of the same owner
  agent: TEXT                  the User-Agent of every request

  -- METHOD TARGET             a request.  {name} stands for a value: those of the stage, and kept ones
  ^ NAME: VALUE                a further header
  | TEXT                       its body, JSON; lines are put together
  @ PATH = TEXT                its body is a tar of this file
  => STATUS[|STATUS]...        the answer's status; for 101 the request asks to upgrade ...
  => refuse STATUS TEXT        ... or that of a refusal by the proxy that says TEXT.  An observed
                               program would get through with it, so it is left out there
  sees TEXT | hides TEXT       is, is not in the answer's body
  forced TEXT                  is in it, as the preset wrote it there
  same                         the Engine itself gives the same answer
  absent {name}                the answer is that to what does not exist
  keep NAME = PATH             {NAME} is this member of the answer from now on; {NAME.short} its
                               first 12 digits.  In PATH a '/' within a name stands for a dot.
                               What is no string is JSON
  open NAME                    the answer goes on, as the stream NAME

  << NAME TEXT                 the stream has this to say; without TEXT: it ends
  >> NAME TEXT                 a line for it; without TEXT: no more
  == METHOD TARGET [BODY]      meanwhile somebody else asks this of the Engine itself
"""
import copy
import glob
import io
import json
import os
import re
import shutil
import tarfile
import time

from client import PATIENCE_S, Client, request
from proxy import IMAGE, ROOT

FOLDER = os.path.join(ROOT, "tests", "data", "replays")
PRESETS = os.path.join(ROOT, "policy", "presets")
# What differs between two answers of an Engine to the same question.
VOLATILE = {"Status", "SystemTime", "NFd", "NGoroutines", "NEventsListener", "read", "preread"}


class Step:
    """A line or a few of a replay: what is done and what must come of it."""

    def __init__(self, where, kind, text):
        self.where, self.kind, self.text = where, kind, text
        self.headers, self.body, self.files, self.clauses = [], "", [], []
        self.status = self.refused = None

    @property
    def is_refused(self):
        return self.refused is not None

    @property
    def is_kept_out(self):
        """Whether it shows a wall of the proxy, which is not there while it only observes."""
        return (self.is_refused or any(word == "absent" for word, _ in self.clauses) or
                (self.status == 404 and "{theirs" in self.text))


class Replay:
    def __init__(self, path):
        self.name = os.path.basename(path)[:-len(".replay")]
        self.preset = self.agent = self.earlier = None
        self.steps = []
        with open(path, encoding="utf-8") as text:
            for number, line in enumerate(text, 1):
                if line.strip() and not line.startswith("#"):
                    self.take("%s:%d" % (os.path.basename(path), number), line.rstrip("\n"))
        assert self.preset and self.steps, path + ": it names no preset, or has no steps"

    @property
    def policy(self):
        return os.path.join(PRESETS, self.preset)

    def take(self, where, line):
        word, _, rest = line.partition(" ")
        step = self.steps[-1] if self.steps else None
        if word == "preset:" and self.steps:
            self.earlier, self.steps = copy.copy(self), []
        if word in ("preset:", "agent:"):
            setattr(self, word[:-1], rest)
        elif word in ("--", "<<", ">>", "=="):
            self.steps.append(Step(where, word, rest))
        elif word == "^":
            step.headers.append(rest)
        elif word == "|":
            step.body += rest
        elif word == "@":
            step.files.append(rest.partition(" = ")[::2])
        elif word == "=>":
            match = re.fullmatch(r"(?:(refuse) )?(\d{3}(?:\|\d{3})*)(?: (.*))?", rest)
            assert match, where + ": => [refuse] STATUS[|STATUS]..."
            step.status = [int(status) for status in match[2].split("|")]
            step.refused = (match[3] or "") if match[1] else None
        elif word in ("sees", "hides", "forced", "same", "absent", "keep", "open"):
            step.clauses.append((word, rest))
        else:
            raise AssertionError("%s: '%s' begins no line of a replay" % (where, word))


def replays():
    return [Replay(path) for path in sorted(glob.glob(os.path.join(FOLDER, "*.replay")))]


class Stream:
    """An answer that goes on, or a raw connection."""

    def __init__(self, client, status, headers):
        self.client, self.status, self.headers, self.seen = client, status, headers, b""
        self.chunked = ("transfer-encoding", "chunked") in [(n.lower(), v) for n, v in headers]

    def more(self):
        reader = self.client.reader
        if self.chunked:
            return reader.chunk()
        data, reader.buffer = reader.buffer, b""
        return data or reader.recv()

    def expect(self, words):
        while words not in self.seen:
            data = self.more()
            assert data, "the stream ended without %r: %r" % (words, self.seen[-1000:])
            self.seen += data
        self.seen = self.seen.partition(words)[2]

    def end(self):
        while self.more():
            pass


def stable(value):
    """A JSON value without what changes by itself."""
    if isinstance(value, dict):
        return {k: stable(v) for k, v in value.items() if k not in VOLATILE}
    if isinstance(value, list):  # an Engine lists networks in any order
        return sorted((stable(v) for v in value), key=lambda v: json.dumps(v, sort_keys=True))
    return value


def tar_of(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, text in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return out.getvalue()


def nothing_like(value):
    """A name for nothing, in the form of a value."""
    if re.fullmatch("[0-9a-f]{12,64}", value):
        return "0123456789abcdef"[len(value) % 7] * len(value)
    return "caisson-nothing"


class Player:
    """Plays a replay at a socket; engine may be None where nothing is to be compared with it."""

    def __init__(self, replay, path, values, engine, walls=True):
        self.walls = walls  # whether what is somebody else's is to be hidden
        self.replay, self.path, self.engine = replay, path, engine
        self.values, self.streams = dict(values), {}

    def fill(self, text):
        def value(match):
            assert match[1] in self.values, "nothing is named {%s} yet" % match[1]
            return self.values[match[1]]
        return re.sub(r"\{([a-z][\w.-]*)\}", value, text)

    def bytes_of(self, step, target):
        method = step.text.partition(" ")[0]
        headers = ["User-Agent: " + self.replay.agent] if self.replay.agent else []
        headers += [self.fill(h) for h in step.headers]
        if step.status == [101]:
            headers += ["Connection: Upgrade", "Upgrade: tcp"]
        if step.files:
            body = tar_of([(name, self.fill(text)) for name, text in step.files])
            whole = request(method, target, body, *headers)
            return whole.replace(b"Content-Type: application/json\r\n", b"")
        return request(method, target, self.fill(step.body) or None, *headers)

    def ask(self, step):
        method, _, target = step.text.partition(" ")
        target = self.fill(target)
        client = Client(self.path)
        client.send(self.bytes_of(step, target))
        status, headers = client.reader.head()
        opens = [name for word, name in step.clauses if word == "open"]
        if opens:
            self.streams[opens[0]] = Stream(client, status, headers)
            assert status in step.status, "the answer is %d" % status
            return
        with client:
            body = client.reader.body(status, headers, method == "HEAD")
        assert status in step.status, "the answer is %d %r" % (status, body[:600])
        if step.is_refused:
            said = json.loads(body)["message"]
            assert said.startswith("caisson: ") and step.refused in said, said
        for word, rest in step.clauses:
            getattr(self, "check_" + word)(step, method, target, body, rest)

    def check_sees(self, step, method, target, body, text):
        words, end = self.fill(text).encode(), time.monotonic() + PATIENCE_S
        # A program that runs writes what it has to say when it comes to it.
        while words not in body and "/logs?" in target and time.monotonic() < end:
            time.sleep(0.05)
            with Client(self.path) as client:
                client.send(self.bytes_of(step, target))
                body = client.response(method == "HEAD").body
        assert words in body, "%s is not in %r" % (self.fill(text), body[:2000])

    def check_hides(self, _step, _method, _target, body, text):
        assert not self.walls or self.fill(text).encode() not in body, "%s is in %r" % (self.fill(text), body[:2000])

    def check_forced(self, step, method, target, body, text):
        if self.walls:
            self.check_sees(step, method, target, body, text)

    def check_keep(self, _step, _method, _target, body, text):
        name, _, path = text.partition(" = ")
        value = json.loads(body)
        for part in path.split("."):
            value = value[int(part) if isinstance(value, list) else part.replace("/", ".")]
        self.values[name] = value if isinstance(value, str) else json.dumps(value)
        self.values[name + ".short"] = str(value)[:12]

    def check_same(self, _step, method, target, body, _text):
        if not self.engine:
            return
        direct = self.engine.ask(method, target).body
        assert stable(json.loads(body)) == stable(json.loads(direct)), \
            "the engine says\n%r, the proxy\n%r" % (direct[:3000], body[:3000])

    def check_absent(self, step, method, _target, body, text):
        value = self.fill(text)
        other = nothing_like(value)
        target = self.fill(step.text.partition(" ")[2]).replace(value, other)
        with Client(self.path) as client:
            client.send(self.bytes_of(step, target))
            reply = client.response(method == "HEAD")
        assert reply.body.replace(other.encode(), b"REF") == body.replace(value.encode(), b"REF"), \
            "what is not there: %r, what is another's: %r" % (reply.body, body)

    def step(self, step):
        name, _, text = step.text.partition(" ")
        text = self.fill(text)
        if step.kind == "--":
            self.ask(step)
        elif step.kind == "==" and self.engine:
            target, _, body = text.partition(" ")
            self.engine.ask(name, target, json.loads(body) if body else None)
        elif step.kind == "<<" and text:
            self.streams[name].expect(text.encode())
        elif step.kind == "<<":
            self.streams.pop(name).end()
        elif step.kind == ">>" and text:
            self.streams[name].client.send(text.encode() + b"\n")
        elif step.kind == ">>":
            self.streams[name].client.half_close()

    def close(self):
        for stream in self.streams.values():
            stream.client.close()


def play(replay, path, values, engine=None, refused=True, earlier=True):
    """Plays it at the socket `path`; AssertionError with FILE:LINE at the first thing that is not
    as it must be.  refused=False leaves out what must be refused, or not be seen.  What is done
    earlier is done at the same socket, unless earlier=False.  Returns the values known then."""
    if replay.earlier and earlier:
        values = play(replay.earlier, path, values, engine, refused)
    player = Player(replay, path, values, engine, refused)
    try:
        for step in replay.steps:
            if step.is_kept_out and not refused:
                continue
            try:
                player.step(step)
            except Exception as error:
                raise AssertionError("%s: %s: %s" % (step.where, player.fill(step.text)[:300],
                                                     error or type(error))) from error
    finally:
        player.close()
    return player.values


class Stage:
    """What is on the Engine beside a program: a running container of somebody else, its network
    and its volume; and one more, {other}, to which a replay may let something happen.  And on the
    host a {folder} with the folder `project`, where a preset has /srv/agent.
    `with Stage(engine) as stage: play(replay, socket, stage.values, engine)`."""

    NAME, OTHER, FOLDER = "caisson-theirs", "caisson-other", "/srv/agent"

    def __init__(self, engine):
        self.engine = engine
        # Beside the socket, where an Engine with a root of its own sees it, too.
        self.folder = os.path.join(os.path.dirname(engine.path), "stage")
        self.values = {"image": IMAGE, "theirs.name": self.NAME, "theirs.network": self.NAME,
                       "theirs.volume": self.NAME, "folder": self.folder}

    def __enter__(self):
        self.clear()
        project = os.path.join(self.folder, "project")
        os.makedirs(project)
        with open(os.path.join(project, "given"), "w", encoding="ascii") as given:
            given.write("given to the project\n")
        os.chown(project, 1000, 1000)
        os.chmod(project, 0o777)  # whoever it is that a policy makes of the program
        for kind in ("networks", "volumes"):
            reply = self.engine.ask("POST", "/%s/create" % kind, {"Name": self.NAME})
            assert reply.status == 201, "the engine answers %r" % reply
        body = {"Image": IMAGE, "Cmd": ["sh", "-c", "echo their secret; sleep 1; "
                                        "while :; do echo tick; sleep 1; done"],
                "Env": ["PASSWORD=theirs"],
                "Labels": {"traefik.enable": "true", "prometheus-job": "theirs",
                           "com.docker.compose.project": "theirs"},
                "HostConfig": {"NetworkMode": self.NAME, "Binds": [self.NAME + ":/data"],
                               "Init": True}}
        reply = self.engine.ask("POST", "/containers/create?name=" + self.NAME, body)
        assert reply.status == 201, "the engine answers %r" % reply
        ident = json.loads(reply.body)["Id"]
        reply = self.engine.ask("POST", "/containers/%s/start" % ident)
        assert reply.status == 204, "the engine answers %r" % reply
        self.engine.said(ident, b"their secret")
        self.values.update({
            "theirs": ident, "theirs.short": ident[:12], "now": str(int(time.time())),
            "other": self.engine.make(self.OTHER),
            "theirs.network.id": self.engine.get("/networks/" + self.NAME)["Id"],
            "image.id": self.engine.get("/images/%s/json" % IMAGE)["Id"]})
        return self

    def policy(self, text):
        """A preset as it is played here."""
        return text.replace(self.FOLDER, self.folder)

    def clear(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in (self.NAME, self.OTHER):
            self.engine.remove_container(name)
        self.engine.remove("networks", self.NAME)
        self.engine.remove("volumes", self.NAME, "?force=1")

    def __exit__(self, *_):
        self.clear()

    def state(self):
        """All of the Engine that a program must leave as it was."""
        theirs = self.engine.inspect(self.values["theirs"])
        theirs.pop("ExecIDs")  # an Engine forgets those that ended by and by
        volumes = self.engine.get("/volumes")["Volumes"] or []
        return {"theirs": theirs, "containers": self.engine.ids(),
                "networks": {n["Id"]: n["Containers"] for n in self.engine.get("/networks")},
                "volumes": {v["Name"] for v in volumes},
                "images": {(i["Id"], tuple(sorted(i["RepoTags"] or [])))
                           for i in self.engine.get("/images/json?all=1")}}
