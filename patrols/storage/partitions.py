"""The positions table and its weekly partitions: made ahead or on demand, dropped whole.

Partitions are UTC weeks, named `patrols_position_y2026w47`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from psycopg2 import sql

POSITION_TABLE = "patrols_position"

# Key first: idempotence, the per-person read, retention by partition and distribution by bureau
# in one index. No foreign keys and no spatial index: both halve the rate of writing, and nothing
# reads raw positions by place.
CREATE_POSITION_SQL = """
CREATE TABLE patrols_position (
    bureau_id integer NOT NULL,
    person_id bigint NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    phone_id bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    point geometry(Point, 4326) NOT NULL,
    accuracy_m real,
    speed_mps real,
    course_deg real,
    battery real,
    flags integer NOT NULL DEFAULT 0,
    PRIMARY KEY (bureau_id, person_id, recorded_at, phone_id)
) PARTITION BY RANGE (recorded_at);
CREATE SEQUENCE patrols_latest_version;
"""

DROP_POSITION_SQL = "DROP TABLE patrols_position; DROP SEQUENCE patrols_latest_version;"


def week_start(moment: datetime) -> date:
    """The UTC Monday of the week that an aware moment falls in."""
    day = moment.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())


def partition_name(monday: date) -> str:
    """`patrols_position_y2026w47` for the UTC week that starts on `monday`."""
    year, week, _ = monday.isocalendar()
    return f"{POSITION_TABLE}_y{year:04d}w{week:02d}"


def make_partition(cursor: Any, monday: date) -> bool:
    """Make the partition of one UTC week; false if it was there already.

    A table is made on the side and attached, because attaching lets others go on reading and
    writing, where CREATE TABLE … PARTITION OF would stop them all. Call it inside a transaction:
    the lock that keeps two makers apart lasts as long as that.
    """
    name = partition_name(monday)
    cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [name])
    cursor.execute("SELECT to_regclass(%s)", [name])
    if cursor.fetchone()[0] is not None:
        return False
    start = datetime.combine(monday, time(), UTC)
    cursor.execute(
        sql.SQL(
            "CREATE TABLE {part} (LIKE {whole} INCLUDING ALL);"
            "ALTER TABLE {whole} ATTACH PARTITION {part} FOR VALUES FROM (%s) TO (%s)"
        ).format(part=sql.Identifier(name), whole=sql.Identifier(POSITION_TABLE)),
        [start, start + timedelta(days=7)],
    )
    return True


def make_partitions(cursor: Any, start: datetime, until: datetime) -> list[str]:
    """Make every missing weekly partition that touches [start, until]; returns the new names."""
    made = []
    monday = week_start(start)
    while monday <= week_start(until):
        if make_partition(cursor, monday):
            made.append(partition_name(monday))
        monday += timedelta(days=7)
    return made


def list_partitions(cursor: Any) -> dict[date, str]:
    """The partitions there are: UTC Monday → name."""
    cursor.execute(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = %s::regclass",
        [POSITION_TABLE],
    )
    found = {}
    for (name,) in cursor.fetchall():
        year, _, week = name.removeprefix(f"{POSITION_TABLE}_y").partition("w")
        found[date.fromisocalendar(int(year), int(week), 1)] = name
    return dict(sorted(found.items()))
