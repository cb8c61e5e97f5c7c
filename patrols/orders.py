"""Orders: people sent to a lead, by one table of allowed steps (decision 24).

open → offered → accepted → arrived → disposed. What was declined, not answered in time or taken
back waits to be offered again. Each step is one compare-and-set: of two people who press at one
time the second is told what the first one did. Every step is kept with who, when and where.

An officer answers in one's own name, or by radio: then a dispatcher enters it, and the step keeps
both names. An accepted order puts its people on duty until it ends; an offer does not.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from math import isfinite

import numpy as np
from django.contrib.gis.geos import Point
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from bureau.access import visible_units
from bureau.errors import Refused
from bureau.models import Bureau, User
from geo.plane import Plane
from patrols import notices
from patrols.crews import check_crew, fresh_place
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
from patrols.order_steps import (
    expire,
    has_expired,
    move,
    moved,
    note_step,
    people_of,
    release,
    rules_of,
    words,
)

S = OrderState


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


def accept(order_id: int, *, by: User, now: datetime, said_by: int | None = None) -> Order:
    """Say yes in one's own name; of people who walk together, for all. Raises Refused."""
    order, member = asked(order_id, by, said_by)
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order.pk)
        if order.state == S.OFFERED and has_expired(order, now):
            expire(order, now)
        elif order.state == S.OFFERED:
            mine = order.members.filter(until=None, since=None)
            mine = mine if order.as_pair else mine.filter(person=member.person)
            told = {"said_by": member.person if said_by else None}
            # The duty for the order begins with the yes, never with the offer.
            new = mine.update(since=now)
            if not order.members.filter(until=None, since=None).exists():
                people = people_of(order)
                move(
                    order, S.ACCEPTED, now=now, by=by, people=people, step=told, offer_ends_at=None
                )
            elif new:
                note_step(order, S.OFFERED, now=now, by=by, people=[member.person], **told)
            return order
    raise moved(order)


def decline(
    order_id: int, *, by: User, reason: str, now: datetime, said_by: int | None = None
) -> Order:
    """Say no, with or without a reason; then it is no longer offered to the others either."""
    order, member = asked(order_id, by, said_by)
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order.pk)
        if order.state == S.OFFERED and has_expired(order, now):
            expire(order, now)
        elif order.state == S.OFFERED:
            note = words(reason, needed=False)
            told = {"said_by": member.person if said_by else None}
            move(
                order, S.DECLINED, now=now, by=by, people=[member.person], note=note, step=told
            )  # fmt: skip
            release(order, now)
            return order
    raise moved(order)


def arrive(
    order_id: int,
    *,
    by: User,
    place: tuple[float, float] | None,
    now: datetime,
    said_by: int | None = None,
) -> OrderStep | None:
    """Say that one is there. The first of its people moves the order; returns that step.

    place: the phone's lon, lat in degrees; said by radio, where its last fresh fix is. Too far
    away, or unknown, is marked and not refused. A later one of them is noted beside the name.
    """
    order, member = asked(order_id, by, said_by)
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
        rules = rules_of(order.bureau, now)
        if said_by:
            place = fresh_place(member.person, order, rules, now)
        distance_m = None if place is None else metres_between(place, order.lead.point)
        told = {
            "point": None if place is None else Point(*place, srid=4326),
            "distance_m": distance_m,
            "flagged": distance_m is None or distance_m > rules.arrival_radius_m,
            "said_by": member.person if said_by else None,
        }
        if order.state == S.ARRIVED:
            return note_step(order, S.ARRIVED, now=now, by=by, people=[member.person], **told)
        return move(order, S.ARRIVED, now=now, by=by, people=[member.person], step=told)


def dispose(
    order_id: int, *, by: User, report: str, now: datetime, said_by: int | None = None
) -> Order:
    """End an order with what was done, in words; closes the lead. Raises Refused."""
    order, member = asked(order_id, by, said_by)
    report = words(report)
    with transaction.atomic():
        people = list(people_of(order))
        told = {"said_by": member.person if said_by else None}
        move(
            order, S.DISPOSED, now=now, by=by, people=people, note=report, step=told,
            report=report, ended_at=now,
        )  # fmt: skip
        release(order, now)
        Lead.objects.filter(pk=order.lead_id, closed_at=None).update(
            closed_at=now, closed_by=by, closed_reason=report
        )
    return order


def answer_by_radio(
    order_id: int, act: str, *, said_by: int, by: User, reason: str, now: datetime
) -> None:
    """Enter what a person says by radio: accept, decline, arrive or dispose. Raises Refused."""
    match act:
        case "accept":
            accept(order_id, by=by, now=now, said_by=said_by)
        case "decline":
            decline(order_id, by=by, reason=reason, now=now, said_by=said_by)
        case "arrive":
            arrive(order_id, by=by, place=None, now=now, said_by=said_by)
        case "dispose":
            dispose(order_id, by=by, report=reason, now=now, said_by=said_by)
        case _:
            raise Refused("step_unknown", _("There is no such step."))


def asked(order_id: int, by: User, said_by: int | None) -> tuple[Order, OrderMember]:
    """An order with the one who answers it, to whom it was given and still is. Raises Refused.

    said_by: id of the person who says it by radio to the dispatcher `by`; None: `by` in one's own
    name. By radio only for people of the units that the dispatcher sends.
    """
    given = OrderMember.objects.filter(order=order_id)
    if said_by is None:
        given = given.filter(person__user=by.pk)
        nobody = Refused("not_yours", _("This order was not given to you."))
    else:
        find_order(order_id, by)
        units = visible_units(by)
        given = given.filter(person=said_by, person__unit__in=units)
        nobody = Refused("not_asked", _("This order was not given to that person."))
    rows = given.select_related("order__lead", "order__bureau", "person")
    # The membership that is open, else the newest that has ended.
    member = rows.order_by(F("until").desc(nulls_first=True)).first()
    if member is None or not by.is_active:
        raise nobody
    if said_by is not None and member.person.user_id == by.pk:
        raise Refused("own_answer", _("It was given to you: answer it on your own page."))
    if member.until is not None:
        raise moved(member.order)
    return member.order, member


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


def forget_places(bureau: Bureau, *, before: datetime) -> int:
    """Forget where people were at steps of that long ago; the distance stays. How many."""
    return OrderStep.objects.filter(
        order__bureau=bureau, at__lt=before, point__isnull=False
    ).update(point=None)


def metres_between(place: tuple[float, float], point: Point) -> float:
    """Straight distance of two places in metres."""
    plane = Plane.around([point.x], [point.y])
    x, y = plane.to_metres(np.array([place[0], point.x]), np.array([place[1], point.y]))
    return float(np.hypot(x[0] - x[1], y[0] - y[1]))
