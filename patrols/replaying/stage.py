"""A bureau set up from a folder: its streets and beat through the imports, a person with a phone
and shifts for each officer, and the fixes through the ingest.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely

from bureau.errors import Refused
from bureau.models import Bureau, LocationNotice, OrgUnit, UnitKind
from geo.imports.places import import_areas_file
from geo.imports.report import ImportReport
from geo.imports.roads import StreetOptions, import_roads_file
from geo.models import AreaKind, RoadSegment
from geo.track import Ints
from patrols.admission import Upload
from patrols.desk import Desk
from patrols.ingest import accept
from patrols.models import (
    Category,
    NoticeAccepted,
    Person,
    Phone,
    PhoneApp,
    PhoneHolding,
    Shift,
)
from patrols.replaying.fixes import Recording
from patrols.replaying.folder import Folder
from patrols.replaying.times import EPOCH, SECOND_US
from patrols.wire import Reading

# A silence longer than this ends a shift: what lies between two patrols is nobody's duty.
SHIFT_BREAK_US: Final = 2 * 3600 * SECOND_US
# Rows that are taken in at a time; repeats are looked for within such a batch row by row.
BATCH: Final = 2_000
HOUR_US: Final = 3600 * SECOND_US
DAY_US: Final = 24 * HOUR_US


@dataclass(frozen=True, eq=False)
class Stage:
    """The bureau of a replay. people: person id of each officer; segments: the folder's segment
    (index) of each road segment id."""

    bureau: Bureau
    people: list[int]
    segments: dict[int, int]
    warnings: list[str]


def set_up(folder: Folder, place: Path) -> Stage:
    """A bureau with the streets, the beat and the people of a folder; `place` is for files.

    Raises Refused when no street can be taken.
    """
    warnings: list[str] = []
    bureau = Bureau.objects.create(code="replay", name="Replay", time_zone=quiet_zone(folder.fixes))
    unit = OrgUnit.objects.create(bureau=bureau, kind=UnitKind.BUREAU, code="replay", name="Replay")
    segments = take_streets(bureau, folder, place, warnings)
    take_beat(bureau, unit, folder, place, warnings)
    return Stage(bureau, enrol(bureau, unit, folder.fixes), segments, warnings)


def quiet_zone(fixes: Recording) -> str:
    """The whole-hour time zone whose midnight has the fewest fixes within an hour of it.

    Days are judged one by one; a folder names no zone, so none of its patrols needs to be cut.
    Of equally quiet ones, that which lies nearest to the place.
    """
    hour = np.bincount((fixes.t_us % DAY_US) // HOUR_US, minlength=24)
    here = float(np.median(fixes.lon_deg)) / 15 if len(fixes) else 0.0
    # Midnight at UTC+h is at 24-h o'clock UTC: between that hour and the one before.
    best = min(
        range(-11, 13),
        key=lambda h: (int(hour[(24 - h) % 24] + hour[(23 - h) % 24]), abs(h - here)),
    )
    return f"Etc/GMT{-best:+d}" if best else "UTC"


# Streets and beat


def take_streets(
    bureau: Bureau, folder: Folder, place: Path, warnings: list[str]
) -> dict[int, int]:
    """The folder's segments as drawn; road segment id → the segment's index in the folder.

    They go in under names of their own (the index), so that any id comes back as it was.
    """
    path = place / "segments.geojson"
    names = [f"{at:07d}" for at in range(len(folder.segments))]
    write_features(
        path,
        [({"segment_id": n}, s.line) for n, s in zip(names, folder.segments, strict=True)],
        folder.segments_crs,
    )
    options = StreetOptions(as_drawn=True, others="keep", everywhere=True)
    report = import_roads_file(bureau, path, options=options)
    ids = dict(RoadSegment.objects.filter(bureau=bureau).values_list("external_id", "pk"))
    if not ids:
        raise Refused("no_segments", f"No street segment could be taken: {first_words(report)}")
    if refused := len(report.refused):
        warnings.append(f"Street segments not taken: {refused}. {first_words(report)}")
    return {pk: int(name) for name, pk in ids.items()}


def take_beat(
    bureau: Bureau, unit: OrgUnit, folder: Folder, place: Path, warnings: list[str]
) -> None:
    """The beat as an area of the unit; where it is too large for a beat, as its jurisdiction."""
    path = place / "beat.geojson"
    write_features(path, [({"code": "beat", "name": "beat"}, folder.beat)], folder.beat_crs)
    for kind in (AreaKind.BEAT, AreaKind.JURISDICTION):
        report = import_areas_file(bureau, path, kind=kind, unit=unit.code)
        if report.taken:
            return
    warnings.append(f"The beat was not taken: {first_words(report)}")


def write_features(
    path: Path, features: list[tuple[dict[str, str], shapely.Geometry]], crs: Any
) -> None:
    """A plain FeatureCollection."""
    document: dict[str, Any] = {"type": "FeatureCollection"}
    if crs:
        document["crs"] = crs
    document["features"] = [
        {"type": "Feature", "properties": values, "geometry": json.loads(shapely.to_geojson(shape))}
        for values, shape in features
    ]
    path.write_text(json.dumps(document), encoding="utf-8")


def first_words(report: ImportReport) -> str:
    """What an import says about the first thing that it refused."""
    return str(report.refused[0][1]) if report.refused else "it says nothing about why."


# People


def enrol(bureau: Bureau, unit: OrgUnit, fixes: Recording) -> list[int]:
    """A person with a phone, the notice accepted, and shifts around all fixes, for each officer."""
    n = len(fixes.officers)
    begin = moment(int(fixes.t_us.min()) if len(fixes) else 0) - timedelta(days=1)
    notice = LocationNotice.objects.create(
        bureau=bureau, version=1, text_en="Replay", text_zh_hans="Replay", valid_from=begin
    )
    people = Person.objects.bulk_create(
        Person(
            bureau=bureau, unit=unit, category=Category.OFFICER, badge_no=f"{at:06d}", name=f"{at}"
        )
        for at in range(n)
    )
    phones = Phone.objects.bulk_create(
        Phone(bureau=bureau, label=one.badge_no, app=PhoneApp.TRACCAR, secret_sha256=one.badge_no)
        for one in people
    )
    NoticeAccepted.objects.bulk_create(
        NoticeAccepted(person=one, notice=notice, at=begin) for one in people
    )
    PhoneHolding.objects.bulk_create(
        PhoneHolding(phone=phone, person=one, since=begin)
        for phone, one in zip(phones, people, strict=True)
    )
    Shift.objects.bulk_create(
        Shift(bureau=bureau, person=people[at], starts_at=moment(first), ends_at=moment(last + 1))
        for at, first, last in shifts_of(fixes)
    )
    return [one.pk for one in people]


def shifts_of(fixes: Recording) -> Iterator[tuple[int, int, int]]:
    """Officer, first and last fix (microseconds) of each stretch without a long silence."""
    order = np.lexsort((fixes.t_us, fixes.officer))
    who, when = fixes.officer[order], fixes.t_us[order]
    new = np.ones(len(order), dtype=np.bool_)
    new[1:] = (np.diff(who) != 0) | (np.diff(when) > SHIFT_BREAK_US)
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(order)) - 1
    yield from zip(who[first].tolist(), when[first].tolist(), when[last].tolist(), strict=True)


def moment(us: int) -> datetime:
    """The aware moment of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=us)


# Fixes


def bring(stage: Stage, fixes: Recording) -> int:
    """Give all fixes to the ingest, in time order, as if they came in after the last; how many
    were stored."""
    phone = dict(
        PhoneHolding.objects.filter(phone__bureau=stage.bureau).values_list("person", "phone")
    )
    phones = [phone[person] for person in stage.people]
    order = np.argsort(fixes.t_us, kind="stable")
    desk = Desk()
    stored = 0
    for begin in range(0, len(order), BATCH):
        batch = order[begin : begin + BATCH]
        now_us = int(fixes.t_us[order[-1]]) + SECOND_US
        uploads = [
            Upload(phones[who], now_us, readings, [], [])
            for who, readings in readings_of(fixes, batch).items()
        ]
        stored += sum(receipt.taken for receipt in accept(desk, uploads, now_us))
    return stored


def readings_of(fixes: Recording, rows: Ints) -> dict[int, list[Reading]]:
    """Some rows as the phones' readings, by officer."""
    found: dict[int, list[Reading]] = {}
    for who, t_us, lon, lat, accuracy in zip(
        fixes.officer[rows].tolist(),
        fixes.t_us[rows].tolist(),
        fixes.lon_deg[rows].tolist(),
        fixes.lat_deg[rows].tolist(),
        fixes.accuracy_m[rows].tolist(),
        strict=True,
    ):
        known = accuracy if accuracy == accuracy else None
        found.setdefault(who, []).append(Reading(t_us, lon, lat, known))
    return found
