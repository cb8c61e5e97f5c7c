"""Somebody who rests: what a phone shows meanwhile earns nothing, and a real walk counts."""

from __future__ import annotations

import numpy as np
import pytest

from geo.smoothing import on_clock, smooth
from geo.stays import ACTIVE, Kind, find_stays, kinds
from geo.track import Fault, Fixes, Floats, clean, in_order
from tests.geo.paths import T0, stand, walk

STAYS = {"stay_radius_m": 40.0, "stay_from_s": 420.0}
RULES = {"stay_from_s": 420.0, "parked_after_s": 600.0, "max_gap_s": 300.0, "gap_speed_mps": 2.5}
BLOCK = [(0.0, 0.0), (110.0, 0.0), (110.0, 110.0), (0.0, 110.0), (0.0, 0.0)]  # 352 s at 1.25 m/s


def told(places: Floats, t_s: Floats) -> Fixes:
    """Fixes of one person, cleaned."""
    n = len(t_s)
    track = in_order(np.zeros(n), T0 + t_s, places[:, 0], places[:, 1])
    return clean(track, max_accuracy_m=100.0, max_speed_foot_mps=12.0)


def spent(fixes: Fixes) -> dict[Kind, float]:
    """Seconds of each kind."""
    mode = np.zeros(len(fixes), np.int64)
    ticks = on_clock(smooth(fixes, mode, max_gap_s=300.0, max_speed_foot_mps=12.0))
    found = kinds(ticks, find_stays(ticks, **STAYS), **RULES)
    return {kind: 5.0 * int((found == kind).sum()) for kind in Kind if (found == kind).any()}


def every(step_s: float, places: Floats) -> tuple[Floats, Floats]:
    """Places of every fifth second, seen by a phone that reports every `step_s`."""
    pick = slice(None, None, round(step_s / 5))
    return places[pick], np.arange(0.0, 5.0 * len(places), 5.0)[pick]


def desk(*, away_s: float, away_m: tuple[float, float], step_s: float = 5.0) -> Fixes:
    """20 min at a desk, then another place for a while, then 20 min at the desk again."""
    elsewhere = stand(*away_m, away_s)
    return told(*every(step_s, np.vstack((stand(0, 0, 1200), elsewhere, stand(0, 0, 1200)))))


@pytest.mark.parametrize("step_s", [5.0, 10.0, 30.0, 60.0])
@pytest.mark.parametrize("away_m", [(0.0, 60.0), (-100.0, 0.0), (100.0, 110.0)])
def test_minutes_at_another_place_without_a_way_there_earn_nothing(
    away_m: tuple[float, float], step_s: float
) -> None:
    fixes = desk(away_s=210, away_m=away_m, step_s=step_s)
    away = np.hypot(fixes.x_m, fixes.y_m) > 1
    assert (fixes.fault[away] != 0).all()
    assert (fixes.fault[~away] == 0).all()
    assert set(spent(fixes)) == {Kind.PARKED}


def test_a_phone_that_shows_two_other_places_one_after_the_other() -> None:
    places = np.vstack((stand(0, 0, 900), stand(120, 0, 90), stand(0, -90, 90), stand(0, 0, 900)))
    fixes = told(*every(5.0, places))
    assert int((fixes.fault == Fault.TOO_FAST).sum()) == 36
    assert set(spent(fixes)) == {Kind.PARKED}


@pytest.mark.parametrize(("step_s", "least_s"), [(5.0, 330), (10.0, 330), (30.0, 320), (60.0, 300)])
def test_a_walk_round_the_block_from_the_desk_counts(step_s: float, least_s: float) -> None:
    """352 s of walking, seen by a phone that reports every so often."""
    places = np.vstack((stand(0, 0, 1200), walk(BLOCK), stand(0, 0, 1200)))
    rng = np.random.default_rng(6)
    fixes = told(*every(step_s, places + rng.normal(0, 3, places.shape)))
    assert (fixes.fault == 0).all()
    found = spent(fixes)
    active = sum(found.get(kind, 0.0) for kind in ACTIVE)
    assert least_s <= active <= 352 + 75


def test_an_errand_of_four_minutes_counts() -> None:
    """80 m to a shop, two minutes there, and back, at a fix per 10 s."""
    there = walk([(0, 0), (80, 0)])
    places = np.vstack((stand(0, 0, 900), there, stand(80, 0, 120), there[::-1], stand(0, 0, 900)))
    fixes = told(*every(10.0, places))
    assert (fixes.fault == 0).all()
    found = spent(fixes)
    assert sum(found.get(kind, 0.0) for kind in ACTIVE) == pytest.approx(64 + 120 + 64, abs=45)


def test_a_place_for_longer_than_the_rest_around_it_is_not_set_aside() -> None:
    """Two short stops at one corner with three minutes elsewhere between them: who knows."""
    places = np.vstack((stand(0, 0, 60), stand(100, 0, 180), stand(0, 0, 60)))
    assert (told(*every(5.0, places)).fault == 0).all()


def test_a_walker_whose_phone_jumps_back_and_forth_is_not_at_rest() -> None:
    """Cut in two by 3 min of a wrong place; before and after lie 225 m apart."""
    way = walk([(0, 0), (1500, 0)])
    way[100:136] += [0.0, 200.0]
    assert not (told(*every(5.0, way)).fault & Fault.TOO_FAST).any()


@pytest.mark.parametrize("step_s", [60.0, 120.0])
def test_a_phone_that_reports_seldom_at_rest_is_parked(step_s: float) -> None:
    """Ten minutes of walking at a fix per 10 s, 20 min still, ten minutes on."""
    t = np.concatenate(
        (np.arange(0, 600, 10), np.arange(600, 1800, step_s), np.arange(1800, 2400, 10))
    )
    x = np.interp(t, [0, 600, 1800, 2400], [0, 750, 750, 1500])
    found = spent(told(np.column_stack((x, np.zeros(len(x)))), t))
    assert found[Kind.PARKED] == pytest.approx(1200, abs=40)
    assert sum(found.get(kind, 0.0) for kind in ACTIVE) == pytest.approx(1200, abs=45)


def test_two_lost_reports_do_not_make_two_short_stays_of_one() -> None:
    """Still for 18 min, reports at 0, 2, 8, 10 … min: six minutes unknown, nothing credited."""
    still = np.array([0, 120, 480, 600, 720, 840, 960, 1080])
    t = np.concatenate((np.arange(-600, 0, 10), still, 1080 + np.arange(10, 600, 10)))
    x = np.interp(t, [-600, 0, 1080, 1680], [0, 750, 750, 1500])
    found = spent(told(np.column_stack((x, np.zeros(len(x)))), t + 600.0))
    assert found[Kind.GAP_UNKNOWN] == pytest.approx(360, abs=10)
    assert found[Kind.PARKED] == pytest.approx(720, abs=40)
    assert sum(found.get(kind, 0.0) for kind in ACTIVE) == pytest.approx(1190, abs=45)


@pytest.mark.parametrize(("stay_s", "kind"), [(570, Kind.LONG_STOP), (630, Kind.PARKED)])
def test_walking_to_and_from_a_stay_is_no_part_of_it(stay_s: float, kind: Kind) -> None:
    """Nine and a half minutes are not ten, though one is near the place for longer."""
    places = np.vstack(
        (walk([(0, 0), (750, 0)]), stand(750, 0, stay_s), walk([(750, 0), (1500, 0)]))
    )
    found = spent(told(*every(5.0, places)))
    assert found[kind] == pytest.approx(stay_s, abs=15)
