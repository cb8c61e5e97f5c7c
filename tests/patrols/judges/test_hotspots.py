"""Hotspot visits by hand-worked hours: frequency, duration, intermittency, and what is not seen."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from bureau.holidays import Day, shipped_day, weekday_rule
from bureau.rules import Rules
from bureau.week import Week
from geo.models import Grade
from patrols.judges import Outcome, Reason
from patrols.judges.hotspot_frequency import HotspotFacts, judge
from patrols.judges.hotspot_slots import (
    WHOLE_WEEK,
    Slot,
    Window,
    required_by_grade,
    slots_of,
)
from patrols.judges.hotspot_visits import Stretch, Visit, counted, most_possible, visits_of

RULES = Rules()  # 300 s or half the length, 3,600 s apart, band 5 %
LENGTH_M = {7: 120.0, 8: 80.0}  # 200 m: half is 100 m
MIN = 60.0
HOUR = 3600.0


def on(
    begin_s: float,
    lasts_s: float,
    *,
    person: int = 1,
    segment: int = 7,
    walked_m: float = 0.0,
    active_s: float | None = None,
    by_station: bool = False,
) -> Stretch:
    active = lasts_s if active_s is None else active_s
    end_s = begin_s + lasts_s
    return Stretch(person, segment, begin_s, end_s, walked_m, active, by_station)


def found(*stretches: Stretch) -> list[Visit]:
    return visits_of(stretches, LENGTH_M, RULES)


def whole(*stretches: Stretch) -> int:
    return len(counted(found(*stretches), RULES.visit_gap_s))


def test_two_passes_20_minutes_apart_are_one_visit() -> None:
    """Acceptance case 10, the judge's part."""
    assert whole(on(0, 60, walked_m=100), on(20 * MIN, 60, walked_m=100)) == 1
    # 60 min from the end of one to the beginning of the next.
    assert whole(on(0, 60, walked_m=100), on(60 + HOUR, 60, walked_m=100)) == 2
    assert whole(on(0, 60, walked_m=100), on(59 + HOUR, 60, walked_m=100)) == 1


def test_passes_every_50_minutes_do_not_melt_into_one_visit() -> None:
    """Begun at 0, 50, 100, … min, 1 min each: each second one is 60 min after the last counted."""
    passes = [on(50 * MIN * i, 60, walked_m=100) for i in range(10)]
    assert whole(*passes) == 5


@pytest.mark.parametrize(
    ("stretches", "is_whole"),
    [
        ([on(0, 300)], True),
        ([on(0, 299)], False),
        ([on(0, 90, walked_m=100)], True),
        ([on(0, 90, walked_m=99)], False),
        # Half the length over two segments; the same metres twice are not twice the street.
        ([on(0, 60, walked_m=60), on(60, 40, segment=8, walked_m=40)], True),
        ([on(0, 60, walked_m=60), on(400, 60, walked_m=60)], False),
        # Passes less than 60 min apart add up: 3 min and 2 min.
        ([on(0, 180), on(30 * MIN, 120)], True),
        ([on(0, 180), on(64 * MIN, 120)], False),
        # By vehicle, 10 m/s: the length driven past is not walked.
        ([on(0, 12, walked_m=120)], False),
        # Standing at a school gate for 20 min is what it asks for.
        ([on(0, 1200, active_s=0)], True),
        # Beside a station only what was no stay counts: nobody can tell the street from the room.
        ([on(0, 1200, active_s=299, by_station=True)], False),
        ([on(0, 1200, active_s=300, by_station=True)], True),
        ([on(0, 1200, active_s=60, walked_m=100, by_station=True)], True),
    ],
)
def test_a_visit_is_five_minutes_or_half_the_length(
    stretches: list[Stretch], is_whole: bool
) -> None:
    assert any(visit.whole for visit in found(*stretches)) == is_whole


def test_a_pair_makes_one_visit_and_both_are_named() -> None:
    pair = counted(found(on(0, 400), on(5, 400, person=2), on(2 * HOUR, 400, person=3)), HOUR)
    assert [set(visit.people) for visit in pair] == [{1, 2}, {3}]


def test_a_long_stay_hides_nobodys_visits() -> None:
    """Person 1 stays for 4 h; person 2 comes at 0:10, 1:30 and 3:00 for 6 min."""
    others = [on(b * MIN, 360, person=2) for b in (10, 90, 180)]
    assert whole(on(0, 4 * HOUR)) == 1
    assert whole(on(0, 4 * HOUR), *others) == 3


def slot(start_h: float, end_h: float, required: int = 1, **fields: bool) -> Slot:
    return Slot(0, start_h * HOUR, end_h * HOUR, required, windowed=True, **fields)


def facts(
    *stretches: Stretch,
    slots: Sequence[Slot] = (slot(8, 12),),
    duty: Sequence[tuple[float, float]] = ((8 * HOUR, 17 * HOUR),),
    unseen: Sequence[tuple[float, float]] = (),
    now_s: float = 200 * HOUR,
) -> HotspotFacts:
    return HotspotFacts(LENGTH_M, stretches, slots, duty, unseen, now_s)


def said(given: HotspotFacts) -> tuple[Outcome, Reason]:
    [one] = judge(given, RULES).slots
    return one.outcome, one.reason


def test_the_hours_decide_which_visits_count() -> None:
    assert said(facts(on(9 * HOUR, 400))) == (Outcome.MET, Reason.ENOUGH)
    assert said(facts(on(13 * HOUR, 400))) == (Outcome.NOT_MET, Reason.VISITS_MISSING)
    # From 7:57 to 8:05 with 8:00 the beginning: 5 min lie in the hours; to 8:04 only 4.
    assert said(facts(on(8 * HOUR - 180, 480)))[0] == Outcome.MET
    assert said(facts(on(8 * HOUR - 180, 420)))[0] == Outcome.NOT_MET


def test_what_was_not_seen_fails_no_hotspot() -> None:
    two = (slot(8, 12, 2),)
    one_visit = on(9 * HOUR, 360)
    assert said(facts(one_visit, slots=two))[0] == Outcome.NOT_MET
    # Silent 10:30–10:35: 84 min after the visit, long enough for a visit of 5 min.
    silent = [(10.5 * HOUR, 10.5 * HOUR + 300)]
    assert said(facts(one_visit, slots=two, unseen=silent)) == (
        Outcome.CANNOT_JUDGE,
        Reason.VISITS_UNSEEN,
    )
    # One second less cannot hold a visit; nor can a silence within the hour after the visit.
    short = [(10.5 * HOUR, 10.5 * HOUR + 299)]
    assert said(facts(one_visit, slots=two, unseen=short))[0] == Outcome.NOT_MET
    beside = [(9 * HOUR + 360, 10 * HOUR + 360)]
    assert said(facts(one_visit, slots=two, unseen=beside))[0] == Outcome.NOT_MET
    # A silence of 4 h holds four visits: from 0, 65, 130 and 195 min on.
    morning = [(8 * HOUR, 12 * HOUR)]
    four, five = (slot(8, 14, 4),), (slot(8, 14, 5),)
    assert said(facts(slots=four, unseen=morning)) == (Outcome.CANNOT_JUDGE, Reason.VISITS_UNSEEN)
    assert said(facts(slots=five, unseen=morning))[0] == Outcome.NOT_MET


def test_a_stay_beside_a_station_is_no_visit_and_no_miss() -> None:
    stay = on(9 * HOUR, 3000, active_s=100, by_station=True)
    assert said(facts(stay)) == (Outcome.CANNOT_JUDGE, Reason.VISITS_UNSEEN)
    [one] = judge(facts(stay), RULES).slots
    assert [(v.dwell_s, v.doubtful_s, v.whole) for v in one.short] == [(100, 2900, False)]
    # Outside the hours it decides nothing.
    assert said(facts(stay, slots=[slot(10, 12)]))[0] == Outcome.NOT_MET


def test_hours_without_anybody_on_duty_cannot_be_judged() -> None:
    """Without a shift no positions are taken, so nothing is known."""
    evening = (slot(18, 21),)
    assert said(facts(slots=evening)) == (Outcome.CANNOT_JUDGE, Reason.NOBODY_ON_DUTY)
    assert said(facts(on(19 * HOUR, 400), slots=evening))[0] == Outcome.MET
    # A shift until 18:15 could hold one visit, not two.
    late = [(17 * HOUR, 18.25 * HOUR)]
    assert said(facts(slots=evening, duty=late))[0] == Outcome.NOT_MET
    two = (slot(18, 21, 2),)
    assert said(facts(slots=two, duty=late)) == (Outcome.CANNOT_JUDGE, Reason.NOBODY_ON_DUTY)


def test_just_too_short_is_borderline() -> None:
    """95 % of 300 s and of 100 m."""
    assert said(facts(on(9 * HOUR, 285))) == (Outcome.BORDERLINE, Reason.VISITS_NEARLY)
    assert said(facts(on(9 * HOUR, 284)))[0] == Outcome.NOT_MET
    assert said(facts(on(9 * HOUR, 90, walked_m=95)))[0] == Outcome.BORDERLINE
    assert said(facts(on(9 * HOUR, 90, walked_m=94)))[0] == Outcome.NOT_MET


def test_hours_that_are_not_over_are_not_failed() -> None:
    running = facts(now_s=11 * HOUR)
    assert said(running) == (Outcome.CANNOT_JUDGE, Reason.WEEK_NOT_OVER)
    assert said(facts(on(9 * HOUR, 400), now_s=11 * HOUR))[0] == Outcome.MET


def test_a_week_answers_for_its_gravest_hours_and_counts_only_what_is_due() -> None:
    hours = (slot(8, 10, 2), slot(32, 34), slot(56, 58), slot(80, 82, owed=False))
    given = facts(
        on(8.5 * HOUR, 400),
        on(33 * HOUR, 400),
        slots=hours,
        duty=[(8 * HOUR, 9.9 * HOUR), (32 * HOUR, 40 * HOUR), (56 * HOUR, 60 * HOUR)],
    )
    judgement = judge(given, RULES)
    assert [one.outcome for one in judgement.slots] == ["not_met", "met", "not_met", "exempt"]
    assert judgement.week.outcome == Outcome.NOT_MET
    numbers = judgement.week.numbers
    assert (numbers["required"], numbers["made"], numbers["missing"]) == (4, 2, 2)
    assert numbers["median_dwell_s"] == 400
    half = judge(replace(given, now_s=40 * HOUR), RULES)
    assert half.week.reasons[0] == Reason.WEEK_NOT_OVER
    assert (half.week.numbers["due"], half.week.numbers["missing"]) == (3, 1)
    silent = judge(replace(given, unseen=[(8 * HOUR, 60 * HOUR)], slots=hours[1:]), RULES)
    assert silent.week.outcome == Outcome.CANNOT_JUDGE
    nothing = judge(replace(given, slots=hours[3:]), RULES)
    assert nothing.week.outcome == Outcome.EXEMPT


def test_the_longest_time_away_is_between_visits_or_to_the_ends() -> None:
    [one] = judge(facts(on(9 * HOUR, 600), on(10.5 * HOUR, 600)), RULES).slots
    assert one.longest_away_s == pytest.approx(80 * MIN)  # 10:40 to 12:00
    [none] = judge(facts(), RULES).slots
    assert none.longest_away_s == 4 * HOUR


@pytest.mark.parametrize("seed", range(20))
def test_the_greedy_counts_are_the_most_that_there_can_be(seed: int) -> None:
    """Against trying every subset, on random visits and silences."""
    rng = np.random.default_rng(seed)
    visits = [
        Visit((1,), float(b), float(b + d), float(d), 0.0)
        for b, d in zip(rng.integers(0, 400, 8), rng.integers(1, 60, 8), strict=True)
    ]

    def fits(chosen: Sequence[tuple[float, float]]) -> bool:
        ordered = sorted(chosen)
        return all(b[0] - a[1] >= 60 for a, b in itertools.pairwise(ordered))

    spans = [(v.enter_s, v.exit_s) for v in visits]
    best = max(
        len(some)
        for size in range(len(spans) + 1)
        for some in itertools.combinations(spans, size)
        if fits(some)
    )
    assert len(counted(visits, 60)) == best
    assert most_possible(visits, [], lasts_s=5, gap_s=60) == best
    # A silence holds any visit of 5 s that begins at a whole second of it.
    start = int(rng.integers(0, 300))
    silence = (float(start), float(start + 70))
    hidden = [(float(t), float(t + 5)) for t in range(start, start + 66)]
    with_hidden = max(
        len(some) + len(extra)
        for size in range(len(spans) + 1)
        for some in itertools.combinations(spans, size)
        for extra in [[], *([h] for h in hidden), [hidden[0], hidden[-1]]]
        if fits([*some, *extra])
    )
    assert most_possible(visits, [silence], lasts_s=5, gap_s=60) == with_hidden


# What is owed


def days_of(week: Week) -> list[Day]:
    return [shipped_day(day) or weekday_rule(day) for day in week.days]


def owed(
    monday: str, grade: str = "second", windows: Sequence[Window] = (), closed_on: str = ""
) -> tuple[Slot, ...]:
    week = Week(date.fromisoformat(monday))
    closed = date.fromisoformat(closed_on) if closed_on else None
    return slots_of(week, days_of(week), windows, grade, RULES, closed_on=closed)


def test_a_grade_owes_visits_on_working_days_or_by_the_week() -> None:
    """The grades of the model are those of the rules: 4, 2 and 1 a day, 2 a week."""
    assert [required_by_grade(grade, RULES) for grade in Grade.values] == [4, 2, 1, 2]
    plain = owed("2026-11-16", "strict_street")
    assert [(s.weekday, s.required, s.owed) for s in plain] == [
        *((day, 4, True) for day in range(5)),
        (5, 4, False),
        (6, 4, False),
    ]
    [by_week] = owed("2026-11-16", "third")
    assert (by_week.weekday, by_week.required, by_week.owed) == (WHOLE_WEEK, 2, True)


def test_holidays_owe_nothing_and_a_working_saturday_does() -> None:
    # Week of 5 October 2026: Thursday, Friday and Saturday the 10th work.
    assert [s.weekday for s in owed("2026-10-05") if s.owed] == [3, 4, 5]
    assert not owed("2026-02-16", "third")[0].owed
    assert not any(s.owed for s in owed("2026-02-16"))


def test_windows_of_the_bureau_stand_in_place_of_the_grade() -> None:
    gate = [Window(day, time(7, 0), time(8, 30), 1) for day in range(5)]
    market = [Window(5, time(18, 0), time(23, 59, 59), 2)]
    slots = owed("2026-11-16", "strict_street", [*market, *gate])
    assert [s.weekday for s in slots] == [0, 1, 2, 3, 4, 5]
    assert all(s.owed and s.windowed for s in slots)
    zone = ZoneInfo("Asia/Shanghai")
    assert slots[0].start_s == datetime(2026, 11, 16, 7, 0, tzinfo=zone).timestamp()
    assert slots[5].end_s == datetime(2026, 11, 22, 0, 0, tzinfo=zone).timestamp()
    # In the week of National Day no gate is owed on the holidays, nor the market on Saturday 3rd.
    golden = owed("2026-09-28", "second", [*gate, *market])
    assert [s.weekday for s in golden if s.owed] == [0, 1, 2]


def test_a_closed_hotspot_owes_nothing_from_that_day_on() -> None:
    assert [s.weekday for s in owed("2026-11-16", closed_on="2026-11-18") if s.owed] == [0, 1]
