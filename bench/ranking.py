"""Ranking whom to send: 500 officers on a network of 50,000 nodes.

`python -m bench.ranking` makes a database of its own on the server of DATABASE_URL: a grid of 224
streets each way, 500 officers in 20 squads, half of them in started patrols, one pair in eight by
vehicle. It prints the time of the ranking itself and of the whole proposal with its reading.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np

from bench.database import make_fresh

DATABASE = "bench_ranking"
SIDE, BLOCK_M = 224, 90.0
PEOPLE, SQUADS = 500, 20
PLACES = 60
ORIGIN = (120.0, 30.0)
METRES_A_DEGREE = (96_486.3, 110_852.4)


def place(east_m: float, north_m: float) -> tuple[float, float]:
    """lon, lat in degrees."""
    return (
        round(ORIGIN[0] + east_m / METRES_A_DEGREE[0], 7),
        round(ORIGIN[1] + north_m / METRES_A_DEGREE[1], 7),
    )


def make_bureau(rng: np.random.Generator) -> Any:
    """Streets, squads with beats, and everybody on duty with a fix of some seconds ago."""
    from django.contrib.gis.geos import LineString, Point
    from django.utils import timezone

    from geo.models import RoadSegment
    from patrols.models import Latest, Mode, Patrol, PatrolMember, Shift
    from tests import make

    now = timezone.now()
    bureau = make.bureau(code="ranking")
    top = make.unit(bureau)
    at = np.cumsum(np.full((SIDE, SIDE, 1), BLOCK_M), axis=0)[:, :, 0]
    x = at + rng.uniform(-20, 20, at.shape)
    y = at.T + rng.uniform(-20, 20, at.shape)
    ends = [
        ((i, j), (i + di, j + dj))
        for i in range(SIDE)
        for j in range(SIDE)
        for di, dj in ((1, 0), (0, 1))
        if i + di < SIDE and j + dj < SIDE
    ]
    RoadSegment.objects.bulk_create(
        (
            RoadSegment(
                bureau=bureau,
                external_id=f"{a}-{b}",
                kind="residential",
                length_m=float(np.hypot(x[a] - x[b], y[a] - y[b])),
                source="bench",
                geometry=LineString(place(x[a], y[a]), place(x[b], y[b]), srid=4326),
            )
            for a, b in ends
        ),
        batch_size=5000,
    )
    strip_m = SIDE * BLOCK_M / SQUADS
    number = 0
    for squad in range(SQUADS):
        unit = make.unit(bureau, top)
        west = BLOCK_M + squad * strip_m
        corners = [(0, 0), (strip_m, 0), (strip_m, SIDE * BLOCK_M), (0, SIDE * BLOCK_M)]
        make.area(unit, [place(west + e, n) for e, n in corners])
        people = [make.person(unit) for _ in range(PEOPLE // SQUADS)]
        for k, person in enumerate(people):
            make.phone(person)
            Shift.objects.create(
                bureau=bureau,
                person=person,
                starts_at=now - timedelta(hours=2),
                ends_at=now + timedelta(hours=6),
            )
            number += 1
            if k % 4 != 1:  # the second of a pair walks beside the first
                at_m = west + rng.uniform(0, strip_m), rng.uniform(0, SIDE * BLOCK_M)
            where = place(*at_m)
            Latest.objects.create(
                bureau_id=bureau.pk,
                person_id=person.pk,
                phone_id=1,
                recorded_at=now,
                received_at=now,
                point=Point(*where, srid=4326),
                version=number,
            )
            if k % 4 == 1:
                patrol = Patrol.objects.create(
                    bureau=bureau,
                    unit=unit,
                    started_at=now - timedelta(hours=1),
                    mode=Mode.VEHICLE if k % 8 == 1 else Mode.FOOT,
                )
                for one in people[k - 1 : k + 1]:
                    PatrolMember.objects.create(patrol=patrol, person=one)
    return bureau


def measured(act: Callable[[int], object]) -> str:
    """Median, 95th part in a hundred and longest of `PLACES` runs, in ms."""
    took = []
    for k in range(PLACES):
        begun = time.perf_counter()
        act(k)
        took.append(1000 * (time.perf_counter() - begun))
    took.sort()
    p95 = took[int(0.95 * len(took))]
    return f"median {statistics.median(took):.0f} ms, p95 {p95:.0f} ms, longest {took[-1]:.0f} ms"


def main() -> None:
    """Make the bureau, rank for many places, print."""
    make_fresh(DATABASE)
    from django.contrib.gis.geos import Point
    from django.utils import timezone

    from bureau.access import rules_on
    from bureau.models import Role
    from geo.bureau_roads import roads_of
    from patrols import crews, orders
    from patrols.models import Latest, Lead, Person
    from patrols.nearest import rank
    from tests import make

    rng = np.random.default_rng(1)
    bureau = make_bureau(rng)
    dispatcher = make.user(Role.DISPATCHER, bureau.units.get(parent=None))
    now = timezone.now()
    Latest.objects.update(recorded_at=now - timedelta(seconds=5))  # making them took a while
    begun = time.perf_counter()
    roads = roads_of(bureau.pk)
    nodes = roads.ways[1].shape[0]
    print(f"{nodes:,} nodes, {len(roads.network):,} blocks, read and built once in "
          f"{time.perf_counter() - begun:.0f} s")  # fmt: skip
    rules, _set = rules_on(bureau, timezone.localdate(now))
    everybody = list(Person.objects.filter(bureau=bureau).order_by("pk"))
    crowd, states = crews.read_crowd(bureau, everybody, None, rules, now)
    covers, _names = crews.read_covers(dispatcher, crowd, states)
    spots = rng.uniform(BLOCK_M, SIDE * BLOCK_M, (PLACES, 2))
    for enforcement, limit_s in ((True, 1800), (False, 1800), (True, 20_000), (False, 20_000)):
        kind = "two certified officers" if enforcement else "patrol pairs"
        kind += ", half an hour's way" if limit_s == 1800 else ", the whole network"

        def pure(k: int, enforcement: bool = enforcement, limit_s: float = limit_s) -> object:
            return rank(
                roads,
                place(*spots[k]),
                crowd,
                enforcement=enforcement,
                min_people=2,
                limit_s=limit_s,
                covers=covers,
            )

        print(f"ranking, {kind}: {measured(pure)}")
        if limit_s != rules.order_limit_s:
            continue
        made = []
        for spot in spots:
            lead = Lead.objects.create(
                bureau=bureau, unit=dispatcher.unit, source="manual", kind="other", text="x",
                enforcement=enforcement, point=Point(*place(*spot), srid=4326),
                happened_at=now, received_at=now,
            )  # fmt: skip
            made.append(orders.open_order(lead.pk, by=dispatcher, now=now))
        found = crews.propose(made[0].lead, by=dispatcher, now=now).ranking
        print(
            f"whole proposal, {kind}: "
            + measured(lambda k, made=made: crews.propose(made[k].lead, by=dispatcher, now=now))  # type: ignore[misc]
            + f" ({len(found.choices)} choices, {len(found.fallen)} fell out)"
        )
    sys.stdout.flush()


if __name__ == "__main__":
    main()
