"""A city's streets → two beats, hotspots, sites for stations, and routes. Pure: shapely, numpy.

Everything is named after the streets that are there; nothing here knows a city.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from shapely.geometry import LineString, MultiPolygon, Polygon

from patrols.simulation.graph import Bools, Floats, StreetGraph

# Two squads of twelve cover about this much street; a larger city is cut to its densest part.
STREETS_M = 40_000.0
DENSE_WITHIN_M = 600.0

# A street without blocks beside it (a dead end) still has its frontage.
FRONTAGE_M = 25.0
# Streets on the edge of a beat are in it whole, with what a phone errs.
EDGE_M = 12.0

HOTSPOT_M = (80.0, 420.0)  # about this long
HOTSPOTS = 4  # of each squad
SITES = 5  # of each squad, the base first
SITE_OFF_STREET_M = 9.0
HOTSPOT_LIKING = 2.5  # crews go to hotspots more gladly than elsewhere

# How busy a kind of street is taken to be (OpenStreetMap's words). Ours; only the demo uses it.
BUSY = {
    "pedestrian": 3.0,
    "living_street": 1.6,
    "primary": 2.0,
    "secondary": 2.2,
    "tertiary": 2.0,
    "unclassified": 1.2,
    "residential": 1.0,
    "trunk": 0.8,
}


@dataclass(frozen=True, slots=True)
class Block:
    """A street segment as the demo needs it: lon, lat vertices in degrees."""

    id: int
    name: str
    kind: str
    coordinates: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Site:
    """A place for a station: where it stands (degrees), the junction it belongs to, its name."""

    lon_deg: float
    lat_deg: float
    node: int
    name: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """Segments (indices) of one street in a row: a hotspot."""

    name: str
    segments: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """Segments (indices) in walking order."""

    name: str
    segments: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Beat:
    """One squad's ground. `mine`: its segments, shape (m,); `polygon` in degrees.

    streets: the part of `mine` that hangs together, as a graph of its own to walk on; liking: how
    gladly each of its segments is walked.
    """

    name: str
    polygon: MultiPolygon
    mine: Bools
    streets: StreetGraph
    liking: Floats
    hotspots: tuple[Stretch, ...]
    sites: tuple[Site, ...]
    routes: tuple[Route, ...]


@dataclass(frozen=True, eq=False)
class Ground:
    """The streets that the demo plays on and who owns what."""

    graph: StreetGraph
    blocks: tuple[Block, ...]
    beats: tuple[Beat, Beat]


class TooFewStreets(ValueError):
    """There are not enough streets that hang together for two beats."""


def survey(blocks: Sequence[Block]) -> Ground:
    """Two beats on the streets given. Raises TooFewStreets if they cannot hold two squads."""
    if not blocks:
        raise TooFewStreets("The file has no streets.")
    chosen = compact_part(blocks)
    graph = StreetGraph.of([b.id for b in chosen], [b.coordinates for b in chosen])
    if len(graph) < 12 or graph.length_m.sum() < 1_000:
        raise TooFewStreets(
            f"Only {len(graph)} blocks of street hang together there, "
            f"{graph.length_m.sum():.0f} m: the demo needs 12 blocks and 1,000 m."
        )
    first = halves(graph)
    polygons = beat_polygons(graph, first)
    beats = []
    taken: set[str] = set()
    for mine, polygon in zip((first, ~first), polygons, strict=True):
        walked = mine.copy()
        walked[mine] = part_of(chosen, mine).largest_part()
        hotspots = find_hotspots(graph, chosen, walked)
        sites = find_sites(graph, chosen, walked, hotspots)
        streets = part_of(chosen, walked)
        hot = {int(graph.ids[i]) for stretch in hotspots for i in stretch.segments}
        beats.append(
            Beat(
                beat_name(graph, chosen, mine, taken),
                polygon,
                mine,
                streets,
                np.where(np.isin(streets.ids, list(hot)), HOTSPOT_LIKING, 1.0),
                hotspots,
                sites,
                find_routes(graph, hotspots, sites),
            )
        )
    return Ground(graph, tuple(chosen), (beats[0], beats[1]))


def part_of(blocks: Sequence[Block], inside: Bools) -> StreetGraph:
    """Some of the streets as a graph of their own."""
    part = [block for block, keep in zip(blocks, inside, strict=True) if keep]
    return StreetGraph.of([b.id for b in part], [b.coordinates for b in part])


def compact_part(blocks: Sequence[Block]) -> list[Block]:
    """The streets that hang together, and of a large city only the densest part of them."""
    graph = StreetGraph.of([b.id for b in blocks], [b.coordinates for b in blocks])
    inside = graph.largest_part()
    if graph.length_m[inside].sum() > STREETS_M:
        middle = graph.middle_m
        tree = cKDTree(middle[inside])
        metres = graph.length_m[inside]
        near = tree.query_ball_point(middle[inside], DENSE_WITHIN_M)
        dense = np.array([metres[found].sum() for found in near])
        centre = middle[inside][int(dense.argmax())]
        off = np.hypot(middle[:, 0] - centre[0], middle[:, 1] - centre[1])
        order = np.flatnonzero(inside)[np.argsort(off[inside], kind="stable")]
        enough = int(np.searchsorted(np.cumsum(graph.length_m[order]), STREETS_M)) + 1
        inside = np.zeros(len(graph), dtype=np.bool_)
        inside[order[:enough]] = True
    part = [block for block, keep in zip(blocks, inside, strict=True) if keep]
    # What was cut off from the rest by the cut goes too.
    cut = StreetGraph.of([b.id for b in part], [b.coordinates for b in part])
    return [block for block, keep in zip(part, cut.largest_part(), strict=True) if keep]


def halves(graph: StreetGraph) -> Bools:
    """The segments of the first beat, shape (m,): half of the metres, on one side of a line.

    The line lies across the longer direction of the streets; the first half is the western one,
    or the northern one where the streets lie north to south.
    """
    middle = graph.middle_m
    weight = graph.length_m / graph.length_m.sum()
    centred = middle - (weight[:, None] * middle).sum(axis=0)
    spread = (centred * weight[:, None]).T @ centred
    axis = np.linalg.eigh(spread)[1][:, -1]
    if abs(axis[0]) >= abs(axis[1]):
        axis = axis if axis[0] > 0 else -axis
    else:
        axis = axis if axis[1] < 0 else -axis
    along = centred @ axis
    order = np.argsort(along, kind="stable")
    reached = np.cumsum(weight[order])
    first = np.zeros(len(graph), dtype=np.bool_)
    first[order[reached <= 0.5]] = True
    return first


def beat_polygons(graph: StreetGraph, first: Bools) -> tuple[MultiPolygon, MultiPolygon]:
    """The two beats in degrees: the blocks between streets, the border along the streets."""
    lines = [LineString(line) for line in graph.lines]
    faces = [
        face
        for face in shapely.polygonize([shapely.union_all(np.array(lines))]).geoms
        if isinstance(face, Polygon)
    ]
    tree = shapely.STRtree(lines)
    shapes = []
    for mine in (first, ~first):
        own = [f for f in faces if mine[_most_border(tree, lines, f)]]
        frontage = shapely.buffer(np.array(lines)[mine], FRONTAGE_M, cap_style="square")
        whole = shapely.union_all(np.concatenate((np.array(own, dtype=object), frontage)))
        shapes.append(whole)
    # Frontage on the other beat's blocks is the other's; the border street itself belongs to both.
    border = shapely.intersection(shapes[0], shapes[1])
    only_first = shapely.difference(shapes[0], border)
    only_second = shapely.difference(shapes[1], border)
    result = []
    for own_part, mine in ((only_first, first), (only_second, ~first)):
        streets = shapely.union_all(shapely.buffer(np.array(lines)[mine], EDGE_M))
        result.append(_to_degrees(graph, _filled(shapely.union(own_part, streets))))
    return result[0], result[1]


def _most_border(tree: shapely.STRtree, lines: list[LineString], face: Polygon) -> int:
    """The segment that bounds most of a block."""
    near = tree.query(face.exterior, predicate="intersects")
    shared = [lines[i].intersection(face.exterior).length for i in near]
    return int(near[int(np.argmax(shared))])


def _filled(shape: shapely.Geometry) -> MultiPolygon:
    """Without holes and crumbs, with fewer corners."""
    simple = shapely.simplify(shapely.make_valid(shape), 1.5)
    parts = [Polygon(p.exterior) for p in _polygons(simple) if p.area > 1_000]
    merged = shapely.union_all(np.array(parts, dtype=object))
    return MultiPolygon(_polygons(merged))


def _polygons(shape: shapely.Geometry) -> list[Polygon]:
    return [p for p in shapely.get_parts(np.array([shape])) if isinstance(p, Polygon)]


def _to_degrees(graph: StreetGraph, shape: MultiPolygon) -> MultiPolygon:
    def turned(metres: NDArray[np.float64]) -> NDArray[np.float64]:
        lon, lat = graph.plane.to_degrees(metres[:, 0], metres[:, 1])
        return np.round(np.column_stack((lon, lat)), 7)

    degrees = shapely.make_valid(shapely.transform(shape, turned))
    return MultiPolygon(_polygons(degrees))


def find_hotspots(graph: StreetGraph, blocks: Sequence[Block], mine: Bools) -> tuple[Stretch, ...]:
    """The busiest stretches of the beat's streets, one a street, the busiest first."""
    centre = (graph.middle_m[mine] * graph.length_m[mine, None]).sum(0) / graph.length_m[mine].sum()
    off = np.hypot(graph.middle_m[:, 0] - centre[0], graph.middle_m[:, 1] - centre[1])
    reach = float(np.median(off[mine])) or 1.0
    busy = np.array([BUSY.get(b.kind, 1.0) for b in blocks]) * np.exp(-off / (2 * reach))
    streets: defaultdict[str, list[int]] = defaultdict(list)
    for i in np.flatnonzero(mine).tolist():
        streets[blocks[i].name].append(i)
    streets.pop("", None)
    ranked = sorted(
        streets.items(),
        key=lambda item: (-float(np.dot(busy[item[1]], graph.length_m[item[1]])), item[0]),
    )
    found = [
        Stretch(name, stretch)
        for name, segments in ranked
        if (stretch := _in_a_row(graph, segments, busy))
        and HOTSPOT_M[0] <= graph.length_m[list(stretch)].sum() <= HOTSPOT_M[1]
    ][:HOTSPOTS]
    # A city without street names, or with few, still has blocks.
    long_ones = sorted(
        np.flatnonzero(mine).tolist(),
        key=lambda i: (not blocks[i].name, float(abs(graph.length_m[i] - HOTSPOT_M[1]))),
    )
    used = {i for stretch in found for i in stretch.segments}
    for i in long_ones:
        if len(found) >= HOTSPOTS:
            break
        if i not in used and graph.length_m[i] >= 30.0:
            found.append(Stretch(street_name(blocks, i), (i,)))
    return tuple(found)


def street_name(blocks: Sequence[Block], segment: int) -> str:
    """A segment's street, or the segment's number where the street has no name."""
    return blocks[segment].name or f"№ {blocks[segment].id}"


def _in_a_row(graph: StreetGraph, segments: list[int], busy: Floats) -> tuple[int, ...]:
    """Segments that follow one another around the busiest, up to the length of a hotspot."""
    start = max(segments, key=lambda i: (float(busy[i]) * min(float(graph.length_m[i]), 150.0), -i))
    row = [start]
    left = set(segments) - {start}
    ends = list(graph.ends[start].tolist())
    metres = float(graph.length_m[start])
    grown = True
    while grown and metres < HOTSPOT_M[1] * 0.6:
        grown = False
        for side in (0, 1):
            node = ends[side]
            onward = [i for i in graph.leaving[node] if i in left]
            if onward and metres + graph.length_m[onward[0]] <= HOTSPOT_M[1]:
                row.insert(0, onward[0]) if side == 0 else row.append(onward[0])
                left.discard(onward[0])
                ends[side] = graph.other_end(onward[0], node)
                metres += float(graph.length_m[onward[0]])
                grown = True
    return tuple(row)


def find_sites(
    graph: StreetGraph, blocks: Sequence[Block], mine: Bools, hotspots: Sequence[Stretch]
) -> tuple[Site, ...]:
    """Street corners for stations: the base in the middle, the others far from one another."""
    middle = (graph.middle_m[mine] * graph.length_m[mine, None]).sum(0) / graph.length_m[mine].sum()
    corners = [
        node
        for node in np.unique(graph.ends[mine]).tolist()
        if len(graph.leaving[node]) >= 3 and all(mine[s] for s in graph.leaving[node])
    ]
    if len(corners) < SITES:
        corners = np.unique(graph.ends[mine]).tolist()
    named = [node for node in corners if any(blocks[s].name for s in graph.leaving[node])]
    if len(named) >= SITES:
        corners = named
    at = graph.node_m[corners]
    chosen = [int(np.hypot(at[:, 0] - middle[0], at[:, 1] - middle[1]).argmin())]
    # Corners of hotspots first where they are far enough from what stands already.
    lively = np.zeros(len(corners))
    for stretch in hotspots:
        for segment in stretch.segments:
            lively[np.isin(corners, graph.ends[segment])] = 1.0
    while len(chosen) < min(SITES, len(corners)):
        off = np.min([np.hypot(at[:, 0] - at[c, 0], at[:, 1] - at[c, 1]) for c in chosen], axis=0)
        chosen.append(int((off * (1.0 + 0.5 * lively)).argmax()))
    sites = []
    for index in chosen:
        node = corners[index]
        x, y = graph.node_m[node] + SITE_OFF_STREET_M * _beside_street(graph, node)
        lon, lat = graph.plane.to_degrees(x, y)
        sites.append(
            Site(round(float(lon), 7), round(float(lat), 7), node, corner_name(graph, blocks, node))
        )
    return tuple(sites)


def _beside_street(graph: StreetGraph, node: int) -> Floats:
    """A unit vector from a junction into the widest corner between its streets."""
    angles = sorted(
        float(np.arctan2(*graph.heading(segment, node)[::-1])) for segment in graph.leaving[node]
    )
    wide = np.diff([*angles, angles[0] + 2 * np.pi])
    best = int(wide.argmax())
    angle = angles[best] + wide[best] / 2
    return np.array([np.cos(angle), np.sin(angle)])


def corner_name(graph: StreetGraph, blocks: Sequence[Block], node: int) -> str:
    """“First street / Second street” of a junction."""
    # The import joins the names of a block that two streets share.
    names = sorted(
        {part for s in graph.leaving[node] for part in blocks[s].name.split(" / ") if part}
    )
    return " / ".join(names[:2]) or street_name(blocks, graph.leaving[node][0])


def beat_name(graph: StreetGraph, blocks: Sequence[Block], mine: Bools, taken: set[str]) -> str:
    """The beat's two longest streets, none of which has given its name to another beat."""
    metres: defaultdict[str, float] = defaultdict(float)
    for i in np.flatnonzero(mine).tolist():
        if blocks[i].name:
            metres[blocks[i].name] += float(graph.length_m[i])
    ranked = [n for n in sorted(metres, key=lambda n: (-metres[n], n)) if n not in taken][:2]
    taken.update(ranked)
    return " – ".join(ranked) or f"№ {blocks[int(np.flatnonzero(mine)[0])].id}"


def find_routes(
    graph: StreetGraph, hotspots: Sequence[Stretch], sites: Sequence[Site]
) -> tuple[Route, ...]:
    """Two rounds from the base over the hotspots and back, along the shortest ways."""
    routes = []
    base = sites[0].node
    for part in (hotspots[0::2], hotspots[1::2]):
        way: list[int] = []
        here = base
        for stretch in part:
            way += walk_to(graph, here, int(graph.ends[stretch.segments[0], 0]))
            here = int(graph.ends[stretch.segments[0], 0])
            last = int(graph.ends[stretch.segments[-1], 1])
            way += walk_to(graph, here, last)
            here = last
        way += walk_to(graph, here, base)
        if way:
            routes.append(Route(" → ".join(stretch.name for stretch in part), tuple(way)))
    return tuple(routes)


def walk_to(graph: StreetGraph, node: int, goal: int) -> list[int]:
    """Segments of the shortest way from a junction to another."""
    ways = graph.ways_to(goal)
    found = []
    while node != goal and ways.segment[node] >= 0:
        found.append(int(ways.segment[node]))
        node = graph.other_end(found[-1], node)
    return found
