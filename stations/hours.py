"""Opening hours as people write them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time
from itertools import pairwise

from django.utils.translation import gettext_lazy as _

from stations.models import OpeningHours

DAYS = [_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun")]


def hours_said(rows: Sequence[OpeningHours]) -> str:
    """`Mon-Fri 08:00-18:00; Sat 09:00-12:00`, as `geo.week_windows.read_windows` reads it back."""
    days_of: dict[tuple[time, time], list[int]] = {}
    for row in sorted(rows, key=lambda row: (row.weekday, row.opens)):
        days_of.setdefault((row.opens, row.closes), []).append(row.weekday)
    return "; ".join(
        f"{_days(days)} {opens:%H:%M}-{_end(closes)}" for (opens, closes), days in days_of.items()
    )


def _days(days: list[int]) -> str:
    runs: list[list[int]] = [[days[0]]]
    for before, day in pairwise(days):
        if day == before + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ",".join(
        str(DAYS[run[0]]) if len(run) == 1 else f"{DAYS[run[0]]}-{DAYS[run[-1]]}" for run in runs
    )


def _end(closes: time) -> str:
    return "24:00" if closes >= time(23, 59, 59) else f"{closes:%H:%M}"
