"""Streets and walks in metres, for tests of the pure stages."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from geo.network import Network
from geo.plane import Plane
from geo.roads import Roads, build
from geo.smoothing import Smooth, Ticks, on_clock
from geo.track import Fixes, Floats, in_order

PLANE = Plane(120.0, 30.0)
T0 = 1_700_000_000.0  # a multiple of five seconds


def lonlat(*places_m: tuple[float, float]) -> Floats:
    """Places in metres around 120° E, 30° N → (n, 2) degrees."""
    array = np.asarray(places_m, dtype=np.float64)
    return np.column_stack(PLANE.to_degrees(array[:, 0], array[:, 1]))


def streets(folder: Path, **lines_m: list[tuple[float, float]]) -> Roads:
    """A network of the named lines; ids 1, 2, … in the order given."""
    network = Network.of(range(1, len(lines_m) + 1), [lonlat(*line) for line in lines_m.values()])
    return build(network, folder)


def grid(folder: Path, size: int = 5, block_m: float = 100.0) -> Roads:
    """`size` streets each way; west–east blocks first (ids row by row), then south–north."""
    lines = []
    for row in range(size):
        for column in range(size - 1):
            lines.append(
                [(column * block_m, row * block_m), ((column + 1) * block_m, row * block_m)]
            )
    for column in range(size):
        for row in range(size - 1):
            lines.append(
                [(column * block_m, row * block_m), (column * block_m, (row + 1) * block_m)]
            )
    return build(Network.of(range(1, len(lines) + 1), [lonlat(*line) for line in lines]), folder)


def walk(corners_m: list[tuple[float, float]], *, mps: float = 1.25, step_s: float = 5.0) -> Floats:
    """Places (n, 2) every `step_s` along the corners, the last one included."""
    corners = np.asarray(corners_m, dtype=np.float64)
    at = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))))
    way = np.append(np.arange(0.0, at[-1], mps * step_s), at[-1])
    return np.column_stack([np.interp(way, at, corners[:, axis]) for axis in (0, 1)])


def stand(x_m: float, y_m: float, seconds: float, *, step_s: float = 5.0) -> Floats:
    """One place every `step_s`, for so long."""
    return np.tile([x_m, y_m], (round(seconds / step_s), 1)).astype(np.float64)


def shifted(places: Floats, x_m: float, y_m: float) -> Floats:
    """The same places so many metres to the east and north."""
    moved: Floats = places + np.array([x_m, y_m])
    return moved


def fixes(*tracks: Floats, step_s: float = 5.0, t0: float = T0) -> Fixes:
    """One track after another, all beginning at t0."""
    return in_order(
        np.repeat(np.arange(len(tracks)), [len(p) for p in tracks]),
        np.concatenate([t0 + step_s * np.arange(len(p)) for p in tracks]),
        np.concatenate([p[:, 0] for p in tracks]),
        np.concatenate([p[:, 1] for p in tracks]),
    )


def ticks(*tracks: Floats, step_s: float = 5.0) -> Ticks:
    """Tracks as they are, on the clock, without cleaning or smoothing."""
    f = fixes(*tracks, step_s=step_s)
    none = np.zeros(len(tracks), np.int64)
    return on_clock(Smooth(f.track, np.arange(len(tracks)), none, f.t_s, f.x_m, f.y_m))
