"""Who is with whom and who is parked, right now: the live form of the weekly judges. Pure.

The same track functions as the verdict (`geo.track`, `geo.together`, `geo.stays`) over the last
quarter of an hour. The live picture may be corrected a minute later, a verdict may not; so
"together" needs two minutes here, not five. What cannot be known is unknown, never alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bureau.rules import Rules
from geo.encounters import near_places, near_rows
from geo.shared_phones import shared_phones, without_shared
from geo.smoothing import TICK_S, Ticks
from geo.stays import find_stays
from geo.together import Clocked, PairSpans, errors_of, one_clock
from geo.track import Fixes
from geo.walks import on_one_clock, pairs_by

# How far back the live judge looks; more than `parked_after_s` by default, so a stay shows.
WINDOW_S = 900.0
# Our choice: two minutes together are shown as together (the verdict asks for `pair_min_s`).
TOGETHER_AFTER_S = 120.0
# "Alone" and "near somebody, not yet together" are read from the last two minutes.
RECENT_TICKS = 24
# Somebody whose phone fell silent within this of another may still be there.
LOST_WITHIN_M = 90.0
SILENT_TICKS = 6

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the live judge says of one person.

    company: "together", "alone" or "unknown" · since_s: since when, UTC (None: not known) ·
    partners: people in the same group · lost: people who fell silent nearby, for whose sake the
    company is unknown · parked_since_s: None unless parked · x_m, y_m: last usable place, smoothed.
    """

    company: str = "unknown"
    since_s: float | None = None
    partners: tuple[int, ...] = ()
    lost: frozenset[int] = field(default_factory=frozenset)
    parked_since_s: float | None = None
    x_m: float | None = None
    y_m: float | None = None


def judge_live(
    fixes: Fixes,
    people: Sequence[int],
    *,
    now_s: float,
    fresh_s: Floats,
    rules: Rules,
    patrol_of: Mapping[int, int] | None = None,
    lost_before: Mapping[int, frozenset[int]] | None = None,
) -> dict[int, Seen]:
    """Person id → what is seen of that person at `now_s`.

    fixes: the last `WINDOW_S` of everybody on duty in one bureau, track k being `people[k]`.
    fresh_s: shape (len(people),): a fix older than this is no longer fresh.
    patrol_of: person → started patrol; its members are partners by declaration.
    lost_before: `lost` of the round before, so that a silent partner stays remembered.
    """
    patrol_of, lost_before = patrol_of or {}, lost_before or {}
    used, track, ticks = on_one_clock(fixes, rules)
    last_t, last_x, last_y = _last_places(used, len(people))
    with np.errstate(invalid="ignore"):
        fresh = now_s - last_t <= fresh_s
    clocked = one_clock(ticks, len(people))
    error_m = errors_of(used, track, len(people))
    spans = pairs_by(rules, clocked, error_m, min_s=TOGETHER_AFTER_S)
    # Two accounts on one phone are no pair, here as in the verdict.
    shared = shared_phones(used, spans)
    spans = without_shared(spans, shared)
    company = _company(clocked, last_t, fresh, rules, spans)
    for one in shared:
        for k in (one.a, one.b):
            if one.end_s > last_t[k] - RECENT_TICKS * TICK_S:
                company[k] = ("unknown", None, [], company[k][3])
    parked = _parked_since(ticks, len(people), rules)
    found: dict[int, Seen] = {}
    number = {person: k for k, person in enumerate(people)}
    members: dict[int, list[int]] = defaultdict(list)
    for person in people:
        if person in patrol_of:
            members[patrol_of[person]].append(person)
    for k, person in enumerate(people):
        kind, since_s, partners, close = company[k]
        lost: set[int] = set()
        if fresh[k] and kind != "together":
            lost |= {people[q] for q in close if not fresh[q]}
            lost |= {q for q in lost_before.get(person, ()) if q in number and not fresh[number[q]]}
            if person in patrol_of:
                lost |= {
                    q for q in members[patrol_of[person]] if q != person and not fresh[number[q]]
                }
            if lost:
                kind, since_s = "unknown", None
        found[person] = Seen(
            company=kind,
            since_s=since_s,
            partners=tuple(people[q] for q in partners),
            lost=frozenset(lost),
            parked_since_s=parked[k] if fresh[k] else None,
            x_m=None if np.isnan(last_x[k]) else float(last_x[k]),
            y_m=None if np.isnan(last_y[k]) else float(last_y[k]),
        )
    return found


def _last_places(fixes: Fixes, tracks: int) -> tuple[Floats, Floats, Floats]:
    """Time and place of each track's last usable fix, NaN where there is none."""
    t, x, y = (np.full(tracks, np.nan) for _ in range(3))
    good = fixes.take(fixes.usable)
    t[good.track], x[good.track], y[good.track] = good.t_s, good.x_m, good.y_m  # the last one wins
    return t, x, y


def _company(
    clocked: Clocked,
    last_t: Floats,
    fresh: NDArray[np.bool_],
    rules: Rules,
    spans: PairSpans,
) -> list[tuple[str, float | None, list[int], list[int]]]:
    """For each track: company, since when, tracks of the same group, tracks that were close last.

    "Close last" are those near whom this track was when one of the two fell silent.
    """
    tracks = len(last_t)
    rows = len(clocked.x_m)
    known = clocked.known
    near = _near_somebody(clocked, fresh, rules.far_m)
    now_with: dict[int, set[int]] = defaultdict(set)
    began: dict[int, float] = {}
    ended: dict[int, float] = {}
    silent_with: dict[int, set[int]] = defaultdict(set)
    for a, b, start_s, end_s in zip(
        spans.a.tolist(), spans.b.tolist(), spans.start_s, spans.end_s, strict=True
    ):
        # The clock's last tick with both is what a span can reach at most.
        reaches = end_s > min(last_t[a], last_t[b]) - 2 * TICK_S
        for one, other in ((a, b), (b, a)):
            if reaches and fresh[a] and fresh[b]:
                now_with[one].add(other)
                began[one] = min(began.get(one, np.inf), float(start_s))
            else:
                ended[one] = max(ended.get(one, 0.0), float(end_s))
                if reaches:
                    silent_with[one].add(other)
    close_when_silent = _close_when_silent(clocked, known, fresh)
    recent_known = known[max(0, rows - 3 * RECENT_TICKS) :].sum(axis=0)
    first_known = np.argmax(known, axis=0) if rows else np.zeros(tracks, np.int64)
    found: list[tuple[str, float | None, list[int], list[int]]] = []
    for k in range(tracks):
        if not fresh[k]:
            found.append(("unknown", None, [], []))
            continue
        if k in now_with:
            found.append(("together", began[k], sorted(_group(k, now_with)), []))
            continue
        close = silent_with.get(k, set()) | close_when_silent.get(k, set())
        if recent_known[k] < RECENT_TICKS // 2 or near[k]:
            found.append(("unknown", None, [], sorted(close)))
            continue
        first_s = (clocked.first + int(first_known[k])) * TICK_S
        found.append(("alone", max(ended.get(k, 0.0), first_s), [], sorted(close)))
    return found


def _group(member: int, joined: Mapping[int, set[int]]) -> set[int]:
    """Everybody joined to a member through pairs, without the member."""
    found, waiting = {member}, [member]
    while waiting:
        for other in joined[waiting.pop()] - found:
            found.add(other)
            waiting.append(other)
    return found - {member}


def _near_somebody(clocked: Clocked, fresh: NDArray[np.bool_], far_m: float) -> NDArray[np.bool_]:
    """Which tracks had one fresh other within `far_m` for most of their own last two minutes."""
    known = clocked.known
    tracks = known.shape[1]
    recent = known & (np.cumsum(known[::-1], axis=0)[::-1] <= RECENT_TICKS)
    one, other, row = near_rows(clocked, far_m)
    one, other, row = np.concatenate((one, other)), np.concatenate((other, one)), np.tile(row, 2)
    counts = recent[row, one] & fresh[other]
    pair, near = np.unique(one[counts] * tracks + other[counts], return_counts=True)
    found = np.zeros(tracks, dtype=np.bool_)
    found[(pair // tracks)[near > recent.sum(axis=0)[pair // tracks] / 2]] = True
    return found


def _close_when_silent(
    clocked: Clocked, known: NDArray[np.bool_], fresh: NDArray[np.bool_]
) -> dict[int, set[int]]:
    """Fresh track → silent tracks near it at (nearly) their last known tick: at the last tick that
    has both, at most `SILENT_TICKS` earlier."""
    found: dict[int, set[int]] = defaultdict(set)
    silent = np.flatnonzero(~fresh & known.any(axis=0))
    if not len(silent) or not fresh.any():
        return found
    last = len(known) - 1 - np.argmax(known[::-1, silent], axis=0)
    for row in np.unique((last[:, None] - np.arange(SILENT_TICKS + 1)).ravel()).tolist():
        if row < 0:
            continue
        mine = (last >= row) & (last <= row + SILENT_TICKS) & known[row, silent]
        others, ends = silent[mine], last[mine]
        there = np.flatnonzero(known[row] & fresh)
        x_m, y_m = clocked.x_m[row], clocked.y_m[row]
        k, q = near_places((x_m[there], y_m[there]), (x_m[others], y_m[others]), LOST_WITHIN_M)
        later = np.zeros(len(k), dtype=np.bool_)
        for ahead in range(1, SILENT_TICKS + 1):
            at = np.minimum(row + ahead, len(known) - 1)
            both = known[at, there[k]] & known[at, others[q]]
            later |= both & (row + ahead <= ends[q])
        for one, other in zip(there[k[~later]].tolist(), others[q[~later]].tolist(), strict=True):
            found[one].add(other)
    return found


def _parked_since(ticks: Ticks, tracks: int, rules: Rules) -> list[float | None]:
    """Since when each track has been within one stay that is long enough and not over."""
    parked: list[float | None] = [None] * tracks
    if not len(ticks):
        return parked
    stays = find_stays(
        ticks, stay_radius_m=rules.stay_radius_m, stay_from_s=float(rules.stay_candidate_s)
    )
    last_tick = np.full(tracks, -1, dtype=np.int64)
    np.maximum.at(last_tick, ticks.track, ticks.tick)
    for piece, begin, end in zip(
        stays.piece.tolist(), stays.begin.tolist(), stays.end.tolist(), strict=True
    ):
        k = int(ticks.piece_track[piece])
        # Trimming takes up to half a minute off the end of a stay that goes on.
        goes_on = last_tick[k] - ticks.tick[end - 1] <= 6
        if goes_on and (end - begin) * TICK_S >= rules.parked_after_s:
            parked[k] = float(ticks.tick[begin] * TICK_S)
    return parked
