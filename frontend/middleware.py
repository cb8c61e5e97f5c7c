"""What holds for every page of a signed-in user: the bureau's clock, an own password first,
refusals said in words, and htmx told when the whole page must change.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from bureau.errors import Refused
from bureau.models import User

# What a user may open who has yet to choose an own password.
OPEN = ("/accounts/", "/static/", "/jsi18n/", "/health")

# Refusals that are about who asks; the others are a conflict with the state of things.
FORBIDDEN_CODES = frozenset({"trail_denied", "not_yours", "self_review"})


class Pages:
    """Wraps every request to Django; stands after authentication and messages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        timezone.deactivate()
        # A request without a session cookie costs no query here.
        if request.COOKIES.get(settings.SESSION_COOKIE_NAME) and request.user.is_authenticated:
            user: User = request.user
            if user.must_change_password and not request.path.startswith(OPEN):
                return own_password_first(request)
            if user.bureau is not None:
                timezone.activate(ZoneInfo(user.bureau.time_zone))
        try:
            response = self.get_response(request)
        finally:
            timezone.deactivate()
        if response.status_code == 302 and response["Location"].startswith(settings.LOGIN_URL):
            return signed_out_meanwhile(request, response)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """A refusal of the domain becomes a sentence on the page; bugs propagate."""
        if not isinstance(error, Refused) or request.path.startswith("/api/"):
            return None
        if request.headers.get("HX-Request"):
            response = render(request, "parts/refused.html", {"refused": error}, status=422)
            response["HX-Retarget"] = "#notices"
            response["HX-Reswap"] = "innerHTML"
            return response
        status = 403 if error.code in FORBIDDEN_CODES else 409
        return render(request, "refused.html", {"refused": error}, status=status)


def own_password_first(request: HttpRequest) -> HttpResponse:
    """Send somebody with a password set by another person to choose an own one."""
    if request.path.startswith("/api/"):
        said = _("Choose your own password first.")
        return JsonResponse(
            {"error": {"code": "must_change_password", "message": said}}, status=403
        )
    return to_page(request, reverse("password"))


def signed_out_meanwhile(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """htmx would put the sign-in page into a corner of the old page: change the whole one."""
    if not request.headers.get("HX-Request"):
        return response
    back = urlencode({"next": request.headers.get("HX-Current-URL", "/")})
    return to_page(request, f"{settings.LOGIN_URL}?{back}")


def to_page(request: HttpRequest, address: str) -> HttpResponse:
    """Send the whole page elsewhere, also when htmx asked for a part of it."""
    if request.headers.get("HX-Request"):
        response = HttpResponse(status=204)
        response["HX-Redirect"] = address
        return response
    return redirect(address)
