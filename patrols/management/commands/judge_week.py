"""Judge a week, or keep judging what new positions touch."""

from __future__ import annotations

import time
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import close_old_connections, connection
from django.db.utils import InterfaceError, OperationalError
from django.utils import timezone

from bureau.errors import Refused
from bureau.models import Bureau
from bureau.week import Week
from patrols import weekly
from patrols.basis_changes import CalendarMarks, judge_changed_calendar, touch_changed_grounds
from patrols.forgetting import close_lost_watches
from patrols.rule_changes import touch_changed_rules
from patrols.storage.turns import in_turn

# While people walk, their day is judged again once a minute, not with every position.
REST_S = 60.0


class Command(BaseCommand):
    help = (
        "Judges weeks from stored positions. Without options: every day that new positions "
        "touched. --week judges a whole week again; --watch keeps going."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--bureau", help="code of one bureau; all of them otherwise")
        parser.add_argument("--week", help="a date (YYYY-MM-DD) in the week to judge as a whole")
        parser.add_argument(
            "--watch",
            type=float,
            nargs="?",
            const=10.0,
            metavar="SECONDS",
            help="look again every so many seconds (10) until stopped",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        bureaus = Bureau.objects.order_by("pk")
        if options["bureau"]:
            bureaus = bureaus.filter(code=options["bureau"])
            if not bureaus.exists():
                raise CommandError(f"There is no bureau with the code {options['bureau']}.")
        if options["week"] and options["watch"]:
            raise CommandError("--week and --watch do not go together.")
        if options["week"]:
            day = read_day(options["week"])
            for bureau in bureaus:
                week = Week.of(day, bureau.time_zone)
                try:
                    verdicts = weekly.judge_everybody(bureau, week, now=timezone.now())
                except Refused as refused:
                    raise CommandError(f"{bureau.code} {week.monday}: {refused}") from refused
                self.stdout.write(f"{bureau.code} {week.monday}: {len(verdicts)} verdicts")
            return
        if not options["watch"]:
            for bureau in bureaus:
                self.judge_touched(bureau)
            return
        close_lost_watches(now=timezone.now())
        while True:
            try:
                for bureau in bureaus.all():
                    self.judge_touched(bureau, rest_s=REST_S)
            except (OperationalError, InterfaceError) as error:
                self.stderr.write(f"The database does not answer, trying again: {error}")
                connection.close()
            close_old_connections()
            time.sleep(options["watch"])

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.calendars: dict[int, CalendarMarks] = {}  # bureau → what its calendar said last

    def judge_touched(self, bureau: Bureau, *, rest_s: float = 0.0) -> None:
        """One round for one bureau; one process at a time."""
        with in_turn(bureau.pk) as mine:
            if not mine:
                return
            try:
                touch_changed_rules(bureau, now=timezone.now())
                touch_changed_grounds(bureau, now=timezone.now())
                days = weekly.judge_touched(bureau, now=timezone.now(), rest_s=rest_s)
                weekly.judge_ended(bureau, now=timezone.now())
                self.calendars[bureau.pk] = judge_changed_calendar(
                    bureau, self.calendars.get(bureau.pk, {}), now=timezone.now()
                )
            except Refused as refused:  # streets that cannot be built: say it, keep the marks
                self.stderr.write(f"{bureau.code}: {refused}")
                return
        if days:
            self.stdout.write(f"{bureau.code}: judged {', '.join(map(str, sorted(days)))}")


def read_day(text: str) -> date:
    """A date from the command line, or a sentence that says what to write."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{text} is no date: write it as 2026-11-16.") from error
