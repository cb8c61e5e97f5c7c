"""Fixes as the bodies that phone apps send. Speeds are in each app's own unit."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from patrols.simulation.phone import Fixes

KNOTS_PER_MPS = 1.943844
KMH_PER_MPS = 3.6


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP POST of a phone."""

    path: str
    body: bytes
    headers: tuple[tuple[str, str], ...]


def traccar_form(
    secret: str, fixes: Fixes, index: int, battery: float, *, alarm: str = ""
) -> Request:
    """Traccar Client 10: one fix as a form, speed in knots."""
    values = {
        "id": secret,
        "timestamp": str(int(fixes.time_s[index])),
        "lat": f"{fixes.lat_deg[index]:.7f}",
        "lon": f"{fixes.lon_deg[index]:.7f}",
        "accuracy": f"{fixes.accuracy_m[index]:.1f}",
        "speed": f"{fixes.speed_mps[index] * KNOTS_PER_MPS:.2f}",
        "bearing": f"{fixes.course_deg[index]:.0f}",
        "altitude": "0.0",
        "batt": f"{battery * 100:.0f}",
    }
    if alarm:
        values["alarm"] = alarm
    return Request(
        "/phone/traccar",
        urlencode(values).encode(),
        (("Content-Type", "application/x-www-form-urlencoded"),),
    )


def traccar_batch(secret: str, fixes: Fixes, indices: Sequence[int], battery: float) -> Request:
    """Traccar Client 9 / its SDK: several fixes as JSON, speed in m/s, in the order given."""
    locations = [
        {
            "timestamp": datetime.fromtimestamp(float(fixes.time_s[i]), UTC).isoformat(
                timespec="milliseconds"
            ),
            "coords": {
                "latitude": round(float(fixes.lat_deg[i]), 7),
                "longitude": round(float(fixes.lon_deg[i]), 7),
                "accuracy": float(fixes.accuracy_m[i]),
                "speed": float(fixes.speed_mps[i]),
                "heading": float(fixes.course_deg[i]),
            },
            "battery": {"level": round(battery, 2), "is_charging": False},
        }
        for i in indices
    ]
    return Request(
        "/phone/traccar",
        json.dumps({"device_id": secret, "location": locations}, separators=(",", ":")).encode(),
        (("Content-Type", "application/json"),),
    )


def owntracks(secret: str, name: str, fixes: Fixes, index: int, battery: float) -> Request:
    """OwnTracks over HTTP: one fix as JSON, whole km/h, the secret as the Basic password."""
    place = {
        "_type": "location",
        "tid": name[-2:],
        "lat": round(float(fixes.lat_deg[index]), 7),
        "lon": round(float(fixes.lon_deg[index]), 7),
        "tst": int(fixes.time_s[index]),
        "acc": round(float(fixes.accuracy_m[index])),
        "vel": round(float(fixes.speed_mps[index]) * KMH_PER_MPS),
        "cog": round(float(fixes.course_deg[index])),
        "batt": round(battery * 100),
        "t": "t",
        "topic": f"owntracks/{name}/phone",
    }
    login = base64.b64encode(f"{name}:{secret}".encode()).decode()
    return Request(
        "/phone/owntracks",
        json.dumps(place, separators=(",", ":")).encode(),
        (
            ("Content-Type", "application/json"),
            ("Authorization", f"Basic {login}"),
            ("X-Limit-D", "phone"),
        ),
    )
