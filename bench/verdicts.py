"""Verdicts against exact truth, beside other ways to answer: `python -m bench.verdicts`.

Folders named on the command line are scored one by one. Without any: the set of
tests/patrol_truth and mornings of the simulator on its streets, by surroundings, several seeds of
each (`SEEDS=`, 3), and on the demo city's streets where there is one.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry import shape

from bench.peers import PEERS, fixes_of, on_beat
from bench.truth import Said, TruthFolder, figures, read_folder
from bureau.rules import Rules
from geo.files.osm import read_osm
from geo.network import Network
from geo.roads import Roads, build
from geo.smoothing import TICK_S
from geo.streets.blocks import build as build_blocks
from geo.streets.kinds import Wanted
from geo.walks import company, follow
from patrols.simulation.folder import write_folder
from patrols.simulation.graph import StreetGraph
from patrols.simulation.morning import Mix, morning
from patrols.simulation.phone import CLASSES

COPY = Path(__file__).resolve().parents[1] / "tests" / "patrol_truth"
FIRST_SEED = 101
RESAMPLES = 2000
T0 = datetime(2024, 3, 4, 8, tzinfo=UTC)
MIX = "mixed"


def answer_of(truth: TruthFolder, roads: Roads, rules: Rules | None = None) -> Said:
    """What the product's own stages say about a folder."""
    rules = rules or Rules()
    walks = follow(roads, fixes_of(truth, roads), rules)
    _, spans = company(walks, len(truth.officers), rules)
    track = walks.ticks.track
    active = {
        name: float(walks.active[track == i].sum() * TICK_S)
        for i, name in enumerate(truth.officers)
    }
    walked: dict[str, list[tuple[int, float, float, float]]] = {n: [] for n in truth.officers}
    passed = walks.passages
    for k, owner in enumerate(walks.ticks.piece_track[passed.piece].tolist()):
        walked[truth.officers[owner]].append(
            (
                int(passed.segment[k]),
                float(passed.enter_s[k] - truth.t0_s),
                float(passed.exit_s[k] - truth.t0_s),
                float(walks.active_s[k]),
            )
        )
    pairs = [
        (truth.officers[a], truth.officers[b], s - truth.t0_s, e - truth.t0_s)
        for a, b, s, e in zip(spans.a, spans.b, spans.start_s, spans.end_s, strict=True)
    ]
    beat_s = on_beat(truth, walked)
    # A credited gap is on no street: the beat's area decides, as in the product.
    beat = shapely.transform(
        truth.beat, lambda lonlat: np.column_stack(roads.plane.to_metres(*lonlat.T))
    )
    off = walks.active & (walks.passage_at < 0)
    inside = shapely.contains_xy(beat, walks.ticks.x_m[off], walks.ticks.y_m[off])
    for i, name in enumerate(truth.officers):
        beat_s[name] += float(inside[track[off] == i].sum() * TICK_S)
    return Said(active, beat_s, walked, pairs)


def measure(truth: TruthFolder, tiles: Path, rules: Rules | None = None) -> dict[str, float]:
    """Every figure of one folder, judged by the product's own stages."""
    roads = build(Network.of(truth.segment_ids, truth.lines), tiles)
    begun = time.process_time()
    answer = answer_of(truth, roads, rules)
    taken = time.process_time() - begun
    found = figures(truth, answer)
    canyon = {n for n, one in truth.truth.items() if one.get("env") == "canyon"}
    if canyon:
        found["misallocated_canyon"] = figures(truth, answer, canyon)["misallocated"]
    found["fixes_per_s"] = len(truth.t_s) / taken
    return found


# Sets of our own


@dataclass(frozen=True)
class Ground:
    """Streets to walk on, and the beat: lon/lat lines by id."""

    ids: list[int]
    lines: list[list[tuple[float, float]]]
    beat: shapely.Geometry


def tempe() -> Ground:
    """The streets of the truth folder."""
    features = json.loads((COPY / "segments.geojson").read_text())["features"]
    beat = json.loads((COPY / "beat.geojson").read_text())
    return Ground(
        [int(f["properties"]["segment_id"]) for f in features],
        [[(p[0], p[1]) for p in f["geometry"]["coordinates"]] for f in features],
        shape(beat["geometry"]),
    )


def city(extract: Path) -> Ground:
    """The streets of an OpenStreetMap extract; the beat is its western half."""
    osm = read_osm(extract, "pbf", Wanted())
    lines = [list(block.coordinates) for block in build_blocks(osm.lines, osm.places).segments]
    ends = np.concatenate([np.array(line) for line in lines])
    (west, south), (_, north) = ends.min(axis=0), ends.max(axis=0)
    beat = shapely.box(west, south, float(np.median(ends[:, 0])), north)
    return Ground(list(range(1001, 1001 + len(lines))), lines, beat)


def own_set(ground: Ground, mix: Mix, seed: int, place: Path) -> TruthFolder:
    """One morning of the simulator, written as a folder and read again."""
    graph = StreetGraph.of(ground.ids, ground.lines)
    lines = np.array([shapely.LineString(line) for line in ground.lines], dtype=object)
    inside = shapely.length(shapely.intersection(lines, ground.beat))
    in_beat = inside > 0.5 * shapely.length(lines)
    made = morning(graph, in_beat=in_beat, seed=seed, mix=mix)
    write_folder(place, made, ground.lines, ground.beat, t0=T0)
    return read_folder(place)


# Tables


def said_of(values: Sequence[float], digits: int) -> str:
    """The mean, and the lowest and highest where there are several."""
    mean = f"{np.mean(values):.{digits}f}"
    if len(values) == 1:
        return mean
    low, high = (f"{value:.{digits}f}" for value in (min(values), max(values)))
    return f"{mean} ({low} to {high})" if min(values) < 0 else f"{mean} ({low}–{high})"


FIGURES = {
    "minutes_mean": ("patrol minutes, mean error, %", 100, 2),
    "minutes_p95": ("p95, %", 100, 1),
    "minutes_bias": ("bias, %", 100, 2),
    "failed_above": ("people 5 % above the line yet not met", 1, 0),
    "beat_mean_min": ("on-beat minutes, mean error, min", 1, 2),
    "beat_share": ("the same, % of on-beat time", 100, 2),
    "misallocated": ("segment time misallocated, %", 100, 1),
    "visits_precision": ("street visits, precision", 1, 3),
    "visits_recall": ("recall", 1, 3),
    "pairs_f1": ("pair F1", 1, 3),
    "solo_called_paired": ("solo time called paired, %", 100, 2),
}


def print_table(columns: dict[str, list[dict[str, float]]]) -> None:
    """One row a figure, one column a group of sets."""
    heads = [f"{name} ({len(sets)})" for name, sets in columns.items()]
    print("| figure (sets) | " + " | ".join(heads) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for key, (label, factor, digits) in FIGURES.items():
        cells = [
            said_of([one[key] * factor for one in sets if key in one], digits)
            if any(key in one for one in sets)
            else "–"
            for sets in columns.values()
        ]
        print(f"| {label} | " + " | ".join(cells) + " |")
    print()


def relative_errors(truth: TruthFolder, said: Said) -> list[float]:
    """|credited - true| / true of each officer with patrol time."""
    true = {n: float(str(one["active_s"])) for n, one in truth.truth.items()}
    return [abs(said.active_s.get(n, 0.0) - s) / s for n, s in true.items() if s > 0]


def interval(errors: Sequence[float]) -> tuple[float, float]:
    """95 % interval of the mean error of minutes, by drawing officers anew."""
    draws = np.random.default_rng(1).choice(errors, (RESAMPLES, len(errors)))
    low, high = np.percentile(draws.mean(axis=1), (2.5, 97.5))
    return float(low), float(high)


def compare() -> None:
    """The tables of docs/benchmarks.md."""
    seeds = range(FIRST_SEED, FIRST_SEED + int(os.environ.get("SEEDS") or 3))
    grounds = {"": tempe()}
    extract = Path(os.environ.get("TANDEM_DEMO_CITY") or "nowhere")
    if extract.is_file():
        grounds[extract.name.split(".")[0] + " "] = city(extract)
    columns: dict[str, list[dict[str, float]]] = {}
    peers: dict[str, list[dict[str, float]]] = {}
    errors: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as place:
        jobs: list[tuple[str, Ground | Path, Mix | None, int]] = [("patrol-truth", COPY, None, 0)]
        for where, ground in grounds.items():
            for name in (MIX, *CLASSES) if not where else (MIX,):
                noise = tuple(CLASSES.values()) if name == MIX else (CLASSES[name],)
                mix = Mix(surroundings=noise)
                jobs += [(where + name, ground, mix, seed) for seed in seeds]
        for name, source, mix, seed in jobs:
            truth = (
                read_folder(source)
                if isinstance(source, Path)
                else own_set(source, mix or Mix(), seed, Path(place) / f"{name}-{seed}")
            )
            roads = build(Network.of(truth.segment_ids, truth.lines), Path(place) / "tiles")
            answer = answer_of(truth, roads)
            columns.setdefault(name, []).append(figures(truth, answer))
            errors.setdefault(name, []).extend(relative_errors(truth, answer))
            if name == MIX:
                peers.setdefault("Tandem", []).append(figures(truth, answer))
                for peer, (ask, keys) in PEERS.items():
                    if (other := ask(truth, roads)) is not None:
                        scores = figures(truth, other)
                        peers.setdefault(peer, []).append({key: scores[key] for key in keys})
            print(f"{name} {seed or ''} done", file=sys.stderr, flush=True)
    print("\nMean of the sets of each group (lowest–highest)\n")
    print_table(columns)
    for name, of_all in errors.items():
        low, high = interval(of_all)
        print(
            f"{name}: minutes, mean error of {len(of_all)} officers {np.mean(of_all):.2%}, "
            f"95 % of resamples within {low:.2%} to {high:.2%}"
        )
    print("\nOther ways, on the mixed sets\n")
    print_table(peers)


def main() -> None:
    """Score the folders named, or compare on all sets."""
    folders = [Path(name) for name in sys.argv[1:]]
    if not folders:
        compare()
        return
    with tempfile.TemporaryDirectory() as tiles:
        for folder in folders:
            if not (folder / "fixes.csv.gz").exists():
                sys.exit(f"{folder} holds no fixes.csv.gz.")
            print(folder)
            for name, value in measure(read_folder(folder), Path(tiles)).items():
                print(f"  {name:<22}{value:>12.4f}")


if __name__ == "__main__":
    main()
