"""Finding a street, hotspot, station or area by name, English name, code or pinyin.

Streets are the bureau's, as on everybody's map; other places are those of the user's units.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.gis.db.models import Extent
from django.core.cache import cache
from django.db.models import Max, QuerySet

from bureau.models import User
from bureau.pinyin import is_spelled, plain_query, spell_place
from geo.access import areas_seen_by, places_seen_by
from geo.models import Area, Hotspot, ImportRun, RoadSegment
from patrols.live import check_may_watch
from stations.models import Station

MOST_FOUND = 12
LONGEST_QUERY = 60
KEPT_S = 24 * 3600

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Found:
    """One place: kind is street, hotspot, station or area; bounds west, south, east, north."""

    kind: str
    id: int | None
    name: str
    name_en: str
    unit: str
    bounds: Bounds


@dataclass(frozen=True, slots=True)
class _Named:
    """What a query is compared with; `key` is the row's id, or a street's two names."""

    kind: str
    key: int | tuple[str, str]
    name: str
    name_en: str
    code: str
    unit: str


def find_places(user: User, text: str) -> list[Found]:
    """The places that the text names, best first, at most `MOST_FOUND`; [] for an empty text.

    Raises Refused for who may not watch the live picture.
    """
    check_may_watch(user)
    text = text.strip()[:LONGEST_QUERY].lower()
    if not text:
        return []
    ranked = [
        (rank, len(one.name), one)
        for one in (*_units_places(user), *_streets(user))
        if (rank := _rank(one, text, plain_query(text))) is not None
    ]
    ranked.sort(key=lambda each: (each[0], each[1], each[2].name, str(each[2].key)))
    best = [one for _, _, one in ranked[:MOST_FOUND]]
    bounds = _bounds(user, best)
    return [
        Found(
            one.kind,
            one.key if isinstance(one.key, int) else None,
            one.name,
            one.name_en,
            one.unit,
            bounds[one.kind, one.key],
        )
        for one in best
        if (one.kind, one.key) in bounds
    ]


def _rank(one: _Named, text: str, query: str) -> int | None:
    """0 is the best: begins as written, then holds it, then is spelled so; None is no hit."""
    names = [name for name in (one.name.lower(), one.name_en.lower(), one.code.lower()) if name]
    if any(name.startswith(text) for name in names):
        return 0
    if any(text in name for name in names):
        return 1
    # A query with Chinese characters in it is compared as it is written, above.
    if text.isascii() or "ü" in text:
        return 2 if is_spelled(query, spell_place(one.name)) else None
    return None


def _units_places(user: User) -> Iterable[_Named]:
    seen = places_seen_by(user)
    rows: list[tuple[str, QuerySet[Hotspot] | QuerySet[Station] | QuerySet[Area]]] = [
        ("hotspot", Hotspot.objects.filter(seen, closed_on=None)),
        ("station", Station.objects.filter(seen, closed_on=None)),
        ("area", Area.objects.filter(areas_seen_by(user))),
    ]
    for kind, query in rows:
        for pk, name, code, unit in query.values_list("pk", "name", "code", "unit__name"):
            yield _Named(kind, pk, name, "", code, unit)


def _streets(user: User) -> Iterable[_Named]:
    """The names of the bureau's streets; only an import changes them."""
    imports = ImportRun.objects.filter(bureau=user.bureau_id, dry_run=False)
    newest = imports.aggregate(newest=Max("pk"))["newest"]
    rows = RoadSegment.objects.filter(bureau=user.bureau_id, retired_at=None).exclude(name="")
    key = f"street-names/{user.bureau_id}/{newest}"
    names: list[tuple[str, str]] | None = cache.get(key) if newest else None
    if names is None:
        names = list(rows.order_by().values_list("name", "name_en").distinct())
        if newest:
            cache.set(key, names, KEPT_S)
    for name, name_en in names:
        yield _Named("street", (name, name_en), name, name_en, "", "")


def _bounds(user: User, best: list[_Named]) -> dict[tuple[str, int | tuple[str, str]], Bounds]:
    """Where each is, from one query a kind."""
    found: dict[tuple[str, int | tuple[str, str]], Bounds] = {}
    models: list[tuple[str, type[Hotspot | Station | Area]]] = [
        ("hotspot", Hotspot),
        ("station", Station),
        ("area", Area),
    ]
    for kind, model in models:
        ids = [one.key for one in best if one.kind == kind and isinstance(one.key, int)]
        if ids:
            boxes = model._default_manager.filter(pk__in=ids).order_by().values_list("pk")
            found |= {(kind, pk): box for pk, box in boxes.annotate(box=Extent("geometry"))}
    names = [one.key[0] for one in best if isinstance(one.key, tuple)]
    if names:
        streets = RoadSegment.objects.filter(
            bureau=user.bureau_id, retired_at=None, name__in=names
        ).order_by()
        named = streets.values_list("name", "name_en").annotate(box=Extent("geometry"))
        found |= {("street", (name, name_en)): box for name, name_en, box in named}
    return found
