"""The door of a server process: rights of all open sockets, read again in a few queries.

A socket enters with what its session allowed. Every 20 s the door reads that again for everybody
at once and shows out those who get another answer, and whoever has stayed for a day.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from channels.db import database_sync_to_async
from django.db import DatabaseError, InterfaceError

log = logging.getLogger(__name__)

RIGHTS_PERIOD_S = 20.0
LONGEST_S = 24 * 3600.0

# Why a socket was closed, in the range that is ours (RFC 6455, 7.4.2).
AGED, RIGHTS_CHANGED, TOO_SLOW = 4000, 4403, 4408


@dataclass(eq=False)
class Entry[Rights]:
    """One open socket: its session, what it was opened with, how to close it (with a code)."""

    session_key: str
    rights: Rights
    close: Callable[[int], Awaitable[None]]
    line: int | None = None  # of the log of watching, when there is one
    begun_s: float = field(default_factory=lambda: asyncio.get_running_loop().time())


class Door[Rights]:
    """The open sockets of one kind in this process.

    read: session keys → what each allows now; a session that opens nothing is missing.
    keep: notes that these lines of the log go on.
    """

    period_s = RIGHTS_PERIOD_S

    def __init__(
        self,
        read: Callable[[Collection[str]], Mapping[str, Rights]],
        keep: Callable[[Collection[int]], None] | None = None,
    ) -> None:
        self.entries: set[Entry[Rights]] = set()
        self.read, self.keep = read, keep
        self.watching: asyncio.Task[None] | None = None

    def enter(self, entry: Entry[Rights]) -> None:
        """A socket that was just opened."""
        self.entries.add(entry)
        if self.watching is None or self.watching.done():
            self.watching = asyncio.create_task(self.watch(), name="door")

    def leave(self, entry: Entry[Rights]) -> None:
        """A socket that is closed; the last one ends the watching."""
        self.entries.discard(entry)
        if not self.entries and self.watching is not None:
            self.watching.cancel()
            self.watching = None

    async def watch(self) -> None:
        """Look again and again. When the database is away the look is made at the next turn."""
        while True:
            await asyncio.sleep(self.period_s)
            try:
                await self.look()
            except (DatabaseError, InterfaceError) as error:
                log.warning("The rights of open sockets could not be read (%s).", error)

    async def look(self) -> None:
        """Read everybody's rights once; close what is to be closed."""
        there = list(self.entries)
        found = await database_sync_to_async(self.answers)(there)
        now_s = asyncio.get_running_loop().time()
        for entry in there:
            if found.get(entry.session_key) != entry.rights:
                self.show_out(entry, RIGHTS_CHANGED)
            elif now_s - entry.begun_s > LONGEST_S:
                self.show_out(entry, AGED)

    def answers(self, there: Collection[Entry[Rights]]) -> Mapping[str, Rights]:
        """What each session allows now; the log is told whose watch goes on."""
        found = self.read({entry.session_key for entry in there})
        if self.keep is not None:
            self.keep(
                [
                    entry.line
                    for entry in there
                    if entry.line is not None and found.get(entry.session_key) == entry.rights
                ]
            )
        return found

    def show_out(self, entry: Entry[Rights], code: int) -> None:
        """Close a socket without waiting for it: one that takes nothing must not keep the rest."""
        self.entries.discard(entry)
        closing = asyncio.ensure_future(entry.close(code))
        leaving.add(closing)
        closing.add_done_callback(forget)


leaving: set[asyncio.Future[None]] = set()  # what is being closed: the loop itself holds no task


def forget(closing: asyncio.Future[None]) -> None:
    """A socket is closed, or was gone already."""
    leaving.discard(closing)
    if not closing.cancelled() and (error := closing.exception()) is not None:
        log.debug("A socket was gone before it was closed: %s", error)


def of_loop[Thing](make: Callable[[], Thing]) -> Callable[[], Thing]:
    """One `Thing` per event loop, made at first use: a server process has one loop."""
    things: WeakKeyDictionary[asyncio.AbstractEventLoop, Thing] = WeakKeyDictionary()

    def get() -> Thing:
        loop = asyncio.get_running_loop()
        if loop not in things:
            things[loop] = make()
        return things[loop]

    return get
