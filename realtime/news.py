"""Notices on their way to the officers' pages: each person has a Channels group of one's own.

What travels is only which kinds of things are new. The page then asks for them, with its session.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import connection

from patrols import notices


def group_of(person_id: int) -> str:
    """The name of a person's group. Channels' names know no database, so it is in there."""
    database = hashlib.sha256(str(connection.settings_dict["NAME"]).encode()).hexdigest()[:12]
    return f"my.{database}.{person_id}"


def tell_news(now: datetime) -> int:
    """Tell every page of what is new about its person; how many notices.

    Raises what Redis raises; the notices then wait for the next call. Told twice is no harm.
    """
    rows = list(notices.to_send())
    if not rows:
        return 0
    kinds: dict[int, set[str]] = defaultdict(set)
    for row in rows:
        kinds[row.person_id].add(row.kind)
    async_to_sync(send_all)(kinds)
    notices.note_sent(rows, now)
    return len(rows)


async def send_all(kinds: Mapping[int, set[str]]) -> None:
    """One message a person."""
    layer = get_channel_layer()
    assert layer is not None  # noqa: S101  (config/settings.py has one)
    for person, new in kinds.items():
        await layer.group_send(group_of(person), {"type": "news", "kinds": sorted(new)})
