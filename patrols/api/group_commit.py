"""One writer process for all phones of a server process: what gathers while it commits is next.

Handlers and sockets hand an upload over and wait; they go on after its COMMIT. The writer is a
process of its own (`patrols.writing`), because taking and writing would otherwise wait for each
other in one interpreter (docs/benchmarks.md). What is under way is bounded: above that, or when
the database cannot be reached, phones are answered 503 and keep what they have. If the writer
dies, so are those that wait, and the next upload starts a new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import subprocess
import sys
import threading
from collections import deque
from typing import Any

from django.conf import settings
from django.db import connection

from patrols.admission import Upload
from patrols.ingest import Receipt
from patrols.writing.messages import Arriving, Found, Given, Opening, pack, read_told

log = logging.getLogger(__name__)

# Uploads wait at most this many readings deep (about 60 MB); more is answered 503.
MOST_WAITING = 200_000
MOST_LOOKUPS = 1_000
# A batch is tried again for this long, within the 15 s that phones wait for an answer.
PATIENCE_S = 8.0
RETRY_AFTER_S = 5
# Of what one turn of an event loop brings, so much (uploads and readings) goes over at once, not at
# its end: then the writer commits the first while the loop still reads the last.
AT_ONCE = 32
READ_AT_ONCE = 2**20
# How long the end of a writer is waited for: its patience, and one commit.
END_WITHIN_S = 20.0


class Unavailable(Exception):
    """Not taken: too much waits or the database cannot be reached. The phone should retry."""


class Link:
    """An event loop's writer process and the socket to it; used in that loop only."""

    def __init__(self, loop: asyncio.AbstractEventLoop, patience_s: float) -> None:
        self.loop = loop
        self.weight = 0  # of the uploads that wait
        self.uploads: deque[tuple[asyncio.Future[Receipt], int]] = deque()
        self.lookups: deque[asyncio.Future[tuple[int, str] | None]] = deque()
        self.given = Given()  # what this turn of the loop has brought and is not sent
        self.given_weight = 0
        self.in_turn = False
        self.unsent = b""
        self.arriving = Arriving()
        self.closing = self.dead = False
        self.socket, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "patrols.writing", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                cwd=settings.BASE_DIR,
            )
        self.socket.setblocking(False)
        loop.add_reader(self.socket, self.receive)
        self.send(pack(Opening(database_parameters(), patience_s)))

    def take(self, upload: Upload, weight: int) -> asyncio.Future[Receipt]:
        """Hand an upload over, at the end of this turn at the latest."""
        future: asyncio.Future[Receipt] = self.loop.create_future()
        self.uploads.append((future, weight))
        self.weight += weight
        self.given.uploads.append(upload)
        self.given_weight += weight
        if self.given_weight >= AT_ONCE:
            self.hand_over()
        elif not self.in_turn:
            self.begin_turn()
        return future

    def find_phone(self, secrets_sha256: list[str]) -> asyncio.Future[tuple[int, str] | None]:
        """Ask whose the first known secret is, at the end of this turn."""
        future: asyncio.Future[tuple[int, str] | None] = self.loop.create_future()
        self.lookups.append(future)
        self.given.secrets.append(secrets_sha256)
        if not self.in_turn:
            self.begin_turn()
        return future

    def begin_turn(self) -> None:
        """See that what this turn brings goes over at its end."""
        self.in_turn = True
        self.loop.call_soon(self.end_turn)

    def end_turn(self) -> None:
        """What this turn has brought and was not handed over."""
        self.in_turn = False
        self.hand_over()

    def hand_over(self) -> None:
        """What has been given, to the writer."""
        if not self.dead and (self.given.uploads or self.given.secrets):
            given, self.given = self.given, Given([], [])
            self.given_weight = 0
            self.send(pack(given))

    def send(self, data: bytes) -> None:
        """Over the socket, the rest as soon as there is room."""
        if self.unsent:
            self.unsent += data
            return
        self.unsent = data
        self.send_on()
        if self.unsent:
            self.loop.add_writer(self.socket, self.send_on)

    def send_on(self) -> None:
        """As much of what is unsent as there is room for."""
        try:
            sent = self.socket.send(self.unsent)
        except BlockingIOError:
            return
        except OSError:
            self.die()
            return
        self.unsent = self.unsent[sent:]
        if not self.unsent:
            self.loop.remove_writer(self.socket)
            if self.closing:
                self.socket.shutdown(socket.SHUT_WR)

    def receive(self) -> None:
        """Answers from the writer, to those who wait."""
        try:
            data = self.socket.recv(READ_AT_ONCE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.die()
            return
        for message in self.arriving.take(data):
            told = read_told(message)
            for receipt in told.receipts:
                future, weight = self.uploads.popleft()
                self.weight -= weight
                if future.done():
                    continue  # given up by its request
                if receipt is None:
                    future.set_exception(Unavailable())
                else:
                    future.set_result(receipt)
            for found in told.found:
                answer(self.lookups.popleft(), found)

    def close(self) -> None:
        """Send what this turn has brought, and that nothing more comes."""
        self.hand_over()
        self.closing = True
        if not self.unsent and not self.dead:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)

    def die(self) -> None:
        """The writer has gone: nobody who still waits knows what became of theirs."""
        if self.dead:
            return
        self.dead = True
        self.loop.remove_reader(self.socket)
        self.loop.remove_writer(self.socket)
        self.socket.close()
        waiting: list[asyncio.Future[Any]] = [future for future, _ in self.uploads]
        waiting += self.lookups
        if waiting or not self.closing:
            log.error("The writer of positions has died; %d requests are told so.", len(waiting))
        for future in waiting:
            if not future.done():
                future.set_exception(Unavailable())
        self.uploads.clear()
        self.lookups.clear()
        # It has closed its end, so it is about to end; a process that was killed has.
        threading.Thread(target=self.process.wait, name="writer-end", daemon=True).start()


class GroupCommit:
    """The writers of this process: one for each event loop, started at first use."""

    def __init__(self, *, most_waiting: int = MOST_WAITING, patience_s: float = PATIENCE_S) -> None:
        self.most_waiting = most_waiting
        self.patience_s = patience_s
        self.links: dict[asyncio.AbstractEventLoop, Link] = {}

    def take(self, upload: Upload) -> asyncio.Future[Receipt]:
        """Hand an upload over; done after its COMMIT. Raises Unavailable, now or then."""
        link = self.link()
        weight = upload.weight
        if link.weight + weight > self.most_waiting:
            raise Unavailable
        return link.take(upload, weight)

    def find_phone(self, secrets_sha256: list[str]) -> asyncio.Future[tuple[int, str] | None]:
        """(phone id, which secret) of the first that is a phone's. Raises Unavailable likewise."""
        link = self.link()
        if len(link.lookups) > MOST_LOOKUPS:
            raise Unavailable
        return link.find_phone(secrets_sha256)

    def link(self) -> Link:
        """The running loop's writer. Raises Unavailable if none can be started."""
        loop = asyncio.get_running_loop()
        link = self.links.get(loop)
        if link is None or link.dead or link.closing:
            try:
                link = self.links[loop] = Link(loop, self.patience_s)
            except OSError as error:
                log.error("The writer of positions cannot be started: %s", error)
                raise Unavailable from error
        return link

    def close(self) -> None:
        """Write what waits and end the writers; a later call starts new ones.

        Not from within their loops.
        """
        links = [*self.links.values()]
        self.links.clear()
        for link in links:
            try:
                link.loop.call_soon_threadsafe(link.close)
            except RuntimeError:  # its loop has ended
                link.socket.close()
            link.process.wait(END_WITHIN_S)


def answer(future: asyncio.Future[tuple[int, str] | None], found: Found) -> None:
    """What a look-up has brought, to the request that waits for it."""
    if future.done():
        return
    if not found.reached:
        future.set_exception(Unavailable())
    elif found.phone_id is None:
        future.set_result(None)
    else:
        future.set_result((found.phone_id, found.secret_sha256))


def database_parameters() -> dict[str, Any]:
    """What the writer needs to connect as this process does."""
    given = connection.get_connection_params()
    return {name: value for name, value in given.items() if isinstance(value, (str, int))}


# The one of this process: HTTP and sockets share it.
desk = GroupCommit()
