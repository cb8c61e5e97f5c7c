"""Fixtures of the stream tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.patrols import phones


@pytest.fixture(scope="session")
def product_address(django_db_setup: None) -> Iterator[str]:
    """Host and port of the product's own ASGI application on the test database."""
    with phones.running_server() as address:
        yield address.removeprefix("http://")
