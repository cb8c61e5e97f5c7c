"""Whose request it is, as login throttling sees it."""

from __future__ import annotations

from django.test import RequestFactory
from pytest_django.fixtures import Settings

from config.addresses import client_address

FORGED = "1.1.1.1, 203.0.113.7"


def test_without_a_proxy_the_header_is_not_believed(settings: Settings) -> None:
    settings.BEHIND_PROXY = False
    request = RequestFactory(REMOTE_ADDR="192.0.2.5").get("/", headers={"x-forwarded-for": FORGED})
    assert client_address(request) == "192.0.2.5"


def test_behind_the_proxy_its_own_entry_counts(settings: Settings) -> None:
    settings.BEHIND_PROXY = True
    request = RequestFactory(REMOTE_ADDR="172.18.0.2").get("/", headers={"x-forwarded-for": FORGED})
    assert client_address(request) == "203.0.113.7"


def test_behind_the_proxy_without_its_header(settings: Settings) -> None:
    settings.BEHIND_PROXY = True
    assert client_address(RequestFactory(REMOTE_ADDR="172.18.0.2").get("/")) == "172.18.0.2"
