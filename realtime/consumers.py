"""The live picture's socket: checks rights, logs the watch, then sends the unit's frames."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.utils import timezone

from bureau.models import User
from patrols import live
from realtime.hub import Seat, hub
from realtime.sessions import user_of_session

log = logging.getLogger(__name__)

SEND_TIMEOUT_S = 20.0
RIGHTS_PERIOD_S = 20.0
LONGEST_S = 24 * 3600.0

# Why a socket was closed, in the range that is ours (RFC 6455, 7.4.2).
AGED, RIGHTS_CHANGED, TOO_SLOW = 4000, 4403, 4408


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

    rights_period_s = RIGHTS_PERIOD_S

    async def connect(self) -> None:
        self.seat: Seat | None = None
        self.watch: int | None = None
        self.tasks: list[asyncio.Task[None]] = []
        session = self.scope.get("session")
        self.session_key: str = (session.session_key if session else None) or ""
        self.rights = await read_rights(self.session_key)
        if self.rights is None:
            await self.close()  # before accepting: the handshake is refused with 403
            return
        self.watch = await begin_watch(self.rights)
        self.seat = await hub().join(self.rights.unit)
        await self.accept()
        self.tasks = [
            asyncio.create_task(self.send_frames(self.seat), name="live-send"),
            asyncio.create_task(self.check_rights(self.rights), name="live-rights"),
        ]

    async def disconnect(self, code: int) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        if self.seat is not None:
            await hub().leave(self.seat)
        if self.watch is not None:
            await end_watch(self.watch)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """A watching screen has nothing to say."""

    async def send_frames(self, seat: Seat) -> None:
        """Frames in order, one at a time; a screen that takes none for 20 s is let go."""
        while True:
            frame = await seat.take()
            try:
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    await self.send(bytes_data=frame)
            except TimeoutError:
                await self.close(TOO_SLOW)
                return

    async def check_rights(self, rights: Rights) -> None:
        """Close when role, unit, account or session change, and once a day in any case."""
        begun = asyncio.get_running_loop().time()
        while True:
            await asyncio.sleep(self.rights_period_s)
            if await read_rights(self.session_key) != rights:
                await self.close(RIGHTS_CHANGED)
                return
            if self.watch is not None:
                await keep_watch(self.watch)
            if asyncio.get_running_loop().time() - begun > LONGEST_S:
                await self.close(AGED)
                return


@database_sync_to_async
def read_rights(session_key: str) -> Rights | None:
    """What the session's user may watch now; None if there is no such session, user or right."""
    user = user_of_session(session_key)
    if user is None or user.unit_id is None or not live.may_watch(user):
        return None
    return Rights(user.pk, user.unit_id, user.role)


@database_sync_to_async
def begin_watch(rights: Rights) -> int:
    """Log the join."""
    return live.begin_watch(User.objects.get(pk=rights.user), timezone.now())


@database_sync_to_async
def keep_watch(watch: int) -> None:
    """Log that the watch goes on."""
    live.keep_watch(watch, timezone.now())


@database_sync_to_async
def end_watch(watch: int) -> None:
    """Log the leaving."""
    live.end_watch(watch, timezone.now())
