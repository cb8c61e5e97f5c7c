"""`manage.py first_admin_link`: print the one-time link that makes the first administrator."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from bureau.errors import Refused
from bureau.first_run import first_link


class Command(BaseCommand):
    help = "Print a one-time link that makes the first administrator and the bureau."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            token = first_link(timezone.now())
        except Refused as refused:
            raise CommandError(str(refused)) from refused
        address = settings.PUBLIC_ADDRESS.rstrip("/")
        self.stdout.write("Open this link within an hour to make the first administrator:")
        self.stdout.write(f"{address}/first-run/{token}/")
