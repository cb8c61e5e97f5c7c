"""Deriving person-days from stored positions, and writing what came of them.

The derived rows (PersonDay, SegmentVisit, CompanySpan) can be thrown away and made again at any
time while the positions are kept.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta

from django.db import transaction

from bureau.models import Bureau
from bureau.week import day_bounds
from patrols.bureau_day import Day
from patrols.company import ALONE, COMPANY_UNKNOWN, TOGETHER
from patrols.days import (
    CREDITED,
    MARGIN_S,
    UNKNOWN,
    DerivedDay,
    SpanReason,
)
from patrols.grounds import keep_grounds
from patrols.models import (
    CompanySpan,
    PersonDay,
    SegmentVisit,
)
from patrols.storage.fixes import read_fixes
from patrols.storage.rows import copy_rows

# Somebody found to be with a touched person is written too, and whoever was near them is asked;
# this often at most.
MAX_TURNS = 4

# More people than these at once, and more than half of all: everybody's day is derived.
MANY = 20


def derive_day(
    bureau: Bureau, day: date, *, now: datetime, touched: Collection[int] | None = None
) -> set[int]:
    """Derive one local day and write its rows; returns the ids of those whose day was written.

    With `touched` only these people and whoever was or is now together with them are written;
    others are read where they may have been near. None is everybody.
    """
    today = Day(bureau, day, now)
    everybody = today.everybody() if touched is None or len(touched) > MANY else None
    if everybody is not None and (touched is None or 2 * len(touched) > len(everybody)):
        everybody |= set(touched or ())
        days, through = today.derive(everybody)
        _write(today, days, through, everybody, forget_others=True)
        return everybody
    asked = set(touched or ())
    asked -= today.deleted
    # Of a declared partner out of sight nothing is said; the partner's late data settle it.
    writing = asked | today.partners_so_far(asked) | today.declared_partners(asked)
    writing -= today.deleted
    for _ in range(MAX_TURNS):
        days, through = today.derive(today.mates(writing), writing)
        found = {
            partner
            for one in days
            if one.person in asked
            for part in one.company
            for partner in part.partners
        }
        if found - today.deleted <= writing:
            break
        writing |= found - today.deleted
    _write(today, [d for d in days if d.person in writing], through, writing)
    return writing


def touches_midnight(bureau: Bureau, day: date, person_ids: Collection[int]) -> set[date]:
    """The days beside `day` whose derivation reads fixes that these people have on `day`."""
    start, end = day_bounds(day, bureau.time_zone)
    margin = timedelta(seconds=MARGIN_S)
    beside = set()
    if len(read_fixes(bureau.pk, person_ids, start, start + margin)):
        beside.add(day - timedelta(days=1))
    if len(read_fixes(bureau.pk, person_ids, end - margin, end)):
        beside.add(day + timedelta(days=1))
    return beside


@transaction.atomic
def _write(
    today: Day,
    days: list[DerivedDay],
    through: dict[int, datetime],
    person_ids: Collection[int],
    *,
    forget_others: bool = False,
) -> None:
    bureau_id, day = today.bureau.pk, today.day
    keep_grounds(bureau_id, today.used.values())
    for model in (PersonDay, SegmentVisit, CompanySpan):
        old = model._default_manager.filter(bureau_id=bureau_id, day=day)
        if forget_others:
            old = old.exclude(person_id__in=today.deleted)
        else:
            old = old.filter(person_id__in=person_ids)
        old.delete()
    kept = [one for one in days if one.spans or one.fixes]
    PersonDay.objects.bulk_create([_person_day(today, one, through) for one in kept])
    copy_rows(
        "patrols_segmentvisit",
        (
            "bureau_id",
            "person_id",
            "segment_id",
            "day",
            "entered_at",
            "left_at",
            "active_s",
            "walked_share",
        ),
        (
            (
                bureau_id,
                one.person,
                visit.segment,
                day,
                _moment(visit.enter_s),
                _moment(visit.exit_s),
                visit.active_s,
                visit.walked_share,
            )
            for one in kept
            for visit in one.visits
        ),
    )
    midnight = today.start.timestamp()
    copy_rows(
        "patrols_companyspan",
        ("bureau_id", "person_id", "day", "starts_at", "ends_at", "company", "partners"),
        (
            (
                bureau_id,
                one.person,
                day,
                _moment(midnight + part.start_s),
                _moment(midnight + part.end_s),
                part.company,
                json.dumps(part.partners),
            )
            for one in kept
            for part in one.company
        ),
    )


def _person_day(today: Day, one: DerivedDay, through: dict[int, datetime]) -> PersonDay:
    credited = one.seconds(CREDITED)
    off_beat = one.seconds({SpanReason.OFF_BEAT})
    return PersonDay(
        bureau_id=today.bureau.pk,
        person_id=one.person,
        day=today.day,
        duty_s=one.seconds(set(SpanReason)),
        active_s=credited + off_beat,
        credited_s=credited,
        unknown_s=one.seconds(UNKNOWN),
        parked_s=one.seconds({SpanReason.PARKED}),
        off_beat_s=off_beat,
        vehicle_s=one.vehicle_s,
        together_s=one.company_s(TOGETHER),
        alone_s=one.company_s(ALONE),
        company_unknown_s=one.company_s(COMPANY_UNKNOWN),
        fixes=one.fixes,
        unused_fixes=one.unused,
        spans=[
            {
                "start_s": span.start_s,
                "end_s": span.end_s,
                "reason": str(span.reason),
                "credited": span.credited,
            }
            for span in one.spans
        ],
        flags=[flag.stored() for flag in one.flags],
        network_version=f"{today.roads.network.digest}:{today.marks.get(one.person, '')}",
        rule_set_id=today.rule_set_id,
        # With no fix at all the answer is about the day itself.
        data_through=through.get(one.person, today.start),
        judged_at=today.now,
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
