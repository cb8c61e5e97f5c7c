"""Marks of days: written once, never missing for a position that no judge has read."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg2
import pytest
from django.db import connection
from django.utils import timezone

from patrols import ingest, roster
from patrols.admission import Upload
from patrols.desk import Desk
from patrols.models import Person, Phone, TouchedDay
from patrols.phones import hash_secret, revoke
from patrols.storage.carriers import to_us
from patrols.storage.marks import clear_marks, take_marks, touch_days
from patrols.wire import Reading
from tests import make
from tests.patrols.phones import forget_positions, officer_on_duty, stored

SECRET = "marks-secret"
DAY = date(2026, 3, 4)
AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)  # 13:06 in Shanghai


@pytest.fixture
def desk(transactional_db: None) -> Iterator[Desk]:
    yield Desk()
    forget_positions()


@pytest.fixture
def person(desk: Desk) -> Person:
    officer = officer_on_duty(AT - timedelta(hours=1), AT + timedelta(hours=1))
    make.phone(officer, SECRET)
    return officer


def upload(at: datetime, secret: str = SECRET, received_us: int = 0) -> Upload:
    digest = hash_secret(secret)
    phone = Phone.objects.get(secret_sha256=digest)
    received_us = received_us or to_us(timezone.now())
    return Upload(phone.pk, received_us, [Reading(to_us(at), 24.94, 60.17)], [], [], "", digest)


def accept(desk: Desk, *uploads: Upload, now_us: int = 0) -> list[ingest.Receipt]:
    return ingest.accept(desk, uploads, now_us or to_us(timezone.now()))


def mark() -> TouchedDay:
    return TouchedDay.objects.get()


@contextlib.contextmanager
def another_connection() -> Iterator[Any]:
    """A cursor of a second connection to the same database, within a transaction."""
    parameters = connection.get_connection_params()
    parameters.pop("cursor_factory", None)
    parameters.pop("context", None)
    with contextlib.closing(psycopg2.connect(**parameters)) as other:
        yield other.cursor()


def test_a_mark_that_nobody_has_taken_is_left_as_it_is(desk: Desk, person: Person) -> None:
    accept(desk, upload(AT))
    before = mark()
    assert (before.person_id, before.day, before.taken_at) == (person.pk, DAY, None)
    accept(desk, upload(AT + timedelta(seconds=5)))
    assert mark().touched_at == before.touched_at
    assert len(stored(person)) == 2


def test_an_old_mark_is_written_again_because_it_says_when_positions_came(
    desk: Desk, person: Person
) -> None:
    accept(desk, upload(AT))
    old = timezone.now() - timedelta(seconds=31)
    TouchedDay.objects.update(touched_at=old)
    accept(desk, upload(AT + timedelta(seconds=5)))
    assert mark().touched_at > old + timedelta(seconds=30)


def test_what_comes_while_a_judge_reads_marks_the_day_again(desk: Desk, person: Person) -> None:
    accept(desk, upload(AT))
    marks = take_marks(person.bureau_id, {(person.pk, DAY)})
    assert [(who, day) for who, day, _touched, _taken in marks] == [(person.pk, DAY)]
    accept(desk, upload(AT + timedelta(seconds=5)))
    assert mark().taken_at is None
    clear_marks(person.bureau_id, marks)
    assert mark().taken_at is None
    clear_marks(person.bureau_id, take_marks(person.bureau_id, {(person.pk, DAY)}))
    assert not TouchedDay.objects.exists()


def test_a_judge_that_dies_loses_no_mark(desk: Desk, person: Person) -> None:
    accept(desk, upload(AT))
    take_marks(person.bureau_id, {(person.pk, DAY)})
    (again,) = take_marks(person.bureau_id, {(person.pk, DAY)})
    assert again[:2] == (person.pk, DAY)
    assert mark().taken_at == again[3]


def test_a_judge_waits_for_whoever_has_seen_the_mark_unread(desk: Desk, person: Person) -> None:
    """Otherwise it would miss the position that the other is about to commit."""
    accept(desk, upload(AT))

    def take() -> list[Any]:
        try:
            return take_marks(person.bureau_id, {(person.pk, DAY)})
        finally:
            connection.close()

    with another_connection() as storing, ThreadPoolExecutor(1) as judge:
        for statement in touch_days({(person.bureau_id, person.pk, DAY)}):
            storing.execute(statement.sql, statement.values)
        assert storing.rowcount == 0  # it leaves the mark as it is
        taking = judge.submit(take)
        until_s = time.monotonic() + 20
        while not waiting_for_a_lock():
            assert not taking.done()
            assert time.monotonic() < until_s
        storing.execute("COMMIT")
        marks = taking.result(timeout=20)
    assert len(marks) == 1


def waiting_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return bool(cursor.fetchone()[0])


def test_a_mark_that_somebody_writes_is_left_for_the_next_round(desk: Desk, person: Person) -> None:
    accept(desk, upload(AT))
    with another_connection() as other:
        other.execute("UPDATE patrols_touchedday SET touched_at = now()")
        assert take_marks(person.bureau_id, {(person.pk, DAY)}) == []
        other.execute("COMMIT")
    assert len(take_marks(person.bureau_id, {(person.pk, DAY)})) == 1


def test_a_changed_roster_marks_a_taken_day_anew(desk: Desk, person: Person) -> None:
    accept(desk, upload(AT))
    marks = take_marks(person.bureau_id, {(person.pk, DAY)})
    roster.touch_days({(person.bureau_id, person.pk, DAY)}, now=timezone.now())
    clear_marks(person.bureau_id, marks)
    assert mark().taken_at is None


# What the desk remembers of phones


def test_a_phone_in_use_is_read_again_before_it_is_too_old(desk: Desk, person: Person) -> None:
    idle = officer_on_duty(AT - timedelta(hours=1), AT + timedelta(hours=1))
    make.phone(idle, "idle-secret")
    start_us = to_us(timezone.now())
    first, second = upload(AT), upload(AT, "idle-secret")
    accept(desk, first, second, now_us=start_us)
    accept(desk, upload(AT + timedelta(seconds=1)), now_us=start_us + 1_000_000)
    assert desk.phones[first.phone_id].loaded_us == start_us
    later_us = start_us + 2_100_000
    accept(desk, upload(AT + timedelta(seconds=2)), now_us=later_us)
    assert desk.phones[first.phone_id].loaded_us == later_us
    assert desk.people[person.pk].loaded_us == later_us
    assert second.phone_id not in desk.phones  # nothing came of it
    assert accept(desk, upload(AT, "idle-secret"), now_us=later_us)[0].taken == 1


def test_a_phone_that_is_read_ahead_and_revoked_since_is_not_known(
    desk: Desk, person: Person
) -> None:
    start_us = to_us(timezone.now())
    accept(desk, upload(AT), now_us=start_us)
    accept(desk, upload(AT + timedelta(seconds=1)), now_us=start_us + 1_000_000)
    phone = Phone.objects.get(secret_sha256=hash_secret(SECRET))
    late = upload(AT + timedelta(seconds=2))
    revoke(phone=phone, now=timezone.now())
    (receipt,) = accept(desk, late, now_us=start_us + 2_100_000)
    assert not receipt.known
    assert len(stored(person)) == 2
