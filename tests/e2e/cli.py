# SPDX-License-Identifier: Apache-2.0
"""Stock docker clients through the proxy: with pipes, and in a terminal."""
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

from client import PATIENCE_S


def clients():
    """(version, path) of every docker client on the PATH, each once."""
    found = {}
    for folder in os.environ["PATH"].split(":") + ["/usr/bin", "/usr/local/bin"]:
        path = os.path.join(folder, "docker")
        if os.access(path, os.X_OK):
            done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
            found.setdefault(os.path.realpath(path), (done.stdout.split(",")[0].strip(), path))
    return list(found.values())


def environment(w):
    return {"PATH": os.environ["PATH"], "DOCKER_HOST": w.host, "HOME": w.directory,
            "TERM": "dumb", "COMPOSE_HTTP_TIMEOUT": str(int(PATIENCE_S))}


def docker(w, path, *arguments, stdin=""):
    """One client from its start to its end; stdin, stdout and stderr are text, or all bytes."""
    return subprocess.run([path, *arguments], env=environment(w), input=stdin, check=False,
                          capture_output=True, text=isinstance(stdin, str), timeout=PATIENCE_S)


def good(w, path, *arguments, stdin=""):
    done = docker(w, path, *arguments, stdin=stdin)
    assert done.returncode == 0, "docker %s: %s" % (" ".join(arguments), done.stderr)
    return done.stdout.strip()


class Pipes:
    """A client that goes on while the test does: `with Pipes(w, path, "logs", "-f", ref) as p`."""

    def __init__(self, w, path, *arguments):
        self.seen = b""
        self.process = subprocess.Popen([path, *arguments], env=environment(w),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        self.reading, self.writing = self.process.stdout.fileno(), self.process.stdin.fileno()

    def write(self, data):
        os.write(self.writing, data)

    def read(self):
        """What has come, b"" at the end."""
        return os.read(self.reading, 65536)

    def expect(self, words):
        """Reads until the words have come; what came before them and is new."""
        end = time.monotonic() + PATIENCE_S
        while words not in self.seen:
            ready = select.select([self.reading], [], [], max(0, end - time.monotonic()))[0]
            data = self.read() if ready else b""
            assert data, "waited in vain for %r after %r" % (words, self.seen[-2000:])
            self.seen += data
        before, _, self.seen = self.seen.partition(words)
        return before

    def provoke(self, act, words):
        """Does it again and again until the client tells of it: it may not listen yet."""
        end = time.monotonic() + PATIENCE_S
        while words not in self.seen:
            assert time.monotonic() < end, "waited in vain for %r" % words
            act()
            if select.select([self.reading], [], [], 0.3)[0]:
                data = self.read()
                assert data, "the client ended without %r: %r" % (words, self.seen[-2000:])
                self.seen += data
        self.seen = self.seen.partition(words)[2]

    def end(self):
        """Reads to the end; the exit status."""
        while select.select([self.reading], [], [], PATIENCE_S)[0]:
            data = self.read()
            if not data:
                break
            self.seen += data
        return self.process.wait(PATIENCE_S)

    def close(self):
        for pipe in (self.process.stdin, self.process.stdout):
            pipe.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.close()


class Terminal(Pipes):
    """A client whose standard streams are a terminal of its own."""

    def __init__(self, w, path, *arguments, size=(24, 80)):
        # pylint: disable=super-init-not-called
        self.seen = b""
        self.reading, slave = pty.openpty()
        self.writing = self.reading
        self.resize(*size)
        self.process = subprocess.Popen(
            [path, *arguments], env=environment(w), stdin=slave, stdout=slave, stderr=slave,
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)

    def resize(self, rows, columns):
        """The client hears of it by a SIGWINCH from the kernel."""
        fcntl.ioctl(self.reading, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize_until(self, rows, columns, words):
        """Resizes, and tells the client until the words come: it may not listen for sizes yet."""
        self.resize(rows, columns)
        self.provoke(lambda: self.process.send_signal(signal.SIGWINCH), words)

    def read(self):
        try:
            return super().read()
        except OSError:  # EIO: nobody has the other side any more
            return b""

    def close(self):
        os.close(self.reading)
