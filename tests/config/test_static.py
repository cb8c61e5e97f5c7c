"""Static files from the ASGI process: right type, unchanged ones not sent again, nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator

from config.asgi import application


async def get(path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [
            (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
        ],
    }
    talk = ApplicationCommunicator(application, scope)  # type: ignore[no-untyped-call]
    await talk.send_input({"type": "http.request", "body": b""})
    start = await talk.receive_output(timeout=10)
    body = await talk.receive_output(timeout=10)
    answer = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return start["status"], answer, body["body"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/static/vendor/maplibre/maplibre-gl.mjs", "text/javascript"),
        ("/static/vendor/maplibre/maplibre-gl.css", "text/css"),
        ("/static/tandem/icon.svg", "image/svg+xml"),
    ],
)
async def test_a_file_has_its_type(path: str, kind: str) -> None:
    status, headers, body = await get(path)
    assert status == 200
    assert headers["content-type"].startswith(kind)
    assert headers["x-content-type-options"] == "nosniff"
    assert len(body) == int(headers["content-length"]) > 100


@pytest.mark.asyncio
async def test_an_unchanged_file_is_not_sent_again() -> None:
    _, headers, _ = await get("/static/tandem/icon.svg")
    status, _, body = await get("/static/tandem/icon.svg", if_none_match=headers["etag"])
    assert status == 304
    assert body == b""


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "path", ["/static/nothing.js", "/static/../manage.py", "/static/%2e%2e/manage.py", "/static/"]
)
async def test_nothing_else_is_served(path: str) -> None:
    status, _, _ = await get(path)
    assert status == 404
