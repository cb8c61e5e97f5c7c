"""One local day of a bureau: who was on duty, on what ground, and whose positions are asked.

Everything that deriving the day needs from the database is read here; `patrols.day_rows` writes
what comes of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
from django.db.models import Q, Sum
from numpy.typing import NDArray

from bureau.access import rules_on
from bureau.models import Bureau
from bureau.week import Week, day_bounds
from geo.bureau_roads import roads_of
from patrols.admission import LONGEST_PATROL
from patrols.days import (
    MARGIN_S,
    DerivedDay,
    Ground,
    Observed,
    OnePerson,
    derive,
)
from patrols.grounds import former_ground, grounds_of
from patrols.models import (
    CompanySpan,
    Leave,
    OrderMember,
    PatrolMember,
    Person,
    PersonDay,
    SegmentVisit,
    Shift,
)
from patrols.moves import units_on
from patrols.nearby import FINE_S, NOISE_M, Nearby, minutes_on
from patrols.storage.fixes import people_with_fixes, read_fixes

# Somebody whose street visits hold less of the active time than this was elsewhere too.
TOLD_SHARE = 0.9

# Beats drawn anew have the days of this week and the last judged again; older weeks keep theirs.
GROUND_SETTLES = timedelta(weeks=1)


@dataclass(frozen=True)
class Duty:
    """A person's duty on one local day, seconds UTC; see `OnePerson`."""

    allowed: list[tuple[float, float]]
    expected: list[tuple[float, float]]
    partners: list[tuple[int, float, float]]


class Day:
    """One local day of a bureau with what is needed to derive it."""

    def __init__(self, bureau: Bureau, day: date, now: datetime) -> None:
        """Rules are those valid on the Monday of the day's week."""
        self.bureau, self.day, self.now = bureau, day, now
        self.start, self.end = day_bounds(day, bureau.time_zone)
        monday = Week.of(day, bureau.time_zone).monday
        self.rules, self.rule_set_id = rules_on(bureau, monday)
        self.roads = roads_of(bureau.pk)
        self.grounds = grounds_of(bureau.pk, self.roads)
        margin = timedelta(seconds=MARGIN_S)
        self.read_from, self.read_until = self.start - margin, self.end + margin
        self.marks: dict[int, str] = {}  # person → mark of the ground they are judged on
        self.used: dict[str, Ground] = {}  # by mark
        self._fixes: dict[int, NDArray[np.void]] = {}

    def everybody(self) -> set[int]:
        """Ids of all who were on duty or have positions that day."""
        found = people_with_fixes(self.bureau.pk, self.start, self.end)
        found |= set(self._shifts().values_list("person", flat=True))
        found |= set(self._members().values_list("person", flat=True))
        found |= set(self._orders().values_list("person", flat=True))
        return found - self.deleted

    @cached_property
    def deleted(self) -> set[int]:
        """Whose positions of that day were deleted: what was derived of them stays."""
        return set(
            Person.objects.filter(
                bureau=self.bureau, positions_deleted_at__gte=self.start
            ).values_list("pk", flat=True)
        )

    def derive(
        self, person_ids: Collection[int], wanted: Collection[int] | None = None
    ) -> tuple[list[DerivedDay], dict[int, datetime]]:
        """Derived days of some people, and when the last of each one's fixes was received.

        With `wanted` only their days; the others are their possible company.
        """
        gone = self._gone(person_ids)
        seen = {pk for spans in gone.values() for pk, _, _ in spans}
        people = self._people(seen.union(person_ids), gone)
        ids = [p.person for p in people if p.person not in self.deleted]
        if wanted is None:
            rows = read_fixes(self.bureau.pk, ids, self.read_from, self.read_until)
        else:
            rows = self.fixes_of(ids)
        bounds = (self.start.timestamp(), self.end.timestamp())
        days = derive(self.roads, people, observed(rows), bounds, self.rules, wanted=wanted)
        days = [one for one in days if one.person not in self.deleted]
        if wanted is not None:
            rows = rows[np.isin(rows["person"], list(wanted))]
        today = rows[(rows["t_s"] >= bounds[0]) & (rows["t_s"] < bounds[1])]
        order = np.lexsort((today["received_s"], today["person"]))
        who, first = np.unique(today["person"][order], return_index=True)
        last = today["received_s"][order][np.append(first, len(order))[1:] - 1]
        through = {
            person: datetime.fromtimestamp(received_s, UTC)
            for person, received_s in zip(who.tolist(), last.tolist(), strict=True)
        }
        return days, through

    def fixes_of(self, person_ids: Collection[int]) -> NDArray[np.void]:
        """Their fixes, from the margin before the day to the margin after it; read once."""
        new = [pk for pk in person_ids if pk not in self._fixes]
        rows = read_fixes(self.bureau.pk, new, self.read_from, self.read_until)
        order = np.argsort(rows["person"], kind="stable")
        bounds = np.searchsorted(rows["person"][order], [*sorted(new), np.iinfo(np.int64).max])
        for at, pk in enumerate(sorted(new)):
            self._fixes[pk] = rows[order[bounds[at] : bounds[at + 1]]]
        return np.concatenate([rows[:0], *(self._fixes[pk] for pk in person_ids)])

    def mates(self, person_ids: Collection[int]) -> set[int]:
        """Who may have been near them: whoever was near by the positions, their declared patrol
        partners, and whoever was thought to be with them until now."""
        found = set(person_ids) | self.partners_so_far(person_ids)
        found |= self.declared_partners(person_ids)
        loose = self.untold | set(
            self._shifts()
            .filter(person__unit__in=Person.objects.filter(pk__in=person_ids).values("unit"))
            .values_list("person", flat=True)
        )
        nearby = Nearby(
            self.bureau.pk, loose, self.read_from, self.read_until, float(self.rules.far_m)
        )
        for pk in person_ids:
            fixes = self.fixes_of([pk])
            found |= nearby.around(fixes, self._on_the_same_streets(fixes))
        return found

    def declared_partners(self, person_ids: Collection[int]) -> set[int]:
        """Who went out with them by a started patrol."""
        patrols = self._members().filter(person__in=person_ids).values("patrol")
        members = PatrolMember.objects.filter(patrol__in=patrols, person__isnull=False)
        return set(members.values_list("person", flat=True))

    def _on_the_same_streets(self, fixes: NDArray[np.void]) -> NDArray[np.int64]:
        """Who was on a street within reach of these fixes in which minute, by the stored visits."""
        step = np.unique(fixes["t_s"] // FINE_S, return_index=True)[1]
        minute = (fixes["t_s"][step] // FINE_S).astype(np.int64)
        x, y = self.roads.plane.to_metres(fixes["lon_deg"][step], fixes["lat_deg"][step])
        at, line = self.roads.within(x, y, self.rules.far_m + NOISE_M)
        segment = self.roads.network.ids[line].astype(np.int64)
        visits = SegmentVisit.objects.filter(
            bureau_id=self.bureau.pk,
            segment_id__in=np.unique(segment).tolist(),
            entered_at__gte=self.read_from - LONGEST_PATROL,
            entered_at__lt=self.read_until,
            left_at__gt=self.read_from,
        ).values_list("person_id", "segment_id", "entered_at", "left_at")
        return minutes_on(segment, minute[at], list(visits))

    @cached_property
    def untold(self) -> set[int]:
        """Who has fixes that day but not the visits that tell where: not derived yet, or off the
        streets for a good part of it."""
        there = people_with_fixes(self.bureau.pk, self.read_from, self.read_until)
        days = PersonDay.objects.filter(bureau_id=self.bureau.pk, day=self.day)
        active = dict(days.values_list("person_id", "active_s"))
        visits = SegmentVisit.objects.filter(bureau_id=self.bureau.pk, day=self.day).order_by()
        told = dict(visits.values_list("person_id").annotate(Sum("active_s")))
        return {
            pk for pk in there if pk not in active or told.get(pk, 0.0) < TOLD_SHARE * active[pk]
        }

    def partners_so_far(self, person_ids: Collection[int]) -> set[int]:
        """Who was thought to be with them that day."""
        spans = CompanySpan.objects.filter(
            bureau_id=self.bureau.pk, person_id__in=person_ids, day=self.day
        ).values_list("partners", flat=True)
        return {int(pk) for partners in spans for pk in partners}

    def _shifts(self) -> Any:
        slack = timedelta(seconds=self.rules.duty_slack_s)
        return Shift.objects.filter(
            bureau=self.bureau, starts_at__lt=self.end + slack, ends_at__gt=self.start - slack
        ).order_by()

    def _members(self) -> Any:
        return PatrolMember.objects.filter(
            Q(patrol__ended_at=None, patrol__started_at__gt=self.start - LONGEST_PATROL)
            | Q(patrol__ended_at__gt=self.start),
            patrol__bureau=self.bureau,
            patrol__started_at__lt=self.end,
            person__isnull=False,
        ).order_by()

    def _orders(self) -> Any:
        """Accepted orders: they put their people on duty, as a started patrol does."""
        return OrderMember.objects.filter(
            Q(until=None, since__gt=self.start - LONGEST_PATROL) | Q(until__gt=self.start),
            order__bureau=self.bureau,
            since__lt=self.end,
        ).order_by()

    def _people(
        self, person_ids: Collection[int], gone: dict[int, list[tuple[int, float, float]]]
    ) -> list[OnePerson]:
        units = units_on(self.day, person_ids)
        duty = self._duty(units)
        former = self._former_marks(units)
        found = []
        for pk, unit in units.items():
            ground = self.grounds.get(unit) or _nothing(self)
            if pk in former and former[pk] != ground.mark:
                ground = former_ground(self.bureau.pk, former[pk], self.roads) or ground
            self.used[ground.mark] = ground
            self.marks[pk] = ground.mark
            found.append(
                OnePerson(
                    pk,
                    ground,
                    duty[pk].allowed,
                    duty[pk].expected,
                    duty[pk].partners,
                    gone.get(pk, ()),
                )
            )
        return found

    def _former_marks(self, person_ids: Collection[int]) -> dict[int, str]:
        """On which ground each was judged in this week, once beats drawn anew no longer count."""
        week = Week.of(self.day, self.bureau.time_zone)
        if week.end > self.now - GROUND_SETTLES:
            return {}
        rows = PersonDay.objects.filter(
            bureau_id=self.bureau.pk, person_id__in=person_ids, day__in=week.days
        ).values_list("person_id", "day", "network_version")
        # That of the day itself, else of the day before it or the first.
        ordered = sorted(rows, key=lambda row: (row[1] == self.day, row[1] < self.day, row[1]))
        return {pk: version.partition(":")[2] for pk, _, version in ordered}

    def _gone(self, person_ids: Collection[int]) -> dict[int, list[tuple[int, float, float]]]:
        """With whom of the deleted each was seen together: id, from, until in seconds UTC."""
        found: dict[int, list[tuple[int, float, float]]] = defaultdict(list)
        if not self.deleted:
            return found
        spans = CompanySpan.objects.filter(
            bureau_id=self.bureau.pk, person_id__in=person_ids, day=self.day
        ).exclude(partners=[])
        for pk, partners, starts_at, ends_at in spans.values_list(
            "person_id", "partners", "starts_at", "ends_at"
        ):
            found[pk].extend(
                (partner, starts_at.timestamp(), ends_at.timestamp())
                for partner in partners
                if partner in self.deleted
            )
        return found

    def _duty(self, person_ids: Iterable[int]) -> dict[int, Duty]:
        """Windows of each person; what lies in the future is not owed yet, leave is not owed."""
        ids = list(person_ids)
        found = {pk: Duty([], [], []) for pk in ids}
        now = self.now.timestamp()
        slack = float(self.rules.duty_slack_s)
        away = set(
            Leave.objects.filter(
                bureau=self.bureau,
                person__in=ids,
                first_day__lte=self.day,
                last_day__gte=self.day,
            ).values_list("person", flat=True)
        )
        for pk, starts_at, ends_at in (
            self._shifts().filter(person__in=ids).values_list("person", "starts_at", "ends_at")
        ):
            begin, end = starts_at.timestamp(), ends_at.timestamp()
            found[pk].allowed.append((begin - slack, end + slack))
            if pk not in away and min(end, now) > begin:
                found[pk].expected.append((begin, min(end, now)))
        together = defaultdict(list)
        for patrol, pk, started_at, ended_at in self._members().values_list(
            "patrol", "person", "patrol__started_at", "patrol__ended_at"
        ):
            open_end = min(now, (started_at + LONGEST_PATROL).timestamp())
            end = ended_at.timestamp() if ended_at else open_end
            together[patrol].append((pk, started_at.timestamp(), end))
        for members in together.values():
            for pk, begin, end in members:
                if pk not in found or end <= begin:
                    continue
                found[pk].allowed.append((begin, end))
                if pk not in away and min(end, now) > begin:
                    found[pk].expected.append((begin, min(end, now)))
                found[pk].partners.extend(m for m in members if m[0] != pk)
        for pk, since, until in (
            self._orders().filter(person__in=ids).values_list("person", "since", "until")
        ):
            begin = since.timestamp()
            end = (until or min(self.now, since + LONGEST_PATROL)).timestamp()
            if end > begin:
                found[pk].allowed.append((begin, end))
                if pk not in away and min(end, now) > begin:
                    found[pk].expected.append((begin, min(end, now)))
        return found


def observed(rows: NDArray[np.void]) -> Observed:
    """Rows of `read_fixes` as plain arrays."""
    return Observed(
        rows["person"].astype(np.int64),
        rows["t_s"].astype(np.float64),
        rows["lon_deg"].astype(np.float64),
        rows["lat_deg"].astype(np.float64),
        rows["accuracy_m"].astype(np.float64),
        rows["flags"].astype(np.int64),
        rows["received_s"].astype(np.float64),
        rows["phone"].astype(np.int64),
    )


def _nothing(today: Day) -> Ground:
    """A unit that is not in the bureau's tree owns nothing."""
    return Ground(np.zeros(len(today.roads.network), dtype=np.bool_), None)
