"""Did a person patrol for the required time in a week? (C1: 每周巡查时间不少于2小时)

The phrase names no subject: the rule `weekly_scope` says whether each person owes the time or the
squad does. A person's time is officer-minutes; a squad's is patrol-minutes, in which an hour walked
by two is one hour.
"""

from dataclasses import dataclass

from bureau.rules import Rules
from patrols.judges.judgement import (
    DayFacts,
    Judgement,
    Outcome,
    Reason,
    WeekFacts,
    exempt_reason,
    notes,
)


def judge(week: WeekFacts, rules: Rules) -> Judgement:
    """Met if credited ≥ required. Not met only if credited, all unknown time and the error band
    together stay below it: nobody fails for what was not seen.

    Between the two the error band decides (borderline) or the unknown time does (cannot judge).
    A week that is not over is not failed, a phone silent all week is not absence.
    """
    days = [counted_s(day, rules) for day in week.days]
    credited, unknown = float(sum(days)), week.total("unknown_s")
    required = required_s(week, rules)
    band = rules.error_band * credited
    numbers: dict[str, float | list[float]] = {
        "credited_s": credited,
        "required_s": required,
        "unknown_s": unknown,
        "band_s": band,
        "duty_s": week.total("duty_s"),
        "parked_s": week.total("parked_s"),
        "off_beat_s": week.total("off_beat_s"),
        "vehicle_s": week.total("vehicle_s"),
        "together_s": week.total("together_s"),
        "alone_s": week.total("alone_s"),
        "company_unknown_s": week.total("company_unknown_s"),
        "fixes": week.total("fixes"),
        "days": days,
    }

    def say(outcome: Outcome, reason: Reason) -> Judgement:
        return Judgement(outcome, numbers, (reason, *notes(week, rules)))

    exempt = exempt_reason(week)
    if exempt is not None:
        return say(Outcome.EXEMPT, exempt)
    if rules.weekly_scope == "squad":
        return say(Outcome.EXEMPT, Reason.OWED_BY_SQUAD)
    if credited < required and week.over:
        # Positions without duty are those of an SOS, or of a shift that was taken away since.
        if week.total("duty_s") == 0:
            return say(Outcome.CANNOT_JUDGE, Reason.NOT_ROSTERED)
        if week.total("fixes") == 0:
            return say(Outcome.CANNOT_JUDGE, Reason.SILENT_ALL_WEEK)
    return say(*against_the_line(credited, unknown, required, rules, over=week.over))


@dataclass(frozen=True, slots=True)
class SquadFacts:
    """A squad's week in patrol-minutes, seconds: time with at least one member on patrol.

    days: Monday first · unknown_s: time in which nobody was seen on patrol and at least one member
    on duty was not seen · vehicle_s: members' time by vehicle, as officer-minutes (how much of it
    had a walker out as well is not known) · fixes: positions of all members.
    """

    days: tuple[float, ...]
    unknown_s: float
    working_days: int
    vehicle_s: float = 0.0
    fixes: int = 0
    duty_s: float = 0.0
    over: bool = True

    @property
    def patrol_s(self) -> float:
        """Patrol-minutes of the week."""
        return float(sum(self.days))


def judge_squad(week: SquadFacts, rules: Rules) -> Judgement:
    """The same line for the squad as one: patrol-minutes against what is required.

    Time by vehicle that the rules do not count is time that may or may not count: unknown.
    """
    driven = 0.0 if rules.weekly_counts_vehicle else min(week.vehicle_s, week.patrol_s)
    credited, unknown = week.patrol_s - driven, week.unknown_s + driven
    required = float(rules.weekly_required_s)
    if rules.weekly_pro_rata:
        required *= min(week.working_days, 5) / 5
    numbers: dict[str, float | list[float]] = {
        "patrol_s": credited,
        "required_s": required,
        "unknown_s": unknown,
        "band_s": rules.error_band * credited,
        "days": list(week.days),
    }
    if week.working_days == 0:
        return Judgement(Outcome.EXEMPT, numbers, (Reason.NO_WORKING_DAYS,))
    if credited < required and week.over and not (week.fixes and week.duty_s):
        silent = Reason.SILENT_ALL_WEEK if week.duty_s else Reason.NOT_ROSTERED
        return Judgement(Outcome.CANNOT_JUDGE, numbers, (silent,))
    outcome, reason = against_the_line(credited, unknown, required, rules, over=week.over)
    return Judgement(outcome, numbers, (reason,))


def against_the_line(
    credited_s: float, unknown_s: float, required_s: float, rules: Rules, *, over: bool
) -> tuple[Outcome, Reason]:
    """The answer that the three times give; see `judge`."""
    band = rules.error_band * credited_s
    if credited_s >= required_s:
        return Outcome.MET, Reason.ENOUGH
    if not over:
        return Outcome.CANNOT_JUDGE, Reason.WEEK_NOT_OVER
    if credited_s + unknown_s + band < required_s:
        return Outcome.NOT_MET, Reason.TOO_LITTLE
    if credited_s + band >= required_s:
        return Outcome.BORDERLINE, Reason.WITHIN_ERROR_BAND
    return Outcome.CANNOT_JUDGE, Reason.UNKNOWN_TIME_DECIDES


def counted_s(day: DayFacts, rules: Rules) -> float:
    """Seconds of the day that count in the modes the rules name."""
    apart = 0.0
    if not rules.weekly_counts_vehicle:
        apart += day.vehicle_s
    if not rules.weekly_counts_bicycle:
        apart += day.bicycle_s
    return max(0.0, day.credited_s - apart)


def required_s(week: WeekFacts, rules: Rules) -> float:
    """Seconds owed: all if there is one working day, or by working days if the rule says so."""
    if not rules.weekly_pro_rata:
        return float(rules.weekly_required_s)
    days = max(0, week.working_days - week.leave_days)
    return rules.weekly_required_s * min(days, 5) / 5
