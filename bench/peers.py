"""Other ways to answer the same folder, for comparison: plain rules, a library, the bare matcher.

Each gives a `Said` with what it answers; what it says nothing about stays empty.
"""

import sys
import warnings
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.truth import Said, TruthFolder
from geo.matching import SEARCH_RADIUS_M, match
from geo.roads import Roads
from geo.smoothing import TICK_S
from geo.track import Fixes, in_order, runs
from geo.visits import passages

# Where `make bench` puts them, beside the product's own libraries and behind them.
LIBRARIES = Path(__file__).resolve().parents[1] / "var" / "bench" / "peers"

NEAR_M = 30.0
KNOWN_GAP_S = 30.0  # places between two fixes further apart in time are not made up
SILENCE_S = 300.0
# The best of the settings that were measured for foot patrols; 50 m finds far fewer stops.
STOP_DIAMETER_M, STOP_S = 100.0, 300


def fixes_of(truth: TruthFolder, roads: Roads) -> Fixes:
    """The folder's fixes as received, by officer and time."""
    x, y = roads.plane.to_metres(truth.lon_deg, truth.lat_deg)
    return in_order(truth.officer, truth.t_s, x, y, truth.accuracy_m)


def by_distance(truth: TruthFolder, roads: Roads) -> Said:
    """Pairs: nearer than 30 m on a clock of 5 s, and nothing else."""
    fixes = fixes_of(truth, roads)
    first = float(np.floor(fixes.t_s.min() / TICK_S) * TICK_S)
    clock = np.arange(first, fixes.t_s.max() + TICK_S, TICK_S)
    places = [_on(clock, fixes.take(fixes.track == i)) for i in range(len(truth.officers))]
    found = []
    for a, b in combinations(range(len(places)), 2):
        with np.errstate(invalid="ignore"):
            near = np.hypot(*(places[a] - places[b]).T) <= NEAR_M
        begin, end = runs(near)
        found += [
            (truth.officers[a], truth.officers[b], clock[s] - truth.t0_s, clock[s] - truth.t0_s + d)
            for s, d in zip(begin.tolist(), ((end - begin) * TICK_S).tolist(), strict=True)
            if near[s]
        ]
    return Said({}, {}, {}, found)


def _on(clock: NDArray[np.float64], mine: Fixes) -> NDArray[np.float64]:
    """Places on a clock, (n, 2); NaN between fixes too far apart in time."""
    right = np.searchsorted(mine.t_s, clock)
    inner = (right > 0) & (right < len(mine))
    left = np.clip(right - 1, 0, len(mine) - 1)
    gap = mine.t_s[np.clip(right, 0, len(mine) - 1)] - mine.t_s[left]
    known = inner & (gap <= KNOWN_GAP_S)
    x, y = (np.interp(clock, mine.t_s, values) for values in (mine.x_m, mine.y_m))
    place: NDArray[np.float64] = np.where(known[:, None], np.column_stack((x, y)), np.nan)
    return place


def by_nearest(truth: TruthFolder, roads: Roads) -> Said:
    """Streets: the nearest one of each fix, half of each step to either side; all time counts."""
    fixes = fixes_of(truth, roads)
    index, away = roads.nearest(fixes.x_m, fixes.y_m)
    street = np.where(away <= SEARCH_RADIUS_M, index, -1)
    piece = _pieces(fixes)
    walked: dict[str, list[tuple[int, float, float, float]]] = {n: [] for n in truth.officers}
    active = dict.fromkeys(truth.officers, 0.0)
    for begin, end in zip(*runs(piece), strict=True):
        t = fixes.t_s[begin:end] - truth.t0_s
        name = truth.officers[int(fixes.track[begin])]
        active[name] += float(t[-1] - t[0])
        edges = np.concatenate((t[:1], (t[1:] + t[:-1]) / 2, t[-1:]))
        for b, e in zip(*runs(street[begin:end]), strict=True):
            if (at := int(street[begin + b])) >= 0 and edges[e] > edges[b]:
                enter, leave = float(edges[b]), float(edges[e])
                walked[name].append((int(roads.network.ids[at]), enter, leave, leave - enter))
    return Said(active, on_beat(truth, walked), walked, [])


def by_matcher(truth: TruthFolder, roads: Roads) -> Said:
    """Streets: Valhalla on the fixes as received, cut only where the phone was silent."""
    fixes = fixes_of(truth, roads)
    _, away = roads.nearest(fixes.x_m, fixes.y_m)
    fixes = fixes.take(away <= SEARCH_RADIUS_M)
    piece = _pieces(fixes)
    begin, _ = runs(piece)
    driven = np.zeros(len(begin), np.int64)
    numbers = np.arange(len(begin), dtype=np.int64)
    passed = passages(match(roads, numbers, piece, fixes.t_s, fixes.x_m, fixes.y_m, driven))
    walked: dict[str, list[tuple[int, float, float, float]]] = {n: [] for n in truth.officers}
    for k, at in enumerate(begin[passed.piece].tolist()):
        enter, leave = float(passed.enter_s[k]), float(passed.exit_s[k])
        walked[truth.officers[int(fixes.track[at])]].append(
            (int(passed.segment[k]), enter - truth.t0_s, leave - truth.t0_s, leave - enter)
        )
    return Said({}, on_beat(truth, walked), walked, [])


def by_stops(truth: TruthFolder, roads: Roads) -> Said | None:
    """Minutes: the time of the track less MovingPandas' stops; None if that is not installed."""
    if str(LIBRARIES) not in sys.path:
        sys.path.append(str(LIBRARIES))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it would like a smoother that nobody asked for
            import geopandas
            import movingpandas
            import pandas
    except ImportError:
        return None
    fixes = fixes_of(truth, roads)
    lon, lat = roads.plane.to_degrees(fixes.x_m, fixes.y_m)
    active = {}
    for i, name in enumerate(truth.officers):
        mine = np.flatnonzero(fixes.track == i)
        t = fixes.t_s[mine]
        steps = np.diff(t)
        frame = geopandas.GeoDataFrame(
            {"who": i},
            geometry=geopandas.points_from_xy(lon[mine], lat[mine]),
            index=pandas.to_datetime(t, unit="s"),
            crs=4326,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            way = movingpandas.Trajectory(frame, i)
            stops = movingpandas.TrajectoryStopDetector(way).get_stop_time_ranges(
                max_diameter=STOP_DIAMETER_M, min_duration=pandas.Timedelta(seconds=STOP_S)
            )
        stood = sum((stop.t_n - stop.t_0).total_seconds() for stop in stops)
        active[name] = float(steps[steps <= SILENCE_S].sum()) - stood
    return Said(active, {}, {}, [])


def _pieces(fixes: Fixes) -> NDArray[np.int64]:
    new = np.ones(len(fixes), dtype=np.bool_)
    new[1:] = (np.diff(fixes.track) != 0) | (np.diff(fixes.t_s) > SILENCE_S)
    return np.cumsum(new) - 1


def on_beat(
    truth: TruthFolder, walked: dict[str, list[tuple[int, float, float, float]]]
) -> dict[str, float]:
    """Active time on the beat's streets."""
    return {
        name: sum(row[3] for row in rows if truth.in_beat[row[0]]) for name, rows in walked.items()
    }


# What each is asked for.
MINUTES: Sequence[str] = ("minutes_mean", "minutes_p95", "minutes_bias")
STREETS: Sequence[str] = ("beat_mean_min", "misallocated", "visits_precision", "visits_recall")
PAIRS: Sequence[str] = ("pairs_f1", "solo_called_paired")
PEERS = {
    "distance ≤ 30 m": (by_distance, PAIRS),
    "nearest street": (by_nearest, (*MINUTES, *STREETS)),
    "MovingPandas stops, 100 m / 300 s": (by_stops, MINUTES),
    "Valhalla on fixes as received": (by_matcher, STREETS),
}
