"""Tracks held past the retention time: of weeks in dispute, or with an SOS.

A hold copies the person's positions aside when their week is dropped. It ends, and the copies are
deleted, a dated rule's number of days after the objection is answered or the alarm closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from bureau.access import rules_on
from bureau.models import Bureau
from bureau.week import Week
from patrols.models import Alarm, Dispute, HoldReason, TrailHold
from patrols.storage import forgetting
from patrols.storage.forgetting import HeldSpan


@dataclass(frozen=True)
class Cause:
    """Why a span of a person's track is held; `ends_at` None: not settled yet."""

    span: HeldSpan
    ends_at: datetime | None
    dispute: Dispute | None = None
    alarm: Alarm | None = None


def causes(bureau: Bureau, *, now: datetime) -> list[Cause]:
    """Every reason there is to hold a track, over or not, by the rules valid now."""
    rules, _ = rules_on(bureau, Week.containing(now, bureau.time_zone).monday)
    found = []
    after_answer = timedelta(days=rules.dispute_hold_days)
    for dispute in Dispute.objects.filter(verdict__bureau=bureau).select_related("verdict"):
        verdict = dispute.verdict
        week = Week(verdict.monday, bureau.time_zone)
        span = HeldSpan(bureau.pk, verdict.person_id, week.start, week.end)
        settled = dispute.answered_at
        found.append(Cause(span, settled + after_answer if settled else None, dispute=dispute))
    after_closing = timedelta(days=rules.sos_hold_days)
    for alarm in Alarm.objects.filter(bureau=bureau):
        week = Week.containing(alarm.raised_at, bureau.time_zone)
        end = max(week.end, alarm.closed_at or week.end)
        span = HeldSpan(bureau.pk, alarm.person_id, week.start, end)
        closed = alarm.closed_at
        found.append(Cause(span, closed + after_closing if closed else None, alarm=alarm))
    return found


def standing(bureau: Bureau, *, now: datetime) -> list[Cause]:
    """The reasons that still stand."""
    return [one for one in causes(bureau, now=now) if one.ends_at is None or one.ends_at > now]


def held_spans(bureau: Bureau, *, now: datetime) -> list[HeldSpan]:
    """The spans of tracks that must stay."""
    return [one.span for one in standing(bureau, now=now)]


def hold(bureau: Bureau, before: datetime, *, now: datetime, person_id: int | None = None) -> int:
    """Copy what is held and recorded before a moment aside, of all or of one; how many positions.

    Writes a `TrailHold` line for every reason that stands and whose span begins before it.
    """
    due = [
        one
        for one in standing(bureau, now=now)
        if one.span.start < before and person_id in (None, one.span.person_id)
    ]
    for one in due:
        TrailHold.objects.update_or_create(
            dispute=one.dispute,
            alarm=one.alarm,
            defaults={"until_at": one.span.end},
            create_defaults={
                "bureau": bureau,
                "person_id": one.span.person_id,
                "reason": HoldReason.DISPUTE if one.dispute else HoldReason.SOS,
                "from_at": one.span.start,
                "until_at": one.span.end,
                "made_at": now,
            },
        )
    with connection.cursor() as cursor:
        return forgetting.copy_held(cursor, [one.span for one in due], before)


def release(*, now: datetime) -> int:
    """Delete the copies whose every reason is over, and say so on their lines; how many."""
    spans: list[HeldSpan] = []
    over: list[int] = []
    for bureau in Bureau.objects.all():
        kept = standing(bureau, now=now)
        spans += [one.span for one in kept]
        disputes = {one.dispute.pk for one in kept if one.dispute}
        alarms = {one.alarm.pk for one in kept if one.alarm}
        for line in TrailHold.objects.filter(bureau=bureau, released_at=None):
            if line.dispute_id not in disputes and line.alarm_id not in alarms:
                over.append(line.pk)
    with connection.cursor() as cursor:
        gone = forgetting.release(cursor, spans)
    TrailHold.objects.filter(pk__in=over).update(released_at=now)
    return gone
