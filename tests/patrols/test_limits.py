"""Token buckets, with a clock in hand."""

from __future__ import annotations

import pytest

from patrols.api import limits
from patrols.api.limits import Buckets


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The present, in s."""
    present = [100.0]
    monkeypatch.setattr(limits.time, "monotonic", lambda: present[0])
    return present


def test_a_bucket_empties_and_fills_at_its_rate(clock: list[float]) -> None:
    buckets: Buckets[str] = Buckets(burst=3, per_s=0.5)
    assert [buckets.take("a", 1) for _ in range(4)] == [True, True, True, False]
    assert not buckets.has("a", 1)
    assert buckets.take("b", 3)  # one key does not slow another
    clock[0] += 1.9
    assert not buckets.take("a", 1)
    clock[0] += 0.1
    assert buckets.take("a", 1)
    clock[0] += 1000
    assert not buckets.has("a", 4)  # never more than the burst
    assert buckets.take("a", 3)


def test_what_is_too_much_takes_nothing(clock: list[float]) -> None:
    buckets: Buckets[str] = Buckets(burst=3, per_s=0)
    assert not buckets.take("a", 4)
    assert buckets.take("a", 3)


def test_full_buckets_are_forgotten_when_there_are_many(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MOST_KEYS", 10)
    buckets: Buckets[int] = Buckets(burst=1, per_s=0.1)
    for n in range(10):
        assert buckets.take(n, 1)
        clock[0] += 2
    assert buckets.take(99, 1)
    assert not buckets.take(9, 1)  # still empty: kept
    assert len(buckets.levels) <= 10
