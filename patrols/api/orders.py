"""Endpoints of orders: whom to send, and every step of the table (docs/orders.md)."""

from __future__ import annotations

from typing import Any

from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bureau.access import visible_units
from bureau.models import User
from patrols import crews, live, orders
from patrols.api.leads import Words, words_of
from patrols.api.live import fresh, user_of
from patrols.models import Order, Person
from patrols.nearest import Ranking
from patrols.order_rows import steps_of


class Offer(serializers.Serializer[None]):
    """To whom."""

    people = serializers.ListField(child=serializers.IntegerField(min_value=1), max_length=20)


class Radio(serializers.Serializer[None]):
    """What somebody says by radio."""

    person = serializers.IntegerField(min_value=1)
    act = serializers.ChoiceField(choices=("accept", "decline", "arrive", "dispose"))
    reason = serializers.CharField(allow_blank=True, default="")


class Place(serializers.Serializer[None]):
    """Where the phone is, if it knows."""

    lon = serializers.FloatField(min_value=-180, max_value=180, required=False)
    lat = serializers.FloatField(min_value=-85, max_value=85, required=False)


def order_response(order: Order, user: User, *, status: int = 200) -> Response:
    """The order with its steps: all people for one of its own, else those of the user's units."""
    order.refresh_from_db()
    mine = order.members.filter(person__user=user.pk).exists()
    units = None if mine else set(visible_units(user).values_list("pk", flat=True))
    return fresh(
        Response(
            {
                "order": {
                    "id": order.pk,
                    "lead": order.lead_id,
                    "state": order.state,
                    "since": live.ms(order.moved_at),
                    "offer_ends": live.ms(order.offer_ends_at)
                    if order.state == "offered"
                    else None,
                    "report": order.report,
                    "steps": steps_of(order, units),
                }
            },
            status,
        )
    )


class OrderDetail(APIView):
    """One order."""

    def get(self, request: Request, pk: int) -> Response:
        """The order with its steps; 403 outside one's units."""
        user = user_of(request)
        return order_response(orders.find_order(pk, user), user)


class OrderNearest(APIView):
    """Whom to send."""

    def get(self, request: Request, pk: int) -> Response:
        """Choices by the later arrival, what each leaves uncovered, and who fell out and why."""
        user, now = user_of(request), timezone.now()
        live.note_look(user, now)  # it says where people are
        found = crews.propose(orders.find_order(pk, user).lead, by=user, now=now)
        return fresh(Response(ranking_row(found.ranking, found)))


def ranking_row(ranking: Ranking, proposal: crews.Proposal) -> dict[str, Any]:
    """A proposal in JSON."""

    def who(k: int) -> dict[str, Any]:
        person = proposal.people[k]
        return {"person": person.pk, "name": person.name, "unit": person.unit_id}

    return {
        "choices": [
            {
                "people": [
                    who(k) | {"seconds": round(seconds)}
                    for k, seconds in zip(choice.people, choice.seconds, strict=True)
                ],
                "arrives_s": round(choice.arrives_s),
                "together": choice.together,
                "left_alone": [who(k) for k in choice.left_alone],
                "uncovered": [proposal.places[number] for number in choice.uncovered],
            }
            for choice in ranking.choices
        ],
        "fallen": [who(one.person) | {"why": one.why.value} for one in ranking.fallen],
    }


class OrderOffer(APIView):
    """Asking people."""

    @extend_schema(request=Offer)
    def post(self, request: Request, pk: int) -> Response:
        """Offer it: `{"people": [id, …]}`."""
        body = Offer(data=request.data)
        body.is_valid(raise_exception=True)
        user = user_of(request)
        people = body.validated_data["people"]
        return order_response(orders.offer(pk, people=people, by=user, now=timezone.now()), user)


class OrderCancel(APIView):
    """An order that nobody shall carry out."""

    @extend_schema(request=Words)
    def post(self, request: Request, pk: int) -> Response:
        """Cancel it: `{"reason": "…"}`."""
        user = user_of(request)
        return order_response(
            orders.cancel(pk, by=user, reason=words_of(request), now=timezone.now()), user
        )


class OrderReassign(APIView):
    """An order for others."""

    @extend_schema(request=Words)
    def post(self, request: Request, pk: int) -> Response:
        """Take it back from its people: `{"reason": "…"}`."""
        user = user_of(request)
        return order_response(
            orders.reassign(pk, by=user, reason=words_of(request), now=timezone.now()), user
        )


class OrderRadio(APIView):
    """An answer that came by radio."""

    @extend_schema(request=Radio)
    def post(self, request: Request, pk: int) -> Response:
        """Enter it: `{"person": id, "act": "accept", "reason": ""}`; kept with both names."""
        body = Radio(data=request.data)
        body.is_valid(raise_exception=True)
        user, given = user_of(request), body.validated_data
        orders.answer_by_radio(
            pk,
            given["act"],
            said_by=given["person"],
            by=user,
            reason=given["reason"],
            now=timezone.now(),
        )
        return order_response(Order.objects.get(pk=pk), user)


class MyOrder(APIView):
    """What is asked of oneself."""

    def get(self, request: Request) -> Response:
        """`{"order": null}`, or the order that is offered to one or that one carries out."""
        user = user_of(request)
        person = Person.objects.filter(user=user.pk).first()
        member = orders.order_of(person, now=timezone.now()) if person else None
        if member is None:
            return fresh(Response({"order": None}))
        return order_response(member.order, user)


class OrderAccept(APIView):
    """Yes."""

    @extend_schema(request=None)
    def post(self, request: Request, pk: int) -> Response:
        """Say yes in one's own name."""
        user = user_of(request)
        return order_response(orders.accept(pk, by=user, now=timezone.now()), user)


class OrderDecline(APIView):
    """No."""

    @extend_schema(request=Words)
    def post(self, request: Request, pk: int) -> Response:
        """Say no: `{"reason": ""}`; the reason may be empty."""
        user = user_of(request)
        return order_response(
            orders.decline(pk, by=user, reason=words_of(request), now=timezone.now()), user
        )


class OrderArrive(APIView):
    """There."""

    @extend_schema(request=Place)
    def post(self, request: Request, pk: int) -> Response:
        """Say that one is there: `{"lon": …, "lat": …}`, or `{}` when the phone does not know."""
        body = Place(data=request.data)
        body.is_valid(raise_exception=True)
        user, given = user_of(request), body.validated_data
        place = (given["lon"], given["lat"]) if {"lon", "lat"} <= given.keys() else None
        orders.arrive(pk, by=user, place=place, now=timezone.now())
        return order_response(Order.objects.get(pk=pk), user)


class OrderDispose(APIView):
    """Done."""

    @extend_schema(request=Words)
    def post(self, request: Request, pk: int) -> Response:
        """End it with what was done: `{"reason": "…"}`; closes the lead."""
        user = user_of(request)
        return order_response(
            orders.dispose(pk, by=user, report=words_of(request), now=timezone.now()), user
        )


urlpatterns: list = [
    path("my/order", MyOrder.as_view(), name="my-order"),
    path("orders/<int:pk>", OrderDetail.as_view(), name="order"),
    path("orders/<int:pk>/nearest", OrderNearest.as_view(), name="order-nearest"),
    path("orders/<int:pk>/offer", OrderOffer.as_view(), name="order-offer"),
    path("orders/<int:pk>/cancel", OrderCancel.as_view(), name="order-cancel"),
    path("orders/<int:pk>/reassign", OrderReassign.as_view(), name="order-reassign"),
    path("orders/<int:pk>/radio", OrderRadio.as_view(), name="order-radio"),
    path("orders/<int:pk>/accept", OrderAccept.as_view(), name="order-accept"),
    path("orders/<int:pk>/decline", OrderDecline.as_view(), name="order-decline"),
    path("orders/<int:pk>/arrive", OrderArrive.as_view(), name="order-arrive"),
    path("orders/<int:pk>/dispose", OrderDispose.as_view(), name="order-dispose"),
]
