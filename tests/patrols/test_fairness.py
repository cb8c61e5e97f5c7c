"""Weeks in which a wrong verdict was once given, walked again on the town's streets.

Each of these ended in "not met" or "met" for a reason that had nothing to do with how the person
patrolled.
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.core.exceptions import ValidationError

from bureau.errors import Refused
from bureau.week import Week
from geo.models import Grade
from patrols import moves, weekly
from patrols.forgetting import forget_person
from patrols.hotspots import hotspot_weeks
from patrols.models import (
    Alarm,
    CompanySpan,
    Patrol,
    PatrolMember,
    Person,
    PersonDay,
    PhoneHolding,
    Subject,
    Verdict,
)
from patrols.phones import hand_over
from patrols.roster import touch, touch_days
from tests import make
from tests.patrols.walking import WEST_LOOP, around, local, noisy, standing, store
from tests.world import Town, place, rectangle

pytestmark = pytest.mark.django_db

MONDAY = date(2026, 11, 16)
WEEK = Week(MONDAY)
AFTER = local("2026-11-24 09:00")
LATER = AFTER + timedelta(minutes=5)


def verdict(person: Person, subject: str = Subject.WEEKLY_PATROL_TIME) -> Verdict:
    return Verdict.objects.get(person=person, monday=MONDAY, subject=subject, is_current=True)


def said(person: Person, subject: str = Subject.WEEKLY_PATROL_TIME) -> tuple[str, str]:
    one = verdict(person, subject)
    return one.outcome, one.reasons[0]


# Duty


def test_an_sos_off_duty_makes_no_week_that_was_owed(town: Town) -> None:
    person = make.person(town.west)
    at = local(f"{MONDAY} 22:00")
    store(person, at, noisy(around(WEST_LOOP, 600), 1))
    Alarm.objects.create(
        bureau=town.bureau, person=person, kind="sos", raised_at=at,
        closed_at=at + timedelta(minutes=10),
    )  # fmt: skip
    weekly.judge(WEEK, [person], now=AFTER)
    assert said(person) == ("cannot_judge", "not_rostered")


def test_a_shift_that_is_taken_away_afterwards_fails_nobody(town: Town) -> None:
    person = make.person(town.west)
    at = local(f"{MONDAY} 09:00")
    shift = make.shift(person, at, at + timedelta(minutes=130))
    store(person, at, noisy(around(WEST_LOOP, 130 * 60), 1))
    weekly.judge(WEEK, [person], now=AFTER)
    assert said(person) == ("met", "enough")
    touch([shift], now=AFTER)
    shift.delete()
    weekly.judge_touched(town.bureau, now=LATER)
    assert said(person) == ("cannot_judge", "not_rostered")


# Company


def test_who_is_alone_all_week_in_short_stretches_is_not_met_nor_met(town: Town) -> None:
    """Alone, and every few minutes across the beat's border for a minute and a half."""
    person = make.person(town.west)
    at = local(f"{MONDAY} 09:00")
    make.shift(person, at, at + timedelta(hours=4))
    store(person, at, noisy(around([(0, 0), (200, 0), (0, 0)], 4 * 3600), 1))
    weekly.judge(WEEK, [person], now=AFTER)
    assert PersonDay.objects.get(person_id=person.pk).off_beat_s > 3600
    spans = CompanySpan.objects.filter(person_id=person.pk, company="alone")
    assert max(s.ends_at - s.starts_at for s in spans) < timedelta(minutes=5)
    numbers = verdict(person, Subject.PAIR_COVERAGE).numbers
    assert numbers["together_s"] == 0
    assert numbers["alone_s"] > 100 * 60
    # The stretches are one walk: what lay between was shorter than the grace.
    assert numbers["breach_s"] == pytest.approx(numbers["alone_s"], rel=0.1)
    assert said(person, Subject.PAIR_COVERAGE) == ("not_met", "too_little")


def test_eight_minutes_alone_over_midnight_are_one_breach(town: Town) -> None:
    one, other = make.person(town.west), make.person(town.west)
    at = local("2026-11-17 23:30")
    way = around([(-200, 0), (-200, 200), (-200, 0)], 3600)
    away = way.copy()
    away[360 - 48 : 360 + 48] += (300, 0)  # four minutes before midnight and four after it
    for person, walk, seed in ((one, way, 1), (other, away, 2)):
        make.shift(person, at, at + timedelta(hours=1))
        store(person, at, noisy(walk, seed))
    weekly.judge(WEEK, [one, other], now=AFTER)
    numbers = verdict(one, Subject.PAIR_COVERAGE).numbers
    assert numbers["breaches"] == 1
    assert numbers["breach_s"] == pytest.approx(480, abs=90)


# Hotspots


def test_a_walk_is_one_duty_whatever_its_minutes_are_called(town: Town) -> None:
    """Three hours of duty a day at hand, in 135 stretches of moving and short stops."""
    person = make.person(town.west)
    for n in range(5):
        at = local(f"2026-11-{16 + n} 09:00")
        make.shift(person, at, at + timedelta(hours=3))
        store(person, at, noisy(around([(0, 0), (-200, 0), (0, 0)], 3 * 3600), n))
    spot = make.hotspot(town.west, town.blocks["E4-E5"], grade=Grade.SECOND)
    weekly.judge_everybody(town.bureau, WEEK, now=AFTER)
    [found] = [
        one
        for one in hotspot_weeks(town.bureau, WEEK, [town.west], now=AFTER)
        if one.hotspot.pk == spot.pk
    ]
    spans = PersonDay.objects.filter(person_id=person.pk).first().spans
    assert max(span["end_s"] - span["start_s"] for span in spans) < 300
    assert found.judgement.week.outcome == "not_met"
    assert found.judgement.week.reasons[0] == "visits_missing"


def hotspot_answer(town: Town, code: str) -> tuple[str, str]:
    [found] = [
        one
        for one in hotspot_weeks(town.bureau, WEEK, [town.west], now=AFTER)
        if one.hotspot.code == code
    ]
    return found.judgement.week.outcome, found.judgement.week.reasons[0]


def all_week_round_the_block(town: Town) -> None:
    person = make.person(town.west)
    for n in range(5):
        at = local(f"2026-11-{16 + n} 09:00")
        make.shift(person, at, at + timedelta(hours=3))
        store(person, at, noisy(around(WEST_LOOP, 3 * 3600), n))
    weekly.judge_everybody(town.bureau, WEEK, now=AFTER)


def test_a_hotspot_owes_nothing_before_it_was_opened(town: Town) -> None:
    all_week_round_the_block(town)
    spot = make.hotspot(town.west, town.blocks["A1-A2"], grade=Grade.SECOND, code="new")
    assert hotspot_answer(town, "new")[0] == "not_met"
    spot.opened_on = date(2026, 11, 23)
    spot.save()
    assert hotspot_weeks(town.bureau, WEEK, [town.west], now=AFTER) == []
    # Opened on Thursday: two days of the week are owed.
    spot.opened_on = date(2026, 11, 19)
    spot.save()
    [found] = hotspot_weeks(town.bureau, WEEK, [town.west], now=AFTER)
    assert [slot.slot.owed for slot in found.judgement.slots] == [False] * 3 + [True] * 2 + [
        False
    ] * 2


def test_a_hotspot_whose_street_an_import_replaced_is_not_failed(town: Town) -> None:
    make.hotspot(town.west, town.blocks["C1-C2"], grade=Grade.SECOND, code="cut")
    block = town.blocks["C1-C2"]
    block.retired_at = local(f"{MONDAY} 00:30")
    block.save()
    for west_m, east_m in ((-200, -150), (-150, -100)):
        make.segment(town.bureau, place(west_m, 0), place(east_m, 0), length_m=50)
    all_week_round_the_block(town)
    assert hotspot_answer(town, "cut") == ("cannot_judge", "streets_replaced")


# Two phones


@pytest.mark.parametrize("offset_s", [0, 2])
def test_a_phone_left_on_a_desk_does_not_park_the_one_that_walks(town: Town, offset_s: int) -> None:
    person = make.person(town.west)
    at = local(f"{MONDAY} 09:00")
    make.shift(person, at, at + timedelta(minutes=130))
    store(person, at, noisy(around(WEST_LOOP, 130 * 60), 1), accuracy_m=12)
    # 100 m inside the block, more accurate, at the same times or between them.
    desk = noisy(standing(-100, 100, 130 * 60), 2)
    store(person, at + timedelta(seconds=offset_s), desk, phone_id=2, accuracy_m=5)
    weekly.judge(WEEK, [person], now=AFTER)
    assert said(person) == ("met", "enough")
    day = PersonDay.objects.get(person_id=person.pk)
    assert day.credited_s == pytest.approx(130 * 60, rel=0.02)
    assert day.parked_s == 0
    assert day.unused_fixes["other_phone"] > 1500
    [flag] = [flag for flag in day.flags if flag["code"] == "two_phones"]
    assert 90 < flag["value"] < 150  # from the middle of a block of 200 m to its edge and corners


def test_two_phones_in_one_pocket_are_one_track(town: Town) -> None:
    person = make.person(town.west)
    at = local(f"{MONDAY} 09:00")
    make.shift(person, at, at + timedelta(minutes=130))
    way = around(WEST_LOOP, 130 * 60)
    store(person, at, noisy(way, 1))
    store(person, at + timedelta(seconds=2), noisy(way, 2), phone_id=2)
    weekly.judge(WEEK, [person], now=AFTER)
    day = PersonDay.objects.get(person_id=person.pk)
    assert day.credited_s == pytest.approx(130 * 60, rel=0.02)
    assert "other_phone" not in day.unused_fixes
    assert [flag["code"] for flag in day.flags] == []


# What came later


def test_a_beat_drawn_anew_fails_no_week_that_is_long_over(town: Town) -> None:
    person = make.person(town.west)
    monday = date(2026, 10, 19)
    at = local(f"{monday} 09:00")
    make.shift(person, at, at + timedelta(minutes=130))
    store(person, at, noisy(around(WEST_LOOP, 130 * 60), 1))
    weekly.judge(Week(monday), [person], now=local("2026-10-27 09:00"))
    town.west_beat.geometry = make.area(
        town.top, rectangle(300, -400, 400, 400), code="elsewhere"
    ).geometry
    town.west_beat.save()
    touch_days([(town.bureau.pk, person.pk, monday)], now=AFTER)  # one late fix
    weekly.judge_touched(town.bureau, now=LATER)
    now = Verdict.objects.get(
        person=person, monday=monday, subject=Subject.WEEKLY_PATROL_TIME, is_current=True
    )
    assert now.outcome == "met"
    # This week the new beat counts.
    at = local("2026-11-23 09:00")
    make.shift(person, at, at + timedelta(minutes=20))
    store(person, at, noisy(around(WEST_LOOP, 1200), 1))
    weekly.judge(Week(date(2026, 11, 23)), [person], now=local("2026-11-30 09:00"))
    late = PersonDay.objects.get(person_id=person.pk, day=date(2026, 11, 23))
    assert late.off_beat_s == pytest.approx(1200, abs=60)


@pytest.mark.parametrize("late", [False, True])
def test_a_declared_partners_late_positions_give_the_same_verdict(town: Town, late: bool) -> None:
    one, other = make.person(town.west), make.person(town.west)
    at = local(f"{MONDAY} 09:00")
    patrol = Patrol.objects.create(
        bureau=town.bureau, unit=town.west, started_at=at, ended_at=at + timedelta(hours=1)
    )
    for person in (one, other):
        make.shift(person, at, at + timedelta(hours=1))
        PatrolMember.objects.create(patrol=patrol, person=person)
    store(one, at, noisy(around([(-200, -200), (-200, 0), (-200, -200)], 3600), 1))
    if late:
        weekly.judge(WEEK, [one, other], now=AFTER)
        assert said(one, Subject.PAIR_COVERAGE) == ("cannot_judge", "company_unknown")
    # 300 m and more away all the time.
    store(other, at, noisy(around([(200, 200), (100, 200), (200, 200)], 3600), 2), phone_id=2)
    if late:
        touch_days([(town.bureau.pk, other.pk, MONDAY)], now=AFTER)
        weekly.judge_touched(town.bureau, now=LATER)
    else:
        weekly.judge(WEEK, [one, other], now=AFTER)
    assert said(one, Subject.PAIR_COVERAGE) == ("not_met", "too_little")


def test_deleting_a_leavers_positions_changes_nobodys_week(town: Town) -> None:
    one, other = make.person(town.west), make.person(town.west)
    at = local(f"{MONDAY} 09:00")
    for person, seed in ((one, 1), (other, 2)):
        make.shift(person, at, at + timedelta(minutes=130))
        store(person, at, noisy(around(WEST_LOOP, 130 * 60), seed, 2.0))
    weekly.judge(WEEK, [one, other], now=AFTER)
    assert said(other, Subject.PAIR_COVERAGE) == ("met", "enough")
    one.left_on = date(2026, 11, 23)
    one.save()
    deleted, _held = forget_person(one, now=AFTER)
    assert deleted > 1500
    for turn in range(2):  # what is known of the company then is known the second time as well
        touch_days([(town.bureau.pk, pk, MONDAY) for pk in (one.pk, other.pk)], now=AFTER)
        weekly.judge_touched(town.bureau, now=LATER + timedelta(minutes=turn))
        assert said(one) == ("met", "enough")
        assert said(one, Subject.PAIR_COVERAGE) == ("met", "enough")
        assert said(other) == ("met", "enough")
        assert said(other, Subject.PAIR_COVERAGE) == ("cannot_judge", "company_unknown")


def test_a_move_leaves_past_weeks_to_the_squad_of_then(town: Town) -> None:
    person, other = make.person(town.west), make.person(town.west)
    at = local(f"{MONDAY} 09:00")
    make.shift(person, at, at + timedelta(minutes=130))
    make.shift(other, at, at + timedelta(minutes=130))
    store(person, at, noisy(around(WEST_LOOP, 130 * 60), 1))
    store(other, at, noisy(standing(-100, 100, 130 * 60), 2), phone_id=2)
    weekly.judge(WEEK, [person, other], now=AFTER)
    weekly.review(verdict(person), town.supervisor, "uphold", "Seen.", now=AFTER)

    def squads() -> list[tuple[object, ...]]:
        rows = weekly.squad_rows(town.bureau, WEEK, [town.west, town.east], now=AFTER)
        return [(row.unit, row.judged, row.share_met, round(row.patrol_s / 60)) for row in rows]

    before = squads()
    assert [row[:3] for row in before] == [(town.west, 2, 0.5)]
    person.unit = town.east
    person.save()
    moves.note_move(person, town.west, now=AFTER)
    assert squads() == before
    touch_days([(town.bureau.pk, person.pk, MONDAY)], now=AFTER)
    weekly.judge_touched(town.bureau, now=LATER)
    one = verdict(person)
    assert (one.unit, one.changed_since_review) == (town.west, False)


def test_a_phone_is_not_handed_over_before_positions_that_are_judged(town: Town) -> None:
    one, other = make.person(town.west), make.person(town.west)
    phone = make.phone(one, "secret")
    at = local(f"{MONDAY} 09:00")
    store(one, at, noisy(around(WEST_LOOP, 600), 1), phone_id=phone.pk)
    with pytest.raises(Refused) as refused:
        hand_over(phone=phone, person=other, since=at + timedelta(minutes=5))
    assert refused.value.code == "positions_there"
    hand_over(phone=phone, person=other, since=at + timedelta(minutes=11))
    # Nor can the administration enter two holders at one time.
    second = PhoneHolding(phone=phone, person=one, since=at + timedelta(minutes=20))
    with pytest.raises(ValidationError, match="holds this phone already"):
        second.full_clean()
