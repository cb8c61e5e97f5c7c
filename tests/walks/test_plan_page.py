"""The planner's page in the browser: list, map, add, drag, edit, close, and what is left out."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from bureau.models import Role, RuleSet
from stations.models import Station
from tests import make
from tests.conftest import OpenPage
from tests.walks.browsing import sign_in
from tests.world import Town, build_town, place

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

WAIT_MS = 60_000  # the first walk of a network builds its tiles


@pytest.fixture
def town() -> Town:
    town = build_town()
    # 255 m at 1 m/s: two and a half blocks
    RuleSet.objects.create(
        bureau=town.bureau, valid_from=date(2020, 1, 6), values={"reach_s": 255, "walking_mps": 1}
    )
    make.station(town.west, *place(-200, 0), code="K1", name="Kiosk West", desks=1, chairs=2)
    make.hotspot(town.west, town.blocks["C1-C2"], code="H1", name="Market")
    make.hotspot(town.east, town.blocks["C4-C5"], code="H2", name="School gate")
    return town


def open_plan(
    open_page: OpenPage, web: str, user: Any, at: str = "/plan/", ready: bool = True, **more: Any
) -> Page:
    """A page of the planner's, with its places drawn; `ready=False`: signed in and not opened."""
    page = sign_in(open_page, web, user, at if ready else "", **more)
    if ready:
        page.wait_for_selector("#map[data-ready]", timeout=WAIT_MS)
    return page


def drawn(page: Page, source: str) -> list[dict[str, Any]]:
    """The features that the map has got in one of its sources."""
    found = page.evaluate(
        """async (source) => {
            const data = await window.tandemPlan.map.getSource(source).getData();
            return JSON.stringify(data.features);
        }""",
        source,
    )
    features: list[dict[str, Any]] = json.loads(found)
    return features


def on_screen(page: Page, lon_lat: tuple[float, float]) -> tuple[float, float]:
    """Where a place is on the screen, in px."""
    x, y, left, top = page.evaluate(
        """(at) => {
            const { x, y } = window.tandemPlan.map.project(at);
            const box = document.getElementById("map").getBoundingClientRect();
            return [x, y, box.left, box.top];
        }""",
        list(lon_lat),
    )
    return x + left, y + top


def rests(page: Page) -> None:
    """Until the map moves no more. The movement must have begun: wait for what began it first."""
    page.wait_for_function("() => !window.tandemPlan.map.isMoving()")


def opens_station(page: Page) -> None:
    """Until a station's card has its mark and its reach on the map, and the map has gone there."""
    page.locator(".pin").wait_for()
    page.wait_for_function(  # the journey begins in the same breath as the reach is drawn
        """async () => (await window.tandemPlan.map.getSource("plan-one").getData())
            .features?.length"""
    )
    rests(page)


def middle(page: Page) -> float:
    """Where the free part of the map has its middle, in px from the left of the screen."""
    panel = page.locator("#panel").bounding_box() or {}
    return (panel["x"] + panel["width"] + page.evaluate("window.innerWidth")) / 2


def test_the_planner_sees_what_is_reached_and_what_not(
    town: Town, web: str, open_page: OpenPage
) -> None:
    page = open_plan(open_page, web, town.planner)
    panel = page.locator("#plan-panel")
    panel.locator(".counts").wait_for(timeout=WAIT_MS)
    assert re.sub(r"\s+", " ", panel.locator(".counts").inner_text()) == (
        "✓ 1 reached ◐ 0 partly ✕ 1 not reached of 2 hotspots"
    )
    assert "Your bureau's rule since 6 Jan 2020" in panel.inner_text()
    states = {
        f["properties"]["code"]: f["properties"]["state"] for f in drawn(page, "plan-hotspots")
    }
    assert states == {"H1": "reached", "H2": "not_reached"}
    assert [f["properties"]["code"] for f in drawn(page, "plan-stations")] == ["K1"]
    assert drawn(page, "plan-reach")[0]["geometry"]["type"] in ("Polygon", "MultiPolygon")

    # The number opens its evidence: the hotspots left out, and each on the map, which stays.
    page.evaluate("window.samePage = true")
    panel.get_by_role("link", name=re.compile("not reached")).click()
    line = panel.get_by_role("button", name=re.compile("School gate"))
    line.wait_for(timeout=WAIT_MS)
    assert "6 min from Kiosk West (350 m)" in line.inner_text()  # 350 s, rounded up
    assert page.evaluate("window.samePage")
    assert on_screen(page, place(150, 0))[0] > middle(page) + 80
    line.click()
    rests(page)  # the click itself begins the journey
    assert on_screen(page, place(150, 0))[0] == pytest.approx(middle(page), abs=20)


def test_who_has_gone_somewhere_is_not_taken_back(
    town: Town, web: str, open_page: OpenPage
) -> None:
    """The places come late; a hotspot was chosen before them."""
    page = open_plan(open_page, web, town.planner, ready=False)
    held: list[Any] = []
    page.route("**/api/stations/reach*", lambda route: held.append(route))
    page.goto(f"{web}/plan/?show=hotspots")
    page.wait_for_function("() => window.tandemPlan")
    page.locator("#plan-panel").get_by_role("button", name=re.compile("School gate")).click()
    rests(page)
    assert held
    assert page.locator("#map[data-ready]").count() == 0
    held[0].continue_()
    page.wait_for_selector("#map[data-ready]", timeout=WAIT_MS)
    assert on_screen(page, place(150, 0))[0] == pytest.approx(middle(page), abs=20)


def test_the_default_is_named_as_ours(town: Town, web: str, open_page: OpenPage) -> None:
    RuleSet.objects.all().delete()
    page = open_plan(open_page, web, town.planner)
    coverage = page.locator("#coverage")
    coverage.locator(".counts").wait_for(timeout=WAIT_MS)
    assert "12 min on foot, about 790 m along streets" in coverage.inner_text()
    assert "our default, no standard" in coverage.inner_text()


def test_a_station_is_added_with_a_click(town: Town, web: str, open_page: OpenPage) -> None:
    page = open_plan(open_page, web, town.planner)
    panel = page.locator("#plan-panel")
    panel.get_by_role("link", name="Add").click()
    panel.get_by_label("Longitude").wait_for()
    page.mouse.click(*on_screen(page, place(150, 0)))
    panel.get_by_text("Hotspots reached: 1 now, 2 from there.").wait_for(timeout=WAIT_MS)
    lon, lat = place(150, 0)
    assert float(panel.get_by_label("Longitude").input_value()) == pytest.approx(lon, abs=1e-4)
    assert float(panel.get_by_label("Latitude").input_value()) == pytest.approx(lat, abs=1e-4)

    # Nothing is saved while something is missing, and nothing typed is lost.
    panel.get_by_label("Code").fill("K1")
    panel.get_by_role("button", name="Add to the register").click()
    panel.get_by_text("Nothing was saved yet").wait_for()
    page.watched.errors.clear()  # type: ignore[attr-defined]
    assert panel.get_by_label("Code").input_value() == "K1"
    panel.get_by_label("Name", exact=True).fill("Kiosk East")
    panel.get_by_label("Opening hours").fill("Mon-Fri 08:00-18:00")
    panel.get_by_role("button", name="Add to the register").click()
    panel.get_by_text("This code is taken").wait_for()
    page.watched.errors.clear()  # type: ignore[attr-defined]
    panel.get_by_label("Code").fill("K2")
    panel.get_by_role("button", name="Add to the register").click()
    panel.get_by_text("Kiosk East is in the register.").wait_for()
    station = Station.objects.get(code="K2")
    assert (station.geometry.x, station.geometry.y) == pytest.approx((lon, lat), abs=1e-4)
    assert station.opening_hours.count() == 5
    page.wait_for_function(
        """async () => (await window.tandemPlan.map.getSource("plan-stations").getData())
            .features.length === 2"""
    )
    assert page.url.split("#")[0].endswith(f"/plan/stations/{station.pk}/")


def test_a_station_is_moved_by_dragging_after_a_look(
    town: Town, web: str, open_page: OpenPage
) -> None:
    page = open_plan(open_page, web, town.planner)
    panel = page.locator("#plan-panel")
    panel.get_by_role("link", name=re.compile("Kiosk West")).click()
    panel.get_by_role("heading", name="Kiosk West").wait_for()
    opens_station(page)

    def drag(to: tuple[float, float]) -> None:
        page.mouse.move(*on_screen(page, place(-200, 0)))
        page.mouse.down()
        page.mouse.move(*on_screen(page, place(-150, 0)))
        page.mouse.move(*on_screen(page, to))
        page.mouse.up()

    drag(place(-50, 0))
    said = panel.locator("#move-said")
    said.get_by_text(re.compile(r"Hotspots reached: 1 now, 2 from there\.")).wait_for()
    assert re.match(r"1[45]\d m from where it stands\.", said.inner_text())
    assert Station.objects.get().geometry.x == pytest.approx(place(-200, 0)[0])
    panel.get_by_role("button", name="Put it back").click()
    said.wait_for(state="hidden")

    drag(place(-50, 0))
    panel.get_by_role("button", name="Save the new place").click()
    panel.get_by_text("Kiosk West is moved.").wait_for()
    assert Station.objects.get().geometry.x == pytest.approx(place(-50, 0)[0], abs=1e-4)
    assert "Moved: by 1" in panel.locator(".history").inner_text()


def test_everything_works_from_the_keyboard(town: Town, web: str, open_page: OpenPage) -> None:
    page = open_plan(open_page, web, town.planner, at="/plan/stations/new/")
    panel = page.locator("#plan-panel")
    lon, lat = place(900, 0)
    for label, text in (
        ("Longitude", str(lon)),
        ("Latitude", str(lat)),
        ("Name", "Kiosk East"),
        ("Code", "K2"),
    ):
        panel.get_by_label(label, exact=True).focus()
        page.keyboard.type(text)
    page.keyboard.press("Enter")
    panel.get_by_text("It lies outside the jurisdiction").wait_for()
    page.watched.errors.clear()  # type: ignore[attr-defined]
    panel.get_by_label("Longitude").fill(str(place(100, 0)[0]))
    panel.get_by_label("Longitude").press("Enter")
    panel.get_by_text("Kiosk East is in the register.").wait_for()
    assert Station.objects.filter(code="K2").exists()


def test_a_station_is_closed_with_a_reason_and_reopened(
    town: Town, web: str, open_page: OpenPage
) -> None:
    station = Station.objects.get()
    page = open_plan(open_page, web, town.planner, at=f"/plan/stations/{station.pk}/")
    panel = page.locator("#plan-panel")
    panel.get_by_role("link", name="Close…").click()
    panel.get_by_role("button", name="Close the station").click()
    panel.get_by_text("This field is required.").wait_for()
    page.watched.errors.clear()  # type: ignore[attr-defined]
    panel.get_by_label("Reason").fill("Rent ended")
    panel.get_by_role("button", name="Close the station").click()
    panel.get_by_text("Kiosk West is closed.").wait_for()
    station.refresh_from_db()
    assert station.closed_reason == "Rent ended"
    assert page.locator(".pin.fixed").count() == 1  # a closed one is not dragged
    panel.get_by_role("button", name="Reopen").click()
    panel.get_by_text("Kiosk West is open again.").wait_for()
    station.refresh_from_db()
    assert station.closed_on is None


def test_an_empty_bureau_is_told_what_to_do(web: str, open_page: OpenPage) -> None:
    planner = make.user(Role.PLANNER, make.unit(make.bureau()))
    page = open_plan(open_page, web, planner)
    panel = page.locator("#plan-panel")
    panel.get_by_text("No stations in this unit yet").wait_for()
    panel.get_by_text("No hotspots here yet").wait_for(timeout=WAIT_MS)


def test_a_supervisor_reads_and_does_not_write(town: Town, web: str, open_page: OpenPage) -> None:
    station = Station.objects.get()
    page = open_plan(open_page, web, town.supervisor, at=f"/plan/stations/{station.pk}/")
    panel = page.locator("#plan-panel")
    panel.get_by_role("heading", name="Kiosk West").wait_for()
    assert panel.get_by_role("link", name="Edit").count() == 0
    assert page.locator(".pin.fixed").count() == 1
    page.goto(f"{web}/plan/stations/new/")
    page.get_by_text("Only planners and administrators change places").wait_for()
    page.watched.errors.clear()  # type: ignore[attr-defined]


def test_the_phone_shows_map_and_sheet(town: Town, web: str, open_page: OpenPage) -> None:
    page = open_plan(open_page, web, town.planner, width=390, height=844)
    page.locator(".counts").wait_for(timeout=WAIT_MS)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.get_by_role("link", name=re.compile("Kiosk West")).click()
    page.get_by_role("heading", name="Kiosk West").wait_for()
    opens_station(page)
    pin = page.locator(".pin").bounding_box() or {}
    sheet = page.locator("#panel").bounding_box() or {}
    assert pin["y"] + pin["height"] < sheet["y"]  # the sheet does not hide what it is about


def test_the_api_documentation_stands_alone(town: Town, web: str, open_page: OpenPage) -> None:
    page = open_plan(open_page, web, town.planner)
    page.goto(f"{web}/api/docs")
    page.get_by_text("/api/hotspots/{id}/close").first.wait_for(timeout=WAIT_MS)
