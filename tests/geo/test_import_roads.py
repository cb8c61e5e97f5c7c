"""import_roads: OpenStreetMap and GIS files become the bureau's segments, and stay the same."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from django.core.management import CommandError, call_command

from bureau.errors import Refused
from bureau.models import Bureau
from geo.datum import Datum, from_wgs84
from geo.imports.roads import StreetOptions, import_roads_file
from geo.models import Area, AreaKind, ImportRun, RoadSegment
from geo.streets.linework import Crossings
from tests.geo import files, town

pytestmark = pytest.mark.django_db


def town_pbf(path: Path, *, without: str = "", kind: str = "residential") -> Path:
    """The town's grid as an OpenStreetMap file."""
    nodes, lines = town.grid()
    return files.osm(
        path,
        nodes,
        [
            (number, line.nodes, {"highway": kind, "name": line.name, "name:en": f"R{number}"})
            for number, line in enumerate(lines, start=1)
            if line.name != without
        ],
    )


def town_features() -> list[tuple[shapely.LineString, dict[str, str]]]:
    nodes, lines = town.grid()
    return [
        (shapely.LineString([nodes[n] for n in line.nodes]), {"name": line.name}) for line in lines
    ]


def live(bureau: Bureau) -> dict[str, RoadSegment]:
    return {s.external_id: s for s in RoadSegment.objects.filter(bureau=bureau, retired_at=None)}


def test_an_openstreetmap_file_becomes_blocks(tmp_path: Path) -> None:
    bureau = town.bureau()
    report = import_roads_file(bureau, town_pbf(tmp_path / "town.osm.pbf"))
    segments = live(bureau)
    # 60 blocks; at the four corners only two meet, so there two blocks are one.
    assert (report.taken, report.changed, report.refused_rows) == (56, 0, 0)
    assert len(segments) == 56
    assert segments["2-3"].length_m == pytest.approx(150, abs=0.05)
    assert (segments["2-3"].name, segments["2-3"].name_en) == ("0路", "R1")
    assert segments["2-102"].name == "B Street"
    assert segments["2-101"].length_m == pytest.approx(300, abs=0.1)  # round the corner
    assert segments["2-101"].name == "0路 / A Street"
    # Valhalla is given the stored lines: meeting ends must be equal to the last digit.
    assert segments["2-3"].geometry.coords[-1] == segments["3-103"].geometry.coords[0]
    bureau.refresh_from_db()
    assert bureau.attribution == "© OpenStreetMap contributors"


def test_the_xml_form_is_read_too(tmp_path: Path) -> None:
    bureau = town.bureau()
    assert import_roads_file(bureau, town_pbf(tmp_path / "town.osm")).taken == 56


def test_again_changes_nothing_and_keeps_the_rows(tmp_path: Path) -> None:
    bureau = town.bureau()
    path = town_pbf(tmp_path / "town.osm.pbf")
    import_roads_file(bureau, path)
    before = {s.external_id: s.pk for s in live(bureau).values()}
    report = import_roads_file(bureau, path)
    assert (report.taken, report.changed, report.unchanged, report.retired) == (0, 0, 56, 0)
    assert {s.external_id: s.pk for s in live(bureau).values()} == before


def test_a_changed_name_changes_the_row_and_keeps_it(tmp_path: Path) -> None:
    bureau = town.bureau()
    import_roads_file(bureau, town_pbf(tmp_path / "town.osm.pbf"))
    pk = live(bureau)["2-3"].pk
    report = import_roads_file(bureau, town_pbf(tmp_path / "again.osm.pbf", kind="tertiary"))
    assert (report.taken, report.changed, report.unchanged) == (0, 56, 0)
    assert (live(bureau)["2-3"].kind, live(bureau)["2-3"].pk) == ("tertiary", pk)


def test_a_vanished_street_is_retired_and_comes_back_as_the_same_row(tmp_path: Path) -> None:
    bureau = town.bureau()
    import_roads_file(bureau, town_pbf(tmp_path / "town.osm.pbf"))
    pks = set(RoadSegment.objects.values_list("pk", flat=True))
    whole = {s.external_id: s.pk for s in live(bureau).values()}
    report = import_roads_file(bureau, town_pbf(tmp_path / "less.osm.pbf", without="C Street"))
    # Five blocks of C Street go; at its ends and crossings nothing else was cut before: the
    # blocks on both sides of each crossing are now one.
    assert report.retired > 5
    assert RoadSegment.objects.filter(pk__in=pks).count() == len(pks)
    assert "3-103" not in live(bureau)
    again = import_roads_file(bureau, town_pbf(tmp_path / "town.osm.pbf"))
    assert again.taken == 0
    assert {s.external_id: s.pk for s in live(bureau).values()} == whole


def test_a_file_of_another_place_is_held_up(tmp_path: Path) -> None:
    bureau = town.with_streets()
    nodes = {1: town.at(5000, 0), 2: town.at(5400, 0)}
    path = files.osm(tmp_path / "far.osm.pbf", nodes, [(1, [1, 2], {"highway": "residential"})])
    with pytest.raises(Refused) as refusal:
        import_roads_file(bureau, path)
    assert refusal.value.code == "would_retire"
    assert "lacks 56 of the bureau's 56" in str(refusal.value)
    assert len(live(bureau)) == 56
    report = import_roads_file(bureau, path, options=StreetOptions(others="keep"))
    assert (report.taken, report.retired, len(live(bureau))) == (1, 0, 57)
    report = import_roads_file(bureau, path, options=StreetOptions(others="retire"))
    assert (report.unchanged, report.retired, len(live(bureau))) == (1, 56, 1)


def test_dry_run_reports_the_same_and_writes_nothing(tmp_path: Path) -> None:
    bureau = town.bureau()
    options = StreetOptions(make_jurisdiction=True)
    path = town_pbf(tmp_path / "town.osm.pbf")
    report = import_roads_file(bureau, path, options=options, dry_run=True)
    assert report.taken == 56
    assert not RoadSegment.objects.exists()
    assert not Area.objects.exists()
    run = ImportRun.objects.get()
    assert (run.dry_run, run.taken, run.pk) == (True, 56, report.run)
    bureau.refresh_from_db()
    assert bureau.attribution == ""


def test_the_report_is_stored_with_the_digest_of_the_file(tmp_path: Path) -> None:
    import hashlib

    bureau = town.bureau()
    path = town_pbf(tmp_path / "town.osm.pbf")
    import_roads_file(bureau, path, file_name="Stadt 城.osm.pbf")
    run = ImportRun.objects.get()
    assert run.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (run.kind, run.file_name) == ("roads", "Stadt 城.osm.pbf")
    assert {note["code"] for note in run.report["notes"]} == {"streets_shape", "no_jurisdiction"}


def test_a_jurisdiction_is_drawn_only_when_asked_and_only_once(tmp_path: Path) -> None:
    bureau = town.bureau()
    path = town_pbf(tmp_path / "town.osm.pbf")
    import_roads_file(bureau, path)
    assert not Area.objects.exists()
    import_roads_file(bureau, path, options=StreetOptions(make_jurisdiction=True))
    area = Area.objects.get(kind=AreaKind.JURISDICTION)
    # 750 m of streets and 100 m around them, with round corners.
    shape = shapely.from_wkb(bytes(area.geometry.wkb))
    x, y = town.PLANE.to_metres(*shapely.get_coordinates(shape).T)
    assert shapely.Polygon(np.column_stack((x, y))).area == pytest.approx(
        750 * 750 + 4 * 750 * 100 + np.pi * 100**2, rel=0.01
    )
    import_roads_file(bureau, path, options=StreetOptions(make_jurisdiction=True))
    assert Area.objects.count() == 1


def test_streets_far_outside_the_jurisdiction_are_left_out(tmp_path: Path) -> None:
    bureau = town.with_jurisdiction()
    nodes, lines = town.grid()
    nodes |= {9001: town.at(-1150, 0), 9002: town.at(-1150, 400), 9003: town.at(-3000, 0)}
    nodes |= {9004: town.at(-3000, 400)}
    ways = [(n, line.nodes, {"highway": "residential"}) for n, line in enumerate(lines, start=1)]
    ways += [(50, (9001, 9002), {"highway": "residential"})]
    ways += [(51, (9003, 9004), {"highway": "residential"})]
    path = files.osm(tmp_path / "wide.osm.pbf", nodes, ways)
    # The first lies 950 m outside, the second 2,800 m.
    report = import_roads_file(bureau, path)
    assert "9001-9002" in live(bureau)
    assert "9003-9004" not in live(bureau)
    assert report.retired == 0
    import_roads_file(bureau, path, options=StreetOptions(everywhere=True))
    assert "9003-9004" in live(bureau)


def test_all_streets_outside_is_refused(tmp_path: Path) -> None:
    bureau = town.with_jurisdiction()
    nodes = {1: town.at(9000, 0), 2: town.at(9400, 0)}
    path = files.osm(tmp_path / "far.osm.pbf", nodes, [(1, [1, 2], {"highway": "residential"})])
    with pytest.raises(Refused) as refusal:
        import_roads_file(bureau, path)
    assert refusal.value.code in ("all_outside", "no_streets_in_file")
    assert len(live(bureau)) == 56


# Other formats and coordinate systems


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".gpkg", ("-f", "GPKG", "-t_srs", "EPSG:4490")),
        (".gpkg", ("-f", "GPKG", "-t_srs", "EPSG:4548")),
        (".gpkg", ("-f", "GPKG", "-t_srs", "EPSG:3857")),
        (".geojson", ("-f", "GeoJSON")),
        (".shp", ("-f", "ESRI Shapefile", "-t_srs", "EPSG:4548", "-lco", "ENCODING=UTF-8")),
        (".shp", ("-f", "ESRI Shapefile", "-t_srs", "EPSG:4490", "-lco", "ENCODING=GBK")),
    ],
)
def test_gis_files_in_any_declared_system_give_the_same_streets(
    tmp_path: Path, suffix: str, options: tuple[str, ...]
) -> None:
    source = files.geojson(tmp_path / "town.json", *town_features())
    folder = tmp_path / "out"
    folder.mkdir()
    path = files.ogr(source, folder / f"streets{suffix}", *options)
    if suffix == ".shp":
        path = files.zipped(folder, tmp_path / "streets.zip")
    bureau = town.bureau()
    report = import_roads_file(bureau, path)
    assert (report.taken, report.refused_rows) == (56, 0)
    lengths = sorted(s.length_m for s in live(bureau).values())
    assert lengths[:52] == pytest.approx([150] * 52, abs=0.1)
    assert {"0路", "5路 / F Street", "B Street"} <= {s.name for s in live(bureau).values()}
    points = shapely.points([s.geometry.coords[0] for s in live(bureau).values()])
    nodes = shapely.points(list(town.grid()[0].values()))
    off_deg = shapely.STRtree(nodes).query_nearest(points, return_distance=True)[1]
    assert off_deg.max() < 2e-6  # 0.2 m


def test_a_shapefile_beside_its_parts_is_read_with_gbk_names(tmp_path: Path) -> None:
    source = files.geojson(tmp_path / "town.json", *town_features())
    path = files.ogr(
        source, tmp_path / "streets.shp", "-f", "ESRI Shapefile", "-lco", "ENCODING=GBK"
    )
    (tmp_path / "streets.cpg").unlink()
    bureau = town.bureau()
    import_roads_file(bureau, path)
    assert "0路" in {s.name for s in live(bureau).values()}
    assert not (tmp_path / "streets.cpg").exists()


def test_wkt_in_a_table_is_read(tmp_path: Path) -> None:
    rows = [(shape.wkt, tags["name"]) for shape, tags in town_features()]
    path = files.table(tmp_path / "streets.csv", ("wkt", "路名"), *rows, encoding="gb18030")
    bureau = town.bureau()
    assert import_roads_file(bureau, path).taken == 56
    assert "0路" in {s.name for s in live(bureau).values()}


def test_as_drawn_keeps_rows_and_their_ids(tmp_path: Path) -> None:
    lines = [
        (shapely.LineString([town.at(0, 0), town.at(100, 0)]), {"segment_id": 1001}),
        (shapely.LineString([town.at(100, 0), town.at(110, 0)]), {"segment_id": 1002}),
        (shapely.LineString([town.at(110, 0.3), town.at(200, 0)]), {"segment_id": 1003}),
    ]
    bureau = town.bureau()
    report = import_roads_file(
        bureau,
        files.geojson(tmp_path / "s.geojson", *lines),
        options=StreetOptions(as_drawn=True),
    )
    assert report.taken == 3
    segments = live(bureau)
    assert set(segments) == {"1001", "1002", "1003"}
    assert segments["1002"].length_m == pytest.approx(10, abs=0.05)
    assert segments["1002"].geometry.coords[-1] == segments["1003"].geometry.coords[0]


def test_as_drawn_refuses_rows_without_or_with_a_double_id(tmp_path: Path) -> None:
    line = shapely.LineString([town.at(0, 0), town.at(100, 0)])
    path = files.geojson(
        tmp_path / "s.geojson", (line, {"id": "a"}), (line, {"id": ""}), (line, {"id": "a"})
    )
    report = import_roads_file(town.bureau(), path, options=StreetOptions(as_drawn=True))
    assert report.taken == 1
    assert [(row, reason.code) for row, reason in report.refused] == [
        (2, "code_missing"),
        (3, "code_twice"),
    ]


def test_as_drawn_refuses_a_row_whose_ends_become_one(tmp_path: Path) -> None:
    """60 cm with another street's end in the middle: all three ends are the same junction."""
    path = files.geojson(
        tmp_path / "s.geojson",
        (shapely.LineString([town.at(0, 0), town.at(100, 0)]), {"id": "a"}),
        (shapely.LineString([town.at(100, 0), town.at(100.6, 0)]), {"id": "b"}),
        (shapely.LineString([town.at(100.3, 0), town.at(100.3, 90)]), {"id": "c"}),
    )
    bureau = town.bureau()
    report = import_roads_file(bureau, path, options=StreetOptions(as_drawn=True))
    assert set(live(bureau)) == {"a", "c"}
    assert [(row, reason.code) for row, reason in report.refused] == [(2, "geometry_empty")]


def test_bad_rows_are_refused_and_good_ones_taken(tmp_path: Path) -> None:
    good = shapely.LineString([town.at(0, 0), town.at(100, 0)])
    path = files.geojson(
        tmp_path / "s.geojson",
        (good, {}),
        (shapely.Point(town.at(0, 0)), {}),
        (None, {}),
        (shapely.LineString([(39.92, 116.4), (39.93, 116.4)]), {}),
        (shapely.LineString([town.at(0, 0), town.at(90_000, 0)]), {}),
    )
    report = import_roads_file(town.bureau(), path)
    assert report.taken == 1
    assert [(row, reason.code) for row, reason in report.refused] == [
        (2, "geometry_type"),
        (3, "geometry_missing"),
        (4, "geometry_swapped"),
        (5, "geometry_size"),
    ]


def test_crossings_are_reported(tmp_path: Path) -> None:
    cross = [
        (shapely.LineString([town.at(-100, 0), town.at(100, 0)]), {}),
        (shapely.LineString([town.at(0, -100), town.at(0, 100)]), {}),
    ]
    path = files.geojson(tmp_path / "s.geojson", *cross)
    report = import_roads_file(town.bureau(), path)
    assert report.taken == 4
    assert "crossings_joined" in {note.code for note in report.notes}
    report = import_roads_file(town.bureau(), path, options=StreetOptions(crossings=Crossings.KEEP))
    assert report.taken == 2
    assert "crossings_kept" in {note.code for note in report.notes}


# Datum


@pytest.mark.parametrize("datum", [Datum.GCJ02, Datum.BD09])
def test_a_declared_datum_is_converted(tmp_path: Path, datum: Datum) -> None:
    shifted = [
        (shapely.transform(shape, lambda c: from_wgs84(np.asarray(c), datum)), tags)
        for shape, tags in town_features()
    ]
    path = files.geojson(tmp_path / "s.geojson", *shifted)
    bureau = town.with_streets()
    report = import_roads_file(bureau, path, datum=datum)
    # The same streets within a centimetre: known by their geometry, though ids come from nodes.
    assert (report.taken, report.retired, report.warnings) == (0, 0, [])


def test_a_wrong_datum_is_noticed_and_named(tmp_path: Path) -> None:
    shifted = [
        (shapely.transform(shape, lambda c: from_wgs84(np.asarray(c), Datum.GCJ02)), tags)
        for shape, tags in town_features()
    ]
    path = files.geojson(tmp_path / "s.geojson", *shifted)
    bureau = town.with_streets()
    report = import_roads_file(bureau, path, options=StreetOptions(others="keep"), dry_run=True)
    (warning,) = report.warnings
    assert warning.code == "datum_wrong"
    assert "GCJ-02, not WGS-84" in str(warning)


def test_a_wrong_datum_does_not_move_a_city(tmp_path: Path) -> None:
    """Without a word on other streets the import is refused, and names the datum."""
    shifted = [
        (shapely.transform(shape, lambda c: from_wgs84(np.asarray(c), Datum.GCJ02)), tags)
        for shape, tags in town_features()
    ]
    path = files.geojson(tmp_path / "s.geojson", *shifted)
    bureau = town.with_streets()
    with pytest.raises(Refused, match="The file looks like GCJ-02") as refusal:
        import_roads_file(bureau, path)
    assert refusal.value.code == "datum_wrong"
    assert len(live(bureau)) == 56


# Refusals


def broken_pbf(path: Path) -> Path:
    whole = town_pbf(path.with_name("whole.osm.pbf")).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("empty.osm.pbf", b"", "file_empty"),
        ("text.osm.pbf", b"this is no map\n" * 50, "osm_broken"),
        ("broken.osm", b"<osm version='0.6'><node id='1'", "osm_broken"),
        ("place.osm", b"<osm version='0.6'><node id='1' lat='x' lon='1'/></osm>", "osm_broken"),
        ("page.geojson", b"<html></html>", "geojson_broken"),
        ("page.geojson", b"[1, 2]", "geojson_shape"),
        ("page.geojson", b'{"features": [{"geometry": NaN}]}', "geojson_broken"),
        ("page.geojson", b'{"type": "FeatureCollection", "features": []}', "file_no_rows"),
        ("page.gpkg", b"no database", "format_differs"),
        ("page.gpkg", b"SQLite format 3\x00" + b"\x00" * 200, "gdal_broken"),
        ("page.zip", b"PK\x03\x04 nonsense", "zip_broken"),
        ("page.shp", b"\x00\x00\x27\x0a" + b"\x00" * 50, "gdal_broken"),
        ("page.doc", b"word", "format_unknown"),
        ("page", b"?", "format_unknown"),
        ("page.csv", b"PK\x03\x04 a workbook in disguise", "format_differs"),
        (
            "virtual.gpkg",
            b'<OGRVRTDataSource><OGRVRTLayer name="x"/></OGRVRTDataSource>',
            "format_differs",
        ),
    ],
)
def test_unusable_files_are_refused_in_a_sentence(
    tmp_path: Path, name: str, content: bytes, code: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    bureau = town.with_streets()
    with pytest.raises(Refused) as refusal:
        import_roads_file(bureau, path)
    assert refusal.value.code == code
    assert str(refusal.value).endswith(".")
    assert len(live(bureau)) == 56
    assert not ImportRun.objects.exists()


def test_a_file_cut_off_in_the_middle_writes_nothing(tmp_path: Path) -> None:
    bureau = town.with_streets()
    with pytest.raises(Refused) as refusal:
        import_roads_file(bureau, broken_pbf(tmp_path / "cut.osm.pbf"))
    assert refusal.value.code == "osm_broken"
    assert len(live(bureau)) == 56


def test_a_file_without_streets_says_what_it_has(tmp_path: Path) -> None:
    nodes = {1: town.at(0, 0), 2: town.at(100, 0)}
    path = files.osm(tmp_path / "f.osm.pbf", nodes, [(1, [1, 2], {"highway": "footway"})])
    with pytest.raises(Refused, match="of 1 lines with a highway tag none"):
        import_roads_file(town.bureau(), path)
    report = import_roads_file(town.bureau(), path, options=StreetOptions(footways=True))
    assert report.taken == 1
    assert RoadSegment.objects.get().is_footway


def test_a_way_is_cut_where_the_extract_ends(tmp_path: Path) -> None:
    """Node 3 is named by the way and not in the file."""
    nodes = {1: town.at(0, 0), 2: town.at(100, 0), 4: town.at(300, 0), 5: town.at(400, 0)}
    path = files.osm(
        tmp_path / "cut.osm.pbf", nodes, [(1, [1, 2, 3, 4, 5], {"highway": "residential"})]
    )
    bureau = town.bureau()
    import_roads_file(bureau, path)
    assert set(live(bureau)) == {"1-2", "4-5"}


@pytest.mark.parametrize(
    ("crs", "code"),
    [
        ("urn:ogc:def:crs:EPSG::4214", "crs_old"),
        ("urn:ogc:def:crs:EPSG::2382", "crs_old"),
        ("urn:ogc:def:crs:EPSG::99999", "crs_unknown"),
    ],
)
def test_coordinate_systems_without_an_honest_way_are_refused(
    tmp_path: Path, crs: str, code: str
) -> None:
    path = files.geojson(tmp_path / "s.geojson", *town_features(), crs=crs)
    with pytest.raises(Refused) as refusal:
        import_roads_file(town.bureau(), path)
    assert refusal.value.code == code
    assert "EPSG:4490" in str(refusal.value)


def test_a_shapefile_without_prj_asks_for_its_system(tmp_path: Path) -> None:
    source = files.geojson(tmp_path / "town.json", *town_features())
    folder = tmp_path / "out"
    folder.mkdir()
    files.ogr(source, folder / "s.shp", "-f", "ESRI Shapefile", "-t_srs", "EPSG:4548")
    (folder / "s.prj").unlink()
    path = files.zipped(folder, tmp_path / "s.zip")
    bureau = town.bureau()
    with pytest.raises(Refused, match="Declare it with --crs"):
        import_roads_file(bureau, path)
    assert import_roads_file(bureau, path, crs="EPSG:4548").taken == 56


def test_metres_declared_as_degrees_are_noticed(tmp_path: Path) -> None:
    metres = shapely.LineString([(448_000, 4_418_000), (448_200, 4_418_000)])
    with pytest.raises(Refused) as refusal:
        import_roads_file(town.bureau(), files.geojson(tmp_path / "s.geojson", (metres, {})))
    assert refusal.value.code == "no_streets_in_file"


# The command


def test_the_command_says_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bureau = town.bureau()
    path = town_pbf(tmp_path / "town.osm.pbf")
    call_command("import_roads", str(path), bureau=bureau.code, make_jurisdiction=True)
    out = capsys.readouterr().out
    assert "56 taken, 0 changed, 0 unchanged, 0 retired, 0 refused." in out
    assert "56 segments, 9.0 km; half of them are longer than 150 m" in out
    assert Area.objects.count() == 1


def test_the_command_fails_in_a_sentence(tmp_path: Path) -> None:
    bureau = town.bureau()
    with pytest.raises(CommandError, match=r"cannot be read.*Nothing was written"):
        call_command("import_roads", str(tmp_path / "none.osm.pbf"), bureau=bureau.code)
    with pytest.raises(CommandError, match="There is no bureau 'x'"):
        call_command("import_roads", str(tmp_path / "none.osm.pbf"), bureau="x")


def test_refused_rows_are_printed_with_their_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = shapely.LineString([town.at(0, 0), town.at(100, 0)])
    path = files.geojson(tmp_path / "s.geojson", (good, {}), (None, {}))
    call_command("import_roads", str(path), bureau=town.bureau().code)
    assert "Row 2 refused: There is no geometry." in capsys.readouterr().out
    stored = ImportRun.objects.get()
    assert stored.refused == 1
    assert json.loads(json.dumps(stored.report))["refused"][0]["row"] == 2
