"""Endpoints of the live picture: snapshot, tails, answering an alarm."""

from __future__ import annotations

from django.urls import path
from django.utils import timezone
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from bureau.models import User
from patrols import alarms, live, welfare
from patrols.alarm_help import nearest_help
from patrols.models import Alarm


@api_view(["GET"])
def snapshot(request: Request) -> Response:
    """The whole live picture of the user's units, with the number of the frame it reaches.

    Frames after `number` (same `epoch`) bring it up to date; docs/live.md has the rules. 403 for
    roles that do not watch. Logged as a look unless a socket of the same user is open.
    """
    now = timezone.now()
    user = user_of(request)
    live.note_look(user, now)
    return fresh(Response(live.snapshot(user, now)))


@api_view(["GET"])
def tails(request: Request) -> Response:
    """The last five minutes of everybody visible on duty: {"tails": {id: [[lon, lat, ms], …]}}."""
    now = timezone.now()
    user = user_of(request)
    live.note_look(user, now)
    return fresh(Response({"at": live.ms(now), "tails": live.tails(user, now)}))


class Closing(serializers.Serializer[None]):
    """How an alarm ended."""

    reason = serializers.CharField(allow_blank=True, trim_whitespace=True)


@api_view(["POST"])
def acknowledge(request: Request, pk: int) -> Response:
    """Take an alarm up in one's own name."""
    return alarm_response(alarms.acknowledge(pk, by=user_of(request), now=timezone.now()))


@api_view(["POST"])
def close(request: Request, pk: int) -> Response:
    """Close an alarm: {"reason": "…"}."""
    closing = Closing(data=request.data)
    closing.is_valid(raise_exception=True)
    return alarm_response(
        alarms.close(
            pk, by=user_of(request), reason=closing.validated_data["reason"], now=timezone.now()
        )
    )


@api_view(["GET"])
def near(request: Request, pk: int) -> Response:
    """The pairs nearest to an open SOS, of the user's own units: {"pairs": [{"people", …}]}.

    `seconds`: along the streets, for who arrives last; null where no streets are known, then
    `metres` as the crow flies are all there is.
    """
    found = nearest_help(pk, user_of(request), timezone.now())
    pairs = [
        {
            "people": [{"id": person, "name": name} for person, name in one.people],
            "seconds": None if one.seconds is None else round(one.seconds),
            "metres": round(one.metres),
        }
        for one in found
    ]
    return fresh(Response({"pairs": pairs}))


@api_view(["POST"])
def settle(request: Request, pk: int) -> Response:
    """Somebody has seen to a welfare check that was not answered: {"reason": "…"}."""
    closing = Closing(data=request.data)
    closing.is_valid(raise_exception=True)
    welfare.settle(
        pk, by=user_of(request), note=closing.validated_data["reason"], now=timezone.now()
    )
    return fresh(Response({"check": pk}))


def alarm_response(alarm: Alarm) -> Response:
    """The alarm as the live picture has it."""
    rows = live.alarm_rows(Alarm.objects.filter(pk=alarm.pk), timezone.now())
    return fresh(Response({"alarm": rows[0]}))


def user_of(request: Request) -> User:
    """Who asks; the permission of every endpoint is that somebody has signed in."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101
    return user


def fresh(response: Response) -> Response:
    """Never kept by a browser or a proxy: places of people."""
    response["Cache-Control"] = "no-store"
    return response


urlpatterns: list = [
    path("live", snapshot, name="live"),
    path("live/trails", tails, name="live-trails"),
    path("live/alarms/<int:pk>/acknowledge", acknowledge, name="alarm-acknowledge"),
    path("live/alarms/<int:pk>/close", close, name="alarm-close"),
    path("live/checks/<int:pk>/settle", settle, name="check-settle"),
    path("live/alarms/<int:pk>/near", near, name="alarm-near"),
]
