"""Orders: every allowed step with its line, every other one refused; expiry; duty; two at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from bureau.errors import Refused
from bureau.models import Role, User
from patrols import leads, notices, orders
from patrols.forgetting import forget
from patrols.live_round import people_on_duty
from patrols.models import (
    Category,
    Certificate,
    Lead,
    Order,
    OrderMember,
    OrderState,
    Person,
    Shift,
)
from patrols.order_rows import cut, order_rows
from patrols.order_steps import STEPS
from tests import make
from tests.patrols.dispatching import account, lead, patrol, there
from tests.realtime.stage import officer
from tests.world import Town, build_town, place

pytestmark = pytest.mark.django_db

S = OrderState


class Scene:
    """A lead in the west, two officers with accounts, and an order to it."""

    def __init__(self, town: Town, now: datetime, **fields: object) -> None:
        self.by = town.dispatcher
        self.now = now
        self.lead = lead(town.west, now, **fields)
        self.people = [there(town.west, now, 50 * k, 0, name=f"Li {k}") for k in (1, 2)]
        self.users = [account(person) for person in self.people]
        self.order = orders.open_order(self.lead.pk, by=self.by, now=now)

    def offer(self, *people: Person) -> Order:
        chosen = people or self.people
        return orders.offer(
            self.order.pk, people=[one.pk for one in chosen], by=self.by, now=self.now
        )

    def accept(self) -> None:
        for user in self.users:
            orders.accept(self.order.pk, by=user, now=self.now)

    def state(self) -> str:
        self.order.refresh_from_db()
        return self.order.state

    def bring_to(self, state: OrderState) -> None:
        """Move it there by the product's own steps."""
        if state in (S.OPEN,):
            return
        if state == S.CANCELLED:
            orders.cancel(self.order.pk, by=self.by, reason="false", now=self.now)
            return
        self.offer()
        if state == S.DECLINED:
            orders.decline(self.order.pk, by=self.users[0], reason="", now=self.now)
        elif state == S.EXPIRED:
            orders.expire_offers(self.now + timedelta(seconds=60))
        elif state != S.OFFERED:
            self.accept()
            if state == S.REASSIGNED:
                orders.reassign(self.order.pk, by=self.by, reason="nearer ones", now=self.now)
            elif state != S.ACCEPTED:
                orders.arrive(self.order.pk, by=self.users[0], place=place(0, 0), now=self.now)
                if state == S.DISPOSED:
                    orders.dispose(self.order.pk, by=self.users[0], report="moved on", now=self.now)


@pytest.fixture
def scene(town: Town, now: datetime) -> Scene:
    return Scene(town, now)


def code(act: Callable[[], object]) -> str:
    with pytest.raises(Refused) as refused, transaction.atomic():
        act()
    return refused.value.code


def test_an_order_from_the_inbox_to_its_end(scene: Scene, now: datetime):
    scene.offer()
    orders.accept(scene.order.pk, by=scene.users[0], now=now)
    assert scene.state() == S.OFFERED  # the other one has not answered yet
    orders.accept(scene.order.pk, by=scene.users[1], now=now)
    assert scene.state() == S.ACCEPTED
    step = orders.arrive(scene.order.pk, by=scene.users[1], place=place(30, 0), now=now)
    assert step is not None
    # 30 m from the place: within the radius of 50 m.
    assert step.distance_m == pytest.approx(30, abs=0.1)
    assert not step.flagged
    orders.dispose(scene.order.pk, by=scene.users[0], report="Stalls moved, talked to", now=now)
    assert scene.state() == S.DISPOSED
    scene.lead.refresh_from_db()
    assert (scene.lead.closed_at, scene.lead.closed_reason) == (now, "Stalls moved, talked to")
    lines = [(s.from_state, s.to_state, s.by) for s in scene.order.steps.order_by("pk")]
    assert lines == [
        ("", "open", scene.by),
        ("open", "offered", scene.by),
        ("offered", "offered", scene.users[0]),  # one yes of two
        ("offered", "accepted", scene.users[1]),
        ("accepted", "arrived", scene.users[1]),
        ("arrived", "disposed", scene.users[0]),
    ]
    assert set(scene.order.steps.get(to_state="accepted").people.all()) == set(scene.people)
    assert not OrderMember.objects.filter(until=None).exists()


ACTS: dict[str, Callable[[Scene], object]] = {
    "offered": lambda s: s.offer(),
    "accepted": lambda s: orders.accept(s.order.pk, by=s.users[0], now=s.now),
    "declined": lambda s: orders.decline(s.order.pk, by=s.users[0], reason="", now=s.now),
    "arrived": lambda s: orders.arrive(s.order.pk, by=s.users[0], place=place(0, 0), now=s.now),
    "disposed": lambda s: orders.dispose(s.order.pk, by=s.users[0], report="done", now=s.now),
    "reassigned": lambda s: orders.reassign(s.order.pk, by=s.by, reason="why", now=s.now),
    "cancelled": lambda s: orders.cancel(s.order.pk, by=s.by, reason="why", now=s.now),
}
# By hand from decision 24, not read from the table.
ALLOWED = {
    ("open", "offered"), ("open", "cancelled"),
    ("offered", "accepted"), ("offered", "declined"), ("offered", "cancelled"),
    ("declined", "offered"), ("declined", "cancelled"),
    ("expired", "offered"), ("expired", "cancelled"),
    ("accepted", "arrived"), ("accepted", "reassigned"), ("accepted", "cancelled"),
    ("arrived", "disposed"), ("arrived", "reassigned"), ("arrived", "cancelled"),
    ("reassigned", "offered"), ("reassigned", "cancelled"),
}  # fmt: skip


@pytest.mark.parametrize("to", ACTS)
@pytest.mark.parametrize("state", list(OrderState))
def test_each_step_from_each_state_is_taken_or_refused(scene: Scene, state: OrderState, to: str):
    scene.bring_to(state)
    assert scene.state() == state
    before = scene.order.steps.count()
    if (state, to) in ALLOWED:
        ACTS[to](scene)
        # One of two has accepted: it waits for the other.
        assert scene.state() == ("offered" if to == "accepted" else to)
    elif (state, to) == ("arrived", "arrived"):
        assert ACTS[to](scene) is None  # pressed twice
    else:
        # Who has it no more, or never had it, is told how it stands or that it is not theirs.
        assert code(lambda: ACTS[to](scene)) in {"order_moved", "not_yours"}
        assert scene.state() == state
        assert scene.order.steps.count() == before


def test_the_table_allows_nothing_more_than_the_decision(scene: Scene):
    table = {(a.value, b.value) for a, after in STEPS.items() for b in after}
    assert table == ALLOWED | {("offered", "expired")}


def test_its_people_are_told_and_what_was_asked_is_withdrawn(scene: Scene, now: datetime):
    def shown() -> list[list[str]]:
        return [[one.kind for one in notices.unseen(person, now)] for person in scene.people]

    scene.offer()
    assert shown() == [["order_offered"]] * 2
    orders.decline(scene.order.pk, by=scene.users[0], reason="", now=now)
    assert shown() == [[], []]
    scene.offer()
    orders.accept(scene.order.pk, by=scene.users[0], now=now)
    assert shown() == [[], ["order_offered"]]
    scene.accept()
    assert shown() == [[], []]
    orders.reassign(scene.order.pk, by=scene.by, reason="x", now=now)
    assert shown() == [["order_changed"]] * 2
    scene.offer()
    orders.cancel(scene.order.pk, by=scene.by, reason="x", now=now)
    assert shown() == [["order_cancelled", "order_changed"]] * 2


# Offers that nobody answers


def test_an_offer_lasts_sixty_seconds_and_ends_by_itself(scene: Scene, now: datetime):
    scene.offer()
    assert orders.expire_offers(now + timedelta(seconds=59)) == 0
    assert scene.state() == S.OFFERED
    assert orders.expire_offers(now + timedelta(seconds=60)) == 1
    assert scene.state() == S.EXPIRED
    line = scene.order.steps.get(to_state="expired")
    assert (line.by, line.at) == (None, now + timedelta(seconds=60))
    scene.offer()  # they may be asked again
    assert scene.state() == S.OFFERED


@pytest.mark.parametrize("act", ["accepted", "declined"])
def test_an_answer_after_the_time_is_too_late_though_nobody_ended_the_offer(
    scene: Scene, now: datetime, act: str
):
    scene.offer()
    scene.now = now + timedelta(seconds=61)
    with pytest.raises(Refused) as refused:
        ACTS[act](scene)
    assert refused.value.code == "order_moved"
    assert "not answered in time" in str(refused.value)
    assert scene.state() == S.EXPIRED


def test_one_no_ends_the_offer_for_both(scene: Scene, now: datetime):
    scene.offer()
    orders.accept(scene.order.pk, by=scene.users[0], now=now)
    orders.decline(scene.order.pk, by=scene.users[1], reason="Phone is at 3 %", now=now)
    assert scene.state() == S.DECLINED
    line = scene.order.steps.get(to_state="declined")
    assert (line.note, list(line.people.all())) == ("Phone is at 3 %", [scene.people[1]])
    assert not OrderMember.objects.filter(until=None).exists()


# Where they arrive


@pytest.mark.parametrize(
    ("east_m", "flagged"), [(0.0, False), (49.0, False), (51.0, True), (400.0, True)]
)
def test_arriving_elsewhere_is_marked_and_not_refused(
    scene: Scene, now: datetime, east_m: float, flagged: bool
):
    scene.bring_to(S.ACCEPTED)
    step = orders.arrive(scene.order.pk, by=scene.users[0], place=place(east_m, 0), now=now)
    assert step is not None
    assert (step.flagged, scene.state()) == (flagged, S.ARRIVED)
    assert step.distance_m == pytest.approx(east_m, abs=0.1)


def test_arriving_without_a_place_is_marked(scene: Scene, now: datetime):
    scene.bring_to(S.ACCEPTED)
    step = orders.arrive(scene.order.pk, by=scene.users[0], place=None, now=now)
    assert step is not None
    assert (step.flagged, step.distance_m, step.point) == (True, None, None)


def test_the_second_to_arrive_is_noted_and_pressing_twice_is_nothing(scene: Scene, now: datetime):
    scene.bring_to(S.ARRIVED)
    later = now + timedelta(minutes=2)
    second = orders.arrive(scene.order.pk, by=scene.users[1], place=place(80, 0), now=later)
    assert second is not None
    assert (second.from_state, second.to_state, second.flagged) == ("arrived", "arrived", True)
    assert orders.arrive(scene.order.pk, by=scene.users[1], place=place(0, 0), now=later) is None
    assert [m.arrived_at for m in scene.order.members.all()] == [now, later]


# Who may be sent


def test_enforcement_needs_two_certified_officers(town: Town, now: datetime):
    scene = Scene(town, now, enforcement=True)
    helper = there(town.west, now, 0, 0, category=Category.AUXILIARY, name="Helper")
    lapsed = there(town.west, now, 0, 0, name="Lapsed")
    Certificate.objects.filter(person=lapsed).update(valid_until="2021-01-01")
    patrol(scene.people[0], helper, now=now)
    for people, name in (
        ([scene.people[0], helper], "Helper is an auxiliary"),
        ([scene.people[0], lapsed], "Lapsed's certificate is not valid today"),
        ([scene.people[0]], "needs 2 certified officers"),
    ):
        with pytest.raises(Refused) as refused:
            scene.offer(*people)
        assert refused.value.code == "certified_missing"
        assert name in str(refused.value)
    assert scene.state() == S.OPEN
    scene.offer()


def test_without_enforcement_a_patrol_pair_with_an_auxiliary_does(town: Town, now: datetime):
    scene = Scene(town, now)
    helper = there(town.west, now, 0, 0, category=Category.AUXILIARY)
    assert code(lambda: scene.offer(scene.people[0], helper)) == "no_pair"
    patrol(scene.people[0], helper, now=now)
    scene.offer(scene.people[0], helper)
    # Who walks together answers together.
    orders.accept(scene.order.pk, by=scene.users[0], now=now)
    assert scene.state() == S.ACCEPTED
    assert all(m.since == now for m in scene.order.members.filter(until=None))


@pytest.mark.parametrize("why", ["off_duty", "on_order", "person_unknown", "nobody"])
def test_who_cannot_be_sent_is_named(town: Town, scene: Scene, now: datetime, why: str):
    third = there(town.west, now, 0, 0, name="Third")
    if why == "off_duty":
        Shift.objects.filter(person=third).delete()
    elif why == "on_order":
        other = orders.open_order(lead(town.west, now).pk, by=scene.by, now=now)
        fourth = there(town.west, now, 0, 0)
        orders.offer(other.pk, people=[third.pk, fourth.pk], by=scene.by, now=now)
    elif why == "person_unknown":
        third = there(build_town("other").west, now, 0, 0)
    if why == "nobody":
        act = lambda: orders.offer(scene.order.pk, people=[], by=scene.by, now=now)  # noqa: E731
        assert code(act) == "person_unknown"
        return
    with pytest.raises(Refused) as refused:
        scene.offer(scene.people[0], third)
    assert refused.value.code == why
    assert why == "person_unknown" or "Third" in str(refused.value)


def test_nobody_holds_two_open_orders_whatever_the_code_does(
    town: Town, scene: Scene, now: datetime
):
    scene.offer()
    other = orders.open_order(lead(town.west, now).pk, by=scene.by, now=now)
    with pytest.raises(IntegrityError), transaction.atomic():
        OrderMember.objects.create(order=other, person=scene.people[0], offered_at=now)


# Whose it is


def test_a_dispatcher_of_the_other_squad_moves_nothing(town: Town, scene: Scene, now: datetime):
    stranger = make.user(Role.DISPATCHER, town.east)
    acts: list[Callable[[], object]] = [
        lambda: orders.open_order(scene.lead.pk, by=stranger, now=now),
        lambda: orders.offer(scene.order.pk, people=[1], by=stranger, now=now),
        lambda: orders.cancel(scene.order.pk, by=stranger, reason="x", now=now),
        lambda: orders.reassign(scene.order.pk, by=stranger, reason="x", now=now),
        lambda: leads.close_lead(scene.lead.pk, by=stranger, reason="x", now=now),
    ]
    assert [code(act) for act in acts] == ["not_yours"] * 5


def test_a_squads_dispatcher_sends_only_the_own_people(town: Town, now: datetime):
    scene = Scene(town, now)
    east = there(town.east, now, 0, 0)
    scene.by = make.user(Role.DISPATCHER, town.west)
    assert code(lambda: scene.offer(scene.people[0], east)) == "person_unknown"


@pytest.mark.parametrize("role", [Role.OFFICER, Role.PLANNER, Role.INSPECTOR])
def test_other_roles_send_nobody(town: Town, scene: Scene, now: datetime, role: Role):
    user = make.user(role, town.top)
    assert code(lambda: orders.open_order(scene.lead.pk, by=user, now=now)) == "not_yours"


def test_only_those_who_were_asked_answer(town: Town, scene: Scene, now: datetime):
    scene.offer()
    stranger = account(officer(town.west, now))
    for user in (stranger, town.dispatcher):
        for act in ("accepted", "declined", "arrived", "disposed"):
            scene.users[0] = user
            assert code(lambda act=act: ACTS[act](scene)) == "not_yours"


@pytest.mark.parametrize("words", ["", "  ", "x" * 1001])
def test_words_are_needed_and_not_endless(scene: Scene, now: datetime, words: str):
    scene.bring_to(S.ARRIVED)
    expected = "too_long" if words.strip() else "words_missing"
    user: User = scene.users[0]
    order = scene.order.pk
    assert code(lambda: orders.dispose(order, by=user, report=words, now=now)) == expected
    assert code(lambda: orders.cancel(order, by=scene.by, reason=words, now=now)) == expected
    assert code(lambda: orders.reassign(order, by=scene.by, reason=words, now=now)) == expected


# Duty (decision 3)


def on_duty(town: Town, now: datetime) -> set[int]:
    return {one.person for one in people_on_duty(town.bureau, now)}


def test_an_accepted_order_is_duty_until_it_ends_and_an_offer_is_not(
    town: Town, scene: Scene, now: datetime
):
    ids = {person.pk for person in scene.people}
    scene.offer()
    Shift.objects.all().delete()
    assert not on_duty(town, now)
    scene.accept()
    assert on_duty(town, now + timedelta(seconds=1)) == ids
    assert on_duty(town, now + timedelta(hours=15, minutes=59)) == ids
    # One that was forgotten ends for its people by itself.
    assert not on_duty(town, now + timedelta(hours=16, minutes=1))
    orders.reassign(scene.order.pk, by=scene.by, reason="x", now=now + timedelta(minutes=5))
    assert on_duty(town, now + timedelta(minutes=4)) == ids
    assert not on_duty(town, now + timedelta(minutes=5))


# Leads


def test_a_cancelled_order_leaves_the_lead_waiting_and_a_new_one_may_be_opened(
    scene: Scene, now: datetime
):
    scene.bring_to(S.CANCELLED)
    [row] = order_rows(Lead.objects.all(), now)
    assert (row["state"], row["order"], row["members"]) == ("waiting", None, [])
    again = orders.open_order(scene.lead.pk, by=scene.by, now=now)
    assert again.pk != scene.order.pk
    assert orders.open_order(scene.lead.pk, by=scene.by, now=now) == again


def test_a_lead_is_closed_with_a_reason_and_not_while_somebody_goes(scene: Scene, now: datetime):
    def close(reason: str) -> Lead:
        return leads.close_lead(scene.lead.pk, by=scene.by, reason=reason, now=now)

    assert code(lambda: close("  ")) == "reason_missing"
    assert code(lambda: close("told twice")) == "lead_in_hand"
    scene.bring_to(S.CANCELLED)
    assert close("told twice").closed_by == scene.by
    assert code(lambda: close("again")) == "lead_closed"
    assert code(lambda: orders.open_order(scene.lead.pk, by=scene.by, now=now)) == "lead_closed"


def test_a_lead_belongs_to_the_unit_of_its_beat_and_knows_its_street(town: Town, now: datetime):
    def write(east_m: float, by: User) -> Lead:
        draft = leads.LeadDraft(kind="stall", text="x", place=place(east_m, 3))
        return leads.write_lead(draft, by=by, now=now)

    assert write(-120, town.dispatcher).unit == town.west
    assert write(120, town.dispatcher).unit == town.east
    assert write(2000, town.dispatcher).unit == town.top  # on nobody's beat
    # A squad's dispatcher writes for the own squad, wherever it is.
    assert write(120, make.user(Role.DISPATCHER, town.west)).unit == town.west
    assert write(-150, town.dispatcher).street == "C Street"
    assert write(2000, town.dispatcher).street == ""


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"text": " "}, "text_missing"),
        ({"text": "x" * 1001}, "too_long"),
        ({"contact": "x" * 81}, "too_long"),
        ({"kind": "murder"}, "kind_unknown"),
        ({"place": (181.0, 0.0)}, "place_unknown"),
        ({"place": (float("nan"), 0.0)}, "place_unknown"),
        ({"happened_at": "ahead"}, "in_the_future"),
    ],
)
def test_what_a_lead_must_not_be(
    town: Town, now: datetime, change: dict[str, object], expected: str
):
    if "happened_at" in change:
        change = {"happened_at": now + timedelta(minutes=6)}
    values = {"kind": "stall", "text": "x", "place": place(0, 0)} | change
    draft = leads.LeadDraft(**values)
    assert code(lambda: leads.write_lead(draft, by=town.dispatcher, now=now)) == expected
    assert not Lead.objects.exists()


def test_who_told_a_lead_is_forgotten_thirty_days_after_its_end(town: Town, now: datetime):
    old = lead(town.west, now, contact="Wang, 138…", closed_at=now - timedelta(days=31))
    young = lead(town.west, now, contact="Li, 139…", closed_at=now - timedelta(days=29))
    waits = lead(town.west, now, contact="Zhao, 137…")
    assert leads.forget_contacts(now=now) == 1
    kept = dict(Lead.objects.values_list("pk", "contact"))
    assert kept == {old.pk: "", young.pk: "Li, 139…", waits.pk: "Zhao, 137…"}


def test_where_they_arrived_is_forgotten_after_the_retention_time(scene: Scene, now: datetime):
    scene.bring_to(S.ARRIVED)
    step = scene.order.steps.get(to_state="arrived")
    for days, point in ((89, True), (91, False)):
        # The nightly run as a whole: it knows the bureau's own time.
        forget(now=now + timedelta(days=days))
        step.refresh_from_db()
        assert (step.point is not None, step.distance_m) == (point, pytest.approx(0, abs=0.1))


def test_a_row_names_only_people_of_the_own_units(town: Town, scene: Scene, now: datetime):
    east = there(town.east, now, 0, 0, name="EAST")
    scene.offer(scene.people[0], east)
    [row] = order_rows(Lead.objects.all(), now)
    whole, west = cut(row, {town.west.pk, town.east.pk}), cut(row, {town.west.pk})
    assert ([m["name"] for m in whole["members"]], whole["others"]) == (["Li 1", "EAST"], 0)
    assert ([m["name"] for m in west["members"]], west["others"]) == (["Li 1"], 1)
    assert "EAST" not in str(west)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_press_at_one_time_one_is_first(now: datetime):
    town = build_town()
    scene = Scene(town, now)
    third, fourth = (there(town.west, now, 0, 0) for _ in range(2))
    start = threading.Barrier(2)
    said: list[str] = []

    def press(people: list[Person]) -> None:
        try:
            start.wait(20)
            scene.offer(*people)
            said.append("offered")
        except Refused as refused:
            said.append(refused.code)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=press, args=[people]) for people in (scene.people, [third, fourth])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(said) == ["offered", "order_moved"]
    assert OrderMember.objects.filter(until=None).count() == 2
