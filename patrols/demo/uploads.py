"""A shift's fixes → what the phone posts: batches of a Traccar client, or one OwnTracks message
after another; late ones in any order. Pure."""

from __future__ import annotations

import numpy as np

from patrols.demo.past import Carried, seed_of
from patrols.simulation.dialects import Request, owntracks, traccar_batch

BATCH = 100  # what the client's SDK sends at most


def queue_of(carried: Carried, secret: str) -> list[Request]:
    """The requests of one shift, in the order in which they are sent."""
    fixes = carried.fixes
    if carried.app == "owntracks":
        return [
            owntracks(secret, carried.badge, fixes, i, battery(i, len(fixes)))
            for i in range(len(fixes))
        ]
    order = np.arange(len(fixes))
    if carried.late:
        rng = np.random.default_rng(seed_of("late", carried.badge, float(fixes.time_s[0])))
        order = rng.permutation(order)
    return [
        traccar_batch(secret, fixes, order[i : i + BATCH].tolist(), battery(i, len(fixes)))
        for i in range(0, len(order), BATCH)
    ]


def battery(index: int, fixes: int) -> float:
    """Share of charge left: a shift takes about half."""
    return round(0.96 - 0.5 * index / max(fixes, 1), 2)
