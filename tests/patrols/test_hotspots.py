"""Hotspot visits from stored positions, through matching and the database."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import pytest
from django.contrib.gis.geos import Point

from bureau.models import Role
from bureau.week import Week
from geo.models import Grade, Hotspot, HotspotWindow
from patrols import weekly
from patrols.hotspots import HotspotWeek, hotspot_weeks, open_visits
from patrols.judges.hotspot_frequency import SlotJudgement
from patrols.models import Leave, LeaveKind, Person, SegmentVisit, TrailLook
from tests import make
from tests.patrols.walking import WEST_LOOP, around, local, noisy, standing, store
from tests.world import Town, place

pytestmark = pytest.mark.django_db

MONDAY = "2026-11-16"
LATER = local("2026-11-24 09:00")
WEEK = Week.containing(local(f"{MONDAY} 12:00"))


def spot(town: Town, *blocks: str, **fields: object) -> Hotspot:
    """A hotspot of Squad West on some blocks."""
    return make.hotspot(town.west, *(town.blocks[name] for name in blocks), **fields)


def gate(hotspot: Hotspot, starts: time, ends: time, visits: int = 1, weekday: int = 0) -> None:
    HotspotWindow.objects.create(
        hotspot=hotspot, weekday=weekday, starts=starts, ends=ends, required_visits=visits
    )


def on_shift(person: Person, begins: str, seconds: float) -> datetime:
    at = local(begins)
    make.shift(person, at, at + timedelta(seconds=seconds))
    return at


def seen(town: Town, *, now: datetime = LATER) -> HotspotWeek:
    weekly.judge_everybody(town.bureau, WEEK, now=now)
    [one] = hotspot_weeks(town.bureau, WEEK, [town.west, town.east], now=now)
    return one


def test_a_walk_in_the_parallel_street_25_m_away_is_no_visit(town: Town) -> None:
    """Acceptance case 9: from 9:00 the whole of the parallel street, there and back for 20 min."""
    parallel = make.segment(
        town.bureau, place(-200, 25), place(-100, 25), length_m=100, name="Parallel"
    )
    make.segment(town.bureau, place(-200, 25), place(-200, 0), length_m=25)
    make.segment(town.bureau, place(-100, 25), place(-100, 0), length_m=25)
    hotspot = spot(town, "C1-C2")
    gate(hotspot, time(9, 0), time(9, 20))
    beside = make.hotspot(town.west, parallel, code="beside")
    gate(beside, time(9, 0), time(9, 20))
    person = make.person(town.west)
    at = on_shift(person, f"{MONDAY} 09:00", 1200)
    store(person, at, noisy(around([(-200, 25), (-100, 25), (-200, 25)], 1200), 3))
    weekly.judge_everybody(town.bureau, WEEK, now=LATER)
    found = {
        one.hotspot.pk: one.judgement.slots[0]
        for one in hotspot_weeks(town.bureau, WEEK, [town.west], now=LATER)
    }
    assert (found[beside.pk].made, found[beside.pk].outcome) == (1, "met")
    assert (found[hotspot.pk].made, found[hotspot.pk].outcome) == (0, "not_met")


@pytest.mark.parametrize(("minutes_apart", "made"), [(20, 1), (75, 2)])
def test_two_passes_20_min_apart_are_one_visit(town: Town, minutes_apart: int, made: int) -> None:
    """Acceptance case 10, through the stages: along the hotspot, round another street, and back."""
    hotspot = spot(town, "C1-C2", "C2-C3")
    gate(hotspot, time(9, 0), time(12, 0), 2)
    person = make.person(town.west)
    at = on_shift(person, f"{MONDAY} 09:00", 3 * 3600)
    pass_m = [(0, 0), (-200, 0)]  # 200 m at 1.25 m/s: 160 s
    away = minutes_apart * 60.0
    store(person, at, noisy(around(pass_m, 155), 1))
    elsewhere = around(
        [(-200, 100), (-200, 200), (-100, 200), (-200, 200), (-200, 100)], away - 320
    )
    store(person, at + timedelta(seconds=240), noisy(elsewhere, 2))
    store(person, at + timedelta(seconds=155 + away), noisy(around(pass_m[::-1], 155), 3))
    rest = around([(0, 200), (0, 100), (0, 200)], 3 * 3600 - away - 480)
    store(person, at + timedelta(seconds=away + 470), noisy(rest, 4))
    [slot] = seen(town).judgement.slots
    assert slot.made == made
    assert slot.outcome == ("met" if made == 2 else "not_met")
    assert [round(v.share, 1) for v in slot.visits] == [1.0] * made


def test_a_silent_phone_cannot_fail_a_hotspot(town: Town) -> None:
    hotspot = spot(town, "E4-E5")
    gate(hotspot, time(9, 0), time(10, 0))
    walker, silent = make.person(town.west), make.person(town.west)
    at = on_shift(walker, f"{MONDAY} 09:00", 3600)
    store(walker, at, noisy(around(WEST_LOOP, 3600), 1))
    one = seen(town)
    assert one.judgement.slots[0].outcome == "not_met"
    on_shift(silent, f"{MONDAY} 09:30", 3600)
    one = seen(town)
    assert one.judgement.slots[0].outcome == "cannot_judge"
    assert one.silent == {silent.pk: 3600}
    # Leave is not silence.
    Leave.objects.create(
        bureau=town.bureau,
        person=silent,
        kind=LeaveKind.SICK,
        first_day=WEEK.monday,
        last_day=WEEK.monday,
    )
    assert seen(town).judgement.slots[0].outcome == "not_met"


def test_a_shift_that_has_not_been_judged_yet_was_not_seen(town: Town) -> None:
    """The running week: nothing arrived, so no day is derived; that is silence, not absence."""
    hotspot = spot(town, "E4-E5")
    gate(hotspot, time(9, 0), time(10, 0))
    on_shift(make.person(town.west), f"{MONDAY} 08:00", 4 * 3600)
    now = local(f"{MONDAY} 11:00")
    [one] = hotspot_weeks(town.bureau, WEEK, [town.west], now=now)
    assert one.judgement.slots[0].reason == "visits_unseen"
    assert list(one.silent.values()) == [3 * 3600]


def test_nobody_on_duty_is_a_matter_of_the_roster(town: Town) -> None:
    gate(spot(town, "C1-C2"), time(18, 0), time(21, 0))
    person = make.person(town.west)
    at = on_shift(person, f"{MONDAY} 09:00", 1800)
    store(person, at, noisy(around(WEST_LOOP, 1800), 1))
    assert seen(town).judgement.slots[0].reason == "nobody_on_duty"


def test_a_grade_owes_its_visits_and_a_helper_from_elsewhere_counts(town: Town) -> None:
    spot(town, "C1-C2", "C2-C3", grade=Grade.SECOND)
    helper = make.person(town.east)
    at = on_shift(helper, f"{MONDAY} 09:00", 400)
    store(helper, at, noisy(around([(0, 0), (-200, 0), (0, 0)], 400), 1))
    on_shift(make.person(town.west), f"{MONDAY} 09:00", 100)
    one = seen(town)
    assert [slot.slot.owed for slot in one.judgement.slots] == [True] * 5 + [False] * 2
    assert [slot.made for slot in one.judgement.slots] == [1, 0, 0, 0, 0, 0, 0]
    # Friday is not over by Wednesday noon, and what ends later owes nothing yet.
    now = local("2026-11-18 12:00")
    assert seen(town, now=now).judgement.week.numbers["due"] == 2


def test_standing_beside_a_station_is_neither_visit_nor_miss(town: Town) -> None:
    """40 min on a block, 1 min of it no stay: a visit at a gate; beside a kiosk nobody knows."""
    hotspot = spot(town, "C3-C4", "C4-C5")
    gate(hotspot, time(9, 0), time(10, 0))
    person = make.person(town.west)
    at = on_shift(person, f"{MONDAY} 09:00", 3600)
    store(person, at, noisy(standing(60, 0, 3600), 2))
    weekly.judge_everybody(town.bureau, WEEK, now=LATER)
    SegmentVisit.objects.all().delete()
    SegmentVisit.objects.create(
        bureau_id=town.bureau.pk,
        person_id=person.pk,
        segment_id=town.blocks["C3-C4"].pk,
        day=WEEK.monday,
        entered_at=at,
        left_at=at + timedelta(minutes=40),
        active_s=60,
        walked_share=0.3,
    )

    def slot() -> SlotJudgement:
        [one] = hotspot_weeks(town.bureau, WEEK, [town.west], now=LATER)
        return one.judgement.slots[0]

    assert (slot().outcome, slot().visits[0].dwell_s) == ("met", 2400)
    kiosk = make.station(town.west, *place(60, 39))
    assert (slot().outcome, slot().reason) == ("cannot_judge", "visits_unseen")
    kiosk.geometry = Point(*place(60, 42), srid=4326)
    kiosk.save()
    assert slot().outcome == "met"
    kiosk.geometry = Point(*place(60, 0), srid=4326)
    kiosk.closed_on = WEEK.monday
    kiosk.save()
    assert slot().outcome == "met"


def test_who_looks_at_visits_is_logged_and_strangers_are_not_named(town: Town) -> None:
    gate(spot(town, "C1-C2", "C2-C3"), time(9, 0), time(10, 0))
    own, helper = make.person(town.west), make.person(town.east)
    at = on_shift(own, f"{MONDAY} 09:00", 400)
    on_shift(helper, f"{MONDAY} 09:00", 400)
    for seed, person in enumerate((own, helper)):
        store(person, at, noisy(around([(0, 0), (-200, 0), (0, 0)], 400), seed))
    one = seen(town)
    assert set(one.judgement.slots[0].visits[0].people) == {own.pk, helper.pk}
    west = make.user(Role.SUPERVISOR, town.west)
    assert open_visits(west, one, WEEK, purpose="Hotspot visits") == {own.pk}
    [look] = TrailLook.objects.all()
    assert (look.person, look.user, look.purpose) == (own, west, "Hotspot visits")
    assert open_visits(town.supervisor, one, WEEK, purpose="x") == {own.pk, helper.pk}
    assert open_visits(town.planner, one, WEEK, purpose="x") == set()


def test_a_closed_hotspot_and_one_of_another_bureau_are_not_shown(town: Town) -> None:
    spot(town, "C1-C2", closed_on=WEEK.monday)
    other = make.bureau()
    make.unit(other)
    assert hotspot_weeks(town.bureau, WEEK, [town.west], now=LATER) == []
    open_one = spot(town, "C1-C2", closed_on=WEEK.days[2])
    [one] = hotspot_weeks(town.bureau, WEEK, [town.west], now=LATER)
    assert one.hotspot == open_one
    assert [slot.slot.owed for slot in one.judgement.slots] == [True, True] + [False] * 5


def test_many_hotspots_cost_few_queries(town: Town, django_assert_max_num_queries: object) -> None:
    for name in list(town.blocks)[:20]:
        spot(town, name)
    with django_assert_max_num_queries(20):  # type: ignore[operator]
        assert len(hotspot_weeks(town.bureau, WEEK, [town.west], now=LATER)) == 20
