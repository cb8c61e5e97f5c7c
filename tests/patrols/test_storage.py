"""The storage SQL against real PostgreSQL: packed rows, partitions, forgetting."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any

import psycopg2
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from bureau.models import RuleSet
from patrols import storage
from patrols.models import Position, Quarantine
from patrols.storage import positions
from patrols.storage.carriers import to_us
from patrols.wire import Quarantined, Reading
from tests import make
from tests.patrols.phones import forget_positions

AT = datetime(2026, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)


@pytest.fixture
def cursor(transactional_db: None) -> Iterator[Any]:
    """A plain cursor, as the writer uses it."""
    connection.ensure_connection()
    yield connection.connection.cursor()
    forget_positions()


def pack(*readings: Reading, person_id: int = 2) -> list[bytes]:
    return [positions.pack_row(1, person_id, 3, to_us(AT), reading) for reading in readings]


def test_every_shape_of_row_reads_back_as_it_was_written(cursor: Any) -> None:
    storage.make_partitions(cursor, AT, AT)
    written = []
    for n, known in enumerate(itertools.product([True, False], repeat=4)):
        optional = [
            value if given else None
            for value, given in zip((4.5, 1.25, 271.5, 0.875), known, strict=True)
        ]
        written.append(Reading(to_us(AT) + n, 24.94 + n / 7, -60.17, *optional, flags=n))
    positions.copy_straight(cursor, pack(*written))
    cursor.execute("COMMIT")
    read = [
        Reading(
            to_us(row.recorded_at),
            row.point.x,
            row.point.y,
            row.accuracy_m,
            row.speed_mps,
            row.course_deg,
            row.battery,
            row.flags,
        )
        for row in Position.objects.order_by("recorded_at")
    ]
    assert read == written
    assert {row.point.srid for row in Position.objects.all()} == {4326}
    assert {(row.bureau_id, row.person_id, row.phone_id) for row in Position.objects.all()} == {
        (1, 2, 3)
    }
    assert {row.received_at for row in Position.objects.all()} == {AT}


def test_a_known_key_stops_the_straight_way(cursor: Any) -> None:
    storage.make_partitions(cursor, AT, AT)
    rows = pack(Reading(to_us(AT), 1, 2))
    positions.copy_straight(cursor, rows)
    cursor.execute("COMMIT")
    with pytest.raises(psycopg2.errors.UniqueViolation):
        positions.copy_straight(cursor, rows)
    cursor.execute("ROLLBACK")
    assert Position.objects.count() == 1


def test_the_staged_way_stores_what_is_new_and_tells_the_local_days(cursor: Any) -> None:
    bureau = make.bureau(time_zone="Asia/Shanghai")
    # 15:59 and 16:01 UTC are two dates in Shanghai.
    evening = datetime(2026, 3, 4, 15, 59, tzinfo=UTC)
    storage.make_partitions(cursor, evening, evening)
    first, second = to_us(evening), to_us(evening + timedelta(minutes=2))

    def row(us: int, lat: float, accuracy_m: float | None = None) -> bytes:
        return positions.pack_row(bureau.pk, 2, 3, first, Reading(us, 24.9, lat, accuracy_m))

    assert positions.copy_staged(cursor, [row(first, 60.1), row(first, 60.1)]) == [
        (bureau.pk, 2, date(2026, 3, 4), 1)
    ]
    cursor.execute("COMMIT")
    assert positions.copy_staged(
        cursor, [row(first, 60.1), row(second, 60.2), row(first, 60.1, 5.0)]
    ) == [(bureau.pk, 2, date(2026, 3, 5), 1)]
    cursor.execute("COMMIT")
    assert [p.point.y for p in Position.objects.order_by("recorded_at")] == [60.1, 60.2]
    (kept,) = Quarantine.objects.all()  # the same place, but with another accuracy
    assert kept.reason == "conflict"


# Partitions


@pytest.mark.parametrize(
    ("moment", "name"),
    [
        (datetime(2026, 11, 16, tzinfo=UTC), "patrols_position_y2026w47"),
        (datetime(2026, 11, 22, 23, 59, 59, tzinfo=UTC), "patrols_position_y2026w47"),
        (datetime(2026, 11, 23, tzinfo=UTC), "patrols_position_y2026w48"),
        (datetime(2027, 1, 1, tzinfo=UTC), "patrols_position_y2026w53"),  # a Friday of week 53
        (datetime(2024, 12, 30, tzinfo=UTC), "patrols_position_y2025w01"),
    ],
)
def test_partitions_are_utc_weeks_with_iso_names(moment: datetime, name: str) -> None:
    assert storage.partition_name(storage.week_start(moment)) == name


def test_partitions_are_made_once_for_every_week_in_the_span(cursor: Any) -> None:
    for name in storage.list_partitions(cursor).values():
        cursor.execute(f"DROP TABLE {name}")
    start = datetime(2026, 12, 24, tzinfo=UTC)
    names = [f"patrols_position_y{week}" for week in ("2026w52", "2026w53", "2027w01")]
    assert storage.make_partitions(cursor, start, start + timedelta(days=14)) == names
    assert storage.make_partitions(cursor, start, start + timedelta(days=14)) == []
    assert list(storage.list_partitions(cursor).values()) == names


def test_the_two_ends_of_a_week_lie_in_their_partitions(cursor: Any) -> None:
    monday = datetime(2026, 3, 2, tzinfo=UTC)
    storage.make_partitions(cursor, monday, monday + timedelta(days=7))
    moments = [monday, monday + timedelta(days=7) - timedelta(microseconds=1)]
    positions.copy_straight(cursor, pack(*(Reading(to_us(m), 1, 2) for m in moments)))
    cursor.execute("COMMIT")
    cursor.execute("SELECT count(*) FROM patrols_position_y2026w10")
    assert cursor.fetchone() == (2,)


def test_making_a_partition_does_not_wait_for_readers(cursor: Any) -> None:
    """A long report must not stop the phones: no lock that readers exclude."""
    monday = datetime(2031, 3, 3, tzinfo=UTC)
    parameters = connection.get_connection_params()
    parameters.pop("context", None)
    reader = psycopg2.connect(**parameters)
    try:
        reader.cursor().execute("SELECT count(*) FROM patrols_position")  # its transaction is open
        cursor.execute("SET lock_timeout = '2s'")
        assert storage.make_partitions(cursor, monday, monday) == ["patrols_position_y2031w10"]
    finally:
        cursor.execute("RESET lock_timeout")
        reader.close()
    cursor.execute("DROP TABLE patrols_position_y2031w10")


def test_the_key_of_a_partition_is_the_tables(cursor: Any) -> None:
    storage.make_partitions(cursor, AT, AT)
    cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'patrols_position_y2026w10'")
    ((definition,),) = cursor.fetchall()
    assert "UNIQUE" in definition
    assert "(bureau_id, person_id, recorded_at, phone_id)" in definition


# Forgetting


def test_positions_are_forgotten_by_week_when_all_of_it_is_too_old(cursor: Any) -> None:
    make.bureau()
    now = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
    old, kept = now - timedelta(days=98), now - timedelta(days=89)
    for name in storage.list_partitions(cursor).values():
        cursor.execute(f"DROP TABLE {name}")
    storage.make_partitions(cursor, old, now)
    positions.copy_straight(cursor, pack(Reading(to_us(old), 1, 2), Reading(to_us(kept), 1, 2)))
    cursor.execute("COMMIT")
    said = StringIO()
    call_command("forget_positions", now=now.isoformat(), stdout=said)
    assert [row.recorded_at for row in Position.objects.all()] == [kept]
    assert "patrols_position_y2026w33" in said.getvalue()
    # The weeks to come are there.
    assert "patrols_position_y2026w50" in storage.list_partitions(cursor).values()


def test_the_weeks_to_come_are_made_ahead_also_over_the_new_year(cursor: Any) -> None:
    """2026 has 53 ISO weeks. A second night makes nothing more; phones make what is missing."""
    make.bureau()
    for name in storage.list_partitions(cursor).values():
        cursor.execute(f"DROP TABLE {name}")
    now = datetime(2026, 12, 23, 3, 0, tzinfo=UTC)
    weeks = ["2026w52", "2026w53", "2027w01", "2027w02", "2027w03"]
    for _ in range(2):
        call_command("forget_positions", now=now.isoformat(), stdout=StringIO())
        made = sorted(storage.list_partitions(cursor).values())
        assert made == [f"patrols_position_y{week}" for week in weeks]


def test_the_longest_retention_of_any_bureau_keeps_a_week(cursor: Any) -> None:
    """The table is shared: a bureau with 90 days loses rows by the same command, by row."""
    long, short = make.bureau(), make.bureau()
    RuleSet.objects.create(bureau=long, valid_from=date(2026, 1, 5), values={"retention_days": 180})
    now = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
    old = now - timedelta(days=120)
    storage.make_partitions(cursor, old, now)
    rows = [
        positions.pack_row(bureau.pk, 2, 3, to_us(now), Reading(to_us(old), 1, 2))
        for bureau in (long, short)
    ]
    positions.copy_straight(cursor, rows)
    cursor.execute("COMMIT")
    call_command("forget_positions", now=now.isoformat(), stdout=StringIO())
    assert [row.bureau_id for row in Position.objects.all()] == [long.pk]


def test_quarantine_is_forgotten_with_the_positions(cursor: Any) -> None:
    bureau = make.bureau()
    now = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
    from patrols.storage import beside

    rows = [
        (bureau.pk, 3, None, to_us(now - timedelta(days=days)), Quarantined("x", "", b"%d" % days))
        for days in (91, 89)
    ]
    cursor.execute("BEGIN")
    beside.together(cursor, [beside.keep_quarantined(rows)])
    call_command("forget_positions", now=now.isoformat(), stdout=StringIO())
    assert [bytes(row.raw) for row in Quarantine.objects.all()] == [b"89"]


def test_a_dry_run_drops_nothing(cursor: Any) -> None:
    make.bureau()
    now = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
    old = now - timedelta(days=200)
    storage.make_partitions(cursor, old, old)
    said = StringIO()
    call_command("forget_positions", now=now.isoformat(), dry_run=True, stdout=said)
    assert (
        storage.partition_name(storage.week_start(old)) in storage.list_partitions(cursor).values()
    )
    assert storage.partition_name(storage.week_start(old)) in said.getvalue()


def test_the_positions_of_one_who_has_left_go_at_once(cursor: Any) -> None:
    squad = make.unit(make.bureau())
    leaver, other = make.person(squad), make.person(squad)
    storage.make_partitions(cursor, AT, AT)
    rows = [
        positions.pack_row(squad.bureau_id, person.pk, 3, to_us(AT), Reading(to_us(AT), 1, 2))
        for person in (leaver, other)
    ]
    positions.copy_straight(cursor, rows)
    cursor.execute("COMMIT")
    with pytest.raises(CommandError, match="has not left"):
        call_command("forget_positions", person=leaver.badge_no, stdout=StringIO())
    with pytest.raises(CommandError, match="Nobody has"):
        call_command("forget_positions", person="none", stdout=StringIO())
    leaver.left_on = date(2026, 3, 31)
    leaver.save()
    said = StringIO()
    call_command("forget_positions", person=leaver.badge_no, stdout=said)
    assert "1 positions deleted" in said.getvalue()
    assert [row.person_id for row in Position.objects.all()] == [other.pk]


@pytest.mark.parametrize("now", ["yesterday", "2026-11-22T03:00:00"])
def test_an_unclear_moment_is_refused(cursor: Any, now: str) -> None:
    with pytest.raises(CommandError):
        call_command("forget_positions", now=now, stdout=StringIO())
