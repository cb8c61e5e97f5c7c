"""The product as `make run` starts it, seen by each of the demo's five in a real browser."""

from __future__ import annotations

import json
import urllib.request

import pytest

from patrols.demo.cast import PASSWORD
from tests.conftest import OpenPage, Product

pytestmark = [pytest.mark.browser, pytest.mark.product]

FIVE = [
    ("dispatcher", "/live/"),
    ("supervisor", "/week/"),
    ("planner", "/plan/"),
    ("officer", "/my/"),
    ("administrator", "/settings/"),
]


def test_every_part_is_well(product: Product) -> None:
    with urllib.request.urlopen(f"{product.address}/health") as answer:  # noqa: S310
        parts = json.load(answer)
    assert parts["database"] == "ok"
    assert parts["redis"] == "ok"


@pytest.mark.parametrize(("name", "home"), FIVE)
def test_each_signs_in_and_comes_home(
    product: Product, open_page: OpenPage, name: str, home: str
) -> None:
    """`open_page` fails the test on any request to the outside and on any script error."""
    page = open_page()
    page.goto(product.address)
    assert "/accounts/login/" in page.url
    page.fill("[name=username]", name)
    page.fill("[name=password]", PASSWORD)
    page.click("main button.primary")
    page.wait_for_url(f"{product.address}{home}**")
    assert "Tandem" in page.title()
    assert page.locator("main").count() == 1


def test_chinese_for_a_chinese_browser(product: Product, open_page: OpenPage) -> None:
    page = open_page(locale="zh-CN")
    page.goto(product.address)
    assert page.locator("html").get_attribute("lang") == "zh-hans"
