"""Forget raw positions older than the bureau's retention time, and make the partitions ahead."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from bureau.errors import Refused
from bureau.models import Bureau
from patrols import weekly
from patrols.forgetting import forget, forget_person
from patrols.models import Person
from patrols.storage.turns import in_turn


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
            self.forget_one(
                options["person"], options["bureau"], now=now, dry_run=options["dry_run"]
            )
            return
        if not options["dry_run"]:
            self.judge_what_waits(now)
        outcome = forget(now=now, dry_run=options["dry_run"])
        for code, mondays in outcome.sealed.items():
            self.stdout.write(f"{code}: final from now on: weeks of {', '.join(mondays)}")
        for name in outcome.dropped:
            self.stdout.write(f"dropped {name}")
        if outcome.held:
            self.stdout.write(f"held: {outcome.held} positions copied aside")
        if outcome.released:
            self.stdout.write(f"holds over: {outcome.released} positions deleted")
        for code, rows in outcome.rows.items():
            self.stdout.write(f"{code}: {rows} positions past its own retention time went")
        self.stdout.write(f"quarantine: {outcome.quarantined} entries went")
        if outcome.watches:
            self.stdout.write(f"watches: {outcome.watches} lines of the log went")
        if outcome.notices:
            self.stdout.write(f"notices: {outcome.notices} lines to phone pages went")
        if outcome.places or outcome.contacts:
            self.stdout.write(
                f"orders: {outcome.places} places and {outcome.contacts} contacts went"
            )
        for name in outcome.tiles:
            self.stdout.write(f"removed the tiles {name}")
        for name in outcome.made:
            self.stdout.write(f"made {name}")
        if options["dry_run"]:
            self.stdout.write("Dry run: nothing was changed.")

    def judge_what_waits(self, now: datetime) -> None:
        """Judge what came in time, before its week becomes final."""
        for bureau in Bureau.objects.order_by("pk"):
            with in_turn(bureau.pk, wait=True):
                try:
                    weekly.judge_touched(bureau, now=now)
                except Refused as refused:  # streets that cannot be built: the nights are many
                    self.stderr.write(f"{bureau.code}: {refused}")

    def forget_one(
        self, badge_no: str, bureau: str | None, *, now: datetime, dry_run: bool
    ) -> None:
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
            deleted, held = forget_person(found[0], now=now, dry_run=dry_run)
        except Refused as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(f"{found[0]}: {deleted} positions deleted")
        if held:
            self.stdout.write(f"{held} were copied aside: an objection or an SOS")
        if dry_run:
            self.stdout.write("Dry run: nothing was changed.")
