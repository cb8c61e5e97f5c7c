"""Verdicts against exact truth: `python -m bench.verdicts FOLDER…` prints the scores of each."""

import sys
import tempfile
import time
from pathlib import Path

from bench.truth import Said, TruthFolder, figures, read_folder
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
    _, spans = company(walks, len(truth.officers), rules)
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
    answer = Said(said, on_beat, walked, pairs)
    found = figures(truth, answer)
    canyon = {n for n, one in truth.truth.items() if one.get("env") == "canyon"}
    if canyon:
        found["misallocated_canyon"] = figures(truth, answer, canyon)["misallocated"]
    found["fixes_per_s"] = len(truth.t_s) / taken
    return found


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
