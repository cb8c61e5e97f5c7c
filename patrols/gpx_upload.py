"""A GPX file taken in after the fact: the same duty test, notice and clock as any position.

The points go through `ingest.accept` like a phone's, marked `UPLOADED_LATER`, in the name of the
person for whom they were uploaded and of nobody else. The report stays with the bureau's imports.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import datetime
from typing import BinaryIO

import psycopg2
from django.db import Error as DjangoDatabaseError
from django.utils.translation import gettext as _

from bureau.errors import Refused
from bureau.models import User
from bureau.sentences import Sentence, Unusable, gettext_noop
from geo.models import ImportRun
from patrols import ingest
from patrols.admission import Upload
from patrols.desk import Desk
from patrols.forgetting import retention
from patrols.models import Person, Phone, Position
from patrols.phones import file_phone
from patrols.storage.carriers import from_us, to_us
from patrols.wire import Reading
from patrols.wire.gpx import Track, read_gpx

KIND = "gpx"
LARGEST = 16 * 2**20
# So many points are one transaction, as a phone's largest message.
TOGETHER = 5_000

# What the report says of points that were read and not stored, one line a reason.
SAID = {
    "off_duty": gettext_noop("%(n)d points outside the shifts: not stored."),
    "no_notice": gettext_noop("%(n)d points before the location notice was accepted: not stored."),
    "left": gettext_noop("%(n)d points after leaving the bureau: not stored."),
    "too_old": gettext_noop("%(n)d points older than positions are kept (%(days)d days)."),
    "future": gettext_noop("%(n)d points ahead of the server's clock: kept aside, not judged."),
    "no_time": gettext_noop("%(n)d points without a time."),
    "bad_point": gettext_noop("%(n)d points whose place or time cannot be read."),
}
OTHER = gettext_noop("%(n)d points not stored (%(why)s).")
WHOSE = gettext_noop("Uploaded after the fact for %(name)s (%(badge)s).")
TAKEN_BEFORE = gettext_noop("%(n)d points were stored already.")


def take_gpx(*, person: Person, file: BinaryIO, name: str, by: User, now: datetime) -> ImportRun:
    """Take a GPX file in for a person; returns its report.

    Raises Refused for a file that cannot be read, a person who has left and a database that is
    away; the file may then be given again, because a point that comes twice is stored once.
    """
    if file.seek(0, 2) > LARGEST:
        raise Refused(
            "file_too_large",
            _("The file is larger than %(mb)d MB. Split it by days.") % {"mb": LARGEST // 2**20},
        )
    file.seek(0)
    digest = hashlib.sha256()
    while chunk := file.read(2**20):
        digest.update(chunk)
    file.seek(0)
    try:
        track = read_gpx(file)
    except Unusable as unusable:
        sentence = unusable.sentence
        raise Refused(sentence.code, _(sentence.template) % sentence.values) from None
    phone = file_phone(person=person)
    keep = retention(person.bureau, now)
    kept_from_us = to_us(now - keep)
    readings = [r for r in track.readings if r.recorded_us >= kept_from_us]
    why: Counter[str] = Counter(track.unread)
    if too_old := len(track.readings) - len(readings):
        why["too_old"] = too_old
    stored, admitted = store(phone, person, readings, now, why)
    return ImportRun.objects.create(
        bureau=person.bureau,
        kind=KIND,
        file_name=name[-200:].replace("\x00", ""),
        sha256=digest.hexdigest(),
        taken=stored,
        unchanged=admitted - stored,
        refused=why.total(),
        report=report_of(track, why, person, keep.days, admitted - stored),
        by=by,
    )


def store(
    phone: Phone, person: Person, readings: list[Reading], now: datetime, why: Counter[str]
) -> tuple[int, int]:
    """(newly stored, admitted) of these points; `why` counts the others by reason."""
    if not readings:
        return 0, 0
    times = [reading.recorded_us for reading in readings]
    mine = Position.objects.filter(
        bureau_id=person.bureau_id,
        person_id=person.pk,
        phone_id=phone.pk,
        recorded_at__gte=from_us(min(times)),
        recorded_at__lte=from_us(max(times)),
    )
    before = mine.count()
    now_us = to_us(now)
    admitted = 0
    desk = Desk()
    for first in range(0, len(readings), TOGETHER):
        part = readings[first : first + TOGETHER]
        try:
            (receipt,) = ingest.accept(desk, [Upload(phone.pk, now_us, part, [], [])], now_us)
        except (psycopg2.Error, DjangoDatabaseError):
            desk.reconnect()
            raise Refused(
                "try_again", _("The database cannot be reached. Upload the file again shortly.")
            ) from None
        if not receipt.known:
            raise Refused("phone_revoked", _("Uploads for this person are closed."))
        admitted += receipt.taken
        why.update(receipt.refused_for)
        why.update(receipt.kept_for)
    return mine.count() - before, admitted


def report_of(
    track: Track, why: Counter[str], person: Person, days: int, repeated: int
) -> dict[str, object]:
    """The stored report: whose file, what was not stored and why, unreadable points by number."""
    notes = [Sentence("whose", WHOSE, {"name": person.name, "badge": person.badge_no})]
    if repeated:
        notes.append(Sentence("repeated", TAKEN_BEFORE, {"n": repeated}))
    for reason, n in sorted(why.items()):
        template = SAID.get(reason, OTHER)
        notes.append(Sentence(reason, template, {"n": n, "days": days, "why": reason}))
    return {
        "person": person.pk,
        "warnings": [],
        "notes": [note.as_json() for note in notes],
        "refused": [{"row": row, **sentence.as_json()} for row, sentence in track.rows],
        "changes": [],
    }
