"""All stages in a row, for everybody at once and for some people after that."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bureau.rules import Rules
from geo.walks import follow, off_streets, on_streets, walks_of
from tests.geo.paths import fixes, grid, shifted, stand, walk


def test_some_people_s_walks_are_what_they_would_be_alone(tmp_path: Path) -> None:
    roads = grid(tmp_path)
    rng = np.random.default_rng(3)
    ways = [
        walk([(0, 0), (400, 0), (400, 300)]),
        np.vstack(
            (walk([(0, 100), (300, 100)]), stand(300, 100, 900), walk([(300, 100), (0, 100)]))
        ),
        walk([(0, 400), (400, 400), (400, 0)]),
        shifted(walk([(0, 0), (0, 400)]), 200.0, 0.0),
    ]
    ways = [way + rng.normal(0, 3, way.shape) for way in ways]
    everybody = off_streets(fixes(*ways), Rules())
    assert len(everybody.passages) == 0
    assert (everybody.passage_at == -1).all()
    some = on_streets(roads, walks_of(everybody, [1, 3]))
    alone = follow(roads, fixes(ways[1], ways[3]), Rules())
    assert len(alone.passages) > 4
    assert len(alone.stays.begin) == 1
    np.testing.assert_array_equal(some.ticks.track, np.array([1, 3])[alone.ticks.track])
    np.testing.assert_array_equal(some.kind, alone.kind)
    np.testing.assert_array_equal(some.ticks.fix, alone.ticks.fix)
    np.testing.assert_array_equal(some.passage_at, alone.passage_at)
    np.testing.assert_array_equal(some.passages.segment, alone.passages.segment)
    np.testing.assert_allclose(some.passages.enter_s, alone.passages.enter_s, atol=1e-3)
    np.testing.assert_allclose(some.active_s, alone.active_s, atol=1e-3)
    for name in ("piece", "begin", "end", "x_m", "y_m"):
        np.testing.assert_allclose(getattr(some.stays, name), getattr(alone.stays, name), atol=1e-6)
    assert some.smooth.bounds.tolist() == alone.smooth.bounds.tolist()
