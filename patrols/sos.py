"""An SOS from Tandem's own page, and how its sender takes it back.

Phones raise theirs with their positions (`patrols.ingest`).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.gis.geos import Point
from django.db import transaction
from django.utils.translation import gettext as _

from bureau.errors import Refused
from patrols.alarms import checked_reason
from patrols.escalation import end_sights
from patrols.models import Alarm, AlarmKind, Latest, Person

# An older last place says little about where somebody is now.
PLACE_LASTS = timedelta(minutes=30)


def raise_sos(
    person: Person, *, now: datetime, place: tuple[float, float] | None = None
) -> tuple[Alarm, bool]:
    """The person's open alarm and whether it is new. Never refused, whatever else is true.

    place: lon, lat in degrees from the page; else the last known place, if it is recent.
    """
    point = Point(*place, srid=4326) if place else last_point(person, now)
    with transaction.atomic():
        Person.objects.select_for_update().get(pk=person.pk)
        alarm = Alarm.objects.filter(person=person, kind=AlarmKind.SOS, closed_at=None).first()
        if alarm is None:
            alarm = Alarm.objects.create(
                bureau_id=person.bureau_id,
                person=person,
                kind=AlarmKind.SOS,
                raised_at=now,
                point=point,
            )
            return alarm, True
        if place:
            alarm.point = point
            alarm.save(update_fields=["point"])
    return alarm, False


def cancel(person: Person, *, reason: str, now: datetime) -> Alarm:
    """The person's own open SOS was a false alarm: closed by its sender, kept with the reason.

    Raises Refused without a reason, without an open SOS, and without an account to name.
    """
    reason = checked_reason(reason)
    if person.user is None:
        raise Refused("no_account", _("Only somebody with an account can cancel an SOS."))
    with transaction.atomic():
        alarm = (
            Alarm.objects.select_for_update()
            .filter(person=person, kind=AlarmKind.SOS, closed_at=None)
            .first()
        )
        if alarm is None:
            raise Refused("alarm_closed", _("You have no open SOS."))
        alarm.closed_at, alarm.closed_by, alarm.closed_reason = now, person.user, reason
        alarm.save(update_fields=["closed_at", "closed_by", "closed_reason"])
        end_sights(alarm, now)
    return alarm


def last_point(person: Person, now: datetime) -> Point | None:
    """The person's last place if it is recent."""
    latest = Latest.objects.filter(
        bureau_id=person.bureau_id, person_id=person.pk, recorded_at__gt=now - PLACE_LASTS
    ).first()
    return latest.point if latest else None
