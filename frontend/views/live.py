"""The live page: a shell for the stream; people come by snapshot and socket, never in the HTML."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from bureau.models import User
from frontend.pages import may_open, opens
from patrols.alarms import ANSWERING_ROLES
from patrols.leads import DISPATCHING_ROLES


@opens("live")
def live(request: HttpRequest) -> HttpResponse:
    """`/live/`. Unit, person, state, layers and viewport are in the address, read by the script."""
    user = cast(User, request.user)  # `opens` lets nobody else in
    settings = {
        "zone": user.bureau.time_zone if user.bureau else "UTC",
        "may_answer": user.role in ANSWERING_ROLES,
        "may_open_week": may_open(user, "week"),
    }
    context = {"settings": settings, "may_dispatch": user.role in DISPATCHING_ROLES}
    return render(request, "live/live.html", context)
