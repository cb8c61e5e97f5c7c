"""Web push in a browser: the officer's own tap, what the server keeps, what the phone shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from bureau.models import Role
from patrols import notices, pushes
from patrols.models import PhoneNoticeKind, PushSubscription
from patrols.push import sealing
from tests import make
from tests.patrols.push_service import Browser, PushService, push_service
from tests.walks.browsing import sign_in
from tests.world import Town

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# A browser's own push service is outside, and no test asks for anything outside: this is what a
# browser answers when it has asked there. All else is the browser's own.
ANSWER = """([endpoint, p256dh, auth]) => {
  let present = null;
  PushManager.prototype.getSubscription = async () => present;
  PushManager.prototype.subscribe = async ({userVisibleOnly, applicationServerKey}) => {
    window.asked = {userVisibleOnly, key: [...applicationServerKey]};
    present = {
      endpoint,
      options: {applicationServerKey},
      toJSON: () => ({endpoint, keys: {p256dh, auth}}),
      unsubscribe: async () => { present = null; return true; },
    };
    return present;
  };
}"""


@pytest.fixture
def service(request: Any) -> Iterator[PushService]:
    with push_service() as running:
        request.getfixturevalue("settings").PUSH_HOSTS = [running.host]
        yield running


def in_a_thread(act: Any) -> Any:
    """Playwright keeps an event loop in this thread; the product's own has none."""

    def run() -> Any:
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        return threads.submit(run).result()


def test_an_officer_lets_the_phone_be_told_and_ends_it(
    web: str, open_page: Any, town: Town, service: PushService
):
    person = make.person(town.west, user=make.user(Role.OFFICER, town.west))
    allowed = ["notifications"]
    page = sign_in(open_page, web, person.user, width=390, height=844, permissions=allowed)

    # Off by default: the page offers nothing.
    page.goto(web + "/my/")
    page.wait_for_selector("#my-news[data-socket=open]", state="attached")
    assert page.locator("#my-push").count() == 0

    pushes.switch(town.bureau, on=True, by=town.dispatcher, now=timezone.now())
    page.reload()
    start = page.get_by_role("button", name="Tell me when this page is closed, too")
    start.wait_for()
    assert not PushSubscription.objects.exists()  # nobody is signed up unasked
    browser = Browser()
    outside = "https://push.example.org/send/one"
    page.evaluate(ANSWER, [outside, browser.p256dh, browser.auth])
    start.click()
    stop = page.get_by_role("button", name="No more messages when this page is closed")
    stop.wait_for()
    key = list(sealing.unspell(sealing.public_key(settings.SECRET_KEY)))
    assert page.evaluate("window.asked") == {"userVisibleOnly": True, "key": key}
    row = PushSubscription.objects.get()
    assert (row.person, row.endpoint) == (person, outside)

    # An order is offered while no page shows it. The push service of this test is on this machine.
    PushSubscription.objects.update(endpoint=service.address("/one"))
    now = timezone.now()
    notices.notify(person, PhoneNoticeKind.ORDER_OFFERED, 3, now - timedelta(seconds=5))
    assert in_a_thread(lambda: pushes.send_due(now)) == 1
    message = browser.read(service.got[0][2]).decode()
    assert json.loads(message) == {"about": "order"}

    # What the browser hands to the worker, and what the worker shows.
    inside = page.context.new_cdp_session(page)
    registrations: list[Any] = []
    inside.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda told: registrations.extend(told["registrations"]),
    )
    inside.send("ServiceWorker.enable")
    for _ in range(100):
        if registrations:
            break
        page.wait_for_timeout(100)
    inside.send(
        "ServiceWorker.deliverPushMessage",
        {
            "origin": web,
            "registrationId": registrations[0]["registrationId"],
            "data": message,
        },
    )
    page.wait_for_function(
        """async () => (await (await navigator.serviceWorker.ready).getNotifications())
            .some((one) => one.body === "There is an order for you to look at.")"""
    )

    PushSubscription.objects.update(endpoint=outside)
    stop.click()
    start.wait_for()
    assert not PushSubscription.objects.exists()
