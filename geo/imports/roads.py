"""Taking in a file of streets: the action behind `import_roads` and the first run's street step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import shapely
from django.contrib.gis.geos import MultiPolygon, Polygon
from numpy.typing import NDArray

from bureau.models import Bureau, User
from bureau.sentences import Sentence, Unusable, gettext_noop, unusable
from geo.datum import Datum, to_wgs84
from geo.files.archives import check_size
from geo.files.osm import read_osm
from geo.files.reading import form_of, read
from geo.imports.report import ImportReport, Progress, silent
from geo.imports.runs import Units, check_points_against_streets, import_run
from geo.models import Area, AreaKind
from geo.places import jurisdiction_of
from geo.plane import Plane
from geo.streets.blocks import Line, Network, Place, Segment, build
from geo.streets.features import lines_of_features, segments_as_drawn
from geo.streets.kinds import Wanted
from geo.streets.linework import Crossings
from geo.streets.rows import write_segments
from geo.validation import as_shapely, in_metres, plane_of

OSM: Final = "OpenStreetMap"
OSM_ATTRIBUTION: Final = "© OpenStreetMap contributors"
# Streets are taken this far beyond the jurisdiction, so that walks along its edge have a network.
MARGIN_M: Final = 1000.0
HULL_MARGIN_M: Final = 100.0


@dataclass(frozen=True, slots=True)
class StreetOptions:
    """What an import of streets takes and how.

    as_drawn: the file's lines are blocks already; each keeps the id of its `id` column.
    others: what happens to streets that the bureau has and the file has not: "retire", "keep", or
    "ask" (retire, unless that would be more than half of them: then refuse and ask).
    everywhere: also streets more than 1 km outside the jurisdiction.
    """

    footways: bool = False
    service: bool = False
    crossings: Crossings = Crossings.AUTO
    as_drawn: bool = False
    others: str = "ask"
    everywhere: bool = False
    make_jurisdiction: bool = False
    source: str = ""

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.footways, self.service)


def import_roads_file(
    bureau: Bureau,
    path: Path,
    *,
    file_name: str | None = None,
    datum: Datum = Datum.WGS84,
    crs: str | None = None,
    layer: str | None = None,
    options: StreetOptions | None = None,
    dry_run: bool = False,
    by: User | None = None,
    progress: Progress = silent,
) -> ImportReport:
    """Take a file of streets into a bureau as road segments, in one transaction.

    path, file_name: the file, and its real name where `path` is an upload's temporary name.
    datum: what the file's coordinates are measured on; crs: overrides the file's own system.
    progress: hears (stage, done, total) with the stages "reading", "streets", "comparing",
    "writing".
    Raises Refused with what to do when the file cannot be taken; then nothing is written.
    """
    options = options or StreetOptions()
    name = file_name or path.name
    report = ImportReport("roads", name, dry_run=dry_run)
    with import_run(report, bureau=bureau, path=path, by=by):
        check_size(path)
        form = form_of(name)
        segments, raw = (
            _from_osm(path, form, datum, options, bureau, report, progress)
            if form in ("pbf", "osm")
            else _from_features(path, name, datum, crs, layer, options, report, progress)
        )
        warnings, notes = check_points_against_streets(bureau, raw, datum)
        report.warnings.extend(warnings)
        segments = _near_jurisdiction(segments, bureau, options, report)
        source = options.source or (OSM if form in ("pbf", "osm") else Path(name).stem)
        try:
            write_segments(
                bureau,
                segments,
                source[:160],
                others=options.others,
                report=report,
                progress=progress,
            )
        except Unusable as error:
            # A whole city that seems to have moved: the datum is the likelier fault.
            if error.sentence.code == "would_retire" and warnings:
                raise Unusable(warnings[0]) from error
            raise
        # On the first import there is nothing to compare with; that needs no word.
        report.notes.extend(note for note in notes if note.code != "datum_no_streets")
        _settle_jurisdiction(bureau, segments, options, report)
        if form in ("pbf", "osm") and not bureau.attribution and not dry_run:
            bureau.attribution = OSM_ATTRIBUTION
            bureau.save(update_fields=["attribution"])
    return report


def _from_osm(
    path: Path,
    form: str,
    datum: Datum,
    options: StreetOptions,
    bureau: Bureau,
    report: ImportReport,
    progress: Progress,
) -> tuple[list[Segment], NDArray[np.float64]]:
    """Segments of an OpenStreetMap file, and its points as they stand in the file."""
    progress("reading", 0, None)
    osm = read_osm(path, form, options.wanted, lambda ways: progress("reading", ways, None))
    nodes = list(osm.places)
    raw = np.array([osm.places[node] for node in nodes])
    places = osm.places
    if datum is not Datum.WGS84:
        places = dict(zip(nodes, map(tuple, to_wgs84(raw, datum).tolist()), strict=True))
    lines = osm.lines if options.everywhere else _lines_near(osm.lines, places, bureau)
    return _built(lines, places, report, progress), raw


def _from_features(
    path: Path,
    name: str,
    datum: Datum,
    crs: str | None,
    layer: str | None,
    options: StreetOptions,
    report: ImportReport,
    progress: Progress,
) -> tuple[list[Segment], NDArray[np.float64]]:
    """Segments of a file of line features, and its points as they stand in the file."""
    progress("reading", 0, None)
    reading = read(
        path,
        file_name=name,
        crs=crs,
        layer=layer,
        said=lambda rows: progress("reading", rows, None),
    )
    report.warnings.extend(reading.warnings)
    raw = shapely.get_coordinates([r.geometry for r in reading.records if r.geometry is not None])
    if options.as_drawn:
        return segments_as_drawn(reading, datum, report), raw
    work = lines_of_features(reading, datum, options.wanted, options.crossings, report)
    if work.joined_crossings:
        report.notes.append(
            Sentence(
                "crossings_joined",
                gettext_noop(
                    "%(count)d crossings without a shared vertex were made junctions, since the "
                    "layer is not cut at junctions."
                ),
                {"count": work.joined_crossings},
            )
        )
    if work.kept_crossings:
        report.notes.append(
            Sentence(
                "crossings_kept",
                gettext_noop(
                    "%(count)d crossings without a shared vertex were kept apart, as bridges are. "
                    "If they are junctions, import again with --crossings join."
                ),
                {"count": work.kept_crossings},
            )
        )
    return _built(work.lines, work.places, report, progress), raw


def _built(
    lines: Sequence[Line], places: dict[int, Place], report: ImportReport, progress: Progress
) -> list[Segment]:
    progress("streets", 0, 1)
    network = build(lines, places)
    progress("streets", 1, 1)
    if not network.segments:
        raise unusable(
            "no_streets_in_file",
            gettext_noop(
                "No street is left: the file has none near the jurisdiction, or only pieces "
                "shorter than 25 m."
            ),
        )
    report.notes.append(_shape_of(network))
    return network.segments


def _shape_of(network: Network) -> Sentence:
    lengths = np.array([segment.length_m for segment in network.segments])
    return Sentence(
        "streets_shape",
        gettext_noop(
            "%(count)d segments, %(km).1f km; half of them are longer than %(median).0f m, "
            "%(short)d are shorter than 25 m; %(share).1f %% of the length hangs together. "
            "%(stubs)d dead ends under 25 m were dropped, %(links)d short links closed up, "
            "%(parallels)d parallel carriageways under 12 m apart made one."
        ),
        {
            "count": len(lengths),
            "km": float(lengths.sum()) / 1000,
            "median": float(np.median(lengths)),
            "short": int((lengths < 25).sum()),
            "share": 100 * network.largest_component_share(),
            "stubs": network.dropped_stubs,
            "links": network.closed_links,
            "parallels": network.joined_parallels,
        },
    )


def _lines_near(lines: list[Line], places: dict[int, Place], bureau: Bureau) -> list[Line]:
    """Lines within the jurisdiction's box and margin: a province is not built for a district."""
    border = jurisdiction_of(bureau)
    if border is None:
        return lines
    west, south, east, north = border.extent
    lat_margin = 2 * MARGIN_M / 111_000
    lon_margin = lat_margin / max(0.05, float(np.cos(np.radians((south + north) / 2))))
    west, east = west - lon_margin, east + lon_margin
    south, north = south - lat_margin, north + lat_margin
    return [
        line
        for line in lines
        if any(
            west <= places[node][0] <= east and south <= places[node][1] <= north
            for node in line.nodes
        )
    ]


def _near_jurisdiction(
    segments: list[Segment], bureau: Bureau, options: StreetOptions, report: ImportReport
) -> list[Segment]:
    border = None if options.everywhere else jurisdiction_of(bureau)
    if border is None:
        return segments
    shape = as_shapely(border)
    plane = plane_of(shape)
    around = in_metres(shape, plane).buffer(MARGIN_M)
    shapely.prepare(around)
    lines = [shapely.LineString(_metres(segment.coordinates, plane)) for segment in segments]
    near = shapely.intersects(around, np.array(lines, dtype=object))
    kept = [segment for segment, is_near in zip(segments, near.tolist(), strict=True) if is_near]
    if not kept:
        raise unusable(
            "all_outside",
            gettext_noop(
                "All streets of the file lie outside the jurisdiction. Is it another place's file, "
                "or is its datum or coordinate system declared wrongly?"
            ),
        )
    if len(kept) < len(segments):
        report.notes.append(
            Sentence(
                "streets_outside",
                gettext_noop(
                    "%(count)d segments more than %(margin)d m outside the jurisdiction were left "
                    "out."
                ),
                {"count": len(segments) - len(kept), "margin": int(MARGIN_M)},
            )
        )
    return kept


def _metres(coordinates: Sequence[Place], plane: Plane) -> NDArray[np.float64]:
    x, y = plane.to_metres([c[0] for c in coordinates], [c[1] for c in coordinates])
    return np.column_stack((x, y))


def _settle_jurisdiction(
    bureau: Bureau, segments: list[Segment], options: StreetOptions, report: ImportReport
) -> None:
    if jurisdiction_of(bureau) is not None:
        return
    if not options.make_jurisdiction:
        report.notes.append(
            Sentence(
                "no_jurisdiction",
                gettext_noop(
                    "The bureau has no jurisdiction yet. Import it with import_areas, or run again "
                    "with --make-jurisdiction to draw one around these streets."
                ),
            )
        )
        return
    top = Units(bureau).top()
    if top is None:
        report.warnings.append(
            Sentence(
                "no_top_unit",
                gettext_noop(
                    "No jurisdiction was drawn: the bureau has no unit yet. Add its top unit first."
                ),
            )
        )
        return
    ends = np.array([c for segment in segments for c in segment.coordinates])
    plane = Plane.around(ends[:, 0], ends[:, 1])
    points = np.column_stack(plane.to_metres(ends[:, 0], ends[:, 1]))
    hull = shapely.MultiPoint(points).convex_hull.buffer(HULL_MARGIN_M).simplify(5.0)
    ring = np.column_stack(plane.to_degrees(*shapely.get_coordinates(hull).T))
    Area.objects.create(
        bureau=bureau,
        unit=top,
        kind=AreaKind.JURISDICTION,
        code="jurisdiction",
        name=bureau.name,
        geometry=MultiPolygon(Polygon(np.round(ring, 7).tolist()), srid=4326),
    )
    report.notes.append(
        Sentence(
            "jurisdiction_made",
            gettext_noop(
                "A jurisdiction was drawn around the streets. Replace it by the true one with "
                "import_areas or on the map."
            ),
        )
    )
