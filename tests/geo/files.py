"""Files for import tests, written by other programs' code where there is any (GDAL, osmium)."""

from __future__ import annotations

import csv
import json
import subprocess
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import osmium
import shapely
from shapely.geometry.base import BaseGeometry

Properties = Mapping[str, Any]


def geojson(
    path: Path, *features: tuple[BaseGeometry | None, Properties], crs: str | None = None
) -> Path:
    """A FeatureCollection; `crs` writes the old `crs` member."""
    document: dict[str, Any] = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": dict(properties),
                "geometry": shapely.geometry.mapping(shape) if shape is not None else None,
            }
            for shape, properties in features
        ],
    }
    if crs:
        document["crs"] = {"type": "name", "properties": {"name": crs}}
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return path


def table(path: Path, *rows: Sequence[Any], encoding: str = "utf-8") -> Path:
    """A CSV or XLSX file, by its ending; the first row is the header."""
    if path.suffix == ".xlsx":
        book = openpyxl.Workbook()
        sheet = book.active
        assert sheet is not None
        for row in rows:
            sheet.append(list(row))
        book.save(path)
    else:
        with path.open("w", encoding=encoding, newline="") as file:
            csv.writer(file).writerows(rows)
    return path


def ogr(source: Path, target: Path, *options: str) -> Path:
    """Another format or coordinate system of a file, by GDAL's own ogr2ogr."""
    subprocess.run(["ogr2ogr", *options, str(target), str(source)], check=True, capture_output=True)
    return target


def zipped(folder: Path, target: Path) -> Path:
    """A zip of everything in a folder."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, path.name)
    return target


def osm(
    path: Path,
    nodes: Mapping[int, tuple[float, float]],
    ways: Iterable[tuple[int, Sequence[int], Mapping[str, str]]],
) -> Path:
    """An OpenStreetMap file (.osm.pbf or .osm), by osmium; an earlier one is replaced."""
    path.unlink(missing_ok=True)
    writer = osmium.SimpleWriter(str(path))
    for number, place in sorted(nodes.items()):
        writer.add_node(osmium.osm.mutable.Node(id=number, location=place, version=1))
    for number, members, tags in ways:
        writer.add_way(
            osmium.osm.mutable.Way(id=number, nodes=list(members), tags=dict(tags), version=1)
        )
    writer.close()
    return path
