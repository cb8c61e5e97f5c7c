"""Forgetting positions: whole weeks dropped, rows kept only where a hold asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from psycopg2 import sql

from patrols.storage.partitions import POSITION_TABLE


class Hold(NamedTuple):
    """One person's rows in [start, end) that must stay."""

    bureau_id: int
    person_id: int
    start: datetime
    end: datetime


# Rows of a table (a partition, or the whole) that no hold covers, further narrowed by `which`.
FREE_SQL = """
FROM {table} p WHERE {which} AND NOT EXISTS (
    SELECT 1 FROM unnest(%s::int[], %s::bigint[], %s::timestamptz[], %s::timestamptz[])
        AS h (bureau_id, person_id, start_at, end_at)
    WHERE h.bureau_id = p.bureau_id AND h.person_id = p.person_id
      AND p.recorded_at >= h.start_at AND p.recorded_at < h.end_at)
"""


def drop_partition(cursor: Any, name: str) -> None:
    """Drop one week: a short exclusive lock, and the disk is free at once."""
    cursor.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))


def delete_free_rows(
    cursor: Any,
    holds: Sequence[Hold],
    *,
    partition: str = "",
    bureau_id: int | None = None,
    person_id: int | None = None,
    before: datetime | None = None,
    dry_run: bool = False,
) -> int:
    """Delete what no hold covers: of one partition, one bureau, one person, before a moment.

    Returns the count.
    """
    which: list[sql.Composable] = [sql.SQL("true")]
    values: list[Any] = []
    if bureau_id is not None:
        which.append(sql.SQL("p.bureau_id = %s"))
        values.append(bureau_id)
    if person_id is not None:
        which.append(sql.SQL("p.person_id = %s"))
        values.append(person_id)
    if before is not None:
        which.append(sql.SQL("p.recorded_at < %s"))
        values.append(before)
    free = sql.SQL(FREE_SQL).format(
        table=sql.Identifier(partition or POSITION_TABLE), which=sql.SQL(" AND ").join(which)
    )
    values += [[hold[i] for hold in holds] for i in range(4)]
    cursor.execute(sql.SQL("SELECT count(*) " if dry_run else "DELETE ") + free, values)
    count: int = cursor.fetchone()[0] if dry_run else cursor.rowcount
    return count


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
