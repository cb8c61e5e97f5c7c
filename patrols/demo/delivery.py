"""Carries requests to the product's own ingest over HTTP, as phones would."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import local
from urllib.parse import urlsplit

from patrols.simulation.dialects import Request

TIMEOUT_S = 30.0
RETRY_S = 0.5
# 503 means: keep it and try again. A server that says so for this long does not work.
PATIENCE_S = 60.0
AGAIN = (429, 503)
LINES = 8


class Undelivered(Exception):
    """The ingest could not be reached, or refused; the message says which, for a person."""


class Line:
    """One phone connection, kept open."""

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Undelivered(f"{url} is no address: give one such as http://localhost:8000.")
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self.connection = kind(parts.hostname, parts.port, timeout=timeout_s)
        self.prefix = parts.path.rstrip("/")

    def post(self, request: Request) -> int:
        """The status of the answer. Raises Undelivered when there is none."""
        for attempt in (1, 2):
            try:
                self.connection.request(
                    "POST", self.prefix + request.path, request.body, dict(request.headers)
                )
                answer = self.connection.getresponse()
                answer.read()
                return answer.status
            except (OSError, http.client.HTTPException) as error:
                self.connection.close()
                # The server may have closed an idle connection: once more on a new one.
                if attempt == 2:
                    raise Undelivered(f"The ingest does not answer: {error}.") from error
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Hang up."""
        self.connection.close()


def deliver(line: Line, request: Request, patience_s: float = PATIENCE_S) -> None:
    """Post until it is taken, as a phone's queue does. Raises Undelivered when it never is."""
    until = time.monotonic() + patience_s
    while True:
        status = line.post(request)
        if 200 <= status < 300:
            return
        if status not in AGAIN:
            raise Undelivered(f"The ingest answered {status} to {request.path}.")
        if time.monotonic() > until:
            raise Undelivered(f"The ingest answered {status} for {patience_s:.0f} s.")
        time.sleep(RETRY_S)


def deliver_all(
    url: str,
    queues: Iterable[Sequence[Request]],
    *,
    done: Callable[[int], None] = lambda count: None,
) -> int:
    """Deliver many phones' queues, several phones at a time, each phone in its own order.

    `done` is told how many requests a finished queue had. Returns how many were delivered.
    """
    here = local()
    lines: list[Line] = []

    def empty(queue: Sequence[Request]) -> int:
        if not hasattr(here, "line"):
            here.line = Line(url)
            lines.append(here.line)
        for request in queue:
            deliver(here.line, request)
        return len(queue)

    total = 0
    try:
        with ThreadPoolExecutor(LINES) as pool:
            for count in pool.map(empty, queues):
                total += count
                done(count)
    finally:
        for line in lines:
            line.close()
    return total
