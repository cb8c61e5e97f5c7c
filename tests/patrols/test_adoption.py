"""Newer figures beside a reviewed verdict: adopted by a person, with a note, or kept out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bureau.errors import Refused
from bureau.models import Role
from patrols import reviews, weekly
from patrols.models import CompanySpan, Decision, Person, PersonDay, Subject, Verdict
from tests import make
from tests.frontend.weeks import AFTER, WEEK, conclude, day
from tests.world import Town

pytestmark = pytest.mark.django_db


@pytest.fixture
def person(town: Town) -> Person:
    """50 min patrolled, all alone."""
    person = make.person(town.west, user=make.user(Role.OFFICER, town.west))
    day(person, 0, credited_min=50, together_s=0.0, alone_s=3000.0)
    CompanySpan.objects.create(
        bureau_id=person.bureau_id,
        person_id=person.pk,
        day=WEEK.days[0],
        starts_at=WEEK.start + timedelta(hours=9),
        ends_at=WEEK.start + timedelta(hours=9, seconds=3000),
        company="alone",
    )
    conclude(person)
    return person


def current(person: Person, subject: str = Subject.WEEKLY_PATROL_TIME) -> Verdict:
    return Verdict.objects.get(person=person, subject=subject, is_current=True)


def test_adopting_puts_the_newer_figures_in_place_and_keeps_the_history(
    town: Town, person: Person
) -> None:
    old = current(person)
    first = reviews.review(old, town.supervisor, "uphold", "Seen.", now=AFTER)
    assert reviews.newer_figures(old) is None
    day(person, 1, credited_min=90)  # late: 140 min now
    conclude(person)
    old = current(person)
    newer = reviews.newer_figures(old)
    assert newer is not None
    assert newer.outcome == "met"
    made = reviews.adopt(
        old, town.supervisor, " The phone was late. ", now=AFTER, newer=newer.pk, seen=first.pk
    )
    assert (made.verdict_id, made.decision, made.note) == (
        newer.pk,
        Decision.ADOPT,
        "The phone was late.",
    )
    standing = current(person)
    assert standing.pk == newer.pk
    assert not standing.changed_since_review
    old.refresh_from_db()
    assert (old.is_current, old.outcome) == (False, "not_met")
    listed, _ = reviews.history(standing)
    assert [one.pk for one in listed] == [made.pk, first.pk]
    [row] = weekly.week_rows(town.bureau, WEEK, [town.west])
    assert (row.outcome, row.review, row.credited_s) == ("met", "reviewed", 8400)
    # The adopted verdict is reviewed: what comes next stands beside it again.
    day(person, 2, credited_min=10)
    conclude(person)
    assert current(person).pk == newer.pk
    assert current(person).changed_since_review


def test_who_may_not_adopt_and_what_cannot_be_adopted(town: Town, person: Person) -> None:
    seen = reviews.review(current(person), town.supervisor, "uphold", "Seen.", now=AFTER)
    with pytest.raises(Refused) as nothing:
        reviews.adopt(current(person), town.supervisor, "x", now=AFTER, newer=None, seen=seen.pk)
    assert nothing.value.code == "figures_changed"
    day(person, 1, credited_min=90)
    conclude(person)
    verdict = current(person)
    newer = reviews.newer_figures(verdict)
    assert newer is not None
    assert person.user is not None
    for by, note, given, read, code in (
        (town.supervisor, " ", newer.pk, seen.pk, "note_missing"),
        (person.user, "x", newer.pk, seen.pk, "own_verdict"),
        (make.user(Role.SUPERVISOR, town.east), "x", newer.pk, seen.pk, "review_denied"),
        (town.planner, "x", newer.pk, seen.pk, "review_denied"),
        (town.supervisor, "x", newer.pk, None, "reviewed_meanwhile"),
        (town.supervisor, "x", newer.pk - 1, seen.pk, "figures_changed"),
    ):
        with pytest.raises(Refused) as refused:
            reviews.adopt(verdict, by, note, now=AFTER, newer=given, seen=read)
        assert refused.value.code == code
    # Other figures have come since the page was read.
    day(person, 2, credited_min=5)
    conclude(person)
    with pytest.raises(Refused, match="read them again"):
        reviews.adopt(verdict, town.supervisor, "x", now=AFTER, newer=newer.pk, seen=seen.pk)
    # An objection waits.
    latest = reviews.newer_figures(current(person))
    assert latest is not None
    reviews.dispute(current(person), person.user, "Count it.", now=AFTER)
    with pytest.raises(Refused, match="Answer the objection first"):
        reviews.adopt(
            current(person), town.supervisor, "x", now=AFTER, newer=latest.pk, seen=seen.pk
        )
    assert current(person).pk == verdict.pk
    assert not Verdict.objects.filter(reviews__decision=Decision.ADOPT).exists()


def test_adopt_is_no_decision_of_a_plain_review(town: Town, person: Person) -> None:
    with pytest.raises(Refused) as refused:
        reviews.review(current(person), town.supervisor, "adopt", "x", now=AFTER)
    assert refused.value.code == "decision_unknown"


def test_figures_that_a_reviewer_kept_out_are_no_news_again(town: Town, person: Person) -> None:
    first = reviews.review(current(person), town.supervisor, "excuse", "Court.", now=AFTER)
    day(person, 1, credited_min=90)
    conclude(person)
    assert current(person).changed_since_review
    reviews.review(current(person), town.supervisor, "excuse", "Yes.", now=AFTER, seen=first.pk)
    conclude(person)  # the worker judges the same once more
    assert not current(person).changed_since_review
    assert reviews.newer_figures(current(person)) is None


def test_data_that_comes_back_to_what_was_reviewed_takes_the_mark_away(
    town: Town, person: Person
) -> None:
    reviews.review(current(person), town.supervisor, "uphold", "Seen.", now=AFTER)
    more = day(person, 1, credited_min=90)
    conclude(person)
    assert current(person).changed_since_review
    PersonDay.objects.filter(person_id=more.person_id, day=more.day).delete()
    conclude(person)
    assert not current(person).changed_since_review


def test_a_rule_that_an_older_version_did_not_know_changes_no_verdict(
    town: Town, person: Person
) -> None:
    verdict = current(person)
    rules = {key: value for key, value in verdict.rules.items() if key != "watch_log_days"}
    Verdict.objects.filter(pk=verdict.pk).update(rules=rules)
    reviews.review(verdict, town.supervisor, "uphold", "Seen.", now=AFTER)
    count = Verdict.objects.count()
    conclude(person)
    assert Verdict.objects.count() == count
    assert not current(person).changed_since_review


def test_the_verdict_on_company_is_reviewed_and_disputed_like_the_other(
    town: Town, person: Person
) -> None:
    pair = current(person, Subject.PAIR_COVERAGE)
    assert pair.outcome == "not_met"
    assert person.user is not None
    objection = reviews.dispute(pair, person.user, "Li Na was with me.", now=AFTER)
    [row] = weekly.week_rows(town.bureau, WEEK, [town.west])
    assert row.review == "disputed"
    reviews.answer(objection, town.supervisor, "Her phone was broken.", now=AFTER)
    reviews.review(pair, town.supervisor, "overturn", "Li Na says so too.", now=AFTER)
    [row] = weekly.week_rows(town.bureau, WEEK, [town.west])
    assert (row.pair_outcome, row.outcome, row.review) == ("met", "not_met", "none")
