"""One writer thread for all phones of a process: what gathers while one batch commits is the next.

Handlers and sockets hand an upload over and wait; they go on after its COMMIT. The queue is
bounded: when it is full, or the database cannot be reached, they answer 503 and the phone keeps
what it has.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import psycopg2
from django.db import Error as DjangoDatabaseError
from django.db import connection

from patrols import ingest
from patrols.admission import Upload
from patrols.desk import Desk
from patrols.ingest import Receipt
from patrols.storage.carriers import find_phone

log = logging.getLogger(__name__)

DATABASE_TROUBLE = (psycopg2.Error, DjangoDatabaseError)

# Uploads wait at most this many readings deep (about 60 MB); more is answered 503.
MOST_WAITING = 200_000
# … and so many are taken into one transaction.
MOST_TOGETHER = 20_000
# A batch is tried again for this long, within the 15 s that phones wait for an answer.
PATIENCE_S = 8.0
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
RETRY_AFTER_S = 5


class Unavailable(Exception):
    """Not taken: the queue is full or the database cannot be reached. The phone should retry."""


class Waiting[T]:
    """A request that waits in some event loop for what the writer will say."""

    __slots__ = ("future", "loop", "what")

    def __init__(self, what: Any, loop: asyncio.AbstractEventLoop) -> None:
        self.what = what
        self.loop = loop
        self.future: asyncio.Future[T] = loop.create_future()


def now_us() -> int:
    """The present in microseconds since 1970."""
    return time.time_ns() // 1000


class GroupCommit:
    """The queue and its writer thread, started at first use."""

    def __init__(self, *, most_waiting: int = MOST_WAITING, patience_s: float = PATIENCE_S) -> None:
        self.most_waiting = most_waiting
        self.patience_s = patience_s
        self.weight = 0
        self.uploads: deque[Waiting[Receipt]] = deque()
        self.lookups: deque[Waiting[tuple[int, str] | None]] = deque()
        # What the handlers of each loop have put since its last turn; see `put`.
        self.gathering: dict[asyncio.AbstractEventLoop, list[tuple[deque[Any], Waiting[Any]]]] = {}
        self.lock = threading.Lock()
        self.wake = threading.Condition(self.lock)
        self.thread: threading.Thread | None = None
        self.closing = False
        self.down = False

    async def take(self, upload: Upload) -> Receipt:
        """Hand an upload over; returns after its COMMIT. Raises Unavailable."""
        weight = upload.weight
        if self.weight + weight > self.most_waiting:
            raise Unavailable
        waiting: Waiting[Receipt] = Waiting(upload, asyncio.get_running_loop())
        self.put(self.uploads, waiting, weight)
        return await waiting.future

    async def find_phone(self, secrets_sha256: list[str]) -> tuple[int, str] | None:
        """(phone id, which secret) of the first that is a phone's. Raises Unavailable."""
        if len(self.lookups) > 1_000:
            raise Unavailable
        waiting: Waiting[tuple[int, str] | None] = Waiting(
            secrets_sha256, asyncio.get_running_loop()
        )
        self.put(self.lookups, waiting, 0)
        return await waiting.future

    def put(self, queue: deque[Any], waiting: Waiting[Any], weight: int) -> None:
        """Into a queue, together with what else the loop's present turn brings.

        A writer that woke at the first of them would commit it alone, and wait for the interpreter
        while the loop goes through the others.
        """
        loop = waiting.loop
        with self.lock:
            if self.closing:
                raise Unavailable
            self.weight += weight
            gathered = self.gathering.get(loop)
            if gathered is None:
                self.gathering[loop] = [(queue, waiting)]
                loop.call_soon(self.hand_over, loop)
            else:
                gathered.append((queue, waiting))

    def hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        """What one turn of a loop has brought, to the writer; it wakes if it sleeps."""
        with self.lock:
            for queue, waiting in self.gathering.pop(loop, ()):
                queue.append(waiting)
            if self.thread is None:
                self.thread = threading.Thread(target=self.run, name="phone-writer", daemon=True)
                self.thread.start()
            self.wake.notify()

    def close(self) -> None:
        """Write what waits, end the thread, close its connection. Later calls start anew."""
        with self.wake:
            self.closing = True
            for gathered in self.gathering.values():
                for queue, waiting in gathered:
                    queue.append(waiting)
            self.gathering.clear()
            if self.thread is None and (self.uploads or self.lookups):
                self.thread = threading.Thread(target=self.run, name="phone-writer", daemon=True)
                self.thread.start()
            self.wake.notify()
        if self.thread is not None:
            self.thread.join()
        self.thread = None
        self.closing = False

    # The writer thread

    def run(self) -> None:
        """Take, commit, tell; until closed."""
        desk = Desk()
        try:
            while True:
                with self.wake:
                    while not (self.uploads or self.lookups or self.closing):
                        self.wake.wait()
                    if self.closing and not (self.uploads or self.lookups):
                        return
                    lookups = list(self.lookups)
                    self.lookups.clear()
                    uploads = self.gather()
                if lookups:
                    self.look_up(desk, lookups)
                if uploads:
                    self.write(desk, uploads)
        finally:
            connection.close()

    def gather(self) -> list[Waiting[Receipt]]:
        """What has gathered, up to one transaction's worth; at least one upload."""
        gathered: list[Waiting[Receipt]] = []
        weight = 0
        while self.uploads and (not gathered or weight < MOST_TOGETHER):
            waiting = self.uploads.popleft()
            weight += waiting.what.weight
            gathered.append(waiting)
        self.weight -= weight
        return gathered

    def write(self, desk: Desk, batch: list[Waiting[Receipt]]) -> None:
        """One batch, committed; each waiting request is told."""
        try:
            receipts: Sequence[Any] = self.accept(desk, [w.what for w in batch])
        except DATABASE_TROUBLE:
            receipts = [Unavailable()] * len(batch)
        except Exception:
            # A bug that one upload meets must not cost the others.
            log.exception("Taking in a batch of uploads failed; taking them one by one.")
            desk.reconnect()
            receipts = [self.accept_alone(desk, waiting.what) for waiting in batch]
        tell(batch, receipts)

    def accept(self, desk: Desk, uploads: list[Upload]) -> list[Receipt]:
        """`ingest.accept`, tried again on a new connection while the database is away."""
        give_up_s = time.monotonic() + (0 if self.down or self.closing else self.patience_s)
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                receipts = ingest.accept(desk, uploads, now_us())
            except DATABASE_TROUBLE as error:
                desk.reconnect()
                if time.monotonic() + pause_s > give_up_s:
                    if not self.down:
                        log.error("The database does not take positions: %s", describe(error))
                    self.down = True
                    raise
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            else:
                if self.down:
                    log.warning("The database takes positions again.")
                self.down = False
                return receipts

    def accept_alone(self, desk: Desk, upload: Upload) -> Receipt | Unavailable:
        """One upload of a failed batch."""
        try:
            return self.accept(desk, [upload])[0]
        except DATABASE_TROUBLE:
            return Unavailable()
        except Exception:
            log.exception("An upload of phone %s cannot be taken in.", upload.phone_id)
            desk.reconnect()
            return Unavailable()

    def look_up(self, desk: Desk, batch: list[Waiting[tuple[int, str] | None]]) -> None:
        """Phones by their secrets; one more try on a new connection."""
        found: list[Any] = []
        for waiting in batch:
            for attempt in (1, 2):
                try:
                    found.append(find_phone(desk.cursor(), waiting.what))
                    break
                except DATABASE_TROUBLE as error:
                    desk.reconnect()
                    if attempt == 2:
                        log.error("Looking up a phone failed: %s", describe(error))
                        found.append(Unavailable())
        tell(batch, found)


def describe(error: Exception) -> str:
    """The first line of a database error; it may not hold what was sent."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0][:200]}"


def tell(batch: Sequence[Waiting[Any]], outcomes: Sequence[Any]) -> None:
    """Wake the waiting requests, with one call for each event loop."""
    loops: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for waiting, outcome in zip(batch, outcomes, strict=True):
        loops.setdefault(waiting.loop, []).append((waiting.future, outcome))
    for loop, pairs in loops.items():
        try:
            loop.call_soon_threadsafe(set_all, pairs)
        except RuntimeError:
            log.info("%d requests are gone; their loop has ended.", len(pairs))


def set_all(pairs: list[tuple[asyncio.Future[Any], Any]]) -> None:
    """Outcomes to futures, in their loop; requests that were given up are skipped."""
    for future, outcome in pairs:
        if future.done():
            continue
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)


# The one of this process: HTTP and sockets share it.
desk = GroupCommit()
