"""What a phone's message becomes: readings, contacts, and what could not be taken.

Times are microseconds since 1970-01-01 UTC (`_us`), so that one clock runs from the wire to the
binary COPY without a datetime in between.
"""

from __future__ import annotations

from enum import IntFlag

import msgspec


class Flag(IntFlag):
    """Marks of a stored position (column `flags`)."""

    MOCK = 1  # the phone says that the place was made up
    SYNTHETIC = 2  # not a fresh fix: a ping, a zone's centre, a region event
    NO_TIME = 4  # the phone gave no usable time; receive time was taken; never credits minutes
    SOS = 8
    UPLOADED_LATER = 16  # from a file uploaded after the fact
    CLOCK_SKEW = 32  # the phone's clock is ahead of ours
    EPOCH_2001 = 64  # the time counted from 2001 and was corrected


class Reading(msgspec.Struct, gc=False):
    """One fix as parsed: WGS-84 degrees, metres, m/s, clockwise from north, battery 0–1."""

    recorded_us: int
    lon_deg: float
    lat_deg: float
    accuracy_m: float | None = None
    speed_mps: float | None = None
    course_deg: float | None = None
    battery: float | None = None
    flags: int = 0


class Contact(msgspec.Struct, gc=False):
    """A message without a place: the phone is alive. An SOS may come this way too."""

    recorded_us: int
    flags: int = 0


class Quarantined(msgspec.Struct, gc=False):
    """Something that could not be taken: a short reason code, a sentence, and its bytes.

    `recorded_us` is the fix time where one could be read; the duty test needs it.
    """

    reason: str
    detail: str
    raw: bytes
    recorded_us: int | None = None


class Delivery(msgspec.Struct):
    """All that one message brought, in its order."""

    readings: list[Reading] = []
    contacts: list[Contact] = []
    quarantined: list[Quarantined] = []


class Message(msgspec.Struct):
    """An HTTP request of a phone, as far as the wire formats look at it."""

    query: bytes = b""
    body: bytes = b""
    content_type: str = ""
    authorization: str = ""
    limit_user: str = ""  # X-Limit-U of OwnTracks
    told_app: str = ""  # User-Agent: app, version and often the phone's model


class Unreadable(Exception):
    """The whole body cannot be read; `reason` is a code, `detail` a sentence."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
