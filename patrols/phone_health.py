"""How a phone does: contact, rhythm, gaps, delay, battery, what was refused and kept aside.

Of the present holder and of the time the phone has been in that person's hand; times only, no
places. A gap is time on duty without a fix for longer than "no signal" takes to be said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from django.db.models import Count, Sum
from django.utils import timezone

from patrols.models import (
    Person,
    Phone,
    PhoneMake,
    Position,
    Quarantine,
    RefusedCount,
    Shift,
)
from patrols.wire import Flag

DAYS = 7
# No signal: the larger of this and three intervals (as on the live map).
SILENT_AFTER = timedelta(minutes=5)
# Gaps that are listed, longest first.
MOST_GAPS = 20
# Charge below which a gap is more likely an empty battery than a battery saver.
EMPTY = 0.1

NO_RHYTHM = int(Flag.SYNTHETIC | Flag.NO_TIME | Flag.UPLOADED_LATER)


@dataclass(frozen=True)
class Gap:
    """Time on duty without a fix; `battery` is the charge (0–1) at the fix before, if known."""

    start: datetime
    end: datetime
    battery: float | None

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end - self.start).total_seconds()


@dataclass
class Health:
    """One phone's last `DAYS` days. `seen_s` and `delay_s` are medians; None without fixes."""

    since: datetime
    asked_s: int
    silent_after_s: float
    fixes: int = 0
    last_fix: datetime | None = None
    battery: float | None = None
    seen_s: float | None = None
    delay_s: float | None = None
    duty_s: float = 0.0
    silent_s: float = 0.0
    gaps: list[Gap] = field(default_factory=list)
    gap_count: int = 0
    refused: list[tuple[str, int]] = field(default_factory=list)
    quarantined: list[tuple[str, int]] = field(default_factory=list)

    @property
    def silent_share(self) -> float:
        """Share of the time on duty that lies in gaps."""
        return self.silent_s / self.duty_s if self.duty_s else 0.0

    @property
    def is_slow(self) -> bool:
        """Whether it reports less than half as often as asked."""
        return self.seen_s is not None and self.seen_s > 2 * self.asked_s

    @property
    def ran_empty(self) -> bool:
        """Whether a gap began with an almost empty battery."""
        return any(gap.battery is not None and gap.battery <= EMPTY for gap in self.gaps)


Row = tuple[datetime, datetime, float | None, int]  # recorded, received, battery, flags


def health_of(phone: Phone, *, now: datetime) -> Health:
    """The health of a phone; of a revoked one or one in nobody's hand only what it was refused."""
    silent_after = max(SILENT_AFTER, timedelta(seconds=3 * phone.interval_s))
    since = now - timedelta(days=DAYS)
    health = Health(since, phone.interval_s, silent_after.total_seconds())
    health.quarantined = list(
        Quarantine.objects.filter(
            bureau_id=phone.bureau_id, phone_id=phone.pk, received_at__gte=since
        )
        .order_by("reason")
        .values_list("reason")
        .annotate(Count("pk"))
    )
    holding = phone.holdings.filter(until=None).select_related("person__bureau").first()
    if holding is None:
        return health
    person = holding.person
    health.since = since = max(since, holding.since)
    health.refused = refused_of(person, since)
    rows: list[Row] = list(
        Position.objects.filter(
            bureau_id=phone.bureau_id,
            person_id=person.pk,
            phone_id=phone.pk,
            recorded_at__gte=since,
        )
        .order_by("recorded_at")
        .values_list("recorded_at", "received_at", "battery", "flags")
    )
    describe(health, rows, silent_after)
    measure_gaps(health, rows, duty_of(person, since, now), silent_after)
    return health


def refused_of(person: Person, since: datetime) -> list[tuple[str, int]]:
    """What was refused of a person since then, by reason."""
    day = timezone.localdate(since)
    rows = RefusedCount.objects.filter(
        bureau_id=person.bureau_id, person_id=person.pk, day__gte=day
    )
    return list(rows.order_by("reason").values_list("reason").annotate(Sum("count")))


def duty_of(person: Person, since: datetime, now: datetime) -> list[tuple[datetime, datetime]]:
    """The person's shifts between the two moments, cut to them."""
    shifts = Shift.objects.filter(person=person, starts_at__lt=now, ends_at__gt=since)
    return [
        (max(start, since), min(end, now))
        for start, end in shifts.order_by("starts_at").values_list("starts_at", "ends_at")
    ]


def describe(health: Health, rows: list[Row], silent_after: timedelta) -> None:
    """Last fix, battery, rhythm and delay."""
    health.fixes = len(rows)
    if not rows:
        return
    health.last_fix = rows[-1][0]
    health.battery = next(
        (battery for _, _, battery, _ in reversed(rows) if battery is not None), None
    )
    own = [(recorded, received) for recorded, received, _, flags in rows if not flags & NO_RHYTHM]
    steps = [b[0] - a[0] for a, b in pairwise(own)]
    near = [step.total_seconds() for step in steps if timedelta() < step <= silent_after]
    if near:
        health.seen_s = median(near)
    if own:
        late = [(received - recorded).total_seconds() for recorded, received in own]
        health.delay_s = max(0.0, median(late))


def measure_gaps(
    health: Health,
    rows: list[Row],
    duty: list[tuple[datetime, datetime]],
    silent_after: timedelta,
) -> None:
    """Gaps on duty: before the first fix, between two, after the last."""
    gaps = []
    at = 0
    for start, end in duty:
        health.duty_s += max(0.0, (end - start).total_seconds())
        before: float | None = None
        last = start
        while at < len(rows) and rows[at][0] < start:
            before = rows[at][2]
            at += 1
        while at < len(rows) and rows[at][0] < end:
            if rows[at][0] - last > silent_after:
                gaps.append(Gap(last, rows[at][0], before))
            last, before = rows[at][0], rows[at][2]
            at += 1
        if end - last > silent_after:
            gaps.append(Gap(last, end, before))
    health.silent_s = sum(gap.seconds for gap in gaps)
    health.gap_count = len(gaps)
    health.gaps = sorted(gaps, key=lambda gap: -gap.seconds)[:MOST_GAPS]


# What apps say of the phone they run on: Android's own user agent names the model.
MODELS: tuple[tuple[PhoneMake, str], ...] = (
    (PhoneMake.APPLE, r"iPhone|iOS|CFNetwork|Darwin"),
    (PhoneMake.SAMSUNG, r"\bSM-[A-Z]\d|Samsung"),
    (PhoneMake.XIAOMI, r"Xiaomi|Redmi|POCO|\bM\d{4}[A-Z]|\b2\d{3}[0-9A-Z]{4,6}[A-Z]\b"),
    (PhoneMake.HONOR, r"Honor"),
    (PhoneMake.HUAWEI, r"Huawei|\b[A-Z]{3}-(AL|TL|LX|L|AN)\d{2}"),
    (PhoneMake.OPPO, r"OPPO|OnePlus|\bCPH\d{4}|\bRMX\d{4}|\bP[A-Z]{3}[01]0\b"),
    (PhoneMake.VIVO, r"vivo|iQOO|\bV\d{4}[A-Z]"),
)


def make_of(phone: Phone) -> str:
    """The phone's make: as entered, else as its app's requests say; empty if neither does."""
    if phone.make or not phone.told_app:
        return phone.make
    for make, pattern in MODELS:
        if re.search(pattern, phone.told_app, re.IGNORECASE):
            return make.value
    return PhoneMake.OTHER.value if "Android" in phone.told_app else ""
