"""What the walks have in common. A file whose town or hour is its own writes its own fixture."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from django.utils import timezone

from tests.patrols import phones
from tests.walks.browsing import Ticking
from tests.world import Town, build_town


@pytest.fixture(scope="module", autouse=True)
def beside_playwright(request: pytest.FixtureRequest) -> Iterator[None]:
    """Playwright keeps an event loop in this thread; Django then wants to be told that its calls
    here are plain synchronous ones all the same."""
    with pytest.MonkeyPatch.context() as patch:
        if request.node.get_closest_marker("browser"):
            patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture
def town(transactional_db: None) -> Iterator[Town]:
    yield build_town()
    phones.forget_positions()


@pytest.fixture
def ticker(town: Town) -> Iterator[Ticking]:
    """A running ticker on the test database."""
    ticking = Ticking()
    yield ticking
    ticking.stop()


@pytest.fixture
def now() -> datetime:
    return timezone.now()
