"""How a hotspot stands at this moment: within its interval, due, overdue, or not known. Pure.

By the hotspot's own hours and required visits alone (`hotspot_slots`), and by the same visits as
its week (`hotspot_visits`). It says where to go next; the verdict is the week's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bureau.rules import Rules
from patrols.judges.hotspot_frequency import SlotJudgement, Spans, clipped
from patrols.judges.hotspot_visits import Visit, most_possible


class Standing(StrEnum):
    """What the clock says."""

    WITHIN = "within"  # as many visits as its hours ask for, or the last one is recent enough
    DUE = "due"  # a visit is owed, and not late
    OVERDUE = "overdue"  # fewer visits than the hours so far ask for
    NO_WINDOW = "no_window"  # nothing is owed now
    UNKNOWN = "unknown"  # it would be overdue, but phones were silent or nobody was on duty


@dataclass(frozen=True, slots=True)
class Clock:
    """A standing, and what it rests on, seconds UTC.

    start_s, end_s: the hours that are open now; without such, those that come next (or None) ·
    made, required: visits in the open hours · every_s: the hours shared out over the visits.
    """

    standing: Standing
    start_s: float | None = None
    end_s: float | None = None
    made: int = 0
    required: int = 0
    every_s: float | None = None


GRAVEST = [Standing.OVERDUE, Standing.UNKNOWN, Standing.DUE, Standing.WITHIN]


def read_clock(
    slots: Sequence[SlotJudgement],
    last_s: float | None,
    *,
    present: int,
    duty: Spans,
    unseen: Spans,
    now_s: float,
    rules: Rules,
) -> Clock:
    """The gravest answer of the hours that are open now.

    last_s: end of the last visit that counts, whenever it was · present: how many phones say now
    that somebody is there: no visit yet, but no reason for alarm · duty, unseen: as for the week.
    """
    owed = [one for one in slots if one.slot.owed and one.slot.required]
    running = [one for one in owed if one.slot.start_s <= now_s < one.slot.end_s]
    if not running:
        later = [one.slot for one in owed if one.slot.start_s > now_s]
        following = min(later, key=lambda slot: slot.start_s, default=None)
        if following is None:
            return Clock(Standing.NO_WINDOW)
        return Clock(Standing.NO_WINDOW, following.start_s, following.end_s, 0, following.required)
    clocks = [
        _of_hours(one, last_s, present=present, duty=duty, unseen=unseen, now_s=now_s, rules=rules)
        for one in running
    ]
    return min(clocks, key=lambda clock: GRAVEST.index(clock.standing))


def _of_hours(
    one: SlotJudgement,
    last_s: float | None,
    *,
    present: int,
    duty: Spans,
    unseen: Spans,
    now_s: float,
    rules: Rules,
) -> Clock:
    """Visits are asked for evenly: the k-th of n by k/n of the hours, the last by their end."""
    slot = one.slot
    every_s = (slot.end_s - slot.start_s) / slot.required

    def clock(standing: Standing) -> Clock:
        return Clock(standing, slot.start_s, slot.end_s, one.made, slot.required, every_s)

    if one.made >= slot.required:
        return clock(Standing.WITHIN)
    # Hours that the bureau set ask for a visit in them; a visit before does not count for them.
    recent_s = last_s if not slot.windowed else _last_of(one.visits)
    if recent_s is not None and now_s - recent_s < every_s:
        return clock(Standing.WITHIN)
    by_now = int((now_s - slot.start_s) // every_s)
    lasts_s, gap_s = float(rules.min_dwell_s), rules.visit_gap_s
    free_s = max(now_s, (_last_of(one.visits) or -gap_s) + gap_s)
    fits = most_possible((), [(free_s, slot.end_s)], lasts_s=lasts_s, gap_s=gap_s)
    by_now = max(by_now, slot.required - fits)
    if one.made >= by_now or present:
        return clock(Standing.DUE)
    silent = clipped(unseen, slot.start_s, now_s)
    if most_possible(one.visits, silent, lasts_s=lasts_s, gap_s=gap_s) >= by_now:
        return clock(Standing.UNKNOWN)
    worked = clipped(duty, slot.start_s, now_s)
    if most_possible((), worked, lasts_s=lasts_s, gap_s=gap_s) < by_now:
        return clock(Standing.UNKNOWN)
    return clock(Standing.OVERDUE)


def _last_of(visits: Sequence[Visit]) -> float | None:
    return max((visit.exit_s for visit in visits), default=None)
