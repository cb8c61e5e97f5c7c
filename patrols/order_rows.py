"""Leads with their orders as rows of the live picture. Times are ms since 1970 UTC."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Prefetch, Q, QuerySet

from patrols.complaint_clocks import terms_of
from patrols.models import Lead, Order, OrderMember, OrderState, OrderStep

Row = dict[str, Any]

# A closed lead stays in the picture so long, so that all screens see it go.
CLOSED_SHOWN = timedelta(minutes=10)

# How a lead stands when nobody is being sent; else it stands as its order does.
WAITING, CLOSED = "waiting", "closed"


def _ms(moment: datetime | None) -> int | None:
    """Whole milliseconds since 1970, UTC."""
    return None if moment is None else int(moment.timestamp() * 1000)


def order_rows(leads: QuerySet[Lead], now: datetime, *, closed_too: bool = False) -> list[Row]:
    """Leads that are open or were closed a moment ago, oldest first, each with its order.

    closed_too: however long ago they were closed. `members` name everybody who has the order;
    `cut` takes out who must not be named.
    """
    members = OrderMember.objects.filter(
        Q(until=None) | Q(until=F("order__ended_at"), since__isnull=False)
    ).select_related("person")
    told = OrderStep.objects.filter(to_state__in=(OrderState.ACCEPTED, OrderState.ARRIVED))
    orders = Order.objects.order_by("opened_at", "pk").prefetch_related(
        Prefetch("members", members, to_attr="present"),
        Prefetch("steps", told, to_attr="told"),
    )
    if not closed_too:
        leads = leads.filter(Q(closed_at=None) | Q(closed_at__gte=now - CLOSED_SHOWN))
    shown = leads.select_related("intake", "bureau").prefetch_related(
        Prefetch("orders", orders, to_attr="tried")
    )
    return [row_of(lead) for lead in shown.order_by("received_at", "pk")]


def row_of(lead: Lead) -> Row:
    """One lead; its orders are prefetched as `tried`."""
    tried: list[Order] = lead.tried  # type: ignore[attr-defined]
    order = tried[-1] if tried else None
    if order is not None and order.state == OrderState.CANCELLED and lead.closed_at is None:
        order = None
    if order is not None:
        state, since = str(order.state), order.moved_at
    elif lead.closed_at is not None:
        state, since = CLOSED, lead.closed_at
    else:
        state, since = WAITING, tried[-1].moved_at if tried else lead.received_at
    if state == OrderState.CANCELLED:
        state, since = CLOSED, lead.closed_at or since
    yeses = [step.at for one in tried for step in one.told if step.to_state == OrderState.ACCEPTED]  # type: ignore[attr-defined]
    arrivals = [step for step in order.told if step.to_state == OrderState.ARRIVED] if order else []  # type: ignore[attr-defined]
    terms = terms_of(lead.bureau, lead.received_at)
    return {
        "id": lead.pk,
        "unit": lead.unit_id,
        "source": lead.source,
        "from": "" if lead.intake is None else lead.intake.name,
        "kind": lead.kind,
        "enforcement": lead.enforcement,
        "text": lead.text,
        "place": lead.place,
        "street": lead.street,
        "street_en": lead.street_en,
        "lon": round(lead.point.x, 7),
        "lat": round(lead.point.y, 7),
        "seen": _ms(lead.happened_at),
        "received": _ms(lead.received_at),
        "closed": _ms(lead.closed_at),
        "respond_due": _ms(lead.received_at + timedelta(seconds=terms.respond_s)),
        # The first response is the first yes of those who are sent, or the end of the lead.
        "responded": _ms(min([*yeses, *filter(None, [lead.closed_at])], default=None)),
        "result_due": _ms(terms.result_until),
        "state": state,
        "since": _ms(since),
        "order": None if order is None else order.pk,
        "offer_ends": _ms(order.offer_ends_at)
        if order is not None and order.state == OrderState.OFFERED
        else None,
        "flagged": any(step.flagged for step in arrivals[-1:]),
        "members": []
        if order is None
        else [
            {
                "person": member.person_id,
                "name": member.person.name,
                "unit": member.person.unit_id,
                "accepted": _ms(member.since),
                "arrived": _ms(member.arrived_at),
            }
            for member in order.present  # type: ignore[attr-defined]
        ],
    }


def cut(row: Row, units: Collection[int]) -> Row:
    """The row for somebody who sees these units: other people are a number without a name."""
    named = [member for member in row["members"] if member["unit"] in units]
    return row | {"members": named, "others": len(row["members"]) - len(named)}


def steps_of(order: Order, units: Collection[int] | None) -> list[Row]:
    """The order's steps in their order, for somebody who sees these units; None sees all people.

    Where a person was who must not be named is not told either.
    """
    found = []
    steps = order.steps.select_related("by", "said_by").prefetch_related("people")
    for step in steps.order_by("at", "pk"):
        people = list(step.people.all())
        named = [one for one in people if units is None or one.unit_id in units]
        told = len(named) == len(people)
        by = step.by
        # Officers act in their own name; another unit's is a number without a name.
        shown = by is not None and (told or by.unit_id in (units or ()))
        said_by = step.said_by
        if said_by is not None and units is not None and said_by.unit_id not in units:
            said_by = None
        found.append(
            {
                "from": step.from_state,
                "to": step.to_state,
                "at": _ms(step.at),
                "by": str(by) if shown else None,
                "by_tandem": by is None,
                "by_radio": step.said_by_id is not None,
                "said_by": None if said_by is None else said_by.name,
                "people": [{"person": one.pk, "name": one.name} for one in named],
                "others": len(people) - len(named),
                "lon": round(step.point.x, 7) if told and step.point else None,
                "lat": round(step.point.y, 7) if told and step.point else None,
                "distance_m": None if step.distance_m is None else round(step.distance_m, 1),
                "flagged": step.flagged,
                "note": step.note,
            }
        )
    return found
