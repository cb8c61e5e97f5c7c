"""The live judge's window: what it reads from round to round is what a full reading gives."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from patrols.live_window import FULL_EVERY, Window
from patrols.models import Person
from patrols.storage.fixes import read_fixes
from tests import make
from tests.patrols.walking import local, store
from tests.world import build_town

pytestmark = pytest.mark.django_db

NOON = local("2026-11-16 12:00")
LENGTH_S = 900.0


def seconds(n: float) -> timedelta:
    return timedelta(seconds=n)


def said(rows: np.ndarray) -> list[tuple[float, ...]]:
    return sorted(map(tuple, rows.tolist()))


@pytest.fixture
def people() -> list[Person]:
    town = build_town()
    return [make.person(town.west) for _ in range(3)]


def whole(people: list[Person], now: datetime) -> list[tuple[float, ...]]:
    ids = [one.pk for one in people]
    return said(read_fixes(people[0].bureau_id, ids, now - seconds(LENGTH_S), now + seconds(120)))


def test_rounds_add_up_to_a_full_reading(people: list[Person]) -> None:
    window = Window(LENGTH_S)
    since = dict.fromkeys((one.pk for one in people[:2]), NOON - seconds(3600))
    bureau = people[0].bureau_id
    for one in people:
        store(one, NOON - seconds(1200), np.zeros((240, 2)))
    for turn in range(6):
        now = NOON + seconds(5 * turn)
        store(people[0], now, np.array([[turn, 0.0]]))
        if turn == 3:  # a third comes on duty, the second leaves
            since = dict.fromkeys((people[0].pk, people[2].pk), NOON - seconds(3600))
        on = [one for one in people if one.pk in since]
        assert said(window.read(bureau, since, now)) == whole(on, now)
        assert len(whole(on, now)) > 300


def test_what_comes_late_shows_at_the_next_full_reading(people: list[Person]) -> None:
    window, one = Window(LENGTH_S), people[0]
    since = {one.pk: NOON - seconds(3600)}
    store(one, NOON, np.zeros((1, 2)))
    assert len(window.read(one.bureau_id, since, NOON)) == 1
    store(one, NOON - seconds(300), np.zeros((10, 2)))
    assert len(window.read(one.bureau_id, since, NOON + seconds(5))) == 1
    assert len(window.read(one.bureau_id, since, NOON + FULL_EVERY)) == 11


def test_positions_of_an_earlier_duty_are_not_looked_at(people: list[Person]) -> None:
    window, one = Window(LENGTH_S), people[0]
    store(one, NOON - seconds(100), np.zeros((20, 2)))
    rows = window.read(one.bureau_id, {one.pk: NOON - seconds(50)}, NOON)
    assert rows["t_s"].min() == (NOON - seconds(50)).timestamp()
    assert len(rows) == 10
    assert len(window.read(one.bureau_id, {}, NOON + seconds(5))) == 0
