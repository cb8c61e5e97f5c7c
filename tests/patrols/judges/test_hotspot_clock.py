"""The clocks of hotspots by hours worked out by hand; seconds from an arbitrary midnight."""

from __future__ import annotations

from typing import Any

import pytest

from bureau.rules import Rules
from patrols.judges.hotspot_clock import read_clock
from patrols.judges.hotspot_frequency import HotspotFacts, judge
from patrols.judges.hotspot_slots import Slot
from patrols.judges.hotspot_visits import Stretch

RULES = Rules()  # a visit: 300 s; apart: 3,600 s
HOUR = 3600.0
ALL_DAY = [(0.0, 24 * HOUR)]


def standing(
    now_h: float,
    *visits_h: float,
    hours: tuple[float, float] = (0, 24),
    required: int = 2,
    windowed: bool = False,
    owed: bool = True,
    duty: Any = ALL_DAY,
    unseen: Any = (),
    present: int = 0,
    last_h: float | None = None,
) -> str:
    """What the clock says at an hour; each visit begins at its hour and lasts 6 minutes."""
    stretches = [Stretch(1, 7, at * HOUR, at * HOUR + 360, 0, 360) for at in visits_h]
    slot = Slot(0, hours[0] * HOUR, hours[1] * HOUR, required, windowed, owed)
    facts = HotspotFacts(
        {7: 200.0}, stretches, [slot], duty=duty, unseen=unseen, now_s=now_h * HOUR
    )
    found = judge(facts, RULES)
    ends = [visit.exit_s for visit in found.visits]
    last_s = max(ends) if ends else (None if last_h is None else last_h * HOUR)
    return read_clock(
        found.slots,
        last_s,
        present=present,
        duty=duty,
        unseen=unseen,
        now_s=now_h * HOUR,
        rules=RULES,
    ).standing


def test_two_visits_a_day_are_asked_for_every_twelve_hours():
    assert standing(8) == "due"
    assert standing(11.9) == "due"
    assert standing(12.1) == "overdue"  # the first of two by half of the day
    assert standing(12.1, 9) == "within"  # 3 h ago
    assert standing(21.2, 9) == "due"  # more than 12 h ago, but one of two by 21:12 is the pace
    assert standing(21.2, 9, 19) == "within"  # both made


def test_yesterdays_visit_counts_as_recent_for_a_day_without_hours_of_its_own():
    assert standing(7, last_h=-4) == "within"
    assert standing(8.5, last_h=-4) == "due"


def test_hours_of_the_bureau_ask_for_a_visit_in_them():
    gate = {"hours": (16, 17.5), "required": 1, "windowed": True}
    assert standing(15.9, **gate) == "no_window"
    assert standing(16.5, 15.8, **gate) == "due"  # ten minutes before does not count
    assert standing(16.5, 16.1, **gate) == "within"
    assert standing(17.5, **gate) == "no_window"
    # From 17:25 on the five minutes of a visit no longer fit.
    assert standing(17.41, **gate) == "due"
    assert standing(17.42, **gate) == "overdue"


def test_who_is_there_now_is_no_visit_but_no_alarm():
    assert standing(13) == "overdue"
    assert standing(13, present=1) == "due"


def test_a_silent_phone_is_never_overdue():
    assert standing(13, unseen=[(9 * HOUR, 9 * HOUR + 299)]) == "overdue"
    assert standing(13, unseen=[(9 * HOUR, 9 * HOUR + 301)]) == "unknown"
    # A silence yet to come hides nothing.
    assert standing(13, unseen=[(14 * HOUR, 16 * HOUR)]) == "overdue"


@pytest.mark.parametrize(("worked_s", "said"), [(299, "unknown"), (301, "overdue")])
def test_without_anybody_on_duty_it_is_the_roster(worked_s: float, said: str):
    assert standing(13, duty=[(8 * HOUR, 8 * HOUR + worked_s)]) == said


def test_nothing_is_owed_on_a_day_off():
    assert standing(13, owed=False) == "no_window"
    assert standing(13, required=0) == "no_window"


def test_the_gravest_of_two_open_windows_is_said_and_the_next_hours_are_named():
    slots = [Slot(0, 0, 10 * HOUR, 1, True), Slot(0, 2 * HOUR, 4 * HOUR, 2, True)]
    later = Slot(1, 30 * HOUR, 31 * HOUR, 3, True)
    found = judge(HotspotFacts({7: 200.0}, [], [*slots, later], duty=ALL_DAY), RULES)

    def at(now_h: float):
        return read_clock(
            found.slots, None, present=0, duty=ALL_DAY, unseen=(), now_s=now_h * HOUR, rules=RULES
        )

    assert (at(3.5).standing, at(3.5).end_s, at(3.5).every_s) == ("overdue", 4 * HOUR, HOUR)
    assert (at(5).standing, at(5).end_s) == ("due", 10 * HOUR)
    assert (at(12).standing, at(12).start_s, at(12).required) == ("no_window", 30 * HOUR, 3)
    assert at(32).start_s is None
