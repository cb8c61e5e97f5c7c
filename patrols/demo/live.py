"""People who are walking now: one stretch of a crew after another, posted as it happens. Pure.

Each stretch begins where the last one ended. The first begins some minutes ago, so that a map that
is opened right after the start shows tails and pairs; those fixes are delivered at once, together.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from patrols.demo.cast import Crew, Member, Way
from patrols.demo.ground import Beat
from patrols.demo.past import phone_kind, seed_of
from patrols.demo.uploads import BATCH
from patrols.simulation.company import Formation, in_formation, parted
from patrols.simulation.dialects import Request, owntracks, traccar_batch, traccar_form
from patrols.simulation.phone import Fixes, record
from patrols.simulation.walker import State, Track, Walker

STRETCH_S = 1200.0
# Inside the time before a turn of duty in which positions count (rules: duty_slack_s).
BACK_S = 720.0
# Somebody without signal: this long, and then everything at once.
NO_SIGNAL_S = 600.0
PARKED_S = 1500.0
STILL_S = 30.0  # seen often enough to count as fresh
WALK_AFTER_PARKED_S = 480.0
# From fix to server.
DELAY_S = (0.2, 1.5)
# The next stretch is made this long before the last one ends.
AHEAD_S = 30.0


@dataclass(order=True, frozen=True, slots=True)
class Post:
    """A request and when it is due (UTC seconds)."""

    due_s: float
    number: int
    badge: str = field(compare=False)
    request: Request = field(compare=False)


@dataclass
class LiveCrew:
    """A crew on the street: where its last stretch ended and when."""

    crew: Crew
    beat: Beat
    secrets: dict[str, str]
    node: int
    until_s: float
    stretches: int = 0

    def tracks(self, rng: np.random.Generator) -> list[Track]:
        """The true ways of the next stretch; moves the crew on."""
        graph = self.beat.streets
        start_s = self.until_s
        leader = Walker(rng, graph, node=self.node, start_s=start_s, liking=self.beat.liking)
        if self.crew.live == "parked":
            leader.stand(start_s + PARKED_S, State.PARKED)
            leader.patrol(leader.now_s + WALK_AFTER_PARKED_S)
        else:
            leader.patrol(start_s + STRETCH_S)
        size = len(self.crew.members)
        formation = Formation.COLUMN if self.crew.column else Formation.ROW
        tracks = in_formation(leader.track(), size, formation)
        if size > 1 and self.crew.way in (Way.PARTS, Way.PARTS_AND_MEETS):
            tracks[-1] = parted(
                rng,
                graph,
                leader,
                tracks[-1],
                split_s=start_s + 0.45 * STRETCH_S,
                rejoin_s=start_s + 0.85 * STRETCH_S,
                until_s=leader.now_s,
                liking=self.beat.liking,
                home=leader.node,
            )
        self.node, self.until_s = leader.node, float(tracks[0].end_s)
        self.stretches += 1
        return tracks


@dataclass
class Street:
    """All crews that are on now and what their phones are about to post."""

    crews: list[LiveCrew]
    seed: int
    waiting: list[Post] = field(default_factory=list)
    made: int = 0

    def go_on(self, now_s: float) -> None:
        """Make the next stretches of the crews whose last one is about to end."""
        for live in self.crews:
            while live.until_s < now_s + AHEAD_S:
                rng = np.random.default_rng(
                    [self.seed, seed_of(live.crew.key), int(live.until_s), live.stretches]
                )
                start_s = live.until_s
                tracks = live.tracks(rng)
                for member, track in zip(live.crew.members, tracks, strict=True):
                    self.add(live, member, track, start_s, now_s, rng)

    def add(
        self,
        live: LiveCrew,
        member: Member,
        track: Track,
        start_s: float,
        now_s: float,
        rng: np.random.Generator,
    ) -> None:
        """Put one person's fixes of a stretch into the queue."""
        fixes = record(rng, live.beat.streets, track, phone_kind(member.badge, member.app, STILL_S))
        due = fixes.true_s + rng.uniform(*DELAY_S, len(fixes))
        past = np.flatnonzero(fixes.true_s < now_s)
        self.post_together(live, member, fixes, past.tolist(), now_s)
        rest = np.flatnonzero(fixes.true_s >= now_s)
        if live.crew.live == "weak":
            begin = max(start_s + 0.3 * STRETCH_S, now_s + 60.0)
            silent = rest[(due[rest] >= begin) & (due[rest] < begin + NO_SIGNAL_S)]
            shuffled = rng.permutation(silent).tolist()
            self.post_together(live, member, fixes, shuffled, begin + NO_SIGNAL_S)
            rest = rest[~np.isin(rest, silent)]
        secret = live.secrets[member.badge]
        for i in rest.tolist():
            level = charge(member.badge, float(fixes.true_s[i]))
            request = (
                owntracks(secret, member.badge, fixes, i, level)
                if member.app == "owntracks"
                else traccar_form(secret, fixes, i, level)
            )
            self.put(float(due[i]), member.badge, request)

    def post_together(
        self, live: LiveCrew, member: Member, fixes: Fixes, which: Sequence[int], due_s: float
    ) -> None:
        """Several fixes at one moment, in batches; OwnTracks knows no batches."""
        secret = live.secrets[member.badge]
        if member.app == "owntracks":
            for i in which:
                level = charge(member.badge, float(fixes.true_s[i]))
                self.put(due_s, member.badge, owntracks(secret, member.badge, fixes, i, level))
            return
        for first in range(0, len(which), BATCH):
            batch = which[first : first + BATCH]
            level = charge(member.badge, due_s)
            self.put(due_s, member.badge, traccar_batch(secret, fixes, batch, level))

    def put(self, due_s: float, badge: str, request: Request) -> None:
        """Queue one request."""
        self.made += 1
        heapq.heappush(self.waiting, Post(due_s, self.made, badge, request))

    def due(self, now_s: float) -> Iterable[Post]:
        """Take out, one by one, what is due. Give back with `again` what was not delivered."""
        while self.waiting and self.waiting[0].due_s <= now_s:
            yield heapq.heappop(self.waiting)

    def again(self, post: Post) -> None:
        """Put back a request that could not be delivered; it keeps its place."""
        heapq.heappush(self.waiting, post)


def charge(badge: str, moment_s: float) -> float:
    """Share of battery left: each phone falls from full to a fifth in its own ten hours."""
    hours = (moment_s / 3600.0 + seed_of("battery", badge) % 10) % 10.0
    return round(1.0 - 0.08 * hours, 2)
