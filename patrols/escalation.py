"""An SOS that nobody answers is shown to more people, a level of units at a time.

At first it is loud for everybody whose scope holds the officer's unit. Unanswered, it is shown to
all who watch the unit above or one below that, then to those of the next unit up. They see this one
person, while the alarm is open, and each of them is written down in the log that the officer reads.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from bureau.access import rules_on, units_above, units_below, visible_units
from bureau.models import OrgUnit, User
from bureau.sentences import gettext_noop
from patrols.models import Alarm, AlarmReach, Person, TrailLook

# The purpose in the log; pages translate it when they show it.
SHOWN = gettext_noop("SOS: shown beyond the own units while it was open")
# The tail that comes with a person is so long (patrols.live).
TAIL = timedelta(minutes=5)
# A watch says every 20 s that it goes on; one silent for longer may have nobody before it.
WATCH_FRESH = timedelta(seconds=60)


def widened_alarms(user: User) -> QuerySet[Alarm]:
    """Open alarms of people outside the user's units that were widened to the user's own unit.

    For users who may watch the live picture: the caller has seen to it.
    """
    if user.unit is None:
        return Alarm.objects.none()
    return (
        Alarm.objects.filter(
            bureau=user.bureau_id, closed_at=None, reaches__unit__in=units_above(user.unit)
        )
        .exclude(person__unit__in=visible_units(user))
        .distinct()
    )


def guests(user: User) -> QuerySet[Person]:
    """The people of `widened_alarms`."""
    return Person.objects.filter(pk__in=widened_alarms(user).values("person"))


def escalate(now: datetime) -> list[AlarmReach]:
    """Widen every open alarm that waited for an answer longer than its bureau's rules allow.

    An alarm takes one step at a time, each after another such wait, up to the top unit.
    """
    waiting = (
        Alarm.objects.filter(closed_at=None, acknowledged_at=None)
        .select_related("bureau", "person__unit__parent")
        .prefetch_related("reaches__unit__parent")
    )
    found = []
    for alarm in waiting:
        reaches = list(alarm.reaches.all())
        since = reaches[-1].at if reaches else alarm.raised_at
        rules, _ = rules_on(alarm.bureau, timezone.localdate(now))
        above = (reaches[-1].unit if reaches else alarm.person.unit).parent
        if above is None or now - since < timedelta(seconds=rules.sos_escalate_s):
            continue
        if reach := widen(alarm, above, now):
            found.append(reach)
    return found


@transaction.atomic
def widen(alarm: Alarm, unit: OrgUnit, now: datetime) -> AlarmReach | None:
    """Show the alarm to all who watch the unit or one below; None if it was answered meanwhile.

    Those whose live picture is open get it with the next frame, so they are logged here.
    """
    still = Alarm.objects.select_for_update().filter(
        pk=alarm.pk, acknowledged_at=None, closed_at=None
    )
    if not still.exists():
        return None
    reach = AlarmReach.objects.create(alarm=alarm, unit=unit, at=now)
    reached = units_below(unit) - set(units_above(alarm.person.unit))
    watching = User.objects.filter(
        Q(watches__seen_at__gt=now - WATCH_FRESH) | Q(watches__joined_at__gt=now - WATCH_FRESH),
        watches__left_at=None,
        watches__unit__in=reached,
    )
    for user in watching.distinct():
        note_sights(user, [alarm], now)
    return reach


def note_sights(user: User, alarms: Iterable[Alarm], now: datetime) -> None:
    """Write down, once an alarm, that the user is shown its person beyond the own units."""
    for alarm in alarms:
        TrailLook.objects.get_or_create(
            person_id=alarm.person_id,
            user=user,
            purpose=SHOWN,
            from_at=alarm.raised_at - TAIL,
            defaults={"bureau_id": alarm.bureau_id, "at": now},
        )


def end_sights(alarm: Alarm, now: datetime) -> None:
    """The alarm is closed: what others were shown of its person ends now, and the log says so."""
    TrailLook.objects.filter(
        person=alarm.person_id,
        purpose=SHOWN,
        from_at=alarm.raised_at - TAIL,
        until_at=None,
    ).update(until_at=now)
