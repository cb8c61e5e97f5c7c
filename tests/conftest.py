"""Fixtures that more than one folder of tests needs. `make test` gives them their servers."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from tests.processes import ROOT, Processes, free_port, other_database

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page
    from pytest_django.plugin import DjangoDbBlocker


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests last: Playwright keeps an event loop in the thread, async tests want none.

    Of these the long files first, so that the cores that share the files end together.
    """
    count = Counter(item.path for item in items)

    def order(item: pytest.Item) -> tuple[bool, bool, int, str]:
        if item.get_closest_marker("browser") is None:
            return False, False, 0, ""
        product = item.get_closest_marker("product") is not None
        return True, not product, -count[item.path], str(item.path)

    items.sort(key=order)


@pytest.fixture(autouse=True)
def own_language() -> Iterator[None]:
    """A request in Chinese leaves its language in the thread: not for the next test."""
    from django.utils import translation

    yield
    translation.deactivate()


@pytest.fixture(scope="session")
def web(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """Address of a web process on the *test* database: pages, phones and sockets over real HTTP.

    The test that uses it needs `django_db(transaction=True)`, so that its rows are committed.
    """
    from django.conf import settings

    name = str(settings.DATABASES["default"]["NAME"])
    url = other_database(os.environ["DATABASE_URL"], name)
    group = Processes({"DATABASE_URL": url, "ALLOWED_HOSTS": "127.0.0.1,localhost"})
    try:
        with pytest.MonkeyPatch.context() as patch:
            _flush_again_after_a_deadlock(patch)
            yield group.start_web(free_port())
    finally:
        group.stop()


def _flush_again_after_a_deadlock(patch: pytest.MonkeyPatch) -> None:
    """A browser that closes leaves the web process with requests under way. They read the tables
    that the end of the test empties, and PostgreSQL may choose the emptying as the one to give up.
    """
    from django.db import OperationalError, connection

    flush = connection.ops.execute_sql_flush

    def flush_again(statements: list[str]) -> None:
        for _ in range(9):
            try:
                return flush(statements)
            except OperationalError as error:
                if not isinstance(error.__cause__, psycopg2.errors.DeadlockDetected):
                    raise
        return flush(statements)

    patch.setattr(connection.ops, "execute_sql_flush", flush_again)


@dataclass
class Product:
    """The whole product with the demo city, as `make run` starts it."""

    address: str
    processes: Processes


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    """The running product: web, ticker, worker and simulator on a database of their own."""
    city = Path(os.environ.get("TANDEM_DEMO_CITY") or ROOT / "var" / "demo" / "helsinki.osm.pbf")
    assert city.is_file(), "The demo city is not there: run the tests with `make test`."
    server = os.environ["DATABASE_URL"]
    name = f"product_{os.getpid()}"
    port = free_port()
    group = Processes(
        {
            "DATABASE_URL": other_database(server, name),
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "PUBLIC_ADDRESS": f"http://127.0.0.1:{port}",
            "ALLOWED_HOSTS": "127.0.0.1,localhost",
        }
    )
    _on_server(server, f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
    try:
        group.start_redis()
        group.run("migrate", "--no-input", "--skip-checks", "--verbosity", "0")
        group.run("load_demo", str(city))
        address = group.start_web(port)
        group.manage("ticker", "ticker")
        group.manage("worker", "judge_week", "--watch")
        group.manage("simulator", "simulate", "--live")
        yield Product(address=address, processes=group)
        for part in ("web", "ticker", "worker", "simulator"):
            if part in group.running:
                group.still_running(part)
    finally:
        group.stop()
        _on_server(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _on_server(url: str, statement: str) -> None:
    connection = psycopg2.connect(other_database(url, "postgres"))
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    from playwright.sync_api import sync_playwright

    program = os.environ.get("TANDEM_CHROMIUM") or "/usr/bin/chromium"
    assert Path(program).exists(), "Chromium is not there: run the tests with `make test`."
    arguments = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


@dataclass
class Watched:
    """What a browser page did that it should not have."""

    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


OpenPage = Callable[..., "Page"]


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[OpenPage]:
    """`open_page(locale=, width=, height=)`: a page of a fresh visitor.

    At the end of the test, any request outside this machine and any script error fails it.
    Errors a test provokes are taken out with `page.watched.errors.clear()`.
    """
    contexts: list[BrowserContext] = []
    watched = Watched()

    def open_one(
        *, locale: str = "en-GB", width: int = 1440, height: int = 900, **more: Any
    ) -> Page:
        context = chromium.new_context(
            locale=locale,
            viewport={"width": width, "height": height},
            # Maps are drawn by the processor here: a quarter of the pixels, the same layout.
            device_scale_factor=0.5,
            **more,
        )
        contexts.append(context)
        context.on("request", lambda request: _note_outside(watched, request.url))
        page = context.new_page()
        page.on("pageerror", lambda error: watched.errors.append(str(error)))
        page.on(
            "console",
            lambda message: (
                watched.errors.append(message.text) if message.type == "error" else None
            ),
        )
        page.watched = watched  # type: ignore[attr-defined]
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert watched.outside == [], "Pages asked for something outside this machine."
    assert watched.errors == [], "Scripts of the pages failed."


def _note_outside(watched: Watched, url: str) -> None:
    if not re.match(r"(?:https?|wss?)://(?:127\.0\.0\.1|localhost)[:/]|data:|blob:|about:", url):
        watched.outside.append(url)
