"""Flags, reviews of both verdicts, newer figures and late data on the pages, over HTTP."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from bureau.models import Role
from patrols import reviews
from patrols.models import (
    Dispute,
    LateDay,
    Person,
    PersonDay,
    Review,
    SealedWeek,
    Subject,
    TrailHold,
    Verdict,
)
from tests import make
from tests.frontend.weeks import AFTER, MONDAY, WEEK, conclude, day
from tests.world import Town, build_town

pytestmark = pytest.mark.django_db
HX = {"hx-request": "true"}


@pytest.fixture
def town() -> Town:
    return build_town()


def browser(user: object) -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(user)  # type: ignore[arg-type]
    return client


@pytest.fixture
def client(town: Town) -> Client:
    return browser(town.supervisor)


@pytest.fixture
def person(town: Town) -> Person:
    """130 min, 26 a day, all alone."""
    user = make.user(Role.OFFICER, town.west, username="zhang")
    person = make.person(town.west, name="Zhang Wei", user=user)
    for weekday in range(5):
        day(person, weekday, credited_min=26, together_s=0.0, alone_s=1560.0)
    conclude(person)
    return person


def page(client: Client, person: Person | None = None) -> str:
    query = {"week": MONDAY.isoformat()} | ({"person": str(person.pk)} if person else {})
    answer = client.get("/week/", query)
    assert answer.status_code == 200
    return answer.text


def act(client: Client, what: str, person: Person, **fields: object):
    return client.post(f"/week/{what}/?week={MONDAY}&person={person.pk}", fields, headers=HX)


def pair_of(person: Person) -> Verdict:
    return Verdict.objects.get(person=person, subject=Subject.PAIR_COVERAGE, is_current=True)


def flag(person: Person, weekday: int, *flags: dict[str, object]) -> None:
    PersonDay.objects.filter(person_id=person.pk, day=WEEK.days[weekday]).update(flags=list(flags))


def same_phone(other: Person) -> dict[str, object]:
    return {
        "code": "same_phone",
        "start_s": 33_300.0,
        "end_s": 34_800.0,
        "count": 301,
        "value": 0.0,
        "other": other.pk,
    }


# Flags


def test_flags_are_said_in_words_and_put_the_row_on_top(
    client: Client, town: Town, person: Person
) -> None:
    other = make.person(town.west, name="Li Na")
    flag(
        person,
        1,
        {"code": "teleport", "start_s": 36_000.0, "end_s": 36_000.0, "count": 1, "value": 600.0},
        same_phone(other),
    )
    assert "2 signs to look at" in page(client)
    assert "Needs a look 1" in page(client)
    text = page(client, person)
    assert "Tue 10:00</span>" in text
    assert "at up to 2160 km/h" in text
    assert "Tue 09:15 – 09:40" in text
    assert "301 positions are the same as those of Li Na" in text
    assert "No verdict follows from them" in text
    # Somebody has looked: the row needs no look any more, the signs stay.
    assert act(client, "review", person, decision="uphold", note="One phone was lent.").status_code
    assert "Needs a look" not in page(client)
    assert "signs to look at" in page(client)


def test_a_day_in_one_place_is_in_the_evidence_and_calls_nobody(
    client: Client, person: Person
) -> None:
    flag(person, 0, {"code": "one_place", "start_s": 0.0, "end_s": 9000.0, "value": 9000.0})
    assert "to look at" not in page(client)
    assert "Needs a look" not in page(client)
    assert "in one place for 2 h 30 min" in page(client, person)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("mock", "set by hand"),
        ("no_time", "without a time of the phone"),
        ("synthetic", "not measured"),
        ("replayed", "have no noise"),
        ("clock_slow", "10 min slow"),
        ("clock_ahead", "10 min ahead"),
        ("alike", "A hint, no proof"),
        ("one_place", "in one place for 10 min"),
    ],
)
def test_every_flag_has_its_sentence(client: Client, person: Person, code: str, said: str) -> None:
    flag(
        person,
        0,
        {"code": code, "start_s": 0.0, "end_s": 60.0, "count": 3, "value": 600.0, "other": 0},
    )
    text = page(client, person)
    assert said in text
    assert "Mon 00:00 – 00:01" in text


def test_an_officer_reads_the_own_flags_without_a_colleagues_name(
    town: Town, person: Person
) -> None:
    other = make.person(town.west, name="Li Na")
    flag(person, 0, same_phone(other))
    text = browser(person.user).get("/my/", {"week": MONDAY.isoformat()}).text
    assert "301 positions are the same as those of another person" in text
    assert "Li Na" not in text.split('id="start-patrol"')[0]  # the list of partners has names


def test_a_name_outside_the_own_units_is_not_given_away(town: Town, person: Person) -> None:
    other = make.person(town.east, name="Di Near")
    flag(person, 0, same_phone(other))
    west = browser(make.user(Role.SUPERVISOR, town.west))
    assert "those of another person" in page(west, person)
    assert "Di Near" not in page(west, person)


# Both verdicts


def test_the_verdict_on_company_is_reviewed_on_its_own(client: Client, person: Person) -> None:
    text = page(client, person)
    assert "Review of the company" in text
    empty = act(client, "review", person, subject="pair_coverage", decision="excuse", note=" ")
    assert empty.status_code == 422
    assert 'id="review-pair_coverage"' in empty.text
    done = act(client, "review", person, subject="pair_coverage", decision="excuse", note="Ill.")
    assert done.status_code == 200
    assert 'id="pair-chip" hx-swap-oob="true"' in done.text
    assert "Exempt" in done.text
    made = Review.objects.get()
    assert (made.verdict, made.note) == (pair_of(person), "Ill.")
    assert page(client, person).count("Ill.") == 1
    nonsense = act(client, "review", person, subject="fines", decision="uphold", note="x")
    assert nonsense.status_code == 404


def test_an_officer_disputes_the_company_and_reads_the_answer(
    client: Client, person: Person
) -> None:
    mine = browser(person.user)
    address = f"/my/dispute/?week={MONDAY}"
    sent = mine.post(address, {"subject": "pair_coverage", "text": "Li Na was with me."})
    assert sent.status_code == 302
    objection = Dispute.objects.get()
    assert objection.verdict == pair_of(person)
    assert "disputed" in page(client)
    assert "Li Na was with me." in page(client, person)
    # The other verdict can still be disputed, this one waits.
    text = mine.get("/my/", {"week": MONDAY.isoformat()}).text
    assert "dispute-weekly_patrol_time" in text
    assert 'id="dispute-pair_coverage"' not in text
    wrong = act(client, "answer", person, dispute=objection.pk, answer="No.")
    assert wrong.status_code == 404  # the form names the other verdict
    answered = act(
        client,
        "answer",
        person,
        subject="pair_coverage",
        dispute=objection.pk,
        answer="Her phone was broken.",
    )
    assert "Her phone was broken." in answered.text
    assert "Her phone was broken." in mine.get("/my/", {"week": MONDAY.isoformat()}).text


def test_newer_figures_are_shown_beside_and_adopted_with_a_note(
    client: Client, person: Person
) -> None:
    pair = pair_of(person)
    first = reviews.review(pair, person_supervisor(person), "uphold", "Alone.", now=AFTER)
    PersonDay.objects.filter(person_id=person.pk).update(together_s=1560.0, alone_s=0.0)
    conclude(person)
    text = page(client, person)
    assert "With newer data the figures are" in text
    assert "together 2 h 10 min (was 0 min)" in text
    assert "Adopt the newer figures" in text
    newer = reviews.newer_figures(pair_of(person))
    assert newer is not None
    fields = {"subject": "pair_coverage", "decision": "adopt", "newer": newer.pk}
    empty = act(client, "review", person, **fields, seen=first.pk, note="")
    assert empty.status_code == 422
    assert "Write a note" in empty.text
    unread = act(client, "review", person, **fields, note="x")
    assert unread.status_code == 422
    assert "read that review first" in unread.text
    done = act(client, "review", person, **fields, seen=first.pk, note="Li Na's phone was late.")
    assert done.status_code == 204
    assert (
        done.headers["HX-Redirect"]
        == f"/week/?week={MONDAY}&unit="
        + str(person_supervisor(person).unit_id)
        + f"&person={person.pk}"
    )
    assert pair_of(person).pk == newer.pk
    text = page(client, person)
    assert "Newer figures adopted" in text
    assert "on earlier figures" in text
    assert "Adopt the newer figures" not in text
    mine = browser(person.user).get("/my/", {"week": MONDAY.isoformat()}).text
    assert "Li Na&#x27;s phone was late." in mine


def person_supervisor(person: Person):
    from bureau.models import User

    return User.objects.get(bureau=person.bureau_id, username="town-supervisor")


# Final weeks and late data


def late(person: Person, at: datetime, count: int = 200) -> None:
    LateDay.objects.create(
        bureau_id=person.bureau_id,
        person_id=person.pk,
        day=WEEK.days[2],
        count=count,
        first_at=at,
        counted_through=at,
    )


def test_what_came_too_late_is_listed_for_the_supervisor_and_told_the_officer(
    client: Client, town: Town, person: Person
) -> None:
    now = timezone.now()
    SealedWeek.objects.create(bureau=town.bureau, monday=MONDAY, sealed_at=now)
    late(person, now)
    stranger = make.person(town.east, name="Di Near")
    late(stranger, now, 3)
    text = page(client)
    assert "Too late to judge: 2 days" in text
    assert "This week is final since" in page(client, person)
    assert "Too late to judge: 200 positions of Wed 11 Nov" in page(client, person)
    # Any week shows what came lately, with the way to its own week.
    lately = client.get("/week/", {"week": "2026-02-02"}).text
    assert "Zhang Wei" in lately
    assert f"week={MONDAY}&amp;unit={town.top.pk}&amp;person={person.pk}" in lately
    west = page(browser(make.user(Role.SUPERVISOR, town.west)))
    assert "Too late to judge: 1 day" in west
    assert "Di Near" not in west
    mine = browser(person.user).get("/my/", {"week": MONDAY.isoformat()}).text
    assert "Too late to judge: 200 positions" in mine


def test_late_data_of_long_ago_is_listed_in_its_own_week_only(
    client: Client, person: Person
) -> None:
    late(person, timezone.now() - timedelta(days=31))
    assert "Too late to judge" not in client.get("/week/", {"week": "2026-02-02"}).text
    assert "Too late to judge: 1 day" in page(client)


def test_a_held_track_says_why_it_is_held(client: Client, town: Town, person: Person) -> None:
    now = timezone.now()
    SealedWeek.objects.create(bureau=town.bureau, monday=MONDAY, sealed_at=now)
    assert "The positions were deleted" in page(client, person)
    objection = reviews.dispute(pair_of(person), person.user, "No.", now=now)  # type: ignore[arg-type]
    TrailHold.objects.create(
        bureau=town.bureau,
        person=person,
        reason="dispute",
        dispute=objection,
        from_at=WEEK.start,
        until_at=WEEK.end,
        made_at=now,
    )
    text = page(client, person)
    assert "The track is held because of the objection." in text
    assert "The positions were deleted" not in text
