"""Forget raw positions older than the bureau's retention time, and make the partitions ahead."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from geo.errors import Refused
from patrols.forgetting import forget, forget_person
from patrols.models import Person


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
        parser.add_argument(
            "--person", metavar="BADGE", help="instead: delete all positions of one who has left"
        )
        parser.add_argument(
            "--bureau", metavar="CODE", help="the person's bureau, if there are several"
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
        if options["person"]:
            self.forget_one(options["person"], options["bureau"], dry_run=options["dry_run"])
            return
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

    def forget_one(self, badge_no: str, bureau: str | None, *, dry_run: bool) -> None:
        """The positions of one person."""
        people = Person.objects.filter(badge_no=badge_no)
        if bureau:
            people = people.filter(bureau__code=bureau)
        found = list(people.select_related("bureau"))
        if not found:
            raise CommandError(f"Nobody has the badge number {badge_no}.")
        if len(found) > 1:
            codes = ", ".join(person.bureau.code for person in found)
            raise CommandError(f"Several bureaus have this badge number; add --bureau: {codes}.")
        try:
            deleted, held = forget_person(found[0], dry_run=dry_run)
        except Refused as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(f"{found[0]}: {deleted} positions deleted")
        if held:
            self.stdout.write(f"{held} are held: an unanswered dispute or an SOS")
        if dry_run:
            self.stdout.write("Dry run: nothing was changed.")
