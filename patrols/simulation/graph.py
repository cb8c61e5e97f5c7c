"""Streets as a graph that simulated people walk on: junctions, segments between them, metres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, dijkstra

from geo.plane import Plane

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# Segments that meet share an end coordinate exactly; 1e-7 degree is a centimetre.
NODE_DECIMALS = 7

# How far along a segment one looks to see which way it leaves a junction.
HEADING_M = 15.0


@dataclass(frozen=True, slots=True)
class WaysTo:
    """Shortest ways from every junction to one: metres left and the segment to take next (-1)."""

    node: int
    left_m: Floats
    segment: Ints


@dataclass(frozen=True, eq=False)
class StreetGraph:
    """m segments between n junctions on a local plane.

    ids: the segments' own ids, shape (m,); everything else speaks of segments by index.
    lines: vertices in metres, one (k, 2) array a segment.
    ends: junction at the first and last vertex, shape (m, 2).
    node_m: junctions in metres, shape (n, 2).
    leaving: the segments at each junction (a loop stands there once).
    """

    plane: Plane
    ids: Ints
    lines: tuple[Floats, ...]
    length_m: Floats
    ends: Ints
    node_m: Floats
    leaving: tuple[tuple[int, ...], ...]
    _ways: dict[int, WaysTo] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, ids: Sequence[int], lines_deg: Sequence[Any]) -> StreetGraph:
        """From segment ids and their lon/lat vertices, (k, 2) each, k ≥ 2.

        Raises ValueError without segments, or for a line of one point.
        """
        if not len(ids) or len(ids) != len(lines_deg):
            raise ValueError("streets need at least one segment, and one line for each id")
        arrays = [np.asarray(line, dtype=np.float64)[:, :2] for line in lines_deg]
        if any(len(array) < 2 for array in arrays):
            raise ValueError("a segment needs two points at least")
        whole = np.concatenate(arrays)
        plane = Plane.around(whole[:, 0], whole[:, 1])
        east, north = plane.to_metres(whole[:, 0], whole[:, 1])
        cuts = np.cumsum([len(array) for array in arrays])[:-1]
        lines = tuple(np.split(np.column_stack((east, north)), cuts))
        number: dict[tuple[float, float], int] = {}
        ends = np.empty((len(arrays), 2), dtype=np.int64)
        node_m: list[Floats] = []
        for i, array in enumerate(arrays):
            for side in (0, -1):
                lon, lat = np.round(array[side], NODE_DECIMALS).tolist()
                if (lon, lat) not in number:
                    number[lon, lat] = len(number)
                    node_m.append(lines[i][side])
                ends[i, side] = number[lon, lat]
        leaving: list[list[int]] = [[] for _ in number]
        for i, (a, b) in enumerate(ends.tolist()):
            leaving[a].append(i)
            if b != a:
                leaving[b].append(i)
        length = np.array([_length_m(line) for line in lines])
        return cls(
            plane,
            np.asarray(ids, dtype=np.int64),
            lines,
            np.maximum(length, 0.1),
            ends,
            np.array(node_m),
            tuple(tuple(found) for found in leaving),
        )

    def __len__(self) -> int:
        return len(self.ids)

    def largest_part(self) -> Bools:
        """Segments of the piece of the network with the most metres of street, shape (m,)."""
        graph = csr_array(
            (np.ones(len(self)), (self.ends[:, 0], self.ends[:, 1])), shape=(self.nodes, self.nodes)
        )
        _, part = connected_components(graph, directed=False)
        of_segment = part[self.ends[:, 0]]
        metres = np.bincount(of_segment, weights=self.length_m)
        return np.asarray(of_segment == metres.argmax())

    @property
    def nodes(self) -> int:
        """How many junctions there are."""
        return len(self.node_m)

    @property
    def middle_m(self) -> Floats:
        """The point halfway along each segment, shape (m, 2)."""
        return np.array([self.at(i, self.length_m[i] / 2) for i in range(len(self))])

    def at(self, segment: int, along_m: float) -> tuple[float, float]:
        """The point so many metres from a segment's first vertex."""
        line = self.lines[segment]
        along = _along_m(line)
        return (
            float(np.interp(along_m, along, line[:, 0])),
            float(np.interp(along_m, along, line[:, 1])),
        )

    def other_end(self, segment: int, node: int) -> int:
        """The junction at the far end of a segment."""
        a, b = self.ends[segment].tolist()
        return int(b if node == a else a)

    def from_node(self, segment: int, node: int) -> Floats:
        """A segment's vertices in the order one walks them from a junction, shape (k, 2)."""
        line = self.lines[segment]
        return line if self.ends[segment, 0] == node else line[::-1]

    def nearest_node(self, x_m: float, y_m: float, among: Bools | None = None) -> int:
        """The junction closest to a point; `among` keeps to those at certain segments, (m,)."""
        off = np.hypot(self.node_m[:, 0] - x_m, self.node_m[:, 1] - y_m)
        if among is not None:
            allowed = np.zeros(self.nodes, dtype=np.bool_)
            allowed[self.ends[among].ravel()] = True
            off = np.where(allowed, off, np.inf)
        return int(off.argmin())

    def heading(self, segment: int, node: int) -> tuple[float, float]:
        """The unit vector in which a segment leaves a junction."""
        line = self.from_node(segment, node)
        along = _along_m(line)
        reach = min(HEADING_M, along[-1])
        dx = float(np.interp(reach, along, line[:, 0]) - line[0, 0])
        dy = float(np.interp(reach, along, line[:, 1]) - line[0, 1])
        way = float(np.hypot(dx, dy)) or 1.0
        return dx / way, dy / way

    def ways_to(self, node: int) -> WaysTo:
        """The shortest ways to a junction from everywhere; `left_m` is inf where there is none."""
        if node not in self._ways:
            best: dict[tuple[int, int], int] = {}
            for i, (a, b) in enumerate(self.ends.tolist()):
                for pair in ((a, b), (b, a)):
                    if pair not in best or self.length_m[i] < self.length_m[best[pair]]:
                        best[pair] = i
            starts, stops = np.array(list(best), dtype=np.int64).T
            metres = self.length_m[list(best.values())]
            graph = csr_array((metres, (starts, stops)), shape=(self.nodes, self.nodes))
            left, before = dijkstra(graph, indices=node, return_predecessors=True)
            segment = np.array(
                [best.get((v, int(p)), -1) if p >= 0 else -1 for v, p in enumerate(before)],
                dtype=np.int64,
            )
            self._ways[node] = WaysTo(node, left, segment)
        return self._ways[node]


def _along_m(line: Floats) -> Floats:
    """Distance of each vertex from the first, shape (k,)."""
    steps = np.hypot(np.diff(line[:, 0]), np.diff(line[:, 1]))
    along: Floats = np.concatenate(([0.0], np.cumsum(steps)))
    return along


def _length_m(line: Floats) -> float:
    return float(_along_m(line)[-1])
