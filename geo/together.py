"""Tracks on one clock → who was together with whom, and how many.

GPS cannot see whether people walk side by side; it can see that they stay near and move alike.
Spans here are all stretches above the least length; what is a breach is decided by the judges.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.encounters import Clocked, Encounters, encounters
from geo.smoothing import TICK_S, Smooth, Ticks
from geo.stays import Stays
from geo.track import Bools, Fixes, Floats, Ints, known_median, runs

__all__ = [
    "Clocked",
    "Group",
    "PairSpans",
    "errors_of",
    "groups",
    "one_clock",
    "pairs",
    "without_desks",
]

Complexes = NDArray[np.complex128]

# Distances are medians of so many ticks, against single jumps.
MEDIAN_TICKS = 5

# Between two fixes this far apart in time the place is known well enough for pairs; a phone that
# stands still may report more rarely.
PAIR_GAP_S = 30.0
STILL_GAP_S = 90.0
STILL_M = 15.0

# Two who both moved less than this in the window need not have moved alike.
COMOVE_FREE_M = 40.0

# Walking together, the root mean square distance over a span is at most this share of `near_m`
# (19.5 of 30 m) beyond what the errors of the two phones explain. Measured: strangers who by chance
# go the same way swing between 0 and 45 m, companions keep their distance. A single
# distance counts up to the cap, also in shares. A span that fails keeps the parts in which they
# were that close over five minutes.
CLOSE_SHARE = 0.65
# Further away, up to this share (24 of 30 m, the other pavement), they are companions if the
# distance is steady: its middle half spreads no more than that of a normal distribution with this
# standard deviation, beyond the errors.
STEADY_SHARE = 0.8
STEADY_M = 4.0
MIDDLE_HALF = 1.349  # of a normal distribution, in standard deviations
CLOSE_CAP_SHARE = 2.5
CLOSE_TICKS = 60
WALKED_TICKS = 12  # fewer walked ticks than these say nothing

# A smoothed track errs by 1.4 times the median way between its fixes and itself (per axis; on
# simulated phones of 3, 6 and 12 m it errs 2.8, 5.5 and 9.9 m). No phone is better than the floor.
ERROR_PER_RESIDUAL = 1.4
ERROR_FLOOR_M = 4.0

# A stay this long is a desk: who sits near whom there is nobody's patrol.
DESK_S = 3600.0

# Encounters are judged in portions of about so many ticks, to bound the memory.
PORTION_TICKS = 1_000_000


@dataclass(frozen=True, slots=True)
class PairSpans:
    """p spans of two tracks together: a < b, from start_s up to end_s, seconds UTC."""

    a: Ints
    b: Ints
    start_s: Floats
    end_s: Floats

    def __len__(self) -> int:
        return len(self.a)


@dataclass(frozen=True, slots=True)
class Group:
    """Two and more tracks together from start_s up to end_s: joined by pairs, not all adjacent."""

    members: tuple[int, ...]
    start_s: float
    end_s: float


def one_clock(ticks: Ticks, tracks: int) -> Clocked:
    """Ragged ticks → one table, places kept only where the gap between fixes is short enough."""
    if not len(ticks):
        return Clocked(0, np.empty((0, tracks)), np.empty((0, tracks)))
    first = int(ticks.tick.min())
    rows = int(ticks.tick.max()) - first + 1
    x, y = np.full((rows, tracks), np.nan), np.full((rows, tracks), np.nan)
    sure = (ticks.gap_s <= PAIR_GAP_S) | ((ticks.gap_s <= STILL_GAP_S) & (ticks.gap_m < STILL_M))
    at = (ticks.tick[sure] - first, ticks.track[sure])
    x[at], y[at] = ticks.x_m[sure], ticks.y_m[sure]
    return Clocked(first, x, y)


def without_desks(clocked: Clocked, ticks: Ticks, stays: Stays) -> Clocked:
    """The same clock without the stays of an hour and more: company there is not asked for."""
    long = np.flatnonzero(stays.length_s >= DESK_S)
    if not len(long):
        return clocked
    x, y = clocked.x_m.copy(), clocked.y_m.copy()
    for k in long.tolist():
        track = int(ticks.piece_track[stays.piece[k]])
        begin, end = int(ticks.tick[stays.begin[k]]), int(ticks.tick[stays.end[k] - 1]) + 1
        x[begin - clocked.first : end - clocked.first, track] = np.nan
        y[begin - clocked.first : end - clocked.first, track] = np.nan
    return Clocked(clocked.first, x, y)


def errors_of(fixes: Fixes, smooth: Smooth, tracks: int) -> Floats:
    """How much each smoothed track errs per axis, metres, shape (tracks,).

    From the median way between the usable fixes and the smoothed track: what a phone itself says
    of its accuracy is not needed.
    """
    good = fixes.take(fixes.usable)
    off = np.hypot(good.x_m - smooth.x_m, good.y_m - smooth.y_m)
    bounds = np.searchsorted(good.track, np.arange(tracks + 1))
    error = np.full(tracks, ERROR_FLOOR_M)
    for k in np.flatnonzero(np.diff(bounds)).tolist():
        own = off[bounds[k] : bounds[k + 1]]
        middle = np.partition(own, len(own) // 2)[len(own) // 2]
        error[k] = max(ERROR_PER_RESIDUAL * middle, ERROR_FLOOR_M)
    return error


def pairs(
    clocked: Clocked,
    *,
    near_m: float,
    far_m: float,
    min_s: float,
    bridge_s: float,
    silence_s: float,
    comove_ratio: float,
    comove_window_s: float,
    error_m: Floats | None = None,
) -> PairSpans:
    """Spans in which two tracks were together, ordered by pair and time.

    On at `near_m`, off beyond `far_m`, distances being medians of five ticks; both must have moved
    alike over `comove_window_s` (before the moment or after it, so that parting does not reach back
    in time) unless both moved less than 40 m; breaks up to `bridge_s` are bridged, and so is a
    silence of one phone up to `silence_s` (the same gap that is credited as patrol time) between
    two stretches together. A span counts if they were seen together in it for `min_s`, and if they
    walked as close as companions do: see `CLOSE_SHARE`. error_m: of each track, see `errors_of`.
    """
    tracks = clocked.x_m.shape[1]
    window = max(1, int(comove_window_s / TICK_S))
    margin = max(window, MEDIAN_TICKS // 2)
    met = encounters(
        clocked,
        far_m=far_m,
        # Half of the known ticks around each one together are within far_m; each counts for at
        # most 1.4 of them.
        least=max(1, int(min_s / TICK_S / 3)),
        apart_rows=int((bridge_s + silence_s) / TICK_S) + 2 * margin + 2,
        margin_rows=margin + MEDIAN_TICKS,
    )
    errors = np.full(tracks, ERROR_FLOOR_M) if error_m is None else error_m
    displaced = _displaced(clocked, window)
    total = np.cumsum(met.end - met.begin)
    portion = total // PORTION_TICKS
    found = []
    for number in np.unique(portion).tolist():
        chosen = portion == number
        some = Encounters(met.a[chosen], met.b[chosen], met.begin[chosen], met.end[chosen])
        state = _Stretches.of(clocked, some)
        alike, moving = state.alike(displaced, window, comove_ratio)
        together = state.near(near_m, far_m) & alike
        limits = (min_s, bridge_s, silence_s)
        found.append(state.spans(together, moving, near_m, limits, errors))
    if not found:
        none_i, none_f = np.empty(0, np.int64), np.empty(0)
        return PairSpans(none_i, none_i, none_f, none_f)
    return PairSpans(*(np.concatenate(part) for part in zip(*found, strict=True)))


def _displaced(clocked: Clocked, window: int) -> Complexes:
    """How far each track moved in the `window` rows up to each row, (T + window, tracks), x + iy.

    From the first known place in that time to the last known one, NaN where there are not two. The
    way over the next `window` rows stands that many rows further down.
    """
    rows, tracks = clocked.x_m.shape
    place = np.full((rows + 2 * window, tracks), np.nan, dtype=np.complex128)
    place[window : window + rows] = clocked.x_m + 1j * clocked.y_m
    at = np.arange(len(place))[:, None]
    known = ~np.isnan(place.real)
    to = np.maximum.accumulate(np.where(known, at, -1), axis=0)[window:]
    since = np.where(known, at, len(place))
    since = np.minimum.accumulate(since[::-1], axis=0)[::-1][: rows + window]
    ok = to > since
    column = np.arange(tracks)[None, :]
    moved = place[np.where(ok, to, 0), column] - place[np.where(ok, since, 0), column]
    moved[~ok] = np.nan
    return moved


@dataclass(frozen=True, slots=True)
class _Stretches:
    """All ticks of some encounters, one after the other, n in all.

    met: the encounters · which (n,): encounter of each tick · since, length (n,): index of its
    first tick, and how many it has · row (n,): of the clock · first: tick of the clock's row 0 ·
    distance (n,), NaN where one is unknown.
    """

    met: Encounters
    which: Ints
    since: Ints
    length: Ints
    row: Ints
    first: int
    tracks: int
    distance: Floats

    @classmethod
    def of(cls, clocked: Clocked, met: Encounters) -> "_Stretches":
        """The ticks of the encounters, laid out."""
        tracks = clocked.x_m.shape[1]
        length = met.end - met.begin
        since = np.cumsum(length) - length
        which = np.repeat(np.arange(len(met)), length)
        row = np.arange(len(which)) + np.repeat(met.begin - since, length)
        a, b = row * tracks + np.repeat(met.a, length), row * tracks + np.repeat(met.b, length)
        x, y = clocked.x_m.ravel(), clocked.y_m.ravel()
        distance = np.hypot(x.take(a) - x.take(b), y.take(a) - y.take(b))
        return cls(
            met,
            which,
            np.repeat(since, length),
            np.repeat(length, length),
            row,
            clocked.first,
            tracks,
            distance,
        )

    def near(self, near_m: float, far_m: float) -> Bools:
        """Ticks on which both are known and near by the two limits."""
        middle = self._median_distance()
        with np.errstate(invalid="ignore"):
            on, off = middle <= near_m, middle > far_m
        # The last event in the same stretch decides.
        last = np.maximum.accumulate(np.where(on | off, np.arange(len(on)), -1))
        near: Bools = (last >= self.since) & on[np.maximum(last, 0)] & ~np.isnan(middle)
        return near

    def alike(self, displaced: Complexes, window: int, ratio: float) -> tuple[Bools, Bools]:
        """Where two moved alike over a window before or after the moment, or both too little to
        tell, or it is not known; and where one of them moved both before and after."""
        ways = displaced.ravel()
        alike = np.zeros(len(self.row), dtype=np.bool_)
        moving = np.ones(len(self.row), dtype=np.bool_)
        a, b = (self.row * self.tracks + track[self.which] for track in (self.met.a, self.met.b))
        for later in (0, window * self.tracks):
            one, other = ways.take(a + later), ways.take(b + later)
            moved = np.maximum(_square(one), _square(other))
            with np.errstate(invalid="ignore"):
                free = ~(moved >= COMOVE_FREE_M**2)
                alike |= free | (_square(one - other) <= ratio**2 * moved)
            moving &= ~free
        return alike, moving

    def spans(
        self,
        together: Bools,
        moving: Bools,
        near_m: float,
        limits: tuple[float, float, float],
        error_m: Floats,
    ) -> tuple[Ints, Ints, Floats, Floats]:
        """Bridged, long and close enough: a, b, start_s, end_s.

        limits: min_s, bridge_s, silence_s.
        """
        walked = together & moving
        cap = CLOSE_CAP_SHARE * near_m
        square = np.where(walked, np.minimum(np.nan_to_num(self.distance), cap) ** 2, 0.0)
        error2 = 2 * (error_m[self.met.a] ** 2 + error_m[self.met.b] ** 2)
        limit = (CLOSE_SHARE * near_m) ** 2 + error2[self.which]  # (n,)
        begin, end = self._bridged(together, *limits)
        close = _mean_below(square, walked, begin, end, limit[begin])
        wide = limit + (STEADY_SHARE**2 - CLOSE_SHARE**2) * near_m**2
        within = ~close & _mean_below(square, walked, begin, end, wide[begin])
        spread_m = MIDDLE_HALF * np.sqrt(STEADY_M**2 + error2 / 2)[self.which[begin]]
        for k in np.flatnonzero(within).tolist():
            one = slice(begin[k], end[k])
            low, high = np.quantile(self.distance[one][walked[one]], (0.25, 0.75))
            close[k] = high - low <= spread_m[k]
        part = np.zeros(len(together), dtype=np.bool_)
        for b, e in zip(begin[~close].tolist(), end[~close].tolist(), strict=True):
            part[b:e] = together[b:e]
        if part.any():
            at = np.arange(len(part))
            before = np.maximum(at - CLOSE_TICKS, self.since)
            after = np.minimum(at + CLOSE_TICKS + 1, self.since + self.length)
            part &= _mean_below(square, walked, before, at + 1, limit) | _mean_below(
                square, walked, at, after, limit
            )
            more_begin, more_end = self._bridged(part, *limits)
            kept = _mean_below(square, walked, more_begin, more_end, limit[more_begin])
            begin = np.concatenate((begin[close], more_begin[kept]))
            end = np.concatenate((end[close], more_end[kept]))
            order = np.argsort(begin)
            begin, end = begin[order], end[order]
        met = self.which[begin]
        start: Floats = (self.first + self.row[begin]) * np.float64(TICK_S)
        return self.met.a[met], self.met.b[met], start, start + (end - begin) * TICK_S

    def _bridged(
        self, together: Bools, min_s: float, bridge_s: float, silence_s: float
    ) -> tuple[Ints, Ints]:
        """Stretches joined over short breaks and silences, in which they were seen together for
        `min_s`: first tick and the one after the last."""
        begin, end = runs(np.where(together, self.which, -1))
        on = together[begin] if len(begin) else np.empty(0, np.bool_)
        begin, end = begin[on], end[on]
        if not len(begin):
            return begin, end
        seen_apart = np.concatenate(([0], np.cumsum(~np.isnan(self.distance))))
        apart_s = (seen_apart[begin[1:]] - seen_apart[end[:-1]]) * TICK_S
        away_s = (begin[1:] - end[:-1]) * TICK_S
        new = (apart_s > bridge_s) | (away_s - apart_s > silence_s)
        new |= self.which[begin[1:]] != self.which[begin[:-1]]
        first = np.flatnonzero(np.concatenate(([True], new)))
        begin, end = begin[first], end[np.append(first[1:], len(end)) - 1]
        long = _total(together, begin, end) * TICK_S >= min_s
        return begin[long], end[long]

    def _median_distance(self) -> Floats:
        """Median of each distance with two on both sides; NaN only where it is NaN itself."""
        n = len(self.distance)
        around = np.full((MEDIAN_TICKS, n), np.nan)
        around[2] = self.distance
        for k in (1, 2):
            same = self.which[k:] == self.which[:-k]
            around[2 - k, k:] = np.where(same, self.distance[:-k], np.nan)
            around[2 + k, :-k] = np.where(same, self.distance[k:], np.nan)
        middle = _median_of_five(around)
        # Only what has an unknown neighbour needs to be sorted.
        open_ = np.flatnonzero(np.isnan(middle) & ~np.isnan(self.distance))
        middle[open_] = known_median(around[:, open_].T)
        return middle


def _median_of_five(values: Floats) -> Floats:
    """Median of each column, (5, n) → (n,), by comparing; NaN where one of the five is."""
    a, b, c, d, e = values
    low = np.maximum(np.minimum(a, b), np.minimum(c, d))
    high = np.minimum(np.maximum(a, b), np.maximum(c, d))
    middle: Floats = np.maximum(np.minimum(e, low), np.minimum(np.maximum(e, low), high))
    return middle


def _square(ways: Complexes) -> Floats:
    square: Floats = ways.real**2 + ways.imag**2
    return square


def _mean_below(square: Floats, counted: Bools, begin: Ints, end: Ints, limit: Floats) -> Bools:
    """Whether the mean of each slice's counted squares is within its limit, or says nothing."""
    count = _total(counted, begin, end)
    below: Bools = (count < WALKED_TICKS) | (_total(square, begin, end) <= limit * count)
    return below


def _total(values: Floats | Bools, begin: Ints, end: Ints) -> Floats:
    """Sum of each slice [begin, end)."""
    total = np.concatenate(([0.0], np.cumsum(values, dtype=np.float64)))
    sums: Floats = total[end] - total[begin]
    return sums


def groups(spans: PairSpans) -> list[Group]:
    """Groups of two, three and more: who is joined by pair spans at each moment."""
    found: list[Group] = []
    for some in _parted(spans):
        running: dict[tuple[int, ...], float] = {}
        for moment in np.unique(np.concatenate((some.start_s, some.end_s))).tolist():
            live = (some.start_s <= moment) & (some.end_s > moment)
            now = set(_joined_members(some.a[live].tolist(), some.b[live].tolist()))
            for members in [m for m in running if m not in now]:
                found.append(Group(members, running.pop(members), moment))
            for members in now:
                running.setdefault(members, moment)
    return sorted(found, key=lambda g: (g.start_s, g.members))


def _parted(spans: PairSpans) -> list[PairSpans]:
    """The spans of each set of tracks that have nothing to do with the others that day."""
    member_of: dict[int, int] = {}
    parts = _joined_members(spans.a.tolist(), spans.b.tolist())
    for number, members in enumerate(parts):
        member_of.update(dict.fromkeys(members, number))
    number_of = np.array([member_of[a] for a in spans.a.tolist()], dtype=np.int64)
    found = []
    for number in range(len(parts)):
        k = number_of == number
        found.append(PairSpans(spans.a[k], spans.b[k], spans.start_s[k], spans.end_s[k]))
    return found


def _joined_members(a: list[int], b: list[int]) -> list[tuple[int, ...]]:
    """Connected components of pairs."""
    head: dict[int, int] = {}

    def top(member: int) -> int:
        head.setdefault(member, member)
        while head[member] != member:
            head[member] = head[head[member]]
            member = head[member]
        return member

    for left, right in zip(a, b, strict=True):
        head[top(left)] = top(right)
    together: dict[int, list[int]] = {}
    for member in sorted(head):
        together.setdefault(top(member), []).append(member)
    return [tuple(members) for members in together.values()]
