"""What the frame around every page needs to know."""

from __future__ import annotations

from typing import Any

from django import template
from django.db.models import Count, Q
from django.http import HttpRequest

from bureau.access import visible_units
from bureau.models import OrgUnit, User
from frontend.pages import Page, may_open, pages_of
from patrols.alarms import visible_alarms

register = template.Library()


@register.simple_tag
def rail(user: User) -> list[Page]:
    """The pages this user may open."""
    return pages_of(user)


@register.filter
def opens_page(user: User, name: str) -> bool:
    """`{% if user|opens_page:"live" %}`."""
    return may_open(user, name)


def unit_tree(units: list[OrgUnit]) -> list[tuple[int, OrgUnit]]:
    """(depth, unit) of the units, each parent before its children, siblings by code."""
    ids = {unit.pk for unit in units}
    below: dict[int | None, list[OrgUnit]] = {}
    for unit in sorted(units, key=lambda unit: unit.code):
        below.setdefault(unit.parent_id if unit.parent_id in ids else None, []).append(unit)
    found: list[tuple[int, OrgUnit]] = []

    def walk(parent: int | None, depth: int) -> None:
        for unit in below.get(parent, []):
            found.append((depth, unit))
            walk(unit.pk, depth + 1)

    walk(None, 0)
    return found


@register.inclusion_tag("parts/unit_switch.html", takes_context=True)
def unit_switch(context: dict[str, Any]) -> dict[str, Any]:
    """The bureau's name and a choice of the units the user may see; keeps the other parameters."""
    request: HttpRequest = context["request"]
    user: User = request.user  # type: ignore[assignment]
    chosen = request.GET.get("unit", "")
    return {
        "bureau": user.bureau,
        "tree": [
            {"id": unit.pk, "label": "\u2003" * depth + unit.name, "chosen": str(unit.pk) == chosen}
            for depth, unit in unit_tree(list(visible_units(user)))
        ],
        "kept": [
            (key, value)
            for key, values in request.GET.lists()
            if key not in {"unit", "person"}
            for value in values
        ],
    }


@register.simple_tag
def open_alarms(user: User) -> dict[str, int]:
    """How many alarms of the user's units stand open, and how many nobody has answered."""
    return (
        visible_alarms(user)
        .filter(closed_at=None)
        .aggregate(open=Count("pk"), unanswered=Count("pk", filter=Q(acknowledged_at=None)))
    )


@register.filter
def starts(text: str, start: str) -> bool:
    """Whether a text begins so; marks the page in the rail, its sub-pages included."""
    return text.startswith(start)
