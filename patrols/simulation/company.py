"""People who walk together: a row or a column, partings, and finding one another again."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from patrols.simulation.graph import Floats, StreetGraph
from patrols.simulation.walker import Track, Walker, beside

ROW_M = 1.5
COLUMN_M = 4.0

# Somebody late for a meeting walks up to this fast; further away than that they do not meet.
HURRY_MPS = 2.0


class Formation(StrEnum):
    """Two walk in a row, three in a column (两人成行、三人成列)."""

    ROW = "row"
    COLUMN = "column"


def in_formation(leader: Track, size: int, formation: Formation) -> list[Track]:
    """The tracks of `size` people who walk as one, the leader first."""
    if formation == Formation.ROW:
        asides = [0.0, ROW_M, -ROW_M, 2 * ROW_M][:size]
        return [leader, *(beside(leader, aside_m=aside) for aside in asides[1:])]
    return [leader, *(beside(leader, behind_m=COLUMN_M * place) for place in range(1, size))]


def parted(
    rng: np.random.Generator,
    graph: StreetGraph,
    leader: Walker,
    follower: Track,
    *,
    split_s: float,
    rejoin_s: float | None,
    until_s: float,
    liking: Floats,
    home: int | None = None,
) -> Track:
    """`follower` with a stretch of their own from the junction after `split_s`.

    With `rejoin_s` they wait for the leader at a junction passed at about that time and go on
    together; without it, or where there is no way back in time, they part for good and walk until
    `until_s`. With `home`, the junction where the leader ends too, they are there by then.
    """
    parting = leader.passage_after(split_s)
    if parting is None or parting[0] >= until_s:
        return follower
    own = Walker(rng, graph, node=parting[1], start_s=parting[0], liking=liking)
    meeting = leader.passage_after(rejoin_s) if rejoin_s is not None else None
    if meeting is not None and meeting[0] < until_s:
        ways = graph.ways_to(meeting[1])
        # Set out early enough to be there a minute before.
        own.patrol(max(meeting[0] - 60.0, own.now_s), ways)
        left_s = meeting[0] - own.now_s
        left_m = float(ways.left_m[own.node])
        if left_s > 0 and left_m <= HURRY_MPS * left_s:
            if left_m:
                own.go(ways, max(own.speed_mps, left_m / left_s))
            own.stand(meeting[0])
            again = follower.between(own.track().end_s, follower.end_s)
            alone = follower.then(own.track())
            return alone.then(again) if len(again) else alone
    if home is None:
        own.patrol(until_s)
        return follower.then(own.track()).between(follower.start_s, follower.end_s)
    own.patrol(until_s, graph.ways_to(home))
    own.stand(until_s)
    alone = follower.then(own.track())
    # From there on both are at home, and the follower's own track says how.
    return alone.then(follower.between(alone.end_s, follower.end_s))
