"""The end of a session at a screen that nobody uses."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

from bureau.models import Role

# Asked for by pages on their own; they say nothing about whether somebody sits there.
BACKGROUND = ("/alarms", "/api/live", "/health", "/jsi18n/", "/my/news/", "/my/sos/state/")
# A dispatcher's screen is watched all shift long and seldom touched: signing it out would lose the
# live picture, and an SOS with it. SESSION_COOKIE_AGE ends these sessions.
WATCHERS = frozenset({Role.DISPATCHER})
NOTE_EVERY_S = 60  # the session row is written at most this often


class EndIdleSessions:
    """Signs out whoever did nothing for SESSION_IDLE_S seconds; the page then asks to sign in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # A request without a session cookie costs no query here.
        if request.COOKIES.get(settings.SESSION_COOKIE_NAME) and request.user.is_authenticated:
            now_s = time.time()
            seen_s = request.session.get("seen_s", now_s)
            idle = now_s - seen_s > settings.SESSION_IDLE_S
            if idle and request.user.role not in WATCHERS:
                logout(request)
            elif not request.path.startswith(BACKGROUND) and (
                "seen_s" not in request.session or now_s - seen_s > NOTE_EVERY_S
            ):
                request.session["seen_s"] = int(now_s)
        return self.get_response(request)
