"""What a replay came to, as tables: minutes, time on each street, who was together with whom.

All stretches, before any policy threshold; no judge reads them.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from django.db.models import Sum

from bureau.access import rules_on
from bureau.models import Bureau
from bureau.week import Week, day_bounds
from geo.bureau_roads import roads_of
from geo.track import Bools, Floats
from geo.walks import company, off_streets
from patrols.bureau_day import observed
from patrols.days import MARGIN_S, OnePerson, to_fixes
from patrols.grounds import grounds_of
from patrols.models import PersonDay, SegmentVisit
from patrols.replaying.folder import Folder
from patrols.replaying.stage import Stage, moment
from patrols.replaying.times import SECOND_US
from patrols.storage.fixes import read_fixes

OFFICERS: Final = ("officer", "active_s", "on_beat_active_s")
STREETS: Final = ("officer", "segment_id", "enter_s", "exit_s", "active_s")
PAIRS: Final = ("a", "b", "start_s", "end_s")

# Two stretches of one street or pair no further apart than this are one: midnight, or the end of a
# part of the street, lay between.
TOUCHING_S: Final = 0.01

type Stretch = tuple[int, int, float, float, float]  # officer, segment (indices), enter, exit, s
type Pair = tuple[int, int, float, float]  # officers (indices), start, end


def tables(folder: Folder, stage: Stage) -> dict[str, list[Sequence[Any]]]:
    """The rows of each file, by its name, heads included; seconds count from the folder's t0."""
    t0_s = folder.t0_us / SECOND_US
    names = folder.fixes.officers
    stretches = street_stretches(stage, folder)
    active_s, credited_s = day_seconds(stage)
    own, beat = own_segments(folder, stage)
    # What was credited beside the time on own streets was off every street, inside the area.
    on_beat = credited_s.copy()
    for who, segment, _, _, active in stretches:
        on_beat[who] += active * (float(beat[segment]) - float(own[segment]))
    officers = [
        (name, _s(active), _s(max(inside, 0.0)))
        for name, active, inside in zip(names, active_s, on_beat, strict=True)
    ]
    streets = [
        (names[who], folder.segments[segment].id, _s(enter - t0_s), _s(leave - t0_s), _s(active))
        for who, segment, enter, leave, active in stretches
    ]
    pairs = [
        (*sorted((names[a], names[b])), _s(start - t0_s), _s(end - t0_s))
        for a, b, start, end in pair_stretches(stage)
    ]
    return {
        "officers.csv": [OFFICERS, *sorted(officers)],
        "segments.csv": [STREETS, *sorted(streets, key=lambda row: (row[0], row[2], row[3]))],
        "pairs.csv": [PAIRS, *sorted(pairs)],
    }


def write_tables(out: Path, found: dict[str, list[Sequence[Any]]]) -> None:
    """Write all the files or, when one cannot be written, none of them."""
    out.mkdir(parents=True, exist_ok=True)
    drafts = {out / name: out / f".{name}.{os.getpid()}" for name in found}
    try:
        for draft, rows in zip(drafts.values(), found.values(), strict=True):
            with draft.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file, lineterminator="\n").writerows(rows)
        for path, draft in drafts.items():
            draft.replace(path)
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)


def _s(seconds: float) -> float:
    return round(float(seconds), 2) + 0.0  # no minus zero


# Minutes


def day_seconds(stage: Stage) -> tuple[Floats, Floats]:
    """Each officer's seconds over all days: active, and credited (active on the own ground)."""
    rows = PersonDay.objects.filter(bureau_id=stage.bureau.pk).order_by()
    found = {
        person: (active, credited)
        for person, active, credited in rows.values_list("person_id").annotate(
            Sum("active_s"), Sum("credited_s")
        )
    }
    table = np.array([found.get(person, (0.0, 0.0)) for person in stage.people], dtype=np.float64)
    active, credited = table.reshape(-1, 2).T
    return active, credited


def own_segments(folder: Folder, stage: Stage) -> tuple[Bools, Bools]:
    """Which of the folder's segments are the unit's own, as the product decides from the area, and
    which belong to the beat, by the file's own word (`in_beat`) where it has one; (segments,)."""
    roads = roads_of(stage.bureau.pk)
    (ground,) = grounds_of(stage.bureau.pk, roads).values()
    own = np.zeros(len(folder.segments), dtype=np.bool_)
    own[[stage.segments[pk] for pk in roads.network.ids.tolist()]] = ground.own
    beat = own.copy()
    for at, segment in enumerate(folder.segments):
        if segment.in_beat is not None:
            beat[at] = segment.in_beat
    return own, beat


# Streets


def street_stretches(stage: Stage, folder: Folder) -> list[Stretch]:
    """Every stored passage of a street, by officer and time.

    What midnight, or the end of one of the lines of an id, has cut is one again; a passage that a
    parked stay interrupts stays in its parts.
    """
    number = {person: at for at, person in enumerate(stage.people)}
    rows = SegmentVisit.objects.filter(bureau_id=stage.bureau.pk).order_by(
        "person_id", "entered_at", "left_at"
    )
    found: list[Stretch] = []
    before: tuple[int, date] | None = None
    for person, pk, day, enter, leave, active in rows.values_list(
        "person_id", "segment_id", "day", "entered_at", "left_at", "active_s"
    ):
        who, segment = number[person], stage.segments[pk]
        one = (who, segment, enter.timestamp(), leave.timestamp(), active)
        if before not in (None, (pk, day)) and _goes_on(found[-1], one, folder):
            last = found.pop()
            one = (who, last[1], last[2], max(last[3], one[3]), last[4] + active)
        found.append(one)
        before = (pk, day)
    return found


def _goes_on(last: Stretch, one: Stretch, folder: Folder) -> bool:
    same = last[0] == one[0] and folder.segments[last[1]].id == folder.segments[one[1]].id
    return same and abs(one[2] - last[3]) <= TOUCHING_S


# Company


def pair_stretches(stage: Stage) -> list[Pair]:
    """Who was together with whom, from the stored positions, whatever else they were doing."""
    bureau = stage.bureau
    found: list[Pair] = []
    for day in days_of(bureau):
        found += _pairs_on(bureau, stage.people, day)
    found.sort()
    whole: list[Pair] = []
    for a, b, start, end in found:
        if whole and whole[-1][:2] == (a, b) and start - whole[-1][3] <= TOUCHING_S:
            whole[-1] = (a, b, whole[-1][2], max(end, whole[-1][3]))
        else:
            whole.append((a, b, start, end))
    return whole


def days_of(bureau: Bureau) -> list[date]:
    """The local days that were derived for somebody with fixes."""
    rows = PersonDay.objects.filter(bureau_id=bureau.pk, fixes__gt=0).order_by("day")
    return list(rows.values_list("day", flat=True).distinct())


def _pairs_on(bureau: Bureau, people: Sequence[int], day: date) -> list[Pair]:
    start, end = (bound.timestamp() for bound in day_bounds(day, bureau.time_zone))
    rules, _ = rules_on(bureau, Week.of(day, bureau.time_zone).monday)
    rows = read_fixes(bureau.pk, people, _moment(start - MARGIN_S), _moment(end + MARGIN_S))
    there = np.unique(rows["person"]).tolist()
    roads = roads_of(bureau.pk)
    ground = grounds_of(bureau.pk, roads)
    ones = [OnePerson(person, next(iter(ground.values())), (), ()) for person in there]
    walks = off_streets(to_fixes(roads, ones, observed(rows))[0], rules)
    _, spans = company(walks, len(ones), rules)
    number = {person: at for at, person in enumerate(people)}
    at = [number[person] for person in there]
    return [
        (min(at[a], at[b]), max(at[a], at[b]), max(begin, start), min(stop, end))
        for a, b, begin, stop in zip(
            spans.a.tolist(),
            spans.b.tolist(),
            spans.start_s.tolist(),
            spans.end_s.tolist(),
            strict=True,
        )
        if begin < end and stop > start
    ]


def _moment(seconds: float) -> datetime:
    return moment(round(seconds * SECOND_US))
