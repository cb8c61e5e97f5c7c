"""The week at a glance: one row a person, one row a squad. Reads verdicts, judges nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone

from bureau.access import rules_on
from bureau.models import Bureau, OrgUnit
from bureau.rules import Rules
from bureau.week import Week
from patrols.flags import FlagCode
from patrols.judges.weekly_patrol_time import SquadFacts, judge_squad
from patrols.models import (
    Decision,
    Dispute,
    Outcome,
    Person,
    PersonDay,
    Review,
    Subject,
    Verdict,
)
from patrols.moves import people_of, units_on
from patrols.roster import refused_days
from patrols.squad_time import squad_facts


@dataclass(frozen=True)
class WeekRow:
    """One person's week; times in seconds. `verdict` None: not judged yet.

    gap_days: days without a shift on which positions were refused (known before any verdict).
    outcome: what counts after review · days: credited seconds, Monday first · review: "none",
    "reviewed", "changed" (data changed since the review) or "disputed" (an objection waits), the
    last two of either verdict · flags: how many things of the week somebody should look at.
    """

    person: Person
    unit: OrgUnit
    verdict: Verdict | None
    pair_verdict: Verdict | None
    outcome: str
    pair_outcome: str
    credited_s: float = 0.0
    required_s: float = 0.0
    unknown_s: float = 0.0
    band_s: float = 0.0
    together_s: float = 0.0
    alone_s: float = 0.0
    company_unknown_s: float = 0.0
    days: tuple[float, ...] = (0.0,) * 7
    reasons: tuple[str, ...] = ()
    review: str = "none"
    last_review: Review | None = None
    open_dispute: Dispute | None = None
    data_through: datetime | None = None
    flags: int = 0
    gap_days: int = 0


@dataclass(frozen=True)
class SquadRow:
    """A unit's week: medians and the share met, never a sum of officer-minutes.

    people: all rows · judged: those of whom something can be said: neither exempt nor impossible
    to judge, for a silent phone is no demerit of the squad · share_met: met ÷ judged, None if
    nobody is · outcomes: how many of each · median_credited_s: officer-minutes · patrol_s,
    patrol_days: patrol-minutes, in which time is counted once however many walked; Monday first ·
    squad_outcome: the squad's own verdict where the rules ask the squad for the time, else "".
    """

    unit: OrgUnit
    people: int
    judged: int
    median_credited_s: float | None
    share_met: float | None
    outcomes: dict[str, int] = field(default_factory=dict)
    patrol_s: float = 0.0
    patrol_days: tuple[float, ...] = (0.0,) * 7
    squad_outcome: str = ""


def is_loud(flag: Any) -> bool:
    """Whether a flag asks for a look from the table. A day in one place does not: many posts are
    one place, and stillness is no demerit. It stands in the evidence."""
    return not (isinstance(flag, dict) and flag.get("code") == FlagCode.ONE_PLACE)


def outcome_after_review(verdict: Verdict, last: Review | None) -> str:
    """What counts: the judge's answer, or what a supervisor made of it."""
    if last is None or last.decision in (Decision.UPHOLD, Decision.ADOPT):
        return verdict.outcome
    if last.decision == Decision.EXCUSE:
        return Outcome.EXEMPT
    return Outcome.NOT_MET if verdict.outcome == Outcome.MET else Outcome.MET


def week_rows(bureau: Bureau, week: Week, units: Iterable[OrgUnit]) -> list[WeekRow]:
    """One row for each person of the units in that week, by unit and badge.

    Who cannot be judged for silence comes first within the unit: that is what needs a look.
    """
    wanted = [unit.pk for unit in units]
    here = Person.objects.filter(bureau=bureau, unit__in=wanted)
    rows = _rows(bureau, week, here)
    return sorted(rows, key=lambda r: (r.unit.code, "silent_all_week" not in r.reasons))


def _rows(bureau: Bureau, week: Week, some: QuerySet[Person]) -> list[WeekRow]:
    """One row for each of some people, by unit and badge."""
    verdicts: dict[tuple[int, str], Verdict] = {
        (verdict.person_id, verdict.subject): verdict
        for verdict in Verdict.objects.filter(
            bureau=bureau, monday=week.monday, is_current=True
        ).prefetch_related(
            Prefetch("reviews", Review.objects.select_related("by").order_by("-at", "-pk")),
            "disputes",
        )
    }
    people = (
        some.filter(Q(left_on=None) | Q(left_on__gte=week.monday))
        .select_related("unit")
        .order_by("unit__code", "badge_no")
    )
    flags: Counter[int] = Counter()
    flagged = PersonDay.objects.filter(
        bureau_id=bureau.pk, person_id__in=people.values("pk"), day__in=week.days
    ).exclude(flags=[])
    for person_id, found in flagged.values_list("person_id", "flags"):
        flags[person_id] += sum(is_loud(flag) for flag in found)
    gaps = Counter(
        one.person_id
        for one in refused_days(bureau, week, [person.pk for person in people])
        if not one.rostered
    )
    return [
        _row(
            person,
            verdicts.get((person.pk, Subject.WEEKLY_PATROL_TIME)),
            verdicts.get((person.pk, Subject.PAIR_COVERAGE)),
            flags=flags[person.pk],
            gap_days=gaps[person.pk],
        )
        for person in people
    ]


def squad_rows(
    bureau: Bureau,
    week: Week,
    units: Iterable[OrgUnit],
    *,
    rows: Iterable[WeekRow] | None = None,
    now: datetime | None = None,
) -> list[SquadRow]:
    """One row for each unit that has people, in the order of `units`.

    rows: what `week_rows` said of them, where it has been asked already.
    """
    wanted = list(units)
    now = now or timezone.now()
    facts = squad_facts(bureau, week, [unit.pk for unit in wanted], now=now)
    rules, _ = rules_on(bureau, week.monday)
    known = week_rows(bureau, week, wanted) if rows is None else list(rows)
    # A squad's week is of those who were in it then, wherever they are now.
    ids = {unit.pk for unit in wanted}
    away = people_of(ids, week.days[-1]) - {row.person.pk for row in known}
    known += _rows(bureau, week, Person.objects.filter(bureau=bureau, pk__in=away))
    then = units_on(week.days[-1], [row.person.pk for row in known])
    by_unit: dict[int, list[WeekRow]] = defaultdict(list)
    for row in known:
        by_unit[then[row.person.pk]].append(row)
    return [
        _squad(unit, by_unit[unit.pk], facts.get(unit.pk), rules)
        for unit in wanted
        if by_unit[unit.pk]
    ]


def _squad(unit: OrgUnit, rows: list[WeekRow], facts: SquadFacts | None, rules: Rules) -> SquadRow:
    judged = [r for r in rows if r.outcome not in (Outcome.EXEMPT, Outcome.CANNOT_JUDGE, "")]
    met = sum(r.outcome == Outcome.MET for r in judged)
    return SquadRow(
        unit,
        len(rows),
        len(judged),
        median([r.credited_s for r in judged]) if judged else None,
        met / len(judged) if judged else None,
        dict(Counter(r.outcome for r in rows if r.outcome)),
        facts.patrol_s if facts else 0.0,
        facts.days if facts else (0.0,) * 7,
        str(judge_squad(facts, rules).outcome) if facts and rules.weekly_scope == "squad" else "",
    )


def _row(
    person: Person, verdict: Verdict | None, pair: Verdict | None, *, flags: int, gap_days: int
) -> WeekRow:
    pair_last = _last_review(pair)
    pair_outcome = outcome_after_review(pair, pair_last) if pair else ""
    if verdict is None:
        return WeekRow(
            person, person.unit, None, pair, "", pair_outcome, flags=flags, gap_days=gap_days
        )
    last = _last_review(verdict)
    both = [verdict, pair] if pair else [verdict]
    waiting = next((d for one in both for d in one.disputes.all() if d.answered_at is None), None)
    numbers = verdict.numbers
    if waiting is not None:
        state = "disputed"
    elif any(one.changed_since_review for one in both):
        state = "changed"
    else:
        state = "reviewed" if last else "none"
    return WeekRow(
        person,
        person.unit,
        verdict,
        pair,
        outcome_after_review(verdict, last),
        pair_outcome,
        numbers["credited_s"],
        numbers["required_s"],
        numbers["unknown_s"],
        numbers["band_s"],
        numbers["together_s"],
        numbers["alone_s"],
        numbers["company_unknown_s"],
        tuple(numbers["days"]),
        tuple(verdict.reasons),
        state,
        last,
        waiting,
        verdict.data_through,
        flags,
        gap_days,
    )


def _last_review(verdict: Verdict | None) -> Review | None:
    return next(iter(verdict.reviews.all()), None) if verdict else None
