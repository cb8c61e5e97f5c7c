"""Files with places → records: row number, text values, geometry in lon, lat degrees.

GeoJSON, GeoPackage, Shapefile (zip, or beside its parts), CSV and XLSX.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import shapely
from shapely.geometry.base import BaseGeometry

from bureau.sentences import Sentence, gettext_noop, unusable
from geo.files.archives import check_size, unpack_layer
from geo.files.crs import WGS84, Crs, crs_missing, read_crs
from geo.files.tables import MOST_ROWS, Columns, read_table
from geo.files.vector import (
    TAKEN,
    Record,
    copy_shapefile,
    format_differs,
    geojson_crs,
    geojson_records,
    in_degrees,
    layer_records,
    open_layer,
    read_geojson,
)

NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
SIGNATURES: Final = {
    b"PK\x03\x04": "zip",
    b"SQLite format 3\x00": "gpkg",
    b"\x00\x00\x27\x0a": "shp",
    b"\xd0\xcf\x11\xe0": "xls",
}
FORMATS: Final = {
    ".geojson": "geojson",
    ".json": "geojson",
    ".gpkg": "gpkg",
    ".zip": "zip",
    ".shp": "shp",
    ".csv": "csv",
    ".xlsx": "xlsx",
}

LON: Final = ("lng", "long", "longitude", "x", "经度", "東經", "东经")
LAT: Final = ("latitude", "y", "纬度", "緯度", "北纬")
WKT: Final = ("geometry", "geom", "shape", "几何", "坐标串")


@dataclass(frozen=True, slots=True)
class Reading:
    """A file that has been read: its columns, records and what to tell about the file."""

    form: str
    header: list[str]
    records: list[Record]
    warnings: list[Sentence]


def form_of(file_name: str) -> str:
    """The format that a file's name says: a value of FORMATS, "pbf" or "osm". Raises Unusable."""
    lower = file_name.lower()
    if lower.endswith(".pbf"):
        return "pbf"
    if lower.endswith(".osm"):
        return "osm"
    form = FORMATS.get(Path(lower).suffix)
    if form is None:
        raise unusable(
            "format_unknown",
            gettext_noop("%(name)s has no known ending. Taken are: %(taken)s."),
            {"name": file_name, "taken": TAKEN},
        )
    return form


def read(
    path: Path,
    *,
    file_name: str | None = None,
    crs: str | None = None,
    layer: str | None = None,
    said: Callable[[int], None] | None = None,
) -> Reading:
    """Read a file whole.

    file_name: its name where `path` is an upload's temporary name.
    crs: declared coordinate system; used instead of the file's own, which is said.
    layer: which layer of an archive or GeoPackage with several.
    said: hears the number of records read.
    Raises Unusable, with what to do, for a file that cannot be read at all; a fault of one record
    stands in that record.
    """
    check_size(path)
    form = form_of(file_name or path.name)
    _check_signature(path, form)
    declared = read_crs(crs) if crs else None
    if form in ("zip", "shp"):
        with tempfile.TemporaryDirectory() as folder:
            if form == "zip":
                inner = unpack_layer(path, Path(folder), layer)
            else:
                inner = copy_shapefile(path, Path(folder))
            check_size(inner)
            inner_form = form_of(inner.name)
            _check_signature(inner, inner_form)
            return _read(inner, inner_form, declared, None, said)
    return _read(path, form, declared, layer, said)


def _read(
    path: Path,
    form: str,
    declared: Crs | None,
    layer: str | None,
    said: Callable[[int], None] | None,
) -> Reading:
    warnings: list[Sentence] = []
    if form in ("csv", "xlsx"):
        records = _table_records(path, form, declared or WGS84)
        crs = declared or WGS84
    elif form == "geojson":
        document = read_geojson(path)
        crs = declared or geojson_crs(document)
        records = geojson_records(document, crs)
    elif form in ("gpkg", "shp"):
        shown = open_layer(path, form, layer)
        own = shown.srs.wkt if shown.srs is not None else ""
        if declared is None and not own:
            raise crs_missing()
        crs = declared or read_crs(own)
        if declared is not None and own:
            warnings.append(
                Sentence(
                    "crs_overridden",
                    gettext_noop("The file's own coordinate system was overridden by %(name)s."),
                    {"name": declared.label},
                )
            )
        records = layer_records(shown, crs)
    else:
        raise unusable(
            "format_is_osm",
            gettext_noop("OpenStreetMap files are for the street import. Taken here: %(taken)s."),
            {"taken": TAKEN},
        )
    if crs.warning is not None:
        warnings.append(crs.warning)
    read_records: list[Record] = []
    header: dict[str, None] = {}
    for record in records:
        read_records.append(record)
        header.update(dict.fromkeys(record.values))
        if len(read_records) > MOST_ROWS:
            raise unusable(
                "too_many_features",
                gettext_noop("The file has more than %(most)d features. Split it."),
                {"most": MOST_ROWS},
            )
        if said is not None and len(read_records) % 1000 == 0:
            said(len(read_records))
    if not read_records:
        raise unusable("file_no_rows", gettext_noop("The file has no rows."))
    return Reading(form, list(header), read_records, warnings)


def _check_signature(path: Path, form: str) -> None:
    """Refuse a file whose first bytes are another format's than its name says."""
    with path.open("rb") as file:
        start = file.read(16)
    found = next((kind for mark, kind in SIGNATURES.items() if start.startswith(mark)), None)
    if found == "xls":
        raise unusable(
            "xls_old",
            gettext_noop("This is an old Excel file (.xls). Save it as .xlsx or CSV."),
        )
    wanted = {"xlsx": "zip", "zip": "zip", "gpkg": "gpkg", "shp": "shp"}.get(form)
    if found != wanted:
        raise format_differs(form)


# Tables


def _table_records(path: Path, form: str, crs: Crs) -> Iterator[Record]:
    columns: Columns | None = None
    for row in read_table(path, form):
        if columns is None:
            columns = Columns.of(list(row.values), {"lon": LON, "lat": LAT, "wkt": WKT})
        geometry, faults = _table_geometry(row.values, columns, crs)
        yield Record(row.number, row.values, geometry, (*row.faults, *faults))


def _table_geometry(
    values: Mapping[str, str], columns: Columns, crs: Crs
) -> tuple[BaseGeometry | None, list[Sentence]]:
    wkt = columns.get(values, "wkt")
    lon, lat = columns.get(values, "lon"), columns.get(values, "lat")
    geometry: BaseGeometry
    if wkt:
        try:
            geometry = shapely.from_wkt(wkt)
        except (shapely.errors.GEOSException, ValueError):
            return None, [
                Sentence(
                    "wkt_broken",
                    gettext_noop('"%(text)s" is no geometry as text (WKT).'),
                    {"text": wkt[:60]},
                )
            ]
    elif lon or lat:
        if not (NUMBER.fullmatch(lon) and NUMBER.fullmatch(lat)):
            return None, [
                Sentence(
                    "not_a_number",
                    gettext_noop('Longitude "%(lon)s" and latitude "%(lat)s": a number is needed.'),
                    {"lon": lon[:30], "lat": lat[:30]},
                )
            ]
        geometry = shapely.Point(float(lon), float(lat))
    else:
        return None, []
    return in_degrees(geometry, crs)
