"""Leads: written by a dispatcher or sent by another system or a sensor; closed without an order.

A source outside has a key, shown once when it is made and kept as its SHA-256. What it sends lands
in its own unit or below, by the beat in which the place lies.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.gis.geos import Point
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from bureau.access import rules_on, units_below, visible_units
from bureau.errors import Refused
from bureau.models import OrgUnit, Role, User
from bureau.week import Week
from geo.models import Area, AreaKind, RoadSegment
from geo.queries import within_metres
from patrols.models import Intake, Lead, LeadKind, LeadSource
from patrols.phones import hash_secret

# Who writes leads and sends people to them; an inspector looks on.
DISPATCHING_ROLES = frozenset({Role.DISPATCHER, Role.SUPERVISOR, Role.ADMINISTRATOR})
# A street further off than this does not say where a place is.
STREET_WITHIN_M = 60.0
# A clock that is ahead by more than this is wrong.
AHEAD = timedelta(minutes=5)
# A source's last use is noted this often.
USE_STEP = timedelta(minutes=1)


@dataclass(frozen=True)
class LeadDraft:
    """What is told, before it is checked.

    place: lon, lat in degrees · words: the place in words · contact: how to reach who told it ·
    happened_at: None for now.
    """

    kind: str
    text: str
    place: tuple[float, float]
    enforcement: bool = False
    words: str = ""
    contact: str = ""
    happened_at: datetime | None = None


def visible_leads(user: User) -> QuerySet[Lead]:
    """Leads on the ground of the units that the user may see."""
    return Lead.objects.filter(bureau=user.bureau_id, unit__in=visible_units(user))


def check_may_dispatch(user: User) -> OrgUnit:
    """The user's unit. Raises Refused for who does not send people to leads."""
    if user.role not in DISPATCHING_ROLES or user.unit is None or not visible_units(user).exists():
        raise Refused("not_yours", _("Your role does not handle leads and orders."))
    return user.unit


def find_lead(lead_id: int, user: User) -> Lead:
    """A lead that the user may handle. Raises Refused."""
    check_may_dispatch(user)
    lead = visible_leads(user).select_related("unit", "bureau").filter(pk=lead_id).first()
    if lead is None:
        raise Refused("not_yours", _("There is no such lead among your units."))
    return lead


def write_lead(draft: LeadDraft, *, by: User, now: datetime) -> Lead:
    """A lead that a dispatcher writes. Raises Refused."""
    return store(draft, check_may_dispatch(by), now, source=LeadSource.MANUAL, created_by=by)


def take_in(
    draft: LeadDraft, *, intake: Intake, external_id: str, now: datetime
) -> tuple[Lead, bool]:
    """A lead that a source outside sends, and whether it is new: the same id is the same lead."""
    known = Lead.objects.filter(intake=intake, external_id=external_id).first()
    if known is not None:
        return known, False
    source = LeadSource(intake.source)
    try:
        with transaction.atomic():
            return store(
                draft, intake.unit, now, source=source, intake=intake, external_id=external_id
            ), True
    except IntegrityError:  # sent twice at one time
        return Lead.objects.get(intake=intake, external_id=external_id), False


def store(draft: LeadDraft, unit: OrgUnit, now: datetime, **origin: Any) -> Lead:
    """Check and store a lead for a unit or one below it; `origin` are the fields that say who told
    it. Raises Refused for what is missing, too long, or in the future."""
    text, words, contact = draft.text.strip(), draft.words.strip(), draft.contact.strip()
    if not text:
        raise Refused("text_missing", _("Say in a few words what was told."))
    if draft.kind not in LeadKind.values:
        raise Refused("kind_unknown", _("Choose one of the listed kinds."))
    for field, value in (("text", text), ("place", words), ("contact", contact)):
        check_length(field, value)
    lon, lat = draft.place
    if not (-180 <= lon <= 180 and -85 <= lat <= 85):
        raise Refused("place_unknown", _("Choose the place on the map."))
    if draft.happened_at is not None and draft.happened_at > now + AHEAD:
        raise Refused("in_the_future", _("The time lies in the future: check the clock."))
    name, name_en = street_at(unit.bureau_id, lon, lat)
    return Lead.objects.create(
        bureau_id=unit.bureau_id,
        unit_id=unit_at(unit, lon, lat),
        kind=draft.kind,
        enforcement=draft.enforcement,
        text=text,
        place=words,
        point=Point(lon, lat, srid=4326),
        street=name,
        street_en=name_en,
        contact=contact,
        happened_at=draft.happened_at or now,
        received_at=now,
        **origin,
    )


def check_length(name: str, value: str) -> None:
    """Refused for a text that its column does not hold."""
    longest = getattr(Lead._meta.get_field(name), "max_length", None) or 0
    if len(value) > longest:
        raise Refused("too_long", _("Keep it under %(n)d characters.") % {"n": longest})


def unit_at(within: OrgUnit, lon: float, lat: float) -> int:
    """Id of the unit whose beat holds the place, of `within` and all below; else of `within`."""
    beat = (
        Area.objects.filter(
            bureau=within.bureau_id,
            kind=AreaKind.BEAT,
            unit__in=units_below(within),
            geometry__covers=Point(lon, lat, srid=4326),
        )
        .order_by("pk")
        .first()
    )
    return beat.unit_id if beat is not None else within.pk


def street_at(bureau_id: int, lon: float, lat: float) -> tuple[str, str]:
    """Name and English name of the nearest named street within 60 m; empty without one."""
    streets = RoadSegment.objects.filter(bureau=bureau_id, retired_at=None).exclude(name="")
    near: Any = within_metres(streets, lon, lat, STREET_WITHIN_M).values_list(
        F("distance_m"), "pk", "name", "name_en"
    )
    found: list[tuple[float, int, str, str]] = list(near)
    return min(found)[2:] if found else ("", "")


def close_lead(lead_id: int, *, by: User, reason: str, now: datetime) -> Lead:
    """Close a lead to which nobody is being sent, with the reason that is kept. Raises Refused."""
    reason = reason.strip()
    if not reason:
        raise Refused("reason_missing", _("Say in a few words why nobody is sent."))
    check_length("closed_reason", reason)
    lead = find_lead(lead_id, by)
    with transaction.atomic():
        lead = Lead.objects.select_for_update().get(pk=lead.pk)
        if lead.closed_at is not None:
            raise Refused("lead_closed", _("This lead is closed already."))
        if lead.orders.filter(ended_at=None).exists():
            raise Refused("lead_in_hand", _("Somebody is being sent: cancel the order first."))
        lead.closed_at, lead.closed_by, lead.closed_reason = now, by, reason
        lead.save(update_fields=["closed_at", "closed_by", "closed_reason"])
    return lead


# --- sources outside ---------------------------------------------------------------------------


def intake_of(key: str, now: datetime) -> Intake | None:
    """The source of a key that is not revoked; notes that it was used."""
    intake = (
        Intake.objects.filter(key_sha256=hash_secret(key), revoked_at=None)
        .select_related("unit", "bureau")
        .first()
    )
    if intake and (intake.last_used_at is None or intake.last_used_at < now - USE_STEP):
        Intake.objects.filter(pk=intake.pk).update(last_used_at=now)
    return intake


def forget_contacts(*, now: datetime) -> int:
    """Forget who told a lead, so many days after it was closed (rule contact_days); how many."""
    gone = 0
    leads = Lead.objects.exclude(contact="").filter(closed_at__isnull=False)
    for bureau in {lead.bureau for lead in leads.select_related("bureau")}:
        rules, _set = rules_on(bureau, Week.containing(now, bureau.time_zone).monday)
        gone += leads.filter(
            bureau=bureau, closed_at__lt=now - timedelta(days=rules.contact_days)
        ).update(contact="")
    return gone
