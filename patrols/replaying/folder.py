"""A folder to replay: streets, beat and fixes, with the ids just as the files have them. Pure.

What cannot be read ends in `Unreadable`, whose message is one sentence for a person. What is
merely not there (a row without a place, a street without a line) is left out and counted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from patrols.replaying.fixes import Recording, Unreadable, read_fixes
from patrols.replaying.times import SECOND_US, SOME_DAY_US, round_start, stated_in_text, stated_us

SEGMENTS, BEAT, FIXES = "segments.geojson", "beat.geojson", "fixes.csv.gz"
SEGMENT_ID: Final = ("segment_id", "segment", "id", "external_id", "osm_id")
MOST_README_BYTES: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US


@dataclass(frozen=True, slots=True)
class SegmentLine:
    """A street segment: its id as the file has it, its line, and whether the file says that it
    belongs to the beat (None: it does not say)."""

    id: str
    line: shapely.LineString
    in_beat: bool | None


@dataclass(frozen=True, eq=False)
class Folder:
    """Everything that is replayed. *_crs: the "crs" member of the file, None for lon/lat WGS-84.

    t0_us: the moment that the answers count from; t0_from: where it was found.
    """

    segments: list[SegmentLine]
    segments_crs: Any
    beat: BaseGeometry
    beat_crs: Any
    fixes: Recording
    t0_us: int
    t0_from: str
    warnings: list[str]


def read_folder(place: Path, t0: str = "") -> Folder:
    """Read a folder. `t0` overrides the start of counting (ISO-8601, or seconds since 1970).

    Raises Unreadable for a file that is missing or is not what its name says.
    """
    if not place.is_dir():
        raise Unreadable(f"{place} is no folder: name one with {SEGMENTS}, {BEAT} and {FIXES}.")
    if missing := [n for n in (SEGMENTS, BEAT) if not (place / n).exists()]:
        raise Unreadable(f"{place} has no {' and no '.join(missing)}.")
    table = _fixes_file(place)
    warnings: list[str] = []
    streets, areas = read_json(place / SEGMENTS), read_json(place / BEAT)
    segments = read_segments(streets, warnings)
    beat = read_beat(areas)
    stated = _given_t0(t0) if t0 else find_t0(place, {SEGMENTS: streets, BEAT: areas})
    fixes = read_fixes(table, stated[0] if stated else None)
    if fixes.incomplete:
        warnings.append(f"Rows left out for want of officer, time or place: {fixes.incomplete}.")
    if stated is None:
        stated = _own_t0(fixes)
    return Folder(segments, streets.get("crs"), beat, areas.get("crs"), fixes, *stated, warnings)


# Files


def _fixes_file(place: Path) -> Path:
    for name in (FIXES, FIXES.removesuffix(".gz")):
        if (place / name).exists():
            return place / name
    raise Unreadable(f"{place} has no {FIXES}.")


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises Unreadable."""
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise Unreadable(f"{path} is no GeoJSON: it is not UTF-8 text.") from None
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"{path} is no GeoJSON: {error}.") from None
    if not isinstance(document, dict):
        raise Unreadable(f"{path} is no GeoJSON: there is no object in it.")
    return document


def _features(document: Mapping[str, Any]) -> list[Any]:
    found = document.get("features")
    return found if isinstance(found, list) else []


def _properties(feature: Mapping[str, Any]) -> Mapping[str, Any]:
    found = feature.get("properties")
    return found if isinstance(found, dict) else {}


def _shape(raw: Any) -> BaseGeometry | None:
    """The geometry of a feature in two dimensions; None where there is none that can be read."""
    if not isinstance(raw, dict):
        return None
    try:
        shape = shapely.force_2d(shapely.from_geojson(json.dumps(raw)))
    except (shapely.errors.ShapelyError, ValueError, TypeError):
        return None
    if shape is None or shape.is_empty or not np.isfinite(shapely.get_coordinates(shape)).all():
        return None
    return shape


# Streets


def read_segments(document: Mapping[str, Any], warnings: list[str]) -> list[SegmentLine]:
    """Every line of a segments.geojson; the parts of a MultiLineString share its id."""
    features = _features(document)
    if not features:
        raise Unreadable(f"{SEGMENTS} holds no street segments: it needs a list of features.")
    segments: list[SegmentLine] = []
    without_line = 0
    for number, feature in enumerate(features, start=1):
        if not isinstance(feature, dict):
            raise Unreadable(f"{SEGMENTS}: feature {number} is no feature.")
        name = _segment_id(feature)
        if name is None:
            raise Unreadable(f"{SEGMENTS}: feature {number} has no segment_id.")
        parts = _lines(_shape(feature.get("geometry")))
        without_line += not parts
        said = _yes_or_no(_properties(feature).get("in_beat"))
        segments.extend(SegmentLine(name, line, said) for line in parts)
    if not segments:
        raise Unreadable(f"{SEGMENTS} holds no lines.")
    if without_line:
        warnings.append(f"Features of {SEGMENTS} left out for want of a line: {without_line}.")
    return segments


def _segment_id(feature: Mapping[str, Any]) -> str | None:
    properties = _properties(feature)
    for value in [*(properties.get(name) for name in SEGMENT_ID), feature.get("id")]:
        if isinstance(value, bool) or value is None or value == "":
            continue
        if isinstance(value, (str, int, float)):
            return str(value)
    return None


def _lines(shape: BaseGeometry | None) -> list[shapely.LineString]:
    if isinstance(shape, shapely.MultiLineString):
        shape = shapely.line_merge(shape)
    parts = shapely.get_parts(shape).tolist() if shape is not None else []
    return [p for p in parts if isinstance(p, shapely.LineString) and p.length > 0]


def _yes_or_no(value: Any) -> bool | None:
    if isinstance(value, (bool, int, float)):
        return bool(value)
    word = value.strip().lower() if isinstance(value, str) else ""
    return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(word)


# Beat


def read_beat(document: Mapping[str, Any]) -> BaseGeometry:
    """The union of every polygon of a beat.geojson: a geometry, a feature, or a collection."""
    if "features" in document:
        raw = [f.get("geometry") for f in _features(document) if isinstance(f, dict)]
    else:
        raw = [document["geometry"] if "geometry" in document else dict(document)]
    shapes = [shape for shape in map(_shape, raw) if shape is not None]
    polygons: list[BaseGeometry] = []
    while shapes:
        shape = shapes.pop()
        if hasattr(shape, "geoms"):
            shapes += list(shape.geoms)
        elif shape.geom_type == "Polygon":
            mended = shape if shape.is_valid else shapely.make_valid(shape)
            polygons += [p for p in shapely.get_parts(mended) if p.geom_type == "Polygon"]
    beat = shapely.union_all(polygons)
    if not beat.area > 0:
        raise Unreadable(f"{BEAT} holds no polygon.")
    return beat


# The moment that answers count from


def _given_t0(value: str) -> tuple[int, str]:
    try:
        return stated_us(value), "the command line"
    except (ValueError, OverflowError):
        raise Unreadable(f"t0 {value} is no time: write it as 2024-03-04T08:00:00Z.") from None


def find_t0(place: Path, known: Mapping[str, Mapping[str, Any]]) -> tuple[int, str] | None:
    """The t0 that a file of the folder states: "t0" at the top of a JSON file, or in a README.

    known: files that have been read. A file that cannot be read states nothing.
    """
    for path in sorted(place.glob("*.json")):
        try:
            document: Mapping[str, Any] = read_json(path)
        except Unreadable:
            continue
        if found := _t0_of(document):
            return found, path.name
    for name, document in known.items():
        if found := _t0_of(document):
            return found, name
    for path in sorted([*place.glob("*.md"), *place.glob("*.txt")]):
        if path.stat().st_size < MOST_README_BYTES:
            moment = stated_in_text(path.read_text(encoding="utf-8", errors="replace"))
            if moment is not None:
                return moment, path.name
    return None


def _t0_of(document: Mapping[str, Any]) -> int | None:
    for part in (document, _properties(document)):
        try:
            return stated_us(part["t0"])
        except (KeyError, ValueError, OverflowError):
            continue
    return None


def _own_t0(fixes: Recording) -> tuple[int, str]:
    if fixes.relative or not len(fixes):
        return SOME_DAY_US, "the times in the file"
    first_us = int(fixes.t_us.min())
    early = fixes.officer[fixes.t_us <= first_us + MINUTE_US]
    order = np.lexsort((fixes.t_us, fixes.officer))
    steps = np.diff(fixes.t_us[order])[np.diff(fixes.officer[order]) == 0]
    every_s = float(np.median(steps)) / SECOND_US if len(steps) else 5.0
    start_s = round_start(first_us / SECOND_US, len(np.unique(early)), every_s)
    return start_s * SECOND_US, "the first fix"
