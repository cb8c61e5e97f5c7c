"""Who is nearest to an open SOS: the pairs on the streets now, by their time along streets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from django.db.models import Q
from django.utils.translation import gettext as _

from bureau.access import rules_on, units_above
from bureau.errors import Refused
from bureau.models import User
from bureau.week import Week
from geo.bureau_roads import roads_of
from geo.plane import Plane
from patrols.access import visible_people
from patrols.alarms import visible_alarms
from patrols.crews import read_crowd
from patrols.live import check_may_watch
from patrols.models import Alarm, Latest
from patrols.nearest import Crowd, obstacles, patrol_groups, rank

# As many as the issue asks to be shown.
PAIRS = 2


@dataclass(frozen=True)
class Help:
    """A pair or group that could come, as its last member would.

    seconds: along the streets; None where no streets are known, then metres is all there is:
    the straight way.
    """

    people: tuple[tuple[int, str], ...]  # id, name
    metres: float
    seconds: float | None


def nearest_help(alarm_id: int, user: User, now: datetime) -> list[Help]:
    """The nearest pairs of the user's own units, the first to arrive first; none without a place.

    Only people who are on duty with a fresh fix and walk together now; an order does not keep them,
    an own SOS does. None for an alarm that is closed: a screen may ask a moment too late. Raises
    Refused for one that is not the user's to see.
    """
    top = check_may_watch(user)
    alarm = (
        Alarm.objects.filter(
            Q(pk__in=visible_alarms(user).values("pk"))
            | Q(bureau=top.bureau_id, reaches__unit__in=units_above(top)),
            pk=alarm_id,
        )
        .select_related("bureau")
        .first()
    )
    if alarm is None:
        raise Refused("not_yours", _("There is no such alarm among your units."))
    if alarm.closed_at is not None:
        return []
    place = place_of(alarm)
    if place is None:
        return []
    bureau = alarm.bureau
    rules, _set = rules_on(bureau, Week.containing(now, bureau.time_zone).monday)
    people = list(visible_people(user).filter(left_on=None).order_by("pk"))
    crowd, _states = read_crowd(bureau, people, None, rules, now)
    crowd = replace(crowd, on_order=np.zeros(len(crowd), dtype=np.bool_))
    names = [person.name for person in people]
    away_m = straight_m(crowd, place)
    try:
        roads = roads_of(bureau.pk)
        has_streets = len(roads.network) > 0
    except Refused:  # streets that cannot be built just now: the straight way still says much
        has_streets = False
    if has_streets:
        ranking = rank(
            roads,
            place,
            crowd,
            enforcement=False,
            min_people=rules.min_group,
            limit_s=float(rules.order_limit_s),
            most=PAIRS,
        )
        return [
            help_of(choice.people, crowd, names, away_m, choice.arrives_s)
            for choice in ranking.choices
        ]
    groups = patrol_groups(crowd, obstacles(crowd, enforcement=False), rules.min_group)
    groups.sort(key=lambda group: (max(away_m[k] for k in group), group))
    return [help_of(group, crowd, names, away_m, None) for group in groups[:PAIRS]]


def help_of(
    group: tuple[int, ...],
    crowd: Crowd,
    names: list[str],
    away_m: np.ndarray[tuple[int], np.dtype[np.float64]],
    seconds: float | None,
) -> Help:
    """A group of indexes as the people that they stand for."""
    people = tuple((int(crowd.ids[k]), names[k]) for k in group)
    return Help(people, float(max(away_m[k] for k in group)), seconds)


def straight_m(
    crowd: Crowd, place: tuple[float, float]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """How far each is from a place as the crow flies; NaN without a fix."""
    x_m, y_m = Plane(*place).to_metres(crowd.lonlat[:, 0], crowd.lonlat[:, 1])
    away_m: np.ndarray[tuple[int], np.dtype[np.float64]] = np.hypot(x_m, y_m)
    return away_m


def place_of(alarm: Alarm) -> tuple[float, float] | None:
    """lon, lat of the person since the SOS, else of the alarm itself."""
    latest = Latest.objects.filter(
        bureau_id=alarm.bureau_id, person_id=alarm.person_id, recorded_at__gte=alarm.raised_at
    ).first()
    point = latest.point if latest is not None else alarm.point
    return None if point is None else (point.x, point.y)
