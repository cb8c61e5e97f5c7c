"""`/ws/my/`: an officer's page hears that there is something new, and then asks for it.

    ← {"news": ["order_offered"]}       kinds; GET /my/news/ has the lines

It only listens. A page whose socket is down asks every half minute all the same.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.utils import timezone
from redis.exceptions import RedisError

from patrols.models import Person
from realtime.door import Door, Entry, of_loop
from realtime.news import group_of
from realtime.sessions import users_of_sessions

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Owner:
    """Whose page it is; another answer later closes the socket."""

    user: int
    person: int


class My(AsyncWebsocketConsumer):
    """One open page of an officer."""

    async def connect(self) -> None:
        self.group = ""
        self.entry: Entry[Owner] | None = None
        session = self.scope.get("session")
        session_key: str = (session.session_key if session else None) or ""
        owner = await read_owner(session_key)
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
        self.entry = Entry(session_key, owner, self.close)
        door().enter(self.entry)

    async def disconnect(self, code: int) -> None:
        if self.entry is not None:
            door().leave(self.entry)
        if self.group:
            with contextlib.suppress(RedisError, OSError):
                await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """A page has nothing to say here."""

    async def news(self, event: dict[str, Any]) -> None:
        """Something is new for this person."""
        await self.send(text_data=json.dumps({"news": event["kinds"]}))


def owners_of_sessions(session_keys: Collection[str]) -> dict[str, Owner]:
    """Whose page each session opens; without those that open none or somebody does not patrol."""
    users = users_of_sessions(session_keys)
    people = Person.objects.filter(user__in={user.pk for user in users.values()})
    owners = {
        user: Owner(user, pk)
        for pk, user, left_on in people.values_list("pk", "user", "left_on")
        if left_on is None or left_on >= timezone.localdate()
    }
    return {key: owners[user.pk] for key, user in users.items() if user.pk in owners}


# The door of the running event loop: a server process has one.
door = of_loop(lambda: Door(owners_of_sessions))


@database_sync_to_async
def read_owner(session_key: str) -> Owner | None:
    """Whose page the session opens; None without a session, or for somebody who does not patrol."""
    return owners_of_sessions([session_key]).get(session_key)
