"""A week judged from stored positions: the acceptance cases, by their numbers."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

import numpy as np
import pytest

from bureau.week import Week
from patrols import weekly
from patrols.models import (
    Company,
    CompanySpan,
    Leave,
    LeaveKind,
    Patrol,
    PatrolMember,
    Person,
    PersonDay,
    RefusedCount,
    Subject,
    Verdict,
)
from patrols.wire.reading import Flag
from tests import make
from tests.patrols.walking import WEST_LOOP, around, local, noisy, standing, store
from tests.world import Town, build_town

pytestmark = pytest.mark.django_db

MONDAY = "2026-11-16"
LATER = local("2026-11-24 09:00")  # the week is over


def shift(person: Person, begins: str, seconds: float) -> datetime:
    """A shift that begins at a local time; returns the moment."""
    at = local(begins)
    make.shift(person, at, at + timedelta(seconds=seconds))
    return at


def patrolled(person: Person, begins: str, seconds: float, seed: int = 1) -> datetime:
    """On shift and walking round the western half for so long."""
    at = shift(person, begins, seconds)
    store(person, at, noisy(around(WEST_LOOP, seconds), seed))
    return at


def judged(*people: Person, week_of: str = MONDAY, now: datetime = LATER) -> list[Verdict]:
    week = Week.containing(local(f"{week_of} 12:00"))
    return [
        v for v in weekly.judge(week, people, now=now) if v.subject == Subject.WEEKLY_PATROL_TIME
    ]


def minutes(verdict: Verdict, name: str = "credited_s") -> float:
    return float(verdict.numbers[name]) / 60


def test_two_hours_and_ten_minutes_are_met(town: Town) -> None:
    person = make.person(town.west)
    patrolled(person, f"{MONDAY} 09:00", 130 * 60)
    [verdict] = judged(person)
    assert verdict.outcome == "met"
    assert minutes(verdict) == pytest.approx(130, abs=1)
    assert verdict.data_through == local(f"{MONDAY} 11:10")
    day = PersonDay.objects.get(person_id=person.pk)
    assert day.credited_s == verdict.numbers["credited_s"]
    assert day.unused_fixes == {}


def test_a_patrol_over_midnight_on_sunday_is_cut(town: Town) -> None:
    """Acceptance case 1: Sunday 23:30 to Monday 00:30 is 30 min in each week."""
    person = make.person(town.west)
    patrolled(person, "2026-11-15 23:30", 3600)
    [before] = judged(person, week_of="2026-11-15")
    [after] = judged(person)
    assert minutes(before) == pytest.approx(30, abs=0.2)
    assert minutes(after) == pytest.approx(30, abs=0.2)


def test_the_spring_festival_week_is_exempt(town: Town) -> None:
    """Acceptance case 2."""
    person = make.person(town.west)
    patrolled(person, "2026-02-17 09:00", 1800)
    [verdict] = judged(person, week_of="2026-02-16")
    assert verdict.outcome == "exempt"
    assert verdict.reasons[0] == "no_working_days"


def test_a_working_saturday_counts(town: Town) -> None:
    """Acceptance case 3: week of 5 October 2026, 120 min on Saturday the 10th."""
    person = make.person(town.west)
    patrolled(person, "2026-10-10 09:00", 121 * 60)
    [verdict] = judged(person, week_of="2026-10-05")
    assert verdict.outcome == "met"
    assert verdict.numbers["days"][5] == verdict.numbers["credited_s"]


def test_a_year_without_a_notice_is_judged_by_weekdays_and_says_so(town: Town) -> None:
    person = make.person(town.west)
    patrolled(person, "2031-05-07 09:00", 1800)
    [verdict] = judged(person, week_of="2031-05-05", now=local("2031-06-01 09:00"))
    assert verdict.outcome == "not_met"
    assert "calendar_provisional" in verdict.reasons


def test_leave_for_all_working_days_is_exempt_and_for_some_is_not(town: Town) -> None:
    away, back = make.person(town.west), make.person(town.west)
    for person, last in ((away, 20), (back, 18)):
        Leave.objects.create(
            bureau=town.bureau,
            person=person,
            kind=LeaveKind.ANNUAL,
            first_day=local(f"{MONDAY} 00:00").date() + timedelta(days=1),
            last_day=datetime(2026, 11, last).date(),  # noqa: DTZ001 - a date
        )
        shift(person, f"{MONDAY} 09:00", 3600)
        shift(person, "2026-11-19 09:00", 3600)
    verdicts = {v.person_id: v for v in judged(away, back)}
    assert verdicts[away.pk].outcome == "exempt"
    assert verdicts[back.pk].outcome == "cannot_judge"
    # Leave is not owed: Monday is on leave, Thursday only for one of them.
    assert verdicts[away.pk].numbers["unknown_s"] == 0
    assert verdicts[back.pk].numbers["unknown_s"] == 3600


def test_a_phone_silent_40_of_60_minutes_cannot_be_judged(town: Town) -> None:
    """Acceptance case 6: not "absent"."""
    rules = {"weekly_required_s": 3000}
    town.bureau.rule_sets.create(valid_from=local(f"{MONDAY} 09:00").date(), values=rules)
    person = make.person(town.west)
    at = shift(person, f"{MONDAY} 09:00", 3600)
    store(person, at, noisy(around(WEST_LOOP, 1200), 1))
    [verdict] = judged(person)
    assert verdict.outcome == "cannot_judge"
    assert verdict.reasons == ["unknown_time_decides", "weak_signal"]
    assert minutes(verdict, "unknown_s") == pytest.approx(40, abs=0.2)
    reasons = [span["reason"] for span in PersonDay.objects.get(person_id=person.pk).spans]
    assert reasons == ["moving", "no_signal"]


def test_a_phone_silent_all_week_stands_at_the_top_of_the_list(town: Town) -> None:
    walker, silent = make.person(town.west), make.person(town.west)
    patrolled(walker, f"{MONDAY} 09:00", 130 * 60)
    shift(silent, f"{MONDAY} 09:00", 3 * 3600)
    judged(walker, silent)
    week = Week.containing(local(f"{MONDAY} 12:00"))
    rows = weekly.week_rows(town.bureau, week, [town.west])
    assert [row.person for row in rows] == [silent, walker]
    assert (rows[0].outcome, rows[0].reasons[0]) == ("cannot_judge", "silent_all_week")


def test_every_second_of_duty_has_one_reason(town: Town) -> None:
    person = make.person(town.west)
    at = shift(person, f"{MONDAY} 09:00", 3600)
    # 1,000 m round the loop to its south-west corner, 900 s there, and back the same way.
    walked = around(WEST_LOOP, 800)
    way = np.vstack((walked, standing(*walked[-1], 900), walked[::-1]))
    store(person, at, noisy(way, 3))
    judged(person)
    day = PersonDay.objects.get(person_id=person.pk)
    edges = [(span["start_s"], span["end_s"]) for span in day.spans]
    assert edges[0][0] == 9 * 3600
    assert edges[-1][1] == 10 * 3600
    assert all(a[1] == b[0] for a, b in itertools.pairwise(edges))
    assert day.duty_s == 3600
    assert day.parked_s == pytest.approx(900, abs=90)
    assert day.duty_s == pytest.approx(
        day.credited_s + day.parked_s + day.unknown_s + day.off_beat_s
    )


def test_streets_of_another_unit_earn_nothing_and_are_said(town: Town) -> None:
    """The same walk in the western half, by one of each squad."""
    own, stranger = make.person(town.west), make.person(town.east)
    for person in (own, stranger):
        patrolled(person, f"{MONDAY} 09:00", 3600)
    verdicts = {v.person_id: v for v in judged(own, stranger)}
    assert minutes(verdicts[own.pk]) == pytest.approx(60, abs=0.5)
    assert minutes(verdicts[stranger.pk]) == pytest.approx(0, abs=0.5)
    assert minutes(verdicts[stranger.pk], "off_beat_s") == pytest.approx(60, abs=0.5)


def test_a_unit_without_beats_has_the_whole_jurisdiction(town: Town) -> None:
    person = make.person(town.brigade)
    patrolled(person, f"{MONDAY} 09:00", 3600)
    [verdict] = judged(person)
    assert minutes(verdict) == pytest.approx(60, abs=0.5)


def test_a_minute_before_and_after_the_shift_counts_and_an_hour_does_not(town: Town) -> None:
    person = make.person(town.west)
    at = local(f"{MONDAY} 09:00")
    make.shift(person, at, at + timedelta(minutes=30))
    # Walking from 8:00 to 10:30; the slack is 15 min.
    store(person, at - timedelta(hours=1), noisy(around(WEST_LOOP, 9000), 2))
    [verdict] = judged(person)
    assert minutes(verdict) == pytest.approx(60, abs=0.5)
    assert minutes(verdict, "unknown_s") == 0


def test_made_up_and_timeless_fixes_earn_nothing_and_are_flagged(town: Town) -> None:
    mock, timeless = make.person(town.west), make.person(town.west)
    for person, flag in ((mock, Flag.MOCK), (timeless, Flag.NO_TIME)):
        at = shift(person, f"{MONDAY} 09:00", 1800)
        store(person, at, noisy(around(WEST_LOOP, 1800), 1), flags=flag)
    verdicts = {v.person_id: v for v in judged(mock, timeless)}
    for person, flag, reason in ((mock, "mock", "suspect"), (timeless, "no_time", "no_signal")):
        assert verdicts[person.pk].numbers["credited_s"] == 0
        day = PersonDay.objects.get(person_id=person.pk)
        assert [found["code"] for found in day.flags] == [flag]
        assert day.flags[0]["count"] == 361
        assert {span["reason"] for span in day.spans} == {reason}
        # Review, not a verdict: the time is unknown, not absent.
        assert day.unknown_s == pytest.approx(1800, abs=10)


def spans_of(person: Person) -> list[tuple[str, float, list[int]]]:
    return [
        (s.company, (s.ends_at - s.starts_at).total_seconds() / 60, s.partners)
        for s in CompanySpan.objects.filter(person_id=person.pk).order_by("starts_at")
    ]


def apart_for(town: Town, away_min: int) -> tuple[Person, Person]:
    """Two who walk together for an hour, 300 m apart for some minutes in the middle."""
    one, two = make.person(town.west), make.person(town.west)
    way = around([(-200, -200), (-200, 0), (-200, -200)], 3600)
    other = way + np.array([0.0, 6.0])
    away = slice(360, 360 + away_min * 12)
    other[away] += np.array([0.0, 300.0])
    for person, places, seed in ((one, way, 1), (two, other, 2)):
        at = shift(person, f"{MONDAY} 09:00", 3600)
        store(person, at, noisy(places, seed, 2.0))
    judged(one, two)
    return one, two


def test_300_m_apart_for_four_minutes_is_no_breach_and_for_twelve_one_span(town: Town) -> None:
    """Acceptance case 5."""
    one, _ = apart_for(town, 4)
    verdict = Verdict.objects.get(person=one, subject=Subject.PAIR_COVERAGE)
    assert verdict.numbers["breaches"] == 0
    assert verdict.outcome == "met"
    three, _ = apart_for(build_town("other"), 12)
    alone = [length for company, length, _ in spans_of(three) if company == Company.ALONE]
    assert alone == [pytest.approx(12, abs=1)]
    verdict = Verdict.objects.get(person=three, subject=Subject.PAIR_COVERAGE)
    assert verdict.numbers["breaches"] == 1


def test_officer_and_auxiliary_20_m_apart_are_a_patrol_pair(town: Town) -> None:
    """Acceptance case 4, the pair part: an auxiliary counts for company."""
    officer = make.person(town.west)
    auxiliary = make.person(town.west, category="auxiliary")
    way = around(WEST_LOOP, 3600)
    for person, places, seed in ((officer, way, 1), (auxiliary, way + [14.0, 14.0], 2)):  # noqa: RUF005
        at = shift(person, f"{MONDAY} 09:00", 3600)
        store(person, at, noisy(places, seed, 2.0))
    judged(officer, auxiliary)
    assert spans_of(officer) == [("together", pytest.approx(60, abs=1), [auxiliary.pk])]
    assert Verdict.objects.get(person=officer, subject=Subject.PAIR_COVERAGE).outcome == "met"


def test_a_partner_whose_phone_died_is_not_absent(town: Town) -> None:
    one, two = make.person(town.west), make.person(town.west)
    way = around(WEST_LOOP, 3600)
    for person, places, seed in ((one, way, 1), (two, way[:360], 2)):
        at = shift(person, f"{MONDAY} 09:00", 3600)
        store(person, at, noisy(places, seed, 3.0))
    judged(one, two)
    companies = {company for company, _, _ in spans_of(one)}
    assert companies == {"together", "unknown"}
    verdict = Verdict.objects.get(person=one, subject=Subject.PAIR_COVERAGE)
    assert verdict.numbers["alone_s"] == 0


def test_a_declared_partner_without_any_fix_makes_company_unknown(town: Town) -> None:
    one, two = make.person(town.west), make.person(town.west)
    at = patrolled(one, f"{MONDAY} 09:00", 1800)
    judged(one)
    assert {company for company, _, _ in spans_of(one)} == {"alone"}
    patrol = Patrol.objects.create(
        bureau=town.bureau,
        unit=town.west,
        started_at=at,
        ended_at=at + timedelta(minutes=31),
    )
    for person in (one, two):
        PatrolMember.objects.create(patrol=patrol, person=person)
    judged(one)
    assert {company for company, _, _ in spans_of(one)} == {"unknown"}


def test_an_open_patrol_is_duty_without_a_shift(town: Town) -> None:
    person = make.person(town.west)
    at = local(f"{MONDAY} 14:00")
    patrol = Patrol.objects.create(
        bureau=town.bureau, unit=town.west, started_at=at, ended_at=at + timedelta(hours=1)
    )
    PatrolMember.objects.create(patrol=patrol, person=person)
    store(person, at, noisy(around(WEST_LOOP, 3600), 5))
    [verdict] = judged(person)
    assert minutes(verdict) == pytest.approx(60, abs=0.5)


def test_refused_positions_are_shown_beside_the_verdict(town: Town) -> None:
    person = make.person(town.west)
    patrolled(person, f"{MONDAY} 09:00", 600)
    refused = RefusedCount.objects.create(
        bureau_id=town.bureau.pk,
        person_id=person.pk,
        day=local("2026-11-17 12:00").date(),  # no shift on that Tuesday
        reason="off_duty",
        count=40,
        last_at=LATER,
    )
    [verdict] = judged(person)
    assert "refused_positions" in verdict.reasons
    # On a day with a shift it is a phone that was left on.
    RefusedCount.objects.filter(pk=refused.pk).update(day=local(f"{MONDAY} 12:00").date())
    [verdict] = judged(person)
    assert "refused_positions" not in verdict.reasons


def test_the_rules_of_monday_judge_the_week(town: Town) -> None:
    person = make.person(town.west)
    patrolled(person, "2026-11-19 09:00", 3700)
    town.bureau.rule_sets.create(
        valid_from=local("2026-11-23 09:00").date(), values={"weekly_required_s": 60}
    )
    [verdict] = judged(person)
    assert verdict.outcome == "not_met"
    town.bureau.rule_sets.create(
        valid_from=local("2026-11-16 09:00").date(), values={"weekly_required_s": 3600}
    )
    [verdict] = judged(person)
    assert verdict.outcome == "met"
    assert verdict.rules["weekly_required_s"] == 3600


def test_no_positions_no_streets_no_people_raise_nothing(town: Town) -> None:
    assert weekly.judge(Week.containing(LATER), [], now=LATER) == []
    bare = make.unit(make.bureau(code="bare"))
    person = make.person(bare)
    at = shift(person, f"{MONDAY} 09:00", 1800)
    store(person, at, around(WEST_LOOP, 600))
    [verdict] = judged(person)
    # Without streets and areas all ground counts.
    assert minutes(verdict) == pytest.approx(10, abs=0.5)
