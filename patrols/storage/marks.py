"""Marks of days that no judge has read yet, and how a judge takes them without missing a position.

Whoever stores positions leaves a mark that is there alone, instead of writing it again with every
fix. So a judge must say beforehand that it begins to read: it waits until every transaction that
may have seen the mark unread has ended, and whatever is stored after that marks the day anew.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction

from patrols.storage.beside import Statement, array

# First number of the lock that writers share and a judge takes alone; the second is the bureau.
MARKING = 7_121
# A mark says when the last position came, to within this: it decides what came too late.
MARK_AGE_S = 30

Mark = tuple[int, date, datetime, datetime]  # person, local day, touched at, taken at

LOCK_SQL = f"""
SELECT pg_advisory_xact_lock_shared({MARKING}, bureau)
FROM (SELECT DISTINCT unnest(%s::int[]) AS bureau ORDER BY 1) b
"""  # noqa: S608  (constants of this file only)

TOUCH_SQL = f"""
INSERT INTO patrols_touchedday AS t (bureau_id, person_id, day, touched_at)
SELECT bureau, person, day, clock_timestamp()
FROM unnest(%s::int[], %s::bigint[], %s::date[]) AS n (bureau, person, day)
WHERE NOT EXISTS (
    SELECT FROM patrols_touchedday k
    WHERE k.bureau_id = n.bureau AND k.person_id = n.person AND k.day = n.day
      AND k.taken_at IS NULL
      AND k.touched_at > clock_timestamp() - interval '{MARK_AGE_S} s')
ORDER BY bureau, person, day
ON CONFLICT (bureau_id, person_id, day)
DO UPDATE SET touched_at = EXCLUDED.touched_at, taken_at = NULL
"""  # noqa: S608  (constants of this file only)

# A mark that somebody else is writing is left for the next round: waiting for them with the lock
# in hand would stop the phones.
TAKE_SQL = """
WITH free AS (
    SELECT t.bureau_id, t.person_id, t.day FROM patrols_touchedday t
    JOIN unnest(%s::bigint[], %s::date[]) AS w (person, day)
      ON t.bureau_id = %s AND t.person_id = w.person AND t.day = w.day
    FOR UPDATE OF t SKIP LOCKED
)
UPDATE patrols_touchedday t SET taken_at = clock_timestamp()
FROM free
WHERE (t.bureau_id, t.person_id, t.day) = (free.bureau_id, free.person_id, free.day)
RETURNING t.person_id, t.day, t.touched_at, t.taken_at
"""

CLEAR_SQL = """
DELETE FROM patrols_touchedday t
USING unnest(%s::bigint[], %s::date[], %s::timestamptz[], %s::timestamptz[])
      AS m (person, day, touched, taken)
WHERE t.bureau_id = %s AND t.person_id = m.person AND t.day = m.day
  AND t.touched_at = m.touched AND t.taken_at = m.taken
"""


def touch_days(days: Collection[tuple[int, int, date]]) -> list[Statement]:
    """Statements that mark (bureau, person, local day) as having positions unread by a judge.

    For the transaction that stores them. A fresh mark that no judge has taken is left as it is.
    """
    bureaus, people, dates = [array(column) for column in columns(sorted(days))]
    return [
        Statement(LOCK_SQL, [array(sorted({bureau for bureau, *_ in days}))], "lock_marks"),
        Statement(TOUCH_SQL, [bureaus, people, dates], "touch_days"),
    ]


def take_marks(bureau_id: int, wanted: Collection[tuple[int, date]]) -> list[Mark]:
    """Take the marks of (person, local day) before reading their positions; which were there.

    Positions stored until it returns can be read; whatever is stored later marks its day again. A
    mark stays until `clear_marks`, so that a judge that dies loses none.
    """
    if not wanted:
        return []
    people, dates = columns(sorted(wanted))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [MARKING, bureau_id])
        cursor.execute(TAKE_SQL, [people, dates, bureau_id])
        return list(cursor.fetchall())


def clear_marks(bureau_id: int, marks: Collection[Mark]) -> None:
    """The days of these marks are judged: they go, unless something came since they were taken."""
    if marks:
        with connection.cursor() as cursor:
            cursor.execute(CLEAR_SQL, [*columns(sorted(marks)), bureau_id])


def columns(rows: Collection[tuple[Any, ...]]) -> list[list[Any]]:
    """Rows as one list for each column; there is at least one row."""
    return [list(column) for column in zip(*rows, strict=True)]
