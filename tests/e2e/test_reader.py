# SPDX-License-Identifier: Apache-2.0
"""The recording upstream of the wire tests reads as a real Engine does: the same bytes, to both.

Of what the Engine understood its answers tell: one for each request, one of Go's own (text, no JSON)
for a head that its server refuses; and none for what follows a body that is broken.
"""
import socket

import real
from client import PATIENCE_S
from go_cases import CASES, LENIENT
from http1 import Eof, ResponseReader
from report import table


def answers(data):
    """The statuses of the Engine's own refusals, and "answer" for all else that it answers."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(PATIENCE_S)
        sock.connect(real.ENGINE.path)
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        reader, found, heads = ResponseReader(lambda: sock.recv(65536)), [], data.count(b"HEAD /")
        try:
            while True:
                reply = reader.response(to_head=heads > len(found))
                own = reply.status in (400, 417, 431, 501, 505) and \
                    reply.one("Content-Type") != "application/json"
                if reply.status >= 200:
                    found.append(reply.status if own else "answer")
        except (Eof, ConnectionResetError):
            return found


def told(understood):
    """What such answers would tell of what our reader understood."""
    return [u if isinstance(u, int) else "answer" for u in understood]


@table(CASES)
def test_bytes(data, understood):
    assert answers(data) == told(understood), (answers(data), understood)


@table(LENIENT)
def test_bytes_that_only_some_engines_take(data, understood):
    """Old ones understand as our reader does; others refuse the head, or what follows."""
    found = answers(data)
    assert found == told(understood) or found in (["answer"], [400]), (found, understood)
