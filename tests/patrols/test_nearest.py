"""Whom to send: against a brute-force oracle, and cases worked out by hand on a grid of streets."""

from __future__ import annotations

import heapq
from collections import defaultdict
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geo.roads import Roads
from patrols.nearest import Choice, Cover, Crowd, Out, Ranking, rank
from tests.geo.paths import grid, lonlat

LIMIT_S = 1800.0
WALK_MPS, DRIVE_MPS = 1.0, 5.0


@pytest.fixture(scope="module")
def roads(tmp_path_factory: pytest.TempPathFactory) -> Roads:
    """Five streets each way, 100 m apart; the origin is the south-west corner."""
    return grid(tmp_path_factory.mktemp("tiles"))


def crowd(*places_m: tuple[float, float], **columns: Any) -> Crowd:
    """Officers at these places (metres), certified, free and fresh, ids 10, 11, …"""
    n = len(places_m)
    plain = {
        "ids": np.arange(10, 10 + n),
        "lonlat": lonlat(*places_m) if places_m else np.empty((0, 2)),
        "officer": np.ones(n, np.bool_),
        "certified": np.ones(n, np.bool_),
        "on_duty": np.ones(n, np.bool_),
        "on_order": np.zeros(n, np.bool_),
        "sos": np.zeros(n, np.bool_),
        "fix_age_s": np.full(n, 5.0),
        "fresh_s": np.full(n, 30.0),
        "speed_mps": np.full(n, WALK_MPS),
        "pair": np.full(n, -1),
    }
    return Crowd(**plain | {key: np.asarray(value) for key, value in columns.items()})


def ask(roads: Roads, people: Crowd, *, enforcement: bool = True, **more: Any) -> Ranking:
    """The ranking for a lead at the middle crossing, (200, 200)."""
    values = {"min_people": 2, "limit_s": LIMIT_S} | more
    [place] = lonlat((200, 200)).tolist()
    return rank(roads, (place[0], place[1]), people, enforcement=enforcement, **values)


def said(ranking: Ranking) -> list[tuple[tuple[int, ...], int]]:
    """(people, rounded arrival of the last) of each choice."""
    return [(one.people, round(one.arrives_s)) for one in ranking.choices]


def why(ranking: Ranking) -> dict[int, str]:
    """Index → reason."""
    return {one.person: one.why.value for one in ranking.fallen}


# By hand


def test_pairs_are_ranked_by_the_later_arrival(roads: Roads) -> None:
    # At 1 m/s: 100 s, 200 s and 300 s away along the streets, 150 s across the corner.
    people = crowd((200, 100), (0, 200), (400, 100), (250, 100))
    ranking = ask(roads, people)
    assert said(ranking) == [
        ((0, 3), 150), ((0, 1), 200), ((3, 1), 200), ((0, 2), 300), ((3, 2), 300), ((1, 2), 300),
    ]  # fmt: skip
    assert ranking.fallen == ()
    assert ranking.choices[0].seconds == pytest.approx((100, 150), abs=0.5)


def test_ways_follow_the_streets_and_not_the_crow(roads: Roads) -> None:
    # 70 m to the east and 70 m to the north as the crow flies is 99 m; by the corner it is 140 m.
    # The other is 120 m down the street: nearer.
    people = crowd((270, 200), (200, 80), (200, 280), (270, 300))
    ranking = ask(roads, people)
    assert said(ranking)[0] == ((0, 2), 80)
    assert next(one for one in said(ranking) if 3 in one[0]) == ((0, 3), 170)


def test_who_drives_is_there_sooner(roads: Roads) -> None:
    people = crowd((200, 150), (400, 400), (100, 200), speed_mps=[1.0, DRIVE_MPS, 1.0])
    # 400 m by car take 80 s, less than 100 m on foot.
    assert said(ask(roads, people)) == [((0, 1), 80), ((0, 2), 100), ((1, 2), 100)]


def test_at_one_time_those_who_walk_together_come_first(roads: Roads) -> None:
    people = crowd((200, 100), (300, 200), (200, 300), pair=[-1, 7, 7])
    ranking = ask(roads, people)
    assert [one.people for one in ranking.choices] == [(1, 2), (0, 1), (0, 2)]
    assert [one.together for one in ranking.choices] == [True, False, False]
    assert ranking.choices[1].left_alone == (2,)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"on_duty": [False, True, True]}, "off_duty"),
        ({"sos": [True, False, False]}, "sos"),
        ({"on_order": [True, False, False]}, "on_order"),
        ({"officer": [False, True, True]}, "auxiliary"),
        ({"certified": [False, True, True]}, "not_certified"),
        ({"fix_age_s": [np.nan, 5.0, 5.0]}, "no_fix"),
        ({"fix_age_s": [30.1, 5.0, 5.0]}, "fix_too_old"),
    ],
)
def test_everybody_who_falls_out_has_a_reason(
    roads: Roads, columns: dict[str, Any], reason: str
) -> None:
    people = crowd((200, 190), (200, 100), (200, 300), **columns)
    ranking = ask(roads, people)
    assert why(ranking) == {0: reason}
    assert [one.people for one in ranking.choices] == [(1, 2)]


def test_a_fix_at_its_limit_is_still_fresh(roads: Roads) -> None:
    assert not ask(roads, crowd((200, 190), (200, 100), fix_age_s=[30.0, 0.0])).fallen


def test_the_first_reason_is_the_one_that_is_said(roads: Roads) -> None:
    nobody = crowd((200, 190), on_duty=[False], on_order=[True], certified=[False])
    assert why(ask(roads, nobody)) == {0: "off_duty"}
    assert why(ask(roads, replace(nobody, on_duty=np.array([True])))) == {0: "on_order"}


def test_who_is_too_far_away_or_on_no_street_has_no_way(roads: Roads) -> None:
    people = crowd((200, 100), (200, 300), (0, 0))
    assert why(ask(roads, people, limit_s=399.0)) == {2: "no_way"}
    assert why(ask(roads, people, limit_s=401.0)) == {}


def test_one_alone_is_no_choice(roads: Roads) -> None:
    ranking = ask(roads, crowd((200, 100)))
    assert (ranking.choices, ranking.fallen) == ((), ())
    assert ask(roads, crowd()).choices == ()


# A patrol pair


def test_without_enforcement_whole_patrol_pairs_are_sent(roads: Roads) -> None:
    people = crowd(
        (200, 150), (200, 100), (100, 200), (90, 200), (200, 200),
        pair=[-1, 3, 3, 3, 9],
        officer=[True, True, False, False, True],
    )  # fmt: skip
    ranking = ask(roads, people, enforcement=False)
    # The three of patrol 3, the auxiliaries included; the last one comes from 110 m.
    assert said(ranking) == [((1, 2, 3), 110)]
    assert ranking.choices[0].together
    assert why(ranking) == {0: "no_pair", 4: "no_pair"}


def test_a_pair_whose_partner_cannot_come_is_out_with_both_reasons(roads: Roads) -> None:
    people = crowd(
        (200, 150), (200, 160), (300, 200), (310, 200),
        pair=[1, 1, 2, 2], fix_age_s=[5.0, 500.0, 5.0, 5.0],
    )  # fmt: skip
    ranking = ask(roads, people, enforcement=False)
    assert why(ranking) == {0: "partner_out", 1: "fix_too_old"}
    assert [one.people for one in ranking.choices] == [(2, 3)]


def test_a_partner_off_duty_makes_no_pair(roads: Roads) -> None:
    people = crowd((200, 150), (200, 160), pair=[1, 1], on_duty=[True, False])
    assert why(ask(roads, people, enforcement=False)) == {0: "no_pair", 1: "off_duty"}


# What is lost


def test_a_place_that_loses_its_only_pair_is_named(roads: Roads) -> None:
    people = crowd(
        (200, 190), (200, 180), (0, 0), (0, 10), (10, 0), (20, 0), pair=[1, 1, 2, 2, 3, 3]
    )
    covers = [
        Cover("beat", 1, frozenset({0, 1})),  # only pair 1
        Cover("beat", 2, frozenset({2, 3, 4, 5})),  # two pairs
        Cover("hotspot", 3, frozenset({0})),  # nobody's pair was whole there
    ]
    ranking = ask(roads, people, covers=covers, most=15)
    lost = {one.people: one.uncovered for one in ranking.choices}
    assert lost[(0, 1)] == (0,)
    # One of pair 1 and one of pair 2: the first beat loses its pair, the second has another.
    assert lost[(0, 2)] == (0,)
    busy = replace(people, on_order=np.array([False] * 4 + [True] * 2))
    both = ask(roads, busy, covers=covers)
    assert {one.people: one.uncovered for one in both.choices}[(0, 2)] == (0, 1)


# Against an oracle that looks at every pair and walks a lattice of 10 m steps


def lattice_metres(goal: tuple[int, int]) -> dict[tuple[int, int], float]:
    """Metres along the streets of the grid from every tenth metre to `goal`."""
    ways: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for street in range(0, 401, 100):
        for at in range(0, 400, 10):
            for one, other in (
                ((street, at), (street, at + 10)),
                ((at, street), (at + 10, street)),
            ):
                ways[one].append(other)
                ways[other].append(one)
    best = {goal: 0.0}
    waiting = [(0.0, goal)]
    while waiting:
        metres, here = heapq.heappop(waiting)
        for there in ways[here] if metres <= best[here] else []:
            if metres + 10 < best.get(there, np.inf):
                best[there] = metres + 10
                heapq.heappush(waiting, (metres + 10, there))
    return best


TRUTH = lattice_metres((200, 200))
on_a_street = st.sampled_from(sorted(TRUTH))
somebody = st.fixed_dictionaries(
    {
        "place": on_a_street,
        "officer": st.booleans(),
        "certified": st.booleans(),
        "on_duty": st.sampled_from([True, True, True, False]),
        "on_order": st.sampled_from([False, False, False, True]),
        "sos": st.sampled_from([False, False, False, True]),
        "fix_age_s": st.sampled_from([1.0, 29.0, 31.0, np.nan]),
        "speed_mps": st.sampled_from([WALK_MPS, WALK_MPS, DRIVE_MPS]),
        "pair": st.integers(-1, 3),
    }
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(people=st.lists(somebody, max_size=9), enforcement=st.booleans(), limit=st.booleans())
def test_the_ranking_is_what_looking_at_every_pair_gives(
    roads: Roads, people: list[dict[str, Any]], enforcement: bool, limit: bool
) -> None:
    limit_s = 235.0 if limit else LIMIT_S
    columns = {
        key: [one[key] for one in people]
        for key in ("officer", "certified", "on_duty", "on_order", "sos", "fix_age_s", "speed_mps")
    }
    columns["pair"] = np.array([one["pair"] for one in people], dtype=np.int64)
    for key in ("officer", "certified", "on_duty", "on_order", "sos"):
        columns[key] = np.array(columns[key], dtype=np.bool_)
    asked = crowd(*[one["place"] for one in people], **columns)
    ranking = ask(roads, asked, enforcement=enforcement, limit_s=limit_s, most=4)

    seconds = [TRUTH[one["place"]] / one["speed_mps"] for one in people]
    able = {
        k
        for k, one in enumerate(people)
        if one["on_duty"]
        and not one["on_order"]
        and not one["sos"]
        and one["fix_age_s"] <= 30.0
        and round(seconds[k]) <= limit_s
        and (not enforcement or (one["officer"] and one["certified"]))
    }
    walking: dict[int, set[int]] = defaultdict(set)
    for k, one in enumerate(people):
        if one["pair"] >= 0 and one["on_duty"]:
            walking[one["pair"]].add(k)
    groups: list[tuple[int, ...]]
    if enforcement:
        groups = list(combinations(sorted(able), 2))
    else:
        groups = [tuple(sorted(g)) for g in walking.values() if len(g) >= 2 and g <= able]
    expected = sorted(max(round(seconds[k]) for k in group) for group in groups)[:4]
    got = [one.arrives_s for one in ranking.choices]
    assert got == pytest.approx(expected, abs=1.0)
    for one in ranking.choices:
        assert tuple(sorted(one.people)) in groups
        assert one.seconds == pytest.approx([seconds[k] for k in one.people], abs=1.0)
    assert len({tuple(sorted(one.people)) for one in ranking.choices}) == len(ranking.choices)
    # Everybody is able or has a reason, never both; who may come and has no partner is told so.
    fallen = {one.person: one.why for one in ranking.fallen}
    assert len(fallen) == len(ranking.fallen)
    paired = {Out.NO_PAIR, Out.PARTNER_OUT}
    assert {k for k in range(len(people)) if k not in fallen or fallen[k] in paired} == able
    if not enforcement:
        assert able - fallen.keys() == {k for group in groups for k in group}


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    places=st.lists(on_a_street, min_size=2, max_size=8, unique=True),
    order=st.randoms(use_true_random=False),
)
def test_the_order_in_which_people_are_given_changes_nothing(
    roads: Roads, places: list[tuple[int, int]], order: Any
) -> None:
    shuffled = list(range(len(places)))
    order.shuffle(shuffled)
    one = ask(roads, crowd(*places))
    other = ask(
        roads,
        crowd(*[places[k] for k in shuffled], ids=np.array([10 + k for k in shuffled])),
    )

    def people(choice: Choice) -> tuple[int, ...]:
        return tuple(sorted(choice.people))

    back = [tuple(sorted(shuffled[k] for k in choice.people)) for choice in other.choices]
    assert [people(choice) for choice in one.choices] == back
