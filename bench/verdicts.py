"""Verdicts against exact truth: `python -m bench.verdicts FOLDER…` prints the scores of each."""

import sys
import tempfile
import time
from pathlib import Path

from bench.truth import (
    TruthFolder,
    misallocated,
    read_folder,
    score_beat,
    score_minutes,
    score_pairs,
    score_visits,
)
from bureau.rules import Rules
from geo.network import Network
from geo.roads import build
from geo.smoothing import TICK_S
from geo.track import in_order
from geo.walks import company, follow

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "patrol-truth"
COPY = Path(__file__).resolve().parents[1] / "tests" / "patrol_truth"


def measure(truth: TruthFolder, tiles: Path, rules: Rules | None = None) -> dict[str, float]:
    """Every figure of one folder, judged by the product's own stages."""
    rules = rules or Rules()
    roads = build(Network.of(truth.segment_ids, truth.lines), tiles)
    begun = time.perf_counter()
    x, y = roads.plane.to_metres(truth.lon_deg, truth.lat_deg)
    walks = follow(roads, in_order(truth.officer, truth.t_s, x, y, truth.accuracy_m), rules)
    _, spans = company(walks.ticks, len(truth.officers), rules)
    taken = time.perf_counter() - begun
    track = walks.ticks.track
    said = {
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
    on_beat = {
        name: sum(row[3] for row in rows if truth.in_beat[row[0]]) for name, rows in walked.items()
    }
    pairs = [
        (truth.officers[a], truth.officers[b], s - truth.t0_s, e - truth.t0_s)
        for a, b, s, e in zip(spans.a, spans.b, spans.start_s, spans.end_s, strict=True)
    ]
    length = dict(zip(roads.network.ids.tolist(), roads.length_m.tolist(), strict=True))
    officers = truth.truth
    until = max(float(str(one["shift_s"])) for one in officers.values())
    minutes = score_minutes({n: float(str(o["active_s"])) for n, o in officers.items()}, said)
    beat = score_beat({n: float(str(o["on_beat_active_s"])) for n, o in officers.items()}, on_beat)
    visits = score_visits(truth.walked, walked, length)
    together = score_pairs(truth.pairs, pairs, truth.officers, until)
    canyon = {n for n, one in officers.items() if one.get("env") == "canyon"}
    return {
        "minutes_mean": minutes["mean"],
        "minutes_p95": minutes["p95"],
        "minutes_bias": minutes["bias"],
        "beat_mean_min": beat["mean_min"],
        "beat_share": beat["share"],
        "misallocated": misallocated(truth.walked, walked),
        "misallocated_canyon": misallocated(
            {n: truth.walked.get(n, []) for n in canyon}, {n: walked[n] for n in canyon}
        ),
        "visits_precision": visits["precision"],
        "visits_recall": visits["recall"],
        "pairs_f1": together["f1"],
        "solo_called_paired": together["solo_called_paired"],
        "fixes_per_s": len(truth.t_s) / taken,
    }


def main() -> None:
    """Score the folders named, or the shared set."""
    folders = [Path(name) for name in sys.argv[1:]] or [SHARED if SHARED.exists() else COPY]
    with tempfile.TemporaryDirectory() as tiles:
        for folder in folders:
            if not (folder / "fixes.csv.gz").exists():
                sys.exit(f"{folder} holds no fixes.csv.gz.")
            figures = measure(read_folder(folder), Path(tiles))
            print(folder)
            for name, value in figures.items():
                print(f"  {name:<22}{value:>12.4f}")


if __name__ == "__main__":
    main()
