"""Who a person was with in each moment of patrol time: together, alone, or not known. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bureau.rules import Rules
from geo.smoothing import TICK_S
from geo.together import Clocked, Group
from geo.track import Bools, Ints, runs

TOGETHER, ALONE, COMPANY_UNKNOWN = "together", "alone", "unknown"

# Someone out of sight may be with a person who could be reached at this speed from the last place
# they were seen at, noise aside.
REACH_MPS = 2.5
NOISE_M = 50.0


@dataclass(frozen=True, slots=True)
class CompanyPart:
    """A stretch of patrol time in one kind of company; seconds after midnight, person ids."""

    start_s: float
    end_s: float
    company: str
    partners: tuple[int, ...] = ()


def company_of(
    people: Sequence[tuple[int, Sequence[tuple[int, float, float]]]],
    track: int,
    clocked: Clocked,
    joined: Sequence[Group],
    earned: Bools,
    start_s: float,
    rules: Rules,
    *,
    doubted: Sequence[tuple[int, float, float]] = (),
    gone: Sequence[tuple[int, float, float]] = (),
) -> list[CompanyPart]:
    """Who was with the person in each credited moment.

    people: person id and declared partners (id, from, until) of each track · earned: which ticks
    from `start_s` on are credited. Alone is said only where the own place is known and nobody who
    belongs to the person is out of sight within reach: a declared partner, or anybody who was
    together with the person that day. Nor while somebody else reported the same fixes (doubted:
    track, from, until): then the company is not known, whoever else was near. Nor where somebody
    was seen whose positions have been deleted since (gone: person id, from, until): nobody can look
    again.
    """
    rows = len(earned)
    shift = round(start_s / TICK_S) - clocked.first
    sets: list[frozenset[int]] = [frozenset()]
    group = np.zeros(rows, np.int64)
    for one in joined:
        if track not in one.members:
            continue
        near = frozenset(one.members) - {track}
        if near not in sets:
            sets.append(near)
        group[slice(*_ticks(one.start_s, one.end_s, start_s))] = sets.index(near)
    doubt = np.zeros(rows, dtype=np.bool_)
    for other, begin, end in doubted:
        here = slice(*_ticks(begin, end, start_s))
        doubt[here] = True
        # The other is named, so that both days are judged again together.
        for old in np.unique(group[here]).tolist():
            if (wider := sets[old] | {other}) not in sets:
                sets.append(wider)
            group[here][group[here] == old] = sets.index(wider)
    missed, lonely = np.zeros(rows, dtype=np.bool_), group == 0
    numbers = {person: i for i, (person, _) in enumerate(people)}
    for person, begin, end in gone:
        then = np.zeros(rows, dtype=np.bool_)
        then[slice(*_ticks(begin, end, start_s))] = True
        then &= lonely
        missed |= then
        # Named, so that it is still known when the day is judged again.
        if (named := frozenset({numbers[person]})) not in sets:
            sets.append(named)
        group[then] = sets.index(named)
    enough = np.array([len(s) + 1 >= rules.min_group for s in sets])
    state = np.where(enough[group], 0, 1)
    state[missed | doubt] = 2
    alone = np.flatnonzero(earned & (state == 1))
    if len(alone):
        at = alone + shift
        seen = (at >= 0) & (at < len(clocked.x_m))
        known = np.zeros(len(alone), dtype=np.bool_)
        known[seen] = clocked.known[at[seen], track]
        unknown = ~known
        place = {person: i for i, (person, _) in enumerate(people)}
        declared = [(place[p], b, e) for p, b, e in people[track][1] if p in place]
        absent = [(b, e) for p, b, e in people[track][1] if p not in place]
        told = start_s + alone * TICK_S
        for begin, end in absent:  # a partner whose fixes we do not have at all
            unknown |= (told >= begin) & (told < end)
        met = [(other, -np.inf, np.inf) for other in sorted(frozenset().union(*sets))]
        for other, begin, end in [*declared, *met]:
            asked = ~unknown & (told >= begin) & (told < end)
            if asked.any():
                silent = _may_be_near(clocked, track, other, at[asked], declared=begin > -np.inf)
                unknown[np.flatnonzero(asked)[silent]] = True
        state[alone[unknown]] = 2
    names = (TOGETHER, ALONE, COMPANY_UNKNOWN)
    label = np.where(earned, state * len(sets) + group, -1)
    begin_at, end_at = runs(label)
    parts = []
    for b, e in zip(begin_at.tolist(), end_at.tolist(), strict=True):
        if label[b] < 0:
            continue
        partners = tuple(sorted(people[t][0] for t in sets[int(group[b])]))
        parts.append(CompanyPart(b * TICK_S, e * TICK_S, names[int(state[b])], partners))
    return parts


def _may_be_near(clocked: Clocked, track: int, other: int, at: Ints, *, declared: bool) -> Bools:
    """At which of the rows `other` is out of sight but could be with `track`.

    From the last place seen before and to the next one seen after, at a walker's speed. Somebody
    who is not seen on that side at all could be anywhere, if a declared partner.
    """
    known = clocked.known[:, other]
    rows = np.flatnonzero(known)
    if not len(rows):
        return np.full(len(at), declared)
    i = np.searchsorted(rows, at, side="right")
    silent = np.ones(len(at), dtype=np.bool_)
    here = (i > 0) & (rows[np.maximum(i - 1, 0)] == at)
    silent[here] = False
    x, y = clocked.x_m[at, track], clocked.y_m[at, track]
    for side, has in ((np.maximum(i - 1, 0), i > 0), (np.minimum(i, len(rows) - 1), i < len(rows))):
        r = rows[side]
        way = np.hypot(clocked.x_m[r, other] - x, clocked.y_m[r, other] - y)
        reachable = way <= NOISE_M + REACH_MPS * np.abs(r - at) * TICK_S
        silent &= reachable | ~has
    return silent


def _ticks(begin_s: float, end_s: float, start_s: float) -> tuple[int, int]:
    """First tick from `start_s` on of a stretch, and the one after its last."""
    first = max(0, round((begin_s - start_s) / TICK_S))
    return first, max(first, round((end_s - start_s) / TICK_S))
