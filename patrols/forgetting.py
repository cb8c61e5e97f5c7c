"""Forgetting raw positions after the bureau's retention time, by whole UTC weeks.

A week in dispute, or with an SOS, is held for the person it is about: its rows stay when the rest
of the week goes. Derived day rows and verdicts stay; they hold no trail.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from bureau.access import rules_on
from bureau.models import Bureau
from bureau.week import Week
from geo.errors import Refused
from patrols.models import Alarm, Dispute, Latest, Person, Quarantine
from patrols.storage import forgetting, list_partitions, make_partitions, week_start
from patrols.storage.forgetting import Hold

# Partitions are made this far ahead; a late or early fix makes its own.
AHEAD = timedelta(days=28)


@dataclass
class Forgotten:
    """What a run did, or would do."""

    dropped: list[str] = field(default_factory=list)  # weeks without any hold
    thinned: dict[str, int] = field(default_factory=dict)  # weeks with holds: rows deleted
    rows: dict[str, int] = field(default_factory=dict)  # bureaus with a shorter time: rows deleted
    quarantined: int = 0
    made: list[str] = field(default_factory=list)


def holds() -> list[Hold]:
    """The person-weeks whose rows must stay: an unanswered dispute, an SOS."""
    found = []
    disputes = Dispute.objects.filter(answered_at=None).select_related("verdict__bureau")
    for dispute in disputes:
        verdict = dispute.verdict
        week = Week(verdict.monday, verdict.bureau.time_zone)
        found.append(Hold(verdict.bureau_id, verdict.person_id, week.start, week.end))
    for alarm in Alarm.objects.select_related("bureau"):
        week = Week.containing(alarm.raised_at, alarm.bureau.time_zone)
        end = max(week.end, alarm.closed_at or week.end)
        found.append(Hold(alarm.bureau_id, alarm.person_id, week.start, end))
    return found


def forget(*, now: datetime, dry_run: bool = False) -> Forgotten:
    """Drop the weeks that lie wholly before every bureau's retention time, and make those ahead.

    The table is shared: a bureau whose time is shorter than another's loses its own rows of the
    weeks between. Each week is one transaction, so that locks are short.
    """
    outcome = Forgotten()
    kept = holds()
    cutoffs: dict[Bureau, datetime] = {}
    for bureau in Bureau.objects.all():
        rules, _set = rules_on(bureau, Week.containing(now, bureau.time_zone).monday)
        cutoffs[bureau] = now - timedelta(days=rules.retention_days)
    if not cutoffs:
        return outcome
    first = first_kept(min(cutoffs.values()))
    with connection.cursor() as cursor:
        for monday, name in list_partitions(cursor).items():
            end = forgetting.week_end(monday)
            if end <= first:
                drop_week(cursor, name, [h for h in kept if h.start < end], outcome, dry_run)
        for bureau, cutoff in cutoffs.items():
            if (own_first := first_kept(cutoff)) > first:
                outcome.rows[bureau.code] = forgetting.delete_free_rows(
                    cursor, kept, bureau_id=bureau.pk, before=own_first, dry_run=dry_run
                )
            outcome.quarantined += forgetting.delete_quarantine(
                cursor, bureau.pk, cutoff, dry_run=dry_run
            )
        if not dry_run:
            with transaction.atomic():
                outcome.made = make_partitions(cursor, now, now + AHEAD)
    return outcome


@transaction.atomic
def forget_person(person: Person, *, dry_run: bool = False) -> tuple[int, int]:
    """Delete the positions of somebody who has left, at once: (deleted, held).

    The last known place and what is in quarantine go with them. Raises Refused for somebody who
    has not left: phones would go on reporting.
    """
    if person.left_on is None:
        raise Refused(
            "person_here",
            _("%(person)s has not left. Enter the last day first, then delete.")
            % {"person": person.name},
        )
    own = [hold for hold in holds() if hold.person_id == person.pk]
    bureau_id, person_id = person.bureau_id, person.pk
    with connection.cursor() as cursor:
        total = forgetting.delete_free_rows(
            cursor, [], bureau_id=bureau_id, person_id=person_id, dry_run=True
        )
        deleted = forgetting.delete_free_rows(
            cursor, own, bureau_id=bureau_id, person_id=person_id, dry_run=dry_run
        )
    if not dry_run:
        Latest.objects.filter(bureau_id=bureau_id, person_id=person_id).delete()
        Quarantine.objects.filter(bureau_id=bureau_id, person_id=person_id).delete()
    return deleted, total - deleted


def first_kept(cutoff: datetime) -> datetime:
    """The start of the UTC week that holds the cutoff: whole weeks before it go."""
    return datetime.combine(week_start(cutoff), time(), UTC)


def drop_week(cursor: Any, name: str, kept: list[Hold], outcome: Forgotten, dry_run: bool) -> None:
    """Drop one week, or thin it out to what is held."""
    with transaction.atomic():
        free = forgetting.delete_free_rows(cursor, kept, partition=name, dry_run=True)
        total = forgetting.delete_free_rows(cursor, [], partition=name, dry_run=True)
        if free < total:
            if not dry_run:
                forgetting.delete_free_rows(cursor, kept, partition=name)
            outcome.thinned[name] = free
        else:
            if not dry_run:
                forgetting.drop_partition(cursor, name)
            outcome.dropped.append(name)
