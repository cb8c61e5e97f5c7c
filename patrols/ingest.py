"""Taking in what phones bring: one transaction for all uploads that have gathered.

`accept` reads who is on duty, lets `patrols.admission` decide, and writes positions, latest places,
touched days, refused counts, quarantine and alarms together. Whoever answers a phone answers after
it has returned, that is after COMMIT. Positions that come twice are stored once, so a batch whose
fate is unknown may simply be given to `accept` again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

import msgspec
import psycopg2

from patrols.admission import SECOND_US, Admitted, Upload, local_day
from patrols.desk import Desk, admit_all
from patrols.storage import beside, carriers, marks, partitions, positions
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
    told = Receipt(True, len(outcome.rows))
    if outcome.refused:
        told.refused = sum(outcome.refused.values())
        for (_, _, reason), n in outcome.refused.items():
            told.refused_for[reason] = told.refused_for.get(reason, 0) + n
        told.reasons = sorted(told.refused_for)
    for _, kept in outcome.quarantined:
        told.quarantined += 1
        told.kept_for[kept.reason] = told.kept_for.get(kept.reason, 0) + 1
    return told


# Writing


class Batch:
    """What a transaction writes of some uploads, gathered in one pass over their rows."""

    def __init__(self, desk: Desk, pairs: Sequence[Pair]) -> None:
        self.pairs = pairs
        self.rows: list[bytes] = []  # packed
        self.quarters: set[tuple[int, int, str, int]] = set()  # bureau, person, zone, quarter hour
        self.latest: dict[beside.LatestKey, beside.LatestRow] = {}
        for upload, outcome in pairs:
            if outcome.rows:
                phone = desk.phones[upload.phone_id]
                self.add(upload, outcome, phone.bureau_id, phone.zone)

    def add(self, upload: Upload, outcome: Admitted, bureau_id: int, zone: str) -> None:
        """The rows of one upload. A synthetic fix says nothing new of where somebody is."""
        phone_id, received_us = upload.phone_id, upload.received_us
        latest = self.latest
        before = (0, 0)
        for person_id, reading in outcome.rows:
            recorded_us = reading.recorded_us
            self.rows.append(
                positions.pack_row(bureau_id, person_id, phone_id, received_us, reading)
            )
            quarter = recorded_us // QUARTER_US
            if (person_id, quarter) != before:
                before = (person_id, quarter)
                self.quarters.add((bureau_id, person_id, zone, quarter))
            key = (bureau_id, person_id)
            there = latest.get(key)
            if (there is None or recorded_us > there[2].recorded_us) and not (
                reading.flags & SYNTHETIC
            ):
                latest[key] = (phone_id, received_us, reading)

    def days(self) -> set[tuple[int, int, date]]:
        """(bureau, person, local day) of every row."""
        return {
            (bureau_id, person_id, local_day(quarter * QUARTER_US, zone))
            for bureau_id, person_id, zone, quarter in self.quarters
        }


def write(desk: Desk, cursor: Any, pairs: Sequence[Pair]) -> None:
    """Everything of these uploads in one transaction."""
    batch = Batch(desk, pairs)
    if not batch.rows:
        cursor.execute("BEGIN")
        finish(desk, cursor, batch, ())
        return
    make_missing_partitions(desk, cursor, batch)
    if desk.repeats < MANY_REPEATS:
        try:
            positions.copy_straight(cursor, batch.rows)
            desk.repeats *= 0.9
            finish(desk, cursor, batch, batch.days())
            return
        except psycopg2.errors.UniqueViolation:
            roll_back(cursor)
            desk.repeats = desk.repeats * 0.9 + 0.1
        except psycopg2.errors.CheckViolation:
            # A partition that was dropped behind our back; or a row no constraint allows, which
            # the staged way will meet again and report.
            roll_back(cursor)
            desk.partitions.clear()
            make_missing_partitions(desk, cursor, batch)
    stored = positions.copy_staged(cursor, batch.rows)
    if sum(n for *_, n in stored) == len(batch.rows):
        desk.repeats *= 0.9
    finish(desk, cursor, batch, {(bureau, person, day) for bureau, person, day, _ in stored})


def roll_back(cursor: Any) -> None:
    """End the failed transaction, if one is open."""
    cursor.execute("ROLLBACK")


def make_missing_partitions(desk: Desk, cursor: Any, batch: Batch) -> None:
    """Partitions for every week that the rows name and that is not known to be there."""
    for monday in sorted({monday_of(quarter) for *_, quarter in batch.quarters} - desk.partitions):
        cursor.execute("BEGIN")
        partitions.make_partition(cursor, monday)
        cursor.execute("COMMIT")
        desk.partitions.add(monday)


@lru_cache(maxsize=4096)
def monday_of(quarter: int) -> date:
    """The UTC Monday of the week that a quarter of an hour (since 1970) lies in."""
    return partitions.week_start(carriers.from_us(quarter * QUARTER_US))


def finish(
    desk: Desk, cursor: Any, batch: Batch, touched: Collection[tuple[int, int, date]]
) -> None:
    """What stands beside the positions, and COMMIT."""
    statements: list[beside.Statement] = []
    if batch.latest:
        statements.append(beside.move_latest(batch.latest))
    if touched:
        statements.extend(marks.touch_days(touched))
    refused: dict[tuple[int, int, date, str], int] = {}
    quarantined = []
    contacts: dict[int, int] = {}
    renewed: dict[int, str] = {}
    apps: dict[int, str] = {}
    for upload, outcome in batch.pairs:
        phone_id = upload.phone_id
        phone = desk.phones[phone_id]
        if outcome.refused:
            for (person_id, day, reason), n in outcome.refused.items():
                key = (phone.bureau_id, person_id, day, reason)
                refused[key] = refused.get(key, 0) + n
        for keeper_id, what in outcome.quarantined:
            quarantined.append((phone.bureau_id, phone_id, keeper_id, upload.received_us, what))
        statements.extend(beside.raise_alarm(sos) for sos in outcome.alarms)
        if phone.old_secret_sha256 and upload.secret_sha256 == phone.secret_sha256:
            renewed[phone_id] = upload.secret_sha256
        if upload.received_us - desk.contacts.get(phone_id, 0) >= CONTACT_US:
            contacts[phone_id] = upload.received_us
            if upload.told_app and upload.told_app != phone.told_app:
                apps[phone_id] = upload.told_app
    if refused:
        received_us = max(upload.received_us for upload, _ in batch.pairs)
        statements.append(beside.count_refused(refused, received_us))
    if quarantined:
        statements.append(beside.keep_quarantined(quarantined))
    if contacts:
        statements.append(beside.note_contact(contacts))
    statements.extend(beside.end_old_secret(*used) for used in sorted(renewed.items()))
    statements.extend(beside.note_app(*told) for told in sorted(apps.items()))
    beside.together(cursor, statements, prepared=desk.prepared)
    desk.contacts.update(contacts)
    for phone_id in renewed:
        desk.phones[phone_id].old_secret_sha256 = ""
    for phone_id, told_app in apps.items():
        desk.phones[phone_id].told_app = told_app


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
