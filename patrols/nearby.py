"""Who may have been near somebody on a day: few positions are looked at, none is judged.

Deriving a day again asks who was together with whom. Reading everybody's positions for that takes
seconds in a bureau of 500. Street visits say who was on the same or the next street in which
minute; of people whose visits do not tell where they were, one position in ten minutes says who
could have come near. One position a minute, only then and only of them, says who did.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from math import cos, radians

import numpy as np
from numpy.typing import NDArray

from patrols.storage.fixes import LOOK, first_fixes

# Everybody is looked at once in so long, whoever is within reach once in so short a time. A span of
# company lasts minutes, so that several looks fall into each.
COARSE_S = 600
FINE_S = 60

# Who is together for the least five minutes is near at so many of these within so long; who passes
# by, or crosses the street again an hour later, is not.
LOOKS = 3
WITHIN_S = 900.0

# Somebody whom the rule of company could find is at most the far limit away, and this for the
# errors of two phones.
NOISE_M = 75.0
# Between two looks people get as far as they walk, or half as far again as they were seen to drive.
REACH_MPS = 2.5
DETOUR = 1.5

METRES_A_DEGREE = 111_320.0
MINUTES = 10_000  # more than any day with its margins has

type Rows = NDArray[np.void]
type Floats = NDArray[np.float64]
type Minutes = NDArray[np.int64]


def minutes_on(
    segment: NDArray[np.int64],
    minute: NDArray[np.int64],
    visits: Sequence[tuple[int, int, datetime, datetime]],
) -> Minutes:
    """Who of the visitors was on which of the given segments in the given minute, or next to it.

    segment, minute: (n,), the segments within reach in each minute since 1970 · visits: person,
    segment, entered, left. Returns (k, 2): person, minute.
    """
    if not visits:
        return np.empty((0, 2), np.int64)
    person, where = (np.array([row[k] for row in visits], np.int64) for k in (0, 1))
    begin = np.array([row[2].timestamp() for row in visits]) // FINE_S - 1
    end = np.array([row[3].timestamp() for row in visits]) // FINE_S + 1
    count = (end - begin + 1).astype(np.int64)
    at = np.repeat(np.arange(len(person)), count)
    each = (
        begin.astype(np.int64)[at] + np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count)
    )
    base = int(each.min())
    there = np.isin(where[at] * MINUTES + each - base, segment * MINUTES + minute - base)
    return np.column_stack((person[at][there], each[there]))


NOBODY = np.empty(0, LOOK)


class Nearby:
    """Who was near whom between two moments; people: those whose visits do not tell."""

    def __init__(
        self, bureau_id: int, people: Collection[int], start: datetime, end: datetime, far_m: float
    ) -> None:
        self.bureau_id, self.limit_m = bureau_id, far_m + NOISE_M
        self.people = np.array(sorted(people), dtype=np.int64)
        self.start_s, self.end_s = start.timestamp(), end.timestamp()
        self._looks: dict[int, Rows] = {}

    def around(self, fixes: Rows, asked: Minutes) -> set[int]:
        """Who may have been near the one person whose fixes (rows of `read_fixes`) these are.

        asked: (k, 2), person ids and minutes since 1970 in which they may have been.
        """
        if not len(fixes):
            return set()
        own = fixes[np.argsort(fixes["t_s"])]
        asked = np.unique(np.concatenate((asked, self._reachable(own))), axis=0)
        asked = asked[asked[:, 0] != own["person"][0]]
        looked = first_fixes(self.bureau_id, asked[:, 0], asked[:, 1] * np.float64(FINE_S), FINE_S)
        near = _ways(own, looked["t_s"], looked["lon_deg"], looked["lat_deg"]) <= self.limit_m
        there = np.sort(looked[near], order=("person", "t_s"))
        first, last = there[: -LOOKS + 1], there[LOOKS - 1 :]
        met = (first["person"] == last["person"]) & (last["t_s"] - first["t_s"] <= WITHIN_S)
        return {int(person) for person in np.unique(first["person"][met])}

    def _reachable(self, own: Rows) -> Minutes:
        """Which of `people` could have been near in which minutes, by a look in ten minutes."""
        seen = self._look(np.unique((own["t_s"] - self.start_s) // COARSE_S).astype(np.int64))
        seen = seen[seen["person"] != own["person"][0]]
        if not len(seen):
            return np.empty((0, 2), np.int64)
        offset = np.arange(-COARSE_S, COARSE_S + 1, FINE_S, dtype=np.float64)
        at = seen["t_s"][:, None] + offset[None, :]
        way = _ways(own, at, seen["lon_deg"][:, None], seen["lat_deg"][:, None])
        close = way <= self.limit_m + _speeds(seen)[:, None] * np.abs(offset)[None, :]
        who = np.broadcast_to(seen["person"][:, None], at.shape)[close]
        minute = np.floor(at[close] / FINE_S)
        return np.column_stack((who, minute.astype(np.int64)))

    def _look(self, steps: NDArray[np.int64]) -> Rows:
        """One position of everybody in each stretch of `COARSE_S`, by person and time."""
        new = [step for step in steps.tolist() if step not in self._looks]
        if new and len(self.people):
            person = np.repeat(self.people, len(new))
            step = np.tile(np.array(new), len(self.people))
            rows = first_fixes(self.bureau_id, person, self.start_s + step * COARSE_S, COARSE_S)
            found = ((rows["t_s"] - self.start_s) // COARSE_S).astype(np.int64)
            self._looks |= {one: rows[found == one] for one in new}
        looks = np.concatenate(
            [NOBODY, *(self._looks.get(step, NOBODY) for step in steps.tolist())]
        )
        return looks[np.lexsort((looks["t_s"], looks["person"]))]


def _ways(own: Rows, at_s: Floats, lon_deg: Floats, lat_deg: Floats) -> Floats:
    """Metres from places to where the own fixes, in order of time, were at those moments.

    Infinite before the first and after the last fix.
    """
    lon = np.interp(at_s, own["t_s"], own["lon_deg"], left=np.inf, right=np.inf)
    lat = np.interp(at_s, own["t_s"], own["lat_deg"], left=np.inf, right=np.inf)
    return _metres(lon - lon_deg, lat - lat_deg, float(own["lat_deg"][0]))


def _metres(lon_deg: Floats, lat_deg: Floats, at_lat_deg: float) -> Floats:
    east = lon_deg * (METRES_A_DEGREE * cos(radians(at_lat_deg)))
    metres: Floats = np.hypot(east, lat_deg * METRES_A_DEGREE)
    return metres


def _speeds(seen: Rows) -> Floats:
    """How fast each may have been, from the looks before and after, which are in order."""
    speed = np.full(len(seen), REACH_MPS)
    way = _metres(np.diff(seen["lon_deg"]), np.diff(seen["lat_deg"]), float(seen["lat_deg"][0]))
    time = np.maximum(np.diff(seen["t_s"]), 1.0)
    same = np.diff(seen["person"]) == 0
    between = np.where(same, DETOUR * way / time, 0.0)
    speed[1:] = np.maximum(speed[1:], between)
    speed[:-1] = np.maximum(speed[:-1], between)
    return speed
