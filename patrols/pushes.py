"""Web push to officers' browsers: off until the bureau's administrator switches it on.

A message says that there is an order or a question to look at, and nothing else. It goes to the
push service of the browser's maker outside any transaction and at most once: the page asks by
itself, too. What a page has shown within the first seconds is not sent at all.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from bureau.errors import Refused
from bureau.models import Bureau, User
from patrols.models import (
    Person,
    PhoneNotice,
    PhoneNoticeKind,
    PushSetting,
    PushSubscription,
)
from patrols.push.addresses import read_target
from patrols.push.delivery import Outcome, deliver
from patrols.push.sealing import public_key, read_keys, seal, sender_header

log = logging.getLogger(__name__)

# Kind of notice → what the message names. News of an SOS is not in it: whoever threatens its sender
# would see it on a locked screen.
ABOUT = {
    PhoneNoticeKind.ORDER_OFFERED: "order",
    PhoneNoticeKind.ORDER_CHANGED: "order",
    PhoneNoticeKind.ORDER_CANCELLED: "order",
    PhoneNoticeKind.WELFARE_CHECK: "check",
}
# An open page shows a notice sooner than this; older than the second it helps nobody any more.
PAGE_FIRST = timedelta(seconds=3)
TOO_LATE = timedelta(seconds=50)
# How long a push service may keep it for a phone that is away.
KEPT_S = 60
MOST_BROWSERS = 5
MOST_FAILURES = 20
AT_ONCE = 4


def is_on(bureau: Bureau) -> bool:
    """Whether the bureau lets messages out to push services."""
    return PushSetting.objects.filter(bureau=bureau, is_on=True).exists()


def key_for(bureau: Bureau) -> str:
    """What a browser subscribes with; empty where push is off."""
    return public_key(settings.SECRET_KEY) if is_on(bureau) else ""


def switch(bureau: Bureau, *, on: bool, by: User, now: datetime) -> None:
    """Switch push on or off for a bureau; off, no address of a browser is kept."""
    with transaction.atomic():
        PushSetting.objects.update_or_create(
            bureau=bureau, defaults={"is_on": on, "changed_at": now, "changed_by": by}
        )
        if not on:
            PushSubscription.objects.filter(person__bureau=bureau).delete()


def subscribe(person: Person, endpoint: str, p256dh: str, auth: str, now: datetime) -> None:
    """Sign up a browser; it belongs to whoever did so last. Raises Refused."""
    if not is_on(person.bureau):
        raise Refused("push_off", _("Your bureau uses no push service."))
    try:
        read_target(endpoint, settings.PUSH_HOSTS)
        read_keys(p256dh, auth)
    except ValueError as error:
        log.info("A browser was not signed up for push: %s.", error)
        raise Refused(
            "push_address", _("This browser gave an address to which nothing is sent.")
        ) from error
    with transaction.atomic():
        PushSubscription.objects.update_or_create(
            endpoint=endpoint,
            defaults={
                "person": person,
                "p256dh": p256dh,
                "auth": auth,
                "made_at": now,
                "failures": 0,
            },
        )
        newest = PushSubscription.objects.filter(person=person).order_by("-made_at", "-pk")
        kept = list(newest.values_list("pk", flat=True)[:MOST_BROWSERS])
        PushSubscription.objects.filter(person=person).exclude(pk__in=kept).delete()


def is_signed_up(person: Person, endpoint: str) -> bool:
    """Whether this browser is the person's. One that somebody else signed up is forgotten: the
    phone has changed hands, and the new holder has not been asked."""
    row = PushSubscription.objects.filter(endpoint=endpoint).first()
    if row is not None and row.person_id != person.pk:
        row.delete()
    return row is not None and row.person_id == person.pk


def unsubscribe(person: Person, endpoint: str) -> None:
    """Forget one browser of a person."""
    PushSubscription.objects.filter(person=person, endpoint=endpoint).delete()


def due(now: datetime) -> QuerySet[PhoneNotice]:
    """Notices that no page has shown, of people with a browser signed up, in bureaus with push."""
    people = PushSubscription.objects.filter(
        person__bureau__push_setting__is_on=True, person__left_on=None, person__user__is_active=True
    ).values("person")
    return PhoneNotice.objects.filter(
        person__in=people,
        kind__in=list(ABOUT),
        pushed_at=None,
        delivered_at=None,
        seen_at=None,
        created_at__gt=now - TOO_LATE,
        created_at__lte=now - PAGE_FIRST,
    )


def send_due(now: datetime) -> int:
    """Send what is due, each at most once; how many messages a push service took.

    Talks to the outside: call it outside any transaction, in a thread of its own.
    """
    rows = list(due(now))
    if not rows:
        return 0
    PhoneNotice.objects.filter(pk__in=[row.pk for row in rows]).update(pushed_at=now)
    wanted = {(row.person_id, ABOUT[PhoneNoticeKind(row.kind)]) for row in rows}
    browsers = list(PushSubscription.objects.filter(person__in={person for person, _ in wanted}))
    jobs = [(one, about) for one in browsers for person, about in wanted if person == one.person_id]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(lambda job: send(job[0], job[1], now), jobs))
    settle(zip([one for one, _about in jobs], answers, strict=True), now)
    return answers.count(Outcome.TAKEN)


def send(browser: PushSubscription, about: str, now: datetime) -> Outcome:
    """Send one message; no database here. What went wrong is logged without the secret path."""
    try:
        target = read_target(browser.endpoint, settings.PUSH_HOSTS)
        body = seal(json.dumps({"about": about}).encode(), read_keys(browser.p256dh, browser.auth))
        who = sender_header(
            settings.SECRET_KEY, target.origin, settings.PUSH_CONTACT, int(now.timestamp())
        )
    except ValueError as error:
        log.warning("Nothing is pushed to a browser of person %s: %s", browser.person_id, error)
        return Outcome.FAILED
    headers = {
        "Authorization": who,
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(KEPT_S),
        "Urgency": "high",
    }
    outcome, why = deliver(target, body, headers)
    if outcome is Outcome.FAILED:
        log.warning("The push service %s did not take a message: %s.", target.origin, why)
    return outcome


def settle(answers: Iterable[tuple[PushSubscription, Outcome]], now: datetime) -> None:
    """Forget browsers that are gone or fail for long; count for the others."""
    for browser, outcome in answers:
        row = PushSubscription.objects.filter(pk=browser.pk, endpoint=browser.endpoint)
        if outcome is Outcome.GONE:
            row.delete()
        elif outcome is Outcome.TAKEN:
            row.update(taken_at=now, failures=0)
        else:
            row.update(failures=F("failures") + 1)
            row.filter(failures__gte=MOST_FAILURES).delete()
