"""A morning of patrols with known truth: the mix of people and phones that verdicts are tried on.

The mix: about half of the people in pairs and trios, in rows and columns, most of which part for
good at some time; parked stretches of 10 to 35 minutes, 60 % of them indoors; open, urban and
canyon surroundings in turn; one phone in ten poor; 2 to 3 % of fixes lost and a few gaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from patrols.simulation.company import Formation, in_formation, parted
from patrols.simulation.graph import Bools, Floats, StreetGraph
from patrols.simulation.phone import CANYON, OPEN, URBAN, Fixes, Noise, PhoneKind, record
from patrols.simulation.walker import State, Track, Walker

PARKED_S = (600.0, 2100.0)
GAP_S = (40.0, 300.0)
ON_PATROL_BETWEEN_S = 1200.0  # at least this long between two parked stretches


@dataclass(frozen=True, slots=True)
class Mix:
    """What kind of morning it is. Shares are of people, groups, phones or stretches."""

    officers: int = 27
    hours: float = 2.5
    fix_every_s: float = 5.0
    grouped: float = 0.55
    trios: float = 0.35
    columns: float = 0.5
    split_for_good: float = 0.7
    splits: float = 0.5
    rejoins: float = 0.15
    parks: float = 0.55
    indoors: float = 0.6
    poor_phones: float = 0.1
    vehicles: float = 0.0
    late: float = 0.0
    max_gaps: int = 3
    surroundings: tuple[Noise, ...] = (OPEN, URBAN, CANYON)


@dataclass(frozen=True, eq=False)
class Officer:
    """One person of the morning: what was true, and what the phone said.

    gaps: silent spans, seconds after the start. arrives_s: when each fix reached the server.
    """

    name: str
    kind: str
    group: int
    noise: Noise
    phone: PhoneKind
    track: Track
    fixes: Fixes
    gaps: list[tuple[float, float]]
    arrives_s: Floats


@dataclass(frozen=True, eq=False)
class Morning:
    """All people of a morning; seconds count from its start."""

    graph: StreetGraph
    in_beat: Bools
    officers: list[Officer] = field(default_factory=list)


def morning(graph: StreetGraph, *, in_beat: Bools, seed: int, mix: Mix | None = None) -> Morning:
    """The morning of one seed: the same arguments give the same morning."""
    mix = mix or Mix()
    rng = np.random.default_rng(seed)
    end_s = mix.hours * 3600.0
    walkable = graph.largest_part().astype(np.float64)
    officers: list[Officer] = []
    for group, size in enumerate(group_sizes(rng, mix)):
        noise = mix.surroundings[group % len(mix.surroundings)]
        driving = bool(rng.random() < mix.vehicles)
        tracks = group_tracks(rng, graph, mix, size, end_s, walkable, driving=driving)
        kind = "vehicle" if driving else ("solo", "solo", "pair", "trio")[min(size, 3)]
        for track in tracks:
            phone = PhoneKind(
                noise,
                poor=bool(rng.random() < mix.poor_phones),
                clock_s=round(float(rng.uniform(0.0, 3.0)), 3),
                loss=float(rng.uniform(0.02, 0.03)),
                moving_s=mix.fix_every_s,
                still_s=mix.fix_every_s,
            )
            gaps = draw_gaps(rng, mix, end_s)
            fixes = record(rng, graph, track, phone, gaps=gaps)
            name = f"O{len(officers) + 1:02d}"
            arrives = arrivals(rng, fixes, late=bool(rng.random() < mix.late))
            officers.append(Officer(name, kind, group, noise, phone, track, fixes, gaps, arrives))
    return Morning(graph, in_beat, officers)


def group_sizes(rng: np.random.Generator, mix: Mix) -> list[int]:
    """Sizes of the groups, pairs and trios first, that together make `mix.officers` people."""
    sizes = []
    left = mix.officers
    in_groups = round(mix.officers * mix.grouped)
    while in_groups >= 2 and left >= 2:
        size = 3 if rng.random() < mix.trios and min(in_groups, left) >= 3 else 2
        sizes.append(size)
        in_groups -= size
        left -= size
    return sizes + [1] * left


def group_tracks(
    rng: np.random.Generator,
    graph: StreetGraph,
    mix: Mix,
    size: int,
    end_s: float,
    walkable: Floats,
    *,
    driving: bool,
) -> list[Track]:
    """The true ways of one group from 0 to `end_s`."""
    segment = int(rng.choice(np.flatnonzero(walkable)))
    liking = walkable * rng.lognormal(0.0, 0.5, len(graph))
    leader = Walker(
        rng, graph, node=int(graph.ends[segment, 0]), start_s=0.0, liking=liking, driving=driving
    )
    for begin, end in parked_spans(rng, mix, end_s):
        leader.patrol(begin)
        # A parked stretch keeps its length when the walk before it took a little longer.
        leader.stand(
            min(leader.now_s + end - begin, end_s),
            State.INDOORS if rng.random() < mix.indoors else State.PARKED,
        )
    leader.patrol(end_s)
    formation = Formation.COLUMN if rng.random() < mix.columns else Formation.ROW
    whole = leader.track().between(0, end_s)
    tracks = [whole] if driving else in_formation(whole, size, formation)
    if driving:
        tracks = [whole] * size
    if size > 1 and not driving and rng.random() < mix.splits / mix.split_for_good:
        split_s = float(rng.uniform(0.25, 0.75) * end_s)
        rejoin_s = (
            None
            if rng.random() < mix.split_for_good
            else split_s + float(rng.uniform(600.0, 1800.0))
        )
        tracks[-1] = parted(
            rng,
            graph,
            leader,
            tracks[-1],
            split_s=split_s,
            rejoin_s=rejoin_s,
            until_s=end_s,
            liking=liking,
        )
    return [track.between(0, end_s) for track in tracks]


def parked_spans(rng: np.random.Generator, mix: Mix, end_s: float) -> list[tuple[float, float]]:
    """One or two parked stretches of a group, or none."""
    if rng.random() >= mix.parks:
        return []
    spans: list[tuple[float, float]] = []
    at = float(rng.uniform(600.0, end_s * 0.4))
    for _ in range(int(rng.integers(1, 3))):
        length = float(rng.uniform(*PARKED_S))
        if at + length > end_s - 300.0:
            break
        spans.append((at, at + length))
        at += length + ON_PATROL_BETWEEN_S + float(rng.uniform(0.0, 1800.0))
    return spans


def draw_gaps(rng: np.random.Generator, mix: Mix, end_s: float) -> list[tuple[float, float]]:
    """Spans without any fix, as tunnels and dead batteries make them."""
    gaps = []
    for _ in range(int(rng.integers(0, mix.max_gaps + 1))):
        begin = float(rng.uniform(0.0, end_s - GAP_S[1]))
        gaps.append((round(begin, 1), round(begin + float(rng.uniform(*GAP_S)), 1)))
    return gaps


def arrivals(rng: np.random.Generator, fixes: Fixes, *, late: bool) -> Floats:
    """When each fix reached the server, shape (n,): at once, or half an hour kept back."""
    arrives = fixes.true_s + rng.uniform(0.2, 2.0, len(fixes))
    if late and len(fixes) > 20:
        begin = int(rng.integers(0, len(fixes) // 2))
        end = min(len(fixes), begin + int(rng.integers(200, 400)))
        batch = np.arange(begin, end)
        # Delivered together when the network is back, and in any order.
        arrives[batch] = fixes.true_s[end - 1] + 60.0 + rng.permutation(len(batch)) * 0.01
    return arrives


def in_arrival_order(officers: Sequence[Officer]) -> list[tuple[int, int]]:
    """(officer, fix) indices of everything in the order in which it reached the server."""
    who = np.concatenate([np.full(len(o.fixes), i) for i, o in enumerate(officers)])
    which = np.concatenate([np.arange(len(o.fixes)) for o in officers])
    arrives = np.concatenate([o.arrives_s for o in officers])
    order = np.argsort(arrives, kind="stable")
    return list(zip(who[order].tolist(), which[order].tolist(), strict=True))
