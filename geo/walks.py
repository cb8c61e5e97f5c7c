"""All stages from fixes to streets in their order: what a live judge, a week and a bench share."""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bureau.rules import Rules
from geo.modes import modes
from geo.progress import keep_pace
from geo.roads import Roads
from geo.smoothing import Smooth, Ticks, on_clock, smooth
from geo.stays import ACTIVE, Stays, find_stays, kinds, parked_fixes
from geo.together import Clocked, PairSpans, errors_of, one_clock, pairs, without_desks
from geo.track import Bools, Fixes, Floats, Ints, clean
from geo.visits import (
    NOWHERE,
    Passages,
    active_seconds,
    apart_from_stays,
    lay_on_streets,
    passages,
    segment_at,
)


@dataclass(frozen=True, slots=True)
class Walks:
    """What became of the fixes of some people.

    fixes: with the faults found · smooth · ticks (n,) · kind: `Kind` of each tick (n,) · stays ·
    passages (m,) and their active seconds (m,) · passage_at: passage of each tick, -1 off street.
    """

    fixes: Fixes
    smooth: Smooth
    ticks: Ticks
    kind: NDArray[np.uint8]
    stays: Stays
    passages: Passages
    active_s: Floats
    passage_at: Ints

    @property
    def active(self) -> Bools:
        """Ticks that were patrol: moving, stops, credited gaps."""
        return np.isin(self.kind, ACTIVE)


def follow(roads: Roads, fixes: Fixes, rules: Rules) -> Walks:
    """Clean → cut and smooth → stays and gaps → match → time on each street.

    `fixes` lie on `roads.plane`. Every stage is a function of its own file and can be used alone.
    """
    return on_streets(roads, off_streets(fixes, rules))


def on_one_clock(fixes: Fixes, rules: Rules) -> tuple[Fixes, Smooth, Ticks]:
    """Clean → cut and smooth → ticks: the fixes with the faults found, the track, its ticks."""
    cleaned = clean(
        fixes, max_accuracy_m=rules.max_accuracy_m, max_speed_foot_mps=rules.max_speed_foot_mps
    )
    mode = modes(
        cleaned,
        bicycle_from_mps=rules.bicycle_speed_mps,
        vehicle_from_mps=rules.vehicle_speed_mps,
    )
    track = smooth(
        cleaned, mode, max_gap_s=rules.max_gap_s, max_speed_foot_mps=rules.max_speed_foot_mps
    )
    return cleaned, track, on_clock(track)


def off_streets(fixes: Fixes, rules: Rules) -> Walks:
    """Everything before the streets: who was near whom does not ask for them."""
    cleaned, track, ticks = on_one_clock(fixes, rules)
    stays = find_stays(ticks, stay_radius_m=rules.stay_radius_m, stay_from_s=rules.stay_candidate_s)
    kind = kinds(
        ticks,
        stays,
        stay_from_s=rules.stay_candidate_s,
        parked_after_s=rules.parked_after_s,
        max_gap_s=rules.max_gap_s,
        gap_speed_mps=rules.gap_speed_mps,
    )
    nowhere = np.full(len(ticks), -1, np.int64)
    return Walks(cleaned, track, ticks, kind, stays, NOWHERE, np.empty(0), nowhere)


def on_streets(roads: Roads, walks: Walks) -> Walks:
    """The same walks with what they passed: match → time along the way → time on each street."""
    ticks, kind, track = walks.ticks, walks.kind, walks.smooth
    way = keep_pace(
        lay_on_streets(roads, ticks, kind),
        walks.fixes.take(walks.fixes.usable),
        track.piece,
        ~parked_fixes(ticks, kind, track),
        track.piece_mode == 2,
    )
    walked = apart_from_stays(passages(way), ticks, kind)
    return replace(
        walks,
        passages=walked,
        active_s=active_seconds(ticks, walks.active, walked),
        passage_at=segment_at(ticks, walked),
    )


def walks_of(walks: Walks, tracks: Collection[int]) -> Walks:
    """The walks of some tracks, as if they alone had been followed, not yet on streets."""
    chosen = list(tracks)
    track, ticks, stays = walks.smooth, walks.ticks, walks.stays
    piece = np.isin(track.piece_track, chosen)
    number = np.cumsum(piece) - 1
    fix, tick, stay = piece[track.piece], piece[ticks.piece], piece[stays.piece]
    tick_number = np.concatenate(([0], np.cumsum(tick)))
    return Walks(
        walks.fixes.take(np.isin(walks.fixes.track, chosen)),
        Smooth(
            number[track.piece[fix]],
            track.piece_track[piece],
            track.piece_mode[piece],
            track.t_s[fix],
            track.x_m[fix],
            track.y_m[fix],
        ),
        Ticks(
            number[ticks.piece[tick]],
            track.piece_track[piece],
            track.piece_mode[piece],
            ticks.tick[tick],
            ticks.x_m[tick],
            ticks.y_m[tick],
            (np.cumsum(fix) - 1)[ticks.fix[tick]],
            ticks.gap_s[tick],
            ticks.gap_m[tick],
        ),
        walks.kind[tick],
        Stays(
            number[stays.piece[stay]],
            tick_number[stays.begin[stay]],
            tick_number[stays.end[stay]],
            stays.x_m[stay],
            stays.y_m[stay],
        ),
        NOWHERE,
        np.empty(0),
        np.full(int(tick.sum()), -1, np.int64),
    )


def company(walks: Walks, tracks: int, rules: Rules) -> tuple[Clocked, PairSpans]:
    """Who was together with whom among `tracks` people, and the clock on which it was seen."""
    clocked = one_clock(walks.ticks, tracks)
    asked = without_desks(clocked, walks.ticks, walks.stays)
    errors = errors_of(walks.fixes, walks.smooth, tracks)
    return clocked, pairs_by(rules, asked, errors, min_s=rules.pair_min_s)


def pairs_by(rules: Rules, clocked: Clocked, error_m: Floats, *, min_s: float) -> PairSpans:
    """The spans together by a bureau's rules, `min_s` long at least."""
    return pairs(
        clocked,
        near_m=rules.near_m,
        far_m=rules.far_m,
        min_s=min_s,
        bridge_s=rules.pair_bridge_s,
        silence_s=rules.max_gap_s,
        comove_ratio=rules.comove_ratio,
        comove_window_s=rules.comove_window_s,
        error_m=error_m,
    )
