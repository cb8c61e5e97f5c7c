"""Line features of a file (no shared node ids) → lines over shared nodes, for `geo.streets.blocks`.

A street layer drawn by hand or by a surveyor meets only nearly: ends that stop half a metre
short, side streets that touch a line between its vertices, lines that cross without a vertex.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.plane import Plane
from geo.streets.blocks import COORDINATE_DIGITS, Line, Place

SNAP_M: Final = 0.5  # nearer than this, two ends are the same junction; ours


class Crossings(StrEnum):
    """What lines do that cross without a shared vertex."""

    AUTO = "auto"  # join, if the layer has hardly any shared vertices: then it was never cut
    JOIN = "join"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Feature:
    """A line of a file: WGS-84 lon, lat vertices and what is known of it.

    off_ground: bridges and tunnels, which never join what they cross.
    """

    ref: str
    coordinates: tuple[Place, ...]
    kind: str
    is_footway: bool = False
    name: str = ""
    name_en: str = ""
    off_ground: bool = False


@dataclass(frozen=True, slots=True)
class Linework:
    """Lines over shared nodes and their places; and what was done to get there."""

    lines: list[Line]
    places: dict[int, Place]
    snapped_ends: int
    joined_crossings: int
    kept_crossings: int


def share_nodes(
    features: Sequence[Feature],
    *,
    snap_m: float = SNAP_M,
    crossings: Crossings = Crossings.AUTO,
) -> Linework:
    """Find the shared nodes of line features.

    Equal coordinates (to 1e-7 degree) are one node. Ends within `snap_m` of another line's end,
    vertex or middle become one with it. Crossings without a vertex are joined or kept apart.
    Node ids come from the coordinates, so that the same file gives the same ids whatever the
    order of its rows.
    """
    kept = [f for f in features if len(set(f.coordinates)) > 1]
    if not kept:
        return Linework([], {}, 0, 0, 0)
    lonlat = np.array([c for f in kept for c in f.coordinates])
    plane = Plane.around(lonlat[:, 0], lonlat[:, 1])
    metres = np.column_stack(plane.to_metres(lonlat[:, 0], lonlat[:, 1]))
    stops = np.cumsum([len(f.coordinates) for f in kept])
    rows = [metres[stop - len(f.coordinates) : stop] for f, stop in zip(kept, stops, strict=True)]

    moved = _snap_ends(rows, snap_m)
    shapes = np.array([shapely.LineString(row) for row in rows])
    inserted, joined, kept_apart = _meetings(kept, rows, shapes, snap_m, crossings)
    lines, places = _number(kept, rows, shapes, inserted, plane)
    return Linework(lines, places, moved, joined, kept_apart)


def _snap_ends(rows: list[NDArray[np.float64]], snap_m: float) -> int:
    """Move ends that nearly meet onto one point (in place); returns how many were moved."""
    ends = np.array([row[i] for row in rows for i in (0, -1)])
    points = np.array([shapely.Point(end) for end in ends])
    near = shapely.STRtree(points).query(points, predicate="dwithin", distance=snap_m)
    group = np.arange(len(ends))
    for a, b in near.T.tolist():
        low, high = sorted((_top(group, a), _top(group, b)))
        group[high] = low
    members: defaultdict[int, list[int]] = defaultdict(list)
    for end in range(len(ends)):
        members[_top(group, end)].append(end)
    moved = 0
    for together in members.values():
        # The smallest coordinate, not the first row, so that the order of rows does not matter.
        target = min(tuple(ends[end]) for end in together)
        for end in together:
            row, at = rows[end // 2], -1 if end % 2 else 0
            if tuple(row[at]) != target:
                row[at] = target
                moved += 1
    return moved


def _top(group: NDArray[np.int64], at: int) -> int:
    while group[at] != at:
        group[at] = group[group[at]]
        at = int(group[at])
    return at


def _meetings(
    features: Sequence[Feature],
    rows: list[NDArray[np.float64]],
    shapes: NDArray[np.object_],
    snap_m: float,
    crossings: Crossings,
) -> tuple[dict[int, list[Place]], int, int]:
    """Points (metres) to insert into each line, and the crossings joined and kept apart."""
    inserted: dict[int, list[Place]] = defaultdict(list)
    tree = shapely.STRtree(shapes)
    vertices = [{tuple(p) for p in row.tolist()} for row in rows]

    # An end that touches another line between its vertices.
    touching = 0
    for at, row in enumerate(rows):
        for end in (0, -1):
            place = (float(row[end][0]), float(row[end][1]))
            point = shapely.Point(place)
            for other in tree.query(point, predicate="dwithin", distance=snap_m).tolist():
                if other == at or place in vertices[other]:
                    continue
                nearest = rows[other][int(np.argmin(np.hypot(*(rows[other] - np.array(place)).T)))]
                if np.hypot(nearest[0] - place[0], nearest[1] - place[1]) <= snap_m:
                    rows[at][end] = nearest
                else:
                    inserted[other].append(place)
                touching += 1
    shared = touching + _shared_vertices(vertices)

    # Lines that cross where neither has a vertex.
    first, second = tree.query(shapes, predicate="crosses")
    pairs = [
        (a, b)
        for a, b in zip(first.tolist(), second.tolist(), strict=True)
        if a < b and not (features[a].off_ground or features[b].off_ground)
    ]
    found: list[tuple[int, int, Place]] = []
    for a, b in pairs:
        for point in shapely.get_parts(shapely.intersection(shapes[a], shapes[b])):
            if point.geom_type != "Point":
                continue
            place = (float(point.x), float(point.y))
            if not (
                _is_vertex(place, rows[a], snap_m)
                or _is_vertex(place, rows[b], snap_m)
                or _is_near(place, inserted[a] + inserted[b], snap_m)
            ):
                found.append((a, b, place))
    join = crossings is Crossings.JOIN or (crossings is Crossings.AUTO and len(found) > shared)
    if not join:
        return inserted, 0, len(found)
    for a, b, place in found:
        inserted[a].append(place)
        inserted[b].append(place)
    return inserted, len(found), 0


def _shared_vertices(vertices: list[set[tuple[float, ...]]]) -> int:
    """Number of vertices that more than one line has."""
    seen: set[tuple[float, ...]] = set()
    shared: set[tuple[float, ...]] = set()
    for line in vertices:
        shared |= line & seen
        seen |= line
    return len(shared)


def _is_vertex(place: Place, row: NDArray[np.float64], within_m: float) -> bool:
    return bool((np.hypot(row[:, 0] - place[0], row[:, 1] - place[1]) <= within_m).any())


def _is_near(place: Place, others: list[Place], within_m: float) -> bool:
    return any(np.hypot(o[0] - place[0], o[1] - place[1]) <= within_m for o in others)


def _number(
    features: Sequence[Feature],
    rows: list[NDArray[np.float64]],
    shapes: NDArray[np.object_],
    inserted: dict[int, list[Place]],
    plane: Plane,
) -> tuple[list[Line], dict[int, Place]]:
    """Lines over node ids, an id being a place on the 1e-7 degree grid."""
    lines: list[Line] = []
    places: dict[int, Place] = {}
    for at, (feature, row) in enumerate(zip(features, rows, strict=True)):
        points = row.tolist()
        if extra := inserted.get(at):
            measured = [(float(shapes[at].project(shapely.Point(p))), p) for p in extra]
            along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(row, axis=0).T))))
            both = [(float(m), tuple(p)) for m, p in zip(along, points, strict=True)] + measured
            points = [list(p) for _, p in sorted(both, key=lambda pair: pair[0])]
        lon, lat = plane.to_degrees([p[0] for p in points], [p[1] for p in points])
        nodes = []
        for x, y in zip(lon.tolist(), lat.tolist(), strict=True):
            place = (round(x, COORDINATE_DIGITS), round(y, COORDINATE_DIGITS))
            node = node_id(place)
            places[node] = place
            nodes.append(node)
        lines.append(
            Line(
                feature.ref,
                tuple(nodes),
                feature.kind,
                feature.is_footway,
                feature.name,
                feature.name_en,
            )
        )
    return lines, places


def node_id(place: Place) -> int:
    """A whole number for a place on the 1e-7 degree grid, the same in every import."""
    column = round((place[0] + 180) * 10**COORDINATE_DIGITS)
    row = round((place[1] + 90) * 10**COORDINATE_DIGITS)
    return column * 10**10 + row
