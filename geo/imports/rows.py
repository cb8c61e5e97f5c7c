"""Rows of a place file: the columns all places have, and writing a row that changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.contrib.gis.geos import GEOSGeometry
from django.db.models import Model

from bureau.models import Bureau, OrgUnit
from bureau.sentences import Sentence, gettext_noop
from geo.datum import Datum, convert
from geo.files.reading import Reading, read
from geo.files.tables import Columns
from geo.files.vector import Record
from geo.imports.report import ImportReport, Progress
from geo.imports.runs import SeenCodes, Units, check_against_streets, is_same, too_long

CODE: Final = ("id", "no", "编号", "编码", "代码")
NAME: Final = ("title", "名称", "名字")
UNIT: Final = ("unit_code", "squad", "单位", "中队", "中队编码", "所属单位", "责任单位")


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """A record with the columns that every place has, checked."""

    record: Record
    code: str
    name: str
    unit: OrgUnit


def read_rows(
    path: Path, report: ImportReport, crs: str | None, layer: str | None, progress: Progress
) -> Reading:
    """Read the file of a report; warnings about the file go to the report."""
    reading = read(
        path,
        file_name=report.file_name,
        crs=crs,
        layer=layer,
        said=lambda rows: progress("reading", rows, None),
    )
    report.warnings.extend(reading.warnings)
    return reading


def check_rows_datum(bureau: Bureau, reading: Reading, datum: Datum, report: ImportReport) -> None:
    """Hold the places of a file against the streets; what that says goes to the report."""
    shapes = [record.geometry for record in reading.records]
    if any(shape is not None for shape in shapes):
        warnings, notes = check_against_streets(bureau, shapes, datum)
        report.warnings.extend(warnings)
        report.notes.extend(notes)


def place_row(
    record: Record,
    columns: Columns,
    units: Units,
    seen: SeenCodes,
    report: ImportReport,
    fallback: OrgUnit | None,
) -> PlaceRow | None:
    """Code, name and unit of a record, or None when it is refused."""
    code = columns.get(record.values, "code")
    name = columns.get(record.values, "name") or code
    given = columns.get(record.values, "unit")
    unit = fallback if fallback is not None and not given else units.find(given)
    faults = [
        *record.faults,
        *(
            fault
            for fault in (seen.check(code, record.number), too_long(name, 120, "name"))
            if fault
        ),
        *([unit] if isinstance(unit, Sentence) else []),
    ]
    if faults or isinstance(unit, Sentence):
        report.refuse(record.number, *faults)
        return None
    return PlaceRow(record, code, name, unit)


def shape_of(record: Record, datum: Datum) -> Any:
    """The record's geometry in WGS-84, or None."""
    return None if record.geometry is None else convert(record.geometry, datum)


def save_row(
    row: Model,
    fields: dict[str, Any],
    report: ImportReport,
    *,
    label: str,
    else_changed: str = "",
) -> list[str]:
    """Set what differs and save; count the row as taken, changed or unchanged.

    label: how the report names the row. else_changed: what changes beside its own fields.
    Returns the names of the fields that were changed (all of them for a new row).
    """
    is_new = row.pk is None
    changed = [
        name
        for name, value in fields.items()
        if is_new
        or (
            not is_same(getattr(row, name), value)
            if isinstance(value, GEOSGeometry)
            else getattr(row, name) != value
        )
    ]
    for name in changed:
        setattr(row, name, fields[name])
    if is_new:
        row.save()
        report.taken += 1
    elif changed:
        row.save(update_fields=changed)
        report.changed += 1
        report.changes.append(f"{label}: {', '.join(changed)}")
    elif else_changed:
        report.changed += 1
        report.changes.append(f"{label}: {else_changed}")
    else:
        report.unchanged += 1
    return changed


def unknown_word(column: str, word: str, known: Iterable[str]) -> Sentence:
    """What to say of a word that should be one of a few."""
    return Sentence(
        "word_unknown",
        gettext_noop('The %(column)s "%(word)s" is not known. Known are: %(known)s.'),
        {"column": column, "word": word[:40], "known": ", ".join(known)},
    )
