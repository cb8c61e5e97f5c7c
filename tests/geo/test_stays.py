"""What a moment was: moving, a stop, parked, a gap that is credited or not."""

from __future__ import annotations

import numpy as np
import pytest

from geo.smoothing import Smooth, Ticks, on_clock
from geo.stays import Kind, find_stays, kinds
from tests.geo.paths import T0, fixes, shifted, stand, ticks, walk

STAYS = {"stay_radius_m": 40.0, "stay_from_s": 420.0}
RULES = {"stay_from_s": 420.0, "parked_after_s": 600.0, "max_gap_s": 300.0, "gap_speed_mps": 2.5}


def seconds(track: Ticks) -> dict[str, float]:
    """Seconds of each kind."""
    found = kinds(track, find_stays(track, **STAYS), **RULES)
    return {kind.name: 5.0 * int((found == kind).sum()) for kind in Kind if (found == kind).any()}


def with_gap(before: np.ndarray, after: np.ndarray, gap_s: float) -> Ticks:
    """One piece with a silence between two walks."""
    places = np.vstack((before, after))
    t = T0 + 5.0 * np.arange(len(places))
    t[len(before) :] += gap_s - 5.0
    zero = np.zeros(len(places), np.int64)
    return on_clock(Smooth(zero, zero[:1], zero[:1], t, places[:, 0], places[:, 1]))


WAY = walk([(0, 0), (750, 0)])  # ten minutes
ON = walk([(750, 0), (1500, 0)])


@pytest.mark.parametrize(
    ("stay_s", "kind"), [(180, None), (480, "LONG_STOP"), (720, "PARKED"), (2400, "PARKED")]
)
def test_a_stay_is_named_by_its_length(stay_s: float, kind: str | None) -> None:
    found = seconds(ticks(np.vstack((WAY, stand(750, 0, stay_s), ON))))
    if kind is None:
        assert set(found) == {"MOVING", "SHORT_STOP"}
    else:
        # Within 20 m of the place on both sides: half a minute of walking at most.
        assert stay_s <= found[kind] <= stay_s + 40
    assert sum(found.values()) == pytest.approx(600 + stay_s + 600, abs=15)


def test_walking_back_and_forth_along_a_street_is_no_stay() -> None:
    found = seconds(ticks(walk([(0, 0), (150, 0)] * 6)))
    assert "PARKED" not in found
    assert "LONG_STOP" not in found


def test_a_minute_of_outliers_does_not_end_a_stay() -> None:
    jumpy = np.vstack((stand(0, 0, 600), stand(90, 0, 45), stand(0, 0, 600)))
    found = seconds(ticks(jumpy))
    assert found["PARKED"] == pytest.approx(1245, abs=10)


def test_two_people_parked_at_the_same_time_are_two_stays() -> None:
    track = ticks(stand(0, 0, 700), stand(500, 0, 700))
    stays = find_stays(track, **STAYS)
    assert stays.piece.tolist() == [0, 1]
    assert stays.x_m.tolist() == [0.0, 500.0]


def test_a_gap_that_could_be_walked_is_credited() -> None:
    far_on = shifted(ON, 300.0, 0.0)  # 300 m in 240 s
    assert seconds(with_gap(WAY, far_on, 240))["GAP_CREDITED"] == pytest.approx(240, abs=5)


def test_a_gap_too_far_for_walking_is_unknown() -> None:
    found = seconds(with_gap(WAY, shifted(ON, 700.0, 0.0), 240))  # 700 m in 240 s
    assert found["GAP_UNKNOWN"] == pytest.approx(240, abs=5)
    assert "GAP_CREDITED" not in found


def test_a_gap_beside_a_parked_stay_is_unknown() -> None:
    found = seconds(with_gap(np.vstack((WAY, stand(750, 0, 900))), shifted(ON, 200.0, 0.0), 200))
    assert found["GAP_UNKNOWN"] == pytest.approx(200, abs=5)


def test_a_silence_within_a_stay_belongs_to_the_stay() -> None:
    found = seconds(with_gap(stand(0, 0, 600), stand(3, 0, 600), 200))
    assert set(found) == {"PARKED"}


def test_two_gaps_in_a_row_are_judged_each_by_itself() -> None:
    # 200 s for 200 m (credited), one fix, then 200 s for 900 m (unknown).
    t = np.concatenate((T0 + 5.0 * np.arange(100), [T0 + 695.0], T0 + 895 + 5.0 * np.arange(100)))
    x = np.concatenate((1.25 * 5 * np.arange(100), [820.0], 1720 + 1.25 * 5 * np.arange(100)))
    zero = np.zeros(len(t), np.int64)
    found = seconds(on_clock(Smooth(zero, zero[:1], zero[:1], t, x, np.zeros(len(t)))))
    assert found["GAP_CREDITED"] == pytest.approx(200, abs=5)
    assert found["GAP_UNKNOWN"] == pytest.approx(200, abs=5)


def test_a_phone_that_reports_once_a_minute_while_still_is_parked() -> None:
    assert set(seconds(ticks(stand(0, 0, 1800, step_s=60), step_s=60.0))) == {"PARKED"}


def test_short_and_empty_tracks_have_no_stays() -> None:
    assert len(find_stays(ticks(stand(0, 0, 60)), **STAYS).piece) == 0
    empty = fixes(np.empty((0, 2)))
    none = np.empty(0, np.int64)
    nothing = on_clock(Smooth(none, none, none, empty.t_s, empty.x_m, empty.y_m))
    assert len(find_stays(nothing, **STAYS).piece) == 0
    assert len(kinds(nothing, find_stays(nothing, **STAYS), **RULES)) == 0
