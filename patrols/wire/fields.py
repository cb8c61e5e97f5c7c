"""Single values from the wire: numbers, times, places; and the one way to build a Reading.

A wrong place or time sends the point to quarantine. A wrong extra (speed, battery …) is left
out, because a junk extra must not cost the point.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime

import msgspec

from patrols.wire.reading import Contact, Delivery, Flag, Quarantined, Reading

KNOT_MPS = 1852 / 3600
KMH_MPS = 1 / 3.6
MPS = 1.0

# OsmAnd: an integer timestamp below this is in seconds, else in milliseconds (Traccar's decoder).
LARGEST_SECONDS = 2_147_483_647
EARLIEST_US = 946_684_800_000_000  # 2000-01-01: before any phone with GNSS
LATEST_US = 4_102_444_800_000_000  # 2100-01-01

# Above these an extra is junk; the first is also what a 4-byte float holds without loss of sense.
LARGEST_ACCURACY_M = 1_000_000.0
LARGEST_SPEED_MPS = 10_000.0


# Plain integers on the hot path.
SOS = int(Flag.SOS)
NO_TIME = int(Flag.NO_TIME)
INFINITE = math.inf


class BadField(ValueError):
    """A required value is wrong; the message says which and why."""


def number(value: object) -> float | None:
    """A finite number from a JSON number or its text; None if there is none or it is junk."""
    kind = type(value)
    if kind is float:
        return value if -INFINITE < value < INFINITE else None  # type: ignore[operator,return-value]
    if kind is int:
        return float(value) if -1e300 < value < 1e300 else None  # type: ignore[arg-type,operator]
    if kind is str:
        try:
            parsed = float(value)  # type: ignore[arg-type]
        except ValueError:
            return None
        return parsed if -INFINITE < parsed < INFINITE else None
    return None


def not_negative(value: object, *, largest: float = math.inf) -> float | None:
    """A number ≥ 0; apps say "unknown" with −1."""
    parsed = number(value)
    return parsed if parsed is not None and 0 <= parsed <= largest else None


def accuracy_m(value: object) -> float | None:
    """Metres; 0 and negative mean unknown in every app; absurd values are capped, not believed."""
    parsed = number(value)
    if parsed is None or parsed <= 0:
        return None
    return min(parsed, LARGEST_ACCURACY_M)


def speed_mps(value: object, unit_mps: float) -> float | None:
    """Metres per second from a number in the app's unit; negative means unknown."""
    parsed = number(value)
    if parsed is None or parsed < 0 or parsed * unit_mps > LARGEST_SPEED_MPS:
        return None
    return parsed * unit_mps


def course_deg(value: object) -> float | None:
    """Degrees clockwise from north in [0, 360); negative means unknown."""
    parsed = not_negative(value, largest=36_000)
    return None if parsed is None else parsed % 360.0


def percent(value: object) -> float | None:
    """Battery from percent to 0–1."""
    parsed = not_negative(value, largest=100)
    return None if parsed is None else parsed / 100


def share(value: object) -> float | None:
    """Battery that comes as 0–1."""
    return not_negative(value, largest=1)


def moment_us(value: object) -> int:
    """A time from the wire: s or ms since 1970, ISO 8601 (no zone is UTC), "2014-06-04 09:10:11".

    Raises BadField if it is none of these or lies outside 2000–2100.
    """
    if type(value) is str:
        # Milliseconds since 1970 in 13 digits: what Traccar Client and its kin write.
        if len(value) == 13 and value.isdecimal():
            return in_range(int(value) * 1000)
        text = value.strip()
        try:
            # Most are ISO 8601; a plain number has no "-" behind its first sign.
            if "-" in text[1:] or ":" in text:
                moment = datetime.fromisoformat(text if " " not in text else plus_again(text))
                if moment.tzinfo is None:
                    moment = moment.replace(tzinfo=UTC)
                return in_range(round(moment.timestamp() * 1_000_000))
        except (ValueError, OverflowError) as error:
            raise BadField(f"The time “{text[:40]}” cannot be read.") from error
    parsed = number(value)
    if parsed is None:
        raise BadField(f"The time “{str(value)[:40]}” cannot be read.")
    if abs(parsed) >= LARGEST_SECONDS:
        parsed /= 1000
    if abs(parsed) > 1e13:
        raise BadField(f"The time “{str(value)[:40]}” is no time.")
    return in_range(round(parsed * 1_000_000))


def plus_again(text: str) -> str:
    """An ISO time whose "+08:00" came as " 08:00": a plus in a query that was not escaped."""
    head, _, zone = text.rpartition(" ")
    return f"{head}+{zone}" if "T" in head and zone[:2].isdigit() else text


def in_range(us: int) -> int:
    """The same, or BadField outside 2000–2100."""
    if not EARLIEST_US <= us < LATEST_US:
        raise BadField("The time lies outside 2000–2100.")
    return us


def place(lon: object, lat: object) -> tuple[float, float]:
    """(lon, lat) in degrees. Raises BadField outside the Earth and for exactly 0, 0 (no fix)."""
    lon_deg, lat_deg = number(lon), number(lat)
    if lon_deg is None or lat_deg is None:
        raise BadField("Longitude or latitude is no number.")
    if not (-180 <= lon_deg <= 180 and -90 <= lat_deg <= 90):
        raise BadField("Longitude or latitude lies outside the Earth.")
    if lon_deg == 0 and lat_deg == 0:
        raise BadField("0, 0 is what phones send without a fix.")
    return lon_deg, lat_deg


def add_reading(
    delivery: Delivery,
    item: object,
    received_us: int,
    *,
    when: object,
    lon: object,
    lat: object,
    accuracy: float | None,
    speed: float | None,
    course: float | None,
    battery: float | None,
    flags: int = 0,
) -> None:
    """Put one item where it belongs: readings, contacts (no place) or quarantine.

    `when`, `lon`, `lat` are as on the wire, the rest converted. An SOS is never lost to a bad
    field: with a bad time it takes `received_us`, with a bad place it stays as a contact.
    """
    sos = flags & SOS
    if when is None or when == "":
        recorded_us = received_us
        flags |= NO_TIME
    else:
        try:
            recorded_us = moment_us(when)
        except BadField as error:
            if not sos:
                delivery.quarantined.append(Quarantined("bad_time", str(error), encode(item)))
                return
            recorded_us = received_us
            flags |= NO_TIME
    if lon is None and lat is None:
        delivery.contacts.append(Contact(recorded_us, flags))
        return
    try:
        lon_deg, lat_deg = place(lon, lat)
    except BadField as error:
        if sos:
            delivery.contacts.append(Contact(recorded_us, flags))
        delivery.quarantined.append(Quarantined("bad_place", str(error), encode(item), recorded_us))
        return
    delivery.readings.append(
        Reading(recorded_us, lon_deg, lat_deg, accuracy, speed, course, battery, flags)
    )


def is_sos(alarm: object) -> bool:
    """Whether an `alarm` value (one word or several with commas) holds an SOS."""
    return isinstance(alarm, str) and "sos" in (a.strip() for a in alarm.lower().split(","))


def is_true(value: object) -> bool:
    """`true`, "true" or 1: how apps say yes."""
    return value is True or value == 1 or (isinstance(value, str) and value.lower() in YES)


YES = frozenset({"true", "1", "yes"})


def encode(item: object) -> bytes:
    """An item as it is kept in quarantine."""
    if isinstance(item, bytes):
        return item
    return msgspec.json.encode(item)
