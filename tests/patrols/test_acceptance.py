"""The domain's acceptance cases 1–12, by their numbers, where each is tested.

1 test_weekly.test_a_patrol_over_midnight_on_sunday_is_cut
· 2 …test_the_spring_festival_week_is_exempt
· 3 …test_a_working_saturday_counts · 4, 5, 7 below · 6
test_weekly.test_a_phone_silent_40_of_60_minutes_cannot_be_judged · 8
test_weekly_late.test_a_late_batch_judges_its_day_again_and_keeps_the_old_verdict · 9
test_hotspots.test_a_walk_in_the_parallel_street_25_m_away_is_no_visit · 10
test_hotspots.test_two_passes_20_min_apart_are_one_visit · 11
judges.test_pairs_drill_desks.test_four_auxiliaries_at_three_desks_are_short_by_one
· 12, and 7 and 8 from the phone's request on:
test_acceptance_phones.test_case_12_a_fix_after_the_shift_is_a_number_and_nothing_else
…test_case_7_two_accounts_on_one_device_are_no_pair_and_are_flagged
…test_case_8_a_late_batch_of_200_fixes_judges_its_week_again.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from bureau.models import RuleSet
from bureau.rules import Rules
from bureau.week import Week
from patrols import weekly
from patrols.judges import enforcement_pair
from patrols.judges.enforcement_pair import Handler, Lack
from patrols.judges.judgement import Outcome, Reason
from patrols.models import (
    Category,
    Company,
    CompanySpan,
    Person,
    PersonDay,
    Subject,
    Verdict,
)
from patrols.rule_changes import touch_changed_rules
from tests import make
from tests.patrols.walking import WEST_LOOP, around, local, noisy, store
from tests.world import Town

pytestmark = pytest.mark.django_db

WEEK = Week.containing(local("2026-11-16 12:00"))
AFTER = local("2026-11-24 09:00")
FOLDER = Path(__file__).resolve().parent


def on_shift(town: Town, minutes: float, **fields: object) -> tuple[Person, datetime]:
    person = make.person(town.west, **fields)
    at = local("2026-11-16 09:00")
    make.shift(person, at, at + timedelta(minutes=minutes))
    return person, at


def pair_verdict(person: Person) -> Verdict:
    return Verdict.objects.get(person=person, subject=Subject.PAIR_COVERAGE, is_current=True)


def test_every_case_named_above_is_a_test() -> None:
    assert __doc__ is not None
    code = "".join(path.read_text(encoding="utf-8") for path in FOLDER.rglob("test_*.py"))
    names = re.findall(
        r"(test_[a-z0-9_]+)",
        re.sub(r"test_(weekly|weekly_late|hotspots|acceptance_phones)\.", "", __doc__),
    )
    wanted = [name for name in names if not name.startswith("test_pairs_drill")]
    assert len(wanted) == 11
    for name in wanted:
        assert f"def {name}(" in code, name


def test_case_4_officer_and_auxiliary_20_m_apart(town: Town) -> None:
    """The patrol rule is met; the legal one is not, and what is missing is named."""
    officer, at = on_shift(town, 60)
    auxiliary, _ = on_shift(town, 60, category=Category.AUXILIARY)
    way = around(WEST_LOOP, 3600)
    store(officer, at, noisy(way, 1))
    store(auxiliary, at, noisy(way + np.array([14.0, 14.0]), 2))  # 20 m
    weekly.judge(WEEK, [officer, auxiliary], now=AFTER)
    for person in (officer, auxiliary):
        assert pair_verdict(person).outcome == "met"
    handlers = [
        Handler(
            person.pk,
            person.category == Category.OFFICER,
            tuple((c.valid_from, c.valid_until) for c in person.certificates.all()),
        )
        for person in (officer, auxiliary)
    ]
    said = enforcement_pair.judge(WEEK.monday, handlers, Rules())
    assert said.outcome == Outcome.NOT_MET
    assert said.lacks == (Lack(Reason.AUXILIARY, auxiliary.pk), Lack(Reason.OFFICER_MISSING))


@pytest.mark.parametrize(("apart_min", "breaches"), [(4, 0), (12, 1)])
def test_case_5_two_officers_300_m_apart(town: Town, apart_min: int, breaches: int) -> None:
    """Together for 30 min, 300 m apart for 4 or 12 min, together again: no breach, or one span."""
    one, at = on_shift(town, 75)
    other, _ = on_shift(town, 75)
    way = around([(-200, 0), (-200, 200), (-200, 0)], 4200)
    elsewhere = way.copy()
    elsewhere[360 : 360 + apart_min * 12] += (300, 0)  # a place every 5 s
    store(one, at, noisy(way, 1))
    store(other, at, noisy(elsewhere, 2))
    weekly.judge(WEEK, [one, other], now=AFTER)
    alone = [
        (span.ends_at - span.starts_at).total_seconds()
        for span in CompanySpan.objects.filter(person_id=one.pk, company=Company.ALONE)
    ]
    verdict = pair_verdict(one)
    assert verdict.numbers["breaches"] == breaches
    if breaches:
        [breach] = [seconds for seconds in alone if seconds >= 300]
        assert breach == pytest.approx(12 * 60, abs=40)
    else:
        assert verdict.outcome == "met"


def test_case_7_one_device_for_two_accounts_is_no_pair_and_is_flagged(town: Town) -> None:
    one, at = on_shift(town, 60)
    other, _ = on_shift(town, 60)
    way = noisy(around(WEST_LOOP, 3600), 1)
    store(one, at, way)
    store(other, at, way)
    weekly.judge(WEEK, [one, other], now=AFTER)
    for person in (one, other):
        verdict = pair_verdict(person)
        assert verdict.numbers["together_s"] == 0
        assert verdict.outcome == "cannot_judge"
        assert "pair_in_doubt" in verdict.reasons
        codes = {flag["code"] for flag in PersonDay.objects.get(person_id=person.pk).flags}
        assert "same_phone" in codes


# Rules: what a change does and does not do


def time_verdict(person: Person) -> Verdict:
    return Verdict.objects.get(person=person, subject=Subject.WEEKLY_PATROL_TIME, is_current=True)


def test_a_change_of_rules_re_judges_nothing_that_was_reviewed(town: Town) -> None:
    """60 min under a rule of 50 min, reviewed; then the rule of that Monday says 120."""
    rules = RuleSet.objects.create(
        bureau=town.bureau, valid_from=WEEK.monday, values={"weekly_required_s": 3000}
    )
    person, at = on_shift(town, 60)
    store(person, at, noisy(around(WEST_LOOP, 3600), 1))
    weekly.judge(WEEK, [person], now=AFTER)
    first = time_verdict(person)
    assert (first.outcome, first.rules["weekly_required_s"]) == ("met", 3000)
    weekly.review(first, town.supervisor, "uphold", "Seen.", now=AFTER)
    rules.values = {"weekly_required_s": 7200}
    rules.save()
    weekly.judge_touched(town.bureau, now=AFTER)
    weekly.judge_ended(town.bureau, now=AFTER)
    weekly.judge(WEEK, [person], now=AFTER)
    stands = time_verdict(person)
    assert stands.pk == first.pk
    assert (stands.outcome, stands.rules["weekly_required_s"]) == ("met", 3000)
    [row] = weekly.week_rows(town.bureau, WEEK, [town.west])
    assert row.outcome == "met"


def test_the_set_valid_on_monday_judges_the_whole_week(town: Town) -> None:
    RuleSet.objects.create(
        bureau=town.bureau, valid_from=WEEK.monday, values={"weekly_required_s": 3000}
    )
    next_monday = WEEK.shifted(1).monday
    RuleSet.objects.create(
        bureau=town.bureau, valid_from=next_monday, values={"weekly_required_s": 9000}
    )
    person = make.person(town.west)
    for day in ("2026-11-22 23:00", "2026-11-23 09:00"):  # Sunday and the Monday after
        at = local(day)
        make.shift(person, at, at + timedelta(minutes=55))
        store(person, at, noisy(around(WEST_LOOP, 3300), 1))
    later = local("2026-12-01 09:00")
    for week, outcome, required in ((WEEK, "met", 3000), (WEEK.shifted(1), "not_met", 9000)):
        weekly.judge(week, [person], now=later)
        verdict = Verdict.objects.get(
            person=person,
            monday=week.monday,
            subject=Subject.WEEKLY_PATROL_TIME,
            is_current=True,
        )
        assert (verdict.outcome, verdict.numbers["required_s"]) == (outcome, required)


def test_a_rule_set_entered_in_its_own_week_judges_all_of_it_but_what_was_reviewed(
    town: Town,
) -> None:
    """65 min met the 60 asked for; on Wednesday a set for this Monday asks for 120."""
    rules = RuleSet.objects.create(
        bureau=town.bureau, valid_from=WEEK.monday, values={"weekly_required_s": 3600}
    )
    one, at = on_shift(town, 65)
    other, _ = on_shift(town, 65)
    for seed, person in enumerate((one, other)):
        store(person, at, noisy(around(WEST_LOOP, 3900), seed))
    wednesday = local("2026-11-18 12:00")
    weekly.judge(WEEK, [one, other], now=wednesday)
    assert touch_changed_rules(town.bureau, now=wednesday) == 0
    weekly.review(time_verdict(other), town.supervisor, "uphold", "Seen.", now=wednesday)
    rules.delete()
    RuleSet.objects.create(
        bureau=town.bureau, valid_from=WEEK.monday, values={"weekly_required_s": 7200}
    )
    assert touch_changed_rules(town.bureau, now=wednesday) == 1
    weekly.judge_touched(town.bureau, now=wednesday + timedelta(minutes=1))
    assert time_verdict(one).reasons[0] == "week_not_over"
    assert time_verdict(one).rules["weekly_required_s"] == 7200
    assert time_verdict(other).outcome == "met"
    assert time_verdict(other).rules["weekly_required_s"] == 3600
    assert touch_changed_rules(town.bureau, now=wednesday) == 0
    # A week that is over keeps the rules that judged it.
    RuleSet.objects.all().delete()
    assert touch_changed_rules(town.bureau, now=AFTER) == 0
