"""The network of streets while it is being made: pieces between nodes, joined and closed up.

Pure; places are metres on a plane. `geo.streets.blocks` says what is done and in which order.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import hypot
from typing import Final

import shapely

STUB_M: Final = 25.0  # decisions.md 36
JUNCTION_M: Final = 45.0  # a crossing of two dual carriageways; ours
PARALLEL_M: Final = 12.0  # under the error of a phone between houses; ours

Place = tuple[float, float]


@dataclass(slots=True)
class Piece:
    """An edge while the network is being made. Points are metres on the plane."""

    a: int
    b: int
    points: list[Place]
    length_m: float
    names: Counter[tuple[str, str]] = field(default_factory=Counter)
    kinds: Counter[tuple[str, bool]] = field(default_factory=Counter)


class Graph:
    """Pieces by number and the pieces at each node (a loop stands there twice)."""

    def __init__(self) -> None:
        self.pieces: dict[int, Piece] = {}
        self.at: defaultdict[int, list[int]] = defaultdict(list)
        self.next_number = 0

    def add(self, piece: Piece) -> int:
        number = self.next_number
        self.next_number += 1
        self.pieces[number] = piece
        self.at[piece.a].append(number)
        self.at[piece.b].append(number)
        return number

    def remove(self, number: int) -> Piece:
        piece = self.pieces.pop(number)
        self.at[piece.a].remove(number)
        self.at[piece.b].remove(number)
        return piece

    def degree(self, node: int) -> int:
        return len(self.at[node])


def join_degree_two(graph: Graph) -> None:
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
        joined = Piece(
            one.a if one.b == node else one.b,
            two.b if two.a == node else two.a,
            one_points + two_points[1:],
            one.length_m + two.length_m,
            one.names + two.names,
            one.kinds + two.kinds,
        )
        graph.add(joined)


def drop_stubs(graph: Graph, stub_m: float) -> int:
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


def close_short_links(
    graph: Graph,
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


def join_parallels(graph: Graph) -> int:
    """Make one of pieces between the same junctions that no phone can tell apart."""
    by_ends: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for number, piece in graph.pieces.items():
        if piece.a != piece.b:
            by_ends[(min(piece.a, piece.b), max(piece.a, piece.b))].append(number)
    joined = 0
    for numbers in by_ends.values():
        kept: list[tuple[Piece, shapely.LineString]] = []
        for number in sorted(numbers, key=lambda n: _drawing(graph.pieces[n])):
            piece = graph.pieces[number]
            line = shapely.LineString(piece.points)
            for twin, twin_line in kept:
                if shapely.hausdorff_distance(line, twin_line, densify=0.25) < PARALLEL_M:
                    twin.names += piece.names
                    twin.kinds += piece.kinds
                    graph.remove(number)
                    joined += 1
                    break
            else:
                kept.append((piece, line))
    return joined


def _drawing(piece: Piece) -> tuple[float, list[Place]]:
    """An order of pieces that does not depend on where they came from."""
    return piece.length_m, min(piece.points, piece.points[::-1])


def _move_ends(graph: Graph, node: int, to: int, place: Place) -> None:
    """Let every piece end that is at `node` end at `to`, whose place is given."""
    for number in dict.fromkeys(graph.at[node]):
        piece = graph.remove(number)
        points = piece.points
        if piece.a == node:
            points = _with_start(points, place)
        if piece.b == node:
            points = _with_start(points[::-1], place)[::-1]
        moved = Piece(
            to if piece.a == node else piece.a,
            to if piece.b == node else piece.b,
            points,
            length_of(points),
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


def length_of(points: Sequence[Place]) -> float:
    """Metres along points on the plane."""
    return sum(hypot(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(points))
