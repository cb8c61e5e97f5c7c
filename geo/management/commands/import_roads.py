"""`manage.py import_roads FILE --bureau CODE`: streets as road segments."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from geo.datum import Datum
from geo.imports.commands import (
    add_import_arguments,
    bureau_of,
    progress_bar,
    refusals,
    show_report,
)
from geo.imports.roads import StreetOptions, import_roads_file
from geo.streets.linework import Crossings


class Command(BaseCommand):
    help = (
        "Import streets from OpenStreetMap (.osm.pbf, .osm), GeoPackage, Shapefile (.zip), GeoJSON "
        "or CSV with WKT. Lines become blocks: cut at junctions, stubs under 25 m merged."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_import_arguments(parser)
        parser.add_argument("--footways", action="store_true", help="footways and paths too")
        parser.add_argument("--service", action="store_true", help="yards, ramps and drives too")
        parser.add_argument(
            "--crossings",
            choices=[choice.value for choice in Crossings],
            default=Crossings.AUTO.value,
            help="lines that cross without a shared vertex: junctions or not (auto: by the layer)",
        )
        parser.add_argument(
            "--as-drawn",
            action="store_true",
            help="the lines are blocks already; each keeps the id of its id column",
        )
        parser.add_argument(
            "--others",
            choices=["ask", "keep", "retire"],
            default="ask",
            help="streets the bureau has and the file has not",
        )
        parser.add_argument(
            "--everywhere",
            action="store_true",
            help="also streets more than 1 km outside the jurisdiction",
        )
        parser.add_argument(
            "--make-jurisdiction",
            action="store_true",
            help="draw a jurisdiction around the streets if the bureau has none",
        )
        parser.add_argument(
            "--source", default="", help="name of the source, kept with the streets"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with refusals(), progress_bar() as progress:
            report = import_roads_file(
                bureau_of(options["bureau"]),
                options["file"],
                datum=Datum(options["datum"]),
                crs=options["crs"],
                layer=options["layer"],
                options=StreetOptions(
                    footways=options["footways"],
                    service=options["service"],
                    crossings=Crossings(options["crossings"]),
                    as_drawn=options["as_drawn"],
                    others=options["others"],
                    everywhere=options["everywhere"],
                    make_jurisdiction=options["make_jurisdiction"],
                    source=options["source"],
                ),
                dry_run=options["dry_run"],
                progress=progress,
            )
        show_report(report, self.stdout)
