"""The judges by hand-worked weeks: nobody fails for what was not seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bureau.rules import Rules
from patrols.judges import JUDGES, DayFacts, Outcome, Reason, WeekFacts, pair_coverage
from patrols.judges.weekly_patrol_time import SquadFacts, judge, judge_squad
from patrols.models import Outcome as StoredOutcome
from patrols.models import Subject

RULES = Rules()  # 7,200 s, band 5 %


def week(
    credited_s: float = 0, unknown_s: float = 0, *, duty_s: float = 14_400, **facts: int
) -> WeekFacts:
    """A week with all of it on Wednesday."""
    day = DayFacts(duty_s=duty_s, credited_s=credited_s, unknown_s=unknown_s, fixes=500)
    empty = DayFacts()
    fields = {"working_days": 5} | facts
    return WeekFacts((empty, empty, day, empty, empty, empty, empty), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("credited_s", "unknown_s", "outcome", "reason"),
    [
        (7200, 0, Outcome.MET, Reason.ENOUGH),
        (7200, 9999, Outcome.MET, Reason.ENOUGH),
        (7199, 0, Outcome.BORDERLINE, Reason.WITHIN_ERROR_BAND),
        # 6,858 × 1.05 = 7,200.9; 6,857 × 1.05 = 7,199.85
        (6858, 0, Outcome.BORDERLINE, Reason.WITHIN_ERROR_BAND),
        (6857, 0, Outcome.NOT_MET, Reason.TOO_LITTLE),
        # 6,000 + 300 band + unknown: 900 reaches the line, 899 does not.
        (6000, 900, Outcome.CANNOT_JUDGE, Reason.UNKNOWN_TIME_DECIDES),
        (6000, 899, Outcome.NOT_MET, Reason.TOO_LITTLE),
        (0, 7200, Outcome.CANNOT_JUDGE, Reason.UNKNOWN_TIME_DECIDES),
        (0, 7199, Outcome.NOT_MET, Reason.TOO_LITTLE),
    ],
)
def test_the_line_the_band_and_the_unknown(
    credited_s: float, unknown_s: float, outcome: Outcome, reason: Reason
) -> None:
    said = judge(week(credited_s, unknown_s), RULES)
    assert (said.outcome, said.reasons[0]) == (outcome, reason)


def test_a_silent_phone_is_not_absence_and_no_roster_is_no_fault() -> None:
    silent = week(0, 14_400)
    silent = replace(silent, days=tuple(replace(d, fixes=0) for d in silent.days))
    assert judge(silent, RULES).reasons[0] == Reason.SILENT_ALL_WEEK
    nobody = WeekFacts((DayFacts(),) * 7, working_days=5)
    said = judge(nobody, RULES)
    assert (said.outcome, said.reasons[0]) == (Outcome.CANNOT_JUDGE, Reason.NOT_ROSTERED)


def test_a_week_without_working_days_or_on_leave_is_exempt() -> None:
    for facts, reason in (
        ({"working_days": 0}, Reason.NO_WORKING_DAYS),
        ({"working_days": 3, "leave_days": 3}, Reason.ON_LEAVE),
    ):
        for judge_one in JUDGES.values():
            said = judge_one(week(100, **facts), RULES)
            assert (said.outcome, said.reasons[0]) == (Outcome.EXEMPT, reason)
    assert judge(week(100, working_days=3, leave_days=2), RULES).outcome == Outcome.NOT_MET


def test_a_week_that_is_not_over_is_not_failed() -> None:
    running = replace(week(100), over=False)
    assert judge(running, RULES).outcome == Outcome.CANNOT_JUDGE
    assert judge(running, RULES).reasons[0] == Reason.WEEK_NOT_OVER
    assert judge(replace(week(7300), over=False), RULES).outcome == Outcome.MET


def test_a_short_week_owes_less_only_if_the_rule_says_so() -> None:
    short = week(4400, working_days=3)
    assert judge(short, RULES).outcome == Outcome.NOT_MET
    pro_rata = judge(short, Rules(weekly_pro_rata=True))
    assert pro_rata.numbers["required_s"] == 4320
    assert pro_rata.outcome == Outcome.MET


def test_weak_signal_provisional_calendar_and_refused_fixes_are_said_beside_any_answer() -> None:
    # 14,400 s of duty, 40 % of it known.
    said = judge(week(7200, 8640, calendar_provisional=1, refused=12), RULES)
    assert said.outcome == Outcome.MET
    assert said.reasons == (
        Reason.ENOUGH,
        Reason.WEAK_SIGNAL,
        Reason.CALENDAR_PROVISIONAL,
        Reason.REFUSED_POSITIONS,
    )
    assert judge(week(7200, 5760), RULES).reasons == (Reason.ENOUGH,)


def driven(credited_s: float, vehicle_s: float) -> WeekFacts:
    one = week(credited_s)
    return replace(
        one, days=tuple(replace(d, vehicle_s=vehicle_s * (d.duty_s > 0)) for d in one.days)
    )


def test_modes_count_as_the_rule_says_and_stay_apart() -> None:
    by_car = driven(7200, 3600)
    assert judge(by_car, RULES).outcome == Outcome.MET
    assert judge(by_car, RULES).numbers["vehicle_s"] == 3600
    on_foot = judge(by_car, Rules(weekly_counts_vehicle=False))
    assert (on_foot.outcome, on_foot.numbers["credited_s"]) == (Outcome.NOT_MET, 3600)
    assert on_foot.numbers["days"] == [0, 0, 3600, 0, 0, 0, 0]


def test_where_the_squad_owes_the_time_nobody_does_alone() -> None:
    said = judge(week(600), Rules(weekly_scope="squad"))
    assert (said.outcome, said.reasons[0]) == (Outcome.EXEMPT, Reason.OWED_BY_SQUAD)
    assert said.numbers["credited_s"] == 600


@pytest.mark.parametrize(
    ("squad", "outcome"),
    [
        (SquadFacts((0, 7200, 0, 0, 0, 0, 0), 0, 5, fixes=9), Outcome.MET),
        (SquadFacts((0, 6900, 0, 0, 0, 0, 0), 0, 5, fixes=9, duty_s=9000), Outcome.BORDERLINE),
        (SquadFacts((0, 6000, 0, 0, 0, 0, 0), 899, 5, fixes=9, duty_s=9000), Outcome.NOT_MET),
        (SquadFacts((0, 6000, 0, 0, 0, 0, 0), 900, 5, fixes=9, duty_s=9000), Outcome.CANNOT_JUDGE),
        (SquadFacts((0,) * 7, 0, 0), Outcome.EXEMPT),
        (SquadFacts((0,) * 7, 9000, 5, duty_s=9000), Outcome.CANNOT_JUDGE),
        (SquadFacts((0, 60, 0, 0, 0, 0, 0), 0, 5, fixes=9, over=False), Outcome.CANNOT_JUDGE),
    ],
)
def test_a_squad_is_judged_by_the_same_line(squad: SquadFacts, outcome: Outcome) -> None:
    assert judge_squad(squad, RULES).outcome == outcome


def test_a_squads_time_by_vehicle_is_unknown_where_it_does_not_count() -> None:
    """2 h with a patrol out, 1 h of it somebody's by car: perhaps others walked meanwhile."""
    squad = SquadFacts((7200, 0, 0, 0, 0, 0, 0), 0, 5, vehicle_s=3600, fixes=9)
    assert judge_squad(squad, RULES).outcome == Outcome.MET
    said = judge_squad(squad, Rules(weekly_counts_vehicle=False))
    assert said.outcome == Outcome.CANNOT_JUDGE
    assert (said.numbers["patrol_s"], said.numbers["unknown_s"]) == (3600, 3600)


def test_two_accounts_on_one_phone_are_no_pair_and_no_breach() -> None:
    """Acceptance case 7, the judge's part: their company is unknown, and it is said why."""
    plain = company(0, (), unknown_s=8000)
    day = replace(plain.days[0], pair_in_doubt=True)
    said = pair_coverage.judge(replace(plain, days=(day, *plain.days[1:])), RULES)
    assert said.outcome == Outcome.CANNOT_JUDGE
    assert Reason.PAIR_IN_DOUBT in said.reasons
    assert (said.numbers["together_s"], said.numbers["breaches"]) == (0, 0)
    assert Reason.PAIR_IN_DOUBT not in pair_coverage.judge(plain, RULES).reasons


def test_the_numbers_are_on_the_verdict() -> None:
    numbers = judge(week(6000, 900), RULES).numbers
    assert numbers["credited_s"] == 6000
    assert numbers["unknown_s"] == 900
    assert numbers["band_s"] == 300
    assert numbers["days"] == [0, 0, 6000, 0, 0, 0, 0]


def company(together_s: float, alone: tuple[float, ...] = (), unknown_s: float = 0) -> WeekFacts:
    total = together_s + sum(alone) + unknown_s
    day = DayFacts(
        duty_s=total,
        credited_s=total,
        together_s=together_s,
        alone_s=sum(alone),
        company_unknown_s=unknown_s,
        alone_spans_s=alone,
        fixes=100,
    )
    return WeekFacts((day,) + (DayFacts(),) * 6, working_days=5)


@pytest.mark.parametrize(
    ("facts", "outcome"),
    [
        (company(8000, (2000,)), Outcome.MET),
        (company(7900, (2100,)), Outcome.BORDERLINE),
        (company(7500, (2500,)), Outcome.NOT_MET),
        (company(7500, (2500,), unknown_s=2000), Outcome.CANNOT_JUDGE),
        (company(1000, (), unknown_s=5000), Outcome.CANNOT_JUDGE),
        (company(0, (3000,)), Outcome.NOT_MET),
        (company(0, ()), Outcome.CANNOT_JUDGE),
    ],
)
def test_pair_coverage(facts: WeekFacts, outcome: Outcome) -> None:
    assert pair_coverage.judge(facts, RULES).outcome == outcome


def test_nobody_fails_in_company_for_time_without_signal() -> None:
    """10 min alone were seen and 3 h were not: with a partner all that time it would be 95 %."""
    seen = company(0, (600.0,)).days[0]
    facts = WeekFacts((replace(seen, unknown_s=10_800.0),) + (DayFacts(),) * 6, working_days=5)
    judgement = pair_coverage.judge(facts, RULES)
    assert judgement.outcome == Outcome.CANNOT_JUDGE
    assert judgement.numbers["best_share"] == pytest.approx(10_800 / 11_400)


def test_four_minutes_alone_are_no_breach_and_twelve_are_one() -> None:
    """Acceptance case 5, the judge's part."""
    short = pair_coverage.judge(company(1000, (240.0, 240.0)), RULES)
    assert (short.outcome, short.numbers["breaches"]) == (Outcome.MET, 0)
    long = pair_coverage.judge(company(1000, (240.0, 720.0)), RULES)
    assert (long.outcome, long.numbers["breaches"]) == (Outcome.NOT_MET, 1)
    assert long.numbers["breach_s"] == 720


def test_the_judges_and_the_stored_words_are_the_same() -> None:
    assert set(JUDGES) == set(Subject.values)
    assert {str(o) for o in Outcome} == set(StoredOutcome.values)
