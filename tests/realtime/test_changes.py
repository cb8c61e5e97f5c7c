"""The ticker's look at the database: what is read, what is noticed, what is told once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.contrib.gis.geos import Point
from django.utils import timezone

from bureau.models import OrgUnit
from patrols.models import Latest, Person, Phone, PhoneHolding
from patrols.storage.latest import Fix, latest_fixes, versions_above
from realtime import changes
from realtime.changes import Cursor, Told, read_ahead, since
from tests import make
from tests.realtime.stage import officer, report
from tests.world import Town, build_town

NOW = datetime(2026, 11, 30, 2, tzinfo=UTC)


@pytest.fixture
def town(db: None) -> Town:
    return build_town()


def test_latest_positions_are_read_as_they_are_stored(town: Town):
    known, bare, other = (make.person(town.west) for _ in range(3))
    at = datetime(2026, 11, 30, 1, 2, 3, 456_789, UTC)
    values = {"phone_id": 1, "recorded_at": at, "received_at": at + timedelta(milliseconds=1)}
    values["point"] = Point(116.1234567, -39.7654321, srid=4326)
    measured = {"accuracy_m": 6.5, "speed_mps": 0.0, "course_deg": 359.9, "battery": 0.25}
    for person, version, more in ((known, 7, measured), (bare, 8, {}), (other, 9, {})):
        Latest.objects.create(
            bureau_id=town.bureau.pk, person_id=person.pk, version=version, **values, **more
        )
    at_ms = 1_796_000_523_456
    assert int(at.timestamp()) * 1000 + 456 == at_ms
    place = (116.1234567, -39.7654321, at_ms, at_ms + 1)
    wanted = [
        Fix(known.pk, 7, *place, 6.5, 0.0, 359.9, 0.25),
        Fix(bare.pk, 8, *place, None, None, None, None),
    ]
    asked = [known.pk, bare.pk, 10**9]
    assert sorted(latest_fixes(asked)) == wanted
    assert sorted(latest_fixes(asked, town.bureau.pk)) == wanted
    assert latest_fixes(asked, town.bureau.pk + 1) == []
    assert latest_fixes([]) == []
    people, versions = versions_above("patrols_latest", 7)
    assert sorted(zip(people.tolist(), versions.tolist(), strict=True)) == [
        (bare.pk, 8),
        (other.pk, 9),
    ]


def test_versions_that_went_out_are_told_apart_from_new_ones():
    told = Told()
    people, versions = np.array([9, 4, 7]), np.array([1, 2, 3])
    assert told.new(people, versions).tolist() == [9, 4, 7]
    told.add([9, 4, 7], [1, 2, 3])
    assert told.new(people, versions).tolist() == []
    told.add([4, 5], [8, 9])
    asked = np.array([4, 4, 5, 5, 6, 7, 9, 100])
    now = np.array([2, 8, 9, 10, 1, 3, 1, 1])
    assert told.new(asked, now).tolist() == [4, 5, 6, 100]
    told.add([], [])
    assert told.people.tolist() == [4, 5, 7, 9]
    assert told.versions.tolist() == [8, 9, 3, 1]


def rename(person: Person) -> None:
    Person.objects.filter(pk=person.pk).update(name="李四")


def give_badge(person: Person) -> None:
    Person.objects.filter(pk=person.pk).update(badge_no="B-77")


def move_away(person: Person) -> None:
    Person.objects.filter(pk=person.pk).update(unit=OrgUnit.objects.get(code="east"))


def leave(person: Person) -> None:
    Person.objects.filter(pk=person.pk).update(left_on=timezone.localdate(NOW - timedelta(days=1)))


def report_less_often(person: Person) -> None:
    Phone.objects.filter(holdings__person=person).update(interval_s=60)


def revoke(person: Person) -> None:
    Phone.objects.filter(holdings__person=person).update(revoked_at=NOW)


def give_phone_back(person: Person) -> None:
    PhoneHolding.objects.filter(person=person).update(until=NOW)


def join(person: Person) -> None:
    make.person(person.unit)


@pytest.mark.parametrize(
    "change",
    [rename, give_badge, move_away, leave, report_less_often, revoke, give_phone_back, join],
)
def test_every_change_of_the_roster_is_noticed(town: Town, change: Callable[[Person], None]):
    person = officer(town.west, NOW)
    cursor = Cursor()
    since(cursor, NOW, 0.0)
    before = cursor.roster_told
    change(person)
    found = since(cursor, NOW + timedelta(seconds=10), 10.0)
    assert found.people or found.gone
    assert cursor.roster_told != before


def test_a_unit_that_moves_in_the_tree_is_noticed(town: Town):
    cursor = Cursor()
    since(cursor, NOW, 0.0)
    OrgUnit.objects.filter(pk=town.east.pk).update(parent=town.top)
    since(cursor, NOW, 10.0)
    assert cursor.parent[town.east.pk] == town.top.pk


def test_a_roster_in_which_nothing_changed_is_not_read_again(town: Town):
    person = officer(town.west, NOW)
    cursor = Cursor()
    since(cursor, NOW, 0.0)
    before = cursor.roster_told
    report(person, 0, 0, NOW)
    Phone.objects.update(last_contact_at=NOW)
    since(cursor, NOW + timedelta(seconds=10), 10.0)
    assert cursor.roster_told is before
    assert cursor.roster_at == 10.0


def test_a_roster_read_between_two_frames_is_told_with_the_next(town: Town):
    person = officer(town.west, NOW)
    cursor = Cursor()
    since(cursor, NOW, 0.0)
    rename(person)
    read_ahead(cursor, NOW, 5.0, 1.0)  # too early
    assert cursor.ahead is None
    read_ahead(cursor, NOW, 9.0, 1.0)
    assert cursor.roster_at == 10.0
    found = since(cursor, NOW, 10.0)
    assert [row["name"] for row in found.people] == ["李四"]
    assert since(cursor, NOW, 11.0) == changes.Changes()
