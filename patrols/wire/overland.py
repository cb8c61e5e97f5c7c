"""Overland's batches of GeoJSON features (its README): m/s, `[lon, lat]`, battery 0–1.

A visit is the place of a stay that the phone has worked out; every other `action` (a note of its
log: paused, resumed …) and a trip repeat the last place under the present time (GLManager.m). None
of them is a fix: synthetic.
"""

from __future__ import annotations

from collections.abc import Mapping

from patrols.wire import fields
from patrols.wire.reading import Delivery, Flag
from patrols.wire.traccar_json import part


def add_feature(delivery: Delivery, feature: Mapping[str, object], received_us: int) -> None:
    """One feature of `locations`. A geometry that is no point goes to quarantine."""
    properties = part(feature, "properties")
    lon: object = None
    lat: object = None
    flags = 0
    if properties.get("action") is not None or properties.get("type") == "trip":
        flags |= int(Flag.SYNTHETIC)
    if fields.is_sos(properties.get("alarm")):  # Overland has none; never lose one all the same
        flags |= fields.SOS
    geometry = feature.get("geometry")
    if isinstance(geometry, dict):
        coordinates = geometry.get("coordinates")
        # Anything but a pair is no place; text makes `place` say so.
        lon = lat = "none"
        if isinstance(coordinates, list) and len(coordinates) >= 2:
            lon, lat = coordinates[0], coordinates[1]
            if lon is None or lat is None:
                lon = lat = "none"
    fields.add_reading(
        delivery,
        feature,
        received_us,
        when=properties.get("timestamp"),
        lon=lon,
        lat=lat,
        accuracy=fields.accuracy_m(properties.get("horizontal_accuracy")),
        speed=fields.speed_mps(properties.get("speed"), fields.MPS),
        course=fields.course_deg(properties.get("course")),
        battery=fields.share(properties.get("battery_level")),
        flags=flags,
    )
