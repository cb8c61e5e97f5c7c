"""Line features of a file → street lines or, as drawn, segments; refused rows are reported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import shapely

from bureau.sentences import Sentence, gettext_noop
from geo.datum import Datum, convert
from geo.files.reading import Reading
from geo.files.tables import Columns
from geo.files.vector import Record
from geo.imports.report import ImportReport
from geo.plane import Plane
from geo.streets.blocks import COORDINATE_DIGITS, Segment
from geo.streets.kinds import FOOTWAYS, STREETS, Wanted, is_grade_separated, street_of
from geo.streets.linework import Crossings, Feature, Linework, share_nodes
from geo.validation import check_geometry

COLUMNS: Final = {
    "highway": ("fclass", "kind", "class", "type", "道路类型", "道路等级", "等级"),
    "name": ("name:zh", "street", "road_name", "名称", "道路名称", "路名", "街道名称"),
    "name_en": ("name:en", "英文名称", "英文名"),
    "bridge": ("桥梁",),
    "tunnel": ("隧道",),
    "layer": ("层", "层级"),
    "access": (),
    "foot": (),
    "service": (),
    "area": (),
    "id": ("segment_id", "external_id", "osm_id", "fid", "编号", "编码", "路段编号"),
}
OSM_KINDS: Final = STREETS | FOOTWAYS | {"service", "motorway", "motorway_link", "construction"}


def lines_of_features(
    reading: Reading, datum: Datum, wanted: Wanted, crossings: Crossings, report: ImportReport
) -> Linework:
    """Street lines of a file; what is no line, or no place on earth, is refused by row."""
    return share_nodes(list(_features(reading, datum, wanted, report)), crossings=crossings)


def segments_as_drawn(reading: Reading, datum: Datum, report: ImportReport) -> list[Segment]:
    """One segment for each row, with the id of its id column; only ends are made to meet."""
    Columns.of(reading.header, COLUMNS, required=["id"])
    rows: dict[str, int] = {}
    features = []
    for record, feature in _with_records(reading, datum, Wanted(True, True), report):
        if not feature.ref:
            report.refuse(
                record.number, Sentence("code_missing", gettext_noop("The code is empty."))
            )
        elif len(feature.ref) > 80:
            report.refuse(
                record.number,
                Sentence("code_too_long", gettext_noop("The code has more than 80 characters.")),
            )
        elif feature.ref in rows:
            report.refuse(
                record.number,
                Sentence(
                    "code_twice",
                    gettext_noop("Code %(code)s is in row %(row)d already."),
                    {"code": feature.ref, "row": rows[feature.ref]},
                ),
            )
        else:
            rows[feature.ref] = record.number
            features.append(feature)
    work = share_nodes(features, crossings=Crossings.KEEP)
    segments = []
    for line in work.lines:
        coordinates = tuple(work.places[node] for node in line.nodes)
        coordinates = tuple(
            c for i, c in enumerate(coordinates) if i == 0 or c != coordinates[i - 1]
        )
        if len(coordinates) < 2:  # so short that its two ends were made one
            report.refuse(
                rows[line.ref], Sentence("geometry_empty", gettext_noop("The geometry is empty."))
            )
            continue
        lon, lat = [c[0] for c in coordinates], [c[1] for c in coordinates]
        x, y = Plane.around(lon, lat).to_metres(lon, lat)
        segments.append(
            Segment(
                line.ref,
                coordinates,
                round(float(shapely.LineString(list(zip(x, y, strict=True))).length), 2),
                line.kind,
                line.is_footway,
                line.name,
                line.name_en,
            )
        )
    return sorted(segments, key=lambda segment: segment.external_id)


def _features(
    reading: Reading, datum: Datum, wanted: Wanted, report: ImportReport
) -> Iterator[Feature]:
    for record, feature in _with_records(reading, datum, wanted, report):
        # The row number makes the ref unique; parts of one row share it and are told apart.
        yield Feature(
            f"row {record.number:07d} {feature.ref}",
            feature.coordinates,
            feature.kind,
            feature.is_footway,
            feature.name,
            feature.name_en,
            feature.off_ground,
        )


def _with_records(
    reading: Reading, datum: Datum, wanted: Wanted, report: ImportReport
) -> Iterator[tuple[Record, Feature]]:
    columns = Columns.of(reading.header, COLUMNS)
    for record in reading.records:
        if record.faults:
            report.refuse(record.number, *record.faults)
            continue
        tags = {key: columns.get(record.values, key) for key in COLUMNS}
        kind = tags["highway"]
        # A bureau's own words for streets are not OpenStreetMap's: then every line is a street.
        is_osm = kind in OSM_KINDS
        street = street_of(
            tags | {"highway": kind if is_osm else "street", "name:en": tags["name_en"]}, wanted
        )
        if street is None:
            continue
        if record.geometry is None:
            report.refuse(
                record.number,
                Sentence("geometry_missing", gettext_noop("There is no geometry.")),
            )
            continue
        shape = convert(record.geometry, datum)
        parts = list(getattr(shape, "geoms", [shape]))
        faults = [fault for part in parts for fault in check_geometry(part, "road_segment")]
        if faults:
            report.refuse(record.number, *faults[:3])
            continue
        for at, part in enumerate(parts):
            coordinates = [
                (round(x, COORDINATE_DIGITS), round(y, COORDINATE_DIGITS))
                for x, y in shapely.get_coordinates(part).tolist()
            ]
            yield (
                record,
                Feature(
                    tags["id"] + (f".{at + 1}" if at else ""),
                    tuple(
                        c for i, c in enumerate(coordinates) if i == 0 or c != coordinates[i - 1]
                    ),
                    street.kind if is_osm else (kind or "street")[:30],
                    street.is_footway,
                    street.name,
                    street.name_en,
                    is_grade_separated(tags),
                ),
            )
