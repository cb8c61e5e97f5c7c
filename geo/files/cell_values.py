"""Dates and counts in the cells of imported tables. Pure."""

from __future__ import annotations

import re
from datetime import date

from bureau.sentences import gettext_noop, unusable

DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[T ]00:00(?::00)?)?")
COUNT = re.compile(r"\d{1,6}(?:\.0+)?")


def read_date(text: str, column: str) -> date | None:
    """2026-03-01, 2026/3/1, 2026.3.1 or 2026年3月1日; "" is None.

    Raises Unusable for anything else: 1/3/2026 is two different days in two countries.
    """
    if not text:
        return None
    match = DATE.fullmatch(text.strip())
    try:
        if match is None:
            raise ValueError
        return date(*(int(part) for part in match.groups()))
    except ValueError:
        raise unusable(
            "date_unreadable",
            gettext_noop('%(column)s "%(text)s" is no date. Write it as 2026-03-01.'),
            {"column": column, "text": text[:30]},
        ) from None


def read_count(text: str, column: str, most: int) -> int:
    """A whole number from 0 to `most`; "" is 0. Raises Unusable for anything else."""
    if not text:
        return 0
    value = int(float(text)) if COUNT.fullmatch(text.strip()) else -1
    if not 0 <= value <= most:
        raise unusable(
            "count_unreadable",
            gettext_noop('%(column)s "%(text)s" is no whole number from 0 to %(most)d.'),
            {"column": column, "text": text[:30], "most": most},
        )
    return value
