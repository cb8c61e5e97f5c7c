"""The lines of news on the officer's page, asked for when the socket says so and by the clock."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from frontend.notice_words import news_lines
from frontend.pages import opens
from frontend.views.my import person_of
from frontend.views.week import see_other
from patrols import notices, welfare


@never_cache
@require_GET
@opens("my")
def news(request: HttpRequest) -> HttpResponse:
    """The lines, as the page puts them into their place."""
    shown = news_lines(person_of(request), timezone.now())
    return render(request, "my/news.html", {"news": shown})


@require_POST
@opens("my")
def see(request: HttpRequest, pk: int) -> HttpResponseBase:
    """A line was read and goes. Somebody else's number changes nothing."""
    person = person_of(request)
    notices.see(person, pk, timezone.now())
    if request.headers.get("HX-Request"):
        return render(request, "my/news.html", {"news": news_lines(person, timezone.now())})
    return see_other("/my/")


@require_POST
@opens("my")
def answer_check(request: HttpRequest, pk: int) -> HttpResponseBase:
    """“I am all right”, in one tap. Somebody else's question is not answered by it."""
    person = person_of(request)
    welfare.answer(person, pk, timezone.now())
    if request.headers.get("HX-Request"):
        return render(request, "my/news.html", {"news": news_lines(person, timezone.now())})
    return see_other("/my/")


@require_GET
def worker(request: HttpRequest) -> HttpResponse:
    """The script that shows notices in the background; holds nothing of anybody. Its address gives
    it the officer's pages as its scope."""
    said = {
        "order": _("There is an order for you to look at."),
        "check": _("There is a question for you to answer."),
    }
    return render(request, "my/worker.js", said, content_type="text/javascript; charset=utf-8")
