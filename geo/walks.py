"""All stages from fixes to streets in their order: what a live judge, a week and a bench share."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bureau.rules import Rules
from geo.progress import keep_pace
from geo.roads import Roads
from geo.smoothing import Smooth, Ticks, on_clock, smooth
from geo.stays import ACTIVE, Stays, find_stays, kinds, parked_fixes
from geo.together import Clocked, PairSpans, errors_of, one_clock, pairs, without_desks
from geo.track import Bools, Fixes, Floats, Ints, clean, modes
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


def follow(roads: Roads, fixes: Fixes, rules: Rules, *, streets: bool = True) -> Walks:
    """Clean → cut and smooth → stays and gaps → match → time on each street.

    `fixes` lie on `roads.plane`. Every stage is a function of its own file and can be used alone.
    Without `streets` the last two are left out: who was near whom does not ask for them.
    """
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
    ticks = on_clock(track)
    stays = find_stays(ticks, stay_radius_m=rules.stay_radius_m, stay_from_s=rules.stay_candidate_s)
    kind = kinds(
        ticks,
        stays,
        stay_from_s=rules.stay_candidate_s,
        parked_after_s=rules.parked_after_s,
        max_gap_s=rules.max_gap_s,
        gap_speed_mps=rules.gap_speed_mps,
    )
    walked = NOWHERE
    if streets:
        good = cleaned.take(cleaned.usable)
        way = keep_pace(
            lay_on_streets(roads, ticks, kind),
            good,
            track.piece,
            ~parked_fixes(ticks, kind, track),
            track.piece_mode == 2,
        )
        walked = apart_from_stays(passages(way), ticks, kind)
    active = np.isin(kind, ACTIVE)
    return Walks(
        cleaned,
        track,
        ticks,
        kind,
        stays,
        walked,
        active_seconds(ticks, active, walked),
        segment_at(ticks, walked),
    )


def company(walks: Walks, tracks: int, rules: Rules) -> tuple[Clocked, PairSpans]:
    """Who was together with whom among `tracks` people, and the clock on which it was seen."""
    clocked = one_clock(walks.ticks, tracks)
    spans = pairs(
        without_desks(clocked, walks.ticks, walks.stays),
        near_m=rules.near_m,
        far_m=rules.far_m,
        min_s=rules.pair_min_s,
        bridge_s=rules.pair_bridge_s,
        silence_s=rules.max_gap_s,
        comove_ratio=rules.comove_ratio,
        comove_window_s=rules.comove_window_s,
        error_m=errors_of(walks.fixes, walks.smooth, tracks),
    )
    return clocked, spans
