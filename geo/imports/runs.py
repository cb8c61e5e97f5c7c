"""One import of one file: one transaction, one stored report; and what all imports check alike."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import shapely
from django.contrib.gis.geos import GEOSGeometry
from django.db import transaction
from numpy.typing import NDArray

from bureau.errors import Refused
from bureau.models import Bureau, OrgUnit, UnitKind, User
from bureau.sentences import Sentence, Unusable, gettext_noop
from geo.datum import CHECK_MOST_POINTS, Datum, check_datum, convert
from geo.files.vector import Record
from geo.imports.report import ImportReport
from geo.models import ImportRun, RoadSegment
from geo.places import say

COORDINATE_DIGITS = 7  # a centimetre; converted datums carry no more
MOST_NAMED = 12


@contextmanager
def import_run(
    report: ImportReport, *, bureau: Bureau, path: Path, by: User | None
) -> Iterator[None]:
    """Work inside: all of it is committed with its ImportRun, or nothing is.

    A dry run is rolled back and its report is stored. Two imports of one bureau wait for each
    other. A file that cannot be used comes out as Refused.
    """
    try:
        with transaction.atomic():
            # NO KEY: positions and patrols that name the bureau are not held up meanwhile.
            Bureau.objects.select_for_update(no_key=True).get(pk=bureau.pk)
            yield
            if report.dry_run:
                transaction.set_rollback(True)
            else:
                _store(report, bureau, path, by)
    except Unusable as error:
        raise refusal(error) from error
    if report.dry_run:
        _store(report, bureau, path, by)


def refusal(error: Unusable) -> Refused:
    """The refusal of a file, in the reader's language."""
    return Refused(error.sentence.code, say(error.sentence))


def _store(report: ImportReport, bureau: Bureau, path: Path, by: User | None) -> None:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    run = ImportRun.objects.create(
        bureau=bureau,
        kind=report.kind,
        file_name=report.file_name[-200:],
        sha256=digest,
        dry_run=report.dry_run,
        taken=report.taken,
        changed=report.changed,
        unchanged=report.unchanged,
        refused=report.refused_rows,
        report=report.as_json(),
        by=by,
    )
    report.run = run.pk


def stored_report(run: ImportRun) -> ImportReport:
    """The report of an earlier import, for `lines(say)` in the reader's language."""
    stored = run.report
    return ImportReport(
        run.kind,
        run.file_name,
        dry_run=run.dry_run,
        taken=run.taken,
        changed=run.changed,
        unchanged=run.unchanged,
        retired=stored.get("retired", 0),
        refused=[(one["row"], Sentence.of_json(one)) for one in stored.get("refused", [])],
        warnings=[Sentence.of_json(one) for one in stored.get("warnings", [])],
        notes=[Sentence.of_json(one) for one in stored.get("notes", [])],
        changes=list(stored.get("changes", [])),
        run=run.pk,
    )


# Units


class Units:
    """The bureau's units by code, for the rows of a file."""

    def __init__(self, bureau: Bureau, default: str | None = None) -> None:
        """default: the unit of rows that name none. Raises Refused when it does not exist."""
        self.by_code = {unit.code: unit for unit in OrgUnit.objects.filter(bureau=bureau)}
        self.default: OrgUnit | None = None
        if default:
            found = self.find(default)
            if isinstance(found, Sentence):
                raise Refused(found.code, say(found))
            self.default = found

    def find(self, code: str) -> OrgUnit | Sentence:
        """The unit of a code ("" is the default), or what to say when there is none."""
        if not code:
            if self.default is not None:
                return self.default
            return Sentence(
                "unit_missing",
                gettext_noop("No unit is given. Fill the unit column or name one with --unit."),
            )
        unit = self.by_code.get(code)
        if unit is None:
            codes = sorted(self.by_code)
            more = " …" if len(codes) > MOST_NAMED else ""
            return Sentence(
                "unit_unknown",
                gettext_noop("There is no unit %(code)s. Units: %(codes)s."),
                {"code": code[:40], "codes": ", ".join(codes[:MOST_NAMED]) + more},
            )
        return unit

    def top(self) -> OrgUnit | None:
        """The bureau's own unit, the root of the tree."""
        return next((u for u in self.by_code.values() if u.kind == UnitKind.BUREAU), None)


class SeenCodes:
    """Codes of a file and the rows they stood in: a code belongs to one row."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}

    def check(self, code: str, row: int) -> Sentence | None:
        """What to say when the code is missing, too long or was there before."""
        if not code:
            return Sentence("code_missing", gettext_noop("The code is empty."))
        if len(code) > 60:
            return Sentence("code_too_long", gettext_noop("The code has more than 60 characters."))
        if code in self.rows:
            return Sentence(
                "code_twice",
                gettext_noop("Code %(code)s is in row %(row)d already."),
                {"code": code, "row": self.rows[code]},
            )
        self.rows[code] = row
        return None


def too_long(text: str, most: int, column: str) -> Sentence | None:
    """What to say of a text that does not fit its column."""
    if len(text) <= most:
        return None
    return Sentence(
        "text_too_long",
        gettext_noop("The %(column)s has %(length)d characters; at most %(most)d are stored."),
        {"column": column, "length": len(text), "most": most},
    )


# Geometry and datum


def stored(geometry: shapely.Geometry) -> GEOSGeometry:
    """The geometry as it is stored: two dimensions, WGS-84, on the 1e-7 degree grid."""
    flat = shapely.transform(shapely.force_2d(geometry), lambda c: np.round(c, COORDINATE_DIGITS))
    return GEOSGeometry(memoryview(shapely.to_wkb(flat)), srid=4326)


def is_same(one: GEOSGeometry, other: GEOSGeometry) -> bool:
    """Equal vertex by vertex, to the grid."""
    return bool(one.equals_exact(other, 10.0**-COORDINATE_DIGITS / 2))


def converted(records: Iterable[Record], datum: Datum) -> list[shapely.Geometry | None]:
    """The records' geometries in WGS-84."""
    return [
        None if record.geometry is None else convert(record.geometry, datum) for record in records
    ]


def check_against_streets(
    bureau: Bureau, geometries: Sequence[shapely.Geometry | None], datum: Datum
) -> tuple[list[Sentence], list[Sentence]]:
    """Compare a file's places, as the file has them, with the bureau's streets.

    Returns (warnings, notes): a datum that is wrong or places far from all streets are warnings.
    """
    given = [geometry for geometry in geometries if geometry is not None]
    lonlat = shapely.get_coordinates(given)
    return check_points_against_streets(bureau, lonlat, datum)


def check_points_against_streets(
    bureau: Bureau, lonlat: NDArray[np.float64], datum: Datum
) -> tuple[list[Sentence], list[Sentence]]:
    """As `check_against_streets`, for points (n, 2) in the file's own degrees."""
    lonlat = lonlat[(np.abs(lonlat[:, 0]) <= 180) & (np.abs(lonlat[:, 1]) <= 90)]
    if len(lonlat) > CHECK_MOST_POINTS:
        lonlat = lonlat[np.linspace(0, len(lonlat) - 1, CHECK_MOST_POINTS).astype(int)]
    rows = RoadSegment.objects.filter(bureau=bureau, retired_at=None)
    streets = shapely.from_wkb([bytes(g.wkb) for g in rows.values_list("geometry", flat=True)])
    said = check_datum(lonlat, datum, np.asarray(streets, dtype=object)).sentence()
    if said.code in ("datum_wrong", "datum_far"):
        return [said], []
    return [], [said]
