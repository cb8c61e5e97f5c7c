"""What a phone says about a way: correlated error, jumps, losses, gaps, its own clock.

The error model is that of the project's analysis notes, section 6: each axis a Gauss-Markov
process e(t+dt) = a·e(t) + sigma·sqrt(1 - a²)·n with a = exp(-dt/tau), plus white noise, plus rare
jumps; indoors larger, slower, with jumps of several fixes (a wireless network's place).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import exp, sqrt

import numpy as np

from patrols.simulation.graph import Bools, Floats, Ints, StreetGraph
from patrols.simulation.walker import State, Track


@dataclass(frozen=True, slots=True)
class Noise:
    """One class of surroundings. sigma and white are per axis."""

    name: str
    sigma_m: float
    tau_s: float
    white_m: float
    jump_share: float


OPEN = Noise("open", 3.0, 30.0, 1.0, 0.001)
URBAN = Noise("urban", 6.0, 30.0, 1.5, 0.005)
CANYON = Noise("canyon", 12.0, 40.0, 2.0, 0.015)
INDOORS = Noise("indoors", 15.0, 120.0, 2.0, 0.01)
CLASSES = {noise.name: noise for noise in (OPEN, URBAN, CANYON)}

JUMP_M = (40.0, 150.0)
# Indoors a jump lasts three fixes of a phone that reports every 5 s; one that reports once a
# minute has found its place again by the next.
INDOOR_JUMP_S = 12.0

# A phone's accuracy figure is the radius that holds 68 % of the error: 1.51 sigma on two axes. It
# knows half of its present error and guesses the rest.
RADIUS_PER_SIGMA = 1.51
KNOWN_ERROR = 0.5
ACCURACY_SPREAD = 0.2
BEST_ACCURACY_M = 3.0

STILL = (State.PARKED, State.INDOORS)
WAKES_AFTER_S = 5.0  # a phone that rested notices that it is being carried


@dataclass(frozen=True, slots=True)
class PhoneKind:
    """How one phone behaves.

    poor: one phone in ten errs at 12 m wherever it is.
    clock_s: its clock is ahead by this. loss: share of fixes that never come.
    moving_s, still_s: seconds between fixes while carried about and while at rest.
    """

    noise: Noise = URBAN
    poor: bool = False
    clock_s: float = 0.0
    loss: float = 0.025
    moving_s: float = 5.0
    still_s: float = 5.0

    @property
    def sigma_m(self) -> float:
        """Error per axis in the open air."""
        return max(self.noise.sigma_m, CANYON.sigma_m) if self.poor else self.noise.sigma_m


@dataclass(frozen=True, eq=False)
class Fixes:
    """n fixes of one phone in time order, as it would report them.

    true_s: when they were taken; time_s: when the phone says so. Degrees, metres, m/s; course is
    clockwise from north.
    """

    true_s: Floats
    time_s: Floats
    lon_deg: Floats
    lat_deg: Floats
    accuracy_m: Floats
    speed_mps: Floats
    course_deg: Floats

    def __len__(self) -> int:
        return len(self.time_s)

    def taken(self, index: Ints | Bools) -> Fixes:
        """Some of the fixes, by index or mask, in that order."""
        return Fixes(*(getattr(self, field.name)[index] for field in fields(self)))


def record(
    rng: np.random.Generator,
    graph: StreetGraph,
    track: Track,
    kind: PhoneKind,
    *,
    gaps: Sequence[tuple[float, float]] = (),
) -> Fixes:
    """The fixes of a phone carried along a track; nothing during `gaps` (spans in seconds)."""
    when = fix_times(rng, track, kind)
    index = np.clip(when - track.start_s, 0, len(track) - 1)
    second = index.astype(np.int64)
    grid = np.arange(len(track))
    x = np.interp(index, grid, track.x_m)
    y = np.interp(index, grid, track.y_m)
    indoors = track.state[second] == State.INDOORS
    error = errors(rng, when, indoors, kind)
    sigma = np.where(indoors, INDOORS.sigma_m, kind.sigma_m)
    guess = rng.lognormal(0.0, ACCURACY_SPREAD, len(when))
    accuracy = RADIUS_PER_SIGMA * sigma * guess * (1 - KNOWN_ERROR)
    accuracy += KNOWN_ERROR * np.hypot(error[:, 0], error[:, 1])
    back = np.maximum(second - 2, 0)
    dx, dy = track.x_m[second] - track.x_m[back], track.y_m[second] - track.y_m[back]
    speed = np.hypot(dx, dy) / 2 + np.abs(rng.normal(0.0, 0.15, len(when)))
    course = np.degrees(np.arctan2(dx, dy)) % 360.0
    lon, lat = graph.plane.to_degrees(x + error[:, 0], y + error[:, 1])
    fixes = Fixes(
        when,
        when + kind.clock_s,
        lon,
        lat,
        np.round(np.maximum(accuracy, BEST_ACCURACY_M), 1),
        np.round(speed, 2),
        np.round(course, 0),
    )
    kept = rng.random(len(when)) >= kind.loss
    for begin, end in gaps:
        kept &= (when < begin) | (when >= end)
    return fixes.taken(kept)


def fix_times(rng: np.random.Generator, track: Track, kind: PhoneKind) -> Floats:
    """When a phone takes its fixes, shape (n,): often while moving, seldom at rest."""
    still = np.isin(track.state, STILL)
    wakes = track.start_s + np.flatnonzero(still[:-1] & ~still[1:]) + WAKES_AFTER_S
    at = track.start_s + float(rng.uniform(0, min(kind.moving_s, len(track) - 1)))
    times = []
    end = track.end_s - 1
    next_wake = 0
    jitter = rng.uniform(0.9, 1.1, int(len(track) / min(kind.moving_s, kind.still_s) * 1.2) + 9)
    while at <= end:
        times.append(at)
        resting = bool(still[int(at) - track.start_s])
        step = (kind.still_s if resting else kind.moving_s) * float(
            jitter[len(times) % len(jitter)]
        )
        while next_wake < len(wakes) and wakes[next_wake] <= at:
            next_wake += 1
        if resting and next_wake < len(wakes):
            step = min(step, float(wakes[next_wake]) - at)
        at += max(step, 1.0)
    return np.array(times)


def errors(rng: np.random.Generator, when: Floats, indoors: Bools, kind: PhoneKind) -> Floats:
    """East and north error of each fix in metres, shape (n, 2)."""
    n = len(when)
    if not n:
        return np.empty((0, 2))
    sigma = np.where(indoors, INDOORS.sigma_m, kind.sigma_m)
    tau = np.where(indoors, INDOORS.tau_s, kind.noise.tau_s)
    white = np.where(indoors, INDOORS.white_m, kind.noise.white_m)
    jump = np.where(indoors, INDOORS.jump_share, kind.noise.jump_share)
    draws = rng.normal(size=(n, 2)).tolist()
    state_x, state_y = draws[0]
    unit = [(state_x, state_y)]
    steps = (np.diff(when) / tau[1:]).tolist()
    for step, (east, north) in zip(steps, draws[1:], strict=True):
        keep = exp(-step)
        fresh = sqrt(1 - keep * keep)
        state_x = keep * state_x + fresh * east
        state_y = keep * state_y + fresh * north
        unit.append((state_x, state_y))
    error = np.array(unit) * sigma[:, None] + rng.normal(size=(n, 2)) * white[:, None]
    for first in np.flatnonzero(rng.random(n) < jump).tolist():
        lasts_s = INDOOR_JUMP_S if indoors[first] else 0.0
        end = int(np.searchsorted(when, when[first] + lasts_s, side="right"))
        away = rng.uniform(*JUMP_M)
        angle = rng.uniform(0, 2 * np.pi)
        error[first:end] += away * np.array([np.cos(angle), np.sin(angle)])
    return error
