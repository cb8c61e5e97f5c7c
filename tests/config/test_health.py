"""`/health` says what works and what will soon fail, and nothing about people."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return Client(headers={"host": "localhost"})


def test_all_is_well(client: Client) -> None:
    answer = client.get("/health")
    assert answer.status_code == 200
    parts = answer.json()
    assert set(parts) == {"database", "redis", "disk", "clock"}
    assert parts["database"] == "ok"
    assert parts["redis"] == "ok"
    assert "no-store" in answer["Cache-Control"]


def test_redis_is_gone(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    answer = client.get("/health")
    assert answer.status_code == 503
    assert answer.json()["redis"] == "failed"
    assert answer.json()["database"] == "ok"


def test_the_disk_is_nearly_full(client: Client, settings: Settings) -> None:
    settings.DISK_LOW_BYTES = 2**62
    answer = client.get("/health")
    assert answer.status_code == 200, "a warning is no failure"
    assert answer.json()["disk"].startswith("warning: ")
