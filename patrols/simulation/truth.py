"""What was true, to score against: patrol seconds, streets walked, who was with whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from patrols.simulation.graph import Bools
from patrols.simulation.walker import State, Track

# Together is: within 15 m of one another for at least two minutes.
TOGETHER_M = 15.0
TOGETHER_S = 120


@dataclass(frozen=True, slots=True)
class OfficerTruth:
    """Seconds of one person's track. Short stops are active, parked time is not."""

    active_s: float
    on_beat_active_s: float
    parked_s: float
    indoors_s: float
    vehicle_s: float


@dataclass(frozen=True, slots=True)
class SegmentTruth:
    """One stretch on one segment (index in the graph), seconds on the tracks' clock."""

    segment: int
    enter_s: float
    exit_s: float
    active_s: float


@dataclass(frozen=True, slots=True)
class PairTruth:
    """Two people (indices) together, seconds on the tracks' clock."""

    a: int
    b: int
    start_s: float
    end_s: float


def officer_truth(track: Track, in_beat: Bools) -> OfficerTruth:
    """The sums of one track; `in_beat` says of each segment whether it belongs to the beat."""
    active = track.active
    return OfficerTruth(
        float(active.sum()),
        float((active & in_beat[track.segment]).sum()),
        float((~active).sum()),
        float((track.state == State.INDOORS).sum()),
        float((track.state == State.DRIVING).sum()),
    )


def segment_truth(track: Track) -> list[SegmentTruth]:
    """Every stretch on one segment in time order, the whole track without a gap."""
    if not len(track):
        return []
    change = np.flatnonzero(np.diff(track.segment)) + 1
    begins = np.concatenate(([0], change))
    ends = np.append(change, len(track))
    active = np.concatenate(([0], np.cumsum(track.active)))
    return [
        SegmentTruth(
            int(track.segment[begin]),
            float(track.start_s + begin),
            float(track.start_s + end),
            float(active[end] - active[begin]),
        )
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)
    ]


def pair_truth(tracks: Sequence[Track]) -> list[PairTruth]:
    """Everybody who was truly together with somebody; three in a column give three rows."""
    found = []
    for a, first in enumerate(tracks):
        for b in range(a + 1, len(tracks)):
            second = tracks[b]
            start = max(first.start_s, second.start_s)
            end = min(first.end_s, second.end_s)
            if end - start < TOGETHER_S:
                continue
            one, two = first.between(start, end), second.between(start, end)
            near = np.hypot(one.x_m - two.x_m, one.y_m - two.y_m) <= TOGETHER_M
            padded = np.concatenate(([False], near, [False])).astype(np.int8)
            edges = np.diff(padded)
            for begin, stop in zip(
                np.flatnonzero(edges == 1).tolist(),
                np.flatnonzero(edges == -1).tolist(),
                strict=True,
            ):
                if stop - begin >= TOGETHER_S:
                    found.append(PairTruth(a, b, float(start + begin), float(start + stop)))
    return found
