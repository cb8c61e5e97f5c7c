"""The demo's leads: a few wait in the inbox, told by a dispatcher, a hotline and a camera."""

from __future__ import annotations

from datetime import datetime, timedelta

import shapely
from django.contrib.gis.geos import Point

from bureau.models import Bureau, OrgUnit, Role, User
from geo.models import Hotspot
from patrols.models import Intake, Lead, LeadKind, LeadSource
from patrols.phones import hash_secret, make_secret

# As many wait at least; a new one comes this long after the last one, like on a quiet day.
WAITING = 3
PAUSE = timedelta(minutes=12)
HOTLINE, CAMERA = "12345 hotline", "Street camera 7"

# Kind, needs enforcement, source, what is told; gone round one after the other.
TOLD = (
    (LeadKind.STALL, True, LeadSource.API, "Three food stalls block the pavement and do not move."),
    (LeadKind.CLEANLINESS, False, LeadSource.MANUAL, "Rubbish bags burst beside the bins."),
    (LeadKind.PARKING, False, LeadSource.SENSOR, "Delivery van on the pavement for 20 minutes."),
    (LeadKind.NOISE, True, LeadSource.API, "Loudspeaker of a shop, told before."),
    (LeadKind.SIGNS, False, LeadSource.MANUAL, "A banner hangs loose over the pavement."),
    (LeadKind.BUILDING, True, LeadSource.MANUAL, "Digging without a sign or a fence."),
)


def keep_leads(bureau: Bureau, now: datetime) -> int:
    """See to it that some leads wait, most of them on hotspots; how many were made.

    Called when the demo is loaded and by the running simulator. The first time as many as wait,
    told over the last quarter of an hour; afterwards one at a time.
    """
    leads = Lead.objects.filter(bureau=bureau)
    made = leads.count()
    last = leads.order_by("-received_at").first()
    if leads.filter(closed_at=None).count() >= WAITING:
        return 0
    if last is not None and now - last.received_at < PAUSE:
        return 0
    spots = list(Hotspot.objects.filter(bureau=bureau, closed_on=None).order_by("code"))
    if not spots:
        return 0
    wanted = 1 if made else WAITING
    for k in range(wanted):
        back = timedelta(minutes=5 * (wanted - 1 - k))
        make_lead(bureau, spots[(3 * (made + k)) % len(spots)], made + k, now - back)
    return wanted


def make_lead(bureau: Bureau, spot: Hotspot, number: int, at: datetime) -> Lead:
    """The lead of that number, in the middle of a hotspot's first block."""
    kind, enforcement, source, text = TOLD[number % len(TOLD)]
    line = shapely.get_parts(shapely.from_wkb(bytes(spot.geometry.wkb)))[0]
    middle = line.interpolate(0.5, normalized=True)
    intake = None if source == LeadSource.MANUAL else intake_of(bureau, source)
    segment = spot.segments.order_by("pk").first()
    return Lead.objects.create(
        bureau=bureau,
        unit_id=spot.unit_id,
        source=source,
        intake=intake,
        external_id=f"demo-{number}" if intake else None,
        kind=kind,
        enforcement=enforcement,
        text=text,
        place=spot.name,
        point=Point(middle.x, middle.y, srid=4326),
        street=segment.name if segment else "",
        street_en=segment.name_en if segment else "",
        happened_at=at,
        received_at=at,
        created_by=None
        if intake
        else User.objects.filter(bureau=bureau, role=Role.DISPATCHER).order_by("pk").first(),
    )


def intake_of(bureau: Bureau, source: LeadSource) -> Intake:
    """The demo's hotline or camera; nobody knows its key."""
    top = OrgUnit.objects.get(bureau=bureau, parent=None)
    name = HOTLINE if source == LeadSource.API else CAMERA
    return Intake.objects.get_or_create(
        bureau=bureau,
        name=name,
        defaults={"unit": top, "source": source, "key_sha256": hash_secret(make_secret())},
    )[0]
