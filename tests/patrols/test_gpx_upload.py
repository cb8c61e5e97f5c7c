"""A GPX file given after the fact, into real PostGIS: duty, notice, person, repeats, report."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from bureau.errors import Refused
from bureau.models import Role, User
from geo.models import ImportRun
from patrols import gpx_upload
from patrols.models import Person, PhoneApp, Position, Quarantine, RefusedCount, TouchedDay
from patrols.phones import hand_over
from patrols.wire import Flag
from tests import make
from tests.patrols.phones import forget_positions, officer_on_duty, stored

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(autouse=True)
def no_positions_left() -> Iterator[None]:
    yield
    forget_positions()


def gpx(*ago_s: float) -> io.BytesIO:
    """A track with a point so many seconds before now, each."""
    points = "".join(
        f'<trkpt lat="60.17" lon="24.94"><time>{NOW - timedelta(seconds=ago):%FT%TZ}</time></trkpt>'
        for ago in ago_s
    )
    return io.BytesIO(f"<gpx><trk><trkseg>{points}</trkseg></trk></gpx>".encode())


def supervisor(person: Person) -> User:
    return make.user(Role.SUPERVISOR, person.unit)


def take(person: Person, file: io.BytesIO) -> ImportRun:
    by = supervisor(person)
    return gpx_upload.take_gpx(person=person, file=file, name="walk.gpx", by=by, now=NOW)


def codes(run: ImportRun) -> dict[str, int]:
    """The report's lines that count points, by code."""
    notes = run.report["notes"]
    return {note["code"]: note["values"]["n"] for note in notes if "n" in note["values"]}


def test_points_on_duty_are_stored_marked_and_their_day_is_judged_anew() -> None:
    person = officer_on_duty()
    run = take(person, gpx(300, 290, 280))
    assert [fix.flags for fix in stored(person)] == [Flag.UPLOADED_LATER] * 3
    assert (run.taken, run.unchanged, run.refused) == (3, 0, 0)
    assert TouchedDay.objects.filter(person_id=person.pk).exists()
    assert person.holdings.get().phone.app == PhoneApp.FILE


def test_the_same_file_again_stores_nothing_more() -> None:
    person = officer_on_duty()
    take(person, gpx(300, 290))
    again = take(person, gpx(300, 290, 280))
    assert (again.taken, again.unchanged) == (1, 2)
    assert codes(again) == {"repeated": 2}
    assert len(stored(person)) == 3
    assert person.holdings.count() == 1


def test_points_off_duty_are_counted_and_nowhere_else() -> None:
    person = officer_on_duty(NOW - timedelta(hours=2), NOW - timedelta(hours=1))
    run = take(person, gpx(5400, 60, 50))
    assert len(stored(person)) == 1
    assert (run.taken, run.refused, codes(run)) == (1, 2, {"off_duty": 2})
    assert RefusedCount.objects.get(person_id=person.pk).count == 2
    assert not Quarantine.objects.exists()


def test_before_the_notice_nothing_is_stored() -> None:
    unit = make.unit(make.bureau())
    person = make.person(unit, accepted=False)
    make.shift(person, NOW - timedelta(hours=1), NOW + timedelta(hours=1))
    run = take(person, gpx(60))
    assert codes(run) == {"no_notice": 1}
    assert not Position.objects.exists()


def test_future_and_forgotten_points_are_said() -> None:
    person = officer_on_duty()
    make.shift(person, NOW - timedelta(days=200), NOW - timedelta(days=199, hours=20))
    run = take(person, gpx(60, -600, 200 * 86400 - 60))
    assert (run.taken, codes(run)) == (1, {"future": 1, "too_old": 1})
    assert Quarantine.objects.get().reason == "future"


def test_a_file_speaks_for_its_person_only() -> None:
    """Whoever carried the same phone before is not touched by a file."""
    first = officer_on_duty()
    second = make.person(first.unit)
    make.shift(second, NOW - timedelta(hours=4), NOW + timedelta(hours=4))
    phone = make.phone(first)
    hand_over(phone=phone, person=second, since=NOW - timedelta(minutes=10))
    take(second, gpx(3600))
    assert not stored(first)
    assert len(stored(second)) == 1


def test_a_phone_of_files_that_changed_hands_is_not_used_again() -> None:
    first = officer_on_duty()
    second = make.person(first.unit)
    make.shift(second, NOW - timedelta(hours=4), NOW + timedelta(hours=4))
    take(first, gpx(600))
    hand_over(phone=first.holdings.get().phone, person=second, since=NOW - timedelta(seconds=30))
    take(second, gpx(3600))
    assert len(stored(first)) == 1
    assert len(stored(second)) == 1


def test_what_cannot_be_taken_is_said_and_leaves_nothing() -> None:
    person = officer_on_duty()
    with pytest.raises(Refused) as refused:
        take(person, io.BytesIO(b"<!DOCTYPE gpx []><gpx/>"))
    assert refused.value.code == "unsafe_xml"
    with pytest.raises(Refused) as refused:
        take(person, io.BytesIO(b" " * (gpx_upload.LARGEST + 1)))
    assert refused.value.code == "file_too_large"
    assert not ImportRun.objects.exists()
    assert not person.holdings.exists()
