"""What must not change when the same patrols are told otherwise: later, shuffled, turned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely

from bench.truth import Said, TruthFolder, figures
from bench.verdicts import answer_of, own_set, tempe
from geo.network import Network
from geo.plane import Plane
from geo.roads import build
from patrols.simulation.morning import Mix

WEEK_S = 7 * 86_400.0
TURN = np.radians(35.0)
MOST = 0.03  # of an officer's minutes, on average; see the project's analysis notes, section 6

type Change = Callable[[TruthFolder], TruthFolder]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("metamorphic")


@pytest.fixture(scope="module")
def told(place: Path) -> TruthFolder:
    """Ten officers in pairs and alone, an hour and a half, all surroundings."""
    return own_set(tempe(), Mix(officers=10, hours=1.5), 7, place / "set")


@pytest.fixture(scope="module")
def answer(told: TruthFolder, place: Path) -> Said:
    found = ask(told, place)
    assert len(found.pairs) >= 2
    assert min(found.active_s.values()) > 1800
    return found


def ask(folder: TruthFolder, place: Path) -> Said:
    return answer_of(folder, build(Network.of(folder.segment_ids, folder.lines), place / "tiles"))


def rows(folder: TruthFolder, index: np.ndarray) -> TruthFolder:
    """The same folder with some of its fixes, in that order."""
    return replace(
        folder,
        officer=folder.officer[index],
        t_s=folder.t_s[index],
        lon_deg=folder.lon_deg[index],
        lat_deg=folder.lat_deg[index],
        accuracy_m=folder.accuracy_m[index],
    )


def shuffled(folder: TruthFolder) -> TruthFolder:
    return rows(folder, np.random.default_rng(3).permutation(len(folder.t_s)))


def doubled(folder: TruthFolder) -> TruthFolder:
    return rows(folder, np.repeat(np.arange(len(folder.t_s)), 2))


def second_half_first(folder: TruthFolder) -> TruthFolder:
    """Two uploads of each phone, the later one first."""
    late = folder.t_s > np.median(folder.t_s)
    return rows(folder, np.argsort(~late, kind="stable"))


def weeks_later(folder: TruthFolder) -> TruthFolder:
    return replace(folder, t_s=folder.t_s + 5 * WEEK_S, t0_s=folder.t0_s + 5 * WEEK_S)


def turned(folder: TruthFolder) -> TruthFolder:
    """City and patrols turned by 35° around their middle."""
    ends = shapely.get_coordinates(folder.lines)
    plane = Plane.around(ends[:, 0], ends[:, 1])

    def turn(lonlat: np.ndarray) -> np.ndarray:
        x, y = plane.to_metres(lonlat[:, 0], lonlat[:, 1])
        east, north = x * np.cos(TURN) - y * np.sin(TURN), x * np.sin(TURN) + y * np.cos(TURN)
        return np.round(np.column_stack(plane.to_degrees(east, north)), 7)

    lon, lat = turn(np.column_stack((folder.lon_deg, folder.lat_deg))).T
    lines = [shapely.transform(line, turn) for line in folder.lines]
    return replace(folder, lon_deg=lon, lat_deg=lat, lines=lines)


def every_second(folder: TruthFolder) -> TruthFolder:
    order = np.lexsort((folder.t_s, folder.officer))
    return rows(folder, np.sort(order[::2]))


def moved(one: Said, other: Said) -> np.ndarray:
    """By which share each officer's minutes differ."""
    assert one.active_s.keys() == other.active_s.keys()
    return np.array([abs(other.active_s[n] / one.active_s[n] - 1) for n in one.active_s])


@pytest.mark.parametrize("change", [shuffled, doubled, second_half_first])
def test_order_and_repetition_change_nothing(
    told: TruthFolder, answer: Said, place: Path, change: Change
) -> None:
    assert ask(change(told), place) == answer


def test_weeks_later_is_the_same_patrol(told: TruthFolder, answer: Said, place: Path) -> None:
    later = ask(weeks_later(told), place)
    assert later.active_s == answer.active_s
    assert later.pairs == answer.pairs
    assert later.walked.keys() == answer.walked.keys()
    for name, stretches in answer.walked.items():
        assert [row[0] for row in later.walked[name]] == [row[0] for row in stretches]
        np.testing.assert_allclose(
            [row[1:] for row in later.walked[name]], [row[1:] for row in stretches], atol=0.01
        )


@pytest.mark.parametrize("change", [turned, every_second])
def test_minutes_hardly_move(told: TruthFolder, answer: Said, place: Path, change: Change) -> None:
    other = ask(change(told), place)
    assert moved(answer, other).mean() < MOST
    before, after = figures(told, answer), figures(told, other)
    assert after["misallocated"] < before["misallocated"] + 0.02
    assert after["pairs_f1"] > before["pairs_f1"] - 0.03
    assert after["visits_recall"] > before["visits_recall"] - 0.03
