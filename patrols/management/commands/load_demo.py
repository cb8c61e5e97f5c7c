"""`manage.py load_demo CITY`: a bureau that one can look at, on the streets of any city."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from bureau.errors import Refused
from patrols.demo import ACCOUNTS, PASSWORD
from patrols.demo.delivery import Undelivered


class Command(BaseCommand):
    requires_system_checks = ()  # migrate made them a moment ago; `make run` waits for us
    help = (
        "Load the demo bureau on the streets of an OpenStreetMap extract: two squads, 24 people, "
        "two past weeks and people on duty now. Does nothing when it is there already; refuses "
        "beside real data."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("city", nargs="?", type=Path, help="OpenStreetMap extract (.osm.pbf)")
        parser.add_argument("--city", dest="named_city", type=Path, help="the same")
        parser.add_argument("--accounts", action="store_true", help="only print the accounts")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["accounts"]:
            self.print_accounts()
            return
        city = options["city"] or options["named_city"] or settings.TANDEM_DEMO_CITY
        if not city:
            raise CommandError(
                "Say which city: `manage.py load_demo /path/city.osm.pbf`, or set TANDEM_DEMO_CITY."
            )
        city = Path(city)
        if not city.is_file():
            raise CommandError(f"{city} is not a file: give an OpenStreetMap extract (.osm.pbf).")
        from patrols.demo.load import load  # not needed for a mere list of accounts

        started = time.monotonic()
        try:
            fresh = load(city, self.stdout.write)
        except (Refused, Undelivered) as error:
            raise CommandError(str(error)) from error
        if fresh:
            self.stdout.write(f"The demo is loaded, in {time.monotonic() - started:.0f} s.")
            self.print_accounts()

    def print_accounts(self) -> None:
        """Who can sign in."""
        self.stdout.write(f"Demo accounts, password {PASSWORD}:")
        for account in ACCOUNTS:
            self.stdout.write(f"  {account.username:<14} {account.came_for}")
