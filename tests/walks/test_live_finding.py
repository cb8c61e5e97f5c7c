"""The live page in a browser: search with pinyin, filters, layers, clocks. No mock anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from geo.models import AreaKind, Hotspot
from patrols.models import SegmentVisit
from tests import make
from tests.patrols import phones
from tests.realtime.stage import officer
from tests.walks.browsing import (
    Ticking,
    open_live,
    send,
    wait_for_mark,
)
from tests.world import Town, build_town, place, rectangle

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def town(transactional_db: None) -> Iterator[Town]:
    town = build_town()
    # Before the ticker starts: it reads places every five minutes only.
    make.hotspot(town.west, town.blocks["C1-C2"], name="Gate")
    yield town
    phones.forget_positions()


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


def test_several_states_and_the_unit_are_chosen_in_place_and_stay_in_the_address(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
):
    here, silent = officer(town.west, now), officer(town.east, now)
    send(web, here, -150, 0)
    page = open_live(open_page, web, town.dispatcher)
    wait_for_mark(page, here, -150, 0)
    listed(page, 2)
    on_hotspot = page.locator(".live-filter", has_text="On a hotspot")
    on_hotspot.wait_for()
    assert on_hotspot.locator("b").inner_text() == "1"
    on_hotspot.click()
    listed(page, 1)
    assert page.locator(".person").get_attribute("data-person") == str(here.pk)
    page.locator(".live-filter", has_text="No position yet").click()
    listed(page, 2)
    assert "show=hotspot%2Cwaiting" in page.url
    on_hotspot.click()
    listed(page, 1)
    assert page.locator(".person").get_attribute("data-person") == str(silent.pk)
    page.wait_for_function(
        "() => !tandemLive.map().queryRenderedFeatures({layers: ['people']}).length"
    )
    page.locator("#unit-switch").select_option(str(town.west.pk))
    page.get_by_text("Nobody matches").wait_for()
    assert f"unit={town.west.pk}" in page.url
    assert "show=waiting" in page.url
    page.reload()
    page.get_by_text("Nobody matches").wait_for()
    page.locator(".live-filter", has_text="All on duty").click()
    listed(page, 1)


def drawn(page: Any, layer: str, kind: str | None = None) -> str:
    """JavaScript: how many features of a layer (of one kind) are drawn."""
    only = f".filter((f) => f.properties.kind === '{kind}')" if kind else ""
    return f"tandemLive.map().queryRenderedFeatures({{layers: ['{layer}']}}){only}.length"


def test_layers_are_switched_by_keyboard_and_stay_in_the_address(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
):
    make.area(town.west, rectangle(-100, -100, 0, 0), AreaKind.GRID_CELL, code="g1")
    page = open_live(open_page, web, town.dispatcher)
    for layer, kind in (("areas-line", "grid_cell"), ("areas-line", "beat"), ("streets", None)):
        page.wait_for_function(f"() => {drawn(page, layer, kind)} > 0")
    menu = page.locator(".live-tools summary", has_text="Layers")
    menu.focus()
    page.keyboard.press("Enter")
    page.get_by_role("checkbox", name="Grid cells").focus()
    page.keyboard.press("Space")
    page.wait_for_function(f"() => {drawn(page, 'areas-line', 'grid_cell')} === 0")
    assert page.evaluate(f"() => {drawn(page, 'areas-line', 'beat')} > 0")
    assert page.evaluate(f"() => {drawn(page, 'areas-line', 'jurisdiction')} > 0")
    page.get_by_role("checkbox", name="Streets").uncheck()
    page.wait_for_function(f"() => {drawn(page, 'streets')} === 0")
    assert "hide=streets%2Cgrid" in page.url
    page.get_by_role("checkbox", name="Leads and orders").uncheck()
    page.wait_for_selector("#live-map.no-orders")
    assert "hide=streets%2Cgrid%2Corders" in page.url
    page.get_by_role("checkbox", name="Leads and orders").check()
    page.reload()
    page.wait_for_selector("#live-map[data-ready]")
    page.wait_for_function(f"() => {drawn(page, 'areas-line', 'beat')} > 0")
    assert page.evaluate(f"() => {drawn(page, 'areas-line', 'grid_cell')}") == 0
    assert page.evaluate(f"() => {drawn(page, 'streets')}") == 0
    page.locator(".live-tools summary", has_text="Layers").click()
    assert not page.get_by_role("checkbox", name="Streets").is_checked()
    page.get_by_role("checkbox", name="Streets").check()
    page.get_by_role("checkbox", name="Grid cells").check()
    page.wait_for_function(f"() => {drawn(page, 'areas-line', 'grid_cell')} > 0")
    assert "hide=" not in page.url


def test_clocks_and_stations_stand_on_the_map_and_lead_to_the_evidence(
    web: str, ticker: Ticking, town: Town, open_page: Any, now: datetime
):
    gate = Hotspot.objects.get(name="Gate")
    person = officer(town.west, now, name="王伟")
    station = make.station(town.west, *place(100, 0), name="Kiosk 1")
    person.shifts.update(base=station)
    at = now - timedelta(hours=3, minutes=5)
    for block in gate.segments.all():
        SegmentVisit.objects.create(
            bureau_id=town.bureau.pk,
            person_id=person.pk,
            segment_id=block.pk,
            day=timezone.localdate(at),
            entered_at=at - timedelta(minutes=10),
            left_at=at,
            active_s=600,
            walked_share=1.0,
        )
    send(web, person, 110, 0)
    page = open_live(open_page, web, town.supervisor)
    wait_for_mark(page, person, 110, 0)
    page.reload()
    page.wait_for_selector("#live-map[data-ready]")
    page.locator('[data-board="hotspots"] summary').click()
    row = page.locator(f'.board-row[data-board="h{gate.pk}"]')
    row.wait_for()
    assert "Last visit 3 h ago" in row.inner_text()
    row.click()
    popup = page.locator(".board-card")
    popup.get_by_text("The visits of this week").wait_for()
    assert page.locator(".clock-mark").count() == 1
    page.locator('[data-board="stations"] summary').click()
    page.locator(f'.board-row[data-board="s{station.pk}"]').click()
    popup.get_by_text("1 person there now").wait_for()
    assert "王伟" in popup.inner_text()
    page.locator(".live-tools summary", has_text="Layers").click()
    page.get_by_role("checkbox", name="Hotspots: last visits").uncheck()
    page.wait_for_function("() => !document.querySelector('.clock-mark')")
    page.keyboard.press("Escape")
    row.click()
    popup.get_by_text("The visits of this week").click()
    page.wait_for_url("**/week/hotspots/**")
    page.get_by_role("heading", name="Gate").first.wait_for()
