"""A smoothed track laid on the street network by Valhalla's map matcher (Newson and Krumm 2009)."""

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from valhalla._valhalla import ValhallaError

from geo.roads import Roads, decoded
from geo.track import Floats, Ints

# Streets this near to a smoothed place may be its own: four times a bad phone's error. More only
# brings wrong ones and takes longer; 40 m loses what lies off the streets' middle. Places further
# from every street, but not off-street, lie on the way between their neighbours.
SEARCH_RADIUS_M = 50.0

# Valhalla refuses traces of more than 16,000 points; longer tracks are matched in turns.
MAX_POINTS = 15_000


@dataclass(frozen=True, slots=True)
class Matched:
    """A track laid on the network: k parts, each an unbroken way along segments.

    part_piece: piece of each part (k,). Points: part, time, metres along the part's way (never
    falling). Edges, in the order walked: part, segment id, metres at its begin and its end.
    Path: the way's vertices, part, place, metres along (rising); none where the matcher found no
    way and each point took its nearest segment.
    """

    part_piece: Ints
    point_part: Ints
    point_t_s: Floats
    point_along_m: Floats
    edge_part: Ints
    edge_segment: Ints
    edge_begin_m: Floats
    edge_end_m: Floats
    path_part: Ints
    path_x_m: Floats
    path_y_m: Floats
    path_along_m: Floats


class _Edge(msgspec.Struct):
    way_id: int
    begin_shape_index: int
    end_shape_index: int
    source_percent_along: float = 0.0
    target_percent_along: float = 1.0


class _Point(msgspec.Struct):
    type: str = "unmatched"
    edge_index: int = -1
    distance_along_edge: float = 0.0


class _Trace(msgspec.Struct):
    edges: list[_Edge]
    matched_points: list[_Point]
    shape: str


_decoder = msgspec.json.Decoder(_Trace)


def match(
    roads: Roads, part_piece: Ints, part: Ints, t_s: Floats, x_m: Floats, y_m: Floats, auto: Ints
) -> Matched:
    """Lay points on the network, part by part.

    part: (n,) number of the part of each point, never falling; part_piece: (k,) the piece each
    part came from; x_m, y_m: (n,) on `roads.plane`; auto: (k,) 1 where the part was driven.
    Points must lie near the network (see `parts_near`). Walkers are matched with times, which
    keeps invented detours out; cars without the walker's speed limits. Where Valhalla finds no
    way (standing still, one point) each point takes its nearest segment.
    """
    lon, lat = roads.plane.to_degrees(x_m, y_m)
    lon, lat = np.round(lon, 6), np.round(lat, 6)
    ways: list[_Way] = []
    pieces: list[int] = []
    bounds = np.searchsorted(part, np.arange(len(part_piece) + 1))
    for number in range(len(part_piece)):
        for lo in range(int(bounds[number]), int(bounds[number + 1]), MAX_POINTS):
            hi = min(lo + MAX_POINTS + 1, int(bounds[number + 1]))  # turns share a point
            span = slice(lo, hi)
            found = (
                _trace(roads, t_s[span], lon[span], lat[span], driven=bool(auto[number]))
                if hi - lo > 1
                else None
            )
            ways.append(found or _by_nearest(roads, t_s[span], x_m[span], y_m[span]))
            pieces.append(int(part_piece[number]))
    path = _joined([way.path_lonlat for way in ways]).reshape(-1, 2)
    path_x, path_y = roads.plane.to_metres(path[:, 0], path[:, 1])
    return Matched(
        np.array(pieces, np.int64),
        _numbered([way.t_s for way in ways]),
        _joined([way.t_s for way in ways]),
        _joined([way.along_m for way in ways]),
        _numbered([way.segment for way in ways]),
        _joined([way.segment for way in ways]).astype(np.int64),
        _joined([way.begin_m for way in ways]),
        _joined([way.end_m for way in ways]),
        _numbered([way.path_along_m for way in ways]),
        path_x,
        path_y,
        _joined([way.path_along_m for way in ways]),
    )


@dataclass(frozen=True, slots=True)
class _Way:
    """One part laid on the network; the fields of `Matched`."""

    t_s: Floats
    along_m: Floats
    segment: Ints
    begin_m: Floats
    end_m: Floats
    path_lonlat: Floats
    path_along_m: Floats


def _trace(roads: Roads, t_s: Floats, lon: Floats, lat: Floats, *, driven: bool) -> _Way | None:
    """One part by Valhalla; None if it has no answer."""
    since = np.round(t_s - t_s[0], 1)
    shape = [
        {"lat": la, "lon": lo, "time": at}
        for la, lo, at in zip(lat.tolist(), lon.tolist(), since.tolist(), strict=True)
    ]
    request = {
        "shape": shape,
        "costing": "auto" if driven else "pedestrian",
        "shape_match": "map_snap",
        "trace_options": {"search_radius": SEARCH_RADIUS_M},
        "filters": {"action": "include", "attributes": _ATTRIBUTES},
    }
    try:
        trace = _decoder.decode(roads.ask("trace_attributes", request))
    except ValhallaError:
        return None
    if not trace.edges or len(trace.matched_points) != len(shape):
        return None
    path = decoded(trace.shape)
    x, y = roads.plane.to_metres(path[:, 0], path[:, 1])
    metres = np.concatenate(([0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))))
    begin = metres[[e.begin_shape_index for e in trace.edges]]
    end = metres[[e.end_shape_index for e in trace.edges]]
    source = np.array([e.source_percent_along for e in trace.edges])
    target = np.array([e.target_percent_along for e in trace.edges])
    # "On no edge" is a number too large for an index.
    many = len(trace.edges)
    index = np.array(
        [p.edge_index if p.edge_index < many else -1 for p in trace.matched_points], np.int64
    )
    along = np.array([p.distance_along_edge for p in trace.matched_points])
    on = index >= 0
    if not on.any():
        return None
    index, along = index[on], along[on]
    share = np.clip((along - source[index]) / np.maximum(target - source, 1e-9)[index], 0, 1)
    along = begin[index] + share * (end - begin)[index]
    rising = np.append(True, np.diff(metres) > 0)
    return _Way(
        t_s[on],
        np.maximum.accumulate(along),
        np.array([e.way_id for e in trace.edges], np.int64),
        begin,
        end,
        path[rising],
        metres[rising],
    )


_ATTRIBUTES = [
    "shape",
    "edge.way_id",
    "edge.begin_shape_index",
    "edge.end_shape_index",
    "edge.source_percent_along",
    "edge.target_percent_along",
    "matched.type",
    "matched.edge_index",
    "matched.distance_along_edge",
]


def _by_nearest(roads: Roads, t_s: Floats, x_m: Floats, y_m: Floats) -> _Way:
    """The same answer from the nearest segment of each point; changes lie midway in time."""
    index, _ = roads.nearest(x_m, y_m)
    # Half a metre per second stands in for a way, so that time and way rise together.
    along = 0.5 * (t_s - t_s[0])
    change = np.flatnonzero(index[1:] != index[:-1]) + 1
    middle = (along[change - 1] + along[change]) / 2
    first = np.concatenate(([0], change)).astype(np.int64)
    last = along[-1] if len(along) > 1 else 0.0
    return _Way(
        t_s,
        along,
        roads.network.ids[index[first]],
        np.concatenate(([0.0], middle)),
        np.append(middle, last),
        np.empty((0, 2)),
        np.empty(0),
    )


def _joined(arrays: list[Any]) -> Any:
    return np.concatenate(arrays) if arrays else np.empty(0, np.float64)


def _numbered(arrays: list[Any]) -> Ints:
    """The number of its array for each value of `_joined(arrays)`."""
    return np.repeat(np.arange(len(arrays)), [len(a) for a in arrays]).astype(np.int64)
