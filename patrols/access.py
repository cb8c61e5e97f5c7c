"""Who may see whom, and the only way to a trail: it logs the look before it reads.

No other code reads `Position` or `HeldPosition` rows for a person's eyes, except the live picture's
tails of five minutes (`patrols.live`), which log who watches, and the replay of a day
(`patrols.past_day`), which opens everybody's trail here first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.gis.geos import Point
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from bureau.access import visible_units
from bureau.errors import Refused
from bureau.models import Role, User
from patrols.models import HeldPosition, Person, Position, TrailLook

# Roles that may open another person's trail; a planner plans on facts without persons.
TRAIL_ROLES = frozenset({Role.DISPATCHER, Role.SUPERVISOR, Role.INSPECTOR, Role.ADMINISTRATOR})


def visible_people(user: User) -> QuerySet[Person]:
    """The people this user may see: those of the visible units, and always oneself."""
    if not user.is_authenticated or not user.is_active or user.bureau_id is None:
        return Person.objects.none()
    return Person.objects.filter(bureau=user.bureau_id).filter(
        Q(unit__in=visible_units(user)) | Q(user=user)
    )


@dataclass(frozen=True)
class TrailFix:
    """One stored position, as a page may show it."""

    recorded_at: datetime
    received_at: datetime
    lon_deg: float
    lat_deg: float
    accuracy_m: float | None
    flags: int
    phone_id: int = 0


def may_open_trail(user: User, person: Person) -> bool:
    """Whether the user may open this person's trail; one's own always."""
    if person.user_id is not None and person.user_id == user.pk:
        return True
    return user.role in TRAIL_ROLES and visible_people(user).filter(pk=person.pk).exists()


def log_look(
    user: User,
    person: Person,
    *,
    purpose: str,
    from_at: datetime | None = None,
    until_at: datetime | None = None,
    allowed: bool = True,
) -> TrailLook:
    """Write down one look at a person's trail, whether it was allowed or not."""
    return TrailLook.objects.create(
        bureau_id=person.bureau_id,
        person=person,
        user=user,
        purpose=purpose[:120],
        from_at=from_at,
        until_at=until_at,
        allowed=allowed,
        at=timezone.now(),
    )


def open_trail(
    user: User, person: Person, *, purpose: str, from_at: datetime, until_at: datetime
) -> None:
    """Log the look and raise Refused if the user may not look. Commits before it returns.

    Called by whatever shows a trail in a derived form (matched, smoothed); `trail_for` calls it
    for the raw one. The log line outlives a failing page: it has its own transaction.
    """
    if not purpose.strip():
        raise Refused("purpose_missing", "Say why you open this trail.")
    allowed = may_open_trail(user, person)
    if not (person.user_id is not None and person.user_id == user.pk):
        with transaction.atomic():
            log_look(
                user,
                person,
                purpose=purpose,
                from_at=from_at,
                until_at=until_at,
                allowed=allowed,
            )
    if not allowed:
        raise Refused(
            "trail_denied",
            "You may not open this trail. The attempt was logged; ask the person's supervisor.",
        )


def open_trails(
    user: User,
    people: Sequence[Person],
    *,
    purpose: str,
    from_at: datetime,
    until_at: datetime,
) -> None:
    """As `open_trail` for many at once: one line a person, or a line of refusal for each.

    One's own trail is no look.
    """
    if not purpose.strip():
        raise Refused("purpose_missing", "Say why you open this trail.")
    visible = set(visible_people(user).values_list("pk", flat=True))
    allowed = user.role in TRAIL_ROLES and all(person.pk in visible for person in people)
    now = timezone.now()
    with transaction.atomic():
        TrailLook.objects.bulk_create(
            TrailLook(
                bureau_id=person.bureau_id,
                person=person,
                user=user,
                purpose=purpose[:120],
                from_at=from_at,
                until_at=until_at,
                allowed=allowed,
                at=now,
            )
            for person in people
            if person.user_id is None or person.user_id != user.pk
        )
    if not allowed:
        raise Refused(
            "trail_denied",
            "You may not open these trails. The attempt was logged; ask their supervisor.",
        )


def trail_for(
    user: User, person: Person, *, purpose: str, from_at: datetime, until_at: datetime
) -> list[TrailFix]:
    """The stored positions of a person in [from_at, until_at), in time order, after logging.

    Those of a week that was dropped come from what is held of it for an objection or an SOS.
    """
    open_trail(user, person, purpose=purpose, from_at=from_at, until_at=until_at)
    found: dict[tuple[datetime, int], TrailFix] = {}
    for model in (HeldPosition, Position):
        rows = model._default_manager.filter(
            bureau_id=person.bureau_id,
            person_id=person.pk,
            recorded_at__gte=from_at,
            recorded_at__lt=until_at,
        )
        for row in rows:
            found.setdefault((row.recorded_at, row.phone_id), to_trail_fix(row))
    return [found[key] for key in sorted(found)]


def to_trail_fix(row: Position | HeldPosition) -> TrailFix:
    """A stored row as plain values."""
    point: Point = row.point
    return TrailFix(
        row.recorded_at,
        row.received_at,
        point.x,
        point.y,
        row.accuracy_m,
        row.flags,
        row.phone_id,
    )
