"""Flat messages: OsmAnd and Traccar Client (query or form), GPSLogger, Colota, flat JSON objects.

Formats: traccar.org/osmand and Traccar's OsmAndProtocolDecoder; GPSLogger's custom URL. One
position a request, except as a JSON list. Field names do not clash between the apps, so all are
read; only the unit of `speed` and `vel` depends on the app.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote_plus

from patrols.wire import fields
from patrols.wire.reading import Delivery, Flag, Quarantined

LATITUDES = ("lat", "latitude")
LONGITUDES = ("lon", "longitude", "lng")
TIMES = ("timestamp", "time", "tst")
ACCURACIES = ("accuracy", "acc")
COURSES = ("bearing", "heading", "dir", "bear", "course", "cog")
BATTERIES = ("batt", "battery")
SPEEDS = ("speed", "vel")
SPEEDS_MPS = ("spd", "s")
MOCK = int(Flag.MOCK)


def pairs(text: bytes) -> dict[str, str]:
    """A query string or form as name → value; of a repeated name the first stays.

    Percent-signs and plus are decoded; bytes that are no UTF-8 become U+FFFD.
    """
    found: dict[str, str] = {}
    whole = text.decode("utf-8", "replace")
    escaped = "%" in whole or "+" in whole
    for part in whole.split("&"):
        name, equals, value = part.partition("=")
        if equals and name not in found:
            found[name] = unquote_plus(value) if escaped else value
    return found


def first(values: Mapping[str, object], names: tuple[str, ...]) -> object:
    """The first of the names that has a value, else None."""
    for name in names:
        value = values.get(name)
        if value is not None and value != "":
            return value
    return None


def add_flat(
    delivery: Delivery, values: Mapping[str, object], received_us: int, *, unit_mps: float
) -> None:
    """One flat message. `unit_mps` is the unit of `speed` and `vel`: knots, km/h or m/s."""
    get = values.get
    # The commonest name first; `first` looks at the others, and again where it says 0 or nothing.
    lat = get("lat") or first(values, LATITUDES)
    lon = get("lon") or first(values, LONGITUDES)
    if lat is None and lon is None:
        location = get("location")
        if isinstance(location, str) and location:
            lat, _, lon = location.partition(",")
    flags = 0
    alarm, mock = get("alarm"), get("mock")
    if alarm is not None and fields.is_sos(alarm):
        flags |= fields.SOS
    if (mock is not None and fields.is_true(mock)) or get("prov") == "MOCK":
        flags |= MOCK
    valid = get("valid")
    if valid is not None and not fields.is_true(valid) and not flags & fields.SOS:
        delivery.quarantined.append(
            Quarantined(
                "not_valid", "The app marks this fix as not valid.", fields.encode(dict(values))
            )
        )
        return
    fields.add_reading(
        delivery,
        values,
        received_us,
        when=get("timestamp") or first(values, TIMES),
        lon=lon,
        lat=lat,
        accuracy=fields.accuracy_m(get("accuracy") or first(values, ACCURACIES)),
        speed=read_speed(values, unit_mps),
        course=fields.course_deg(get("bearing") or first(values, COURSES)),
        battery=fields.percent(get("batt") or first(values, BATTERIES)),
        flags=flags,
    )


def read_speed(values: Mapping[str, object], unit_mps: float) -> float | None:
    """`speed` and `vel` in the app's unit; GPSLogger's `spd` and `s` are m/s, `spd_kph` km/h."""
    given = values.get("speed") or first(values, SPEEDS)
    if given is not None:
        return fields.speed_mps(given, unit_mps)
    given = first(values, SPEEDS_MPS)
    if given is not None:
        return fields.speed_mps(given, fields.MPS)
    return fields.speed_mps(values.get("spd_kph"), fields.KMH_MPS)
