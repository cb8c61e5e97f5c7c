"""Starting and ending a patrol: who walks together, on which route. Minutes do not need it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from bureau.access import rules_on
from bureau.errors import Refused
from bureau.week import Week
from patrols.admission import LONGEST_PATROL
from patrols.models import Mode, Patrol, PatrolMember, PatrolRoute, Person, Shift

LONGEST = LONGEST_PATROL


def open_patrol(person: Person, *, now: datetime) -> Patrol | None:
    """The patrol in which the person walks now."""
    return (
        Patrol.objects.filter(
            members__person=person, ended_at=None, started_at__lte=now, started_at__gt=now - LONGEST
        )
        .select_related("route")
        .prefetch_related("members__person")
        .first()
    )


def start(
    *,
    person: Person,
    partners: Iterable[Person],
    route: PatrolRoute | None,
    mode: str = Mode.FOOT,
    turnout_checked: bool,
    agency: str = "",
    now: datetime,
) -> Patrol:
    """Begin a patrol of the person and partners of the same unit.

    Raises Refused: somebody walks in another patrol, is of another unit or has left; a partner is
    off shift; the route is another unit's or retired.
    """
    with transaction.atomic():
        ids = {person.pk, *(partner.pk for partner in partners)}
        # One at a time: two phones that start the same pair must not make two patrols.
        members = list(Person.objects.select_for_update().filter(pk__in=ids).order_by("pk"))
        for member in members:
            refuse_member(member, person, now)
        if route is not None and (route.unit_id != person.unit_id or route.retired_on is not None):
            raise Refused("route_not_yours", _("Choose a route of your own unit."))
        if mode not in Mode.values:
            raise Refused("mode_unknown", _("Choose on foot, by bicycle or by vehicle."))
        patrol = Patrol.objects.create(
            bureau_id=person.bureau_id,
            unit_id=person.unit_id,
            route=route,
            mode=mode,
            started_at=now,
            turnout_checked=turnout_checked,
        )
        PatrolMember.objects.bulk_create(
            PatrolMember(patrol=patrol, person=member) for member in members
        )
        if agency.strip():
            PatrolMember.objects.create(patrol=patrol, agency=agency.strip()[:80])
    return patrol


def on_shift(person: Person, *, now: datetime) -> bool:
    """Whether the person is on shift, with the minutes before and after it that count."""
    rules, _set = rules_on(person.bureau, Week.containing(now, person.bureau.time_zone).monday)
    slack = timedelta(seconds=rules.duty_slack_s)
    return Shift.objects.filter(
        person=person, starts_at__lte=now + slack, ends_at__gt=now - slack
    ).exists()


def refuse_member(member: Person, person: Person, now: datetime) -> None:
    """Refused if this member cannot walk in the person's patrol."""
    if member.left_on is not None:
        raise Refused("person_left", _("%(name)s has left.") % {"name": member})
    if member.unit_id != person.unit_id:
        raise Refused("other_unit", _("%(name)s is not of your unit.") % {"name": member})
    if member.pk != person.pk and not on_shift(member, now=now):
        # A patrol puts its members on duty, and so their places are stored: nobody does that to
        # somebody who is off.
        raise Refused(
            "partner_off_shift",
            _("%(name)s is not on shift now. Put the shift on the roster first.")
            % {"name": member},
        )
    if open_patrol(member, now=now) is not None:
        raise Refused(
            "patrol_open",
            _("You are in a patrol already: end it first.")
            if member.pk == person.pk
            else _("%(name)s is in another patrol: it must be ended first.") % {"name": member},
        )


def end(*, person: Person, now: datetime) -> Patrol:
    """End the patrol in which the person walks, for all its members. Refused if there is none."""
    with transaction.atomic():
        patrol = open_patrol(person, now=now)
        if patrol is not None:
            patrol = Patrol.objects.select_for_update().get(pk=patrol.pk)
        if patrol is None or patrol.ended_at is not None:
            raise Refused("no_patrol", _("You are in no patrol; somebody may have ended it."))
        patrol.ended_at = max(now, patrol.started_at + timedelta(seconds=1))
        patrol.save(update_fields=["ended_at"])
    return patrol
