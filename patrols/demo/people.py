"""Writes the demo's units, accounts, people, certificates, phones and the location notice."""

from __future__ import annotations

import hmac
from datetime import date, datetime, timedelta
from hashlib import sha256

from django.conf import settings
from django.contrib.auth.hashers import make_password

from bureau.models import Bureau, LocationNotice, OrgUnit, Role, User
from patrols.demo.cast import (
    ACCOUNTS,
    NOTICE_EN,
    NOTICE_ZH,
    PASSWORD,
    UNITS,
    Habit,
    Member,
    people,
)
from patrols.demo.past import MOVING_S, OWNTRACKS_MOVING_S
from patrols.models import Category, Certificate, NoticeAccepted, Person, Phone
from patrols.phones import enroll, hash_secret

CERTIFIED_FOR = timedelta(days=5 * 365)


def secret_of(badge: str) -> str:
    """The secret of a demo phone: only whoever has this installation's key can make it.

    The simulator stands in for the phones and must know their secrets; nothing is written down.
    """
    key = settings.SECRET_KEY.encode()
    return hmac.new(key, f"demo phone {badge}".encode(), sha256).hexdigest()[:32]


def label_of(member: Member) -> str:
    """What the demo phone of a person is called."""
    return f"{member.badge} {member.name} (simulated)"


def make_units(bureau: Bureau) -> dict[str, OrgUnit]:
    """The unit tree by code."""
    made: dict[str, OrgUnit] = {}
    for code, (kind, name, above) in UNITS.items():
        made[code] = OrgUnit.objects.create(
            bureau=bureau, parent=made[above] if above else None, kind=kind, code=code, name=name
        )
    return made


def make_accounts(units: dict[str, OrgUnit]) -> dict[str, User]:
    """The demo's accounts by user name, all with the one password that the console prints."""
    hashed = make_password(PASSWORD)
    return {
        account.username: User.objects.create(
            username=account.username,
            password=hashed,
            last_name=account.name,
            role=account.role,
            bureau=units[account.unit].bureau,
            unit=units[account.unit],
            is_staff=account.role == Role.ADMINISTRATOR,
            is_superuser=account.role == Role.ADMINISTRATOR,
        )
        for account in ACCOUNTS
    }


def make_people(
    units: dict[str, OrgUnit], accounts: dict[str, User], *, since: datetime, today: date
) -> dict[str, Person]:
    """Everybody by badge, with certificates, accepted notice and an enrolled phone from `since`."""
    bureau = units["bureau"].bureau
    notice = LocationNotice.objects.create(
        bureau=bureau,
        version=1,
        text_en=NOTICE_EN,
        text_zh_hans=NOTICE_ZH,
        valid_from=since - timedelta(days=7),
    )
    user_of = {a.badge: accounts[a.username] for a in ACCOUNTS if a.badge}
    made = {}
    for squad, member in people():
        person = Person.objects.create(
            bureau=bureau,
            unit=units[squad],
            user=user_of.get(member.badge),
            category=member.category,
            badge_no=member.badge,
            name=member.name,
        )
        certify(person, member, today)
        if Habit.NO_NOTICE not in member.habits:
            NoticeAccepted.objects.create(
                person=person, notice=notice, at=since - timedelta(days=6)
            )
        phone, _ = enroll(
            person=person,
            app=member.app,
            label=label_of(member),
            now=since - timedelta(days=6),
            interval_s=round(OWNTRACKS_MOVING_S if member.app == "owntracks" else MOVING_S),
        )
        phone.secret_sha256 = hash_secret(secret_of(member.badge))
        phone.save(update_fields=["secret_sha256"])
        made[member.badge] = person
    return made


def certify(person: Person, member: Member, today: date) -> None:
    """An officer's certificate; one of them ran out three weeks ago."""
    if person.category != Category.OFFICER:
        return
    until = today + timedelta(days=400 + 37 * (int(member.badge) % 17))
    if Habit.EXPIRED in member.habits:
        until = today - timedelta(days=21)
    Certificate.objects.create(
        person=person,
        number=f"DEMO-{member.badge}",
        valid_from=until - CERTIFIED_FOR,
        valid_until=until,
    )


def renew_secrets(bureau: Bureau) -> int:
    """Make the demo phones answer to `secret_of` again, should the installation's key be new.

    Phones that somebody enrolled in the demo bureau to try their own are left alone. Returns how
    many had to be changed.
    """
    changed = 0
    badges = {label_of(member): member.badge for _, member in people()}
    for phone in Phone.objects.filter(bureau=bureau, revoked_at=None, label__in=badges):
        hashed = hash_secret(secret_of(badges[phone.label]))
        if phone.secret_sha256 != hashed:
            phone.secret_sha256 = hashed
            phone.save(update_fields=["secret_sha256"])
            changed += 1
    return changed
