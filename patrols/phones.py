"""Phones: enrol, hand over to another person, revoke. The secret is shown once and kept hashed."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from bureau.errors import Refused
from patrols.models import Person, Phone, PhoneApp, PhoneHolding, Position

# After a renewal the old secret opens for this long at most, and never longer than the new
# one needs to be used: the officer may be in the street when the supervisor renews it.
OVERLAP = timedelta(hours=24)
# Files are held from here on; no phone with satellite navigation is older.
BEFORE_ANY_FIX = datetime(2000, 1, 1, tzinfo=UTC)
# A browser may answer with a place that it found a little before the page was opened.
PAGE_FIX_AGE = timedelta(minutes=5)


def hash_secret(secret: str) -> str:
    """What is stored of a secret. It is random and long, so one SHA-256 is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def make_secret() -> str:
    """128 random bits as 22 characters that pass unchanged through URLs and JSON."""
    return secrets.token_urlsafe(16)


@transaction.atomic
def enroll(
    *,
    person: Person,
    app: str,
    label: str,
    now: datetime,
    interval_s: int = 10,
    make: str = "",
) -> tuple[Phone, str]:
    """A new phone in this person's hand, and its secret: the only time it is ever known.

    Raises Refused for an app that Tandem does not speak and for a person who has left.
    """
    if app not in PhoneApp.values:
        raise Refused("unknown_app", _("Choose one of the listed apps."))
    if person.left_on is not None:
        raise Refused("person_left", _("This person has left; enrol the phone for its new holder."))
    secret = make_secret()
    phone = Phone.objects.create(
        bureau_id=person.bureau_id,
        label=label,
        app=app,
        secret_sha256=hash_secret(secret),
        interval_s=interval_s,
        make=make,
    )
    PhoneHolding.objects.create(phone=phone, person=person, since=now)
    return phone, secret


@transaction.atomic
def hand_over(*, phone: Phone, person: Person, since: datetime) -> PhoneHolding:
    """From `since` on the phone reports for `person`. Fixes made before stay the former holder's.

    Raises Refused for another bureau's person, a revoked phone, a person who has left and a moment
    before the present holding began.
    """
    phone = Phone.objects.select_for_update().get(pk=phone.pk)
    if phone.revoked_at is not None:
        raise Refused("phone_revoked", _("This phone is revoked; enrol it again."))
    if person.bureau_id != phone.bureau_id:
        raise Refused("other_bureau", _("This person belongs to another bureau."))
    if person.left_on is not None:
        raise Refused("person_left", _("This person has left."))
    present = phone.holdings.filter(until=None).first()
    if present is not None:
        if present.person_id == person.pk:
            raise Refused("same_holder", _("This person carries the phone already."))
        if since <= present.since:
            raise Refused(
                "before_present_holder",
                _("Give a moment after the present holder got the phone."),
            )
        if Position.objects.filter(
            bureau_id=phone.bureau_id,
            person_id=present.person_id,
            recorded_at__gte=since,
            phone_id=phone.pk,
        ).exists():
            raise Refused(
                "positions_there",
                _(
                    "Positions of this phone are stored for %(name)s after that moment, and weeks "
                    "are judged by them. Give a later moment; for the time before, excuse or "
                    "overturn the verdicts with a note."
                )
                % {"name": present.person},
            )
        present.until = since
        present.save(update_fields=["until"])
    return PhoneHolding.objects.create(phone=phone, person=person, since=since)


@transaction.atomic
def revoke(*, phone: Phone, now: datetime) -> None:
    """The phone's secret opens nothing from now on; what it sent stays."""
    phone = Phone.objects.select_for_update().get(pk=phone.pk)
    if phone.revoked_at is None:
        phone.revoked_at = now
        phone.old_secret_sha256 = phone.old_secret_until = None
        phone.save(update_fields=["revoked_at", "old_secret_sha256", "old_secret_until"])
        phone.holdings.filter(until=None, since__lt=now).update(until=now)


@transaction.atomic
def renew_secret(*, phone: Phone, now: datetime, at_once: bool = False) -> str:
    """A new secret for an enrolled phone, shown once.

    The old one opens until the new one is used, 24 h at most; with `at_once` it stops now (a secret
    that somebody else has seen). Renewed again before that, the secret that nobody used is the one
    that goes: the phone still has the older, and its end stays where it was.
    """
    phone = Phone.objects.select_for_update().get(pk=phone.pk)
    if phone.revoked_at is not None:
        raise Refused("phone_revoked", _("This phone is revoked; enrol it again."))
    secret = make_secret()
    if at_once:
        phone.old_secret_sha256 = phone.old_secret_until = None
    elif phone.old_secret_until is None or phone.old_secret_until <= now:
        phone.old_secret_sha256, phone.old_secret_until = phone.secret_sha256, now + OVERLAP
    phone.secret_sha256 = hash_secret(secret)
    phone.save(update_fields=["secret_sha256", "old_secret_sha256", "old_secret_until"])
    return secret


@transaction.atomic
def file_phone(*, person: Person) -> Phone:
    """The phone that stands for files uploaded after the fact, made at the first of them.

    Nobody knows its secret, so nothing comes in its name but through the page. It is in this
    person's hand from before any fix, so that a file can never speak for another holder. Raises
    Refused for a person who has left.
    """
    if person.left_on is not None:
        raise Refused("person_left", _("This person has left."))
    Person.objects.select_for_update().get(pk=person.pk)
    held = PhoneHolding.objects.filter(
        person=person,
        since=BEFORE_ANY_FIX,  # one that somebody else held before would speak for them
        until=None,
        phone__app=PhoneApp.FILE,
        phone__revoked_at=None,
    ).select_related("phone")
    if holding := held.first():
        return holding.phone
    phone, _secret = enroll(
        person=person,
        app=PhoneApp.FILE,
        label=f"{person.badge_no} · GPX",
        now=BEFORE_ANY_FIX,
    )
    return phone


@transaction.atomic
def page_phone(*, person: Person, now: datetime) -> Phone:
    """The phone that stands for Tandem's own page, made at its first use.

    It has a secret that nobody knows: the officer's session opens the way. Raises Refused for a
    person who has left.
    """
    if person.left_on is not None:
        raise Refused("person_left", _("This person has left."))
    # One at a time: two tabs that open together must not make two phones.
    Person.objects.select_for_update().get(pk=person.pk)
    held = PhoneHolding.objects.filter(
        person=person, until=None, phone__app=PhoneApp.SOCKET, phone__revoked_at=None
    ).select_related("phone")
    if holding := held.first():
        return holding.phone
    phone, _secret = enroll(
        person=person,
        app=PhoneApp.SOCKET,
        label=f"{person.badge_no} · Tandem",
        now=now - PAGE_FIX_AGE,
    )
    return phone
