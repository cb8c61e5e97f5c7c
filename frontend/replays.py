"""Which past hours a session has opened, and when; asked again after a quarter of an hour.

Reloading an opened replay within that time is the same look; its positions come for some hours.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.http import HttpRequest
from django.utils import timezone

from patrols.past_day import PastDay

KEY = "replays"
# A page that is opened again within this does not ask again.
SAME_LOOK = timedelta(minutes=15)
# An open page may fetch its hours so long.
FETCHED_FOR = timedelta(hours=4)
MOST_KEPT = 8


def name_of(past: PastDay) -> str:
    """The name of some hours in the session."""
    return f"{past.unit.pk}:{past.day.isoformat()}:{past.from_hour}:{past.until_hour}"


def note_opened(request: HttpRequest, past: PastDay, now: datetime) -> None:
    """These hours were opened, and logged, just now."""
    kept = {
        name: at
        for name, at in request.session.get(KEY, {}).items()
        if datetime.fromisoformat(at) + FETCHED_FOR > now and name != name_of(past)
    }
    newest = sorted(kept.items(), key=lambda entry: entry[1])[-(MOST_KEPT - 1) :]
    request.session[KEY] = {**dict(newest), name_of(past): now.isoformat()}


def is_opened(request: HttpRequest, past: PastDay, within: timedelta) -> bool:
    """Whether the session has opened exactly these hours within so long."""
    at = request.session.get(KEY, {}).get(name_of(past))
    return at is not None and datetime.fromisoformat(at) + within > timezone.now()
