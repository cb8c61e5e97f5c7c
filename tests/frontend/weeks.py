"""Weeks for page tests: derived days written by hand, then judged by the real judges."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from bureau.week import Week
from patrols import weekly
from patrols.models import Person, PersonDay, Verdict

MONDAY = date(2026, 11, 9)  # a week of five working days, over long ago
WEEK = Week(MONDAY)
AFTER = datetime(2026, 11, 16, 4, tzinfo=UTC)
HOUR_S = 3600.0


def day(person: Person, weekday: int, *, credited_min: float = 0, **fields: Any) -> PersonDay:
    """A derived day of the week: so much patrol, the rest of a four-hour shift parked."""
    credited_s = credited_min * 60
    given = {
        "duty_s": 4 * HOUR_S,
        "active_s": credited_s,
        "credited_s": credited_s,
        "unknown_s": 0.0,
        "parked_s": 4 * HOUR_S - credited_s,
        "off_beat_s": 0.0,
        "together_s": credited_s,
        "fixes": 1000,
        "data_through": AFTER,
        "judged_at": AFTER,
    } | fields
    return PersonDay.objects.create(
        bureau_id=person.bureau_id, person_id=person.pk, day=WEEK.days[weekday], **given
    )


def silent_day(person: Person, weekday: int) -> PersonDay:
    """A shift of four hours without a single position."""
    return day(person, weekday, fixes=0, unknown_s=4 * HOUR_S, parked_s=0.0)


def conclude(*people: Person, now: datetime = AFTER) -> dict[int, Verdict]:
    """Judge the week of these people; their patrol-time verdicts by person id."""
    verdicts = weekly.conclude(people[0].bureau, WEEK, {p.pk for p in people}, now=now)
    return {v.person_id: v for v in verdicts if v.subject == "weekly_patrol_time"}
