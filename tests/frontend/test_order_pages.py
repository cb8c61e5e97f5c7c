"""Parts of the live page and of the officer's page about orders: what they say and refuse."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from bureau.errors import Refused
from bureau.models import Role, User
from patrols import handover, orders
from patrols.models import HandoverNote, Lead, OrderState
from tests import make
from tests.patrols.dispatching import account, lead, patrol, there
from tests.world import Town, build_town, place

pytestmark = pytest.mark.django_db


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def town() -> Town:
    return build_town()


def browser(user: User) -> Client:
    client = Client(headers={"host": "localhost", "hx-request": "true"})
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


def text(answer: Any) -> str:
    return answer.content.decode()


PARTS = ["", "nearest/"]
ACTS = [
    ("offer/", {"people": "1,2"}),
    ("close/", {"reason": "x"}),
    ("cancel/", {"reason": "x"}),
    ("reassign/", {"reason": "x"}),
]


def test_nobody_of_another_unit_sees_or_moves_a_lead(town: Town, now: datetime) -> None:
    told = lead(town.west, now, text="WEST-LEAD")
    strangers = [make.user(Role.DISPATCHER, town.east), build_town("other").dispatcher]
    for stranger in strangers:
        for part in PARTS:
            answer = browser(stranger).get(f"/live/leads/{told.pk}/{part}")
            assert answer.status_code == 422
            assert "WEST-LEAD" not in text(answer)
        for act, body in ACTS:
            answer = browser(stranger).post(f"/live/leads/{told.pk}/{act}", body)
            assert answer.status_code == 422
    told.refresh_from_db()
    assert (told.closed_at, told.orders.count()) == (None, 0)


@pytest.mark.parametrize("role", [Role.OFFICER, Role.PLANNER])
def test_roles_that_do_not_watch_open_no_part(town: Town, now: datetime, role: Role) -> None:
    told = lead(town.west, now)
    user = make.user(role, town.top)
    for address in (f"/live/leads/{told.pk}/", "/live/leads/new/", "/live/handover/"):
        assert browser(user).get(address).status_code == 403


def test_an_inspector_sees_and_does_not_act(town: Town, now: datetime) -> None:
    told = lead(town.west, now, text="WEST-LEAD", contact="CALLER")
    client = browser(make.user(Role.INSPECTOR, town.top))
    page = text(client.get(f"/live/leads/{told.pk}/"))
    assert "WEST-LEAD" in page
    assert "CALLER" not in page
    assert "<form" not in page
    assert client.get(f"/live/leads/{told.pk}/nearest/").status_code == 422
    for act, body in ACTS:
        assert client.post(f"/live/leads/{told.pk}/{act}", body).status_code == 422
    assert client.post("/live/leads/save/", {"lon": "120", "lat": "30"}).status_code == 422
    assert client.get("/live/handover/bar/").status_code == 204
    assert Lead.objects.count() == 1


def test_the_panel_names_whom_to_send_what_is_lost_and_why_not_the_others(
    town: Town, now: datetime
) -> None:
    told = lead(town.west, now, enforcement=True)
    li, wang = there(town.west, now, -50, 0, name="Li"), there(town.west, now, -60, 0, name="Wang")
    zhao = there(town.west, now, -20, 0, name="Zhao")
    there(town.west, now, 0, 0, name="Helper", category="auxiliary")
    there(town.west, now, 0, 0, age_s=400, name="Stale")
    for person in (li, wang, zhao):
        account(person)
    patrol(li, wang, now=now)
    page = text(browser(town.dispatcher).get(f"/live/leads/{told.pk}/nearest/"))
    choices = page.split("<li>")[1:4]
    # At 1.1 m/s: Zhao 18 s, Li 45 s, Wang 55 s; all are a minute to a person who reads.
    assert [[name for name in ("Zhao", "Li", "Wang") if f">{name}<" in one] for one in choices] == [
        ["Zhao", "Li"], ["Zhao", "Wang"], ["Li", "Wang"],
    ]  # fmt: skip
    assert "leaves Wang alone" in choices[0]
    # Taking Li breaks the only pair in the squad's area.
    assert f"{town.west_beat.name} loses its only pair" in choices[0]
    assert "walk together now" in choices[2]
    assert "Auxiliary: does not enforce" in page
    assert "Position too old" in page


def test_offering_from_the_panel_opens_the_order_once(town: Town, now: datetime) -> None:
    told = lead(town.west, now)
    people = [there(town.west, now, 0, 0) for _ in range(2)]
    patrol(*people, now=now)
    client = browser(town.dispatcher)
    ids = ",".join(str(person.pk) for person in people)
    page = text(client.post(f"/live/leads/{told.pk}/offer/", {"people": ids}))
    assert 'data-state="offered"' in page
    again = client.post(f"/live/leads/{told.pk}/offer/", {"people": ids})
    assert again.status_code == 422
    assert "offered" in text(again)
    assert again["HX-Retarget"] == "#notices"
    assert told.orders.count() == 1
    for bad in ("", "x", "1;2", str(10**30)):
        assert client.post(f"/live/leads/{told.pk}/offer/", {"people": bad}).status_code == 422
    assert client.post(f"/live/leads/{told.pk}/explode/", {"reason": "x"}).status_code == 404


def test_the_form_needs_a_place(town: Town) -> None:
    client = browser(town.dispatcher)
    assert "What was told?" in text(client.get("/live/leads/new/"))
    values = {"kind": "stall", "text": "Two stalls"}
    for wrong in ({}, {"lon": "", "lat": ""}, {"lon": "nan", "lat": "30"}):
        answer = client.post("/live/leads/save/", values | wrong)
        assert answer.status_code == 422
        assert "Choose the place on the map" in text(answer)
    lon, lat = place(-120, 0)
    saved = client.post("/live/leads/save/", values | {"lon": lon, "lat": lat})
    assert "Two stalls" in text(saved)
    assert Lead.objects.get().unit == town.west


# The officer's page


def officers(town: Town, now: datetime) -> tuple[Any, list[User]]:
    """An order offered to two officers with accounts."""
    told = lead(town.west, now, text="WEST-LEAD", contact="CALLER")
    people = [there(town.west, now, 0, 0, name=f"Li {k}") for k in range(2)]
    users = [account(person) for person in people]
    order = orders.open_order(told.pk, by=town.dispatcher, now=now)
    ids = [person.pk for person in people]
    orders.offer(order.pk, people=ids, by=town.dispatcher, now=now)
    return order, users


def test_the_officers_part_changes_only_when_the_order_does(town: Town, now: datetime) -> None:
    order, (one, _two) = officers(town, now)
    client = browser(one)
    page = text(client.get("/my/order/"))
    assert "WEST-LEAD" in page
    assert "CALLER" not in page  # who told it stays with the dispatcher
    mark = page.split('name="mark" value="')[1].split('"')[0]
    assert client.get("/my/order/", {"mark": mark}).status_code == 204
    answered = text(client.post(f"/my/order/{order.pk}/accept/"))
    assert "Li 1 must answer too" in answered
    assert client.get("/my/order/", {"mark": mark}).status_code == 200


def test_an_officer_goes_through_the_order_with_plain_forms(town: Town, now: datetime) -> None:
    order, (one, two) = officers(town, now)
    for user in (one, two):
        browser(user).post(f"/my/order/{order.pk}/accept/")
    plain = Client(headers={"host": "localhost"})
    plain.force_login(one, "django.contrib.auth.backends.ModelBackend")
    lon, lat = place(0, 20)
    answer = plain.post(f"/my/order/{order.pk}/arrive/", {"lon": lon, "lat": lat})
    assert (answer.status_code, answer["Location"]) == (303, "/my/")
    assert "20 m from the place" in text(browser(one).get("/my/order/"))
    assert "I am there" in text(browser(two).get("/my/order/"))
    # A place that is not known is not said to be far away.
    unknown = text(browser(two).post(f"/my/order/{order.pk}/arrive/"))
    assert "position unknown" in unknown
    assert "too far away" not in unknown
    done = browser(one).post(f"/my/order/{order.pk}/dispose/", {"reason": "Moved on"})
    assert "Reported." in text(done)
    order.refresh_from_db()
    assert (order.state, order.report) == (OrderState.DISPOSED, "Moved on")


def test_an_offer_past_its_time_is_no_offer(town: Town, now: datetime) -> None:
    order, (one, _two) = officers(town, now)
    type(order).objects.update(offer_ends_at=now - timedelta(seconds=1))
    assert "WEST-LEAD" not in text(browser(one).get("/my/order/"))
    answer = browser(one).post(f"/my/order/{order.pk}/accept/")
    assert answer.status_code == 422
    assert "not answered in time" in text(answer)


def test_others_have_no_part_in_it(town: Town, now: datetime) -> None:
    order, _users = officers(town, now)
    stranger = account(there(town.west, now, 0, 0))
    assert "WEST-LEAD" not in text(browser(stranger).get("/my/order/"))
    for act in ("accept", "decline", "arrive", "dispose", "explode"):
        answer = browser(stranger).post(f"/my/order/{order.pk}/{act}/", {"reason": "x"})
        assert answer.status_code == 422
    order.refresh_from_db()
    assert order.state == OrderState.OFFERED


# Hand-over


def refused(act: Any) -> str:
    with pytest.raises(Refused) as found:
        act()
    return found.value.code


def test_a_note_lists_what_is_open_and_is_taken_over_by_name(town: Town, now: datetime) -> None:
    told = lead(town.west, now, text="Loose banner")
    lead(town.east, now, text="EAST-LEAD")
    one, two = (make.user(Role.DISPATCHER, town.west) for _ in range(2))
    note = handover.leave_note(by=one, text="Key with the caretaker", now=now)
    assert [(w["what"], w["id"], w["state"]) for w in note.waiting] == [
        ("lead", told.pk, "waiting")
    ]
    page = text(browser(two).get("/live/handover/"))
    assert "Key with the caretaker" in page
    assert "EAST-LEAD" not in page
    assert "take over" in page
    assert "take over" not in text(browser(one).get("/live/handover/"))
    assert refused(lambda: handover.leave_note(by=two, text="x", now=now)) == "note_waits"
    assert refused(lambda: handover.take_over(note.pk, by=one, now=now)) == "own_note"
    stranger = make.user(Role.DISPATCHER, town.east)
    assert refused(lambda: handover.take_over(note.pk, by=stranger, now=now)) == "not_yours"
    browser(two).post(f"/live/handover/{note.pk}/take/")
    note.refresh_from_db()
    assert note.taken_by == two
    three = make.user(Role.DISPATCHER, town.west)
    assert refused(lambda: handover.take_over(note.pk, by=three, now=now)) == "note_taken"
    assert handover.take_over(note.pk, by=two, now=now).taken_by == two  # pressed twice


def test_an_empty_note_of_an_empty_desk_is_refused(town: Town, now: datetime) -> None:
    by = town.dispatcher
    assert refused(lambda: handover.leave_note(by=by, text=" ", now=now)) == "words_missing"
    assert refused(lambda: handover.leave_note(by=by, text="x" * 2001, now=now)) == "too_long"
    for role in (Role.OFFICER, Role.PLANNER, Role.INSPECTOR):
        user = make.user(role, town.top)
        assert refused(lambda u=user: handover.leave_note(by=u, text="x", now=now)) == "not_yours"
    assert not HandoverNote.objects.exists()
