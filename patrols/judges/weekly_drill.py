"""Did a person drill for three hours in a week, on Tuesday and Thursday? (E11: 周二、周四训练)"""

from dataclasses import dataclass

from bureau.rules import Rules
from patrols.judges.judgement import Judgement, Outcome, Reason


@dataclass(frozen=True, slots=True)
class DrillDay:
    """A local day: seconds on duty at a drill ground, seconds of duty without a known place."""

    at_ground_s: float = 0.0
    unknown_s: float = 0.0
    is_working: bool = True
    on_leave: bool = False

    @property
    def is_free(self) -> bool:
        """Whether a drill may be asked for."""
        return self.is_working and not self.on_leave


@dataclass(frozen=True, slots=True)
class DrillWeek:
    """Seven days, Monday first."""

    days: tuple[DrillDay, ...]
    over: bool = True
    calendar_provisional: bool = False


def judge(week: DrillWeek, rules: Rules) -> Judgement:
    """Met with the required time in as many sessions as there are drill days in the week.

    A session is a day with at least `drill_session_s` at a drill ground. Where making up is allowed
    a session on any working day stands for a missed one, a drill day lost to a holiday or leave
    included, and the whole time is owed; where it is not, only drill days count and each that is
    lost takes its part of the time along. Not met only if all unknown time of the days that count,
    and the error band, would not suffice either.
    """
    chosen = [int(key) - 1 for key in rules.drill_weekdays]
    free = [i for i, day in enumerate(week.days) if day.is_free]
    owed = [i for i in chosen if i in free]
    eligible = free if rules.drill_makeup else owed
    sessions = min(len(chosen), len(free)) if rules.drill_makeup else len(owed)
    required = float(rules.drill_required_s)
    if not rules.drill_makeup:
        required *= len(owed) / len(chosen)
    days = [week.days[i] for i in eligible]
    drilled = float(sum(d.at_ground_s for d in days if d.at_ground_s >= rules.drill_session_s))
    held = sum(day.at_ground_s >= rules.drill_session_s for day in days)
    best = [day.at_ground_s * (1 + rules.error_band) + day.unknown_s for day in days]
    could = [seconds for seconds in best if seconds >= rules.drill_session_s]
    band = rules.error_band * drilled
    numbers: dict[str, float | list[float]] = {
        "drilled_s": drilled,
        "required_s": required,
        "unknown_s": float(sum(day.unknown_s for day in days)),
        "band_s": band,
        "sessions": float(held),
        "required_sessions": float(sessions),
        "days": [day.at_ground_s for day in week.days],
    }
    beside = (Reason.CALENDAR_PROVISIONAL,) if week.calendar_provisional else ()

    def say(outcome: Outcome, reason: Reason) -> Judgement:
        return Judgement(outcome, numbers, (reason, *beside))

    if not free:
        working = any(day.is_working for day in week.days)
        return say(Outcome.EXEMPT, Reason.ON_LEAVE if working else Reason.NO_WORKING_DAYS)
    if not sessions:
        return say(Outcome.EXEMPT, Reason.DRILL_DAYS_OFF)
    if drilled >= required and held >= sessions:
        return say(Outcome.MET, Reason.ENOUGH)
    if not week.over:
        return say(Outcome.CANNOT_JUDGE, Reason.WEEK_NOT_OVER)
    if sum(could) < required or len(could) < sessions:
        enough = drilled >= required
        return say(Outcome.NOT_MET, Reason.SESSION_MISSING if enough else Reason.TOO_LITTLE)
    if held >= sessions and drilled + band >= required:
        return say(Outcome.BORDERLINE, Reason.WITHIN_ERROR_BAND)
    return say(Outcome.CANNOT_JUDGE, Reason.UNKNOWN_TIME_DECIDES)
