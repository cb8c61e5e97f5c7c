"""import_stations: the register from a table or a map file."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from django.core.management import CommandError, call_command

from bureau.errors import Refused
from bureau.models import Bureau
from geo.datum import Datum, from_wgs84
from geo.imports.report import ImportReport
from geo.models import ImportRun
from stations.imports import import_stations_file
from stations.models import OpeningHours, Station, StationChange, StationKind
from tests.geo import files, town

pytestmark = pytest.mark.django_db

TODAY = date(2026, 3, 2)
HEADER = ("code", "kind", "name", "unit", "lon", "lat", "desks", "chairs", "opened_on", "hours")
PLACE = town.at(150, 150)
ROW: tuple[Any, ...] = (
    "K1", "kiosk", "People's Road kiosk", "east", *PLACE, 3, 4, "2025-05-01", "Mon-Fri 8:00-17:00"
)  # fmt: skip


def take(bureau: Bureau, path: Path, **options: Any) -> ImportReport:
    return import_stations_file(bureau, path, today=TODAY, **options)


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.taken, report.changed, report.unchanged, report.refused_rows


def changed(**values: Any) -> tuple[Any, ...]:
    return tuple(values.get(name, value) for name, value in zip(HEADER, ROW, strict=True))


def test_a_table_fills_the_register(tmp_path: Path) -> None:
    bureau = town.with_jurisdiction()
    path = files.table(tmp_path / "s.csv", HEADER, ROW)
    assert counts(take(bureau, path)) == (1, 0, 0, 0)
    station = Station.objects.get()
    assert (station.kind, station.name) == (StationKind.KIOSK, "People's Road kiosk")
    assert (station.unit.code, station.desks, station.chairs) == ("east", 3, 4)
    assert station.opened_on == date(2025, 5, 1)
    assert station.geometry.coords == PLACE
    hours = OpeningHours.objects.all()
    assert [(h.weekday, h.opens, h.closes) for h in hours] == [
        (day, time(8), time(17)) for day in range(5)
    ]


def test_again_changes_nothing_and_a_change_changes_one(tmp_path: Path) -> None:
    bureau = town.with_jurisdiction()
    path = files.table(tmp_path / "s.csv", HEADER, ROW)
    take(bureau, path)
    assert counts(take(bureau, path)) == (0, 0, 1, 0)
    lon, lat = town.at(160, 150)
    path = files.table(tmp_path / "s.csv", HEADER, changed(lon=lon, lat=lat, chairs=5))
    report = take(bureau, path)
    assert counts(report) == (0, 1, 0, 0)
    assert report.changes == ["K1: chairs, geometry"]
    path = files.table(tmp_path / "s.csv", HEADER, changed(lon=lon, lat=lat, chairs=5, hours=""))
    assert counts(take(bureau, path)) == (0, 1, 0, 0)
    assert not OpeningHours.objects.exists()
    assert Station.objects.count() == 1


def test_every_import_leaves_its_line_in_the_register(tmp_path: Path) -> None:
    bureau = town.with_jurisdiction()
    path = files.table(tmp_path / "s.csv", HEADER, ROW)
    take(bureau, path)
    take(bureau, path)
    take(bureau, files.table(tmp_path / "s.csv", HEADER, changed(chairs=5)))
    first, second = StationChange.objects.order_by("at")
    assert (first.act, first.before, first.after["place"]) == ("import", {}, list(PLACE))
    assert (second.before, second.after) == ({"chairs": 4}, {"chairs": 5})


def test_what_the_file_has_no_column_for_is_kept(tmp_path: Path) -> None:
    bureau = town.with_jurisdiction()
    take(bureau, files.table(tmp_path / "s.csv", HEADER, ROW))
    short = files.table(
        tmp_path / "t.csv",
        ("编号", "类型", "名称", "中队", "经度", "纬度"),
        ("K1", "岗亭", "Kiosk", "east", *PLACE),
    )
    assert take(bureau, short).changes == ["K1: name"]
    station = Station.objects.get()
    assert (station.desks, station.opened_on) == (3, date(2025, 5, 1))
    assert station.opening_hours.count() == 5


def test_a_new_station_without_a_day_opens_today(tmp_path: Path) -> None:
    bureau = town.with_jurisdiction()
    path = files.table(tmp_path / "s.csv", ("code", "lon", "lat"), ("P1", *PLACE), ("P2", *PLACE))
    report = take(bureau, path, kind=StationKind.POST_HOUSE, unit="west")
    assert report.taken == 2
    assert {(s.kind, s.opened_on, s.name) for s in Station.objects.all()} == {
        (StationKind.POST_HOUSE, TODAY, "P1"),
        (StationKind.POST_HOUSE, TODAY, "P2"),
    }


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".xlsx"])
def test_other_formats_give_the_same_station(tmp_path: Path, suffix: str) -> None:
    bureau = town.with_jurisdiction()
    values = dict(zip(HEADER, ROW, strict=True))
    source = files.geojson(tmp_path / "s.json", (shapely.Point(PLACE), values))
    if suffix == ".xlsx":
        path = files.table(tmp_path / "s.xlsx", HEADER, ROW)
    elif suffix == ".gpkg":
        path = files.ogr(source, tmp_path / "s.gpkg", "-f", "GPKG", "-t_srs", "EPSG:4490")
    else:
        path = source.rename(tmp_path / "s.geojson")
    assert counts(take(bureau, path)) == (1, 0, 0, 0)
    station = Station.objects.get()
    assert (station.desks, station.opened_on) == (3, date(2025, 5, 1))
    assert station.geometry.coords == pytest.approx(PLACE, abs=1e-7)


def test_bad_rows_are_refused_and_good_ones_taken(tmp_path: Path) -> None:
    bureau = town.with_jurisdiction()
    outside = town.at(3000, 0)
    path = files.table(
        tmp_path / "s.csv",
        HEADER,
        ROW,
        changed(code="K1"),
        changed(code="K2", kind="castle"),
        changed(code="K3", unit="north"),
        changed(code="K4", lon=outside[0], lat=outside[1]),
        changed(code="K5", lon=PLACE[1], lat=PLACE[0]),
        changed(code="K6", lon=0, lat=0),
        changed(code="K7", lon="", lat=""),
        changed(code="K8", desks="-1"),
        changed(code="K9", opened_on="1/5/2025"),
        changed(code="K10", hours="all day"),
        changed(code="K11", desks="=2+2"),
    )
    report = take(bureau, path)
    assert [(row, reason.code) for row, reason in report.refused] == [
        (3, "code_twice"),
        (4, "word_unknown"),
        (5, "unit_unknown"),
        (6, "geometry_outside"),
        (7, "geometry_swapped"),
        (8, "geometry_at_zero"),
        (9, "geometry_missing"),
        (10, "count_unreadable"),
        (11, "date_unreadable"),
        (12, "window_unreadable"),
        (13, "formula_cell"),
    ]
    assert list(Station.objects.values_list("code", flat=True)) == ["K1"]


def test_a_closed_station_is_not_changed_by_a_file(tmp_path: Path) -> None:
    bureau = town.with_jurisdiction()
    path = files.table(tmp_path / "s.csv", HEADER, ROW)
    take(bureau, path)
    Station.objects.update(closed_on=date(2026, 1, 31), closed_reason="moved")
    report = take(bureau, files.table(tmp_path / "s.csv", HEADER, changed(chairs=9)))
    assert [reason.code for _, reason in report.refused] == ["station_closed"]
    assert Station.objects.get().chairs == 4


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    bureau = town.with_jurisdiction()
    path = files.table(tmp_path / "s.csv", ("name", "lon", "lat"), ("Kiosk", *PLACE))
    with pytest.raises(Refused, match=r"A column is missing: code .*; kind .*name, lon, lat"):
        take(bureau, path)
    assert not ImportRun.objects.exists()


def test_a_wrong_datum_is_noticed_with_thirty_stations_and_not_with_few(tmp_path: Path) -> None:
    """Acceptance case 13: GCJ-02 places declared as WGS-84."""
    bureau = town.with_streets()
    places = from_wgs84(town.along_streets(40), Datum.GCJ02)

    def rows(count: int) -> Path:
        return files.table(
            tmp_path / "s.csv",
            ("code", "lon", "lat"),
            *[(f"K{i}", f"{lon:.7f}", f"{lat:.7f}") for i, (lon, lat) in enumerate(places[:count])],
        )

    options: dict[str, Any] = {"kind": StationKind.KIOSK, "unit": "east"}
    few = take(bureau, rows(29), dry_run=True, **options)
    assert few.warnings == []
    assert "Cannot tell whether the datum is right: 29 points" in str(few.notes[0])
    wrong = take(bureau, rows(40), dry_run=True, **options)
    assert [w.code for w in wrong.warnings] == ["datum_wrong"]
    assert "The file looks like GCJ-02, not WGS-84" in str(wrong.warnings[0])
    right = take(bureau, rows(40), datum=Datum.GCJ02, **options)
    assert (right.warnings, right.taken) == ([], 40)
    points = np.array([s.geometry.coords for s in Station.objects.order_by("pk")])
    assert np.abs(points - town.along_streets(40)).max() < 1.5e-7


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bureau = town.with_jurisdiction()
    path = files.table(tmp_path / "s.csv", HEADER, ROW, changed(code="K2", unit="north"))
    call_command("import_stations", str(path), bureau=bureau.code)
    out = capsys.readouterr().out
    assert "1 taken, 0 changed, 0 unchanged, 0 retired, 1 refused." in out
    assert "Row 3 refused: There is no unit north. Units: east, top, west." in out
    with pytest.raises(CommandError, match="Nothing was written"):
        call_command("import_stations", str(tmp_path / "none.csv"), bureau=bureau.code)
