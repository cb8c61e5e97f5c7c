"""`manage.py import_calendar [FILE] --bureau CODE`: a year's working days."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from bureau.calendar import import_notice
from bureau.holidays import SHIPPED, read_notice
from bureau.models import Bureau
from bureau.sentences import Unusable

MOST_BYTES = 1_000_000  # a year's notice is about 4 kB


class Command(BaseCommand):
    help = (
        "Import a year's working days (holiday-cn shaped JSON). Without a file the notices that "
        "ship with Tandem are imported. Years that are not known follow the weekday rule, marked "
        "provisional."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, help="JSON file of one year")
        parser.add_argument("--bureau", required=True, help="code of the bureau")
        parser.add_argument("--dry-run", action="store_true", help="say what would change")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            bureau = Bureau.objects.get(code=options["bureau"])
        except Bureau.DoesNotExist:
            codes = ", ".join(Bureau.objects.values_list("code", flat=True)) or "none yet"
            raise CommandError(
                f"There is no bureau {options['bureau']!r}. Bureaus: {codes}."
            ) from None
        given: Path | None = options["file"]
        paths = [given] if given else sorted(SHIPPED.glob("calendar_*.json"))
        try:
            notices = [read_notice(read(path)) for path in paths]
        except Unusable as error:
            raise CommandError(str(error)) from None
        dry = "Dry run, nothing written. " if options["dry_run"] else ""
        for notice in notices:
            report = import_notice(bureau, notice, dry_run=options["dry_run"])
            self.stdout.write(
                f"{dry}{notice.year}: {report.taken} days taken, {len(report.changed)} changed, "
                f"{report.unchanged} unchanged, {len(report.kept)} kept as they were. "
                f"Source: {notice.source}"
            )
            for line in report.changed:
                self.stdout.write(f"  changed: {line}")
            for line in report.kept:
                self.stdout.write(f"  kept, set by another source: {line}")


def read(path: Path) -> str:
    """The text of a calendar file, or CommandError with what to do."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CommandError(f"{path.name} is too large for a year's calendar.")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise CommandError(f"{path.name} is no UTF-8 text: save it as UTF-8.") from None
