"""Which road segments a place on paper means: by id, by a line along them, a point, or a name.

Pure but for the rows it is given; distances on a local plane.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import shapely
from numpy.typing import NDArray

from bureau.sentences import gettext_noop, unusable
from geo.plane import Plane
from geo.validation import HasWkb, in_metres

ALONG_M: Final = 20.0  # a drawn line lies within this of the centre-line it means; ours
ALONG_SHARE: Final = 0.5  # of a segment's length, to be meant by the line; ours
BESIDE_M: Final = 50.0  # a point means the nearest segment, if it is nearer than this; ours


class SegmentRow(Protocol):
    """What is needed of a road segment."""

    external_id: str
    name: str
    geometry: Any


@dataclass(frozen=True, slots=True)
class SegmentFinder:
    """A bureau's live segments, ready to be searched."""

    rows: list[Any]
    by_id: dict[str, Any]
    by_name: dict[str, list[Any]]
    plane: Plane
    lines: NDArray[np.object_]
    tree: shapely.STRtree

    @classmethod
    def of(cls, rows: list[Any]) -> SegmentFinder:
        """rows: `RoadSegment`s. Raises Unusable when there are none."""
        if not rows:
            raise unusable(
                "no_streets",
                gettext_noop(
                    "The bureau has no streets yet, so that no place on them can be found. Import "
                    "streets first: manage.py import_roads."
                ),
            )
        shapes = shapely.from_wkb([bytes(row.geometry.wkb) for row in rows])
        west, south, east, north = shapely.total_bounds(shapes)
        plane = Plane.around([west, east], [south, north])
        lines = np.array([in_metres(shape, plane) for shape in shapes], dtype=object)
        by_name: defaultdict[str, list[Any]] = defaultdict(list)
        for row in rows:
            for name in row.name.split(" / "):
                by_name[name.strip().lower()].append(row)
        by_name.pop("", None)
        return cls(
            rows,
            {row.external_id: row for row in rows},
            dict(by_name),
            plane,
            lines,
            shapely.STRtree(lines),
        )

    def find(self, *, ids: str = "", shape: HasWkb | None = None, street: str = "") -> list[Any]:
        """The segments meant, in the order of `rows`.

        ids: separated by ";" or spaces. shape: WGS-84 line or point. street: its whole name.
        Raises Unusable that says what was not found.
        """
        if ids:
            found = self._by_ids(ids)
        elif shape is not None:
            found = self._by_shape(shape)
        elif street:
            found = self.by_name.get(street.strip().lower(), [])
            if not found:
                raise unusable(
                    "street_unknown",
                    gettext_noop("No street of the bureau is called %(street)s."),
                    {"street": street[:60]},
                )
        else:
            raise unusable(
                "place_missing",
                gettext_noop("The row has no place: give a line, a point, segments or a street."),
            )
        chosen = {id(row) for row in found}
        return [row for row in self.rows if id(row) in chosen]

    def _by_ids(self, ids: str) -> list[Any]:
        found = []
        for one in ids.replace("；", ";").replace(";", " ").split():
            if one not in self.by_id:
                raise unusable(
                    "segment_unknown",
                    gettext_noop("There is no street segment %(id)s."),
                    {"id": one[:80]},
                )
            found.append(self.by_id[one])
        return found

    def _by_shape(self, shape: HasWkb) -> list[Any]:
        metric = in_metres(shapely.force_2d(shapely.from_wkb(bytes(shape.wkb))), self.plane)
        if metric.geom_type == "Point":
            at = self.tree.query_nearest(metric, max_distance=BESIDE_M, all_matches=False)
            if len(at) == 0:
                raise unusable(
                    "far_from_streets",
                    gettext_noop("The point is more than %(most)d m from every street."),
                    {"most": int(BESIDE_M)},
                )
            return [self.rows[int(at[0])]]
        if metric.geom_type not in ("LineString", "MultiLineString"):
            raise unusable(
                "geometry_type",
                gettext_noop("A %(type)s was given where a %(wanted)s is needed."),
                {"type": metric.geom_type, "wanted": "LineString / Point"},
            )
        near = metric.buffer(ALONG_M, cap_style="flat")
        at = np.sort(self.tree.query(near, predicate="intersects"))
        along = shapely.length(shapely.intersection(self.lines[at], near))
        meant = at[along >= ALONG_SHARE * shapely.length(self.lines[at])]
        if len(meant) == 0:
            raise unusable(
                "no_street_along",
                gettext_noop(
                    "No street runs along the line: it needs to cover half of a block, within "
                    "%(most)d m of its middle."
                ),
                {"most": int(ALONG_M)},
            )
        return [self.rows[int(i)] for i in meant]
