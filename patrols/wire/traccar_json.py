"""Traccar's JSON: Traccar Client 9.x (`location.coords`), its batch forms, and `forward.type=json`.

Speeds are m/s in the client's form and knots in the forwarded one. Small accuracies are kept as
they are (Traccar zeroes those under 10 m).
"""

from __future__ import annotations

from collections.abc import Mapping

from patrols.wire import fields
from patrols.wire.reading import Delivery, Flag

NOTHING: Mapping[str, object] = {}


def part(values: Mapping[str, object], name: str) -> Mapping[str, object]:
    """A member that is an object, or an empty one."""
    found = values.get(name)
    return found if isinstance(found, dict) else NOTHING


def add_location(delivery: Delivery, location: Mapping[str, object], received_us: int) -> None:
    """One `location` of the client: {timestamp, coords?, battery?, mock?, alarm?, extras?}."""
    coords = location.get("coords")
    if not isinstance(coords, dict):
        coords = {}
    battery = location.get("battery")
    level = battery.get("level") if isinstance(battery, dict) else None
    flags = 0
    mock = location.get("mock")
    if mock is not None and fields.is_true(mock):
        flags |= int(Flag.MOCK)
    if fields.is_sos(location.get("alarm")) or fields.is_sos(part(location, "extras").get("alarm")):
        flags |= fields.SOS
    fields.add_reading(
        delivery,
        location,
        received_us,
        when=location.get("timestamp"),
        lon=coords.get("longitude"),
        lat=coords.get("latitude"),
        accuracy=fields.accuracy_m(coords.get("accuracy")),
        speed=fields.speed_mps(coords.get("speed"), fields.MPS),
        course=fields.course_deg(coords.get("heading")),
        battery=fields.share(level),
        flags=flags,
    )


def add_forwarded(delivery: Delivery, position: Mapping[str, object], received_us: int) -> None:
    """One `position` that a Traccar server forwards."""
    attributes = part(position, "attributes")
    flags = fields.SOS if fields.is_sos(attributes.get("alarm")) else 0
    if fields.is_true(attributes.get("mock")):
        flags |= int(Flag.MOCK)
    if fields.is_true(position.get("outdated")):  # a heartbeat that repeats the last place
        flags |= int(Flag.SYNTHETIC)
    fields.add_reading(
        delivery,
        position,
        received_us,
        when=position.get("fixTime") or position.get("deviceTime"),
        lon=position.get("longitude"),
        lat=position.get("latitude"),
        accuracy=fields.accuracy_m(position.get("accuracy")),
        speed=fields.speed_mps(position.get("speed"), fields.KNOT_MPS),
        course=fields.course_deg(position.get("course")),
        battery=fields.percent(attributes.get("batteryLevel")),
        flags=flags,
    )
