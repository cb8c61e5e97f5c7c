"""What a supervisor should look at on a person's day, and when. Pure.

A flag is never a verdict: it says what was seen, and a person decides. One of them has an effect:
while two phones report the same fixes, neither is company for the other, and the company of both is
not known.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from geo.faults import (
    CLOCK_FIXES,
    CLOCK_SLOW_S,
    anchors,
    clock_error,
    replayed,
    resent,
    residuals,
    teleports,
)
from geo.shared_phones import SharedPhone, correlation
from geo.smoothing import TICK_S
from geo.stays import Kind
from geo.together import PairSpans
from geo.track import Bools, Fault, Floats, Ints, bounds_of
from geo.two_phones import Apart
from geo.walks import Walks
from patrols.wire.reading import Flag

# Places of the app (pings, anchors, places sent again) are worth a look above this.
SYNTHETIC_LEAST = 3
SYNTHETIC_SHARE = 0.02

# Errors of two phones go together above this; a hint. Strangers reach 0.23, a pair on one path
# 0.63, because the smoother cuts the same corners; copies 1.00.
ALIKE_CORRELATION = 0.9

# A clock that jumped has been late for so long, in order of receiving.
CLOCK_RUN_S = 600.0

# A day in one place.
ONE_PLACE_S = 7200.0
ONE_PLACE_ACTIVE_S = 60.0


class FlagCode(StrEnum):
    """What was seen; the pages have the sentences."""

    MOCK = "mock"
    NO_TIME = "no_time"
    SYNTHETIC = "synthetic"
    TELEPORT = "teleport"
    REPLAYED = "replayed"
    CLOCK_SLOW = "clock_slow"
    CLOCK_AHEAD = "clock_ahead"
    SAME_PHONE = "same_phone"
    ALIKE = "alike"
    ONE_PLACE = "one_place"
    UPLOADED = "uploaded"
    TWO_PHONES = "two_phones"


@dataclass(frozen=True, slots=True)
class DayFlag:
    """One thing to look at on a person's day: seconds after the local midnight.

    count: fixes it rests on · value: the measured number, its unit by code (teleport m/s, replayed
    m, clock s, alike correlation, two phones m; 0 where there is none) · other: id of the other
    person, 0 none.
    """

    code: FlagCode
    start_s: float
    end_s: float
    count: int = 0
    value: float = 0.0
    other: int = 0

    def stored(self) -> dict[str, Any]:
        """As it stands in `PersonDay.flags`."""
        return {key: str(v) if key == "code" else v for key, v in asdict(self).items()}


def two_phones(track: int, apart: Sequence[Apart], bounds_s: tuple[float, float]) -> list[DayFlag]:
    """Where phones of one person were at two places on the day."""
    mine = [
        (one, span)
        for one in apart
        if one.track == track and (span := _within((one.start_s, one.end_s), bounds_s)) is not None
    ]
    if not mine:
        return []
    return [
        DayFlag(
            FlagCode.TWO_PHONES,
            min(span[0] for _, span in mine),
            max(span[1] for _, span in mine),
            sum(one.count for one, _ in mine),
            max(one.metres for one, _ in mine),
        )
    ]


def look_over(
    walks: Walks,
    pairs: PairSpans,
    shared: Sequence[SharedPhone],
    people: Sequence[int],
    bounds_s: tuple[float, float],
) -> list[list[DayFlag]]:
    """What to look at on the local day within `bounds_s` (seconds UTC), for each track.

    people: person id of each track · pairs, shared: of the same tracks, before `without_shared`.
    """
    fixes = walks.fixes
    found: list[list[DayFlag]] = [[] for _ in people]
    bounds = bounds_of(fixes.track, len(people))
    made = (fixes.fault & Fault.SYNTHETIC != 0) | resent(fixes) | anchors(fixes)
    marks = (
        (FlagCode.MOCK, fixes.fault & Fault.MOCK != 0, 1, 0.0),
        (FlagCode.NO_TIME, fixes.fault & Fault.NO_TIME != 0, 1, 0.0),
        (FlagCode.SYNTHETIC, made, SYNTHETIC_LEAST, SYNTHETIC_SHARE),
    )
    today = (fixes.t_s >= bounds_s[0]) & (fixes.t_s < bounds_s[1])
    for code, marked, least, share in marks:
        here = np.flatnonzero(marked & today)
        for track in np.unique(fixes.track[here]).tolist():
            at = here[fixes.track[here] == track]
            if len(at) >= max(least, share * (bounds[track + 1] - bounds[track])):
                found[track].append(_flag(code, fixes.t_s[at], bounds_s))
    leaped, speed = teleports(fixes)
    for track in np.unique(fixes.track[leaped]).tolist():
        mine = (fixes.track[leaped] == track) & today[leaped]
        if mine.any():
            fastest = float(speed[mine].max())
            found[track].append(
                _flag(FlagCode.TELEPORT, fixes.t_s[leaped[mine]], bounds_s, fastest)
            )
    index, away = residuals(fixes, walks.smooth)
    moving = _moving_at(walks, index)
    inner = bounds_of(fixes.track[index], len(people))
    for track in range(len(people)):
        mine = np.arange(inner[track], inner[track + 1])
        mine = mine[moving[mine] & today[index[mine]]]
        rough = replayed(fixes.take(index[mine]), away[mine])
        if rough is not None:
            found[track].append(_flag(FlagCode.REPLAYED, fixes.t_s[index[mine]], bounds_s, rough))
    for one in shared:
        span = _within((one.start_s, one.end_s), bounds_s)
        if span is not None:
            for mine_, other in ((one.a, one.b), (one.b, one.a)):
                flag = DayFlag(FlagCode.SAME_PHONE, *span, one.count, 0.0, people[other])
                found[mine_].append(flag)
    _look_for_alike(found, walks, pairs, shared, people, bounds_s, (index, away, moving, inner))
    return found


def _look_for_alike(
    found: list[list[DayFlag]],
    walks: Walks,
    pairs: PairSpans,
    shared: Sequence[SharedPhone],
    people: Sequence[int],
    bounds_s: tuple[float, float],
    left: tuple[Ints, Floats, Bools, Ints],
) -> None:
    """Add the pairs whose errors go together though their fixes are not the same."""
    index, away, moving, inner = left
    t_s = walks.fixes.t_s[index]
    same = {(one.a, one.b) for one in shared}
    on_foot = np.ones(len(people), dtype=np.bool_)
    on_foot[walks.smooth.piece_track[walks.smooth.piece_mode == 2]] = False
    for a, b in sorted(set(zip(pairs.a.tolist(), pairs.b.tolist(), strict=True)) - same):
        # In a car the smoother lags behind every phone alike.
        if not (on_foot[a] and on_foot[b]):
            continue
        both = (pairs.a == a) & (pairs.b == b)
        begin, end = float(pairs.start_s[both].min()), float(pairs.end_s[both].max())
        span = _within((begin, end), bounds_s)
        if span is None:
            continue
        parts = []
        for track in (a, b):
            lo, hi = np.searchsorted(t_s[inner[track] : inner[track + 1]], (begin, end))
            mine = np.arange(inner[track] + lo, inner[track] + hi)
            mine = mine[moving[mine]]
            parts += [t_s[mine], away[mine]]
        how_much = correlation(*parts)
        if how_much is not None and how_much >= ALIKE_CORRELATION:
            for mine_, other in ((a, b), (b, a)):
                found[mine_].append(
                    DayFlag(FlagCode.ALIKE, *span, 0, round(how_much, 2), people[other])
                )


def _moving_at(walks: Walks, index: Ints) -> Bools:
    """Which of the fixes lie on a tick in motion, (m,)."""
    ticks = walks.ticks
    if not len(ticks) or not len(index):
        return np.zeros(len(index), dtype=np.bool_)
    # One rising key for (track, tick) on both sides.
    first = int(ticks.tick.min())
    width = int(ticks.tick.max()) - first + 2
    key = ticks.track * width + ticks.tick - first
    tick = np.floor(walks.fixes.t_s[index] / TICK_S).astype(np.int64) - first
    asked = walks.fixes.track[index] * width + np.clip(tick, 0, width - 1)
    order = np.argsort(key, kind="stable")
    at = order[np.minimum(np.searchsorted(key[order], asked), len(key) - 1)]
    on: Bools = (key[at] == asked) & (walks.kind[at] == Kind.MOVING)
    return on


def clock_flags(
    track: Ints,
    t_s: Floats,
    received_s: Floats,
    flags: Ints,
    people: int,
    bounds_s: tuple[float, float],
) -> list[list[DayFlag]]:
    """What the clocks of the phones say, for each track, from stored fixes in any order, (n,).

    received_s: when the server got each · flags: `patrols.wire.Flag` bits. Files uploaded after
    the fact are named for themselves; they and fixes without a time say nothing about a clock.
    """
    found: list[list[DayFlag]] = [[] for _ in range(people)]
    today = (t_s >= bounds_s[0]) & (t_s < bounds_s[1])
    given = np.flatnonzero(today & (flags & Flag.UPLOADED_LATER != 0))
    for one in np.unique(track[given]).tolist():
        found[one].append(_flag(FlagCode.UPLOADED, t_s[given[track[given] == one]], bounds_s))
    told = flags & (Flag.NO_TIME | Flag.UPLOADED_LATER) == 0
    told &= today
    ahead = np.flatnonzero(told & (flags & Flag.CLOCK_SKEW != 0))
    for one in np.unique(track[ahead]).tolist():
        at = ahead[track[ahead] == one]
        most = float((t_s[at] - received_s[at]).max())
        found[one].append(_flag(FlagCode.CLOCK_AHEAD, t_s[at], bounds_s, most))
    late = received_s - t_s >= CLOCK_SLOW_S
    slow = np.bincount(track[told & late], minlength=people)
    for one in np.flatnonzero(slow >= CLOCK_FIXES).tolist():
        at = np.flatnonzero(told & (track == one))
        # Almost all fixes of a slow clock are late, or all since it jumped.
        part = at if slow[one] >= 0.95 * len(at) else since_jump(at, late, received_s)
        error = clock_error(t_s[part], received_s[part])
        if error is not None:
            found[one].append(_flag(FlagCode.CLOCK_SLOW, t_s[part], bounds_s, error))
    return found


def since_jump(at: Ints, late: Bools, received_s: Floats) -> Ints:
    """Of one person's fixes `at`, the longest run of late ones in the order of receiving.

    Empty unless they came over ten minutes: what was caught up after a silence comes at once.
    """
    at = at[np.argsort(received_s[at], kind="stable")]
    padded = np.concatenate(([False], late[at], [False]))
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    starts, ends = edges[::2], edges[1::2]
    longest = int(np.argmax(ends - starts))
    run = at[starts[longest] : ends[longest]]
    came_s = received_s[run]
    return run if came_s[-1] - came_s[0] >= CLOCK_RUN_S else run[:0]


def one_place(start_s: float, end_s: float, parked_s: float, active_s: float) -> DayFlag | None:
    """A day in one place: two hours parked and more, and no minute of motion.

    Perhaps indoors all day, perhaps the phone lay on a desk.
    """
    if parked_s >= ONE_PLACE_S and active_s < ONE_PLACE_ACTIVE_S:
        return DayFlag(FlagCode.ONE_PLACE, start_s, end_s, 0, parked_s)
    return None


def _flag(
    code: FlagCode, t_s: Floats, bounds_s: tuple[float, float], value: float = 0.0
) -> DayFlag:
    """A flag from the first to the last of its fixes."""
    start, end = float(t_s.min()) - bounds_s[0], float(t_s.max()) - bounds_s[0]
    return DayFlag(code, start, end, len(t_s), round(value, 2))


def _within(
    span_s: tuple[float, float], bounds_s: tuple[float, float]
) -> tuple[float, float] | None:
    """A span in seconds after the beginning of the bounds, cut to them; None if outside."""
    start, end = max(span_s[0], bounds_s[0]), min(span_s[1], bounds_s[1])
    return (start - bounds_s[0], end - bounds_s[0]) if end > start else None
