"""One late day of one officer judged again in a bureau of 500, and a day of the whole bureau.

`python -m bench.late_day` makes a database of its own on the server of DATABASE_URL: 20 squads of
25 with a beat of 4 km² each, eight hours at a fix per 5 s (2.8 million positions). It prints the
processor time of this program, the time on the clock (the database's work included) and the most
memory it held. `again` takes the database of the last run.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any

import numpy as np

from bench.database import make_fresh, set_up

DATABASE = "bench_late_day"
SQUADS, SQUAD, HOURS = 20, 25, 8.0
COLUMNS_OF_SQUADS = 5
BLOCK_M, BLOCKS = 100.0, 20
ORIGIN = (120.0, 30.0)
METRES_A_DEGREE = (96_486.3, 110_852.4)
DAY = date(2026, 11, 16)
BEGINS = datetime(2026, 11, 16, 0, 0, tzinfo=UTC)  # eight in the morning at Shanghai
NOW = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)


def place(east_m: float, north_m: float) -> tuple[float, float]:
    """lon, lat in degrees."""
    return (
        round(ORIGIN[0] + east_m / METRES_A_DEGREE[0], 7),
        round(ORIGIN[1] + north_m / METRES_A_DEGREE[1], 7),
    )


def make_bureau() -> Any:
    """Streets, beats, people and shifts; returns the bureau."""
    from django.contrib.gis.geos import LineString

    from geo.models import RoadSegment
    from tests import make

    bureau = make.bureau(code="late")
    top = make.unit(bureau)
    rows = SQUADS // COLUMNS_OF_SQUADS
    wide, high = COLUMNS_OF_SQUADS * BLOCKS, rows * BLOCKS
    ends = [
        ((i, j), (i + di, j + dj))
        for i in range(wide + 1)
        for j in range(high + 1)
        for di, dj in ((1, 0), (0, 1))
        if i + di <= wide and j + dj <= high
    ]
    RoadSegment.objects.bulk_create(
        RoadSegment(
            bureau=bureau,
            external_id=f"{a}-{b}",
            name=f"{a}-{b}",
            kind="residential",
            length_m=BLOCK_M,
            source="bench",
            geometry=LineString(*(place(x * BLOCK_M, y * BLOCK_M) for x, y in (a, b)), srid=4326),
        )
        for a, b in ends
    )
    size = BLOCKS * BLOCK_M
    for squad in range(SQUADS):
        west, south = (squad % COLUMNS_OF_SQUADS) * size, (squad // COLUMNS_OF_SQUADS) * size
        unit = make.unit(bureau, top)
        corners = [(0, 0), (size, 0), (size, size), (0, size)]
        make.area(unit, [place(west + x, south + y) for x, y in corners])
        for _ in range(SQUAD):
            person = make.person(unit, certified=False)
            make.shift(person, BEGINS, BEGINS + timedelta(hours=HOURS))
    return bureau


def walks(seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """One squad's morning: officer, seconds, metres east and north, accuracy of each fix."""
    from patrols.simulation.graph import StreetGraph
    from patrols.simulation.morning import Mix, morning

    lines = [
        [place(i * BLOCK_M, j * BLOCK_M), place((i + di) * BLOCK_M, (j + dj) * BLOCK_M)]
        for i in range(BLOCKS + 1)
        for j in range(BLOCKS + 1)
        for di, dj in ((1, 0), (0, 1))
        if i + di <= BLOCKS and j + dj <= BLOCKS
    ]
    graph = StreetGraph.of(list(range(1, len(lines) + 1)), lines)
    nowhere = np.zeros(len(graph), dtype=np.bool_)
    made = morning(graph, in_beat=nowhere, seed=seed, mix=Mix(officers=SQUAD, hours=HOURS))
    fixes = [one.fixes for one in made.officers]
    return (
        np.concatenate([np.full(len(f), i) for i, f in enumerate(fixes)]),
        np.concatenate([f.time_s for f in fixes]),
        np.concatenate([(f.lon_deg - ORIGIN[0]) * METRES_A_DEGREE[0] for f in fixes]),
        np.concatenate([(f.lat_deg - ORIGIN[1]) * METRES_A_DEGREE[1] for f in fixes]),
        np.concatenate([f.accuracy_m for f in fixes]),
    )


def store(bureau: Any) -> int:
    """The squad's walks, moved to every squad's beat, as positions; how many."""
    from django.db import connection

    from patrols.models import Person
    from patrols.storage.partitions import make_partitions

    officer, t_s, east, north, accuracy = walks()
    size = BLOCKS * BLOCK_M
    people = np.array(
        Person.objects.filter(bureau=bureau).order_by("unit", "pk").values_list("pk", flat=True)
    ).reshape(SQUADS, SQUAD)
    stored = 0
    with connection.cursor() as cursor:
        make_partitions(cursor, BEGINS, BEGINS + timedelta(days=1))
        for squad in range(SQUADS):
            lon, lat = place_all(
                east + (squad % COLUMNS_OF_SQUADS) * size,
                north + (squad // COLUMNS_OF_SQUADS) * size,
            )
            text = BytesIO()
            for person, at, x, y, metres in zip(
                people[squad][officer].tolist(),
                (BEGINS.timestamp() + t_s).tolist(),
                lon.tolist(),
                lat.tolist(),
                accuracy.tolist(),
                strict=True,
            ):
                moment = datetime.fromtimestamp(at, UTC).isoformat()
                text.write(
                    f"{bureau.pk}\t{person}\t{moment}\t{person}\t{moment}"
                    f"\tSRID=4326;POINT({x:.7f} {y:.7f})\t{metres}\n".encode()
                )
                stored += 1
            text.seek(0)
            cursor.cursor.copy_expert(
                "COPY patrols_position (bureau_id, person_id, recorded_at, phone_id, received_at,"
                " point, accuracy_m) FROM STDIN",
                text,
            )
        cursor.execute("ANALYZE patrols_position")
    return stored


def place_all(east_m: np.ndarray, north_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """lon, lat in degrees of many places."""
    return ORIGIN[0] + east_m / METRES_A_DEGREE[0], ORIGIN[1] + north_m / METRES_A_DEGREE[1]


@contextmanager
def measured(what: str) -> Iterator[None]:
    """Print what a stretch of work took."""
    clock, cpu = time.perf_counter(), time.process_time()
    yield
    clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what:<48}{cpu:>8.2f} s CPU{clock:>8.2f} s clock{most:>8.0f} MB at most", flush=True)


def main() -> None:
    """Make the bureau (or take the one that is there: `again`), judge its day, then a late one."""
    if sys.argv[1:] == ["again"]:
        set_up(DATABASE)
        from bureau.models import Bureau

        bureau = Bureau.objects.get(code="late")
    else:
        make_fresh(DATABASE)
        bureau = make_bureau()
        print(f"{store(bureau)} positions of {SQUADS * SQUAD} people stored", flush=True)
    from django.db import connection

    from bureau.week import Week
    from geo.bureau_roads import roads_of
    from patrols import weekly
    from patrols.day_rows import derive_day
    from patrols.models import Person, PersonDay, TouchedDay

    with measured("streets and tiles"):
        roads_of(bureau.pk)
    if not PersonDay.objects.exists() or sys.argv[1:] != ["again"]:
        with measured("the day of everybody"):
            derive_day(bureau, DAY, now=NOW)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        weekly.conclude(
            bureau,
            Week.containing(BEGINS),
            set(Person.objects.values_list("pk", flat=True)),
            now=NOW,
        )
    people = list(Person.objects.filter(bureau=bureau).order_by("pk")[: SQUAD * 3 : 9])
    for person in people[:6]:
        TouchedDay.objects.create(bureau_id=bureau.pk, person_id=person.pk, day=DAY, touched_at=NOW)
        with measured(f"one late day ({person.badge_no})"):
            weekly.judge_touched(bureau, now=NOW + timedelta(minutes=1))


if __name__ == "__main__":
    main()
