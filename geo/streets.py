"""Lines of a street source → road segments: from one junction to the next, a block each.

Pure. A source is lines over shared nodes (an OpenStreetMap file is that already; other formats
become it in `geo.linework`). What happens, in order, until nothing changes any more:

1. lines are split at junctions and joined where only two meet;
2. dead ends shorter than a stub (25 m) are dropped: no phone can tell them from the street;
3. links shorter than a stub between junctions close up into one junction (a crossing of dual
   carriageways, a small roundabout), as long as the junction stays under `JUNCTION_M` across.

So segments that meet share an end coordinate exactly, and a segment is a block.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import hypot
from typing import Final

from geo.plane import Plane

STUB_M: Final = 25.0  # decisions.md 36
JUNCTION_M: Final = 45.0  # a crossing of two dual carriageways; ours
COORDINATE_DIGITS: Final = 7  # 1e-7 degree is a centimetre, and OpenStreetMap's own grid

Place = tuple[float, float]


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


@dataclass(slots=True)
class _Piece:
    """An edge while the network is being made. Points are metres on the plane."""

    a: int
    b: int
    points: list[Place]
    length_m: float
    names: Counter[tuple[str, str]] = field(default_factory=Counter)
    kinds: Counter[tuple[str, bool]] = field(default_factory=Counter)


class _Graph:
    """Pieces by number and the pieces at each node (a loop stands there twice)."""

    def __init__(self) -> None:
        self.pieces: dict[int, _Piece] = {}
        self.at: defaultdict[int, list[int]] = defaultdict(list)
        self.next_number = 0

    def add(self, piece: _Piece) -> int:
        number = self.next_number
        self.next_number += 1
        self.pieces[number] = piece
        self.at[piece.a].append(number)
        self.at[piece.b].append(number)
        return number

    def remove(self, number: int) -> _Piece:
        piece = self.pieces.pop(number)
        self.at[piece.a].remove(number)
        self.at[piece.b].remove(number)
        return piece

    def degree(self, node: int) -> int:
        return len(self.at[node])


def build(lines: Iterable[Line], places: Mapping[int, Place], *, stub_m: float = STUB_M) -> Network:
    """Road segments of a source.

    places: lon, lat of every node that `lines` use.
    The result does not depend on the order of the lines or the direction they were drawn in.
    """
    kept = sorted((line for line in lines if len(line.nodes) > 1), key=lambda line: line.ref)
    if not kept:
        return Network([], 0, 0, 0)
    used = sorted({node for line in kept for node in line.nodes})
    plane = Plane.around([places[n][0] for n in used], [places[n][1] for n in used])
    east, north = plane.to_metres([places[n][0] for n in used], [places[n][1] for n in used])
    at_m = dict(zip(used, zip(east.tolist(), north.tolist(), strict=True), strict=True))

    graph, duplicates = _split(kept, at_m)
    junction_at = dict(at_m)
    members: dict[int, list[int]] = {}
    dropped = closed = 0
    while True:
        _join_degree_two(graph)
        stubs = _drop_stubs(graph, stub_m)
        if stubs:
            dropped += stubs
            continue
        links = _close_short_links(graph, stub_m, at_m, junction_at, members)
        closed += links
        if not links:
            break
    return Network(_segments(graph, plane, places), duplicates, dropped, closed)


def _split(lines: Sequence[Line], at_m: Mapping[int, Place]) -> tuple[_Graph, int]:
    """Pieces of lines between junctions; the second number counts pieces that came twice."""
    ends: Counter[int] = Counter()
    for line in lines:
        for a, b in pairwise(line.nodes):
            if a != b:
                ends[a] += 1
                ends[b] += 1
    graph = _Graph()
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
    graph: _Graph,
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
    length_m = _length(points)
    piece = _Piece(key[0], key[-1], points, length_m)
    # Whole centimetres: Counter is for integers, and ties must not hang on rounding.
    weight = round(length_m * 100) + 1
    piece.kinds[(line.kind, line.is_footway)] += weight
    if line.name or line.name_en:
        piece.names[(line.name, line.name_en)] += weight
    graph.add(piece)
    return True


def _join_degree_two(graph: _Graph) -> None:
    """Join pieces at nodes where exactly two ends meet and they are not one loop's."""
    waiting = [node for node, numbers in graph.at.items() if len(numbers) == 2]
    for node in waiting:
        if graph.degree(node) != 2:
            continue
        first, second = graph.at[node]
        if first == second:
            continue
        one, two = graph.remove(first), graph.remove(second)
        one_points = one.points if one.b == node else one.points[::-1]
        two_points = two.points if two.a == node else two.points[::-1]
        joined = _Piece(
            one.a if one.b == node else one.b,
            two.b if two.a == node else two.a,
            one_points + two_points[1:],
            one.length_m + two.length_m,
            one.names + two.names,
            one.kinds + two.kinds,
        )
        graph.add(joined)


def _drop_stubs(graph: _Graph, stub_m: float) -> int:
    """Drop dead ends under a stub, and loops that reach no further than one."""
    dropped = 0
    for number in list(graph.pieces):
        piece = graph.pieces[number]
        if piece.a == piece.b:
            too_short = piece.length_m < 2 * stub_m
        else:
            dead_end = graph.degree(piece.a) == 1 or graph.degree(piece.b) == 1
            too_short = dead_end and piece.length_m < stub_m
        if too_short:
            graph.remove(number)
            dropped += 1
    return dropped


def _close_short_links(
    graph: _Graph,
    stub_m: float,
    at_m: Mapping[int, Place],
    junction_at: dict[int, Place],
    members: dict[int, list[int]],
) -> int:
    """Close links under a stub, shortest first; the junction keeps its lowest node id.

    members: for each junction that was made of several, their nodes.
    """
    links = sorted(
        (piece.length_m, min(piece.a, piece.b), max(piece.a, piece.b), number)
        for number, piece in graph.pieces.items()
        if piece.length_m < stub_m and piece.a != piece.b
    )
    closed = 0
    for _, _, _, number in links:
        piece = graph.pieces.get(number)
        # An earlier closing may have turned it into a loop or stretched it.
        if piece is None or piece.a == piece.b or piece.length_m >= stub_m:
            continue
        nodes = members.get(piece.a, [piece.a]) + members.get(piece.b, [piece.b])
        xs, ys = [at_m[n][0] for n in nodes], [at_m[n][1] for n in nodes]
        if hypot(max(xs) - min(xs), max(ys) - min(ys)) > JUNCTION_M:
            continue
        kept, gone = min(piece.a, piece.b), max(piece.a, piece.b)
        graph.remove(number)
        middle = ((max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2)
        members[kept] = sorted(nodes)
        members.pop(gone, None)
        junction_at[kept] = middle
        _move_ends(graph, gone, kept, middle)
        _move_ends(graph, kept, kept, middle)
        closed += 1
    return closed


def _move_ends(graph: _Graph, node: int, to: int, place: Place) -> None:
    """Let every piece end that is at `node` end at `to`, whose place is given."""
    for number in dict.fromkeys(graph.at[node]):
        piece = graph.remove(number)
        points = piece.points
        if piece.a == node:
            points = _with_start(points, place)
        if piece.b == node:
            points = _with_start(points[::-1], place)[::-1]
        moved = _Piece(
            to if piece.a == node else piece.a,
            to if piece.b == node else piece.b,
            points,
            _length(points),
            piece.names,
            piece.kinds,
        )
        graph.pieces[number] = moved
        graph.at[moved.a].append(number)
        graph.at[moved.b].append(number)


def _with_start(points: list[Place], place: Place) -> list[Place]:
    """The line begun at another place, without the vertices that would make it turn back."""
    moved_m = hypot(points[0][0] - place[0], points[0][1] - place[1])
    rest = points[1:]
    while len(rest) > 1 and hypot(rest[0][0] - place[0], rest[0][1] - place[1]) < moved_m:
        rest = rest[1:]
    return [place, *rest]


def _segments(graph: _Graph, plane: Plane, places: Mapping[int, Place]) -> list[Segment]:
    by_ends: defaultdict[tuple[int, int], list[_Piece]] = defaultdict(list)
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


def _length(points: Sequence[Place]) -> float:
    return sum(hypot(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(points))
