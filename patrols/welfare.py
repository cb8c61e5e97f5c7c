"""Asking who has been still for long whether all is well: the person first, nobody else.

Stillness is no demerit and no verdict reads any of this. A stay at a station or kiosk is not asked
about, nor one of somebody without an account, nor silence: a phone without signal says nothing.
Only a question that nobody answered becomes a line at the dispatcher's, and it is no alarm.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from bureau.access import rules_on, visible_units
from bureau.errors import Refused
from bureau.models import Bureau, User
from bureau.rules import Rules
from geo.plane import Plane
from patrols.alarms import ANSWERING_ROLES, checked_reason
from patrols.live import X, Y, roster_rows
from patrols.models import (
    Alarm,
    Latest,
    LiveState,
    Person,
    PhoneNotice,
    PhoneNoticeKind,
    WelfareCheck,
)
from patrols.notices import notify, withdraw
from stations.models import Station

# Our choice: the radius of a stay and the error of a fix between buildings.
AT_STATION_M = 60.0
# The beginning of a stay moves by less than this from one round to the next.
SAME_STAY = timedelta(seconds=120)


def run_checks(bureau: Bureau, now: datetime) -> None:
    """One round: end what is over, note what was not answered, ask who is still too long."""
    checks = list(WelfareCheck.objects.filter(bureau=bureau, settled_at=None))
    rules, _set = rules_on(bureau, timezone.localdate(now))
    limit = timedelta(seconds=rules.stillness_check_s)
    asked = [check.person_id for check in checks]
    states = {
        state.person_id: state
        for state in LiveState.objects.filter(
            Q(person_id__in=asked) | Q(parked_since__lte=now - limit),
            bureau_id=bureau.pk,
            duty_until__gt=now,
        )
    }
    still = {
        person: state.parked_since
        for person, state in states.items()
        if state.parked_since is not None and now - state.parked_since >= limit
    }
    if not checks and not still:
        return
    moved = who_moved(bureau, asked, states, rules, now)
    open_checks = {}
    for check in checks:
        if is_over(check, states.get(check.person_id), moved):
            end(check, now)
        else:
            open_checks[check.person_id] = check
    wait = timedelta(seconds=rules.welfare_answer_s)
    for check in open_checks.values():
        if check.answered_at is None and check.missed_at is None and now - check.asked_at >= wait:
            WelfareCheck.objects.filter(pk=check.pk, answered_at=None).update(missed_at=now)
    for person, since in still_and_unasked(bureau, still, open_checks, limit, now).items():
        ask(person, since, open_checks.get(person.pk), now)


def is_over(check: WelfareCheck, state: LiveState | None, moved: set[int]) -> bool:
    """Whether the stay that a check asks about has ended, or the duty has."""
    if state is None or check.person_id in moved:
        return True
    return state.parked_since is not None and state.parked_since > check.still_since + SAME_STAY


def who_moved(
    bureau: Bureau,
    people: list[int],
    states: dict[int, LiveState],
    rules: Rules,
    now: datetime,
) -> set[int]:
    """Of these people, those whose fresh fix belongs to no stay. A silent phone has not moved."""
    roster = roster_rows(Person.objects.filter(pk__in=people), now)
    found = set()
    for latest in Latest.objects.filter(bureau_id=bureau.pk, person_id__in=people):
        state = states.get(latest.person_id)
        interval_s = roster.get(latest.person_id, {}).get("interval") or 0
        fresh = timedelta(seconds=max(rules.stale_floor_s, 2 * interval_s))
        if state and state.parked_since is None and now - latest.recorded_at <= fresh:
            found.add(latest.person_id)
    return found


def still_and_unasked(
    bureau: Bureau,
    still: dict[int, datetime],
    open_checks: dict[int, WelfareCheck],
    limit: timedelta,
    now: datetime,
) -> dict[Person, datetime]:
    """Who is to be asked now, with the beginning of the stay.

    Somebody who answered is asked again after another such time; whoever was settled by a
    dispatcher in this stay is not.
    """
    settled = {
        check.person_id: check.still_since
        for check in WelfareCheck.objects.filter(
            person__in=list(still), settled_at__gt=now - timedelta(days=1)
        ).order_by("settled_at")
    }
    alarmed = set(
        Alarm.objects.filter(person__in=list(still), closed_at=None).values_list(
            "person_id", flat=True
        )
    )
    wanted = {}
    for person, since in still.items():
        check = open_checks.get(person)
        if check is not None and (check.answered_at is None or now - check.answered_at < limit):
            continue
        if person in settled and abs(settled[person] - since) <= SAME_STAY:
            continue
        if person not in alarmed:
            wanted[person] = since
    at_station = who_is_at_a_station(bureau, list(wanted), now)
    return {
        person: wanted[person.pk]
        for person in Person.objects.filter(pk__in=wanted, user__is_active=True)
        if person.pk not in at_station
    }


def who_is_at_a_station(bureau: Bureau, people: list[int], now: datetime) -> set[int]:
    """Of these people, those whose last place is at an open station or kiosk of the bureau."""
    if not people:
        return set()
    today = timezone.localdate(now)
    stations = np.array(
        [
            (lon, lat)
            for lon, lat, closed_on in Station.objects.filter(bureau=bureau, opened_on__lte=today)
            .annotate(lon=X("geometry"), lat=Y("geometry"))
            .values_list("lon", "lat", "closed_on")
            if closed_on is None or closed_on > today
        ]
    ).reshape(-1, 2)
    if not len(stations):
        return set()
    found = set()
    for latest in Latest.objects.filter(bureau_id=bureau.pk, person_id__in=people):
        plane = Plane(latest.point.x, latest.point.y)
        x_m, y_m = plane.to_metres(stations[:, 0], stations[:, 1])
        if float(np.hypot(x_m, y_m).min()) <= AT_STATION_M:
            found.add(latest.person_id)
    return found


@transaction.atomic
def ask(person: Person, since: datetime, again: WelfareCheck | None, now: datetime) -> None:
    """Put the question on the person's page; `again`: an answered one of the same stay."""
    if again is None:
        again = WelfareCheck.objects.create(
            bureau_id=person.bureau_id, person=person, still_since=since, asked_at=now
        )
    else:
        WelfareCheck.objects.filter(pk=again.pk).update(
            asked_at=now, answered_at=None, missed_at=None
        )
    notify(person, PhoneNoticeKind.WELFARE_CHECK, again.pk, now)


@transaction.atomic
def end(check: WelfareCheck, now: datetime) -> None:
    """The stay is over. Nothing is kept of a question that was answered or came too late to ask."""
    withdraw([PhoneNoticeKind.WELFARE_CHECK], check.pk, now)
    if check.missed_at is None or check.answered_at is not None:
        PhoneNotice.objects.filter(
            kind=PhoneNoticeKind.WELFARE_CHECK, about=check.pk, person=check.person_id
        ).delete()
        check.delete()
    else:
        WelfareCheck.objects.filter(pk=check.pk).update(settled_at=now)


@transaction.atomic
def answer(person: Person, check_id: int, now: datetime) -> None:
    """The person is all right: the line goes wherever it is. One that is over stays so."""
    WelfareCheck.objects.filter(
        pk=check_id, person=person, settled_at=None, answered_at=None
    ).update(answered_at=now)
    if WelfareCheck.objects.filter(pk=check_id, person=person).exists():
        withdraw([PhoneNoticeKind.WELFARE_CHECK], check_id, now)


@transaction.atomic
def settle(check_id: int, *, by: User, note: str, now: datetime) -> None:
    """Somebody has seen to it. Raises Refused without a note, or for one that is not theirs."""
    note = checked_reason(note)
    if by.role not in ANSWERING_ROLES:
        raise Refused("not_yours", _("Your role does not answer alarms."))
    changed = (
        WelfareCheck.objects.filter(
            pk=check_id,
            bureau=by.bureau_id,
            person__unit__in=visible_units(by),
            missed_at__isnull=False,
            answered_at=None,
            settled_at=None,
        )
        .order_by()
        .update(settled_at=now, settled_by=by, note=note)
    )
    if not changed:
        raise Refused("not_yours", _("This line is settled already, or not of your units."))
    withdraw([PhoneNoticeKind.WELFARE_CHECK], check_id, now)
