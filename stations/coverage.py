"""Which hotspots the stations serve: walking time along our own streets to each block of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo.roads import Roads, travel_seconds

Floats = NDArray[np.float64]

# Beyond an hour's walk a time says nothing about service any more. Our choice.
LIMIT_S = 3600.0


@dataclass(frozen=True, slots=True)
class Served:
    """How a hotspot is served.

    share: how much of its length lies on blocks whose middle is within reach, 0–1.
    nearest: index of the station nearest to any of its blocks; None if none is within an hour.
    seconds: walking time from there to that block's middle.
    """

    share: float
    nearest: int | None
    seconds: float | None


def served(
    roads: Roads,
    stations_lonlat: Floats,
    hotspots: Sequence[BaseGeometry],
    *,
    reach_s: float,
    walking_mps: float,
) -> list[Served]:
    """How each hotspot is served by stations at (s, 2) lon/lat degrees.

    hotspots: MultiLineStrings in degrees, one line a block. A block counts as reached when a
    station is within `reach_s` of its middle on foot; half blocks are not counted.
    """
    blocks = [shapely.get_parts(hotspot) for hotspot in hotspots]
    owner = np.repeat(np.arange(len(hotspots)), [len(lines) for lines in blocks])
    if not len(owner):
        return [Served(0.0, None, None) for _ in hotspots]
    lines = np.concatenate(blocks)
    metric = shapely.transform(
        lines, lambda lonlat: np.column_stack(roads.plane.to_metres(lonlat[:, 0], lonlat[:, 1]))
    )
    length_m = shapely.length(metric)
    middles = shapely.get_coordinates(shapely.line_interpolate_point(lines, 0.5, normalized=True))
    if len(stations_lonlat):
        seconds = travel_seconds(
            roads,
            stations_lonlat,
            middles,
            walking_mps=walking_mps,
            limit_s=max(LIMIT_S, reach_s),
        )
    else:
        seconds = np.full((1, len(lines)), np.inf)
    found = []
    for number in range(len(hotspots)):
        mine = np.flatnonzero(owner == number)
        if not len(mine):
            found.append(Served(0.0, None, None))
            continue
        best = seconds[:, mine].min(axis=0)
        whole = float(length_m[mine].sum())
        share = float(length_m[mine][best <= reach_s].sum()) / whole if whole else 0.0
        least = float(best.min())
        if not np.isfinite(least):
            found.append(Served(0.0, None, None))
            continue
        nearest = int(seconds[:, mine].min(axis=1).argmin())
        found.append(Served(min(share, 1.0), nearest, least))
    return found
