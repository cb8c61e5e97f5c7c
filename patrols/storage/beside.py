"""What is written beside positions in the same transaction: latest, touched days, counts, alarms.

Each function gives one statement with its values; `together` sends them in one round trip. Rows
are sorted by key, so that two processes that write the same people cannot lock each other out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

from patrols.admission import Sos
from patrols.wire import Quarantined, Reading


class Statement(NamedTuple):
    """An SQL statement and its values. One with a name may be prepared: its text never changes,
    and each `%s` has a cast that says its type.
    """

    sql: str
    values: list[Any]
    name: str = ""


# A moment from microseconds since 1970, exactly.
MOMENT = "('epoch'::timestamptz + {} * interval '1 microsecond')"

LatestKey = tuple[int, int]  # bureau, person
LatestRow = tuple[int, int, Reading]  # phone, received_us, reading


def move_latest(latest: Mapping[LatestKey, LatestRow]) -> Statement:
    """Latest positions: a new row, or a step forward in fix time; else nothing changes."""
    rows = [
        (
            bureau_id,
            person_id,
            phone_id,
            reading.recorded_us,
            received_us,
            reading.lon_deg,
            reading.lat_deg,
            reading.accuracy_m,
            reading.speed_mps,
            reading.course_deg,
            reading.battery,
            reading.flags,
        )
        for (bureau_id, person_id), (phone_id, received_us, reading) in sorted(
            latest.items(), key=by_key
        )
    ]
    return Statement(
        f"""
INSERT INTO patrols_latest AS l
    (bureau_id, person_id, phone_id, recorded_at, received_at, point,
     accuracy_m, speed_mps, course_deg, battery, flags, version)
SELECT bureau, person, phone, {MOMENT.format("recorded")}, {MOMENT.format("received")},
       ST_SetSRID(ST_MakePoint(lon, lat), 4326),
       accuracy, speed, course, battery, flags, nextval('patrols_latest_version')
FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
            %s::float8[], %s::float8[], %s::float8[], %s::float8[], %s::float8[],
            %s::float8[], %s::int[])
     AS n (bureau, person, phone, recorded, received, lon, lat,
           accuracy, speed, course, battery, flags)
ON CONFLICT (bureau_id, person_id) DO UPDATE SET
    phone_id = EXCLUDED.phone_id, recorded_at = EXCLUDED.recorded_at,
    received_at = EXCLUDED.received_at, point = EXCLUDED.point,
    accuracy_m = EXCLUDED.accuracy_m, speed_mps = EXCLUDED.speed_mps,
    course_deg = EXCLUDED.course_deg, battery = EXCLUDED.battery,
    flags = EXCLUDED.flags, version = EXCLUDED.version
WHERE EXCLUDED.recorded_at > l.recorded_at
""",  # noqa: S608  (constants of this file only)
        [array(column) for column in zip(*rows, strict=True)],
        "move_latest",
    )


def by_key(item: tuple[LatestKey, LatestRow]) -> LatestKey:
    """What to sort latest rows by."""
    return item[0]


def array(column: Iterable[float | date | None]) -> str:
    """Finite numbers or dates as the text of an SQL array, many times faster than adapting each."""
    return "{" + ",".join(["NULL" if one is None else str(one) for one in column]) + "}"


def count_refused(counts: Mapping[tuple[int, int, date, str], int], received_us: int) -> Statement:
    """Add to the counts of refused fixes: by bureau, person, local day and reason."""
    rows = sorted(counts.items())
    return Statement(
        f"""
INSERT INTO patrols_refusedcount AS r (bureau_id, person_id, day, reason, count, last_at)
SELECT bureau, person, day, reason, n, {MOMENT.format("%s")}
FROM unnest(%s::int[], %s::bigint[], %s::date[], %s::text[], %s::int[])
     AS c (bureau, person, day, reason, n)
ON CONFLICT (bureau_id, person_id, day, reason)
DO UPDATE SET count = r.count + EXCLUDED.count, last_at = EXCLUDED.last_at
""",  # noqa: S608  (constants of this file only)
        [
            received_us,
            [key[0] for key, _ in rows],
            [key[1] for key, _ in rows],
            [key[2] for key, _ in rows],
            [key[3] for key, _ in rows],
            [n for _, n in rows],
        ],
    )


def keep_quarantined(
    rows: Iterable[tuple[int, int, int | None, int, Quarantined]],
) -> Statement:
    """Quarantine (bureau, phone, person, received_us, what); the same bytes again are kept once."""
    values = []
    for bureau_id, phone_id, person_id, received_us, quarantined in rows:
        digest = hashlib.sha256(quarantined.reason.encode() + b"\0" + quarantined.raw)
        values.append(
            (
                bureau_id,
                phone_id,
                person_id,
                received_us,
                quarantined.reason[:40],
                quarantined.detail[:300].replace("\0", ""),
                quarantined.raw,
                digest.hexdigest()[:32],
            )
        )
    return Statement(
        f"""
INSERT INTO patrols_quarantine
    (bureau_id, phone_id, person_id, received_at, reason, detail, raw, digest)
SELECT bureau, phone, person, {MOMENT.format("received")}, reason, detail, raw, digest
FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::bigint[],
            %s::text[], %s::text[], %s::bytea[], %s::text[])
     AS q (bureau, phone, person, received, reason, detail, raw, digest)
ON CONFLICT (bureau_id, phone_id, digest) DO NOTHING
""",  # noqa: S608  (constants of this file only)
        [[row[i] for row in values] for i in range(8)],
    )


def raise_alarm(sos: Sos) -> Statement:
    """An open SOS. A person has one open at a time, and a resend of one raises no second.

    Without a place it takes the last known one if that is recent, as `patrols.sos` does.
    """
    return Statement(
        f"""
INSERT INTO patrols_alarm (bureau_id, person_id, kind, raised_at, point, closed_reason)
SELECT %s, %s, 'sos', {MOMENT.format("%s")},
       coalesce(ST_SetSRID(ST_MakePoint(%s, %s), 4326),
                (SELECT point FROM patrols_latest WHERE bureau_id = %s AND person_id = %s
                 AND recorded_at > {MOMENT.format("%s")} - interval '30 minutes')), ''
WHERE NOT EXISTS (
    SELECT 1 FROM patrols_alarm
    WHERE person_id = %s AND kind = 'sos' AND raised_at = {MOMENT.format("%s")})
ON CONFLICT (person_id, kind) WHERE closed_at IS NULL DO NOTHING
""",  # noqa: S608  (constants of this file only)
        [
            sos.bureau_id,
            sos.person_id,
            sos.raised_us,
            sos.lon_deg,
            sos.lat_deg,
            sos.bureau_id,
            sos.person_id,
            sos.raised_us,
            sos.person_id,
            sos.raised_us,
        ],
    )


def note_contact(contacts: Mapping[int, int]) -> Statement:
    """Last contact of phones (phone → received_us); never backwards."""
    rows = sorted(contacts.items())
    return Statement(
        f"""
UPDATE patrols_phone p SET last_contact_at = c.at
FROM (SELECT phone, {MOMENT.format("received")} AS at
      FROM unnest(%s::bigint[], %s::bigint[]) AS n (phone, received) ORDER BY phone) c
WHERE p.id = c.phone AND (p.last_contact_at IS NULL OR p.last_contact_at < c.at)
""",  # noqa: S608  (constants of this file only)
        [array(column) for column in zip(*rows, strict=True)],
        "note_contact",
    )


def end_old_secret(phone_id: int, secret_sha256: str) -> Statement:
    """The renewed secret was used: the old one opens nothing any more."""
    return Statement(
        """
UPDATE patrols_phone SET old_secret_sha256 = NULL, old_secret_until = NULL
WHERE id = %s AND secret_sha256 = %s
""",
        [phone_id, secret_sha256],
    )


def note_app(phone_id: int, told_app: str) -> Statement:
    """The app and version that a phone's requests name, when they have changed."""
    return Statement("UPDATE patrols_phone SET told_app = %s WHERE id = %s", [told_app, phone_id])


def together(
    cursor: Any,
    statements: Iterable[Statement],
    *,
    last: str = "COMMIT",
    prepared: set[str] | None = None,
) -> None:
    """Run the statements and then `last`, in one round trip; the first error stops the rest.

    `prepared` are the names that the connection of the cursor knows; planning a statement costs
    more than running it for fifty rows. None: nothing is prepared.
    """
    parts: list[bytes] = []
    for statement in statements:
        if prepared is None or not statement.name:
            parts.append(cursor.mogrify(statement.sql, statement.values))
            continue
        if statement.name not in prepared:
            cursor.execute(f"PREPARE {statement.name} AS {numbered(statement.sql)}")
            prepared.add(statement.name)
        places = ",".join(["%s"] * len(statement.values))
        parts.append(cursor.mogrify(f"EXECUTE {statement.name}({places})", statement.values))
    cursor.execute(b";".join([*parts, last.encode()]))


def numbered(sql: str) -> str:
    """The statement with `$1`, `$2` … for each `%s`."""
    numbers: Iterator[int] = iter(range(1, 1_000))
    return re.sub("%s", lambda _: f"${next(numbers)}", sql)
