"""The desk where uploads are taken in: its connection, what it remembers, whom it admits.

Phones and people are read from the database when they are not known or known too long; a refusal
never rests on old knowledge.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import psycopg2
from django.db import connection

from patrols.admission import (
    FUTURE_US,
    SECOND_US,
    Admitted,
    Carrier,
    KnownPhone,
    Span,
    Upload,
    admit,
    all_on_duty,
)
from patrols.storage import carriers

log = logging.getLogger(__name__)

# What is known of phones and people is read again after this. A refusal is never given on old
# knowledge: it is read anew first.
TRUST_US = 3 * SECOND_US
# Phones in use are read ahead of that, this many at once: asking for a hundred costs three times
# what asking for one does.
AHEAD_US = 2 * SECOND_US
YOUNG_US = 1 * SECOND_US
MOST_AHEAD = 100
RULES_TRUST_US = 30 * SECOND_US
# Duty is read for this long before and after the present, and further where an upload asks.
BEFORE_US = 24 * 3600 * SECOND_US
AFTER_US = 3600 * SECOND_US


@dataclass
class Desk:
    """Where uploads are taken in: the database connection of this thread and what it remembers.

    One desk per thread. After a database error call `reconnect` and give the batch again.
    """

    phones: dict[int, KnownPhone] = field(default_factory=dict)
    people: dict[int, Carrier] = field(default_factory=dict)
    contacts: dict[int, int] = field(default_factory=dict)
    partitions: set[date] = field(default_factory=set)
    slacks: dict[int, list[tuple[date, int]]] = field(default_factory=dict)
    slacks_us: int = 0
    repeats: float = 0.0
    # Names of the statements that its connection has prepared; None: a connection of Django's,
    # which may be another one tomorrow, prepares nothing.
    prepared: set[str] | None = None

    def cursor(self) -> Any:
        """A plain cursor of this thread's connection, which is in autocommit mode."""
        connection.ensure_connection()
        return connection.connection.cursor()

    def reconnect(self) -> None:
        """Drop the connection and everything remembered; the next cursor opens a new one."""
        self.phones.clear()
        self.people.clear()
        self.contacts.clear()
        self.partitions.clear()
        self.slacks_us = 0
        self.hang_up()

    def hang_up(self) -> None:
        """Close the connection."""
        try:
            connection.close()
        except psycopg2.Error:
            log.debug("Closing a broken connection failed.", exc_info=True)
            connection.connection = None


def admit_all(
    desk: Desk, cursor: Any, uploads: Sequence[Upload], now_us: int
) -> list[tuple[Upload, Admitted | None]]:
    """Decide for each upload; None if its phone or secret is not (or no longer) valid."""
    read_ahead(desk, cursor, now_us)
    outcomes = [admit_known(desk, upload, now_us) for upload in uploads]
    if rest := [i for i, outcome in enumerate(outcomes) if outcome is None]:
        decided = admit_others(desk, cursor, [uploads[i] for i in rest], now_us)
        for i, outcome in zip(rest, decided, strict=True):
            outcomes[i] = outcome
    return list(zip(uploads, outcomes, strict=True))


def read_ahead(desk: Desk, cursor: Any, now_us: int) -> None:
    """Read phones and their holders again shortly before they are too old, and forget the unused.

    `desk.phones` is in the order of reading.
    """
    oldest = next(iter(desk.phones.values()), None)
    if oldest is None or 0 <= now_us - oldest.loaded_us < AHEAD_US:
        return
    used: list[int] = []
    unused: list[int] = []
    for phone in desk.phones.values():
        if 0 <= now_us - phone.loaded_us < YOUNG_US or len(used) >= MOST_AHEAD:
            break
        (used if phone.used and not phone.revoked else unused).append(phone.phone_id)
    for phone_id in (*used, *unused):
        del desk.phones[phone_id]
    if not used:
        return
    desk.phones.update(carriers.load_phones(cursor, sorted(used), now_us))
    wanted = Wanted()
    for phone_id in used:
        read = desk.phones.get(phone_id)
        if read is not None and read.holdings:
            wanted.people.add(read.holdings[-1].person_id)
    if wanted.people:
        wanted.span = (now_us - BEFORE_US, now_us + AFTER_US)
        load_people(desk, cursor, wanted, now_us)


def admit_known(desk: Desk, upload: Upload, now_us: int) -> Admitted | None:
    """The common case without a look at the database; None if it needs one.

    Nothing but fixes, all of them on duty, of a phone and a person read a moment ago.
    """
    phone = desk.phones.get(upload.phone_id)
    if (
        phone is None
        or is_stale(phone, now_us)
        or phone.revoked
        or not phone.holdings
        or not phone.opens_to(upload.secret_sha256, upload.received_us)
        or not upload.readings
        or upload.over
        or upload.contacts
        or upload.quarantined
    ):
        return None
    person_id = phone.holdings[-1].person_id
    carrier = desk.people.get(person_id)
    if carrier is None or is_stale(carrier, now_us):
        return None
    if not all_on_duty(upload, phone, desk.people):
        return None
    phone.used = True
    return Admitted([(person_id, reading) for reading in upload.readings])


def admit_others(
    desk: Desk, cursor: Any, uploads: Sequence[Upload], now_us: int
) -> list[Admitted | None]:
    """Decide for each upload with what has to be read for it."""
    if stale := sorted({u.phone_id for u in uploads if is_stale_for(desk, u, now_us)}):
        for i in stale:
            desk.phones.pop(i, None)
        desk.phones.update(carriers.load_phones(cursor, stale, now_us))
    wanted = Wanted()
    for upload in uploads:
        phone = desk.phones.get(upload.phone_id)
        if phone is not None and not phone.revoked:
            wanted.add(upload, phone, desk.people, now_us)
    load_people(desk, cursor, wanted, now_us)
    outcomes = [decide(desk, upload) for upload in uploads]
    # A refusal stands only on fresh knowledge: a patrol may have begun this very second. So does
    # what only an open patrol or SOS allows: it may have ended.
    doubtful = [
        i
        for i, outcome in enumerate(outcomes)
        if outcome is not None
        and (outcome.refused or outcome.on_open_duty)
        and not is_fresh(desk, uploads[i], now_us)
    ]
    if doubtful:
        wanted = Wanted()
        again = sorted({uploads[i].phone_id for i in doubtful})
        for phone_id in again:
            desk.phones.pop(phone_id, None)
        desk.phones.update(carriers.load_phones(cursor, again, now_us))
        for i in doubtful:
            wanted.add(uploads[i], desk.phones[uploads[i].phone_id], {}, now_us)
        load_people(desk, cursor, wanted, now_us)
        for i in doubtful:
            outcomes[i] = decide(desk, uploads[i])
    return outcomes


def is_stale(known: KnownPhone | Carrier | None, now_us: int) -> bool:
    """Whether it has to be read (again)."""
    return known is None or not 0 <= now_us - known.loaded_us < TRUST_US


def is_stale_for(desk: Desk, upload: Upload, now_us: int) -> bool:
    """Whether its phone has to be read (again): a secret that does not fit may be a new one."""
    phone = desk.phones.get(upload.phone_id)
    return (
        phone is None
        or is_stale(phone, now_us)
        or not phone.opens_to(upload.secret_sha256, upload.received_us)
    )


def is_fresh(desk: Desk, upload: Upload, now_us: int) -> bool:
    """Whether phone and people were read for this very batch."""
    phone = desk.phones[upload.phone_id]
    return phone.loaded_us == now_us and all(
        desk.people[holding.person_id].loaded_us == now_us
        for holding in phone.holdings
        if holding.person_id in desk.people
    )


class Wanted:
    """The people whose duty has to be read, and for which span of time."""

    def __init__(self) -> None:
        self.people: set[int] = set()
        self.span: Span | None = None

    def add(
        self, upload: Upload, phone: KnownPhone, known: dict[int, Carrier], now_us: int
    ) -> None:
        """Whoever carried the phone while this upload's readings were made, and carries it now."""
        first, last = upload_span(upload)
        for i, holding in enumerate(phone.holdings):
            is_last = i == len(phone.holdings) - 1
            if not is_last and not (holding.since_us <= last and first < holding.until_us):
                continue
            carrier = known.get(holding.person_id)
            if (
                carrier is not None
                and not is_stale(carrier, now_us)
                and carrier.known[0] <= first
                and last <= carrier.known[1]
            ):
                continue
            self.people.add(holding.person_id)
            start = min(first, now_us - BEFORE_US)
            end = max(last, now_us + AFTER_US)
            if self.span is not None:
                start, end = min(start, self.span[0]), max(end, self.span[1])
            self.span = (start, end)


def upload_span(upload: Upload) -> Span:
    """The first and last moment that an upload names (its receive time included).

    A future fix is not looked for on the roster: it is quarantined.
    """
    first = last = upload.received_us
    latest = upload.received_us + FUTURE_US
    for reading in upload.readings:
        us = reading.recorded_us
        if us < first:
            first = us
        elif last < us <= latest:
            last = us
    for contact in upload.contacts:
        first = min(first, contact.recorded_us)
    for quarantined in upload.quarantined:
        if quarantined.recorded_us is not None:
            first = min(first, quarantined.recorded_us)
    return first, last


def load_people(desk: Desk, cursor: Any, wanted: Wanted, now_us: int) -> None:
    """Read the duty of the wanted people."""
    if wanted.span is None:
        return
    if not 0 <= now_us - desk.slacks_us < RULES_TRUST_US:
        desk.slacks = carriers.load_slacks(cursor)
        desk.slacks_us = now_us
    desk.people.update(
        carriers.load_carriers(cursor, sorted(wanted.people), wanted.span, now_us, desk.slacks)
    )


def decide(desk: Desk, upload: Upload) -> Admitted | None:
    """Admission's word on one upload."""
    phone = desk.phones.get(upload.phone_id)
    if phone is None or phone.revoked:
        return None
    if not phone.opens_to(upload.secret_sha256, upload.received_us):
        return None  # the secret was renewed
    return admit(upload, phone, desk.people)
