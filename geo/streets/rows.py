"""Segments of an import → the bureau's road segment rows."""

from __future__ import annotations

from typing import Final

from django.contrib.gis.geos import LineString
from django.utils import timezone

from bureau.models import Bureau
from bureau.sentences import gettext_noop, unusable
from geo.imports.report import ImportReport, Progress
from geo.models import RoadSegment
from geo.streets.blocks import Segment
from geo.streets.succession import keep_ids

MOST_RETIRED_SHARE: Final = 0.5
BATCH: Final = 2000


def write_segments(
    bureau: Bureau,
    segments: list[Segment],
    source: str,
    *,
    others: str,
    report: ImportReport,
    progress: Progress,
) -> None:
    """Make these the bureau's segments; counts go to the report.

    A known segment is kept by id and changed where it differs. One that vanished is retired, never
    deleted: visits and verdicts of past weeks point to it.
    others: "retire" or "keep" what is not among `segments`, or "ask": retire, unless that would be
    more than half of the live ones; then Unusable.
    """
    known = {row.external_id: row for row in RoadSegment.objects.filter(bureau=bureau)}
    progress("comparing", 0, len(segments))
    segments = keep_ids(
        segments, {name: [(x, y) for x, y in row.geometry.coords] for name, row in known.items()}
    )
    names = {segment.external_id for segment in segments}
    live = [row for row in known.values() if row.retired_at is None]
    vanished = [row for row in live if row.external_id not in names]
    if others == "keep":
        vanished = []
    elif others == "ask" and len(vanished) > MOST_RETIRED_SHARE * len(live):
        raise unusable(
            "would_retire",
            gettext_noop(
                "The file lacks %(vanished)d of the bureau's %(live)d street segments: it may be "
                "about another place. To keep them beside the new ones use --others keep, to "
                "retire them --others retire."
            ),
            {"vanished": len(vanished), "live": len(live)},
        )
    new, changed = [], []
    for done, segment in enumerate(segments):
        row = known.get(segment.external_id)
        if row is None:
            new.append(_row(bureau, segment, source))
        elif _differs(row, segment):
            changed.append(_update(row, segment, source))
        else:
            report.unchanged += 1
        if done % BATCH == 0:
            progress("comparing", done, len(segments))
    progress("comparing", len(segments), len(segments))
    report.taken, report.changed, report.retired = len(new), len(changed), len(vanished)
    if vanished:
        RoadSegment.objects.filter(pk__in=[row.pk for row in vanished]).update(
            retired_at=timezone.now()
        )
    total = len(new) + len(changed)
    for start in range(0, len(new), BATCH):
        progress("writing", start, total)
        RoadSegment.objects.bulk_create(new[start : start + BATCH])
    fields = ["name", "name_en", "kind", "is_footway", "length_m", "source", "geometry"]
    for start in range(0, len(changed), BATCH):
        progress("writing", len(new) + start, total)
        RoadSegment.objects.bulk_update(changed[start : start + BATCH], [*fields, "retired_at"])
    progress("writing", total, total)


def _row(bureau: Bureau, segment: Segment, source: str) -> RoadSegment:
    return _update(RoadSegment(bureau=bureau, external_id=segment.external_id), segment, source)


def _update(row: RoadSegment, segment: Segment, source: str) -> RoadSegment:
    row.name, row.name_en = segment.name, segment.name_en
    row.kind, row.is_footway = segment.kind, segment.is_footway
    row.length_m, row.source = segment.length_m, source
    row.geometry = LineString(segment.coordinates, srid=4326)
    row.retired_at = None
    return row


def _differs(row: RoadSegment, segment: Segment) -> bool:
    """Where the file came from is not a difference: next month's extract has another name."""
    return (
        (row.name, row.name_en, row.kind, row.is_footway)
        != (segment.name, segment.name_en, segment.kind, segment.is_footway)
        or row.retired_at is not None
        or row.geometry.coords != segment.coordinates
    )
