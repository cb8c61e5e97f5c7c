"""OpenStreetMap files (.osm.pbf, .osm) → street lines over shared nodes, for `geo.streets.blocks`.

Pure. Read by osmium in one pass; the file is never unpacked by us.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import osmium

from bureau.sentences import gettext_noop, unusable
from geo.streets.blocks import Line, Place
from geo.streets.kinds import Wanted, street_of

REPORT_EVERY = 5_000


@dataclass(frozen=True, slots=True)
class OsmStreets:
    """Streets of a file; `highways` counts every line with a highway tag, taken or not."""

    lines: list[Line]
    places: dict[int, Place]
    highways: int


def read_osm(
    path: Path, form: str, wanted: Wanted, said: Callable[[int], None] | None = None
) -> OsmStreets:
    """The streets of a file. `form` is "pbf" or "osm" (XML), whatever the file is called.

    A way that leaves the extract is cut where its nodes end. `said` hears the number of ways read.
    Raises Unusable when the file is no OpenStreetMap file, is broken, or has no streets.
    """
    lines: list[Line] = []
    places: dict[int, Place] = {}
    highways = 0
    try:
        source = osmium.FileProcessor(
            osmium.io.File(str(path), form), osmium.osm.NODE | osmium.osm.WAY
        ).with_locations()
        for way in source.with_filter(osmium.filter.KeyFilter("highway")):
            if not isinstance(way, osmium.osm.Way):
                continue
            highways += 1
            if said is not None and highways % REPORT_EVERY == 0:
                said(highways)
            street = street_of(dict(way.tags), wanted)
            if street is None:
                continue
            run: list[int] = []
            runs = [run]
            for node in way.nodes:
                if node.location.valid():
                    run.append(node.ref)
                    places[node.ref] = (node.lon, node.lat)
                elif run:
                    run = []
                    runs.append(run)
            lines.extend(
                Line(
                    f"way {way.id} {part}",
                    tuple(nodes),
                    street.kind,
                    street.is_footway,
                    street.name,
                    street.name_en,
                )
                for part, nodes in enumerate(runs)
                if len(nodes) > 1
            )
    except (RuntimeError, ValueError, osmium.InvalidLocationError) as error:
        raise unusable(
            "osm_broken",
            gettext_noop(
                "The file cannot be read as OpenStreetMap data (%(why)s). Download or cut it again."
            ),
            {"why": str(error)[:200] or type(error).__name__},
        ) from None
    if not lines:
        raise unusable(
            "no_streets_in_file",
            gettext_noop(
                "The file holds no streets: of %(highways)d lines with a highway tag none is a "
                "street that was asked for."
            ),
            {"highways": highways},
        )
    return OsmStreets(lines, places, highways)
