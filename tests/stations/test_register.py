"""The register's acts: what is stored, what is written down, what is refused."""

from __future__ import annotations

from datetime import date, time

import pytest
from django.contrib.gis.geos import Point
from django.db import IntegrityError

from bureau.errors import Refused
from bureau.models import Role
from stations import register
from stations.models import Station, StationChange, StationKind
from tests import make
from tests.world import Town, build_town, place

pytestmark = pytest.mark.django_db

TODAY = date(2026, 3, 4)


@pytest.fixture
def town() -> Town:
    return build_town()


def point(east_m: float, north_m: float) -> Point:
    return Point(*place(east_m, north_m), srid=4326)


def kiosk(town: Town, **values: object) -> Station:
    return register.add(
        **{
            "by": town.planner,
            "unit": town.west,
            "kind": StationKind.KIOSK,
            "code": "K1",
            "name": "Kiosk 1",
            "place": point(-50, 0),
            "opened_on": date(2026, 1, 5),
            "desks": 2,
            "chairs": 3,
        }
        | values  # type: ignore[arg-type]
    )


def acts(station: Station) -> list[str]:
    return list(station.changes.order_by("pk").values_list("act", flat=True))


def test_an_added_station_is_open_and_noted(town: Town) -> None:
    station = kiosk(town, hours=[(0, time(8), time(12)), (0, time(13), time(17))])
    station.refresh_from_db()
    assert station.bureau == town.bureau
    assert station.closed_on is None
    assert (station.geometry.x, station.geometry.y) == place(-50, 0)
    assert station.opening_hours.count() == 2
    change = StationChange.objects.get()
    assert (change.act, change.by, change.before) == ("add", town.planner, {})
    assert change.after["code"] == "K1"
    assert change.after["hours"] == [[0, "08:00", "12:00"], [0, "13:00", "17:00"]]


def test_a_move_notes_from_where_to_where(town: Town) -> None:
    station = register.move(kiosk(town), by=town.planner, place=point(-60, 10))
    change = station.changes.get(act="move")
    assert change.before == {"place": list(place(-50, 0))}
    assert change.after == {"place": list(place(-60, 10))}


def test_an_edit_notes_only_what_changed(town: Town) -> None:
    station = kiosk(town)
    register.edit(
        station, by=town.planner, name="Kiosk One", desks=2, hours=[(1, time(9), time(17))]
    )
    change = station.changes.get(act="edit")
    assert change.before == {"name": "Kiosk 1", "hours": []}
    assert change.after == {"name": "Kiosk One", "hours": [[1, "09:00", "17:00"]]}
    register.edit(station, by=town.planner, name="Kiosk One")
    assert acts(station) == ["add", "edit"]


def test_a_closed_station_stays_and_can_be_reopened(town: Town) -> None:
    station = kiosk(town)
    closed = register.close(
        station, by=town.planner, on=date(2026, 3, 1), today=TODAY, reason=" rent ended "
    )
    assert (closed.closed_on, closed.closed_reason) == (date(2026, 3, 1), "rent ended")
    reopened = register.reopen(closed, by=town.planner)
    assert reopened.closed_on is None
    assert acts(station) == ["add", "close", "reopen"]


@pytest.mark.parametrize(("east_m", "code"), [(460, "geometry_outside"), (449, None)])
def test_a_station_stands_inside_the_jurisdiction(
    town: Town, east_m: float, code: str | None
) -> None:
    # The town ends 400 m east; 50 m of digitising are forgiven (geo/validation.py).
    if code is None:
        kiosk(town, place=point(east_m, 0))
    else:
        with pytest.raises(Refused) as refusal:
            kiosk(town, place=point(east_m, 0))
        assert refusal.value.code == code
        assert not Station.objects.exists()


def test_a_move_outside_leaves_it_where_it_was(town: Town) -> None:
    station = kiosk(town)
    with pytest.raises(Refused, match="outside"):
        register.move(station, by=town.planner, place=point(5000, 0))
    station.refresh_from_db()
    assert (station.geometry.x, station.geometry.y) == place(-50, 0)
    assert acts(station) == ["add"]


@pytest.mark.parametrize("role", [Role.DISPATCHER, Role.SUPERVISOR, Role.INSPECTOR, Role.OFFICER])
def test_only_planners_and_administrators_act(town: Town, role: Role) -> None:
    station = kiosk(town)
    user = make.user(role, town.top)
    for act in (
        lambda: kiosk(town, by=user, code="K2"),
        lambda: register.move(station, by=user, place=point(0, 0)),
        lambda: register.edit(station, by=user, name="Mine"),
        lambda: register.close(station, by=user, on=TODAY, today=TODAY, reason="x"),
        lambda: register.reopen(station, by=user),
    ):
        with pytest.raises(Refused) as refusal:
            act()
        assert refusal.value.code == "not_yours"


def test_a_squads_planner_keeps_to_the_squad(town: Town) -> None:
    planner = make.user(Role.PLANNER, town.west)
    station = kiosk(town, by=planner)
    with pytest.raises(Refused) as refusal:
        kiosk(town, by=planner, unit=town.east, code="K2")
    assert refusal.value.code == "not_yours"
    with pytest.raises(Refused) as refusal:
        register.edit(station, by=planner, unit=town.east)
    assert refusal.value.code == "not_yours"
    foreign = kiosk(town, unit=town.east, code="K3")
    with pytest.raises(Refused) as refusal:
        register.close(foreign, by=planner, on=TODAY, today=TODAY, reason="x")
    assert refusal.value.code == "not_yours"


def test_another_bureaus_planner_is_refused(town: Town) -> None:
    station = kiosk(town)
    stranger = build_town("other").planner
    with pytest.raises(Refused):
        register.move(station, by=stranger, place=point(0, 0))


@pytest.mark.parametrize(
    ("on", "reason", "code"),
    [
        (date(2026, 3, 5), "rent", "closes_in_future"),
        (date(2026, 1, 4), "rent", "closes_before_opening"),
        (TODAY, "  ", "reason_missing"),
    ],
)
def test_a_closing_has_a_day_and_a_reason(town: Town, on: date, reason: str, code: str) -> None:
    station = kiosk(town)
    with pytest.raises(Refused) as refusal:
        register.close(station, by=town.planner, on=on, today=TODAY, reason=reason)
    assert refusal.value.code == code
    station.refresh_from_db()
    assert station.closed_on is None


def test_a_closed_station_is_not_changed(town: Town) -> None:
    station = kiosk(town)
    register.close(station, by=town.planner, on=TODAY, today=TODAY, reason="rent")
    for act in (
        lambda: register.move(station, by=town.planner, place=point(0, 0)),
        lambda: register.edit(station, by=town.planner, name="Mine"),
        lambda: register.close(station, by=town.planner, on=TODAY, today=TODAY, reason="again"),
    ):
        with pytest.raises(Refused) as refusal:
            act()
        assert refusal.value.code == "station_closed"
        assert "2026-03-04" in refusal.value.message


def test_an_open_station_is_not_reopened(town: Town) -> None:
    with pytest.raises(Refused) as refusal:
        register.reopen(kiosk(town), by=town.planner)
    assert refusal.value.code == "not_closed"


def test_a_code_is_given_once(town: Town) -> None:
    kiosk(town)
    second = kiosk(town, code="K2")
    with pytest.raises(Refused) as refusal:
        kiosk(town)
    assert refusal.value.code == "code_taken"
    with pytest.raises(Refused) as refusal:
        register.edit(second, by=town.planner, code="K1", name="Lost?")
    assert refusal.value.code == "code_taken"
    second.refresh_from_db()
    assert second.name == "Kiosk 1"
    assert acts(second) == ["add"]


def test_other_database_errors_are_not_taken_for_a_code(town: Town) -> None:
    with pytest.raises(IntegrityError):
        kiosk(town, desks=-1)


@pytest.mark.parametrize(
    ("hours", "code"),
    [
        ([(0, time(8), time(12)), (0, time(11), time(17))], "hours_overlap"),
        ([(0, time(22), time(6))], "hours_reversed"),
    ],
)
def test_hours_make_sense(town: Town, hours: list[register.Hours], code: str) -> None:
    with pytest.raises(Refused) as refusal:
        kiosk(town, hours=hours)
    assert refusal.value.code == code
    assert not Station.objects.exists()
