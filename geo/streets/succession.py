"""Which segment of an earlier import a new one is: so that evidence keeps pointing to its street.

Ids come from the junctions at both ends (`geo.streets.blocks`). When a junction was redrawn or a
way was cut elsewhere, the id changes though the street has not; then the geometry decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import shapely

from geo.plane import Plane
from geo.streets.blocks import Place, Segment

SAME_WITHIN_M: Final = 12.0  # every part of one lies this near to the other; ours


def keep_ids(new: Sequence[Segment], old: Mapping[str, Sequence[Place]]) -> list[Segment]:
    """The new segments under the ids by which their streets are already known.

    old: id → lon, lat vertices of the segments that the bureau has.
    A new segment keeps its own id when that is known, or when no unclaimed old one follows the
    same line within 12 m everywhere, each side measured against the other (Hausdorff distance).
    """
    ids = {segment.external_id for segment in new}
    free = [name for name in sorted(old) if name not in ids]
    unknown = [segment for segment in new if segment.external_id not in old]
    if not free or not unknown:
        return list(new)
    lonlat = np.array([place for name in free for place in old[name]])
    plane = Plane.around(lonlat[:, 0], lonlat[:, 1])
    old_lines = np.array([_line(old[name], plane) for name in free])
    new_lines = np.array([_line(segment.coordinates, plane) for segment in unknown])
    tree = shapely.STRtree(old_lines)
    at_new, at_old = tree.query(new_lines, predicate="dwithin", distance=SAME_WITHIN_M)
    apart_m = shapely.hausdorff_distance(new_lines[at_new], old_lines[at_old], densify=0.25)
    pairs = sorted(
        (float(distance), int(a), int(b))
        for distance, a, b in zip(apart_m, at_new, at_old, strict=True)
        if distance <= SAME_WITHIN_M
    )
    taken: set[int] = set()
    known_as: dict[str, str] = {}
    for _, a, b in pairs:
        if b not in taken and unknown[a].external_id not in known_as:
            taken.add(b)
            known_as[unknown[a].external_id] = free[b]
    return [
        replace(segment, external_id=known_as.get(segment.external_id, segment.external_id))
        for segment in new
    ]


def _line(places: Sequence[Place], plane: Plane) -> shapely.LineString:
    return shapely.LineString(
        np.column_stack(plane.to_metres([p[0] for p in places], [p[1] for p in places]))
    )
