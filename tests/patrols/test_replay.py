"""`manage.py replay` as it is called: a folder never seen, its answer, and what is left behind."""

from __future__ import annotations

import csv
import gzip
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psycopg2
import pytest
import shapely

from bench.truth import figures, read_folder, read_tables
from patrols.simulation.folder import write_folder
from patrols.simulation.graph import StreetGraph
from patrols.simulation.morning import Mix, morning
from tests.patrols.test_simulation import town_lines
from tests.processes import ROOT, other_database

TABLES = ("officers.csv", "segments.csv", "pairs.csv")
# Two hours over midnight UTC, and over the end of a UTC week's partition.
T0 = datetime(2031, 7, 6, 23, tzinfo=UTC)


class Replay:
    """One run of the command, with a folder of its own for what the product keeps."""

    def __init__(self, place: Path) -> None:
        self.var = place / "var"
        self.child: subprocess.Popen[str] | None = None

    def start(self, folder: Path, out: Path) -> subprocess.Popen[str]:
        self.child = subprocess.Popen(
            [sys.executable, "-u", "manage.py", "replay", str(folder), "--out", str(out)],
            cwd=ROOT,
            env={**os.environ, "TANDEM_VAR": str(self.var)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return self.child

    def left_behind(self) -> list[str]:
        """Databases of the run and files in its scratch folder."""
        assert self.child is not None
        with psycopg2.connect(other_database(os.environ["DATABASE_URL"], "postgres")) as server:
            cursor = server.cursor()
            cursor.execute(
                "SELECT datname FROM pg_database WHERE datname LIKE %s",
                [f"tandem_replay_{self.child.pid}\\_%"],
            )
            found = [name for (name,) in cursor.fetchall()]
        return found + [str(path) for path in (self.var / "scratch").glob("run-*")]


@pytest.fixture
def replay(tmp_path: Path) -> Iterator[Replay]:
    run = Replay(tmp_path)
    yield run
    if run.child is not None and run.child.poll() is None:
        run.child.kill()
        run.child.wait()


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six officers for two hours in a town of 84 blocks, with their truth."""
    place = tmp_path_factory.mktemp("truth")
    lines = town_lines()
    graph = StreetGraph.of(range(1, len(lines) + 1), lines)
    # The street on the border, in the middle of the town, belongs to the beat.
    west = graph.middle_m[:, 0] < 1.0
    ends = np.concatenate([np.array(line) for line in lines])
    (left, bottom), (right, top) = ends.min(axis=0), ends.max(axis=0)
    beat = shapely.box(left, bottom, (left + right) / 2, top)
    made = morning(graph, in_beat=west, seed=11, mix=Mix(officers=6, hours=2.0, max_gaps=1))
    write_folder(place, made, lines, beat, t0=T0)
    return place


@pytest.fixture(scope="module")
def unseen(truth: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same under other ids, without its truth: other columns, rows shuffled and repeated."""
    place = tmp_path_factory.mktemp("unseen")
    streets = json.loads((truth / "segments.geojson").read_text())
    for one in streets["features"]:
        one["properties"] = {"kind": "alley", "segment_id": street_name(one["properties"])}
    (place / "segments.geojson").write_text(json.dumps(streets), encoding="utf-8")
    (place / "beat.geojson").write_bytes((truth / "beat.geojson").read_bytes())
    with gzip.open(truth / "fixes.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    rows += rows[::20]
    random.Random(5).shuffle(rows)
    with gzip.open(place / "fixes.csv.gz", "wt", encoding="utf-8", newline="") as packed:
        table = csv.writer(packed)
        table.writerow(["lat", "lon", "speed", "time", "officer"])
        for row in rows:
            table.writerow([row["lat"], row["lon"], "", row["time"], person_name(row["officer"])])
        table.writerow(["", "", "", rows[0]["time"], "ghost"])
    return place


def street_name(properties: dict[str, int]) -> str:
    return f"路 {properties['segment_id']:06d}, a"


def person_name(officer: str) -> str:
    return f"张-00{officer[1:]}"


def test_a_folder_never_seen_is_answered_with_its_own_ids(
    replay: Replay, truth: Path, unseen: Path, tmp_path: Path
) -> None:
    out = tmp_path / "answers"
    child = replay.start(unseen, out)
    said, trouble = child.communicate(timeout=300)
    assert child.returncode == 0, trouble
    assert "seconds count from 2031-07-06T23:00:00+00:00 (the first fix)" in said
    assert sorted(path.name for path in out.iterdir()) == sorted(TABLES)
    assert replay.left_behind() == []

    # Back to the names of the truth, to be scored by its rules.
    back = tmp_path / "back"
    back.mkdir()
    numbers = {street_name({"segment_id": n}): n for n in range(1, 85)}
    people = {person_name(f"O{n:02d}"): f"O{n:02d}" for n in range(1, 7)}
    for name in TABLES:
        with (out / name).open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        with (back / name).open("w", newline="") as file:
            csv.writer(file).writerows(
                [people.get(word, numbers.get(word, word)) for word in row] for row in rows
            )
    answer = read_tables(back)
    assert answer.active_s.keys() == {*people.values(), "ghost"}
    assert answer.active_s["ghost"] == answer.on_beat_s["ghost"] == 0
    scores = figures(read_folder(truth), answer)
    assert scores["minutes_mean"] <= 0.03
    assert scores["beat_mean_min"] <= 3.2
    assert scores["misallocated"] <= 0.10
    assert scores["visits_precision"] >= 0.95
    assert scores["visits_recall"] >= 0.95
    assert scores["pairs_f1"] >= 0.92


def test_an_interrupted_replay_leaves_nothing(replay: Replay, truth: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers"
    child = replay.start(truth, out)
    assert child.stdout is not None
    for line in child.stdout:
        if line.startswith("Taking in"):  # the database is there by now
            break
    assert replay.left_behind() != []
    child.send_signal(signal.SIGTERM)
    _, trouble = child.communicate(timeout=120)
    assert child.returncode == 130
    assert trouble == "Interrupted: nothing was written.\n"
    assert replay.left_behind() == []
    assert not out.exists()


def test_a_folder_without_fixes_is_one_sentence(replay: Replay, tmp_path: Path) -> None:
    child = replay.start(tmp_path, tmp_path / "answers")
    _, trouble = child.communicate(timeout=120)
    assert child.returncode == 1
    assert trouble == f"CommandError: {tmp_path} has no segments.geojson and no beat.geojson.\n"
    assert replay.left_behind() == []
    assert not (tmp_path / "answers").exists()


def test_tables_are_not_written_over_a_file(replay: Replay, truth: Path, tmp_path: Path) -> None:
    (tmp_path / "answers").write_text("mine")
    child = replay.start(truth, tmp_path / "answers")
    _, trouble = child.communicate(timeout=120)
    assert child.returncode == 1
    assert "is a file" in trouble
    assert (tmp_path / "answers").read_text() == "mine"
