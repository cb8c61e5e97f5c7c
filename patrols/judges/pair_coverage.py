"""Did a person patrol in company? (C2: 两人成行、三人成列, as far as GPS can see it)"""

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
    """Share of the judgeable patrol time in company, unknown time apart from time alone.

    A span alone shorter than the grace (a call at a door, crossing a street) is no breach and
    counts on neither side; whoever was alone in such spans only, and never in company, cannot be
    judged. Not met only if it would stay below the line with all unknown time
    spent together. Two accounts on one phone, or two tracks that are one, are no pair and no
    breach: that time comes as unknown, and it is said, so that a person looks at it.
    """
    together = week.total("together_s")
    breaches = [
        span for day in week.days for span in day.alone_spans_s if span >= rules.alone_grace_s
    ]
    alone, unknown = float(sum(breaches)), week.total("company_unknown_s")
    judgeable = together + alone
    share = together / judgeable if judgeable else 0.0
    # Time without signal may have been a walk with a partner, as may a walk in unknown company.
    unseen = unknown + week.total("unknown_s")
    best = (together + unseen) / (judgeable + unseen) if judgeable + unseen else 0.0
    numbers: dict[str, float | list[float]] = {
        "together_s": together,
        "alone_s": week.total("alone_s"),
        "breach_s": alone,
        "breaches": float(len(breaches)),
        "company_unknown_s": unknown,
        "share": share,
        "best_share": best,
        "required_share": rules.pair_required_share,
        "days": [day.together_s for day in week.days],
    }
    beside = [Reason.PAIR_IN_DOUBT] if any(day.pair_in_doubt for day in week.days) else []

    def say(outcome: Outcome, reason: Reason) -> Judgement:
        return Judgement(outcome, numbers, (reason, *beside, *notes(week, rules)))

    exempt = exempt_reason(week)
    if exempt is not None:
        return say(Outcome.EXEMPT, exempt)
    if not week.over:
        return say(Outcome.CANNOT_JUDGE, Reason.WEEK_NOT_OVER)
    if week.total("credited_s") == 0:
        return say(Outcome.CANNOT_JUDGE, Reason.NO_PATROL_TIME)
    if judgeable < unknown:  # where less than half was seen, nobody can say
        return say(Outcome.CANNOT_JUDGE, Reason.COMPANY_UNKNOWN)
    if not judgeable and week.total("alone_s") >= rules.alone_grace_s:
        return say(Outcome.CANNOT_JUDGE, Reason.NEVER_IN_COMPANY)
    if not judgeable or share >= rules.pair_required_share:
        return say(Outcome.MET, Reason.ENOUGH)  # short spans alone are no breach
    if best < rules.pair_required_share * (1 - rules.error_band):
        return say(Outcome.NOT_MET, Reason.TOO_LITTLE)
    if share >= rules.pair_required_share * (1 - rules.error_band):
        return say(Outcome.BORDERLINE, Reason.WITHIN_ERROR_BAND)
    return say(Outcome.CANNOT_JUDGE, Reason.COMPANY_UNKNOWN)
