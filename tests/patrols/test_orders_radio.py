"""By radio: a dispatcher enters what an officer says; both names stand in the history."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from bureau.errors import Refused
from bureau.models import Role, User
from patrols import notices, orders
from patrols.live_round import people_on_duty
from patrols.models import Lead, Order, OrderMember, OrderState, Person, Phone
from patrols.order_rows import steps_of
from tests import make
from tests.patrols.dispatching import account, lead, patrol, there
from tests.realtime.stage import officer
from tests.world import Town, build_town, place

pytestmark = pytest.mark.django_db

S = OrderState


class Scene:
    """An order in the west offered to Li, who has no account, and Wang, whose phone is off."""

    def __init__(self, town: Town, now: datetime) -> None:
        self.now = now
        self.by = make.user(Role.DISPATCHER, town.west, first_name="He", last_name="Jing")
        self.lead: Lead = lead(town.west, now)
        self.li = there(town.west, now, 30, 0, name="Li")
        self.wang = officer(town.west, now, name="Wang")
        self.wang_user = account(self.wang)
        self.order = orders.open_order(self.lead.pk, by=self.by, now=now)
        ids = [self.li.pk, self.wang.pk]
        orders.offer(self.order.pk, people=ids, by=self.by, now=now)

    def say(self, person: Person, act: str, reason: str = "", by: User | None = None) -> None:
        orders.answer_by_radio(
            self.order.pk, act, said_by=person.pk, by=by or self.by, reason=reason, now=self.now
        )

    def state(self) -> str:
        self.order.refresh_from_db()
        return self.order.state

    def refused(self, *args: Any, **more: Any) -> str:
        with pytest.raises(Refused) as found, transaction.atomic():
            self.say(*args, **more)
        return found.value.code


@pytest.fixture
def scene(town: Town, now: datetime) -> Scene:
    return Scene(town, now)


def test_an_order_goes_to_its_end_by_radio_with_both_names(scene: Scene, town: Town, now: datetime):
    scene.say(scene.li, "accept")
    assert scene.state() == S.OFFERED
    scene.say(scene.wang, "accept")
    assert scene.state() == S.ACCEPTED
    # The yes puts them on duty, as their own would.
    ids = {scene.li.pk, scene.wang.pk}
    assert {one.person for one in people_on_duty(town.bureau, now + timedelta(hours=15))} == ids
    scene.say(scene.li, "arrive")
    scene.say(scene.wang, "dispose", "Stalls moved")
    assert scene.state() == S.DISPOSED
    scene.lead.refresh_from_db()
    assert (scene.lead.closed_reason, scene.lead.closed_by) == ("Stalls moved", scene.by)
    lines = [(s.from_state, s.to_state, s.by, s.said_by) for s in scene.order.steps.order_by("pk")]
    assert lines == [
        ("", "open", scene.by, None),
        ("open", "offered", scene.by, None),
        ("offered", "offered", scene.by, scene.li),
        ("offered", "accepted", scene.by, scene.wang),
        ("accepted", "arrived", scene.by, scene.li),
        ("arrived", "disposed", scene.by, scene.wang),
    ]
    told = [(s["by_radio"], s["said_by"], s["by"]) for s in steps_of(scene.order, None)]
    assert told[:3] == [(False, None, "He Jing"), (False, None, "He Jing"), (True, "Li", "He Jing")]
    assert not OrderMember.objects.filter(until=None).exists()


def test_one_answers_in_person_and_the_other_by_radio(scene: Scene, now: datetime):
    orders.accept(scene.order.pk, by=scene.wang_user, now=now)
    scene.say(scene.li, "accept")
    step = scene.order.steps.get(to_state="accepted")
    assert (scene.state(), step.by, step.said_by) == (S.ACCEPTED, scene.by, scene.li)
    # The page of who answered so no longer asks.
    assert notices.unseen(scene.wang, now) == []
    # Entered twice, or after the officer has pressed: nothing more happens.
    arrived = orders.arrive(scene.order.pk, by=scene.wang_user, place=place(0, 0), now=now)
    assert arrived is not None
    before = scene.order.steps.count()
    scene.say(scene.wang, "arrive")
    assert scene.order.steps.count() == before


def test_who_walk_together_answer_together_by_radio(town: Town, now: datetime):
    scene = Scene(town, now)
    orders.cancel(scene.order.pk, by=scene.by, reason="x", now=now)
    patrol(scene.li, scene.wang, now=now)
    scene.order = orders.open_order(scene.lead.pk, by=scene.by, now=now)
    ids = [scene.li.pk, scene.wang.pk]
    orders.offer(scene.order.pk, people=ids, by=scene.by, now=now)
    scene.say(scene.wang, "accept")
    assert scene.state() == S.ACCEPTED
    scene.say(scene.li, "arrive")
    assert all(member.arrived_at == now for member in scene.order.members.all())


def test_a_no_by_radio_ends_the_offer_and_keeps_its_words(scene: Scene):
    scene.say(scene.li, "decline", "Car has a flat tyre")
    step = scene.order.steps.get(to_state="declined")
    assert (step.note, step.said_by, list(step.people.all())) == (
        "Car has a flat tyre", scene.li, [scene.li],
    )  # fmt: skip
    assert scene.state() == S.DECLINED
    assert not OrderMember.objects.filter(until=None).exists()


@pytest.mark.parametrize(
    ("age_s", "east_m", "distance_m", "flagged"),
    [(5, 30, 30, False), (5, 60, 60, True), (400, 30, None, True)],
)
def test_is_there_takes_the_place_of_a_fresh_fix_or_is_marked(
    town: Town, now: datetime, age_s: float, east_m: float, distance_m: float | None, flagged: bool
):
    scene = Scene(town, now)
    orders.cancel(scene.order.pk, by=scene.by, reason="x", now=now)
    zhao = there(town.west, now, east_m, 0, age_s=age_s, name="Zhao")
    # Fresh is up to 2 × 10 s and never less than 30 s; 400 s is old.
    Phone.objects.filter(holdings__person=zhao).update(interval_s=10)
    scene.order = orders.open_order(scene.lead.pk, by=scene.by, now=now)
    orders.offer(scene.order.pk, people=[zhao.pk, scene.wang.pk], by=scene.by, now=now)
    scene.say(zhao, "accept")
    scene.say(scene.wang, "accept")
    scene.say(zhao, "arrive")
    step = scene.order.steps.get(to_state="arrived")
    assert step.flagged == flagged
    assert step.distance_m == (None if distance_m is None else pytest.approx(distance_m, abs=0.1))
    assert (step.point is None) == (distance_m is None)
    # Wang's phone has never reported.
    scene.say(scene.wang, "arrive")
    second = scene.order.steps.order_by("pk").last()
    assert (second.flagged, second.distance_m, second.said_by) == (True, None, scene.wang)


# What is refused


@pytest.mark.parametrize("act", ["arrive", "dispose", "explode"])
def test_a_step_that_does_not_fit_is_refused(scene: Scene, act: str):
    expected = "step_unknown" if act == "explode" else "order_moved"
    assert scene.refused(scene.li, act, "x") == expected
    scene.say(scene.li, "decline")
    for late in ("accept", "decline", "arrive", "dispose"):
        assert scene.refused(scene.li, late, "x") == "order_moved"
    assert scene.state() == S.DECLINED


def test_an_answer_by_radio_after_the_time_is_too_late_too(scene: Scene, now: datetime):
    scene.now = now + timedelta(seconds=61)
    # The row that says so is kept: no transaction around it is rolled back.
    with pytest.raises(Refused) as refused:
        scene.say(scene.li, "accept")
    assert (refused.value.code, scene.state()) == ("order_moved", S.EXPIRED)


def test_words_are_needed_for_a_report(scene: Scene):
    for person in (scene.li, scene.wang):
        scene.say(person, "accept")
    scene.say(scene.li, "arrive")
    assert scene.refused(scene.li, "dispose", " ") == "words_missing"
    assert scene.refused(scene.li, "dispose", "x" * 1001) == "too_long"


def test_only_for_people_who_were_asked_and_whom_one_may_send(
    town: Town, scene: Scene, now: datetime
):
    other = there(town.west, now, 0, 0)
    assert scene.refused(other, "accept") == "not_asked"
    stranger = make.user(Role.DISPATCHER, town.east)
    abroad = build_town("other").dispatcher
    looks_on = [make.user(role, town.top) for role in (Role.INSPECTOR, Role.PLANNER, Role.OFFICER)]
    for by in (stranger, abroad, *looks_on, scene.wang_user):
        assert scene.refused(scene.li, "accept", by=by) == "not_yours"
    # A person of the east on a lead in the west is called by who sends both.
    orders.cancel(scene.order.pk, by=scene.by, reason="x", now=now)
    east = there(town.east, now, 0, 0, name="EAST")
    scene.order = orders.open_order(scene.lead.pk, by=town.dispatcher, now=now)
    orders.offer(scene.order.pk, people=[scene.li.pk, east.pk], by=town.dispatcher, now=now)
    assert scene.refused(east, "accept") == "not_asked"
    scene.say(east, "accept", by=town.dispatcher)
    west = steps_of(scene.order, {town.west.pk})[-1]
    assert (west["by_radio"], west["said_by"], west["by"]) == (True, None, None)


def test_nobody_answers_for_oneself_by_radio(town: Town, scene: Scene):
    scene.wang_user.role = Role.DISPATCHER
    scene.wang_user.save()
    assert scene.refused(scene.wang, "accept", by=scene.wang_user) == "own_answer"
    scene.say(scene.li, "accept", by=scene.wang_user)


@pytest.mark.django_db(transaction=True)
def test_of_an_officer_and_a_dispatcher_who_answer_at_one_time_one_counts(now: datetime):
    scene = Scene(build_town(), now)
    scene.say(scene.li, "accept")
    start = threading.Barrier(2)
    said: list[str] = []

    def press(act: Any) -> None:
        try:
            start.wait(20)
            act()
            said.append("done")
        except Refused as refused:
            said.append(refused.code)
        finally:
            connection.close()

    acts = [
        lambda: orders.accept(scene.order.pk, by=scene.wang_user, now=now),
        lambda: scene.say(scene.wang, "decline", "busy"),
    ]
    threads = [threading.Thread(target=press, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(said) == ["done", "order_moved"]
    last = scene.order.steps.order_by("pk").last()
    assert scene.state() == last.to_state
    assert last.to_state in {S.ACCEPTED, S.DECLINED}


# Over HTTP and on the pages


def client(user: User) -> Client:
    found = Client(headers={"host": "localhost", "hx-request": "true"})
    found.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return found


@pytest.mark.parametrize(
    "wrong", [{}, {"person": 0, "act": "accept"}, {"person": 1}, {"person": 1, "act": "cancel"}]
)
def test_a_body_that_says_nothing_is_refused(scene: Scene, wrong: Any):
    answer = client(scene.by).post(
        f"/api/orders/{scene.order.pk}/radio", wrong, content_type="application/json"
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid")


def test_the_api_enters_an_answer_and_tells_both_names(scene: Scene):
    answer = client(scene.by).post(
        f"/api/orders/{scene.order.pk}/radio",
        {"person": scene.li.pk, "act": "decline", "reason": "No car"},
        content_type="application/json",
    )
    step = answer.json()["order"]["steps"][-1]
    assert (step["to"], step["said_by"], step["by"], step["note"]) == (
        "declined", "Li", "He Jing", "No car",
    )  # fmt: skip


def test_the_panel_offers_the_steps_that_fit_and_shows_how_they_were_said(
    town: Town, scene: Scene, now: datetime
):
    dispatcher, panel = client(scene.by), f"/live/leads/{scene.lead.pk}/"
    radio = f"/live/orders/{scene.order.pk}/radio/"

    def acts(page: str) -> list[str]:
        return [part.split('"')[0] for part in page.split('name="act" value="')[1:]]

    page = dispatcher.get(panel).content.decode()
    assert acts(page) == ["accept", "decline"] * 2
    assert "Li says by radio" in page
    page = dispatcher.post(radio, {"person": scene.li.pk, "act": "accept"}).content.decode()
    assert acts(page) == ["accept", "decline"]
    assert "one has said yes · said by radio by Li, entered by He Jing" in page
    page = dispatcher.post(radio, {"person": scene.wang.pk, "act": "accept"}).content.decode()
    assert acts(page) == ["arrive"] * 2
    # Wang's own page says it too.
    own = client(scene.wang_user).get("/my/order/").content.decode()
    assert "accepted · said by radio by Wang, entered by He Jing" in own
    page = dispatcher.post(radio, {"person": scene.li.pk, "act": "arrive"}).content.decode()
    assert acts(page) == ["dispose", "arrive", "dispose"]
    for wrong in ({}, {"person": "x", "act": "arrive"}, {"person": scene.li.pk}):
        assert dispatcher.post(radio, wrong).status_code == 422
    inspector = client(make.user(Role.INSPECTOR, town.top))
    assert acts(inspector.get(panel).content.decode()) == []
    assert inspector.post(radio, {"person": scene.li.pk, "act": "arrive"}).status_code == 422
    assert client(make.user(Role.PLANNER, town.top)).post(radio, {}).status_code == 403
    done = {"person": scene.li.pk, "act": "dispose", "reason": "Stalls moved"}
    page = dispatcher.post(radio, done).content.decode()
    assert acts(page) == []
    assert "Stalls moved" in page
    # It is over: nobody is there any more, or on the way.
    assert (page.count("was there"), page.count("was on the way")) == (1, 1)
    assert "is there" not in page
    assert "is on the way" not in page
    assert Order.objects.get(pk=scene.order.pk).state == S.DISPOSED


def test_why_somebody_declined_is_read_without_opening_the_steps(scene: Scene) -> None:
    radio = f"/live/orders/{scene.order.pk}/radio/"
    said = {"person": scene.li.pk, "act": "decline", "reason": "Busy at the market"}
    page = client(scene.by).post(radio, said).content.decode()
    line = "declined · said by radio by Li, entered by He Jing · <q>Busy at the market</q>"
    assert line in page.split("<ol")[0]


def test_people_without_a_place_can_be_sent_from_the_panel(town: Town, now: datetime):
    told = lead(town.west, now, enforcement=True)
    silent = [officer(town.west, now, name=f"Silent {k}") for k in range(2)]
    old = there(town.west, now, 0, 0, age_s=900, name="Old")
    there(town.west, now, 0, 0, name="Helper", category="auxiliary")
    there(town.east, now, 0, 0, age_s=900, name="EAST")
    by = client(make.user(Role.DISPATCHER, town.west))
    page = by.get(f"/live/leads/{told.pk}/others/").content.decode()
    names = [
        part.split("<")[0].strip()
        for part in page.split("<label>")[1:]
        for part in [part.split(">", 1)[1]]
    ]
    assert names == ["Old", "Silent 0", "Silent 1"]
    assert "EAST" not in page
    ids = [one.pk for one in silent]
    assert by.post(f"/live/leads/{told.pk}/offer/", {"people": ids}).status_code == 200
    assert told.orders.get().state == S.OFFERED
    assert old.order_memberships.count() == 0
    assert client(make.user(Role.INSPECTOR, town.top)).get(
        f"/live/leads/{told.pk}/others/"
    ).status_code == 422  # fmt: skip
