"""Streets one can ask: what is near, how to walk, how far one gets, how long it takes."""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from shapely.geometry.base import BaseGeometry
from valhalla import Actor
from valhalla._valhalla import ValhallaError

from bureau.errors import Refused
from geo.network import Network, build_tiles, tile_config
from geo.plane import Plane
from geo.track import Bools, Floats, Ints

# Further than this from every street a place reaches nothing on foot.
JOIN_LIMIT_M = 1000.0
# A way of no length would be no way to scipy.
LEAST_M = 1e-6


class Roads:
    """A network with its tiles loaded. One per process and network; calls take turns."""

    def __init__(self, network: Network, folder: Path) -> None:
        """Open the tiles that `build` made in `folder`."""
        self.network = network
        self.folder = folder
        self.plane = (
            Plane.around(network.lonlat[:, 0], network.lonlat[:, 1])
            if len(network)
            else Plane(0.0, 0.0)
        )
        self._actor = Actor(tile_config(folder)) if len(network) else None
        self._turn = threading.Lock()
        self.vertices_m = self.plane.to_metres(network.lonlat[:, 0], network.lonlat[:, 1])
        self.lines = _lines(*self.vertices_m, network.offset)
        self.length_m: Floats = shapely.length(self.lines)
        self._tree = shapely.STRtree(self.lines)

    def ask(self, action: str, request: dict[str, Any]) -> str:
        """One call of Valhalla; raises ValhallaError where it has no answer."""
        if self._actor is None:
            raise Refused("no_streets", "There are no streets yet: import a street network first.")
        with self._turn:
            answer: str = getattr(self._actor, action)(msgspec.json.encode(request).decode())
            return answer

    def nearest(self, x_m: Floats, y_m: Floats) -> tuple[Ints, Floats]:
        """Nearest segment's position in the network and its distance, (n,) each, on `plane`.

        -1 and infinity where the network is empty. Of two equally near, the first by id.
        """
        n = len(x_m)
        where = np.full(n, -1, np.int64)
        away = np.full(n, np.inf)
        if len(self.network) and n:
            (point, line), distance = self._tree.query_nearest(
                shapely.points(x_m, y_m), return_distance=True, all_matches=True
            )
            order = np.lexsort((line, point))
            first = np.unique(point[order], return_index=True)[1]
            where[point[order][first]] = line[order][first]
            away[point[order][first]] = distance[order][first]
        return where, away

    def near(self, x_m: Floats, y_m: Floats, within_m: float) -> Bools:
        """Which places have a segment within so many metres, (n,); three times faster to ask."""
        found = np.zeros(len(x_m), dtype=np.bool_)
        if len(self.network) and len(x_m):
            points = shapely.points(x_m, y_m)
            found[self._tree.query(points, predicate="dwithin", distance=within_m)[0]] = True
        return found

    def within(self, x_m: Floats, y_m: Floats, within_m: float) -> tuple[Ints, Ints]:
        """All pairs of a place (index) and a segment (position) at most so far apart, (k,) each."""
        if not len(self.network) or not len(x_m):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        points = shapely.points(x_m, y_m)
        place, line = self._tree.query(points, predicate="dwithin", distance=within_m)
        return place.astype(np.int64), line.astype(np.int64)

    def touching(self, area: BaseGeometry) -> Ints:
        """Positions of the segments that touch an area on `plane`, in order."""
        return np.sort(self._tree.query(area, predicate="intersects")).astype(np.int64)

    @cached_property
    def ways(self) -> tuple[Ints, csr_array]:
        """Node of each vertex (v,), and metres from node to node (k, k); each way both ways.

        Made once: a search over 50,000 nodes takes less time than this.
        """
        node_of, places = self.network.nodes()
        inner = np.ones(len(node_of), dtype=np.bool_)
        inner[self.network.offset[:-1]] = False
        tail = np.flatnonzero(inner) - 1
        x, y = self.vertices_m
        way = np.maximum(np.hypot(x[tail + 1] - x[tail], y[tail + 1] - y[tail]), LEAST_M)
        one, other = node_of[tail], node_of[tail + 1]
        return node_of, _least(
            np.concatenate((one, other)),
            np.concatenate((other, one)),
            np.concatenate((way, way)),
            len(places),
        )

    def along(self, index: Ints, x_m: Floats, y_m: Floats) -> Floats:
        """Metres from each segment's begin to the foot of each point on it, (n,)."""
        metres: Floats = shapely.line_locate_point(self.lines[index], shapely.points(x_m, y_m))
        return metres


def build(network: Network, folder: Path) -> Roads:
    """The network with its tiles under `folder`, built if they are missing (`build_tiles`)."""
    return Roads(network, build_tiles(network, folder))


def route(
    roads: Roads, places_lonlat: Sequence[tuple[float, float]], *, walking_mps: float
) -> tuple[float, float, Floats]:
    """Walk along streets through places: metres, seconds, and the line (n, 2) in lon/lat degrees.

    Raises Refused("no_way") if streets do not join the places.
    """
    request = {
        "locations": [{"lon": lon, "lat": lat} for lon, lat in places_lonlat],
        "costing": "pedestrian",
        "costing_options": _walking(walking_mps),
        "directions_type": "none",
    }
    try:
        trip = json.loads(roads.ask("route", request))["trip"]
    except ValhallaError as error:
        raise Refused("no_way", "No way along our streets joins these places.") from error
    coords = [decoded(leg["shape"]) for leg in trip["legs"]]
    metres = float(trip["summary"]["length"]) * 1000.0
    return metres, metres / walking_mps, np.concatenate(coords)


def reachable(
    roads: Roads, lon_deg: float, lat_deg: float, *, seconds: float, walking_mps: float
) -> BaseGeometry:
    """The area within so many seconds of walking along streets, lon/lat degrees.

    Source: Valhalla's isochrone on our own tiles. It is drawn in cells and overshoots the streets'
    own walking times by up to 70 m; where a single place counts, ask `travel_seconds`.
    Raises Refused("no_way") where no street is within 1 km.
    """
    _, away = roads.nearest(*roads.plane.to_metres(np.array([lon_deg]), np.array([lat_deg])))
    if not away[0] <= JOIN_LIMIT_M:
        raise Refused("no_way", "This place is more than 1 km from every street we know.")
    request = {
        "locations": [{"lon": lon_deg, "lat": lat_deg}],
        "costing": "pedestrian",
        "costing_options": _walking(walking_mps),
        "contours": [{"time": seconds / 60.0}],
        "polygons": True,
        "denoise": 0.0,
        "generalize": 5.0,
    }
    try:
        features = json.loads(roads.ask("isochrone", request))["features"]
    except ValhallaError as error:
        raise Refused("no_way", "No street leads away from this place.") from error
    shapes = [shapely.from_geojson(json.dumps(f["geometry"])) for f in features]
    return shapely.make_valid(shapely.unary_union(shapes))


def decoded(line: str) -> Floats:
    """Valhalla's encoded polyline (1e-6 degree, latitude first) → lon/lat degrees (n, 2).

    Source: the encoded polyline format, five bits a letter, lowest first, the sixth bit set while
    the number goes on, the sign in the lowest bit, each place told from the one before.
    """
    bits = np.frombuffer(line.encode(), np.uint8).astype(np.int64) - 63
    end = np.flatnonzero(bits < 32)
    start = np.concatenate(([0], end + 1))[: len(end)]
    if not len(end):
        return np.empty((0, 2))
    place = np.arange(len(bits)) - np.repeat(start, end - start + 1)
    value = np.add.reduceat((bits & 31) << (5 * place), start)
    value = np.where(value & 1, ~(value >> 1), value >> 1)
    lat_lon: Floats = np.cumsum(value.reshape(-1, 2), axis=0) / 1e6
    return lat_lon[:, ::-1]


def _walking(walking_mps: float) -> dict[str, dict[str, float]]:
    return {"pedestrian": {"walking_speed": walking_mps * 3.6}}


def travel_seconds(
    roads: Roads,
    sources_lonlat: Floats,
    targets_lonlat: Floats,
    *,
    walking_mps: float,
    limit_s: float = np.inf,
) -> Floats:
    """Walking time from each source (s, 2) to each target (t, 2) along streets → (s, t) seconds.

    Places are joined to the nearest segment, the straight way there included. Infinite where no
    way exists or it takes longer than `limit_s`. Source: Dijkstra's algorithm as in scipy.
    """
    s, t = len(sources_lonlat), len(targets_lonlat)
    if not len(roads.network) or not s or not t:
        return np.full((s, t), np.inf)
    node_of, ways = roads.ways
    k = ways.shape[0]
    sources, targets = (
        _joints(roads, np.asarray(p, np.float64)) for p in (sources_lonlat, targets_lonlat)
    )
    # One node more per source, from which a way leads to the vertices on both sides of its foot.
    ends = np.stack((node_of[sources.before], node_of[sources.after]), axis=1)
    cost = np.stack((sources.to_before_m, sources.to_after_m), axis=1) + sources.off_m[:, None]
    graph = csr_array(
        (
            np.concatenate((ways.data, np.maximum(cost.ravel(), LEAST_M))),
            np.concatenate((ways.indices, ends.ravel())),
            np.concatenate((ways.indptr, ways.indptr[-1] + 2 * np.arange(1, s + 1))),
        ),
        shape=(k + s, k + s),
    )
    limit_m = limit_s * walking_mps
    found = dijkstra(graph, indices=k + np.arange(s), limit=limit_m)
    metres = (
        np.minimum(
            found[:, node_of[targets.before]] + targets.to_before_m,
            found[:, node_of[targets.after]] + targets.to_after_m,
        )
        + targets.off_m
    )
    same = sources.before[:, None] == targets.before[None, :]
    direct = (
        np.abs(sources.to_before_m[:, None] - targets.to_before_m[None, :])
        + sources.off_m[:, None]
        + targets.off_m[None, :]
    )
    metres = np.where(same, np.minimum(metres, direct), metres)
    seconds: Floats = np.where(metres <= limit_m, metres / walking_mps, np.inf)
    return seconds


@dataclass(frozen=True, slots=True)
class _Joint:
    """Where places meet the network: vertex before and after the foot, metres to each and off."""

    before: Ints
    after: Ints
    to_before_m: Floats
    to_after_m: Floats
    off_m: Floats


def _joints(roads: Roads, lonlat: Floats) -> _Joint:
    x, y = roads.plane.to_metres(lonlat[:, 0], lonlat[:, 1])
    index, off = roads.nearest(x, y)
    along = roads.along(index, x, y)
    vx, vy = roads.vertices_m
    before = np.empty(len(index), np.int64)
    to_before, to_after = np.empty(len(index)), np.empty(len(index))
    for i, (segment, metres) in enumerate(zip(index.tolist(), along.tolist(), strict=True)):
        lo, hi = int(roads.network.offset[segment]), int(roads.network.offset[segment + 1])
        steps = np.hypot(np.diff(vx[lo:hi]), np.diff(vy[lo:hi]))
        at = np.concatenate(([0.0], np.cumsum(steps)))
        j = int(np.clip(np.searchsorted(at, metres, side="right") - 1, 0, len(steps) - 1))
        before[i] = lo + j
        to_before[i] = metres - at[j]
        to_after[i] = max(at[j + 1] - metres, 0.0)
    return _Joint(before, before + 1, to_before, to_after, off)


def _least(row: Ints, col: Ints, value: Floats, size: int) -> csr_array:
    """Sparse matrix with the smallest value of each pair (building one would add them up)."""
    order = np.lexsort((value, col, row))
    row, col, value = row[order], col[order], value[order]
    first = np.ones(len(row), dtype=np.bool_)
    first[1:] = (row[1:] != row[:-1]) | (col[1:] != col[:-1])
    return csr_array((value[first], (row[first], col[first])), shape=(size, size))


def _lines(x: Floats, y: Floats, offset: Ints) -> NDArray[Any]:
    number = np.repeat(np.arange(len(offset) - 1), np.diff(offset))
    lines: NDArray[Any] = np.asarray(
        shapely.linestrings(np.column_stack((x, y)), indices=number), dtype=object
    )
    return lines
