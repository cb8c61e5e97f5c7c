"""One person's true way: walking the streets, stopping, parking; where and what at every second."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from enum import IntEnum
from math import ceil, inf

import numpy as np
from numpy.typing import NDArray

from patrols.simulation.graph import Bools, Floats, Ints, StreetGraph, WaysTo

# A walker prefers to go straight on and streets not walked yet, and rarely turns on the spot.
STRAIGHT_POWER = 2.0
TURN_FLOOR = 0.1
TURN_BACK = 0.02

# Stops that belong to patrol (a word with a shopkeeper), and how often they come.
STOP_S = (20.0, 120.0)
STOP_EVERY_S = 420.0

# Pace differs from street to street by this share (standard deviation).
PACE_SPREAD = 0.06
WALKING_MPS = (0.9, 1.45)
DRIVING_MPS = (5.5, 9.0)


class State(IntEnum):
    """What a person was doing in a second."""

    WALKING = 0
    STOPPED = 1  # a short stop on patrol
    PARKED = 2  # long, in the open: not patrol
    INDOORS = 3  # long, under a roof: not patrol, and a bad signal
    DRIVING = 4


ACTIVE = (State.WALKING, State.STOPPED, State.DRIVING)


@dataclass(frozen=True, eq=False)
class Track:
    """Where a person truly was at each second from `start_s` on, n seconds.

    x_m, y_m: metres on the graph's plane; along_m: metres walked so far, never falling.
    segment: index of the street segment in the graph. state: a `State`.
    """

    start_s: int
    x_m: Floats
    y_m: Floats
    along_m: Floats
    segment: Ints
    state: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.x_m)

    @property
    def end_s(self) -> int:
        """The second after the last."""
        return self.start_s + len(self)

    @property
    def active(self) -> Bools:
        """Seconds that are patrol, shape (n,)."""
        return np.isin(self.state, ACTIVE)

    def between(self, from_s: float, until_s: float) -> Track:
        """The part in [from_s, until_s), cut to what there is."""
        lo = int(np.clip(ceil(from_s) - self.start_s, 0, len(self)))
        hi = int(np.clip(ceil(until_s) - self.start_s, lo, len(self)))
        return Track(
            self.start_s + lo,
            self.x_m[lo:hi],
            self.y_m[lo:hi],
            self.along_m[lo:hi],
            self.segment[lo:hi],
            self.state[lo:hi],
        )

    def then(self, later: Track) -> Track:
        """This track up to where `later` begins, and `later` from there on.

        Raises ValueError when seconds would be missing between the two.
        """
        if later.start_s > self.end_s or later.start_s < self.start_s:
            raise ValueError("the later track begins outside this one")
        head = self.between(self.start_s, later.start_s)
        walked = head.along_m[-1] if len(head) else 0.0
        shift = walked - (later.along_m[0] if len(later) else 0.0)
        return Track(
            self.start_s,
            np.concatenate((head.x_m, later.x_m)),
            np.concatenate((head.y_m, later.y_m)),
            np.concatenate((head.along_m, later.along_m + shift)),
            np.concatenate((head.segment, later.segment)),
            np.concatenate((head.state, later.state)),
        )


class Walker:
    """Builds a track step by step; `track()` gives it. Always stands at a junction between steps.

    liking: how gladly each segment is walked, shape (m,), 0 for never unless nothing else is left.
    speed_mps: the person's own pace. driving: whether steps are by vehicle.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        graph: StreetGraph,
        *,
        node: int,
        start_s: float,
        liking: Floats,
        speed_mps: float | None = None,
        driving: bool = False,
        stop_every_s: float = STOP_EVERY_S,
    ) -> None:
        self.rng, self.graph, self.liking = rng, graph, liking
        self.node, self.now_s = node, float(start_s)
        self.driving = driving
        pace = DRIVING_MPS if driving else WALKING_MPS
        self.speed_mps = float(rng.uniform(*pace)) if speed_mps is None else speed_mps
        self.stop_every_s = stop_every_s
        self.passages: list[tuple[float, int]] = [(self.now_s, node)]
        self._start_s = ceil(start_s)
        self._last = -1
        self._walked = np.zeros(len(graph))
        self._along = 0.0
        self._knots: list[tuple[float, float]] = [(self.now_s, 0.0)]
        self._states: list[tuple[float, State]] = []
        x, y = graph.node_m[node].tolist()
        self._way: list[tuple[float, float, float]] = [(0.0, x, y)]
        self._segments: list[tuple[float, int]] = [(0.0, graph.leaving[node][0])]
        self._next_stop_s = self._draw_stop()

    def stand(self, until_s: float, state: State = State.STOPPED) -> None:
        """Stay at the junction until a moment; nothing if it has passed."""
        if until_s <= self.now_s:
            return
        self._states.append((self.now_s, state))
        self.now_s = float(until_s)
        self._knots.append((self.now_s, self._along))
        self.passages.append((self.now_s, self.node))
        self._next_stop_s = self._draw_stop()

    def patrol(self, until_s: float, home: WaysTo | None = None) -> None:
        """Walk here and there until a moment, and with `home` be there by then.

        One turns for home when the next segment would make it too late, so one is rather early.
        """
        while self.now_s < until_s:
            segment = self._choose()
            if home is not None and np.isfinite(home.left_m[self.node]):
                beyond = self.graph.other_end(segment, self.node)
                way_m = float(self.graph.length_m[segment] + home.left_m[beyond])
                if self.now_s + way_m / self.speed_mps > until_s:
                    self.go(home)
                    return
            self.step(segment)

    def go(self, home: WaysTo, speed_mps: float | None = None) -> None:
        """Take the shortest way, without stops; stays put where there is none."""
        keep, self._next_stop_s = self._next_stop_s, inf
        while self.node != home.node and home.segment[self.node] >= 0:
            self.step(int(home.segment[self.node]), speed_mps)
        self._next_stop_s = max(keep, self.now_s)

    def step(self, segment: int, speed_mps: float | None = None) -> None:
        """Walk one segment to its other end, with a short stop on the way where one is due."""
        line = self.graph.from_node(segment, self.node)
        steps = np.hypot(np.diff(line[:, 0]), np.diff(line[:, 1]))
        along = self._along + np.cumsum(steps)
        self._way.extend(
            zip(along.tolist(), line[1:, 0].tolist(), line[1:, 1].tolist(), strict=True)
        )
        self._segments.append((self._along, segment))
        pace = speed_mps or self.speed_mps * float(
            np.clip(self.rng.lognormal(0.0, PACE_SPREAD), 0.8, 1.25)
        )
        moving = State.DRIVING if self.driving else State.WALKING
        end = float(along[-1])
        self._states.append((self.now_s, moving))
        while self.now_s + (end - self._along) / pace > self._next_stop_s:
            self._along += max(self._next_stop_s - self.now_s, 0.0) * pace
            self.now_s = max(self._next_stop_s, self.now_s)
            self._knots.append((self.now_s, self._along))
            self._states.append((self.now_s, State.STOPPED))
            self.now_s += float(self.rng.uniform(*STOP_S))
            self._knots.append((self.now_s, self._along))
            self._states.append((self.now_s, moving))
            self._next_stop_s = self._draw_stop()
        self.now_s += (end - self._along) / pace
        self._along = end
        self._knots.append((self.now_s, end))
        self._walked[segment] += 1
        self.node, self._last = self.graph.other_end(segment, self.node), segment
        self.passages.append((self.now_s, self.node))

    def passage_after(self, moment_s: float) -> tuple[float, int] | None:
        """When and where this way next passes a junction at or after a moment."""
        index = bisect_right(self.passages, (moment_s, -1))
        return self.passages[index] if index < len(self.passages) else None

    def track(self) -> Track:
        """Everything so far, second by second, up to the present moment."""
        seconds = np.arange(self._start_s, max(ceil(self.now_s), self._start_s + 1), dtype=np.int64)
        knots = np.array(self._knots)
        along = np.interp(seconds, knots[:, 0], knots[:, 1])
        way = np.array(self._way)
        from_m = np.array([f for f, _ in self._segments])
        segment = np.array([s for _, s in self._segments], dtype=np.int64)
        states = self._states or [(self.now_s, State.PARKED)]
        since = np.array([t for t, _ in states])
        state = np.array([s for _, s in states], dtype=np.uint8)
        return Track(
            self._start_s,
            np.interp(along, way[:, 0], way[:, 1]),
            np.interp(along, way[:, 0], way[:, 2]),
            along,
            segment[np.searchsorted(from_m, along, side="right") - 1],
            state[np.maximum(np.searchsorted(since, seconds, side="right") - 1, 0)],
        )

    def _draw_stop(self) -> float:
        return self.now_s + float(self.rng.exponential(self.stop_every_s))

    def _choose(self) -> int:
        """The next segment: liked, straight on, not walked yet."""
        leaving = self.graph.leaving[self.node]
        if len(leaving) == 1:
            return leaving[0]
        if self._last >= 0:
            back = self.graph.heading(self._last, self.node)
            ahead = np.array([-back[0], -back[1]])
            cos = np.array([np.dot(self.graph.heading(s, self.node), ahead) for s in leaving])
        else:
            cos = np.zeros(len(leaving))
        options = np.array(leaving)
        weight = TURN_FLOOR + ((1 + cos) / 2) ** STRAIGHT_POWER
        weight *= self.liking[options] / (1 + self._walked[options])
        weight[options == self._last] *= TURN_BACK
        total = float(weight.sum())
        if total <= 0:
            return int(self.rng.choice(options))
        return int(self.rng.choice(options, p=weight / total))


def beside(leader: Track, *, behind_m: float = 0.0, aside_m: float = 0.0) -> Track:
    """The way of somebody who walks behind or to the right of another, second by second.

    Behind follows the leader's own way around corners; aside is at right angles to it.
    """
    along = np.maximum(leader.along_m - behind_m, leader.along_m[0])
    x = np.interp(along, leader.along_m, leader.x_m)
    y = np.interp(along, leader.along_m, leader.y_m)
    when = np.minimum(np.searchsorted(leader.along_m, along, side="left"), len(leader) - 1)
    if aside_m:
        right_x, right_y = _right_of_way(x, y)
        x, y = x + aside_m * right_x, y + aside_m * right_y
    return replace(leader, x_m=x, y_m=y, along_m=along, segment=leader.segment[when])


def _right_of_way(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Unit vectors to the right of the direction of travel; standing keeps the last one."""
    if len(x) < 2:
        return np.ones_like(x), np.zeros_like(y)
    dx, dy = np.gradient(x), np.gradient(y)
    way = np.hypot(dx, dy)
    moving = np.flatnonzero(way > 0.05)
    if not len(moving):
        return np.ones_like(x), np.zeros_like(y)
    last = moving[np.maximum(np.searchsorted(moving, np.arange(len(x)), side="right") - 1, 0)]
    return dy[last] / way[last], -dx[last] / way[last]
