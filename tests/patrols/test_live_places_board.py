"""Hotspot clocks and staffing of the live map: who is told what, from stored positions."""

from __future__ import annotations

from datetime import datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from bureau.models import Role, User
from geo.models import Grade
from patrols.hotspot_clocks import hotspot_clocks, locks, read_clocks
from patrols.models import LiveState, LiveWatch, SegmentVisit
from patrols.staffing import staffing
from realtime.rounds import Rounds
from tests import make
from tests.patrols.walking import local
from tests.realtime.stage import officer, report
from tests.world import Town, build_town, place

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_clock_of_another_test() -> None:
    cache.clear()


def ask(user: User, address: str) -> Any:
    client = Client(headers={"host": "localhost"})
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client.get(address)


def visit(town: Town, block: str, at: datetime, person_id: int) -> None:
    """Ten minutes of somebody on a block, as the judge stores them."""
    SegmentVisit.objects.create(
        bureau_id=town.bureau.pk,
        person_id=person_id,
        segment_id=town.blocks[block].pk,
        day=timezone.localdate(at),
        entered_at=at,
        left_at=at + timedelta(minutes=10),
        active_s=600,
        walked_share=1.0,
    )


def clocks(town: Town, at: str) -> dict[str, tuple[str, float | None]]:
    found = read_clocks(town.top, [town.top, town.brigade, town.west, town.east], local(at))
    now_s = local(at).timestamp()
    return {
        one.name: (one.clock.standing, None if one.last_s is None else now_s - one.last_s)
        for one in found
    }


def test_the_last_visit_is_the_weeks_visit_also_of_the_week_before(town: Town):
    person = make.person(town.west)
    make.hotspot(town.west, town.blocks["C1-C2"], name="Gate", grade=Grade.THIRD)
    make.hotspot(town.east, town.blocks["C4-C5"], name="Market", grade=Grade.THIRD)
    visit(town, "C1-C2", local("2026-11-14 10:00"), person.pk)  # Saturday before
    visit(town, "C4-C5", local("2026-11-16 08:00"), person.pk)
    # One visit a week (our default): within its interval on Monday, two and a half days later.
    assert clocks(town, "2026-11-16 11:10") == {
        "Gate": ("within", 2 * 86400 + 3600),
        "Market": ("within", 3 * 3600),
    }


def test_while_one_request_works_clocks_out_others_get_the_answer_before(town: Town):
    make.hotspot(town.west, town.blocks["C1-C2"], name="Gate")
    now = local("2026-11-16 11:10")
    before = hotspot_clocks(town.dispatcher, now)
    make.hotspot(town.east, town.blocks["C4-C5"], name="Market")
    soon, later = now + timedelta(seconds=54), now + timedelta(seconds=56)
    assert hotspot_clocks(town.dispatcher, soon) == before
    lock = locks[town.top.pk]
    with lock:  # another request has begun
        assert hotspot_clocks(town.dispatcher, later) == before
    assert [one.name for one in hotspot_clocks(town.dispatcher, later)] == ["Market", "Gate"]
    assert not lock.locked()


def test_whoever_has_no_answer_before_waits_for_the_first_one(town: Town):
    now, came = local("2026-11-16 11:10"), []
    answer = hotspot_clocks(town.dispatcher, now)
    cache.clear()
    lock = locks[town.top.pk]
    with lock:
        waiting = Thread(target=lambda: came.append(hotspot_clocks(town.dispatcher, now)))
        waiting.start()
        cache.set(f"hotspot-clocks/{town.top.pk}", (now, answer), 60)
    waiting.join(timeout=20)
    assert came == [answer]


def test_the_answer_has_the_own_units_and_those_below_only(town: Town):
    other = build_town("other")
    make.hotspot(town.west, town.blocks["C1-C2"], name="Gate")
    make.hotspot(town.east, town.blocks["C4-C5"], name="Market")
    make.hotspot(other.west, other.blocks["C4-C5"], name="Elsewhere")
    body = ask(town.dispatcher, "/api/live/hotspots").json()
    assert [row["name"] for row in body["hotspots"]] == ["Market", "Gate"]  # unit east, west
    [row] = ask(make.user(Role.DISPATCHER, town.west), "/api/live/hotspots").json()["hotspots"]
    assert (row["name"], row["last"], row["present"]) == ("Gate", None, 0)
    lon, lat = place(-150, 0)
    assert (row["lon"], row["lat"]) == pytest.approx((lon, lat), abs=6e-4)
    assert row["standing"] != "overdue"  # nobody was on duty: that is the roster's


@pytest.mark.parametrize("address", ["/api/live/hotspots", "/api/live/stations"])
@pytest.mark.parametrize("role", [Role.OFFICER, Role.PLANNER])
def test_roles_that_do_not_watch_are_told_so(town: Town, role: Role, address: str):
    answer = ask(make.user(role, town.top), address)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_yours")


def test_somebody_on_the_hotspot_now_is_counted_and_not_named(town: Town):
    now = timezone.now()
    make.hotspot(town.west, town.blocks["C1-C2"], name="Gate")
    person = officer(town.west, now)
    report(person, -150, 0, now)
    Rounds().run_once(now)
    [row] = ask(town.dispatcher, "/api/live/hotspots").json()["hotspots"]
    assert row["present"] == 1
    assert str(person.name) not in str(row)


def at_station(town: Town, east_m: float, *, parked: bool, based: bool = False) -> Any:
    now = timezone.now()
    station = make.station(town.west, *place(0, 0))
    person = officer(town.west, now)
    if based:
        person.shifts.update(base=station)
    report(person, east_m, 0, now)
    Rounds().run_once(now)
    LiveState.objects.filter(person_id=person.pk).update(
        parked_since=now - timedelta(minutes=20) if parked else None
    )
    [row] = staffing(town.dispatcher, now)
    return row.people == (person.pk,)


@pytest.mark.parametrize(
    ("east_m", "parked", "based", "is_there"),
    [
        (30, True, False, True),
        (45, True, False, False),  # 40 m is the radius of a stay
        (30, False, False, False),  # walks past
        (30, False, True, True),  # walks about at the own base
        (45, False, True, False),
    ],
)
def test_who_counts_as_being_at_a_station(
    town: Town, east_m: float, parked: bool, based: bool, is_there: bool
):
    assert at_station(town, east_m, parked=parked, based=based) is is_there


def test_a_silent_phone_and_somebody_off_duty_are_not_at_the_station(town: Town):
    now = timezone.now()
    station = make.station(town.west, *place(0, 0), name="Kiosk")
    silent, off = officer(town.west, now), officer(town.west, now)
    for person in (silent, off):
        person.shifts.update(base=station)
    report(silent, 0, 0, now - timedelta(minutes=6))
    report(off, 0, 0, now)
    Rounds().run_once(now)
    LiveState.objects.filter(person_id=off.pk).update(duty_since=None, duty_until=None)
    assert [row.people for row in staffing(town.dispatcher, now)] == [()]


def test_staffing_is_scoped_and_the_look_is_logged(town: Town):
    now = timezone.now()
    west = make.station(town.west, *place(0, 0), name="West kiosk")
    make.station(town.east, *place(200, 0), name="East kiosk")
    stranger = officer(town.east, now)
    stranger.shifts.update(base=west)
    report(stranger, 0, 0, now)
    Rounds().run_once(now)
    user = make.user(Role.DISPATCHER, town.west)
    body = ask(user, "/api/live/stations").json()
    # Somebody of another unit is at our kiosk: not one of ours, so not told.
    assert [(row["name"], row["people"]) for row in body["stations"]] == [("West kiosk", [])]
    assert LiveWatch.objects.filter(user=user).count() == 1
    both = ask(town.dispatcher, "/api/live/stations").json()["stations"]
    assert {row["name"]: row["people"] for row in both} == {
        "West kiosk": [stranger.pk],
        "East kiosk": [],
    }
