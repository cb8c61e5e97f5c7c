"""News on the officer's page in a browser, told over the socket."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from bureau.models import Role
from patrols import alarms
from patrols.models import PhoneNotice, PhoneNoticeKind
from patrols.notices import notify
from patrols.sos import raise_sos
from realtime.news import tell_news
from tests import make
from tests.walks.browsing import sign_in
from tests.world import Town

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_page_hears_over_the_socket_that_the_sos_was_taken_up(
    web: str, open_page: Any, town: Town
):
    person = make.person(town.west, user=make.user(Role.OFFICER, town.west))
    alarm, _ = raise_sos(person, now=timezone.now())
    page = sign_in(open_page, web, person.user, "/my/", width=390, height=844)
    page.wait_for_selector("#my-news[data-socket=open]", state="attached")
    page.evaluate(
        """() => { window.heard = [];
        document.addEventListener("tandem:news", (e) => window.heard.push(...e.detail.kinds)); }"""
    )
    alarms.acknowledge(alarm.pk, by=town.dispatcher, now=timezone.now())
    tell_in_a_thread()
    page.wait_for_function("() => window.heard.includes('sos_taken')")
    # The map under the full sheet has no size: its view is nothing to write into the address.
    page.wait_for_selector(".maplibregl-canvas", state="attached")
    assert "#" not in page.url
    page.get_by_text("town-dispatcher has taken up your SOS.").wait_for()
    page.get_by_role("button", name="Seen").click()
    page.get_by_text("has taken up your SOS").wait_for(state="detached")
    assert PhoneNotice.objects.get().seen_at is not None


def test_in_the_background_the_browser_shows_an_urgent_line(web: str, open_page: Any, town: Town):
    person = make.person(town.west, user=make.user(Role.OFFICER, town.west))
    page = sign_in(
        open_page, web, person.user, "/my/", width=390, height=844, permissions=["notifications"]
    )
    page.wait_for_selector("body[data-worker=ready]", state="attached")
    page.evaluate("() => Object.defineProperty(document, 'visibilityState', {get: () => 'hidden'})")
    notify(person, PhoneNoticeKind.ORDER_OFFERED, 3, timezone.now())
    page.evaluate("() => document.dispatchEvent(new CustomEvent('tandem:news'))")
    page.wait_for_function(
        """async () => (await (await navigator.serviceWorker.ready).getNotifications())
            .some((one) => one.body.includes("An order is offered to you"))"""
    )


def tell_in_a_thread() -> None:
    """What the ticker does, in a thread: Playwright keeps an event loop in this one."""

    def run() -> None:
        try:
            assert tell_news(timezone.now()) == 1
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        threads.submit(run).result()
