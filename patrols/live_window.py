"""The last quarter of an hour of a bureau's positions, kept from one live round to the next.

A round reads only what was recorded after the newest position it knows of each person. What comes
late, from before that, shows at the next full reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from patrols.storage.fixes import FIX, read_fixes, read_newer

# Everything is read again this often.
FULL_EVERY = timedelta(seconds=60)
# Phones' clocks may run ahead by this.
AHEAD = timedelta(minutes=2)

type Rows = NDArray[np.void]


class Window:
    """Rows of `read_fixes` of the people on duty."""

    def __init__(self, length_s: float) -> None:
        self.length = timedelta(seconds=length_s)
        self.rows: Rows = np.empty(0, FIX)
        self._full_at: datetime | None = None
        self._people: frozenset[int] = frozenset()

    def read(self, bureau_id: int, since: Mapping[int, datetime], now: datetime) -> Rows:
        """All rows of the window of these people, each from a moment on, in no order.

        since: person id → when the present duty began.
        """
        people = frozenset(since)
        first, last = now - self.length, now + AHEAD
        if self._full_at is None or not timedelta() <= now - self._full_at < FULL_EVERY:
            self.rows = read_fixes(bureau_id, people, first, last)
            self._full_at = now
        else:
            joined = people - self._people
            newest = self._newest(people & self._people, first)
            new = read_newer(bureau_id, newest, last)
            kept = self.rows["t_s"] >= first.timestamp()
            old = self.rows[kept & np.isin(self.rows["person"], list(newest))]
            more = read_fixes(bureau_id, joined, first, last)
            self.rows = np.concatenate((old, new, more))
        self._people = people
        ids = np.array(sorted(people), dtype=np.int64)
        begins = np.array([since[pk].timestamp() for pk in ids.tolist()])
        at = np.minimum(np.searchsorted(ids, self.rows["person"]), max(len(ids) - 1, 0))
        if not len(ids):
            return self.rows[:0]
        mine = (ids[at] == self.rows["person"]) & (self.rows["t_s"] >= begins[at])
        return self.rows[mine]

    def _newest(self, people: frozenset[int], first: datetime) -> dict[int, float]:
        """The newest time known of each, or the window's beginning."""
        newest = dict.fromkeys(people, first.timestamp())
        if len(self.rows):
            order = np.lexsort((self.rows["t_s"], self.rows["person"]))
            ids, begin = np.unique(self.rows["person"][order], return_index=True)
            last = self.rows["t_s"][order][np.append(begin, len(order))[1:] - 1]
            for pk, at in zip(ids.tolist(), last.tolist(), strict=True):
                if pk in newest:
                    newest[pk] = max(newest[pk], at)
        return newest
