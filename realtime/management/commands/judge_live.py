"""`manage.py judge_live`: rounds of the live judge; the ticker starts it."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from realtime.rounds import judge_until_alone


class Command(BaseCommand):
    help = "Judges who is with whom now, every few seconds. Started by the ticker, ends with it."

    def handle(self, *args: Any, **options: Any) -> None:
        judge_until_alone(sys.stdout, sys.stdin)
