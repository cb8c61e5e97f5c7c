"""Until when a lead wants its first response and its result, by the rules of the week it came in.

The response by the clock; the result by the end of a working day of the bureau's own calendar, the
day on which it came in not counted. Times are aware, UTC.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from bureau.access import rules_on
from bureau.calendar import working_day_after
from bureau.models import Bureau
from bureau.week import Week, day_bounds

# The stream asks several times a second: a changed calendar or rule is seen after so long.
TRUST_S = 30.0
MOST_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for everything that comes in on one local date of a bureau.

    `provisional`: no notice says yet which days up to `result_day` are working days.
    """

    respond_s: int
    result_day: date
    result_until: datetime  # the midnight after it
    provisional: bool


_known: dict[tuple[int, date], tuple[float, Terms]] = {}


def terms_of(bureau: Bureau, received_at: datetime) -> Terms:
    """The terms of what came in at a moment; remembered for `TRUST_S`."""
    day = received_at.astimezone(ZoneInfo(bureau.time_zone)).date()
    at_s = time.monotonic()
    read_s, terms = _known.get((bureau.pk, day), (float("-inf"), None))
    if terms is None or at_s - read_s > TRUST_S:
        if len(_known) >= MOST_KEPT:
            _known.clear()
        terms = read_terms(bureau, day)
        _known[bureau.pk, day] = at_s, terms
    return terms


def read_terms(bureau: Bureau, day: date) -> Terms:
    """The terms of a local date, from the database."""
    rules, _set = rules_on(bureau, Week.of(day, bureau.time_zone).monday)
    last = working_day_after(bureau, day, rules.complaint_result_workdays)
    until = day_bounds(last.date, bureau.time_zone)[1]
    return Terms(rules.complaint_respond_s, last.date, until, last.provisional)
