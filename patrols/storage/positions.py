"""Writing positions: rows as binary COPY, optimistic first, through a staging table on repeats.

COPY goes straight into the partitioned table. If a key was there already the database says so,
the transaction is rolled back, and the batch goes through a temporary table that keeps each key
once and puts a repeat with other content into quarantine (docs/benchmarks.md has the rates).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable
from typing import Any

from patrols.wire import Reading

# Binary COPY: signature, flags, header extension; at the end a row of −1 fields.
COPY_HEAD = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
COPY_TAIL = struct.pack(">h", -1)
# PostgreSQL counts microseconds from 2000-01-01.
PG_EPOCH_US = 946_684_800_000_000
# EWKB: big-endian (0), point with SRID flag, SRID 4326.
EWKB_POINT = 0x20000001
SRID = 4326

COLUMNS = (
    "bureau_id, person_id, recorded_at, phone_id, received_at, point,"
    " accuracy_m, speed_mps, course_deg, battery, flags"
)
COPY_STRAIGHT = f"BEGIN; COPY patrols_position ({COLUMNS}) FROM STDIN (FORMAT binary)"
COPY_STAGED = f"COPY pg_temp.arriving ({COLUMNS}) FROM STDIN (FORMAT binary)"

STAGE_SQL = """
CREATE TEMPORARY TABLE IF NOT EXISTS arriving
    (LIKE patrols_position, ord bigserial) ON COMMIT DELETE ROWS;
"""

# Which of the staged rows say something else about a point that is known, in the table or earlier
# in the same batch. Received time and flags may differ: a resend is the same point.
CONFLICT_SQL = """
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
INSERT INTO patrols_quarantine
    (bureau_id, phone_id, person_id, received_at, reason, detail, raw, digest)
SELECT bureau_id, phone_id, person_id, received_at, 'conflict',
       'The same point came again with other content; the first is kept.',
       convert_to(said, 'UTF8'), md5(said)
FROM (
    SELECT a.*, json_build_object(
               'recorded_at', a.recorded_at, 'lon', ST_X(a.point), 'lat', ST_Y(a.point),
               'accuracy_m', a.accuracy_m, 'speed_mps', a.speed_mps,
               'course_deg', a.course_deg, 'battery', a.battery, 'flags', a.flags)::text AS said
    FROM (
        SELECT *, ROW(point, accuracy_m, speed_mps, course_deg, battery) AS content,
               first_value(ROW(point, accuracy_m, speed_mps, course_deg, battery)) OVER (
                   PARTITION BY bureau_id, person_id, recorded_at, phone_id ORDER BY ord
               ) AS first
        FROM pg_temp.arriving
    ) a
    LEFT JOIN patrols_position p USING (bureau_id, person_id, recorded_at, phone_id)
    WHERE a.content IS DISTINCT FROM CASE
        WHEN p.bureau_id IS NULL THEN a.first
        ELSE ROW(p.point, p.accuracy_m, p.speed_mps, p.course_deg, p.battery)
    END
) c
ON CONFLICT (bureau_id, phone_id, digest) DO NOTHING;
"""

# What is new goes in; the days that it touches come back, each with one of its moments.
MERGE_SQL = f"""
WITH stored AS (
    INSERT INTO patrols_position ({COLUMNS})
    SELECT {COLUMNS} FROM (
        SELECT DISTINCT ON (bureau_id, person_id, recorded_at, phone_id) *
        FROM pg_temp.arriving ORDER BY bureau_id, person_id, recorded_at, phone_id, ord
    ) d
    ON CONFLICT (bureau_id, person_id, recorded_at, phone_id) DO NOTHING
    RETURNING bureau_id, person_id, recorded_at
)
SELECT s.bureau_id, s.person_id, (s.recorded_at AT TIME ZONE b.time_zone)::date, count(*)
FROM stored s JOIN bureau_bureau b ON b.id = s.bureau_id
GROUP BY 1, 2, 3
"""  # noqa: S608  (constants of this file only)


def row_format(known: int) -> struct.Struct:
    """The struct of a COPY row with these optional columns (bits: 1 accuracy … 8 battery)."""
    optional = "".join("if" if known & bit else "i" for bit in (1, 2, 4, 8))
    return struct.Struct(">hiiiqiqiqiqiBIIdd" + optional + "ii")


PACKERS = [row_format(known).pack for known in range(16)]
FULL = PACKERS[15]


def pack_row(
    bureau_id: int, person_id: int, phone_id: int, received_us: int, reading: Reading
) -> bytes:
    """One position as a binary COPY row."""
    accuracy, speed = reading.accuracy_m, reading.speed_mps
    course, battery = reading.course_deg, reading.battery
    if accuracy is None or speed is None or course is None or battery is None:
        known = 0
        optional: list[float] = []
        for bit, value in ((1, accuracy), (2, speed), (4, course), (8, battery)):
            if value is None:
                optional.append(-1)
            else:
                known |= bit
                optional += (4, value)
        return PACKERS[known](
            11,
            4,
            bureau_id,
            8,
            person_id,
            8,
            reading.recorded_us - PG_EPOCH_US,
            8,
            phone_id,
            8,
            received_us - PG_EPOCH_US,
            25,
            0,
            EWKB_POINT,
            SRID,
            reading.lon_deg,
            reading.lat_deg,
            *optional,
            4,
            reading.flags,
        )
    return FULL(
        11,
        4,
        bureau_id,
        8,
        person_id,
        8,
        reading.recorded_us - PG_EPOCH_US,
        8,
        phone_id,
        8,
        received_us - PG_EPOCH_US,
        25,
        0,
        EWKB_POINT,
        SRID,
        reading.lon_deg,
        reading.lat_deg,
        4,
        accuracy,
        4,
        speed,
        4,
        course,
        4,
        battery,
        4,
        reading.flags,
    )


def copy_file(rows: Iterable[bytes]) -> tuple[io.BytesIO, int]:
    """Packed rows as the file that COPY reads, and its size."""
    body = b"".join((COPY_HEAD, *rows, COPY_TAIL))
    return io.BytesIO(body), len(body)


def copy_straight(cursor: Any, rows: Iterable[bytes]) -> None:
    """Begin a transaction and COPY the rows in. Raises UniqueViolation if one is known."""
    file, size = copy_file(rows)
    cursor.copy_expert(COPY_STRAIGHT, file, size=size)


def copy_staged(cursor: Any, rows: Iterable[bytes]) -> list[tuple[int, int, Any, int]]:
    """Begin a transaction and take the rows that are new.

    Returns (bureau, person, local day, rows) of what was stored. Repeats with other content go to
    quarantine.
    """
    cursor.execute(STAGE_SQL + "BEGIN")
    file, size = copy_file(rows)
    cursor.copy_expert(COPY_STAGED, file, size=size)
    cursor.execute(CONFLICT_SQL + MERGE_SQL)
    return list(cursor.fetchall())
