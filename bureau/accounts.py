"""Acts on accounts: language, passwords, one-time links."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from bureau.access import visible_units
from bureau.errors import Refused
from bureau.models import Bureau, OneTimeLink, Role, User

RESET = "reset"
RESET_LASTS = timedelta(hours=24)


def choose_language(user: User, code: str) -> None:
    """Keep the language the user chose."""
    user.language = code
    user.save(update_fields=["language"])


def digest(token: str) -> str:
    """How a one-time token is stored."""
    return hashlib.sha256(token.encode()).hexdigest()


def make_link(*, purpose: str, user: User | None, lasts: timedelta, now: datetime) -> str:
    """A new one-time token; older unused ones for the same purpose and user stop working."""
    token = secrets.token_urlsafe(24)
    with transaction.atomic():
        OneTimeLink.objects.filter(purpose=purpose, user=user, used_at=None).delete()
        OneTimeLink.objects.create(
            token_sha256=digest(token), purpose=purpose, user=user, expires_at=now + lasts
        )
    return token


def link_of(token: str, *, purpose: str, now: datetime, lock: bool = False) -> OneTimeLink:
    """The link of a token, if it may still be used; else Refused says why.

    With `lock` the row is held until the transaction ends, so that a link works once.
    """
    links = OneTimeLink.objects.select_for_update() if lock else OneTimeLink.objects.all()
    link = links.filter(token_sha256=digest(token), purpose=purpose).first()
    if link is None:
        raise Refused(
            "link_unknown",
            _("This link is not known. Copy it whole, or ask for a new one: a newer link ends it."),
        )
    if link.used_at is not None:
        raise Refused("link_used", _("This link has been used. Ask for a new one."))
    if link.expires_at <= now:
        raise Refused("link_expired", _("This link has expired. Ask for a new one."))
    return link


def may_reset(by: User, user: User) -> bool:
    """Whether `by` may reset the password of `user`: an administrator, within the own units."""
    return (
        by.role == Role.ADMINISTRATOR
        and by.bureau_id == user.bureau_id
        and user.unit_id is not None
        and visible_units(by).filter(pk=user.unit_id).exists()
    )


def reset_link(*, by: User, user: User, now: datetime) -> str:
    """A token with which `user` sets a new password within a day. Refused outside one's units."""
    if not may_reset(by, user):
        raise Refused("not_yours", _("Only an administrator of this person's unit may do that."))
    return make_link(purpose=RESET, user=user, lasts=RESET_LASTS, now=now)


def set_password_by_link(token: str, *, password: str, now: datetime) -> User:
    """Set the password of the link's user and use up the link. All sessions of the user end,
    because Django ties a session to the password's hash.
    """
    with transaction.atomic():
        link = link_of(token, purpose=RESET, now=now, lock=True)
        user = link.user
        if user is None:
            raise Refused("link_unknown", _("This link belongs to nobody. Ask for a new one."))
        user.set_password(password)
        user.must_change_password = False
        user.save(update_fields=["password", "must_change_password"])
        link.used_at = now
        link.save(update_fields=["used_at"])
    return user


def password_changed(user: User) -> None:
    """The user has chosen an own password: the one given by somebody else is gone."""
    if user.must_change_password:
        user.must_change_password = False
        user.save(update_fields=["must_change_password"])


def shows_demo_accounts() -> bool:
    """Whether the sign-in page may name the demo accounts: only where no real bureau exists."""
    return (
        Bureau.objects.filter(is_demo=True).exists()
        and not Bureau.objects.filter(is_demo=False).exists()
    )
