"""A smoothed track laid on the street network by Valhalla's map matcher (Newson and Krumm 2009)."""

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from valhalla._valhalla import ValhallaError

from geo.roads import Roads
from geo.track import Floats, Ints

# Beyond this a place is on no street of ours. Valhalla allows 100 m at most.
SEARCH_RADIUS_M = 60.0

# The way along the streets is averaged over this. Measured on five simulated mornings: 6.5 % of
# the time on wrong streets instead of 6.7 %, 9.6 instead of 10.1 % in narrow streets.
STEADY_S = 40.0
STEADY_STEP_S = 5.0

# Valhalla refuses traces of more than 16,000 points; longer tracks are matched in turns.
MAX_POINTS = 15_000


@dataclass(frozen=True, slots=True)
class Matched:
    """A track laid on the network: k parts, each an unbroken way along segments.

    part_piece: piece of each part (k,). Points: part, time, metres along the part's way (never
    falling). Edges, in the order walked: part, segment id, metres at its begin and its end.
    """

    part_piece: Ints
    point_part: Ints
    point_t_s: Floats
    point_along_m: Floats
    edge_part: Ints
    edge_segment: Ints
    edge_begin_m: Floats
    edge_end_m: Floats


class _Edge(msgspec.Struct):
    way_id: int
    length: float = 0.0
    source_percent_along: float = 0.0
    target_percent_along: float = 1.0


class _Point(msgspec.Struct):
    type: str = "unmatched"
    edge_index: int = -1
    distance_along_edge: float = 0.0


class _Trace(msgspec.Struct):
    edges: list[_Edge]
    matched_points: list[_Point]


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
    points: list[tuple[int, Floats, Floats]] = []
    edges: list[tuple[int, Ints, Floats, Floats]] = []
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
            ) or _by_nearest(roads, t_s[span], x_m[span], y_m[span])
            at, along, segment, begin, end = found
            points.append((len(pieces), at, along))
            edges.append((len(pieces), segment, begin, end))
            pieces.append(int(part_piece[number]))
    return Matched(
        np.array(pieces, np.int64),
        np.repeat([p[0] for p in points], [len(p[1]) for p in points]).astype(np.int64),
        _joined([p[1] for p in points]),
        _joined([p[2] for p in points]),
        np.repeat([e[0] for e in edges], [len(e[1]) for e in edges]).astype(np.int64),
        _joined([e[1] for e in edges]).astype(np.int64),
        _joined([e[2] for e in edges]),
        _joined([e[3] for e in edges]),
    )


type _Way = tuple[Floats, Floats, Ints, Floats, Floats]


def _trace(roads: Roads, t_s: Floats, lon: Floats, lat: Floats, *, driven: bool) -> _Way | None:
    """Times, metres along, segments, begin and end of one part by Valhalla; None if it has none."""
    first = float(t_s[0])
    shape = [
        {"lat": la, "lon": lo, "time": round(at - first, 1)}
        for la, lo, at in zip(lat.tolist(), lon.tolist(), t_s.tolist(), strict=True)
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
    length = np.array([e.length for e in trace.edges]) * 1000.0
    source = np.array([e.source_percent_along for e in trace.edges])
    target = np.array([e.target_percent_along for e in trace.edges])
    segment = np.array([e.way_id for e in trace.edges], np.int64)
    end = np.cumsum(length)
    begin = end - length
    index = np.array([p.edge_index for p in trace.matched_points])
    part = np.array([p.distance_along_edge for p in trace.matched_points])
    on = (index >= 0) & (index < len(trace.edges))
    if not on.any():
        return None
    index, part = index[on], part[on]
    share = np.clip((part - source[index]) / np.maximum(target - source, 1e-9)[index], 0, 1)
    along = _steadied(t_s[on], begin[index] + share * length[index])
    return t_s[on], along, segment, begin, end


_ATTRIBUTES = [
    "edge.way_id",
    "edge.length",
    "edge.source_percent_along",
    "edge.target_percent_along",
    "matched.type",
    "matched.edge_index",
    "matched.distance_along_edge",
]


def _steadied(t_s: Floats, along_m: Floats) -> Floats:
    """Metres along the way, averaged over `STEADY_S` and made never falling, (n,).

    Along the way found, unlike on the plane, averaging cuts no corner; noise that moves a walker
    back and forth along a street goes down.
    """
    if len(t_s) < 3:
        return np.maximum.accumulate(along_m)
    clock = np.arange(t_s[0], t_s[-1] + STEADY_STEP_S, STEADY_STEP_S)
    even = np.interp(clock, t_s, along_m)
    reach = min(int(STEADY_S / STEADY_STEP_S / 2), len(even) - 1)
    # Mirrored at both ends, so that the first and the last place stay where they are.
    padded = np.concatenate(
        (
            2 * even[0] - even[reach:0:-1],
            even,
            2 * even[-1] - even[-2 : -reach - 2 : -1],
        )
    )
    mean = np.convolve(padded, np.full(2 * reach + 1, 1 / (2 * reach + 1)), "valid")
    steady: Floats = np.maximum.accumulate(np.interp(t_s, clock, mean))
    return np.clip(steady, along_m.min(), along_m.max())


def _by_nearest(roads: Roads, t_s: Floats, x_m: Floats, y_m: Floats) -> _Way:
    """The same answer from the nearest segment of each point; changes lie midway in time."""
    index, _ = roads.nearest(x_m, y_m)
    # Half a metre per second stands in for a way, so that time and way rise together.
    along = 0.5 * (t_s - t_s[0])
    change = np.flatnonzero(index[1:] != index[:-1]) + 1
    middle = (along[change - 1] + along[change]) / 2
    first = np.concatenate(([0], change)).astype(np.int64)
    last = along[-1] if len(along) > 1 else 0.0
    return (
        t_s,
        along,
        roads.network.ids[index[first]],
        np.concatenate(([0.0], middle)),
        np.append(middle, last),
    )


def _joined(arrays: list[Any]) -> Any:
    return np.concatenate(arrays) if arrays else np.empty(0, np.float64)
