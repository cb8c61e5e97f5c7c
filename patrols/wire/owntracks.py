"""OwnTracks over HTTP (booklet: tech/http, tech/json). `vel` is km/h; Colota sends m/s instead.

A ping (`t` = p) repeats the old place under a new time, and a region event is not a fresh fix:
both are stored as synthetic and never credited. Overland's OwnTracks mode counts `tst` from 2001.
"""

from __future__ import annotations

from collections.abc import Mapping

from patrols.wire import fields
from patrols.wire.reading import Contact, Delivery, Flag, Quarantined

# Seconds from 1970-01-01 to 2001-01-01, Apple's epoch.
APPLE_EPOCH_S = 978_307_200
# A `tst` below this (September 2001) has been counted from 2001.
LARGEST_APPLE_S = 1_000_000_000


def add_message(
    delivery: Delivery, message: Mapping[str, object], received_us: int, *, unit_mps: float
) -> None:
    """One OwnTracks object: a location, a transition, or something that only says "alive"."""
    kind = message.get("_type")
    if kind == "encrypted":
        delivery.quarantined.append(
            Quarantined(
                "encrypted",
                "OwnTracks encrypts the body: clear the encryption key in the app's settings.",
                fields.encode(message),
            )
        )
    if kind not in ("location", "transition"):
        delivery.contacts.append(Contact(received_us))
        return
    flags = 0
    when = message.get("tst")
    seconds = fields.number(when)
    if seconds is not None and 0 < seconds < LARGEST_APPLE_S:
        when = seconds + APPLE_EPOCH_S
        flags |= int(Flag.EPOCH_2001)
    if kind == "transition" or message.get("t") == "p":
        flags |= int(Flag.SYNTHETIC)
    if fields.is_sos(message.get("alarm")):  # a field of one's own, as Colota lets one add
        flags |= fields.SOS
    fields.add_reading(
        delivery,
        message,
        received_us,
        when=when,
        lon=message.get("lon"),
        lat=message.get("lat"),
        accuracy=fields.accuracy_m(message.get("acc")),
        speed=fields.speed_mps(message.get("vel"), unit_mps),
        course=fields.course_deg(message.get("cog")),
        battery=fields.percent(message.get("batt")),
        flags=flags,
    )
