"""The past weeks as they were: true ways of every shift, and what the phones made of them. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from patrols.demo.cast import Crew, Habit, Way
from patrols.demo.ground import Beat
from patrols.demo.roster import PAST_WEEKS, SHIFT_S, Outing
from patrols.simulation.company import Formation, in_formation, parted
from patrols.simulation.phone import CANYON, OPEN, URBAN, Fixes, PhoneKind, record
from patrols.simulation.walker import State, Track, Walker

PARKED_S = 18 * 60.0
# In the middle of an outing of 32 minutes, with the phone in a bag: longer than a gap that the
# rules would credit.
WEAK_S = 19 * 60.0

# Fixes while carried and at rest, as the apps send them.
MOVING_S = 6.5
STILL_S = 60.0
# One message is one request: its phones report less.
OWNTRACKS_MOVING_S = 15.0
OWNTRACKS_STILL_S = 60.0


@dataclass(frozen=True, eq=False)
class Carried:
    """One person's shift: the fixes of the phone, and when the outing began and ended (UTC s)."""

    outing: Outing
    badge: str
    app: str
    fixes: Fixes
    late: bool


@dataclass(frozen=True, slots=True)
class Walked:
    """When a crew was out, UTC seconds; None for a day at the desk."""

    outing: Outing
    out_s: float
    back_s: float


def seed_of(*parts: object) -> int:
    """The same number for the same words, on every machine."""
    return zlib.crc32("|".join(str(part) for part in parts).encode())


def phone_kind(badge: str, app: str, still_s: float = 0.0) -> PhoneKind:
    """The phone that somebody carries: its surroundings, its faults, its app's pace.

    still_s: another pace at rest than the app's.
    """
    rng = np.random.default_rng(seed_of("phone", badge))
    noise = (URBAN, OPEN, URBAN, URBAN, CANYON)[int(rng.integers(5))]
    return PhoneKind(
        noise,
        poor=bool(rng.random() < 0.1),
        clock_s=round(float(rng.uniform(0.0, 3.0)), 1),
        moving_s=OWNTRACKS_MOVING_S if app == "owntracks" else MOVING_S,
        still_s=still_s or (OWNTRACKS_STILL_S if app == "owntracks" else STILL_S),
    )


def carried(
    beats: dict[str, Beat], outings: Sequence[Outing]
) -> Iterator[tuple[Walked | None, list[Carried]]]:
    """Shift by shift, a crew's week after another: when it was out, and everybody's fixes.

    Minutes walked early in a week are taken from what the rest of the week still holds, so that a
    crew's week comes to what the cast says.
    """
    ordered = sorted(outings, key=lambda o: (o.crew.key, o.week, o.starts_at))
    for (_, _), shifts in groupby(ordered, key=lambda o: (o.crew.key, o.week)):
        left_s: float | None = None
        for outing in shifts:
            if left_s is None:
                left_s = 60.0 * outing.crew.weekly_min[min(outing.week, PAST_WEEKS - 1)]
            share = left_s / max(outing.crew.outings - (outing.number or 0), 1)
            walked, tracks = shift_tracks(beats[outing.crew.squad], outing, share)
            if outing.number is not None:
                left_s -= float(tracks[0].active.sum())
            yield (
                walked,
                [
                    Carried(
                        outing,
                        member.badge,
                        member.app,
                        said(
                            beats[outing.crew.squad],
                            outing,
                            member.badge,
                            member.app,
                            track,
                            walked,
                        ),
                        is_late(outing, member.habits),
                    )
                    for member, track in zip(outing.crew.members, tracks, strict=True)
                    if member in outing.at_work and not is_silent(outing, member.habits)
                ],
            )


def is_late(outing: Outing, habits: frozenset[Habit]) -> bool:
    """Whether these fixes come only after the week has been judged once."""
    return Habit.LATE in habits and outing.week == PAST_WEEKS - 1 and (outing.number or 0) >= 2


def is_silent(outing: Outing, habits: frozenset[Habit]) -> bool:
    """Whether the phone says nothing at all."""
    return Habit.SILENT in habits and outing.week == PAST_WEEKS - 1


def shift_tracks(beat: Beat, outing: Outing, patrol_s: float) -> tuple[Walked | None, list[Track]]:
    """The crew's true ways of one shift: at the base, out for `patrol_s`, at the base again."""
    crew = outing.crew
    rng = np.random.default_rng(seed_of("shift", crew.key, outing.starts_at.isoformat()))
    graph = beat.streets
    start = outing.starts_at.timestamp()
    end = start + SHIFT_S
    base = base_node(beat, crew)
    home = graph.ways_to(base)
    leader = Walker(rng, graph, node=base, start_s=start, liking=beat.liking)
    if outing.number is None or patrol_s < 120.0:
        leader.stand(end, State.INDOORS)
        return None, in_formation(leader.track(), len(crew.members), Formation.ROW)
    out_s = start + outing.out_s
    leader.stand(out_s, State.INDOORS)
    if crew.way == Way.PARKS:
        leader.patrol(out_s + patrol_s / 2)
        leader.stand(leader.now_s + PARKED_S, State.PARKED)
        leader.patrol(out_s + patrol_s + PARKED_S, home)
    else:
        leader.patrol(out_s + patrol_s, home)
    back_s = leader.now_s
    leader.stand(end, State.INDOORS)
    formation = Formation.COLUMN if crew.column else Formation.ROW
    tracks = in_formation(leader.track(), len(crew.members), formation)
    if crew.way in (Way.PARTS, Way.PARTS_AND_MEETS):
        tracks[-1] = parted(
            rng,
            graph,
            leader,
            tracks[-1],
            split_s=out_s + 0.35 * patrol_s,
            rejoin_s=out_s + 0.75 * patrol_s if crew.way == Way.PARTS_AND_MEETS else None,
            until_s=back_s,
            liking=beat.liking,
            home=base,
        )
    return Walked(outing, out_s, back_s), tracks


def base_node(beat: Beat, crew: Crew) -> int:
    """The junction of the crew's base: crews of a squad share its first two sites."""
    site = beat.sites[base_number(beat, crew)]
    x, y = beat.streets.plane.to_metres(site.lon_deg, site.lat_deg)
    return beat.streets.nearest_node(float(x), float(y))


def base_number(beat: Beat, crew: Crew) -> int:
    """Which of the beat's sites is the crew's base."""
    return ord(crew.key[-1]) % min(2, len(beat.sites))


def said(
    beat: Beat, outing: Outing, badge: str, app: str, track: Track, walked: Walked | None
) -> Fixes:
    """What one person's phone makes of the shift."""
    rng = np.random.default_rng(seed_of("fixes", badge, outing.starts_at.isoformat()))
    member = next(m for m in outing.crew.members if m.badge == badge)
    gaps = []
    if walked is not None and rng.random() < 0.3:
        begin = walked.out_s + float(rng.uniform(120.0, 900.0))
        gaps.append((begin, begin + float(rng.uniform(40.0, 240.0))))
    if walked is not None and Habit.WEAK in member.habits and outing.week == PAST_WEEKS - 1:
        middle = (walked.out_s + walked.back_s) / 2
        gaps.append((middle - WEAK_S / 2, middle + WEAK_S / 2))
    return record(rng, beat.streets, track, phone_kind(badge, app), gaps=gaps)
