"""Static files in the ASGI process: WhiteNoise's list of files, sent without Django's cycle."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from whitenoise.middleware import WhiteNoiseMiddleware


class StaticFiles:
    """ASGI application for addresses under STATIC_URL."""

    def __init__(self) -> None:
        self.files = WhiteNoiseMiddleware(lambda request: None)

    def _read(self, path: str, method: str, asked: dict[str, str]) -> tuple[int, Any, bytes]:
        found = self.files.find_file(path) if self.files.autorefresh else self.files.files.get(path)
        if found is None:
            return 404, [("Content-Type", "text/plain")], b"No such file."
        response = found.get_response(method, asked)
        if response.file is None:
            return int(response.status), response.headers, b""
        with response.file as file:
            body = file.read()
        # The list's own length is from the start of the process; a file may have changed since.
        headers = [line for line in response.headers if line[0].lower() != "content-length"]
        return int(response.status), [*headers, ("Content-Length", str(len(body)))], body

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer one request."""
        headers = {
            "HTTP_" + name.decode("latin-1").upper().replace("-", "_"): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        status, answer, body = await sync_to_async(self._read, thread_sensitive=False)(
            scope["path"], scope["method"], headers
        )
        lines = [*answer, ("X-Content-Type-Options", "nosniff")]
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(name.encode(), value.encode()) for name, value in lines],
            }
        )
        await send({"type": "http.response.body", "body": body})
