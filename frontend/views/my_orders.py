"""What is asked of an officer: an order offered, on the way, there, done. Part of the own page.

The page asks every few seconds and whenever its socket tells it to; what has not changed is not
sent again, so nothing moves under somebody's fingers.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from bureau.errors import Refused
from frontend.order_words import SIGNS, state_word, step_word, where_words
from frontend.pages import opens, words_in
from frontend.views.my import person_of, read_place
from frontend.views.week import see_other
from patrols import orders
from patrols.models import OrderMember, OrderState, Person


def order_context(person: Person, now: datetime) -> dict[str, Any]:
    """The order that is offered to the person or carried out; `mark` changes when it does."""
    member = orders.order_of(person, now=now)
    if member is None:
        return {"order": None, "mark": "none"}
    order = member.order
    others = OrderMember.objects.filter(order=order, until=None).exclude(pk=member.pk)
    partners = list(others.select_related("person"))
    answered = member.since is not None
    waits = [one.person.name for one in partners if one.since is None]
    steps = order.steps.filter(at__gte=member.offered_at).exclude(said_by=None)
    radio = steps.select_related("said_by", "by").last()
    step = order.steps.filter(to_state=OrderState.ARRIVED, people=person).last()
    return {
        "order": order,
        "lead": order.lead,
        "where": where_words(order.lead),
        "sign": SIGNS[order.state],
        "word": state_word(order.state),
        "answered": answered,
        "partners": [one.person.name for one in partners],
        "waits": waits,
        "here": member.arrived_at is not None,
        "step": step,
        "radio": radio,
        "radio_word": step_word(radio.from_state, radio.to_state) if radio else "",
        "left_s": max(0, int((order.offer_ends_at - now).total_seconds()))
        if order.state == OrderState.OFFERED and order.offer_ends_at
        else None,
        "mark": f"{order.pk}-{order.state}-{order.moved_at.timestamp()}-{answered}"
        f"-{member.arrived_at is not None}-{len(waits)}",
    }


@never_cache
@require_GET
@opens("my")
def my_order(request: HttpRequest) -> HttpResponse:
    """The order as the page puts it into its place; nothing when it is as the page has it."""
    context = order_context(person_of(request), timezone.now())
    if request.GET.get("mark") == context["mark"]:
        return HttpResponse(status=204)
    return render(request, "my/order.html", context)


@require_POST
@opens("my")
def my_order_step(request: HttpRequest, pk: int, act: str) -> HttpResponseBase:
    """Accept, decline, arrive or dispose in one's own name; then the order as it stands."""
    person, now = person_of(request), timezone.now()
    user: Any = request.user
    match act:
        case "accept":
            orders.accept(pk, by=user, now=now)
        case "decline":
            orders.decline(pk, by=user, reason=words_in(request, "reason"), now=now)
        case "arrive":
            orders.arrive(pk, by=user, place=read_place(request), now=now)
        case "dispose":
            orders.dispose(pk, by=user, report=words_in(request, "reason"), now=now)
        case _:
            raise Refused("step_unknown", _("There is no such step."))
    if not request.headers.get("HX-Request"):
        return see_other("/my/")
    return render(request, "my/order.html", order_context(person, now) | {"done": act})
