"""Secrets of phones stay out of what is logged."""

from __future__ import annotations

import logging

import pytest

from config.logs import WithoutSecrets, without_secrets

SECRET = "4f1c9a0b7e"


@pytest.mark.parametrize(
    "line",
    [
        f'"POST /phone/osmand?id={SECRET}&lat=60.1&lon=24.9 HTTP/1.1" 200',
        f"Not Found: /phone/osmand/?deviceid={SECRET}",
        f"Bad Request: /phone/owntracks?u={SECRET}&d=phone",
        f"/somewhere?x=1&token={SECRET}&y=2",
        f"Authorization: Bearer {SECRET}",
        f"authorization: basic {SECRET}==",
        f"user={SECRET}",
    ],
)
def test_a_secret_is_replaced(line: str) -> None:
    assert SECRET not in without_secrets(line)
    assert "…" in without_secrets(line)


@pytest.mark.parametrize(
    "line",
    [
        "Not Found: /live/",
        "The ticker is active, a frame every 1 s.",
        "/api/live?unit=12&since=3",
        "paid=12 grid=7",
    ],
)
def test_the_rest_is_left_alone(line: str) -> None:
    assert without_secrets(line) == line


def test_the_filter_cleans_arguments_too() -> None:
    record = logging.LogRecord(
        "django.request",
        logging.WARNING,
        __file__,
        1,
        "%s: %s",
        ("Not Found", f"/?id={SECRET}"),
        None,
    )
    assert WithoutSecrets().filter(record) is True
    assert record.getMessage() == "Not Found: /?id=…"


def test_every_handler_of_the_product_has_the_filter() -> None:
    from django.conf import settings

    handlers = settings.LOGGING["handlers"].values()
    assert handlers
    assert all("secrets" in handler["filters"] for handler in handlers)
