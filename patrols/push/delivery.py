"""Handing one sealed message to a push service: one request, no redirect, never for long."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from enum import Enum

from patrols.push.addresses import Forbidden, Target, resolve

# For each wait on the network, and for all of it: a server that drips bytes holds nobody.
WAIT_S = 5.0
WHOLE_S = 10.0


class Outcome(Enum):
    """What became of a message. GONE: the browser has ended its subscription."""

    TAKEN = "taken"
    GONE = "gone"
    FAILED = "failed"


def deliver(
    target: Target, body: bytes, headers: Mapping[str, str], *, whole_s: float = WHOLE_S
) -> tuple[Outcome, str]:
    """Send a message; what became of it, and why it failed in words for the log. Never raises for
    what the network does."""
    try:
        status = post(target, resolve(target), body, headers, whole_s)
    except (Forbidden, OSError, http.client.HTTPException) as error:
        return Outcome.FAILED, f"{type(error).__name__}: {error}"
    if status in (404, 410):
        return Outcome.GONE, ""
    if 200 <= status < 300:
        return Outcome.TAKEN, ""
    return Outcome.FAILED, f"it answered {status}"


def post(target: Target, ip: str, body: bytes, headers: Mapping[str, str], whole_s: float) -> int:
    """The status of one POST to that very IP address under the target's name."""
    # Only for the words of HTTP, the Host header among them; the connection is ours.
    speaks = http.client.HTTPSConnection if target.secure else http.client.HTTPConnection
    link = speaks(target.host, target.port, timeout=WAIT_S)
    wire: socket.socket = socket.create_connection((ip, target.port), WAIT_S)
    handle = wire.dup()  # TLS takes the first one over
    end = threading.Timer(whole_s, shut, [handle])
    end.daemon = True
    end.start()
    try:
        if target.secure:
            wire = ssl.create_default_context().wrap_socket(wire, server_hostname=target.host)
        link.sock = wire
        link.request("POST", target.path, body, dict(headers))
        return link.getresponse().status  # what it says beyond that is not read
    finally:
        end.cancel()
        link.close()
        wire.close()
        handle.close()


def shut(wire: socket.socket) -> None:
    """End a connection from outside; whoever reads it gets an error at once."""
    with contextlib.suppress(OSError):  # it is over already
        wire.shutdown(socket.SHUT_RDWR)
