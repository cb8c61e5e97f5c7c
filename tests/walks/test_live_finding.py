"""The live page in a browser: search with pinyin, filters, layers, clocks. No mock anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone

from tests import make
from tests.patrols import phones
from tests.realtime.stage import officer
from tests.walks.test_live_page import (
    Ticking,
    beside_playwright,
    open_live,
    send,
    wait_for_mark,
)
from tests.world import Town, build_town, place

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

__all__ = ["beside_playwright"]


@pytest.fixture
def town(transactional_db: None) -> Iterator[Town]:
    yield build_town()
    phones.forget_positions()


@pytest.fixture
def ticker(town: Town) -> Iterator[Ticking]:
    """A running ticker."""
    ticking = Ticking()
    yield ticking
    ticking.stop()


@pytest.fixture
def now() -> datetime:
    return timezone.now()


def centre_is(page: Any, east_m: float, north_m: float, within_deg: float = 4e-4) -> None:
    """Until the map stands still with a place in view near the middle of what is not covered."""
    lon, lat = place(east_m, north_m)
    page.wait_for_function(
        """([lon, lat, within]) => {
            const map = tandemLive.map();
            if (map.isMoving()) return false;
            const at = map.project([lon, lat]);
            const { left, right, top, bottom } = map.getContainer().getBoundingClientRect();
            return at.x > 0 && at.x < right - left && at.y > 0 && at.y < bottom - top
                && map.getZoom() >= 15;
        }""",
        arg=[lon, lat, within_deg],
    )


def listed(page: Any, count: int) -> None:
    page.wait_for_function(
        "(n) => document.querySelectorAll('.person:not([hidden])').length === n", arg=count
    )


def test_people_are_found_by_pinyin_and_enter_goes_there(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
):
    wei = officer(town.west, now, name="王伟")
    officer(town.west, now, name="王芳")
    shan = officer(town.east, now, name="单国强")
    send(web, wei, -150, 100)
    page = open_live(open_page, web, town.dispatcher)
    wait_for_mark(page, wei, -150, 100)
    listed(page, 3)
    page.keyboard.press("/")
    for typed, person in (("wangwei", wei), ("wang w", wei), ("ww", wei), ("shangq", shan)):
        page.locator("#search").fill(typed)
        listed(page, 1)
        shown = page.locator(".person:not([hidden])").get_attribute("data-person")
        assert shown == str(person.pk), typed
    page.locator("#search").fill("wwei")
    listed(page, 1)
    page.locator("#search").press("Enter")
    page.locator("#live-card").wait_for()
    assert page.locator("#card-name").inner_text() == "王伟"
    centre_is(page, -150, 100)
    assert f"person={wei.pk}" in page.url


def test_a_place_is_found_by_pinyin_and_the_map_goes_there(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
):
    officer(town.west, now, name="王伟")
    make.hotspot(town.east, town.blocks["C4-C5"], name="实验小学门口")
    page = open_live(open_page, web, town.dispatcher)
    listed(page, 1)
    page.locator("#search").fill("syxx")
    button = page.locator(".live-place", has_text="实验小学门口")
    button.wait_for()
    assert "Squad East" in button.inner_text()
    page.get_by_text("Nobody matches").wait_for()
    page.locator("#search").press("Enter")
    centre_is(page, 150, 0)
    page.locator("#search").press("ArrowDown")
    assert page.evaluate("() => document.activeElement.className") == "live-place"
    page.locator("#search").fill("")
    page.locator("#live-places").wait_for(state="hidden")
    listed(page, 1)
