"""Late data, reviews and disputes: what changes a verdict, and what never does."""

from __future__ import annotations

from datetime import datetime, timedelta
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from bureau.errors import Refused
from bureau.models import Role
from bureau.week import Week
from patrols import patrolling, weekly
from patrols.models import (
    CompanySpan,
    Person,
    PersonDay,
    SegmentVisit,
    Subject,
    TouchedDay,
    TrailLook,
    Verdict,
)
from patrols.storage import carriers
from tests import make
from tests.patrols.walking import WEST_LOOP, around, local, noisy, store
from tests.world import Town

pytestmark = pytest.mark.django_db

MONDAY = "2026-11-16"
NOW = local("2026-11-24 09:00")
WEEK = Week.containing(local(f"{MONDAY} 12:00"))


def officer(town: Town, seconds: float = 7800) -> tuple[Person, datetime]:
    """Somebody of Squad West with an account, on shift on Monday from 9:00."""
    account = make.user(Role.OFFICER, town.west)
    person = make.person(town.west, user=account)
    at = local(f"{MONDAY} 09:00")
    make.shift(person, at, at + timedelta(seconds=seconds))
    return person, at


def touch(person: Person, day: str = MONDAY, at: datetime = NOW) -> None:
    TouchedDay.objects.create(
        bureau_id=person.bureau_id,
        person_id=person.pk,
        day=local(f"{day} 12:00").date(),
        touched_at=at,
    )


def time_verdict(person: Person) -> Verdict:
    return Verdict.objects.get(person=person, subject=Subject.WEEKLY_PATROL_TIME, is_current=True)


def derived(town: Town) -> list[tuple[object, ...]]:
    """All derived rows, without when they were made."""
    days = PersonDay.objects.filter(bureau_id=town.bureau.pk).order_by("person_id", "day")
    visits = SegmentVisit.objects.filter(bureau_id=town.bureau.pk).order_by(
        "person_id", "entered_at"
    )
    company = CompanySpan.objects.filter(bureau_id=town.bureau.pk).order_by(
        "person_id", "starts_at"
    )
    return [
        *days.values_list("person_id", "day", "credited_s", "unknown_s", "spans", "fixes"),
        *visits.values_list("person_id", "segment_id", "entered_at", "left_at", "active_s"),
        *company.values_list("person_id", "starts_at", "ends_at", "company", "partners"),
    ]


def test_a_late_batch_judges_its_day_again_and_keeps_the_old_verdict(town: Town) -> None:
    """Acceptance case 8: 200 fixes from a phone that was off line."""
    person, at = officer(town)
    way = noisy(around(WEST_LOOP, 7800), 1)
    store(person, at, way[:1200])
    weekly.judge(WEEK, [person], now=NOW)
    before = time_verdict(person)
    assert before.outcome == "cannot_judge"
    late = NOW + timedelta(hours=1)
    store(person, at + timedelta(seconds=6000), way[1200:1400], received=late)
    touch(person, at=late)
    days = weekly.judge_touched(town.bureau, now=late + timedelta(minutes=1))
    assert days == {local(f"{MONDAY} 12:00").date()}
    after = time_verdict(person)
    assert after.numbers["credited_s"] == pytest.approx(before.numbers["credited_s"] + 1000, abs=30)
    assert after.data_through == late
    before.refresh_from_db()
    assert not before.is_current
    assert before.outcome == "cannot_judge"
    assert not TouchedDay.objects.exists()


def test_judging_again_without_new_data_changes_nothing(town: Town) -> None:
    person, at = officer(town)
    store(person, at, noisy(around(WEST_LOOP, 7800), 1))
    weekly.judge(WEEK, [person], now=NOW)
    rows, count = derived(town), Verdict.objects.count()
    weekly.judge(WEEK, [person], now=NOW + timedelta(days=1))
    weekly.judge_everybody(town.bureau, WEEK, now=NOW + timedelta(days=2))
    assert derived(town) == rows
    assert Verdict.objects.count() == count


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_order_split_or_repetition_of_the_points_gives_the_same_verdict(
    town: Town, seed: int
) -> None:
    one, at = officer(town)
    two, _ = officer(town)
    way = around(WEST_LOOP, 3000)
    places = {one: noisy(way, 1), two: noisy(way, 2)}
    for person, made in places.items():
        store(person, at, made)
    weekly.judge_everybody(town.bureau, WEEK, now=NOW)
    whole = derived(town)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM patrols_position")
    weekly.judge_everybody(town.bureau, WEEK, now=NOW)
    assert derived(town) != whole
    # In random batches, some of them twice, judged after each as the worker does.
    rng = np.random.default_rng(seed)
    batches = [
        (person, part) for person in places for part in np.array_split(np.arange(len(way)), 4)
    ]
    order = rng.permutation(np.append(np.arange(len(batches)), rng.integers(0, len(batches), 3)))
    for number in order:
        person, part = batches[number]
        store(person, at + timedelta(seconds=5 * int(part[0])), places[person][part])
        touch(person)
        weekly.judge_touched(town.bureau, now=NOW)
    assert derived(town) == whole


def test_a_late_partner_changes_the_others_company_too(town: Town) -> None:
    one, at = officer(town)
    two, _ = officer(town)
    way = around(WEST_LOOP, 3000)
    store(one, at, noisy(way, 1))
    weekly.judge_everybody(town.bureau, WEEK, now=NOW)
    assert PersonDay.objects.get(person_id=one.pk).together_s == 0
    store(two, at, noisy(way, 2))
    touch(two)
    weekly.judge_touched(town.bureau, now=NOW)
    assert PersonDay.objects.get(person_id=one.pk).together_s == pytest.approx(3000, abs=30)
    pair = Verdict.objects.get(person=one, subject=Subject.PAIR_COVERAGE, is_current=True)
    assert pair.numbers["together_s"] == pytest.approx(3000, abs=30)


def test_only_touched_days_are_derived(town: Town) -> None:
    one, at = officer(town)
    far = make.person(town.east)
    make.shift(far, at, at + timedelta(seconds=3600))
    store(one, at, noisy(around(WEST_LOOP, 1000), 1))
    store(far, at, noisy(around([(200, 0), (200, 200)], 1000), 1))
    weekly.judge_everybody(town.bureau, WEEK, now=NOW)
    judged_at = PersonDay.objects.get(person_id=far.pk).judged_at
    touch(one)
    weekly.judge_touched(town.bureau, now=NOW + timedelta(hours=1))
    assert PersonDay.objects.get(person_id=one.pk).judged_at > judged_at
    assert PersonDay.objects.get(person_id=far.pk).judged_at == judged_at


def test_a_walking_person_is_not_judged_with_every_position(town: Town) -> None:
    person, at = officer(town)
    store(person, at, noisy(around(WEST_LOOP, 600), 1))
    touch(person)
    assert weekly.judge_touched(town.bureau, now=NOW, rest_s=60)
    touch(person, at=NOW + timedelta(seconds=5))
    assert not weekly.judge_touched(town.bureau, now=NOW + timedelta(seconds=59), rest_s=60)
    assert TouchedDay.objects.exists()
    assert weekly.judge_touched(town.bureau, now=NOW + timedelta(seconds=61), rest_s=60)
    assert not TouchedDay.objects.exists()


def test_a_point_that_arrives_while_judging_keeps_its_mark(town: Town) -> None:
    person, at = officer(town)
    store(person, at, noisy(around(WEST_LOOP, 600), 1))
    touch(person, at=NOW)
    touched = TouchedDay.objects.all()
    real = weekly.derive_day

    def arrives_meanwhile(*args: object, **kwargs: object) -> set[int]:
        touched.update(touched_at=NOW + timedelta(seconds=1))
        return real(*args, **kwargs)  # type: ignore[arg-type]

    weekly.derive_day = arrives_meanwhile  # type: ignore[assignment]
    try:
        weekly.judge_touched(town.bureau, now=NOW)
    finally:
        weekly.derive_day = real
    assert touched.count() == 1


def test_a_reviewed_verdict_stands_and_is_flagged_when_data_changes(town: Town) -> None:
    person, at = officer(town)
    way = noisy(around(WEST_LOOP, 7800), 1)
    store(person, at, way[:1200])
    weekly.judge(WEEK, [person], now=NOW)
    first = time_verdict(person)
    excused = weekly.review(first, town.supervisor, "excuse", "The phone was broken.", now=NOW)
    store(person, at + timedelta(seconds=6000), way[1200:])
    weekly.judge(WEEK, [person], now=NOW)
    standing = time_verdict(person)
    assert standing.pk == first.pk
    assert standing.changed_since_review
    assert standing.outcome == "cannot_judge"
    beside = Verdict.objects.filter(person=person, subject=Subject.WEEKLY_PATROL_TIME).latest("pk")
    assert (beside.is_current, beside.outcome) == (False, "met")
    [row] = weekly.week_rows(town.bureau, WEEK, [town.west])
    assert (row.outcome, row.review) == ("exempt", "changed")
    # Judging once more adds nothing; a second look clears the flag.
    count = Verdict.objects.count()
    weekly.judge(WEEK, [person], now=NOW)
    assert Verdict.objects.count() == count
    weekly.review(
        standing, town.supervisor, "overturn", "Now it is enough.", now=NOW, seen=excused.pk
    )
    [row] = weekly.week_rows(town.bureau, WEEK, [town.west])
    assert (row.outcome, row.review) == ("met", "reviewed")


def a_verdict(town: Town) -> Verdict:
    person, at = officer(town)
    store(person, at, noisy(around(WEST_LOOP, 600), 1))
    weekly.judge(WEEK, [person], now=NOW)
    return time_verdict(person)


def test_who_may_review_and_how(town: Town) -> None:
    verdict = a_verdict(town)
    other = make.user(Role.SUPERVISOR, town.east)
    own = verdict.person.user
    assert own is not None
    for by, decision, note, code in (
        (town.supervisor, "uphold", "  ", "note_missing"),
        (town.supervisor, "forget", "x", "decision_unknown"),
        (own, "overturn", "I walked.", "own_verdict"),
        (other, "uphold", "x", "review_denied"),
        (town.planner, "uphold", "x", "review_denied"),
        (town.dispatcher, "uphold", "x", "review_denied"),
    ):
        with pytest.raises(Refused) as refused:
            weekly.review(verdict, by, decision, note, now=NOW)
        assert refused.value.code == code
    assert not verdict.reviews.exists()
    made = weekly.review(verdict, town.supervisor, "uphold", " Seen. ", now=NOW)
    assert (made.note, made.by, made.at) == ("Seen.", town.supervisor, NOW)


def test_a_review_that_was_not_read_is_not_reviewed_over(town: Town) -> None:
    """Two supervisors open the same verdict; the slower one is told to read the faster one's."""
    verdict = a_verdict(town)
    first = weekly.review(verdict, town.supervisor, "uphold", "Seen.", now=NOW)
    second = make.user(Role.SUPERVISOR, town.west)
    with pytest.raises(Refused, match="read that review first"):
        weekly.review(verdict, second, "overturn", "I think otherwise.", now=NOW)
    weekly.review(verdict, second, "overturn", "I think otherwise.", now=NOW, seen=first.pk)
    assert [made.decision for made in verdict.reviews.order_by("pk")] == ["uphold", "overturn"]


def test_a_supervisor_does_not_review_the_own_verdict(town: Town) -> None:
    verdict = a_verdict(town)
    verdict.person.user = town.supervisor
    verdict.person.save()
    with pytest.raises(Refused, match="ask another supervisor"):
        weekly.review(verdict, town.supervisor, "excuse", "Me.", now=NOW)


def test_an_old_verdict_cannot_be_reviewed(town: Town) -> None:
    verdict = a_verdict(town)
    Verdict.objects.filter(pk=verdict.pk).update(is_current=False)
    with pytest.raises(Refused, match="open the week again"):
        weekly.review(verdict, town.supervisor, "uphold", "x", now=NOW)


def test_an_officer_objects_and_a_supervisor_answers(town: Town) -> None:
    verdict = a_verdict(town)
    own = verdict.person.user
    assert own is not None
    for by, text, code in (
        (own, " ", "text_missing"),
        (town.supervisor, "x", "not_own_verdict"),
    ):
        with pytest.raises(Refused) as refused:
            weekly.dispute(verdict, by, text, now=NOW)
        assert refused.value.code == code
    objection = weekly.dispute(verdict, own, "I was in the market hall.", now=NOW)
    [row] = weekly.week_rows(town.bureau, WEEK, [town.west])
    assert (row.review, row.open_dispute) == ("disputed", objection)
    with pytest.raises(Refused, match="waiting for an answer"):
        weekly.dispute(verdict, own, "Again.", now=NOW)
    with pytest.raises(Refused, match="own objection"):
        weekly.answer(objection, own, "Granted.", now=NOW)
    answered = weekly.answer(objection, town.supervisor, "I looked at it.", now=NOW)
    assert answered.answered_by == town.supervisor
    with pytest.raises(Refused, match="already"):
        weekly.answer(objection, town.supervisor, "Twice.", now=NOW)


def test_a_disputed_verdict_is_not_overwritten(town: Town) -> None:
    verdict = a_verdict(town)
    own = verdict.person.user
    assert own is not None
    weekly.dispute(verdict, own, "Wrong.", now=NOW)
    at = local(f"{MONDAY} 09:20")
    store(verdict.person, at, noisy(around(WEST_LOOP, 600), 1))
    weekly.judge(WEEK, [verdict.person], now=NOW)
    verdict.refresh_from_db()
    assert verdict.is_current
    assert verdict.changed_since_review


def test_a_running_week_keeps_one_provisional_verdict(town: Town) -> None:
    person, at = officer(town)
    way = noisy(around(WEST_LOOP, 1200), 1)
    for part in range(3):
        store(person, at + timedelta(seconds=400 * part), way[80 * part : 80 * part + 80])
        now = at + timedelta(seconds=400 * (part + 1))
        weekly.judge(WEEK, [person], now=now)
    [verdict] = Verdict.objects.filter(person=person, subject=Subject.WEEKLY_PATROL_TIME)
    assert verdict.outcome == "cannot_judge"
    assert verdict.reasons[0] == "week_not_over"
    # The part of the shift that is still to come is not unknown time.
    assert verdict.numbers["unknown_s"] < 30


def test_evidence_explains_the_verdict_and_is_logged(town: Town) -> None:
    verdict = a_verdict(town)
    shown = weekly.evidence(verdict, user=town.supervisor, purpose="Review of the week")
    monday = shown.days[0]
    assert [span.reason for span in monday.spans] == ["moving", "no_signal"]
    assert monday.spans[0].credited
    assert monday.spans[0].segment_name.endswith("Street")
    assert monday.company[0].company == "alone"
    lines = shown.track["features"]
    assert lines[0]["properties"]["reason"] == "moving"
    lon, lat = np.array(lines[0]["geometry"]["coordinates"]).T
    assert (abs(lon - 120) < 0.003).all()
    assert (abs(lat - 30) < 0.003).all()
    [look] = TrailLook.objects.all()
    assert (look.user, look.purpose, look.allowed) == (
        town.supervisor,
        "Review of the week",
        True,
    )


def test_evidence_is_refused_to_others_and_the_attempt_is_logged(town: Town) -> None:
    """Acceptance case 18, for evidence."""
    verdict = a_verdict(town)
    stranger = make.user(Role.SUPERVISOR, town.east)
    with pytest.raises(Refused) as refused:
        weekly.evidence(verdict, user=stranger, purpose="curious")
    assert refused.value.code == "trail_denied"
    [look] = TrailLook.objects.all()
    assert (look.user, look.allowed) == (stranger, False)


def test_the_own_evidence_is_open_to_the_officer(town: Town) -> None:
    verdict = a_verdict(town)
    own = verdict.person.user
    assert own is not None
    assert weekly.evidence(verdict, user=own, purpose="My week").days[0].spans


def test_a_squad_shows_median_and_share_and_no_sum(town: Town) -> None:
    times = (7800, 600, 0)
    for seconds in times:
        person, at = officer(town)
        if seconds:
            store(person, at, noisy(around(WEST_LOOP, seconds), 1))
    weekly.judge_everybody(town.bureau, WEEK, now=NOW)
    [squad] = weekly.squad_rows(town.bureau, WEEK, [town.west, town.east])
    # Two phones were silent, one of them after ten minutes: no demerit of the squad.
    assert (squad.people, squad.judged) == (3, 1)
    assert squad.share_met == 1
    assert squad.median_credited_s == pytest.approx(7800, abs=60)
    assert squad.outcomes == {"met": 1, "cannot_judge": 2}
    assert not any("sum" in name or "total" in name for name in vars(squad))


def test_the_command_judges_a_week_and_what_was_touched(town: Town) -> None:
    person, at = officer(town)
    store(person, at, noisy(around(WEST_LOOP, 600), 1))
    out = StringIO()
    call_command("judge_week", "--week", "2026-11-18", "--bureau", "town", stdout=out)
    assert "town 2026-11-16: 2 verdicts" in out.getvalue()
    touch(person)
    out = StringIO()
    call_command("judge_week", stdout=out)
    assert "town: judged 2026-11-16" in out.getvalue()
    assert not TouchedDay.objects.exists()


def test_the_end_of_a_week_judges_everybody_without_new_positions(town: Town) -> None:
    """Silence touches no day: who walked too little and who was silent both get their verdict."""
    town.bureau.created_at = local("2026-10-01 00:00")
    walker, at = officer(town)
    silent = make.person(town.west)
    make.shift(silent, at, at + timedelta(hours=2))
    store(walker, at, noisy(around(WEST_LOOP, 7800), 1))
    weekly.judge(WEEK, [walker], now=local("2026-11-17 12:00"))
    with pytest.raises(Refused, match="not over"):
        weekly.dispute(standing(walker, Subject.PAIR_COVERAGE), walker.user, "wrong", now=NOW)
    assert weekly.judge_ended(town.bureau, now=local("2026-11-20 12:00")) == 2  # the week before
    assert not Verdict.objects.filter(person=silent, monday=WEEK.monday).exists()
    weekly.judge_ended(town.bureau, now=NOW)
    assert "week_not_over" not in standing(walker, Subject.PAIR_COVERAGE).reasons
    assert standing(walker, Subject.WEEKLY_PATROL_TIME).outcome == "met"
    judged = standing(silent, Subject.WEEKLY_PATROL_TIME)
    assert (judged.outcome, judged.reasons[0]) == ("cannot_judge", "silent_all_week")
    assert weekly.judge_ended(town.bureau, now=NOW) == 0


def standing(person: Person, subject: str) -> Verdict:
    return Verdict.objects.get(person=person, subject=subject, monday=WEEK.monday, is_current=True)


def test_a_week_whose_positions_were_forgotten_keeps_its_verdicts(town: Town) -> None:
    person, at = officer(town)
    store(person, at, noisy(around(WEST_LOOP, 7800), 1))
    weekly.judge(WEEK, [person], now=NOW)
    kept, later = time_verdict(person), NOW + timedelta(days=100)
    touch(person, at=later)
    weekly.judge_touched(town.bureau, now=later)
    with pytest.raises(Refused, match="no longer kept"):
        weekly.judge_everybody(town.bureau, WEEK, now=later)
    assert time_verdict(person) == kept
    assert PersonDay.objects.get(person_id=person.pk).fixes > 0
    assert not TouchedDay.objects.exists()


def test_a_forgotten_patrol_keeps_nobody_on_duty(town: Town) -> None:
    person = make.person(town.west)
    begun = local("2026-11-17 09:00")
    patrolling.start(person=person, partners=[], route=None, turnout_checked=True, now=begun)
    now = begun + timedelta(days=3)
    with connection.cursor() as cursor:
        read = carriers.load_carriers(
            cursor, [person.pk], (0, carriers.to_us(now)), carriers.to_us(now), {}
        )
    ends = carriers.to_us(begun + patrolling.LONGEST)
    assert read[person.pk].open_duty == [(carriers.to_us(begun), ends)]
    weekly.judge(WEEK, [person], now=now)
    assert sum(PersonDay.objects.values_list("duty_s", flat=True)) == 16 * 3600


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--bureau", "nowhere"], "no bureau with the code nowhere"),
        (["--week", "16.11.2026"], "write it as"),
        (["--week", "2026-11-16", "--watch", "5"], "do not go together"),
    ],
)
def test_the_command_says_what_is_wrong(town: Town, options: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("judge_week", *options)
