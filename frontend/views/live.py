"""The live page: a shell for the stream; people come by snapshot and socket, never in the HTML."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from frontend.pages import opens
from patrols.alarms import ANSWERING_ROLES


@opens("live")
def live(request: HttpRequest) -> HttpResponse:
    """`/live/`. Unit, person, state, layers and viewport are in the address, read by the script."""
    user = request.user
    settings = {
        "zone": user.bureau.time_zone,  # type: ignore[union-attr]
        "may_answer": user.role in ANSWERING_ROLES,  # type: ignore[union-attr]
    }
    return render(request, "live/live.html", {"settings": settings})
