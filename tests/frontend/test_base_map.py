"""The outside base map: what an address may be, who may set it, and that only one page opens."""

from __future__ import annotations

import pytest
from django.test import Client

from bureau.errors import Refused
from bureau.models import Role, User
from geo.base_maps import check_address, origin_of
from geo.models import BaseMap
from tests import make
from tests.world import Town, build_town

pytestmark = pytest.mark.django_db

TIANDITU = (
    "https://t0.tianditu.gov.cn/vec_w/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER=vec"
    "&STYLE=default&TILEMATRIXSET=w&FORMAT=tiles&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}&tk={key}"
)


@pytest.fixture
def town() -> Town:
    return build_town()


def client_of(user: User) -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


@pytest.mark.parametrize(
    ("address", "key", "origin"),
    [
        (TIANDITU, "abc", "https://t0.tianditu.gov.cn"),
        ("https://tiles.example:8443/{z}/{x}/{y}.png", "", "https://tiles.example:8443"),
        ("http://127.0.0.1:9000/{z}/{x}/{y}.png", "", "http://127.0.0.1:9000"),
    ],
)
def test_addresses_that_may_be_used(address: str, key: str, origin: str):
    check_address(address, key)
    assert origin_of(address) == origin


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("https://a.example/{z}/{x}.png", ""),
        ("https://a.example/{z}/{x}/{y}/{q}.png", ""),
        ("https://{s}.example/{z}/{x}/{y}.png", ""),
        ("https://{x}.example/{z}/{x}/{y}.png", ""),
        ("http://a.example/{z}/{x}/{y}.png", ""),
        ("ftp://a.example/{z}/{x}/{y}.png", ""),
        ("javascript:alert(1)//{z}{x}{y}", ""),
        ("https://user:word@a.example/{z}/{x}/{y}.png", ""),
        ("https://*/{z}/{x}/{y}.png", ""),
        ("https://a.example;script-src/{z}/{x}/{y}.png", ""),
        ("https://a.example b.example/{z}/{x}/{y}.png", ""),
        ("https://a.example:99999/{z}/{x}/{y}.png", ""),
        ("https:///{z}/{x}/{y}.png", ""),
        ("https://a.example/{z}/{x}/{y}.png", "a-key-without-a-place"),
        ("https://a.example/{z}/{x}/{y}.png?k={key}", ""),
        ("{z}{x}{y}", ""),
    ],
)
def test_addresses_that_may_not(address: str, key: str):
    with pytest.raises(Refused):
        check_address(address, key)


def form(**changes: object) -> dict[str, object]:
    values = {
        "is_on": "on",
        "name": "天地图",
        "kind": "wmts",
        "address": TIANDITU,
        "key": "abc",
        "attribution": "天地图 GS(2024)0568",
        "datum": "wgs84",
        "most_zoom": 18,
    }
    return values | changes


def policy(town: Town, path: str) -> str:
    answer = client_of(town.administrator).get(path)
    assert answer.status_code == 200
    return answer["Content-Security-Policy"]


def test_only_the_live_page_opens_for_the_host_and_only_while_it_is_on(town: Town):
    closed = policy(town, "/live/")
    assert "tianditu" not in closed
    admin = client_of(town.administrator)
    assert admin.post("/settings/base-map/", form()).status_code == 302
    opened = policy(town, "/live/")
    assert "connect-src 'self' https://t0.tianditu.gov.cn" in opened
    assert "img-src 'self' data: blob: https://t0.tianditu.gov.cn" in opened
    # Nothing else is opened: without those two the policy is the old one.
    for part in closed.split("; "):
        assert part.startswith("img-src") or part in opened, part
    assert "tianditu" not in policy(town, "/settings/")
    assert "tk=abc" in client_of(town.dispatcher).get("/live/").content.decode()
    values = form()
    del values["is_on"]
    admin.post("/settings/base-map/", values)
    assert policy(town, "/live/") == closed
    assert "tianditu" not in client_of(town.dispatcher).get("/live/").content.decode()


def test_a_wrong_address_is_said_at_its_field_and_not_saved(town: Town):
    answer = client_of(town.administrator).post(
        "/settings/base-map/", form(address="http://a.example/{z}/{x}/{y}.png", key="")
    )
    assert answer.status_code == 422
    assert "begins with https://" in answer.content.decode()
    assert not BaseMap.objects.exists()


def test_only_an_administrator_of_the_whole_bureau_sets_it(town: Town):
    for user in (town.supervisor, make.user(Role.ADMINISTRATOR, town.west), town.dispatcher):
        assert client_of(user).post("/settings/base-map/", form()).status_code == 403
    assert not BaseMap.objects.exists()


def test_one_bureaus_map_is_not_anothers_and_an_unsound_row_opens_nothing(town: Town):
    other = build_town("other")
    BaseMap.objects.create(
        bureau=other.bureau, is_on=True, name="x", address="https://*/{z}/{x}/{y}", attribution="x"
    )
    client_of(other.administrator)
    answer = client_of(other.dispatcher).get("/live/")
    assert "*" not in answer["Content-Security-Policy"]
    BaseMap.objects.update(address="https://a.example/{z}/{x}/{y}")
    assert "a.example" in client_of(other.dispatcher).get("/live/")["Content-Security-Policy"]
    assert "a.example" not in client_of(town.dispatcher).get("/live/")["Content-Security-Policy"]
