"""import_areas and import_hotspots: rows taken, changed, refused; found on the bureau's streets."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import numpy as np
import pytest
import shapely
from django.core.management import CommandError, call_command

from bureau.errors import Refused
from geo.datum import Datum, from_wgs84
from geo.imports.places import import_areas_file, import_hotspots_file
from geo.imports.report import ImportReport
from geo.models import Area, AreaKind, Grade, Hotspot, HotspotWindow, ImportRun
from tests.geo import files, town

pytestmark = pytest.mark.django_db


def refused(report: ImportReport) -> list[tuple[int, str]]:
    return [(row, reason.code) for row, reason in report.refused]


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.taken, report.changed, report.unchanged, report.refused_rows


BEAT = {"code": "B1", "kind": "beat", "name": "East beat", "unit": "east"}


# Areas


def test_areas_are_taken_changed_and_left_alone(tmp_path: Path) -> None:
    bureau = town.with_jurisdiction()
    first = files.geojson(tmp_path / "a.geojson", (town.square(0, 0, 300), BEAT))
    assert counts(import_areas_file(bureau, first)) == (1, 0, 0, 0)
    area = Area.objects.get(code="B1")
    assert (area.name, area.unit.code, area.kind) == ("East beat", "east", AreaKind.BEAT)
    assert area.geometry.geom_type == "MultiPolygon"
    assert counts(import_areas_file(bureau, first)) == (0, 0, 1, 0)

    other = files.geojson(tmp_path / "b.geojson", (town.square(0, 0, 310), BEAT | {"unit": "west"}))
    report = import_areas_file(bureau, other)
    assert counts(report) == (0, 1, 0, 0)
    assert report.changes == ["B1: unit, geometry"]
    again = Area.objects.get(code="B1")
    assert (again.pk, again.unit.code) == (area.pk, "west")


def test_one_code_may_stand_for_a_beat_and_a_grid_cell(tmp_path: Path) -> None:
    bureau = town.with_jurisdiction()
    path = files.geojson(
        tmp_path / "a.geojson",
        (town.square(0, 0, 300), BEAT),
        (town.square(0, 0, 100), BEAT | {"kind": "单元网格"}),
        (town.square(0, 0, 100), BEAT | {"kind": "责任区"}),
    )
    report = import_areas_file(bureau, path)
    assert counts(report) == (2, 0, 0, 1)
    assert str(report.refused[0][1]) == "Code B1 is in row 1 already."


def test_a_jurisdiction_comes_first_and_holds_the_beats_of_its_file(tmp_path: Path) -> None:
    bureau = town.bureau()
    path = files.geojson(
        tmp_path / "a.geojson",
        (town.square(5000, 0, 300), BEAT),
        (town.square(0, 0, 300), BEAT | {"code": "B2"}),
        (town.square(-100, -100, 1000), {"code": "J", "kind": "jurisdiction"}),
    )
    report = import_areas_file(bureau, path)
    assert refused(report) == [(1, "geometry_outside")]
    assert set(Area.objects.values_list("code", flat=True)) == {"B2", "J"}
    # A jurisdiction without a unit is the bureau's own.
    assert Area.objects.get(code="J").unit.code == "top"


def test_bad_area_rows_are_refused_with_their_reasons(tmp_path: Path) -> None:
    bureau = town.with_jurisdiction()
    bow_tie = shapely.Polygon([town.at(0, 0), town.at(200, 200), town.at(200, 0), town.at(0, 200)])
    rows = [
        (town.square(0, 0, 300), BEAT | {"code": "A1", "unit": "north"}),
        (town.square(0, 0, 300), BEAT | {"code": "A2", "unit": ""}),
        (town.square(0, 0, 300), BEAT | {"code": ""}),
        (town.square(0, 0, 300), BEAT | {"code": "A4", "kind": "castle"}),
        (bow_tie, BEAT),
        (town.square(0, 0, 20), BEAT | {"code": "B2"}),
        (town.square(5000, 5000, 300), BEAT | {"code": "B3"}),
        (None, BEAT | {"code": "B4"}),
        (shapely.Point(town.at(0, 0)), BEAT | {"code": "B5"}),
        (town.square(0, 0, 300), BEAT | {"code": "B6", "name": "x" * 121}),
        (town.square(0, 0, 300), BEAT | {"code": "y" * 61}),
        (town.square(0, 0, 300), BEAT | {"code": "good"}),
    ]
    report = import_areas_file(bureau, files.geojson(tmp_path / "a.geojson", *rows))
    assert sorted(refused(report)) == [
        (1, "unit_unknown"),
        (2, "unit_missing"),
        (3, "code_missing"),
        (4, "word_unknown"),
        (5, "geometry_invalid"),
        (6, "geometry_size"),
        (7, "geometry_outside"),
        (8, "geometry_missing"),
        (9, "geometry_type"),
        (10, "text_too_long"),
        (11, "code_too_long"),
    ]
    assert report.taken == 1
    said = {row: str(reason) for row, reason in report.refused}
    assert said[1] == "There is no unit north. Units: east, top, west."
    assert 'The kind "castle" is not known.' in said[4]


def test_kind_and_unit_can_be_given_for_all_rows(tmp_path: Path) -> None:
    bureau = town.with_jurisdiction()
    path = files.geojson(tmp_path / "a.geojson", (town.square(0, 0, 300), {"编号": "B1"}))
    with pytest.raises(Refused, match="A column is missing: kind"):
        import_areas_file(bureau, path)
    with pytest.raises(Refused, match="There is no unit north"):
        import_areas_file(bureau, path, kind=AreaKind.BEAT, unit="north")
    assert import_areas_file(bureau, path, kind=AreaKind.BEAT, unit="east").taken == 1


def test_areas_come_as_tables_with_wkt_too(tmp_path: Path) -> None:
    bureau = town.with_jurisdiction()
    path = files.table(
        tmp_path / "a.xlsx",
        ("编号", "类型", "名称", "单位", "wkt"),
        ("B1", "责任区", "东片", "east", town.square(0, 0, 300).wkt),
    )
    assert import_areas_file(bureau, path).taken == 1
    assert Area.objects.get(code="B1").name == "东片"


def test_another_bureaus_areas_and_units_are_not_touched(tmp_path: Path) -> None:
    bureau, other = town.with_jurisdiction(), town.with_jurisdiction()
    path = files.geojson(tmp_path / "a.geojson", (town.square(0, 0, 300), BEAT))
    import_areas_file(other, path)
    report = import_areas_file(bureau, path)
    assert counts(report) == (1, 0, 0, 0)
    assert Area.objects.filter(bureau=other, code="B1").get().unit.bureau == other


def test_dry_run_of_areas(tmp_path: Path) -> None:
    bureau = town.with_jurisdiction()
    path = files.geojson(tmp_path / "a.geojson", (town.square(0, 0, 300), BEAT))
    assert import_areas_file(bureau, path, dry_run=True).taken == 1
    assert not Area.objects.filter(code="B1").exists()
    assert ImportRun.objects.get().dry_run


def test_a_wrong_datum_of_areas_is_named(tmp_path: Path) -> None:
    """Grid cells whose corners lie on the streets, in BD-09 and not declared so."""
    bureau = town.with_jurisdiction()
    cells = [
        (
            shapely.transform(
                town.square(150 * i, 150 * j, 150),
                lambda c: from_wgs84(np.asarray(c), Datum.BD09),
            ),
            BEAT | {"code": f"{i}{j}", "kind": "grid_cell"},
        )
        for i in range(3)
        for j in range(3)
    ]
    path = files.geojson(tmp_path / "a.geojson", *cells)
    wrong = import_areas_file(bureau, path, dry_run=True)
    assert [warning.code for warning in wrong.warnings] == ["datum_wrong"]
    right = import_areas_file(bureau, path, datum=Datum.BD09)
    assert right.warnings == []
    assert right.taken == 9
    inside = shapely.from_wkb(bytes(Area.objects.get(code="11").geometry.wkb))
    assert inside.centroid.distance(shapely.Point(town.at(225, 225))) < 1e-5


# Hotspots


HOT = {"code": "H1", "name": "School gate", "grade": "first", "unit": "east"}


def segments_of(code: str) -> set[str]:
    hotspot = Hotspot.objects.get(code=code)
    return set(hotspot.segments.values_list("external_id", flat=True))


def test_a_line_along_a_street_means_the_blocks_it_covers(tmp_path: Path) -> None:
    """300 m along street 0 from B to D, 5 m beside its middle, and 40 m of the next block."""
    bureau = town.with_jurisdiction()
    line = shapely.LineString([town.at(150, 5), town.at(490, 5)])
    report = import_hotspots_file(bureau, files.geojson(tmp_path / "h.geojson", (line, HOT)))
    assert counts(report) == (1, 0, 0, 0)
    assert segments_of("H1") == {"2-3", "3-4"}
    hotspot = Hotspot.objects.get()
    assert hotspot.grade == Grade.FIRST
    length_m = sum(hotspot.segments.values_list("length_m", flat=True))
    assert length_m == pytest.approx(300, abs=0.2)
    assert len(hotspot.geometry) == 2


def test_a_point_means_the_nearest_block(tmp_path: Path) -> None:
    bureau = town.with_jurisdiction()
    path = files.table(
        tmp_path / "h.csv",
        ("code", "grade", "unit", "lon", "lat"),
        ("near", "严管街", "east", *town.at(225, 30)),
        ("far", "严管街", "east", *town.at(225, 75)),
    )
    report = import_hotspots_file(bureau, path)
    assert refused(report) == [(3, "far_from_streets")]
    assert segments_of("near") == {"2-3"}
    assert Hotspot.objects.get().grade == Grade.STRICT_STREET


def test_a_street_name_means_the_whole_street(tmp_path: Path) -> None:
    bureau = town.with_jurisdiction()
    path = files.table(
        tmp_path / "h.csv",
        ("编号", "级别", "中队", "道路"),
        ("H1", "二级", "east", "2路"),
        ("H2", "二级", "east", "长安街"),
    )
    report = import_hotspots_file(bureau, path)
    assert [str(reason) for _, reason in report.refused] == [
        "No street of the bureau is called 长安街."
    ]
    assert segments_of("H1") == {"201-202", "202-203", "203-204", "204-205", "205-206"}


def test_ids_mean_these_segments_and_windows_are_kept(tmp_path: Path) -> None:
    bureau = town.with_jurisdiction()
    header = ("code", "grade", "unit", "segments", "windows")
    path = files.table(
        tmp_path / "h.csv", header, ("H1", "third", "east", "2-3; 3-4", "周一至周五 07:00-08:30 x2")
    )
    assert counts(import_hotspots_file(bureau, path)) == (1, 0, 0, 0)
    windows = HotspotWindow.objects.all()
    assert [(w.weekday, w.starts, w.ends, w.required_visits) for w in windows] == [
        (day, time(7), time(8, 30), 2) for day in range(5)
    ]
    assert counts(import_hotspots_file(bureau, path)) == (0, 0, 1, 0)
    files.table(path, header, ("H1", "third", "east", "2-3; 3-4", "Sat 09:00-10:00"))
    assert counts(import_hotspots_file(bureau, path)) == (0, 1, 0, 0)
    assert [w.weekday for w in HotspotWindow.objects.all()] == [5]
    files.table(path, header, ("H1", "third", "east", "3-4", "Sat 09:00-10:00"))
    assert counts(import_hotspots_file(bureau, path)) == (0, 1, 0, 0)
    assert segments_of("H1") == {"3-4"}


def test_bad_hotspot_rows_are_refused(tmp_path: Path) -> None:
    bureau = town.with_jurisdiction()
    path = files.table(
        tmp_path / "h.csv",
        ("code", "grade", "unit", "segments", "windows"),
        ("H1", "fourth", "east", "2-3", ""),
        ("H2", "first", "east", "2-3;9-9", ""),
        ("H3", "first", "east", "", ""),
        ("H4", "first", "east", "2-3", "at noon"),
        ("H5", "first", "east", "2-3", "=A1"),
    )
    report = import_hotspots_file(bureau, path)
    assert refused(report) == [
        (2, "word_unknown"),
        (3, "segment_unknown"),
        (4, "place_missing"),
        (5, "window_unreadable"),
        (6, "formula_cell"),
    ]
    assert not Hotspot.objects.exists()


def test_a_line_that_follows_no_street_is_refused(tmp_path: Path) -> None:
    bureau = town.with_jurisdiction()
    lines = [
        (shapely.LineString([town.at(150, 75), town.at(450, 75)]), HOT),  # between two streets
        (shapely.LineString([town.at(150, 0), town.at(200, 0)]), HOT | {"code": "H2"}),  # a third
    ]
    report = import_hotspots_file(bureau, files.geojson(tmp_path / "h.geojson", *lines))
    assert refused(report) == [(1, "no_street_along"), (2, "no_street_along")]


def test_without_streets_hotspots_cannot_be_placed(tmp_path: Path) -> None:
    line = shapely.LineString([town.at(150, 0), town.at(450, 0)])
    path = files.geojson(tmp_path / "h.geojson", (line, HOT))
    with pytest.raises(Refused, match=r"manage\.py import_roads") as refusal:
        import_hotspots_file(town.bureau(), path)
    assert refusal.value.code == "no_streets"


# Commands


def test_commands_take_and_refuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bureau = town.with_jurisdiction()
    areas = files.geojson(tmp_path / "a.geojson", (town.square(0, 0, 300), {"code": "B1"}))
    call_command("import_areas", str(areas), bureau=bureau.code, kind="beat", unit="east")
    assert "1 taken, 0 changed" in capsys.readouterr().out
    hot = files.table(tmp_path / "h.csv", ("code", "grade", "segments"), ("H1", "first", "2-3"))
    call_command("import_hotspots", str(hot), bureau=bureau.code, unit="east", dry_run=True)
    assert "Dry run, nothing written: 1 would be taken" in capsys.readouterr().out
    with pytest.raises(CommandError, match="There is no unit moon"):
        call_command("import_hotspots", str(hot), bureau=bureau.code, unit="moon")
    assert not Hotspot.objects.exists()
