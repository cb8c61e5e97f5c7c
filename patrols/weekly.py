"""The week's verdicts: judging. Reviews and disputes stand in `patrols.reviews`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from bureau.access import rules_on
from bureau.calendar import working_days
from bureau.errors import Refused
from bureau.models import Bureau
from bureau.rules import Rules
from bureau.week import Week
from patrols.day_rows import derive_day, touches_midnight
from patrols.evidence import Evidence, evidence
from patrols.flags import FlagCode
from patrols.judges import JUDGES, DayFacts, Judgement, Reason, WeekFacts
from patrols.models import (
    Company,
    CompanySpan,
    Leave,
    Outcome,
    Person,
    PersonDay,
    TouchedDay,
    Verdict,
)
from patrols.moves import local_day, units_on
from patrols.reviews import answer, dispute, review
from patrols.roster import refused_days
from patrols.scorecard import SquadRow, WeekRow, squad_rows, week_rows
from patrols.sealing import is_in_time, is_kept, note_late
from patrols.storage.marks import clear_marks, take_marks

__all__ = [
    "Evidence",
    "SquadRow",
    "WeekRow",
    "answer",
    "conclude",
    "dispute",
    "evidence",
    "judge",
    "judge_ended",
    "judge_everybody",
    "judge_touched",
    "review",
    "squad_rows",
    "week_rows",
]

# How long the worker may have been away and still end the weeks of that time.
WEEKS_BACK = 8


def judge(week: Week, people: Iterable[Person], *, now: datetime) -> list[Verdict]:
    """Derive the days of a week for some people of one bureau and judge them.

    Returns the verdicts that stand after it, one for each person and rule.
    """
    chosen = list(people)
    if not chosen:
        return []
    bureau = chosen[0].bureau
    ids = {person.pk for person in chosen}
    for day in week.days:
        if _has_begun(week, day, now):
            derive_day(bureau, day, now=now, touched=ids)
    return conclude(bureau, week, ids, now=now)


def judge_everybody(bureau: Bureau, week: Week, *, now: datetime) -> list[Verdict]:
    """Derive and judge a whole bureau's week. Refused once its positions have been forgotten."""
    if not is_kept(bureau, week, now):
        raise Refused(
            "week_final",
            _("The positions of this week are no longer kept, so its verdicts stay as they are."),
        )
    for day in week.days:
        if _has_begun(week, day, now):
            marked = TouchedDay.objects.filter(bureau_id=bureau.pk, day=day, touched_at__lte=now)
            marks = take_marks(bureau.pk, set(marked.values_list("person_id", "day")))
            derive_day(bureau, day, now=now)
            clear_marks(bureau.pk, marks)
    people = Person.objects.filter(bureau=bureau).exclude(left_on__lt=week.monday)
    return conclude(bureau, week, set(people.values_list("pk", flat=True)), now=now)


def judge_touched(bureau: Bureau, *, now: datetime, rest_s: float = 0.0) -> set[date]:
    """Judge again what new positions touched; returns the days that were derived.

    The mark of a day goes only if nothing arrived since it was read, so that no position is
    missed. A person-day judged less than `rest_s` ago keeps its mark for a later round: whoever is
    walking touches the day every few seconds. What came after its week was final is counted as too
    late to judge.
    """
    fresh = set(
        PersonDay.objects.filter(
            bureau_id=bureau.pk, judged_at__gt=now - timedelta(seconds=rest_s)
        ).values_list("person_id", "day")
    )
    marked = set(TouchedDay.objects.filter(bureau_id=bureau.pk).values_list("person_id", "day"))
    marks = take_marks(bureau.pk, marked - fresh)
    touched: dict[date, set[int]] = defaultdict(set)
    for person, day, _touched_at, _taken_at in marks:
        touched[day].add(person)
    for day in list(touched):
        for beside in touches_midnight(bureau, day, touched[day]):
            touched[beside] |= touched[day]
    affected: dict[Week, set[int]] = defaultdict(set)
    for day in sorted(touched):
        week = Week.of(day, bureau.time_zone)
        if not _has_begun(week, day, now):
            continue
        if not is_kept(bureau, week, now):
            came = {person: at for person, mark, at, _taken_at in marks if mark == day}
            touched[day] = {p for p, at in came.items() if is_in_time(bureau, week, at, now)}
            for person in came.keys() - touched[day]:
                note_late(bureau, week, person, day, now=now)
            if not touched[day]:
                continue
        affected[week] |= derive_day(bureau, day, now=now, touched=touched[day])
    for week, ids in affected.items():
        conclude(bureau, week, ids, now=now)
    clear_marks(bureau.pk, marks)
    return set(touched)


def judge_ended(bureau: Bureau, *, now: datetime) -> int:
    """Judge weeks that are over for whoever has no final verdict; returns how many people.

    A week's end touches no day, and silence never does: without this a running week's verdict
    would stay, and somebody whose phone was silent would have none.
    """
    this = Week.containing(now, bureau.time_zone)
    last = this.shifted(-1)
    waiting: dict[Week, set[int]] = defaultdict(set)
    for monday, person in Verdict.objects.filter(
        bureau=bureau,
        monday__gte=this.shifted(-WEEKS_BACK).monday,
        monday__lt=this.monday,
        is_current=True,
        changed_since_review=False,
        reasons__contains=[Reason.WEEK_NOT_OVER],
    ).values_list("monday", "person"):
        waiting[Week(monday, bureau.time_zone)].add(person)
    if bureau.created_at < last.end:
        judged = Verdict.objects.filter(bureau=bureau, monday=last.monday, is_current=True)
        waiting[last] |= set(
            Person.objects.filter(bureau=bureau)
            .exclude(left_on__lt=last.monday)
            .exclude(pk__in=judged.values("person"))
            .values_list("pk", flat=True)
        )
    count = 0
    for week, ids in waiting.items():
        if ids and is_kept(bureau, week, now):
            judge(week, Person.objects.filter(bureau=bureau, pk__in=ids), now=now)
            count += len(ids)
    return count


def conclude(
    bureau: Bureau, week: Week, person_ids: Collection[int], *, now: datetime
) -> list[Verdict]:
    """Judge the derived days of a week as they stand and write the verdicts."""
    rules, rule_set_id = rules_on(bureau, week.monday)
    facts = week_facts(bureau, week, person_ids, now=now)
    through = last_data(bureau, week, person_ids)
    units = units_on(min(week.days[-1], local_day(bureau, now)), person_ids)
    people = Person.objects.filter(bureau=bureau, pk__in=person_ids).order_by("pk")
    verdicts = []
    with transaction.atomic():
        for person in people:
            for subject, judge_one in JUDGES.items():
                fresh = _verdict(
                    person, week, subject, judge_one(facts[person.pk], rules), rules, now
                )
                fresh.rule_set_id = rule_set_id
                fresh.unit_id = units[person.pk]
                fresh.data_through = through.get(person.pk)
                verdicts.append(_supersede(fresh, week_over=facts[person.pk].over))
    return verdicts


def week_facts(
    bureau: Bureau, week: Week, person_ids: Collection[int], *, now: datetime
) -> dict[int, WeekFacts]:
    """What the judges are given about each person's week."""
    calendar = working_days(bureau, week)
    rows: dict[tuple[int, date], PersonDay] = {
        (row.person_id, row.day): row
        for row in PersonDay.objects.filter(
            bureau_id=bureau.pk, person_id__in=person_ids, day__in=week.days
        ).defer("spans")
    }
    rules, _ = rules_on(bureau, week.monday)
    alone = alone_spans(bureau, week, person_ids, grace_s=float(rules.alone_grace_s))
    leave: dict[int, set[date]] = defaultdict(set)
    for person, first, last in Leave.objects.filter(
        bureau=bureau,
        person__in=person_ids,
        first_day__lte=week.days[-1],
        last_day__gte=week.monday,
    ).values_list("person", "first_day", "last_day"):
        leave[person] |= {day for day in calendar.dates if first <= day <= last}
    # A phone left on after duty is no gap of the roster: only days without a shift count.
    refused: Counter[int] = Counter()
    for one in refused_days(bureau, week, person_ids):
        if not one.rostered:
            refused[one.person_id] += one.count
    return {
        person: WeekFacts(
            tuple(
                _day_facts(rows.get((person, day)), sorted(alone[person, day])) for day in week.days
            ),
            working_days=len(calendar),
            leave_days=len(leave[person]),
            calendar_provisional=calendar.provisional,
            over=now >= week.end,
            refused=refused[person],
        )
        for person in person_ids
    }


def alone_spans(
    bureau: Bureau, week: Week, person_ids: Collection[int], *, grace_s: float
) -> dict[tuple[int, date], list[float]]:
    """Seconds alone in one go, by person and the day on which it began.

    Midnight ends no walk. Nor does a minute on another beat's street or at rest: what is alone on
    both sides of less than the grace, with no company between, is one span of the two.
    """
    found: dict[tuple[int, date], list[float]] = defaultdict(list)
    last: tuple[int, str, datetime] | None = None  # person, company, end of the span before
    begun: tuple[int, date] | None = None
    for person, day, company, starts_at, ends_at in (
        CompanySpan.objects.filter(bureau_id=bureau.pk, person_id__in=person_ids, day__in=week.days)
        .order_by("person_id", "starts_at")
        .values_list("person_id", "day", "company", "starts_at", "ends_at")
    ):
        if company == Company.ALONE:
            goes_on = (
                last is not None
                and last[:2] == (person, Company.ALONE)
                and (starts_at - last[2]).total_seconds() < grace_s
            )
            if not goes_on or begun is None:
                begun = person, day
                found[begun].append(0.0)
            found[begun][-1] += (ends_at - starts_at).total_seconds()
        last = person, company, ends_at
    return found


def last_data(bureau: Bureau, week: Week, person_ids: Collection[int]) -> dict[int, datetime]:
    """When the last position that a person's verdict rests on was received."""
    found: dict[int, datetime] = {}
    for person, at in PersonDay.objects.filter(
        bureau_id=bureau.pk, person_id__in=person_ids, day__in=week.days, fixes__gt=0
    ).values_list("person_id", "data_through"):
        found[person] = max(at, found.get(person, at))
    return found


def _has_begun(week: Week, day: date, now: datetime) -> bool:
    return now >= week.start + timedelta(days=(day - week.monday).days - 1)


def _day_facts(row: PersonDay | None, alone_spans_s: list[float]) -> DayFacts:
    if row is None:
        return DayFacts()
    return DayFacts(
        duty_s=row.duty_s,
        credited_s=row.credited_s,
        unknown_s=row.unknown_s,
        parked_s=row.parked_s,
        off_beat_s=row.off_beat_s,
        vehicle_s=row.vehicle_s,
        together_s=row.together_s,
        alone_s=row.alone_s,
        company_unknown_s=row.company_unknown_s,
        alone_spans_s=tuple(alone_spans_s),
        fixes=row.fixes,
        pair_in_doubt=any(flag.get("code") == FlagCode.SAME_PHONE for flag in row.flags),
    )


def _verdict(
    person: Person,
    week: Week,
    subject: str,
    judgement: Judgement,
    rules: Rules,
    now: datetime,
) -> Verdict:
    return Verdict(
        bureau_id=person.bureau_id,
        person=person,
        unit_id=person.unit_id,
        subject=subject,
        monday=week.monday,
        outcome=Outcome(judgement.outcome),
        numbers=judgement.numbers,
        reasons=[str(reason) for reason in judgement.reasons],
        rules=asdict(rules),
        judged_at=now,
    )


def _says_the_same(one: Verdict, other: Verdict) -> bool:
    def content(verdict: Verdict) -> tuple[Any, ...]:
        return (
            verdict.outcome,
            verdict.numbers,
            verdict.reasons,
            verdict.data_through,
        )

    # A rule that one of the two did not know yet changed nothing.
    known = one.rules.keys() & other.rules.keys()
    same_rules = all(one.rules[key] == other.rules[key] for key in known)
    return same_rules and content(one) == content(other)


def _supersede(fresh: Verdict, *, week_over: bool) -> Verdict:
    """Put a fresh verdict in place of the standing one; returns the one that stands.

    The same words again change nothing. A reviewed or disputed verdict stands, flagged, and the
    fresh one is kept beside it. While the week runs, a verdict that nobody has touched is only
    provisional and is brought up to date in place; afterwards every change is a new row.
    """
    old = (
        Verdict.objects.select_for_update()
        .filter(
            bureau_id=fresh.bureau_id,
            person_id=fresh.person_id,
            monday=fresh.monday,
            subject=fresh.subject,
            is_current=True,
        )
        .first()
    )
    if old is None:
        fresh.save()
        return fresh
    if _says_the_same(old, fresh):
        if old.changed_since_review:  # the data came back to what was reviewed
            old.changed_since_review = False
            old.save(update_fields=["changed_since_review"])
        return old
    if old.reviews.exists() or old.disputes.exists():
        latest = (
            Verdict.objects.filter(
                bureau_id=fresh.bureau_id,
                person_id=fresh.person_id,
                monday=fresh.monday,
                subject=fresh.subject,
            )
            .order_by("-pk")
            .first()
        )
        # The same figures again are no news: a reviewer may have seen them and kept the verdict.
        if latest is None or not _says_the_same(latest, fresh):
            fresh.is_current = False
            fresh.save()
            old.changed_since_review = True
            old.save(update_fields=["changed_since_review"])
        return old
    if not week_over and old.outcome == fresh.outcome:
        fresh.pk = old.pk
        fresh.save(force_update=True)
        return fresh
    old.is_current = False
    old.save(update_fields=["is_current"])
    fresh.save()
    return fresh
