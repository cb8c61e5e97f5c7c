"""The station register's acts: add, move, edit, close, reopen. Each leaves a line of who did what.

No request comes in here; pages, API, admin and imports call it with plain values.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, time
from itertools import pairwise
from typing import Any, cast

from django.contrib.gis.geos import Point
from django.db import transaction
from django.utils.translation import gettext as _

from bureau.errors import Refused
from bureau.models import Bureau, OrgUnit, User
from geo.access import check_may_write
from geo.places import checked, code_once
from stations.models import OpeningHours, Station, StationChange, StationKind

EDITABLE = ("unit", "kind", "code", "name", "address", "desks", "chairs", "opened_on")
Hours = tuple[int, time, time]  # weekday (0 Monday), opens, closes


def add(
    *,
    by: User,
    unit: OrgUnit,
    kind: StationKind,
    code: str,
    name: str,
    place: Point,
    opened_on: date,
    address: str = "",
    desks: int = 0,
    chairs: int = 0,
    hours: Iterable[Hours] = (),
) -> Station:
    """A new station inside the jurisdiction. Raises Refused outside of it, or of your units."""
    check_may_write(by, unit.pk)
    station = Station(
        bureau=unit.bureau,
        unit=unit,
        kind=kind,
        code=code,
        name=name,
        address=address,
        geometry=_checked(place, unit.bureau),
        desks=desks,
        chairs=chairs,
        opened_on=opened_on,
    )
    with code_once():
        station.save()
        _set_hours(station, hours)
        _note(station, "add", by, before={}, after=_facts(station))
    return station


def move(station: Station, *, by: User, place: Point) -> Station:
    """Put an open station elsewhere inside the jurisdiction."""
    with transaction.atomic():
        station = _open_for_change(station, by)
        before = _facts(station)
        station.geometry = _checked(place, station.bureau)
        station.save(update_fields=["geometry"])
        _note(station, "move", by, before=before, after=_facts(station))
    return station


def edit(
    station: Station, *, by: User, hours: Iterable[Hours] | None = None, **changes: Any
) -> Station:
    """Change facts of an open station (`EDITABLE`, and `place`); `hours` replaces all hours."""
    with code_once():
        station = _open_for_change(station, by)
        before = _facts(station)
        if "unit" in changes:
            check_may_write(by, changes["unit"].pk)
            if changes["unit"].bureau_id != station.bureau_id:
                raise Refused("not_yours", _("This unit belongs to another bureau."))
        if (place := changes.pop("place", None)) is not None:
            station.geometry = _checked(place, station.bureau)
        for name, value in changes.items():
            if name not in EDITABLE:
                raise TypeError(f"{name} is not edited here")
            setattr(station, name, value)
        station.save()
        if hours is not None:
            _set_hours(station, hours)
        _note(station, "edit", by, before=before, after=_facts(station))
    return station


def close(station: Station, *, by: User, on: date, today: date, reason: str) -> Station:
    """Take a station out of use; it stays in the register. Days are the bureau's local dates."""
    with transaction.atomic():
        station = _open_for_change(station, by)
        if not reason.strip():
            raise Refused("reason_missing", _("Say why the station closes."))
        if on > today:
            raise Refused("closes_in_future", _("Choose today or an earlier day."))
        if on < station.opened_on:
            raise Refused(
                "closes_before_opening",
                _("It opened on %(day)s; it cannot close before that.")
                % {"day": station.opened_on.isoformat()},
            )
        before = _facts(station)
        station.closed_on, station.closed_reason = on, reason.strip()
        station.save(update_fields=["closed_on", "closed_reason"])
        _note(station, "close", by, before=before, after=_facts(station))
    return station


def reopen(station: Station, *, by: User) -> Station:
    """Put a closed station back into use, for one closed by mistake."""
    with transaction.atomic():
        station = _locked(station, by)
        if station.closed_on is None:
            raise Refused("not_closed", _("This station is open already."))
        before = _facts(station)
        station.closed_on, station.closed_reason = None, ""
        station.save(update_fields=["closed_on", "closed_reason"])
        _note(station, "reopen", by, before=before, after=_facts(station))
    return station


def _checked(place: Point, bureau: Bureau) -> Point:
    return cast(Point, checked(place, "station", bureau))


def _locked(station: Station, by: User) -> Station:
    """The station's row as it is now, kept until the end of the transaction."""
    row = Station.objects.select_for_update().get(pk=station.pk)
    check_may_write(by, row.unit_id)
    return row


def _open_for_change(station: Station, by: User) -> Station:
    row = _locked(station, by)
    if row.closed_on is not None:
        raise Refused(
            "station_closed",
            _("This station is closed since %(day)s. Reopen it before you change it.")
            % {"day": row.closed_on.isoformat()},
        )
    return row


def _set_hours(station: Station, hours: Iterable[Hours]) -> None:
    rows = sorted(hours)
    for (day, _opens, closes), (next_day, next_opens, _closes) in pairwise(rows):
        if day == next_day and next_opens < closes:
            raise Refused("hours_overlap", _("Two opening hours of one day overlap."))
    if any(closes <= opens for _day, opens, closes in rows):
        raise Refused("hours_reversed", _("Opening hours end before they begin."))
    station.opening_hours.all().delete()
    OpeningHours.objects.bulk_create(
        OpeningHours(station=station, weekday=day, opens=opens, closes=closes)
        for day, opens, closes in rows
    )


def _facts(station: Station) -> dict[str, Any]:
    """What a change row remembers."""
    return {
        **{name: getattr(station, name) for name in EDITABLE if name not in ("unit", "opened_on")},
        "unit": station.unit_id,
        "opened_on": station.opened_on.isoformat(),
        "place": [station.geometry.x, station.geometry.y],
        "closed_on": station.closed_on.isoformat() if station.closed_on else None,
        "closed_reason": station.closed_reason,
        "hours": [
            [row.weekday, row.opens.isoformat("minutes"), row.closes.isoformat("minutes")]
            for row in station.opening_hours.order_by("weekday", "opens")
        ],
    }


def _note(
    station: Station, act: str, by: User, *, before: dict[str, Any], after: dict[str, Any]
) -> None:
    """Write down what changed, and only that. Nothing changed, nothing noted."""
    changed = [name for name in after if before.get(name) != after[name]]
    if changed:
        StationChange.objects.create(
            station=station,
            act=act,
            by=by,
            before={name: before[name] for name in changed if name in before},
            after={name: after[name] for name in changed},
        )
