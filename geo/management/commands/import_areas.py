"""`manage.py import_areas FILE --bureau CODE`."""

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
from geo.imports.places import import_areas_file
from geo.models import AreaKind


class Command(BaseCommand):
    help = (
        "Import jurisdictions, beats, grid cells and drill grounds from GeoJSON, GeoPackage, "
        "Shapefile (.zip), or CSV and XLSX with WKT. Columns: code, kind, name, unit."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_import_arguments(parser)
        parser.add_argument("--unit", help="code of the unit, for rows without one")
        parser.add_argument(
            "--kind", choices=AreaKind.values, help="what the areas are, for rows without a kind"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with refusals(), progress_bar() as progress:
            report = import_areas_file(
                bureau_of(options["bureau"]),
                options["file"],
                unit=options["unit"],
                kind=AreaKind(options["kind"]) if options["kind"] else None,
                datum=Datum(options["datum"]),
                crs=options["crs"],
                layer=options["layer"],
                dry_run=options["dry_run"],
                progress=progress,
            )
        show_report(report, self.stdout)
