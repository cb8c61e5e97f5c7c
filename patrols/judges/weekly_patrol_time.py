"""Did a person patrol for the required time in a week? (C1: 每周巡查时间不少于2小时)"""

from bureau.rules import Rules
from patrols.judges.judgement import (
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
    credited, unknown = week.total("credited_s"), week.total("unknown_s")
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
        "days": [day.credited_s for day in week.days],
    }

    def say(outcome: Outcome, reason: Reason) -> Judgement:
        return Judgement(outcome, numbers, (reason, *notes(week, rules)))

    exempt = exempt_reason(week)
    if exempt is not None:
        return say(Outcome.EXEMPT, exempt)
    if credited >= required:
        return say(Outcome.MET, Reason.ENOUGH)
    if not week.over:
        return say(Outcome.CANNOT_JUDGE, Reason.WEEK_NOT_OVER)
    if week.total("fixes") == 0:
        rostered = week.total("duty_s") > 0
        return say(
            Outcome.CANNOT_JUDGE, Reason.SILENT_ALL_WEEK if rostered else Reason.NOT_ROSTERED
        )
    if credited + unknown + band < required:
        return say(Outcome.NOT_MET, Reason.TOO_LITTLE)
    if credited + band >= required:
        return say(Outcome.BORDERLINE, Reason.WITHIN_ERROR_BAND)
    return say(Outcome.CANNOT_JUDGE, Reason.UNKNOWN_TIME_DECIDES)


def required_s(week: WeekFacts, rules: Rules) -> float:
    """Seconds owed: all if there is one working day, or by working days if the rule says so."""
    if not rules.weekly_pro_rata:
        return float(rules.weekly_required_s)
    days = max(0, week.working_days - week.leave_days)
    return rules.weekly_required_s * min(days, 5) / 5
