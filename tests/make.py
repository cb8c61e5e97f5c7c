"""One-line builders of the records that tests need. Everything not given is plain and valid."""

from __future__ import annotations

import functools
import hashlib
import itertools
from datetime import UTC, date, datetime
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.gis.geos import LineString, MultiLineString, MultiPolygon, Point, Polygon

from bureau.models import Bureau, LocationNotice, OrgUnit, Role, UnitKind, User
from geo.models import Area, AreaKind, Grade, Hotspot, RoadSegment
from patrols.models import (
    Category,
    Certificate,
    NoticeAccepted,
    Person,
    Phone,
    PhoneApp,
    PhoneHolding,
    Shift,
)
from stations.models import Station, StationKind

PASSWORD = "pass-word-1"
numbers = itertools.count(1)


def bureau(**fields: Any) -> Bureau:
    """A bureau with a location notice, so that people can be on the map."""
    n = next(numbers)
    made = Bureau.objects.create(**{"code": f"bureau-{n}", "name": f"Bureau {n}", **fields})
    LocationNotice.objects.create(
        bureau=made,
        version=1,
        text_en="Positions are stored while you are on duty.",
        text_zh_hans="执勤期间记录位置。",
        valid_from=datetime(2020, 1, 1, tzinfo=UTC),
    )
    return made


def unit(of: Bureau, parent: OrgUnit | None = None, **fields: Any) -> OrgUnit:
    """The top unit of a bureau, or a squad below `parent`."""
    n = next(numbers)
    kind = UnitKind.SQUAD if parent else UnitKind.BUREAU
    return OrgUnit.objects.create(
        **{"bureau": of, "parent": parent, "kind": kind, "code": f"u{n}", "name": f"Unit {n}"}
        | fields
    )


@functools.cache
def hashed_password() -> str:
    """PASSWORD as it is stored, hashed once: the real hasher takes half a second."""
    return make_password(PASSWORD)


def user(role: Role, of: OrgUnit, **fields: Any) -> User:
    """An account that may see `of` and what is below it; the password is PASSWORD."""
    n = next(numbers)
    return User.objects.create(
        **{
            "username": f"{role}{n}",
            "role": role,
            "unit": of,
            "bureau_id": of.bureau_id,
            "password": hashed_password(),
        }
        | fields
    )


def person(of: OrgUnit, *, accepted: bool = True, certified: bool = True, **fields: Any) -> Person:
    """An officer of a unit who has accepted the location notice and holds a certificate."""
    n = next(numbers)
    made = Person.objects.create(
        **{
            "bureau_id": of.bureau_id,
            "unit": of,
            "category": Category.OFFICER,
            "badge_no": f"{n:05d}",
            "name": f"Person {n}",
        }
        | fields
    )
    notice = LocationNotice.objects.filter(bureau=of.bureau_id).first()
    if accepted and notice is not None:
        NoticeAccepted.objects.create(person=made, notice=notice, at=notice.valid_from)
    if certified and made.category == Category.OFFICER:
        Certificate.objects.create(
            person=made,
            number=f"C{n}",
            valid_from=date(2020, 1, 1),
            valid_until=date(2035, 12, 31),
        )
    return made


def phone(
    holder: Person, secret: str = "", app: PhoneApp = PhoneApp.TRACCAR, **fields: Any
) -> Phone:
    """A phone held since 2020; its secret is `secret`, or "phone-" and its holder's badge."""
    secret = secret or f"phone-{holder.badge_no}"
    made = Phone.objects.create(
        **{
            "bureau_id": holder.bureau_id,
            "label": f"Phone of {holder}",
            "app": app,
            "secret_sha256": hashlib.sha256(secret.encode()).hexdigest(),
        }
        | fields
    )
    PhoneHolding.objects.create(phone=made, person=holder, since=datetime(2020, 1, 1, tzinfo=UTC))
    return made


def shift(of: Person, starts_at: datetime, ends_at: datetime, **fields: Any) -> Shift:
    """A rostered span."""
    return Shift.objects.create(
        bureau_id=of.bureau_id, person=of, starts_at=starts_at, ends_at=ends_at, **fields
    )


def segment(
    of: Bureau, *lon_lat: tuple[float, float], length_m: float, **fields: Any
) -> RoadSegment:
    """A street block through the given points."""
    n = next(numbers)
    return RoadSegment.objects.create(
        **{
            "bureau": of,
            "external_id": f"test/{n}",
            "name": f"Street {n}",
            "kind": "residential",
            "length_m": length_m,
            "source": "test",
            "geometry": LineString(*lon_lat, srid=4326),
        }
        | fields
    )


def area(
    of: OrgUnit, ring: list[tuple[float, float]], kind: AreaKind = AreaKind.BEAT, **fields: Any
) -> Area:
    """An area of a unit; `ring` may be left open."""
    n = next(numbers)
    closed = ring if ring[0] == ring[-1] else [*ring, ring[0]]
    return Area.objects.create(
        **{
            "bureau_id": of.bureau_id,
            "unit": of,
            "kind": kind,
            "code": f"a{n}",
            "name": f"Area {n}",
            "geometry": MultiPolygon(Polygon(closed), srid=4326),
        }
        | fields
    )


def hotspot(of: OrgUnit, *segments: RoadSegment, **fields: Any) -> Hotspot:
    """A hotspot on the given segments."""
    n = next(numbers)
    made = Hotspot.objects.create(
        **{
            "bureau_id": of.bureau_id,
            "unit": of,
            "code": f"h{n}",
            "name": f"Hotspot {n}",
            "grade": Grade.SECOND,
            "geometry": MultiLineString([s.geometry for s in segments], srid=4326),
        }
        | fields
    )
    made.segments.set(segments)
    return made


def station(of: OrgUnit, lon: float, lat: float, **fields: Any) -> Station:
    """An open kiosk."""
    n = next(numbers)
    return Station.objects.create(
        **{
            "bureau_id": of.bureau_id,
            "unit": of,
            "kind": StationKind.KIOSK,
            "code": f"s{n}",
            "name": f"Kiosk {n}",
            "geometry": Point(lon, lat, srid=4326),
            "opened_on": date(2025, 1, 1),
        }
        | fields
    )
