"""Times as a folder to replay may give them, and the moment that its answers count from. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any, Final

SECOND_US: Final = 1_000_000
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)

# Numbers as times: below the first they are seconds after t0, then seconds, milliseconds and
# microseconds since 1970.
RELATIVE_BELOW: Final = 1e8
MILLISECONDS_FROM: Final = 1e11
MICROSECONDS_FROM: Final = 1e14
# Seconds after a t0 that nobody states need some day to stand on.
SOME_DAY_US: Final = (datetime(2024, 1, 1, tzinfo=UTC) - EPOCH) // MICROSECOND

# A patrol begins on a round moment, and the first phone is heard a little later (by its clock
# perhaps earlier). The roundest moment that fits is taken as t0; the more phones there are, the
# sooner the first of them must have been heard.
ROUND_S: Final = (3600, 1800, 900, 300, 60, 10, 5, 1)
EARLY_S: Final = 3.0  # half a second for moments that are not whole minutes
LATE_S: Final = (3.0, 45.0)  # at least and at most
LATE_STEPS: Final = 6.0  # of the time between two fixes of all phones together

STATED = re.compile(
    r"\bt0\b[`*\" ]*[:=]?[`*\" ]*(\d{4}-\d\d-\d\d[T ][\d:.]+ ?(?:Z|[+-]\d\d:?\d\d)?)"
)


class Clock:
    """Reads times as microseconds since 1970. `relative`: whether some counted from t0."""

    def __init__(self, t0_us: int | None = None) -> None:
        self.start_us = SOME_DAY_US if t0_us is None else t0_us
        self.relative = False

    def read(self, word: str) -> int:
        """One time: ISO-8601 (UTC where no offset is given) or a number. Raises ValueError."""
        try:
            return iso_us(word)
        except ValueError:
            pass
        try:
            value = float(word)
        except ValueError:
            value = float("nan")
        if not isfinite(value):
            raise ValueError(f"{word} is no time")
        if abs(value) < RELATIVE_BELOW:
            self.relative = True
            return self.start_us + round(value * SECOND_US)
        return absolute_us(value)


def iso_us(word: str) -> int:
    """An ISO-8601 time as microseconds since 1970. Raises ValueError."""
    text = word.strip()
    if "-" not in text and "T" not in text and ":" not in text:
        raise ValueError(f"{word} is no ISO time")
    moment = datetime.fromisoformat(text.replace("/", "-"))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // MICROSECOND


def absolute_us(value: float) -> int:
    """Seconds, milliseconds or microseconds since 1970, told apart by their size."""
    if value >= MICROSECONDS_FROM:
        return round(value)
    return round(value * (1_000 if value >= MILLISECONDS_FROM else SECOND_US))


def stated_us(value: Any) -> int:
    """A t0 as people state it: ISO-8601, or a number since 1970. Raises ValueError."""
    if isinstance(value, str):
        try:
            return iso_us(value)
        except ValueError:
            value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < RELATIVE_BELOW:
        raise ValueError(f"{value} is no time")
    return absolute_us(float(value))


def stated_in_text(text: str) -> int | None:
    """The t0 that a page names, as in "t0 = 2024-03-04T08:00:00Z"; None where there is none."""
    found = STATED.search(text)
    try:
        return iso_us(found[1]) if found else None
    except ValueError:
        return None


def round_start(first_s: float, phones: int = 1, every_s: float = 5.0) -> int:
    """The round moment (seconds since 1970) that a recording with this first fix began at.

    phones: how many were heard in the first minute; every_s: seconds between fixes of one.
    """
    late_s = min(max(LATE_STEPS * every_s / max(phones, 1), LATE_S[0]), LATE_S[1])
    for step in ROUND_S:
        moment = round(first_s / step) * step
        if -(EARLY_S if step >= 60 else 0.5) <= first_s - moment <= late_s:
            return moment
    return round(first_s)
