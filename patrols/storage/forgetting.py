"""Forgetting positions: what a hold asks for is copied aside, then whole weeks are dropped."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from psycopg2 import sql

from patrols.storage.partitions import POSITION_TABLE
from patrols.storage.positions import COLUMNS

HELD_TABLE = "patrols_heldposition"


class HeldSpan(NamedTuple):
    """One person's rows in [start, end) that are held."""

    bureau_id: int
    person_id: int
    start: datetime
    end: datetime


# Held spans as a table, to be joined with rows `p`.
SPANS_SQL = """unnest(%s::int[], %s::bigint[], %s::timestamptz[], %s::timestamptz[])
        AS h (bureau_id, person_id, start_at, end_at)
    WHERE h.bureau_id = p.bureau_id AND h.person_id = p.person_id
      AND p.recorded_at >= h.start_at AND p.recorded_at < h.end_at"""

# What is held of a table, into the table of held positions; the same row again changes nothing.
COPY_HELD_SQL = f"""
INSERT INTO {HELD_TABLE} ({COLUMNS})
SELECT {COLUMNS} FROM {{table}} p
WHERE p.recorded_at < %s AND EXISTS (SELECT 1 FROM {SPANS_SQL})
ON CONFLICT DO NOTHING
"""  # noqa: S608  (constants of this file only)

# Copies that no hold covers any more.
RELEASE_SQL = f"""
DELETE FROM {HELD_TABLE} p WHERE NOT EXISTS (SELECT 1 FROM {SPANS_SQL})
"""  # noqa: S608  (constants of this file only)


def drop_partition(cursor: Any, name: str) -> None:
    """Drop one week: a short exclusive lock, and the disk is free at once."""
    cursor.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))


def arrays(spans: Sequence[HeldSpan]) -> list[list[Any]]:
    """The values of `SPANS_SQL`."""
    return [[span[i] for span in spans] for i in range(4)]


def copy_held(cursor: Any, spans: Sequence[HeldSpan], before: datetime) -> int:
    """Copy what is held and older than a moment to the table of held positions; how many."""
    if not spans:
        return 0
    statement = sql.SQL(COPY_HELD_SQL).format(table=sql.Identifier(POSITION_TABLE))
    cursor.execute(statement, [before, *arrays(spans)])
    count: int = cursor.rowcount
    return count


def release(cursor: Any, spans: Sequence[HeldSpan]) -> int:
    """Delete the copies that none of these spans covers; how many."""
    cursor.execute(RELEASE_SQL, arrays(spans))
    count: int = cursor.rowcount
    return count


def delete_rows(
    cursor: Any,
    bureau_id: int,
    *,
    person_id: int | None = None,
    before: datetime | None = None,
    dry_run: bool = False,
) -> int:
    """Delete positions of one bureau: of one person, before a moment. Returns the count."""
    which: list[sql.Composable] = [sql.SQL("bureau_id = %s")]
    values: list[Any] = [bureau_id]
    if person_id is not None:
        which.append(sql.SQL("person_id = %s"))
        values.append(person_id)
    if before is not None:
        which.append(sql.SQL("recorded_at < %s"))
        values.append(before)
    rest = sql.SQL(" FROM {table} WHERE {which}").format(
        table=sql.Identifier(POSITION_TABLE), which=sql.SQL(" AND ").join(which)
    )
    cursor.execute(sql.SQL("SELECT count(*)" if dry_run else "DELETE") + rest, values)
    count: int = cursor.fetchone()[0] if dry_run else cursor.rowcount
    return count


def count_late(
    cursor: Any, bureau_id: int, person_id: int, start: datetime, end: datetime, after: datetime
) -> tuple[int, datetime | None, datetime | None]:
    """Positions of a person in [start, end) received after a moment: how many, first, last."""
    cursor.execute(
        "SELECT count(*), min(received_at), max(received_at) FROM patrols_position"
        " WHERE bureau_id = %s AND person_id = %s AND recorded_at >= %s AND recorded_at < %s"
        " AND received_at > %s",
        [bureau_id, person_id, start, end, after],
    )
    count, first, last = cursor.fetchone()
    return count, first, last


def delete_quarantine(
    cursor: Any, bureau_id: int, before: datetime, *, dry_run: bool = False
) -> int:
    """Delete a bureau's quarantine received before a moment; the count."""
    which = " FROM patrols_quarantine WHERE bureau_id = %s AND received_at < %s"
    cursor.execute(("SELECT count(*)" if dry_run else "DELETE") + which, [bureau_id, before])
    count: int = cursor.fetchone()[0] if dry_run else cursor.rowcount
    return count


def week_end(monday: date) -> datetime:
    """When a UTC week is over."""
    return datetime.combine(monday, time(), UTC) + timedelta(days=7)
