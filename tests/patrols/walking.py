"""Walks through the tiny town, stored as a phone's positions would be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from django.db import connection

from bureau.week import day_bounds
from patrols.models import Person
from patrols.storage.partitions import make_partitions
from tests.world import place

# A loop of eight blocks in the western half: streets C, 2, E and 1 … with places in metres.
WEST_LOOP = [(0, 0), (-200, 0), (-200, 200), (0, 200), (0, 0)]
WALK_MPS = 1.25


def around(
    corners_m: Sequence[tuple[float, float]], seconds: float, *, speed_mps: float = WALK_MPS
) -> np.ndarray:
    """Places (n, 2) in metres, one every 5 s, walking round and round the corners."""
    corners = np.asarray(corners_m, dtype=np.float64)
    steps = np.hypot(*np.diff(corners, axis=0).T)
    at = np.concatenate(([0.0], np.cumsum(steps)))
    way = (np.arange(0, seconds + 1e-9, 5.0) * speed_mps) % at[-1]
    return np.column_stack([np.interp(way, at, corners[:, axis]) for axis in (0, 1)])


def standing(x_m: float, y_m: float, seconds: float) -> np.ndarray:
    """Places (n, 2): the same one every 5 s."""
    return np.tile([float(x_m), float(y_m)], (int(seconds / 5) + 1, 1))


def noisy(places: np.ndarray, seed: int, sigma_m: float = 4.0, tau_s: float = 30.0) -> np.ndarray:
    """The places as a phone sees them: noise that stays for half a minute (Gauss-Markov)."""
    rng = np.random.default_rng(seed)
    keep = np.exp(-5.0 / tau_s)
    error = rng.normal(0, sigma_m, places.shape)
    for i in range(1, len(error)):
        error[i] = keep * error[i - 1] + np.sqrt(1 - keep**2) * error[i]
    return places + error


def store(
    person: Person,
    begins: datetime,
    places_m: np.ndarray,
    *,
    step_s: float = 5.0,
    received: datetime | None = None,
    flags: int = 0,
    phone_id: int = 1,
    accuracy_m: float = 6.0,
) -> None:
    """Write positions, one every `step_s`, received when they were made or at `received`."""
    rows = []
    for i, (x_m, y_m) in enumerate(places_m.tolist()):
        at = begins + timedelta(seconds=i * step_s)
        lon, lat = place(x_m, y_m)
        rows.append(
            (
                person.bureau_id,
                person.pk,
                at,
                phone_id,
                received or at,
                f"SRID=4326;POINT({lon} {lat})",
                accuracy_m,
                flags,
            )
        )
    with connection.cursor() as cursor:
        make_partitions(cursor, begins, begins + timedelta(seconds=len(rows) * step_s))
        cursor.executemany(
            "INSERT INTO patrols_position (bureau_id, person_id, recorded_at, phone_id,"
            " received_at, point, accuracy_m, flags) VALUES (%s,%s,%s,%s,%s,%s,%s,%s)"
            " ON CONFLICT DO NOTHING",
            rows,
        )


def local(text: str, zone: str = "Asia/Shanghai") -> datetime:
    """A local time such as "2026-11-16 09:00" as a moment."""
    day = datetime.fromisoformat(text)
    midnight = day_bounds(day.date(), zone)[0]
    return (midnight + timedelta(hours=day.hour, minutes=day.minute)).astimezone(UTC)
