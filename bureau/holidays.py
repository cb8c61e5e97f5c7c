"""Working days as data: the yearly notice in `holiday-cn` shape, and the rule where none is known.

Pure. In China weekends become working days and the reverse by a yearly notice of the State
Council's General Office; no formula gives them. `bureau/data/` holds the notices that ship.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from bureau.sentences import Sentence, Unusable, gettext_noop

SHIPPED: Final = Path(__file__).parent / "data"
WORKING: Final = "working"
REST: Final = "rest"
HOLIDAY: Final = "holiday"

# 全国年节及纪念日放假办法 (2024 revision), art. 2: the holidays that have a fixed date in the
# common calendar. The others move with the moon and wait for the notice.
LAW: Final = "全国年节及纪念日放假办法 (2024), art. 2"
FIXED_HOLIDAYS: Final[Mapping[tuple[int, int], str]] = {
    (1, 1): "元旦",
    (5, 1): "劳动节",
    (5, 2): "劳动节",
    (10, 1): "国庆节",
    (10, 2): "国庆节",
    (10, 3): "国庆节",
}
WEEKDAY_RULE: Final = "weekday rule, no notice known"
YEARS: Final = range(2007, 2100)  # the notices began in 2007; beyond 2099 it is a typing error


@dataclass(frozen=True, slots=True)
class Day:
    """What a local date is. `provisional`: only the weekday rule says so, no notice yet."""

    date: date
    kind: str
    name: str = ""
    source: str = ""
    provisional: bool = False

    @property
    def is_working(self) -> bool:
        return self.kind == WORKING


@dataclass(frozen=True, slots=True)
class Notice:
    """One year's notice: the days it names. It may name days of the December before."""

    year: int
    source: str
    named: Mapping[date, Day]

    def days(self) -> Iterator[Day]:
        """Every day of the year, and the named ones outside it, in order."""
        first = date(self.year, 1, 1)
        year = {first + timedelta(days=i) for i in range((date(self.year + 1, 1, 1) - first).days)}
        for day in sorted(year | set(self.named)):
            yield self.named.get(day) or Day(day, plain_kind(day), source=self.source)


def plain_kind(day: date) -> str:
    """Monday to Friday are working days."""
    return WORKING if day.weekday() < 5 else REST


def weekday_rule(day: date) -> Day:
    """What a date is when no notice is known: always provisional, never an exception."""
    if name := FIXED_HOLIDAYS.get((day.month, day.day)):
        return Day(day, HOLIDAY, name, LAW, provisional=True)
    return Day(day, plain_kind(day), source=WEEKDAY_RULE, provisional=True)


def read_notice(text: str) -> Notice:
    """A notice from JSON text: `{"year", "papers", "days": [{"name", "date", "isOffDay"}]}`.

    `source` (a title) is taken where present, else the first of `papers`. Raises Unusable with a
    sentence that names the entry for anything that is not that, for an empty list, for a date
    that is named twice, and for a date outside the year and the December before it.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise Unusable(
            Sentence(
                "calendar_not_json",
                gettext_noop("This is no JSON file (%(why)s)."),
                {"why": str(error)},
            )
        ) from error
    if not isinstance(document, dict) or not isinstance(document.get("days"), list):
        raise Unusable(
            Sentence(
                "calendar_shape",
                gettext_noop(
                    'A calendar file needs "year" and "days": [{"name", "date", "isOffDay"}].'
                ),
            )
        )
    year = document.get("year")
    if not isinstance(year, int) or isinstance(year, bool) or year not in YEARS:
        raise Unusable(
            Sentence(
                "calendar_year",
                gettext_noop('"year" is %(year)s; a year such as 2026 is needed.'),
                {"year": repr(year)},
            )
        )
    if not document["days"]:
        raise Unusable(
            Sentence(
                "calendar_empty",
                gettext_noop(
                    "The file for %(year)d names no days: the notice is probably not out yet. "
                    "Nothing was changed; the weekday rule stays, marked provisional."
                ),
                {"year": year},
            )
        )
    source = _source(document, year)
    named: dict[date, Day] = {}
    for at, entry in enumerate(document["days"], start=1):
        day = _read_day(entry, at, source)
        in_december_before = (day.date.year, day.date.month) == (year - 1, 12)
        if day.date.year != year and not in_december_before:
            raise _bad_entry(at, gettext_noop("%(date)s is not in %(year)d."), day.date, year)
        if day.date in named:
            raise _bad_entry(at, gettext_noop("%(date)s is named twice."), day.date, year)
        named[day.date] = day
    return Notice(year, source, named)


def _source(document: Mapping[str, Any], year: int) -> str:
    papers = document.get("papers")
    first = papers[0] if isinstance(papers, list) and papers else ""
    return str(document.get("source") or first or f"calendar file {year}")[:200]


def _read_day(entry: Any, at: int, source: str) -> Day:
    try:
        off = entry["isOffDay"]
        if not isinstance(off, bool):
            raise TypeError
        day = date.fromisoformat(entry["date"])
        name = str(entry.get("name", ""))[:60]
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise Unusable(
            Sentence(
                "calendar_entry",
                gettext_noop(
                    'Entry %(at)d of "days" is not {"name": text, "date": "2026-01-01", '
                    '"isOffDay": true or false}.'
                ),
                {"at": at},
            )
        ) from error
    return Day(day, HOLIDAY if off else WORKING, name, source)


def _bad_entry(at: int, why: str, day: date, year: int) -> Unusable:
    values = {"date": day.isoformat(), "year": year}
    return Unusable(
        Sentence(
            "calendar_entry",
            gettext_noop('Entry %(at)d of "days": %(why)s'),
            {"at": at, "why": why % values},
        )
    )


@cache
def shipped_notice(year: int) -> Notice | None:
    """The notice of a year that ships with Tandem, if it does."""
    path = SHIPPED / f"calendar_{year}.json"
    return read_notice(path.read_text(encoding="utf-8")) if path.exists() else None


def shipped_day(day: date) -> Day | None:
    """What the shipped notices say of a date: the next year's may name days of December."""
    after = shipped_notice(day.year + 1) if day.month == 12 else None
    if after and day in after.named:
        return after.named[day]
    notice = shipped_notice(day.year)
    if notice is None:
        return None
    return notice.named.get(day) or Day(day, plain_kind(day), source=notice.source)
