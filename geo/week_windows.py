"""Hours of the week as people write them: "Mon-Fri 07:00-08:30 x2; Sat 18:00-22:00".

Pure. Used for hotspot windows and opening hours in imported tables.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time
from itertools import pairwise
from typing import Final

from bureau.sentences import gettext_noop, unusable

DAYS: Final = {
    **dict.fromkeys(("mon", "monday", "1", "周一", "星期一", "一"), 0),
    **dict.fromkeys(("tue", "tuesday", "2", "周二", "星期二", "二"), 1),
    **dict.fromkeys(("wed", "wednesday", "3", "周三", "星期三", "三"), 2),
    **dict.fromkeys(("thu", "thursday", "4", "周四", "星期四", "四"), 3),
    **dict.fromkeys(("fri", "friday", "5", "周五", "星期五", "五"), 4),
    **dict.fromkeys(("sat", "saturday", "6", "周六", "星期六", "六"), 5),
    **dict.fromkeys(("sun", "sunday", "7", "周日", "周天", "星期日", "星期天", "日"), 6),
}
GROUPS: Final = {
    **dict.fromkeys(("daily", "everyday", "每天", "每日", "全周"), range(7)),
    **dict.fromkeys(("weekdays", "工作日"), range(5)),
    **dict.fromkeys(("weekend", "weekends", "周末"), range(5, 7)),
}
PART: Final = re.compile(
    r"(?P<days>[^\d:]*?|[1-7](?:[-,][1-7])*)\s*"
    r"(?P<from>\d{1,2}:\d{2})\s*-\s*(?P<to>\d{1,2}:\d{2})"
    r"(?:\s*[x×*]\s*(?P<visits>\d{1,2}))?"
)


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A span of one weekday (0 Monday), cut at midnight; `visits` are owed in it."""

    weekday: int
    starts: time
    ends: time
    visits: int = 1


def read_windows(text: str) -> list[Window]:
    """Windows of a cell, sorted; an empty cell has none.

    Parts are separated by ";". A part is days (a day, a range, a list, "daily", "weekdays";
    none is daily), from-to, and "x2" where more than one visit is owed. "24:00" ends a day.
    Raises Unusable that names the part, also for a part over midnight or overlapping another.
    """
    windows: list[Window] = []
    plain = text.translate(str.maketrans("：；，、—–－~至到", ":;,,------"))
    for part in (piece.strip() for piece in plain.split(";")):
        if not part:
            continue
        match = PART.fullmatch(part)
        days = _days(match["days"]) if match else None
        starts = _time(match["from"]) if match else None
        ends = _time(match["to"]) if match else None
        if not match or days is None or starts is None or ends is None:
            raise unusable(
                "window_unreadable",
                gettext_noop(
                    'The hours "%(part)s" cannot be read. Write them as Mon-Fri 07:00-08:30.'
                ),
                {"part": part[:60]},
            )
        if ends <= starts:
            raise unusable(
                "window_reversed",
                gettext_noop(
                    'The hours "%(part)s" end before they begin. Cut a night at midnight: '
                    "Fri 22:00-24:00; Sat 00:00-02:00."
                ),
                {"part": part[:60]},
            )
        visits = int(match["visits"] or 1)
        windows.extend(Window(day, starts, ends, visits) for day in days)
    windows.sort()
    for one, after in pairwise(windows):
        if one.weekday == after.weekday and after.starts < one.ends:
            raise unusable(
                "window_overlap",
                gettext_noop('Two spans of one day overlap in "%(text)s".'),
                {"text": text[:80]},
            )
    return windows


def _days(text: str) -> list[int] | None:
    words = text.lower().strip().rstrip(",")
    if not words:
        return list(range(7))
    if words in GROUPS:
        return list(GROUPS[words])
    days: set[int] = set()
    for piece in words.split(","):
        ends = [DAYS.get(end.strip()) for end in piece.split("-")]
        if len(ends) > 2 or any(end is None for end in ends):
            return None
        first, last = ends[0] or 0, ends[-1] or 0
        # "Sat-Mon" runs over Sunday.
        days |= {(first + i) % 7 for i in range((last - first) % 7 + 1)}
    return sorted(days)


def _time(text: str) -> time | None:
    hour, minute = (int(part) for part in text.split(":"))
    if (hour, minute) == (24, 0):
        return time(23, 59, 59)
    return time(hour, minute) if hour < 24 and minute < 60 else None
