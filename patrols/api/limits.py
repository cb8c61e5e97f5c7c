"""How much each sender may send (token buckets), and have under way at a time (shares)."""

from __future__ import annotations

import time
from collections.abc import Hashable

MOST_KEYS = 20_000


class Buckets[K: Hashable]:
    """A bucket for each key: `burst` tokens at first, refilled at `per_s`."""

    def __init__(self, burst: float, per_s: float) -> None:
        self.burst = burst
        self.per_s = per_s
        self.levels: dict[K, tuple[float, float]] = {}  # tokens, at (monotonic s)

    def take(self, key: K, tokens: float) -> bool:
        """Take tokens; false if there are not enough, and then none are taken."""
        now_s = time.monotonic()
        level, at_s = self.levels.get(key, (self.burst, now_s))
        level = min(self.burst, level + (now_s - at_s) * self.per_s)
        if level < tokens:
            return False
        if len(self.levels) >= MOST_KEYS and key not in self.levels:
            self.drop_full(now_s)
        self.levels[key] = (level - tokens, now_s)
        return True

    def has(self, key: K, tokens: float) -> bool:
        """Whether `take` would succeed; nothing is taken."""
        level, at_s = self.levels.get(key, (self.burst, 0.0))
        return min(self.burst, level + (time.monotonic() - at_s) * self.per_s) >= tokens

    def drop_full(self, now_s: float) -> None:
        """Forget keys whose bucket is full again; all of them if that frees too little."""
        self.levels = {
            key: (level, at_s)
            for key, (level, at_s) in self.levels.items()
            if level + (now_s - at_s) * self.per_s < self.burst
        }
        if len(self.levels) >= MOST_KEYS:
            self.levels.clear()


class Shares[K: Hashable]:
    """What each key has under way: any amount at a time if it has nothing else, else `most` in all.

    So a single large thing is never refused, and nobody fills the room with many.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.held: dict[K, int] = {}

    def take(self, key: K, amount: int) -> bool:
        """Hold an amount; false if the key has too much under way, and then nothing is held."""
        held = self.held.get(key, 0)
        if held and held + amount > self.most:
            return False
        self.held[key] = held + amount
        return True

    def give_back(self, key: K, amount: int) -> None:
        """What was taken is done with."""
        left = self.held[key] - amount
        if left > 0:
            self.held[key] = left
        else:
            del self.held[key]
