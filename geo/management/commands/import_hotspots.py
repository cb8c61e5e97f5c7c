"""`manage.py import_hotspots FILE --bureau CODE`."""

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
from geo.imports.places import import_hotspots_file


class Command(BaseCommand):
    help = (
        "Import hotspots from GeoJSON, GeoPackage, Shapefile (.zip), CSV or XLSX. Columns: code, "
        "name, grade, unit, windows, and a line, a point, segments or a street."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_import_arguments(parser)
        parser.add_argument("--unit", help="code of the unit, for rows without one")

    def handle(self, *args: Any, **options: Any) -> None:
        with refusals(), progress_bar() as progress:
            report = import_hotspots_file(
                bureau_of(options["bureau"]),
                options["file"],
                unit=options["unit"],
                datum=Datum(options["datum"]),
                crs=options["crs"],
                layer=options["layer"],
                dry_run=options["dry_run"],
                progress=progress,
            )
        show_report(report, self.stdout)
