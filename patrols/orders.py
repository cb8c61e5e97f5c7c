"""Orders: people sent to a lead, by one table of allowed steps (decision 24).

open → offered → accepted → arrived → disposed. What was declined, not answered in time or taken
back waits to be offered again. Each step is one compare-and-set: of two people who press at one
time the second is told what the first one did. Every step is kept with who, when and where.

An accepted order puts its people on duty until it ends; an offer does not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

import numpy as np
from django.contrib.gis.geos import Point
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from bureau.access import rules_on, visible_units
from bureau.errors import Refused
from bureau.models import Bureau, User
from bureau.rules import Rules
from bureau.week import Week
from geo.plane import Plane
from patrols import notices
from patrols.crews import check_crew
from patrols.leads import check_may_dispatch, find_lead
from patrols.models import (
    Lead,
    Order,
    OrderMember,
    OrderState,
    OrderStep,
    Person,
    PhoneNoticeKind,
)

S = OrderState

# From each state to those that may follow it. Nothing else moves an order.
STEPS: dict[OrderState, frozenset[OrderState]] = {
    S.OPEN: frozenset({S.OFFERED, S.CANCELLED}),
    S.OFFERED: frozenset({S.ACCEPTED, S.DECLINED, S.EXPIRED, S.CANCELLED}),
    S.DECLINED: frozenset({S.OFFERED, S.CANCELLED}),
    S.EXPIRED: frozenset({S.OFFERED, S.CANCELLED}),
    S.ACCEPTED: frozenset({S.ARRIVED, S.REASSIGNED, S.CANCELLED}),
    S.ARRIVED: frozenset({S.DISPOSED, S.REASSIGNED, S.CANCELLED}),
    S.REASSIGNED: frozenset({S.OFFERED, S.CANCELLED}),
    S.DISPOSED: frozenset(),
    S.CANCELLED: frozenset(),
}
ENDED = frozenset(state for state, after in STEPS.items() if not after)
# States in which nobody has it.
WAITING = frozenset({S.OPEN, S.DECLINED, S.EXPIRED, S.REASSIGNED})

LONGEST_WORDS = 1000


# --- the dispatcher's steps --------------------------------------------------------------------


def visible_orders(user: User) -> QuerySet[Order]:
    """Orders to leads on the ground of the units that the user may see."""
    return Order.objects.filter(bureau=user.bureau_id, lead__unit__in=visible_units(user))


def find_order(order_id: int, user: User) -> Order:
    """An order that the user may move as a dispatcher. Raises Refused."""
    check_may_dispatch(user)
    order = visible_orders(user).select_related("lead", "bureau").filter(pk=order_id).first()
    if order is None:
        raise Refused("not_yours", _("There is no such order among your units."))
    return order


def open_order(lead_id: int, *, by: User, now: datetime) -> Order:
    """An order to a lead that is not closed: the one that is open, or a new one. Raises Refused."""
    lead = find_lead(lead_id, by)
    with transaction.atomic():
        lead = Lead.objects.select_for_update().get(pk=lead.pk)
        if lead.closed_at is not None:
            raise Refused("lead_closed", _("This lead is closed already."))
        order = lead.orders.filter(ended_at=None).first()
        if order is not None:
            return order
        order = Order.objects.create(
            bureau_id=lead.bureau_id, lead=lead, state=S.OPEN, opened_at=now, moved_at=now
        )
        OrderStep.objects.create(order=order, to_state=S.OPEN, at=now, by=by)
    return order


def offer(order_id: int, *, people: Collection[int], by: User, now: datetime) -> Order:
    """Offer an order to people of visible units for `offer_lasts_s`. Raises Refused.

    For enforcement two certified officers; else two such or an existing patrol pair. All on duty
    and on no other order (`patrols.crews`).
    """
    expire_offers(now)  # whoever let one go by may be asked again
    order = find_order(order_id, by)
    rules = rules_of(order.bureau, now)
    crew = check_crew(order, people, by=by, rules=rules, now=now)
    try:
        with transaction.atomic():
            move(
                order,
                S.OFFERED,
                now=now,
                by=by,
                people=crew.people,
                offer_ends_at=now + timedelta(seconds=rules.offer_lasts_s),
                as_pair=crew.together,
            )
            OrderMember.objects.bulk_create(
                OrderMember(order=order, person=person, offered_at=now) for person in crew.people
            )
            for person in crew.people:
                notices.notify(person, PhoneNoticeKind.ORDER_OFFERED, order.pk, now)
    except IntegrityError as error:
        raise Refused(
            "on_an_order",
            _("One of them has just been offered another order. Choose again."),
        ) from error
    return order


def cancel(order_id: int, *, by: User, reason: str, now: datetime) -> Order:
    """End an order that nobody shall carry out; the lead waits again. Raises Refused."""
    order, reason = find_order(order_id, by), words(reason)
    with transaction.atomic():
        people = list(people_of(order))
        move(order, S.CANCELLED, now=now, by=by, people=people, note=reason, ended_at=now)
        release(order, now)
        for person in people:
            notices.notify(person, PhoneNoticeKind.ORDER_CANCELLED, order.pk, now)
    return order


def reassign(order_id: int, *, by: User, reason: str, now: datetime) -> Order:
    """Take an accepted order back from its people, to offer it to others. Raises Refused."""
    order, reason = find_order(order_id, by), words(reason)
    with transaction.atomic():
        people = list(people_of(order))
        move(order, S.REASSIGNED, now=now, by=by, people=people, note=reason)
        release(order, now)
        for person in people:
            notices.notify(person, PhoneNoticeKind.ORDER_CHANGED, order.pk, now)
    return order


# --- the officer's steps -----------------------------------------------------------------------


def order_of(person: Person, *, now: datetime) -> OrderMember | None:
    """What is offered to a person or carried out now; an offer past its time is none."""
    member = (
        OrderMember.objects.filter(person=person, until=None)
        .select_related("order__lead", "order__bureau")
        .first()
    )
    if member is None or has_expired(member.order, now):
        return None
    return member


def accept(order_id: int, *, by: User, now: datetime) -> Order:
    """Say yes in one's own name; of people who walk together, for all. Raises Refused."""
    order, member = own(order_id, by)
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order.pk)
        if order.state == S.OFFERED and has_expired(order, now):
            expire(order, now)
        elif order.state == S.OFFERED:
            mine = order.members.filter(until=None, since=None)
            mine = mine if order.as_pair else mine.filter(person=member.person)
            # The duty for the order begins with the yes, never with the offer.
            mine.update(since=now)
            if not order.members.filter(until=None, since=None).exists():
                people = list(people_of(order))
                move(order, S.ACCEPTED, now=now, by=by, people=people, offer_ends_at=None)
            return order
    raise moved(order)


def decline(order_id: int, *, by: User, reason: str, now: datetime) -> Order:
    """Say no, with or without a reason; then it is no longer offered to the others either."""
    order, member = own(order_id, by)
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order.pk)
        if order.state == S.OFFERED and has_expired(order, now):
            expire(order, now)
        elif order.state == S.OFFERED:
            note = words(reason, needed=False)
            move(order, S.DECLINED, now=now, by=by, people=[member.person], note=note)
            release(order, now)
            return order
    raise moved(order)


def arrive(
    order_id: int, *, by: User, place: tuple[float, float] | None, now: datetime
) -> OrderStep | None:
    """Say that one is there. The first of its people moves the order; returns that step.

    place: the phone's lon, lat in degrees. Too far away, or unknown, is marked and not refused.
    A later one of them is noted beside the name.
    """
    order, member = own(order_id, by)
    if place is not None and not all(map(isfinite, place)):
        place = None
    with transaction.atomic():
        order = Order.objects.select_for_update().select_related("lead", "bureau").get(pk=order.pk)
        if order.state not in {S.ACCEPTED, S.ARRIVED} or member.since is None:
            raise moved(order)
        if order.state == S.ARRIVED and member.arrived_at is not None:
            return None  # pressed twice
        mine = order.members.filter(until=None)
        mine = mine if order.as_pair else mine.filter(pk=member.pk)
        mine.filter(arrived_at=None).update(arrived_at=now)
        distance_m = None if place is None else metres_between(place, order.lead.point)
        rules = rules_of(order.bureau, now)
        told = {
            "point": None if place is None else Point(*place, srid=4326),
            "distance_m": distance_m,
            "flagged": distance_m is None or distance_m > rules.arrival_radius_m,
        }
        if order.state == S.ARRIVED:
            return note_step(order, S.ARRIVED, now=now, by=by, people=[member.person], **told)
        return move(order, S.ARRIVED, now=now, by=by, people=[member.person], step=told)


def dispose(order_id: int, *, by: User, report: str, now: datetime) -> Order:
    """End an order with what was done, in words; closes the lead. Raises Refused."""
    order, _member = own(order_id, by)
    report = words(report)
    with transaction.atomic():
        people = list(people_of(order))
        move(
            order, S.DISPOSED, now=now, by=by, people=people, note=report,
            report=report, ended_at=now,
        )  # fmt: skip
        release(order, now)
        Lead.objects.filter(pk=order.lead_id, closed_at=None).update(
            closed_at=now, closed_by=by, closed_reason=report
        )
    return order


# --- time --------------------------------------------------------------------------------------


def expire_offers(now: datetime) -> int:
    """End every offer whose time is over, whether anybody looks or not; how many."""
    over = 0
    for order_id in Order.objects.filter(state=S.OFFERED, offer_ends_at__lte=now).values_list(
        "pk", flat=True
    ):
        with transaction.atomic():
            order = Order.objects.select_for_update().get(pk=order_id)
            if order.state == S.OFFERED and has_expired(order, now):
                expire(order, now)
                over += 1
    return over


def has_expired(order: Order, now: datetime) -> bool:
    """Whether it is an offer whose time is over."""
    return (
        order.state == S.OFFERED and order.offer_ends_at is not None and order.offer_ends_at <= now
    )


def expire(order: Order, now: datetime) -> None:
    """Write that an offer has ended without an answer. Within a transaction."""
    move(order, S.EXPIRED, now=order.offer_ends_at or now, by=None, people=people_of(order))
    release(order, now)


def forget_places(bureau: Bureau, *, before: datetime) -> int:
    """Forget where people were at steps of that long ago; the distance stays. How many."""
    return OrderStep.objects.filter(
        order__bureau=bureau, at__lt=before, point__isnull=False
    ).update(point=None)


# --- one step ----------------------------------------------------------------------------------


def move(
    order: Order,
    to: OrderState,
    *,
    now: datetime,
    by: User | None,
    people: Iterable[Person] = (),
    note: str = "",
    step: dict[str, Any] | None = None,
    **fields: Any,
) -> OrderStep:
    """Compare and set: from the state in which `order` was read to `to`, with the line of the step.

    Raises Refused when the table does not allow it or somebody was faster.
    """
    before = OrderState(order.state)
    if to not in STEPS[before]:
        raise moved(order)
    changed = Order.objects.filter(pk=order.pk, state=before).update(
        state=to, moved_at=now, **fields
    )
    if not changed:
        order.refresh_from_db()
        raise moved(order)
    order.refresh_from_db()
    return note_step(order, before, now=now, by=by, people=people, note=note, **(step or {}))


def note_step(
    order: Order,
    before: OrderState,
    *,
    now: datetime,
    by: User | None,
    people: Iterable[Person],
    **told: Any,
) -> OrderStep:
    """Write the line of one step. An offer's notice goes from the pages when it is over."""
    if before == S.OFFERED:
        notices.withdraw([PhoneNoticeKind.ORDER_OFFERED], order.pk, now)
    line = OrderStep.objects.create(
        order=order, from_state=before, to_state=order.state, at=now, by=by, **told
    )
    line.people.set(people)
    return line


def moved(order: Order) -> Refused:
    """The refusal for a step that does not fit the order's state, saying how it stands."""
    state = OrderState(order.state)
    last = order.steps.select_related("by").last()
    by = last.by if last else None
    if by is None:
        return Refused("order_moved", _("This order is now: %(state)s.") % {"state": state.label})
    return Refused(
        "order_moved",
        _("This order is now: %(state)s, by %(name)s.") % {"state": state.label, "name": by},
    )


def release(order: Order, now: datetime) -> None:
    """It is over for everybody to whom it was offered: duty for it ends, others may ask them."""
    order.members.filter(until=None).update(until=now)


def people_of(order: Order) -> QuerySet[Person]:
    """Those who have it now, offered or accepted."""
    return Person.objects.filter(order_memberships__order=order, order_memberships__until=None)


def own(order_id: int, by: User) -> tuple[Order, OrderMember]:
    """An order that was given to this user's person, and still is. Raises Refused."""
    member = (
        OrderMember.objects.filter(order=order_id, person__user=by.pk)
        .select_related("order__lead", "order__bureau", "person")
        .order_by("until")
        .last()
    )
    if member is None or not by.is_active:
        raise Refused("not_yours", _("This order was not given to you."))
    open_one = OrderMember.objects.filter(order=order_id, person=member.person, until=None)
    found = open_one.select_related("order__lead", "order__bureau", "person").first()
    if found is None:
        raise moved(member.order)
    return found.order, found


def words(text: str, *, needed: bool = True) -> str:
    """A text that is kept with a step. Refused if it is missing or too long."""
    text = text.strip()
    if needed and not text:
        raise Refused("words_missing", _("Say it in a few words; they are kept with the order."))
    if len(text) > LONGEST_WORDS:
        raise Refused("too_long", _("Keep it under %(n)d characters.") % {"n": LONGEST_WORDS})
    return text


def rules_of(bureau: Bureau, now: datetime) -> Rules:
    """The rules of the week in which it happens."""
    return rules_on(bureau, Week.containing(now, bureau.time_zone).monday)[0]


def metres_between(place: tuple[float, float], point: Point) -> float:
    """Straight distance of two places in metres."""
    plane = Plane.around([point.x], [point.y])
    x, y = plane.to_metres(np.array([place[0], point.x]), np.array([place[1], point.y]))
    return float(np.hypot(x[0] - x[1], y[0] - y[1]))
