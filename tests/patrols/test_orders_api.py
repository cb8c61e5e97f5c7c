"""Leads and orders over HTTP: every endpoint, what it gives, and each thing that it must refuse."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone

from bureau.models import Role, User
from patrols import orders
from patrols.api import leads as leads_api
from patrols.api.limits import Buckets
from patrols.models import Intake, Lead, LiveWatch, Order
from patrols.phones import hash_secret
from tests import make
from tests.patrols.dispatching import account, lead, patrol, there
from tests.world import Town, build_town, place

pytestmark = pytest.mark.django_db

KEY = "key-of-the-hotline"
DISPATCHING = {Role.DISPATCHER, Role.SUPERVISOR, Role.ADMINISTRATOR}


def browser(user: User | None, **more: Any) -> Client:
    client = Client(headers={"host": "localhost"}, **more)
    if user is not None:
        client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


def post(user: User | None, address: str, **body: Any) -> Any:
    return browser(user).post(address, body, content_type="application/json")


def refusal(answer: Any) -> tuple[int, str]:
    """Status and code; the one shape for every error."""
    error = answer.json()["error"]
    assert set(error) <= {"code", "message", "fields"}
    assert error["message"]
    return answer.status_code, error["code"]


def body(**more: Any) -> dict[str, Any]:
    lon, lat = place(-120, 3)
    return {"kind": "stall", "text": "Two stalls", "lon": lon, "lat": lat} | more


def intake(of: Any, **more: Any) -> Intake:
    return Intake.objects.create(
        **{
            "bureau_id": of.bureau_id,
            "unit": of,
            "name": "Hotline",
            "source": "api",
            "key_sha256": hash_secret(KEY),
        }
        | more
    )


def send(key: str = KEY, **more: Any) -> Any:
    return Client(headers={"host": "localhost", "authorization": f"Bearer {key}"}).post(
        "/api/leads", body(**more), content_type="application/json"
    )


class Scene:
    """A lead in the west with its order, and two officers with accounts."""

    def __init__(self, town: Town, now: datetime, **fields: Any) -> None:
        self.town = town
        fields = {"enforcement": True} | fields
        self.lead = lead(town.west, now, text="WEST-LEAD", contact="WEST-CALLER", **fields)
        self.people = [there(town.west, now, 50 * k, 0, name=f"WEST-{k}") for k in (1, 2)]
        self.users = [account(person) for person in self.people]
        self.order = orders.open_order(self.lead.pk, by=town.dispatcher, now=now)

    def address(self, act: str) -> str:
        return act.format(lead=self.lead.pk, order=self.order.pk)

    def bring_to(self, state: str, now: datetime) -> None:
        if state == "open":
            return
        ids = [person.pk for person in self.people]
        orders.offer(self.order.pk, people=ids, by=self.town.dispatcher, now=now)
        if state != "offered":
            for user in self.users:
                orders.accept(self.order.pk, by=user, now=now)
        if state == "arrived":
            orders.arrive(self.order.pk, by=self.users[0], place=place(0, 0), now=now)


@pytest.fixture
def scene(town: Town, now: datetime) -> Scene:
    return Scene(town, now)


# address → method, body, from which state it is taken, who may
DISPATCHERS: dict[str, tuple[str, dict[str, Any], str]] = {
    "/api/leads/{lead}": ("get", {}, "open"),
    "/api/leads/{lead}/close": ("post", {"reason": "told twice"}, "none"),
    "/api/leads/{lead}/order": ("post", {}, "open"),
    "/api/orders/{order}": ("get", {}, "open"),
    "/api/orders/{order}/nearest": ("get", {}, "open"),
    "/api/orders/{order}/offer": ("post", {"people": [1]}, "open"),
    "/api/orders/{order}/cancel": ("post", {"reason": "false"}, "open"),
    "/api/orders/{order}/reassign": ("post", {"reason": "nearer"}, "accepted"),
    "/api/orders/{order}/radio": ("post", {"person": 1, "act": "accept"}, "offered"),
}
OFFICERS: dict[str, tuple[dict[str, Any], str]] = {
    "/api/orders/{order}/accept": ({}, "offered"),
    "/api/orders/{order}/decline": ({"reason": ""}, "offered"),
    "/api/orders/{order}/arrive": ({"lon": 120.0, "lat": 30.0}, "accepted"),
    "/api/orders/{order}/dispose": ({"reason": "moved"}, "arrived"),
}
EVERY = [*DISPATCHERS, *OFFICERS]
WORDS = [
    "/api/leads/{lead}/close",
    "/api/orders/{order}/cancel",
    "/api/orders/{order}/reassign",
    "/api/orders/{order}/decline",
    "/api/orders/{order}/dispose",
]


def ask(user: User | None, scene: Scene, act: str) -> Any:
    method, given = DISPATCHERS[act][:2] if act in DISPATCHERS else ("post", OFFICERS[act][0])
    if method == "get":
        return browser(user).get(scene.address(act))
    return post(user, scene.address(act), **given)


def test_no_endpoint_is_forgotten_here() -> None:
    found = set()
    for pattern in get_resolver("patrols.api").url_patterns[0:4]:
        for one in getattr(pattern, "url_patterns", []):
            address = str(one.pattern).replace("<int:pk>", "{}")
            if address.startswith(("leads", "orders", "my/")):
                found.add(f"/api/{address}")
    covered = {act.replace("{lead}", "{}").replace("{order}", "{}") for act in EVERY}
    assert found == covered | {"/api/leads", "/api/my/order"}


@pytest.mark.parametrize("act", [*EVERY, "/api/leads", "/api/my/order"])
def test_a_stranger_is_asked_to_sign_in(scene: Scene, act: str) -> None:
    if act in ("/api/leads", "/api/my/order"):
        answer = browser(None).get(act)
    else:
        answer = ask(None, scene, act)
    assert refusal(answer) == (401, "not_authenticated")


@pytest.mark.parametrize("role", [role for role in Role if role not in DISPATCHING])
@pytest.mark.parametrize("act", DISPATCHERS)
def test_other_roles_handle_no_leads(scene: Scene, act: str, role: Role) -> None:
    answer = ask(make.user(role, scene.town.top), scene, act)
    assert refusal(answer) == (403, "not_yours")
    assert b"WEST" not in answer.content


@pytest.mark.parametrize("act", EVERY)
def test_nobody_of_another_unit_or_bureau_reads_or_moves_anything(
    scene: Scene, now: datetime, act: str
) -> None:
    other = build_town("other")
    strangers = [
        make.user(Role.DISPATCHER, scene.town.east),
        make.user(Role.ADMINISTRATOR, scene.town.east),
        other.dispatcher,
        account(there(scene.town.east, now, 0, 0)),
    ]
    state = DISPATCHERS[act][2] if act in DISPATCHERS else OFFICERS[act][1]
    scene.bring_to("open" if state == "none" else state, now)
    steps = scene.order.steps.count()
    for stranger in strangers:
        answer = ask(stranger, scene, act)
        assert refusal(answer) == (403, "not_yours")
        assert b"WEST" not in answer.content
    assert scene.order.steps.count() == steps


@pytest.mark.parametrize("act", OFFICERS)
def test_a_dispatcher_does_not_answer_for_an_officer(scene: Scene, now: datetime, act: str) -> None:
    scene.bring_to(OFFICERS[act][1], now)
    assert refusal(ask(scene.town.dispatcher, scene, act)) == (403, "not_yours")


@pytest.mark.parametrize("act", EVERY)
def test_what_does_not_exist_is_refused_like_what_is_not_ones_own(scene: Scene, act: str) -> None:
    scene.lead.pk, scene.order.pk = 10**9, 10**9
    assert refusal(ask(scene.town.dispatcher, scene, act)) == (403, "not_yours")


@pytest.mark.parametrize("act", [act for act in EVERY if not act.endswith("}")])
def test_a_form_of_another_site_changes_nothing(scene: Scene, now: datetime, act: str) -> None:
    if act.endswith("nearest"):
        return
    client = browser(scene.town.dispatcher, enforce_csrf_checks=True)
    answer = client.post(scene.address(act), {}, content_type="application/json")
    assert refusal(answer) == (403, "csrf_failed")


@pytest.mark.parametrize("act", WORDS)
@pytest.mark.parametrize("wrong", [{}, {"reason": {"a": 1}}, {"reason": None}])
def test_words_must_be_words(scene: Scene, now: datetime, act: str, wrong: Any) -> None:
    answer = post(scene.users[0], scene.address(act), **wrong)
    assert refusal(answer) == (400, "invalid")
    answer = browser(scene.users[0]).post(scene.address(act), "{", content_type="application/json")
    assert refusal(answer) == (400, "parse_error")


@pytest.mark.parametrize("people", [None, "1", ["x"], [0], [1] * 21])
def test_whom_to_ask_must_be_ids(scene: Scene, people: Any) -> None:
    answer = post(scene.town.dispatcher, scene.address("/api/orders/{order}/offer"), people=people)
    assert refusal(answer) == (400, "invalid")


@pytest.mark.parametrize(
    "wrong",
    [
        {"lon": "x", "lat": 0},
        {"lon": 181, "lat": 0},
        {"lon": 0, "lat": -91},
        {"lon": "NaN", "lat": 0},
    ],
)
def test_a_place_must_be_on_earth(scene: Scene, now: datetime, wrong: Any) -> None:
    scene.bring_to("accepted", now)
    answer = post(scene.users[0], scene.address("/api/orders/{order}/arrive"), **wrong)
    assert refusal(answer) == (400, "invalid")


def test_a_phone_that_does_not_know_where_it_is_is_marked(scene: Scene, now: datetime) -> None:
    scene.bring_to("accepted", now)
    answer = post(scene.users[0], scene.address("/api/orders/{order}/arrive"))
    step = answer.json()["order"]["steps"][-1]
    assert (step["to"], step["lon"], step["flagged"]) == ("arrived", None, True)


@pytest.mark.parametrize("act", [*OFFICERS, "/api/orders/{order}/reassign"])
def test_a_step_that_does_not_fit_is_a_conflict(scene: Scene, now: datetime, act: str) -> None:
    scene.bring_to("offered", now)
    if act.endswith(("accept", "decline")):
        orders.cancel(scene.order.pk, by=scene.town.dispatcher, reason="x", now=now)
    user = scene.town.dispatcher if act.endswith("reassign") else scene.users[0]
    assert refusal(ask(user, scene, act)) == (409, "order_moved")


def test_an_order_over_http_from_the_lead_to_its_end(scene: Scene, now: datetime) -> None:
    by, (one, two) = scene.town.dispatcher, scene.users
    nearest = browser(by).get(scene.address("/api/orders/{order}/nearest")).json()
    # They stand 50 m and 100 m east of the place on its street; 1.1 m/s.
    [choice] = nearest["choices"]
    assert [p["seconds"] for p in choice["people"]] == [45, 91]
    assert (choice["arrives_s"], nearest["fallen"]) == (91, [])
    ids = [p["person"] for p in choice["people"]]
    offered = post(by, scene.address("/api/orders/{order}/offer"), people=ids).json()["order"]
    assert offered["state"] == "offered"
    assert offered["offer_ends"] == pytest.approx(
        timezone.now().timestamp() * 1000 + 60_000, abs=5000
    )
    mine = browser(one).get("/api/my/order").json()["order"]
    assert (mine["id"], mine["state"]) == (scene.order.pk, "offered")
    for user in (one, two):
        answer = post(user, scene.address("/api/orders/{order}/accept"))
    assert answer.json()["order"]["state"] == "accepted"
    lon, lat = place(0, 60)
    there = post(one, scene.address("/api/orders/{order}/arrive"), lon=lon, lat=lat).json()["order"]
    step = there["steps"][-1]
    assert (there["state"], step["flagged"]) == ("arrived", True)
    assert step["distance_m"] == pytest.approx(60, abs=0.2)
    done = post(two, scene.address("/api/orders/{order}/dispose"), reason="Stalls moved")
    assert done.json()["order"]["report"] == "Stalls moved"
    assert browser(one).get("/api/my/order").json() == {"order": None}
    told = browser(by).get(scene.address("/api/leads/{lead}")).json()
    assert (told["lead"]["state"], told["lead"]["contact"]) == ("disposed", "WEST-CALLER")
    assert [s["to"] for s in told["orders"][0]["steps"]] == [
        "open", "offered", "offered", "accepted", "arrived", "disposed",
    ]  # fmt: skip


def test_the_nearest_are_told_to_the_own_units_only_and_the_look_is_logged(
    scene: Scene, now: datetime
) -> None:
    there(scene.town.east, now, 10, 0, name="EAST")
    squad = make.user(Role.DISPATCHER, scene.town.west)
    answer = browser(squad).get(scene.address("/api/orders/{order}/nearest"))
    assert b"EAST" not in answer.content
    assert LiveWatch.objects.filter(user=squad, unit=scene.town.west).count() == 1
    assert answer["Cache-Control"] == "no-store"
    whole = browser(scene.town.dispatcher).get(scene.address("/api/orders/{order}/nearest"))
    assert b"EAST" in whole.content


def test_people_of_another_squad_on_ones_own_lead_have_no_name_and_no_place(
    scene: Scene, now: datetime
) -> None:
    east = there(scene.town.east, now, 10, 0, name="EAST")
    east_user = account(east)
    by = scene.town.dispatcher
    orders.offer(scene.order.pk, people=[scene.people[0].pk, east.pk], by=by, now=now)
    for user in (scene.users[0], east_user):
        orders.accept(scene.order.pk, by=user, now=now)
    orders.arrive(scene.order.pk, by=east_user, place=place(7, 7), now=now)
    squad = make.user(Role.DISPATCHER, scene.town.west)
    for address in ("/api/leads/{lead}", "/api/orders/{order}"):
        answer = browser(squad).get(scene.address(address))
        assert answer.status_code == 200
        assert b"EAST" not in answer.content
        assert east_user.username.encode() not in answer.content
        steps = answer.json().get("order", answer.json().get("orders", [{}])[0])["steps"]
        assert (steps[-1]["others"], steps[-1]["lon"]) == (1, None)
    assert b"EAST" not in browser(squad).get("/api/live").content
    assert b"EAST" in browser(by).get(scene.address("/api/orders/{order}")).content


# Leads from a session


@pytest.mark.parametrize("role", sorted(DISPATCHING))
def test_a_dispatcher_writes_a_lead(town: Town, role: Role) -> None:
    answer = post(make.user(role, town.top), "/api/leads", **body(contact="Wang"))
    assert answer.status_code == 201
    told = answer.json()["lead"]
    assert (told["state"], told["unit"], told["street"]) == ("waiting", town.west.pk, "C Street")
    assert (told["source"], told["contact"]) == ("manual", "Wang")


@pytest.mark.parametrize("role", [role for role in Role if role not in DISPATCHING])
def test_others_write_none(town: Town, role: Role) -> None:
    assert refusal(post(make.user(role, town.top), "/api/leads", **body())) == (403, "not_yours")
    assert not Lead.objects.exists()


def test_the_list_is_of_the_own_units_and_for_those_who_watch(town: Town, now: datetime) -> None:
    lead(town.west, now, text="WEST"), lead(town.east, now, text="EAST")
    lead(build_town("other").west, now, text="OTHER")
    lead(town.west, now, text="WEST-OLD", closed_at=now - timedelta(days=3))
    west = browser(make.user(Role.INSPECTOR, town.west)).get("/api/leads")
    assert [row["text"] for row in west.json()["leads"]] == ["WEST-OLD", "WEST"]
    assert "contact" not in west.content.decode()
    assert len(browser(town.dispatcher).get("/api/leads").json()["leads"]) == 3
    for role in (Role.OFFICER, Role.PLANNER):
        assert refusal(browser(make.user(role, town.top)).get("/api/leads")) == (403, "not_yours")


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "murder"},
        {"kind": None},
        {"text": ""},
        {"text": "x" * 1001},
        {"lon": None},
        {"lat": 86},
        {"lon": "NaN"},
        {"lon": "Infinity"},
        {"contact": "x" * 81},
        {"place": "x" * 161},
        {"happened_at": "yesterday"},
        {"enforcement": "perhaps"},
        {"text": "a\x00b"},
    ],
)
def test_a_bad_lead_is_refused_from_either_door(town: Town, wrong: dict[str, Any]) -> None:
    intake(town.west)
    for answer in (post(town.dispatcher, "/api/leads", **body(**wrong)), send(id="1", **wrong)):
        assert answer.status_code in (400, 409)
        assert refusal(answer)[1] in {"invalid", "place_unknown"}
    assert not Lead.objects.exists()


# Leads from another system


def test_a_source_sends_with_its_key_and_is_told_how_it_ended(town: Town, now: datetime) -> None:
    source = intake(town.brigade)
    first = send(id="A-1", enforcement=True, contact="Zhao")
    assert (first.status_code, first.json()["lead"]["state"]) == (201, "waiting")
    again = send(id="A-1", text="Said otherwise")
    assert again.status_code == 200
    made = Lead.objects.get()
    assert (made.source, made.intake, made.unit) == ("api", source, town.west)
    assert (made.text, made.enforcement, made.contact) == ("Two stalls", True, "Zhao")
    key = Client(headers={"host": "localhost", "authorization": f"Bearer {KEY}"})
    orders.open_order(made.pk, by=town.dispatcher, now=now)
    assert key.get("/api/leads").json()["leads"][0]["state"] == "in_hand"
    made.orders.update(state="disposed", ended_at=now)
    Lead.objects.update(closed_at=now, closed_reason="Moved on")
    [told] = key.get("/api/leads").json()["leads"]
    assert (told["id"], told["state"], told["result"]) == ("A-1", "closed", "Moved on")
    assert set(told) == {"id", "state", "received", "closed", "result"}


def test_a_source_sees_its_own_leads_only(town: Town, now: datetime) -> None:
    intake(town.west)
    other = intake(town.west, name="Camera", source="sensor", key_sha256=hash_secret("other-key"))
    lead(town.west, now, source="sensor", intake=other, external_id="B", text="OTHER")
    key = Client(headers={"host": "localhost", "authorization": f"Bearer {KEY}"})
    assert key.get("/api/leads").json() == {"leads": []}


def test_a_source_of_a_squad_brings_leads_to_that_squad(town: Town) -> None:
    intake(town.east)
    assert send(id="1").status_code == 201  # the place lies in the west
    assert Lead.objects.get().unit == town.east


@pytest.mark.parametrize("how", ["unknown", "revoked", "empty"])
def test_a_key_that_is_none_is_refused(town: Town, now: datetime, how: str) -> None:
    intake(town.west, revoked_at=now if how == "revoked" else None)
    key = {"unknown": "another", "revoked": KEY, "empty": ""}[how]
    assert refusal(send(key, id="1")) == (401, "bad_key")
    assert not Lead.objects.exists()


def test_a_source_must_name_its_lead(town: Town) -> None:
    intake(town.west)
    assert refusal(send()) == (400, "invalid")


@pytest.mark.parametrize("act", [*EVERY, "/api/live", "/api/my/order", "/api/areas"])
def test_a_key_opens_nothing_else(scene: Scene, act: str) -> None:
    intake(scene.town.top)
    key = Client(headers={"host": "localhost", "authorization": f"Bearer {KEY}"})
    method = DISPATCHERS[act][0] if act in DISPATCHERS else "get" if act not in OFFICERS else "post"
    answer = getattr(key, method)(scene.address(act), content_type="application/json")
    assert refusal(answer) == (401, "not_authenticated")


def test_the_key_is_kept_hashed_and_its_use_is_noted(town: Town) -> None:
    source = intake(town.west)
    send(id="1")
    source.refresh_from_db()
    assert source.last_used_at is not None
    assert KEY not in str(vars(source))


def test_a_source_that_floods_is_told_to_wait(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leads_api, "SENT", Buckets[int](burst=2, per_s=0.0))
    intake(town.west)
    assert [send(id=str(n)).status_code for n in range(3)] == [201, 201, 429]
    assert Lead.objects.count() == 2
    answer = send(id="4")
    assert refusal(answer) == (429, "throttled")
    assert answer["Retry-After"] == "1"


def test_a_patrol_pair_is_offered_a_lead_without_enforcement(scene: Scene, now: datetime) -> None:
    address = scene.address("/api/orders/{order}/nearest")
    Lead.objects.update(enforcement=False)
    alone = browser(scene.town.dispatcher).get(address).json()
    assert alone["choices"] == []
    assert {one["why"] for one in alone["fallen"]} == {"no_pair"}
    patrol(*scene.people, now=now)
    [choice] = browser(scene.town.dispatcher).get(address).json()["choices"]
    assert choice["together"]


def test_the_schema_names_the_endpoints_and_the_key(town: Town) -> None:
    text = browser(town.dispatcher).get("/api/schema").content.decode()
    for act in ("/api/leads:", "/api/orders/{id}/offer:", "/api/orders/{id}/arrive:"):
        assert act in text
    assert "intakeKey:" in text
    assert Order.objects.count() == 0
