"""Fixtures of the patrol tests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import httpx
import pytest
from django.utils import timezone

from patrols.api.group_commit import desk
from tests.patrols import phones
from tests.world import Town, build_town


@pytest.fixture(scope="session")
def phone_server(django_db_setup: None) -> Iterator[str]:
    """The address of the running product; torn down before the test database is."""
    with phones.running_server() as address:
        yield address


@pytest.fixture
def http(transactional_db: None, phone_server: str) -> Iterator[httpx.Client]:
    """A phone's HTTP client; the positions table is emptied afterwards."""
    with httpx.Client(base_url=phone_server, timeout=20) as client:
        yield client
    desk.close()  # what it remembers of phones and people goes with the test's rows
    phones.forget_positions()


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def town() -> Town:
    """The town; a file whose town has more in it writes its own fixture."""
    return build_town()
