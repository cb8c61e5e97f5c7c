"""Taking in what phones bring: one transaction for all uploads that have gathered.

`accept` reads who is on duty, lets `patrols.admission` decide, and writes positions, latest places,
touched days, refused counts, quarantine and alarms together. Whoever answers a phone answers after
it has returned, that is after COMMIT. Positions that come twice are stored once, so a batch whose
fate is unknown may simply be given to `accept` again.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

import msgspec
import psycopg2

from patrols.admission import SECOND_US, Admitted, Upload, local_day
from patrols.desk import Desk, admit_all
from patrols.storage import beside, carriers, partitions, positions
from patrols.wire import Flag, Quarantined, Reading

log = logging.getLogger(__name__)

# Last contact is written at most this often for a phone.
CONTACT_US = 5 * SECOND_US
# People and phones remembered at a time.
MOST_KNOWN = 50_000
QUARTER_US = 900 * SECOND_US
# From this share of batches with repeats on, the way through the staging table comes first.
MANY_REPEATS = 0.4

# A value that the database refuses, as opposed to a database that is not there.
ROW_TROUBLE = (psycopg2.DataError, psycopg2.IntegrityError)

SYNTHETIC = int(Flag.SYNTHETIC)

Pair = tuple[Upload, Admitted]


class Receipt(msgspec.Struct, gc=False):
    """What became of one upload. `known` is false if its phone or secret is no longer valid."""

    known: bool = True
    taken: int = 0  # stored now or before
    refused: int = 0  # outside duty and the like: counted, not stored
    quarantined: int = 0
    reasons: list[str] = []  # of the refused
    refused_for: dict[str, int] = {}  # how many for each
    kept_for: dict[str, int] = {}  # how many went to quarantine for each


def accept(desk: Desk, uploads: Sequence[Upload], now_us: int) -> list[Receipt]:
    """Take uploads in, in one transaction; returns after COMMIT, a receipt for each.

    If the database refuses a value, the uploads are taken one by one and the value is quarantined.
    Raises psycopg2.OperationalError or InterfaceError when the database cannot be reached; then
    nothing is promised about the batch, and giving it again is safe.
    """
    if len(desk.phones) + len(desk.people) > MOST_KNOWN:
        desk.phones.clear()
        desk.people.clear()
        desk.contacts.clear()
    cursor = desk.cursor()
    pairs = admit_all(desk, cursor, uploads, now_us)
    known = [(upload, outcome) for upload, outcome in pairs if outcome is not None]
    if known:
        try:
            write(desk, cursor, known)
        except ROW_TROUBLE:
            roll_back(cursor)
            for pair in known:
                write_isolated(desk, cursor, pair)
    return [receipt(outcome) for _, outcome in pairs]


def receipt(outcome: Admitted | None) -> Receipt:
    """The counts of an outcome."""
    if outcome is None:
        return Receipt(known=False)
    told = Receipt(True, len(outcome.rows), outcome.refused.total(), len(outcome.quarantined))
    if outcome.refused:
        for (_, _, reason), n in outcome.refused.items():
            told.refused_for[reason] = told.refused_for.get(reason, 0) + n
        told.reasons = sorted(told.refused_for)
    for _, kept in outcome.quarantined:
        told.kept_for[kept.reason] = told.kept_for.get(kept.reason, 0) + 1
    return told


# Writing


def write(desk: Desk, cursor: Any, pairs: Sequence[Pair]) -> None:
    """Everything of these uploads in one transaction."""
    rows = [
        positions.pack_row(
            desk.phones[upload.phone_id].bureau_id,
            person_id,
            upload.phone_id,
            upload.received_us,
            reading,
        )
        for upload, outcome in pairs
        for person_id, reading in outcome.rows
    ]
    if not rows:
        cursor.execute("BEGIN")
        finish(desk, cursor, pairs, ())
        return
    make_missing_partitions(desk, cursor, pairs)
    if desk.repeats < MANY_REPEATS:
        try:
            positions.copy_straight(cursor, rows)
            desk.repeats *= 0.9
            finish(desk, cursor, pairs, touched_days(desk, pairs))
            return
        except psycopg2.errors.UniqueViolation:
            roll_back(cursor)
            desk.repeats = desk.repeats * 0.9 + 0.1
        except psycopg2.errors.CheckViolation:
            # A partition that was dropped behind our back; or a row no constraint allows, which
            # the staged way will meet again and report.
            roll_back(cursor)
            desk.partitions.clear()
            make_missing_partitions(desk, cursor, pairs)
    stored = positions.copy_staged(cursor, rows)
    if sum(n for *_, n in stored) == len(rows):
        desk.repeats *= 0.9
    finish(desk, cursor, pairs, [(bureau, person, day) for bureau, person, day, _ in stored])


def roll_back(cursor: Any) -> None:
    """End the failed transaction, if one is open."""
    cursor.execute("ROLLBACK")


def make_missing_partitions(desk: Desk, cursor: Any, pairs: Iterable[Pair]) -> None:
    """Partitions for every week that the rows name and that is not known to be there."""
    quarters = {
        reading.recorded_us // QUARTER_US for _, outcome in pairs for _, reading in outcome.rows
    }
    mondays = {
        partitions.week_start(carriers.from_us(quarter * QUARTER_US)) for quarter in quarters
    }
    for monday in sorted(mondays - desk.partitions):
        cursor.execute("BEGIN")
        partitions.make_partition(cursor, monday)
        cursor.execute("COMMIT")
        desk.partitions.add(monday)


def touched_days(desk: Desk, pairs: Iterable[Pair]) -> set[tuple[int, int, date]]:
    """(bureau, person, local day) of every stored row."""
    touched = set()
    for upload, outcome in pairs:
        phone = desk.phones[upload.phone_id]
        for person_id, quarter in {
            (person_id, reading.recorded_us // QUARTER_US) for person_id, reading in outcome.rows
        }:
            day = local_day(quarter * QUARTER_US, phone.zone)
            touched.add((phone.bureau_id, person_id, day))
    return touched


def finish(
    desk: Desk, cursor: Any, pairs: Sequence[Pair], touched: Iterable[tuple[int, int, date]]
) -> None:
    """What stands beside the positions, and COMMIT."""
    statements: list[beside.Statement] = []
    if latest := latest_rows(desk, pairs):
        statements.append(beside.move_latest(latest))
    if touched:
        statements.append(beside.touch_days(touched))
    refused: Counter[tuple[int, int, date, str]] = Counter()
    quarantined = []
    contacts: dict[int, int] = {}
    renewed: dict[int, str] = {}
    apps: dict[int, str] = {}
    for upload, outcome in pairs:
        bureau_id = desk.phones[upload.phone_id].bureau_id
        for (person_id, day, reason), n in outcome.refused.items():
            refused[bureau_id, person_id, day, reason] += n
        for keeper_id, what in outcome.quarantined:
            quarantined.append((bureau_id, upload.phone_id, keeper_id, upload.received_us, what))
        statements.extend(beside.raise_alarm(sos) for sos in outcome.alarms)
        phone = desk.phones[upload.phone_id]
        if phone.old_secret_sha256 and upload.secret_sha256 == phone.secret_sha256:
            renewed[upload.phone_id] = upload.secret_sha256
        if upload.received_us - desk.contacts.get(upload.phone_id, 0) >= CONTACT_US:
            contacts[upload.phone_id] = upload.received_us
            if upload.told_app and upload.told_app != phone.told_app:
                apps[upload.phone_id] = upload.told_app
    if refused:
        statements.append(beside.count_refused(refused, max(u.received_us for u, _ in pairs)))
    if quarantined:
        statements.append(beside.keep_quarantined(quarantined))
    if contacts:
        statements.append(beside.note_contact(contacts))
    statements.extend(beside.end_old_secret(*used) for used in sorted(renewed.items()))
    statements.extend(beside.note_app(*told) for told in sorted(apps.items()))
    beside.together(cursor, statements)
    desk.contacts.update(contacts)
    for phone_id in renewed:
        desk.phones[phone_id].old_secret_sha256 = ""
    for phone_id, told_app in apps.items():
        desk.phones[phone_id].told_app = told_app


def latest_rows(desk: Desk, pairs: Iterable[Pair]) -> dict[beside.LatestKey, beside.LatestRow]:
    """The newest fix of each person in these uploads; a synthetic one says nothing new."""
    latest: dict[beside.LatestKey, beside.LatestRow] = {}
    for upload, outcome in pairs:
        bureau_id = desk.phones[upload.phone_id].bureau_id
        newest: dict[int, Reading] = {}
        for person_id, reading in outcome.rows:
            best = newest.get(person_id)
            if (
                best is None or reading.recorded_us > best.recorded_us
            ) and not reading.flags & SYNTHETIC:
                newest[person_id] = reading
        for person_id, reading in newest.items():
            there = latest.get((bureau_id, person_id))
            if there is None or reading.recorded_us > there[2].recorded_us:
                latest[bureau_id, person_id] = (upload.phone_id, upload.received_us, reading)
    return latest


# A value that the database refuses


def write_isolated(desk: Desk, cursor: Any, pair: Pair) -> None:
    """Write one upload; the rows that the database refuses go to quarantine with its words."""
    try:
        write(desk, cursor, [pair])
        return
    except ROW_TROUBLE:
        roll_back(cursor)
    upload, outcome = pair
    bureau_id = desk.phones[upload.phone_id].bureau_id

    def words(rows: Sequence[tuple[int, Reading]]) -> str | None:
        packed = [
            positions.pack_row(bureau_id, person, upload.phone_id, upload.received_us, reading)
            for person, reading in rows
        ]
        try:
            positions.copy_straight(cursor, packed)
        except psycopg2.errors.UniqueViolation:
            return None  # a repeat is no trouble
        except ROW_TROUBLE as error:
            return str(error.diag.message_primary or error)
        finally:
            roll_back(cursor)
        return None

    good: list[tuple[int, Reading]] = []
    for person_id, reading, trouble in sift(outcome.rows, words):
        if trouble is None:
            good.append((person_id, reading))
        else:
            log.error("The database refused a position of phone %s: %s", upload.phone_id, trouble)
            outcome.quarantined.append(
                (person_id, Quarantined("database", trouble, msgspec.json.encode(reading)))
            )
    outcome.rows = good
    write(desk, cursor, [pair])


def sift(
    rows: Sequence[tuple[int, Reading]],
    words: Callable[[Sequence[tuple[int, Reading]]], str | None],
) -> list[tuple[int, Reading, str | None]]:
    """Each row with what the database says against it, found by halving."""
    if not rows:
        return []
    trouble = words(rows)
    if trouble is None:
        return [(person_id, reading, None) for person_id, reading in rows]
    if len(rows) == 1:
        return [(*rows[0], trouble)]
    middle = len(rows) // 2
    return sift(rows[:middle], words) + sift(rows[middle:], words)
