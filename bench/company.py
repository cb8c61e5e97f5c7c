"""Who was with whom, against exact truth and by processor time: `python -m bench.company [SEEDS]`.

Mornings of the simulator on the streets of tests/patrol_truth: 27 officers of the usual mix, the
same in narrow streets only (canyon), and 200 officers in 4 km² for two hours (288,000 fixes before
losses, 19,900 pairs). Lowest and highest of the seeds. `stranger F1` counts as together only those
who were sent out together, `F1` everybody within 15 m for two minutes.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

from bench.truth import score_pairs
from bureau.rules import Rules
from geo.together import groups
from geo.track import in_order
from geo.walks import company, off_streets
from patrols.simulation.graph import StreetGraph
from patrols.simulation.morning import Mix, Morning, morning
from patrols.simulation.phone import CANYON
from patrols.simulation.truth import pair_truth

STREETS = Path(__file__).resolve().parents[1] / "tests" / "patrol_truth" / "segments.geojson"
DENSE_M2 = 4e6
SETS = {
    "mix": Mix(),
    "canyon": Mix(surroundings=(CANYON,)),
    "dense": Mix(officers=200, hours=2.0),
    "dense canyon": Mix(officers=200, hours=2.0, surroundings=(CANYON,)),
}


def streets(area_m2: float | None = None) -> StreetGraph:
    """The streets of the truth folder, or those within a square around their middle."""
    features = json.loads(STREETS.read_text())["features"]
    ids = [int(f["properties"]["segment_id"]) for f in features]
    lines = [[(p[0], p[1]) for p in f["geometry"]["coordinates"]] for f in features]
    graph = StreetGraph.of(ids, lines)
    if area_m2 is None:
        return graph
    off = np.abs(graph.middle_m - np.median(graph.middle_m, axis=0)).max(axis=1)
    inside = np.flatnonzero(off <= area_m2**0.5 / 2).tolist()
    return StreetGraph.of([ids[i] for i in inside], [lines[i] for i in inside])


def measure(made: Morning, rules: Rules) -> dict[str, float]:
    """Scores of one morning and the processor time of its company."""
    officers = made.officers
    names = [one.name for one in officers]
    track = np.concatenate([np.full(len(one.fixes), i) for i, one in enumerate(officers)])
    lon, lat = (
        np.concatenate([getattr(one.fixes, axis) for one in officers])
        for axis in ("lon_deg", "lat_deg")
    )
    x, y = made.graph.plane.to_metres(lon, lat)
    fixes = in_order(
        track,
        np.concatenate([one.fixes.time_s for one in officers]),
        x,
        y,
        np.concatenate([one.fixes.accuracy_m for one in officers]),
    )
    walks = off_streets(fixes, rules)
    begun = time.process_time()
    _, spans = company(walks, len(names), rules)
    groups(spans)
    taken_s = time.process_time() - begun
    said = [
        (names[a], names[b], start, end)
        for a, b, start, end in zip(
            spans.a.tolist(),
            spans.b.tolist(),
            spans.start_s.tolist(),
            spans.end_s.tolist(),
            strict=True,
        )
    ]
    met = pair_truth([one.track for one in officers])
    real = [(names[one.a], names[one.b], one.start_s, one.end_s) for one in met]
    group = [one.group for one in officers]
    sent = [row for row, one in zip(real, met, strict=True) if group[one.a] == group[one.b]]
    until_s = float(max(one.track.end_s for one in officers))
    near = score_pairs(real, said, names, until_s)
    own = score_pairs(sent, said, names, until_s)
    return {
        "fixes": float(len(fixes)),
        "F1": near["f1"],
        "solo called paired %": 100 * near["solo_called_paired"],
        "stranger F1": own["f1"],
        "stranger solo %": 100 * own["solo_called_paired"],
        "CPU s": taken_s,
    }


def main() -> None:
    """Every set with the seeds 1 … SEEDS; dense ones with half as many."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    rules = Rules()
    for name, mix in SETS.items():
        dense = name.startswith("dense")
        graph = streets(DENSE_M2 if dense else None)
        nobody = np.zeros(len(graph), dtype=np.bool_)
        found = [
            measure(morning(graph, in_beat=nobody, seed=seed, mix=mix), rules)
            for seed in range(1, 1 + (max(1, seeds // 2) if dense else seeds))
        ]
        print(f"{name}, {len(found)} seeds, {graph.length_m.sum() / 1000:.0f} km of streets")
        for figure in found[0]:
            values = [one[figure] for one in found]
            print(f"  {figure:<22}{min(values):>12.3f}{max(values):>12.3f}")


if __name__ == "__main__":
    main()
