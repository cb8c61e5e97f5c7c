"""What a track is opened for: chosen and said before it is shown, kept for a quarter of an hour."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from bureau.errors import Refused
from bureau.week import Week
from frontend.pages import words_in
from patrols.models import Person

# Reloading a page within this does not ask again; each look is logged all the same.
KEPT = timedelta(minutes=15)
KEY = "purposes"
LONGEST = 120


def purposes() -> list[str]:
    """The purposes to choose from, in the reader's language; so they are logged."""
    return [
        _("Weekly review"),
        _("Answer to a dispute"),
        _("Complaint or incident"),
        _("Welfare or safety"),
        _("Check of phone or data"),
    ]


def read_purpose(request: HttpRequest) -> str:
    """The purpose of a form: one of the list, with words of one's own after it.

    Raises Refused when none was chosen.
    """
    chosen = request.POST.get("purpose", "")
    if chosen not in purposes():
        raise Refused("purpose_missing", _("Choose what you open this track for."))
    detail = words_in(request, "detail").strip()
    return f"{chosen}: {detail}"[:LONGEST] if detail else chosen


def _name(person: Person, week: Week) -> str:
    return f"{person.pk}:{week.monday.isoformat()}"


def keep_purpose(request: HttpRequest, person: Person, week: Week, purpose: str) -> None:
    """Remember in the session what this week of this person was opened for."""
    now = timezone.now()
    kept = {
        name: entry
        for name, entry in request.session.get(KEY, {}).items()
        if datetime.fromisoformat(entry[1]) + KEPT > now
    }
    kept[_name(person, week)] = [purpose, now.isoformat()]
    request.session[KEY] = kept


def kept_purpose(request: HttpRequest, person: Person, week: Week) -> str:
    """What it was opened for within the last quarter of an hour; "" if it was not."""
    entry = request.session.get(KEY, {}).get(_name(person, week))
    if entry is None or datetime.fromisoformat(entry[1]) + KEPT <= timezone.now():
        return ""
    return str(entry[0])
