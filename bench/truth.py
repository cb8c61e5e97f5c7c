"""A folder with exact truth: reading it, and scoring an answer by the rules of its README.

Scores are computed in seconds of time. They are scoring rules, not policy.
"""

import csv
import gzip
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import shape

from bureau.rules import Rules
from geo.plane import Plane
from patrols.judges import Outcome
from patrols.judges.weekly_patrol_time import against_the_line

# Who truly patrolled this much more than required must not be called "not met".
OVER_THE_LINE = 1.05

# A street visit, for the score only.
VISIT_LENGTH_M = 40.0
VISIT_DWELL_S = 15.0
VISIT_MERGE_S = 30.0

# officer → [(segment, enter_s, exit_s, active_s)], pairs: (a, b, start_s, end_s)
type Walked = Mapping[str, Sequence[tuple[int, float, float, float]]]
type Pairs = Sequence[tuple[str, str, float, float]]


@dataclass(frozen=True)
class TruthFolder:
    """What a folder holds: the fixes in file order, the streets, and the truth beside them."""

    officers: list[str]
    officer: NDArray[np.int64]
    t_s: NDArray[np.float64]
    lon_deg: NDArray[np.float64]
    lat_deg: NDArray[np.float64]
    accuracy_m: NDArray[np.float64]
    segment_ids: list[int]
    lines: list[shapely.LineString]
    in_beat: dict[int, bool]
    beat: shapely.Geometry
    t0_s: float
    truth: dict[str, dict[str, object]]
    walked: dict[str, list[tuple[int, float, float, float]]]
    pairs: list[tuple[str, str, float, float]]


def read_folder(folder: Path) -> TruthFolder:
    """Read fixes, segments and truth; times in seconds since the epoch."""
    names: dict[str, int] = {}
    rows: list[tuple[int, float, float, float, float]] = []
    with gzip.open(folder / "fixes.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            number = names.setdefault(row["officer"], len(names))
            moment = datetime.fromisoformat(row["time"]).timestamp()
            accuracy = float(row["accuracy_m"] or "nan")
            rows.append((number, moment, float(row["lon"]), float(row["lat"]), accuracy))
    table = np.array(rows)
    features = json.loads((folder / "segments.geojson").read_text())["features"]
    about = json.loads((folder / "truth_officers.json").read_text())
    walked: dict[str, list[tuple[int, float, float, float]]] = {}
    with (folder / "truth_segments.csv").open() as file:
        for row in csv.DictReader(file):
            walked.setdefault(row["officer"], []).append(
                (
                    int(row["segment_id"]),
                    float(row["enter_s"]),
                    float(row["exit_s"]),
                    float(row["active_s"]),
                )
            )
    with (folder / "truth_pairs.csv").open() as file:
        pairs = [
            (row["a"], row["b"], float(row["start_s"]), float(row["end_s"]))
            for row in csv.DictReader(file)
        ]
    return TruthFolder(
        list(names),
        table[:, 0].astype(np.int64),
        table[:, 1],
        table[:, 2],
        table[:, 3],
        table[:, 4],
        [int(f["properties"]["segment_id"]) for f in features],
        [shapely.LineString(f["geometry"]["coordinates"]) for f in features],
        {int(f["properties"]["segment_id"]): bool(f["properties"]["in_beat"]) for f in features},
        shape(json.loads((folder / "beat.geojson").read_text())["geometry"]),
        datetime.fromisoformat(about["t0"]).timestamp(),
        about["officers"],
        walked,
        pairs,
    )


@dataclass(frozen=True)
class Said:
    """An answer to a folder: seconds by officer, stretches of street, pairs; times after t0."""

    active_s: Mapping[str, float]
    on_beat_s: Mapping[str, float]
    walked: Walked
    pairs: Pairs


def read_tables(place: Path) -> Said:
    """The answer that `manage.py replay` wrote."""

    def rows(name: str) -> list[dict[str, str]]:
        with (place / name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    officers = rows("officers.csv")
    walked: dict[str, list[tuple[int, float, float, float]]] = {}
    for row in rows("segments.csv"):
        times = float(row["enter_s"]), float(row["exit_s"]), float(row["active_s"])
        walked.setdefault(row["officer"], []).append((int(row["segment_id"]), *times))
    return Said(
        {row["officer"]: float(row["active_s"]) for row in officers},
        {row["officer"]: float(row["on_beat_active_s"]) for row in officers},
        walked,
        [
            (row["a"], row["b"], float(row["start_s"]), float(row["end_s"]))
            for row in rows("pairs.csv")
        ],
    )


def lengths_m(truth: TruthFolder) -> dict[int, float]:
    """Length of each segment."""
    lonlat = shapely.get_coordinates(truth.lines)
    plane = Plane.around(lonlat[:, 0], lonlat[:, 1])

    def metres(places: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(plane.to_metres(places[:, 0], places[:, 1]))

    lines = shapely.transform(np.array(truth.lines, dtype=object), metres)
    return dict(zip(truth.segment_ids, shapely.length(lines).tolist(), strict=True))


def figures(
    truth: TruthFolder, said: Said, only: Collection[str] | None = None
) -> dict[str, float]:
    """Every score of an answer, for all officers or only some (pairs: those with one of them)."""
    officers = {n: o for n, o in truth.truth.items() if only is None or n in only}
    real = {n: rows for n, rows in truth.walked.items() if n in officers}
    mine = {n: rows for n, rows in said.walked.items() if n in officers}
    until = max(float(str(one["shift_s"])) for one in officers.values())
    minutes = score_minutes(_seconds(officers, "active_s"), said.active_s)
    beat = score_beat(_seconds(officers, "on_beat_active_s"), said.on_beat_s)
    visits = score_visits(real, mine, lengths_m(truth))
    pairs, called = (
        [row for row in rows if row[0] in officers or row[1] in officers]
        for rows in (truth.pairs, said.pairs)
    )
    together = score_pairs(pairs, called, list(officers), until)
    return {
        "minutes_mean": minutes["mean"],
        "minutes_p95": minutes["p95"],
        "minutes_bias": minutes["bias"],
        "failed_above": minutes["failed_above"] + beat["failed_above"],
        "beat_mean_min": beat["mean_min"],
        "beat_share": beat["share"],
        "misallocated": misallocated(real, mine),
        "visits_precision": visits["precision"],
        "visits_recall": visits["recall"],
        "pairs_f1": together["f1"],
        "solo_called_paired": together["solo_called_paired"],
    }


def _seconds(officers: Mapping[str, Mapping[str, object]], name: str) -> dict[str, float]:
    return {officer: float(str(about[name])) for officer, about in officers.items()}


def score_minutes(truth_s: Mapping[str, float], said_s: Mapping[str, float]) -> dict[str, float]:
    """Mean and 95th percentile of the relative error and its bias, over those with truth > 0."""
    who = [name for name, seconds in truth_s.items() if seconds > 0]
    error = np.array([(said_s.get(n, 0.0) - truth_s[n]) / truth_s[n] for n in who])
    return {
        "mean": float(np.abs(error).mean()),
        "p95": float(np.percentile(np.abs(error), 95)),
        "bias": float(error.mean()),
        "failed_above": failed_above(truth_s, said_s),
    }


def failed_above(truth_s: Mapping[str, float], said_s: Mapping[str, float]) -> float:
    """How many of those with truth > 0 the weekly judge would call "not met" although they truly
    patrolled 5 % more than required, each with the line drawn that far below the own truth.

    Unknown time, which would only keep more of them from failing, is left out.
    """
    rules = Rules()
    return float(
        sum(
            against_the_line(said_s.get(name, 0.0), 0.0, seconds / OVER_THE_LINE, rules, over=True)[
                0
            ]
            == Outcome.NOT_MET
            for name, seconds in truth_s.items()
            if seconds > 0
        )
    )


def score_beat(truth_s: Mapping[str, float], said_s: Mapping[str, float]) -> dict[str, float]:
    """Errors of on-beat time in minutes."""
    who = [name for name, seconds in truth_s.items() if seconds > 0]
    if not who:
        return {"mean_min": 0.0, "p95_min": 0.0, "share": 0.0, "failed_above": 0.0}
    error = np.array([(said_s.get(n, 0.0) - truth_s[n]) / 60.0 for n in who])
    return {
        "mean_min": float(np.abs(error).mean()),
        "p95_min": float(np.percentile(np.abs(error), 95)),
        "share": float(np.abs(error).sum() * 60.0 / sum(truth_s[n] for n in who)),
        "failed_above": failed_above(truth_s, said_s),
    }


def misallocated(truth: Walked, said: Walked) -> float:
    """Share of matched active time given to a segment on which the officer truly was not."""
    wrong = total = 0.0
    for officer, rows in said.items():
        true = sorted(
            (enter, leave, segment) for segment, enter, leave, _ in truth.get(officer, [])
        )
        for segment, enter, leave, active in rows:
            if leave <= enter or active <= 0:
                continue
            right = known = 0.0
            for true_enter, true_leave, true_segment in true:
                overlap = min(leave, true_leave) - max(enter, true_enter)
                if overlap > 0:
                    known += overlap
                    right += overlap if true_segment == segment else 0.0
            if known:
                share = active / (leave - enter)
                total += known * share
                wrong += (known - right) * share
    return wrong / total if total else 0.0


def merged_visits(
    rows: Sequence[tuple[int, float, float, float]], length_m: Mapping[int, float]
) -> list[tuple[int, float, float]]:
    """Visits of one officer as the score counts them: (segment, enter_s, exit_s)."""
    found: list[tuple[int, float, float]] = []
    by_segment: dict[int, list[tuple[float, float]]] = {}
    for segment, enter, leave, _ in rows:
        by_segment.setdefault(segment, []).append((enter, leave))
    for segment, stretches in by_segment.items():
        if length_m[segment] < VISIT_LENGTH_M:
            continue
        stretches.sort()
        begin, end = stretches[0]
        for enter, leave in [*stretches[1:], (np.inf, np.inf)]:
            if enter - end <= VISIT_MERGE_S:
                end = max(end, leave)
                continue
            if end - begin >= VISIT_DWELL_S:
                found.append((segment, begin, end))
            begin, end = enter, leave
    return found


def score_visits(truth: Walked, said: Walked, length_m: Mapping[int, float]) -> dict[str, float]:
    """Precision and recall of visits, by overlap in time on the same segment."""
    hits = claims = found = owed = 0
    for officer in set(truth) | set(said):
        real = merged_visits(truth.get(officer, []), length_m)
        mine = merged_visits(said.get(officer, []), length_m)
        # A claim is right if it overlaps any true row of that segment; a true visit is found if
        # any claimed row overlaps it.
        for segment, enter, leave in mine:
            claims += 1
            hits += any(
                s == segment and min(leave, b) > max(enter, a)
                for s, a, b, _ in truth.get(officer, [])
            )
        for segment, enter, leave in real:
            owed += 1
            found += any(s == segment and min(leave, b) > max(enter, a) for s, a, b in mine)
    return {"precision": hits / max(claims, 1), "recall": found / max(owed, 1)}


def score_pairs(
    truth: Pairs, said: Pairs, officers: Sequence[str], until_s: float
) -> dict[str, float]:
    """Second-wise precision, recall and F1 over all pairs, and solo time that was called paired."""
    seconds = int(until_s) + 1

    def by_pair(rows: Pairs) -> dict[tuple[str, str], NDArray[np.bool_]]:
        found: dict[tuple[str, str], NDArray[np.bool_]] = {}
        for a, b, start, end in rows:
            key = (a, b) if a < b else (b, a)
            mask = found.setdefault(key, np.zeros(seconds, dtype=np.bool_))
            mask[max(0, round(start)) : max(0, round(end))] = True
        return found

    real, mine = by_pair(truth), by_pair(said)
    none = np.zeros(seconds, dtype=np.bool_)
    both = sum(int((real.get(k, none) & mask).sum()) for k, mask in mine.items())
    claimed = sum(int(mask.sum()) for mask in mine.values())
    owed = sum(int(mask.sum()) for mask in real.values())
    precision, recall = both / max(claimed, 1), both / max(owed, 1)
    solo = called = 0
    for officer in officers:
        true_pair, said_pair = none.copy(), none.copy()
        for key, mask in real.items():
            if officer in key:
                true_pair |= mask
        for key, mask in mine.items():
            if officer in key:
                said_pair |= mask
        solo += int((~true_pair).sum())
        called += int((~true_pair & said_pair).sum())
    return {
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / max(precision + recall, 1e-9),
        "solo_called_paired": called / max(solo, 1),
    }
