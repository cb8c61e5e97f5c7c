"""A bureau's streets as one can ask them: loaded from its road segments, kept while unchanged."""

from __future__ import annotations

import threading
from typing import Any

import shapely
from django.conf import settings
from django.contrib.gis.db.models.functions import AsWKB
from django.db.models import Count, Max, Sum

from geo.models import ImportRun, RoadSegment
from geo.network import Network
from geo.roads import Roads, build

_kept: dict[int, tuple[tuple[Any, ...], Roads]] = {}
_turn = threading.Lock()


def roads_of(bureau_id: int) -> Roads:
    """The bureau's present street network with its tiles, built if it changed.

    One per process and bureau. Raises Refused if the tiles cannot be built.
    """
    mark = _mark(bureau_id)
    with _turn:
        kept = _kept.get(bureau_id)
        if kept is None or kept[0] != mark:
            rows = list(
                RoadSegment.objects.filter(bureau=bureau_id, retired_at=None)
                .annotate(wkb=AsWKB("geometry"))
                .values_list("pk", "wkb")
            )
            lines = shapely.from_wkb([bytes(wkb) for _, wkb in rows])
            network = Network.of([pk for pk, _ in rows], list(lines))
            kept = (mark, build(network, settings.VAR_DIR / "tiles" / str(bureau_id)))
            _kept[bureau_id] = kept
        return kept[1]


def forget() -> None:
    """Forget all loaded streets: another database comes, with other bureaus under the same ids."""
    with _turn:
        _kept.clear()


def _mark(bureau_id: int) -> tuple[Any, ...]:
    """What changes whenever the streets do."""
    streets = RoadSegment.objects.filter(bureau=bureau_id, retired_at=None).aggregate(
        Count("pk"), Max("pk"), Sum("length_m")
    )
    imports = ImportRun.objects.filter(bureau=bureau_id, dry_run=False).aggregate(Max("pk"))
    return (*streets.values(), *imports.values())
