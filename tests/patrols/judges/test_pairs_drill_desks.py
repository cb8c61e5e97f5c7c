"""Enforcement pair, weekly drill, desk and chair: pure judges by hand-worked cases."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from bureau.rules import Rules
from patrols.judges import Outcome, Reason, desk_chair, enforcement_pair, weekly_drill
from patrols.judges.desk_chair import BasedShift
from patrols.judges.enforcement_pair import Handler, Lack
from patrols.judges.weekly_drill import DrillDay, DrillWeek

RULES = Rules()
DAY = date(2026, 11, 18)
VALID = ((date(2020, 1, 1), date(2035, 12, 31)),)
LI = Handler(1, True, VALID, frozenset({11}))
WANG = Handler(2, True, VALID, frozenset({12}))
AUXILIARY = Handler(3, False, VALID, frozenset({13}))


# Enforcement pair


def test_two_certified_officers_are_a_pair() -> None:
    said = enforcement_pair.judge(DAY, [LI, WANG], RULES)
    assert (said.outcome, said.lacks, said.counts) == (Outcome.MET, (), (1, 2))


def test_an_officer_with_an_auxiliary_is_no_enforcement_pair() -> None:
    """Acceptance case 4, the enforcement part: the answer names what is missing."""
    said = enforcement_pair.judge(DAY, [LI, AUXILIARY], RULES)
    assert said.outcome == Outcome.NOT_MET
    assert said.lacks == (Lack(Reason.AUXILIARY, 3), Lack(Reason.OFFICER_MISSING))
    assert said.numbers == {"certified": 1, "required": 2, "missing": 1}
    # However many auxiliaries come along, and however certified they say they are.
    many = [LI, *(replace(AUXILIARY, person=n) for n in range(3, 9))]
    assert enforcement_pair.judge(DAY, many, RULES).outcome == Outcome.NOT_MET


@pytest.mark.parametrize(
    ("certificates", "outcome", "reason"),
    [
        ((), Outcome.NOT_MET, Reason.NO_CERTIFICATE),
        (((date(2020, 1, 1), date(2026, 11, 17)),), Outcome.NOT_MET, None),
        (((date(2020, 1, 1), DAY),), Outcome.MET, None),
        (((DAY, date(2027, 1, 1)),), Outcome.MET, None),
        (((date(2026, 11, 19), date(2027, 1, 1)),), Outcome.NOT_MET, None),
        (((date(2020, 1, 1), date(2021, 1, 1)), (DAY, DAY)), Outcome.MET, None),
    ],
)
def test_a_certificate_counts_on_its_days_ends_included(
    certificates: tuple[tuple[date, date], ...], outcome: Outcome, reason: Reason | None
) -> None:
    said = enforcement_pair.judge(DAY, [LI, replace(WANG, certificates=certificates)], RULES)
    assert said.outcome == outcome
    if outcome == Outcome.NOT_MET:
        expected = reason or Reason.CERTIFICATE_OUT_OF_DATE
        assert said.lacks == (Lack(expected, 2), Lack(Reason.OFFICER_MISSING))


def test_two_accounts_on_one_phone_are_not_two_and_no_proof_of_one() -> None:
    """Acceptance case 7, the enforcement part."""
    borrowed = replace(WANG, phones=frozenset({11}))
    said = enforcement_pair.judge(DAY, [LI, borrowed], RULES)
    assert (said.outcome, said.reasons[0]) == (Outcome.CANNOT_JUDGE, Reason.ONE_PHONE)
    assert said.lacks == (Lack(Reason.ONE_PHONE, 2),)
    assert said.counts == (1,)
    third = Handler(4, True, VALID, frozenset({14}))
    assert enforcement_pair.judge(DAY, [LI, borrowed, third], RULES).outcome == Outcome.MET


def test_identical_tracks_are_not_two() -> None:
    said = enforcement_pair.judge(DAY, [LI, WANG], RULES, identical=[frozenset({1, 2})])
    assert (said.outcome, said.lacks) == (
        Outcome.CANNOT_JUDGE,
        (Lack(Reason.IDENTICAL_TRACK, 2),),
    )
    others = enforcement_pair.judge(DAY, [LI, WANG], RULES, identical=[frozenset({2, 5})])
    assert others.outcome == Outcome.MET


def test_the_same_person_twice_and_nobody_at_all() -> None:
    assert enforcement_pair.judge(DAY, [LI, LI], RULES).outcome == Outcome.NOT_MET
    nobody = enforcement_pair.judge(DAY, [], RULES)
    assert nobody.lacks == (Lack(Reason.OFFICER_MISSING),) * 2


# Weekly drill: 180 min, Tuesday and Thursday


def drill(
    *minutes: float, unknown_min: float = 0, off: str = "67", leave: str = "", over: bool = True
) -> DrillWeek:
    """A week with so many minutes on Monday, Tuesday, …; `unknown_min` on Thursday."""
    given = [*minutes, *[0.0] * (7 - len(minutes))]
    return DrillWeek(
        tuple(
            DrillDay(
                at_ground_s=60 * given[i],
                unknown_s=60 * unknown_min if i == 3 else 0.0,
                is_working=str(i + 1) not in off,
                on_leave=str(i + 1) in leave,
            )
            for i in range(7)
        ),
        over=over,
    )


STRICT = Rules(drill_makeup=False)


@pytest.mark.parametrize(
    ("week", "rules", "outcome"),
    [
        (drill(0, 90, 0, 90), RULES, Outcome.MET),
        (drill(0, 90, 0, 90), STRICT, Outcome.MET),
        # 180 min on Tuesday alone are enough time and one session of two.
        (drill(0, 180), RULES, Outcome.NOT_MET),
        # Thursday made up on Friday, only where the rule allows it.
        (drill(0, 90, 0, 0, 90), RULES, Outcome.MET),
        (drill(0, 90, 0, 0, 90), STRICT, Outcome.NOT_MET),
        # Thursday is a holiday: made up on Wednesday, or Tuesday's half is all that is owed.
        (drill(0, 90, 90, off="467"), RULES, Outcome.MET),
        (drill(0, 90, off="467"), RULES, Outcome.NOT_MET),
        (drill(0, 90, off="467"), STRICT, Outcome.MET),
        (drill(0, 90, leave="4"), STRICT, Outcome.MET),
        # Both drill days off: nothing, or all of it on other days.
        (drill(off="2467"), STRICT, Outcome.EXEMPT),
        (drill(90, 0, 90, off="2467"), RULES, Outcome.MET),
        (drill(off="1234567"), RULES, Outcome.EXEMPT),
        (drill(leave="12345"), RULES, Outcome.EXEMPT),
        # One working day: one session of 180 min.
        (drill(180, off="234567"), RULES, Outcome.MET),
        # On a day off nobody drills for the rule.
        (drill(0, 90, 0, 0, 0, 90), RULES, Outcome.NOT_MET),
        # 20 min are no session: 170 + 20.
        (drill(0, 170, 0, 20), RULES, Outcome.NOT_MET),
        # 172 min × 1.05 = 180.6; 171 min × 1.05 = 179.55.
        (drill(0, 86, 0, 86), RULES, Outcome.BORDERLINE),
        (drill(0, 86, 0, 85), RULES, Outcome.NOT_MET),
        # 150 min, 7.5 band and 23 unknown make 180.5.
        (drill(0, 90, 0, 60, unknown_min=23), RULES, Outcome.CANNOT_JUDGE),
        (drill(0, 90, 0, 60, unknown_min=22), RULES, Outcome.NOT_MET),
        # Thursday's session may lie in its unknown time.
        (drill(0, 180, 0, 0, unknown_min=30), RULES, Outcome.CANNOT_JUDGE),
        (drill(0, 180, 0, 0, unknown_min=29), RULES, Outcome.NOT_MET),
        (drill(0, 60, over=False), RULES, Outcome.CANNOT_JUDGE),
        (drill(0, 90, 0, 90, over=False), RULES, Outcome.MET),
    ],
)
def test_weekly_drill(week: DrillWeek, rules: Rules, outcome: Outcome) -> None:
    assert weekly_drill.judge(week, rules).outcome == outcome


def test_a_drill_verdict_says_its_numbers_and_why() -> None:
    said = weekly_drill.judge(drill(0, 180), RULES)
    assert said.reasons[0] == Reason.SESSION_MISSING
    assert (said.numbers["sessions"], said.numbers["required_sessions"]) == (1, 2)
    assert said.numbers["drilled_s"] == said.numbers["required_s"] == 10_800
    other = weekly_drill.judge(drill(120, 0, 0, 0, 60), Rules(drill_weekdays="15"))
    assert other.outcome == Outcome.MET


# Desk and chair


def early(person: int, start_h: float = 8, end_h: float = 12) -> BasedShift:
    return BasedShift(person, True, 3600 * start_h, 3600 * end_h)


def test_four_auxiliaries_at_three_desks_are_short_by_one() -> None:
    """Acceptance case 11: 3 desks, 4 chairs."""
    said = desk_chair.judge(3, 4, [early(n) for n in range(4)], RULES)
    assert said.outcome == Outcome.NOT_MET
    assert said.numbers == {"desks": 3, "chairs": 4, "places": 3, "peak": 4, "short": 1}
    assert said.spans == ((8 * 3600, 12 * 3600),)


def test_only_those_there_at_once_need_a_place() -> None:
    relieved = [early(1), early(2), early(3, 12, 18), early(4, 12, 18)]
    assert desk_chair.judge(2, 2, relieved, RULES).outcome == Outcome.MET
    # One comes half an hour early: three at once from 11:30 to 12:00.
    said = desk_chair.judge(2, 2, [*relieved[:3], early(4, 11.5, 18)], RULES)
    assert (said.numbers["short"], said.spans) == (1, ((11.5 * 3600, 12 * 3600),))


def test_officers_and_empty_places() -> None:
    officers = [replace(early(n), is_auxiliary=False) for n in range(9)]
    assert desk_chair.judge(0, 0, officers, RULES).outcome == Outcome.EXEMPT
    assert desk_chair.judge(2, 2, [*officers, early(10)], RULES).outcome == Outcome.MET
    assert desk_chair.judge(0, 5, [early(1)], RULES).numbers["short"] == 1
    two_each = Rules(desks_per_auxiliary=2)
    assert desk_chair.judge(4, 4, [early(1), early(2)], two_each).outcome == Outcome.MET
