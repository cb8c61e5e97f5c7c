"""Late and shuffled data: the same points in any order, split or repetition give the same days.

Pure: two people and a passer-by on a grid of streets, derived and judged without a database.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bureau.rules import Rules
from geo.network import Network
from geo.roads import Roads, build
from patrols.days import (
    CREDITED,
    UNKNOWN,
    DerivedDay,
    Observed,
    OnePerson,
    SpanReason,
    derive,
)
from patrols.grounds import everything
from patrols.judges import JUDGES, DayFacts, Judgement, WeekFacts
from tests.patrols.walking import WEST_LOOP, around, noisy
from tests.world import place

MIDNIGHT_S = 1_795_276_800.0
NINE_S = MIDNIGHT_S + 9 * 3600
RULES = Rules()
PEOPLE = (5, 3, 9)


@pytest.fixture(scope="module")
def roads(tmp_path_factory: pytest.TempPathFactory) -> Roads:
    lines = [
        shapely.LineString([place(x * 100.0, y * 100.0), place((x + i) * 100.0, (y + j) * 100.0)])
        for x in range(-3, 3)
        for y in range(-3, 3)
        for i, j in ((1, 0), (0, 1))
    ]
    tiles: Path = tmp_path_factory.mktemp("tiles")
    return build(Network.of(list(range(1, len(lines) + 1)), lines), tiles)


def points() -> dict[str, np.ndarray]:
    """A pair that parts after 25 minutes, and somebody who crosses their way."""
    one = around(WEST_LOOP, 2400)
    two = one.copy()
    two[300:] = around([(0, 0), (200, 0), (200, -200), (0, -200), (0, 0)], 900)[: len(one) - 300]
    three = around([(-100, 300), (-100, -300), (-100, 300)], 2400)
    columns: dict[str, list[Any]] = {"person": [], "t_s": [], "lon": [], "lat": [], "accuracy": []}
    for person, way, seed in zip(PEOPLE, (one, two, three), (1, 2, 3), strict=True):
        for i, (x, y) in enumerate(noisy(way, seed).tolist()):
            lon, lat = place(x, y)
            row = (person, NINE_S + 5.0 * i, lon, lat, 5.0 + i % 3)
            for name, value in zip(columns, row, strict=True):
                columns[name].append(value)
    return {name: np.array(values) for name, values in columns.items()}


POINTS = points()


def days(roads: Roads, index: np.ndarray, wanted: set[int] | None = None) -> list[dict[str, Any]]:
    ground = everything(roads)
    window = [(NINE_S, NINE_S + 2400)]
    people = [OnePerson(person, ground, window, window) for person in PEOPLE]
    seen = Observed(
        POINTS["person"][index],
        POINTS["t_s"][index],
        POINTS["lon"][index],
        POINTS["lat"][index],
        POINTS["accuracy"][index],
        np.zeros(len(index), np.int64),
    )
    bounds = (MIDNIGHT_S, MIDNIGHT_S + 86_400)
    found = []
    for derived in derive(roads, people, seen, bounds, RULES, wanted=wanted):
        day = asdict(derived)
        del day["fixes"], day["unused"]  # how often a point came is no verdict
        found.append(day | {"verdicts": verdicts(derived)})
    return found


def verdicts(day: DerivedDay) -> list[Judgement]:
    """What the judges say of a week with this day only, of a line that one of the three misses."""
    facts = DayFacts(
        duty_s=day.seconds(set(SpanReason)),
        credited_s=day.seconds(CREDITED),
        unknown_s=day.seconds(UNKNOWN),
        together_s=day.company_s("together"),
        alone_s=day.company_s("alone"),
        company_unknown_s=day.company_s("unknown"),
        alone_spans_s=tuple(
            sorted(part.end_s - part.start_s for part in day.company if part.company == "alone")
        ),
        fixes=1,
    )
    week = WeekFacts((facts, *[DayFacts()] * 6), working_days=5)
    rules = replace(RULES, weekly_required_s=2000)
    return [judge_one(week, rules) for judge_one in JUDGES.values()]


@pytest.fixture(scope="module")
def whole(roads: Roads) -> list[dict[str, Any]]:
    return days(roads, np.arange(len(POINTS["t_s"])))


def test_the_story_is_told_as_it_was(whole: list[dict[str, Any]]) -> None:
    together = [
        (part["start_s"] - 9 * 3600, part["end_s"] - 9 * 3600, part["partners"])
        for part in whole[0]["company"]
        if part["company"] == "together"
    ]
    assert together == [(0.0, pytest.approx(1530, abs=60), (3,))]
    assert {part["company"] for part in whole[2]["company"]} == {"alone"}
    outcomes = [[str(one.outcome) for one in day["verdicts"]] for day in whole]
    assert outcomes == [["met", "not_met"], ["met", "not_met"], ["met", "not_met"]]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 10**6),
    cuts=st.integers(1, 5),
    again=st.floats(0, 1),
    one=st.sampled_from(PEOPLE),
)
def test_any_order_split_or_repetition_gives_the_same_days(
    roads: Roads, whole: list[dict[str, Any]], seed: int, cuts: int, again: float, one: int
) -> None:
    rng = np.random.default_rng(seed)
    n = len(POINTS["t_s"])
    # Batches in any order, shuffled within, some of the points a second time.
    batches = np.array_split(rng.permutation(n), cuts)
    repeated = rng.choice(n, int(again * n / 4), replace=False)
    order = np.concatenate([*(batches[k] for k in rng.permutation(cuts)), repeated])
    assert days(roads, order) == whole
    # Asked for one person only, with the others as company, the answer is the same.
    [alone] = days(roads, order, {one})
    assert alone == whole[PEOPLE.index(one)]
