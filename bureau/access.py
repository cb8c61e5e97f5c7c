"""Which units a user may see, and which roles may do what. Deny by default."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from django.db.models import QuerySet

from bureau.models import Bureau, OrgUnit, Role, User
from bureau.rules import Rules

# Roles that see other people's duty facts at all; an officer sees only oneself.
OVERSEERS = frozenset(
    {Role.DISPATCHER, Role.SUPERVISOR, Role.PLANNER, Role.ADMINISTRATOR, Role.INSPECTOR}
)


def units_below(unit: OrgUnit) -> set[int]:
    """Ids of the unit and of all units below it."""
    children: dict[int | None, list[int]] = defaultdict(list)
    for pk, parent in OrgUnit.objects.filter(bureau=unit.bureau_id).values_list("pk", "parent"):
        children[parent].append(pk)
    found: set[int] = set()
    waiting = [unit.pk]
    while waiting:
        pk = waiting.pop()
        if pk not in found:
            found.add(pk)
            waiting.extend(children[pk])
    return found


def units_above(unit: OrgUnit) -> list[int]:
    """Ids of the unit and of all units above it, from itself upwards."""
    parent = dict(OrgUnit.objects.filter(bureau=unit.bureau_id).values_list("pk", "parent"))
    found: list[int] = []
    here: int | None = unit.pk
    while here is not None and here not in found:
        found.append(here)
        here = parent.get(here)
    return found


def sees_units(user: User) -> bool:
    """Whether `visible_units` holds any: the own one at least."""
    if not user.is_authenticated or not user.is_active or user.role not in OVERSEERS:
        return False
    return (
        user.unit is not None
        and user.bureau_id is not None
        and user.unit.bureau_id == user.bureau_id
    )


def visible_units(user: User) -> QuerySet[OrgUnit]:
    """The units whose people and places this user may see: the own unit and all below it.

    Nobody without an active account, a bureau and a unit sees anything; an officer sees no unit's
    people (`patrols.access.visible_people` adds oneself).
    """
    if not sees_units(user) or user.unit is None:
        return OrgUnit.objects.none()
    return OrgUnit.objects.filter(bureau=user.bureau_id, pk__in=units_below(user.unit))


def rules_on(bureau: Bureau, day: date) -> tuple[Rules, int | None]:
    """The rules valid on a local date and the id of their set (None: the shipped defaults)."""
    row = bureau.rule_sets.filter(valid_from__lte=day).order_by("-valid_from").first()
    if row is None:
        return Rules(), None
    return Rules.of(row.values), row.pk
