"""Reading positions for judging: binary COPY into arrays, no row object on the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from patrols.storage.positions import PG_EPOCH_US
from patrols.storage.rows import read_rows

# One row of COPY … (FORMAT binary): a field count, then each field after its length. Times and
# places come as they are stored (microseconds since 2000, EWKB of the server's byte order, which
# PostGIS writes little-endian): to have the server take them apart would double the reading.
ROW = np.dtype(
    [
        ("count", ">i2"),
        ("l1", ">i4"),
        ("person", ">i8"),
        ("l2", ">i4"),
        ("recorded_us", ">i8"),
        ("l3", ">i4"),
        ("byte_order", "u1"),
        ("kind", "<u4"),
        ("srid", "<u4"),
        ("lon_deg", "<f8"),
        ("lat_deg", "<f8"),
        ("l4", ">i4"),
        ("accuracy_m", ">f4"),
        ("l5", ">i4"),
        ("flags", ">i4"),
        ("l6", ">i4"),
        ("received_us", ">i8"),
        ("l7", ">i4"),
        ("phone", ">i8"),
    ]
)
# What is kept of it.
FIX = np.dtype(
    [
        ("person", "i8"),
        ("t_s", "f8"),
        ("lon_deg", "f8"),
        ("lat_deg", "f8"),
        ("accuracy_m", "f8"),
        ("flags", "i4"),
        ("received_s", "f8"),
        ("phone", "i8"),
    ]
)
# A single position as `first_fixes` gives it.
LOOK = np.dtype([("person", "i8"), ("t_s", "f8"), ("lon_deg", "f8"), ("lat_deg", "f8")])

# No parameters in COPY: ids and times are numbers made here.
READ_SQL = """
COPY (
    SELECT person_id, recorded_at, point, coalesce(accuracy_m, 'NaN'), flags, received_at, phone_id
    FROM patrols_position
    WHERE bureau_id = {bureau} AND person_id = ANY ('{{{people}}}'::bigint[])
      AND recorded_at >= '{start}' AND recorded_at < '{end}'
) TO STDOUT (FORMAT binary)
"""


def read_fixes(
    bureau_id: int, person_ids: Iterable[int], start: datetime, end: datetime
) -> NDArray[np.void]:
    """Positions of people in [start, end), in no order: a structured array of `FIX`.

    Fields: person, t_s (seconds UTC), lon_deg, lat_deg, accuracy_m (NaN unknown), flags,
    received_s, phone (id).
    """
    people = ",".join(str(int(pk)) for pk in sorted(set(person_ids)))
    if not people:
        return np.empty(0, FIX)
    sql = READ_SQL.format(
        bureau=int(bureau_id), people=people, start=start.isoformat(), end=end.isoformat()
    )
    rows = read_rows(sql, ROW)
    fixes = np.empty(len(rows), FIX)
    for name in ("person", "lon_deg", "lat_deg", "accuracy_m", "flags", "phone"):
        fixes[name] = rows[name]
    fixes["t_s"] = (rows["recorded_us"].astype(np.int64) + PG_EPOCH_US) / 1e6
    fixes["received_s"] = (rows["received_us"].astype(np.int64) + PG_EPOCH_US) / 1e6
    return fixes


def read_newer(
    bureau_id: int, newer_than_s: Mapping[int, float], end: datetime
) -> NDArray[np.void]:
    """Positions of each person after a moment of their own and before `end`, as `read_fixes`."""
    if not newer_than_s:
        return np.empty(0, FIX)
    first = datetime.fromtimestamp(min(newer_than_s.values()), UTC)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT f.* FROM unnest(%s::bigint[], %s::float8[]) a (person, newer_s)"
            " CROSS JOIN LATERAL (SELECT person_id, extract(epoch FROM recorded_at)::float8,"
            " ST_X(point), ST_Y(point), coalesce(accuracy_m, 'NaN')::float8, flags,"
            " extract(epoch FROM received_at)::float8, phone_id FROM patrols_position"
            " WHERE bureau_id = %s AND person_id = a.person AND recorded_at >= %s"
            " AND recorded_at < %s AND recorded_at > to_timestamp(a.newer_s + 1e-6)) f",
            [list(newer_than_s), list(newer_than_s.values()), bureau_id, first, end],
        )
        return np.array(cursor.fetchall(), FIX)


def first_fixes(
    bureau_id: int, person_ids: NDArray[np.int64], from_s: NDArray[np.float64], within_s: float
) -> NDArray[np.void]:
    """The first position of each person within so many seconds of a moment, where there is one.

    person_ids, from_s: (n,), one index probe each. Fields: person, t_s (seconds UTC), lon_deg,
    lat_deg.
    """
    if not len(person_ids):
        return np.empty(0, LOOK)
    # The table's partitions are told apart once, by the first and the last moment.
    first = datetime.fromtimestamp(float(np.min(from_s)), UTC)
    last = datetime.fromtimestamp(float(np.max(from_s)) + within_s, UTC)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.person, extract(epoch FROM f.recorded_at)::float8, ST_X(f.point),"
            " ST_Y(f.point) FROM unnest(%s::bigint[], %s::float8[]) a (person, from_s)"
            " CROSS JOIN LATERAL (SELECT recorded_at, point FROM patrols_position"
            " WHERE bureau_id = %s AND person_id = a.person AND recorded_at >= %s"
            " AND recorded_at < %s AND recorded_at >= to_timestamp(a.from_s)"
            " AND recorded_at < to_timestamp(a.from_s + %s) ORDER BY recorded_at LIMIT 1) f",
            [person_ids.tolist(), from_s.tolist(), bureau_id, first, last, within_s],
        )
        return np.array(cursor.fetchall(), dtype=LOOK)


def people_with_fixes(bureau_id: int, start: datetime, end: datetime) -> set[int]:
    """Who has positions in [start, end): one index probe a person, not a scan."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.id FROM patrols_person p WHERE p.bureau_id = %s AND EXISTS ("
            " SELECT 1 FROM patrols_position f WHERE f.bureau_id = p.bureau_id"
            " AND f.person_id = p.id AND f.recorded_at >= %s AND f.recorded_at < %s)",
            [bureau_id, start, end],
        )
        return {row[0] for row in cursor.fetchall()}
