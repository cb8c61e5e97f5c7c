"""Leads and orders in the frames: told once to whoever sees the ground, and never to others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from bureau.models import Role
from patrols import orders
from patrols.models import OrderState
from tests import make
from tests.patrols.dispatching import account, lead, there
from tests.realtime.stage import fresh_screen
from tests.realtime.test_stream import Wire
from tests.world import Town, build_town, place

pytestmark = pytest.mark.django_db


@pytest.fixture
def town() -> Town:
    return build_town()


@pytest.fixture
def wire(town: Town) -> Iterator[Wire]:
    wire = Wire(town.top.pk, town.west.pk, town.east.pk)
    yield wire
    wire.close()


def test_an_orders_way_through_the_frames_is_that_of_the_snapshot(town: Town, wire: Wire):
    people = [there(town.west, wire.now, 10 * k, 0) for k in range(2)]
    users = [account(person) for person in people]
    wire.start()
    screen = fresh_screen(make.user(Role.DISPATCHER, town.west), wire.now)
    seen: list[str] = []

    def look() -> None:
        screen.take(wire.tick()[town.west.pk][0], wire.now)
        seen.extend(row["state"] for row in screen.orders.values())

    told = lead(town.west, wire.now)
    look()
    order = orders.open_order(told.pk, by=town.dispatcher, now=wire.now)
    look()
    ids = [person.pk for person in people]
    orders.offer(order.pk, people=ids, by=town.dispatcher, now=wire.now)
    look()
    for user in users:
        orders.accept(order.pk, by=user, now=wire.now)
    look()
    orders.arrive(order.pk, by=users[0], place=place(90, 0), now=wire.now)
    look()
    assert screen.orders[told.pk]["flagged"]
    orders.dispose(order.pk, by=users[0], report="Moved on", now=wire.now)
    look()
    assert seen == ["waiting", "open", "offered", "accepted", "arrived", "disposed"]
    assert screen.snapshots == 1
    assert screen.orders == fresh_screen(screen.user, wire.now).orders
    # Told once: the next frame has nothing to say of it.
    assert "orders" not in wire.tick()[town.west.pk][0].rest


def test_an_offer_that_ran_out_is_in_the_next_frame(town: Town, wire: Wire):
    people = [there(town.west, wire.now, 10 * k, 0) for k in range(2)]
    told = lead(town.west, wire.now)
    order = orders.open_order(told.pk, by=town.dispatcher, now=wire.now)
    ids = [person.pk for person in people]
    orders.offer(order.pk, people=ids, by=town.dispatcher, now=wire.now)
    wire.start()
    orders.expire_offers(wire.now + timedelta(seconds=61))
    [row] = wire.tick(seconds=61)[town.west.pk][0].rest["orders"]
    assert (row["state"], row["members"], row["offer_ends"]) == (OrderState.EXPIRED, [], None)


def test_a_watcher_of_one_squad_never_gets_a_byte_about_another_ones_orders(town: Town, wire: Wire):
    west = there(town.west, wire.now, 0, 0, name="WEST-MAN")
    east = there(town.east, wire.now, 0, 0, name="EAST-MAN")
    users = [account(west), account(east)]
    wire.start()
    lead(town.east, wire.now, text="EAST-LEAD", place="EAST-PLACE")
    shared = lead(town.west, wire.now, text="WEST-LEAD", contact="CALLER")
    order = orders.open_order(shared.pk, by=town.dispatcher, now=wire.now)
    frames = [wire.tick()]
    orders.offer(order.pk, people=[west.pk, east.pk], by=town.dispatcher, now=wire.now)
    frames.append(wire.tick())
    for user in users:
        orders.accept(order.pk, by=user, now=wire.now)
    frames.append(wire.tick())
    squad = b"".join(found[town.west.pk][1] for found in frames)
    assert b"EAST" not in squad
    assert b"WEST-LEAD" in squad
    [row] = frames[2][town.west.pk][0].rest["orders"]
    assert ([m["name"] for m in row["members"]], row["others"]) == (["WEST-MAN"], 1)
    other = b"".join(found[town.east.pk][1] for found in frames)
    assert b"WEST" not in other
    everything = b"".join(found[town.top.pk][1] for found in frames)
    assert b"EAST-LEAD" in everything
    assert b"EAST-MAN" in everything
    # Who told it is in no frame at all.
    assert b"CALLER" not in everything


def test_a_closed_lead_leaves_the_snapshot_after_ten_minutes(town: Town, wire: Wire):
    closed = lead(town.west, wire.now, closed_at=wire.now)
    wire.start()
    for minutes, shown in ((9, {closed.pk}), (11, set())):
        screen = fresh_screen(town.dispatcher, wire.now + timedelta(minutes=minutes))
        assert set(screen.orders) == shown
