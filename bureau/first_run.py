"""A bureau's own first run, without the demo: the first administrator by a one-time link.

The link is printed on the server's console, so that only somebody who may run commands there can
become administrator. It works once, for an hour, and only while no account exists.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.utils.translation import gettext as _

from bureau.accounts import link_of, make_link
from bureau.errors import Refused
from bureau.models import Bureau, LocationNotice, OneTimeLink, OrgUnit, Role, UnitKind, User

FIRST_ADMINISTRATOR = "first_admin"
LINK_LASTS = timedelta(hours=1)


def first_link(now: datetime) -> str:
    """A token for the first administrator's page. Refused when an account exists."""
    refuse_if_begun()
    return make_link(purpose=FIRST_ADMINISTRATOR, user=None, lasts=LINK_LASTS, now=now)


def refuse_if_begun() -> None:
    """Refused as soon as any account or bureau exists."""
    if User.objects.exists():
        raise Refused(
            "already_begun",
            _("Accounts exist here already, so the first administrator is not made this way."),
        )
    if Bureau.objects.exists():
        raise Refused(
            "already_begun",
            _("A bureau exists here already; load a backup or begin with an empty database."),
        )


def check_first_link(token: str, now: datetime) -> None:
    """Refused with the reason if the link does not open the first administrator's page."""
    link_of(token, purpose=FIRST_ADMINISTRATOR, now=now)
    refuse_if_begun()


def begin(
    token: str,
    *,
    username: str,
    password: str,
    bureau_code: str,
    bureau_name: str,
    time_zone: str,
    now: datetime,
) -> User:
    """Make the bureau, its top unit and its first administrator, and use up the link.

    All or nothing. Raises Refused for a link that does not work and ValidationError for values
    that cannot be taken.
    """
    with transaction.atomic():
        # Two people at the same moment, with one link or two: the second waits here, then finds
        # the first one's bureau.
        list(OneTimeLink.objects.select_for_update().filter(purpose=FIRST_ADMINISTRATOR))
        link = link_of(token, purpose=FIRST_ADMINISTRATOR, now=now, lock=True)
        refuse_if_begun()
        bureau = Bureau(code=bureau_code, name=bureau_name, time_zone=time_zone)
        bureau.full_clean()
        bureau.save()
        top = OrgUnit(bureau=bureau, kind=UnitKind.BUREAU, code=bureau_code, name=bureau_name)
        top.full_clean()
        top.save()
        user = User(
            username=username,
            bureau=bureau,
            unit=top,
            role=Role.ADMINISTRATOR,
            is_staff=True,
            is_superuser=True,
        )
        validate_password(password, user)
        user.set_password(password)
        user.full_clean()
        user.save()
        link.used_at = now
        link.save(update_fields=["used_at"])
    return user


def give_notice(
    bureau: Bureau, *, text_en: str, text_zh_hans: str, now: datetime
) -> LocationNotice:
    """Put a new version of the location notice in force; everybody is asked again.

    Until a person has accepted the version in force, no position of that person is stored.
    """
    with transaction.atomic():
        Bureau.objects.select_for_update().get(pk=bureau.pk)
        last = bureau.location_notices.order_by("-version").first()
        return LocationNotice.objects.create(
            bureau=bureau,
            version=1 if last is None else last.version + 1,
            text_en=text_en,
            text_zh_hans=text_zh_hans,
            valid_from=now,
        )


def add_unit(bureau: Bureau, *, parent: OrgUnit, kind: str, code: str, name: str) -> OrgUnit:
    """A brigade or squad below another unit. Raises ValidationError for values not taken."""
    unit = OrgUnit(bureau=bureau, parent=parent, kind=kind, code=code, name=name)
    unit.full_clean()
    unit.save()
    return unit
