"""Whose places a user reads, and who may write them. Deny by default."""

from __future__ import annotations

from django.db.models import Q
from django.utils.translation import gettext as _

from bureau.access import units_below, visible_units
from bureau.errors import Refused
from bureau.models import Role, User
from geo.models import AreaKind

# Those who plan write stations, hotspots, routes and areas; everybody else reads them.
WRITERS = frozenset({Role.PLANNER, Role.ADMINISTRATOR})


def places_seen_by(user: User) -> Q:
    """Filter on rows with `bureau` and `unit`: the places that this user may see.

    Overseers: those of the own unit and all below it. An officer: those of the own unit only.
    """
    if not user.is_authenticated or not user.is_active or user.bureau_id is None:
        return Q(pk__in=[])
    if user.role == Role.OFFICER:
        return Q(bureau=user.bureau_id, unit=user.unit_id)
    return Q(bureau=user.bureau_id, unit__in=visible_units(user))


def places_within(user: User, unit_id: int | None) -> Q:
    """As `places_seen_by`, of one visible unit and all below it; None is all that the user sees."""
    seen = places_seen_by(user)
    if unit_id is None:
        return seen
    chosen = visible_units(user).filter(pk=unit_id).first()
    if chosen is None:
        return seen & Q(unit=unit_id)
    return seen & Q(unit__in=units_below(chosen))


def areas_seen_by(user: User) -> Q:
    """As `places_seen_by`, and the bureau's jurisdiction, which frames everybody's map."""
    seen = places_seen_by(user)
    if user.is_authenticated and user.is_active and user.unit_id is not None:
        seen |= Q(bureau=user.bureau_id, kind=AreaKind.JURISDICTION)
    return seen


def may_write_places(user: User) -> bool:
    """Whether the user's role writes places at all (which ones, the scope says)."""
    return user.is_authenticated and user.is_active and user.role in WRITERS


def check_may_write(user: User, unit_id: int) -> None:
    """Raise Refused unless the user may write a place of this unit."""
    if not may_write_places(user):
        raise Refused(
            "not_yours", _("Only planners and administrators change places. Ask one of them.")
        )
    if not visible_units(user).filter(pk=unit_id).exists():
        raise Refused("not_yours", _("This unit is not one of yours. Choose a unit you may see."))


def oversees_bureau(user: User) -> bool:
    """Whether the user's unit is the bureau itself."""
    return user.unit is not None and user.unit.parent_id is None
