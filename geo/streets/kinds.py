"""Which lines of a source are streets, and what they are called. Keys are OpenStreetMap's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

# Centre-lines that a patrol walks, rides or drives along. Motorways are left out: nobody patrols
# their shops, and their carriageways pass over streets that are patrolled.
STREETS: Final = frozenset(
    {
        "trunk", "trunk_link", "primary", "primary_link", "secondary", "secondary_link",
        "tertiary", "tertiary_link", "unclassified", "residential", "living_street",
        "pedestrian", "road", "street",
    }
)  # fmt: skip
# Alleys (里弄, 胡同) are public; the other service ways are yards, ramps and car parks.
SERVICE_STREETS: Final = frozenset({"alley", "alley_street"})
# Pavements run beside a centre-line and steal its visits, so they come only when asked for.
FOOTWAYS: Final = frozenset({"footway", "path", "steps", "track", "cycleway", "bridleway"})
NO_ENTRY: Final = frozenset({"no", "private"})
ON_FOOT: Final = frozenset({"yes", "designated", "permissive", "customers"})
GRADE_SEPARATED: Final = frozenset({"", "0", "no", "none", "false", "f", "n"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an import takes beside street centre-lines."""

    footways: bool = False
    service: bool = False


@dataclass(frozen=True, slots=True)
class Street:
    """What is kept of a line's tags."""

    kind: str
    is_footway: bool
    name: str
    name_en: str


def street_of(tags: Mapping[str, str], wanted: Wanted) -> Street | None:
    """The street that these tags describe, or None when the line is not wanted."""
    kind = tags.get("highway", "")
    if kind in STREETS or (kind == "service" and _is_wanted_service(tags, wanted)):
        is_footway = False
    elif wanted.footways and kind in FOOTWAYS:
        is_footway = True
    else:
        return None
    # The outline of a square is not a way through it.
    if tags.get("area") == "yes":
        return None
    if tags.get("access") in NO_ENTRY and tags.get("foot") not in ON_FOOT:
        return None
    return Street(kind[:30], is_footway, street_name(tags), tags.get("name:en", "").strip()[:160])


def street_name(tags: Mapping[str, str]) -> str:
    """The name on the sign; where the source has none, the Chinese, then the English one."""
    for key in ("name", "name:zh-Hans", "name:zh", "name:en"):
        if name := tags.get(key, "").strip():
            return name[:160]
    return ""


def is_grade_separated(tags: Mapping[str, str]) -> bool:
    """Whether a line runs over or under others (bridge, tunnel, another layer)."""
    return any(
        tags.get(key, "").strip().lower() not in GRADE_SEPARATED
        for key in ("bridge", "tunnel", "layer")
    )


def _is_wanted_service(tags: Mapping[str, str], wanted: Wanted) -> bool:
    return wanted.service or tags.get("service") in SERVICE_STREETS
