"""What of a phone's upload may be stored: notice, duty, holder, clock. Pure.

A fix outside duty is refused and only counted, by person and local day; it is never recoverable.
An SOS is kept whatever else is true, and while it is open so are the person's other fixes.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from patrols.wire import Contact, Flag, Quarantined, Reading

SECOND_US = 1_000_000
# A fix this far ahead of our clock is quarantined (one phone's clock, or ours, is wrong).
FUTURE_US = 120 * SECOND_US
# Ahead by this much it is kept and marked.
SKEW_US = 10 * SECOND_US
FOREVER_US = 2**62
# A forgotten patrol or order would keep its members on duty: it is over for them after this,
# whatever is clicked.
LONGEST_PATROL = timedelta(hours=16)
# Plain integers: an enum's `&` costs as much as packing the row.
SOS = int(Flag.SOS)
AHEAD_OF_CLOCK = int(Flag.CLOCK_SKEW)
NO_TIME = int(Flag.NO_TIME)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Span = tuple[int, int]  # [start, end) in microseconds since 1970


class Holding(msgspec.Struct, gc=False):
    """Who carries the phone in [since, until)."""

    person_id: int
    since_us: int
    until_us: int


class Carrier(msgspec.Struct, gc=False):
    """What must be known of a person to admit a fix. Only true for times within `known`.

    `duty` has known ends (shifts with their slack, closed patrols, orders and alarms); `open_duty`
    ends whenever somebody ends it (open patrol, order or SOS): it is only believed when just read.
    """

    person_id: int
    noticed: bool
    left_us: int  # first moment after leaving the bureau
    duty: list[Span]  # merged, in order
    open_duty: list[Span]
    known: Span
    loaded_us: int


class KnownPhone(msgspec.Struct, gc=False):
    """A phone as enrolled; `holdings` in time order.

    `old_secret_sha256` is what a renewal left open until `old_until_us`; empty if there is none.
    """

    phone_id: int
    bureau_id: int
    zone: str
    secret_sha256: str
    revoked: bool
    holdings: list[Holding]
    loaded_us: int
    old_secret_sha256: str = ""
    old_until_us: int = 0
    told_app: str = ""
    used: bool = False  # since it was read

    def opens_to(self, secret_sha256: str, us: int) -> bool:
        """Whether a message received at `us` with this secret is this phone's.

        An empty secret is a session that was looked at elsewhere.
        """
        return not secret_sha256 or (
            secret_sha256 == self.secret_sha256
            or (secret_sha256 == self.old_secret_sha256 and us < self.old_until_us)
        )


class Upload(msgspec.Struct, gc=False):
    """One message of one phone, parsed: what `ingest.accept` takes.

    `over` names the limit that the message as a whole is over: then its readings are kept in
    quarantine instead of being stored, and its phone is answered as if all was well.
    `secret_sha256` is empty where a session, not a secret, has opened the way.
    """

    phone_id: int
    received_us: int
    readings: list[Reading]
    contacts: list[Contact]
    quarantined: list[Quarantined]
    over: str = ""
    secret_sha256: str = ""
    told_app: str = ""  # the app and its version, as its requests say

    @property
    def weight(self) -> int:
        """How much of the queue it takes."""
        return 1 + len(self.readings) + len(self.quarantined)


class Sos(msgspec.Struct, gc=False):
    """An alarm to raise; without a place if the phone had none."""

    bureau_id: int
    person_id: int
    raised_us: int
    lon_deg: float | None
    lat_deg: float | None


class Admitted(msgspec.Struct):
    """The outcome for one upload."""

    rows: list[tuple[int, Reading]] = []  # (person, reading)
    refused: dict[tuple[int, date, str], int] = {}  # (person, local day, reason) → how many
    quarantined: list[tuple[int | None, Quarantined]] = []  # person, if one held the phone
    alarms: list[Sos] = []
    on_open_duty: bool = False  # something was admitted that only open duty allows

    def refuse(self, person_id: int, day: date, reason: str) -> None:
        """One more that may not be stored."""
        key = (person_id, day, reason)
        self.refused[key] = self.refused.get(key, 0) + 1


def merged(spans: list[Span]) -> list[Span]:
    """The union of spans, in order, without touching or overlapping ones."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif end > start:
            found.append((start, end))
    return found


def span_at(spans: list[Span], us: int) -> Span | None:
    """The span that holds the moment, of merged spans."""
    i = bisect_right(spans, us, key=start_of) - 1
    return spans[i] if i >= 0 and us < spans[i][1] else None


def start_of(span: Span) -> int:
    """Where a span starts."""
    return span[0]


@lru_cache(maxsize=4096)
def _day_of_quarter(quarter: int, zone: str) -> date:
    return (EPOCH + timedelta(minutes=15 * quarter)).astimezone(ZoneInfo(zone)).date()


def local_day(us: int, zone: str) -> date:
    """The local date of a moment. Zones differ from UTC by whole quarters of an hour."""
    return _day_of_quarter(us // (900 * SECOND_US), zone)


def holder_at(phone: KnownPhone, us: int) -> Holding | None:
    """Who carried the phone at a moment."""
    for holding in reversed(phone.holdings):
        if holding.since_us <= us < holding.until_us:
            return holding
    return None


def reason_against(carrier: Carrier, us: int) -> str | None:
    """Why a fix of this moment may not be stored; None if it may."""
    if us >= carrier.left_us:
        return "left"
    if not carrier.noticed:
        return "no_notice"
    if span_at(carrier.duty, us) is None and span_at(carrier.open_duty, us) is None:
        return "off_duty"
    return None


def admit(upload: Upload, phone: KnownPhone, carriers: dict[int, Carrier]) -> Admitted:
    """Split one upload into what is stored, counted, quarantined and raised.

    `carriers` holds everybody who carried the phone at a time that the upload names, and whoever
    carries it now.
    """
    outcome = Admitted()
    if upload.readings:
        if all_on_duty(upload, phone, carriers):
            person_id = phone.holdings[-1].person_id
            outcome.rows = [(person_id, reading) for reading in upload.readings]
        else:
            admit_each(outcome, upload, phone, carriers)
    if upload.over:
        set_aside(outcome, upload.over)
    for contact in upload.contacts:
        if contact.flags & SOS:
            raise_sos(outcome, upload, phone, carriers, contact.recorded_us, None)
    for quarantined in upload.quarantined:
        quarantine(outcome, upload, phone, carriers, quarantined)
    return outcome


def set_aside(outcome: Admitted, reason: str) -> None:
    """Move what would be stored to quarantine, one entry a person; an SOS stays."""
    aside: dict[int, list[Reading]] = {}
    for person_id, reading in outcome.rows:
        if not reading.flags & SOS:
            aside.setdefault(person_id, []).append(reading)
    outcome.rows = [row for row in outcome.rows if row[1].flags & SOS]
    for person_id, readings in aside.items():
        outcome.quarantined.append(
            (
                person_id,
                Quarantined(
                    reason,
                    f"{len(readings)} readings of a message over the limits, not stored.",
                    msgspec.json.encode(readings),
                ),
            )
        )


def all_on_duty(upload: Upload, phone: KnownPhone, carriers: dict[int, Carrier]) -> bool:
    """The common case in one look: every fix of the present holder, in one span of duty."""
    readings = upload.readings
    first = last = readings[0].recorded_us
    for reading in readings:
        us = reading.recorded_us
        if us < first:
            first = us
        elif us > last:
            last = us
        if reading.flags & SOS:
            return False
    if last > upload.received_us + SKEW_US or not phone.holdings:
        return False
    holding = phone.holdings[-1]
    if not holding.since_us <= first or not last < holding.until_us:
        return False
    carrier = carriers[holding.person_id]
    if not carrier.noticed or last >= carrier.left_us:
        return False
    span = span_at(carrier.duty, first)
    return span is not None and last < span[1]


def admit_each(
    outcome: Admitted, upload: Upload, phone: KnownPhone, carriers: dict[int, Carrier]
) -> None:
    """The general case, one reading at a time; an SOS first, because it puts its person on duty."""
    for reading in upload.readings:
        if reading.flags & SOS:
            if reading.recorded_us > upload.received_us + SKEW_US:
                reading.recorded_us = upload.received_us
                reading.flags |= AHEAD_OF_CLOCK | NO_TIME
            raise_sos(outcome, upload, phone, carriers, reading.recorded_us, reading)
    raised = {sos.person_id: sos.raised_us for sos in outcome.alarms}
    for reading in upload.readings:
        us = reading.recorded_us
        if us > upload.received_us + FUTURE_US:
            ahead_s = (us - upload.received_us) // SECOND_US
            quarantine(
                outcome,
                upload,
                phone,
                carriers,
                Quarantined(
                    "future",
                    f"The fix is {ahead_s} s ahead of the server: check the phone's clock.",
                    msgspec.json.encode(reading),
                ),
            )
            continue
        if us > upload.received_us + SKEW_US:
            reading.flags |= AHEAD_OF_CLOCK
        holding = holder_at(phone, us)
        if reading.flags & SOS:
            holding = holding or last_holding(phone)
        if holding is None:
            outcome.refuse(0, local_day(us, phone.zone), "no_holder")
            continue
        person_id = holding.person_id
        reason = None
        if not reading.flags & SOS and us < raised.get(person_id, FOREVER_US):
            reason = reason_against(carriers[person_id], us)
        if reason:
            outcome.refuse(person_id, local_day(us, phone.zone), reason)
        else:
            outcome.rows.append((person_id, reading))
            if span_at(carriers[person_id].duty, us) is None:
                outcome.on_open_duty = True


def last_holding(phone: KnownPhone) -> Holding | None:
    """The present or last holder: an SOS without one at its time is theirs."""
    return phone.holdings[-1] if phone.holdings else None


def raise_sos(
    outcome: Admitted,
    upload: Upload,
    phone: KnownPhone,
    carriers: dict[int, Carrier],
    us: int,
    reading: Reading | None,
) -> None:
    """An alarm of whoever carried the phone; kept in quarantine if nobody ever did."""
    us = min(us, upload.received_us)
    holding = holder_at(phone, us) or last_holding(phone)
    if holding is None:
        outcome.quarantined.append(
            (
                None,
                Quarantined(
                    "sos_without_holder",
                    "An SOS from a phone that nobody holds: say who carries it.",
                    msgspec.json.encode(reading),
                    us,
                ),
            )
        )
        return
    outcome.alarms.append(
        Sos(
            phone.bureau_id,
            holding.person_id,
            us,
            reading.lon_deg if reading else None,
            reading.lat_deg if reading else None,
        )
    )


def quarantine(
    outcome: Admitted,
    upload: Upload,
    phone: KnownPhone,
    carriers: dict[int, Carrier],
    quarantined: Quarantined,
) -> None:
    """Keep what could not be taken, under the same duty test.

    Something without a readable time stands at its receive time, and so does a future one.
    """
    us = min(quarantined.recorded_us or upload.received_us, upload.received_us)
    holding = holder_at(phone, us)
    if holding is None:
        outcome.refuse(0, local_day(us, phone.zone), "no_holder")
        return
    raised = min(
        (sos.raised_us for sos in outcome.alarms if sos.person_id == holding.person_id),
        default=FOREVER_US,
    )
    reason = reason_against(carriers[holding.person_id], us)
    if reason and us < raised:
        outcome.refuse(holding.person_id, local_day(us, phone.zone), reason)
    else:
        outcome.quarantined.append((holding.person_id, quarantined))
        if span_at(carriers[holding.person_id].duty, us) is None:
            outcome.on_open_duty = True
