"""The scores and the peers of the bench, against answers worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

from bench.peers import by_distance, by_matcher, by_nearest
from bench.truth import (
    Said,
    TruthFolder,
    failed_above,
    figures,
    lengths_m,
    merged_visits,
    misallocated,
    score_beat,
    score_minutes,
    score_pairs,
    score_visits,
)
from bench.verdicts import interval, said_of
from geo.network import Network
from geo.roads import Roads, build
from tests.world import place

LENGTH_M = {1: 100.0, 2: 100.0, 3: 30.0}


def test_minutes() -> None:
    """10 % too much, 20 % too little; nobody asks about somebody without patrol time."""
    found = score_minutes({"a": 1000.0, "b": 500.0, "c": 0.0}, {"a": 1100.0, "b": 400.0, "c": 9.0})
    assert found["mean"] == pytest.approx(0.15)
    assert found["bias"] == pytest.approx(-0.05)
    assert found["p95"] == pytest.approx(0.195)  # between 0.1 and 0.2, 95 % of the way


def test_somebody_without_an_answer_is_an_error_of_everything() -> None:
    assert score_minutes({"a": 1000.0}, {})["mean"] == 1.0


def test_who_is_above_the_line_and_fails_is_counted() -> None:
    # Truth 1,050 s over a line of 1,000 s: with the band of 5 % one fails below 952.4 s credited.
    truth = dict.fromkeys("abc", 1050.0)
    assert failed_above(truth, {"a": 952.0, "b": 953.0, "c": 1100.0}) == 1
    assert failed_above({"d": 0.0}, {}) == 0


def test_beat() -> None:
    """A minute too much of ten, two minutes too little of twenty."""
    found = score_beat({"a": 600.0, "b": 1200.0}, {"a": 660.0, "b": 1080.0})
    assert found["mean_min"] == pytest.approx(1.5)
    assert found["share"] == pytest.approx(180 / 1800)
    assert score_beat({"a": 0.0}, {"a": 60.0})["mean_min"] == 0.0


def test_misallocated_counts_active_seconds_on_another_segment() -> None:
    truth = {"a": [(1, 0.0, 100.0, 100.0), (2, 100.0, 200.0, 100.0)]}
    said = {"a": [(1, 0.0, 110.0, 110.0), (2, 110.0, 200.0, 45.0), (3, 150.0, 180.0, 0.0)]}
    # 110 s and half of 90 s are matched; 10 of the first lie where segment 2 was.
    assert misallocated(truth, said) == pytest.approx(10 / 155)
    assert misallocated({}, said) == 0.0


def test_visits_are_merged_over_short_gaps_and_short_ones_dropped() -> None:
    rows = [
        (1, 0.0, 10.0, 10.0),
        (1, 40.0, 60.0, 20.0),  # 30 s later: one visit
        (2, 60.0, 70.0, 10.0),  # 10 s are no visit
        (3, 70.0, 200.0, 130.0),  # a street of 30 m is not asked for
        (1, 300.0, 320.0, 20.0),
    ]
    assert merged_visits(rows, LENGTH_M) == [(1, 0.0, 60.0), (1, 300.0, 320.0)]


def test_visits_are_right_where_they_overlap() -> None:
    truth = {"a": [(1, 0.0, 60.0, 60.0), (2, 60.0, 120.0, 60.0)]}
    said = {"a": [(1, 50.0, 100.0, 50.0), (1, 200.0, 240.0, 40.0)]}
    assert score_visits(truth, said, LENGTH_M) == {"precision": 0.5, "recall": 0.5}


def test_pairs_by_the_second_and_solo_time_called_paired() -> None:
    truth = [("a", "b", 0.0, 600.0)]
    said = [("b", "a", 300.0, 700.0), ("a", "c", 800.0, 900.0)]
    found = score_pairs(truth, said, ["a", "b", "c"], 999.0)
    assert found["precision"] == pytest.approx(300 / 500)
    assert found["recall"] == pytest.approx(300 / 600)
    assert found["f1"] == pytest.approx(600 / 1100)
    # Alone: a and b for 400 s each, c for 1000. Called paired: a 100 + 100, b 100, c 100.
    assert found["solo_called_paired"] == pytest.approx(400 / 1800)


def test_the_tables_of_the_pages() -> None:
    assert said_of([1.0], 2) == "1.00"
    assert said_of([1.0, 2.0], 1) == "1.5 (1.0–2.0)"
    assert said_of([-1.0, 2.0], 1) == "0.5 (-1.0 to 2.0)"
    assert interval([0.25] * 9) == (0.25, 0.25)


# Peers, on a street of two blocks east of the town's middle


@pytest.fixture
def walk() -> TruthFolder:
    """Two walk 200 m east at 1 m/s, 20 m apart, a fix per 5 s; a third is 60 m ahead."""
    t = np.arange(0.0, 201.0, 5.0)
    ways = [np.array([place(x, 0.0) for x in t + ahead]) for ahead in (0.0, 20.0, 80.0)]
    lon, lat = np.concatenate(ways).T
    names = ["a", "b", "c"]
    about = {
        name: {"active_s": 200.0, "on_beat_active_s": 100.0, "shift_s": 200.0} for name in names
    }
    return TruthFolder(
        names,
        np.repeat(np.arange(3), len(t)),
        np.tile(1.7e9 + t, 3),
        lon,
        lat,
        np.full(len(lon), 5.0),
        [11, 12],
        [
            shapely.LineString([place(0, 0), place(100, 0)]),
            shapely.LineString([place(100, 0), place(300, 0)]),
        ],
        {11: True, 12: False},
        shapely.box(*place(-10, -50), *place(100, 50)),
        1.7e9,
        dict(about),
        {"a": [(11, 0.0, 100.0, 100.0), (12, 100.0, 200.0, 100.0)]},
        [("a", "b", 0.0, 200.0)],
    )


@pytest.fixture
def roads(walk: TruthFolder, tmp_path: Path) -> Roads:
    return build(Network.of(walk.segment_ids, walk.lines), tmp_path)


def test_lengths(walk: TruthFolder) -> None:
    assert lengths_m(walk) == pytest.approx({11: 100.0, 12: 200.0}, rel=1e-3)


def test_everybody_within_30_m_is_together(walk: TruthFolder, roads: Roads) -> None:
    ((a, b, start, end),) = by_distance(walk, roads).pairs
    assert (a, b) == ("a", "b")
    assert start == 5.0  # the first fix has none before it
    assert end == pytest.approx(205.0)


def test_the_nearest_street_changes_halfway_between_two_fixes(
    walk: TruthFolder, roads: Roads
) -> None:
    said = by_nearest(walk, roads)
    assert said.active_s == {"a": 200.0, "b": 200.0, "c": 200.0}
    (first, second) = said.walked["a"]
    assert (first[0], second[0]) == (11, 12)
    assert first[2] == second[1] == pytest.approx(100.0, abs=2.5)
    assert said.on_beat_s["a"] == pytest.approx(100.0, abs=2.5)


def test_the_bare_matcher_finds_the_way(walk: TruthFolder, roads: Roads) -> None:
    rows = by_matcher(walk, roads).walked["a"]
    assert [row[0] for row in rows] == [11, 12]
    assert rows[0][2] == pytest.approx(100.0, abs=1.0)


def test_a_perfect_answer_scores_perfectly(walk: TruthFolder) -> None:
    said = Said(dict.fromkeys("abc", 200.0), dict.fromkeys("abc", 100.0), walk.walked, walk.pairs)
    found = figures(walk, said)
    assert found["minutes_mean"] == found["beat_mean_min"] == found["misallocated"] == 0.0
    assert found["visits_precision"] == found["visits_recall"] == found["pairs_f1"] == 1.0
    assert found["solo_called_paired"] == 0.0
    # c is not asked about when only a is.
    assert figures(walk, said, {"a"})["minutes_mean"] == 0.0
