"""The live picture's socket: checks rights, logs the watch, then sends the unit's frames."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.utils import timezone

from patrols import live
from realtime.door import TOO_SLOW, Door, Entry, of_loop
from realtime.hub import Seat, hub
from realtime.sessions import users_of_sessions
from realtime.straight import STRAIGHT


@dataclass(frozen=True)
class Rights:
    """What a socket was opened with; another answer later closes it."""

    user: int
    unit: int
    role: str


class Live(AsyncWebsocketConsumer):
    """One watching screen. It only listens; what it sends is ignored."""

    # Frames come through the hub: a channel layer would subscribe to Redis once per socket.
    channel_layer_alias = "frames come through the hub"

    async def connect(self) -> None:
        self.seat: Seat | None = None
        self.entry: Entry[Rights] | None = None
        self.watch: int | None = None
        session = self.scope.get("session")
        session_key: str = (session.session_key if session else None) or ""
        opened = await open_watch(session_key)
        if opened is None:
            await self.close()  # before accepting: the handshake is refused with 403
            return
        rights, self.watch = opened
        # Frames go past the wrappers of Channels: each of them would be asked for each frame.
        self.seat = await hub().join(rights.unit, self.scope[STRAIGHT], self.let_go)
        try:
            await self.accept()
        except OSError:  # hung up meanwhile: nobody will call `disconnect`
            await self.disconnect(1006)
            raise
        self.seat.open()
        self.entry = Entry(session_key, rights, self.close, self.watch)
        door().enter(self.entry)

    async def disconnect(self, code: int) -> None:
        if self.entry is not None:
            door().leave(self.entry)
        if self.seat is not None:
            await hub().leave(self.seat)
        if self.watch is not None:
            await end_watch(self.watch)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """A watching screen has nothing to say."""

    async def let_go(self) -> None:
        """The screen has taken nothing for too long."""
        await self.close(TOO_SLOW)


def rights_of_sessions(session_keys: Collection[str]) -> dict[str, Rights]:
    """What each session's user may watch now; without those who have no such user or right."""
    return {
        key: Rights(user.pk, user.unit_id, user.role)
        for key, user in users_of_sessions(session_keys).items()
        if user.unit_id is not None and live.may_watch(user)
    }


def keep_watches(watch_ids: Collection[int]) -> None:
    """Log that the watches go on."""
    live.keep_watches(watch_ids, timezone.now())


# The door of the running event loop: a server process has one.
door = of_loop(lambda: Door(rights_of_sessions, keep_watches))


@database_sync_to_async
def open_watch(session_key: str) -> tuple[Rights, int] | None:
    """What the session's user may watch, and the log's line of the join; None without a right."""
    user = users_of_sessions([session_key]).get(session_key)
    if user is None or user.unit_id is None or not live.may_watch(user):
        return None
    return Rights(user.pk, user.unit_id, user.role), live.begin_watch(user, timezone.now())


@database_sync_to_async
def end_watch(watch: int) -> None:
    """Log the leaving."""
    live.end_watch(watch, timezone.now())
