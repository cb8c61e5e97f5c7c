"""Signing one's own browser up for web push, and off again."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_POST

from frontend.pages import opens, words_in
from frontend.views.my import person_of
from patrols import pushes


@require_POST
@opens("my")
def start_push(request: HttpRequest) -> HttpResponse:
    """Keep what this browser's subscription says."""
    pushes.subscribe(
        person_of(request),
        words_in(request, "endpoint"),
        words_in(request, "p256dh"),
        words_in(request, "auth"),
        timezone.now(),
    )
    return HttpResponse(status=204)


@require_POST
@opens("my")
def known_push(request: HttpRequest) -> HttpResponse:
    """204 if this browser is the person's own, 404 if it has to be signed up."""
    known = pushes.is_signed_up(person_of(request), words_in(request, "endpoint"))
    return HttpResponse(status=204 if known else 404)


@require_POST
@opens("my")
def stop_push(request: HttpRequest) -> HttpResponse:
    """Forget this browser."""
    pushes.unsubscribe(person_of(request), words_in(request, "endpoint"))
    return HttpResponse(status=204)
