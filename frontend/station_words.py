"""Who changed what of a station, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from geo.plane import Plane
from stations.models import Station, StationChange, StationKind

ACTS = {
    "add": gettext_lazy("Added"),
    "move": gettext_lazy("Moved"),
    "edit": gettext_lazy("Changed"),
    "close": gettext_lazy("Closed"),
    "reopen": gettext_lazy("Reopened"),
    "import": gettext_lazy("Imported"),
}
FACTS = {
    "unit": gettext_lazy("unit"),
    "kind": gettext_lazy("kind"),
    "code": gettext_lazy("code"),
    "name": gettext_lazy("name"),
    "address": gettext_lazy("address"),
    "desks": gettext_lazy("desks"),
    "chairs": gettext_lazy("chairs"),
    "opened_on": gettext_lazy("opening day"),
    "place": gettext_lazy("place"),
    "hours": gettext_lazy("opening hours"),
}
MOST_CHANGES = 20


@dataclass(frozen=True)
class Said:
    """One line of a station's history."""

    change: StationChange
    act: str
    detail: str


def changes_said(station: Station) -> list[Said]:
    """The latest changes of a station, newest first."""
    rows = station.changes.select_related("by")[:MOST_CHANGES]
    return [Said(row, str(ACTS.get(row.act, row.act)), _detail(row)) for row in rows]


def _detail(row: StationChange) -> str:
    if row.act == "move" and "place" in row.before:
        return _("by %(distance)s") % {"distance": _apart(row.before["place"], row.after["place"])}
    if row.act == "close":
        return str(row.after.get("closed_reason", ""))
    if row.act == "edit":
        return _(", ").join(_fact(row, name) for name in row.after)
    return ""


def _fact(row: StationChange, name: str) -> str:
    label = str(FACTS.get(name, name))
    if name == "place":
        return _("place by %(distance)s") % {
            "distance": _apart(row.before["place"], row.after["place"])
        }
    if name in ("hours", "unit"):
        return label
    before, after = row.before.get(name, ""), row.after[name]
    if name == "kind":
        labels: dict[str, Any] = dict(StationKind.choices)
        before, after = labels.get(before, before), labels.get(after, after)
    return f"{label} {before or '–'} → {after or '–'}"


def _apart(one: list[float], other: list[float]) -> str:
    plane = Plane.around([one[0], other[0]], [one[1], other[1]])
    (x0, x1), (y0, y1) = plane.to_metres([one[0], other[0]], [one[1], other[1]])
    return _("%(m)d m") % {"m": round(float(((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5))}
