"""Answering an SOS: taken up by a named person, closed with a reason. Each step happens once."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from bureau.access import visible_units
from bureau.errors import Refused
from bureau.models import Role, User
from patrols.escalation import end_sights, widened_alarms
from patrols.models import Alarm, PhoneNoticeKind
from patrols.notices import notify

# Who answers for the people in the field; an inspector looks on.
ANSWERING_ROLES = frozenset({Role.DISPATCHER, Role.SUPERVISOR, Role.ADMINISTRATOR})
# Who is shown an alarm beyond the own units: all who watch the live picture.
WIDENED_ROLES = ANSWERING_ROLES | {Role.INSPECTOR}


def visible_alarms(user: User) -> QuerySet[Alarm]:
    """Alarms of people in the units that the user may see, and open ones widened to the user."""
    own = Q(person__unit__in=visible_units(user))
    if user.role in WIDENED_ROLES:
        own |= Q(pk__in=widened_alarms(user).values("pk"))
    return Alarm.objects.filter(own, bureau=user.bureau_id)


def acknowledge(alarm_id: int, *, by: User, now: datetime) -> Alarm:
    """Say that `by` has taken the alarm up. Raises Refused; a second one is told who was first."""
    alarm = find(alarm_id, by)
    with transaction.atomic():
        changed = Alarm.objects.filter(pk=alarm.pk, acknowledged_at=None, closed_at=None).update(
            acknowledged_at=now, acknowledged_by=by
        )
        if changed:
            notify(alarm.person, PhoneNoticeKind.SOS_TAKEN, alarm.pk, now)
    alarm.refresh_from_db()
    if not changed and alarm.closed_at is not None:
        raise Refused("alarm_closed", _("This alarm is closed already."))
    if not changed and alarm.acknowledged_by_id != by.pk:
        raise Refused(
            "alarm_taken",
            _("%(name)s has taken this alarm up already.") % {"name": alarm.acknowledged_by},
        )
    return alarm


def close(alarm_id: int, *, by: User, reason: str, now: datetime) -> Alarm:
    """End an alarm, with the reason that is kept. From then on duty alone decides what is stored.

    Raises Refused without a reason, for an alarm that nobody has acknowledged, and for one that is
    closed already.
    """
    reason = checked_reason(reason)
    alarm = find(alarm_id, by)
    with transaction.atomic():
        changed = Alarm.objects.filter(
            pk=alarm.pk, acknowledged_at__isnull=False, closed_at=None
        ).update(closed_at=now, closed_by=by, closed_reason=reason)
        if changed:
            notify(alarm.person, PhoneNoticeKind.SOS_CLOSED, alarm.pk, now)
            end_sights(alarm, now)
    alarm.refresh_from_db()
    if changed:
        return alarm
    if alarm.closed_at is not None:
        raise Refused("alarm_closed", _("This alarm is closed already."))
    raise Refused("alarm_waiting", _("Acknowledge the alarm first, then close it."))


def checked_reason(reason: str) -> str:
    """A reason for closing as it is kept. Raises Refused if there is none, or too much of it."""
    reason = reason.strip()
    if not reason:
        raise Refused("reason_missing", _("Say in a few words how the alarm ended."))
    longest = Alarm._meta.get_field("closed_reason").max_length or 200
    if len(reason) > longest:
        raise Refused(
            "reason_too_long", _("Keep the reason under %(n)d characters.") % {"n": longest}
        )
    return reason


def find(alarm_id: int, user: User) -> Alarm:
    """An alarm that the user may answer. Raises Refused."""
    if user.role not in ANSWERING_ROLES:
        raise Refused("not_yours", _("Your role does not answer alarms."))
    alarm = visible_alarms(user).select_related("person").filter(pk=alarm_id).first()
    if alarm is None:
        raise Refused("not_yours", _("There is no such alarm among your units."))
    return alarm
