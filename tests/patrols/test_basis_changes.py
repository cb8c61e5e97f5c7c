"""A beat, the unit tree or the calendar changes after the judging: the days are judged again."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from django.core.management import call_command

from bureau.models import CalendarDay, DayKind
from bureau.week import Week
from patrols import weekly
from patrols.basis_changes import judge_changed_calendar, touch_changed_grounds
from patrols.models import Person, PersonDay, Subject, TouchedDay, Verdict
from tests import make
from tests.patrols.walking import WEST_LOOP, around, local, noisy, store
from tests.world import Town, rectangle

pytestmark = pytest.mark.django_db

MONDAY = "2026-11-16"
NOW = local("2026-11-24 09:00")
WEEK = Week.containing(local(f"{MONDAY} 12:00"))


def walked(town: Town, day: str = MONDAY) -> Person:
    """Somebody of Squad West who walked 20 minutes there."""
    person = make.person(town.west)
    at = local(f"{day} 09:00")
    make.shift(person, at, at + timedelta(seconds=1200))
    store(person, at, noisy(around(WEST_LOOP, 1200), 1))
    weekly.judge(Week.containing(at), [person], now=NOW)
    return person


def credited(person: Person) -> float:
    return PersonDay.objects.get(person_id=person.pk).credited_s


def geometry_of(corners: list[tuple[float, float]], town: Town) -> object:
    return make.area(town.top, corners, code="elsewhere").geometry


def test_a_beat_drawn_anew_has_its_days_judged_again(town: Town) -> None:
    person = walked(town)
    assert credited(person) == pytest.approx(1200, abs=60)
    assert touch_changed_grounds(town.bureau, now=NOW) == 0
    # The squad's beat is now a corner of the town where nobody walked.
    town.west_beat.geometry = geometry_of(rectangle(-400, -400, -300, -300), town)
    town.west_beat.save()
    assert touch_changed_grounds(town.bureau, now=NOW) == 1
    weekly.judge_touched(town.bureau, now=NOW)
    assert credited(person) == pytest.approx(0, abs=60)
    assert PersonDay.objects.get(person_id=person.pk).off_beat_s == pytest.approx(1200, abs=60)
    assert touch_changed_grounds(town.bureau, now=NOW) == 0  # once


def test_a_unit_moved_in_the_tree_takes_its_new_parents_ground(town: Town) -> None:
    town.west_beat.delete()  # without a beat the jurisdiction above counts
    person = walked(town)
    assert credited(person) == pytest.approx(1200, abs=60)
    far = make.unit(town.bureau, town.top)
    make.area(far, rectangle(-400, -400, -300, -300), "jurisdiction", code="far")
    town.west.parent = far
    town.west.save()
    town.jurisdiction.delete()
    assert touch_changed_grounds(town.bureau, now=NOW) == 1
    weekly.judge_touched(town.bureau, now=NOW)
    assert credited(person) == pytest.approx(0, abs=60)


def test_who_changes_units_keeps_the_days_of_the_old_one(town: Town) -> None:
    person = walked(town)
    person.unit = town.east
    person.save()
    assert touch_changed_grounds(town.bureau, now=NOW) == 0


def test_earlier_weeks_keep_the_ground_they_were_judged_on(town: Town) -> None:
    walked(town, "2026-11-09")
    town.west_beat.geometry = geometry_of(rectangle(-400, -400, -300, -300), town)
    town.west_beat.save()
    assert touch_changed_grounds(town.bureau, now=NOW) == 0
    assert touch_changed_grounds(town.bureau, now=local("2026-11-22 12:00")) == 1
    assert TouchedDay.objects.get().day == date(2026, 11, 9)


def outcome(person: Person) -> str:
    return Verdict.objects.get(
        person=person, subject=Subject.WEEKLY_PATROL_TIME, is_current=True
    ).outcome


def holidays(town: Town) -> None:
    for day in WEEK.days:
        CalendarDay.objects.create(
            bureau=town.bureau, date=day, kind=DayKind.HOLIDAY, name="Flood", source="the bureau"
        )


def test_a_week_that_becomes_free_of_working_days_is_exempt(town: Town) -> None:
    person = walked(town)
    known = judge_changed_calendar(town.bureau, {}, now=NOW)
    assert outcome(person) == "not_met"
    verdicts = Verdict.objects.count()
    assert judge_changed_calendar(town.bureau, known, now=NOW) == known
    assert Verdict.objects.count() == verdicts
    holidays(town)
    judge_changed_calendar(town.bureau, known, now=NOW)
    assert outcome(person) == "exempt"


def test_the_worker_looks_for_both(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    person = walked(town)
    holidays(town)
    town.west_beat.geometry = geometry_of(rectangle(-400, -400, -300, -300), town)
    town.west_beat.save()
    monkeypatch.setattr("django.utils.timezone.now", now)
    call_command("judge_week")
    assert outcome(person) == "exempt"
    assert credited(person) == pytest.approx(0, abs=60)


def now() -> datetime:
    return NOW
