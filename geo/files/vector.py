"""GeoJSON, GeoPackage and Shapefile → records with geometry in lon, lat degrees.

GDAL opens only what its own first bytes show to be a GeoPackage or a Shapefile
(`geo.files.reading`): left to guess, it would also follow a virtual file that names other files
of this machine.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import shapely
from django.contrib.gis.gdal import DataSource, GDALException
from django.contrib.gis.gdal.feature import Feature
from django.contrib.gis.gdal.layer import Layer
from shapely.geometry.base import BaseGeometry

from bureau.sentences import Sentence, Unusable, gettext_noop, unusable
from geo.files.archives import SHAPEFILE, check_size
from geo.files.crs import WGS84, Crs, read_crs
from geo.files.tables import cell_text, decode, reads_like_gbk

TAKEN: Final = "GeoJSON (.geojson), GeoPackage (.gpkg), Shapefile (.zip), CSV, XLSX"


def format_differs(form: str) -> Unusable:
    """The refusal of a file whose content is not what its name says."""
    return unusable(
        "format_differs",
        gettext_noop(
            "The file's name says %(form)s, but its content is something else. Save it again "
            "in a format that is taken: %(taken)s."
        ),
        {"form": form, "taken": TAKEN},
    )


@dataclass(frozen=True, slots=True)
class Record:
    """One row or feature. `geometry` is in degrees of the file's own datum; None if it has none.

    number: the row as a spreadsheet counts it, or the feature counted from 1.
    faults: what is wrong with the row itself; such a row is refused.
    """

    number: int
    values: Mapping[str, str]
    geometry: BaseGeometry | None
    faults: Sequence[Sentence] = field(default_factory=tuple)


def in_degrees(geometry: BaseGeometry, crs: Crs) -> tuple[BaseGeometry | None, list[Sentence]]:
    try:
        return crs.to_degrees(geometry), []
    except ValueError as error:
        return None, [
            Sentence(
                "crs_outside",
                gettext_noop(
                    "The coordinates lie outside the coordinate system %(name)s (%(why)s)."
                ),
                {"name": crs.label, "why": str(error)[:80]},
            )
        ]


# GeoJSON


def read_geojson(path: Path) -> dict[str, Any]:
    def refuse_constant(name: str) -> float:
        raise ValueError(f"{name} is no number in JSON")

    try:
        document = json.loads(decode(path.read_bytes()), parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        if isinstance(error, Unusable):
            raise
        raise unusable(
            "geojson_broken",
            gettext_noop("The file is no GeoJSON (%(why)s)."),
            {"why": str(error)[:120]},
        ) from None
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list):
        raise unusable(
            "geojson_shape",
            gettext_noop('A GeoJSON file needs "type": "FeatureCollection" and "features".'),
        )
    return dict(document)


def geojson_crs(document: Mapping[str, Any]) -> Crs:
    named = document.get("crs")
    if not isinstance(named, dict):
        return WGS84  # RFC 7946, section 4
    properties = named.get("properties")
    name = properties.get("name") if isinstance(properties, dict) else None
    return read_crs(str(name))


def geojson_records(document: Mapping[str, Any], crs: Crs) -> Iterator[Record]:
    for number, feature in enumerate(document["features"], start=1):
        properties = feature.get("properties") if isinstance(feature, dict) else None
        values = {
            str(key): json.dumps(value, ensure_ascii=False)
            if isinstance(value, (dict, list))
            else cell_text(value).strip()
            for key, value in (properties if isinstance(properties, dict) else {}).items()
        }
        if isinstance(feature, dict) and "id" in feature:
            values.setdefault("id", cell_text(feature["id"]))
        geometry: BaseGeometry | None = None
        faults: list[Sentence] = []
        raw = feature.get("geometry") if isinstance(feature, dict) else None
        if raw is not None:
            try:
                geometry = shapely.geometry.shape(raw)
            except Exception as error:  # shape() raises many kinds
                faults.append(
                    Sentence(
                        "geojson_geometry",
                        gettext_noop("The geometry cannot be read (%(why)s)."),
                        {"why": str(error)[:120] or type(error).__name__},
                    )
                )
            else:
                geometry, faults = in_degrees(geometry, crs)
        yield Record(number, values, geometry, tuple(faults))


# GDAL


def open_layer(path: Path, form: str, layer: str | None) -> Layer:
    if form == "shp":
        _declare_encoding(path)
    try:
        source = DataSource(path)
        names = [source[at].name for at in range(len(source))]
    except GDALException:
        raise unusable(
            "gdal_broken",
            gettext_noop(
                "The file is broken or incomplete: GDAL cannot open it. A Shapefile needs its "
                ".shx and .dbf beside it; send it as one zip."
            ),
        ) from None
    if source.driver.name not in ("GPKG", "ESRI Shapefile"):
        raise format_differs(form)
    shown = ", ".join(names)
    if form == "gpkg" and layer is not None and layer not in names:
        raise unusable(
            "layer_unknown",
            gettext_noop("There is no layer %(layer)s. Layers: %(names)s."),
            {"layer": layer, "names": shown},
        )
    if form == "gpkg" and layer is None and len(names) > 1:
        raise unusable(
            "layer_ambiguous",
            gettext_noop("The file holds several layers: %(names)s. Name one."),
            {"names": shown},
        )
    if not names:
        raise unusable("file_no_rows", gettext_noop("The file has no rows."))
    return source[layer if form == "gpkg" and layer is not None else 0]


def copy_shapefile(path: Path, folder: Path) -> Path:
    """The parts of a Shapefile in a folder of our own; nothing is written beside a user's file."""
    for part in SHAPEFILE:
        beside = path.with_suffix(part if path.suffix.islower() else part.upper())
        if beside.exists():
            check_size(beside)
            shutil.copyfile(beside, folder / f"layer{part}")
    return folder / "layer.shp"


def _declare_encoding(path: Path) -> None:
    """Give a Shapefile that does not say its encoding a .cpg with what its bytes are."""
    cpg, dbf = path.with_suffix(".cpg"), path.with_suffix(".dbf")
    if cpg.exists() or not dbf.exists():
        return
    raw = dbf.read_bytes()
    # After the header: its length stands in bytes 8 and 9, and its other bytes are no text.
    text = raw[int.from_bytes(raw[8:10], "little") :].decode("utf-8", errors="replace")
    # A UTF-8 name cut at the field's width leaves half a character, and that is no sign of GBK.
    cpg.write_text("GBK" if reads_like_gbk(text) else "UTF-8", encoding="ascii")


def layer_records(layer: Layer, crs: Crs) -> Iterator[Record]:
    try:
        for number, feature in enumerate(layer, start=1):
            faults: list[Sentence] = []
            values: dict[str, str] = {}
            for name in layer.fields:
                try:
                    values[name] = cell_text(feature.get(name)).strip()
                except (ValueError, UnicodeDecodeError):
                    values[name] = ""
                    faults.append(
                        Sentence(
                            "field_unreadable",
                            gettext_noop("The value of column %(column)s cannot be read."),
                            {"column": name},
                        )
                    )
            geometry, more = _feature_geometry(feature, crs)
            yield Record(number, values, geometry, (*faults, *more))
    except GDALException as error:
        raise unusable(
            "gdal_broken_inside",
            gettext_noop("The file breaks off while reading (%(why)s). Export it again."),
            {"why": str(error)[:120]},
        ) from None


def _feature_geometry(feature: Feature, crs: Crs) -> tuple[BaseGeometry | None, list[Sentence]]:
    try:
        raw = feature.geom
        if raw is None or raw.empty:
            return None, []
        geometry = shapely.from_wkb(bytes(raw.wkb))
    except (GDALException, shapely.errors.GEOSException) as error:
        if "NULL" in str(error) or "Invalid OGR Feature" in str(error):
            return None, []
        return None, [
            Sentence(
                "geometry_unreadable",
                gettext_noop("The geometry cannot be read (%(why)s)."),
                {"why": str(error)[:120]},
            )
        ]
    return in_degrees(geometry, crs)
