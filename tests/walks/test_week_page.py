"""The supervisor's week over HTTP: rows, scope, purpose and log, review, dispute, exports."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.test import Client

from bureau.models import Role
from patrols import weekly
from patrols.models import Category, Person, Review, TrailLook
from tests import make
from tests.frontend.weeks import AFTER, MONDAY, WEEK, conclude, day, silent_day
from tests.world import Town, build_town

pytestmark = pytest.mark.django_db
HX = {"hx-request": "true"}
PURPOSE = {"purpose": "Weekly review", "detail": "minutes of Tuesday"}


@pytest.fixture
def town() -> Town:
    return build_town()


@pytest.fixture
def client(town: Town) -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(town.supervisor)
    return client


@pytest.fixture
def people(town: Town) -> dict[str, Person]:
    """West: silent all week, 130 min, 50 min. East: 119 min, which only the error band decides."""
    made = {
        "met": make.person(town.west, name="An Met", badge_no="01"),
        "short": make.person(town.west, name="Bo Short", badge_no="02"),
        "silent": make.person(town.west, name="Cy Silent", badge_no="03"),
        "near": make.person(town.east, name="Di Near", badge_no="04", category=Category.AUXILIARY),
    }
    for weekday in range(5):
        day(made["met"], weekday, credited_min=26)
        day(made["short"], weekday, credited_min=10, together_s=0.0, alone_s=600.0)
        silent_day(made["silent"], weekday)
    day(made["near"], 0, credited_min=119)
    conclude(*made.values())
    return made


def page(client: Client, **parts: object):
    query = {"week": MONDAY.isoformat()} | parts
    return client.get("/week/", query)


def rows_of(text: str) -> list[str]:
    """Names in the order of the table."""
    return re.findall(r'class="person-link"[^>]*>([^<]+)<', text)


# The table


def test_rows_stand_by_squad_with_what_needs_a_look_first(client: Client, people):
    answer = page(client)
    assert answer.status_code == 200
    assert rows_of(answer.text) == ["Cy Silent", "Bo Short", "An Met", "Di Near"]
    assert "phone silent all week" in answer.text


def test_each_row_says_minutes_verdict_and_company(client: Client, people):
    text = page(client).text
    row = text[text.index("An Met</a>") :]
    row = row[: row.index("</tr>")]
    assert "2 h 10 min / 2 h" in row
    assert "✓</span>Met" in row
    assert "together 2 h 10 min, alone 0 min" in row
    assert "Mon 26 min" in row
    near = text[text.index("Di Near</a>") :]
    assert "≈</span>Borderline" in near
    assert "1 h 59 min / 2 h" in near


def test_squads_have_median_and_share_met_and_no_sum(client: Client, people):
    text = page(client).text
    # West: 130 and 50 min of two judged people, whose median is 90; the third was silent.
    assert "3 people · median 1 h 30 min · 50 % met (of 2 judged) · 1 cannot be judged" in text
    assert "1 person · median 1 h 59 min · 0 % met (of 1 judged)" in text
    assert "5 h" not in text  # 130 + 50 + 119 min would be a sum of officer-minutes


def test_filters_count_and_show_what_they_say(client: Client, people):
    text = page(client).text
    assert "Needs a look 3" in text
    assert "Met 1" in text
    assert rows_of(page(client, show="look").text) == ["Cy Silent", "Bo Short", "Di Near"]
    assert rows_of(page(client, show="met").text) == ["An Met"]
    nobody = page(client, show="exempt").text
    assert "Nobody of this unit has this verdict" in nobody


def test_a_week_that_runs_is_called_so_and_nobody_needs_a_look(client: Client, town: Town):
    person = make.person(town.west, name="Early Bird")
    day(person, 0, credited_min=20)
    conclude(person, now=datetime(2026, 11, 10, 4, tzinfo=UTC))
    text = page(client).text
    assert "week runs" in text
    assert "Needs a look" not in text
    assert "Cannot judge" not in text


def test_an_empty_week_and_a_unit_without_people_say_what_to_do(client: Client, town: Town):
    assert "No people in this unit yet" in page(client).text
    make.person(town.west)
    assert "No verdicts for this week yet" in page(client).text


def test_any_day_names_its_week_and_no_date_is_refused_in_words(client: Client, people):
    assert "9 Nov – 15 Nov 2026" in client.get("/week/", {"week": "2026-11-12"}).text
    bad = client.get("/week/", {"week": "next"})
    assert bad.status_code == 409
    assert "such as 2026-11-16" in bad.text


def test_names_cannot_put_markup_on_the_page(client: Client, town: Town):
    person = make.person(town.west, name="<b onclick=x>Eve")
    day(person, 0, credited_min=1)
    conclude(person)
    text = page(client).text
    assert "<b onclick" not in text
    assert "&lt;b onclick=x&gt;Eve" in text


# Scope and roles


def test_a_supervisor_sees_the_own_unit_only(town: Town, people):
    west = make.user(Role.SUPERVISOR, town.west)
    client = Client(headers={"host": "localhost"})
    client.force_login(west)
    assert rows_of(page(client).text) == ["Cy Silent", "Bo Short", "An Met"]
    assert page(client, unit=town.east.pk).status_code == 404
    assert page(client, person=people["near"].pk).status_code == 404
    for address in ("/week/open/", "/week/review/", "/week/answer/"):
        path = f"{address}?week={MONDAY}&person={people['near'].pk}"
        assert client.post(path, PURPOSE | {"decision": "excuse", "note": "x"}).status_code == 404
    assert not Review.objects.exists()
    assert not TrailLook.objects.exists()


def test_another_bureaus_people_do_not_exist_here(client: Client, people):
    other = build_town("other")
    stranger = make.person(other.west, name="Stranger")
    day(stranger, 0, credited_min=200)
    conclude(stranger)
    assert "Stranger" not in page(client).text
    assert page(client, person=stranger.pk).status_code == 404
    assert page(client, unit=other.west.pk).status_code == 404


@pytest.mark.parametrize("role", [Role.OFFICER, Role.PLANNER, Role.DISPATCHER])
def test_other_roles_are_kept_out_of_every_address(town: Town, people, role: Role):
    user = make.user(role, town.top)
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    query = f"?week={MONDAY}&person={people['met'].pk}"
    for address in ("/week/", "/week/figures.csv", "/week/bulletin/"):
        assert client.get(address + query).status_code == 403
    for address in ("/week/open/", "/week/review/", "/week/answer/", "/week/map/"):
        assert client.post(address + query, PURPOSE).status_code == 403


# Evidence


@pytest.fixture
def walker(town: Town) -> Person:
    """Tue 2026-11-10, shift 10:00–12:00: walks 40 min, stands 15 min on street C, is silent."""
    from tests.patrols import walking

    person = make.person(town.west, name="Wu Walker", badge_no="09")
    begins = datetime(2026, 11, 10, 2, tzinfo=UTC)
    make.shift(person, begins, begins + timedelta(hours=2))
    loop = walking.around(walking.WEST_LOOP, 2400)
    last = loop[-1]
    stand = walking.standing(float(last[0]), float(last[1]), 900)
    walking.store(person, begins, walking.noisy(np.vstack([loop, stand]), seed=3))
    weekly.judge(WEEK, [person], now=AFTER)
    return person


def test_a_track_asks_what_for_then_shows_and_logs(client: Client, town: Town, walker: Person):
    asked = page(client, person=walker.pk)
    assert "What for?" in asked.text
    assert "trail-data" not in asked.text
    assert not TrailLook.objects.exists()
    address = f"/week/open/?week={MONDAY}&person={walker.pk}"
    refused = client.post(address, {"purpose": "curious"}, headers=HX)
    assert refused.status_code == 422
    assert "Choose what you open this track for" in refused.text
    assert refused["HX-Retarget"] == "#notices"
    assert not TrailLook.objects.exists()
    opened = client.post(address, PURPOSE, headers=HX)
    assert opened.status_code == 200
    look = TrailLook.objects.get()
    assert (look.user, look.person, look.allowed) == (town.supervisor, walker, True)
    assert look.purpose == "Weekly review: minutes of Tuesday"
    # A reload within a quarter of an hour does not ask again, and is logged again.
    again = page(client, person=walker.pk)
    assert "trail-data" in again.text
    assert TrailLook.objects.count() == 2


def test_the_timeline_says_what_was_counted_and_why(client: Client, walker: Person):
    address = f"/week/open/?week={MONDAY}&person={walker.pk}"
    text = client.post(address, PURPOSE, headers=HX).text
    assert re.search(r"Tue 10:\d\d on patrol \d+ min", text)
    parked = re.search(r"Tue 10:\d\d parked (\d+) min near [A-E1-5] Street: ([^<]+)<", text)
    assert parked is not None, re.findall(r"Tue [^<]+", text)
    assert 12 <= int(parked[1]) <= 16
    assert parked[2] == "not counted (stay of 10 min and more)"
    assert "not known, held against nobody" in text  # the silent hour
    assert 'data-lane="2026-11-10"' in text


def test_without_scripts_the_track_opens_too(client: Client, walker: Person):
    answer = client.post(f"/week/open/?week={MONDAY}&person={walker.pk}", PURPOSE)
    assert answer.status_code == 303
    assert "trail-data" in client.get(answer["Location"]).text


def test_rules_stand_beside_the_verdict_with_their_source(client: Client, people):
    text = page(client, person=people["met"].pk).text
    assert "weekly_required_s" in text
    assert "bureau practice, no published standard" in text
    assert "our default, no standard" in text
    assert "Rules as shipped." in text
    assert "Positions received until Mon 16 Nov 2026 12:00" in text


# Review and dispute


def review(client: Client, person: Person, **fields: str):
    return client.post(f"/week/review/?week={MONDAY}&person={person.pk}", fields, headers=HX)


def test_a_review_needs_a_note_and_is_kept_with_it(client: Client, town: Town, people):
    empty = review(client, people["short"], decision="excuse", note="  ")
    assert empty.status_code == 422
    assert "Write a note" in empty.text
    assert not Review.objects.exists()
    done = review(client, people["short"], decision="excuse", note="Court all week.")
    assert done.status_code == 200
    assert "Court all week." in done.text
    made = Review.objects.get()
    assert (made.by, made.decision) == (town.supervisor, "excuse")
    row = page(client).text
    assert "reviewed: Excuse" in row
    assert rows_of(page(client, show="look").text) == ["Cy Silent", "Di Near"]
    assert rows_of(page(client, show="exempt").text) == ["Bo Short"]


def test_a_refused_review_keeps_what_was_written(client: Client, people):
    answer = review(client, people["short"], decision="promote", note="Half a page of reasons.")
    assert answer.status_code == 422
    assert "Half a page of reasons." in answer.text


def test_nobody_reviews_the_own_verdict(client: Client, town: Town, people):
    me = people["short"]
    me.user = town.supervisor
    me.save()
    assert "somebody else reviews it" in page(client, person=me.pk).text
    answer = review(client, me, decision="overturn", note="I was there.")
    assert answer.status_code == 422
    assert "This is your own verdict" in answer.text
    assert not Review.objects.exists()


def test_data_after_a_review_is_flagged_and_comes_to_the_top(client: Client, people):
    review(client, people["short"], decision="uphold", note="Checked.")
    assert rows_of(page(client, show="look").text) == ["Cy Silent", "Di Near"]
    day(people["short"], 5, credited_min=90)  # a late upload: 140 min now
    conclude(people["short"])
    text = page(client).text
    assert "data changed since review" in text
    assert rows_of(page(client, show="look").text)[:2] == ["Cy Silent", "Bo Short"]
    evidence = page(client, person=people["short"].pk).text
    assert "With newer data the figures are" in evidence
    assert "credited 2 h 20 min (was 50 min)" in evidence


def test_a_dispute_is_shown_first_and_answered(client: Client, town: Town, people):
    officer = make.user(Role.OFFICER, town.west)
    people["met"].user = officer
    people["met"].save()
    verdict = people["met"].verdicts.get(subject="weekly_patrol_time")
    objection = weekly.dispute(verdict, officer, "Saturday is missing.", now=AFTER)
    assert rows_of(page(client, show="look").text)[:2] == ["Cy Silent", "An Met"]
    evidence = page(client, person=people["met"].pk).text
    assert "Saturday is missing." in evidence
    address = f"/week/answer/?week={MONDAY}&person={people['met'].pk}"
    nothing = client.post(address, {"dispute": objection.pk, "answer": " "}, headers=HX)
    assert nothing.status_code == 422
    answered = client.post(address, {"dispute": objection.pk, "answer": "Added."}, headers=HX)
    assert "Added." in answered.text
    objection.refresh_from_db()
    assert objection.answered_by == town.supervisor


# Exports


def test_the_csv_has_the_figures_is_logged_and_runs_no_formula(client: Client, town: Town, people):
    evil = people["met"]
    evil.name = '=HYPERLINK("http://evil.example")'
    evil.save()
    answer = client.get("/week/figures.csv", {"week": MONDAY.isoformat(), "unit": town.west.pk})
    assert answer["Content-Disposition"] == ('attachment; filename="tandem-west-2026-11-09.csv"')
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    by_badge = {row["badge_no"]: row for row in rows}
    assert set(by_badge) == {"01", "02", "03"}
    assert by_badge["01"]["name"] == '\'=HYPERLINK("http://evil.example")'
    assert (by_badge["01"]["credited_min"], by_badge["01"]["verdict"]) == ("130.0", "met")
    assert (by_badge["02"]["alone_min"], by_badge["02"]["fri_min"]) == ("50.0", "10.0")
    assert by_badge["03"]["reasons"].split()[0] == "silent_all_week"
    looks = TrailLook.objects.filter(user=town.supervisor)
    assert {look.person for look in looks} == {people[k] for k in ("met", "short", "silent")}
    assert {look.purpose for look in looks} == {"Export of the week's figures (CSV)"}


def test_the_bulletin_ranks_nobody(client: Client, people):
    text = client.get("/week/bulletin/", {"week": MONDAY.isoformat()}).text
    places = [text.index(f"<td>{badge}</td>") for badge in ("01", "02", "03")]
    assert places == sorted(places)  # by badge within the squad, whatever the verdict
    assert "No signal is never counted as absence" in text
    assert "Cannot judge" in text


def test_the_map_file_needs_a_purpose_and_is_logged_for_everybody_in_it(
    client: Client, town: Town, walker: Person
):
    address = f"/week/map/?week={MONDAY}&unit={town.west.pk}"
    assert client.post(address, {}).status_code == 409
    assert not TrailLook.objects.exists()
    answer = client.post(address, PURPOSE)
    assert answer["Content-Disposition"] == ('attachment; filename="tandem-west-2026-11-09.html"')
    assert "Wu Walker" in answer.text
    look = TrailLook.objects.get()
    assert look.person == walker
    assert look.purpose == "Tracks on a map, one file: Weekly review: minutes of Tuesday"
