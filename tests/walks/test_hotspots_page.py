"""The hotspots' week over HTTP: the table, each number's evidence, scope and the log of looks."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from bureau.models import Role
from geo.models import Grade, Hotspot, HotspotWindow
from patrols.models import Person, SegmentVisit, TrailLook
from tests import make
from tests.frontend.weeks import MONDAY, WEEK, day
from tests.world import Town, build_town

pytestmark = pytest.mark.django_db


@pytest.fixture
def town() -> Town:
    return build_town()


@pytest.fixture
def client(town: Town) -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(town.supervisor)
    return client


@pytest.fixture
def spots(town: Town) -> dict[str, Hotspot]:
    """A school gate that asks for one visit on Tuesday and Wednesday morning, and a street that
    asks for two visits a week by its grade."""
    gate = make.hotspot(town.west, town.blocks["C1-C2"], code="G1", name="School gate")
    for weekday in (1, 2):
        HotspotWindow.objects.create(
            hotspot=gate, weekday=weekday, starts=time(7), ends=time(8, 30), required_visits=1
        )
    street = make.hotspot(
        town.east, town.blocks["C4-C5"], code="S1", name="East street", grade=Grade.THIRD
    )
    return {"gate": gate, "street": street}


def visit(person: Person, hotspot: Hotspot, weekday: int, hour: float, lasts_min: float) -> None:
    """A stored stay on the hotspot's first block, in local time."""
    at = WEEK.start + timedelta(days=weekday, hours=hour)
    SegmentVisit.objects.create(
        bureau_id=person.bureau_id,
        person_id=person.pk,
        segment_id=hotspot.segments.get().pk,
        day=WEEK.days[weekday],
        entered_at=at,
        left_at=at + timedelta(minutes=lasts_min),
        active_s=lasts_min * 60,
        walked_share=0.2,
    )


@pytest.fixture
def walker(town: Town, spots: dict[str, Hotspot]) -> Person:
    """On duty 7:00–11:00 from Monday to Friday; at the gate on Tuesday at 7:30 for 6 min."""
    person = make.person(town.west, name="An Li", badge_no="01")
    for weekday in range(5):
        spans = [{"start_s": 25200, "end_s": 39600, "reason": "moving", "credited": True}]
        day(person, weekday, credited_min=240, spans=spans)
    visit(person, spots["gate"], 1, 7.5, 6)
    visit(person, spots["gate"], 2, 9, 6)  # after the hours
    return person


def page(client: Client, **parts: object):
    return client.get(reverse("week_hotspots"), {"week": MONDAY.isoformat()} | parts)


def row_of(text: str, name: str) -> str:
    row = text[text.index(f">{name}</a>") :]
    return row[: row.index("</tr>")]


def test_the_table_says_required_made_last_and_missing(client: Client, walker: Person) -> None:
    answer = page(client)
    assert answer.status_code == 200
    row = row_of(answer.text, "School gate")
    assert "1 of 2" in row
    assert "Wed 09:00" in row  # the last visit, outside the hours
    assert "Wed 07:00–08:30 0/1" in row
    assert "Tue, Wed 07:00–08:30: 1" in row
    assert "Tue: 1 of 1" in row
    assert "Mon: nothing owed" in row
    assert "Not met" in row
    street = row_of(answer.text, "East street")
    assert "2 visits a week" in street
    assert "no visit" in street
    # Nobody of Squad East was on duty.
    assert "Cannot judge" in street
    assert "our default, no standard" in answer.text


def test_a_number_opens_the_visits_it_rests_on_and_the_look_is_logged(
    client: Client, walker: Person, spots: dict[str, Hotspot], town: Town
) -> None:
    text = page(client, hotspot=spots["gate"].pk).text
    assert "Tue 07:30–07:36" in text
    assert "6 min, 20 % of its length" in text
    assert "An Li" in text
    assert "Too few visits" in text
    assert "set by the bureau" in text
    for key in ("min_dwell_s", "min_visit_share", "visit_gap_s"):
        assert key in text
    assert "near_m" not in text
    [look] = TrailLook.objects.all()
    assert (look.user, look.person) == (town.supervisor, walker)
    assert look.purpose == "Hotspot visits: School gate"
    assert (look.from_at, look.until_at) == (WEEK.start, WEEK.end)


def test_the_list_without_names_logs_nothing(client: Client, walker: Person) -> None:
    text = page(client).text
    assert "An Li" not in text
    assert not TrailLook.objects.exists()


def test_a_squads_supervisor_sees_the_own_hotspots_and_no_stranger_by_name(
    town: Town, walker: Person, spots: dict[str, Hotspot]
) -> None:
    visit(make.person(town.east, name="Di Stranger"), spots["gate"], 2, 7.5, 10)
    west = Client(headers={"host": "localhost"})
    west.force_login(make.user(Role.SUPERVISOR, town.west))
    listed = page(west).text
    assert "School gate" in listed
    assert "East street" not in listed
    assert page(west, hotspot=spots["street"].pk).status_code == 404
    text = page(west, hotspot=spots["gate"].pk).text
    assert "Di Stranger" not in text
    assert "somebody of Squad East" in text


def test_silent_phones_are_named_beside_what_cannot_be_judged(
    client: Client, town: Town, walker: Person, spots: dict[str, Hotspot]
) -> None:
    silent = make.person(town.west, name="Cy Silent")
    begins = WEEK.start + timedelta(days=2, hours=7)
    make.shift(silent, begins, begins + timedelta(hours=2))
    assert "Cannot judge" in row_of(page(client).text, "School gate")
    text = page(client, hotspot=spots["gate"].pk).text
    assert "Cy Silent: 2 h" in text
    assert "a visit may lie in a phone&#x27;s silence" in text


def test_the_advice_of_studies_is_shown_only_where_it_is_switched_on(
    client: Client, town: Town, walker: Person
) -> None:
    assert "Advice:" not in page(client).text
    town.bureau.rule_sets.create(valid_from=MONDAY, values={"hotspot_advice": True})
    row = row_of(page(client).text, "School gate")
    assert "stay 10 min–16 min (half of the visits are under 6 min)" in row


def test_a_running_week_is_not_judged(client: Client, town: Town, spots: object) -> None:
    this = town.bureau.week_of(datetime.now(UTC).date())
    text = client.get(reverse("week_hotspots")).text
    assert "week runs" in text
    assert f"hotspot={spots['gate'].pk}" in text  # type: ignore[index]
    assert this.monday.isoformat() in text


def test_odd_addresses_and_other_roles(
    client: Client, town: Town, spots: dict[str, Hotspot]
) -> None:
    assert page(client, hotspot="x").status_code == 404
    assert page(client, hotspot="999999").status_code == 404
    assert page(client, unit="999999").status_code == 404
    officer = Client(headers={"host": "localhost"})
    officer.force_login(make.user(Role.OFFICER, town.west))
    assert page(officer).status_code == 403
    stranger = make.hotspot(make.unit(make.bureau()), town.blocks["A1-A2"])
    assert page(client, hotspot=stranger.pk).status_code == 404


def test_a_unit_without_hotspots_says_how_to_get_them(client: Client, town: Town) -> None:
    text = page(client).text
    assert "No hotspots in this unit yet" in text
    assert "Import hotspots" in text


def test_both_halves_of_the_week_lead_to_each_other(client: Client, spots: object) -> None:
    people = client.get("/week/", {"week": MONDAY.isoformat()}).text
    assert reverse("week_hotspots") in people
    text = page(client).text
    assert f'href="/week/?week={MONDAY}' in text
    # The week switch stays on the hotspots.
    assert "/week/hotspots/?week=2026-11-02" in text
