"""`manage.py import_stations FILE --bureau CODE`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import BaseCommand
from django.utils import timezone

from geo.datum import Datum
from geo.imports.commands import (
    add_import_arguments,
    bureau_of,
    progress_bar,
    refusals,
    show_report,
)
from stations.imports import import_stations_file
from stations.models import StationKind


class Command(BaseCommand):
    help = (
        "Import stations and kiosks from CSV, XLSX, GeoJSON, GeoPackage or Shapefile (.zip). "
        "Columns: code, kind, name, unit, lon, lat, address, desks, chairs, opened_on, hours."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_import_arguments(parser)
        parser.add_argument("--unit", help="code of the unit, for rows without one")
        parser.add_argument(
            "--kind", choices=StationKind.values, help="what they are, for rows without a kind"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        bureau = bureau_of(options["bureau"])
        with refusals(), progress_bar() as progress:
            report = import_stations_file(
                bureau,
                options["file"],
                today=timezone.localdate(timezone=ZoneInfo(bureau.time_zone)),
                kind=StationKind(options["kind"]) if options["kind"] else None,
                unit=options["unit"],
                datum=Datum(options["datum"]),
                crs=options["crs"],
                layer=options["layer"],
                dry_run=options["dry_run"],
                progress=progress,
            )
        show_report(report, self.stdout)
