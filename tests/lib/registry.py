# SPDX-License-Identifier: Apache-2.0
"""An image registry on 127.0.0.1, which every Engine trusts without TLS: `with Registry() as r:`.

It keeps everything in memory, takes pushes, and remembers what it was asked.  With a password it
wants one, as "me".
"""
import base64
import gzip
import hashlib
import http.server
import io
import json
import os
import re
import tarfile
import threading

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def busybox_layer(**files):
    """A tar with this machine's busybox as /bin/sh and whatever else is asked for."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, path in (("bin/busybox", "/bin/busybox"),):
            with open(os.path.realpath(path), "rb") as file:
                add(tar, name, file.read(), 0o755)
        for name in ("bin/sh", "bin/cat", "bin/id"):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
        for name, text in files.items():
            add(tar, name, text.encode())
    return out.getvalue()


def add(tar, name, data, mode=0o644):
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), mode
    tar.addfile(info, io.BytesIO(data))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        whole = b""
        while True:
            size = int(self.rfile.readline(), 16)
            whole += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return whole

    def serve(self):
        registry, path = self.server.registry, self.path.partition("?")[0]
        data = self.body()
        registry.asked.append((self.command, path))
        wanted = "Basic " + base64.b64encode(b"me:" + (registry.password or "").encode()).decode()
        if registry.password and self.headers.get("Authorization") != wanted:
            return self.answer(401, b"{}", WWW_Authenticate='Basic realm="test"')
        if path == "/v2/":
            return self.answer(200, b"{}")
        match = re.match(r"/v2/(.+)/(manifests|blobs)/(.*)$", path)
        if not match:
            return self.answer(404)
        name, kind, ref = match.groups()
        if kind == "manifests" and self.command == "PUT":
            return self.answer(201, Docker_Content_Digest=registry.put(name, ref, data))
        if ref.startswith("uploads/"):
            return self.upload(registry, name, ref, data)
        found = registry.manifests.get((name, ref)) if kind == "manifests" else \
            registry.blobs.get(ref)
        if found is None:
            return self.answer(404, b'{"errors":[]}')
        return self.answer(200, found, Docker_Content_Digest=digest_of(found),
                           Content_Type=MANIFEST if kind == "manifests"
                           else "application/octet-stream")

    def upload(self, registry, name, ref, data):
        place = "/v2/%s/blobs/uploads/1" % name
        if self.command == "POST":
            return self.answer(202, Location=place, Docker_Upload_UUID="1", Range="0-0")
        key = (name, ref)
        registry.parts[key] = registry.parts.get(key, b"") + data
        if self.command == "PATCH":
            return self.answer(202, Location=place, Docker_Upload_UUID="1",
                               Range="0-%d" % (len(registry.parts[key]) - 1))
        whole = registry.parts.pop(key)
        registry.blobs[digest_of(whole)] = whole
        return self.answer(201, Location="/v2/%s/blobs/%s" % (name, digest_of(whole)),
                           Docker_Content_Digest=digest_of(whole))

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = serve

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


class Registry:
    def __init__(self, password=None):
        self.password = password
        self.blobs, self.manifests, self.parts, self.asked = {}, {}, {}, []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.registry, self.server.daemon_threads = self, True

    @property
    def host(self):
        return "127.0.0.1:%d" % self.server.server_port

    def put(self, name, ref, manifest):
        self.manifests[name, ref] = self.manifests[name, digest_of(manifest)] = manifest
        return digest_of(manifest)

    def add(self, name, *tags, **config):
        """An image of busybox and a file /about with its name and tag; the digest of the last."""
        digest = None
        for tag in tags:
            layer = busybox_layer(about=name + ":" + tag)
            zipped = gzip.compress(layer, 1, mtime=0)
            image = json.dumps({"architecture": "amd64", "os": "linux", "config": config,
                                "rootfs": {"type": "layers", "diff_ids": [digest_of(layer)]},
                                "history": [{"created_by": "test"}]}).encode()
            for blob in (zipped, image):
                self.blobs[digest_of(blob)] = blob
            digest = self.put(name, tag, json.dumps({
                "schemaVersion": 2, "mediaType": MANIFEST,
                "config": {"mediaType": CONFIG, "size": len(image), "digest": digest_of(image)},
                "layers": [{"mediaType": LAYER, "size": len(zipped),
                            "digest": digest_of(zipped)}]}).encode())
        return digest

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
