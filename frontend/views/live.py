"""The live page: a shell for the stream; people come by snapshot and socket, never in the HTML."""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings as config
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from bureau.models import User
from frontend.pages import may_open, opens
from geo.base_maps import base_map_of, page_settings, with_host
from patrols.alarms import ANSWERING_ROLES
from patrols.leads import DISPATCHING_ROLES


@opens("live")
def live(request: HttpRequest) -> HttpResponse:
    """`/live/`. Unit, person, state, layers and viewport are in the address, read by the script."""
    user = cast(User, request.user)  # `opens` lets nobody else in
    settings: dict[str, Any] = {
        "zone": user.bureau.time_zone if user.bureau else "UTC",
        "may_answer": user.role in ANSWERING_ROLES,
        "may_open_week": may_open(user, "week"),
    }
    base_map = base_map_of(user)
    if base_map is not None:
        settings["base_map"] = page_settings(base_map)
    context = {
        "settings": settings,
        "may_dispatch": user.role in DISPATCHING_ROLES,
        "base_map": base_map,
    }
    response = render(request, "live/live.html", context)
    if base_map is not None:
        # Read by Django's CSP middleware, as its own decorator would set it: this page only.
        policy = with_host(config.SECURE_CSP, base_map)
        response._csp_config = policy  # type: ignore[attr-defined]
    return response
