"""Has every auxiliary on duty a desk and a chair? (C6: 一人一桌一椅)"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from bureau.rules import Rules
from patrols.judges.judgement import Judgement, Outcome, Reason


@dataclass(frozen=True, slots=True)
class BasedShift:
    """A shift based at the place: from start_s up to end_s, seconds UTC."""

    person: int
    is_auxiliary: bool
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class DeskJudgement(Judgement):
    """The answer; spans: when more auxiliaries were on duty than have a place, seconds UTC."""

    spans: tuple[tuple[float, float], ...] = ()


def judge(desks: int, chairs: int, shifts: Sequence[BasedShift], rules: Rules) -> DeskJudgement:
    """Met if the most auxiliaries on duty at once are no more than the places: the smaller of desks
    and chairs, divided by what each needs. Whoever comes when another leaves takes over the chair.

    Not met is short by the number that have no place. Exempt where no auxiliary is based.
    """
    places = min(desks, chairs) // rules.desks_per_auxiliary
    mine = [shift for shift in shifts if shift.is_auxiliary and shift.end_s > shift.start_s]
    times = sorted({t for shift in mine for t in (shift.start_s, shift.end_s)})
    peak = 0
    over: list[tuple[float, float]] = []
    for begin, end in pairwise(times):
        on = {shift.person for shift in mine if shift.start_s <= begin and shift.end_s >= end}
        peak = max(peak, len(on))
        if len(on) > places:
            if over and over[-1][1] == begin:
                over[-1] = (over[-1][0], end)
            else:
                over.append((begin, end))
    short = max(0, peak - places)
    numbers: dict[str, float | list[float]] = {
        "desks": float(desks),
        "chairs": float(chairs),
        "places": float(places),
        "peak": float(peak),
        "short": float(short),
    }
    if not mine:
        outcome, reason = Outcome.EXEMPT, Reason.NOBODY_BASED
    elif short:
        outcome, reason = Outcome.NOT_MET, Reason.SEATS_SHORT
    else:
        outcome, reason = Outcome.MET, Reason.ENOUGH
    return DeskJudgement(outcome, numbers, (reason,), tuple(over))
