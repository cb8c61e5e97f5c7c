"""Everybody's latest position, read for the live picture: binary COPY into arrays, then plain rows.

The ticker asks several times a second; with 10,000 people rows of the ORM would take most of a
frame's time.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isnan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from patrols.storage.positions import PG_EPOCH_US
from patrols.storage.rows import read_rows

# One row of COPY … (FORMAT binary): a field count, then each field after its length; see
# patrols/storage/fixes.py.
ROW = np.dtype(
    [
        ("count", ">i2"),
        ("l1", ">i4"),
        ("person", ">i8"),
        ("l2", ">i4"),
        ("version", ">i8"),
        ("l3", ">i4"),
        ("recorded_us", ">i8"),
        ("l4", ">i4"),
        ("received_us", ">i8"),
        ("l5", ">i4"),
        ("byte_order", "u1"),
        ("kind", "<u4"),
        ("srid", "<u4"),
        ("lon_deg", "<f8"),
        ("lat_deg", "<f8"),
        ("l6", ">i4"),
        ("accuracy_m", ">f8"),
        ("l7", ">i4"),
        ("speed_mps", ">f8"),
        ("l8", ">i4"),
        ("course_deg", ">f8"),
        ("l9", ">i4"),
        ("battery", ">f8"),
    ]
)
MEASURED = ("accuracy_m", "speed_mps", "course_deg", "battery")  # NaN where unknown
VERSION = np.dtype(
    [("count", ">i2"), ("l1", ">i4"), ("person", ">i8"), ("l2", ">i4"), ("version", ">i8")]
)

# No parameters in COPY: ids and versions are numbers made here.
FIXES_SQL = """
COPY (
    SELECT person_id, version, recorded_at, received_at, point, coalesce(accuracy_m, 'NaN'),
           coalesce(speed_mps, 'NaN'), coalesce(course_deg, 'NaN'), coalesce(battery, 'NaN')
    FROM patrols_latest WHERE {bureau} person_id = ANY ('{{{people}}}'::bigint[])
) TO STDOUT (FORMAT binary)
"""
VERSIONS_SQL = """
COPY (SELECT person_id, version FROM {table} WHERE version > {above}) TO STDOUT (FORMAT binary)
"""


class Fix(NamedTuple):
    """A latest position, ready to be sent."""

    person: int
    version: int
    lon_deg: float
    lat_deg: float
    recorded_ms: int
    received_ms: int
    accuracy_m: float | None
    speed_mps: float | None
    course_deg: float | None
    battery: float | None

    def row(self) -> dict[str, Any]:
        """As the snapshot says it."""
        return {
            "person": self.person,
            "lon": round(self.lon_deg, 7),
            "lat": round(self.lat_deg, 7),
            "at": self.recorded_ms,
            "got": self.received_ms,
            "accuracy": self.accuracy_m,
            "speed": self.speed_mps,
            "course": self.course_deg,
            "battery": self.battery,
        }


def latest_fixes(people: Iterable[int], bureau_id: int | None = None) -> list[Fix]:
    """The latest positions of these people, in no order; those without one are missing.

    bureau_id: of which bureau they are, when it is one.
    """
    ids = ",".join(str(int(pk)) for pk in people)
    if not ids:
        return []
    bureau = "" if bureau_id is None else f"bureau_id = {int(bureau_id)} AND"
    rows = read_rows(FIXES_SQL.format(bureau=bureau, people=ids), ROW)
    columns = [rows[name].tolist() for name in ("person", "version", "lon_deg", "lat_deg")]
    columns += [
        ((rows[name].astype(np.int64) + PG_EPOCH_US) // 1000).tolist()
        for name in ("recorded_us", "received_us")
    ]
    for name in MEASURED:
        columns.append([None if isnan(value) else value for value in rows[name].tolist()])
    return list(map(Fix._make, zip(*columns, strict=True)))


def versions_above(table: str, above: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """People of a table of versions whose row's version is greater: ids, and their versions."""
    rows = read_rows(VERSIONS_SQL.format(table=table, above=int(above)), VERSION)
    return rows["person"].astype(np.int64), rows["version"].astype(np.int64)
