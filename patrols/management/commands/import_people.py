"""`manage.py import_people FILE --bureau CODE`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from geo.imports.commands import (
    add_import_arguments,
    bureau_of,
    progress_bar,
    refusals,
    show_report,
)
from patrols.people_import import import_people_file


class Command(BaseCommand):
    help = (
        "Import people and their certificates from CSV or XLSX. Columns: badge_no, name, category, "
        "unit, certificate_no, valid_from, valid_until, left_on."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_import_arguments(parser, places=False)
        parser.add_argument("--unit", help="code of the unit, for rows without one")

    def handle(self, *args: Any, **options: Any) -> None:
        with refusals(), progress_bar() as progress:
            report = import_people_file(
                bureau_of(options["bureau"]),
                options["file"],
                unit=options["unit"],
                dry_run=options["dry_run"],
                progress=progress,
            )
        show_report(report, self.stdout)
