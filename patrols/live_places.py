"""The street beside a place, for the live list. Pure.

By distance alone: a verdict matches the whole walk to streets (`geo.visits`), the live list only
says where to look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from geo.plane import Plane

# A street further away than this is not the one somebody is on (street width and phone's error).
STREET_WITHIN_M = 30.0


@dataclass(frozen=True)
class Streets:
    """A bureau's streets on a plane; `names[k]` belongs to line k."""

    plane: Plane
    ids: NDArray[np.int64]
    names: Sequence[tuple[str, str]]
    tree: shapely.STRtree = field(repr=False)

    @classmethod
    def of(
        cls, plane: Plane, ids: ArrayLike, names: Sequence[tuple[str, str]], wkb: Sequence[bytes]
    ) -> Streets:
        """From segment ids, (name, English name) and lines in degrees as WKB."""
        lines = shapely.from_wkb(np.array(list(wkb), dtype=object))
        flat = shapely.transform(
            lines, lambda lon_lat: np.column_stack(plane.to_metres(lon_lat[:, 0], lon_lat[:, 1]))
        )
        return cls(plane, np.asarray(ids, dtype=np.int64), names, shapely.STRtree(flat))

    def beside(self, x_m: ArrayLike, y_m: ArrayLike) -> NDArray[np.int64]:
        """Index of the nearest street within 30 m of each place, shape (n,); -1 for none."""
        places = np.column_stack((x_m, y_m))
        points = shapely.points(places)
        found = np.full(len(places), -1, dtype=np.int64)
        if len(self.ids) and len(places):
            place, line = self.tree.query_nearest(
                points, max_distance=STREET_WITHIN_M, all_matches=False
            )
            found[place] = line
        return found
