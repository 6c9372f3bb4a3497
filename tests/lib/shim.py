# SPDX-License-Identifier: Apache-2.0
"""The test's end of tests/shim/shim.c: a proxy with a bad world below it.

    with ShimWorld(policy) as w:
        w.shim.set(fail_at=7, fail_count=1)
"""
import mmap
import os
import struct
import subprocess

import proxy
from proxy import BINARY, WRAPPER, World
from report import Skip

LIBRARY = os.path.join(os.path.dirname(BINARY), "shim.so")
FIELDS = ("fail_at", "fail_count", "failed", "asked", "live", "interrupt_every", "interrupted",
          "shorten_every", "calls", "wall_offset_s", "spliced", "splice_errno")


class Shim:
    def __init__(self, path):
        self.path = path
        with open(path, "wb") as out:
            out.truncate(4096)
        with open(path, "r+b") as page:
            self.page = mmap.mmap(page.fileno(), 4096)

    def __getattr__(self, name):
        return struct.unpack_from("q", self.page, 8 * FIELDS.index(name))[0]

    def set(self, **fields):
        for name, value in fields.items():
            struct.pack_into("q", self.page, 8 * FIELDS.index(name), value)

    def calm(self):
        """The world is good again."""
        self.set(fail_at=0, interrupt_every=0, shorten_every=0, wall_offset_s=0, splice_errno=0)

    def environment(self):
        return dict(os.environ, LD_PRELOAD=LIBRARY, CAISSON_SHIM=self.path)


class ShimProxy(proxy.Proxy):
    shim = None

    def spawn(self):
        self.ended = False
        if proxy.SPLICE:
            self.say_splice()
        with open(self.errors, "ab") as errors:
            self.process = subprocess.Popen(
                [BINARY, "serve", "--policy", self.policy, "--listen", "unix:" + self.listen,
                 "--upstream", "unix:" + self.upstream] + self.arguments,
                stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
                env=self.shim.environment())
        return self


class ShimWorld(World):
    def __init__(self, *arguments, **options):
        needs_shim()
        super().__init__(*arguments, **options)
        old = self.proxy
        self.proxy = ShimProxy(self.directory, old.upstream, old.policy)
        self.shim = self.proxy.shim = Shim(os.path.join(self.directory, "shim"))


def needs_shim():
    """Where something else has taken memory's place already, the shim cannot."""
    if WRAPPER:
        raise Skip("%s has its own memory" % WRAPPER)
    with open(BINARY, "rb") as binary:
        if b"__asan_init" in binary.read():
            raise Skip("the sanitizer has its own memory")
    if not os.path.exists(LIBRARY):
        raise AssertionError("%s is not built: make wire" % LIBRARY)
