"""Forgetting raw positions after the bureau's retention time, by whole UTC weeks.

Before a week goes it is sealed (`patrols.sealing`), and the tracks of people in dispute or with an
SOS are copied aside (`patrols.holds`). Derived day rows and verdicts stay; they hold no trail.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from bureau.access import rules_on
from bureau.errors import Refused
from bureau.models import Bureau
from bureau.week import Week
from geo.bureau_roads import roads_of
from geo.network import drop_old_tiles
from patrols import holds, sealing
from patrols.leads import forget_contacts
from patrols.models import (
    Latest,
    LiveWatch,
    Person,
    PhoneNotice,
    PushSubscription,
    Quarantine,
    WelfareCheck,
)
from patrols.orders import forget_places
from patrols.storage import forgetting, list_partitions, make_partitions
from patrols.storage.turns import in_turn

# Partitions are made this far ahead; a late or early fix makes its own.
AHEAD = timedelta(days=28)
# A watch says every few seconds that it goes on; one silent for so long ended without a word.
WATCH_LOST = timedelta(minutes=10)
# Tiles of an old network go when the present one has stood this long: nobody reads them any more.
TILES_SETTLED = timedelta(hours=1)


@dataclass
class Forgotten:
    """What a run did, or would do."""

    sealed: dict[str, list[str]] = field(default_factory=dict)  # bureau → Mondays
    dropped: list[str] = field(default_factory=list)
    held: int = 0  # positions copied aside
    released: int = 0  # copies deleted because their hold is over
    rows: dict[str, int] = field(default_factory=dict)  # bureaus with a shorter time: rows deleted
    quarantined: int = 0
    watches: int = 0  # lines of the watch log deleted
    notices: int = 0  # notices to phone pages deleted
    places: int = 0  # where people were at the steps of their orders
    contacts: int = 0  # who told leads that are long closed
    tiles: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)


def forget(*, now: datetime, dry_run: bool = False) -> Forgotten:
    """Seal and drop the weeks that lie wholly before every bureau's retention time, and make those
    ahead; end holds that are over; thin out the log of watches; remove tiles of old networks.

    The table is shared: a bureau whose time is shorter than another's loses its own rows of the
    weeks between. Each week is one statement, so that locks are short.
    """
    outcome = Forgotten()
    bureaus = list(Bureau.objects.order_by("pk"))
    if not bureaus:
        return outcome
    kept_from = {bureau: sealing.keeps_from(bureau, now) for bureau in bureaus}
    first = min(kept_from.values())
    for bureau in bureaus:
        _seal_and_hold(bureau, kept_from[bureau], outcome, now=now, dry_run=dry_run)
    with connection.cursor() as cursor:
        for monday, name in list_partitions(cursor).items():
            if forgetting.week_end(monday) <= first:
                if not dry_run:
                    forgetting.drop_partition(cursor, name)
                outcome.dropped.append(name)
        for bureau, own_first in kept_from.items():
            if own_first > first:
                outcome.rows[bureau.code] = forgetting.delete_rows(
                    cursor, bureau.pk, before=own_first, dry_run=dry_run
                )
            outcome.quarantined += forgetting.delete_quarantine(
                cursor, bureau.pk, now - retention(bureau, now), dry_run=dry_run
            )
        if not dry_run:
            with transaction.atomic():
                outcome.made = make_partitions(cursor, now, now + AHEAD)
    if not dry_run:
        outcome.released = holds.release(now=now)
        close_lost_watches(now=now)
        for bureau in bureaus:
            outcome.watches += forget_watches(bureau, now=now)
            outcome.notices += forget_notices(bureau, now=now)
            outcome.tiles += forget_tiles(bureau, now=now)
            outcome.places += forget_places(bureau, before=now - retention(bureau, now))
        outcome.contacts = forget_contacts(now=now)
    return outcome


def _seal_and_hold(
    bureau: Bureau, before: datetime, outcome: Forgotten, *, now: datetime, dry_run: bool
) -> None:
    """What must be done before a bureau's positions go, while nobody judges them."""
    if dry_run:
        weeks = sealing.weeks_to_seal(bureau, now)
    else:
        with in_turn(bureau.pk, wait=True):
            weeks = sealing.seal(bureau, now=now)
            outcome.held += holds.hold(bureau, before, now=now)
    if weeks:
        outcome.sealed[bureau.code] = [week.monday.isoformat() for week in weeks]


def retention(bureau: Bureau, now: datetime) -> timedelta:
    """How long a bureau keeps positions, by the rules valid now."""
    rules, _set = rules_on(bureau, Week.containing(now, bureau.time_zone).monday)
    return timedelta(days=rules.retention_days)


def close_lost_watches(*, now: datetime) -> int:
    """Close the lines of watches whose process died, at the moment they were last seen."""
    lost = LiveWatch.objects.filter(
        Q(seen_at__lt=now - WATCH_LOST) | Q(seen_at=None, joined_at__lt=now - WATCH_LOST),
        left_at=None,
    )
    return lost.update(left_at=Coalesce(F("seen_at"), F("joined_at")))


def forget_watches(bureau: Bureau, *, now: datetime) -> int:
    """Delete the lines of the watch log that are older than the rules keep them."""
    rules, _set = rules_on(bureau, Week.containing(now, bureau.time_zone).monday)
    old = LiveWatch.objects.filter(
        bureau=bureau, left_at__lt=now - timedelta(days=rules.watch_log_days)
    )
    return old.delete()[0]


def forget_notices(bureau: Bureau, *, now: datetime) -> int:
    """Delete what phone pages were told, and settled welfare checks, that are older than positions
    are kept; and the browsers of people who have left."""
    before = now - retention(bureau, now)
    PushSubscription.objects.filter(person__bureau=bureau, person__left_on__isnull=False).delete()
    WelfareCheck.objects.filter(bureau=bureau, settled_at__lt=before).delete()
    old = PhoneNotice.objects.filter(bureau=bureau, created_at__lt=before)
    return old.delete()[0]


def forget_tiles(bureau: Bureau, *, now: datetime) -> list[str]:
    """Remove the routing tiles of street networks that are no longer in use."""
    folder = settings.VAR_DIR / "tiles" / str(bureau.pk)
    try:
        digest = roads_of(bureau.pk).network.digest
    except Refused:  # streets that cannot be built just now: keep everything
        return []
    present = folder / digest
    if not present.exists():
        return []
    if datetime.fromtimestamp(present.stat().st_mtime, UTC) > now - TILES_SETTLED:
        return []
    return drop_old_tiles(folder, [digest])


@transaction.atomic
def forget_person(person: Person, *, now: datetime, dry_run: bool = False) -> tuple[int, int]:
    """Delete the positions of somebody who has left, at once: (deleted, held).

    What is held for an objection or an SOS is copied aside first. The last known place and what is
    in quarantine go too; what was derived and judged stays as it is. Raises Refused for somebody
    who has not left: phones would go on reporting.
    """
    if person.left_on is None:
        raise Refused(
            "person_here",
            _("%(person)s has not left. Enter the last day first, then delete.")
            % {"person": person.name},
        )
    bureau, person_id = person.bureau, person.pk
    held = 0
    if not dry_run:
        held = holds.hold(bureau, now, now=now, person_id=person_id)
    with connection.cursor() as cursor:
        deleted = forgetting.delete_rows(cursor, bureau.pk, person_id=person_id, dry_run=dry_run)
    if not dry_run:
        Latest.objects.filter(bureau_id=bureau.pk, person_id=person_id).delete()
        Quarantine.objects.filter(bureau_id=bureau.pk, person_id=person_id).delete()
        Person.objects.filter(pk=person_id).update(positions_deleted_at=now)
    return deleted - held, held
