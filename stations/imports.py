"""Taking in a file of stations: the action behind `import_stations`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, Final

from django.contrib.gis.geos import GEOSGeometry, Point

from bureau.models import Bureau, User
from bureau.sentences import Sentence, Unusable, gettext_noop
from geo.datum import Datum
from geo.files.cell_values import read_count, read_date
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
from geo.imports.runs import SeenCodes, Units, import_run, stored, too_long
from geo.places import jurisdiction_of
from geo.validation import check_geometry
from geo.week_windows import Window, read_windows
from stations.models import OpeningHours, Station, StationChange, StationKind

COLUMNS: Final = {
    "code": ("station_code", "驿站编号", *CODE),
    "name": ("station_name", "驿站名称", *NAME),
    "kind": ("type", "类型", "类别"),
    "unit": UNIT,
    "address": ("地址", "位置"),
    "desks": ("桌", "桌数", "桌子"),
    "chairs": ("椅", "椅数", "椅子"),
    "opened_on": ("opened", "启用日期", "开放日期", "建成日期"),
    "hours": ("opening_hours", "开放时间", "服务时间"),
}
KINDS: Final[dict[str, StationKind]] = {
    **{plain(kind.value): kind for kind in StationKind},
    **dict.fromkeys(("城管驿站", "驿站", "reststation"), StationKind.POST_HOUSE),
    **dict.fromkeys(("服务岗亭", "岗亭", "servicekiosk"), StationKind.KIOSK),
    **dict.fromkeys(("社区工作站", "社区站"), StationKind.COMMUNITY_POINT),
    **dict.fromkeys(("便民窗口", "窗口"), StationKind.SERVICE_WINDOW),
}
MOST_DESKS: Final = 1000


def import_stations_file(
    bureau: Bureau,
    path: Path,
    *,
    today: date,
    file_name: str | None = None,
    kind: StationKind | None = None,
    unit: str | None = None,
    datum: Datum = Datum.WGS84,
    crs: str | None = None,
    layer: str | None = None,
    dry_run: bool = False,
    by: User | None = None,
    progress: Progress = silent,
) -> ImportReport:
    """Take a file of stations into a bureau, in one transaction; known codes are changed.

    today: the bureau's local date; the opening day of new rows without one.
    kind, unit: for rows without such a column. Stations that the file does not name stay open.
    What a file has no column for is kept as it is. Every change leaves its line in the register.
    Raises Refused when the file cannot be taken; a bad row is refused in the report.
    """
    report = ImportReport("stations", file_name or path.name, dry_run=dry_run)
    with import_run(report, bureau=bureau, path=path, by=by):
        reading = read_rows(path, report, crs, layer, progress)
        needed = ["code"] if kind else ["code", "kind"]
        columns = Columns.of(reading.header, COLUMNS, required=needed)
        check_rows_datum(bureau, reading, datum, report)
        units = Units(bureau, unit)
        border = jurisdiction_of(bureau)
        known = {
            station.code: station
            for station in Station.objects.filter(bureau=bureau).prefetch_related("opening_hours")
        }
        seen = SeenCodes()
        for done, record in enumerate(reading.records):
            row = place_row(record, columns, units, seen, report, None)
            if row is not None:
                station = known.get(row.code) or Station(bureau=bureau, code=row.code)
                _take(station, row, columns, kind, datum, border, today, report, by)
            progress("writing", done + 1, len(reading.records))
    return report


def _take(
    station: Station,
    row: PlaceRow,
    columns: Columns,
    default_kind: StationKind | None,
    datum: Datum,
    border: GEOSGeometry | None,
    today: date,
    report: ImportReport,
    by: User | None,
) -> None:
    number, values = row.record.number, row.record.values
    if station.closed_on is not None:
        report.refuse(
            number,
            Sentence(
                "station_closed",
                gettext_noop(
                    "Station %(code)s is closed since %(day)s. Reopen it before it is changed."
                ),
                {"code": row.code, "day": station.closed_on.isoformat()},
            ),
        )
        return
    fields: dict[str, Any] = {"name": row.name, "unit": row.unit}
    faults: list[Sentence] = []
    word = columns.get(values, "kind")
    kind = KINDS.get(plain(word)) if word else default_kind
    if kind is None:
        faults.append(unknown_word("kind", word, KINDS))
    fields["kind"] = kind
    if "address" in columns:
        fields["address"] = columns.get(values, "address")
        if fault := too_long(fields["address"], 200, "address"):
            faults.append(fault)
    try:
        for name in ("desks", "chairs"):
            if name in columns:
                fields[name] = read_count(columns.get(values, name), name, MOST_DESKS)
        opened = read_date(columns.get(values, "opened_on"), "opened_on")
        windows = read_windows(columns.get(values, "hours"))
    except Unusable as error:
        faults.append(error.sentence)
    else:
        if opened is not None or station.pk is None:
            fields["opened_on"] = opened or today
    shape = shape_of(row.record, datum)
    faults.extend(check_geometry(shape, "station", border))
    if faults:
        report.refuse(number, *faults)
        return
    fields["geometry"] = stored(shape)
    hours = [_window(h) for h in station.opening_hours.all()] if station.pk else []
    set_hours = "hours" in columns and sorted(hours) != windows
    _write(station, fields, windows if set_hours else None, row.code, report, by)


def _write(
    station: Station,
    fields: dict[str, Any],
    windows: list[Window] | None,
    code: str,
    report: ImportReport,
    by: User | None,
) -> None:
    """Save what differs and note it in the register, as a planner's change is."""
    is_new = station.pk is None
    before = {} if is_new else _facts(station, fields)
    else_changed = "hours" if windows is not None and not is_new else ""
    changed = save_row(station, fields, report, label=code, else_changed=else_changed)
    if windows is not None:
        station.opening_hours.all().delete()
        OpeningHours.objects.bulk_create(
            OpeningHours(station=station, weekday=w.weekday, opens=w.starts, closes=w.ends)
            for w in windows
        )
    after = _facts(station, fields)
    names = {"place" if name == "geometry" else name for name in changed}
    if names or windows is not None:
        StationChange.objects.create(
            station=station,
            act="import",
            by=by,
            before={name: value for name, value in before.items() if name in names},
            after={name: value for name, value in after.items() if name in names},
        )


def _facts(station: Station, fields: dict[str, Any]) -> dict[str, Any]:
    """Values as the register's change rows hold them."""
    facts: dict[str, Any] = {}
    for name in fields:
        value = getattr(station, name)
        if isinstance(value, Point):
            facts["place"] = [value.x, value.y]
        elif isinstance(value, date):
            facts[name] = value.isoformat()
        else:
            facts[name] = value.pk if name == "unit" else value
    return facts


def _window(row: OpeningHours) -> Window:
    return Window(row.weekday, row.opens, row.closes)
