"""What a folder to replay may look like, and what is said of one that cannot be read."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from patrols.replaying.fixes import Unreadable, read_fixes
from patrols.replaying.folder import read_beat, read_folder, read_segments
from patrols.replaying.stage import quiet_zone, shifts_of
from patrols.replaying.times import Clock, round_start

LINE = {"type": "LineString", "coordinates": [[121.47, 31.23], [121.471, 31.23]]}
RING = [[121.46, 31.22], [121.48, 31.22], [121.48, 31.24], [121.46, 31.24], [121.46, 31.22]]
SQUARE = {"type": "Polygon", "coordinates": [RING]}
HEAD = "officer,time,lat,lon,accuracy_m\n"
T0 = datetime(2031, 7, 1, 15, tzinfo=UTC)


def feature(properties: dict[str, Any] | None, geometry: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def collection(*features: Any) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)}


def folder(place: Path, rows: str = "O1,2031-07-01T15:00:02Z,31.23,121.47,5\n") -> Path:
    place.mkdir(exist_ok=True)
    streets = collection(feature({"segment_id": 7, "in_beat": True}, LINE))
    (place / "segments.geojson").write_text(json.dumps(streets))
    (place / "beat.geojson").write_text(json.dumps(feature({}, SQUARE)))
    (place / "fixes.csv.gz").write_bytes(gzip.compress((HEAD + rows).encode()))
    return place


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "fixes.csv"
    path.write_text(text, encoding="utf-8")
    return path


# Fixes


def test_columns_in_any_order_and_others_beside(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "battery,lon,accuracy_m,note,officer,time,lat\n"
        '0.5,121.5,,"a, b",007,2031-07-01T15:00:00Z,31.2\n',
    )
    fixes = read_fixes(path)
    assert fixes.officers == ["007"]
    assert (fixes.lon_deg[0], fixes.lat_deg[0]) == (121.5, 31.2)
    assert np.isnan(fixes.accuracy_m[0])
    assert fixes.t_us[0] == T0.timestamp() * 1e6


def test_officers_are_named_as_in_the_file(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        HEAD
        + "".join(
            f"{who},2031-07-01T15:00:00Z,31,121,5\n" for who in ("张三", "0012", '"a, b"', "12")
        ),
    )
    assert read_fixes(path).officers == ["张三", "0012", "a, b", "12"]


def test_a_table_without_accuracy_and_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = table(tmp_path, "\ufeffofficer;time;lat;lon\nO1;2031-07-01T15:00:00Z;31;121\n")
    assert np.isnan(read_fixes(path).accuracy_m).all()


@pytest.mark.parametrize(
    "word",
    [
        "2031-07-01T15:00:00Z",
        "2031-07-01T23:00:00+08:00",
        "2031-07-01 15:00:00.000",
        "20310701T150000Z",
        f"{T0.timestamp():.0f}",
        f"{T0.timestamp() * 1e3:.0f}",
        f"{T0.timestamp() * 1e6:.0f}",
    ],
)
def test_times(word: str) -> None:
    clock = Clock()
    assert clock.read(word) == T0.timestamp() * 1e6
    assert not clock.relative


def test_small_numbers_are_seconds_after_t0() -> None:
    clock = Clock(int(T0.timestamp() * 1e6))
    assert clock.read("12.5") == (T0.timestamp() + 12.5) * 1e6
    assert clock.relative


def test_what_says_nothing_is_left_out_and_its_officer_kept(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        HEAD
        + "O1,2031-07-01T15:00:00Z,31,121,5\n"
        + "O1,2031-07-01T15:00:00Z,31,121,5\n"  # the same again
        + "O1,2031-07-01T15:00:00Z,31,121,6\n"  # something else at the same moment
        + "ghost,2031-07-01T15:00:00Z,,,\n"
        + ",2031-07-01T15:00:00Z,31,121,5\n"
        + "\n"
        + "O1,2031\n",
    )
    fixes = read_fixes(path)
    assert (len(fixes), fixes.repeated, fixes.incomplete) == (2, 1, 3)
    assert fixes.officers == ["O1", "ghost"]
    assert fixes.accuracy_m.tolist() == [5, 6]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no column officer, time, lat, lon"),
        ("officer,time,lat\n", "has no column lon"),
        (HEAD, "holds no fixes"),
        (HEAD + "O1,2031-07-01T15:00:00Z,north,121,5\n", "line 2: could not convert"),
        (HEAD + "O1,yesterday,31,121,5\n", "line 2: yesterday is no time"),
        (
            HEAD + "O1,2031-07-01T15:00:00Z,131,121,5\n",
            "line 2: 121, 131 is no longitude and latitude",
        ),
    ],
)
def test_a_table_that_is_none(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        read_fixes(table(tmp_path, text))


def test_a_file_that_ends_too_early(tmp_path: Path) -> None:
    place = folder(tmp_path / "in", "O1,2031-07-01T15:00:02Z,31.23,121.47,5\n" * 900)
    packed = (place / "fixes.csv.gz").read_bytes()
    (place / "fixes.csv.gz").write_bytes(packed[:-20])
    with pytest.raises(Unreadable, match="broken or incomplete"):
        read_folder(place)


# Streets and beat


@pytest.mark.parametrize("name", [1001, -5, 9007199254740993, 2**70, "0012", "路 7, 西", 12.5])
def test_segment_ids_come_back_as_they_are(name: Any) -> None:
    (segment,) = read_segments(collection(feature({"segment_id": name}, LINE)), [])
    assert segment.id == str(name)
    assert segment.in_beat is None


def test_parts_of_a_street_share_its_id_and_streets_without_a_line_are_counted() -> None:
    parts = [[[0, 0], [0, 1]], [[5, 5], [5, 6]]]
    warnings: list[str] = []
    found = read_segments(
        collection(
            feature(
                {"segment_id": 1, "in_beat": "yes"},
                {"type": "MultiLineString", "coordinates": parts},
            ),
            feature({"segment_id": 2}, None),
        ),
        warnings,
    )
    assert [(s.id, s.in_beat) for s in found] == [("1", True), ("1", True)]
    assert len(warnings) == 1


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({}, "holds no street segments"),
        (collection(), "holds no street segments"),
        (collection(feature({}, LINE)), "feature 1 has no segment_id"),
        (collection(feature({"segment_id": 1}, SQUARE)), "holds no lines"),
        (collection("street"), "feature 1 is no feature"),
    ],
)
def test_streets_that_are_none(document: dict[str, Any], said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        read_segments(document, [])


@pytest.mark.parametrize(
    "document",
    [
        SQUARE,
        feature(None, SQUARE),
        feature({}, {"type": "MultiPolygon", "coordinates": [[RING]]}),
        collection(feature({}, SQUARE), feature({}, None)),
        feature({}, {"type": "GeometryCollection", "geometries": [SQUARE, LINE]}),
    ],
)
def test_beats_of_every_form(document: dict[str, Any]) -> None:
    assert read_beat(document).area == pytest.approx(0.02 * 0.02)


@pytest.mark.parametrize("document", [{}, LINE, collection(), feature({}, LINE), feature({}, "x")])
def test_beats_that_are_none(document: dict[str, Any]) -> None:
    with pytest.raises(Unreadable, match="holds no polygon"):
        read_beat(document)


# The folder and its t0


@pytest.mark.parametrize("name", ["segments.geojson", "beat.geojson", "fixes.csv.gz"])
def test_missing_files_are_named(tmp_path: Path, name: str) -> None:
    place = folder(tmp_path / "in")
    (place / name).unlink()
    with pytest.raises(Unreadable, match=f"has no {name}"):
        read_folder(place)


@pytest.mark.parametrize("name", ["segments.geojson", "beat.geojson"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe\x00"])
def test_broken_files_are_named(tmp_path: Path, name: str, content: bytes) -> None:
    place = folder(tmp_path / "in")
    (place / name).write_bytes(content)
    with pytest.raises(Unreadable, match=f"{name} is no GeoJSON"):
        read_folder(place)


def test_t0_is_taken_from_the_file_that_states_it(tmp_path: Path) -> None:
    place = folder(tmp_path / "in")
    (place / "other.json").write_text("[1, 2")  # what cannot be read states nothing
    (place / "README.md").write_text("Seconds count from t0 = 2031-07-01T14:59:00Z.")
    assert read_folder(place).t0_us == (T0.timestamp() - 60) * 1e6
    (place / "truth_officers.json").write_text('{"t0": "2031-07-01T23:30:00+08:00"}')
    found = read_folder(place)
    assert (found.t0_us, found.t0_from) == ((T0.timestamp() + 1800) * 1e6, "truth_officers.json")
    assert read_folder(place, "2031-07-01T00:00:00Z").t0_us == (T0.timestamp() - 15 * 3600) * 1e6


def test_without_a_statement_t0_is_the_round_moment_before_the_first_fix(tmp_path: Path) -> None:
    found = read_folder(folder(tmp_path / "in"))
    assert (found.t0_us, found.t0_from) == (T0.timestamp() * 1e6, "the first fix")


def test_relative_times_count_from_themselves(tmp_path: Path) -> None:
    found = read_folder(folder(tmp_path / "in", "O1,300,31.23,121.47,5\n"))
    assert found.fixes.t_us[0] - found.t0_us == 300e6


@pytest.mark.parametrize(
    ("first", "phones", "start"),
    [
        ("07:59:59.893", 27, "08:00:00"),  # a phone's clock may be behind
        ("08:00:02.3", 27, "08:00:00"),
        ("08:00:27", 1, "08:00:00"),  # six steps of one phone
        ("08:30:14", 2, "08:30:00"),
        ("08:47:03", 5, "08:47:00"),
        ("08:04:58", 5, "08:05:00"),
        # Ten phones that report every 5 s are not silent for 20 s: it began at that moment.
        ("22:13:20.4", 10, "22:13:20"),
        ("22:13:17.2", 10, "22:13:15"),
    ],
)
def test_round_starts(first: str, phones: int, start: str) -> None:
    def seconds(clock: str) -> float:
        return datetime.fromisoformat(f"2024-03-04T{clock}+00:00").timestamp()

    assert round_start(seconds(first), phones) == seconds(start)


# The bureau made of it


@pytest.mark.parametrize(
    ("hours", "zone"), [((22, 23, 0, 1), "Etc/GMT-8"), ((8, 9, 10), "Etc/GMT-8")]
)
def test_midnight_falls_where_nobody_walks(
    tmp_path: Path, hours: tuple[int, ...], zone: str
) -> None:
    """At 121° east the zone is UTC+8, whose midnight is at 16 o'clock UTC, away from all."""
    rows = "".join(f"O1,2031-07-01T{h:02d}:30:00Z,31,121,5\n" for h in hours)
    assert quiet_zone(read_fixes(table(tmp_path, HEAD + rows))) == zone


def test_a_walk_at_16_utc_moves_midnight_away(tmp_path: Path) -> None:
    rows = "O1,2031-07-01T16:30:00Z,31,121,5\nO1,2031-07-01T15:30:00Z,31,121,5\n"
    zone = quiet_zone(read_fixes(table(tmp_path, HEAD + rows)))
    assert zone in ("Etc/GMT-6", "Etc/GMT-10")  # two hours to one side: 18 or 14 o'clock UTC


def test_a_shift_ends_where_somebody_is_silent_for_hours(tmp_path: Path) -> None:
    rows = "".join(
        f"O1,2031-07-01T{clock}Z,31,121,5\n"
        for clock in ("11:00:00", "08:00:00", "09:30:00", "14:00:00")
    )
    fixes = read_fixes(table(tmp_path, HEAD + rows))
    hours = [
        (a, *((us / 1e6 - T0.timestamp()) / 3600 for us in ends)) for a, *ends in shifts_of(fixes)
    ]
    assert hours == [(0, -7, -4), (0, -1, -1)]
