"""`/ws/my/`: an officer's page hears that there is something new, and then asks for it.

    ← {"news": ["order_offered"]}       kinds; GET /my/news/ has the lines

It only listens. A page whose socket is down asks every half minute all the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from dataclasses import dataclass
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.utils import timezone
from redis.exceptions import RedisError

from patrols.models import Person
from realtime.consumers import AGED, LONGEST_S, RIGHTS_CHANGED, RIGHTS_PERIOD_S
from realtime.news import group_of
from realtime.sessions import user_of_session

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Owner:
    """Whose page it is; another answer later closes the socket."""

    user: int
    person: int


class My(AsyncWebsocketConsumer):
    """One open page of an officer."""

    rights_period_s = RIGHTS_PERIOD_S

    async def connect(self) -> None:
        self.group = ""
        self.checking: asyncio.Task[None] | None = None
        session = self.scope.get("session")
        self.session_key: str = (session.session_key if session else None) or ""
        owner = await read_owner(self.session_key)
        if owner is None:
            await self.close()  # before accepting: the handshake is refused with 403
            return
        self.group = group_of(owner.person)
        try:
            await self.channel_layer.group_add(self.group, self.channel_name)
        except (RedisError, OSError):
            log.warning("Redis is away; an officer's page asks by itself meanwhile.")
            await self.close()
            return
        await self.accept()
        self.checking = asyncio.create_task(self.check_owner(owner), name="my-rights")

    async def disconnect(self, code: int) -> None:
        if self.checking is not None:
            self.checking.cancel()
            await asyncio.gather(self.checking, return_exceptions=True)
        if self.group:
            with contextlib.suppress(RedisError, OSError):
                await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """A page has nothing to say here."""

    async def news(self, event: dict[str, Any]) -> None:
        """Something is new for this person."""
        await self.send(text_data=json.dumps({"news": event["kinds"]}))

    async def check_owner(self, owner: Owner) -> None:
        """Close when the account, its person or the session change, and once a day in any case."""
        begun = asyncio.get_running_loop().time()
        while True:
            await asyncio.sleep(self.rights_period_s)
            if await read_owner(self.session_key) != owner:
                await self.close(RIGHTS_CHANGED)
                return
            if asyncio.get_running_loop().time() - begun > LONGEST_S:
                await self.close(AGED)
                return


@database_sync_to_async
def read_owner(session_key: str) -> Owner | None:
    """Whose page the session opens; None without a session, or for somebody who does not patrol."""
    user = user_of_session(session_key)
    if user is None:
        return None
    person = Person.objects.filter(user=user.pk).first()
    if person is None or (person.left_on and person.left_on < timezone.localdate()):
        return None
    return Owner(user.pk, person.pk)
