"""A past day as it was: positions of a unit's people hour by hour, thinned, and what happened.

Opened like any trail: the look at each person is written down before anything is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from django.utils import timezone
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from bureau.access import rules_on, units_below, visible_units
from bureau.errors import Refused
from bureau.models import OrgUnit, User
from bureau.week import day_bounds
from patrols.access import TRAIL_ROLES, open_trails, visible_people
from patrols.forgetting import retention
from patrols.models import Alarm, CompanySpan, OrderStep, Person
from patrols.moves import people_of, units_on
from patrols.storage.fixes import read_fixes

HOUR = timedelta(hours=1)
# A fix per so many seconds, for up to so many people; more people, fewer fixes of each.
STEP_S = 10
PEOPLE_A_STEP = 500
# What the page reads: seconds since the hour began, place in 1e-7 degrees.
PACKED = np.dtype([("person", "<u4"), ("s", "<u4"), ("lon", "<i4"), ("lat", "<i4")])


@dataclass(frozen=True)
class PastDay:
    """Some hours of a local day of a unit with all below it: [from_hour, until_hour)."""

    unit: OrgUnit
    day: date
    from_hour: int
    until_hour: int

    @property
    def midnight(self) -> datetime:
        """The beginning of the local day."""
        return day_bounds(self.day, self.unit.bureau.time_zone)[0]

    @property
    def span(self) -> tuple[datetime, datetime]:
        """From when until when, as an interval that does not hold its end."""
        end = day_bounds(self.day, self.unit.bureau.time_zone)[1]
        return (
            self.midnight + self.from_hour * HOUR,
            end if self.until_hour >= 24 else self.midnight + self.until_hour * HOUR,
        )


def past_day(
    user: User, unit_id: int, day: date, from_hour: int, until_hour: int, *, now: datetime
) -> PastDay:
    """Some hours that the user may look at. Raises Refused: role, unit, hours, retention."""
    if user.role not in TRAIL_ROLES:
        raise Refused("not_yours", _("Your role does not open tracks."))
    unit = visible_units(user).select_related("bureau").filter(pk=unit_id).first()
    if unit is None:
        raise Refused("not_yours", _("There is no such unit among yours."))
    if not 0 <= from_hour < until_hour <= 24:
        raise Refused("hours_wrong", _("Choose hours of one day, the first before the last."))
    found = PastDay(unit, day, from_hour, until_hour)
    if found.span[0] >= now:
        raise Refused("day_ahead", _("This time has not come yet."))
    if day < first_day(unit, now):
        raise Refused(
            "day_forgotten",
            _("Positions of that day are kept no longer. The first day kept is %(day)s.")
            % {"day": first_day(unit, now).isoformat()},
        )
    return found


def first_day(unit: OrgUnit, now: datetime) -> date:
    """The first local day that lies wholly within the retention time."""
    kept = now - retention(unit.bureau, now)
    return timezone.localtime(kept, timezone=ZoneInfo(unit.bureau.time_zone)).date() + timedelta(
        days=1
    )


@dataclass(frozen=True)
class Member:
    """Somebody and the unit of that day."""

    person: Person
    unit: OrgUnit


def members_of(user: User, past: PastDay) -> tuple[list[Member], int]:
    """Who belonged to the unit on that day and had not left, by name; and how many more did, who
    belong elsewhere now, where the user does not see them.
    """
    units = OrgUnit.objects.in_bulk(units_below(past.unit))
    then = {
        person: unit
        for person, unit in units_on(past.day, people_of(units, past.day)).items()
        if unit in units
    }
    people = Person.objects.filter(pk__in=then).exclude(left_on__lt=past.day)
    seen = people.filter(pk__in=visible_people(user).values("pk"))
    members = [Member(person, units[then[person.pk]]) for person in seen.order_by("name", "pk")]
    return members, people.count() - len(members)


def ids_of(user: User, past: PastDay) -> list[int]:
    """The people whose trail is shown."""
    return [member.person.pk for member in members_of(user, past)[0]]


def open_past_day(user: User, past: PastDay, *, purpose: str) -> None:
    """Write down the look at everybody's trail in these hours. Commits before it returns."""
    from_at, until_at = past.span
    open_trails(
        user,
        [member.person for member in members_of(user, past)[0]],
        purpose=_("Replay: %(purpose)s") % {"purpose": purpose},
        from_at=from_at,
        until_at=until_at,
    )


def read_hour(user: User, past: PastDay, hour: int) -> bytes:
    """One hour's positions as rows of `PACKED`, by person and time.

    hour: of the local day, within the opened ones. The caller has opened the day
    (`open_past_day`). Fixes that no judge would use for their accuracy are left out.
    """
    from_at, until_at = past.span
    start = past.midnight + hour * HOUR
    end = min(start + HOUR, until_at)
    if not (from_at <= start < until_at):
        raise Refused("hours_wrong", _("This hour was not opened."))
    ids = ids_of(user, past)
    rows = read_fixes(past.unit.bureau_id, ids, start, end)
    rules, _set = rules_on(past.unit.bureau, past.day)
    with np.errstate(invalid="ignore"):
        rows = rows[~(rows["accuracy_m"] > rules.max_accuracy_m)]
    step_s = STEP_S * max(1, -(-len(ids) // PEOPLE_A_STEP))
    return pack(rows, start.timestamp(), step_s)


def pack(rows: NDArray[np.void], start_s: float, step_s: int) -> bytes:
    """Rows of `read_fixes`, the first of each person in each step, as bytes."""
    rows = rows[np.lexsort((rows["t_s"], rows["person"]))]
    since_s = rows["t_s"] - start_s
    step = (since_s // step_s).astype(np.int64)
    first = np.ones(len(rows), dtype=np.bool_)
    first[1:] = (rows["person"][1:] != rows["person"][:-1]) | (step[1:] != step[:-1])
    packed = np.empty(int(first.sum()), PACKED)
    packed["person"] = rows["person"][first]
    packed["s"] = since_s[first].astype(np.int64)
    packed["lon"] = np.round(rows["lon_deg"][first] * 1e7)
    packed["lat"] = np.round(rows["lat_deg"][first] * 1e7)
    return packed.tobytes()


def read_marks(user: User, past: PastDay) -> dict[str, Any]:
    """Company of each person and what happened; seconds since local midnight.

    {"company": {person: [[from, until, kind, people together], …]}, "ticks": [[s, kind, about,
    person or null], …]}. Company only where a day has been judged.
    """
    from_at, until_at = past.span
    midnight_s = past.midnight.timestamp()
    ids = ids_of(user, past)
    company: dict[int, list[list[Any]]] = {}
    for span in CompanySpan.objects.filter(
        bureau_id=past.unit.bureau_id,
        person_id__in=ids,
        day=past.day,
        starts_at__lt=until_at,
        ends_at__gt=from_at,
    ).order_by("person_id", "starts_at"):
        company.setdefault(span.person_id, []).append(
            [
                round(span.starts_at.timestamp() - midnight_s),
                round(span.ends_at.timestamp() - midnight_s),
                span.company,
                1 + len(span.partners),
            ]
        )
    ticks: list[list[Any]] = []

    def add(at: datetime | None, kind: str, about: str, person: int | None) -> None:
        if at is not None and from_at <= at < until_at:
            ticks.append([round(at.timestamp() - midnight_s), kind, about, person])

    for alarm in Alarm.objects.filter(
        person__in=ids, raised_at__lt=until_at, raised_at__gte=from_at - timedelta(days=1)
    ).select_related("person"):
        add(alarm.raised_at, "sos", alarm.person.name, alarm.person_id)
        add(alarm.acknowledged_at, "sos_taken", alarm.person.name, alarm.person_id)
        add(alarm.closed_at, "sos_closed", alarm.person.name, alarm.person_id)
    steps = OrderStep.objects.filter(
        order__lead__unit__in=units_below(past.unit), at__gte=from_at, at__lt=until_at
    ).exclude(from_state="offered", to_state="offered")  # one of two has said yes
    for step in steps.select_related("order__lead"):
        add(step.at, f"order_{step.to_state}", step.order.lead.text[:80], None)
    return {"company": company, "ticks": sorted(ticks, key=lambda tick: tick[0])}
