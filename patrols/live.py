"""The live picture as rows: who may watch it, what it says of each person, the log of watching.

Snapshot and frames (`realtime`) are built from the same rows here, so that a snapshot and the
frames after it can only agree. Times are milliseconds since 1970 UTC, places degrees.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import redis
from django.conf import settings
from django.db import connection
from django.db.models import F, FloatField, Func, Min, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from bureau.access import rules_on, sees_units, visible_units
from bureau.errors import Refused
from bureau.models import OrgUnit, Role, User
from bureau.pinyin import spell_person, spell_place
from patrols.check_rows import check_rows, missed_checks
from patrols.escalation import note_sights, widened_alarms
from patrols.models import (
    Alarm,
    Lead,
    LiveState,
    LiveWatch,
    Person,
    PhoneHolding,
    Position,
)
from patrols.order_rows import cut, order_rows
from patrols.storage.latest import Fix, latest_fixes

log = logging.getLogger(__name__)

# Who works with people's places as they are now. A planner plans on facts without persons, and
# officers do not see each other (domain, privacy).
WATCHING_ROLES = frozenset({Role.DISPATCHER, Role.SUPERVISOR, Role.INSPECTOR, Role.ADMINISTRATOR})

TAIL_S = 300  # decision 22: tails up to five minutes belong to the live picture
TAIL_STEP_S = 10  # a tail is drawn a few px long: a fix per so many seconds is enough
# A closed alarm stays in the picture so long, so that all screens see it go.
CLOSED_ALARM_SHOWN = timedelta(minutes=10)
# Fetching a snapshot within this of leaving the socket is still the same watch.
SAME_WATCH = timedelta(minutes=2)

Row = dict[str, Any]


def ms(moment: datetime | None) -> int | None:
    """Whole milliseconds since 1970, UTC."""
    return None if moment is None else int(moment.timestamp() * 1000)


def may_watch(user: User) -> bool:
    """Whether the user may watch the live picture of the own unit at all."""
    return (
        user.is_authenticated
        and user.is_active
        and user.role in WATCHING_ROLES
        and sees_units(user)
    )


def check_may_watch(user: User) -> OrgUnit:
    """The unit at the top of what the user watches. Raises Refused for who may not."""
    if not may_watch(user) or user.unit is None:
        raise Refused(
            "not_yours",
            _("Your role does not show the live picture. Ask your administrator if it should."),
        )
    return user.unit


# --- the log of watching -----------------------------------------------------------------------


def begin_watch(user: User, now: datetime) -> int:
    """Log that the user begins to watch; the id of the line."""
    unit = check_may_watch(user)
    note_sights(user, widened_alarms(user), now)
    return LiveWatch.objects.create(
        bureau_id=unit.bureau_id, unit=unit, user=user, joined_at=now, seen_at=now
    ).pk


def keep_watches(watch_ids: Collection[int], now: datetime) -> None:
    """Note that watches go on, so that a crash does not leave their end unknown."""
    LiveWatch.objects.filter(pk__in=watch_ids, left_at=None).update(seen_at=now)


def end_watch(watch_id: int, now: datetime) -> None:
    """Close the line of a watch."""
    LiveWatch.objects.filter(pk=watch_id, left_at=None).update(left_at=now)


def note_look(user: User, now: datetime) -> None:
    """Log a single look (API without a socket) unless a watch of this user covers it."""
    unit = check_may_watch(user)
    covered = LiveWatch.objects.filter(
        Q(left_at=None) | Q(left_at__gte=now - SAME_WATCH),
        user=user,
        unit=unit,
        joined_at__gte=now - timedelta(days=1),
    )
    if not covered.exists():
        LiveWatch.objects.create(
            bureau_id=unit.bureau_id, unit=unit, user=user, joined_at=now, left_at=now
        )


# --- rows --------------------------------------------------------------------------------------


class X(Func):
    """East coordinate of a point."""

    function = "ST_X"
    output_field = FloatField()


class Y(Func):
    """North coordinate of a point."""

    function = "ST_Y"
    output_field = FloatField()


def state_row(state: LiveState, seen: Collection[int]) -> Row:
    """A state for somebody who may see the people `seen`: others are a number without a name."""
    partners = [person for person in state.partners if person in seen]
    return {
        "person": state.person_id,
        "v": state.version,
        "duty": None if state.duty_until is None else [ms(state.duty_since), ms(state.duty_until)],
        "company": state.company,
        "since": ms(state.company_since),
        "partners": partners,
        "others": len(state.partners) - len(partners),
        "parked": ms(state.parked_since),
        "street": state.street,
        "street_en": state.street_en,
        "hotspot": None
        if state.hotspot_id is None
        else {"id": state.hotspot_id, "name": state.hotspot_name},
        "contact": ms(state.contact_at),
    }


def guest_row(person: Row, unit_name: str) -> Row:
    """What the list says of somebody of other units whose SOS was widened: name, unit, phone."""
    return {**person, "badge": "", "guest": unit_name}


def guest_state_row(state: LiveState) -> Row:
    """The state of such a person: where and how long still, nothing about others."""
    hidden = {"company": "unknown", "since": None, "others": 0, "hotspot": None}
    return state_row(state, ()) | hidden


def on_duty(state: LiveState | None, now_ms: int) -> bool:
    """Whether the state says that its person is on duty at that moment."""
    if state is None or state.duty_since is None or state.duty_until is None:
        return False
    return (ms(state.duty_since) or 0) <= now_ms < (ms(state.duty_until) or 0)


def is_shown(fix: Fix, state: LiveState | None, now_ms: int) -> bool:
    """Whether a fix may be on the map now: its person is on duty, and it is of this duty."""
    return on_duty(state, now_ms) and fix.recorded_ms >= (
        (ms(state.duty_since) if state else None) or 0
    )


def roster_rows(people: QuerySet[Person], now: datetime) -> dict[int, Row]:
    """What the list says of people whether on duty or not, by person id."""
    present = people.filter(Q(left_on=None) | Q(left_on__gte=timezone.localdate(now)))
    rows: dict[int, Row] = {
        pk: {
            "id": pk,
            "name": name,
            "badge": badge_no,
            "pinyin": spell_person(name),
            "category": category,
            "unit": unit,
            "interval": None,
        }
        for pk, name, badge_no, category, unit in present.values_list(
            "pk", "name", "badge_no", "category", "unit_id"
        )
    }
    intervals = (
        PhoneHolding.objects.filter(
            person__in=present, until=None, since__lte=now, phone__revoked_at=None
        )
        .values("person")
        .annotate(interval=Min("phone__interval_s"))
    )
    for held in intervals:
        if held["person"] in rows:
            rows[held["person"]]["interval"] = held["interval"]
    return rows


def alarm_rows(alarms: QuerySet[Alarm], now: datetime) -> list[Row]:
    """Open alarms and those closed a moment ago, oldest first."""
    shown = alarms.filter(Q(closed_at=None) | Q(closed_at__gte=now - CLOSED_ALARM_SHOWN))
    return [
        {
            "id": alarm.pk,
            "kind": alarm.kind,
            "person": alarm.person_id,
            "name": alarm.person.name,
            "unit": alarm.person.unit_id,
            "unit_name": alarm.person.unit.name,
            "raised": ms(alarm.raised_at),
            "lon": None if alarm.point is None else round(alarm.point.x, 7),
            "lat": None if alarm.point is None else round(alarm.point.y, 7),
            "acknowledged": ms(alarm.acknowledged_at),
            "acknowledged_by": None
            if alarm.acknowledged_by is None
            else str(alarm.acknowledged_by),
            "closed": ms(alarm.closed_at),
            "closed_by": None if alarm.closed_by is None else str(alarm.closed_by),
            "reason": alarm.closed_reason,
            "cancelled": alarm.closed_by_id is not None
            and alarm.closed_by_id == alarm.person.user_id,
            "reach": reach_row(alarm),
        }
        for alarm in shown.select_related("person__unit", "acknowledged_by", "closed_by")
        .prefetch_related("reaches__unit")
        .order_by("raised_at", "pk")
    ]


def reach_row(alarm: Alarm) -> Row | None:
    """The widest unit to whose watchers the alarm is shown while it is open, and since when."""
    reaches = list(alarm.reaches.all())
    if not reaches:
        return None
    last = reaches[-1]
    return {"unit": last.unit_id, "name": last.unit.name, "at": ms(last.at)}


# --- the snapshot ------------------------------------------------------------------------------


def stream_key(name: str) -> str:
    """A Redis key or channel of this database's stream.

    Channels of Redis know no database numbers, so two Tandems on one Redis server would hear each
    other without the name of the database in front.
    """
    return f"tandem:{connection.settings_dict['NAME']}:{name}"


def stream_head() -> tuple[int | None, int | None]:
    """(epoch, number) of the last frame whose reading is complete; nulls when Redis is away."""
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2) as client:
            found = client.get(stream_key("head"))
    except redis.RedisError:
        log.warning("Redis does not answer; the snapshot goes out without a frame number.")
        return None, None
    if not isinstance(found, bytes):
        return None, None
    head = json.loads(found)
    return head["epoch"], head["number"]


def snapshot(user: User, now: datetime) -> Row:
    """Everything the user's live picture holds now. Raises Refused for who may not watch."""
    top = check_may_watch(user)
    epoch, number = stream_head()  # before reading: the rows hold at least what that frame held
    units = list(visible_units(user).select_related("bureau").order_by("code"))
    rules, _set = rules_on(top.bureau, timezone.localdate(now))
    people = Person.objects.filter(bureau=top.bureau_id, unit__in=units)
    roster = roster_rows(people, now)
    states = {
        state.person_id: state
        for state in LiveState.objects.filter(bureau_id=top.bureau_id, person_id__in=roster)
    }
    fixes = latest_fixes(roster, top.bureau_id)
    widened = list(widened_alarms(user).select_related("person__unit"))
    note_sights(user, widened, now)
    guest_units = {alarm.person_id: alarm.person.unit.name for alarm in widened}
    guest_rows = roster_rows(Person.objects.filter(pk__in=guest_units), now)
    guest_states = {
        state.person_id: state
        for state in LiveState.objects.filter(bureau_id=top.bureau_id, person_id__in=guest_rows)
    }
    fixes += latest_fixes(guest_rows, top.bureau_id)
    shown = states | guest_states
    now_ms = ms(now) or 0
    return {
        "epoch": epoch,
        "number": number,
        "cursor": max(
            [fix.version for fix in fixes] + [state.version for state in shown.values()],
            default=0,
        ),
        "at": now_ms,
        "period_s": settings.FRAME_PERIOD_S,
        "unit": top.pk,
        "units": [
            {
                "id": unit.pk,
                "name": unit.name,
                "pinyin": spell_place(unit.name),
                "kind": unit.kind,
                "parent": unit.parent_id,
            }
            for unit in units
        ],
        "rules": {
            key: getattr(rules, key)
            for key in (
                "stale_floor_s",
                "no_signal_floor_s",
                "alone_grace_s",
                "parked_after_s",
            )
        },
        "people": list(roster.values())
        + [guest_row(row, guest_units[pk]) for pk, row in guest_rows.items()],
        "states": [state_row(state, roster) for state in states.values()]
        + [guest_state_row(state) for state in guest_states.values()],
        "fixes": [fix.row() for fix in fixes if is_shown(fix, shown.get(fix.person), now_ms)],
        "alarms": alarm_rows(
            Alarm.objects.filter(
                Q(person__unit__in=units) | Q(pk__in=[alarm.pk for alarm in widened])
            ),
            now,
        ),
        "orders": [
            cut(row, {unit.pk for unit in units})
            for row in order_rows(Lead.objects.filter(unit__in=units), now)
        ],
        "checks": check_rows(missed_checks().filter(person__unit__in=units)),
    }


def tails(user: User, now: datetime) -> dict[int, list[list[float]]]:
    """Person id → [lon, lat, recorded ms] of the last five minutes, for visible people on duty.

    The one reader of positions beside `access.trail_for`: five minutes belong to the live picture,
    whose watching is logged (decision 22).
    """
    top = check_may_watch(user)
    widened = list(widened_alarms(user))
    note_sights(user, widened, now)
    visible = Person.objects.filter(
        Q(unit__in=visible_units(user)) | Q(pk__in=[alarm.person_id for alarm in widened])
    )
    now_ms = ms(now) or 0
    since = {
        state.person_id: ms(state.duty_since) or 0
        for state in LiveState.objects.filter(
            bureau_id=top.bureau_id,
            duty_until__gt=now,
            person_id__in=visible.values("pk"),
        )
        if on_duty(state, now_ms)
    }
    found: dict[int, list[list[float]]] = defaultdict(list)
    for person, recorded, lon, lat in recent_positions(
        top.bureau_id, since, now - timedelta(seconds=TAIL_S), now
    ):
        at_ms = int(recorded.timestamp() * 1000)
        tail = found[person]
        thin = bool(tail) and at_ms - tail[-1][2] < TAIL_STEP_S * 1000
        if at_ms >= since[person] and not thin:
            tail.append([round(lon, 6), round(lat, 6), at_ms])
    return dict(found)


def recent_positions(
    bureau_id: int, people: Iterable[int], since: datetime, until: datetime
) -> Sequence[tuple[int, datetime, float, float]]:
    """(person, recorded, lon, lat) of usable places in [since, until], by person and time."""
    return list(
        Position.objects.filter(
            bureau_id=bureau_id,
            person_id__in=list(people),
            recorded_at__gte=since,
            recorded_at__lte=until,
        )
        .annotate(lon=X(F("point")), lat=Y(F("point")))
        .order_by("person_id", "recorded_at")
        .values_list("person_id", "recorded_at", "lon", "lat")
    )
