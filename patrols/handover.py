"""Shift hand-over: a note for the next dispatcher of the unit, who takes it over by name.

What is still open is listed by itself; the free text says what no list does.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from bureau.access import units_below
from bureau.errors import Refused
from bureau.models import OrgUnit, User
from patrols.leads import check_may_dispatch
from patrols.live import alarm_rows
from patrols.models import Alarm, HandoverNote, Lead
from patrols.order_rows import order_rows

LONGEST = 2000


def still_open(unit: OrgUnit, now: datetime) -> list[dict[str, Any]]:
    """Alarms and leads of the unit and all below it that are not closed, oldest first."""
    units = units_below(unit)
    alarms = Alarm.objects.filter(person__unit__in=units, closed_at=None)
    leads = Lead.objects.filter(unit__in=units, closed_at=None)
    found = [
        {"what": "alarm", "id": row["id"], "said": row["name"], "since": row["raised"]}
        for row in alarm_rows(alarms, now)
    ]
    found += [
        {
            "what": "lead",
            "id": row["id"],
            "said": row["text"][:160],
            "since": row["received"],
            "state": row["state"],
        }
        for row in order_rows(leads, now)
    ]
    return found


def waiting_note(user: User) -> HandoverNote | None:
    """The note that waits for somebody of the user's unit."""
    unit = check_may_dispatch(user)
    return (
        HandoverNote.objects.filter(unit=unit, taken_at=None).select_related("written_by").first()
    )


def leave_note(*, by: User, text: str, now: datetime) -> HandoverNote:
    """Write a note for the next shift of one's own unit. One waits at a time. Raises Refused."""
    unit = check_may_dispatch(by)
    text = text.strip()
    waiting = still_open(unit, now)
    if not text and not waiting:
        raise Refused("words_missing", _("Nothing is open: write what the next shift must know."))
    if len(text) > LONGEST:
        raise Refused("too_long", _("Keep it under %(n)d characters.") % {"n": LONGEST})
    try:
        with transaction.atomic():
            return HandoverNote.objects.create(
                bureau_id=unit.bureau_id,
                unit=unit,
                text=text,
                waiting=waiting,
                written_by=by,
                written_at=now,
            )
    except IntegrityError as error:
        raise Refused(
            "note_waits",
            _("A note of your unit waits already: it must be taken over first."),
        ) from error


def take_over(note_id: int, *, by: User, now: datetime) -> HandoverNote:
    """Take a note over in one's own name. Raises Refused for a note of one's own."""
    unit = check_may_dispatch(by)
    note = HandoverNote.objects.filter(pk=note_id, unit=unit).first()
    if note is None:
        raise Refused("not_yours", _("There is no such note for your unit."))
    if note.written_by_id == by.pk:
        raise Refused("own_note", _("You wrote this note: the next dispatcher takes it over."))
    changed = HandoverNote.objects.filter(pk=note.pk, taken_at=None).update(
        taken_at=now, taken_by=by
    )
    note.refresh_from_db()
    if not changed and note.taken_by_id != by.pk:
        raise Refused(
            "note_taken", _("%(name)s has taken this note over already.") % {"name": note.taken_by}
        )
    return note
