"""Forget raw positions older than the bureau's retention time, and make the partitions ahead."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from patrols.forgetting import forget


class Command(BaseCommand):
    help = (
        "Drop positions older than the retention time of the rules (90 days unless changed), week"
        " by week, and quarantine with them; weeks in dispute or with an SOS keep the rows of that"
        " person. Makes the partitions of the next four weeks. Run it every night."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would go; change nothing"
        )
        parser.add_argument("--now", help="take this moment (ISO 8601 with zone) for the present")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        if options["now"]:
            try:
                now = datetime.fromisoformat(options["now"])
            except ValueError as error:
                raise CommandError(
                    "--now takes a moment such as 2026-11-22T03:00+08:00."
                ) from error
            if now.tzinfo is None:
                raise CommandError("--now needs a zone, for example +08:00.")
        outcome = forget(now=now, dry_run=options["dry_run"])
        for name in outcome.dropped:
            self.stdout.write(f"dropped {name}")
        for name, rows in outcome.thinned.items():
            self.stdout.write(f"thinned {name}: {rows} positions went, held ones stay")
        for code, rows in outcome.rows.items():
            self.stdout.write(f"{code}: {rows} positions past its own retention time went")
        self.stdout.write(f"quarantine: {outcome.quarantined} entries went")
        for name in outcome.made:
            self.stdout.write(f"made {name}")
        if options["dry_run"]:
            self.stdout.write("Dry run: nothing was changed.")
