"""Whom to send: pairs by the later arrival, with reasons, and why the others fell out. Pure.

For enforcement any two certified officers; else a patrol pair that is on the streets already.
Times are along streets (`geo.roads`): a way may be walked in both directions, so one search from
the place gives everybody's way to it. Our streets hold no one-way signs: a vehicle may need longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from geo.roads import Roads, travel_seconds

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

# As many as a dispatcher compares at a glance. Our choice.
MOST = 8


class Out(StrEnum):
    """Why somebody is not proposed; the first that holds, in this order."""

    OFF_DUTY = "off_duty"
    SOS = "sos"
    ON_ORDER = "on_order"
    AUXILIARY = "auxiliary"
    NOT_CERTIFIED = "not_certified"
    NO_FIX = "no_fix"
    FIX_TOO_OLD = "fix_too_old"
    NO_WAY = "no_way"
    NO_PAIR = "no_pair"
    PARTNER_OUT = "partner_out"


@dataclass(frozen=True, eq=False)
class Crowd:
    """n people as they are now; every array has shape (n,) or starts with it.

    lonlat: (n, 2) degrees, NaN without a fix of this duty · fix_age_s: NaN without one ·
    fresh_s: up to which age a fix is fresh · speed_mps: on foot, by bicycle or vehicle ·
    pair: number of the patrol or group somebody walks in, −1 for nobody's.
    """

    ids: Ints
    lonlat: Floats
    officer: Bools
    certified: Bools
    on_duty: Bools
    on_order: Bools
    sos: Bools
    fix_age_s: Floats
    fresh_s: Floats
    speed_mps: Floats
    pair: Ints

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Cover:
    """A beat or hotspot and the indexes of the people who are there now."""

    kind: str
    id: int
    there: frozenset[int]


@dataclass(frozen=True, slots=True)
class Choice:
    """Some to send. seconds: each one's way, in the order of `people` (indexes into the crowd).

    together: they walk in one patrol already · left_alone: whose partner they are and who would
    stay behind alone · uncovered: positions of covers that would lose their only pair.
    """

    people: tuple[int, ...]
    seconds: tuple[float, ...]
    together: bool
    left_alone: tuple[int, ...] = ()
    uncovered: tuple[int, ...] = ()

    @property
    def arrives_s(self) -> float:
        """When the last of them is there."""
        return max(self.seconds)


@dataclass(frozen=True, slots=True)
class Fallen:
    """Somebody who is not proposed, and why."""

    person: int
    why: Out


@dataclass(frozen=True, slots=True)
class Ranking:
    """The best choices, and everybody who cannot be one."""

    choices: tuple[Choice, ...]
    fallen: tuple[Fallen, ...]


def rank(
    roads: Roads,
    place_lonlat: tuple[float, float],
    crowd: Crowd,
    *,
    enforcement: bool,
    min_people: int,
    limit_s: float,
    covers: Sequence[Cover] = (),
    most: int = MOST,
) -> Ranking:
    """Rank who can be sent to a place: at most `most` choices, the earliest last arrival first.

    enforcement: any `min_people` certified officers; else a whole pair or group of at least
    `min_people`. Of two that arrive at one time, first the one whose first is there earlier, then
    people who walk together, then the lower ids.
    """
    why = obstacles(crowd, enforcement=enforcement)
    seconds = np.full(len(crowd), np.inf)
    able = np.array([reason is None for reason in why], dtype=np.bool_)
    if able.any():
        seconds[able] = seconds_to(roads, place_lonlat, crowd, able, limit_s)
    for k in np.flatnonzero(able & ~np.isfinite(seconds)).tolist():
        why[k] = Out.NO_WAY
    groups = (
        certified_groups(crowd, why, seconds, min_people, most)
        if enforcement
        else patrol_groups(crowd, why, min_people)
    )
    choices = sorted(
        (choice_of(group, crowd, seconds) for group in groups),
        key=lambda one: order_of(one, crowd),
    )[:most]
    pairs = members_of_pairs(crowd)
    return Ranking(
        tuple(with_losses(one, crowd, pairs, covers, min_people) for one in choices),
        tuple(Fallen(k, reason) for k, reason in enumerate(why) if reason is not None),
    )


def obstacles(crowd: Crowd, *, enforcement: bool) -> list[Out | None]:
    """For each the first reason against, streets and partners left aside; None if there is none."""
    checks: list[tuple[Out, Bools]] = [
        (Out.OFF_DUTY, ~crowd.on_duty),
        (Out.SOS, crowd.sos),
        (Out.ON_ORDER, crowd.on_order),
    ]
    if enforcement:
        checks += [(Out.AUXILIARY, ~crowd.officer), (Out.NOT_CERTIFIED, ~crowd.certified)]
    unknown = np.isnan(crowd.fix_age_s) | np.isnan(crowd.lonlat).any(axis=1)
    with np.errstate(invalid="ignore"):
        old = crowd.fix_age_s > crowd.fresh_s
    checks += [(Out.NO_FIX, unknown), (Out.FIX_TOO_OLD, old)]
    found: list[Out | None] = [None] * len(crowd)
    for reason, holds in reversed(checks):
        for k in np.flatnonzero(holds).tolist():
            found[k] = reason
    return found


def seconds_to(
    roads: Roads, place_lonlat: tuple[float, float], crowd: Crowd, able: Bools, limit_s: float
) -> Floats:
    """Travel time of the able ones to the place, (able.sum(),), infinite beyond the limit.

    One search by distance, as far as the fastest gets. In whole seconds: more would be pretence,
    and who arrives in the same second arrives at one time.
    """
    speed = crowd.speed_mps[able]
    metres = travel_seconds(
        roads,
        np.array([place_lonlat]),
        crowd.lonlat[able],
        walking_mps=1.0,
        limit_s=limit_s * float(speed.max()),
    )[0]
    seconds: Floats = np.rint(metres / speed)
    seconds[seconds > limit_s] = np.inf
    return seconds


def certified_groups(
    crowd: Crowd, why: Sequence[Out | None], seconds: Floats, size: int, most: int
) -> list[tuple[int, ...]]:
    """Groups of `size` among those who can come, enough of the earliest for the best `most`.

    Sorted by arrival, a group's last arrival is that of its last member. Those who arrive at one
    time with the last one looked at are looked at too, so that ties are broken by the rule.
    """
    able = [k for k, reason in enumerate(why) if reason is None]
    able.sort(key=lambda k: (seconds[k], crowd.ids[k]))
    wanted, groups = size, 1
    while groups < most and wanted < len(able):
        wanted += 1
        groups = groups * wanted // (wanted - size)
    while wanted < len(able) and seconds[able[wanted]] == seconds[able[wanted - 1]]:
        wanted += 1
    return list(combinations(able[:wanted], size))


def patrol_groups(crowd: Crowd, why: list[Out | None], size: int) -> list[tuple[int, ...]]:
    """Pairs and groups that walk now, all of whom can come; says of the others why not."""
    groups = []
    pairs = members_of_pairs(crowd)
    for members in pairs.values():
        if len(members) < size:
            continue
        if all(why[k] is None for k in members):
            groups.append(tuple(members))
        else:
            for k in members:
                why[k] = why[k] or Out.PARTNER_OUT
    for k in range(len(crowd)):
        if why[k] is None and len(pairs.get(int(crowd.pair[k]), [])) < size:
            why[k] = Out.NO_PAIR
    return groups


def members_of_pairs(crowd: Crowd) -> dict[int, list[int]]:
    """Number of a pair → indexes of those on duty who walk in it."""
    found: dict[int, list[int]] = {}
    for k in np.flatnonzero((crowd.pair >= 0) & crowd.on_duty).tolist():
        found.setdefault(int(crowd.pair[k]), []).append(k)
    return found


def choice_of(group: tuple[int, ...], crowd: Crowd, seconds: Floats) -> Choice:
    """A group as a choice, the first to arrive first."""
    people = tuple(sorted(group, key=lambda k: (seconds[k], crowd.ids[k])))
    pair = int(crowd.pair[people[0]])
    together = pair >= 0 and all(int(crowd.pair[k]) == pair for k in people)
    return Choice(people, tuple(float(seconds[k]) for k in people), together)


def order_of(choice: Choice, crowd: Crowd) -> tuple[float, float, bool, tuple[int, ...]]:
    """What choices are sorted by."""
    ids = tuple(sorted(int(crowd.ids[k]) for k in choice.people))
    return choice.arrives_s, min(choice.seconds), not choice.together, ids


def with_losses(
    choice: Choice,
    crowd: Crowd,
    pairs: dict[int, list[int]],
    covers: Sequence[Cover],
    size: int,
) -> Choice:
    """The choice with what is lost by it: partners left alone, places without their only pair.

    A place is covered by a pair of at least `size` who are there, on duty and on no order.
    """
    sent = set(choice.people)
    alone = []
    for number in {int(crowd.pair[k]) for k in sent} - {-1}:
        stays = [k for k in pairs[number] if k not in sent]
        if len(stays) == 1:
            alone.append(stays[0])
    uncovered = [
        number
        for number, cover in enumerate(covers)
        if sent & cover.there
        and covered(cover, crowd, pairs, frozenset(), size)
        and not covered(cover, crowd, pairs, frozenset(sent), size)
    ]
    return Choice(
        choice.people, choice.seconds, choice.together, tuple(sorted(alone)), tuple(uncovered)
    )


def covered(
    cover: Cover, crowd: Crowd, pairs: dict[int, list[int]], without: frozenset[int], size: int
) -> bool:
    """Whether a pair is at a place, some people left aside."""
    return any(
        sum(k in cover.there and k not in without and not crowd.on_order[k] for k in members)
        >= size
        for members in pairs.values()
    )
