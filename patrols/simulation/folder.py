"""Writes a morning as a folder of plain files: fixes, streets, beat, and the truth beside them."""

from __future__ import annotations

import csv
import gzip
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from patrols.simulation.morning import Morning, in_arrival_order
from patrols.simulation.truth import officer_truth, pair_truth, segment_truth


def write_folder(
    folder: Path,
    morning: Morning,
    lines_deg: list[list[tuple[float, float]]],
    beat: BaseGeometry,
    *,
    t0: datetime,
) -> None:
    """fixes.csv.gz, segments.geojson, beat.geojson, truth_*.json/csv; times count from `t0`.

    lines_deg: lon, lat of the graph's segments, in its order. Same morning, same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write_fixes(folder / "fixes.csv.gz", morning, t0)
    _write_json(
        folder / "segments.geojson",
        {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "properties": {"segment_id": int(number), "in_beat": bool(inside)},
                    "geometry": {"type": "LineString", "coordinates": [list(p) for p in line]},
                }
                for number, inside, line in zip(
                    morning.graph.ids, morning.in_beat, lines_deg, strict=True
                )
            ],
        },
    )
    _write_json(
        folder / "beat.geojson",
        {"type": "Feature", "properties": {"beat": "B1"}, "geometry": mapping(beat)},
    )
    _write_truth(folder, morning, t0)


def _write_fixes(path: Path, morning: Morning, t0: datetime) -> None:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["officer", "time", "lat", "lon", "accuracy_m"])
    start = t0.astimezone(UTC)
    for who, which in in_arrival_order(morning.officers):
        officer = morning.officers[who]
        fixes = officer.fixes
        moment = start + timedelta(seconds=float(fixes.time_s[which]))
        table.writerow(
            [
                officer.name,
                moment.isoformat(timespec="milliseconds"),
                f"{fixes.lat_deg[which]:.6f}",
                f"{fixes.lon_deg[which]:.6f}",
                f"{fixes.accuracy_m[which]:.1f}",
            ]
        )
    # No time stamp and no name in the file's head: the same morning gives the same bytes.
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
        packed.write(text.getvalue().encode())


def _write_truth(folder: Path, morning: Morning, t0: datetime) -> None:
    officers: dict[str, Any] = {}
    rows: list[list[Any]] = []
    for officer in morning.officers:
        truth = officer_truth(officer.track, morning.in_beat)
        officers[officer.name] = {
            "env": officer.noise.name,
            "kind": officer.kind,
            "active_s": truth.active_s,
            "on_beat_active_s": truth.on_beat_active_s,
            "parked_s": truth.parked_s,
            "indoors_s": truth.indoors_s,
            "vehicle_s": truth.vehicle_s,
            "poor_phone": officer.phone.poor,
            "gaps": [list(gap) for gap in officer.gaps],
            "shift_s": float(len(officer.track)),
        }
        rows.extend(
            [
                officer.name,
                int(morning.graph.ids[found.segment]),
                found.enter_s,
                found.exit_s,
                found.active_s,
            ]
            for found in segment_truth(officer.track)
        )
    _write_json(
        folder / "truth_officers.json",
        {"t0": t0.astimezone(UTC).isoformat(), "officers": officers},
    )
    _write_csv(
        folder / "truth_segments.csv",
        ["officer", "segment_id", "enter_s", "exit_s", "active_s"],
        rows,
    )
    names = [officer.name for officer in morning.officers]
    _write_csv(
        folder / "truth_pairs.csv",
        ["a", "b", "start_s", "end_s"],
        [
            [names[pair.a], names[pair.b], pair.start_s, pair.end_s]
            for pair in pair_truth([officer.track for officer in morning.officers])
        ],
    )


def _write_csv(path: Path, head: list[str], rows: list[list[Any]]) -> None:
    with path.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(head)
        table.writerows(rows)


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, separators=(",", ":"), ensure_ascii=False) + "\n")
