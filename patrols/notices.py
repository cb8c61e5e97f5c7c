"""Telling an officer's phone page: `notify` writes a row, the ticker says that there is one.

A notice is a line on the page and nothing else: the order or alarm itself is never in it. The page
asks for what it shows, also when nobody told it to, so a notice that the stream loses comes with
the next asking.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.db.models import QuerySet

from patrols.models import Person, PhoneNotice, PhoneNoticeKind

# A line that nobody tapped away is on the page so long.
SHOWN_FOR = timedelta(hours=12)
MOST_SHOWN = 12
# Told in one go; the rest follows with the next frame.
MOST_SENT = 500

# Kinds that ask for an answer within minutes: they sound, the others only stand there. News of an
# SOS never sounds: whoever threatens its sender would hear it.
URGENT = frozenset({PhoneNoticeKind.ORDER_OFFERED, PhoneNoticeKind.WELFARE_CHECK})


def notify(person: Person, kind: PhoneNoticeKind, about: int, now: datetime) -> PhoneNotice:
    """Tell the person's page; belongs to the caller's transaction, and so does its end.

    about: the id that `kind` speaks of. Told once more of the same unseen thing, the page shows the
    newest only.
    """
    return PhoneNotice.objects.create(
        bureau_id=person.bureau_id, person=person, kind=kind, about=about, created_at=now
    )


def withdraw(
    kinds: Iterable[PhoneNoticeKind],
    about: int,
    now: datetime,
    *,
    people: Collection[Person] | None = None,
) -> None:
    """What a notice asked for is settled: its line goes from every page, or from these people's."""
    rows = PhoneNotice.objects.filter(kind__in=list(kinds), about=about, seen_at=None)
    if people is not None:
        rows = rows.filter(person__in=people)
    rows.update(seen_at=now)


def unseen(person: Person, now: datetime) -> list[PhoneNotice]:
    """What the person's page shows, newest first, one line for each thing of a kind."""
    rows = PhoneNotice.objects.filter(
        person=person, seen_at=None, created_at__gt=now - SHOWN_FOR
    ).order_by("-created_at", "-pk")
    newest: dict[tuple[str, int], PhoneNotice] = {}
    for row in rows[: 4 * MOST_SHOWN]:
        newest.setdefault((row.kind, row.about), row)
    return list(newest.values())[:MOST_SHOWN]


def note_delivered(shown: Iterable[PhoneNotice], now: datetime) -> None:
    """The page has been given these lines; the first time counts."""
    new = [row.pk for row in shown if row.delivered_at is None]
    if new:
        PhoneNotice.objects.filter(pk__in=new, delivered_at=None).update(delivered_at=now)


def see(person: Person, notice_id: int, now: datetime) -> None:
    """The person has seen a line: it goes, with older ones about the same thing."""
    row = PhoneNotice.objects.filter(pk=notice_id, person=person).first()
    if row is not None:
        PhoneNotice.objects.filter(
            person=person, kind=row.kind, about=row.about, pk__lte=row.pk, seen_at=None
        ).update(seen_at=now)


def to_send() -> QuerySet[PhoneNotice]:
    """What no open page has been told of, oldest first."""
    return PhoneNotice.objects.filter(sent_at=None).order_by("pk")[:MOST_SENT]


def note_sent(rows: Iterable[PhoneNotice], now: datetime) -> None:
    """These have been told."""
    PhoneNotice.objects.filter(pk__in=[row.pk for row in rows], sent_at=None).update(sent_at=now)
