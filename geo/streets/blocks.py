"""Lines of a street source → road segments: from one junction to the next, a block each.

Pure. A source is lines over shared nodes (an OpenStreetMap file is that already; other formats
become it in `geo.streets.linework`). What happens, in order, until nothing changes any more:

1. lines are split at junctions and joined where only two meet;
2. dead ends shorter than a stub (25 m) are dropped: no phone can tell them from the street;
3. links shorter than a stub between junctions close up into one junction (a crossing of dual
   carriageways, a small roundabout), as long as the junction stays under `JUNCTION_M` across;
4. lines between the same junctions that run less than `PARALLEL_M` apart all along become one:
   a walker between two carriageways would else be shared out between them by chance.

So segments that meet share an end coordinate exactly, and a segment is a block.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from geo.plane import Plane
from geo.streets.graph import (
    STUB_M,
    Graph,
    Piece,
    close_short_links,
    drop_stubs,
    join_degree_two,
    join_parallels,
    length_of,
)
from geo.streets.graph import Place as Place

COORDINATE_DIGITS: Final = 7  # 1e-7 degree is a centimetre, and OpenStreetMap's own grid


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a source.

    ref: its name in the source ("way 123", "row 7").
    nodes: ids of its vertices in order; lines meet where they share one.
    """

    ref: str
    nodes: tuple[int, ...]
    kind: str
    is_footway: bool = False
    name: str = ""
    name_en: str = ""


@dataclass(frozen=True, slots=True)
class Segment:
    """A block of street. `coordinates` are lon, lat on the 1e-7 degree grid."""

    external_id: str
    coordinates: tuple[Place, ...]
    length_m: float
    kind: str
    is_footway: bool
    name: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Network:
    """Segments sorted by id, and what the making of them left out."""

    segments: list[Segment]
    duplicate_pieces: int
    dropped_stubs: int
    closed_links: int
    joined_parallels: int

    def largest_component_share(self) -> float:
        """Share of the street length that hangs together in the largest piece, 0–1."""
        parent: dict[Place, Place] = {}

        def top(place: Place) -> Place:
            while parent.setdefault(place, place) != place:
                parent[place] = parent[parent[place]]
                place = parent[place]
            return place

        for segment in self.segments:
            parent[top(segment.coordinates[0])] = top(segment.coordinates[-1])
        lengths: defaultdict[Place, float] = defaultdict(float)
        for segment in self.segments:
            lengths[top(segment.coordinates[0])] += segment.length_m
        whole = sum(lengths.values())
        return max(lengths.values()) / whole if whole else 0.0


def build(lines: Iterable[Line], places: Mapping[int, Place], *, stub_m: float = STUB_M) -> Network:
    """Road segments of a source.

    places: lon, lat of every node that `lines` use.
    The result does not depend on the order of the lines or the direction they were drawn in.
    """
    kept = sorted((line for line in lines if len(line.nodes) > 1), key=lambda line: line.ref)
    if not kept:
        return Network([], 0, 0, 0, 0)
    used = sorted({node for line in kept for node in line.nodes})
    plane = Plane.around([places[n][0] for n in used], [places[n][1] for n in used])
    east, north = plane.to_metres([places[n][0] for n in used], [places[n][1] for n in used])
    at_m = dict(zip(used, zip(east.tolist(), north.tolist(), strict=True), strict=True))

    graph, duplicates = _split(kept, at_m)
    junction_at = dict(at_m)
    members: dict[int, list[int]] = {}
    dropped = closed = parallels = 0
    while True:
        join_degree_two(graph)
        stubs = drop_stubs(graph, stub_m)
        if stubs:
            dropped += stubs
            continue
        links = close_short_links(graph, stub_m, at_m, junction_at, members)
        closed += links
        if links:
            continue
        twins = join_parallels(graph)
        parallels += twins
        if not twins:
            break
    return Network(_segments(graph, plane, places), duplicates, dropped, closed, parallels)


def _split(lines: Sequence[Line], at_m: Mapping[int, Place]) -> tuple[Graph, int]:
    """Pieces of lines between junctions; the second number counts pieces that came twice."""
    ends: Counter[int] = Counter()
    for line in lines:
        for a, b in pairwise(line.nodes):
            if a != b:
                ends[a] += 1
                ends[b] += 1
    graph = Graph()
    seen: set[tuple[int, ...]] = set()
    duplicates = 0
    for line in lines:
        run: list[int] = []
        for node in line.nodes:
            if run and run[-1] == node:
                continue
            run.append(node)
            if len(run) > 1 and (ends[node] != 2 or node == run[0]):
                duplicates += not _add_run(graph, run, line, at_m, seen)
                run = [node]
        if len(run) > 1:
            duplicates += not _add_run(graph, run, line, at_m, seen)
    return graph, duplicates


def _add_run(
    graph: Graph,
    run: list[int],
    line: Line,
    at_m: Mapping[int, Place],
    seen: set[tuple[int, ...]],
) -> bool:
    key = tuple(run if run <= run[::-1] else run[::-1])
    if key in seen:
        return False
    seen.add(key)
    points = [at_m[node] for node in key]
    length_m = length_of(points)
    piece = Piece(key[0], key[-1], points, length_m)
    # Whole centimetres: Counter is for integers, and ties must not hang on rounding.
    weight = round(length_m * 100) + 1
    piece.kinds[(line.kind, line.is_footway)] += weight
    if line.name or line.name_en:
        piece.names[(line.name, line.name_en)] += weight
    graph.add(piece)
    return True


def _segments(graph: Graph, plane: Plane, places: Mapping[int, Place]) -> list[Segment]:
    by_ends: defaultdict[tuple[int, int], list[Piece]] = defaultdict(list)
    for piece in graph.pieces.values():
        if piece.a > piece.b or (piece.a == piece.b and piece.points > piece.points[::-1]):
            piece.a, piece.b, piece.points = piece.b, piece.a, piece.points[::-1]
        by_ends[(piece.a, piece.b)].append(piece)
    segments = []
    for (a, b), pieces in by_ends.items():
        pieces.sort(key=lambda piece: (piece.length_m, piece.points))
        for at, piece in enumerate(pieces):
            coordinates = _to_degrees(piece.points, plane)
            if len(coordinates) < 2:
                continue
            kind, is_footway = _heaviest(piece.kinds)
            name, name_en = _names(piece.names)
            segments.append(
                Segment(
                    external_id=f"{a}-{b}" + (f"~{at + 1}" if at else ""),
                    coordinates=coordinates,
                    length_m=round(piece.length_m, 2),
                    kind=kind,
                    is_footway=is_footway,
                    name=name,
                    name_en=name_en,
                )
            )
    segments.sort(key=lambda segment: segment.external_id)
    return segments


def _to_degrees(points: list[Place], plane: Plane) -> tuple[Place, ...]:
    lon, lat = plane.to_degrees([p[0] for p in points], [p[1] for p in points])
    rounded = [
        (round(x, COORDINATE_DIGITS), round(y, COORDINATE_DIGITS))
        for x, y in zip(lon.tolist(), lat.tolist(), strict=True)
    ]
    return tuple(p for i, p in enumerate(rounded) if i == 0 or p != rounded[i - 1])


def _heaviest(kinds: Counter[tuple[str, bool]]) -> tuple[str, bool]:
    """The kind with most weight; of equals the first in order, so that it never flips."""
    return min(kinds, key=lambda kind: (-kinds[kind], kind))


def _names(names: Counter[tuple[str, str]]) -> tuple[str, str]:
    """The name of most of the block; a second one is added when it holds for a stub or more."""
    if not names:
        return "", ""
    ordered = sorted(names, key=lambda name: (-names[name], name))
    weighty = [name for name in ordered if names[name] >= STUB_M * 100] or ordered
    shown = list(dict.fromkeys(name for name, _ in weighty if name))[:2]
    english = list(dict.fromkeys(name for _, name in weighty if name))[:2]
    return " / ".join(shown)[:160], " / ".join(english)[:160]
