"""Taking in areas and hotspots: the actions behind `import_areas` and `import_hotspots`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import shapely
from django.contrib.gis.geos import GEOSGeometry
from django.utils import timezone

from bureau.models import Bureau, User
from bureau.sentences import Unusable
from geo.datum import Datum
from geo.files.tables import Columns, plain
from geo.imports.report import ImportReport, Progress, silent
from geo.imports.rows import (
    CODE,
    NAME,
    UNIT,
    PlaceRow,
    check_rows_datum,
    place_row,
    read_rows,
    save_row,
    shape_of,
    unknown_word,
)
from geo.imports.runs import SeenCodes, Units, import_run, stored
from geo.models import Area, AreaKind, Grade, Hotspot, HotspotWindow, RoadSegment
from geo.places import jurisdiction_of, line_of
from geo.streets.finding import SegmentFinder
from geo.validation import check_geometry
from geo.week_windows import Window, read_windows

AREA_COLUMNS: Final = {
    "code": ("area_code", "网格编码", "责任区编号", *CODE),
    "name": ("area_name", "责任区名称", *NAME),
    "kind": ("type", "类型", "类别"),
    "unit": UNIT,
}
AREA_KINDS: Final[dict[str, AreaKind]] = {
    **{plain(kind.value): kind for kind in AreaKind},
    **dict.fromkeys(("辖区", "管辖区", "管辖范围"), AreaKind.JURISDICTION),
    **dict.fromkeys(("责任区",), AreaKind.BEAT),
    **dict.fromkeys(("网格", "单元网格"), AreaKind.GRID_CELL),
    **dict.fromkeys(("训练场", "操场"), AreaKind.DRILL_GROUND),
}

HOTSPOT_COLUMNS: Final = {
    "code": ("hotspot_code", *CODE),
    "name": ("hotspot_name", *NAME),
    "grade": ("级别", "等级"),
    "unit": UNIT,
    "segments": ("segment_ids", "路段编号"),
    "street": ("street_name", "道路", "路名", "街道", "道路名称"),
    "windows": ("hours", "时段", "管控时段"),
}
GRADES: Final[dict[str, Grade]] = {
    **{plain(grade.value): grade for grade in Grade},
    **dict.fromkeys(("严管街", "严管", "严管路段"), Grade.STRICT_STREET),
    **dict.fromkeys(("一级", "1", "一类"), Grade.FIRST),
    **dict.fromkeys(("二级", "2", "二类"), Grade.SECOND),
    **dict.fromkeys(("三级", "3", "三类"), Grade.THIRD),
}


def import_areas_file(
    bureau: Bureau,
    path: Path,
    *,
    file_name: str | None = None,
    kind: AreaKind | None = None,
    unit: str | None = None,
    datum: Datum = Datum.WGS84,
    crs: str | None = None,
    layer: str | None = None,
    dry_run: bool = False,
    by: User | None = None,
    progress: Progress = silent,
) -> ImportReport:
    """Take a file of areas into a bureau, in one transaction; known codes are changed.

    kind, unit: for rows without such a column. Areas that the file does not name stay.
    Jurisdictions come first, so that beats of the same file are held against them.
    Raises Refused when the file cannot be taken; a bad row is refused in the report.
    """
    report = ImportReport("areas", file_name or path.name, dry_run=dry_run)
    with import_run(report, bureau=bureau, path=path, by=by):
        reading = read_rows(path, report, crs, layer, progress)
        needed = ["code"] if kind else ["code", "kind"]
        columns = Columns.of(reading.header, AREA_COLUMNS, required=needed)
        check_rows_datum(bureau, reading, datum, report)
        units = Units(bureau, unit)
        known = {(a.kind, a.code): a for a in Area.objects.filter(bureau=bureau)}
        kinds: dict[int, AreaKind] = {}
        for record in reading.records:
            word = columns.get(record.values, "kind")
            found = AREA_KINDS.get(plain(word)) if word else kind
            if found is None:
                report.refuse(record.number, unknown_word("kind", word, AREA_KINDS))
            else:
                kinds[record.number] = found
        seen = {one: SeenCodes() for one in AreaKind}
        records = [record for record in reading.records if record.number in kinds]
        records.sort(key=lambda record: kinds[record.number] != AreaKind.JURISDICTION)
        # The jurisdiction as it will be, not as it was.
        border = jurisdiction_of(bureau)
        held_against_new = False
        for done, record in enumerate(records):
            one = kinds[record.number]
            if one != AreaKind.JURISDICTION and not held_against_new:
                border, held_against_new = jurisdiction_of(bureau), True
            fallback = units.top() if one == AreaKind.JURISDICTION else None
            row = place_row(record, columns, units, seen[one], report, fallback)
            if row is not None:
                _take_area(bureau, row, one, datum, border, known, report)
            progress("writing", done + 1, len(records))
    return report


def _take_area(
    bureau: Bureau,
    row: PlaceRow,
    kind: AreaKind,
    datum: Datum,
    border: GEOSGeometry | None,
    known: dict[tuple[str, str], Area],
    report: ImportReport,
) -> None:
    shape = shape_of(row.record, datum)
    if faults := check_geometry(shape, kind.value, border):
        report.refuse(row.record.number, *faults)
        return
    if isinstance(shape, shapely.Polygon):
        shape = shapely.MultiPolygon([shape])
    area = known.get((kind, row.code)) or Area(bureau=bureau, kind=kind, code=row.code)
    fields = {"name": row.name, "unit": row.unit, "geometry": stored(shape)}
    save_row(area, fields, report, label=row.code)


def import_hotspots_file(
    bureau: Bureau,
    path: Path,
    *,
    file_name: str | None = None,
    unit: str | None = None,
    datum: Datum = Datum.WGS84,
    crs: str | None = None,
    layer: str | None = None,
    dry_run: bool = False,
    by: User | None = None,
    progress: Progress = silent,
) -> ImportReport:
    """Take a file of hotspots into a bureau, in one transaction; known codes are changed.

    A hotspot is found on the bureau's streets by the ids in `segments`, by a line drawn along
    them, by a point beside one, or by the street's name; the first of these that the row has.
    Raises Refused when the file cannot be taken; a bad row is refused in the report.
    """
    report = ImportReport("hotspots", file_name or path.name, dry_run=dry_run)
    with import_run(report, bureau=bureau, path=path, by=by):
        reading = read_rows(path, report, crs, layer, progress)
        columns = Columns.of(reading.header, HOTSPOT_COLUMNS, required=["code", "grade"])
        check_rows_datum(bureau, reading, datum, report)
        units = Units(bureau, unit)
        finder = SegmentFinder.of(list(RoadSegment.objects.filter(bureau=bureau, retired_at=None)))
        border = jurisdiction_of(bureau)
        known = {
            h.code: h
            for h in Hotspot.objects.filter(bureau=bureau).prefetch_related("segments", "windows")
        }
        seen = SeenCodes()
        for done, record in enumerate(reading.records):
            row = place_row(record, columns, units, seen, report, None)
            if row is not None:
                _take_hotspot(bureau, row, columns, datum, finder, border, known, report)
            progress("writing", done + 1, len(reading.records))
    return report


def _take_hotspot(
    bureau: Bureau,
    row: PlaceRow,
    columns: Columns,
    datum: Datum,
    finder: SegmentFinder,
    border: GEOSGeometry | None,
    known: dict[str, Hotspot],
    report: ImportReport,
) -> None:
    values = row.record.values
    word = columns.get(values, "grade")
    grade = GRADES.get(plain(word))
    if grade is None:
        report.refuse(row.record.number, unknown_word("grade", word, GRADES))
        return
    try:
        windows = read_windows(columns.get(values, "windows"))
        segments = finder.find(
            ids=columns.get(values, "segments"),
            shape=shape_of(row.record, datum),
            street=columns.get(values, "street"),
        )
    except Unusable as error:
        report.refuse(row.record.number, error.sentence)
        return
    line = line_of(segments)
    if faults := check_geometry(line, "hotspot", border):
        report.refuse(row.record.number, *faults)
        return
    hotspot = known.get(row.code) or Hotspot(
        bureau=bureau, code=row.code, opened_on=timezone.localdate()
    )
    is_new = hotspot.pk is None
    same = not is_new and (
        {s.pk for s in hotspot.segments.all()} == {s.pk for s in segments}
        and sorted(_window(w) for w in hotspot.windows.all()) == windows
    )
    fields = {"name": row.name, "unit": row.unit, "grade": grade, "geometry": line}
    else_changed = "" if is_new or same else "segments, windows"
    save_row(hotspot, fields, report, label=row.code, else_changed=else_changed)
    if not same:
        hotspot.segments.set(segments)
        hotspot.windows.all().delete()
        HotspotWindow.objects.bulk_create(
            HotspotWindow(
                hotspot=hotspot,
                weekday=w.weekday,
                starts=w.starts,
                ends=w.ends,
                required_visits=w.visits,
            )
            for w in windows
        )


def _window(row: HotspotWindow) -> Window:
    return Window(row.weekday, row.starts, row.ends, row.required_visits)
