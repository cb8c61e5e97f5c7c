"""What the tests of orders need: leads, and people with a place who are on duty."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib.gis.geos import Point

from bureau.models import OrgUnit, Role, User
from patrols.models import Lead, LeadKind, LeadSource, Mode, Patrol, PatrolMember, Person
from tests import make
from tests.realtime.stage import officer, report
from tests.world import place


def lead(
    of: OrgUnit, now: datetime, east_m: float = 0.0, north_m: float = 0.0, **fields: Any
) -> Lead:
    """A lead on a unit's ground, written a minute ago."""
    return Lead.objects.create(
        **{
            "bureau_id": of.bureau_id,
            "unit": of,
            "source": LeadSource.MANUAL,
            "kind": LeadKind.STALL,
            "text": "Two stalls block the pavement",
            "point": Point(*place(east_m, north_m), srid=4326),
            "happened_at": now - timedelta(minutes=1),
            "received_at": now - timedelta(minutes=1),
        }
        | fields
    )


def there(
    of: OrgUnit, now: datetime, east_m: float, north_m: float, age_s: float = 5, **fields: Any
) -> Person:
    """An officer on duty with a phone and a fix some seconds old."""
    person = officer(of, now, **fields)
    report(person, east_m, north_m, now - timedelta(seconds=age_s))
    return person


def account(person: Person) -> User:
    """The person's own account."""
    user = make.user(Role.OFFICER, person.unit)
    person.user = user
    person.save()
    return user


def patrol(*people: Person, now: datetime, mode: str = Mode.FOOT) -> Patrol:
    """A patrol in which they walk since a quarter of an hour."""
    made = Patrol.objects.create(
        bureau_id=people[0].bureau_id,
        unit=people[0].unit,
        mode=mode,
        started_at=now - timedelta(minutes=15),
    )
    PatrolMember.objects.bulk_create(PatrolMember(patrol=made, person=one) for one in people)
    return made
