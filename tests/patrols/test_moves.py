"""Somebody moves to another squad: every day is judged on the ground of the unit of that day."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from bureau.models import Role
from bureau.week import Week
from patrols import moves, weekly
from patrols.models import FormerUnit, Person, PersonDay, TouchedDay
from patrols.people_import import import_people_file
from patrols.squad_time import squad_facts
from tests import make
from tests.geo import files
from tests.patrols.walking import WEST_LOOP, around, local, noisy, store
from tests.world import Town

pytestmark = pytest.mark.django_db

MONDAY, WEDNESDAY = date(2026, 11, 16), date(2026, 11, 18)
NOW = local("2026-11-24 09:00")
WEEK = Week(MONDAY)


def walks(person: Person, day: date) -> None:
    """20 minutes on the streets of Squad West."""
    at = local(f"{day} 09:00")
    make.shift(person, at, at + timedelta(seconds=1200))
    store(person, at, noisy(around(WEST_LOOP, 1200), 1))


def moves_east(person: Person, town: Town) -> None:
    """On Wednesday morning."""
    person.unit = town.east
    person.save()
    moves.note_move(person, town.west, now=local(f"{WEDNESDAY} 08:00"))


def day_of(person: Person, day: date) -> PersonDay:
    return PersonDay.objects.get(person_id=person.pk, day=day)


def test_days_before_a_move_stay_on_the_old_ground_whenever_they_are_judged(town: Town) -> None:
    person = make.person(town.west)
    walks(person, MONDAY)
    walks(person, WEDNESDAY)
    moves_east(person, town)
    weekly.judge(WEEK, [person], now=NOW)  # for the first time, after the move
    assert day_of(person, MONDAY).credited_s == pytest.approx(1200, abs=60)
    assert day_of(person, MONDAY).off_beat_s == pytest.approx(0, abs=60)
    # On Wednesday the same walk is on another squad's streets.
    assert day_of(person, WEDNESDAY).credited_s == pytest.approx(0, abs=60)
    assert day_of(person, WEDNESDAY).off_beat_s == pytest.approx(1200, abs=60)


def test_the_day_of_the_move_is_judged_again(town: Town) -> None:
    person = make.person(town.west)
    walks(person, WEDNESDAY)
    weekly.judge(WEEK, [person], now=NOW)
    assert day_of(person, WEDNESDAY).credited_s == pytest.approx(1200, abs=60)
    moves_east(person, town)
    assert TouchedDay.objects.get(person_id=person.pk).day == WEDNESDAY
    weekly.judge_touched(town.bureau, now=NOW)
    assert day_of(person, WEDNESDAY).off_beat_s == pytest.approx(1200, abs=60)


def test_the_earliest_unit_that_had_not_ended_is_that_of_the_day(town: Town) -> None:
    person, other = make.person(town.top), make.person(town.west)
    FormerUnit.objects.create(person=person, unit=town.west, until=date(2026, 11, 10))
    FormerUnit.objects.create(person=person, unit=town.east, until=date(2026, 11, 17))
    both = [person.pk, other.pk]
    for day, unit in (
        (date(2026, 1, 1), town.west),
        (date(2026, 11, 10), town.west),
        (date(2026, 11, 11), town.east),
        (date(2026, 11, 17), town.east),
        (date(2026, 11, 18), town.top),
    ):
        assert moves.units_on(day, both) == {person.pk: unit.pk, other.pk: town.west.pk}, day


def test_a_second_move_on_one_day_keeps_the_unit_of_the_day_before(town: Town) -> None:
    person = make.person(town.west)
    moves_east(person, town)
    person.unit = town.top
    person.save()
    moves.note_move(person, town.east, now=local(f"{WEDNESDAY} 10:00"))
    kept = FormerUnit.objects.get(person=person)
    assert (kept.unit, kept.until) == (town.west, date(2026, 11, 17))


def test_patrol_minutes_count_for_the_squad_of_the_day(town: Town) -> None:
    person = make.person(town.west)
    walks(person, MONDAY)
    moves_east(person, town)
    weekly.judge(WEEK, [person], now=NOW)
    facts = squad_facts(town.bureau, WEEK, [town.west.pk, town.east.pk], now=NOW)
    assert facts[town.west.pk].days[0] == pytest.approx(1200, abs=60)
    assert facts[town.east.pk].days[0] == 0
    # Who may see only the new squad is told nothing of the old one.
    assert town.west.pk not in squad_facts(town.bureau, WEEK, [town.east.pk], now=NOW)


def test_a_table_that_names_another_unit_is_a_move(town: Town, tmp_path: Path) -> None:
    person = make.person(town.west, badge_no="0101", name="王小明")
    header = ("badge_no", "name", "category", "unit")
    table = files.table(
        tmp_path / "people.csv", header, ("0101", "王小明", person.category, town.east.code)
    )
    for _ in range(2):  # the second time nothing changes
        assert import_people_file(town.bureau, table).refused_rows == 0
        kept = FormerUnit.objects.get(person=person)
        today = moves.local_day(town.bureau, timezone.now())
        assert (kept.unit, kept.until) == (town.west, today - timedelta(days=1))


def test_an_administrator_moves_somebody_and_corrects_the_day(town: Town) -> None:
    person = make.person(town.west)
    client = Client(headers={"host": "localhost"})
    client.force_login(make.user(Role.ADMINISTRATOR, town.top, is_staff=True))
    address = reverse("admin:patrols_person_change", args=[person.pk])
    body = {
        "unit": town.east.pk,
        "category": person.category,
        "badge_no": person.badge_no,
        "name": person.name,
        "left_on": "",
    } | {
        f"{inline}-{name}": "0"
        for inline in ("certificates", "former_units", "notices_accepted")
        for name in ("TOTAL_FORMS", "INITIAL_FORMS")
    }
    assert client.post(address, body).status_code == 302
    kept = FormerUnit.objects.get(person=person)
    today = moves.local_day(town.bureau, timezone.now())
    assert (kept.unit, kept.until) == (town.west, today - timedelta(days=1))
    TouchedDay.objects.all().delete()
    # It was three days earlier: those days belong to the new unit.
    line = {
        "former_units-TOTAL_FORMS": "1",
        "former_units-INITIAL_FORMS": "1",
        "former_units-0-id": kept.pk,
        "former_units-0-person": person.pk,
        "former_units-0-unit": town.west.pk,
        "former_units-0-until": str(today - timedelta(days=4)),
    }
    assert client.post(address, body | line).status_code == 302
    touched = TouchedDay.objects.filter(person_id=person.pk).order_by("day")
    assert list(touched.values_list("day", flat=True)) == [
        today - timedelta(days=n) for n in (4, 3, 2, 1, 0)
    ]
